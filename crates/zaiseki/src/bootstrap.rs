//! What the control plane learns of the configuration file.

use crate::config::Config;
use crate::i18n::{Lang, Text};
use std::path::Path;
use zaiseki_control::bootstrap::Bootstrap;

/// What the process was started with, and how to look what the next start would read.
pub fn told(config: &Config, file: Option<&Path>) -> Bootstrap {
    let again = file.map(Path::to_owned);
    let read = move || match Config::load(again.as_deref()) {
        Ok(config) => Ok(config.entries()),
        Err(problems) => Err(problems.iter().map(|one| Text::new(one.render(Lang::En), one.render(Lang::Ja))).collect()),
    };
    Bootstrap::new(file.map(Path::to_owned), config.entries(), read)
}

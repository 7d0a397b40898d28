//! What the control plane learns of the configuration file.

use crate::config::Config;
use crate::i18n::{Lang, Text};
use crate::lock::DataDirLock;
use std::path::{Path, PathBuf};
use zaiseki_control::bootstrap::Bootstrap;

/// What the process was started with, and how to look what the next start would read.
pub fn told(config: &Config, file: Option<&Path>) -> Bootstrap {
    let (again, folder) = (file.map(Path::to_owned), config.data_dir.clone());
    let read = move || match Config::load(again.as_deref()) {
        Ok(config) => elsewhere(&config.data_dir, &folder).map(|()| config.entries()),
        Err(problems) => Err(problems.iter().map(|one| Text::new(one.render(Lang::En), one.render(Lang::Ja))).collect()),
    };
    Bootstrap::new(file.map(Path::to_owned), config.entries(), read)
}

/// Another folder than ours, when there is one, must be free: a node that runs in it would keep the next start from it.
fn elsewhere(wanted: &PathBuf, ours: &PathBuf) -> Result<(), Vec<Text>> {
    if wanted == ours || !wanted.join(crate::lock::LOCK_FILE).exists() {
        return Ok(());
    }
    DataDirLock::acquire(wanted).map(drop).map_err(|error| vec![error.text()])
}

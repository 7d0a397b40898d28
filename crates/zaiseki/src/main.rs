//! Zaiseki: one binary that is the server and its command line.

mod cli;
mod clients;
mod config;
mod demo;
mod doors;
mod i18n;
mod lock;
mod parts;
mod serve;
mod systemd;

use cli::Command;
use config::{Config, LogFormat};
use i18n::Lang;
use std::io::IsTerminal;
use std::process::ExitCode;
use zaiseki_control::app::log_level::Level;

/// The command line or the configuration file is wrong (`EX_USAGE` of BSD's sysexits).
const EXIT_USAGE: u8 = 64;

/// The troubleshooter has warnings, and found nothing that failed.
const EXIT_WARNINGS: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args_os().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    let lang = i18n::from_arguments(arguments.iter().map(String::as_str))
        .unwrap_or_else(|| i18n::from_locale(|name| std::env::var(name).ok()));
    let cli = match cli::parse(lang) {
        Ok(cli) => cli,
        Err(error) => {
            cli::print(&error, lang);
            return ExitCode::from(if error.use_stderr() { EXIT_USAGE } else { 0 });
        }
    };
    if matches!(cli.command, Command::Demo) {
        return finish(demo::run(lang), lang);
    }
    let config = match Config::load(cli.config.as_deref()) {
        Ok(config) => config,
        Err(problems) => {
            problems.iter().for_each(|problem| eprintln!("{}", problem.render(lang)));
            return ExitCode::from(EXIT_USAGE);
        }
    };
    match cli.command {
        Command::Serve => {
            let set_log = start_log(&config);
            finish(serve::run(&config, set_log), lang)
        }
        Command::Ask(ask) => finish(cli::run(&config, ask, cli.output, lang), lang),
        Command::Demo => ExitCode::SUCCESS,
    }
}

/// Changes the log's level while the process runs.
type SetLog = Box<dyn Fn(Level) -> Result<(), String> + Send + Sync>;

fn start_log(config: &Config) -> SetLog {
    // Colours are for eyes: in a file or a journal they are noise.
    let log = tracing_subscriber::fmt().with_ansi(std::io::stdout().is_terminal()).with_env_filter(config.log.level.as_str());
    match config.log.format {
        LogFormat::Text => {
            let log = log.with_filter_reloading();
            let handle = log.reload_handle();
            log.init();
            Box::new(move |level| handle.reload(level.as_str()).map_err(|error| error.to_string()))
        }
        LogFormat::Json => {
            let log = log.json().with_filter_reloading();
            let handle = log.reload_handle();
            log.init();
            Box::new(move |level| handle.reload(level.as_str()).map_err(|error| error.to_string()))
        }
    }
}

fn finish(result: anyhow::Result<()>, lang: Lang) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("zaiseki: {}", i18n::said(&error, lang));
            if error.is::<cli::OnlyWarnings>() {
                return ExitCode::from(EXIT_WARNINGS);
            }
            ExitCode::FAILURE
        }
    }
}

/// An error with its causes, on one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}

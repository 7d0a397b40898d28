//! Zaiseki: one binary that is the server and its command line.

mod again;
mod bootstrap;
mod cli;
mod clients;
mod config;
mod demo;
mod doors;
mod i18n;
mod lock;
mod log;
mod parts;
mod run;
mod serve;
mod systemd;

use cli::Command;
use config::Config;
use i18n::Lang;
use std::path::Path;
use std::process::ExitCode;
use zaiseki_net::http::make_exceptions;

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
    let (config, problems) = Config::load_what_is_right(cli.config.as_deref());
    problems.iter().for_each(|problem| eprintln!("{}", problem.render(lang)));
    // What is wrong with the file must not keep anybody from the node that runs: there it is mended, and people are locked out.
    let reaches = matches!(cli.command, Command::Ask(_)) && cli::reaches_a_node(&config);
    if !problems.is_empty() && !reaches {
        return ExitCode::from(EXIT_USAGE);
    }
    make_exceptions(config.outbound.clone());
    match cli.command {
        Command::Serve => {
            let log = log::start(config.log);
            serve_on(&config, cli.config.as_deref(), log, lang)
        }
        Command::Ask(ask) => finish(cli::run((&config, cli.config.as_deref()), ask, cli.output, lang), lang),
        Command::Demo => ExitCode::SUCCESS,
    }
}

/// Runs a node until it ends, or, when it is to begin anew, makes this process do so.
fn serve_on(config: &Config, file: Option<&Path>, log: log::Log, lang: Lang) -> ExitCode {
    let ran = || {
        let image = again::Image::of_this_process()?;
        match run::run(config, file, log, &image)? {
            run::End::Stop => Ok(()),
            run::End::Restart => Err(anyhow::Error::new(image.exec()).context("the program cannot be started again")),
        }
    };
    finish(ran(), lang)
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

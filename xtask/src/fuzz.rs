//! `cargo xtask fuzz`: the libFuzzer targets of `fuzz/`, each for a bounded time, by `fuzz/run`.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::run;

/// Runs one target, or all of them, each for the given number of seconds.
pub fn run(root: &Path, arguments: &[String]) -> Result<()> {
    let wish = parse(arguments)?;
    let folder = root.join("fuzz");
    let all = targets(&folder)?;
    let chosen: Vec<&String> = all.iter().filter(|name| wish.target.as_ref().is_none_or(|t| t == *name)).collect();
    if chosen.is_empty() {
        bail!("no such fuzz target; there are: {}", all.join(", "));
    }
    for target in chosen {
        let mut command = Command::new("sh");
        command.arg(folder.join("run")).arg(target).arg(wish.seconds.to_string());
        run::status(command)?;
    }
    Ok(())
}

#[derive(Debug, PartialEq, Eq)]
struct Wish {
    target: Option<String>,
    seconds: u64,
}

fn parse(arguments: &[String]) -> Result<Wish> {
    let mut wish = Wish { target: None, seconds: 30 };
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--seconds" => {
                let value = words.next().context("--seconds needs a number")?;
                wish.seconds = value.parse().with_context(|| format!("--seconds {value}"))?;
            }
            option if option.starts_with('-') => bail!("unknown option {option}"),
            _ if wish.target.is_some() => bail!("one target at a time"),
            _ => wish.target = Some(word.clone()),
        }
    }
    if wish.seconds == 0 {
        bail!("--seconds 0 would run for ever");
    }
    Ok(wish)
}

/// The targets are the files of `fuzz/targets`.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let files = folder.join("targets");
    let mut names = Vec::new();
    for entry in fs::read_dir(&files).with_context(|| files.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "rs") {
            names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }

    #[test]
    fn arguments_in_any_order() {
        let wanted = Wish { target: Some("jid".into()), seconds: 5 };
        assert_eq!(parse(&words("jid --seconds 5")).unwrap(), wanted);
        assert_eq!(parse(&words("--seconds 5 jid")).unwrap(), wanted);
        assert_eq!(parse(&[]).unwrap(), Wish { target: None, seconds: 30 });
    }

    #[test]
    fn wrong_arguments_are_refused() {
        for text in ["--seconds", "--seconds x", "--seconds 0", "--fast", "jid framer"] {
            assert!(parse(&words(text)).is_err(), "{text}");
        }
    }
}

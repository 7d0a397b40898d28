//! Python packages from PyPI for tests that need foreign programs, in a virtual environment that is made once and kept.

use crate::process::run;
use anyhow::{Context, Result};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A virtual environment with fixed packages.
#[derive(Clone, Debug)]
pub struct Python {
    dir: PathBuf,
}

impl Python {
    /// The environment `name` with exactly `packages` (`name==version`) asked for, in the user's cache directory. Made when it is
    /// missing or was made for other packages; several tests may ask at once. Needs `python3` with `venv`, and PyPI once.
    pub fn with(name: &str, packages: &[&str]) -> Result<Python> {
        let cache = cache_dir()?;
        fs::create_dir_all(&cache).with_context(|| format!("creating {}", cache.display()))?;
        let dir = cache.join(format!("venv-{name}"));
        let lock = File::create(cache.join(format!("venv-{name}.lock")))?;
        lock.lock().context("waiting for another test that makes the environment")?;
        let python = Python { dir };
        let wanted = packages.join("\n");
        let stamp = python.dir.join("packages.txt");
        if fs::read_to_string(&stamp).ok().as_deref() != Some(wanted.as_str()) {
            python.make(packages)?;
            fs::write(&stamp, wanted)?;
        }
        Ok(python)
    }

    fn make(&self, packages: &[&str]) -> Result<()> {
        if self.dir.exists() {
            fs::remove_dir_all(&self.dir).with_context(|| format!("removing {}", self.dir.display()))?;
        }
        run(Command::new("python3").args(["-m", "venv"]).arg(&self.dir)).context("making a Python environment")?;
        let mut install = self.command();
        install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(packages);
        run(&mut install).context("installing Python packages")?;
        Ok(())
    }

    /// Its interpreter.
    pub fn command(&self) -> Command {
        let mut command = Command::new(self.dir.join("bin/python"));
        command.env("PYTHONUNBUFFERED", "1");
        command
    }

    /// A program that a package installed.
    pub fn program(&self, name: &str) -> Command {
        Command::new(self.dir.join("bin").join(name))
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

fn cache_dir() -> Result<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let base = base.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    Ok(base.context("neither XDG_CACHE_HOME nor HOME is set")?.join("zaiseki"))
}

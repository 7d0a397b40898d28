//! Foreign clients that npm and cargo bring, made once and kept. Those from PyPI: [`crate::python`].

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::process::run;

/// Sees to it that `folder/node_modules` holds what `folder/package-lock.json` names; several tests may ask at once. Needs
/// npm, and its registry once.
pub fn npm_packages(folder: &Path) -> Result<()> {
    let lock = File::create(folder.join(".lock")).with_context(|| format!("writing in {}", folder.display()))?;
    lock.lock().context("waiting for another test that installs the packages")?;
    let wanted = fs::read_to_string(folder.join("package-lock.json")).context("package-lock.json")?;
    // npm empties the folder first, so the stamp stands for a whole installation.
    let stamp = folder.join("node_modules/.made-from");
    if fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == wanted) {
        return Ok(());
    }
    let mut install = Command::new("npm");
    install.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]).current_dir(folder);
    run(&mut install).context("installing packages from npm")?;
    Ok(fs::write(stamp, wanted)?)
}

/// Runs a script of such a folder under Node.js, trusting the authority in the file `ca` besides the usual ones.
pub fn node_script(script: &Path, ca: &Path) -> Command {
    let mut command = Command::new("node");
    command.arg(script).env("NODE_EXTRA_CA_CERTS", ca);
    command
}

/// Builds the program `name` of the package in `folder`, which is a workspace of its own with a lock file, into `target`, and
/// returns its path. Cargo itself makes several tests wait for each other.
pub fn cargo_program(folder: &Path, target: &Path, name: &str) -> Result<PathBuf> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = Command::new(cargo);
    build.args(["build", "--locked", "--quiet", "--target-dir"]).arg(target).current_dir(folder);
    run(&mut build).with_context(|| format!("building {name}"))?;
    Ok(target.join("debug").join(name))
}

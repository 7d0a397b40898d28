//! `cargo xtask test`: from a bare toolchain to every test run.

use std::path::Path;

use anyhow::Result;

use crate::{install, run, web};

/// Installs what is missing, makes the browser parts, builds the server, then runs all tests of the workspace and the
/// examples in the docs. `more` goes to the runner of the tests (a filter, for instance).
pub fn run(root: &Path, more: &[String]) -> Result<()> {
    install::ensure(install::FOR_TESTS)?;
    web::ensure_dist(&root.join("web"))?;
    run::cargo(root, &["build", "--package", "zaiseki"], &[])?;
    if run::succeeds("cargo-nextest", &["--version"]) {
        run::cargo(root, &["nextest", "run", "--workspace", "--no-fail-fast"], more)?;
        run::cargo(root, &["test", "--workspace", "--doc"], &[])
    } else {
        run::cargo(root, &["test", "--workspace", "--no-fail-fast"], more)
    }
}

//! Developer commands: `cargo xtask test | tidy | web | fuzz | bench`.

mod fuzz;
mod install;
mod run;
mod test;
mod tidy;
#[allow(dead_code)] // the build script uses the rest
#[path = "../../crates/admin/build/web.rs"]
mod web;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

const HELP: &str = "\
cargo xtask <command>

  test [ARGS]                 install what the tests need, build, run every test (ARGS go to the test runner)
  tidy                        the rules of the house: floors, sizes, links, docs
  web                         make web/dist by npm
  fuzz [TARGET] [--seconds N] run the fuzz targets, each for N seconds (default 30)
  bench [ARGS]                measure (ARGS go to the bench program)
";

fn main() -> ExitCode {
    match command(std::env::args().skip(1).collect()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn command(mut arguments: Vec<String>) -> Result<()> {
    if arguments.is_empty() {
        bail!("no command\n\n{HELP}");
    }
    let rest = arguments.split_off(1);
    let root = root()?;
    match arguments[0].as_str() {
        "test" => test::run(root, &rest),
        "tidy" => tidy::run(root),
        "web" => make_web(root),
        "fuzz" => fuzz::run(root, &rest),
        "bench" => run::cargo(root, &["run", "--release", "--package", "bench", "--"], &rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        other => bail!("unknown command {other}\n\n{HELP}"),
    }
}

/// The folder of the workspace; cargo names this crate's folder.
fn root() -> Result<&'static Path> {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the workspace")
}

fn make_web(root: &Path) -> Result<()> {
    install::ensure(&[install::NODE])?;
    let dist = web::ensure_dist(&root.join("web"))?;
    println!("web: {} is up to date", dist.display());
    Ok(())
}

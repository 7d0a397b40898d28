//! Makes `web/dist` by npm: used by the build script of this crate and by `cargo xtask web`.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the folder `web/dist` depends on, relative to `web/`. A change of any of them makes the next build run npm again.
pub const INPUTS: &[&str] =
    &["package.json", "package-lock.json", "build.mjs", "chat/index.html", "chat/chat.js", "chat/chat.css"];

/// Written last, in `web/`: the hash of [`INPUTS`] that `dist` was made from.
pub const STAMP: &str = ".built";

/// Why the browser parts could not be made.
#[derive(Debug)]
pub enum WebError {
    /// A file or folder could not be read or written.
    Io(PathBuf, io::Error),
    /// npm is not installed.
    NoNpm,
    /// A command ended with an error; the text is the end of what it said.
    Failed(String, String),
}

impl std::fmt::Display for WebError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            WebError::Io(path, cause) => write!(f, "{}: {cause}", path.display()),
            WebError::NoNpm => f.write_str("npm is not installed"),
            WebError::Failed(command, said) => write!(f, "`{command}` failed: {said}"),
        }
    }
}

impl std::error::Error for WebError {}

/// Makes `web/dist` unless it is already made from the present [`INPUTS`], and returns its path. Safe to call from several
/// builds at once: one makes it, the others wait.
pub fn ensure_dist(web: &Path) -> Result<PathBuf, WebError> {
    let lock_path = web.join(".lock");
    let lock = File::create(&lock_path).map_err(|e| WebError::Io(lock_path.clone(), e))?;
    lock.lock().map_err(|e| WebError::Io(lock_path, e))?;
    let dist = web.join("dist");
    let wanted = inputs_hash(web)?;
    let stamp = web.join(STAMP);
    if dist.is_dir() && fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == wanted) {
        return Ok(dist);
    }
    run_npm(web, &["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=30000"])?;
    run_npm(web, &["run", "--silent", "build"])?;
    fs::write(&stamp, wanted).map_err(|e| WebError::Io(stamp, e))?;
    Ok(dist)
}

/// Remembers that `dist` could not be made, so that the stamp exists and cargo does not try again before something changes.
pub fn note_failure(web: &Path) -> Result<(), WebError> {
    const NONE: &str = "none";
    let stamp = web.join(STAMP);
    if fs::read_to_string(&stamp).is_ok_and(|text| text == NONE) {
        return Ok(());
    }
    fs::write(&stamp, NONE).map_err(|e| WebError::Io(stamp, e))
}

fn inputs_hash(web: &Path) -> Result<String, WebError> {
    let mut hasher = DefaultHasher::new();
    for name in INPUTS {
        let path = web.join(name);
        fs::read(&path).map_err(|e| WebError::Io(path, e))?.hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

fn run_npm(web: &Path, arguments: &[&str]) -> Result<(), WebError> {
    let output = Command::new("npm").args(arguments).current_dir(web).stdin(Stdio::null()).output();
    let output = match output {
        Ok(output) => output,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Err(WebError::NoNpm),
        Err(e) => return Err(WebError::Io(web.to_path_buf(), e)),
    };
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last: Vec<&str> = said.lines().rev().take(5).collect();
    let said = last.into_iter().rev().collect::<Vec<_>>().join(" | ");
    Err(WebError::Failed(format!("npm {}", arguments.join(" ")), said))
}

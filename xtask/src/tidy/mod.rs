//! `cargo xtask tidy`: the rules of the house that a machine can keep.

mod docs;
mod floors;
mod links;
mod sizes;
mod words;

use std::fmt;
use std::path::Path;
use std::{fs, io};

use anyhow::{Context, Result, bail};

use crate::run;

/// A rule that is broken, where, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// Path relative to the workspace, with `:line` where there is one.
    place: String,
    advice: String,
}

impl Finding {
    fn new(place: impl Into<String>, advice: impl Into<String>) -> Self {
        Finding { place: place.into(), advice: advice.into() }
    }

    fn at_line(path: &str, line: usize, advice: impl Into<String>) -> Self {
        Finding::new(format!("{path}:{line}"), advice)
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.advice)
    }
}

/// A text file of the project.
pub struct Source {
    /// Relative to the workspace, with `/`.
    pub path: String,
    /// The whole content.
    pub text: String,
}

impl Source {
    fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    fn is_markdown(&self) -> bool {
        self.path.ends_with(".md")
    }
}

/// Checks every rule over every file that git knows or would add, prints what is broken, and fails when anything is.
pub fn run(root: &Path) -> Result<()> {
    let sources = sources(root)?;
    let mut findings = floors::check(root, &sources)?;
    findings.extend(sizes::check(&sources, &ratchet(root)?));
    findings.extend(words::check(&sources, &words::machine_paths(root)));
    findings.extend(links::check(root, &sources));
    findings.extend(docs::check(root, &sources));
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} rules broken", findings.len());
    }
    println!("tidy: {} files keep the rules", sources.len());
    Ok(())
}

fn ratchet(root: &Path) -> Result<String> {
    let path = root.join(sizes::RATCHET);
    fs::read_to_string(&path).with_context(|| path.display().to_string())
}

fn sources(root: &Path) -> Result<Vec<Source>> {
    let listed = run::output("git", &["ls-files", "--cached", "--others", "--exclude-standard"], root)?;
    let mut sources = Vec::new();
    for path in listed.lines() {
        match fs::read(root.join(path)) {
            Ok(bytes) => sources.extend(String::from_utf8(bytes).ok().map(|text| Source { path: path.to_owned(), text })),
            // Deleted in the work tree, or a folder of another repository.
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory) => {}
            Err(e) => return Err(e).with_context(|| path.to_owned()),
        }
    }
    Ok(sources)
}

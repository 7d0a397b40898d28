//! Every public module says what it is for, and the README exists in both languages with the same outline.

use std::path::Path;

use super::links::lines_outside_code;
use super::{Finding, Source};

/// Checks module docs and the outline of the README.
pub fn check(root: &Path, sources: &[Source]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = sources.iter().filter(|s| s.is_rust()).flat_map(|s| modules(root, s, sources)).collect();
    findings.extend(readmes(sources));
    findings
}

/// The files of the public modules that `source` declares must begin with `//!`.
fn modules(root: &Path, source: &Source, sources: &[Source]) -> Vec<Finding> {
    let declared = source.text.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    let mut findings = Vec::new();
    for name in declared {
        let candidates = candidates(&source.path, name);
        let Some(file) = sources.iter().find(|file| candidates.contains(&file.path)) else {
            if !candidates.iter().any(|path| root.join(path).exists()) {
                findings.push(Finding::new(&source.path, format!("no file for `pub mod {name}`")));
            }
            continue;
        };
        if !file.text.trim_start().starts_with("//!") {
            findings.push(Finding::new(&file.path, "begin the module with a `//!` line that says what it is for"));
        }
    }
    findings
}

fn candidates(parent: &str, name: &str) -> [String; 2] {
    let (folder, file) = parent.rsplit_once('/').unwrap_or(("", parent));
    let stem = file.trim_end_matches(".rs");
    let folder = match stem {
        "lib" | "main" | "mod" => folder.to_owned(),
        _ => format!("{folder}/{stem}"),
    };
    [format!("{folder}/{name}.rs"), format!("{folder}/{name}/mod.rs")]
}

fn readmes(sources: &[Source]) -> Option<Finding> {
    let outline = |path: &str| sources.iter().find(|s| s.path == path).map(|s| headings(&s.text));
    let (Some(english), japanese) = (outline("README.md"), outline("README.ja.md")) else {
        return Some(Finding::new("README.md", "there is none"));
    };
    match japanese {
        Some(japanese) if japanese == english => None,
        Some(_) => Some(Finding::new("README.ja.md", "its headings are not those of README.md, level by level")),
        None => Some(Finding::new("README.ja.md", "there is none")),
    }
}

/// The levels of the headings, in order.
fn headings(text: &str) -> Vec<usize> {
    let headings = lines_outside_code(text).filter(|(_, line)| line.starts_with('#'));
    headings.map(|(_, line)| line.chars().take_while(|c| *c == '#').count()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    fn count(sources: &[Source]) -> usize {
        check(tempfile::tempdir().unwrap().path(), sources).len()
    }

    #[test]
    fn outlines_must_agree() {
        let english = || file("README.md", "# A\n```\n# no heading\n```\n## B\n");
        assert_eq!(count(&[english(), file("README.ja.md", "# あ\n## い\n")]), 0);
        assert_eq!(count(&[english(), file("README.ja.md", "# あ\n# い\n")]), 1);
        assert_eq!(count(&[english()]), 1);
        assert_eq!(count(&[]), 1);
    }

    #[test]
    fn public_modules_need_docs() {
        let readmes = || [file("README.md", "# A"), file("README.ja.md", "# A")];
        let of = |declaring: &str, text: &str, body: &str| {
            let mut sources = Vec::from(readmes());
            sources.extend([file(declaring, "pub mod a;\nmod b;\n"), file(text, body)]);
            count(&sources)
        };
        assert_eq!(of("x/src/lib.rs", "x/src/a.rs", "//! Good.\n"), 0);
        assert_eq!(of("x/src/lib.rs", "x/src/a/mod.rs", "//! Good.\n"), 0);
        assert_eq!(of("x/src/c.rs", "x/src/c/a.rs", "//! Good.\n"), 0);
        assert_eq!(of("x/src/lib.rs", "x/src/a.rs", "use b;\n"), 1);
        assert_eq!(of("x/src/lib.rs", "x/src/other.rs", "//! Good.\n"), 1);
    }
}

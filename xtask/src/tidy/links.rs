//! Links and file names in the docs lead to something that exists.

use std::path::{Component, Path, PathBuf};

use super::{Finding, Source};

/// Folders whose files the docs name in back-quotes, as in `crates/xmpp/src/lib.rs`.
const NAMED_FOLDERS: &[&str] = &["crates/", "docs/", "web/", "xtask/", "bench/", "fuzz/", ".ci/"];

/// Files that only exist after a build; the docs may name them.
const BUILT: &[&str] = &["web/dist", "web/node_modules", "fuzz/corpus", "fuzz/artifacts"];

/// Checks every Markdown file.
pub fn check(root: &Path, sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.is_markdown()) {
        let folder = root.join(&source.path).parent().map_or_else(|| root.to_path_buf(), Path::to_path_buf);
        for (line, text) in lines_outside_code(&source.text) {
            for target in links(text).filter(|target| !exists(&folder, target)) {
                findings.push(Finding::at_line(&source.path, line, format!("the link {target} leads nowhere")));
            }
            for name in named_files(text).filter(|name| !exists(root, name)) {
                findings.push(Finding::at_line(&source.path, line, format!("there is no {name}")));
            }
        }
    }
    findings
}

/// The lines with their numbers from 1, without those of fenced code.
pub fn lines_outside_code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut in_code = false;
    text.lines().enumerate().filter_map(move |(at, line)| {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
            return None;
        }
        (!in_code).then_some((at + 1, line))
    })
}

/// Targets of `[text](target)` that are files: no other host, no mere anchor.
fn links(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| {
        let target = rest.split([')', ' ']).next()?.split('#').next()?;
        let elsewhere = target.contains("://") || target.starts_with("mailto:");
        (!target.is_empty() && !elsewhere).then_some(target)
    })
}

/// Words in back-quotes that read like a file or folder of the project; patterns (`*`, `{a,b}`, `<x>`, `…`) do not count.
fn named_files(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2).filter(|word| {
        let named = NAMED_FOLDERS.iter().any(|folder| word.starts_with(folder));
        let pattern = word.contains(['*', '{', '<', '…', ' ', ':', '$']);
        let built = BUILT.iter().any(|path| word.starts_with(path));
        named && !pattern && !built
    })
}

fn exists(folder: &Path, target: &str) -> bool {
    let mut path = PathBuf::from(folder);
    for part in Path::new(target).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            part => path.push(part),
        }
    }
    path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("docs")).unwrap();
        std::fs::write(root.path().join("README.md"), "").unwrap();
        let source = Source { path: "docs/page.md".to_owned(), text: text.to_owned() };
        check(root.path(), &[source]).len()
    }

    #[test]
    fn links_are_relative_to_their_page() {
        assert_eq!(count("[up](../README.md#use) [web](https://example.org/x) [here](#anchor)"), 0);
        assert_eq!(count("[up](README.md) and [none](../docs/none.md)"), 2);
    }

    #[test]
    fn named_files_are_relative_to_the_workspace() {
        assert_eq!(count("see `docs/` and `crates/*/src` and `web/dist/chat` and `docs/none.md`"), 1);
    }

    #[test]
    fn code_is_left_alone() {
        assert_eq!(count("```\n[a](none.md)\n```\n[b](none.md)"), 1);
    }
}

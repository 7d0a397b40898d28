//! What must not stand in a file: unfinished code, the hosts of package registries, paths of one machine.

use std::path::Path;

use super::{Finding, Source};

/// Macros of unfinished code. Cut in two, as the others here, so that this file keeps its own rules.
const UNFINISHED: &[&str] = &[concat!("todo", "!("), concat!("unimplemented", "!(")];

/// Hosts that package clients talk to: which ones is the machine's setting, not the project's.
const REGISTRIES: &[&str] = &[
    concat!("crates", ".io"),
    concat!("npmjs", ".org"),
    concat!("npmjs", ".com"),
    concat!("pypi", ".org"),
    concat!("pythonhosted", ".org"),
    concat!("deb.debian", ".org"),
    concat!("security.debian", ".org"),
    concat!("proxy.golang", ".org"),
];

/// Folders that name a person or a machine.
const HOMES: &[&str] = &[concat!("/ro", "ot/"), concat!("/Us", "ers/")];

/// Cargo writes the name of its default registry into its lock file on every machine.
const WRITTEN_BY_TOOLS: &[&str] = &["Cargo.lock"];

/// Absolute paths of the machine that this runs on: the workspace and the user's own folder.
pub fn machine_paths(root: &Path) -> Vec<String> {
    let home = std::env::var("HOME").ok().filter(|home| home.len() > 1);
    let here = root.display().to_string();
    let own = [Some(here), home].into_iter().flatten().map(|path| format!("{}/", path.trim_end_matches('/')));
    own.chain(HOMES.iter().map(|home| home.to_string())).collect()
}

/// Checks every line of every file.
pub fn check(sources: &[Source], machine_paths: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| !is_lock_file(&source.path)) {
        for (at, line) in source.text.lines().enumerate() {
            let faults = faults(line, source.is_rust(), machine_paths);
            findings.extend(faults.map(|advice| Finding::at_line(&source.path, at + 1, advice)));
        }
    }
    findings
}

fn is_lock_file(path: &str) -> bool {
    WRITTEN_BY_TOOLS.contains(&path.rsplit('/').next().unwrap_or(path))
}

fn faults<'a>(line: &'a str, rust: bool, machine_paths: &'a [String]) -> impl Iterator<Item = String> + 'a {
    let code = if rust { line.split("//").next().unwrap_or(line) } else { "" };
    let unfinished =
        UNFINISHED.iter().filter(move |word| code.contains(**word)).map(|word| format!("{word}…) is unfinished code"));
    let hosts = REGISTRIES.iter().filter(|host| line.contains(**host)).map(|host| format!("names the registry {host}"));
    let paths = machine_paths.iter().filter(|path| line.contains(path.as_str()));
    unfinished.chain(hosts).chain(paths.map(|path| format!("holds a path of one machine ({path}…)")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        let source = Source { path: path.to_owned(), text: text.to_owned() };
        check(&[source], &[format!("/{}/", "srv/build")]).len()
    }

    #[test]
    fn unfinished_code_is_found_but_not_talk_about_it() {
        for word in UNFINISHED {
            assert_eq!(count("a.rs", &format!("    {word})")), 1);
            assert_eq!(count("a.rs", &format!("    // no {word}) here")), 0);
            assert_eq!(count("a.md", &format!("no {word})")), 0);
        }
    }

    #[test]
    fn registries_are_found_everywhere_but_in_cargos_lock_file() {
        for host in REGISTRIES {
            assert_eq!(count("docs/a.md", &format!("see https://{host}/x")), 1);
            assert_eq!(count("Cargo.lock", &format!("source = \"{host}\"")), 0);
        }
    }

    #[test]
    fn machine_paths_are_found() {
        assert_eq!(count("a.toml", "dir = \"/srv/build/x\""), 1);
        assert_eq!(count("a.toml", "dir = \"/srv/other\""), 0);
        let paths = machine_paths(Path::new("/srv/tree"));
        assert!(paths.contains(&"/srv/tree/".to_owned()));
    }
}

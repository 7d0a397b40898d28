//! A crate depends only on lower floors, never on a sibling (ARCHITECTURE.md).

use std::path::Path;

use anyhow::{Context, Result};
use toml::Table;

use super::{Finding, Source};

/// Every crate of the product and its floor.
const FLOORS: &[(&str, u8)] = &[
    ("zaiseki-xmpp", 0),
    ("zaiseki-model", 1),
    ("zaiseki-stream", 2),
    ("zaiseki-presence", 2),
    ("zaiseki-net", 3),
    ("zaiseki-store", 4),
    ("zaiseki-calendar", 4),
    ("zaiseki-directory", 4),
    ("zaiseki-axl", 4),
    ("zaiseki-control", 5),
    ("zaiseki-router", 5),
    ("zaiseki-admin", 6),
    ("zaiseki", 7),
];

/// Crates for developers: they may use any crate of the product, and no crate of the product uses them but for its tests.
const DEVELOPERS: &[&str] = &["zaiseki-testkit", "zaiseki-sim", "bench", "xtask"];

/// Checks the manifest of every member of the workspace.
pub fn check(root: &Path, sources: &[Source]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| is_member(&source.path)) {
        let manifest: Table = source.text.parse().with_context(|| root.join(&source.path).display().to_string())?;
        findings.extend(check_manifest(&source.path, &manifest));
    }
    Ok(findings)
}

fn is_member(path: &str) -> bool {
    let Some(folder) = path.strip_suffix("/Cargo.toml") else { return false };
    matches!(folder, "xtask" | "bench") || folder.strip_prefix("crates/").is_some_and(|name| !name.contains('/'))
}

fn floor(name: &str) -> Option<u8> {
    FLOORS.iter().find(|(known, _)| *known == name).map(|(_, floor)| *floor)
}

fn check_manifest(path: &str, manifest: &Table) -> Vec<Finding> {
    let name = manifest.get("package").and_then(|p| p.get("name")).and_then(|n| n.as_str()).unwrap_or_default();
    if DEVELOPERS.contains(&name) {
        return Vec::new();
    }
    let Some(own) = floor(name) else {
        return vec![Finding::new(path, format!("crate {name} has no floor: add it to the table in xtask/src/tidy/floors.rs"))];
    };
    let mut findings = Vec::new();
    for kind in ["dependencies", "build-dependencies", "dev-dependencies"] {
        for used in names(manifest, kind) {
            findings.extend(judge(path, own, kind, used));
        }
    }
    findings
}

fn names<'a>(manifest: &'a Table, kind: &str) -> impl Iterator<Item = &'a str> {
    manifest.get(kind).and_then(|deps| deps.as_table()).into_iter().flat_map(|deps| deps.keys().map(String::as_str))
}

fn judge(path: &str, own: u8, kind: &str, used: &str) -> Option<Finding> {
    if DEVELOPERS.contains(&used) {
        let allowed = kind == "dev-dependencies";
        return (!allowed).then(|| Finding::new(path, format!("{used} is for tests only; not in [{kind}]")));
    }
    match floor(used) {
        Some(below) if below >= own => Some(Finding::new(
            path,
            format!("[{kind}] {used} stands on floor {below}, this crate on {own}: depend on lower floors only"),
        )),
        None if used.starts_with("zaiseki") => Some(Finding::new(path, format!("{used} has no floor"))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(manifest: &str) -> usize {
        check_manifest("crates/x/Cargo.toml", &manifest.parse().unwrap()).len()
    }

    #[test]
    fn lower_floors_and_outside_crates_are_fine() {
        let manifest = "package.name = 'zaiseki-router'
            dependencies = { zaiseki-stream = '1', bytes = '1' }
            dev-dependencies = { zaiseki-testkit = '1' }";
        assert_eq!(findings(manifest), 0);
    }

    #[test]
    fn siblings_and_higher_floors_are_found() {
        assert_eq!(findings("package.name = 'zaiseki-router'\ndependencies = { zaiseki-control = '1' }"), 1);
        assert_eq!(findings("package.name = 'zaiseki-model'\ndev-dependencies = { zaiseki-store = '1' }"), 1);
        assert_eq!(findings("package.name = 'zaiseki-model'\nbuild-dependencies = { zaiseki-model = '1' }"), 1);
    }

    #[test]
    fn test_support_stays_out_of_the_product() {
        assert_eq!(findings("package.name = 'zaiseki-store'\ndependencies = { zaiseki-testkit = '1' }"), 1);
    }

    #[test]
    fn crates_without_a_floor_are_found() {
        assert_eq!(findings("package.name = 'zaiseki-new'"), 1);
        assert_eq!(findings("package.name = 'zaiseki'\ndependencies = { zaiseki-new = '1' }"), 1);
        assert_eq!(findings("package.name = 'bench'\ndependencies = { zaiseki-new = '1' }"), 0);
    }

    #[test]
    fn members_are_told_from_other_manifests() {
        assert!(is_member("crates/xmpp/Cargo.toml"));
        assert!(is_member("xtask/Cargo.toml"));
        assert!(!is_member("Cargo.toml"));
        assert!(!is_member("fuzz/Cargo.toml"));
        assert!(!is_member("crates/xmpp/tests/data/Cargo.toml"));
    }
}

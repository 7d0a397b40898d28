//! The size ratchet: functions of at most 70 lines, files of at most 600. Exceptions stand in `xtask/ratchet.txt` with their
//! exact size, so that they may only shrink.

use std::collections::BTreeMap;

use super::{Finding, Source};

/// The list of exceptions: one per line, `PATH LINES` for a file, `PATH FUNCTION LINES` for a function; `#` begins a comment.
pub const RATCHET: &str = "xtask/ratchet.txt";

/// Lines of a file, tests included.
const FILE_LINES: usize = 600;

/// Lines of a function from `fn` to its closing brace, attributes and docs not included.
const FUNCTION_LINES: usize = 70;

/// Compares every Rust file with the limits and the exceptions.
pub fn check(sources: &[Source], ratchet: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut exceptions = read_ratchet(ratchet, &mut findings);
    for source in sources.iter().filter(|source| source.is_rust()) {
        let lines = source.text.lines().count();
        findings.extend(judge(&mut exceptions, source.path.clone(), &source.path, lines, FILE_LINES));
        for function in functions(&source.text) {
            let key = format!("{} {}", source.path, function.name);
            let place = format!("{}:{}", source.path, function.line);
            findings.extend(judge(&mut exceptions, key, &place, function.lines, FUNCTION_LINES));
        }
    }
    for (key, allowed) in exceptions {
        findings.push(Finding::new(RATCHET, format!("`{key} {allowed}` is needed no more: remove it")));
    }
    findings
}

fn read_ratchet(text: &str, findings: &mut Vec<Finding>) -> BTreeMap<String, usize> {
    let mut exceptions = BTreeMap::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.rsplit_once(' ').map(|(key, size)| (key, size.parse())) {
            Some((key, Ok(size))) => {
                exceptions.insert(key.to_owned(), size);
            }
            _ => findings.push(Finding::at_line(RATCHET, number + 1, "not `PATH [FUNCTION] LINES`")),
        }
    }
    exceptions
}

/// Takes the exception for `key` when there is one. A function name that occurs twice in a file has one exception, used by
/// the first that is too long.
fn judge(exceptions: &mut BTreeMap<String, usize>, key: String, place: &str, size: usize, limit: usize) -> Option<Finding> {
    if size <= limit {
        return None;
    }
    match exceptions.remove(&key) {
        Some(allowed) if allowed == size => None,
        Some(allowed) if allowed > size => {
            Some(Finding::new(RATCHET, format!("`{key}` has shrunk to {size}: lower its {allowed}")))
        }
        Some(allowed) => Some(Finding::new(place, format!("grew from {allowed} to {size} lines; the limit is {limit}"))),
        None => Some(Finding::new(place, format!("{size} lines; the limit is {limit}: split it"))),
    }
}

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
struct Function {
    name: String,
    /// Where its `fn` stands, from 1.
    line: usize,
    /// From `fn` to its closing brace, both included.
    lines: usize,
}

/// The functions of a source that rustfmt has laid out: a body ends at the first line that is only a `}` as deep as the
/// line of the `fn`. Known limits: a raw string holding just such a line ends the function early, and what stands inside a
/// macro is counted only where its layout is that of rustfmt.
fn functions(text: &str) -> Vec<Function> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        if let Some(end) = body_end(&lines, at) {
            found.push(Function { name: name.to_owned(), line: at + 1, lines: end - at + 1 });
        }
    }
    found
}

fn function_name(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    if let Some(after) = rest.strip_prefix("pub") {
        rest = after.trim_start();
        if rest.starts_with('(') {
            rest = rest.split_once(')')?.1.trim_start();
        }
    }
    for word in ["default ", "const ", "async ", "unsafe ", "extern \"C\" "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    let name = rest.strip_prefix("fn ")?;
    name.split(['(', '<']).next().map(str::trim)
}

/// The index of the last line of the function that starts at `start`; `None` when it has no body.
fn body_end(lines: &[&str], start: usize) -> Option<usize> {
    let indent = lines[start].len() - lines[start].trim_start().len();
    let open = (start..lines.len()).find(|&at| {
        let line = lines[at].trim_end();
        line.ends_with('{') || line.ends_with('}') || line.ends_with(';')
    })?;
    let line = lines[open].trim_end();
    if line.ends_with(';') {
        return None;
    }
    if line.ends_with('}') && lines[open].len() != indent + 1 {
        return Some(open);
    }
    (open..lines.len()).find(|&at| {
        let line = lines[at];
        line.len() == indent + 1 && line.ends_with('}') && line[..indent].trim().is_empty()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rust(path: &str, text: String) -> Source {
        Source { path: path.to_owned(), text }
    }

    fn function_of(lines: usize) -> String {
        format!("fn long() {{\n{}}}\n", "    work();\n".repeat(lines - 2))
    }

    fn sizes_of(text: &str) -> Vec<(String, usize)> {
        functions(text).into_iter().map(|f| (f.name, f.lines)).collect()
    }

    #[test]
    fn functions_are_measured_from_fn_to_brace() {
        let text = "\
pub(crate) async fn one<T>(
    a: T,
) -> Result<(), T>
where
    T: Clone,
{
    if let Some(b) = a {
        b();
    }
}

impl X {
    const fn two() {}

    fn three(&self) -> &str {
        \"}\"
    }
}
";
        assert_eq!(sizes_of(text), [("one".into(), 10), ("two".into(), 1), ("three".into(), 3)]);
    }

    #[test]
    fn declarations_and_words_are_no_functions() {
        assert_eq!(sizes_of("trait T {\n    fn a(&self);\n    fn b(\n        x: u8,\n    ) -> u8;\n}\n// fn c() {\n"), []);
        assert_eq!(sizes_of("let f: fn(u8) = g;\nlet fnord = 1;\n"), []);
    }

    #[test]
    fn limit_is_exact_for_functions() {
        assert!(check(&[rust("a.rs", function_of(FUNCTION_LINES))], "").is_empty());
        assert_eq!(check(&[rust("a.rs", function_of(FUNCTION_LINES + 1))], "").len(), 1);
    }

    #[test]
    fn limit_is_exact_for_files() {
        assert!(check(&[rust("a.rs", "//\n".repeat(FILE_LINES))], "").is_empty());
        assert_eq!(check(&[rust("a.rs", "//\n".repeat(FILE_LINES + 1))], "").len(), 1);
    }

    #[test]
    fn exception_must_name_the_exact_size() {
        let sources = [rust("a.rs", function_of(80))];
        assert!(check(&sources, "# why\na.rs long 80\n").is_empty());
        for wrong in ["a.rs long 81", "a.rs long 79", "a.rs other 80", "a.rs long"] {
            assert!(!check(&sources, wrong).is_empty(), "{wrong}");
        }
    }

    #[test]
    fn exception_that_is_needed_no_more_is_found() {
        let findings = check(&[rust("a.rs", function_of(10))], "a.rs long 80\nb.rs 700");
        assert_eq!(findings.len(), 2);
    }
}

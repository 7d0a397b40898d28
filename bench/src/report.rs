//! Results as JSON lines, and the table made of them.

use crate::load::Figures;
use crate::measure::percentile;
use crate::rows::{ROWS, Row};
use crate::servers::{Kind, Store};
use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;
use std::path::Path;

/// One row on one server: one line of the JSON file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    pub row: String,
    pub server: Kind,
    pub version: String,
    pub archive: Option<Store>,
    pub users: usize,
    pub contacts: usize,
    /// Seconds since 1970.
    pub finished: u64,
    pub runs: Vec<Figures>,
    /// Why there are no (more) runs.
    pub error: Option<String>,
}

impl Outcome {
    /// Median over the runs of what `pick` takes; `None` without runs.
    fn median(&self, pick: impl Fn(&Figures) -> Option<f64>) -> Option<f64> {
        let mut values: Vec<f64> = self.runs.iter().filter_map(pick).collect();
        (!values.is_empty()).then(|| percentile(&mut values, 50.0))
    }
}

/// Appends one line.
///
/// # Errors
/// The file cannot be written.
pub fn append(path: &Path, outcome: &Outcome) -> Result<()> {
    use std::io::Write as _;
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut file = std::fs::File::options().create(true).append(true).open(path)?;
    let mut line = serde_json::to_string(outcome)?;
    line.push('\n');
    file.write_all(line.as_bytes()).with_context(|| path.display().to_string())
}

/// Reads a file of [`append`]; of lines about the same thing the last one counts.
///
/// # Errors
/// The file cannot be read or is not ours.
pub fn read(path: &Path) -> Result<Vec<Outcome>> {
    let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
    let parsed = text.lines().map(serde_json::from_str).collect::<Result<Vec<Outcome>, _>>();
    parsed.with_context(|| path.display().to_string())
}

/// Three significant digits.
fn digits(value: f64) -> String {
    let decimals = if value == 0.0 { 0 } else { (2 - value.abs().log10().floor() as i32).max(0) };
    format!("{value:.*}", decimals as usize)
}

/// The tables in Markdown: the figures next to the goals, then what else was measured.
pub fn tables(outcomes: &[Outcome]) -> String {
    let servers = [Kind::Prosody, Kind::Ejabberd, Kind::Zaiseki];
    let mut out =
        String::from("| row | Prosody | ejabberd | Zaiseki | goal | heading |\n| --- | ---: | ---: | ---: | ---: | ---: |\n");
    let mut more = String::from(
        "| row | server | runs | raw | corrected | slowdown | units/s | p50 ms | p99 ms |\n\
         | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
    );
    for row in ROWS.iter().filter(|r| outcomes.iter().any(|o| o.row == r.key)) {
        let cells = servers.map(|kind| cell(row, kind, outcomes));
        let aim = |value: Option<f64>| value.map_or("–".to_owned(), |v| format!("≤ {v}"));
        let _ = writeln!(
            out,
            "| {} ({}) | {} | {} | {} |",
            row.title,
            row.unit.name(),
            cells.join(" | "),
            aim(row.goal),
            aim(row.heading)
        );
        for kind in servers {
            kind.stores().iter().filter_map(|store| last(row, kind, *store, outcomes)).for_each(|o| details(row, o, &mut more));
        }
    }
    format!("{out}\n{more}")
}

/// The newest outcome of a row on a server; rows without an archive know no store.
fn last<'a>(row: &Row, kind: Kind, store: Store, outcomes: &'a [Outcome]) -> Option<&'a Outcome> {
    let fits = |o: &&Outcome| match o.archive {
        None => store == Store::Own,
        Some(s) => s == store,
    };
    outcomes.iter().rev().filter(|o| o.row == row.key && o.server == kind).find(fits)
}

fn cell(row: &Row, kind: Kind, outcomes: &[Outcome]) -> String {
    let mut parts = Vec::new();
    for &store in kind.stores() {
        let Some(outcome) = last(row, kind, store, outcomes) else { continue };
        let figure = outcome.median(|f| Some(f.corrected)).map_or("failed".to_owned(), |v| digits(row.unit.scale(v)));
        match outcome.archive {
            Some(_) if kind.stores().len() > 1 => parts.push(format!("{figure} ({})", kind.store_name(store))),
            _ => parts.push(figure),
        }
    }
    if parts.is_empty() { "–".to_owned() } else { parts.join(", ") }
}

fn details(row: &Row, outcome: &Outcome, out: &mut String) {
    let kind = outcome.server;
    let name = match outcome.archive {
        Some(store) => format!("{}, {}", kind.name(), kind.store_name(store)),
        None => kind.name().to_owned(),
    };
    let figure = |pick: fn(&Figures) -> f64| outcome.median(|f| Some(row.unit.scale(pick(f)))).map_or("–".to_owned(), digits);
    let plain = |value: Option<f64>| value.map_or("–".to_owned(), digits);
    let _ = writeln!(
        out,
        "| {} | {name} | {} | {} {unit} | {} {unit} | {} | {} | {} | {} |",
        row.key,
        outcome.runs.len(),
        figure(|f| f.raw),
        figure(|f| f.corrected),
        plain(outcome.median(|f| Some(f.slowdown))),
        plain(outcome.median(|f| Some(f.per_second))),
        plain(outcome.median(|f| f.p50_ms)),
        plain(outcome.median(|f| f.p99_ms)),
        unit = row.unit.name(),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(row: &str, server: Kind, archive: Option<Store>, corrected: &[f64]) -> Outcome {
        let figures = |&corrected| Figures {
            raw: corrected * 2.0,
            corrected,
            slowdown: 2.0,
            units: 10,
            per_second: 5.0,
            p50_ms: None,
            p99_ms: None,
            notes: Vec::new(),
        };
        let (row, version) = (row.to_owned(), "1".to_owned());
        let runs = corrected.iter().map(figures).collect();
        Outcome { row, server, version, archive, users: 2, contacts: 0, finished: 0, runs, error: None }
    }

    #[test]
    fn three_digits() {
        assert_eq!(digits(0.0), "0");
        assert_eq!(digits(0.45678), "0.457");
        assert_eq!(digits(12.345), "12.3");
        assert_eq!(digits(1072.4), "1072");
    }

    #[test]
    fn a_table_of_medians() {
        let outcomes = [
            outcome("sign-in", Kind::Prosody, None, &[0.004, 0.003, 0.009]),
            outcome("sign-in", Kind::Ejabberd, None, &[]),
            outcome("archive-page", Kind::Ejabberd, Some(Store::Own), &[0.098]),
            outcome("archive-page", Kind::Ejabberd, Some(Store::Sqlite), &[0.5]),
            outcome("archive-page", Kind::Ejabberd, Some(Store::Sqlite), &[0.0027]),
            outcome("archive-page", Kind::Zaiseki, Some(Store::Own), &[0.0004]),
        ];
        let table = tables(&outcomes);
        assert!(table.contains("to bound session (ms) | 4.00 | failed | – | ≤ 0.45 | ≤ 0.27 |"), "{table}");
        assert!(table.contains("page of 50 (ms) | – | 98.0 (Mnesia), 2.70 (SQLite) | 0.400 |"), "{table}");
        assert!(table.contains("| sign-in | Prosody | 3 | 8.00 ms | 4.00 ms | 2.00 | 5.00 | – | – |"), "{table}");
    }

    #[test]
    fn lines_survive_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/results.jsonl");
        append(&path, &outcome("storm", Kind::Zaiseki, None, &[0.001])).unwrap();
        append(&path, &outcome("storm", Kind::Prosody, None, &[])).unwrap();
        let back = read(&path).unwrap();
        assert_eq!(back.len(), 2);
        assert_eq!((back[0].server, back[0].runs.len()), (Kind::Zaiseki, 1));
    }
}

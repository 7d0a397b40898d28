//! The figures of an administrator's waiting, and the tables made of them.

use crate::measure::percentile;
use anyhow::{Context, Result};
use serde::Serialize;
use std::fmt::{self, Write as _};
use std::path::Path;

#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Took {
    /// Seconds on the clock, and of the node's processor time.
    pub wall: f64,
    pub cpu: f64,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Sync {
    pub took: Took,
    /// Seconds until the server's answer was whole.
    pub reading: f64,
}

/// Milliseconds of one page.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Page {
    pub path: String,
    pub requests: usize,
    pub p50: f64,
    pub p95: f64,
    pub max: f64,
    /// Processor time of the node for one request; the kernel counts in steps of 10 ms.
    pub cpu: f64,
}

/// One run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Figures {
    pub ldapsearch: f64,
    pub first: Sync,
    pub nightly: Sync,
    pub enable: Took,
    pub pages: Vec<Page>,
    pub search: Vec<Page>,
    /// Resident memory with an empty database, the most until the end of the first synchronisation, the most of all, and at the
    /// end.
    pub empty_kib: u64,
    pub first_peak_kib: u64,
    pub peak_kib: u64,
    pub resident_kib: u64,
    /// Load average of the machine at the end.
    pub load: f64,
}

impl Figures {
    /// The slowest of the console's pages by p95.
    fn worst(&self) -> f64 {
        self.pages.iter().map(|page| page.p95).fold(0.0, f64::max)
    }

    fn worst_search(&self) -> f64 {
        self.search.iter().map(|page| page.p95).fold(0.0, f64::max)
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, nightly, enable] = [self.first.took.wall, self.nightly.took.wall, self.enable.wall];
        let (pages, search) = (self.worst(), self.worst_search());
        write!(f, "first {first:.2} s, nightly {nightly:.2} s, enable {enable:.2} s, pages {pages:.1} ms, search {search:.1} ms")
    }
}

/// Appends one line.
///
/// # Errors
/// The file cannot be written.
pub fn append(path: &Path, people: usize, figures: &Figures) -> Result<()> {
    use std::io::Write as _;
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    let mut file = std::fs::File::options().create(true).append(true).open(path)?;
    let line = serde_json::json!({ "people": people, "figures": figures }).to_string() + "\n";
    file.write_all(line.as_bytes()).with_context(|| path.display().to_string())
}

/// A line of the table: what, in which unit, the goal, and where the figure is found.
type Line = (String, &'static str, Option<f64>, fn(&Figures) -> f64);

fn lines(people: usize, enable: usize) -> Vec<Line> {
    vec![
        (format!("`ldapsearch` reads {people} entries (the floor)"), "s", None, |f| f.ldapsearch),
        (format!("first synchronisation of {people} users"), "s", Some(60.0), |f| f.first.took.wall),
        ("– of it reading from slapd".to_owned(), "s", None, |f| f.first.reading),
        ("– processor time of the node".to_owned(), "s", None, |f| f.first.took.cpu),
        ("nightly synchronisation without changes".to_owned(), "s", Some(15.0), |f| f.nightly.took.wall),
        ("– of it reading from slapd".to_owned(), "s", None, |f| f.nightly.reading),
        ("– processor time of the node".to_owned(), "s", None, |f| f.nightly.took.cpu),
        (format!("enabling {enable} users for IM and presence"), "s", Some(10.0), |f| f.enable.wall),
        ("slowest page of the console, p95".to_owned(), "ms", Some(50.0), Figures::worst),
        ("search as you type, p95".to_owned(), "ms", Some(100.0), Figures::worst_search),
        ("resident memory before".to_owned(), "MiB", None, |f| f.empty_kib as f64 / 1024.0),
        ("– most during the first synchronisation".to_owned(), "MiB", None, |f| f.first_peak_kib as f64 / 1024.0),
        ("– most of all".to_owned(), "MiB", None, |f| f.peak_kib as f64 / 1024.0),
        ("– at the end".to_owned(), "MiB", None, |f| f.resident_kib as f64 / 1024.0),
        ("processor time of the node for the costliest page".to_owned(), "ms", None, |f| {
            f.pages.iter().map(|page| page.cpu).fold(0.0, f64::max)
        }),
        ("load average of the machine".to_owned(), "", None, |f| f.load),
    ]
}

fn median(runs: &[Figures], pick: impl Fn(&Figures) -> f64) -> f64 {
    percentile(&mut runs.iter().map(pick).collect::<Vec<f64>>(), 50.0)
}

/// The figures beside the goals, then every page, in Markdown.
pub fn tables(runs: &[Figures], people: usize, enable: usize) -> String {
    let mut out = String::from("| what | median | goal | runs |\n| --- | ---: | ---: | --- |\n");
    for (what, unit, goal, pick) in lines(people, enable) {
        let goal = goal.map_or("–".to_owned(), |goal| format!("< {goal} {unit}"));
        let each = runs.iter().map(|run| format!("{:.2}", pick(run))).collect::<Vec<_>>().join(", ");
        let figure = format!("{:.2} {unit}", median(runs, pick));
        let _ = writeln!(out, "| {what} | {} | {goal} | {each} |", figure.trim_end());
    }
    out.push_str("\n| page | requests | p50 ms | p95 ms | max ms | cpu ms |\n| --- | ---: | ---: | ---: | ---: | ---: |\n");
    let Some(first) = runs.first() else { return out };
    for page in first.pages.iter().chain(&first.search) {
        let of = |run: &Figures, pick: fn(&Page) -> f64| {
            run.pages.iter().chain(&run.search).find(|other| other.path == page.path).map_or(0.0, pick)
        };
        let figure = |pick: fn(&Page) -> f64| median(runs, |run| of(run, pick));
        let [p50, p95, max, cpu] = [figure(|p| p.p50), figure(|p| p.p95), figure(|p| p.max), figure(|p| p.cpu)];
        let _ = writeln!(out, "| `{}` | {} | {p50:.1} | {p95:.1} | {max:.1} | {cpu:.1} |", page.path, page.requests);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seconds: f64, pages: &[f64]) -> Figures {
        let page =
            |(i, p95): (usize, &f64)| Page { path: format!("/{i}"), requests: 4, p50: 1.0, p95: *p95, max: 99.0, cpu: 0.5 };
        let first = Sync { took: Took { wall: seconds, cpu: 1.0 }, reading: 0.5 };
        Figures { first, pages: pages.iter().enumerate().map(page).collect(), ..Figures::default() }
    }

    #[test]
    fn medians_stand_beside_goals_and_the_worst_page_counts() {
        let table = tables(&[run(3.0, &[5.0, 7.0]), run(1.0, &[6.0, 2.0]), run(2.0, &[4.0, 3.0])], 10, 5);
        assert!(table.contains("| first synchronisation of 10 users | 2.00 s | < 60 s | 3.00, 1.00, 2.00 |"), "{table}");
        assert!(table.contains("| slowest page of the console, p95 | 6.00 ms | < 50 ms | 7.00, 6.00, 4.00 |"), "{table}");
        assert!(table.contains("| `/0` | 4 | 1.0 | 5.0 | 99.0 | 0.5 |"), "{table}");
    }
}

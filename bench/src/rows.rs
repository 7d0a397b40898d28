//! The rows of the comparison: what each runs, on how many users, and which figures we want.

use crate::load::chat::Style;
use crate::load::{Bench, Figures, archive, chat, idle, presence, sign_in, storm};
use crate::people::Population;
use anyhow::Result;

/// Crowds of this size are never made smaller.
const SMALL: usize = 500;

/// How a row's figure is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    Milliseconds,
    Microseconds,
    Kib,
}

impl Unit {
    pub fn name(self) -> &'static str {
        match self {
            Unit::Milliseconds => "ms",
            Unit::Microseconds => "µs",
            Unit::Kib => "KiB",
        }
    }

    /// From seconds (or KiB).
    pub fn scale(self, value: f64) -> f64 {
        match self {
            Unit::Milliseconds => value * 1e3,
            Unit::Microseconds => value * 1e6,
            Unit::Kib => value,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    SignIn,
    Idle { tls: bool },
    Chat(Style),
    ArchivePage,
    Presence,
    Storm,
}

#[derive(Clone, Copy, Debug)]
pub struct Row {
    pub key: &'static str,
    pub title: &'static str,
    pub unit: Unit,
    /// Users and contacts at full scale.
    users: usize,
    contacts: usize,
    pub archive: bool,
    pub load: Load,
    /// Figures in `unit`: wanted now, and where we are heading.
    pub goal: Option<f64>,
    pub heading: Option<f64>,
}

impl Row {
    /// Users and contacts at `scale`. Only big crowds shrink, and not below [`SMALL`] users: with few connections or
    /// contacts a unit of work costs something else.
    pub fn population(&self, scale: f64) -> Population {
        let scaled = (self.users as f64 * scale / 2.0).round() as usize * 2;
        Population { users: scaled.max(SMALL.min(self.users)), contacts: self.contacts }
    }

    /// Whether each run wants a server that was just started.
    pub fn fresh_server(&self) -> bool {
        matches!(self.load, Load::Idle { .. })
    }

    pub async fn prepare(&self, bench: &Bench<'_>) -> Result<()> {
        match self.load {
            Load::ArchivePage => archive::prepare(bench).await,
            _ => Ok(()),
        }
    }

    pub async fn run(&self, bench: &Bench<'_>) -> Result<Figures> {
        match self.load {
            Load::SignIn => sign_in::run(bench).await,
            Load::Idle { tls } => idle::run(bench, tls).await,
            Load::Chat(style) => chat::run(bench, style).await,
            Load::ArchivePage => archive::run(bench).await,
            Load::Presence => presence::run(bench).await,
            Load::Storm => storm::run(bench).await,
        }
    }
}

const fn chat(tls: bool, window: u64, managed: bool) -> Load {
    Load::Chat(Style { tls, window, managed, until_acked: false })
}

const fn row(key: &'static str, title: &'static str, unit: Unit, users: usize, load: Load, aims: [f64; 2]) -> Row {
    let [goal, heading] = aims;
    Row { key, title, unit, users, contacts: 0, archive: false, load, goal: Some(goal), heading: Some(heading) }
}

use Unit::{Kib, Microseconds, Milliseconds};

const MANAGED: Row = row(
    "chat-tls-32-sm",
    "one-to-one message, TLS, 32 in flight, stream management",
    Microseconds,
    400,
    chat(true, 32, true),
    [15.0, 6.0],
);

/// All rows, in the order of the table.
pub const ROWS: [Row; 13] = [
    row("sign-in", "sign-in, SCRAM over TLS, to bound session", Milliseconds, 200, Load::SignIn, [0.45, 0.27]),
    row("idle-tls", "idle connection, TLS", Kib, 10_000, Load::Idle { tls: true }, [14.0, 12.0]),
    row("idle-plain", "idle connection, plain", Kib, 10_000, Load::Idle { tls: false }, [6.0, 4.5]),
    row("chat-tls-1", "one-to-one message, TLS, one in flight per pair", Microseconds, 400, chat(true, 1, false), [20.0, 12.0]),
    Row {
        goal: None,
        heading: None,
        ..row(
            "chat-plain-1",
            "one-to-one message, plain, one in flight per pair",
            Microseconds,
            400,
            chat(false, 1, false),
            [0.0; 2],
        )
    },
    row("chat-tls-32", "one-to-one message, TLS, 32 in flight", Microseconds, 400, chat(true, 32, false), [8.0, 4.0]),
    MANAGED,
    Row {
        goal: None,
        heading: None,
        ..row("chat-plain-32", "one-to-one message, plain, 32 in flight", Microseconds, 400, chat(false, 32, false), [0.0; 2])
    },
    Row {
        goal: None,
        heading: None,
        load: chat(false, 32, true),
        key: "chat-plain-32-sm",
        title: "one-to-one message, plain, 32 in flight, stream management",
        ..MANAGED
    },
    Row {
        archive: true,
        ..row(
            "archive-chat",
            "archived and acknowledged message, TLS, 8 in flight",
            Microseconds,
            200,
            Load::Chat(Style { tls: true, window: 8, managed: true, until_acked: true }),
            [35.0, 12.0],
        )
    },
    Row { archive: true, ..row("archive-page", "archive page of 50", Milliseconds, 40, Load::ArchivePage, [0.5, 0.1]) },
    Row {
        contacts: 50,
        ..row("presence", "presence delivered (50 contacts each)", Microseconds, 500, Load::Presence, [4.0, 1.5])
    },
    Row {
        contacts: 20,
        ..row(
            "storm",
            "9-o'clock storm: sign in, roster, presence, 20 contacts, TLS",
            Milliseconds,
            2_000,
            Load::Storm,
            [1.0, 0.4],
        )
    },
];

/// Rows whose key equals one of `wanted`, or begins with it and a `-`; all rows for an empty list.
///
/// # Errors
/// A word that fits no row.
pub fn choose(wanted: &[String]) -> Result<Vec<Row>> {
    let fits = |row: &Row, word: &str| row.key.strip_prefix(word).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    if let Some(word) = wanted.iter().find(|w| !ROWS.iter().any(|r| fits(r, w))) {
        let keys = ROWS.map(|r| r.key).join(", ");
        anyhow::bail!("no row {word}; there are {keys}");
    }
    Ok(ROWS.into_iter().filter(|r| wanted.is_empty() || wanted.iter().any(|w| fits(r, w))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_chosen_by_beginning() {
        let keys = |words: &[&str]| -> Vec<&str> {
            let words: Vec<String> = words.iter().map(|w| (*w).to_owned()).collect();
            choose(&words).unwrap().iter().map(|r| r.key).collect()
        };
        assert_eq!(keys(&["idle", "storm"]), ["idle-tls", "idle-plain", "storm"]);
        assert_eq!(keys(&["chat-tls-32"]), ["chat-tls-32", "chat-tls-32-sm"]);
        assert_eq!(keys(&[]).len(), ROWS.len());
        assert!(choose(&["sig".to_owned()]).is_err());
    }

    #[test]
    fn keys_are_distinct_and_scaling_keeps_rings_whole() {
        for (i, row) in ROWS.iter().enumerate() {
            assert!(ROWS[i + 1..].iter().all(|other| other.key != row.key), "{}", row.key);
            let small = row.population(0.001);
            assert!(small.users > small.contacts && small.users.is_multiple_of(2));
        }
    }
}

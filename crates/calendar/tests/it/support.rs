//! Words the tests share.

use serde_json::Value;
use zaiseki_calendar::{GatewayConfig, Mailbox, Secret, Source, Window, open};
use zaiseki_model::{BusyInterval, Timestamp, UserId};

pub const PASSWORD: &str = "s3cret";

pub fn source(config: Value) -> Box<dyn Source> {
    source_with(config, PASSWORD)
}

pub fn source_with(config: Value, password: &str) -> Box<dyn Source> {
    let config: GatewayConfig = serde_json::from_value(config).unwrap();
    open(&config, &Secret::new(password)).unwrap()
}

pub fn mailbox(name: &str) -> Mailbox {
    Mailbox { user: UserId::generate(), name: name.to_owned(), address: format!("{name}@example.test") }
}

/// `2026-11-24T10:00` in UTC.
pub fn at(text: &str) -> Timestamp {
    let (date, time) = text.split_once('T').unwrap();
    let numbers: Vec<i64> = date.split('-').chain(time.split(':')).map(|n| n.parse().unwrap()).collect();
    let [year, month, day, hour, minute] = numbers[..] else { panic!("{text}") };
    // Days from civil, for the years tests speak of.
    let (y, m) = if month <= 2 { (year - 1, month + 12) } else { (year, month) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * (m - 3) + 2) / 5 + day - 719_469;
    Timestamp::from_secs(days * 86_400 + hour * 3_600 + minute * 60)
}

pub fn window(start: &str, end: &str) -> Window {
    Window { start: at(start), end: at(end) }
}

/// `start..end Kind`, minutes since `from`.
pub fn shown(intervals: &[BusyInterval], from: Timestamp) -> Vec<String> {
    let minutes = |t: Timestamp| (t.secs() - from.secs()) / 60;
    intervals.iter().map(|i| format!("{}..{} {:?}", minutes(i.start), minutes(i.end), i.kind)).collect()
}

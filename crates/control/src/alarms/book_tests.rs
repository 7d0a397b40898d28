//! Raising and clearing, without a clock.

use super::super::catalogue::{DISK_SPACE, GATEWAY_DOWN, JOB_FAILED};
use super::*;
use std::time::Duration;

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(1_000_000 + secs)
}

fn raise(book: &mut Book, subject: &str, secs: i64) -> Option<AlarmEvent> {
    book.raise(&GATEWAY_DOWN, GATEWAY_DOWN.severity, subject, &Text::plain(format!("at {secs}")), at(secs))
}

#[test]
fn raised_again_it_only_counts_and_cleared_again_nothing_happens() {
    let mut book = Book::default();
    let first = raise(&mut book, "mail", 1).unwrap();
    assert_eq!((first.change, first.row.count), (Change::Raised, 1));
    assert!(raise(&mut book, "mail", 2).is_none());
    assert!(raise(&mut book, "post", 3).is_some(), "another subject is another alarm");
    let row = book.open().into_iter().find(|row| row.subject == "mail").unwrap();
    assert_eq!((row.count, row.raised_at, row.last_at, row.detail.0.as_str()), (2, at(1), at(2), "at 2"));
    let cleared = book.clear(&GATEWAY_DOWN, "mail", at(4)).unwrap();
    assert_eq!((cleared.change, cleared.row.cleared_at, cleared.row.id), (Change::Cleared, Some(at(4)), row.id));
    assert!(book.clear(&GATEWAY_DOWN, "mail", at(5)).is_none());
    let again = raise(&mut book, "mail", 6).unwrap();
    assert!(again.change == Change::Raised && again.row.id != row.id);
}

#[test]
fn what_becomes_worse_is_told_and_what_becomes_better_is_not() {
    let mut book = Book::default();
    let mut full = |severity| book.raise(&DISK_SPACE, severity, "data", &Text::plain("x"), at(1)).map(|event| event.change);
    assert_eq!(full(Severity::Warning), Some(Change::Raised));
    assert_eq!(full(Severity::Critical), Some(Change::Worse));
    assert_eq!(full(Severity::Warning), None);
    assert_eq!(book.open()[0].severity, Severity::Warning);
}

#[test]
fn what_has_only_happened_ends_by_time_or_by_being_seen() {
    let mut book = Book::default();
    let audit = Audit { actor: "admin:hanako".to_owned(), at: at(5) };
    let mut failed = |subject: &str, secs| book.raise(&JOB_FAILED, JOB_FAILED.severity, subject, &Text::plain("x"), at(secs));
    let (seen, _) = (failed("1", 1).unwrap(), failed("2", 2).unwrap());
    let down = raise(&mut book, "mail", 3).unwrap();
    assert_eq!(book.acknowledge(seen.row.id, &audit).unwrap().change, Change::Cleared);
    assert!(book.acknowledge(down.row.id, &audit).is_none(), "what is wrong stays wrong");
    let later = Audit { actor: "admin:taro".to_owned(), at: at(6) };
    assert!(book.acknowledge(down.row.id, &later).is_none());
    let lasts = JOB_FAILED.lasts.unwrap();
    assert!(book.expire(at(2) + lasts - Duration::from_micros(1)).is_empty());
    assert_eq!(book.expire(at(2) + lasts).len(), 1);
    let open = book.open();
    assert_eq!((open.len(), open[0].acknowledged.clone()), (1, Some((at(5), "admin:hanako".to_owned()))));
}

#[test]
fn open_alarms_hold_their_limit_and_one_past_it_is_not_raised() {
    let mut book = Book::default();
    for n in 0..ALARMS_OPEN {
        assert!(raise(&mut book, &n.to_string(), 1).is_some());
    }
    assert!(raise(&mut book, "one more", 1).is_none());
    assert_eq!(book.open().len(), ALARMS_OPEN);
    assert!(raise(&mut book, "0", 2).is_none());
    book.clear(&GATEWAY_DOWN, "0", at(3)).unwrap();
    assert!(raise(&mut book, "one more", 4).is_some());
}

#[test]
fn long_texts_are_cut_at_their_limits() {
    let mut book = Book::default();
    let long = Text::new("x".repeat(ALARM_DETAIL_CHARS + 1), "長".repeat(ALARM_DETAIL_CHARS));
    let subject = "s".repeat(ALARM_SUBJECT_CHARS + 1);
    book.raise(&GATEWAY_DOWN, Severity::Error, &subject, &long, at(1)).unwrap();
    let row = book.open().remove(0);
    assert_eq!((row.subject.chars().count(), row.detail.0.len()), (ALARM_SUBJECT_CHARS, ALARM_DETAIL_CHARS));
    assert_eq!(row.detail.1.chars().count(), ALARM_DETAIL_CHARS);
    assert!(book.clear(&GATEWAY_DOWN, &subject, at(2)).is_some());
}

#[test]
fn what_could_not_be_written_is_written_later_unless_it_is_out_of_date() {
    let mut book = Book::default();
    raise(&mut book, "mail", 1);
    raise(&mut book, "post", 1);
    let rows = book.take_unwritten();
    assert_eq!(rows.len(), 2);
    book.clear(&GATEWAY_DOWN, "mail", at(2));
    book.still_unwritten(rows);
    let rows = book.take_unwritten();
    let mail = rows.iter().find(|row| row.subject == "mail").unwrap();
    assert_eq!((rows.len(), mail.cleared_at), (2, Some(at(2))));
    assert!(book.take_unwritten().is_empty());
}

#[test]
fn what_the_database_had_open_is_open_and_what_nobody_knows_is_over() {
    let mut book = Book::default();
    raise(&mut book, "mail", 1);
    let known = book.open().remove(0);
    let unknown = AlarmRow { id: AlarmId::generate(), kind: "moon.full".to_owned(), ..known.clone() };
    let mut book = Book::of(vec![known.clone(), unknown.clone()], at(9));
    assert_eq!(book.open(), [known]);
    assert_eq!(book.take_unwritten(), [AlarmRow { cleared_at: Some(at(9)), ..unknown }]);
    assert!(raise(&mut book, "mail", 10).is_none());
}

//! `kill -9` while committing: whatever was reported durable is there after the restart.

mod common;

use common::*;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use zaiseki_model::{StreamToken, Timestamp};
use zaiseki_store::*;

const CHILD: &str = "ZAISEKI_STORE_CRASH_CHILD";
const FILE: &str = "zaiseki.sqlite";
const ROUNDS: u64 = 20;

/// Messages that may be on their way to the disk at a time.
const WINDOW: u64 = 300;

/// Not a test of its own: the process that is killed.
#[test]
fn child() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let durable = Arc::new(AtomicU64::new(0));
    let reported = durable.clone();
    let report = move |durable| {
        let Durable::Upto(seq) = durable else { panic!("{durable:?}") };
        writeln!(std::io::stdout().lock(), "durable {seq}").unwrap();
        reported.store(seq, Ordering::Release);
    };
    let store = Store::open(Path::new(&dir), "example.com", Options::default(), Box::new(report)).unwrap();
    let first = store.query(|db| db.max_message_id()).unwrap().map_or(1, |id| id.0.unsigned_abs() + 1);
    durable.store(first, Ordering::Release);
    let token = StreamToken([7; 16]);
    for seq in first.. {
        wait_for("the disk", || seq < durable.load(Ordering::Acquire) + WINDOW);
        let h = u32::try_from(seq).unwrap();
        store.submit(
            seq,
            vec![Write::Message(message(seq.cast_signed())), Write::StreamHandled { token, h, at: Timestamp::ZERO }],
        );
    }
}

/// Runs the child until it has reported `reports` times and kills it; the greatest number it reported.
fn run_and_kill(dir: &Path, reports: u64) -> u64 {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env(CHILD, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(std::io::Result::ok);
    let number = |line: String| line.rsplit_once("durable ").and_then(|(_, seq)| seq.parse::<u64>().ok());
    let mut last = 0;
    for _ in 0..reports {
        last = lines.by_ref().find_map(number).expect("the child reports until it is killed");
    }
    child.kill().unwrap();
    // A line that the kill tore apart does not count.
    let lines: Vec<u64> = lines.filter_map(number).collect();
    child.wait().unwrap();
    let whole = lines.len().saturating_sub(1);
    lines[..whole].iter().fold(last, |greatest, seq| greatest.max(*seq))
}

#[test]
fn nothing_reported_durable_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let mut db = Database::open(&dir.path().join(FILE), "example.com").unwrap();
    db.create_many(&[new_user(ANN, "ann"), new_user(BOB, "bob")], &audit()).unwrap();
    let at = zaiseki_model::Timestamp::ZERO;
    db.commit(&[Write::StreamOpen { token: TOKEN, user: ANN, resource: "r".to_owned(), at }]).unwrap();
    drop(db);
    let mut last = 0;
    for round in 0..ROUNDS {
        let reported = run_and_kill(dir.path(), 1 + round * 7 % 13);
        assert!(reported > last, "the child made progress");
        let db = Database::open(&dir.path().join(FILE), "example.com").unwrap();
        last = db.max_message_id().unwrap().unwrap().0.unsigned_abs();
        assert!(last >= reported, "round {round}: {reported} was reported, {last} is there");
        // The batch is all or nothing: every message up to the last is there, and `h` goes with it.
        let Reply::Stream(Some(stream)) = db.read(&Read::Stream { token: TOKEN }).unwrap() else { panic!() };
        assert_eq!(u64::from(stream.h), last);
        check_all(&db, last);
    }
}

fn check_all(db: &Database, last: u64) {
    let query = ArchiveQuery { count: true, ..ArchiveQuery::new(ANN, 0) };
    let Reply::Page(page) = db.read(&Read::Archive(query)).unwrap() else { panic!() };
    assert_eq!(page.total, Some(last));
    let Reply::UserData(Some(bob)) = db.read(&Read::UserData { name: "bob".to_owned() }).unwrap() else { panic!() };
    assert_eq!(bob.pending, last);
}

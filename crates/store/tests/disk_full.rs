//! The disk refuses to take more, then takes more again: a child process under a file size limit that is lifted.

mod common;

use common::*;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use zaiseki_store::*;

const CHILD: &str = "ZAISEKI_STORE_FULL_CHILD";
/// Messages of 64 KiB, far more than the limit takes.
const MESSAGES: u64 = 200;
/// In units of 512 bytes: 4 MiB, enough for the tables.
const LIMIT: &str = "8192";

fn big(id: i64) -> Write {
    let stanza = format!("<message xmlns='jabber:client'>{}</message>", "x".repeat(64 * 1024));
    Write::Message(KeptMessage { stanza: stanza.into(), ..message(id) })
}

/// Not a test of its own: the process whose disk is full.
#[test]
fn child() {
    let Ok(dir) = std::env::var(CHILD) else { return };
    let report = |durable| {
        let mut out = std::io::stdout().lock();
        match durable {
            Durable::Upto(seq) => writeln!(out, "durable {seq}").unwrap(),
            Durable::Failed { text } => writeln!(out, "failed {text}").unwrap(),
        }
    };
    let options = Options { unwritten_bytes: 1024 * 1024, batch_writes: 8, ..Options::default() };
    let store = Store::open(Path::new(&dir), "example.com", options, Box::new(report)).unwrap();
    store.call(|db| db.create_many(&[new_user(ANN, "ann"), new_user(BOB, "bob")], &audit())).unwrap();
    (1..=MESSAGES).for_each(|seq| store.submit(seq, vec![big(seq.cast_signed())]));
    wait_for("the refusal", || matches!(store.flush(), Err(StoreError::Unavailable(_))));
    assert!(!store.healthy());
    println!("healthy false, reading {}", store.query(|db| db.user_by_name("ann")).is_ok());
    wait_for("space", || store.healthy() && store.flush().is_ok());
    store.close();
    println!("ended");
}

#[test]
fn a_full_disk_loses_nothing_and_recovers_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    // The signal of the limit is ignored, so that the write fails as on a full disk.
    let script = format!("trap '' XFSZ; ulimit -S -f {LIMIT}; exec \"$0\" --exact child --nocapture");
    let mut child = Command::new("/bin/sh")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env(CHILD, dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(|line| line.unwrap());
    let mut seen: Vec<String> = Vec::new();
    while !seen.last().is_some_and(|line| line.contains("healthy false")) {
        seen.push(lines.next().expect("the child meets the limit"));
    }
    assert!(seen.last().unwrap().ends_with("reading true"));
    let pid = child.id().to_string();
    assert!(Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited"]).status().unwrap().success());
    seen.extend(lines);
    assert!(child.wait().unwrap().success(), "{seen:?}");
    // Told once, by another thread than the one that saw it first.
    assert_eq!(seen.iter().filter(|line| line.starts_with("failed ")).count(), 1, "{seen:?}");
    assert!(seen.contains(&format!("durable {MESSAGES}")), "{seen:?}");
    let db = Database::open(&dir.path().join("zaiseki.sqlite"), "example.com").unwrap();
    let Reply::UserData(Some(bob)) = db.read(&Read::UserData { name: "bob".to_owned() }).unwrap() else { panic!() };
    assert_eq!(bob.pending, MESSAGES);
}

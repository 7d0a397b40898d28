//! Prints what the store costs per operation: microseconds of wall-clock time, and of CPU time of the whole process.
//!
//! `cargo run --release -p zaiseki-store --example store_speed [DIR]`; without a directory a temporary one is used.

use bytes::Bytes;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};
use zaiseki_model::{MessageId, MessageIds, RosterItem, ScramKeys, Timestamp, User, UserId};
use zaiseki_store::*;

const USERS: usize = 5_000;
const MESSAGES: usize = 200_000;
const BATCH: usize = 500;
const CONTACTS: usize = 20;

type Outcome<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome<()> {
    let temporary = tempfile::tempdir()?;
    let dir = std::env::args().nth(1).map_or(temporary.path().to_owned(), Into::into);
    let path = dir.join("zaiseki.sqlite");
    let mut db = Database::open(&path, "example.com")?;
    let users: Vec<NewUser> = (0..USERS).map(new_user).collect();
    let audit = Audit { actor: "example".to_owned(), at: Timestamp::ZERO };
    let taken = timed("user created in bulk", USERS, || db.create_many(&users, &audit))?;
    assert!(taken.is_empty());
    write_rosters(&mut db, &users)?;
    write_messages(&mut db, &users)?;
    release_all(&mut db, &users)?;
    let size = std::fs::metadata(&path)?.len();
    println!("{:<52} {:>9.0} bytes", "file, per message", size as f64 / MESSAGES as f64);
    let db = Database::open_read_only(&path, "example.com")?;
    read_speed(&db, &users)?;
    drop(db);
    big_archive(&mut Database::open(&path, "example.com")?, &users)?;
    store_speed(&dir, &users)
}

fn new_user(n: usize) -> NewUser {
    let id = UserId((n as u128 + 1).to_be_bytes());
    let user = User {
        id,
        name: format!("user{n:05}"),
        display_name: format!("User {n}"),
        mail: format!("user{n}@example.com"),
        telephone: String::new(),
        language: None,
        enabled: true,
        calendar: true,
        im: true,
        user_id: None,
    };
    let keys = |len| ScramKeys { salt: vec![1; 16], iterations: 4096, stored_key: vec![2; len], server_key: vec![3; len] };
    NewUser { user, sha256: Some(keys(32)), sha1: Some(keys(20)), profile: None }
}

fn address(n: usize) -> String {
    format!("user{n:05}@example.com")
}

/// Numbers that look random and are the same in each run.
fn scatter(n: usize) -> usize {
    (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) as usize >> 20
}

fn timed<T>(what: &str, operations: usize, f: impl FnOnce() -> T) -> T {
    let (start, cpu) = (Instant::now(), cpu_micros());
    let result = f();
    let wall = start.elapsed().as_secs_f64() * 1e6 / operations as f64;
    let cpu = (cpu_micros() - cpu) / operations as f64;
    println!("{what:<52} {wall:>9.2} µs {cpu:>9.2} µs CPU");
    result
}

/// CPU time of all threads so far, from `/proc` (Linux; else 0).
fn cpu_micros() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let nanos = tasks.filter_map(|task| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    });
    nanos.sum::<f64>() / 1e3
}

fn write_rosters(db: &mut Database, users: &[NewUser]) -> Outcome<()> {
    let mut writes = Vec::new();
    for (n, new) in users.iter().enumerate() {
        for contact in 1..=CONTACTS {
            let jid = address((n + contact * 17) % USERS).parse().map_err(|_| "a contact's address")?;
            let item = RosterItem { groups: vec!["Team".to_owned()], ..RosterItem::new(jid) };
            writes.push(Write::RosterPut { user: new.user.id, item });
        }
    }
    Ok(timed("contact written, in batches of 500", writes.len(), || commit_all(db, &writes))?)
}

fn commit_all(db: &mut Database, writes: &[Write]) -> Result<()> {
    writes.chunks(BATCH).try_for_each(|batch| db.commit(batch))
}

/// Pairs talk: each message goes to one of a few peers of its sender.
fn message(n: usize, id: MessageId, users: &[NewUser]) -> KeptMessage {
    let sender = scatter(n) % USERS;
    let receiver = (sender + (scatter(n + 7) % 5 + 1) * 17) % USERS;
    let copy = |owner: usize, peer| Some(ArchiveCopy { owner: users[owner].user.id, peer: address(peer) });
    let body = "x".repeat(120);
    let (from, to) = (address(sender), address(receiver));
    let stanza =
        format!("<message xmlns='jabber:client' type='chat' id='m{n}' from='{from}' to='{to}'><body>{body}</body></message>");
    KeptMessage {
        id,
        stanza: Bytes::from(stanza),
        archive: [copy(sender, receiver), copy(receiver, sender)],
        pending: Some(users[receiver].user.id),
    }
}

fn messages(users: &[NewUser], first: usize, count: usize) -> Vec<KeptMessage> {
    let mut ids = MessageIds::new(0, None);
    let id = |n: usize, ids: &mut MessageIds| ids.next(Timestamp::from_millis(1_700_000_000_000 + n as i64));
    (first..first + count).map(|n| message(n, id(n, &mut ids), users)).collect()
}

fn write_messages(db: &mut Database, users: &[NewUser]) -> Outcome<()> {
    let all = messages(users, 0, MESSAGES);
    let half = MESSAGES / 2;
    let acknowledged: Vec<Write> =
        all[..half].iter().map(|m| Write::Message(KeptMessage { pending: None, ..m.clone() })).collect();
    timed("message + 2 archive rows, in batches of 500", half, || commit_all(db, &acknowledged))?;
    let pending: Vec<Write> = all[half..].iter().cloned().map(Write::Message).collect();
    Ok(timed("the same + pending row", half, || commit_all(db, &pending))?)
}

fn release_all(db: &mut Database, users: &[NewUser]) -> Outcome<()> {
    let all = messages(users, MESSAGES / 2, MESSAGES / 2);
    let release = |m: &KeptMessage| m.pending.map(|user| Write::Release { user, id: m.id });
    let writes: Vec<Write> = all.iter().filter_map(release).collect();
    Ok(timed("release, in batches of 500", writes.len(), || commit_all(db, &writes))?)
}

fn read_speed(db: &Database, users: &[NewUser]) -> Outcome<()> {
    let many = 5_000;
    let name = |n: usize| format!("user{:05}", scatter(n) % USERS);
    let each = |what: &str, read: &dyn Fn(usize) -> Read| {
        (0..many).try_for_each(|n| db.read(&read(n)).map(drop))?;
        timed(what, many, || (0..many).try_for_each(|n| db.read(&read(n)).map(drop)))
    };
    each("credentials", &|n| Read::Credentials { name: name(n) })?;
    each("user data with 20 contacts", &|n| Read::UserData { name: name(n) })?;
    let query = |n: usize| ArchiveQuery { backwards: true, ..ArchiveQuery::new(users[scatter(n) % USERS].user.id, 50) };
    each("archive page of 50 (last)", &|n| Read::Archive(query(n)))?;
    each("the same, counted", &|n| Read::Archive(ArchiveQuery { count: true, ..query(n) }))?;
    let with = |n: usize| Some(address((scatter(n) % USERS + 17) % USERS));
    each("archive page with one peer (some 8)", &|n| Read::Archive(ArchiveQuery { with: with(n), ..query(n) }))?;
    Ok(())
}

/// The worst case of a filter by peer: a big archive without any message of that peer.
fn big_archive(db: &mut Database, users: &[NewUser]) -> Outcome<()> {
    let owner = users[0].user.id;
    let first = MESSAGES * 2;
    let one = |m: KeptMessage| KeptMessage { archive: [Some(ArchiveCopy { owner, peer: address(1) }), None], pending: None, ..m };
    let writes: Vec<Write> = messages(users, first, 100_000).into_iter().map(|m| Write::Message(one(m))).collect();
    commit_all(db, &writes)?;
    let query = ArchiveQuery { with: Some(address(0)), ..ArchiveQuery::new(owner, 50) };
    let read = Read::Archive(query);
    timed("peer without messages in an archive of 100,000", 20, || (0..20).try_for_each(|_| db.read(&read).map(drop)))?;
    Ok(())
}

/// Through the threads: submitted one by one as fast as possible, until all is durable.
fn store_speed(dir: &Path, users: &[NewUser]) -> Outcome<()> {
    let store = Store::open(dir, "example.com", Options::default(), Box::new(|_| ()))?;
    let writes: Vec<Write> = messages(users, MESSAGES, MESSAGES / 2).into_iter().map(Write::Message).collect();
    let count = writes.len();
    timed("message submitted to the store until durable", count, || {
        (1..).zip(writes).for_each(|(seq, write)| store.submit(seq, vec![write]));
        store.flush()
    })?;
    let (sender, receiver) = channel();
    timed("one message, waiting for its durability each time", 200, || {
        for seq in 0..200 {
            let sender = sender.clone();
            store.submit(
                1_000_000 + seq,
                vec![Write::LastSeen { user: users[0].user.id, at: Timestamp::ZERO, status: String::new() }],
            );
            store.read(1_000_000 + seq, Read::LastSeen { user: users[0].user.id }, move |_| {
                let _ = sender.send(());
            });
            receiver.recv_timeout(Duration::from_secs(10))?;
        }
        Outcome::Ok(())
    })
}

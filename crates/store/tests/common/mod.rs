//! What the tests of this crate share.
#![allow(dead_code)] // each test file uses a part

use bytes::Bytes;
use std::time::{Duration, Instant};
use zaiseki_model::{MessageId, ScramKeys, StreamToken, Timestamp, User, UserId};
use zaiseki_store::{ArchiveCopy, Audit, Database, KeptMessage, NewUser, Person, Result, Write};

pub const ANN: UserId = UserId([1; 16]);
pub const BOB: UserId = UserId([2; 16]);
pub const NOBODY: UserId = UserId([9; 16]);
pub const TOKEN: StreamToken = StreamToken([7; 16]);

pub fn audit() -> Audit {
    Audit { actor: "local:root".to_owned(), at: Timestamp::from_secs(1_700_000_000) }
}

pub fn user(id: UserId, name: &str) -> User {
    User {
        id,
        name: name.to_owned(),
        display_name: format!("{name} 様"),
        mail: format!("{name}@example.com"),
        telephone: "+81 3 1234".to_owned(),
        language: Some("ja".to_owned()),
        enabled: true,
        calendar: true,
        im: true,
        user_id: None,
    }
}

pub fn keys(seed: u8) -> ScramKeys {
    ScramKeys { salt: vec![seed; 16], iterations: 4096, stored_key: vec![seed + 1; 32], server_key: vec![seed + 2; 32] }
}

pub fn new_user(id: UserId, name: &str) -> NewUser {
    NewUser { user: user(id, name), sha256: Some(keys(10)), sha1: Some(keys(20)), profile: None }
}

/// With Ann and Bob.
pub fn database() -> Database {
    let mut db = Database::open_in_memory("example.com").unwrap();
    db.create_user(&new_user(ANN, "ann"), &audit()).unwrap();
    db.create_user(&new_user(BOB, "bob"), &audit()).unwrap();
    db
}

pub fn stanza(id: i64) -> Bytes {
    Bytes::from(format!("<message xmlns='jabber:client' id='{id}'><body>{id}</body></message>"))
}

pub fn copy(owner: UserId, peer: &str) -> Option<ArchiveCopy> {
    Some(ArchiveCopy { owner, peer: peer.to_owned() })
}

/// From Ann to Bob, in both archives, pending at Bob.
pub fn message(id: i64) -> KeptMessage {
    KeptMessage {
        id: MessageId(id),
        stanza: stanza(id),
        archive: [copy(ANN, "bob@example"), copy(BOB, "ann@example")],
        pending: Some(BOB),
    }
}

/// Pending at Bob only.
pub fn unarchived(id: i64) -> KeptMessage {
    KeptMessage { archive: [None, None], ..message(id) }
}

pub fn release(user: UserId, id: i64) -> Write {
    Write::Release { user, id: MessageId(id) }
}

/// Panics when the condition does not come true in time.
pub fn wait_for(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Nobody else changes the user meanwhile.
pub fn update(db: &mut Database, new: &User) -> Result<()> {
    let seen = db.user_by_id(new.id)?.unwrap_or_else(|| new.clone());
    db.update_user(&seen, new, &audit())
}

/// As [`update`], with the profile.
pub fn put(db: &mut Database, new: &Person) -> Result<()> {
    let seen = db.person(new.user.id)?.unwrap_or_else(|| new.clone());
    db.put_person(&seen, new, &audit())
}

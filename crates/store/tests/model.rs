//! The database against a simple model in memory: random messages, releases and purges, written both as they come
//! and through the store's staging.

mod common;

use common::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::channel;
use std::time::Duration;
use zaiseki_model::{MessageId, UserId};
use zaiseki_store::*;

const USERS: [UserId; 3] = [ANN, BOB, UserId([3; 16])];

#[derive(Clone, Debug)]
enum Step {
    Message {
        owner_a: Option<usize>,
        owner_b: Option<usize>,
        peer: usize,
        pending: Option<usize>,
    },
    /// Of the nth message from the newest, by its receiver or by someone else.
    Release {
        back: usize,
        user: usize,
    },
    Commit,
    Purge {
        back: usize,
        limit: usize,
    },
    PurgeUser {
        user: usize,
        back: usize,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let user = 0..USERS.len();
    let maybe = proptest::option::of(user.clone());
    prop_oneof![
        6 => (maybe.clone(), maybe.clone(), 0..3_usize, maybe)
            .prop_map(|(owner_a, owner_b, peer, pending)| Step::Message { owner_a, owner_b, peer, pending }),
        6 => (0..6_usize, user.clone()).prop_map(|(back, user)| Step::Release { back, user }),
        3 => Just(Step::Commit),
        1 => (0..8_usize, 1..6_usize).prop_map(|(back, limit)| Step::Purge { back, limit }),
        1 => (user, 0..8_usize).prop_map(|(user, back)| Step::PurgeUser { user, back }),
    ]
}

#[derive(Default)]
struct Model {
    next: i64,
    archive: [BTreeMap<i64, usize>; 3],
    pending: [BTreeSet<i64>; 3],
}

impl Model {
    fn id(&self, back: usize) -> i64 {
        (self.next - back as i64).max(1)
    }

    /// The write of this step, if it is one, and its effect on the model.
    fn write(&mut self, step: &Step) -> Option<Write> {
        match step {
            Step::Message { owner_a, owner_b, peer, pending } => {
                self.next += 1;
                for owner in [owner_a, owner_b].into_iter().flatten() {
                    self.archive[*owner].insert(self.next, *peer);
                }
                if let Some(user) = pending {
                    self.pending[*user].insert(self.next);
                }
                let owner = |owner: &Option<usize>| owner.and_then(|owner| copy(USERS[owner], &peer_name(*peer)));
                Some(Write::Message(KeptMessage {
                    archive: [owner(owner_a), owner(owner_b)],
                    pending: pending.map(|user| USERS[user]),
                    ..message(self.next)
                }))
            }
            Step::Release { back, user } => {
                let id = self.id(*back);
                self.pending[*user].remove(&id);
                Some(release(USERS[*user], id))
            }
            _ => None,
        }
    }

    fn purge(&mut self, before: i64, limit: usize) -> u64 {
        let ids: BTreeSet<i64> = self.archive.iter().flat_map(|rows| rows.range(..before)).map(|(id, _)| *id).collect();
        let ids: Vec<i64> = ids.into_iter().take(limit).collect();
        self.archive.iter_mut().for_each(|rows| rows.retain(|id, _| !ids.contains(id)));
        ids.len() as u64
    }
}

fn peer_name(peer: usize) -> String {
    format!("peer{peer}@example")
}

fn read_ids(db: &Database, read: Read) -> Vec<i64> {
    let messages = match db.read(&read).unwrap() {
        Reply::Messages(messages) => messages,
        Reply::Page(page) => page.messages,
        other => panic!("{other:?}"),
    };
    messages.iter().for_each(|message| assert_eq!(message.stanza, stanza(message.id.0)));
    messages.iter().map(|message| message.id.0).collect()
}

fn compare(db: &Database, model: &Model) {
    for (index, user) in USERS.into_iter().enumerate() {
        let pending: Vec<i64> = model.pending[index].iter().copied().collect();
        assert_eq!(read_ids(db, Read::Pending { user, after: None, limit: 1_000 }), pending);
        for peer in 0..3 {
            let query = ArchiveQuery { with: Some(peer_name(peer)), ..ArchiveQuery::new(user, 1_000) };
            let rows = model.archive[index].iter().filter(|(_, p)| **p == peer).map(|(id, _)| *id);
            assert_eq!(read_ids(db, Read::Archive(query)), rows.collect::<Vec<_>>());
        }
        let rows: Vec<i64> = model.archive[index].keys().copied().collect();
        let last = ArchiveQuery { backwards: true, count: true, ..ArchiveQuery::new(user, 3) };
        let Reply::Page(page) = db.read(&Read::Archive(last)).unwrap() else { panic!() };
        assert_eq!(page.messages.iter().map(|m| m.id.0).collect::<Vec<_>>(), rows[rows.len().saturating_sub(3)..]);
        assert_eq!(page.total, Some(rows.len() as u64));
        assert_eq!(page.complete, rows.len() <= 3);
    }
}

fn users() -> Vec<NewUser> {
    USERS.iter().enumerate().map(|(index, id)| new_user(*id, &format!("user{index}"))).collect()
}

/// No message row outlives its last keeper.
fn kept_by_somebody(model: &Model) -> u64 {
    let archived = model.archive.iter().flat_map(BTreeMap::keys);
    archived.chain(model.pending.iter().flatten()).collect::<BTreeSet<_>>().len() as u64
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn direct_commits_follow_the_model(steps in proptest::collection::vec(step(), 1..60)) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let mut db = Database::open(&path, "example.com").unwrap();
        db.create_many(&users(), &audit()).unwrap();
        let (mut model, mut batch) = (Model::default(), Vec::new());
        for step in steps.iter().chain([&Step::Commit]) {
            if let Some(write) = model.write(step) {
                batch.push(write);
                continue;
            }
            db.commit(&std::mem::take(&mut batch)).unwrap();
            match step {
                Step::Purge { back, limit } => {
                    let before = model.id(*back);
                    prop_assert_eq!(db.purge_archive(MessageId(before), *limit).unwrap(), model.purge(before, *limit));
                }
                Step::PurgeUser { user, back } => {
                    let before = model.id(*back);
                    db.purge_user_archive(USERS[*user], MessageId(before), 1_000).unwrap();
                    model.archive[*user].retain(|id, _| *id >= before);
                }
                _ => {}
            }
            compare(&db, &model);
        }
        let plain = rusqlite::Connection::open(&path).unwrap();
        let rows: i64 = plain.query_row("SELECT count(*) FROM message", [], |row| row.get(0)).unwrap();
        prop_assert_eq!(rows.unsigned_abs(), kept_by_somebody(&model));
    }

    #[test]
    fn staged_batches_follow_the_model(steps in proptest::collection::vec(step(), 1..60)) {
        let dir = tempfile::tempdir().unwrap();
        let options = Options { batch_window: Duration::from_secs(60), ..Options::default() };
        let store = Store::open(dir.path(), "example.com", options, Box::new(|_| ())).unwrap();
        store.call(|db| db.create_many(&users(), &audit())).unwrap();
        let (mut model, mut seq) = (Model::default(), 0);
        for step in steps.iter().chain([&Step::Commit]) {
            if let Some(write) = model.write(step) {
                seq += 1;
                store.submit(seq, vec![write]);
            } else if matches!(step, Step::Commit) {
                let (sender, receiver) = channel();
                let read = Read::Pending { user: BOB, after: None, limit: 1_000 };
                store.read(seq, read, move |reply| sender.send(reply).unwrap());
                let Reply::Messages(messages) = receiver.recv().unwrap().unwrap() else { panic!() };
                let ids: Vec<i64> = messages.iter().map(|message| message.id.0).collect();
                prop_assert_eq!(ids, model.pending[1].iter().copied().collect::<Vec<_>>());
            }
        }
        store.close();
        compare(&Database::open(&dir.path().join("zaiseki.sqlite"), "example.com").unwrap(), &model);
    }
}

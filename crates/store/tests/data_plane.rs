//! Every write and every read of the data plane, on one connection.

mod common;

use bytes::Bytes;
use common::*;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use zaiseki_model::{MessageId, RosterItem, StreamToken, Subscription, Timestamp, UserId, limits};
use zaiseki_store::*;

fn page(db: &Database, query: ArchiveQuery) -> Page {
    match db.read(&Read::Archive(query)).unwrap() {
        Reply::Page(page) => page,
        other => panic!("{other:?}"),
    }
}

fn ids(messages: &[StoredMessage]) -> Vec<i64> {
    messages.iter().map(|message| message.id.0).collect()
}

fn pending(db: &Database, user: UserId, after: Option<i64>, limit: usize) -> Vec<i64> {
    match db.read(&Read::Pending { user, after: after.map(MessageId), limit }).unwrap() {
        Reply::Messages(messages) => ids(&messages),
        other => panic!("{other:?}"),
    }
}

fn archived(db: &Database, owner: UserId) -> Vec<i64> {
    ids(&page(db, ArchiveQuery::new(owner, 1_000)).messages)
}

fn user_data(db: &Database, name: &str) -> UserData {
    match db.read(&Read::UserData { name: name.to_owned() }).unwrap() {
        Reply::UserData(Some(data)) => *data,
        other => panic!("{other:?}"),
    }
}

fn docs(db: &Database, prefix: Option<&str>, limit: usize, newest_first: bool) -> Vec<String> {
    let prefix = prefix.map(str::to_owned);
    match db.read(&Read::Docs { user: ANN, family: Family::PepItem, prefix, limit, newest_first }).unwrap() {
        Reply::Docs(docs) => docs.into_iter().map(|doc| doc.key).collect(),
        other => panic!("{other:?}"),
    }
}

fn put(family: Family, key: &str, value: &'static str) -> Write {
    Write::DocPut { user: ANN, family, key: key.to_owned(), value: Bytes::from_static(value.as_bytes()) }
}

#[test]
fn a_message_waits_until_it_is_released_and_stays_archived() {
    let mut db = database();
    db.commit(&[Write::Message(message(10)), Write::Message(unarchived(20)), Write::Message(message(30))]).unwrap();
    assert_eq!(pending(&db, BOB, None, 10), [10, 20, 30]);
    assert_eq!(pending(&db, BOB, Some(10), 1), [20]);
    assert!(pending(&db, ANN, None, 10).is_empty());
    assert_eq!(user_data(&db, "bob").pending, 3);
    let reply = db.read(&Read::Pending { user: BOB, after: Some(MessageId(20)), limit: 5 }).unwrap();
    assert_eq!(reply, Reply::Messages(vec![StoredMessage { id: MessageId(30), stanza: stanza(30) }]));
    db.commit(&[release(BOB, 10), release(BOB, 20), release(BOB, 99)]).unwrap();
    assert_eq!(pending(&db, BOB, None, 10), [30]);
    assert_eq!(archived(&db, ANN), [10, 30]);
    assert_eq!(archived(&db, BOB), [10, 30]);
}

#[test]
fn a_page_is_full_once_it_holds_so_many_bytes() {
    let mut db = database();
    let sized = |id: i64, bytes: usize| KeptMessage { stanza: Bytes::from(vec![b'x'; bytes]), ..message(id) };
    let half = limits::PAGE_BYTES / 2;
    let sizes = [half, half, 1, half, half - 1, 1];
    let batch: Vec<Write> = sizes.into_iter().zip(1..).map(|(bytes, id)| Write::Message(sized(id, bytes))).collect();
    db.commit(&batch).unwrap();
    // Exactly at the limit, and one byte below it.
    assert_eq!(pending(&db, BOB, None, 10), [1, 2]);
    assert_eq!(pending(&db, BOB, Some(3), 10), [4, 5, 6]);
    let pages = |backwards, limit| page(&db, ArchiveQuery { backwards, ..ArchiveQuery::new(BOB, limit) });
    assert_eq!((ids(&pages(false, 10).messages), pages(false, 10).complete), (vec![1, 2], false));
    assert_eq!((ids(&pages(true, 10).messages), pages(true, 10).complete), (vec![4, 5, 6], false));
    let rest = page(&db, ArchiveQuery { after: Some(MessageId(3)), ..ArchiveQuery::new(BOB, 10) });
    assert!(rest.complete && rest.messages.len() == 3);
}

#[test]
fn writing_a_batch_twice_is_writing_it_once() {
    let mut db = database();
    let batch = [Write::Message(message(10)), Write::Message(unarchived(20)), release(BOB, 20)];
    db.commit(&batch).unwrap();
    db.commit(&batch).unwrap();
    assert_eq!(pending(&db, BOB, None, 10), [10]);
    assert_eq!(archived(&db, BOB), [10]);
}

#[test]
fn a_message_to_oneself_stands_once_in_the_archive() {
    let mut db = database();
    let to_self = KeptMessage { archive: [copy(ANN, "ann@example"), copy(ANN, "ann@example")], ..message(5) };
    db.commit(&[Write::Message(to_self)]).unwrap();
    assert_eq!(archived(&db, ANN), [5]);
    assert_eq!(db.purge_archive(MessageId(6), 10).unwrap(), 1);
    assert!(archived(&db, ANN).is_empty());
}

#[test]
fn writes_for_unknown_users_are_dropped() {
    let mut db = database();
    let lost = KeptMessage { archive: [copy(NOBODY, "a@b"), None], pending: Some(NOBODY), ..message(1) };
    let item = RosterItem::new("x@example".parse().unwrap());
    db.commit(&[
        Write::Message(lost),
        release(NOBODY, 1),
        Write::RosterPut { user: NOBODY, item },
        Write::LastSeen { user: NOBODY, at: Timestamp::ZERO, status: String::new() },
        Write::StreamOpen { token: TOKEN, user: NOBODY, resource: "r".to_owned(), at: Timestamp::ZERO },
        Write::StreamHandled { token: TOKEN, h: 1, at: Timestamp::ZERO },
    ])
    .unwrap();
    assert_eq!(db.read(&Read::Stream { token: TOKEN }).unwrap(), Reply::Stream(None));
    assert!(archived(&db, NOBODY).is_empty());
    assert!(pending(&db, NOBODY, None, 1).is_empty());
}

#[test]
fn ids_are_remembered_beyond_purge_and_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let mut db = Database::open(&path, "example.com").unwrap();
    assert_eq!(db.max_message_id().unwrap(), None);
    db.create_user(&new_user(BOB, "bob"), &audit()).unwrap();
    db.commit(&[Write::Message(unarchived(30)), Write::Message(unarchived(20)), release(BOB, 30)]).unwrap();
    drop(db);
    assert_eq!(Database::open(&path, "example.com").unwrap().max_message_id().unwrap(), Some(MessageId(30)));
}

#[test]
fn streams_tell_how_far_they_got() {
    let mut db = database();
    let at = Timestamp::from_secs(5);
    let open = |token, at| Write::StreamOpen { token, user: ANN, resource: "机".to_owned(), at };
    let other = StreamToken([8; 16]);
    db.commit(&[open(TOKEN, at), Write::StreamHandled { token: TOKEN, h: u32::MAX, at }]).unwrap();
    let row = StreamRow { name: "ann".to_owned(), user: ANN, resource: "机".to_owned(), h: u32::MAX, opened_at: at };
    assert_eq!(db.read(&Read::Stream { token: TOKEN }).unwrap(), Reply::Stream(Some(row)));
    db.commit(&[open(other, Timestamp::from_secs(6))]).unwrap();
    db.commit(&[Write::StreamClose { token: TOKEN }]).unwrap();
    assert_eq!(db.read(&Read::Stream { token: TOKEN }).unwrap(), Reply::Stream(None));
    db.commit(&[Write::StreamClose { token: other }]).unwrap();
    assert_eq!(db.read(&Read::Stream { token: other }).unwrap(), Reply::Stream(None));
}

/// Three streams opened at the same time: one is used later, one lives without a word, one is left over.
#[test]
fn streams_are_purged_when_nobody_uses_them_any_more() {
    let mut db = database();
    let (used, living, left) = (TOKEN, StreamToken([8; 16]), StreamToken([9; 16]));
    let (keep, second) = (Duration::from_secs(100), Timestamp::from_secs);
    let open = |token| Write::StreamOpen { token, user: ANN, resource: "r".to_owned(), at: second(1_000) };
    db.commit(&[open(used), open(living), open(left)]).unwrap();
    db.commit(&[Write::StreamHandled { token: used, h: 1, at: second(1_090) }]).unwrap();
    let alive = HashSet::from([living]);
    let known = |db: &Database, token| db.read(&Read::Stream { token }).unwrap() != Reply::Stream(None);
    assert_eq!(db.purge_streams(&alive, second(1_100), keep).unwrap(), 0, "at the limit");
    assert_eq!(db.purge_streams(&alive, second(1_101), keep).unwrap(), 1, "one past it");
    assert_eq!([used, living, left].map(|token| known(&db, token)), [true, true, false]);
    // A crash: nobody is known to live, and the count of who did is still there for a while.
    assert_eq!(db.purge_streams(&HashSet::new(), second(1_191), keep).unwrap(), 1);
    assert_eq!([used, living].map(|token| known(&db, token)), [false, true]);
}

#[test]
fn rosters_read_back_as_written() {
    let mut db = database();
    let plain = RosterItem::new("a@example".parse().unwrap());
    let full = RosterItem {
        name: "Böb & 会".to_owned(),
        groups: vec!["同僚".to_owned(), "b".to_owned()],
        subscription: Subscription::From,
        ask: true,
        pending_in: Some(Bytes::from_static(b"<status>hi</status>")),
        approved: true,
        visible: false,
        ..RosterItem::new("b@example".parse().unwrap())
    };
    db.commit(&[
        Write::RosterPut { user: ANN, item: full.clone() },
        Write::RosterPut { user: ANN, item: RosterItem { ask: true, ..plain.clone() } },
        Write::RosterPut { user: ANN, item: plain.clone() },
        Write::RosterPut { user: BOB, item: plain.clone() },
        Write::RosterVersion { user: ANN, version: u64::MAX },
    ])
    .unwrap();
    let data = user_data(&db, "ann");
    assert_eq!((data.roster, data.roster_version), (vec![plain.clone(), full.clone()], u64::MAX));
    db.commit(&[Write::RosterRemove { user: ANN, jid: plain.jid.clone() }]).unwrap();
    assert_eq!(user_data(&db, "ann").roster, [full]);
    assert_eq!(user_data(&db, "bob").roster, [plain]);
}

#[test]
fn documents_come_by_time_of_put_and_prefix() {
    let mut db = database();
    db.commit(&[
        put(Family::PepItem, "n\u{0}2", "two"),
        put(Family::PepItem, "n\u{0}1", "one"),
        put(Family::PepItem, "n2\u{0}1", "other"),
        put(Family::Private, "n\u{0}9", "private"),
    ])
    .unwrap();
    assert_eq!(docs(&db, Some("n\u{0}"), 10, false), ["n\u{0}2", "n\u{0}1"]);
    assert_eq!(docs(&db, Some("n\u{0}"), 1, true), ["n\u{0}1"]);
    // Put again: now the newest.
    db.commit(&[put(Family::PepItem, "n\u{0}2", "new")]).unwrap();
    assert_eq!(docs(&db, None, 10, true), ["n\u{0}2", "n2\u{0}1", "n\u{0}1"]);
    let one = Read::Doc { user: ANN, family: Family::PepItem, key: "n\u{0}2".to_owned() };
    assert_eq!(db.read(&one).unwrap(), Reply::Doc(Some(Bytes::from_static(b"new"))));
    let prefix = Some("n\u{0}".to_owned());
    db.commit(&[Write::DocRemoveAll { user: ANN, family: Family::PepItem, key_prefix: prefix }]).unwrap();
    assert_eq!(docs(&db, None, 10, false), ["n2\u{0}1"]);
    db.commit(&[Write::DocRemove { user: ANN, family: Family::PepItem, key: "n2\u{0}1".to_owned() }]).unwrap();
    assert_eq!(docs(&db, None, 10, false), Vec::<String>::new());
    let private = Read::Doc { user: ANN, family: Family::Private, key: "n\u{0}9".to_owned() };
    assert_eq!(db.read(&private).unwrap(), Reply::Doc(Some(Bytes::from_static(b"private"))));
    db.commit(&[Write::DocRemoveAll { user: ANN, family: Family::Private, key_prefix: None }]).unwrap();
    assert_eq!(db.read(&private).unwrap(), Reply::Doc(None));
}

#[test]
fn user_data_holds_what_a_home_needs() {
    let mut db = database();
    db.commit(&[
        put(Family::Blocked, "evil@example", ""),
        put(Family::Preference, "archive", "never"),
        put(Family::PepNode, "urn:node", "<x/>"),
        put(Family::Vcard, "", "<vCard/>"),
        put(Family::PepItem, "urn:node\u{0}1", "<item/>"),
    ])
    .unwrap();
    let doc = |key: &str, value: &'static str| vec![Doc { key: key.to_owned(), value: Bytes::from(value) }];
    let data = user_data(&db, "ann");
    assert_eq!(data.user, user(ANN, "ann"));
    assert_eq!(data.blocked, doc("evil@example", ""));
    assert_eq!(data.preferences, doc("archive", "never"));
    assert_eq!(data.pep_nodes, doc("urn:node", "<x/>"));
    assert_eq!((data.roster.len(), data.roster_version, data.pending), (0, 0, 0));
    assert_eq!(db.read(&Read::UserData { name: "carl".to_owned() }).unwrap(), Reply::UserData(None));
}

#[test]
fn the_last_status_is_remembered() {
    let mut db = database();
    assert_eq!(db.read(&Read::LastSeen { user: ANN }).unwrap(), Reply::LastSeen(None));
    for (secs, status) in [(1, "bye"), (2, "またね")] {
        let at = Timestamp::from_secs(secs);
        db.commit(&[Write::LastSeen { user: ANN, at, status: status.to_owned() }]).unwrap();
    }
    let seen = LastSeen { at: Timestamp::from_secs(2), status: "またね".to_owned() };
    assert_eq!(db.read(&Read::LastSeen { user: ANN }).unwrap(), Reply::LastSeen(Some(seen)));
}

/// Ten messages at seconds 1..=10; the even ones with Bob, the odd ones with Carl. Ids are those of `first_at`.
fn archive_of_ten() -> (Database, Vec<i64>) {
    let mut db = database();
    let all: Vec<i64> = (1..=10).map(|secs| MessageId::first_at(Timestamp::from_secs(secs)).0).collect();
    let writes: Vec<Write> = (1..).zip(&all).map(|(n, id)| kept(n, *id)).collect();
    db.commit(&writes).unwrap();
    (db, all)
}

fn kept(n: i64, id: i64) -> Write {
    let peer = if n % 2 == 0 { "bob@example" } else { "carl@example" };
    Write::Message(KeptMessage { archive: [copy(ANN, peer), None], pending: None, ..message(id) })
}

#[test]
fn pages_go_forwards_and_backwards() {
    let (db, all) = archive_of_ten();
    let query = |limit| ArchiveQuery { count: true, ..ArchiveQuery::new(ANN, limit) };
    let first = page(&db, query(3));
    assert_eq!(ids(&first.messages), all[..3]);
    assert_eq!((first.complete, first.total, first.first_index), (false, Some(10), Some(0)));
    let next = page(&db, ArchiveQuery { after: Some(MessageId(all[2])), ..query(7) });
    assert_eq!(ids(&next.messages), all[3..]);
    assert_eq!((next.complete, next.total, next.first_index, next.anchor_found), (true, Some(10), Some(3), true));
    let last = page(&db, ArchiveQuery { backwards: true, ..query(4) });
    assert_eq!(ids(&last.messages), all[6..]);
    assert_eq!((last.complete, last.first_index), (false, Some(6)));
    let before = page(&db, ArchiveQuery { before: Some(MessageId(all[6])), backwards: true, ..query(6) });
    assert_eq!(ids(&before.messages), all[..6]);
    assert!(before.complete);
    let none = page(&db, query(0));
    assert_eq!((none.messages.len(), none.complete, none.total, none.first_index), (0, false, Some(10), None));
}

#[test]
fn the_archive_filters_by_peer_time_and_id() {
    let (db, all) = archive_of_ten();
    let with = |peer: &str| ArchiveQuery { with: Some(peer.to_owned()), count: true, ..ArchiveQuery::new(ANN, 3) };
    let bob = page(&db, ArchiveQuery { after: Some(MessageId(all[2])), ..with("bob@example") });
    assert_eq!(ids(&bob.messages), [all[3], all[5], all[7]]);
    assert_eq!((bob.complete, bob.total, bob.first_index), (false, Some(5), Some(1)));
    assert_eq!(page(&db, with("dora@example")).total, Some(0));
    let (start, end) = (Some(Timestamp::from_secs(3)), Some(Timestamp::from_secs(5)));
    let timed = page(&db, ArchiveQuery { start, end, count: true, ..ArchiveQuery::new(ANN, 50) });
    assert_eq!(ids(&timed.messages), all[2..5]);
    assert_eq!((timed.complete, timed.total), (true, Some(3)));
    let wanted = Some(vec![MessageId(all[8]), MessageId(all[1]), MessageId(4)]);
    let picked = page(&db, ArchiveQuery { ids: wanted, ..ArchiveQuery::new(ANN, 50) });
    assert_eq!(ids(&picked.messages), [all[1], all[8]]);
    assert_eq!((picked.total, picked.first_index), (None, None));
    let nothing = page(&db, ArchiveQuery { ids: Some(Vec::new()), ..ArchiveQuery::new(ANN, 50) });
    assert!(nothing.messages.is_empty() && nothing.complete);
}

#[test]
fn ids_of_the_form_bound_the_result_and_those_of_the_page_only_the_page() {
    let (db, all) = archive_of_ten();
    let (after_id, before_id) = (Some(MessageId(all[1])), Some(MessageId(all[8])));
    let query = ArchiveQuery { after_id, before_id, count: true, ..ArchiveQuery::new(ANN, 3) };
    let first = page(&db, query.clone());
    assert_eq!(ids(&first.messages), all[2..5]);
    assert_eq!((first.complete, first.total, first.first_index), (false, Some(6), Some(0)));
    let next = page(&db, ArchiveQuery { after: Some(MessageId(all[4])), ..query.clone() });
    assert_eq!(ids(&next.messages), all[5..8]);
    assert_eq!((next.complete, next.total, next.first_index), (true, Some(6), Some(3)));
    // An RSM id outside of the form's range does not widen it.
    let before = Some(MessageId(all[9]));
    let last = page(&db, ArchiveQuery { before, backwards: true, ..query.clone() });
    assert_eq!(ids(&last.messages), all[5..8]);
    assert_eq!((last.complete, last.total, last.first_index), (false, Some(6), Some(3)));
    for (after_id, before_id) in [(Some(MessageId(all[1] + 1)), None), (None, Some(MessageId(all[8] + 1)))] {
        assert!(!page(&db, ArchiveQuery { after_id, before_id, ..query.clone() }).anchor_found);
    }
}

#[test]
fn a_filter_looks_at_stanzas_and_fills_the_page() {
    let (db, all) = archive_of_ten();
    let wanted: Vec<_> = [all[1], all[4], all[9]].map(stanza).to_vec();
    let filter: StanzaFilter = Arc::new(move |bytes| wanted.iter().any(|stanza| stanza[..] == *bytes));
    let query = |limit| ArchiveQuery { filter: Some(filter.clone()), count: true, ..ArchiveQuery::new(ANN, limit) };
    let first = page(&db, query(2));
    assert_eq!(ids(&first.messages), [all[1], all[4]]);
    assert_eq!((first.complete, first.total), (false, None));
    let rest = page(&db, ArchiveQuery { after: Some(MessageId(all[4])), ..query(2) });
    assert_eq!(ids(&rest.messages), [all[9]]);
    assert!(rest.complete);
}

#[test]
fn an_anchor_that_is_not_in_the_archive_is_told() {
    let (db, all) = archive_of_ten();
    let found = |owner, after| page(&db, ArchiveQuery { after, ..ArchiveQuery::new(owner, 1) }).anchor_found;
    assert!(found(ANN, None));
    assert!(found(ANN, Some(MessageId(all[0]))));
    assert!(!found(ANN, Some(MessageId(all[0] + 1))));
    assert!(!found(BOB, Some(MessageId(all[0]))));
    assert!(!found(NOBODY, Some(MessageId(all[0]))));
}

#[test]
fn purging_spares_what_still_waits_for_its_receiver() {
    let mut db = database();
    let writes: Vec<Write> = (1..=5).map(|id| Write::Message(message(id))).collect();
    db.commit(&writes).unwrap();
    db.commit(&[release(BOB, 1), release(BOB, 2)]).unwrap();
    assert_eq!(db.purge_archive(MessageId(4), 2).unwrap(), 2);
    assert_eq!(archived(&db, ANN), [3, 4, 5]);
    assert_eq!(db.purge_archive(MessageId(4), 2).unwrap(), 1);
    assert_eq!(db.purge_archive(MessageId(4), 2).unwrap(), 0);
    assert_eq!(archived(&db, BOB), [4, 5]);
    assert_eq!(pending(&db, BOB, None, 10), [3, 4, 5]);
    // Its archive copies are gone, so the release of 3 removes it altogether.
    db.commit(&[release(BOB, 3)]).unwrap();
    assert_eq!(pending(&db, BOB, None, 10), [4, 5]);
}

#[test]
fn purging_one_archive_leaves_the_other() {
    let mut db = database();
    db.commit(&[Write::Message(message(1)), Write::Message(message(2)), release(BOB, 1), release(BOB, 2)]).unwrap();
    assert_eq!(db.purge_user_archive(ANN, MessageId(2), 10).unwrap(), 1);
    assert_eq!((archived(&db, ANN), archived(&db, BOB)), (vec![2], vec![1, 2]));
    assert_eq!(db.purge_user_archive(BOB, MessageId(10), 10).unwrap(), 2);
    assert_eq!((archived(&db, ANN), archived(&db, BOB)), (vec![2], vec![]));
}

//! The control-plane functions, with their audit rows.

mod common;

use common::*;
use serde_json::json;
use zaiseki_model::{BusyInterval, BusyKind, Credentials, GatewayId, MessageId, Timestamp, User, UserId};
use zaiseki_store::*;

const EWS: GatewayId = GatewayId([5; 16]);

fn credentials(db: &Database, name: &str) -> Option<Credentials> {
    match db.read(&Read::Credentials { name: name.to_owned() }).unwrap() {
        Reply::Credentials(credentials) => credentials,
        other => panic!("{other:?}"),
    }
}

fn actions(db: &Database, object: &str) -> Vec<String> {
    db.audit_list(Some(object), None, 100).unwrap().into_iter().map(|entry| entry.action).collect()
}

fn names(users: Vec<User>) -> Vec<String> {
    users.into_iter().map(|user| user.name).collect()
}

#[test]
fn users_are_made_found_and_signed_in() {
    let db = database();
    assert_eq!(db.user_by_name("ann").unwrap(), Some(user(ANN, "ann")));
    assert_eq!(db.user_by_id(BOB).unwrap(), Some(user(BOB, "bob")));
    assert_eq!(db.user_by_name("Ann").unwrap(), None);
    let expected = Credentials { user: ANN, name: "ann".to_owned(), enabled: true, sha256: Some(keys(10)), sha1: Some(keys(20)) };
    assert_eq!(credentials(&db, "ann"), Some(expected));
    assert_eq!(credentials(&db, "carl"), None);
}

#[test]
fn what_was_taken_away_meanwhile_does_not_come_back() {
    let mut db = database();
    let (seen, person) = (db.user_by_id(BOB).unwrap().unwrap(), db.person(BOB).unwrap().unwrap());
    db.set_enabled(BOB, false, &audit()).unwrap();
    let late = db.update_user(&seen, &User { mail: "new@example.org".to_owned(), ..seen.clone() }, &audit());
    assert!(matches!(late, Err(StoreError::Stale { .. })), "{late:?}");
    let late = db.put_person(&person, &person, &audit());
    assert!(matches!(late, Err(StoreError::Stale { .. })), "{late:?}");
    assert!(!db.user_by_id(BOB).unwrap().unwrap().enabled);
}

/// The same file, opened for one domain and then for another.
#[test]
fn a_name_is_one_of_its_domain() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db.sqlite");
    let mut com = Database::open(&path, "example.com").unwrap();
    com.create_user(&new_user(ANN, "ann"), &audit()).unwrap();
    com.replace_intervals(EWS, Timestamp::from_secs(1), &[(ANN, Vec::new())]).unwrap();
    drop(com);
    let mut org = Database::open(&path, "example.org").unwrap();
    assert_eq!(org.other_domains().unwrap(), [("example.com".to_owned(), 1)]);
    assert_eq!((org.user_by_name("ann").unwrap(), credentials(&org, "ann")), (None, None));
    assert_eq!((org.list_users(&UserFilter::default()).unwrap(), org.load_calendar().unwrap()), (vec![], vec![]));
    assert!(matches!(org.read(&Read::UserData { name: "ann".to_owned() }), Ok(Reply::UserData(None))));
    org.create_user(&new_user(BOB, "ann"), &audit()).unwrap();
    update(&mut org, &User { mail: "new@example.org".to_owned(), ..user(BOB, "ann") }).unwrap();
    drop(org);
    let com = Database::open(&path, "example.com").unwrap();
    assert_eq!(com.user_by_name("ann").unwrap(), Some(user(ANN, "ann")));
    assert_eq!((com.count_users(&UserFilter::default()).unwrap(), com.load_calendar().unwrap().len()), (1, 1));
}

#[test]
fn a_taken_name_or_id_is_a_conflict() {
    let mut db = database();
    let same_name = db.create_user(&new_user(NOBODY, "ann"), &audit());
    assert!(matches!(same_name, Err(StoreError::NameTaken { name }) if name == "ann"));
    let same_id = db.create_user(&new_user(ANN, "carl"), &audit());
    assert!(matches!(same_id, Err(StoreError::NameTaken { .. })));
    let batch = [new_user(NOBODY, "carl"), new_user(UserId([8; 16]), "bob"), new_user(UserId([7; 16]), "dora")];
    assert_eq!(db.create_many(&batch, &audit()).unwrap(), [1]);
    assert_eq!(names(db.list_users(&UserFilter::default()).unwrap()), ["ann", "bob", "carl", "dora"]);
    assert_eq!(actions(&db, "user:carl"), ["user.create"]);
    assert_eq!(actions(&db, "user:bob"), ["user.create"]);
}

#[test]
fn users_are_listed_by_page_and_filter() {
    let mut db = database();
    db.create_user(&new_user(NOBODY, "50%_off"), &audit()).unwrap();
    update(&mut db, &User { enabled: false, calendar: false, ..user(BOB, "bob") }).unwrap();
    let list = |filter: UserFilter| (names(db.list_users(&filter).unwrap()), db.count_users(&filter).unwrap());
    let page = UserFilter { after: Some("50%_off".to_owned()), limit: 1, ..UserFilter::default() };
    assert_eq!(list(page), (vec!["ann".to_owned()], 3));
    let search = |text: &str| list(UserFilter { search: Some(text.to_owned()), ..UserFilter::default() }).0;
    assert_eq!(search("%_"), ["50%_off"]);
    assert_eq!(search("ANN@EX"), ["ann"]);
    assert_eq!(search("bob 様"), ["bob"]);
    assert_eq!(list(UserFilter { enabled: Some(false), ..UserFilter::default() }), (vec!["bob".to_owned()], 1));
    assert_eq!(list(UserFilter { calendar: Some(true), ..UserFilter::default() }).1, 2);
}

#[test]
fn renaming_keeps_what_the_user_owns() {
    let mut db = database();
    db.commit(&[Write::Message(unarchived(1))]).unwrap();
    update(&mut db, &user(BOB, "robert")).unwrap();
    assert_eq!(credentials(&db, "robert").map(|credentials| credentials.user), Some(BOB));
    let Reply::Messages(pending) = db.read(&Read::Pending { user: BOB, after: None, limit: 9 }).unwrap() else { panic!() };
    assert_eq!(pending.len(), 1);
    assert!(matches!(update(&mut db, &user(ANN, "robert")), Err(StoreError::NameTaken { .. })));
    assert!(matches!(update(&mut db, &user(NOBODY, "new")), Err(StoreError::NotFound { .. })));
}

#[test]
fn credentials_and_enabling_change() {
    let mut db = database();
    db.set_credentials(ANN, Some(&keys(30)), None, &audit()).unwrap();
    db.set_enabled(ANN, false, &audit()).unwrap();
    let expected = Credentials { user: ANN, name: "ann".to_owned(), enabled: false, sha256: Some(keys(30)), sha1: None };
    assert_eq!(credentials(&db, "ann"), Some(expected));
    assert_eq!(actions(&db, "user:ann"), ["user.disable", "user.set_credentials", "user.create"]);
    assert!(matches!(db.set_enabled(NOBODY, true, &audit()), Err(StoreError::NotFound { .. })));
}

#[test]
fn removing_a_user_takes_everything_along() {
    let mut db = database();
    let doc = Write::DocPut { user: BOB, family: Family::Vcard, key: String::new(), value: stanza(0) };
    db.commit(&[Write::Message(message(1)), Write::Message(unarchived(2)), doc]).unwrap();
    db.remove_user(BOB, &audit()).unwrap();
    assert_eq!(credentials(&db, "bob"), None);
    assert_eq!(db.purge_removed(10).unwrap(), 0);
    let Reply::Page(page) = db.read(&Read::Archive(ArchiveQuery::new(ANN, 10))).unwrap() else { panic!() };
    assert_eq!(page.messages.len(), 1, "Ann keeps her copy");
    // A namesake, even one with the same id, begins with nothing.
    db.create_user(&new_user(BOB, "bob"), &audit()).unwrap();
    let Reply::Messages(pending) = db.read(&Read::Pending { user: BOB, after: None, limit: 9 }).unwrap() else { panic!() };
    assert_eq!(pending, []);
    let vcard = Read::Doc { user: BOB, family: Family::Vcard, key: String::new() };
    assert_eq!(db.read(&vcard).unwrap(), Reply::Doc(None));
    assert_eq!(actions(&db, "user:bob"), ["user.create", "user.remove", "user.create"]);
    assert!(matches!(db.remove_user(NOBODY, &audit()), Err(StoreError::NotFound { .. })));
}

/// Somebody else may get the address: no subscription, request or pre-approval is inherited.
#[test]
fn a_removed_user_leaves_the_rosters_of_others() {
    use zaiseki_model::{RosterItem, Subscription};
    let mut db = database();
    let read = |db: &Database| match db.read(&Read::UserData { name: "ann".to_owned() }).unwrap() {
        Reply::UserData(Some(data)) => (data.roster, data.roster_version),
        other => panic!("{other:?}"),
    };
    let bob = RosterItem {
        name: "Bobby".to_owned(),
        groups: vec!["同僚".to_owned()],
        ..RosterItem::new("bob@example.com".parse().unwrap())
    };
    let elsewhere = RosterItem { subscription: Subscription::Both, ..RosterItem::new("bob@example.net".parse().unwrap()) };
    let both = RosterItem { subscription: Subscription::Both, approved: true, ask: true, ..bob.clone() };
    let items = [both, elsewhere.clone()].map(|item| Write::RosterPut { user: ANN, item });
    db.commit(&items).unwrap();
    db.remove_user(BOB, &audit()).unwrap();
    assert_eq!(read(&db), (vec![bob.clone(), elsewhere.clone()], 1));

    // A second one with the address: what Ann never saw goes without a trace, and without a new version.
    db.create_user(&new_user(BOB, "bob"), &audit()).unwrap();
    let hidden = RosterItem { visible: false, pending_in: Some(bytes::Bytes::from_static(b"<a/>")), ..RosterItem::new(bob.jid) };
    db.commit(&[Write::RosterPut { user: ANN, item: hidden }]).unwrap();
    db.remove_user(BOB, &audit()).unwrap();
    assert_eq!(read(&db), (vec![elsewhere], 1));
}

#[test]
fn a_big_archive_of_a_removed_user_goes_piece_by_piece() {
    let mut db = database();
    let only_bob = |id| KeptMessage { archive: [None, copy(BOB, "ann@example")], pending: None, ..message(id) };
    let writes: Vec<Write> = (1..=5_100).map(|id| Write::Message(only_bob(id))).collect();
    db.commit(&writes).unwrap();
    db.remove_user(BOB, &audit()).unwrap();
    assert_eq!(db.purge_removed(60).unwrap(), 60);
    assert_eq!(db.purge_removed(60).unwrap(), 40);
    assert_eq!(db.purge_removed(60).unwrap(), 0);
    assert_eq!(db.purge_archive(MessageId(i64::MAX), 10).unwrap(), 0, "no message is left behind");
}

fn gateway(id: GatewayId, name: &str) -> Gateway {
    let secret = Some(b"sealed".to_vec());
    Gateway { id, name: name.to_owned(), kind: "ews".to_owned(), config: "{\"a\":1}".to_owned(), secret, enabled: true }
}

#[test]
fn gateways_are_kept_and_their_secrets_not_audited() {
    let mut db = database();
    db.put_gateway(&gateway(EWS, "mail"), &audit()).unwrap();
    db.put_gateway(&Gateway { enabled: false, ..gateway(EWS, "mail2") }, &audit()).unwrap();
    assert_eq!(db.gateways().unwrap(), [Gateway { enabled: false, ..gateway(EWS, "mail2") }]);
    assert_eq!(db.gateway_by_name("mail").unwrap(), None);
    let conflict = db.put_gateway(&gateway(GatewayId([6; 16]), "mail2"), &audit());
    assert!(matches!(conflict, Err(StoreError::Conflict { .. })));
    let trail = db.audit_list(None, None, 10).unwrap();
    assert_eq!((trail[0].action.as_str(), trail[1].action.as_str()), ("gateway.update", "gateway.create"));
    assert!(trail.iter().all(|entry| !format!("{entry:?}").contains("sealed")));
    db.remove_gateway(EWS, &audit()).unwrap();
    assert_eq!(db.gateway(EWS).unwrap(), None);
    assert!(matches!(db.remove_gateway(EWS, &audit()), Err(StoreError::NotFound { .. })));
}

fn meeting(start: i64, kind: BusyKind) -> BusyInterval {
    BusyInterval { start: Timestamp::from_secs(start), end: Timestamp::from_secs(start + 60), kind }
}

#[test]
fn calendars_are_replaced_and_errors_kept_beside_them() {
    let mut db = database();
    db.put_gateway(&gateway(EWS, "mail"), &audit()).unwrap();
    let kinds = [BusyKind::Free, BusyKind::Tentative, BusyKind::Busy, BusyKind::OutOfOffice];
    let all: Vec<_> = kinds.into_iter().chain([BusyKind::WorkingElsewhere, BusyKind::NoData]).collect();
    let intervals: Vec<_> = (0..).zip(all).map(|(n, kind)| meeting(n * 100, kind)).collect();
    let at = Timestamp::from_secs(1_000);
    db.replace_intervals(EWS, at, &[(ANN, intervals.clone()), (NOBODY, intervals.clone())]).unwrap();
    db.set_calendar_errors(EWS, &[(ANN, "no mailbox".to_owned()), (BOB, "denied".to_owned())]).unwrap();
    let row = |user, name: &str, intervals, fetched_at, error: Option<&str>| CalendarRow {
        user,
        name: name.to_owned(),
        gateway: EWS,
        intervals,
        fetched_at,
        error: error.map(str::to_owned),
    };
    let ann = row(ANN, "ann", intervals.clone(), at, Some("no mailbox"));
    let bob = row(BOB, "bob", Vec::new(), Timestamp::ZERO, Some("denied"));
    assert_eq!(db.load_calendar().unwrap(), [ann, bob.clone()]);
    let later = Timestamp::from_secs(2_000);
    db.replace_intervals(EWS, later, &[(ANN, intervals[1..2].to_vec())]).unwrap();
    assert_eq!(db.load_calendar().unwrap(), [row(ANN, "ann", intervals[1..2].to_vec(), later, None), bob]);
    db.forget_calendar(BOB, EWS).unwrap();
    assert_eq!(db.load_calendar().unwrap().len(), 1);
    db.remove_gateway(EWS, &audit()).unwrap();
    assert_eq!(db.load_calendar().unwrap(), []);
}

#[test]
fn health_is_told_per_gateway() {
    let mut db = database();
    let since = Timestamp::from_secs(3);
    let health = GatewayHealth { up: false, since, checked_at: since, reason: Some("timeout".to_owned()) };
    assert!(matches!(db.set_gateway_health(EWS, &health), Err(StoreError::NotFound { .. })));
    db.put_gateway(&gateway(EWS, "mail"), &audit()).unwrap();
    assert_eq!(db.gateway_health(EWS).unwrap(), None);
    db.set_gateway_health(EWS, &health).unwrap();
    let up = GatewayHealth { up: true, reason: None, ..health };
    db.set_gateway_health(EWS, &up).unwrap();
    assert_eq!(db.gateway_health(EWS).unwrap(), Some(up));
}

#[test]
fn settings_and_node_values_are_kept() {
    let mut db = database();
    let change = |key: &str, value| (key.to_owned(), value);
    db.put_settings(&[change("b", Some(json!(1))), change("a", Some(json!({"x": "y"})))], &audit()).unwrap();
    db.put_settings(&[change("b", Some(json!(2)))], &audit()).unwrap();
    let all = vec![("a".to_owned(), "{\"x\":\"y\"}".to_owned()), ("b".to_owned(), "2".to_owned())];
    assert_eq!(db.settings().unwrap(), all);
    db.put_settings(&[change("b", None)], &audit()).unwrap();
    assert_eq!(db.setting("b").unwrap(), None);
    let trail: Vec<_> = db.audit_list(Some("setting:b"), None, 9).unwrap().into_iter().map(|e| (e.before, e.after)).collect();
    let text = |s: &str| Some(s.to_owned());
    assert_eq!(trail, [(text("2"), None), (text("1"), text("2")), (None, text("1"))]);
    assert_eq!(db.meta_get("key").unwrap(), None);
    db.meta_put("key", b"\0one").unwrap();
    db.meta_put("key", b"\0two").unwrap();
    assert_eq!(db.meta_get("key").unwrap(), Some(b"\0two".to_vec()));
}

#[test]
fn the_trail_is_paged_newest_first_and_purged() {
    let mut db = Database::open_in_memory("example.com").unwrap();
    for secs in 1..=3 {
        let audit = Audit { actor: "someone".to_owned(), at: Timestamp::from_secs(secs) };
        db.audit_append(&audit, "console.sign_in", "console", None, Some(&json!({"n": secs}))).unwrap();
    }
    let page = db.audit_list(None, None, 2).unwrap();
    assert_eq!(page.iter().map(|entry| entry.at.secs()).collect::<Vec<_>>(), [3, 2]);
    let rest = db.audit_list(None, Some(page[1].id), 2).unwrap();
    assert_eq!(rest.len(), 1);
    assert_eq!((rest[0].actor.as_str(), rest[0].after.as_deref()), ("someone", Some("{\"n\":1}")));
    assert_eq!(db.purge_audit(Timestamp::from_secs(3)).unwrap(), 2);
    assert_eq!(db.audit_list(None, None, 9).unwrap().len(), 1);
}

//! A user gets another name: what hangs on the old one follows, all of it or nothing.

mod common;

use bytes::Bytes;
use common::*;
use zaiseki_model::{MessageId, RosterItem, Subscription, UserId, limits};
use zaiseki_store::*;

/// Decided on now.
fn exchange(db: &mut Database, people: &[Person]) -> bool {
    let seen: Vec<Person> = people.iter().map(|to| db.person(to.user.id).unwrap().unwrap_or_else(|| to.clone())).collect();
    db.exchange_people(&seen, people, &audit()).unwrap()
}

fn item(jid: &str, name: &str, subscription: Subscription) -> RosterItem {
    RosterItem { name: name.to_owned(), subscription, ..RosterItem::new(jid.parse().unwrap()) }
}

fn data(db: &Database, name: &str) -> UserData {
    match db.read(&Read::UserData { name: name.to_owned() }).unwrap() {
        Reply::UserData(Some(data)) => *data,
        other => panic!("{name}: {other:?}"),
    }
}

fn blocked(jid: &str) -> Write {
    Write::DocPut { user: BOB, family: Family::Blocked, key: jid.to_owned(), value: Bytes::new() }
}

fn archived_with(db: &Database, owner: UserId, peer: &str) -> Vec<MessageId> {
    let query = ArchiveQuery { with: Some(peer.to_owned()), ..ArchiveQuery::new(owner, 99) };
    match db.read(&Read::Archive(query)).unwrap() {
        Reply::Page(page) => page.messages.into_iter().map(|message| message.id).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn contact_lists_block_lists_and_archives_follow() {
    let mut db = database();
    let put = |jid: &str, name: &str, subscription| Write::RosterPut { user: BOB, item: item(jid, name, subscription) };
    let to_bob = KeptMessage { archive: [copy(ANN, "bob@example.com"), copy(BOB, "ann@example.com")], ..message(1) };
    // Left over from somebody who had the name before.
    let writes = [
        put("ann@example.com", "Ann", Subscription::Both),
        put("new@example.com", "Gone", Subscription::None),
        put("anna@example.com", "Other", Subscription::Both),
        blocked("ann@example.com"),
        blocked("ann@example.com/desk"),
        blocked("ann@example.com.au"),
        blocked("anna@example.com"),
        Write::Message(to_bob),
    ];
    db.commit(&writes).unwrap();
    let version = data(&db, "bob").roster_version;
    db.rename_user(ANN, "new", None, &audit()).unwrap();
    assert_eq!(db.user_by_name("new").unwrap().map(|user| user.id), Some(ANN));
    let bob = data(&db, "bob");
    let names: Vec<(String, &str)> = bob.roster.iter().map(|item| (item.jid.to_string(), item.name.as_str())).collect();
    assert_eq!(names, [("anna@example.com".to_owned(), "Other"), ("new@example.com".to_owned(), "Ann")]);
    assert_eq!((bob.roster[1].subscription, bob.roster_version), (Subscription::Both, version + 1));
    let mut keys: Vec<&str> = bob.blocked.iter().map(|doc| doc.key.as_str()).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["ann@example.com.au", "anna@example.com", "new@example.com", "new@example.com/desk"]);
    assert_eq!(archived_with(&db, BOB, "new@example.com"), [MessageId(1)]);
    assert_eq!(archived_with(&db, BOB, "ann@example.com"), []);
    assert_eq!(archived_with(&db, ANN, "bob@example.com"), [MessageId(1)]);
    let trail = db.audit_list(Some("user:ann"), None, 9).unwrap();
    assert_eq!((trail[0].action.as_str(), trail[0].after.as_deref()), ("user.rename", Some("{\"name\":\"new\"}")));
}

#[test]
fn a_name_that_is_taken_changes_nothing() {
    let mut db = database();
    db.commit(&[Write::RosterPut { user: BOB, item: item("ann@example.com", "Ann", Subscription::Both) }]).unwrap();
    assert!(matches!(db.rename_user(ANN, "bob", None, &audit()), Err(StoreError::NameTaken { .. })));
    assert!(matches!(db.rename_user(NOBODY, "x", None, &audit()), Err(StoreError::NotFound { .. })));
    assert_eq!(data(&db, "bob").roster[0].jid.as_str(), "ann@example.com");
    assert_eq!(db.user_by_name("ann").unwrap().map(|user| user.id), Some(ANN));
}

fn leads_to(db: &Database, name: &str) -> Option<String> {
    match db.read(&Read::UserData { name: name.to_owned() }).unwrap() {
        Reply::Moved(to) => Some(to),
        _ => None,
    }
}

#[test]
fn earlier_names_lead_to_the_user_until_somebody_else_has_them() {
    let mut db = database();
    for number in 0..=limits::ALIASES_PER_USER {
        let audit = Audit { at: zaiseki_model::Timestamp::from_secs(number as i64), ..audit() };
        db.rename_user(ANN, &format!("n{number}"), None, &audit).unwrap();
    }
    let last = format!("n{}", limits::ALIASES_PER_USER);
    assert_eq!(leads_to(&db, "ann"), None, "one past the limit: the oldest went");
    assert_eq!(leads_to(&db, "n0"), Some(last.clone()), "at the limit");
    db.create_user(&new_user(NOBODY, "n0"), &audit()).unwrap();
    db.rename_user(BOB, "n1", None, &audit()).unwrap();
    db.rename_user(ANN, "n2", None, &audit()).unwrap();
    assert_eq!((leads_to(&db, "n0"), leads_to(&db, "n1"), leads_to(&db, "n2")), (None, None, None));
    assert_eq!((leads_to(&db, "bob"), leads_to(&db, &last)), (Some("n1".to_owned()), Some("n2".to_owned())));
    db.set_enabled(ANN, false, &audit()).unwrap();
    assert_eq!(leads_to(&db, &last), None, "who cannot be written to");
    db.remove_user(ANN, &audit()).unwrap();
    db.create_user(&new_user(ANN, "again"), &audit()).unwrap();
    assert_eq!(leads_to(&db, "n3"), None);
}

#[test]
fn a_user_goes_by_address_and_by_user_id_and_nobody_else_does() {
    let mut db = database();
    db.rename_user(ANN, "a.smith", Some("ann"), &audit()).unwrap();
    for name in ["ann", "a.smith"] {
        assert_eq!(db.user_by_name(name).unwrap().map(|user| user.id), Some(ANN), "{name}");
        let Reply::Credentials(Some(found)) = db.read(&Read::Credentials { name: name.to_owned() }).unwrap() else {
            panic!("{name}")
        };
        assert_eq!((found.user, found.name.as_str()), (ANN, "a.smith"));
        assert!(matches!(db.rename_user(BOB, name, None, &audit()), Err(StoreError::NameTaken { .. })), "{name}");
        assert!(matches!(db.rename_user(BOB, "b.brown", Some(name), &audit()), Err(StoreError::NameTaken { .. })), "{name}");
        assert!(
            matches!(db.create_user(&new_user(UserId([8; 16]), name), &audit()), Err(StoreError::NameTaken { .. })),
            "{name}"
        );
    }
    assert_eq!(leads_to(&db, "ann").as_deref(), Some("a.smith"), "whoever writes to the user id learns the address");
    db.rename_user(ANN, "ann", None, &audit()).unwrap();
    assert_eq!(db.user_by_name("ann").unwrap().map(|user| (user.id, user.user_id)), Some((ANN, None)));
    db.rename_user(BOB, "a.smith", Some("bob"), &audit()).unwrap();
}

#[test]
fn names_are_exchanged_with_all_that_hangs_on_them_or_not_at_all() {
    let mut db = database();
    let carl = UserId([3; 16]);
    db.create_user(&new_user(carl, "carl"), &audit()).unwrap();
    let put = |jid: &str, name: &str| Write::RosterPut { user: carl, item: item(jid, name, Subscription::Both) };
    let among = KeptMessage { archive: [copy(ANN, "bob@example.com"), copy(BOB, "ann@example.com")], ..message(1) };
    let to_carl = KeptMessage { archive: [copy(ANN, "carl@example.com"), copy(carl, "ann@example.com")], ..message(2) };
    let writes = [put("ann@example.com", "Ann"), put("bob@example.com", "Bob"), Write::Message(among), Write::Message(to_carl)];
    db.commit(&writes).unwrap();
    let version = data(&db, "carl").roster_version;
    let called = |db: &Database, user: UserId, name: &str, user_id: Option<&str>| {
        let mut person = db.person(user).unwrap().unwrap();
        (person.user.name, person.user.user_id) = (name.to_owned(), user_id.map(str::to_owned));
        person
    };
    // Somebody else has one of the names, two get the same one, or one of them is gone.
    let taken = vec![called(&db, ANN, "bob", None), called(&db, BOB, "carl", None)];
    let same = vec![called(&db, ANN, "bob", None), called(&db, BOB, "x", Some("bob"))];
    let mut gone = vec![called(&db, ANN, "bob", None), called(&db, BOB, "ann", None)];
    gone[1].user.id = NOBODY;
    for refused in [taken, same, gone] {
        assert!(!exchange(&mut db, &refused));
    }
    assert_eq!(db.user_by_name("ann").unwrap().map(|user| user.id), Some(ANN));

    let people = [called(&db, ANN, "bob", None), called(&db, BOB, "b.brown", Some("ann"))];
    assert!(exchange(&mut db, &people));
    let owner = |name: &str| db.user_by_name(name).unwrap().map(|user| user.id);
    assert_eq!((owner("bob"), owner("ann"), owner("b.brown")), (Some(ANN), Some(BOB), Some(BOB)));
    let roster: Vec<(String, String)> =
        data(&db, "carl").roster.into_iter().map(|item| (item.jid.to_string(), item.name)).collect();
    let pair = |jid: &str, name: &str| (jid.to_owned(), name.to_owned());
    assert_eq!(roster, [pair("b.brown@example.com", "Bob"), pair("bob@example.com", "Ann")]);
    assert!(data(&db, "carl").roster_version > version);
    assert_eq!(archived_with(&db, ANN, "b.brown@example.com"), [MessageId(1)]);
    assert_eq!(archived_with(&db, BOB, "bob@example.com"), [MessageId(1)]);
    assert_eq!(archived_with(&db, carl, "bob@example.com"), [MessageId(2)]);
    assert_eq!(leads_to(&db, "bob"), None, "it is somebody's name");
    let trail = db.audit_list(Some("user:ann"), None, 9).unwrap();
    let renamed = trail.iter().find(|entry| entry.action == "user.rename").unwrap();
    assert_eq!((renamed.before.as_deref(), renamed.after.as_deref()), (Some("{\"name\":\"ann\"}"), Some("{\"name\":\"bob\"}")));
}

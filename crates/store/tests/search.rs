//! How people are found, by administrators and by each other.

mod common;

use common::*;
use zaiseki_model::{Number, NumberKind, Profile, UserId};
use zaiseki_store::*;

const HANAKO: UserId = UserId([3; 16]);

fn hanako() -> NewUser {
    let profile = Profile {
        given_name: "花子".to_owned(),
        family_name: "髙橋".to_owned(),
        phonetic_name: "ﾀｶﾊｼ ﾊﾅｺ".to_owned(),
        directory_uri: "h.takahashi@uri.example".to_owned(),
        department: "第一営業部".to_owned(),
        numbers: vec![Number { kind: NumberKind::Work, number: "+81312345678".to_owned() }],
        ..Profile::default()
    };
    let mut user = user(HANAKO, "thanako");
    (user.display_name, user.telephone) = ("髙橋　花子".to_owned(), "+81312345678".to_owned());
    NewUser { user, sha256: None, sha1: None, profile: Some(Box::new(profile)) }
}

fn with_hanako() -> Database {
    let mut db = database();
    db.create_user(&hanako(), &audit()).unwrap();
    db
}

fn listed(db: &Database, filter: UserFilter) -> Vec<String> {
    let (users, count) = db.page_users(&filter).unwrap();
    assert_eq!((users.clone(), count), (db.list_users(&filter).unwrap(), db.count_users(&filter).unwrap()));
    users.into_iter().map(|user| user.name).collect()
}

fn search(db: &Database, text: &str) -> Vec<String> {
    listed(db, UserFilter { search: Some(text.to_owned()), ..UserFilter::default() })
}

fn find(db: &Database, query: SearchQuery) -> Vec<String> {
    let Reply::People(found) = db.read(&Read::Search(query)).unwrap() else { panic!("people") };
    found.people.into_iter().map(|person| person.name).collect()
}

fn asked(any: &str) -> SearchQuery {
    SearchQuery { any: any.to_owned(), contact_details: true, limit: 10, ..SearchQuery::default() }
}

#[test]
fn a_person_is_found_by_everything_that_is_known() {
    let db = with_hanako();
    let ways = [
        "高橋",
        "花子 髙橋",
        "高橋花子",
        "たかはし",
        "タカハシハナコ",
        "はな",
        "THANAKO",
        "thanako@EXAMPLE",
        "h.takahashi@uri",
        "営業",
        "03-1234-5678",
        "+81 3 1234 5678",
        "12345",
    ];
    for text in ways {
        assert_eq!(search(&db, text), ["thanako"], "{text}");
        assert_eq!(find(&db, asked(text)), ["thanako"], "{text}");
    }
    for text in ["高橋 太郎", "takahashi@example", "はなたか", "\u{1f}", "h.takahashi@uri.examplethanako"] {
        assert!(search(&db, text).is_empty() || text == "\u{1f}", "{text}");
    }
    assert_eq!(search(&db, "+81").len(), 3, "everybody has a number");
}

#[test]
fn what_changes_is_found_at_once() {
    let mut db = with_hanako();
    let mut person = db.person(HANAKO).unwrap().unwrap();
    person.profile.phonetic_name = "さとう はなこ".to_owned();
    put(&mut db, &person).unwrap();
    assert_eq!((search(&db, "さとう").len(), search(&db, "たかはし").len()), (1, 0));
    db.rename_user(HANAKO, "hsato", None, &audit()).unwrap();
    assert_eq!((search(&db, "hsato"), search(&db, "thanako").len()), (vec!["hsato".to_owned()], 1), "the mail address stays");
    let mut user = db.user_by_id(HANAKO).unwrap().unwrap();
    user.mail = "hsato@example.com".to_owned();
    update(&mut db, &user).unwrap();
    assert!(search(&db, "thanako").is_empty());
    db.remove_user(HANAKO, &audit()).unwrap();
    assert!(search(&db, "hsato").is_empty());
}

#[test]
fn pages_and_filters_hold_for_a_search_too() {
    let mut db = with_hanako();
    let filter = || UserFilter { search: Some("example.com".to_owned()), ..UserFilter::default() };
    assert_eq!(listed(&db, filter()), ["ann", "bob", "thanako"]);
    let (page, count) = db.page_users(&UserFilter { after: Some("ann".to_owned()), limit: 1, ..filter() }).unwrap();
    assert_eq!((page[0].name.as_str(), page.len(), count), ("bob", 1, 3));
    db.set_enabled(BOB, false, &audit()).unwrap();
    db.set_im(&[ANN], false, &audit()).unwrap();
    assert_eq!(listed(&db, UserFilter { enabled: Some(true), ..filter() }), ["ann", "thanako"]);
    assert_eq!(listed(&db, UserFilter { im: Some(false), ..filter() }), ["ann"]);
    assert_eq!(listed(&db, UserFilter { calendar: Some(true), enabled: Some(false), ..filter() }), ["bob"]);
}

#[test]
fn users_find_those_who_can_sign_in_and_are_not_left_out() {
    let mut db = with_hanako();
    let all = |db: &Database| find(db, asked("*"));
    assert_eq!(all(&db), ["ann", "bob", "thanako"]);
    db.set_enabled(BOB, false, &audit()).unwrap();
    db.set_im(&[ANN], false, &audit()).unwrap();
    assert_eq!(all(&db), ["thanako"]);
    let mut person = db.person(HANAKO).unwrap().unwrap();
    person.unlisted = true;
    put(&mut db, &person).unwrap();
    assert!(all(&db).is_empty());
    assert!(db.person(HANAKO).unwrap().unwrap().unlisted);
    db.set_enabled(BOB, true, &audit()).unwrap();
    assert_eq!(all(&db), ["bob"]);
}

#[test]
fn fields_are_searched_each_for_itself() {
    let db = with_hanako();
    let field = |set: fn(&mut SearchQuery, String), text: &str| {
        let mut query = asked("");
        set(&mut query, text.to_owned());
        find(&db, query)
    };
    assert_eq!(field(|q, t| q.first = t, "花子"), ["thanako"]);
    assert_eq!(field(|q, t| q.first = t, "はな"), ["thanako"]);
    assert!(field(|q, t| q.first = t, "高橋").is_empty());
    assert_eq!(field(|q, t| q.last = t, "高橋"), ["thanako"]);
    assert_eq!(field(|q, t| q.last = t, "bob"), ["bob"], "who has only a display name");
    assert_eq!(field(|q, t| q.nick = t, "ANN"), ["ann"]);
    assert!(field(|q, t| q.nick = t, "ann@").is_empty());
    assert_eq!(field(|q, t| q.mail = t, "ann@"), ["ann"]);
    assert!(find(&db, SearchQuery { first: "花子".to_owned(), last: "山田".to_owned(), ..asked("") }).is_empty());
}

#[test]
fn contact_details_may_be_left_out() {
    let db = with_hanako();
    let without = |any: &str| SearchQuery { contact_details: false, ..asked(any) };
    assert!(find(&db, without("12345")).is_empty() && find(&db, without("@example.com")).is_empty());
    assert_eq!(find(&db, without("営業")), ["thanako"]);
    assert!(find(&db, SearchQuery { mail: "ann".to_owned(), ..without("") }).is_empty());
}

#[test]
fn an_answer_has_a_limit_and_goes_on() {
    let db = with_hanako();
    let page = |query: SearchQuery| match db.read(&Read::Search(query)).unwrap() {
        Reply::People(found) => (found.people.len(), found.more),
        other => panic!("{other:?}"),
    };
    assert_eq!(page(SearchQuery { limit: 3, ..asked("*") }), (3, false));
    assert_eq!(page(SearchQuery { limit: 2, ..asked("*") }), (2, true));
    assert_eq!(page(SearchQuery { limit: 2, after: Some("bob".to_owned()), ..asked("*") }), (1, false));
}

#[test]
fn accounts_from_before_are_found_once_the_database_is_open() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("test.sqlite");
    let mut db = Database::open(&path, "example.com").unwrap();
    db.create_user(&hanako(), &audit()).unwrap();
    // As it is before the rows are there, or after the rules have changed.
    db.meta_put("search_rules", b"").unwrap();
    drop(db);
    rusqlite::Connection::open(&path).unwrap().execute("DELETE FROM user_search", []).unwrap();
    let db = Database::open(&path, "example.com").unwrap();
    assert_eq!(search(&db, "たかはし"), ["thanako"]);
}

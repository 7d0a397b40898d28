//! Profiles, directories, and many users at once.

mod common;

use common::*;
use zaiseki_model::{Device, DirectoryId, Number, NumberKind, Profile, Timestamp, User, UserId};
use zaiseki_store::*;

const TREE: DirectoryId = DirectoryId([4; 16]);
const CARL: UserId = UserId([3; 16]);

fn directory(name: &str) -> Directory {
    let config = r#"{"base":"dc=x"}"#.to_owned();
    Directory { id: TREE, name: name.to_owned(), kind: "ldap".to_owned(), config, secret: Some(vec![1, 2]), enabled: true }
}

/// Decided on now.
fn sync(db: &Database, to: Person) -> PersonChange {
    let seen = db.person(to.user.id).unwrap().unwrap_or_else(|| to.clone());
    PersonChange::Update { seen: Box::new(seen), to: Box::new(to) }
}

fn person(id: UserId, name: &str) -> Person {
    let user = user(id, name);
    let profile = Profile {
        display_name: user.display_name.clone(),
        given_name: "花子".to_owned(),
        family_name: "山田".to_owned(),
        phonetic_name: "やまだ はなこ".to_owned(),
        mail: user.mail.clone(),
        directory_uri: format!("{name}@uri.example"),
        department: "営業".to_owned(),
        title: "課長".to_owned(),
        language: user.language.clone(),
        numbers: vec![
            Number { kind: NumberKind::Mobile, number: "+819012345678".to_owned() },
            Number { kind: NumberKind::Work, number: "+81312345678".to_owned() },
        ],
    };
    let devices = vec![Device { name: "SEP0011".to_owned(), kind: "desk phone".to_owned(), line: "5123".to_owned() }];
    let origin = Origin {
        directory: TREE,
        key: format!("key-{name}"),
        place: format!("uid={name},dc=x"),
        active: true,
        missing_since: None,
    };
    let held = Held { directory_uri: true, ..Held::default() };
    let (home_cluster, node) = (Some("tokyo".to_owned()), None);
    Person { user, profile, devices, home_cluster, node, held, unlisted: false, origin: Some(origin) }
}

fn actions(db: &Database, object: &str) -> Vec<String> {
    db.audit_list(Some(object), None, 100).unwrap().into_iter().map(|entry| entry.action).collect()
}

#[test]
fn people_come_change_and_go_with_an_audit_row_each() {
    let mut db = database();
    let carl = person(CARL, "carl");
    let taken = person(NOBODY, "ann");
    let create = [PersonChange::Create(Box::new(taken)), PersonChange::Create(Box::new(carl.clone()))];
    assert_eq!(db.change_people(&create, &audit()).unwrap(), [0]);
    assert_eq!(db.person(CARL).unwrap(), Some(carl.clone()));
    assert_eq!(db.people_of(TREE).unwrap(), std::slice::from_ref(&carl));
    let outside: Vec<String> = db.names_outside(TREE).unwrap().into_iter().map(|outsider| outsider.name).collect();
    assert_eq!(outside, ["ann", "bob"]);

    let mut changed = carl;
    changed.profile.numbers.truncate(1);
    changed.profile.display_name = "カール".to_owned();
    changed.user.display_name = "カール".to_owned();
    changed.origin.as_mut().unwrap().missing_since = Some(Timestamp::from_secs(5));
    let gone = person(NOBODY, "nobody");
    let changes = [sync(&db, gone), sync(&db, changed.clone()), PersonChange::Remove(NOBODY)];
    assert_eq!(db.change_people(&changes, &audit()).unwrap(), [0, 2]);
    assert_eq!(db.person(CARL).unwrap(), Some(changed));
    assert_eq!(db.change_people(&[PersonChange::Remove(CARL)], &audit()).unwrap(), [0; 0]);
    assert_eq!((db.person(CARL).unwrap(), db.people_of(TREE).unwrap().len()), (None, 0));
    assert_eq!(actions(&db, "user:carl"), ["user.remove", "user.sync", "user.create"]);
}

/// A synchronisation reads for minutes and writes afterwards.
#[test]
fn what_an_administrator_does_during_a_synchronisation_is_not_undone() {
    let mut db = database();
    db.change_people(&[PersonChange::Create(Box::new(person(CARL, "carl")))], &audit()).unwrap();
    let change = |db: &Database, change: fn(&mut Person)| {
        let mut to = db.person(CARL).unwrap().unwrap();
        change(&mut to);
        sync(db, to)
    };
    let renamed = |db: &Database| change(db, |to| to.profile.title = format!("{}x", to.profile.title));
    let now = |db: &Database| db.person(CARL).unwrap().unwrap();
    let step = renamed(&db);
    db.set_enabled(CARL, false, &audit()).unwrap();
    db.set_im(&[CARL], false, &audit()).unwrap();
    assert_eq!(db.change_people(&[step], &audit()).unwrap(), [0; 0]);
    let carl = now(&db);
    assert_eq!((carl.profile.title.as_str(), carl.user.enabled, carl.user.im, carl.held.disabled), ("課長x", false, false, true));
    // A locked entry locks, whoever enabled the user meanwhile.
    let step = change(&db, |to| {
        to.user.enabled = false;
        to.origin.as_mut().expect("of the directory").active = false;
    });
    db.set_enabled(CARL, true, &audit()).unwrap();
    assert_eq!(db.change_people(&[step], &audit()).unwrap(), [0; 0]);
    assert!(!now(&db).user.enabled);
    // One that is free again frees the user, whatever else was decided meanwhile; but not whom somebody disabled meanwhile.
    let free = |db: &Database| {
        change(db, |to| {
            to.user.enabled = true;
            to.origin.as_mut().expect("of the directory").active = true;
        })
    };
    let step = free(&db);
    db.set_im(&[CARL], true, &audit()).unwrap();
    assert_eq!(db.change_people(&[step], &audit()).unwrap(), [0; 0]);
    assert!(now(&db).user.enabled && now(&db).user.im);
    let mut locked = now(&db);
    (locked.user.enabled, locked.origin.as_mut().expect("of the directory").active) = (false, false);
    let lock = sync(&db, locked);
    db.change_people(&[lock], &audit()).unwrap();
    let step = free(&db);
    db.set_enabled(CARL, false, &audit()).unwrap();
    assert_eq!(db.change_people(&[step], &audit()).unwrap(), [0; 0]);
    assert!(!now(&db).user.enabled && now(&db).held.disabled);
    // What the directory speaks of was changed by hand: the next synchronisation looks again.
    let step = renamed(&db);
    let mut by_hand = now(&db);
    (by_hand.profile.mail, by_hand.user.mail, by_hand.held.mail) = ("by@hand.example".into(), "by@hand.example".into(), true);
    put(&mut db, &by_hand).unwrap();
    assert_eq!(db.change_people(&[step], &audit()).unwrap(), [0]);
    assert_eq!((now(&db).profile.title.as_str(), now(&db).held.mail), ("課長x", true));
}

#[test]
fn an_account_without_a_profile_is_a_person_too() {
    let mut db = database();
    let mut ann = db.person(ANN).unwrap().unwrap();
    assert_eq!((ann.user.clone(), ann.profile.mail.as_str(), ann.origin.clone()), (user(ANN, "ann"), "ann@example.com", None));
    ann.profile.phonetic_name = "あん".to_owned();
    put(&mut db, &ann).unwrap();
    assert_eq!(db.person(ANN).unwrap(), Some(ann));
    assert_eq!(actions(&db, "user:ann")[0], "user.update_profile");
    assert!(matches!(put(&mut db, &person(CARL, "carl")), Err(StoreError::NotFound { .. })));
}

#[test]
fn one_entry_belongs_to_one_account() {
    let mut db = database();
    db.change_people(&[PersonChange::Create(Box::new(person(CARL, "carl")))], &audit()).unwrap();
    let mut ann = db.person(ANN).unwrap().unwrap();
    ann.origin = person(CARL, "carl").origin;
    assert!(put(&mut db, &ann).is_err());
    assert_eq!(db.person(ANN).unwrap().unwrap().origin, None);
}

#[test]
fn who_is_not_enabled_for_im_has_no_credentials_to_sign_in_with() {
    let mut db = database();
    let enabled = |db: &Database| match db.read(&Read::Credentials { name: "ann".to_owned() }).unwrap() {
        Reply::Credentials(found) => found.unwrap().enabled,
        other => panic!("{other:?}"),
    };
    assert!(enabled(&db));
    assert_eq!(db.set_im(&[ANN, NOBODY], false, &audit()).unwrap(), [ANN]);
    assert_eq!(db.set_im(&[ANN], false, &audit()).unwrap(), [] as [UserId; 0]);
    assert!(!enabled(&db));
    let Reply::UserData(Some(data)) = db.read(&Read::UserData { name: "ann".to_owned() }).unwrap() else { panic!() };
    assert!(!data.user.active() && data.user.enabled);
    let listed = |im| db.list_users(&UserFilter { im: Some(im), ..UserFilter::default() }).unwrap().len();
    assert_eq!((listed(true), listed(false)), (1, 1));
    assert_eq!(db.count_users(&UserFilter { im: Some(false), ..UserFilter::default() }).unwrap(), 1);
    assert_eq!(actions(&db, "user:ann")[0], "user.im_disable");
}

#[test]
fn all_duplicates_are_found_whatever_the_case() {
    let mut db = database();
    let with = |id: u8, mail: &str, uri: &str| {
        let mut person = person(UserId([id; 16]), &format!("user{id}"));
        person.profile.mail = mail.to_owned();
        person.profile.directory_uri = uri.to_owned();
        PersonChange::Create(Box::new(person))
    };
    let changes = [with(11, "Ann@example.com", "a@u"), with(12, "x@y", "A@U"), with(13, "X@Y", ""), with(14, "", "")];
    db.change_people(&changes, &audit()).unwrap();
    let found = |db: &Database, field| -> Vec<(String, Vec<String>)> {
        let all = db.duplicates(field).unwrap().into_iter();
        all.map(|d| (d.value, d.users.into_iter().map(|user| user.name).collect())).collect()
    };
    let names = |names: [&str; 2]| names.map(str::to_owned).to_vec();
    assert_eq!(
        found(&db, UniqueField::Mail),
        [("ann@example.com".to_owned(), names(["ann", "user11"])), ("x@y".to_owned(), names(["user12", "user13"]))]
    );
    assert_eq!(found(&db, UniqueField::DirectoryUri), [("a@u".to_owned(), names(["user11", "user12"]))]);
    // Hundreds are told as well as two.
    let many: Vec<PersonChange> = (20..=255).map(|id| with(id, "same@example.com", "")).collect();
    db.change_people(&many, &audit()).unwrap();
    let same = db.duplicates(UniqueField::Mail).unwrap().into_iter().find(|d| d.value == "same@example.com").unwrap();
    assert_eq!(same.users.len(), 236);
}

#[test]
fn what_is_shared_follows_every_way_of_writing() {
    let mut db = database();
    let shared = |db: &Database, field| -> Vec<String> {
        let all = db.duplicates(field).unwrap().into_iter();
        all.map(|d| format!("{}: {}", d.value, d.users.iter().map(|user| user.name.as_str()).collect::<Vec<_>>().join(" ")))
            .collect()
    };
    let none: [&str; 0] = [];
    let user = |id: u8, mail: &str| {
        let person = person(UserId([id; 16]), &format!("user{id}"));
        User { mail: mail.to_owned(), ..person.user }
    };
    let new = |id: u8, mail: &str| NewUser { user: user(id, mail), sha256: None, sha1: None, profile: None };
    // Made one by one, and many at once; a third is no news.
    db.create_user(&new(31, "Info@x"), &audit()).unwrap();
    assert_eq!(shared(&db, UniqueField::Mail), none);
    assert_eq!(db.create_many(&[new(32, "info@X"), new(33, "info@x"), new(34, "")], &audit()).unwrap(), [] as [usize; 0]);
    assert_eq!(shared(&db, UniqueField::Mail), ["info@x: user31 user32 user33"]);
    // Another name, another address, no address, no user any more.
    db.rename_user(UserId([33; 16]), "renamed", None, &audit()).unwrap();
    update(&mut db, &user(31, "own@x")).unwrap();
    assert_eq!(shared(&db, UniqueField::Mail), ["info@x: renamed user32"]);
    db.remove_user(UserId([32; 16]), &audit()).unwrap();
    assert_eq!(shared(&db, UniqueField::Mail), none);
    update(&mut db, &user(31, "INFO@x")).unwrap();
    assert_eq!(shared(&db, UniqueField::Mail), ["info@x: renamed user31"]);
    update(&mut db, &user(31, "info@x")).unwrap();
    assert_eq!(shared(&db, UniqueField::Mail), ["info@x: renamed user31"], "another case is the same");
    // By a profile, and by a synchronisation.
    let with_uri = |id: u8, uri: &str| {
        let mut person = db_person(id);
        person.profile.directory_uri = uri.to_owned();
        person
    };
    put(&mut db, &with_uri(31, "a@x")).unwrap();
    assert_eq!((shared(&db, UniqueField::Mail), shared(&db, UniqueField::DirectoryUri)), (Vec::new(), Vec::new()));
    let change = sync(&db, with_uri(34, "A@x"));
    db.change_people(&[change], &audit()).unwrap();
    assert_eq!(shared(&db, UniqueField::DirectoryUri), ["a@x: user31 user34"]);
    db.change_people(&[PersonChange::Remove(UserId([31; 16]))], &audit()).unwrap();
    assert_eq!(shared(&db, UniqueField::DirectoryUri), none);
}

/// As it is made, with nothing but a name.
fn db_person(id: u8) -> Person {
    person(UserId([id; 16]), &format!("user{id}"))
}

#[test]
fn directories_keep_their_last_run_problems_and_left_out_entries() {
    let mut db = database();
    db.put_directory(&directory("tokyo"), &audit()).unwrap();
    let other = Directory { id: DirectoryId([6; 16]), ..directory("tokyo") };
    assert!(matches!(db.put_directory(&other, &audit()), Err(StoreError::Conflict { .. })));
    db.put_directory(&directory("osaka"), &audit()).unwrap();
    assert_eq!(db.directory_by_name("osaka").unwrap(), Some(directory("osaka")));
    assert!(!format!("{:?}", db.audit_list(None, None, 9).unwrap()).contains("[1, 2]"));

    let problem = |code: &str| DirectoryProblem {
        code: code.to_owned(),
        key: Some("k".to_owned()),
        place: "p".to_owned(),
        name: "n".to_owned(),
        detail: "d".to_owned(),
    };
    let run = |at, good: Option<&str>| DirectoryRun {
        ended_at: Timestamp::from_secs(at),
        last: format!("run {at}"),
        last_good: good.map(str::to_owned),
    };
    db.put_directory_run(TREE, &run(1, Some("run 1")), Some(&[problem("a"), problem("b")])).unwrap();
    db.put_directory_run(TREE, &run(2, None), None).unwrap();
    assert_eq!(db.directory_run(TREE).unwrap(), Some(run(2, Some("run 1"))));
    assert_eq!(db.directory_problems(TREE, None, 0).unwrap(), [problem("a"), problem("b")]);
    assert_eq!(db.directory_problems(TREE, Some("b"), 0).unwrap(), [problem("b")]);
    assert_eq!(db.directory_problems(TREE, None, 1).unwrap(), [problem("a")]);
    db.put_directory_run(TREE, &run(3, Some("run 3")), Some(&[])).unwrap();
    assert_eq!(db.directory_problems(TREE, None, 0).unwrap(), []);

    let entry = ("k".to_owned(), "p".to_owned());
    db.ignore_entries(TREE, std::slice::from_ref(&entry), true, &audit()).unwrap();
    assert_eq!(db.ignored_entries(TREE).unwrap(), std::slice::from_ref(&entry));
    db.ignore_entries(TREE, &[entry], false, &audit()).unwrap();
    assert_eq!(db.ignored_entries(TREE).unwrap(), []);

    // Users outlive their directory.
    db.change_people(&[PersonChange::Create(Box::new(person(CARL, "carl")))], &audit()).unwrap();
    db.remove_directory(TREE, &audit()).unwrap();
    assert_eq!(db.person(CARL).unwrap().unwrap().origin, None);
    assert!(matches!(db.remove_directory(TREE, &audit()), Err(StoreError::NotFound { .. })));
    assert_eq!(
        actions(&db, "directory:osaka"),
        ["directory.remove", "directory.take_entry", "directory.ignore_entry", "directory.update"]
    );
}

//! Keys kept of passwords that a directory took: how long they count, and what ends them.

mod common;

use common::*;
use zaiseki_model::{Credentials, DirectoryId, Timestamp};
use zaiseki_store::*;

const TREE: DirectoryId = DirectoryId([4; 16]);
const PLACE: &str = "uid=ann,dc=x";
const THEN: Timestamp = Timestamp(1_000_000);

fn tree() -> Directory {
    let config = r#"{"base":"dc=x"}"#.to_owned();
    Directory { id: TREE, name: "tree".to_owned(), kind: "ldap".to_owned(), config, secret: None, enabled: true }
}

/// Ann comes from the directory, and her keys were kept at [`THEN`].
fn kept() -> Database {
    let mut db = database();
    db.put_directory(&tree(), &audit()).unwrap();
    move_to(&mut db, PLACE, true);
    keep(&mut db);
    assert_eq!(found(&db), Some(keys(50)));
    db
}

fn keep(db: &mut Database) {
    let kept = KeptKeys { user: ANN, directory: TREE, place: PLACE.to_owned(), at: THEN, sha256: keys(50), sha1: keys(60) };
    db.keep_keys(&kept, Timestamp(0)).unwrap();
}

fn move_to(db: &mut Database, place: &str, enabled: bool) {
    let mut ann = db.person(ANN).unwrap().unwrap();
    ann.user.enabled = enabled;
    let place = place.to_owned();
    ann.origin = Some(Origin { directory: TREE, key: "k".to_owned(), place, active: enabled, missing_since: None });
    put(db, &ann).unwrap();
}

fn read(db: &Database, name: &str, since: Timestamp) -> Credentials {
    match db.read(&Read::KeptCredentials { name: name.to_owned(), since }).unwrap() {
        Reply::Credentials(Some(found)) => found,
        other => panic!("{other:?}"),
    }
}

fn found(db: &Database) -> Option<zaiseki_model::ScramKeys> {
    read(db, "ann", Timestamp(0)).sha256
}

#[test]
fn kept_keys_take_the_place_of_own_ones_for_their_time() {
    let db = kept();
    assert_eq!(read(&db, "ann", Timestamp(THEN.0 - 1)).sha1, Some(keys(60)));
    assert_eq!(read(&db, "ann", THEN).sha1, None, "as old as allowed is too old");
    assert_eq!(read(&db, "bob", Timestamp(0)).sha256, Some(keys(10)), "who comes from no directory has own keys");
    assert_eq!(db.sign_in_account("ann").unwrap().unwrap().entry, Some((tree(), PLACE.to_owned())));
    assert_eq!(db.sign_in_account("bob").unwrap().unwrap().entry, None);
    assert_eq!(db.sign_in_account("nobody").unwrap(), None);
}

#[test]
fn whatever_takes_their_ground_drops_them_for_good() {
    type Change = fn(&mut Database);
    let changes: [(&str, Change); 9] = [
        ("disabled", |db| db.set_enabled(ANN, false, &audit()).unwrap()),
        ("disabled by the directory", |db| move_to(db, PLACE, false)),
        ("not for IM", |db| drop(db.set_im(&[ANN], false, &audit()).unwrap())),
        ("another password", |db| db.set_credentials(ANN, Some(&keys(10)), Some(&keys(20)), &audit()).unwrap()),
        ("moved", |db| move_to(db, "uid=ann,ou=osaka,dc=x", true)),
        ("another server", |db| db.put_directory(&tree(), &audit()).unwrap()),
        ("directory removed", |db| db.remove_directory(TREE, &audit()).unwrap()),
        ("all", |db| db.drop_kept_keys().unwrap()),
        ("too old", |db| {
            let bob = KeptKeys { user: BOB, directory: TREE, place: String::new(), at: THEN, sha256: keys(1), sha1: keys(2) };
            db.keep_keys(&bob, THEN).unwrap();
        }),
    ];
    for (what, change) in changes {
        let mut db = kept();
        change(&mut db);
        // Everything as it was: only the keys are gone.
        db.put_directory(&tree(), &audit()).unwrap();
        db.set_enabled(ANN, true, &audit()).unwrap();
        db.set_im(&[ANN], true, &audit()).unwrap();
        move_to(&mut db, PLACE, true);
        assert_eq!(found(&db), None, "{what}");
    }
    let mut db = kept();
    db.remove_user(ANN, &audit()).unwrap();
    keep(&mut db);
    assert_eq!(
        db.read(&Read::KeptCredentials { name: "ann".to_owned(), since: Timestamp(0) }).unwrap(),
        Reply::Credentials(None)
    );
}

#[test]
fn what_changes_nothing_about_sign_in_keeps_them() {
    let mut db = kept();
    let mut ann = db.user_by_id(ANN).unwrap().unwrap();
    ann.display_name = "Ann".to_owned();
    update(&mut db, &ann).unwrap();
    db.set_enabled(ANN, true, &audit()).unwrap();
    move_to(&mut db, PLACE, true);
    assert_eq!(found(&db), Some(keys(50)));
}

#[test]
fn a_disabled_users_keys_are_not_kept() {
    let mut db = kept();
    db.set_enabled(ANN, false, &audit()).unwrap();
    keep(&mut db);
    db.set_enabled(ANN, true, &audit()).unwrap();
    assert_eq!(found(&db), None);
}

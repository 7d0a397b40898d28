//! Administrators, their sessions and tokens.

mod common;

use common::*;
use zaiseki_model::{AdminId, Timestamp, TokenId};
use zaiseki_store::*;

const HANA: AdminId = AdminId([1; 16]);
const KEN: AdminId = AdminId([2; 16]);

fn at(secs: i64) -> Timestamp {
    Timestamp::from_secs(secs)
}

fn admin(id: AdminId, name: &str, role: &str) -> AdminRow {
    AdminRow {
        id,
        name: name.to_owned(),
        role: role.to_owned(),
        enabled: true,
        password: Some("$argon2id$secret".to_owned()),
        totp: Some(b"sealed".to_vec()),
        recovery: vec![[3; 32], [4; 32]],
        created_at: at(1),
        signed_in_at: None,
    }
}

fn with_two() -> Database {
    let mut db = Database::open_in_memory("example.com").unwrap();
    db.create_admin(&admin(HANA, "hana", ADMINISTRATOR), &audit()).unwrap();
    db.create_admin(&admin(KEN, "ken", "operator"), &audit()).unwrap();
    db
}

fn session(key: u8, admin: AdminId, used: i64) -> SessionRow {
    SessionRow { key: [key; 32], admin, created_at: at(used), used_at: at(used), address: "::1".into(), agent: "x".into() }
}

fn actions(db: &Database) -> Vec<(String, String)> {
    db.audit_list(None, None, 99).unwrap().into_iter().rev().map(|entry| (entry.action, entry.object)).collect()
}

/// Nobody else changes anything meanwhile.
fn change(db: &mut Database, new: &AdminRow, sessions: Sessions) -> Result<()> {
    let seen = db.admin(new.id)?.expect("an administrator");
    db.update_admin(&seen, new, sessions, "admin.update", &audit())
}

fn enter(db: &mut Database, id: AdminId, session: &SessionRow, replaced: Option<[u8; 32]>) -> Result<()> {
    let admin = db.admin(id)?.expect("an administrator");
    db.open_session(&admin, session, replaced, 3, "password", &audit())
}

#[test]
fn what_was_taken_away_meanwhile_does_not_come_back() {
    let mut db = with_two();
    let seen = db.admin(KEN).unwrap().unwrap();
    enter(&mut db, KEN, &session(1, KEN, 1), None).unwrap();
    let disabled = AdminRow { enabled: false, ..seen.clone() };
    db.update_admin(&seen, &disabled, Sessions::EndAll, "admin.update", &audit()).expect("the time of sign-in is no change");
    let password = AdminRow { password: Some("other".to_owned()), ..seen.clone() };
    let late = db.update_admin(&seen, &password, Sessions::EndAll, "admin.set_password", &audit());
    assert!(matches!(late, Err(StoreError::Stale { .. })), "{late:?}");
    let late = db.open_session(&seen, &session(2, KEN, 2), None, 3, "password", &audit());
    assert!(matches!(late, Err(StoreError::Stale { .. })), "{late:?}");
    assert!(!db.admin(KEN).unwrap().unwrap().enabled && db.sessions_of(KEN).unwrap().is_empty());
}

#[test]
fn administrators_are_kept_and_their_secrets_not_audited() {
    let mut db = with_two();
    assert_eq!(db.admin_by_name("hana").unwrap(), Some(admin(HANA, "hana", ADMINISTRATOR)));
    let taken = db.create_admin(&admin(AdminId([9; 16]), "ken", "operator"), &audit());
    assert!(matches!(taken, Err(StoreError::Conflict { .. })));
    let taken = change(&mut db, &admin(KEN, "hana", "operator"), Sessions::Keep);
    assert!(matches!(taken, Err(StoreError::Conflict { .. })));
    db.remove_admin(KEN, &audit()).unwrap();
    assert!(matches!(db.remove_admin(KEN, &audit()), Err(StoreError::NotFound { .. })));
    let trail = format!("{:?}", db.audit_list(None, None, 9).unwrap());
    assert!(!trail.contains("sealed") && !trail.contains("secret"), "{trail}");
    assert_eq!(db.admins().unwrap().len(), 1);
}

#[test]
fn the_last_administrator_stays() {
    let mut db = with_two();
    let last = |result| assert!(matches!(result, Err(StoreError::LastAdministrator)), "{result:?}");
    last(db.remove_admin(HANA, &audit()));
    let disabled = AdminRow { enabled: false, ..admin(HANA, "hana", ADMINISTRATOR) };
    last(change(&mut db, &disabled, Sessions::Keep));
    last(change(&mut db, &admin(HANA, "hana", "operator"), Sessions::Keep));
    assert_eq!((db.administrators().unwrap(), db.admins().unwrap().len()), (1, 2), "nothing was changed");
    change(&mut db, &admin(KEN, "ken", ADMINISTRATOR), Sessions::Keep).unwrap();
    db.remove_admin(HANA, &audit()).unwrap();
    assert_eq!(actions(&db).len(), 4);
}

#[test]
fn a_link_makes_one_administrator_and_only_the_first() {
    let mut db = Database::open_in_memory("example.com").unwrap();
    let new = admin(HANA, "hana", ADMINISTRATOR);
    assert!(!db.create_first_admin(&new, b"link", &audit()).unwrap());
    db.meta_put(SETUP_KEY, b"link").unwrap();
    assert!(!db.create_first_admin(&new, b"other", &audit()).unwrap());
    assert!(db.create_first_admin(&new, b"link", &audit()).unwrap());
    assert!(!db.create_first_admin(&admin(KEN, "ken", ADMINISTRATOR), b"link", &audit()).unwrap());
    db.meta_put(SETUP_KEY, b"link").unwrap();
    assert!(!db.create_first_admin(&admin(KEN, "ken", ADMINISTRATOR), b"link", &audit()).unwrap(), "there is one already");
    assert_eq!(actions(&db), [("admin.set_up".to_owned(), "admin:hana".to_owned())]);
}

#[test]
fn sessions_come_go_and_end_with_the_account() {
    let mut db = with_two();
    for n in 1..=4 {
        enter(&mut db, HANA, &session(n, HANA, i64::from(n)), None).unwrap();
    }
    let keys = |db: &Database, of| -> Vec<u8> { db.sessions_of(of).unwrap().iter().map(|s| s.key[0]).collect() };
    assert_eq!(keys(&db, HANA), [4, 3, 2], "the one used longest ago made room");
    assert_eq!(db.admin(HANA).unwrap().unwrap().signed_in_at, Some(at(4)));
    enter(&mut db, HANA, &session(5, HANA, 5), Some([4; 32])).unwrap();
    assert_eq!(db.session([4; 32]).unwrap(), None, "signing in again changes the token");
    db.touch_session([2; 32], at(9)).unwrap();
    assert_eq!(db.purge_sessions(at(4), at(0)).unwrap(), 1);
    assert_eq!(keys(&db, HANA), [2, 5]);
    assert_eq!(db.purge_sessions(at(0), at(3)).unwrap(), 1);
    assert!(db.close_session([5; 32], "session.sign_out", &audit()).unwrap());
    assert!(!db.close_session([5; 32], "session.sign_out", &audit()).unwrap());
    for n in 6..=8 {
        enter(&mut db, KEN, &session(n, KEN, 10), None).unwrap();
    }
    let ken = admin(KEN, "ken", "operator");
    change(&mut db, &ken, Sessions::EndOthers([7; 32])).unwrap();
    assert_eq!(keys(&db, KEN), [7]);
    change(&mut db, &ken, Sessions::EndAll).unwrap();
    assert_eq!(keys(&db, KEN), [0u8; 0]);
}

#[test]
fn codes_count_once() {
    let mut db = with_two();
    assert!(db.use_totp_step(HANA, 5).unwrap());
    assert!(!db.use_totp_step(HANA, 5).unwrap());
    assert!(!db.use_totp_step(HANA, 4).unwrap());
    assert!(db.use_recovery_code(HANA, &[4; 32], &audit()).unwrap());
    assert!(!db.use_recovery_code(HANA, &[4; 32], &audit()).unwrap());
    assert_eq!(db.admin(HANA).unwrap().unwrap().recovery, [[3; 32]]);
}

#[test]
fn tokens_are_found_by_their_hash_and_bounded() {
    let mut db = with_two();
    let token = |n: u8| TokenRow {
        id: TokenId([n; 16]),
        key: [n; 32],
        admin: KEN,
        name: format!("t{n}"),
        scopes: "users:read".to_owned(),
        created_at: at(1),
        expires_at: Some(at(100)),
        used_at: None,
    };
    db.create_token(&token(1), 2, &audit()).unwrap();
    assert!(matches!(db.create_token(&token(1), 2, &audit()), Err(StoreError::Conflict { .. })));
    db.create_token(&token(2), 2, &audit()).unwrap();
    assert!(matches!(db.create_token(&token(3), 2, &audit()), Err(StoreError::Full { limit: 2, .. })));
    db.touch_token(TokenId([1; 16]), at(7)).unwrap();
    let (found, owner) = db.token_by_key([1; 32]).unwrap().unwrap();
    assert_eq!((found, owner.name.as_str()), (TokenRow { used_at: Some(at(7)), ..token(1) }, "ken"));
    assert_eq!(db.tokens(Some(HANA)).unwrap(), []);
    assert_eq!(db.tokens(None).unwrap()[1], (token(2), "ken".to_owned()));
    db.remove_token(TokenId([2; 16]), &audit()).unwrap();
    assert!(matches!(db.remove_token(TokenId([2; 16]), &audit()), Err(StoreError::NotFound { .. })));
    assert_eq!(actions(&db).last().unwrap(), &("token.remove".to_owned(), "token:ken/t2".to_owned()));
    db.remove_admin(KEN, &audit()).unwrap();
    assert_eq!(db.tokens(None).unwrap(), []);
}

#[test]
fn the_trail_is_searched_by_each_of_its_columns() {
    let mut db = Database::open_in_memory("example.com").unwrap();
    for (secs, actor, action, object) in
        [(1, "a", "user.create", "user:x"), (2, "b", "user.remove", "user:x"), (3, "a", "userlist.put", "user:y")]
    {
        db.audit_append(&Audit { actor: actor.to_owned(), at: at(secs) }, action, object, None, None).unwrap();
    }
    let found = |filter: AuditFilter| -> Vec<i64> {
        db.audit_search(&AuditFilter { limit: 9, ..filter }).unwrap().iter().map(|entry| entry.at.secs()).collect()
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(found(AuditFilter::default()), [3, 2, 1]);
    assert_eq!(found(AuditFilter { actor: text("a"), ..Default::default() }), [3, 1]);
    assert_eq!(found(AuditFilter { action: text("user"), ..Default::default() }), [2, 1]);
    assert_eq!(found(AuditFilter { action: text("user.remove"), object: text("user:x"), ..Default::default() }), [2]);
    assert_eq!(found(AuditFilter { from: Some(at(2)), to: Some(at(3)), ..Default::default() }), [2]);
    assert_eq!(found(AuditFilter { before: Some(2), ..Default::default() }), [1]);
}

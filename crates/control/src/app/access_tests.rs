//! Administrators, signing in, sessions, tokens, set-up link, audit log.

use super::account::{Confirmation, OwnPassword, Proof};
use super::admins::{AdminUpdate, NewAdmin};
use super::audit_log::AuditQuery;
use super::sessions::{SignIn, SignedIn};
use super::setup::FirstAdmin;
use super::tests::Fixture;
use super::tokens::NewToken;
use super::users::Password;
use super::*;
use crate::access::{Area, Caller, Right, Role};
use crate::credentials::lockout::{ACCOUNT_TRIES, FIRST_WAIT};
use crate::credentials::token::Token;
use crate::credentials::totp;
use crate::error::ControlError;
use base64::Engine as _;
use std::net::IpAddr;
use std::time::Duration;
use zaiseki_model::limits::{ADMIN_NAME_CHARS, PAGE_AUDIT, SESSIONS_PER_ADMIN, TOKEN_DAYS, TOKEN_NAME_CHARS, TOKENS_PER_ADMIN};

const PASSWORD: &str = "correct horse battery";
const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

fn new(name: &str, role: Role) -> NewAdmin {
    NewAdmin { name: name.to_owned(), role, password: Some(Password::new(PASSWORD)) }
}

/// Hana administers, Ken operates.
fn with_two() -> Fixture {
    let fixture = Fixture::new();
    admins::add(&fixture.app, "tester", &new("hana", Role::Administrator)).unwrap();
    admins::add(&fixture.app, "tester", &new("ken", Role::Operator)).unwrap();
    fixture
}

fn try_at(app: &App, name: &str, password: &str, code: Option<&str>, now: Timestamp) -> Result<SignedIn> {
    let password = Password::new(password);
    let agent = "Browser/1.0\n";
    sessions::sign_in(app, &SignIn { name, password: &password, code, address: ADDRESS, agent, replaced: None, now })
}

fn signed_in(app: &App, name: &str) -> Token {
    match try_at(app, name, PASSWORD, None, Timestamp::now()).unwrap() {
        SignedIn::Session(token, _) => token,
        SignedIn::SecondFactorNeeded => panic!("a code is asked for"),
    }
}

fn caller(app: &App, name: &str) -> Caller {
    sessions::session(app, &signed_in(app, name), true, Timestamp::now()).unwrap().unwrap()
}

fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

#[test]
fn whoever_signs_in_is_known_by_the_token_until_signing_out() {
    let fixture = with_two();
    let app = &fixture.app;
    let token = signed_in(app, " HANA ");
    let caller = sessions::session(app, &token, true, Timestamp::now()).unwrap().unwrap();
    assert_eq!((caller.actor.as_str(), caller.role), ("admin:hana", Role::Administrator));
    let list = sessions::list(app, &caller, "hana").unwrap();
    assert_eq!((list.len(), list[0].current, list[0].agent.as_str()), (1, true, "Browser/1.0"));
    assert!(!token.reveal().contains(&list[0].id));
    assert_eq!(sessions::session(app, &Token::given("x"), true, Timestamp::now()).unwrap(), None);
    sessions::sign_out(app, &caller).unwrap();
    assert_eq!(sessions::session(app, &token, true, Timestamp::now()).unwrap(), None);
    assert!(admins::show(app, "hana").unwrap().signed_in.is_some());
}

#[test]
fn all_wrong_sign_ins_get_one_answer_and_leave_a_trace() {
    let fixture = with_two();
    let app = &fixture.app;
    admins::add(app, "tester", &NewAdmin { password: None, ..new("none", Role::ReadOnly) }).unwrap();
    admins::update(app, "tester", "ken", &AdminUpdate { enabled: Some(false), ..AdminUpdate::default() }).unwrap();
    admins::add(app, "tester", &new("axl", Role::Axl)).unwrap();
    let long = "x".repeat(1_000);
    let tries =
        [("nobody", PASSWORD), ("hana", "wrong"), ("ken", PASSWORD), ("none", ""), ("axl", PASSWORD), ("hana", &long), ("", "")];
    let answers = tries.map(|(name, password)| try_at(app, name, password, None, Timestamp::now()).unwrap_err());
    for answer in &answers {
        assert_eq!((answer.code(), answer.text()), ("unauthorized", answers[0].text()));
    }
    let query = AuditQuery { action: Some("session.refuse".to_owned()), ..AuditQuery::default() };
    let trail = audit_log::list(app, &query).unwrap().entries;
    assert_eq!(trail.len(), tries.len());
    assert!(trail.iter().all(|line| line.actor == "stranger" && !format!("{line:?}").contains("nobody")));
}

#[test]
fn too_many_tries_wait_whether_the_account_is_there_or_not() {
    let fixture = with_two();
    let (app, now) = (&fixture.app, Timestamp::now());
    for name in ["hana", "nobody"] {
        for _ in 0..ACCOUNT_TRIES {
            assert_eq!(try_at(app, name, "wrong", None, now).unwrap_err().code(), "unauthorized", "{name}");
        }
        let refused = try_at(app, name, PASSWORD, None, now).unwrap_err();
        assert!(matches!(refused, ControlError::Throttled { wait, .. } if wait == FIRST_WAIT), "{name}: {refused}");
    }
    let open: Vec<String> = app.alarms().open().into_iter().map(|alarm| alarm.subject).collect();
    assert_eq!(open, ["hana"], "an alarm is about an account that there is");
    assert!(try_at(app, "hana", PASSWORD, None, now + FIRST_WAIT).is_ok());
}

#[test]
fn sessions_end_by_time_by_number_and_with_what_they_rest_on() {
    let fixture = with_two();
    let app = &fixture.app;
    let now = Timestamp::now();
    let token = signed_in(app, "ken");
    let lives = |at| sessions::session(app, &token, true, at).unwrap().is_some();
    assert!(lives(now + minutes(29)), "and is used by that");
    assert!(lives(now + minutes(58)) && !lives(now + minutes(89)));
    // A page that looks at itself again is no use of the session.
    let token = signed_in(app, "ken");
    let looks = |at| sessions::session(app, &token, false, at).unwrap().is_some();
    assert!(looks(now + minutes(10)) && looks(now + minutes(29)) && !looks(now + minutes(31)));
    let lives = |at| sessions::session(app, &token, true, at).unwrap().is_some();
    assert!(lives(now + minutes(29)) && lives(now + minutes(58)));
    let mut at = now + minutes(58);
    while at < now + minutes(12 * 60 - 10) {
        at = at + minutes(10);
        assert!(lives(at));
    }
    assert!(!lives(now + minutes(12 * 60 + 1)), "used all the time, but too old");
    sessions::purge(app, now + minutes(13 * 60)).unwrap();
    let first = signed_in(app, "ken");
    let others: Vec<Token> = (0..SESSIONS_PER_ADMIN).map(|_| signed_in(app, "ken")).collect();
    let open = |token: &Token| sessions::session(app, token, true, Timestamp::now()).unwrap().is_some();
    assert!(!open(&first) && others.iter().all(open));
    admins::update(app, "tester", "ken", &AdminUpdate { role: Some(Role::ReadOnly), ..AdminUpdate::default() }).unwrap();
    assert!(!others.iter().any(open), "a new role ends the sessions");
    let token = signed_in(app, "ken");
    admins::set_password(app, "tester", "ken", &Password::new(PASSWORD)).unwrap();
    assert!(!open(&token));
    let token = signed_in(app, "ken");
    let hana = caller(app, "hana");
    let id = sessions::list(app, &hana, "ken").unwrap()[0].id.clone();
    sessions::revoke(app, &hana, "ken", &id).unwrap();
    assert!(!open(&token));
    assert_eq!(sessions::revoke(app, &hana, "ken", &id).unwrap_err().code(), "not-found");
    sessions::purge(app, Timestamp::now() + minutes(31)).unwrap();
    assert_eq!(sessions::list(app, &hana, "hana").unwrap(), []);
}

#[test]
fn signing_in_again_ends_the_session_before() {
    let fixture = with_two();
    let app = &fixture.app;
    let planted = signed_in(app, "ken");
    let password = Password::new(PASSWORD);
    let (replaced, now) = (Some(planted.clone()), Timestamp::now());
    let try_ = SignIn { name: "hana", password: &password, code: None, address: ADDRESS, agent: "", replaced, now };
    let SignedIn::Session(token, _) = sessions::sign_in(app, &try_).unwrap() else { panic!() };
    assert_ne!(token, planted);
    assert_eq!(sessions::session(app, &planted, true, now).unwrap(), None);
}

#[test]
fn a_second_factor_is_enrolled_asked_for_and_taken_off() {
    let fixture = with_two();
    let (app, now) = (&fixture.app, Timestamp::now());
    let hana = caller(app, "hana");
    let begun = account::enrol(app, &hana).unwrap();
    let sealed = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(&begun.enrolment).unwrap();
    let id = hana.account.unwrap();
    let secret = app.key().open(&sessions::totp_context(id), &sealed).unwrap();
    assert!(begun.uri.contains(&totp::base32(&secret)) && begun.picture.unwrap().starts_with("<svg"));
    let confirm = |caller: &Caller, current: &str, code: String| {
        let input = Confirmation { current: Password::new(current), enrolment: begun.enrolment.clone(), code };
        account::confirm(app, caller, &input, now)
    };
    let code = totp::code_at(&secret, now);
    assert_eq!(confirm(&hana, "wrong", code.clone()).unwrap_err().field(), Some("current"));
    assert_eq!(confirm(&hana, PASSWORD, "000000x".to_owned()).unwrap_err().field(), Some("code"));
    let ken = caller(app, "ken");
    assert_eq!(confirm(&ken, PASSWORD, code.clone()).unwrap_err().field(), Some("enrolment"), "it is another's");
    let recovery = confirm(&hana, PASSWORD, code.clone()).unwrap().recovery_codes;

    let sign_in = |code: Option<&str>, now| try_at(app, "hana", PASSWORD, code, now);
    assert!(matches!(sign_in(None, now).unwrap(), SignedIn::SecondFactorNeeded));
    assert_eq!(sign_in(Some(&code), now).unwrap_err().code(), "unauthorized", "used up by the enrolment");
    let later = now + Duration::from_secs(60);
    let code = totp::code_at(&secret, later);
    assert!(matches!(sign_in(Some(&code), later).unwrap(), SignedIn::Session(..)));
    assert!(sign_in(Some(&code), later).is_err(), "each code counts once");
    assert!(matches!(sign_in(Some(&recovery[0]), later).unwrap(), SignedIn::Session(..)));
    assert!(sign_in(Some(&recovery[0]), later).is_err());
    assert_eq!(admins::show(app, "hana").unwrap().recovery_codes, totp::RECOVERY_CODES - 1);
    // A right password without a code does not clear the count of wrong codes.
    app.lockout().forget("hana");
    for _ in 0..ACCOUNT_TRIES {
        assert_eq!(sign_in(Some("000000"), later).unwrap_err().code(), "unauthorized");
        let _ = sign_in(None, later);
    }
    assert_eq!(sign_in(Some("000000"), later).unwrap_err().code(), "throttled");
    app.lockout().forget("hana");
    account::remove_second_factor(app, &hana, &Proof { current: Password::new(PASSWORD) }).unwrap();
    assert!(matches!(sign_in(None, later).unwrap(), SignedIn::Session(..)));
    let trail = format!("{:?}", app.store().query(|db| db.audit_list(None, None, 99)).unwrap());
    assert!(!trail.contains(&totp::base32(&secret)) && !trail.contains(&recovery[1]));
}

#[test]
fn one_s_own_password_needs_the_old_one_and_ends_the_other_sessions() {
    let fixture = with_two();
    let app = &fixture.app;
    let (mine, other) = (signed_in(app, "ken"), signed_in(app, "ken"));
    let ken = sessions::session(app, &mine, true, Timestamp::now()).unwrap().unwrap();
    let input = |current: &str, new: &str| OwnPassword { current: Password::new(current), password: Password::new(new) };
    assert_eq!(account::set_password(app, &ken, &input("wrong", "another good one")).unwrap_err().field(), Some("current"));
    assert_eq!(account::set_password(app, &ken, &input(PASSWORD, "short")).unwrap_err().field(), Some("password"));
    account::set_password(app, &ken, &input(PASSWORD, "another good one")).unwrap();
    let open = |token: &Token| sessions::session(app, token, true, Timestamp::now()).unwrap().is_some();
    assert!(open(&mine) && !open(&other));
    assert_eq!(account::show(app, &Caller::local(0)).unwrap_err().code(), "conflict");
}

#[test]
fn tokens_have_no_more_rights_than_who_makes_them() {
    let fixture = with_two();
    let (app, now) = (&fixture.app, Timestamp::now());
    let (hana, ken) = (caller(app, "hana"), caller(app, "ken"));
    let scopes = vec![Right::write(Area::Users)];
    let new = |name: &str| NewToken { name: name.to_owned(), scopes: scopes.clone(), days: Some(1), admin: None };
    let made = tokens::create(app, &ken, &new("nightly"), now).unwrap();
    let secret = Token::given(made.secret.as_str());
    let holder = tokens::bearer(app, &secret, now).unwrap().unwrap();
    assert_eq!((holder.actor.as_str(), holder.role), ("token:ken/nightly", Role::Operator));
    assert!(holder.may(Right::read(Area::Users)) && !holder.may(Right::write(Area::Gateways)));
    assert_eq!(tokens::bearer(app, &secret, now + Duration::from_secs(86_400)).unwrap(), None, "expired");
    assert!(tokens::list(app, &ken, false).unwrap()[0].used.is_some());
    // Nor do they last longer.
    let own = NewToken { scopes: vec![Right::write(Area::Own)], days: Some(1), ..new("short") };
    let short = Token::given(tokens::create(app, &ken, &own, now).unwrap().secret.as_str());
    let holder = tokens::bearer(app, &short, now).unwrap().unwrap();
    for days in [None, Some(2)] {
        let longer = NewToken { days, name: "longer".to_owned(), ..own.clone() };
        assert_eq!(tokens::create(app, &holder, &longer, now).unwrap_err().field(), Some("days"));
    }
    let same = tokens::create(app, &holder, &NewToken { name: "same".to_owned(), ..own }, now).unwrap();
    tokens::remove(app, &ken, &same.token.id).unwrap();
    let beyond = NewToken { scopes: vec![Right::write(Area::Admins)], ..new("x") };
    assert_eq!(tokens::create(app, &ken, &beyond, now).unwrap_err().code(), "forbidden");
    let for_hana = NewToken { admin: Some("hana".to_owned()), ..new("x") };
    assert_eq!(tokens::create(app, &ken, &for_hana, now).unwrap_err().code(), "forbidden");
    let for_ken = NewToken { admin: Some("ken".to_owned()), ..new("by hana") };
    let by_hana = tokens::create(app, &hana, &for_ken, now).unwrap();
    assert_eq!((tokens::list(app, &hana, false).unwrap().len(), tokens::list(app, &hana, true).unwrap().len()), (0, 3));
    let of_hana = tokens::create(app, &hana, &new("own"), now).unwrap();
    assert_eq!(tokens::remove(app, &ken, &of_hana.token.id).unwrap_err().code(), "forbidden");
    tokens::remove(app, &hana, &by_hana.token.id).unwrap();
    admins::update(app, "tester", "ken", &AdminUpdate { enabled: Some(false), ..AdminUpdate::default() }).unwrap();
    assert_eq!(tokens::bearer(app, &secret, now).unwrap(), None, "the owner is disabled");
}

#[test]
fn sessions_and_tokens_end_with_what_they_were_made_under() {
    let fixture = with_two();
    let (app, now) = (&fixture.app, Timestamp::now());
    let made = || {
        let new = NewToken { name: "nightly".to_owned(), scopes: vec![Right::read(Area::Users)], days: None, admin: None };
        let secret = tokens::create(app, &caller(app, "ken"), &new, now).unwrap().secret;
        (signed_in(app, "ken"), Token::given(secret.as_str()))
    };
    let works = |(session, token): &(Token, Token)| {
        let session = sessions::session(app, session, true, now).unwrap().is_some();
        (session, tokens::bearer(app, token, now).unwrap().is_some())
    };
    let update = |update: AdminUpdate| drop(admins::update(app, "tester", "ken", &update).unwrap());
    let held = made();
    update(AdminUpdate { name: Some("ken".to_owned()), ..AdminUpdate::default() });
    assert_eq!(works(&held), (true, true), "a name changes nothing");
    update(AdminUpdate { role: Some(Role::ReadOnly), ..AdminUpdate::default() });
    assert_eq!(works(&held), (false, true));
    let holder = tokens::bearer(app, &held.1, now).unwrap().unwrap();
    assert_eq!(holder.role, Role::ReadOnly, "a token never has more rights than its owner has now");
    admins::set_password(app, "tester", "ken", &Password::new(PASSWORD)).unwrap();
    assert_eq!(works(&held), (false, false));
    let held = made();
    update(AdminUpdate { enabled: Some(false), ..AdminUpdate::default() });
    update(AdminUpdate { enabled: Some(true), ..AdminUpdate::default() });
    assert_eq!(works(&held), (false, false), "enabled again, the old ones stay out");
    let held = made();
    admins::reset(app, "tester", "ken", &Password::new(PASSWORD)).unwrap();
    assert_eq!(works(&held), (false, false), "break-glass");
}

#[test]
fn names_days_and_numbers_have_limits() {
    let fixture = with_two();
    let (app, now) = (&fixture.app, Timestamp::now());
    let hana = caller(app, "hana");
    let token = |name: &str, days| {
        let scopes = vec![Right::read(Area::Status)];
        tokens::create(app, &hana, &NewToken { name: name.to_owned(), scopes, days, admin: None }, now)
    };
    assert!(token(&"n".repeat(TOKEN_NAME_CHARS), Some(TOKEN_DAYS)).is_ok());
    assert!(token(&"n".repeat(TOKEN_NAME_CHARS + 1), None).is_err());
    assert!(token("a", Some(TOKEN_DAYS + 1)).is_err() && token("a", Some(0)).is_err() && token("a\u{7}", None).is_err());
    assert!(token(".", None).is_err() && token("..", None).is_err());
    for n in 1..TOKENS_PER_ADMIN {
        token(&format!("t{n}"), None).unwrap();
    }
    assert_eq!(token("one more", None).unwrap_err().code(), "conflict");
    let admin = |name: &str| admins::add(app, "tester", &new(name, Role::ReadOnly));
    assert!(admin(&"a".repeat(ADMIN_NAME_CHARS)).is_ok() && admin(&"a".repeat(ADMIN_NAME_CHARS + 1)).is_err());
    for wrong in ["", "a/b", "a b", "a:b", "a\nb", ".", ".."] {
        assert_eq!(admin(wrong).unwrap_err().field(), Some("name"), "{wrong}");
    }
    assert_eq!(admin("HANA").unwrap_err().code(), "conflict");
    let page = |limit| audit_log::list(app, &AuditQuery { limit: Some(limit), ..AuditQuery::default() });
    let between = |from: &str, to: &str| {
        let query = AuditQuery { from: Some(from.to_owned()), to: Some(to.to_owned()), ..AuditQuery::default() };
        audit_log::list(app, &query).map_err(|error| error.field())
    };
    assert!(between("2026-11-24T00:00:00Z", "2026-11-24T00:00:00Z").is_ok());
    assert_eq!(between("2026-11-24T00:00:01Z", "2026-11-24T00:00:00Z").unwrap_err(), Some("to"));
    assert!(page(PAGE_AUDIT).is_ok() && page(PAGE_AUDIT + 1).is_err() && page(0).is_err());
    let first = page(2).unwrap();
    let rest = AuditQuery { before: first.next, ..AuditQuery::default() };
    assert!(audit_log::list(app, &rest).unwrap().entries.iter().all(|line| line.id < first.entries[1].id));
    let wrong = AuditQuery { from: Some("yesterday".to_owned()), ..AuditQuery::default() };
    assert_eq!(audit_log::list(app, &wrong).unwrap_err().field(), Some("from"));
}

#[test]
fn the_link_of_the_first_start_works_once_and_not_for_ever() {
    let fixture = Fixture::new();
    let (app, now) = (&fixture.app, Timestamp::now());
    let first = |token: &Token| FirstAdmin {
        token: token.reveal().to_owned(),
        name: "hana".to_owned(),
        password: Password::new(PASSWORD),
    };
    let old = setup::link(app, now).unwrap().unwrap();
    let link = setup::link(app, now).unwrap().unwrap();
    assert_eq!(setup::complete(app, &first(&old), now).unwrap_err().code(), "unauthorized", "replaced by the next start");
    assert_eq!(setup::complete(app, &first(&link), now + setup::LINK_LIFE).unwrap_err().code(), "unauthorized");
    let short = FirstAdmin { password: Password::new("short"), ..first(&link) };
    assert_eq!(setup::complete(app, &short, now).unwrap_err().field(), Some("password"));
    assert!(setup::is_open(app, &link, now).unwrap());
    setup::complete(app, &first(&link), now).unwrap();
    assert!(!setup::is_open(app, &link, now).unwrap());
    assert_eq!(setup::complete(app, &first(&link), now).unwrap_err().code(), "unauthorized");
    assert!(setup::link(app, now).unwrap().is_none());
}

#[test]
fn break_glass_lets_in_whoever_was_locked_out() {
    let fixture = with_two();
    let app = &fixture.app;
    let disabled = AdminUpdate { enabled: Some(false), ..AdminUpdate::default() };
    admins::update(app, "tester", "ken", &disabled).unwrap();
    for _ in 0..=ACCOUNT_TRIES {
        try_at(app, "ken", "wrong", None, Timestamp::now()).unwrap_err();
    }
    admins::reset(app, "local:root", "ken", &Password::new(PASSWORD)).unwrap();
    assert_eq!(caller(app, "ken").role, Role::Administrator);
    admins::reset(app, "local:root", "new", &Password::new(PASSWORD)).unwrap();
    assert_eq!(caller(app, "new").role, Role::Administrator);
    let query = AuditQuery { actor: Some("local:root".to_owned()), ..AuditQuery::default() };
    let done: Vec<_> = audit_log::list(app, &query).unwrap().entries.into_iter().map(|line| line.action).collect();
    assert_eq!(done, ["admin.create", "admin.reset"]);
}

#[test]
fn operators_do_not_change_what_guards_the_administration() {
    let fixture = with_two();
    let app = &fixture.app;
    let put = |who: &str, key: &str, value: i32| {
        let changes = std::collections::BTreeMap::from([(key.to_owned(), serde_json::json!(value))]);
        settings::put_as(app, &caller(app, who), &changes)
    };
    assert!(put("ken", "max_contacts", 7).is_ok());
    assert_eq!(put("ken", "admin.session_idle", 60).unwrap_err().code(), "forbidden");
    assert!(put("hana", "admin.session_idle", 60).is_ok());
    assert_eq!(app.settings().borrow().admin.session_idle, minutes(60));
}

#[test]
fn the_audit_log_is_purged_after_its_days() {
    let fixture = with_two();
    let app = &fixture.app;
    let after = |days: u64| Timestamp::now() + Duration::from_secs(days * 86_400);
    assert_eq!(audit_log::purge(app, after(729)).unwrap(), 0);
    assert_eq!(audit_log::purge(app, after(731)).unwrap(), 2);
}

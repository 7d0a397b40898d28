use super::*;
use crate::app::tests::Fixture;
use crate::app::{archive, gateways};
use serde_json::{Value, json};
use zaiseki_store::{Read, Reply};

fn new(value: Value) -> NewUser {
    serde_json::from_value(value).unwrap()
}

fn signs_in(fixture: &Fixture, local: &str, password: &str) -> bool {
    let read = Read::Credentials { name: local.to_owned() };
    match fixture.app.store().query(move |db| db.read(&read)).unwrap() {
        Reply::Credentials(found) => found.is_some_and(|c| c.enabled && derive::verify_password(&c, password)),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_user_s_life() {
    let fixture = Fixture::new();
    let app = &fixture.app;
    let made =
        create(app, "tester", &new(json!({"name": " Hanako ", "password": "one long password", "display_name": "山田 花子"})))
            .unwrap();
    assert_eq!((made.name.as_str(), made.address.as_str()), ("hanako", "hanako@example.com"));
    assert!(made.enabled && made.calendar);
    assert!(signs_in(&fixture, "hanako", "one long password"));
    assert_eq!(show(app, "HANAKO").unwrap(), made);
    set_password(app, "tester", "hanako", &Password::new("quite another one")).unwrap();
    assert!(signs_in(&fixture, "hanako", "quite another one") && !signs_in(&fixture, "hanako", "one long password"));
    set_enabled(app, "tester", "hanako", false).unwrap();
    assert!(!signs_in(&fixture, "hanako", "quite another one"));
    set_enabled(app, "tester", "hanako", true).unwrap();
    let change = UserUpdate { language: Some("JA".to_owned()), calendar: Some(false), ..UserUpdate::default() };
    let changed = update(app, "tester", "hanako", &change).unwrap();
    assert_eq!((changed.language.as_deref(), changed.calendar), (Some("ja"), false));
    assert_eq!(changed.display_name, "山田 花子");
    remove(app, "tester", "hanako").unwrap();
    assert_eq!(show(app, "hanako").unwrap_err().code(), "not-found");
    let told: Vec<UserChange> = fixture.changes().into_iter().map(|(_, change)| change).collect();
    use UserChange as C;
    assert_eq!(told, [C::Details, C::Password, C::Disabled, C::Details, C::Details, C::Removed]);
    let trail = app.store().query(|db| db.audit_list(Some("user:hanako"), None, 99)).unwrap();
    let actions: Vec<&str> = trail.iter().rev().map(|entry| entry.action.as_str()).collect();
    let expected = ["user.create", "user.set_credentials", "user.disable", "user.enable", "user.update", "user.remove"];
    assert_eq!(actions, expected);
    assert!(trail.iter().all(|entry| entry.actor == "tester"));
}

#[test]
fn names_are_prepared_and_escaped() {
    for (written, local) in [
        ("anna", Some("anna")),
        ("Änne", Some("änne")),
        ("bjones@usa", Some("bjones\\40usa")),
        ("d'artagnan", Some("d\\27artagnan")),
        ("山田", Some("山田")),
        ("", None),
        ("  ", None),
        ("a\u{7}b", None),
        ("\u{2460}", None),
        (".", None),
        ("..", None),
        ("．．", None),
        ("...", Some("...")),
        (".a", Some(".a")),
    ] {
        assert_eq!(localpart(written).ok().as_deref(), local, "{written:?}");
    }
    assert_eq!(localpart(&"x".repeat(1_023)).unwrap().len(), 1_023);
    assert!(localpart(&"x".repeat(1_024)).is_err());
}

#[test]
fn a_user_is_found_by_either_form_of_the_name() {
    let fixture = Fixture::new();
    create(&fixture.app, "tester", &new(json!({"name": "bjones@usa"}))).unwrap();
    for name in ["bjones@usa", "BJones@USA", "bjones\\40usa"] {
        assert_eq!(show(&fixture.app, name).unwrap().name, "bjones@usa", "{name}");
    }
}

#[test]
fn wrong_input_names_its_field() {
    let fixture = Fixture::new();
    let app = &fixture.app;
    let refused = |value: Value| create(app, "tester", &new(value)).unwrap_err();
    for (value, field) in [
        (json!({"name": "a\u{7}"}), "name"),
        (json!({"name": "a", "password": ""}), "password"),
        (json!({"name": "a", "mail": "nomail"}), "mail"),
        (json!({"name": "a", "mail": "a b@example.com"}), "mail"),
        (json!({"name": "a", "mail": format!("{}@e.example", "x".repeat(MAIL_BYTES - 9))}), "mail"),
        (json!({"name": "a", "display_name": "x".repeat(DISPLAY_NAME_CHARS + 1)}), "display_name"),
        (json!({"name": "a", "display_name": "a\nb"}), "display_name"),
        (json!({"name": "a", "display_name": "a\u{202e}b"}), "display_name"),
        (json!({"name": "a", "telephone": "1".repeat(TELEPHONE_CHARS + 1)}), "telephone"),
        (json!({"name": "a", "language": "日本語"}), "language"),
    ] {
        let error = refused(value.clone());
        assert_eq!((error.code(), error.field()), ("invalid", Some(field)), "{value}");
    }
    let longest = json!({"name": "a", "mail": format!("{}@e.example", "x".repeat(MAIL_BYTES - 10)),
        "display_name": "会".repeat(DISPLAY_NAME_CHARS), "telephone": "1".repeat(TELEPHONE_CHARS)});
    create(app, "tester", &new(longest)).unwrap();
    assert_eq!(refused(json!({"name": "A"})).code(), "conflict");
    assert_eq!(set_enabled(app, "tester", "nobody", true).unwrap_err().code(), "not-found");
}

#[test]
fn what_turns_the_direction_of_text_is_refused_or_taken_out() {
    for turning in ["\u{61c}", "\u{200e}", "\u{200f}", "\u{202a}", "\u{202e}", "\u{2066}", "\u{2069}"] {
        let name = format!("山田{turning} 花子");
        assert_eq!(straight("display_name", &name).unwrap_err().field(), Some("display_name"), "{turning:?}");
        assert_eq!(straightened(&name), "山田 花子");
        assert_eq!(checked(&new(json!({"name": "a", "display_name": name}))).unwrap().display_name, "山田 花子");
    }
    straight("display_name", "דנה · 花子\u{200d}").unwrap();
}

#[test]
fn a_display_name_from_elsewhere_does_not_stand_in_the_way_of_other_changes() {
    let fixture = Fixture::new();
    let app = &fixture.app;
    let made = create(app, "tester", &new(json!({"name": "a", "display_name": "花子"}))).unwrap();
    let change = |display_name: &str| UserUpdate { display_name: Some(display_name.to_owned()), ..UserUpdate::default() };
    assert_eq!(update(app, "tester", "a", &change("花子\u{202e}")).unwrap_err().field(), Some("display_name"));
    assert_eq!(update(app, "tester", "a", &change("花子")).unwrap(), made);
}

#[test]
fn lists_come_in_pages() {
    let fixture = Fixture::new();
    for name in ["anna", "ben", "carl"] {
        fixture.user(name);
    }
    let query = |after: Option<String>| UserQuery { after, limit: Some(2), ..UserQuery::default() };
    let first = list(&fixture.app, &query(None)).unwrap();
    let names = |page: &UserPage| page.users.iter().map(|u| u.name.clone()).collect::<Vec<_>>();
    assert_eq!((names(&first), first.total), (vec!["anna".to_owned(), "ben".to_owned()], 3));
    let second = list(&fixture.app, &query(first.next)).unwrap();
    assert_eq!((names(&second), second.next), (vec!["carl".to_owned()], None));
    for limit in [0, PAGE_USERS + 1] {
        let query = UserQuery { limit: Some(limit), ..UserQuery::default() };
        assert_eq!(list(&fixture.app, &query).unwrap_err().field(), Some("limit"));
    }
    let found = UserQuery { search: Some("ben@".to_owned()), ..UserQuery::default() };
    assert_eq!(names(&list(&fixture.app, &found).unwrap()), ["ben"]);
}

#[test]
fn the_archive_has_a_switch_per_user() {
    let fixture = Fixture::new();
    fixture.user("anna");
    let app = &fixture.app;
    assert!(archive::user_archive(app, "anna").unwrap());
    archive::set_user_archive(app, "tester", "anna", false).unwrap();
    assert!(!archive::user_archive(app, "anna").unwrap());
    archive::set_user_archive(app, "tester", "anna", true).unwrap();
    assert!(archive::user_archive(app, "anna").unwrap());
    let trail = app.store().query(|db| db.audit_list(Some("user:anna"), None, 1)).unwrap();
    assert_eq!((trail[0].action.as_str(), trail[0].actor.as_str()), ("user.archive", "tester"));
}

fn gateway(name: &str, secret: Option<&str>) -> gateways::GatewayInput {
    let config = json!({"kind": "caldav", "url": "https://cal.example/{user}/", "username": "service"});
    serde_json::from_value(json!({"name": name, "config": config, "secret": secret})).unwrap()
}

#[test]
fn a_user_s_own_choice_is_kept_and_audited_in_their_name() {
    let fixture = Fixture::new();
    let app = &fixture.app;
    create(app, "tester", &new(json!({"name": "hanako"}))).unwrap();
    let id = find(app, "hanako").unwrap().id;
    assert!(!choose_calendar(app, id, "hanako", false).unwrap().calendar);
    assert!(!show(app, "hanako").unwrap().calendar);
    let trail = || app.store().query(|db| db.audit_list(None, None, 99)).unwrap();
    let lines = trail().len();
    assert!(trail().iter().any(|line| line.actor == "user:hanako"), "{:?}", trail());
    // Nothing new: nothing is written.
    choose_calendar(app, id, "hanako", false).unwrap();
    assert_eq!(trail().len(), lines);
    // Somebody who has the name now is not who chose.
    assert_eq!(choose_calendar(app, UserId::generate(), "hanako", true).unwrap_err().code(), "not-found");
    assert!(!show(app, "hanako").unwrap().calendar);
}

#[test]
fn a_gateway_s_secret_is_sealed_kept_and_never_shown() {
    let fixture = Fixture::new();
    let app = &fixture.app;
    let made = gateways::add(app, "tester", &gateway("main", Some("open sesame"))).unwrap();
    assert!(made.secret && made.enabled);
    let row = app.store().query(|db| db.gateways()).unwrap().remove(0);
    let sealed = row.secret.clone().unwrap();
    assert!(!sealed.windows(6).any(|w| w == b"sesame"));
    assert_eq!(gateways::secret(app, &row).unwrap(), zaiseki_calendar::Secret::new("open sesame"));
    assert!(!format!("{made:?}").contains("sesame") && !json!(made).to_string().contains("sesame"));
    let renamed = gateways::update(app, "tester", "main", &gateway("other", None)).unwrap();
    assert_eq!((renamed.id, renamed.name.as_str(), renamed.secret), (made.id, "other", true));
    let trail = app.store().query(|db| db.audit_list(None, None, 99)).unwrap();
    assert!(trail.iter().all(|e| !format!("{e:?}").contains("sesame")));
    assert_eq!(gateways::show(app, "main").unwrap_err().code(), "not-found");
    gateways::remove(app, "tester", "other").unwrap();
    assert_eq!(gateways::list(app).unwrap(), []);
}

#[test]
fn a_wrong_gateway_is_refused_before_it_is_kept() {
    let fixture = Fixture::new();
    let app = &fixture.app;
    gateways::add(app, "tester", &gateway("main", None)).unwrap();
    assert_eq!(gateways::add(app, "tester", &gateway("main", None)).unwrap_err().code(), "conflict");
    for name in ["", ".", "..", "a/b", "a\nb", &"x".repeat(gateways::NAME_CHARS + 1)] {
        assert_eq!(gateways::add(app, "tester", &gateway(name, None)).unwrap_err().field(), Some("name"), "{name:?}");
    }
    for secs in [0, 3_601] {
        let input = gateways::GatewayInput { poll_secs: secs, ..gateway("x", None) };
        assert_eq!(gateways::add(app, "tester", &input).unwrap_err().field(), Some("poll_secs"));
    }
    let clear = json!({"kind": "caldav", "url": "http://cal.example/{user}/", "username": "service"});
    let input = serde_json::from_value(json!({"name": "x", "config": clear})).unwrap();
    assert_eq!(gateways::add(app, "tester", &input).unwrap_err().field(), Some("url"));
    assert_eq!(gateways::list(app).unwrap().len(), 1);
}

#[test]
fn a_user_gets_another_name_and_stays_the_same_person() {
    let fixture = Fixture::new();
    let (app, anna) = (&fixture.app, fixture.user("anna"));
    fixture.user("ben");
    fixture.changes();
    let refused = |new: &str| rename(app, "tester", "anna", new).unwrap_err();
    assert_eq!((refused("").field(), refused("Anna").field()), (Some("name"), Some("name")));
    assert_eq!(refused("Ben").code(), "conflict");
    assert_eq!(rename(app, "tester", "nobody", "x").unwrap_err().code(), "not-found");
    let renamed = rename(app, "tester", "anna", "a@maier").unwrap();
    assert_eq!((renamed.name.as_str(), renamed.address.as_str()), ("a@maier", "a\\40maier@example.com"));
    assert_eq!(renamed.id, anna.id);
    assert_eq!(fixture.changes(), [("anna".to_owned(), UserChange::Renamed { to: "a\\40maier".to_owned() })]);
    assert_eq!(show(app, "a@maier").unwrap(), renamed);
    assert_eq!(show(app, "anna").unwrap_err().code(), "not-found");
    let trail = app.store().query(|db| db.audit_list(Some("user:anna"), None, 9)).unwrap();
    assert_eq!(trail[0].action, "user.rename");
}

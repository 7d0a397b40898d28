//! Directories, duplicates and bulk enabling in the console.

use super::page_tests::{ADMIN, with};
use super::tests::fixture;
use axum::http::StatusCode;
use std::time::{Duration, Instant};
use zaiseki_control::app::users::{NewUser, create};
use zaiseki_control::app::{directories, jobs};
use zaiseki_control::directory::DirectoryService;

const LDAP: [(&str, &str); 14] = [
    ("name", "tokyo"),
    ("servers", "127.0.0.1:1\r\n\r\n 127.0.0.1:2 "),
    ("security", "none"),
    ("ca", ""),
    ("bind_dn", "cn=reader,dc=x"),
    ("secret", "s3cret"),
    ("base", "dc=x"),
    ("scope", "one-level"),
    ("filter", ""),
    ("attributes", "name=employeeNumber\r\nmail = mailbox"),
    ("country_code", "81"),
    ("page_size", "500"),
    ("sync.every_minutes", "1440"),
    ("sync.at", "18:00"),
];
const RULES: [(&str, &str); 2] = [("sync.grace_hours", "24"), ("sync.brake_percent", "50")];

fn user(name: &str, mail: &str) -> NewUser {
    serde_json::from_value(serde_json::json!({ "name": name, "mail": mail })).unwrap()
}

#[tokio::test]
async fn a_directory_is_what_was_typed() {
    let fixture = fixture();
    assert!(fixture.seen("/console/directories").await.contains("built-in directory only"));
    let fields = [LDAP.as_slice(), &RULES].concat();
    let path = "/console/directories:ldap";
    for (field, wrong) in [
        ("name", "a/b"),
        ("servers", ""),
        ("base", ""),
        ("filter", "(uid="),
        ("attributes", "nonsense"),
        ("page_size", "0"),
        ("page_size", "many"),
        ("country_code", "+81"),
        ("sync.at", "25:00"),
        ("sync.every_minutes", "4"),
        ("sync.brake_percent", "101"),
    ] {
        let html = fixture.refused(path, &with(&fields, field, wrong), field).await;
        assert!(html.contains("cn=reader,dc=x") && !html.contains("s3cret"), "{html}");
    }
    assert_eq!(fixture.sent(path, &fields).await, "/console/directories/tokyo");
    let directory = directories::show(&fixture.app, "tokyo").unwrap();
    let DirectoryService::Ldap(ldap) = &directory.config else { panic!("{directory:?}") };
    assert_eq!(
        (ldap.servers.as_slice(), ldap.attributes["mail"].as_str()),
        (&["127.0.0.1:1".to_owned(), "127.0.0.1:2".to_owned()][..], "mailbox")
    );
    assert_eq!((directory.secret, directory.enabled, directory.sync.enable_new), (true, false, false));
    let html = fixture.seen("/console/directories/tokyo/edit").await;
    assert!(html.contains("127.0.0.1:1\n127.0.0.1:2") && html.contains("mail=mailbox") && !html.contains("s3cret"), "{html}");
    // Without an account there is no password, and to another server it does not go by itself.
    let kept = with(&fields, "secret", "");
    fixture.refused("/console/directories/tokyo/edit", &with(&kept, "servers", "evil.example"), "secret").await;
    fixture.sent("/console/directories/tokyo/edit", &with(&kept, "bind_dn", "")).await;
    assert!(!directories::show(&fixture.app, "tokyo").unwrap().secret);
}

#[tokio::test]
async fn active_directory_and_unified_cm_have_their_own_fields() {
    let fixture = fixture();
    let fields = with(&[LDAP.as_slice(), &RULES].concat(), "attributes", "");
    fixture.sent("/console/directories:active-directory", &fields).await;
    let html = fixture.seen("/console/directories/tokyo").await;
    assert!(html.contains("Active Directory") && html.contains("never synchronised"), "{html}");
    let cluster = [
        ("name", "cm"),
        ("servers", "cucm.example"),
        ("username", "axl"),
        ("secret", "s3cret"),
        ("users", "home"),
        ("version", "12.0"),
        ("page_size", "500"),
        ("timeout_secs", "60"),
        ("sync.every_minutes", "60"),
        ("sync.at", "18:00"),
        ("sync.changes_minutes", "15"),
        ("sync.grace_hours", "0"),
        ("sync.brake_percent", "100"),
    ];
    fixture.refused("/console/directories:unified-cm", &with(&cluster, "username", ""), "username").await;
    assert_eq!(fixture.sent("/console/directories:unified-cm", &cluster).await, "/console/directories/cm");
    assert!(fixture.seen("/console/directories").await.contains("Unified CM"));
}

#[tokio::test]
async fn a_synchronisation_goes_on_in_the_background_and_its_end_is_shown() {
    let fixture = fixture();
    fixture.sent("/console/directories:ldap", &[LDAP.as_slice(), &RULES].concat()).await;
    let path = "/console/directories/tokyo";
    assert_eq!(fixture.sent(&format!("{path}/sync"), &[("dry_run", "true")]).await, format!("{path}/preview"));
    let until = Instant::now() + Duration::from_secs(30);
    while directories::show(&fixture.app, "tokyo").unwrap().running.is_some() && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(fixture.seen(&format!("{path}/preview")).await.contains("no server could be reached"));
    assert_eq!(fixture.sent(&format!("{path}/sync"), &[]).await, path);
    while directories::show(&fixture.app, "tokyo").unwrap().last.is_none() && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let html = fixture.seen(path).await;
    assert!(html.contains("failed") && html.contains("no server could be reached"), "{html}");
    let (status, _, html) = fixture.send(&format!("{path}/test"), &[]).await;
    assert!(status == StatusCode::OK && html.contains("check the server&#39;s name"), "{html}");
    for list in ["problems", "leftovers", "left-out"] {
        fixture.seen(&format!("{path}/{list}")).await;
    }
    let html = fixture.seen(&format!("{path}/remove")).await;
    assert!(html.contains("Its 0 users stay"), "{html}");
    assert_eq!(fixture.sent(&format!("{path}/remove"), &[]).await, "/console/directories");
    assert_eq!(fixture.get(path, ADMIN, "en").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_duplicate_is_resolved_by_one_button() {
    let fixture = fixture();
    for name in ["anna", "ben"] {
        create(&fixture.app, "tester", &user(name, "info@example.test")).unwrap();
    }
    let path = "/console/users:duplicates";
    let html = fixture.seen(path).await;
    assert!(html.contains("info@example.test") && html.contains("ben keeps it"), "{html}");
    let choice = [("field", "mail"), ("value", "info@example.test"), ("directory", ""), ("keep", "ben")];
    assert_eq!(fixture.send(path, &with(&choice, "field", "shoe")).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(fixture.send(path, &with(&choice, "keep", "nobody")).await.0, StatusCode::NOT_FOUND);
    assert_eq!(fixture.sent(path, &choice).await, path);
    assert!(fixture.seen(path).await.contains("claimed twice"));
}

#[tokio::test]
async fn many_users_are_enabled_by_a_job() {
    let fixture = fixture();
    create(&fixture.app, "tester", &user("anna", "")).unwrap();
    let path = "/console/users:im";
    let fields = [("im", "false"), ("way", "users"), ("users", "anna, nobody\r\n"), ("search", "")];
    assert!(fixture.seen("/console/users:im?search=ann").await.contains("value=\"ann\""));
    fixture.refused(path, &with(&fields, "users", " , "), "users").await;
    fixture.refused(path, &with(&fields, "way", "matching"), "search").await;
    fixture.refused(path, &with(&fields, "way", "file"), "file").await;
    let job = fixture.sent(path, &fields).await;
    let id = job.strip_prefix("/console/jobs/").unwrap();
    assert_eq!(jobs::find(&fixture.app, id).unwrap().total, Some(2));
    fixture.sent(path, &with(&fields, "way", "everyone")).await;
    assert_eq!(fixture.send(path, &with(&fields, "way", "magic")).await.0, StatusCode::UNPROCESSABLE_ENTITY);
}

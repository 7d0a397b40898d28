//! Secrets are put wherever a node keeps or says something, and looked for in what leaves.

use super::*;
use crate::access::{Area, Right};
use crate::alarms::catalogue::GATEWAY_DOWN;
use crate::app::tests::Fixture;
use crate::app::tokens::NewToken;
use crate::app::{admins, tokens, users};
use crate::bootstrap::Bootstrap;
use crate::recent_log::RecentLog;
use crate::text::Text;
use serde::de::DeserializeOwned;
use std::sync::Arc;

fn from<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// What must not be found, in upper or lower case.
const PLANTED: [&str; 18] = [
    "pw-of-the-user",
    "pw-of-admin",
    "pw-of-gateway",
    "pw-of-directory",
    "pw-of-mail",
    "pw-in-an-address",
    "key-of-a-query",
    "hook-path",
    "hanako",
    "はなこ",
    "佐藤",
    "anna.berg",
    "Anna Berg",
    "kenji",
    "svc-calendar",
    "reader-account",
    "whispered",
    "said-in-log",
];

fn fill(fixture: &Fixture) -> String {
    let app = &fixture.app;
    let user =
        json!({"name": "hanako", "password": "pw-of-the-user", "display_name": "佐藤 はなこ", "mail": "anna.berg@example.com"});
    users::create(app, "tester", &from(user)).unwrap();
    let admin = json!({"name": "kenji", "role": "operator", "password": "pw-of-admin long enough"});
    admins::add(app, "tester", &from(admin)).unwrap();
    let caller =
        Caller { actor: "admin:kenji".to_owned(), account: Some(admins::find(app, "kenji").unwrap().id), ..Caller::local(0) };
    let new = NewToken { name: "nightly".to_owned(), scopes: vec![Right::read(Area::Users)], days: None, admin: None };
    let token = tokens::create(app, &caller, &new, Timestamp::now()).unwrap().secret;
    let gateway = json!({"name": "ews", "secret": "pw-of-gateway", "config": {
        "kind": "ews", "url": "https://ex.example/EWS", "username": "svc-calendar@example.com"}});
    gateways::add(app, "tester", &from(gateway)).unwrap();
    let directory = json!({"name": "tree", "secret": "pw-of-directory", "config": {
        "kind": "ldap", "servers": ["ldap.example"], "bind_dn": "cn=Reader-Account,dc=example", "base": "ou=people,dc=example"}});
    directories::add(app, "tester", &from(directory)).unwrap();
    let mail = json!({"name": "mail", "secret": "pw-of-mail", "config": {
        "kind": "mail", "host": "mail.example", "username": "kenji", "from": "kenji@example.com", "to": ["hanako@example.com"]}});
    alarm_targets::add(app, "tester", &from(mail)).unwrap();
    let hook = json!({"name": "hook", "config": {"kind": "webhook", "url": "https://hooks.example/services/hook-path"}});
    alarm_targets::add(app, "tester", &from(hook)).unwrap();
    let url = "https://otlp.example/v1/metrics?key=key-of-a-query";
    settings::put(app, "tester", &from(json!({"telemetry.otlp_url": url}))).unwrap();
    let job = json!({"kind": "users.im", "input": {"im": false, "users": ["hanako"]}});
    super::super::jobs::create(app, &caller, from(job)).unwrap();
    let said = format!("refused: token={token} password: said-in-log, mailbox <Anna.Berg@example.com> of hanako");
    app.alarms().raise(&GATEWAY_DOWN, "kenji", Text::plain(said.clone()));
    crate::alarms::flush(app).unwrap();
    let recent = Arc::new(RecentLog::default());
    for text in [said, "make the first one at https://node:8443/setup/dGhpcyBpcyBhIHRva2VuIDEyMzQ1Njc4OTAxMjM0NTY".to_owned()] {
        recent.push(LogEvent { at: Timestamp::now(), level: "WARN", target: "zaiseki::test".to_owned(), text });
    }
    recent.push(LogEvent {
        at: Timestamp::now(),
        level: "INFO",
        target: "zaiseki_control::jobs".to_owned(),
        text: "job taken up actor=admin:kenji entry=\"CN=Anna Berg,OU=x\" user=HANAKO peer=192.0.2.1".to_owned(),
    });
    app.log().keep(recent);
    let entries = BTreeMap::from([("domain".to_owned(), "example.com".to_owned())]);
    let wrong = || Err(vec![Text::plain("listen: no address")]);
    app.node().set_bootstrap(Bootstrap::new(Some("/etc/zaiseki/node.toml".into()), entries, wrong));
    token
}

#[test]
fn no_secret_and_nobody_s_name_leaves() {
    let fixture = Fixture::new();
    let token = fill(&fixture);
    let bundle = make(&fixture.app, &Caller::local(0)).unwrap();
    let text = serde_json::to_string_pretty(&bundle).unwrap();
    let lower = text.to_lowercase();
    let key = std::fs::read(fixture.dir.path().join(crate::seal::KEY_FILE)).unwrap();
    let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    for secret in PLANTED.iter().copied().chain([token.as_str(), "dGhpcyBpcyBhIHRva2VuIDEyMzQ1Njc4OTAxMjM0NTY", &key]) {
        assert!(!lower.contains(&secret.to_lowercase()), "{secret} in {text}");
    }
    // What is of use is still there, and the same person is the same number.
    for kept in [
        "https://otlp.example/v1/metrics",
        "https://hooks.example/…",
        "https://node:8443/setup/(removed)",
        "ldap.example",
        "192.0.2.1",
    ] {
        assert!(text.contains(kept), "{kept} in {text}");
    }
    let line = bundle.parts["log"][2]["text"].as_str().unwrap();
    let number = bundle.parts["log"][0]["text"].as_str().unwrap().rsplit(' ').next().unwrap();
    assert!(line.contains(&format!("user={number} ")), "{line} {number}");
    assert!(bundle.removed > 5 && bundle.people >= 4, "{} {}", bundle.removed, bundle.people);
}

#[test]
fn every_part_is_there_and_the_making_is_written_down() {
    let fixture = Fixture::new();
    fill(&fixture);
    let bundle = make(&fixture.app, &Caller::local(0)).unwrap();
    assert_eq!(bundle.parts.len(), PARTS.len());
    for (name, part) in &bundle.parts {
        let empty = part.is_null() || part == &json!([]) || part == &json!({}) || part.get("error").is_some();
        assert!(!empty || name == "certificates", "{name}: {part}");
    }
    let at = |pointer: &str| json!(bundle.parts).pointer(pointer).cloned().unwrap_or_default();
    assert_eq!(at("/database/rows/account"), 1);
    assert_eq!(at("/accounts/administrators/operator/all"), 1);
    assert_eq!(at("/bootstrap/now/error/0/en"), "listen: no address");
    assert!(at("/checks/results").as_array().is_some_and(|results| results.len() > 20));
    assert!(at("/metrics").as_array().unwrap().iter().any(|line| line.as_str().unwrap().starts_with("zaiseki_build_info{")));
    let trail = fixture.app.store().query(|db| db.audit_list(Some("node:bundle"), None, 9)).unwrap();
    assert_eq!((trail.len(), trail[0].action.as_str(), trail[0].actor.as_str()), (1, "diagnostics.bundle", "local:root"));
}

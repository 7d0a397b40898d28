use super::*;
use crate::access::Role;
use crate::app::admins::{self, NewAdmin};
use crate::app::tests::Fixture;
use crate::app::users::Password;
use std::thread;

#[test]
fn the_domain_is_a_real_one() {
    for (name, outcome) in [
        ("example.com", Outcome::Passed),
        ("localhost", Outcome::Warning),
        ("DOMAIN.NOT.SET", Outcome::Failed),
        ("domain.not.set", Outcome::Failed),
    ] {
        assert_eq!(names::domain(name).outcome, outcome, "{name}");
    }
}

fn outcome(app: &App, id: &str) -> Outcome {
    let run = run(app, &CheckQuery::default()).unwrap();
    run.results.iter().find(|result| result.check.id == id).unwrap().outcome
}

#[test]
fn an_administrator_who_can_sign_in_is_looked_for() {
    let fixture = Fixture::new();
    let app = &fixture.app;
    let add = |name: &str, role, password: Option<&str>| {
        let password = password.map(|word| serde_json::from_value::<Password>(word.into()).unwrap());
        admins::add(app, "tester", &NewAdmin { name: name.to_owned(), role, password }).unwrap();
    };
    add("ken", Role::Operator, Some("a long enough password"));
    add("none", Role::Administrator, None);
    assert_eq!(outcome(app, "administrators.exist"), Outcome::Failed);
    assert_eq!(outcome(app, "administrators.second-factor"), Outcome::Passed);
    add("hana", Role::Administrator, Some("a long enough password"));
    assert_eq!(outcome(app, "administrators.exist"), Outcome::Passed);
    assert_eq!(outcome(app, "administrators.second-factor"), Outcome::Warning);
    assert_eq!(outcome(app, "database.use"), Outcome::Passed);
}

fn planted(run: fn(&App, &str) -> Result<Vec<Finding>>) -> run::Unit {
    let check = Box::leak(Box::new(Check { run, ..database::USE }));
    run::Unit { check, subject: "it".to_owned() }
}

#[test]
fn a_check_that_hangs_or_breaks_off_has_failed() {
    let fixture = Fixture::new();
    let hangs = planted(|_, _| {
        thread::park_timeout(Duration::from_secs(60));
        Ok(Vec::new())
    });
    let late = run::one(&fixture.app, &hangs, Duration::from_millis(20)).remove(0);
    assert_eq!((late.outcome, late.seen.en.as_str(), late.subject.as_str()), (Outcome::Failed, "no answer in time", "it"));
    let broken = run::one(&fixture.app, &planted(|_, _| panic!("planted")), DEADLINE).remove(0);
    assert_eq!((broken.outcome, broken.seen.en.as_str()), (Outcome::Failed, "the check broke off"));
}

#[test]
fn results_come_in_the_order_of_the_list_and_count_up() {
    let fixture = Fixture::new();
    assert!(show_last(&fixture.app).is_err());
    let all = run(&fixture.app, &CheckQuery::default()).unwrap();
    let mut ids: Vec<&str> = all.results.iter().map(|result| result.check.id.as_str()).collect();
    ids.dedup();
    assert_eq!(ids, CHECKS.iter().map(|check| check.id).collect::<Vec<_>>());
    assert_eq!(all.results.len(), all.passed + all.warnings + all.failed);
    assert!(Arc::ptr_eq(&all, &show_last(&fixture.app).unwrap()));
    for result in &all.results {
        assert_eq!(result.todo.is_some(), result.outcome != Outcome::Passed, "{}", result.check.id);
        assert!(!result.check.why.ja.is_ascii(), "{}", result.check.id);
    }
}

#[test]
fn one_section_is_run_alone_and_an_unknown_one_is_refused() {
    let fixture = Fixture::new();
    let of = |section: &str| run(&fixture.app, &CheckQuery { section: Some(section.to_owned()) });
    let disk = of("disk").unwrap();
    assert!(disk.results.len() == 2 && disk.results.iter().all(|result| result.check.section == "disk"));
    assert!(last(&fixture.app).is_none(), "a part is not kept as the whole");
    let error = of("dsik").unwrap_err();
    assert_eq!((error.code(), error.field()), ("invalid", Some("section")));
    assert!(error.text().en.contains("disk, clock, administrators"), "{}", error.text());
}

#[test]
fn a_gateway_that_cannot_be_reached_has_failed_with_its_page() {
    let fixture = Fixture::new();
    let gateway = serde_json::json!({"name": "post office", "secret": "x",
        "config": {"kind": "ews", "url": "https://127.0.0.1:1/", "username": "u"}});
    crate::app::gateways::add(&fixture.app, "tester", &serde_json::from_value(gateway).unwrap()).unwrap();
    let found = run(&fixture.app, &CheckQuery { section: Some("gateways".to_owned()) }).unwrap();
    let one = &found.results[0];
    assert_eq!((one.outcome, one.subject.as_str(), found.results.len()), (Outcome::Failed, "post office", 1));
    assert_eq!(one.check.link.as_deref(), Some("/console/gateways/post%20office"));
}

#[test]
fn the_administrators_provider_is_asked_when_there_is_one() {
    let fixture = Fixture::new();
    let app = &fixture.app;
    let id = "administrators.provider";
    let change = |config: serde_json::Value| {
        let change = serde_json::from_value(serde_json::json!({"config": config})).unwrap();
        crate::app::provider::change(app, "tester", &change).unwrap();
    };
    let result = |app: &App| {
        let run = run(app, &CheckQuery { section: Some("administrators".to_owned()) }).unwrap();
        run.results.iter().find(|result| result.check.id == id).cloned().unwrap()
    };
    let none = result(app);
    assert_eq!((none.outcome, none.todo), (Outcome::Passed, None), "none is configured");
    assert_eq!(none.check.link.as_deref(), Some("/console/admin-sign-in"));
    let nowhere = serde_json::json!({"enabled": false, "issuer": "http://127.0.0.1:1", "client_id": "console",
        "address": "https://im1.example.com:8443", "match_existing": true});
    change(nowhere);
    assert_eq!(result(app).outcome, Outcome::Warning, "it does not answer, and nobody needs it yet");
    change(serde_json::json!({"enabled": true}));
    let failed = result(app);
    assert_eq!(failed.outcome, Outcome::Failed);
    assert!(failed.seen.en.contains("127.0.0.1:1") && failed.todo.unwrap().ja.contains("パスワード"));
}

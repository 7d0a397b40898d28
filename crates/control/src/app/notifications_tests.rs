//! Pending restarts: what is listed, and what a restart asks for.

use super::*;
use crate::app::tests::Fixture;
use std::net::TcpListener;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

fn caller() -> Caller {
    Caller::local(0)
}

/// A process that counts how often it was told to begin anew.
#[derive(Default)]
struct Counting(AtomicUsize);

impl bootstrap::Restarter for Arc<Counting> {
    fn ready(&self) -> std::result::Result<(), Text> {
        Ok(())
    }

    fn restart(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A file that a test writes: what is wrong with it, else its entries.
type File = Arc<Mutex<std::result::Result<Entries, Vec<Text>>>>;

fn entries(changes: &[(&str, &str)]) -> Entries {
    let mut all: Entries = bootstrap::KEYS.iter().map(|key| (key.key.to_owned(), String::new())).collect();
    all.extend(changes.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
    all
}

fn started(fixture: &Fixture) -> (File, Arc<Counting>) {
    let (file, process): (File, Arc<Counting>) = (Arc::new(Mutex::new(Ok(entries(&[])))), Arc::default());
    let read = file.clone();
    let node = fixture.app.node();
    node.set_name("im1");
    node.set_bootstrap(Bootstrap::new(Some("node.toml".into()), entries(&[]), move || read.lock().unwrap().clone()));
    node.set_restarter(process.clone());
    (file, process)
}

#[test]
fn each_changed_key_is_listed_with_its_restart_and_the_worst_first() {
    let fixture = Fixture::new();
    let app = &fixture.app;
    assert!(list(app).is_empty(), "nothing is known of the file");
    let (file, _) = started(&fixture);
    assert!(list(app).is_empty());
    for key in bootstrap::KEYS {
        *file.lock().unwrap() = Ok(entries(&[(key.key, "other")]));
        let [one] = &list(app)[..] else { panic!("{}", key.key) };
        assert_eq!((one.key.as_deref(), one.in_file.as_deref(), one.in_use.as_deref()), (Some(key.key), Some("other"), Some("")));
        let name = one.restart.as_deref().unwrap();
        assert!(name == "node" || name.parse::<Service>().is_ok(), "{name}");
        assert!(one.restart_means.is_some());
    }
    *file.lock().unwrap() = Ok(entries(&[("log.format", "json"), ("domain", "example.org"), ("listen.c2s", "127.0.0.1:1")]));
    let all: Vec<_> = list(app).into_iter().map(|one| (one.severity, one.restart.unwrap())).collect();
    let wanted = [(Weight::Critical, "node"), (Weight::Warning, "client-connections"), (Weight::Info, "node")];
    assert_eq!(all, wanted.map(|(weight, name)| (weight, name.to_owned())));
}

#[test]
fn a_broken_file_is_listed_with_all_its_problems_and_nothing_restarts() {
    let fixture = Fixture::new();
    let app = &fixture.app;
    let (file, process) = started(&fixture);
    *file.lock().unwrap() = Err(vec![Text::plain("line 1: domain"), Text::plain("line 7: listen.c2s")]);
    let all = list(app);
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|one| one.severity == Weight::Critical && one.restart.is_none()), "{all:?}");
    assert!(all[1].todo.ja.contains("line 7"), "{all:?}");
    let error = restart_node(app, &caller(), "im1").unwrap_err();
    assert!(error.code() == "conflict" && error.text().en.contains("line 1: domain; line 7"), "{error}");
    assert_eq!(process.0.load(Ordering::Relaxed), 0);
    must_fit(app, Service::ClientConnections).unwrap();
}

#[test]
fn a_restart_is_audited_with_what_it_brings_into_use() {
    let fixture = Fixture::new();
    let app = &fixture.app;
    let none = restart_node(app, &caller(), "").unwrap_err();
    assert_eq!(none.code(), "conflict", "no node runs: {none}");
    let (file, process) = started(&fixture);
    assert_eq!(restart_node(app, &caller(), "im2").unwrap_err().code(), "not-found");
    *file.lock().unwrap() = Ok(entries(&[("log.level", "debug")]));
    assert_eq!(restart_node(app, &caller(), "im1").unwrap().name, "im1");
    assert_eq!(process.0.load(Ordering::Relaxed), 1);
    let trail = app.store().query(|db| db.audit_list(Some("node:im1"), None, 9)).unwrap();
    assert_eq!((trail.len(), trail[0].action.as_str()), (1, "node.restart"));
    assert_eq!(trail[0].before.as_deref(), Some(r#"{"log.level":""}"#));
    assert_eq!(trail[0].after.as_deref(), Some(r#"{"log.level":"debug"}"#));
}

#[test]
fn an_address_that_somebody_else_has_stops_the_restart() {
    let fixture = Fixture::new();
    let app = &fixture.app;
    let (file, process) = started(&fixture);
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap().to_string();
    *file.lock().unwrap() = Ok(entries(&[("listen.c2s", &taken)]));
    assert!(must_fit(app, Service::ClientConnections).unwrap_err().text().en.contains(&taken));
    must_fit(app, Service::WebClients).unwrap();
    assert!(restart_node(app, &caller(), "im1").unwrap_err().text().en.contains(&taken));
    drop(other);
    must_fit(app, Service::ClientConnections).unwrap();
    restart_node(app, &caller(), "im1").unwrap();
    assert_eq!(process.0.load(Ordering::Relaxed), 1);
}

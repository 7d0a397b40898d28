//! Synchronising users from a Unified CM: the test server of `crates/testkit/axl`, on loopback.

use anyhow::Result;
use serde_json::{Value, json};
use zaiseki_control::App;
use zaiseki_control::app::{directories, users};
use zaiseki_control::directory::report::SyncReport;
use zaiseki_model::Timestamp;
use zaiseki_store::{Options, Store};
use zaiseki_testkit::axl::{self, AxlServer, PASSWORD, USERNAME, person};

struct Bench {
    app: App,
    runtime: tokio::runtime::Runtime,
    _dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Result<Bench> {
        let dir = tempfile::tempdir()?;
        let store = Store::open(dir.path(), "example.com", Options::default(), Box::new(|_| {}))?;
        let app = App::open(store, "example.com", dir.path(), |_| {}).map_err(|error| anyhow::anyhow!("{error}"))?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(Bench { app, runtime, _dir: dir })
    }

    fn add(&self, server: &AxlServer) -> Result<()> {
        let config = json!({"kind": "unified-cm", "servers": [server.address()], "ca": server.ca()?, "username": USERNAME});
        let sync = json!({"grace_hours": 0, "brake_percent": 100});
        let input = json!({"name": "tokyo", "config": config, "secret": PASSWORD, "sync": sync});
        directories::add(&self.app, "admin:test", &serde_json::from_value(input)?).map(drop).map_err(said)
    }

    fn change(&self, change: Value) -> Result<()> {
        let change = serde_json::from_value(change)?;
        directories::change(&self.app, "admin:test", "tokyo", &change).map(drop).map_err(said)
    }

    fn sync(&self) -> Result<SyncReport> {
        let sync = directories::prepare_sync(&self.app, "admin:test", "tokyo", false).map_err(said)?;
        self.runtime.block_on(sync.run()).map_err(said)
    }

    /// Name, display name, and whether they may sign in.
    fn people(&self) -> Result<Vec<(String, String, bool)>> {
        let page = users::list(&self.app, &users::UserQuery::default()).map_err(said)?;
        Ok(page.users.into_iter().map(|user| (user.name, user.display_name, user.enabled)).collect())
    }
}

fn said(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow::anyhow!("{error}")
}

fn row(name: &str, shown: &str, enabled: bool) -> (String, String, bool) {
    (name.to_owned(), shown.to_owned(), enabled)
}

#[test]
fn users_come_change_and_go_with_the_cluster() -> Result<()> {
    let mut silent = person("carl", "Carl", "Quiet");
    silent["imAndPresenceEnable"] = json!("false");
    let bad =
        json!({"userid": "dora", "raw": "<user uuid=\"{00000000-0000-0000-0000-00000000000D}\"><userid>dora</userid></user>"});
    let people = vec![person("anna", "Anna", "Berg"), person("ben", "Ben", "Cole"), silent.clone(), bad];
    let server = AxlServer::start(&axl::Options::new(people))?;
    let bench = Bench::new()?;
    bench.add(&server)?;
    let first = bench.sync()?;
    assert_eq!((first.error.clone(), first.created, first.problems, first.entries), (None, 2, 1, 3), "{first:?}");
    assert_eq!(bench.people()?, [row("anna", "Berg Anna", true), row("ben", "Cole Ben", true)]);
    let problems = directories::problems(&bench.app, "tokyo").map_err(said)?;
    assert_eq!((problems.len(), problems[0].place.as_str()), (1, "dora"));

    // Anna marries, Ben is no longer enabled there, Carl is.
    server.control(&json!({"put": person("anna", "Anna", "Dahl")}))?;
    let mut ben = person("ben", "Ben", "Cole");
    ben["imAndPresenceEnable"] = json!("false");
    server.control(&json!({ "put": ben }))?;
    silent["imAndPresenceEnable"] = json!("true");
    server.control(&json!({ "put": silent }))?;
    let second = bench.sync()?;
    assert_eq!((second.created, second.updated, second.missing), (1, 1, 1), "{second:?}");
    assert_eq!(bench.people()?, [row("anna", "Dahl Anna", true), row("ben", "Cole Ben", false), row("carl", "Quiet Carl", true)]);

    // A cluster that is away takes nobody's account.
    drop(server);
    assert!(bench.sync()?.error.is_some());
    assert_eq!(bench.people()?.len(), 3);
    Ok(())
}

/// Between two synchronisations the cluster is asked for what has changed; from where the last one ended, also by a new process.
#[test]
fn changes_are_taken_in_between_two_synchronisations() -> Result<()> {
    let people = vec![person("anna", "Anna", "Berg"), person("ben", "Ben", "Cole"), person("carl", "Carl", "Quiet")];
    let server = AxlServer::start(&axl::Options::new(people))?;
    let bench = Bench::new()?;
    bench.add(&server)?;
    // Nobody is read as a whole for half a day.
    let at = (Timestamp::now().secs() + 43_200).rem_euclid(86_400);
    let sync = json!({"at": format!("{:02}:{:02}", at / 3_600, at % 3_600 / 60), "changes_minutes": 1});
    bench.change(json!({ "sync": sync }))?;
    let first = bench.sync()?;
    assert!(first.error.is_none() && first.cursor.is_some(), "{first:?}");

    server.control(&json!({"put": person("anna", "Anna", "Dahl")}))?;
    server.control(&json!({"put": person("dora", "Dora", "Eck")}))?;
    server.control(&json!({"remove": "carl"}))?;
    let store = bench.app.store().clone();
    let id = store.query(|db| db.directories())?.remove(0).id;
    let mut run = store.query(move |db| db.directory_run(id))?.expect("a run");
    run.ended_at = Timestamp(run.ended_at.0 - 120_000_000);
    let old = run.clone();
    store.call(move |db| db.put_directory_run(id, &old, None))?;
    let app = App::open(store.clone(), "example.com", bench._dir.path(), |_| {}).map_err(said)?;
    let agent = bench.runtime.spawn(zaiseki_control::directory::agent::run(app));
    let expected = [row_of("anna", "Dahl Anna"), row_of("ben", "Cole Ben"), row_of("dora", "Eck Dora")];
    let seen = || {
        let people = bench.people().ok()?;
        let enabled: Vec<_> = people.into_iter().filter(|(.., enabled)| *enabled).collect();
        (enabled == expected).then_some(())
    };
    let came = zaiseki_testkit::process::wait_for("the changes", std::time::Duration::from_secs(30), seen);
    agent.abort();
    came?;
    assert_eq!(store.query(move |db| db.directory_run(id))?, Some(run), "nobody read everybody");
    Ok(())
}

fn row_of(name: &str, shown: &str) -> (String, String, bool) {
    row(name, shown, true)
}

#[test]
fn a_kept_password_goes_to_no_other_server() -> Result<()> {
    let server = AxlServer::start(&axl::Options::new(Vec::new()))?;
    let bench = Bench::new()?;
    bench.add(&server)?;
    bench.change(json!({"config": {"users": "home", "page_size": 9}}))?;
    for elsewhere in [
        json!({"servers": ["other.example.com"]}),
        json!({"ca": null}),
        json!({"ca": null, "certificate": server.certificate()?}),
        json!({"kind": "ldap", "username": null, "users": null, "version": null, "timeout_secs": null, "base": "dc=x", "bind_dn": "cn=x"}),
    ] {
        let refused = bench.change(json!({ "config": elsewhere })).unwrap_err().to_string();
        assert!(refused.contains("password"), "{elsewhere}: {refused}");
        bench.change(json!({"config": elsewhere, "secret": PASSWORD}))?;
        directories::remove(&bench.app, "admin:test", "tokyo").map_err(said)?;
        bench.add(&server)?;
    }
    Ok(())
}

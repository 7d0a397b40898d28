//! Synchronising users from a real server: slapd on loopback.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};
use zaiseki_control::app::directories::{self, DirectoryView};
use zaiseki_control::app::duplicates::{self, Resolution};
use zaiseki_control::app::{profiles, users};
use zaiseki_control::directory::plan::Action;
use zaiseki_control::directory::report::SyncReport;
use zaiseki_control::{App, UserChange};
use zaiseki_store::{Options, Store};
use zaiseki_testkit::slapd::{Person, READER_DN, READER_PASSWORD, SUFFIX, Slapd, unit};

struct Bench {
    app: App,
    told: Arc<Mutex<Vec<(String, UserChange)>>>,
    runtime: tokio::runtime::Runtime,
    dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Result<Bench> {
        let dir = tempfile::tempdir()?;
        let store = Store::open(dir.path(), "example.com", Options::default(), Box::new(|_| {}))?;
        let told = Arc::new(Mutex::new(Vec::new()));
        let log = told.clone();
        let app = App::open(store, "example.com", dir.path(), move |c| log.lock().unwrap().push((c.name, c.change)))
            .map_err(|error| anyhow::anyhow!("{error}"))?;
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        Ok(Bench { app, told, runtime, dir })
    }

    /// A directory of `slapd` below `base` (before the suffix; empty: everything).
    fn add(&self, name: &str, slapd: &Slapd, base: &str, sync: &Value) -> Result<DirectoryView> {
        let base = if base.is_empty() { SUFFIX.to_owned() } else { format!("{base},{SUFFIX}") };
        let config =
            json!({ "kind": "ldap", "servers": [slapd.address()], "ca": slapd.ca()?, "bind_dn": READER_DN, "base": base });
        let input = json!({ "name": name, "config": config, "secret": READER_PASSWORD, "sync": sync });
        directories::add(&self.app, "tester", &serde_json::from_value(input)?).map_err(|error| anyhow::anyhow!("{error}"))
    }

    fn run(&self, name: &str, dry_run: bool) -> SyncReport {
        let sync = directories::prepare_sync(&self.app, "tester", name, dry_run).unwrap();
        self.runtime.block_on(sync.run()).unwrap()
    }

    fn sync(&self, name: &str) -> SyncReport {
        self.run(name, false)
    }

    fn names(&self) -> Vec<String> {
        let page = users::list(&self.app, &users::UserQuery::default()).unwrap();
        page.users.into_iter().map(|user| user.name).collect()
    }

    fn told(&self) -> Vec<(String, UserChange)> {
        std::mem::take(&mut *self.told.lock().unwrap())
    }
}

fn people(names: &[&str], place: &str) -> String {
    names.iter().map(|name| Person::new(name, place).with(format!("mail: {name}@example.com")).ldif()).collect()
}

#[test]
fn users_come_change_and_go_with_the_directory() -> Result<()> {
    let slapd = Slapd::start(&(unit("tokyo") + &people(&["anna", "ben", "b@c"], "ou=tokyo")))?;
    let bench = Bench::new()?;
    let view = bench.add("tokyo", &slapd, "", &json!({"grace_hours": 0}))?;
    assert!(view.secret && view.last.is_none() && !serde_json::to_string(&view)?.contains(READER_PASSWORD));

    let dry = bench.run("tokyo", true);
    assert_eq!((dry.created, dry.difference.len(), bench.names().len()), (3, 3, 0));
    let anna = dry.difference.iter().find(|line| line.user == "anna").context("anna")?;
    let mail = anna.fields.iter().find(|change| change.field == "mail").context("mail")?;
    assert_eq!((anna.action, &mail.before, &mail.after), (Action::Create, &Value::Null, &json!("anna@example.com")));
    assert!(directories::show(&bench.app, "tokyo").unwrap().last.is_none());

    let first = bench.sync("tokyo");
    assert_eq!((first.created, first.problems, first.error), (3, 0, None));
    assert_eq!(bench.names(), ["anna", "b@c", "ben"]);
    let again = bench.sync("tokyo");
    assert_eq!((again.created + again.updated + again.missing, again.unchanged), (0, 3));

    bench.told();
    slapd.modify(&format!("dn: uid=ben,ou=tokyo,{SUFFIX}\nchangetype: modify\nadd: title\ntitle: boss\n\n"))?;
    slapd.delete(&Person::new("anna", "ou=tokyo"))?;
    let changed = bench.sync("tokyo");
    assert_eq!((changed.updated, changed.missing, changed.removed), (1, 1, 0));
    let anna = users::show(&bench.app, "anna").unwrap();
    assert!(!anna.enabled);
    let mut told = bench.told();
    told.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(told, [("anna".to_owned(), UserChange::Disabled), ("ben".to_owned(), UserChange::Details)]);
    assert_eq!(profiles::show(&bench.app, "ben").unwrap().title, "boss");
    // Without a grace period the next one removes.
    assert_eq!(bench.sync("tokyo").removed, 1);
    assert_eq!(
        (bench.names(), bench.told()),
        (vec!["b@c".to_owned(), "ben".to_owned()], vec![("anna".to_owned(), UserChange::Removed)])
    );

    let trail = bench.app.store().query(|db| db.audit_list(Some("user:anna"), None, 9))?;
    let actions: Vec<&str> = trail.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["user.remove", "user.sync", "user.create"]);
    let files = std::fs::read_dir(bench.dir.path())?;
    for file in files {
        let bytes = std::fs::read(file?.path())?;
        assert!(!bytes.windows(READER_PASSWORD.len()).any(|w| w == READER_PASSWORD.as_bytes()), "a password in clear");
    }
    Ok(())
}

#[test]
fn a_user_who_moves_to_another_unit_stays_the_same_person() -> Result<()> {
    let slapd = Slapd::start(&(unit("tokyo") + &unit("osaka") + &people(&["anna", "ben", "ken"], "ou=tokyo")))?;
    let bench = Bench::new()?;
    bench.add("tokyo", &slapd, "ou=tokyo", &json!({}))?;
    bench.add("osaka", &slapd, "ou=osaka", &json!({}))?;
    bench.sync("tokyo");
    bench.sync("osaka");
    let before = [users::show(&bench.app, "anna").unwrap().id, users::show(&bench.app, "ben").unwrap().id];
    // Seen first where he went, and first where he left.
    for (name, order) in [("anna", ["osaka", "tokyo"]), ("ben", ["tokyo", "osaka"])] {
        slapd.relocate(&mut Person::new(name, "ou=tokyo"), "ou=osaka")?;
        for directory in order {
            assert_eq!(bench.sync(directory).problems, 0);
        }
        let profile = profiles::show(&bench.app, name).unwrap();
        assert!(profile.user.enabled, "{name}");
        assert_eq!(profile.origin.map(|origin| origin.directory).as_deref(), Some("osaka"));
    }
    assert_eq!(before, [users::show(&bench.app, "anna").unwrap().id, users::show(&bench.app, "ben").unwrap().id]);
    Ok(())
}

#[test]
fn nothing_is_deleted_by_an_incomplete_answer_or_a_refused_account() -> Result<()> {
    let names: Vec<String> = (0..2_500).map(|i| format!("user{i:04}")).collect();
    let ldif: String = names.iter().map(|name| Person::new(name, "ou=tokyo").ldif()).collect();
    let slapd = Arc::new(Mutex::new(Slapd::start(&(unit("tokyo") + &ldif))?));
    let bench = Bench::new()?;
    let view = bench.add("tokyo", &slapd.lock().unwrap(), "", &json!({"grace_hours": 0, "brake_percent": 100}))?;
    assert_eq!(bench.sync("tokyo").created, 2_500);
    let problems_before = bench.app.store().query(|db| db.list_users(&zaiseki_store::UserFilter::default()))?;

    // The server goes away as soon as the first page is here.
    let (app, doomed) = (bench.app.clone(), slapd.clone());
    let id: zaiseki_model::DirectoryId = view.id.parse()?;
    let killer = std::thread::spawn(move || {
        let begun = || app.directory_states().get(id).filter(|running| running.read > 0);
        zaiseki_testkit::process::wait_for("the first page", std::time::Duration::from_secs(60), begun)?;
        doomed.lock().unwrap().stop();
        anyhow::Ok(())
    });
    let sync = directories::prepare_sync(&bench.app, "tester", "tokyo", false).unwrap();
    let busy = directories::prepare_sync(&bench.app, "tester", "tokyo", false).err().context("two at once")?;
    assert_eq!(busy.code(), "conflict");
    let report = bench.runtime.block_on(sync.run()).unwrap();
    killer.join().unwrap()?;
    // On a fast machine the answer may have been complete; then nothing is missing either.
    let untouched = |bench: &Bench| bench.app.store().query(|db| db.list_users(&zaiseki_store::UserFilter::default()));
    assert_eq!(report.missing + report.removed, 0);
    assert_eq!(untouched(&bench)?, problems_before);
    let unreachable = bench.sync("tokyo");
    assert!(unreachable.error.as_ref().is_some_and(|text| text.ja.contains("接続")), "{unreachable:?}");
    let shown = directories::show(&bench.app, "tokyo").unwrap();
    assert!(shown.last.unwrap().error.is_some() && shown.last_good.unwrap().error.is_none());

    slapd.lock().unwrap().restart()?;
    let input = json!({ "name": "tokyo", "config": shown.config, "secret": "wrong", "sync": shown.sync });
    directories::update(&bench.app, "tester", "tokyo", &serde_json::from_value(input)?).unwrap();
    let refused = bench.sync("tokyo");
    assert!(refused.error.is_some_and(|text| text.en.contains("bind DN")));
    assert_eq!(untouched(&bench)?, problems_before);
    Ok(())
}

#[test]
fn duplicates_are_found_and_resolved() -> Result<()> {
    let twins = [Person::new("same", "ou=tokyo"), Person::new("same", "ou=osaka").with("mail: anna@example.com")];
    let ldif = unit("tokyo") + &unit("osaka") + &people(&["anna"], "ou=tokyo") + &twins[0].ldif() + &twins[1].ldif();
    let slapd = Slapd::start(&ldif)?;
    let bench = Bench::new()?;
    bench.add("all", &slapd, "", &json!({}))?;
    let report = bench.sync("all");
    assert_eq!((report.created, report.problems), (1, 2));
    let found = duplicates::find(&bench.app).unwrap();
    assert_eq!((found.user_ids.len(), found.user_ids[0].places.len(), found.user_ids[0].assigned), (1, 2, false));
    let resolve = |value: Value| duplicates::resolve(&bench.app, "tester", &serde_json::from_value::<Resolution>(value).unwrap());
    let nobody = resolve(json!({"field": "user-id", "directory": "all", "value": "same", "keep": "uid=nobody"}));
    assert_eq!(nobody.unwrap_err().code(), "not-found");
    let left = resolve(json!({"field": "user-id", "directory": "all", "value": "same", "keep": twins[1].dn()})).unwrap();
    assert_eq!(left.user_ids, []);
    assert_eq!(duplicates::left_out(&bench.app, "all").unwrap(), [twins[0].dn()]);
    let report = bench.sync("all");
    assert_eq!((report.created, report.problems), (1, 0));

    // Two people with one mail address: one keeps it, and the next synchronisation does not bring it back.
    assert_eq!(duplicates::find(&bench.app).unwrap().mails[0].users, ["anna", "same"]);
    let left = resolve(json!({"field": "mail", "value": "anna@example.com", "keep": "anna"})).unwrap();
    assert_eq!(left.mails, []);
    assert_eq!(bench.sync("all").updated, 0);
    let same = profiles::show(&bench.app, "same").unwrap();
    assert_eq!((same.user.mail.as_str(), same.held), ("", vec!["mail".to_owned()]));

    // The other entry after all: the account stays, and becomes that entry's.
    duplicates::take_again(&bench.app, "tester", "all", &twins[0].dn()).unwrap();
    assert_eq!(bench.sync("all").problems, 1);
    resolve(json!({"field": "user-id", "directory": "all", "value": "same", "keep": twins[0].dn()})).unwrap();
    let report = bench.sync("all");
    assert_eq!((report.created, report.missing, report.removed, report.problems), (0, 0, 0, 0));
    let after = profiles::show(&bench.app, "same").unwrap();
    assert_eq!((after.user.id, after.origin.map(|origin| origin.place)), (same.user.id, Some(twins[0].dn())));
    Ok(())
}

#[test]
fn a_kept_password_does_not_go_to_another_server() -> Result<()> {
    let slapd = Slapd::start(&unit("tokyo"))?;
    let bench = Bench::new()?;
    bench.add("tokyo", &slapd, "", &json!({}))?;
    let change = |change: Value| {
        let change = serde_json::from_value(change).unwrap();
        directories::change(&bench.app, "tester", "tokyo", &change).map_err(|error| error.field())
    };
    assert!(change(json!({"config": {"filter": "(uid=*)"}, "sync": {"grace_hours": 3}})).is_ok());
    for config in [
        json!({"servers": [slapd.address(), "evil.example"]}),
        json!({"security": "none"}),
        json!({"ca": null}),
        json!({"follow_referrals": true}),
    ] {
        assert_eq!(change(json!({ "config": config })).unwrap_err(), Some("secret"), "{config}");
        assert!(change(json!({ "config": config, "secret": READER_PASSWORD })).is_ok(), "{config}");
        assert!(change(json!({ "config": directories_config(&slapd)?, "secret": READER_PASSWORD })).is_ok());
    }
    let shown = change(json!({"sync": {"grace_hours": null}, "enabled": false})).unwrap();
    assert_eq!((shown.sync.grace_hours, shown.enabled, shown.next), (24, false, None));
    assert_eq!(change(json!({"config": {"nonsense": 1}})).unwrap_err(), Some("config"));
    // The account goes, and with it its password.
    assert_eq!(change(json!({"config": {"bind_dn": ""}})).unwrap_err(), Some("bind_dn"));
    assert!(!change(json!({"config": {"bind_dn": ""}, "secret": ""})).unwrap().secret);
    Ok(())
}

fn directories_config(slapd: &Slapd) -> Result<Value> {
    Ok(json!({ "servers": [slapd.address()], "ca": slapd.ca()?, "security": "starttls", "follow_referrals": false }))
}

#[test]
fn the_sync_agent_synchronises_when_it_is_due() -> Result<()> {
    let slapd = Slapd::start(&(unit("tokyo") + &people(&["anna"], "ou=tokyo")))?;
    let bench = Bench::new()?;
    let view = bench.add("tokyo", &slapd, "", &json!({}))?;
    // As if the last one were days ago.
    let run = zaiseki_store::DirectoryRun { ended_at: zaiseki_model::Timestamp::ZERO, last: "{}".to_owned(), last_good: None };
    let id: zaiseki_model::DirectoryId = view.id.parse()?;
    bench.app.store().call(move |db| db.put_directory_run(id, &run, None))?;
    let agent = bench.runtime.spawn(zaiseki_control::directory::agent::run(bench.app.clone()));
    let done = || directories::show(&bench.app, "tokyo").ok()?.last_good.filter(|report| report.created == 1);
    zaiseki_testkit::process::wait_for("a synchronisation", std::time::Duration::from_secs(60), done)?;
    agent.abort();
    assert_eq!(bench.names(), ["anna"]);
    Ok(())
}

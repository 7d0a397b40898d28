//! A control plane over a database of its own.

use super::*;
use std::sync::Mutex as StdMutex;
use zaiseki_store::Options;

pub(crate) struct Fixture {
    pub app: App,
    changes: Arc<StdMutex<Vec<UserChanged>>>,
    pub dir: tempfile::TempDir,
}

impl Fixture {
    pub fn new() -> Fixture {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), "example.com", Options::default(), Box::new(|_| {})).unwrap();
        let changes = Arc::new(StdMutex::new(Vec::new()));
        let log = changes.clone();
        let app = App::open(store, "example.com", dir.path(), move |change| log.lock().unwrap().push(change)).unwrap();
        Fixture { app, changes, dir }
    }

    /// What open sessions were told since the last call: user and change.
    pub fn changes(&self) -> Vec<(String, UserChange)> {
        std::mem::take(&mut *self.changes.lock().unwrap()).into_iter().map(|c| (c.name, c.change)).collect()
    }

    pub fn user(&self, name: &str) -> users::UserView {
        let json = serde_json::json!({"name": name, "mail": format!("{name}@example.com")});
        users::create(&self.app, "tester", &serde_json::from_value(json).unwrap()).unwrap()
    }
}

#[test]
fn the_app_reads_its_settings_at_start() {
    let fixture = Fixture::new();
    let changes = std::collections::BTreeMap::from([("archive".to_owned(), serde_json::json!(false))]);
    settings::put(&fixture.app, "tester", &changes).unwrap();
    let again = App::open(fixture.app.store().clone(), "example.com", fixture.dir.path(), |_| {}).unwrap();
    assert!(!again.settings().borrow().archive);
}

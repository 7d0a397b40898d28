//! The worker with calendar services of the test, driven by administrative functions and watched through its facts.

use super::*;
use crate::app::gateways::{GatewayInput, add, list, refresh, remove, update};
use crate::app::tests::Fixture;
use crate::app::{settings, users};
use crate::gateway::state::{GatewayState, GatewayStatus};
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Mutex as StdMutex;
use zaiseki_calendar::{BoxFuture, Finding, Mailbox, UserCalendar, UserError, Window};
use zaiseki_model::{BusyInterval, BusyKind, Timestamp};

/// Nothing here takes that long unless it is broken.
const DEADLINE: Duration = Duration::from_secs(20);

type Answer = std::result::Result<Vec<BusyInterval>, UserError>;

/// What the calendar servers of a test say; by URL of the gateway, then by mail address.
#[derive(Default)]
struct Servers {
    answers: HashMap<String, HashMap<String, Answer>>,
    down: HashSet<String>,
    asked: Vec<(String, Vec<String>)>,
}

struct Fake {
    url: String,
    servers: Arc<StdMutex<Servers>>,
}

impl Source for Fake {
    fn fetch<'a>(
        &'a self,
        users: &'a [Mailbox],
        _: Window,
    ) -> BoxFuture<'a, std::result::Result<Vec<UserCalendar>, SourceError>> {
        Box::pin(async move {
            let mut servers = self.servers.lock().unwrap();
            servers.asked.push((self.url.clone(), users.iter().map(|m| m.name.clone()).collect()));
            if servers.down.contains(&self.url) {
                return Err(SourceError::Malformed { operation: "asking", why: "test".to_owned() });
            }
            let known = servers.answers.get(&self.url).cloned().unwrap_or_default();
            let answer = |m: &Mailbox| known.get(&m.name).cloned().unwrap_or(Err(UserError::NotFound));
            let calendar = |m: &Mailbox| UserCalendar { user: m.user, result: answer(m), skipped: Vec::new() };
            Ok(users.iter().map(calendar).collect())
        })
    }

    fn test<'a>(&'a self, _: Option<&'a Mailbox>) -> BoxFuture<'a, Vec<Finding>> {
        Box::pin(async { Vec::new() })
    }
}

struct Bench {
    fixture: Fixture,
    servers: Arc<StdMutex<Servers>>,
    facts: mpsc::Receiver<PresenceFact>,
    task: JoinHandle<()>,
}

fn start_worker(app: &App, servers: &Arc<StdMutex<Servers>>) -> (mpsc::Receiver<PresenceFact>, JoinHandle<()>) {
    let (sender, facts) = mpsc::channel(64);
    let servers = servers.clone();
    let open = move |config: &GatewayConfig, _: &Secret| {
        let GatewayConfig::Caldav(caldav) = config else { panic!("{config:?}") };
        Ok(Box::new(Fake { url: caldav.url.clone(), servers: servers.clone() }) as Box<dyn Source>)
    };
    (facts, tokio::spawn(run_with(app.clone(), sender, Memory::default(), Arc::new(open))))
}

impl Bench {
    fn new() -> Bench {
        let (fixture, servers) = (Fixture::new(), Arc::default());
        let (facts, task) = start_worker(&fixture.app, &servers);
        Bench { fixture, servers, facts, task }
    }

    fn app(&self) -> &App {
        &self.fixture.app
    }

    fn says(&self, url: &str, user: &str, answer: Answer) {
        let mut servers = self.servers.lock().unwrap();
        servers.answers.entry(url.to_owned()).or_default().insert(user.to_owned(), answer);
    }

    async fn any_fact(&mut self) -> PresenceFact {
        tokio::time::timeout(DEADLINE, self.facts.recv()).await.expect("no fact in time").expect("the worker ended")
    }

    /// The next fact but for those that say only that a gateway speaks for somebody.
    async fn fact(&mut self) -> PresenceFact {
        loop {
            let fact = self.any_fact().await;
            if fact.source.is_none() || fact.valid_until > Timestamp::now() {
                return fact;
            }
        }
    }

    fn status(&self) -> GatewayStatus {
        list(self.app()).unwrap().remove(0).status.unwrap_or_default()
    }

    /// Waits until the first gateway's status is like that.
    async fn until(&self, like: impl Fn(&GatewayStatus) -> bool) -> GatewayStatus {
        let wait = async {
            loop {
                let status = self.status();
                if like(&status) {
                    return status;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(DEADLINE, wait).await.unwrap_or_else(|_| panic!("{:?}", self.status()))
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn input(name: &str, url: &str) -> GatewayInput {
    let config = json!({"kind": "caldav", "url": url, "username": "service"});
    serde_json::from_value(json!({"name": name, "config": config, "poll_secs": 3600, "secret": "s3cret"})).unwrap()
}

const A: &str = "https://a.example/{user}/";
const B: &str = "https://b.example/{user}/";

fn meeting(from: i64, to: i64) -> BusyInterval {
    let now = Timestamp::now();
    let at = |minutes: i64| Timestamp::from_secs(now.secs() + minutes * 60);
    BusyInterval { start: at(from), end: at(to), kind: BusyKind::Busy }
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_come_and_go_without_a_restart() {
    let mut bench = Bench::new();
    let (anna, ben) = (meeting(-5, 30), meeting(10, 20));
    bench.says(A, "anna", Ok(vec![anna]));
    bench.says(B, "ben", Ok(vec![ben]));
    bench.fixture.user("anna");
    bench.fixture.user("ben");
    add(bench.app(), "tester", &input("a", A)).unwrap();
    let fact = bench.fact().await;
    assert_eq!((fact.name.as_str(), &fact.intervals[..]), ("anna", &[anna][..]));
    let status = bench.until(|s| s.polls == 1).await;
    assert_eq!((status.users, status.read, status.failed), (2, 1, 1));
    assert_eq!(status.problems[0].user, "ben");
    // The first gateway does not speak for whom it does not know.
    let stranger = bench.fact().await;
    assert_eq!((stranger.name.as_str(), stranger.source), ("ben", None));
    add(bench.app(), "tester", &input("b", B)).unwrap();
    assert_eq!(bench.fact().await.intervals, [ben]);
    remove(bench.app(), "tester", "a").unwrap();
    let gone = bench.fact().await;
    assert_eq!((gone.name.as_str(), gone.source, gone.intervals), ("anna", None, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn users_join_opt_out_and_leave_at_once() {
    let mut bench = Bench::new();
    let (now, later) = (meeting(-5, 30), meeting(40, 50));
    bench.says(A, "anna", Ok(vec![now]));
    bench.says(A, "ben", Ok(vec![later]));
    add(bench.app(), "tester", &input("a", A)).unwrap();
    bench.until(|s| s.polls >= 1).await;
    bench.fixture.user("anna");
    assert_eq!(bench.fact().await.intervals, [now]);
    let out = users::UserUpdate { calendar: Some(false), ..users::UserUpdate::default() };
    users::update(bench.app(), "tester", "anna", &out).unwrap();
    assert_eq!(bench.fact().await.source, None);
    bench.fixture.user("ben");
    assert_eq!(bench.fact().await.name, "ben");
    users::set_enabled(bench.app(), "tester", "ben", false).unwrap();
    let gone = bench.fact().await;
    assert_eq!((gone.name.as_str(), gone.source), ("ben", None));
    let asked = bench.servers.lock().unwrap().asked.clone();
    assert_eq!(asked.last().map(|(_, users)| users.clone()), Some(vec!["ben".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outage_is_told_and_ends_by_itself() {
    let mut bench = Bench::new();
    bench.says(A, "anna", Ok(vec![meeting(-5, 30)]));
    bench.fixture.user("anna");
    bench.servers.lock().unwrap().down.insert(A.to_owned());
    let mut gateway = input("a", A);
    gateway.poll_secs = 1;
    let mut alarms = bench.app().alarms().subscribe();
    add(bench.app(), "tester", &gateway).unwrap();
    let down = bench.until(|s| matches!(s.state, GatewayState::Down { .. })).await;
    let GatewayState::Down { reason, .. } = &down.state else { unreachable!() };
    assert!(reason.en.contains("test") && reason.ja.contains("test"), "{reason}");
    bench.servers.lock().unwrap().down.clear();
    assert_eq!(bench.fact().await.name, "anna");
    bench.until(|s| matches!(s.state, GatewayState::Up { .. })).await;
    for wanted in ["raised", "cleared"] {
        let heard = tokio::time::timeout(Duration::from_secs(20), alarms.recv()).await.unwrap().unwrap();
        assert_eq!((heard.change.as_str(), heard.kind.id, heard.row.subject.as_str()), (wanted, "gateway.down", "a"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_brings_what_is_new() {
    let mut bench = Bench::new();
    bench.says(A, "anna", Ok(vec![]));
    bench.fixture.user("anna");
    add(bench.app(), "tester", &input("a", A)).unwrap();
    assert_eq!(bench.fact().await.intervals, []);
    let new = meeting(0, 30);
    bench.says(A, "anna", Ok(vec![new]));
    refresh(bench.app(), "a").unwrap();
    assert_eq!(bench.fact().await.intervals, [new]);
    // One bad user leaves the others alone, and what was known of that user stays.
    bench.says(A, "anna", Err(UserError::Malformed("test".to_owned())));
    let polls = bench.until(|s| s.polls == 2).await.polls;
    refresh(bench.app(), "a").unwrap();
    let status = bench.until(|s| s.polls > polls).await;
    assert_eq!((status.failed, status.problems[0].user.as_str()), (1, "anna"));
    let rows = bench.app().store().query(|db| db.load_calendar()).unwrap();
    assert_eq!(rows[0].intervals, [new]);
    assert!(rows[0].error.as_ref().unwrap().contains("test"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_worker_tells_what_the_database_knows() {
    let mut bench = Bench::new();
    let known = meeting(-5, 30);
    bench.says(A, "anna", Ok(vec![known]));
    bench.fixture.user("anna");
    add(bench.app(), "tester", &input("a", A)).unwrap();
    let first = bench.fact().await;
    bench.until(|s| s.polls == 1).await;
    bench.task.abort();
    bench.servers.lock().unwrap().down.insert(A.to_owned());
    let (facts, task) = start_worker(bench.app(), &bench.servers);
    (bench.facts, bench.task) = (facts, task);
    let again = bench.fact().await;
    assert_eq!((again.user, again.intervals), (first.user, vec![known]));
    assert!(again.valid_until <= first.valid_until);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_take_effect_at_once() {
    let mut bench = Bench::new();
    let elsewhere = BusyInterval { kind: BusyKind::WorkingElsewhere, ..meeting(-5, 30) };
    bench.says(A, "anna", Ok(vec![elsewhere]));
    bench.fixture.user("anna");
    add(bench.app(), "tester", &input("a", A)).unwrap();
    assert_eq!(bench.fact().await.intervals, []);
    let change = BTreeMap::from([("calendar.elsewhere_is_away".to_owned(), json!(true))]);
    settings::put(bench.app(), "tester", &change).unwrap();
    assert_eq!(bench.fact().await.intervals, [BusyInterval { kind: BusyKind::OutOfOffice, ..elsewhere }]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_gateway_polls_with_its_new_configuration() {
    let mut bench = Bench::new();
    bench.says(A, "anna", Ok(vec![meeting(0, 10)]));
    let other = meeting(20, 30);
    bench.says(B, "anna", Ok(vec![other]));
    bench.fixture.user("anna");
    add(bench.app(), "tester", &input("a", A)).unwrap();
    bench.fact().await;
    update(bench.app(), "tester", "a", &input("renamed", B)).unwrap();
    assert_eq!(bench.fact().await.intervals, [other]);
    let mut off = input("renamed", B);
    off.enabled = false;
    update(bench.app(), "tester", "renamed", &off).unwrap();
    assert_eq!(bench.fact().await.source, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_fails_for_everybody_is_down_and_still_speaks_for_them() {
    let mut bench = Bench::new();
    for name in ["anna", "ben"] {
        bench.says(A, name, Err(UserError::Server("status 500".to_owned())));
        bench.fixture.user(name);
    }
    let mut gateway = input("a", A);
    gateway.poll_secs = 1;
    add(bench.app(), "tester", &gateway).unwrap();
    let (anna, ben) = (bench.any_fact().await, bench.any_fact().await);
    assert_eq!((anna.name.as_str(), ben.name.as_str()), ("anna", "ben"));
    assert!(anna.source.is_some() && anna.intervals.is_empty(), "{anna:?}");
    let down = bench.until(|s| matches!(s.state, GatewayState::Down { .. })).await;
    assert!(format!("{:?}", down.state).contains("status 500"), "{down:?}");
    // One calendar that can be read is enough.
    bench.says(A, "anna", Ok(vec![meeting(-5, 30)]));
    let up = bench.until(|s| matches!(s.state, GatewayState::Up { .. })).await;
    assert_eq!((up.users, up.read, up.failed), (2, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_calendar_is_counted_and_looked_for_on_refresh_and_with_a_new_address() {
    let mut bench = Bench::new();
    bench.fixture.user("anna");
    let mut gateway = input("a", A);
    gateway.poll_secs = 1;
    add(bench.app(), "tester", &gateway).unwrap();
    assert!(bench.any_fact().await.source.is_some());
    assert_eq!(bench.any_fact().await.source, None);
    let status = bench.until(|s| s.polls >= 2).await;
    assert_eq!((status.users, status.read, status.unknown), (1, 0, 1));
    assert_eq!(status.problems[0].user, "anna");
    let asked = |bench: &Bench| bench.servers.lock().unwrap().asked.iter().filter(|(_, users)| !users.is_empty()).count();
    assert_eq!(asked(&bench), 1);
    let update = users::UserUpdate { mail: Some("anna@new.example".to_owned()), ..users::UserUpdate::default() };
    users::update(bench.app(), "tester", "anna", &update).unwrap();
    let polls = bench.status().polls;
    bench.until(|s| s.polls >= polls + 2).await;
    assert_eq!(asked(&bench), 2);
    bench.says(A, "anna", Ok(vec![meeting(0, 30)]));
    refresh(bench.app(), "a").unwrap();
    assert_eq!(bench.fact().await.intervals.len(), 1);
}

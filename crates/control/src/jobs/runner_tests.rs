//! The runner, over a database of its own.

use super::*;
use crate::access::Caller;
use crate::app::jobs::{self, JobInput, JobStateView, JobView, LogQuery};
use crate::app::tests::Fixture;
use crate::app::{UserChange, users};
use serde_json::{Value, json};
use zaiseki_model::{JobId, User, UserId};
use zaiseki_store::{Audit, JobProgress, JobStep, NewJob, NewUser, UserFilter};

fn ask(app: &App, input: Value) -> JobView {
    jobs::create(app, &Caller::local(0), JobInput { kind: "users.im".to_owned(), input, at: None }).unwrap()
}

/// Runs until the job has that state.
async fn until(app: &App, id: &str, state: JobStateView) -> JobView {
    let runner = run(app.clone(), "node-1".to_owned());
    let reached = async {
        loop {
            let job = jobs::find(app, id).unwrap();
            if job.state == state {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::select! {
        () = runner => unreachable!("the runner ends with its caller"),
        done = tokio::time::timeout(Duration::from_secs(60), reached) => done.unwrap_or_else(|_| panic!("{:?}", jobs::find(app, id))),
    }
}

fn lines(app: &App, id: &str) -> Vec<String> {
    jobs::log(app, id, &LogQuery::default()).unwrap().lines.into_iter().map(|line| line.text.en).collect()
}

/// A job that is not asked for in the usual way.
fn keep(app: &App, kind: &str) -> JobId {
    let id = JobId::generate();
    let due = Timestamp::now();
    let new = NewJob { id, kind: kind.to_owned(), input: "{}".to_owned(), due, total: None };
    let audit = Audit { actor: "tester".to_owned(), at: due };
    app.store().call(move |db| db.create_job(&new, &audit)).unwrap();
    id
}

fn take(app: &App) -> Lease {
    let now = Timestamp::now();
    app.store().call(move |db| db.take_role(ROLE, "node-1", now, now + LEASE)).unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_of_a_file_are_disabled_and_their_sessions_told() {
    let fixture = Fixture::new();
    for name in ["anna", "ben", "b@c", "dora"] {
        fixture.user(name);
    }
    fixture.changes();
    let csv = "userid,mail\nAnna,\nb@c,\nnobody,\nanna,\n\"x y\",\n";
    let job = until(&fixture.app, &ask(&fixture.app, json!({"im": false, "csv": csv})).id, JobStateView::Done).await;
    assert_eq!(job.summary, json!({"changed": 2, "unchanged": 1, "unknown": 2}));
    assert_eq!((job.done, job.total), (5, Some(5)));
    assert!(job.started.is_some() && job.ended.is_some());
    let told = |name: &str| (name.to_owned(), UserChange::Disabled);
    assert_eq!(fixture.changes(), [told("anna"), told("b\\40c")]);
    assert_eq!(lines(&fixture.app, &job.id), ["there is no user \"nobody\"", "there is no user \"x y\""]);
    assert!(!users::show(&fixture.app, "anna").unwrap().im && users::show(&fixture.app, "ben").unwrap().im);
    let matching = json!({"im": false, "matching": {"search": "dora", "enabled": true}});
    let job = until(&fixture.app, &ask(&fixture.app, matching).id, JobStateView::Done).await;
    assert_eq!(job.summary, json!({"changed": 1, "unchanged": 0, "unknown": 0}));
    let everybody = json!({"im": true, "matching": {}});
    let job = until(&fixture.app, &ask(&fixture.app, everybody).id, JobStateView::Done).await;
    assert_eq!(job.summary, json!({"changed": 3, "unchanged": 1, "unknown": 0}));
}

/// Issue 3: fifteen thousand in less than ten seconds; and the same goes on from where a node was killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifteen_thousand_users_are_disabled_by_name_and_by_match() {
    let fixture = Fixture::new();
    let app = &fixture.app;
    let one = |n: usize| {
        let user = User {
            id: UserId::generate(),
            name: format!("user{n:05}"),
            display_name: String::new(),
            mail: String::new(),
            telephone: String::new(),
            language: None,
            enabled: true,
            calendar: false,
            im: true,
            user_id: None,
        };
        NewUser { user, sha256: None, sha1: None, profile: None }
    };
    let new: Vec<NewUser> = (0..15_000).map(one).collect();
    let names: Vec<String> = new.iter().map(|new| new.user.name.clone()).collect();
    let audit = Audit { actor: "tester".to_owned(), at: Timestamp::now() };
    app.store().call(move |db| db.create_many(&new, &audit)).unwrap();
    let begun = Instant::now();
    let job = until(app, &ask(app, json!({"im": false, "users": names})).id, JobStateView::Done).await;
    let took = begun.elapsed();
    assert_eq!(job.summary["changed"], 15_000);
    assert!(took < Duration::from_secs(10), "{took:?}");
    // A process that took the job up, did one step and died.
    let id = ask(app, json!({"im": true, "matching": {}})).id;
    let dead = Turn { app: app.clone(), lease: take(app), job: id.parse().unwrap() };
    let lease = dead.lease.clone();
    let claimed = app.store().call(move |db| db.claim_job(&lease, Timestamp::now())).unwrap().unwrap();
    let mut work = begin(app, &claimed).unwrap();
    assert_eq!(work.step(&dead).unwrap(), Next::More);
    let job = until(app, &id, JobStateView::Done).await;
    assert_eq!(job.summary, json!({"changed": 15_000, "unchanged": 0, "unknown": 0}));
    assert_eq!(work.step(&dead).unwrap(), Next::Over, "the dead one has no say any more");
    let on = UserFilter { im: Some(true), ..UserFilter::default() };
    assert_eq!(app.store().query(move |db| db.count_users(&on)).unwrap(), 15_000);
    eprintln!("15,000 users disabled in {took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_this_release_does_not_know_fails_and_the_next_job_runs() {
    let fixture = Fixture::new();
    let unknown = keep(&fixture.app, "users.fly").to_string();
    let damaged = keep(&fixture.app, "users.im").to_string();
    let good = ask(&fixture.app, json!({"im": false, "users": []})).id;
    until(&fixture.app, &good, JobStateView::Done).await;
    assert_eq!(jobs::find(&fixture.app, &unknown).unwrap().state, JobStateView::Failed);
    assert_eq!(lines(&fixture.app, &unknown), ["this release knows no job \"users.fly\""]);
    assert_eq!(jobs::find(&fixture.app, &damaged).unwrap().state, JobStateView::Failed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_kills_its_node_again_and_again_is_given_up() {
    for (deaths, state) in [(JOB_RESUMES, JobStateView::Done), (JOB_RESUMES + 1, JobStateView::Failed)] {
        let fixture = Fixture::new();
        let id = ask(&fixture.app, json!({"im": false, "users": []})).id;
        for _ in 0..deaths {
            let lease = take(&fixture.app);
            fixture.app.store().call(move |db| db.claim_job(&lease, Timestamp::now())).unwrap().unwrap();
        }
        until(&fixture.app, &id, state).await;
    }
}

/// Work that ends in some other way.
struct Odd(fn(&Turn) -> Result<Next>);

impl Work for Odd {
    fn step(&mut self, turn: &Turn) -> Result<Next> {
        (self.0)(turn)
    }
}

async fn odd(step: fn(&Turn) -> Result<Next>) -> (Fixture, String) {
    let fixture = Fixture::new();
    let (id, lease) = (keep(&fixture.app, "odd"), take(&fixture.app));
    let turn = Turn { app: fixture.app.clone(), lease: lease.clone(), job: id };
    fixture.app.store().call(move |db| db.claim_job(&lease, Timestamp::now())).unwrap().unwrap();
    if let Err(trouble) = steps(&turn, Box::new(Odd(step))).await {
        give_up(turn, trouble).await;
    }
    (fixture, id.to_string())
}

#[tokio::test]
async fn a_step_that_panics_fails_its_job_only() {
    let (fixture, id) = odd(|_| panic!("on purpose")).await;
    assert_eq!(jobs::find(&fixture.app, &id).unwrap().state, JobStateView::Failed);
    assert!(lines(&fixture.app, &id)[0].contains("fault in the program"));
    let alarm = fixture.app.alarms().open().remove(0);
    assert_eq!((alarm.kind.as_str(), alarm.subject), ("job.failed", id));
}

#[tokio::test]
async fn a_job_is_cancelled_between_two_steps() {
    let (fixture, id) = odd(|turn| {
        let step = turn.commit(|_, job| Ok((JobProgress { done: job.done + 1, ..JobProgress::default() }, job.done + 1)))?;
        match step {
            JobStep::Went(3) => {
                let view = jobs::cancel(&turn.app, &Caller::local(0), &turn.job.to_string())?;
                assert_eq!(view.state, JobStateView::Cancelling);
                Ok(Next::More)
            }
            JobStep::Went(_) => Ok(Next::More),
            JobStep::Cancelled | JobStep::Lost => Ok(Next::Over),
        }
    })
    .await;
    let job = jobs::find(&fixture.app, &id).unwrap();
    assert_eq!((job.state, job.done), (JobStateView::Cancelled, 3));
}

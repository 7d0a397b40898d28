//! Jobs as administrators ask for them.

use super::*;
use crate::access::{Area, Right, Role};
use crate::app::tests::Fixture;
use serde_json::json;
use zaiseki_model::limits::JOB_USERS;

fn root() -> Caller {
    Caller::local(0)
}

fn input(input: Value) -> JobInput {
    JobInput { kind: "users.im".to_owned(), input, at: None }
}

fn refused(fixture: &Fixture, input: JobInput) -> (&'static str, Option<&'static str>) {
    let error = create(&fixture.app, &root(), input).unwrap_err();
    (error.code(), error.field())
}

#[test]
fn a_job_is_kept_and_shown() {
    let fixture = Fixture::new();
    let made = create(&fixture.app, &root(), input(json!({"im": false, "users": ["anna", "ben"]}))).unwrap();
    assert_eq!((made.state, made.done, made.total), (JobStateView::Queued, 0, Some(2)));
    assert_eq!((made.actor.as_str(), made.title.ja.is_empty()), ("local:root", false));
    assert_eq!(find(&fixture.app, &made.id).unwrap(), made);
    let at = Some("2999-01-31T22:00:00Z".to_owned());
    let later = create(&fixture.app, &root(), JobInput { at, ..input(json!({"im": true, "matching": {}})) }).unwrap();
    assert_eq!((later.state, later.due.as_str()), (JobStateView::Scheduled, "2999-01-31T22:00:00.000000Z"));
    let query = |after: Option<&String>, state: Option<&str>| {
        let query = JobQuery { after: after.cloned(), state: state.map(str::to_owned), limit: Some(1), ..JobQuery::default() };
        list(&fixture.app, &query).unwrap()
    };
    let first = query(None, None);
    assert_eq!((first.jobs.len(), &first.jobs[0]), (1, &later));
    let second = query(first.next.as_ref(), Some("waiting"));
    assert_eq!((second.jobs, second.next), (vec![made.clone()], None));
    assert_eq!(cancel(&fixture.app, &root(), &later.id).unwrap().state, JobStateView::Cancelled);
    assert_eq!(cancel(&fixture.app, &root(), &later.id).unwrap_err().code(), "conflict");
    assert_eq!(query(None, Some("cancelled")).jobs.len(), 1);
    let trail = fixture.app.store().query(|db| db.audit_list(None, None, 10)).unwrap();
    let actions: Vec<&str> = trail.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["job.cancel", "job.create", "job.create"]);
}

#[test]
fn what_cannot_be_done_is_not_kept() {
    let fixture = Fixture::new();
    let kind = JobInput { kind: "users.fly".to_owned(), ..input(json!({})) };
    assert_eq!(refused(&fixture, kind), ("invalid", Some("kind")));
    let at = JobInput { at: Some("tomorrow".to_owned()), ..input(json!({"im": true, "users": []})) };
    assert_eq!(refused(&fixture, at), ("invalid", Some("at")));
    let wrong = [
        json!({}),
        json!({"im": true}),
        json!({"im": "yes", "users": []}),
        json!({"im": true, "users": [], "matching": {}}),
        json!({"im": true, "matching": {"name": "x"}}),
        json!({"im": true, "users": [], "more": 1}),
        json!({"im": true, "users": vec![""; JOB_USERS + 1]}),
        json!({"im": true, "users": ["x".repeat(JOB_INPUT_BYTES)]}),
    ];
    for wrong in wrong {
        assert_eq!(refused(&fixture, input(wrong.clone())), ("invalid", Some("input")), "{:.80}", wrong.to_string());
    }
    let csv = input(json!({"im": true, "csv": "anna\n\u{fffd}".replace('\u{fffd}', "\u{0}")}));
    assert_eq!(create(&fixture.app, &root(), csv).unwrap().total, Some(2), "no user, which is found out in its step");
    let full = input(json!({"im": true, "users": vec![""; JOB_USERS]}));
    assert_eq!(create(&fixture.app, &root(), full).unwrap().total, Some(JOB_USERS as u64));
    // The longest input that is taken, to the byte.
    let around = json!({"im": true, "whom": {"users": [""]}}).to_string().len();
    let longest = input(json!({"im": true, "users": ["x".repeat(JOB_INPUT_BYTES - around)]}));
    assert_eq!(create(&fixture.app, &root(), longest).unwrap().total, Some(1));
    for id in ["", "nobody", "0192d7a0-0000-7000-8000-000000000000"] {
        assert_eq!(find(&fixture.app, id).unwrap_err().code(), "not-found");
        assert_eq!(cancel(&fixture.app, &root(), id).unwrap_err().code(), "not-found");
        assert_eq!(log(&fixture.app, id, &LogQuery::default()).unwrap_err().code(), "not-found");
    }
    // The words that lists show are taken as well as the store's.
    let later = JobInput { at: Some("2999-01-01T00:00:00Z".to_owned()), ..input(json!({"im": true, "users": []})) };
    create(&fixture.app, &root(), later).unwrap();
    let found = |state: &str| {
        let query = JobQuery { state: Some(state.to_owned()), ..JobQuery::default() };
        list(&fixture.app, &query).unwrap().jobs.len()
    };
    assert!(found("scheduled") == 1 && found("queued") >= 3 && found("waiting") == found("queued") + 1);
    assert_eq!((found("cancelling"), found("running")), (0, 0));
    let one = JobQuery { state: Some("queued".to_owned()), limit: Some(1), ..JobQuery::default() };
    let page = list(&fixture.app, &one).unwrap();
    assert!(page.jobs.len() == 1 && page.next.as_ref() == Some(&page.jobs[0].id), "{page:?}");
    let field = |query: &JobQuery| list(&fixture.app, query).map_err(|error| error.field());
    for limit in [0, PAGE_JOBS + 1] {
        assert_eq!(field(&JobQuery { limit: Some(limit), ..JobQuery::default() }), Err(Some("limit")));
    }
    assert!(field(&JobQuery { limit: Some(PAGE_JOBS), ..JobQuery::default() }).is_ok());
    assert_eq!(field(&JobQuery { state: Some("new".to_owned()), ..JobQuery::default() }), Err(Some("state")));
}

#[test]
fn nobody_does_by_a_job_what_they_may_not_do_by_hand() {
    let fixture = Fixture::new();
    let scoped = |areas: &[Area]| Caller {
        role: Role::Operator,
        scopes: Some(areas.iter().map(|area| Right::write(*area)).collect()),
        ..root()
    };
    let ask = |caller: &Caller| create(&fixture.app, caller, input(json!({"im": true, "users": []}))).map_err(|e| e.code());
    assert_eq!(ask(&scoped(&[Area::Jobs])).unwrap_err(), "forbidden");
    assert!(ask(&scoped(&[Area::Jobs, Area::Users])).is_ok());
}

#[test]
fn user_ids_are_read_from_files_with_and_without_a_header() {
    let ids = |csv: &[u8]| super::super::import::user_ids(csv).map_err(|error| error.text().en);
    assert_eq!(ids("\u{feff}User ID,mail\nanna,a@x\n\n ben ,\n".as_bytes()).unwrap(), ["anna", "ben"]);
    assert_eq!(ids(b"mail,userid\na@x,anna\nb@x\n").unwrap(), ["anna"]);
    assert_eq!(ids(b"anna\nben,more").unwrap(), ["anna", "ben"]);
    assert!(ids(b"").unwrap().is_empty());
    assert!(ids(b"anna\n\xff\n").unwrap_err().starts_with("line 2: "));
}

//! Jobs at the store: order, leases, crashes, limits.

use super::*;
use crate::audit::AuditFilter;
use crate::users::NewUser;
use zaiseki_model::User;

fn database() -> Database {
    Database::open_in_memory("example.com").unwrap()
}

fn by(at: i64) -> Audit {
    Audit { actor: "tester".to_owned(), at: Timestamp(at) }
}

fn new_job(due: i64) -> NewJob {
    NewJob { id: JobId::generate(), kind: "test".to_owned(), input: "{}".to_owned(), due: Timestamp(due), total: Some(4) }
}

fn create(db: &mut Database, due: i64) -> JobId {
    let new = new_job(due);
    db.create_job(&new, &by(1)).unwrap();
    new.id
}

fn lease(db: &mut Database) -> Lease {
    db.take_role("jobs", "a", Timestamp(0), Timestamp(1_000)).unwrap().unwrap()
}

fn line(text: &str) -> JobLine {
    JobLine { en: text.to_owned(), ja: text.to_owned() }
}

fn people(db: &mut Database, count: usize) -> Vec<UserId> {
    let one = |n: usize| {
        let user = User {
            id: UserId::generate(),
            name: format!("user{n}"),
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
    let new: Vec<NewUser> = (0..count).map(one).collect();
    assert!(db.create_many(&new, &by(0)).unwrap().is_empty());
    new.into_iter().map(|new| new.user.id).collect()
}

/// Disables the next user; its number is the cursor.
fn disable_next(db: &mut Database, lease: &Lease, id: JobId, users: &[UserId]) -> JobStep<usize> {
    db.job_step(lease, id, Timestamp(9), |work, job| {
        let at: usize = job.cursor.parse().unwrap_or(0);
        let changed = work.set_im(&users[at..=at], false)?.len();
        let finished = at + 1 == users.len();
        let progress = JobProgress { done: at as u64 + 1, cursor: (at + 1).to_string(), finished, ..JobProgress::default() };
        Ok((progress, changed))
    })
    .unwrap()
}

#[test]
fn a_job_goes_on_after_a_crash_and_does_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("test.sqlite");
    let mut db = Database::open(&path, "example.com").unwrap();
    let users = people(&mut db, 4);
    let id = create(&mut db, 0);
    let first = lease(&mut db);
    assert_eq!(db.claim_job(&first, Timestamp(5)).unwrap().unwrap().id, id);
    for _ in 0..2 {
        assert_eq!(disable_next(&mut db, &first, id, &users), JobStep::Went(1));
    }
    // The third step has changed its user when the process dies.
    let died: Result<JobStep<()>> = db.job_step(&first, id, Timestamp(9), |work, _| {
        assert_eq!(work.set_im(&users[2..3], false)?.len(), 1);
        Err(StoreError::Closed)
    });
    died.unwrap_err();
    drop(db);
    let mut db = Database::open(&path, "example.com").unwrap();
    let second = lease(&mut db);
    let job = db.claim_job(&second, Timestamp(6)).unwrap().unwrap();
    assert_eq!((job.state, job.done, job.cursor.as_str(), job.resumed), (JobState::Running, 2, "2", 1));
    assert_eq!(job.started, Some(Timestamp(5)));
    assert_eq!(disable_next(&mut db, &first, id, &users), JobStep::Lost, "a runner from before the crash");
    for _ in 2..4 {
        assert_eq!(disable_next(&mut db, &second, id, &users), JobStep::Went(1));
    }
    let job = db.job(id).unwrap().unwrap();
    assert_eq!((job.state, job.done, job.resumed, job.ended), (JobState::Done, 4, 0, Some(Timestamp(9))));
    assert_eq!(disable_next(&mut db, &second, id, &users), JobStep::Lost);
    assert_eq!(db.claim_job(&second, Timestamp(99)).unwrap(), None);
    let filter = AuditFilter { action: Some("user.im_disable".to_owned()), limit: 100, ..AuditFilter::default() };
    let mut audited: Vec<String> = db.audit_search(&filter).unwrap().into_iter().map(|entry| entry.object).collect();
    audited.sort();
    assert_eq!(audited, ["user:user0", "user:user1", "user:user2", "user:user3"]);
}

#[test]
fn what_was_left_comes_first_then_what_is_due_first() {
    let mut db = database();
    let (later, soon, left) = (create(&mut db, 50), create(&mut db, 20), create(&mut db, 0));
    let lease = lease(&mut db);
    let claim = |db: &mut Database, now| db.claim_job(&lease, Timestamp(now)).unwrap().map(|job| job.id);
    assert_eq!(claim(&mut db, 60), Some(left));
    assert_eq!(claim(&mut db, 60), Some(left), "as after a crash");
    assert_eq!(db.job(left).unwrap().unwrap().resumed, 1);
    db.fail_job(&lease, left, &line("broken"), Timestamp(61)).unwrap();
    assert_eq!(db.next_job_due().unwrap(), Some(Timestamp(20)));
    assert_eq!(claim(&mut db, 19), None);
    assert_eq!(claim(&mut db, 60), Some(soon));
    db.fail_job(&lease, soon, &line("broken"), Timestamp(61)).unwrap();
    assert_eq!(claim(&mut db, 49), None);
    assert_eq!(claim(&mut db, 50), Some(later));
    let thief = db.take_role("jobs", "a", Timestamp(0), Timestamp(1)).unwrap().unwrap();
    assert_eq!(claim(&mut db, 60), None, "the role is lost");
    db.fail_job(&lease, later, &line("broken"), Timestamp(61)).unwrap();
    assert_eq!(db.job(later).unwrap().unwrap().state, JobState::Running);
    assert_eq!(db.claim_job(&thief, Timestamp(60)).unwrap().map(|job| job.id), Some(later));
}

#[test]
fn jobs_are_cancelled_before_their_next_step() {
    let mut db = database();
    let users = people(&mut db, 2);
    let (running, waiting) = (create(&mut db, 0), create(&mut db, 0));
    let lease = lease(&mut db);
    db.claim_job(&lease, Timestamp(5)).unwrap().unwrap();
    assert_eq!(disable_next(&mut db, &lease, running, &users), JobStep::Went(1));
    let job = db.cancel_job(running, &by(6)).unwrap();
    assert_eq!((job.state, job.cancel), (JobState::Running, true));
    assert_eq!(disable_next(&mut db, &lease, running, &users), JobStep::Cancelled);
    assert!(db.user_by_id(users[1]).unwrap().unwrap().im, "nothing was done any more");
    let job = db.job(running).unwrap().unwrap();
    assert_eq!((job.state, job.done, job.ended), (JobState::Cancelled, 1, Some(Timestamp(9))));
    assert_eq!(db.cancel_job(waiting, &by(7)).unwrap().state, JobState::Cancelled);
    assert!(matches!(db.cancel_job(waiting, &by(8)), Err(StoreError::Ended { .. })));
    assert!(matches!(db.cancel_job(JobId::generate(), &by(8)), Err(StoreError::NotFound { .. })));
    assert_eq!(db.claim_job(&lease, Timestamp(9)).unwrap(), None);
}

#[test]
fn a_log_has_its_limit_and_the_reason_of_a_failure_a_place_beyond_it() {
    let mut db = database();
    let id = create(&mut db, 0);
    let lease = lease(&mut db);
    db.claim_job(&lease, Timestamp(5)).unwrap().unwrap();
    let mut write = |count: usize| {
        let log = vec![line(&"長".repeat(JOB_LOG_CHARS + 1)); count];
        let step = db.job_step(&lease, id, Timestamp(9), |_, _| Ok((JobProgress { log, ..JobProgress::default() }, ())));
        assert_eq!(step.unwrap(), JobStep::Went(()));
        db.job(id).unwrap().unwrap().log_dropped
    };
    assert_eq!((write(JOB_LOG_LINES - 1), write(1), write(1), write(2)), (0, 0, 1, 3));
    db.fail_job(&lease, id, &line("why"), Timestamp(9)).unwrap();
    let log = db.job_log(id, 0, usize::MAX).unwrap();
    assert_eq!((log.len(), log[0].position), (JOB_LOG_LINES + 1, 1));
    assert_eq!(log[0].line.en.chars().count(), JOB_LOG_CHARS);
    assert_eq!(log.last().unwrap().line.en, "why");
    let page = db.job_log(id, 2, 2).unwrap();
    assert_eq!(page.iter().map(|entry| entry.position).collect::<Vec<_>>(), [3, 4]);
}

#[test]
fn so_many_wait_and_so_many_are_kept() {
    let mut db = database();
    let first = create(&mut db, 0);
    for _ in 1..JOBS_WAITING {
        create(&mut db, 0);
    }
    assert!(matches!(db.create_job(&new_job(0), &by(1)), Err(StoreError::Full { limit: JOBS_WAITING, .. })));
    let lease = lease(&mut db);
    for at in 0..JOBS_WAITING as i64 {
        let job = db.claim_job(&lease, Timestamp(9)).unwrap().unwrap();
        db.fail_job(&lease, job.id, &line("why"), Timestamp(10 + at)).unwrap();
    }
    let last = create(&mut db, 0);
    assert!(db.job(first).unwrap().is_some(), "at the limit");
    db.cancel_job(last, &by(5_000)).unwrap();
    create(&mut db, 0);
    assert_eq!(db.job(first).unwrap(), None, "one past it");
    assert!(db.job_log(first, 0, 10).unwrap().is_empty());
    let ended = JobFilter { state: Some(JobState::Failed), limit: usize::MAX, ..JobFilter::default() };
    assert_eq!(db.list_jobs(&ended).unwrap().len(), JOBS_KEPT - 1);
    let page = JobFilter { before: Some(last), limit: 2, ..JobFilter::default() };
    let page = db.list_jobs(&page).unwrap();
    assert!(page.len() == 2 && page[0].id < last && page[1].id < page[0].id);
}

//! Does the jobs, one at a time and step by step, on the node that holds the role `jobs`.

use super::{Next, Turn, Work, kind};
use crate::alarms::catalogue::JOB_FAILED;
use crate::app::App;
use crate::error::{ControlError, Result};
use crate::text::Text;
use crate::vitals::spans::{self, SpanKind};
use std::time::{Duration, Instant};
use zaiseki_model::Timestamp;
use zaiseki_model::limits::JOB_RESUMES;
use zaiseki_store::{Job, JobLine, Lease, StoreError};

const ROLE: &str = "jobs";
/// A node that is silent for so long loses the role.
const LEASE: Duration = Duration::from_secs(30);
/// The role is renewed after this.
const RENEW: Duration = Duration::from_secs(10);
/// Pause while the database takes no writes.
const PAUSE: Duration = Duration::from_secs(1);

/// The task; it ends with its caller, after the step under way. `node`: the name of this node.
pub async fn run(app: App, node: String) {
    let mut held = None;
    loop {
        let (worker, name, before) = (app.clone(), node.clone(), held.take());
        match blocking(move || look(&worker, &name, before)).await {
            Ok((lease, Some(job))) => {
                held = Some(lease.clone());
                carry_out(&app, lease.lease, job).await;
            }
            Ok((lease, None)) => {
                held = Some(lease);
                wait(&app).await;
            }
            Err(Trouble::NotOurs) => tokio::time::sleep(RENEW).await,
            Err(Trouble::Error(error)) => {
                tracing::warn!(%error, "jobs cannot be looked at; trying again");
                tokio::time::sleep(PAUSE).await;
            }
            Err(Trouble::Panic) => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// The role, and when it was last renewed.
#[derive(Clone)]
struct Held {
    lease: Lease,
    renewed: Instant,
}

enum Trouble {
    /// Another node holds the role.
    NotOurs,
    Error(ControlError),
    Panic,
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Trouble::Error(error.into())
    }
}

async fn blocking<R: Send + 'static>(work: impl FnOnce() -> Result<R, Trouble> + Send + 'static) -> Result<R, Trouble> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a job's step panicked");
        Err(Trouble::Panic)
    })
}

/// Takes or renews the role, and takes up the next job.
fn look(app: &App, node: &str, held: Option<Held>) -> Result<(Held, Option<Job>), Trouble> {
    let held = hold(app, node, held)?;
    let lease = held.lease.clone();
    let job = app.store().call(move |db| db.claim_job(&lease, Timestamp::now()))?;
    Ok((held, job))
}

fn hold(app: &App, node: &str, held: Option<Held>) -> Result<Held, Trouble> {
    match held {
        Some(held) if held.renewed.elapsed() < RENEW => return Ok(held),
        Some(held) if renew(app, &held.lease)? => return Ok(Held { renewed: Instant::now(), ..held }),
        _ => {}
    }
    let (node, now) = (node.to_owned(), Timestamp::now());
    let lease = app.store().call(move |db| db.take_role(ROLE, &node, now, now + LEASE))?;
    lease.map(|lease| Held { lease, renewed: Instant::now() }).ok_or(Trouble::NotOurs)
}

fn renew(app: &App, lease: &Lease) -> Result<bool, Trouble> {
    let lease = lease.clone();
    Ok(app.store().call(move |db| db.renew_role(&lease, Timestamp::now() + LEASE))?)
}

/// Until there may be something to do: a job was made, one is due, the role must be renewed.
async fn wait(app: &App) {
    let due = {
        let app = app.clone();
        blocking(move || Ok(app.store().query(|db| db.next_job_due())?)).await
    };
    let until_due = due.ok().flatten().map_or(RENEW, |due| due.since(Timestamp::now()));
    tokio::select! {
        () = tokio::time::sleep(until_due.clamp(Duration::from_millis(5), RENEW)) => {}
        () = app.jobs_changed().notified() => {}
    }
}

/// Takes the job up and does it to its end.
async fn carry_out(app: &App, lease: Lease, job: Job) {
    tracing::info!(job = %job.id, kind = job.kind, actor = job.actor, resumed = job.resumed, "job taken up");
    let turn = Turn { app: app.clone(), lease, job: job.id };
    let mut span = spans::begin(app, format!("job {}", job.kind), SpanKind::Internal, None);
    if let Some(span) = &mut span {
        span.text("zaiseki.job.id", job.id);
        span.text("zaiseki.job.kind", &job.kind);
    }
    let worker = app.clone();
    let done = match blocking(move || begin(&worker, &job).map_err(Trouble::Error)).await {
        Ok(work) => steps(&turn, work).await,
        Err(trouble) => Err(trouble),
    };
    if let Some(span) = &mut span {
        span.failed(done.is_err());
    }
    match done {
        Ok(()) => tracing::info!(job = %turn.job, "job is over"),
        Err(trouble) => give_up(turn, trouble).await,
    }
}

/// Step after step. One blocking call each, so that a node that stops waits for no more than one.
async fn steps(turn: &Turn, mut work: Box<dyn Work>) -> Result<(), Trouble> {
    let mut renewed = Instant::now();
    loop {
        let turn = turn.clone();
        let late = renewed.elapsed() >= RENEW;
        let done = blocking(move || {
            // Whether the role is still held is looked at in the step's own transaction.
            if late {
                renew(&turn.app, &turn.lease)?;
            }
            let next = step(work.as_mut(), &turn)?;
            Ok((work, next))
        });
        let (same, next) = done.await?;
        work = same;
        if next == Next::Over {
            return Ok(());
        }
        if late {
            renewed = Instant::now();
        }
    }
}

/// A step is tried again while the database takes no writes: it has changed nothing then.
fn step(work: &mut dyn Work, turn: &Turn) -> Result<Next, Trouble> {
    loop {
        match work.step(turn) {
            Err(ControlError::Store(StoreError::Unavailable(_))) => std::thread::sleep(PAUSE),
            other => return other.map_err(Trouble::Error),
        }
    }
}

fn begin(app: &App, job: &Job) -> Result<Box<dyn Work>> {
    if job.resumed > JOB_RESUMES {
        let en = format!("it was begun {} times and the node ended each time before a step was done", job.resumed);
        let ja = format!("{} 回開始しましたが、毎回 1 段階も進まないうちにノードが終了しました", job.resumed);
        return Err(ControlError::Conflict { text: Text::new(en, ja) });
    }
    let Some(kind) = kind(&job.kind) else {
        let en = format!("this release knows no job \"{}\"", job.kind);
        return Err(ControlError::NotFound {
            text: Text::new(en, format!("ジョブ \"{}\" はこの版にはありません", job.kind))
        });
    };
    let id = job.id;
    kind.start(&app.store().query(move |db| db.job_input(id))?)
}

/// Ends the job as failed, with the reason in its log. A closed database is the end of the node: the job stays as it is.
async fn give_up(turn: Turn, trouble: Trouble) {
    let why = match trouble {
        Trouble::NotOurs => return,
        Trouble::Error(ControlError::Store(StoreError::Closed)) => return tokio::time::sleep(PAUSE).await,
        Trouble::Error(error) => error.text(),
        Trouble::Panic => {
            let ja = "プログラムの不具合により停止しました。ノードのログを確認してください";
            Text::new("a fault in the program stopped it: see the log of the node", ja)
        }
    };
    let Turn { app, lease, job } = turn;
    tracing::warn!(%job, why = why.en, "job has failed");
    app.alarms().raise(&JOB_FAILED, &job.to_string(), why.clone());
    let line = JobLine { en: why.en, ja: why.ja };
    let failed = blocking(move || Ok(app.store().call(move |db| db.fail_job(&lease, job, &line, Timestamp::now()))?));
    if let Err(Trouble::Error(error)) = failed.await {
        tracing::warn!(%job, %error, "the end of a job cannot be noted; it will be taken up again");
        tokio::time::sleep(PAUSE).await;
    }
}

#[cfg(test)]
#[path = "runner_tests.rs"]
mod tests;

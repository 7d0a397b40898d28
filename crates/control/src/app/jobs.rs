//! Jobs: asked for here, done by [`crate::jobs::runner`].

use super::status::time;
use super::{App, audit};
use crate::access::Caller;
use crate::error::{ControlError, Result};
use crate::jobs::{KINDS, kind};
use crate::text::Text;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use zaiseki_model::limits::{JOB_INPUT_BYTES, PAGE_JOBS};
use zaiseki_model::{JobId, Timestamp};
use zaiseki_store::{Job, JobFilter, JobState, NewJob};
use zaiseki_xmpp::datetime;

/// A job to be done.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JobInput {
    /// `users.im`, `users.address-scheme`.
    pub kind: String,
    /// What the kind takes. `users.im`: `im` (true or false), and one of `users` (a list), `csv` (a text with user ids) and
    /// `matching` (`search`, `enabled`; an empty one matches everybody). `users.address-scheme`: `scheme` (`user-id` or `directory-uri`) and `accept`.
    /// At most 8 MiB.
    pub input: Value,
    /// Not before then (XEP-0082 form of time, such as `2027-01-31T22:00:00Z`); without it, now.
    #[serde(default)]
    pub at: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum JobStateView {
    /// Its time has not come.
    Scheduled,
    /// Others are first.
    Queued,
    Running,
    /// Running, and to end before its next step.
    Cancelling,
    Done,
    Failed,
    Cancelled,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobView {
    pub id: String,
    pub kind: String,
    pub title: Text,
    pub state: JobStateView,
    /// How many things are done, and, when it is known, of how many.
    pub done: u64,
    pub total: Option<u64>,
    /// Who asked for it.
    pub actor: String,
    /// Times in the form of XEP-0082.
    pub created: String,
    pub due: String,
    pub started: Option<String>,
    pub ended: Option<String>,
    /// In words of the kind. `users.im`: `changed`, `unchanged`, `unknown`; `users.address-scheme`: `changed`, `unchanged`, `refused`.
    pub summary: Value,
    /// Lines that the log had no place for.
    pub log_dropped: u64,
}

/// Which jobs to list, newest first.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct JobQuery {
    /// `scheduled`, `queued`, `waiting` (both), `cancelling`, `running` (those too), `done`, `failed` or `cancelled`.
    pub state: Option<String>,
    pub kind: Option<String>,
    /// `next` of the page before.
    pub after: Option<String>,
    /// 1 to 500.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct JobPage {
    pub jobs: Vec<JobView>,
    /// Ask again with this as `after`; `None` on the last page.
    pub next: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LogQuery {
    /// `next` of the page before.
    pub after: Option<i64>,
    /// 1 to 500.
    #[param(minimum = 1, maximum = 500)]
    pub limit: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogPage {
    pub lines: Vec<LogLine>,
    /// Ask again with this as `after`; `None` at the end of what there is.
    pub next: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogLine {
    pub at: String,
    pub text: Text,
}

impl JobView {
    fn new(job: Job, now: Timestamp) -> Self {
        let state = match job.state {
            JobState::Waiting if job.due > now => JobStateView::Scheduled,
            JobState::Waiting => JobStateView::Queued,
            JobState::Running if job.cancel => JobStateView::Cancelling,
            JobState::Running => JobStateView::Running,
            JobState::Done => JobStateView::Done,
            JobState::Failed => JobStateView::Failed,
            JobState::Cancelled => JobStateView::Cancelled,
        };
        JobView {
            id: job.id.to_string(),
            title: kind(&job.kind).map_or_else(|| Text::plain(&job.kind), |kind| kind.title()),
            kind: job.kind,
            state,
            done: job.done,
            total: job.total,
            actor: job.actor,
            created: time(job.created),
            due: time(job.due),
            started: job.started.map(time),
            ended: job.ended.map(time),
            summary: serde_json::from_str(&job.summary).unwrap_or_default(),
            log_dropped: job.log_dropped,
        }
    }
}

/// Keeps the job and wakes the runner.
///
/// # Errors
/// `invalid` for an unknown kind, a time that is none, an input that is too long or that the kind refuses; `forbidden` when
/// the caller may not do by hand what the job does; `conflict` when too many jobs wait.
pub fn create(app: &App, caller: &Caller, input: JobInput) -> Result<JobView> {
    let Some(kind) = kind(&input.kind) else {
        let names = KINDS.map(|kind| kind.name()).join(", ");
        let en = format!("there is no such job; there are: {names}");
        return Err(ControlError::invalid("kind", en, format!("そのようなジョブはありません。使えるもの: {names}")));
    };
    caller.must(kind.right())?;
    let now = Timestamp::now();
    let due = input.at.as_deref().map(moment).transpose()?.unwrap_or(now);
    let checked = kind.check(app, input.input)?;
    let kept = checked.input.to_string();
    if kept.len() > JOB_INPUT_BYTES {
        let (en, ja) = (format!("longer than {JOB_INPUT_BYTES} bytes"), format!("{JOB_INPUT_BYTES} バイトを超えています"));
        return Err(ControlError::invalid("input", en, ja));
    }
    let new = NewJob { id: JobId::generate(), kind: kind.name().to_owned(), input: kept, due, total: checked.total };
    let (id, audit) = (new.id, audit(&caller.actor));
    app.store().call(move |db| db.create_job(&new, &audit))?;
    app.jobs_changed().notify_one();
    find(app, &id.to_string())
}

fn moment(text: &str) -> Result<Timestamp> {
    datetime::parse(text).map(Timestamp).ok_or_else(|| {
        let en = "not a time such as 2027-01-31T22:00:00Z";
        ControlError::invalid("at", en, "2027-01-31T22:00:00Z のような時刻を指定してください")
    })
}

/// One page of jobs, newest first.
///
/// # Errors
/// `invalid` for a word that is no state, a place that is none, a limit out of range.
pub fn list(app: &App, query: &JobQuery) -> Result<JobPage> {
    let limit = page(query.limit)?;
    let (state, shown) = query.state.as_deref().map(state_of).transpose()?.unwrap_or_default();
    let mut before = query.after.as_deref().map(id_of).transpose()?;
    let now = Timestamp::now();
    let mut jobs: Vec<JobView> = Vec::new();
    // One more tells whether there is another page.
    while jobs.len() <= limit {
        let filter = JobFilter { state, kind: query.kind.clone(), before, limit: limit + 1 };
        let found = app.store().query(move |db| db.list_jobs(&filter))?;
        let full = found.len() > limit;
        before = found.last().map(|job| job.id);
        let wanted = found.into_iter().map(|job| JobView::new(job, now)).filter(|job| shown.is_none_or(|it| job.state == it));
        jobs.extend(wanted);
        if !full {
            break;
        }
    }
    let more = jobs.len() > limit;
    jobs.truncate(limit);
    let next = jobs.last().filter(|_| more).map(|job| job.id.clone());
    Ok(JobPage { jobs, next })
}

/// What the store calls a state, and which of those is meant when it is told more closely.
fn state_of(word: &str) -> Result<(Option<JobState>, Option<JobStateView>)> {
    Ok(match word {
        "scheduled" => (Some(JobState::Waiting), Some(JobStateView::Scheduled)),
        "queued" => (Some(JobState::Waiting), Some(JobStateView::Queued)),
        "cancelling" => (Some(JobState::Running), Some(JobStateView::Cancelling)),
        other => (Some(other.parse().map_err(|()| no_state())?), None),
    })
}

fn no_state() -> ControlError {
    let words = "scheduled, queued, waiting, cancelling, running, done, failed, cancelled";
    ControlError::invalid("state", format!("must be one of {words}"), format!("次のいずれかを指定してください: {words}"))
}

fn page(limit: Option<usize>) -> Result<usize> {
    let limit = limit.unwrap_or(PAGE_JOBS);
    if (1..=PAGE_JOBS).contains(&limit) {
        return Ok(limit);
    }
    let (en, ja) = (format!("must be 1 to {PAGE_JOBS}"), format!("1 から {PAGE_JOBS} までの値を指定してください"));
    Err(ControlError::invalid("limit", en, ja))
}

fn id_of(text: &str) -> Result<JobId> {
    text.trim().parse().map_err(|_| ControlError::no_job(text))
}

pub fn find(app: &App, id: &str) -> Result<JobView> {
    let wanted = id_of(id)?;
    let job = app.store().query(move |db| db.job(wanted))?;
    job.map(|job| JobView::new(job, Timestamp::now())).ok_or_else(|| ControlError::no_job(id))
}

/// Ends a job: at once while it waits, before its next step while it runs. What is done stays done.
///
/// # Errors
/// `not-found`; `conflict` when it has ended already.
pub fn cancel(app: &App, caller: &Caller, id: &str) -> Result<JobView> {
    let (id, audit) = (id_of(id)?, audit(&caller.actor));
    let job = app.store().call(move |db| db.cancel_job(id, &audit))?;
    Ok(JobView::new(job, Timestamp::now()))
}

/// One page of what a job says of its work, oldest first.
pub fn log(app: &App, id: &str, query: &LogQuery) -> Result<LogPage> {
    let (id, limit, after) = (id_of(&find(app, id)?.id)?, page(query.limit)?, query.after.unwrap_or(0));
    let mut lines = app.store().query(move |db| db.job_log(id, after, limit + 1))?;
    let more = lines.len() > limit;
    lines.truncate(limit);
    let next = lines.last().filter(|_| more).map(|line| line.position.to_string());
    let line = |entry: zaiseki_store::JobLogEntry| LogLine { at: time(entry.at), text: Text::new(entry.line.en, entry.line.ja) };
    Ok(LogPage { lines: lines.into_iter().map(line).collect(), next })
}

#[cfg(test)]
#[path = "jobs_tests.rs"]
mod tests;

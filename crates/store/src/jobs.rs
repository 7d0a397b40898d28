//! Jobs: long work that an administrator asked for, done in steps. A step's effect, its progress and its log lines are one
//! transaction, so that a job goes on after a crash where it was, and does nothing twice.

use crate::audit::Audit;
use crate::database::Database;
use crate::error::{Doing, Result, StoreError};
use crate::roles::Lease;
use rusqlite::{OptionalExtension, Row, params};
use serde_json::json;
use std::str::FromStr;
use zaiseki_model::limits::{JOB_LOG_CHARS, JOB_LOG_LINES, JOBS_KEPT, JOBS_WAITING};
use zaiseki_model::{JobId, Timestamp, UserId};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Its time has not come, or others are first.
    Waiting,
    Running,
    Done,
    Failed,
    Cancelled,
}

impl JobState {
    const ALL: [JobState; 5] = [JobState::Waiting, JobState::Running, JobState::Done, JobState::Failed, JobState::Cancelled];

    pub fn as_str(self) -> &'static str {
        match self {
            JobState::Waiting => "waiting",
            JobState::Running => "running",
            JobState::Done => "done",
            JobState::Failed => "failed",
            JobState::Cancelled => "cancelled",
        }
    }
}

impl FromStr for JobState {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<JobState, ()> {
        JobState::ALL.into_iter().find(|state| state.as_str() == text).ok_or(())
    }
}

/// A job to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewJob {
    pub id: JobId,
    pub kind: String,
    /// JSON, in words of the kind; no secrets.
    pub input: String,
    /// Not before then.
    pub due: Timestamp,
    /// How many things there are to do, if that is known.
    pub total: Option<u64>,
}

/// A job as it stands; its input is read apart ([`Database::job_input`]), since it may be long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    pub id: JobId,
    pub kind: String,
    /// Who asked for it, and in whose name it changes things.
    pub actor: String,
    pub state: JobState,
    /// It runs, and is to end.
    pub cancel: bool,
    pub created: Timestamp,
    pub due: Timestamp,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub done: u64,
    pub total: Option<u64>,
    /// How far it came, in words of the kind; empty at the beginning.
    pub cursor: String,
    /// JSON, in words of the kind.
    pub summary: String,
    /// Starts since something was last done, the first not counted.
    pub resumed: u64,
    /// Lines that the log had no place for.
    pub log_dropped: u64,
}

/// What a job says of its work, English and Japanese.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobLine {
    pub en: String,
    pub ja: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobLogEntry {
    /// From 1.
    pub position: i64,
    pub at: Timestamp,
    pub line: JobLine,
}

/// How far a job is after a step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobProgress {
    pub done: u64,
    pub total: Option<u64>,
    pub cursor: String,
    pub summary: String,
    pub log: Vec<JobLine>,
    /// That was the last step.
    pub finished: bool,
}

/// What became of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobStep<R> {
    Went(R),
    /// Someone has cancelled the job; nothing was done.
    Cancelled,
    /// The job or the role is no longer this runner's; nothing was done.
    Lost,
}

/// Which jobs to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobFilter {
    pub state: Option<JobState>,
    pub kind: Option<String>,
    /// Made before this one: the last of the page before.
    pub before: Option<JobId>,
    /// At most so many.
    pub limit: usize,
}

/// What a step may change. It lives within the transaction of the step.
pub struct JobWork<'a> {
    database: &'a Database,
    audit: Audit,
}

impl JobWork<'_> {
    /// To read.
    pub fn database(&self) -> &Database {
        self.database
    }

    /// As [`Database::set_im`], in the name of the one who asked for the job.
    pub fn set_im(&self, users: &[UserId], im: bool) -> Result<Vec<UserId>> {
        self.database.set_im_within(users, im, &self.audit)
    }

    /// As [`Database::rename_user`]; false when another user goes by the name or by the user id.
    pub fn rename(&self, user: UserId, name: &str, user_id: Option<&str>) -> Result<bool> {
        self.database.rename_in(user, name, user_id, &self.audit)
    }

    /// Keeps of what addresses are made from now on.
    pub fn set_address_scheme(&self, scheme: &str, unset: &str) -> Result<()> {
        self.database.put_address_scheme(scheme, unset, &self.audit)
    }
}

const COLUMNS: &str = "SELECT id, kind, actor, state, cancel, created_at, due_at, started_at, ended_at, done, total, cursor,
                       summary, resumed, log_dropped FROM job";

impl Database {
    /// Keeps a job, and forgets the oldest ones that ended when there are more than [`JOBS_KEPT`].
    ///
    /// # Errors
    /// [`StoreError::Full`] when [`JOBS_WAITING`] wait already.
    pub fn create_job(&mut self, new: &NewJob, audit: &Audit) -> Result<()> {
        let operation = "keeping a job";
        let tx = self.begin(operation)?;
        let sql = "SELECT count(*) FROM job WHERE state IN ('waiting', 'running')";
        let open: i64 = self.conn.query_row(sql, [], |row| row.get(0)).doing(operation)?;
        if open.unsigned_abs() >= JOBS_WAITING as u64 {
            return Err(StoreError::Full { what: "jobs waiting", limit: JOBS_WAITING });
        }
        let sql = "INSERT INTO job (id, kind, input, actor, state, created_at, due_at, total)
                   VALUES (?1, ?2, ?3, ?4, 'waiting', ?5, ?6, ?7)";
        let NewJob { id, kind, input, due, total } = new;
        self.run(operation, sql, params![id.0, kind, input, audit.actor, audit.at.0, due.0, signed(*total)])?;
        let after = json!({"kind": kind, "due": due.0, "total": total});
        self.write_audit(audit, "job.create", &format!("job:{id}"), None, Some(&after))?;
        self.forget_old_jobs()?;
        tx.commit().doing(operation)
    }

    fn forget_old_jobs(&self) -> Result<()> {
        let operation = "forgetting old jobs";
        let old = "SELECT id FROM job WHERE ended_at IS NOT NULL ORDER BY ended_at DESC, id DESC LIMIT -1 OFFSET ?1";
        self.run(operation, &format!("DELETE FROM job_log WHERE job IN ({old})"), [JOBS_KEPT as i64])?;
        self.run(operation, &format!("DELETE FROM job WHERE id IN ({old})"), [JOBS_KEPT as i64]).map(drop)
    }

    pub fn job(&self, id: JobId) -> Result<Option<Job>> {
        let operation = "reading a job";
        let mut statement = self.conn.prepare_cached(&format!("{COLUMNS} WHERE id = ?1")).doing(operation)?;
        statement.query_row([id.0], job).optional().doing(operation)?.transpose()
    }

    fn existing_job(&self, id: JobId) -> Result<Job> {
        self.job(id)?.ok_or_else(|| StoreError::NotFound { what: format!("job {id}") })
    }

    /// As it was given to [`Database::create_job`].
    pub fn job_input(&self, id: JobId) -> Result<String> {
        let operation = "reading a job's input";
        let input = self.conn.query_row("SELECT input FROM job WHERE id = ?1", [id.0], |row| row.get(0)).optional();
        input.doing(operation)?.ok_or_else(|| StoreError::NotFound { what: format!("job {id}") })
    }

    /// Newest first.
    pub fn list_jobs(&self, filter: &JobFilter) -> Result<Vec<Job>> {
        let operation = "listing jobs";
        let sql = format!(
            "{COLUMNS} WHERE (?1 IS NULL OR state = ?1) AND (?2 IS NULL OR kind = ?2) AND (?3 IS NULL OR id < ?3)
             ORDER BY id DESC LIMIT ?4"
        );
        let mut statement = self.conn.prepare_cached(&sql).doing(operation)?;
        let (state, before) = (filter.state.map(JobState::as_str), filter.before.map(|id| id.0));
        let limit = i64::try_from(filter.limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![state, filter.kind, before, limit], job).doing(operation)?;
        rows.map(|row| row.doing(operation)?).collect()
    }

    /// When the next waiting job is due.
    pub fn next_job_due(&self) -> Result<Option<Timestamp>> {
        let sql = "SELECT min(due_at) FROM job WHERE state = 'waiting'";
        let due: Option<i64> = self.conn.query_row(sql, [], |row| row.get(0)).doing("looking for the next job")?;
        Ok(due.map(Timestamp))
    }

    /// The job to do now: one that was left running first, then the waiting one that was due first. `None` also when the
    /// role is lost.
    pub fn claim_job(&mut self, lease: &Lease, now: Timestamp) -> Result<Option<Job>> {
        let operation = "taking up a job";
        let tx = self.begin(operation)?;
        if !self.holds_role(lease)? {
            return Ok(None);
        }
        let sql = "SELECT id FROM job WHERE state = 'running' OR (state = 'waiting' AND due_at <= ?1)
                   ORDER BY state = 'waiting', due_at, id LIMIT 1";
        let id: Option<[u8; 16]> = self.conn.query_row(sql, [now.0], |row| row.get(0)).optional().doing(operation)?;
        let Some(id) = id else { return Ok(None) };
        let sql = "UPDATE job SET resumed = resumed + (state = 'running'), state = 'running',
                   started_at = coalesce(started_at, ?2) WHERE id = ?1";
        self.run(operation, sql, params![id, now.0])?;
        let job = self.existing_job(JobId(id))?;
        tx.commit().doing(operation)?;
        Ok(Some(job))
    }

    /// One step: `work` changes what it changes and says how far the job is then, all in one transaction.
    ///
    /// # Errors
    /// What `work` says; nothing is changed then.
    pub fn job_step<R>(
        &mut self,
        lease: &Lease,
        id: JobId,
        now: Timestamp,
        work: impl FnOnce(&JobWork<'_>, &Job) -> Result<(JobProgress, R)>,
    ) -> Result<JobStep<R>> {
        let operation = "doing a step of a job";
        let tx = self.begin(operation)?;
        let found = self.job(id)?.filter(|job| job.state == JobState::Running);
        let (true, Some(job)) = (self.holds_role(lease)?, found) else { return Ok(JobStep::Lost) };
        if job.cancel {
            self.end_job(id, JobState::Cancelled, now)?;
            tx.commit().doing(operation)?;
            return Ok(JobStep::Cancelled);
        }
        let audit = Audit { actor: job.actor.clone(), at: now };
        let (progress, result) = work(&JobWork { database: self, audit }, &job)?;
        self.put_progress(id, &progress, now)?;
        tx.commit().doing(operation)?;
        Ok(JobStep::Went(result))
    }

    fn put_progress(&self, id: JobId, progress: &JobProgress, now: Timestamp) -> Result<()> {
        let sql = "UPDATE job SET done = ?2, total = ?3, cursor = ?4, summary = ?5, resumed = 0 WHERE id = ?1";
        let JobProgress { done, total, cursor, summary, log, finished } = progress;
        self.run("noting a job's progress", sql, params![id.0, signed(Some(*done)), signed(*total), cursor, summary])?;
        self.log_job(id, log, now)?;
        if *finished { self.end_job(id, JobState::Done, now) } else { Ok(()) }
    }

    /// The job has failed for good, for the reason in `why`. Nothing happens when the role is lost or the job ended.
    pub fn fail_job(&mut self, lease: &Lease, id: JobId, why: &JobLine, now: Timestamp) -> Result<()> {
        let operation = "ending a job";
        let tx = self.begin(operation)?;
        let running = self.job(id)?.is_some_and(|job| job.state == JobState::Running);
        if running && self.holds_role(lease)? {
            // The reason is the line that matters: it has a place even in a full log.
            self.put_line(id, JOB_LOG_LINES as i64 + 1, why, now)?;
            self.end_job(id, JobState::Failed, now)?;
        }
        tx.commit().doing(operation)
    }

    /// A waiting job ends at once, a running one before its next step.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Ended`] when it has ended already.
    pub fn cancel_job(&mut self, id: JobId, audit: &Audit) -> Result<Job> {
        let operation = "cancelling a job";
        let tx = self.begin(operation)?;
        match self.existing_job(id)?.state {
            JobState::Waiting => self.end_job(id, JobState::Cancelled, audit.at)?,
            JobState::Running => drop(self.run(operation, "UPDATE job SET cancel = TRUE WHERE id = ?1", [id.0])?),
            _ => return Err(StoreError::Ended { what: format!("job {id}") }),
        }
        self.write_audit(audit, "job.cancel", &format!("job:{id}"), None, None)?;
        let job = self.existing_job(id)?;
        tx.commit().doing(operation)?;
        Ok(job)
    }

    fn end_job(&self, id: JobId, state: JobState, now: Timestamp) -> Result<()> {
        let sql = "UPDATE job SET state = ?2, ended_at = ?3 WHERE id = ?1";
        self.run("ending a job", sql, params![id.0, state.as_str(), now.0]).map(drop)
    }

    /// Lines beyond [`JOB_LOG_LINES`] are counted only.
    fn log_job(&self, id: JobId, lines: &[JobLine], now: Timestamp) -> Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let operation = "writing a job's log";
        let sql = "SELECT log_lines FROM job WHERE id = ?1";
        let kept: i64 = self.conn.query_row(sql, [id.0], |row| row.get(0)).doing(operation)?;
        let place = JOB_LOG_LINES.saturating_sub(usize::try_from(kept).unwrap_or(0));
        for (position, line) in (kept + 1..).zip(lines.iter().take(place)) {
            self.put_line(id, position, line, now)?;
        }
        let (more, dropped) = (lines.len().min(place) as i64, lines.len().saturating_sub(place) as i64);
        let sql = "UPDATE job SET log_lines = log_lines + ?2, log_dropped = log_dropped + ?3 WHERE id = ?1";
        self.run(operation, sql, params![id.0, more, dropped]).map(drop)
    }

    fn put_line(&self, id: JobId, position: i64, line: &JobLine, now: Timestamp) -> Result<()> {
        let cut = |text: &str| text.chars().take(JOB_LOG_CHARS).collect::<String>();
        let sql = "INSERT INTO job_log (job, position, at, en, ja) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.run("writing a job's log", sql, params![id.0, position, now.0, cut(&line.en), cut(&line.ja)]).map(drop)
    }

    /// Lines after that position, oldest first.
    pub fn job_log(&self, id: JobId, after: i64, limit: usize) -> Result<Vec<JobLogEntry>> {
        let operation = "reading a job's log";
        let sql = "SELECT position, at, en, ja FROM job_log WHERE job = ?1 AND position > ?2 ORDER BY position LIMIT ?3";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let entry = |row: &Row<'_>| {
            let line = JobLine { en: row.get(2)?, ja: row.get(3)? };
            Ok(JobLogEntry { position: row.get(0)?, at: Timestamp(row.get(1)?), line })
        };
        let rows = statement.query_map(params![id.0, after, limit], entry).doing(operation)?;
        rows.collect::<rusqlite::Result<_>>().doing(operation)
    }
}

fn signed(number: Option<u64>) -> Option<i64> {
    number.map(|number| i64::try_from(number).unwrap_or(i64::MAX))
}

fn job(row: &Row<'_>) -> rusqlite::Result<Result<Job>> {
    let (id, word): (JobId, String) = (JobId(row.get(0)?), row.get(3)?);
    let Ok(state) = word.parse() else {
        return Ok(Err(StoreError::Corrupt { what: format!("job {id} in a state \"{word}\"") }));
    };
    let count = |value: i64| value.unsigned_abs();
    Ok(Ok(Job {
        id,
        kind: row.get(1)?,
        actor: row.get(2)?,
        state,
        cancel: row.get(4)?,
        created: Timestamp(row.get(5)?),
        due: Timestamp(row.get(6)?),
        started: row.get::<_, Option<i64>>(7)?.map(Timestamp),
        ended: row.get::<_, Option<i64>>(8)?.map(Timestamp),
        done: count(row.get(9)?),
        total: row.get::<_, Option<i64>>(10)?.map(count),
        cursor: row.get(11)?,
        summary: row.get(12)?,
        resumed: count(row.get(13)?),
        log_dropped: count(row.get(14)?),
    }))
}

#[cfg(test)]
#[path = "jobs_tests.rs"]
mod tests;

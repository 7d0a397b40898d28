//! Jobs: long work that an administrator asked for. A job is kept in the database with how far it came, is done in steps,
//! and goes on after a crash where it was ([`zaiseki_store::JobWork`] says why nothing is done twice).
//!
//! A kind of job is one file here and one line in [`KINDS`]. [`crate::app::jobs`] is what administrators do with jobs, and
//! [`runner`] does them, one at a time, on the node that holds the role.

mod addresses;
mod im;
pub mod runner;

use crate::access::Right;
use crate::app::App;
use crate::error::Result;
use crate::text::Text;
use serde_json::Value;
use zaiseki_model::{JobId, Timestamp};
use zaiseki_store::{Job, JobProgress, JobStep, JobWork, Lease};

/// Every kind of job.
pub static KINDS: [&dyn Kind; 2] = [&im::SetIm, &addresses::SetScheme];

/// A kind of job.
pub trait Kind: Sync {
    /// `users.im`: a word for programs.
    fn name(&self) -> &'static str;

    /// What it is called where people read.
    fn title(&self) -> Text;

    /// What whoever asks for such a job must be allowed to do themselves.
    fn right(&self) -> Right;

    /// Checks the input, and gives it the form that is kept.
    ///
    /// # Errors
    /// `invalid`, naming the field.
    fn check(&self, app: &App, input: Value) -> Result<Checked>;

    /// Takes the work up, at the beginning or in the middle: where it stands is known at each step.
    ///
    /// # Errors
    /// The input is not what [`Kind::check`] made: another release has kept it.
    fn start(&self, input: &str) -> Result<Box<dyn Work>>;
}

/// An input in the form that is kept.
pub struct Checked {
    pub input: Value,
    /// How many things there are to do, if that is known.
    pub total: Option<u64>,
}

/// A job under way.
pub trait Work: Send {
    /// One step, a fraction of a second long: everything it changes goes through [`Turn::commit`], once. It blocks.
    ///
    /// # Errors
    /// The job has failed; only while the database takes no writes the step is tried again.
    fn step(&mut self, turn: &Turn) -> Result<Next>;
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    More,
    /// Finished, cancelled, or no longer this node's.
    Over,
}

/// A step's place in the world.
#[derive(Clone)]
pub struct Turn {
    pub app: App,
    lease: Lease,
    job: JobId,
}

impl Turn {
    /// Does the step's work in one transaction with its progress. `work` runs on the database's thread and must not wait
    /// for anything else.
    ///
    /// # Errors
    /// What `work` says, or the database; nothing is changed then.
    pub fn commit<R: Send + 'static>(
        &self,
        work: impl FnOnce(&JobWork<'_>, &Job) -> zaiseki_store::Result<(JobProgress, R)> + Send + 'static,
    ) -> Result<JobStep<R>> {
        let (lease, job) = (self.lease.clone(), self.job);
        Ok(self.app.store().call(move |db| db.job_step(&lease, job, Timestamp::now(), work))?)
    }
}

/// The kind of that name.
pub fn kind(name: &str) -> Option<&'static dyn Kind> {
    KINDS.iter().find(|kind| kind.name() == name).copied()
}

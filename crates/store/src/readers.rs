//! The reader threads: each has a connection of its own and sees every commit that came before its read.

use crate::database::Database;
use crate::error::{Result, StoreError};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Is called exactly once: with a connection, or with the reason why there is none.
pub(crate) type ReadJob = Box<dyn FnOnce(Result<&Database>) + Send>;

/// The queue in front of all readers.
#[derive(Default)]
pub(crate) struct ReadQueue {
    state: Mutex<QueueState>,
    work: Condvar,
}

#[derive(Default)]
struct QueueState {
    jobs: VecDeque<ReadJob>,
    closed: bool,
}

impl ReadQueue {
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn push(&self, job: ReadJob) {
        let mut state = self.lock();
        if state.closed {
            drop(state);
            return job(Err(StoreError::Closed));
        }
        state.jobs.push_back(job);
        self.work.notify_one();
    }

    /// Readers finish what is queued and end.
    pub fn close(&self) {
        self.lock().closed = true;
        self.work.notify_all();
    }

    /// The body of a reader thread.
    pub fn serve(&self, database: &Database) {
        while let Some(job) = self.next() {
            // A panic in somebody's callback must not cost us the thread.
            if catch_unwind(AssertUnwindSafe(|| job(Ok(database)))).is_err() {
                tracing::error!("a database read or its receiver panicked");
            }
        }
    }

    fn next(&self) -> Option<ReadJob> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

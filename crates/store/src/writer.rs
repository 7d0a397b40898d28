//! The writer thread: takes what is staged, commits it, reports it. Group commit happens by itself, since writes gather
//! while a commit is under way.

use crate::database::Database;
use crate::error::{Result, StoreError};
use crate::readers::{ReadJob, ReadQueue};
use crate::staging::Batch;
use crate::store::{Durable, Options, StoreCounts};
use crate::words::Write;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Pause before the second try of a refused batch; doubled up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Is called exactly once, like a [`ReadJob`].
pub(crate) type CallJob = Box<dyn FnOnce(Result<&mut Database>) + Send>;

/// What the handle, the writer and the readers have in common.
pub(crate) struct Shared {
    options: Options,
    state: Mutex<State>,
    work: Condvar,
    pub reads: ReadQueue,
}

#[derive(Default)]
struct State {
    staged: Batch,
    /// Bytes of the batch that is being committed.
    in_flight: usize,
    submitted: u64,
    durable: u64,
    /// Somebody waits: don't wait for the batch window.
    hurry: bool,
    calls: VecDeque<CallJob>,
    /// Reads that must see a number not yet on disk.
    waiting: Vec<(u64, ReadJob)>,
    /// Why the disk refuses, while it does.
    failing: Option<String>,
    closing: bool,
    closed: bool,
    counts: StoreCounts,
}

/// One round of the writer.
struct Work {
    batch: Batch,
    /// Everything up to this number is on disk once the batch is.
    upto: u64,
    calls: VecDeque<CallJob>,
}

impl Shared {
    pub fn new(options: Options) -> Shared {
        Shared { options, state: Mutex::default(), work: Condvar::new(), reads: ReadQueue::default() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn submit(&self, seq: u64, writes: Vec<Write>) {
        let mut state = self.lock();
        if state.closing {
            tracing::warn!(writes = writes.len(), "writes after the database was closed are dropped");
            return;
        }
        let before = state.staged.len();
        writes.into_iter().for_each(|write| state.staged.stage(write));
        state.submitted = state.submitted.max(seq);
        let first = state.staged.since.is_none();
        state.staged.since.get_or_insert_with(Instant::now);
        let full = self.options.batch_writes;
        if first || (before < full && state.staged.len() >= full) {
            self.work.notify_one();
        }
    }

    pub fn read(&self, min_seq: u64, job: ReadJob) {
        let mut state = self.lock();
        let needed = min_seq.min(state.submitted);
        if needed <= state.durable || state.closed {
            drop(state);
            return self.reads.push(job);
        }
        if let Some(text) = state.failing.clone() {
            drop(state);
            return (job.run)(Err(StoreError::Unavailable(text)));
        }
        state.waiting.push((needed, job));
        self.hurry(state);
    }

    pub fn query(&self, job: ReadJob) {
        let state = self.lock();
        let min_seq = if state.failing.is_some() { state.durable } else { state.submitted };
        drop(state);
        self.read(min_seq, job);
    }

    pub fn call(&self, job: CallJob) {
        let mut state = self.lock();
        if let Some(error) = state.refusal() {
            drop(state);
            return job(Err(error));
        }
        state.calls.push_back(job);
        self.hurry(state);
    }

    fn hurry(&self, mut state: MutexGuard<'_, State>) {
        state.hurry = true;
        drop(state);
        self.work.notify_one();
    }

    pub fn healthy(&self) -> bool {
        let state = self.lock();
        !state.closed && state.in_flight + state.staged.bytes() <= self.options.unwritten_bytes
    }

    pub fn counts(&self) -> StoreCounts {
        let state = self.lock();
        let waiting = state.waiting.len() as u64;
        let (writes, bytes) = (state.staged.len() as u64, (state.in_flight + state.staged.bytes()) as u64);
        let counts = StoreCounts { staged_writes: writes, unwritten_bytes: bytes, ..state.counts };
        drop(state);
        StoreCounts { reads_waiting: waiting + self.reads.waiting(), ..counts }
    }

    pub fn close(&self) {
        self.lock().closing = true;
        self.work.notify_one();
    }

    /// Waits for something to do; `None` when closing and nothing is left.
    fn next_work(&self) -> Option<Work> {
        let mut state = self.lock();
        loop {
            let staged_for = state.staged.since.map(|since| since.elapsed());
            let due = staged_for.is_some_and(|age| age >= self.options.batch_window);
            let full = state.staged.len() >= self.options.batch_writes;
            if due || full || state.hurry || (state.closing && staged_for.is_some()) {
                return Some(state.take());
            }
            if state.closing {
                return None;
            }
            state = match staged_for {
                Some(age) => {
                    let rest = self.options.batch_window.saturating_sub(age);
                    self.work.wait_timeout(state, rest).map_or_else(|e| e.into_inner().0, |(state, _)| state)
                }
                None => self.work.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// The batch is on disk: lets go whoever waited for it.
    fn succeeded(&self, upto: u64) {
        let mut state = self.lock();
        state.durable = state.durable.max(upto);
        state.in_flight = 0;
        if state.failing.take().is_some() {
            tracing::info!("the database takes writes again");
        }
        let durable = state.durable;
        let ready: Vec<_> = state.waiting.extract_if(.., |(needed, _)| *needed <= durable).collect();
        drop(state);
        ready.into_iter().for_each(|(_, job)| self.reads.push(job));
    }

    fn count_commit(&self, writes: usize, took: Duration) {
        let counts = &mut self.lock().counts;
        counts.commits_total += 1;
        counts.writes_total += writes as u64;
        counts.commit_time += took;
    }

    /// The disk refused: whoever waits is told. True when this is news.
    fn failed(&self, text: &str) -> bool {
        let mut state = self.lock();
        let news = state.failing.replace(text.to_owned()).is_none();
        state.hurry = false;
        let waiting = std::mem::take(&mut state.waiting);
        let calls = std::mem::take(&mut state.calls);
        drop(state);
        waiting.into_iter().for_each(|(_, job)| (job.run)(Err(StoreError::Unavailable(text.to_owned()))));
        calls.into_iter().for_each(|job| job(Err(StoreError::Unavailable(text.to_owned()))));
        news
    }

    /// Waits before the next try; false when the store is being closed.
    fn pause(&self, pause: Duration) -> bool {
        let deadline = Instant::now() + pause;
        let mut state = self.lock();
        while !state.closing {
            let rest = deadline.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return true;
            }
            state = self.work.wait_timeout(state, rest).map_or_else(|e| e.into_inner().0, |(state, _)| state);
        }
        false
    }

    /// The writer is gone: nothing is taken any more, and the readers end.
    fn end(&self) {
        let mut state = self.lock();
        state.closing = true;
        state.closed = true;
        let waiting = std::mem::take(&mut state.waiting);
        let calls = std::mem::take(&mut state.calls);
        drop(state);
        waiting.into_iter().for_each(|(_, job)| (job.run)(Err(StoreError::Closed)));
        calls.into_iter().for_each(|job| job(Err(StoreError::Closed)));
        self.reads.close();
    }
}

impl State {
    fn take(&mut self) -> Work {
        self.hurry = false;
        let batch = std::mem::take(&mut self.staged);
        self.in_flight = batch.bytes();
        Work { batch, upto: self.submitted, calls: std::mem::take(&mut self.calls) }
    }

    fn refusal(&self) -> Option<StoreError> {
        match &self.failing {
            _ if self.closing => Some(StoreError::Closed),
            Some(text) => Some(StoreError::Unavailable(text.clone())),
            None => None,
        }
    }
}

/// The thread that owns the writing connection.
pub(crate) struct Writer {
    database: Database,
    shared: std::sync::Arc<Shared>,
    on_durable: Box<dyn Fn(Durable) + Send>,
    reported: u64,
}

impl Writer {
    pub fn new(database: Database, shared: std::sync::Arc<Shared>, on_durable: Box<dyn Fn(Durable) + Send>) -> Writer {
        Writer { database, shared, on_durable, reported: 0 }
    }

    pub fn run(mut self) {
        while let Some(work) = self.shared.next_work() {
            let Work { batch, upto, mut calls } = work;
            if !self.write(&batch, &mut calls) {
                tracing::error!(writes = batch.len(), "closed while the disk refuses: these writes were never reported");
                break;
            }
            drop(batch);
            self.shared.succeeded(upto);
            if upto > self.reported {
                self.reported = upto;
                self.report(Durable::Upto(upto));
            }
            calls.into_iter().for_each(|call| self.call(call));
        }
    }

    /// Tries until the batch is on disk; false when the store was closed before. Calls behind a refused batch are
    /// refused too.
    fn write(&mut self, batch: &Batch, calls: &mut VecDeque<CallJob>) -> bool {
        let mut pause = FIRST_PAUSE;
        while batch.len() > 0 {
            let began = Instant::now();
            let Err(error) = self.database.commit_all(batch.writes()) else {
                self.shared.count_commit(batch.len(), began.elapsed());
                break;
            };
            let text = error.full_text();
            if self.shared.failed(&text) {
                tracing::error!(%text, "the database refuses writes; trying again until it takes them");
                self.report(Durable::Failed { text: text.clone() });
            }
            calls.drain(..).for_each(|call| call(Err(StoreError::Unavailable(text.clone()))));
            if !self.shared.pause(pause) {
                return self.database.commit_all(batch.writes()).is_ok();
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        true
    }

    fn call(&mut self, call: CallJob) {
        // A transaction open at a panic is rolled back by its guard.
        if catch_unwind(AssertUnwindSafe(|| call(Ok(&mut self.database)))).is_err() {
            tracing::error!("a control-plane function panicked on the database thread");
        }
    }

    fn report(&self, durable: Durable) {
        if catch_unwind(AssertUnwindSafe(|| (self.on_durable)(durable))).is_err() {
            tracing::error!("the receiver of durability reports panicked");
        }
    }
}

impl Drop for Writer {
    /// Also when the thread panics, so that nobody waits for ever.
    fn drop(&mut self) {
        self.shared.end();
    }
}

//! The reader threads: each has a connection of its own and sees every commit that came before its read.

use crate::database::Database;
use crate::error::{Result, StoreError};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

type ReadFn = Box<dyn FnOnce(Result<&Database>) + Send>;

/// One read.
pub(crate) struct ReadJob {
    /// Is called exactly once: with a connection, or with the reason why there is none.
    pub run: ReadFn,
    /// Walks over rows of which one user may have very many. Short reads go first, and one reader is kept for them, so
    /// that nobody's sign-in waits for somebody else's archive.
    pub long: bool,
}

/// The queue in front of all readers.
#[derive(Default)]
pub(crate) struct ReadQueue {
    state: Mutex<QueueState>,
    work: Condvar,
}

#[derive(Default)]
struct QueueState {
    short: VecDeque<ReadJob>,
    long: VecDeque<ReadJob>,
    /// Long reads under way.
    walking: usize,
    readers: usize,
    closed: bool,
}

impl QueueState {
    fn take(&mut self) -> Option<ReadJob> {
        let job = self.short.pop_front();
        if job.is_some() || self.walking >= self.readers.saturating_sub(1).max(1) {
            return job;
        }
        let job = self.long.pop_front();
        self.walking += usize::from(job.is_some());
        job
    }
}

impl ReadQueue {
    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn push(&self, job: ReadJob) {
        let mut state = self.lock();
        if state.closed {
            drop(state);
            return (job.run)(Err(StoreError::Closed));
        }
        let queue = if job.long { &mut state.long } else { &mut state.short };
        queue.push_back(job);
        self.work.notify_one();
    }

    /// Reads that no thread has taken up yet.
    pub fn waiting(&self) -> u64 {
        let state = self.lock();
        (state.short.len() + state.long.len()) as u64
    }

    /// Readers finish what is queued and end.
    pub fn close(&self) {
        self.lock().closed = true;
        self.work.notify_all();
    }

    /// The body of a reader thread.
    pub fn serve(&self, database: &Database) {
        self.work_off(|run| run(Ok(database)));
    }

    fn work_off(&self, read: impl Fn(ReadFn)) {
        self.lock().readers += 1;
        while let Some(job) = self.next() {
            // A panic in somebody's callback must not cost us the thread.
            if catch_unwind(AssertUnwindSafe(|| read(job.run))).is_err() {
                tracing::error!("a database read or its receiver panicked");
            }
            if job.long {
                self.lock().walking -= 1;
                self.work.notify_one();
            }
        }
    }

    fn next(&self) -> Option<ReadJob> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.take() {
                return Some(job);
            }
            if state.closed && state.long.is_empty() {
                return None;
            }
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn job(queue: &ReadQueue, long: bool, body: impl FnOnce() + Send + 'static) {
        queue.push(ReadJob { run: Box::new(move |_| body()), long });
    }

    /// A read that tells when it begins and ends when it may.
    fn held(queue: &ReadQueue, gate: Receiver<()>) -> Receiver<()> {
        let (begun, hear) = channel();
        job(queue, true, move || {
            let _ = begun.send(());
            let _ = gate.recv_timeout(PATIENCE);
        });
        hear
    }

    #[test]
    fn long_reads_leave_a_reader_for_short_ones_and_all_get_their_turn() {
        let queue = ReadQueue::default();
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| queue.work_off(|run| run(Err(StoreError::Closed))));
            }
            let (end_first, gate) = channel();
            let first = held(&queue, gate);
            first.recv_timeout(PATIENCE).expect("the first long read begins");
            let (end_second, gate) = channel();
            let second = held(&queue, gate);
            let (said, hear) = channel();
            job(&queue, false, move || {
                let _ = said.send(());
            });
            hear.recv_timeout(PATIENCE).expect("a short read passes");
            assert!(second.try_recv().is_err(), "the second long read waits for the first");
            drop(end_first);
            second.recv_timeout(PATIENCE).expect("its turn");
            drop(end_second);
            queue.close();
        });
    }
}

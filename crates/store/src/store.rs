//! The shared handle: stages writes for the writer thread, hands reads to the reader threads.

use crate::database::Database;
use crate::error::{Result, StoreError};
use crate::readers::ReadJob;
use crate::words::{Read, Reply, Write};
use crate::writer::{Shared, Writer};
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

/// The name of the database file in its directory.
const FILE: &str = "zaiseki.sqlite";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Reader threads, at least one.
    pub readers: usize,
    /// How long the first write of a batch waits for company.
    pub batch_window: Duration,
    /// So many staged writes are committed at once.
    pub batch_writes: usize,
    /// Bytes of writes that are not on disk yet; beyond it [`Store::healthy`] is false.
    pub unwritten_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options { readers: 2, batch_window: Duration::from_millis(2), batch_writes: 1_000, unwritten_bytes: 64 * 1024 * 1024 }
    }
}

/// What the writer reports, on its own thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Durable {
    /// Every submitted sequence number up to this one is on disk.
    Upto(u64),
    /// The disk refuses. Nothing is lost: the writer tries again until it works, which the next `Upto` tells. Reported
    /// once per outage.
    Failed { text: String },
}

/// What the database counts of its own work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreCounts {
    /// Since the start: group commits of staged writes, the writes in them, and the time they took.
    pub commits_total: u64,
    pub writes_total: u64,
    pub commit_time: Duration,
    /// Now: writes that wait for their commit, bytes not on disk yet, reads that wait for a thread or a commit.
    pub staged_writes: u64,
    pub unwritten_bytes: u64,
    pub reads_waiting: u64,
}

/// The database of a node. Cloning is cheap; when the last clone goes, everything is flushed.
#[derive(Clone)]
pub struct Store(Arc<Handle>);

struct Handle {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Store {
    /// Opens or makes the database in `dir`; names of users are those of `domain` (prepared, RFC 7622 §3.2). The caller guards
    /// `dir` against a second process.
    ///
    /// # Errors
    /// As [`Database::open`]; [`StoreError::Thread`] when a thread can't be started.
    pub fn open(dir: &Path, domain: &str, options: Options, on_durable: Box<dyn Fn(Durable) + Send>) -> Result<Store> {
        let path = dir.join(FILE);
        let database = Database::open(&path, domain)?;
        let readers = (0..options.readers.max(1)).map(|_| Database::open_read_only(&path, domain));
        let readers: Vec<Database> = readers.collect::<Result<_>>()?;
        let shared = Arc::new(Shared::new(options));
        let store = Store(Arc::new(Handle { shared: shared.clone(), threads: Mutex::new(Vec::new()) }));
        // First, since it is the writer that ends the readers.
        let writer = Writer::new(database, shared.clone(), on_durable);
        store.start("store-writer", move || writer.run())?;
        for reader in readers {
            let shared = shared.clone();
            store.start("store-reader", move || shared.reads.serve(&reader))?;
        }
        Ok(store)
    }

    fn start(&self, name: &str, body: impl FnOnce() + Send + 'static) -> Result<()> {
        let thread = Builder::new().name(name.to_owned()).spawn(body).map_err(StoreError::Thread)?;
        self.0.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    /// Stages writes; never waits for the disk. Sequence numbers start at 1 and grow from call to call. After [`Store::close`]
    /// nothing is taken any more, and nothing reported.
    pub fn submit(&self, seq: u64, writes: Vec<Write>) {
        self.0.shared.submit(seq, writes);
    }

    /// Asks on a reader thread. The answer holds all writes submitted with numbers up to `min_seq` (numbers never
    /// submitted don't count); the writer is hurried along when they are not on disk yet. While the disk refuses them,
    /// the answer is [`StoreError::Unavailable`].
    pub fn read(&self, min_seq: u64, read: Read, done: impl FnOnce(Result<Reply>) + Send + 'static) {
        let long =
            matches!(read, Read::Archive(_) | Read::Docs { .. } | Read::DocPage(_) | Read::DocKeys { .. } | Read::Search(_));
        let job = move |database: Result<&Database>| done(database.and_then(|database| database.read(&read)));
        self.0.shared.read(min_seq, ReadJob { run: Box::new(job), long });
    }

    /// Runs a function that only reads, on a reader thread; blocks the caller. It sees all that was submitted before,
    /// or, while the disk refuses, all that is on it.
    pub fn query<R: Send + 'static>(&self, f: impl FnOnce(&Database) -> Result<R> + Send + 'static) -> Result<R> {
        let (sender, receiver) = sync_channel(1);
        let job = move |database: Result<&Database>| drop(sender.send(database.and_then(f)));
        self.0.shared.query(ReadJob { run: Box::new(job), long: false });
        receiver.recv().unwrap_or(Err(StoreError::Closed))
    }

    /// Runs a control-plane function on the writer thread, after all writes submitted before; blocks the caller. Each
    /// function of [`Database`] is a transaction of its own.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] while the disk refuses writes.
    pub fn call<R: Send + 'static>(&self, f: impl FnOnce(&mut Database) -> Result<R> + Send + 'static) -> Result<R> {
        let (sender, receiver) = sync_channel(1);
        let job = move |database: Result<&mut Database>| drop(sender.send(database.and_then(f)));
        self.0.shared.call(Box::new(job));
        receiver.recv().unwrap_or(Err(StoreError::Closed))
    }

    /// Waits until everything submitted so far is on disk.
    pub fn flush(&self) -> Result<()> {
        self.call(|_| Ok(()))
    }

    /// False while more is waiting for the disk than [`Options::unwritten_bytes`]: take no new messages then. What is
    /// submitted all the same is still kept.
    pub fn healthy(&self) -> bool {
        self.0.shared.healthy()
    }

    pub fn counts(&self) -> StoreCounts {
        self.0.shared.counts()
    }

    /// Writes what is staged, answers what is asked, and ends the threads.
    pub fn close(&self) {
        self.0.close();
    }
}

impl Handle {
    fn close(&self) {
        self.shared.close();
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let me = std::thread::current().id();
        // The last handle may go in a callback on one of these threads, which then can't wait for the others.
        if threads.iter().any(|thread| thread.thread().id() == me) {
            return;
        }
        for thread in threads {
            if thread.join().is_err() {
                tracing::error!("a database thread panicked");
            }
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close();
    }
}

//! The database with a writer that takes its time, loses what is staged in a crash, and readers that wait for it.

use crate::fault::Fault;
use crate::text;
use std::collections::HashSet;
use zaiseki_model::Timestamp;
use zaiseki_router::engine::ReadRequest;
use zaiseki_store::{Audit, Batch, Database, NewUser, Reply, StoreError, Write};

/// What the writer is busy with.
struct Commit {
    writes: Vec<Write>,
    upto: u64,
}

pub struct Disk {
    pub database: Database,
    staged: Batch,
    submitted: u64,
    committing: Option<Commit>,
    committed: u64,
    waiting: Vec<ReadRequest>,
    /// Origin-ids of all messages that ever came to the disk.
    pub messages: HashSet<String>,
    fault: Fault,
    dropped: u32,
}

impl Disk {
    pub fn new(users: &[NewUser], fault: Fault) -> Result<Self, StoreError> {
        let mut database = Database::open_in_memory(text::DOMAIN)?;
        let audit = Audit { actor: "system".to_owned(), at: Timestamp::ZERO };
        for user in users {
            database.create_user(user, &audit)?;
        }
        Ok(Disk {
            database,
            staged: Batch::default(),
            submitted: 0,
            committing: None,
            committed: 0,
            waiting: Vec::new(),
            messages: HashSet::new(),
            fault,
            dropped: 0,
        })
    }

    pub fn submit(&mut self, seq: u64, writes: Vec<Write>) {
        for write in writes {
            if !self.loses(&write) {
                self.staged.stage(write);
            }
        }
        self.submitted = self.submitted.max(seq);
    }

    /// The broken disk of a mutation check.
    fn loses(&mut self, write: &Write) -> bool {
        if self.fault != Fault::DropWrite || !matches!(write, Write::Message(_)) {
            return false;
        }
        self.dropped += 1;
        self.dropped.is_multiple_of(5)
    }

    /// Begins a commit when there is something to write and none is under way. True: it will be done by and by.
    pub fn begin(&mut self) -> bool {
        if self.committing.is_some() || self.submitted == self.committed {
            return false;
        }
        let batch = std::mem::take(&mut self.staged);
        self.committing = Some(Commit { writes: batch.writes().cloned().collect(), upto: self.submitted });
        true
    }

    /// The commit under way comes to the disk: the number it reaches.
    pub fn finish(&mut self) -> Result<Option<u64>, StoreError> {
        let Some(commit) = self.committing.take() else { return Ok(None) };
        self.database.commit(&commit.writes)?;
        for write in &commit.writes {
            if let Write::Message(message) = write {
                self.messages.extend(crate::text::origin_id(&message.stanza));
            }
        }
        self.committed = commit.upto;
        Ok(Some(commit.upto))
    }

    pub fn idle(&self) -> bool {
        self.committing.is_none() && self.submitted == self.committed && self.waiting.is_empty()
    }

    pub fn read(&mut self, request: ReadRequest) {
        self.waiting.push(request);
    }

    /// The reads whose writes are on disk, with the answers of this moment.
    pub fn answer_reads(&mut self) -> Vec<(u64, Result<Reply, StoreError>)> {
        let committed = self.committed;
        let ready = self.waiting.extract_if(.., |read| read.min_seq <= committed);
        let ready: Vec<ReadRequest> = ready.collect();
        ready.into_iter().map(|request| (request.token, self.database.read(&request.read))).collect()
    }

    /// The process is gone: with it what was staged, and, unless `torn` says that it came through, the commit under way.
    pub fn crash(&mut self, came_through: bool) -> Result<(), StoreError> {
        if came_through {
            self.finish()?;
        }
        self.committing = None;
        self.staged = Batch::default();
        self.waiting.clear();
        (self.submitted, self.committed) = (0, 0);
        Ok(())
    }
}

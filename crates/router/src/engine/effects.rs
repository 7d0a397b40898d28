//! What the engine wants from the world: database writes and reads, and wake-ups. The shell (or the simulator) takes
//! them after every call and reports completions.

use super::{Engine, HomeIx};
use crate::outlet::Outlet;
use std::collections::HashMap;
use std::sync::Arc;
use zaiseki_model::{Timestamp, UserId};
use zaiseki_store::{Read, Reply, StoreError, Write};

/// What to do with the answer to a read. Runs inside the engine.
pub type Continuation = Box<dyn FnOnce(&mut Engine, Result<Reply, StoreError>) + Send>;

/// What to do once some write is on disk. Runs inside the engine.
pub type Committed = Box<dyn FnOnce(&mut Engine) + Send>;

/// A read the world shall carry out after every write up to `min_seq` is visible.
#[derive(Debug)]
pub struct ReadRequest {
    pub token: u64,
    pub min_seq: u64,
    pub read: Read,
}

/// What to do once a choice is kept, or is not. Runs inside the engine.
pub type Chosen = Box<dyn FnOnce(&mut Engine, bool) + Send>;

/// A user has decided whether the calendar may speak for them: the control plane keeps it, and reports by
/// [`Engine::choice_done`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CalendarChoice {
    pub token: u64,
    pub user: UserId,
    /// The localpart.
    pub name: String,
    pub calendar: bool,
}

/// Collected during one call into the engine.
#[derive(Default)]
pub struct Effects {
    /// Changes to make durable, in one piece, under [`Effects::seq`].
    pub writes: Vec<Write>,
    /// The sequence number of `writes`.
    pub seq: u64,
    pub reads: Vec<ReadRequest>,
    pub wakes: Vec<Arc<dyn Outlet>>,
    pub choices: Vec<CalendarChoice>,
}

/// Bookkeeping of what is under way.
#[derive(Default)]
pub(super) struct Pending {
    /// Sequence number of the newest write handed out (or being collected).
    pub seq: u64,
    /// Everything up to here is on disk.
    pub durable: u64,
    next_token: u64,
    reads: HashMap<u64, Continuation>,
    commits: Vec<(u64, Committed)>,
    choices: HashMap<u64, Chosen>,
}

impl Engine {
    /// Adds a change to the current batch.
    pub(crate) fn write(&mut self, write: Write) {
        self.effects.writes.push(write);
    }

    /// Whether this call changed anything that must become durable.
    pub(super) fn has_writes(&self) -> bool {
        !self.effects.writes.is_empty()
    }

    pub(super) fn durable_seq(&self) -> u64 {
        self.pending.durable
    }

    /// The sequence number the changes of this call will carry.
    pub(crate) fn write_seq(&self) -> u64 {
        if self.effects.writes.is_empty() { self.pending.seq } else { self.pending.seq + 1 }
    }

    /// Starts a read; `then` runs with its answer.
    pub(crate) fn read(&mut self, read: Read, then: impl FnOnce(&mut Engine, Result<Reply, StoreError>) + Send + 'static) {
        let token = self.pending.next_token;
        self.pending.next_token += 1;
        let min_seq = self.write_seq();
        self.pending.reads.insert(token, Box::new(then));
        self.effects.reads.push(ReadRequest { token, min_seq, read });
    }

    /// Hands a user's choice to the control plane; `then` learns whether it is kept.
    pub(crate) fn choose_calendar(
        &mut self,
        user: UserId,
        home: HomeIx,
        calendar: bool,
        then: impl FnOnce(&mut Engine, bool) + Send + 'static,
    ) {
        let token = self.pending.next_token;
        self.pending.next_token += 1;
        self.pending.choices.insert(token, Box::new(then));
        let name = self.homes[home].name.to_string();
        self.effects.choices.push(CalendarChoice { token, user, name, calendar });
    }

    /// The control plane has kept a [`CalendarChoice`], or could not.
    pub fn choice_done(&mut self, now: Timestamp, token: u64, kept: bool) {
        self.now = now;
        if let Some(then) = self.pending.choices.remove(&token) {
            then(self, kept);
        }
    }

    /// Runs `then` when everything written so far is on disk.
    pub(crate) fn when_durable(&mut self, then: impl FnOnce(&mut Engine) + Send + 'static) {
        let seq = self.write_seq();
        if seq <= self.pending.durable {
            then(self);
        } else {
            self.pending.commits.push((seq, Box::new(then)));
        }
    }

    /// Takes what the world has to do now.
    pub fn take_effects(&mut self) -> Effects {
        let mut effects = std::mem::take(&mut self.effects);
        if !effects.writes.is_empty() {
            self.pending.seq += 1;
        }
        effects.seq = self.pending.seq;
        effects
    }

    pub(super) fn finish_read(&mut self, token: u64, reply: Result<Reply, StoreError>) {
        if let Some(then) = self.pending.reads.remove(&token) {
            then(self, reply);
        }
    }

    pub(super) fn finish_writes(&mut self, upto: u64) {
        self.pending.durable = self.pending.durable.max(upto);
        let (done, waiting): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.pending.commits).into_iter().partition(|(seq, _)| *seq <= upto);
        self.pending.commits = waiting;
        for (_, then) in done {
            then(self);
        }
    }
}

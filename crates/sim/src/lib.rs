//! One whole node in one thread, driven by a seed, and a checker of its promises.
//!
//! [`run`] makes a [`World`]: the engine of `zaiseki-router`, a database in memory behind a writer that takes its time,
//! and clients that chat, come and go. Dice decide the order and delay of everything; connections are cut, the server
//! is killed and started again. Then the trouble ends, everything comes to rest, and the checker compares what clients
//! were promised with what they got ([`Promise`]). The same seed gives the same run.

mod check;
mod client;
mod dice;
mod disk;
mod fault;
mod life;
mod log;
mod pipe;
mod plan;
mod text;
mod world;

pub use fault::Fault;
pub use log::{Promise, Violation};
pub use world::World;

use check::Meeting;
use std::collections::BTreeMap;
use std::time::Duration;
use zaiseki_model::Timestamp;
use zaiseki_store::StoreError;

/// What became of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    pub messages: usize,
    pub deliveries: usize,
    pub steps: u64,
    pub crashes: u32,
    /// Equal for equal runs.
    pub digest: u64,
    pub violations: Vec<Violation>,
}

/// How long, after the trouble, everything may take to come to rest.
const PATIENCE: Duration = Duration::from_secs(300);

/// Runs one seed.
///
/// # Errors
/// The database failed; that is never part of the game.
pub fn run(seed: u64, fault: Fault) -> Result<Summary, StoreError> {
    watch(seed, fault, false)
}

/// [`run`], with a line on the standard output for everything that is said.
///
/// # Errors
/// As [`run`].
pub fn watch(seed: u64, fault: Fault, trace: bool) -> Result<Summary, StoreError> {
    let mut world = World::new(seed, fault)?;
    world.trace = trace;
    let end = world.now + world.plan.work;
    world.run_until(end)?;
    world.finale()?;
    Ok(Summary {
        messages: world.log.messages.len(),
        deliveries: world.log.receipts,
        steps: world.steps,
        crashes: world.epoch,
        digest: world.log.digest,
        violations: world.log.violations,
    })
}

impl World {
    fn finale(&mut self) -> Result<(), StoreError> {
        self.healing = true;
        // Streams that nobody resumes end meanwhile.
        let earliest = self.now + self.plan.resume_time + Duration::from_secs(5);
        self.run_until(earliest)?;
        if !self.rest()? {
            return Ok(());
        }
        self.meetings()?;
        self.check_subscriptions()?;
        for user in 0..self.plan.users {
            let mut out = Vec::new();
            let reader = self.plan.first_client(user);
            self.clients[reader].read_archive(None, &mut out);
            if let Some(conn) = self.clients[reader].conn {
                self.send_up(conn, out);
            }
        }
        self.wait(World::archives_read)?;
        self.check_messages();
        Ok(())
    }

    fn rest(&mut self) -> Result<bool, StoreError> {
        self.wait(World::at_rest)
    }

    /// Runs until `done` holds; a violation when it never does.
    fn wait(&mut self, done: impl Fn(&World) -> bool) -> Result<bool, StoreError> {
        let deadline = self.now + PATIENCE;
        while !done(self) {
            if !self.step(deadline)? {
                let open: Vec<String> =
                    self.clients.iter().filter(|c| !c.quiet()).map(|c| format!("{} {:?}", c.address(), c.phase)).collect();
                self.log.broken(Promise::Rest, self.now, format!("no end in sight; open: {open:?}"));
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Everybody says once more how they are; then some have a meeting.
    fn meetings(&mut self) -> Result<(), StoreError> {
        let meeting = Meeting { start: self.now + Duration::from_secs(8), end: self.now + Duration::from_secs(16) };
        let mut meetings = BTreeMap::new();
        for user in 0..self.plan.users {
            if self.dice.chance(50) {
                meetings.insert(user, meeting);
                self.set_meeting(user, meeting.start, meeting.end);
            } else {
                self.set_no_meeting(user);
            }
        }
        for client in 0..self.clients.len() {
            if self.clients[client].priority == 1 && self.plan.first_client(self.clients[client].user) == client {
                self.say_presence(client, "away");
            } else {
                self.change_presence(client);
            }
        }
        self.shown.clear();
        let moment_before = |t: Timestamp| Timestamp(t.0 - 1);
        for moment in [moment_before(meeting.start), moment_before(meeting.end), meeting.end + Duration::from_secs(8)] {
            self.run_until(moment)?;
            self.check_presence(&meetings)?;
        }
        self.check_meetings(&meetings);
        Ok(())
    }
}

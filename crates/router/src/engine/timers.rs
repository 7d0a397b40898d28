//! Deadlines of the engine: when a cut stream expires, when a meeting ends, when an idle home is put away.

use super::{Engine, SessionId};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use zaiseki_model::Timestamp;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Timer {
    /// A cut stream can't be resumed any more (XEP-0198 §5).
    ResumeExpires(SessionId),
    /// The user's calendar says something else from now on.
    Calendar(Arc<str>),
    /// Homes nobody used lately are put away.
    PutAway,
}

#[derive(Default)]
pub(crate) struct Timers {
    heap: BinaryHeap<Reverse<(Timestamp, Timer)>>,
    put_away_armed: bool,
}

impl Timers {
    pub fn set(&mut self, at: Timestamp, timer: Timer) {
        self.heap.push(Reverse((at, timer)));
    }

    /// One [`Timer::PutAway`] at a time.
    pub fn arm_put_away(&mut self, at: Timestamp) {
        if !std::mem::replace(&mut self.put_away_armed, true) {
            self.set(at, Timer::PutAway);
        }
    }

    fn due(&mut self, now: Timestamp) -> Option<Timer> {
        let Reverse((at, _)) = self.heap.peek()?;
        if *at > now {
            return None;
        }
        self.heap.pop().map(|Reverse((_, timer))| timer)
    }
}

impl Engine {
    /// When [`Engine::timeout`] wants to be called next.
    pub fn next_timeout(&self) -> Option<Timestamp> {
        self.timers.heap.peek().map(|Reverse((at, _))| *at)
    }

    /// Runs what is due. A timer that was overtaken by events finds nothing to do.
    pub fn timeout(&mut self, now: Timestamp) {
        self.now = now;
        while let Some(timer) = self.timers.due(now) {
            match timer {
                Timer::ResumeExpires(session) => self.resume_expired(session),
                Timer::Calendar(name) => self.calendar_due(&name),
                Timer::PutAway => {
                    self.timers.put_away_armed = false;
                    self.put_away_idle_homes();
                }
            }
        }
    }
}

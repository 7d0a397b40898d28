//! What the engine counts: plain integers beside the work, read once a second.

use super::Engine;
use zaiseki_model::vitals::NodeCounts;

/// Counted since the start, but for the last two, which say what is now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    pub messages: u64,
    pub presences: u64,
    pub iqs: u64,
    pub kept: u64,
    pub available_sessions: u64,
    pub people_online: u64,
}

impl Engine {
    /// The engine's share of the counts; what connections count is 0.
    pub fn counts(&self) -> NodeCounts {
        let Counters { messages, presences, iqs, kept, available_sessions, people_online } = self.counters;
        NodeCounts {
            messages_total: messages,
            presences_total: presences,
            iqs_total: iqs,
            kept_total: kept,
            sessions: self.sessions.len() as u64,
            available_sessions,
            people_online,
            homes: self.homes.len() as u64,
            ..NodeCounts::default()
        }
    }
}

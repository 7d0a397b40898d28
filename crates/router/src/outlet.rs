//! Where a session's bytes go. A connection's outbox implements it, and so does the simulator.

use zaiseki_model::MessageId;
use zaiseki_xmpp::stanza::StreamErrorCondition;

/// Why the server ends a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Close {
    /// A stream error; the condition and a text for people.
    Error(StreamErrorCondition, String),
    /// XEP-0198 §8: the client acknowledged more than it was sent.
    HandledCountTooHigh { h: u32, sent: u32 },
    /// The session moved to another connection (XEP-0198 §5): this one ends without touching the session.
    Replaced,
}

/// The write half of one connection, as the engine sees it. Never blocks.
pub trait Outlet: Send + Sync {
    /// Queues one complete stanza or nonza, given in parts. `kept` names a message to report through
    /// [`crate::engine::Engine::written`] once its bytes left. True: the reader of the outlet must be woken.
    fn push(&self, parts: &[&[u8]], kept: Option<MessageId>) -> bool;

    /// Asks the client for an acknowledgement behind what is queued (XEP-0198 `<r/>`), once per flush.
    fn request_ack(&self);

    /// Ends the stream after what is queued. True as in [`Outlet::push`].
    fn close(&self, why: Close) -> bool;

    /// The connection ended before a session was bound to it: none shall be.
    fn abandoned(&self) -> bool {
        false
    }

    /// Wakes the task that writes.
    fn wake(&self);
}

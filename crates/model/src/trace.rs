//! A trace of one user's stanzas for support: words that the data plane fills and the control plane shows.

use crate::time::Timestamp;

/// As the user's client sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The client sent it.
    Sent,
    /// The client gets it.
    Received,
}

/// One stanza, without what people wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TracedStanza {
    pub at: Timestamp,
    pub direction: Direction,
    /// The session's resource.
    pub resource: String,
    /// XML, redacted.
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceEnd {
    /// Its time is up.
    Time,
    /// It has as many stanzas or bytes as it may have.
    Full,
    /// Somebody stopped it.
    Stopped,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// The localpart of the user's address.
    pub user: String,
    pub since: Timestamp,
    /// It ends then at the latest.
    pub until: Timestamp,
    pub ended: Option<(Timestamp, TraceEnd)>,
    pub stanzas: Vec<TracedStanza>,
}

/// The data plane's side, joined to the control plane by the binary.
pub trait Tracer: Send + Sync {
    /// Begins anew for that localpart. False when as many run as may run.
    fn start(&self, user: &str, until: Timestamp) -> bool;
    /// False when none runs.
    fn stop(&self, user: &str) -> bool;
    /// Those that run, and those that ended lately.
    fn traces(&self) -> Vec<Trace>;
}

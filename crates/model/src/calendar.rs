//! What a calendar says about someone's time. Never a subject, place or participant.

use crate::time::Timestamp;

/// Outlook's `LegacyFreeBusyStatus`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub enum BusyKind {
    Free,
    Tentative,
    Busy,
    OutOfOffice,
    WorkingElsewhere,
    /// The server could not tell: no change of presence.
    NoData,
}

/// Half-open: `start <= t < end`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct BusyInterval {
    pub start: Timestamp,
    pub end: Timestamp,
    pub kind: BusyKind,
}

//! Presence facts: one source's claim about a user, with its source and expiry.

use crate::calendar::BusyInterval;
use crate::ids::{GatewayId, UserId};
use crate::time::Timestamp;

/// Where a fact comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum FactSource {
    Gateway(GatewayId),
}

/// Handed from the control plane to the data plane over a bounded channel.
///
/// The newest fact of a user replaces the older one as a whole. `intervals` holds the busy times that matter (`Busy`,
/// `OutOfOffice`; others per settings are already mapped or left out), ordered by start; entries stay apart and may overlap;
/// the engine sets its timers by them. `valid_until`: past this time the fact counts for nothing (the gateway was down for too long).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PresenceFact {
    pub user: UserId,
    /// The localpart of the user's address.
    pub name: String,
    /// `None`: the user is no longer served by a gateway.
    pub source: Option<FactSource>,
    pub intervals: Vec<BusyInterval>,
    pub valid_until: Timestamp,
}

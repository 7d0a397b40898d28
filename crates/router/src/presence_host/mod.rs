//! Presence at the home of a user (RFC 6121 §3, §4): own availability, subscriptions, probes, directed presence, and
//! what the calendar makes of it.

pub(crate) mod calendar;
mod csi;
mod directed;
mod own;
mod probe;
mod sight;
mod subscription;

pub use subscription::SubscriptionStanza;

use crate::engine::{Engine, HomeIx, SessionId};
use zaiseki_model::Envelope;
use zaiseki_xmpp::stanza::PresenceType;

impl Engine {
    /// A presence stanza from a session.
    pub(crate) fn presence(&mut self, id: SessionId, envelope: Envelope) {
        let type_ = PresenceType::parse(envelope.type_.as_deref());
        match (type_, envelope.to.is_some()) {
            (Some(PresenceType::Available), false) => self.own_available(id, envelope),
            (Some(PresenceType::Unavailable), false) => self.own_unavailable(id, Some(&envelope)),
            (Some(t), true) if SubscriptionStanza::from_type(t).is_some() => self.subscription_from(id, t, envelope),
            (Some(PresenceType::Probe), true) => self.probe_from(id, &envelope),
            (Some(PresenceType::Error), _) => self.presence_error(id, &envelope),
            (_, true) => self.directed(id, envelope),
            // RFC 6121 §3: a subscription request without an address means nothing.
            (_, false) => self.reply_condition(id, &envelope, zaiseki_xmpp::stanza::Condition::BadRequest),
        }
    }

    /// Whether the user at `watcher` may see the presence of `home`: itself, or a subscriber.
    pub(crate) fn may_see_presence(&self, home: HomeIx, watcher: HomeIx) -> bool {
        if home == watcher {
            return true;
        }
        let watcher = &self.homes[watcher].bare;
        self.data(home).and_then(|d| d.roster.get(watcher)).is_some_and(|item| item.subscription.from())
    }
}

//! Personal eventing (XEP-0163) on publish-subscribe (XEP-0060), the rules only: how a node is configured, who may read
//! it, which items leave it, what its subscribers are told. Whoever stores the items sends the notifications.

mod config;
mod event;

pub use config::{AccessModel, MaxItems, NodeConfig, SendLast};
pub use event::{event_configuration, event_delete, event_items, event_purge, event_retract};

use zaiseki_model::limits;
use zaiseki_xmpp::Element;
use zaiseki_xmpp::ns::PUBSUB_ERRORS;
use zaiseki_xmpp::stanza::{Condition, StanzaError};

/// Who asks for a node's items or would be notified, as the owner's contact list knows them.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reader<'a> {
    /// The account itself.
    pub owner: bool,
    /// The owner lets them see their presence: subscription `from` or `both`.
    pub subscribed_from: bool,
    /// The groups they are in.
    pub groups: &'a [String],
}

impl NodeConfig {
    /// Whether `reader` may retrieve items.
    ///
    /// # Errors
    /// The error of XEP-0060 §6.5.9 that belongs to the access model. Nobody but the owner is ever on a whitelist or
    /// approved by hand: lists of affiliations are not kept.
    pub fn may_read(&self, reader: &Reader<'_>) -> Result<(), StanzaError> {
        if reader.owner {
            return Ok(());
        }
        let allowed = match self.access {
            AccessModel::Open => true,
            AccessModel::Presence => reader.subscribed_from,
            AccessModel::Roster => reader.groups.iter().any(|group| self.roster_groups.contains(group)),
            AccessModel::Authorize | AccessModel::Whitelist => false,
        };
        if allowed { Ok(()) } else { Err(self.access.refusal()) }
    }

    /// Whether `reader`, who said `+notify` for this node, is told of events.
    pub fn notifies(&self, reader: &Reader<'_>) -> bool {
        self.deliver_notifications && self.may_read(reader).is_ok()
    }

    /// How many items the node holds at most; 1 when items are not persisted, since the last one is still sent to
    /// resources that come online.
    pub fn capacity(&self) -> usize {
        match self.max_items {
            _ if !self.persist_items => 1,
            MaxItems::Max => limits::PEP_ITEMS,
            MaxItems::Count(count) => (count as usize).min(limits::PEP_ITEMS),
        }
    }

    /// The items that leave the node, oldest first, when `publishing` enters it. `stored`: ids, the oldest first; an
    /// item published again counts as new.
    pub fn evicted<'a>(&self, stored: impl IntoIterator<Item = &'a str>, publishing: &str) -> Vec<&'a str> {
        let mut others: Vec<&str> = stored.into_iter().filter(|id| *id != publishing).collect();
        others.truncate((others.len() + 1).saturating_sub(self.capacity()));
        others
    }
}

impl AccessModel {
    fn refusal(self) -> StanzaError {
        let (condition, reason) = match self {
            AccessModel::Presence | AccessModel::Open => (Condition::NotAuthorized, "presence-subscription-required"),
            AccessModel::Roster => (Condition::NotAuthorized, "not-in-roster-group"),
            AccessModel::Authorize => (Condition::NotAuthorized, "not-subscribed"),
            AccessModel::Whitelist => (Condition::NotAllowed, "closed-node"),
        };
        pubsub_error(condition, reason)
    }
}

/// A stanza error with a condition of XEP-0060's own.
pub fn pubsub_error(condition: Condition, reason: &str) -> StanzaError {
    StanzaError::new(condition).with_app(Element::new(reason, PUBSUB_ERRORS))
}

#[cfg(test)]
mod tests;

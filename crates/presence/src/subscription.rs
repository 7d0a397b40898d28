//! Presence subscriptions: the state tables of RFC 6121 §3 and appendix A as pure functions of one contact list item.
//!
//! The nine states of appendix A.1 are combinations of four facts: `to`, `from`, pending out (`ask`) and pending in.
//! "None + Pending In" may live in an item that clients do not see ([`RosterItem::visible`]).
//!
//! All nine rows of each of the eight tables (appendix A.2.1 to A.2.4, A.3.1 to A.3.4: the RFC's tables 2 to 9) and their
//! notes were compared with the RFC's text; `subscription/tests.rs` repeats the tables row by row. Where a table says
//! SHOULD NOT, the stanza is not routed or delivered; where a note says SHOULD auto-reply, it is answered. The MAY of
//! A.3.1 note [1] (pre-approval) is taken.

use bytes::Bytes;
use zaiseki_model::{RosterItem, Subscription};
use zaiseki_xmpp::jid::BareJid;
use zaiseki_xmpp::stanza::PresenceType;

/// The four stanzas that manage subscriptions.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum SubscriptionStanza {
    Subscribe,
    Subscribed,
    Unsubscribe,
    Unsubscribed,
}

impl SubscriptionStanza {
    /// `None` for presence types that have nothing to do with subscriptions.
    pub fn from_type(type_: PresenceType) -> Option<Self> {
        match type_ {
            PresenceType::Subscribe => Some(Self::Subscribe),
            PresenceType::Subscribed => Some(Self::Subscribed),
            PresenceType::Unsubscribe => Some(Self::Unsubscribe),
            PresenceType::Unsubscribed => Some(Self::Unsubscribed),
            PresenceType::Available | PresenceType::Error | PresenceType::Probe | PresenceType::Unavailable => None,
        }
    }

    /// The value of the `type` attribute.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Subscribe => "subscribe",
            Self::Subscribed => "subscribed",
            Self::Unsubscribe => "unsubscribe",
            Self::Unsubscribed => "unsubscribed",
        }
    }
}

/// What becomes of the item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    Keep,
    Put(RosterItem),
    /// It was hidden and nothing is left to remember.
    Remove,
}

/// Presence the other side gets because of the change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PresenceToSend {
    None,
    /// The presence of each available resource.
    Current,
    /// `unavailable` from each available resource.
    Unavailable,
}

/// What to do about one subscription stanza.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// Outbound: route the stanza to the contact. Inbound: deliver it to the user's interested resources.
    pub route: bool,
    pub new: Change,
    /// Clients see another item than before: push it (RFC 6121 §2.1.6). With [`Change::Remove`] always false.
    pub push: bool,
    /// Inbound only: answer in the user's name, after the presence when that is [`PresenceToSend::Unavailable`] (§3.2.2),
    /// before it otherwise.
    pub reply: Option<SubscriptionStanza>,
    pub send_presence: PresenceToSend,
}

/// The user sends `stanza` to `contact`; `item` is the user's item of that contact (RFC 6121 appendix A.2, §3.4).
pub fn outbound(contact: &BareJid, item: Option<&RosterItem>, stanza: SubscriptionStanza) -> Outcome {
    let mut new = Draft::of(contact, item);
    let was_from = new.from;
    let route = match stanza {
        SubscriptionStanza::Subscribe => {
            new.item.ask |= !new.to;
            new.item.visible = true;
            true
        }
        SubscriptionStanza::Unsubscribe => {
            new.to = false;
            new.item.ask = false;
            true
        }
        SubscriptionStanza::Subscribed if new.item.pending_in.take().is_some() => {
            new.from = true;
            new.item.visible = true;
            true
        }
        SubscriptionStanza::Subscribed => {
            // Nobody asked yet: a pre-approval, which the contact does not learn of (§3.4.2).
            new.item.approved |= !new.from;
            new.item.visible |= !new.from;
            false
        }
        SubscriptionStanza::Unsubscribed => {
            let asked = new.item.pending_in.take().is_some();
            new.from = false;
            new.item.approved = false;
            was_from || asked
        }
    };
    new.outcome(item, route, None)
}

/// The contact sends `stanza` to the user; `item` is the user's item of that contact (RFC 6121 appendix A.3, §3.4).
///
/// `payload`: children of the stanza, kept with a request until it is answered. `auto_authorize`: view without
/// approval. A request that is granted without asking the user, by that setting or by pre-approval, is answered in the
/// user's name and not delivered (§3.1.3). A pre-approval stands until the user takes it back by `unsubscribed`. An
/// `unsubscribe` that changes anything is answered too (appendix A.3.2, note [1]).
pub fn inbound(
    contact: &BareJid,
    item: Option<&RosterItem>,
    stanza: SubscriptionStanza,
    payload: Bytes,
    auto_authorize: bool,
) -> Outcome {
    let mut new = Draft::of(contact, item);
    let mut reply = None;
    let deliver = match stanza {
        SubscriptionStanza::Subscribe if new.from || new.item.approved || auto_authorize => {
            new.from = true;
            new.item.pending_in = None;
            new.item.visible = true;
            reply = Some(SubscriptionStanza::Subscribed);
            false
        }
        SubscriptionStanza::Subscribe => {
            let first = new.item.pending_in.is_none();
            new.item.pending_in.get_or_insert(payload);
            first
        }
        SubscriptionStanza::Unsubscribe => {
            let asked = new.item.pending_in.take().is_some();
            let changed = std::mem::take(&mut new.from) || asked;
            reply = changed.then_some(SubscriptionStanza::Unsubscribed);
            changed
        }
        SubscriptionStanza::Subscribed => {
            let asked = std::mem::take(&mut new.item.ask);
            new.to |= asked;
            asked
        }
        SubscriptionStanza::Unsubscribed => {
            let asked = std::mem::take(&mut new.item.ask);
            std::mem::take(&mut new.to) || asked
        }
    };
    new.outcome(item, deliver, reply)
}

/// What removing `item` from the contact list says to the contact, in this order (RFC 6121 §2.5.1): `unsubscribe` when
/// the user sees the contact or asked to, `unsubscribed` when the contact sees the user or asked to.
pub fn removal(item: &RosterItem) -> impl Iterator<Item = SubscriptionStanza> + use<> {
    let unsubscribe = item.subscription.to() || item.ask;
    let unsubscribed = item.subscription.from() || item.pending_in.is_some();
    let first = unsubscribe.then_some(SubscriptionStanza::Unsubscribe);
    first.into_iter().chain(unsubscribed.then_some(SubscriptionStanza::Unsubscribed))
}

/// What is left of an item whose contact is gone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Departure {
    pub new: Change,
    /// As in [`Outcome::push`].
    pub push: bool,
    /// What the user's interested resources are told in the contact's name, in this order.
    pub told: Vec<SubscriptionStanza>,
}

/// The account of the contact was removed: both directions, requests and the pre-approval end, so that nobody who gets
/// the address later inherits them. A visible item stays, with the name and the groups that the user gave it.
pub fn departure(item: &RosterItem) -> Departure {
    let unsubscribe = item.subscription.from() || item.pending_in.is_some();
    let unsubscribed = item.subscription.to() || item.ask;
    let bare = RosterItem { subscription: Subscription::None, ask: false, pending_in: None, approved: false, ..item.clone() };
    let draft = Draft { item: bare, to: false, from: false };
    let outcome = draft.outcome(Some(item), false, None);
    let told = [unsubscribe.then_some(SubscriptionStanza::Unsubscribe), unsubscribed.then_some(SubscriptionStanza::Unsubscribed)];
    Departure { new: outcome.new, push: outcome.push, told: told.into_iter().flatten().collect() }
}

/// The item being changed, its subscription taken apart.
struct Draft {
    item: RosterItem,
    to: bool,
    from: bool,
}

impl Draft {
    fn of(contact: &BareJid, item: Option<&RosterItem>) -> Self {
        let hidden = || RosterItem { visible: false, ..RosterItem::new(contact.clone()) };
        let item = item.cloned().unwrap_or_else(hidden);
        Draft { to: item.subscription.to(), from: item.subscription.from(), item }
    }

    fn outcome(mut self, old: Option<&RosterItem>, route: bool, reply: Option<SubscriptionStanza>) -> Outcome {
        self.item.subscription = Subscription::new(self.to, self.from);
        let had_from = old.is_some_and(|o| o.subscription.from());
        let send_presence = match (had_from, self.from) {
            (false, true) => PresenceToSend::Current,
            (true, false) => PresenceToSend::Unavailable,
            // Who asks again has lost what it knew, so it gets the presence again.
            _ if reply == Some(SubscriptionStanza::Subscribed) => PresenceToSend::Current,
            _ => PresenceToSend::None,
        };
        let push = self.item.visible && old.is_none_or(|old| seen(old) != seen(&self.item));
        Outcome { route, new: self.change(old), push, reply, send_presence }
    }

    fn change(self, old: Option<&RosterItem>) -> Change {
        let empty = !self.item.visible && self.item.pending_in.is_none();
        match old {
            None if empty => Change::Keep,
            Some(_) if empty => Change::Remove,
            Some(old) if *old == self.item => Change::Keep,
            _ => Change::Put(self.item),
        }
    }
}

/// What a client sees of an item that these rules can change.
fn seen(item: &RosterItem) -> (bool, Subscription, bool, bool) {
    (item.visible, item.subscription, item.ask, item.approved)
}

#[cfg(test)]
mod tests;

//! Contact list items (RFC 6121 §2).

use bytes::Bytes;
use zaiseki_xmpp::jid::BareJid;

/// Who sees whose availability (RFC 6121 §2.1.2.5). `To`: the user sees the contact.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub enum Subscription {
    #[default]
    None,
    To,
    From,
    Both,
}

impl Subscription {
    /// The user receives the contact's presence.
    pub fn to(self) -> bool {
        matches!(self, Subscription::To | Subscription::Both)
    }

    /// The contact receives the user's presence.
    pub fn from(self) -> bool {
        matches!(self, Subscription::From | Subscription::Both)
    }

    pub fn new(to: bool, from: bool) -> Self {
        match (to, from) {
            (false, false) => Subscription::None,
            (true, false) => Subscription::To,
            (false, true) => Subscription::From,
            (true, true) => Subscription::Both,
        }
    }

    /// The value of the `subscription` attribute.
    pub fn as_str(self) -> &'static str {
        match self {
            Subscription::None => "none",
            Subscription::To => "to",
            Subscription::From => "from",
            Subscription::Both => "both",
        }
    }
}

/// One contact. An item with `pending_in` and nothing else is not yet part of the visible roster (RFC 6121 §3.1.3).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RosterItem {
    pub jid: BareJid,
    /// Empty = no name.
    pub name: String,
    pub groups: Vec<String>,
    pub subscription: Subscription,
    /// `ask='subscribe'`: our request waits for the contact's answer ("pending out").
    pub ask: bool,
    /// The contact's request waits for our answer: the payload (children, serialised) of its `subscribe` stanza.
    pub pending_in: Option<Bytes>,
    /// Pre-approved (RFC 6121 §3.4).
    pub approved: bool,
    /// False while the item exists only because of `pending_in`: hidden from roster results and pushes.
    pub visible: bool,
}

impl RosterItem {
    pub fn new(jid: BareJid) -> Self {
        RosterItem {
            jid,
            name: String::new(),
            groups: Vec::new(),
            subscription: Subscription::None,
            ask: false,
            pending_in: None,
            approved: false,
            visible: true,
        }
    }
}

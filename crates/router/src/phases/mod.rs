//! What happens to a message on its way, in this order, by name:
//!
//! 1. `without_forgeries`: children that only servers may set are taken out (when the stanza is stamped);
//! 2. `blocked_by_sender`: XEP-0191, the sender's own list;
//! 3. `blocked_by_receiver`: XEP-0191, the receiver's list;
//! 4. `keep`: in-flight row and archive rows ([`keep::Plan`]);
//! 5. `copy`: carbons for the other resources of both sides ([`copy`]).

pub mod copy;
pub mod keep;

use crate::engine::{Engine, HomeIx, SessionId};
use bytes::Bytes;
use zaiseki_model::Envelope;
use zaiseki_xmpp::jid::{BareJid, FullJid, Jid};
use zaiseki_xmpp::ns;
use zaiseki_xmpp::stanza::{Condition, ErrorType, StanzaError};
use zaiseki_xmpp::xml::element::Element;
use zaiseki_xmpp::xml::framer::{Child, Stanza};

/// The outgoing half, at the sender's home.
pub fn outgoing_message(engine: &Engine, sender: SessionId, envelope: &Envelope) -> Result<(), StanzaError> {
    let Some(to) = &envelope.to else { return Ok(()) };
    if blocked_by_sender(engine, sender, to) { Err(blocked_error()) } else { Ok(()) }
}

/// XEP-0191 §3.2: what one sends to somebody one has blocked comes back with this error.
pub fn blocked_error() -> StanzaError {
    StanzaError::new(Condition::NotAcceptable).with_type(ErrorType::Cancel).with_app(Element::new("blocked", ns::BLOCKING_ERRORS))
}

pub fn blocked_by_sender(engine: &Engine, sender: SessionId, to: &Jid) -> bool {
    let data = engine.session(sender).and_then(|s| engine.data(s.home));
    data.is_some_and(|d| is_blocked(&d.blocked, to) && d.user.name != to.local().unwrap_or_default())
}

/// XEP-0191 §3.2: stanzas from a blocked contact are refused as if nobody were there. Who blocks the own domain still
/// reaches the own account.
pub fn blocked_by_receiver(engine: &Engine, home: HomeIx, from: &Jid) -> bool {
    let blocked = engine.data(home).is_some_and(|d| is_blocked(&d.blocked, from));
    blocked && engine.homes[home].bare.as_str() != from.bare_str()
}

/// A blocked address matches its resource, all resources of an account, or a whole domain (XEP-0191 §2).
pub fn is_blocked(list: &std::collections::HashSet<Jid>, jid: &Jid) -> bool {
    if list.is_empty() {
        return false;
    }
    list.contains(jid)
        || list.contains(&Jid::Bare(jid.bare()))
        || BareJid::new(None, jid.domain()).is_ok_and(|domain| list.contains(&Jid::Bare(domain)))
}

/// Whether either of two local users has blocked the other: neither learns anything of the other's presence.
pub fn apart(engine: &Engine, one: HomeIx, other: HomeIx) -> bool {
    let blocks =
        |by: HomeIx, whom: HomeIx| by != whom && blocked_by_receiver(engine, by, &Jid::Bare(engine.homes[whom].bare.clone()));
    blocks(one, other) || blocks(other, one)
}

/// The body of a stanza without what a client has no right to say: stanza ids and occupant ids (XEP-0359 §6,
/// XEP-0421 §5), and delay stamps in any name but the sender's own (XEP-0203 §3, in the form of XEP-0091 too).
pub fn without_forgeries(stanza: &Stanza, from: &FullJid) -> Bytes {
    crate::engine::body_without(stanza, |child| is_forged(child, from)).unwrap_or_else(|| stanza.body_bytes())
}

/// XEP-0091, which XEP-0203 replaced; clients still show it.
const LEGACY_DELAY: &str = "jabber:x:delay";

fn is_forged(child: &Child<'_>, from: &FullJid) -> bool {
    match (child.name(), child.ns()) {
        ("stanza-id", ns::SID) | ("occupant-id", ns::OCCUPANT_ID) => true,
        ("delay", ns::DELAY) | ("x", LEGACY_DELAY) => Element::parse(child.bytes()).ok().is_none_or(|delay| {
            // Without a name it reads as the receiver's own server's word (XEP-0203 §5).
            delay.attr("from").is_none_or(|by| Jid::parse(by).map_or(true, |jid| jid.bare_str() != from.bare_str()))
        }),
        _ => false,
    }
}

//! Which messages are kept: in flight until their reader has them (decision 4 of the architecture), and in the archives
//! of both sides (XEP-0313).

use crate::engine::{Engine, HomeIx};
use bytes::Bytes;
use zaiseki_model::{Envelope, MessageId, UserId};
use zaiseki_store::{ArchiveCopy, KeptMessage, Write};
use zaiseki_xmpp::ns;

/// What shall be kept of one message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    pub id: MessageId,
    pub sender_archive: bool,
    pub receiver_archive: bool,
}

/// A message worth keeping: `chat` or `normal`, with something a person or a client must not miss. Chat states alone
/// are not, nor what the sender marked (XEP-0334 §4: `no-store`, `no-permanent-store`).
pub fn worth_keeping(envelope: &Envelope) -> bool {
    if !matches!(envelope.type_.as_deref(), None | Some("chat" | "normal")) && !is_unknown_type(envelope) {
        return false;
    }
    let mut worth = false;
    for child in envelope.stanza.children() {
        match (child.name(), child.ns()) {
            ("no-store" | "no-permanent-store", ns::HINTS) => return false,
            ("body" | "subject" | "thread", ns::CLIENT) => worth |= child.name() != "thread",
            ("store", ns::HINTS) => worth = true,
            (_, ns) => worth |= KEPT_NAMESPACES.contains(&ns),
        }
    }
    worth
}

/// An unknown type counts as `normal` (RFC 6121 §5.2.2).
fn is_unknown_type(envelope: &Envelope) -> bool {
    !matches!(envelope.type_.as_deref(), Some("error" | "groupchat" | "headline"))
}

/// Payloads without a body that still must arrive: receipts, markers, encrypted content, invitations, corrections,
/// retractions, reactions, calls.
const KEPT_NAMESPACES: &[&str] = &[
    "urn:xmpp:receipts",
    "urn:xmpp:chat-markers:0",
    "eu.siacs.conversations.axolotl",
    "urn:xmpp:omemo:2",
    "urn:xmpp:openpgp:0",
    "jabber:x:conference",
    "urn:xmpp:message-correct:0",
    "urn:xmpp:message-retract:1",
    "urn:xmpp:reactions:0",
    "urn:xmpp:jingle-message:0",
];

impl Engine {
    /// Decides for one message; `None`: nothing is kept.
    pub(crate) fn plan(&mut self, sender: Option<HomeIx>, receiver: HomeIx, envelope: &Envelope) -> Option<Plan> {
        if !worth_keeping(envelope) {
            return None;
        }
        let archives = |engine: &Engine, home: HomeIx| engine.settings.archive && engine.data(home).is_some_and(|d| d.archive);
        let sender_archive = sender.is_some_and(|home| home != receiver && archives(self, home));
        let receiver_archive = archives(self, receiver);
        let id = self.ids.next(self.now);
        Some(Plan { id, sender_archive, receiver_archive })
    }

    /// Writes the message as planned, with an in-flight row for the receiver.
    pub(crate) fn keep(&mut self, plan: &Plan, sender: Option<HomeIx>, receiver: HomeIx, envelope: &Envelope) {
        let copy = |user: Option<UserId>, peer: &str| user.map(|owner| ArchiveCopy { owner, peer: peer.to_owned() });
        let received = copy(self.user_id(receiver).filter(|_| plan.receiver_archive), envelope.from.bare_str());
        let sender = sender.and_then(|home| self.user_id(home)).filter(|_| plan.sender_archive);
        let archive = [received, copy(sender, self.homes[receiver].bare.as_str())];
        let mut stanza = Vec::with_capacity(envelope.body.len() + 200);
        envelope.write(&mut stanza, None, true, b"");
        let pending = self.user_id(receiver);
        self.counters.kept += 1;
        self.write(Write::Message(KeptMessage { id: plan.id, stanza: Bytes::from(stanza), archive, pending }));
    }
}

/// Appends `<stanza-id/>` (XEP-0359) of the account `by`.
pub fn push_stanza_id(out: &mut Vec<u8>, by: &str, id: MessageId) {
    out.extend_from_slice(b"<stanza-id xmlns='urn:xmpp:sid:0' by='");
    zaiseki_xmpp::xml::escape::push_attr(out, by);
    out.extend_from_slice(b"' id='");
    out.extend_from_slice(id.to_string().as_bytes());
    out.extend_from_slice(b"'/>");
}

/// Appends `<delay/>` (XEP-0203) in the name of the server.
pub fn push_delay(out: &mut Vec<u8>, from: &str, at: zaiseki_model::Timestamp) {
    out.extend_from_slice(b"<delay xmlns='urn:xmpp:delay' from='");
    zaiseki_xmpp::xml::escape::push_attr(out, from);
    out.extend_from_slice(b"' stamp='");
    out.extend_from_slice(zaiseki_xmpp::datetime::format(at.0).as_bytes());
    out.extend_from_slice(b"'/>");
}

/// A stored stanza with more children: they go before its end tag.
pub fn with_children(stored: &[u8], children: &[u8]) -> Vec<u8> {
    const END: &[u8] = b"</message>";
    let content = stored.strip_suffix(END).unwrap_or(stored);
    let mut out = Vec::with_capacity(stored.len() + children.len());
    out.extend_from_slice(content);
    out.extend_from_slice(children);
    out.extend_from_slice(END);
    out
}

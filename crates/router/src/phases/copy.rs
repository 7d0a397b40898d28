//! Message carbons (XEP-0280 1.0): the other resources of sender and receiver see the conversation too.

use crate::engine::{Engine, HomeIx, SessionId};
use crate::phases::keep::push_stanza_id;
use zaiseki_model::envelope::{Head, close};
use zaiseki_model::{Envelope, MessageId};
use zaiseki_xmpp::ns;

/// XEP-0280 §6.1: chat messages, and normal ones with a body, that do not ask to be left alone.
pub fn eligible(envelope: &Envelope) -> bool {
    let by_type = match envelope.type_.as_deref() {
        Some("chat") => true,
        Some("groupchat" | "headline" | "error") => false,
        _ => envelope.stanza.has_child("body", ns::CLIENT),
    };
    by_type && !envelope.stanza.has_child("private", ns::CARBONS) && !envelope.stanza.has_child("no-copy", ns::HINTS)
}

impl Engine {
    /// Copies to the resources of `home` with carbons on, but those in `not`. `direction`: `sent` or `received`.
    /// `kept`: the id in the archive. `tied`: the message that need not come again once a copy of it has arrived.
    pub(crate) fn copy_to_others(
        &mut self,
        home: HomeIx,
        not: &[SessionId],
        direction: &str,
        envelope: &Envelope,
        kept: Option<MessageId>,
        tied: Option<MessageId>,
    ) {
        let others: Vec<SessionId> = self
            .sessions_of(home)
            .into_iter()
            .filter(|id| !not.contains(id) && self.session(*id).is_some_and(|s| s.carbons))
            .collect();
        if others.is_empty() {
            return;
        }
        let own = self.homes[home].bare.clone();
        let mut inner = Vec::with_capacity(envelope.body.len() + 300);
        let mut stamp = Vec::new();
        if let Some(id) = kept {
            push_stanza_id(&mut stamp, own.as_str(), id);
        }
        envelope.write(&mut inner, None, true, &stamp);
        for id in others {
            let Some(to) = self.session(id).map(|s| s.jid.clone()) else { continue };
            let mut out = Vec::with_capacity(inner.len() + 250);
            Head {
                name: "message",
                from: Some(own.as_str()),
                to: Some(to.as_str()),
                type_: envelope.type_.as_deref(),
                ..Head::default()
            }
            .open(&mut out);
            out.extend_from_slice(format!("<{direction} xmlns='{}'><forwarded xmlns='{}'>", ns::CARBONS, ns::FORWARD).as_bytes());
            out.extend_from_slice(&inner);
            out.extend_from_slice(format!("</forwarded></{direction}>").as_bytes());
            close(&mut out, "message");
            self.send_copy(id, &out, tied);
        }
    }
}

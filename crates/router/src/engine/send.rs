//! The last step of every way: bytes into a session's outlet, and into its resend queue.

use super::resume::Ended;
use super::session::{Sent, SessionList};
use super::{Engine, HomeIx, SessionId};
use crate::outlet::Close;
use bytes::Bytes;
use zaiseki_model::envelope::{Head, close};
use zaiseki_model::trace::Direction;
use zaiseki_model::{Envelope, MessageId};
use zaiseki_xmpp::stanza::{Condition, StanzaError, StanzaKind, StreamErrorCondition};

impl Engine {
    /// Sends one complete stanza to a session, connected or waiting to be resumed. `kept`: the message whose in-flight
    /// row is released once the client has it.
    pub(crate) fn send(&mut self, id: SessionId, stanza: &[u8], kept: Option<MessageId>) {
        self.send_parts(id, &[stanza], kept);
    }

    /// [`Engine::send`] for a stanza in parts, so that a broadcast does not put each copy together first.
    pub(crate) fn send_parts(&mut self, id: SessionId, parts: &[&[u8]], kept: Option<MessageId>) {
        self.send_counted(id, parts, kept, false);
    }

    /// [`Engine::send`] for a carbon of the message.
    pub(crate) fn send_copy(&mut self, id: SessionId, stanza: &[u8], kept: Option<MessageId>) {
        self.send_counted(id, &[stanza], kept, true);
    }

    fn send_counted(&mut self, id: SessionId, parts: &[&[u8]], kept: Option<MessageId>, copied: bool) {
        let now = self.now;
        let Some(session) = self.session_mut(id) else { return };
        let Some(sm) = session.sm.as_mut() else {
            session.unwritten.extend(kept);
            return self.push(id, parts, kept);
        };
        let bytes = Bytes::from(parts.concat());
        if sm.outgoing.push(Sent { bytes, kept, copied, at: now }).is_err() {
            let close =
                Close::Error(StreamErrorCondition::PolicyViolation, "too many stanzas without acknowledgement".to_owned());
            return self.end_session(id, Some(close), Ended::Lost);
        }
        self.push(id, parts, None);
        self.ask_ack(id);
    }

    /// Sends what is neither counted nor resent: answers of stream management.
    pub(crate) fn send_nonza(&mut self, id: SessionId, nonza: &[u8]) {
        self.push(id, &[nonza], None);
    }

    pub(super) fn push_bytes(&mut self, id: SessionId, bytes: &Bytes) {
        self.push(id, &[bytes], None);
    }

    fn push(&mut self, id: SessionId, parts: &[&[u8]], kept: Option<MessageId>) {
        self.trace(id, Direction::Received, parts);
        let Some(outlet) = self.session(id).and_then(|s| s.outlet.as_ref()) else { return };
        if outlet.push(parts, kept) {
            let outlet = outlet.clone();
            self.wake(outlet);
        }
    }

    pub(super) fn ask_ack(&mut self, id: SessionId) {
        if let Some(outlet) = self.session(id).and_then(|s| s.outlet.as_ref()) {
            outlet.request_ack();
        }
    }

    /// All sessions of a home.
    pub(crate) fn sessions_of(&self, home: HomeIx) -> SessionList {
        self.homes.get(home).map(|h| h.sessions.iter().copied().collect()).unwrap_or_default()
    }

    /// Sessions of a home with an available resource.
    pub(crate) fn available_sessions(&self, home: HomeIx) -> SessionList {
        let Some(home) = self.homes.get(home) else { return SessionList::new() };
        home.sessions.iter().copied().filter(|id| self.session(*id).is_some_and(|s| s.available.is_some())).collect()
    }

    /// Answers an iq with a result; `payload` is the serialised child, or empty.
    pub(crate) fn reply_result(&mut self, to: SessionId, request: &Envelope, payload: &[u8]) {
        let mut out = Vec::with_capacity(160 + payload.len());
        Self::reply_head(request, "result").open(&mut out);
        out.extend_from_slice(payload);
        close(&mut out, "iq");
        self.send(to, &out, None);
    }

    fn reply_head<'a>(request: &'a Envelope, type_: &'a str) -> Head<'a> {
        Head {
            name: request.name(),
            // The address the client asked; its own account answers without one (RFC 6120 §8.1.2.1).
            from: request.to.as_ref().map(|jid| jid.as_str()),
            to: Some(request.from.as_str()),
            type_: Some(type_),
            id: request.id.as_deref(),
            lang: None,
            xmlns: false,
        }
    }

    /// Answers a stanza of a local session with an error. Errors and results are never answered (RFC 6120 §8.3.1).
    pub(crate) fn reply_error(&mut self, to: SessionId, request: &Envelope, error: &StanzaError) {
        let silent = matches!((request.kind, request.type_.as_deref()), (_, Some("error")) | (StanzaKind::Iq, Some("result")));
        if silent {
            return;
        }
        let mut out = Vec::with_capacity(256);
        Self::reply_head(request, "error").open(&mut out);
        error.write(&mut out);
        close(&mut out, request.name());
        self.send(to, &out, None);
    }

    /// [`Engine::reply_error`] with the default type of the condition.
    pub(crate) fn reply_condition(&mut self, to: SessionId, request: &Envelope, condition: Condition) {
        self.reply_error(to, request, &StanzaError::new(condition));
    }

    /// Sends an iq of the server to a session (a push).
    pub(crate) fn send_iq_set(&mut self, to: SessionId, from: Option<&str>, id: &str, payload: &[u8]) {
        let Some(jid) = self.session(to).map(|s| s.jid.clone()) else { return };
        let mut out = Vec::with_capacity(128 + payload.len());
        Head { name: "iq", from, to: Some(jid.as_str()), type_: Some("set"), id: Some(id), ..Head::default() }.open(&mut out);
        out.extend_from_slice(payload);
        close(&mut out, "iq");
        self.send(to, &out, None);
    }

    /// An id for a stanza of the server's own.
    pub(crate) fn make_id(&mut self) -> String {
        let random: [u8; 8] = self.random_bytes();
        format!("{:016x}", u64::from_le_bytes(random))
    }
}

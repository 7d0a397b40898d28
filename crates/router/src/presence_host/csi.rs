//! Client state indication (XEP-0352 1.0): while nobody looks, presence waits; only the newest of each sender counts.

use crate::engine::{Engine, Session, SessionId};
use bytes::Bytes;
use zaiseki_model::{Envelope, Timestamp, limits};

impl Session {
    /// Keeps the newest presence of a sender until the client is active again.
    pub(super) fn hold(&mut self, from: &str, stanza: Bytes) {
        let held = &mut self.extra().held;
        held.shift_remove(from);
        if held.len() >= limits::HELD_PRESENCES {
            held.shift_remove_index(0);
        }
        held.insert(from.to_owned(), stanza);
    }
}

impl Engine {
    /// `<active/>` and `<inactive/>`.
    pub fn set_active(&mut self, now: Timestamp, id: SessionId, active: bool) {
        self.now = now;
        let Some(session) = self.session_mut(id) else { return };
        if active && session.extra.is_none() {
            return;
        }
        session.extra().inactive = !active;
        if active {
            self.flush_held(id);
        }
    }

    /// A message wakes the client anyway: what was held goes first, so that order is kept.
    pub(crate) fn release_held(&mut self, id: SessionId, envelope: &Envelope) {
        let holding = self.session(id).and_then(|s| s.extra.as_ref()).is_some_and(|e| !e.held.is_empty());
        if holding && envelope.stanza.has_child("body", zaiseki_xmpp::ns::CLIENT) {
            self.flush_held(id);
        }
    }

    fn flush_held(&mut self, id: SessionId) {
        let held = self.session_mut(id).map(|s| std::mem::take(&mut s.extra().held)).unwrap_or_default();
        for (_, stanza) in held {
            self.send(id, &stanza, None);
        }
    }
}

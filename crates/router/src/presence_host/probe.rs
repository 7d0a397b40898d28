//! Presence probes (RFC 6121 §4.3).

use super::own::Broadcast;
use crate::engine::{Engine, HomeIx, SessionId, SessionList};
use crate::phases::{blocked_by_receiver, blocked_by_sender, blocked_error, is_blocked};
use std::collections::HashSet;
use zaiseki_model::{Envelope, RosterItem};
use zaiseki_xmpp::jid::{BareJid, Jid};

impl Engine {
    /// On the initial presence: what the contacts are, whom this user may see.
    pub(super) fn probe_contacts(&mut self, id: SessionId, home: HomeIx) {
        let Some(data) = self.data(home) else { return };
        let contacts: Vec<BareJid> = data
            .roster
            .values()
            .filter(|item| item.subscription.to() && item.jid.domain() == self.domain.domain())
            .map(|item| item.jid.clone())
            .collect();
        for contact in contacts {
            self.answer_probe(id, home, &contact);
        }
    }

    /// Contacts among `jids` are blocked no longer: each resource sees them as they are now.
    pub(crate) fn probe_anew(&mut self, home: HomeIx, jids: &HashSet<Jid>) {
        let Some(data) = self.data(home) else { return };
        let matched = |item: &&RosterItem| item.subscription.to() && is_blocked(jids, &Jid::Bare(item.jid.clone()));
        let contacts: Vec<BareJid> = data.roster.values().filter(matched).map(|item| item.jid.clone()).collect();
        for id in self.available_sessions(home) {
            for contact in &contacts {
                self.answer_probe(id, home, contact);
            }
        }
    }

    /// A client asks itself.
    pub(super) fn probe_from(&mut self, id: SessionId, envelope: &Envelope) {
        let (Some(home), Some(to)) = (self.session(id).map(|s| s.home), &envelope.to) else { return };
        if blocked_by_sender(self, id, to) {
            return self.reply_error(id, envelope, &blocked_error());
        }
        let contact = to.bare();
        if contact.local().is_none() || contact.domain() != self.domain.domain() {
            return;
        }
        let subscribed = self.data(home).and_then(|d| d.roster.get(&contact)).is_some_and(|item| item.subscription.to());
        if subscribed || contact == self.homes[home].bare {
            self.answer_probe(id, home, &contact);
        }
    }

    /// The contact's server answers with the presence of each available resource, or with unavailable (§4.3.2). Both
    /// sides of a subscription are kept in one database, so that the prober's own item says whether it may know.
    fn answer_probe(&mut self, id: SessionId, home: HomeIx, contact: &BareJid) {
        let Some(name) = contact.local() else { return };
        // XEP-0191 §3.2: nothing comes from somebody whom the user has blocked.
        if blocked_by_receiver(self, home, &Jid::Bare(contact.clone())) {
            return;
        }
        match self.home_ready(name) {
            Some(target) => self.answer_for(id, home, target),
            // Whom the contact has blocked is known once its home is read.
            None if self.offline_meeting(name).is_some() => {
                let contact = contact.clone();
                self.with_home(name, move |engine, target| match (target, engine.session(id).map(|s| s.home)) {
                    (Ok(target), Some(home)) => engine.answer_for(id, home, target),
                    _ => engine.show_absent(id, &contact, None),
                });
            }
            None => self.show_absent(id, contact, None),
        }
    }

    fn answer_for(&mut self, id: SessionId, home: HomeIx, target: HomeIx) {
        let contact = self.homes[target].bare.clone();
        let sees = self.access(home, target).allows();
        let sessions = if sees { self.available_sessions(target) } else { SessionList::new() };
        if sessions.is_empty() {
            let meeting = contact.local().filter(|_| sees).and_then(|name| self.offline_meeting(name));
            return self.show_absent(id, &contact, meeting.as_deref());
        }
        for session in sessions {
            self.show_session(session, id);
        }
    }

    /// The contact has no resource that the session sees; `meeting`: shown all the same.
    fn show_absent(&mut self, id: SessionId, contact: &BareJid, meeting: Option<&[u8]>) {
        let Some(to) = self.session(id).map(|s| s.jid.clone()) else { return };
        let from = Jid::Bare(contact.clone());
        let absent = match meeting {
            Some(body) => Broadcast::new(&from, None, None, None, body),
            None => Broadcast::new(&from, Some("unavailable"), None, None, b""),
        };
        self.deliver_presence(id, &absent, to.as_str());
    }
}

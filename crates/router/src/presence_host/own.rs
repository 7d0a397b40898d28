//! A resource becomes available, changes, or goes (RFC 6121 §4.2, §4.4, §4.5).

use crate::engine::{Available, Engine, HomeIx, SessionId};
use bytes::Bytes;
use zaiseki_model::Envelope;
use zaiseki_model::envelope::Head;
use zaiseki_presence::caps::Learned;
use zaiseki_presence::compose::OwnPresence;
use zaiseki_store::Write;
use zaiseki_xmpp::jid::Jid;
use zaiseki_xmpp::stanza::Condition;

/// A presence stanza cut where its `to` goes, since that is all that differs between the receivers of a broadcast.
pub(crate) struct Broadcast {
    before_to: Vec<u8>,
    after_to: Vec<u8>,
    from: Jid,
}

impl Broadcast {
    pub fn new(from: &Jid, type_: Option<&str>, id: Option<&str>, lang: Option<&str>, body: &[u8]) -> Self {
        let mut before_to = Vec::with_capacity(64 + from.as_str().len());
        before_to.extend_from_slice(b"<presence from='");
        zaiseki_xmpp::xml::escape::push_attr(&mut before_to, from.as_str());
        before_to.extend_from_slice(b"' to='");
        let mut after_to = Vec::with_capacity(body.len() + 64);
        let mut head = Vec::new();
        Head { name: "", type_, id, lang, ..Head::default() }.open(&mut head);
        after_to.push(b'\'');
        after_to.extend_from_slice(&head[1..]);
        after_to.extend_from_slice(body);
        after_to.extend_from_slice(b"</presence>");
        Broadcast { before_to, after_to, from: from.clone() }
    }
}

impl Engine {
    pub(super) fn own_available(&mut self, id: SessionId, envelope: Envelope) {
        let Some(session) = self.session(id) else { return };
        let (home, initial) = (session.home, session.available.is_none());
        let previous = session.available.as_ref().map(|a| a.own.clone());
        let body = self.with_photo_hash(home, &envelope.stanza, envelope.body.clone());
        let body = self.without_claims(home, &body);
        let own = match OwnPresence::parse(body, previous.as_ref(), self.now) {
            Ok(own) => own,
            Err(_) => return self.reply_condition(id, &envelope, Condition::BadRequest),
        };
        let composed = self.composed(home, &own);
        let Learned { nodes: notify, software } = session_client(self, id);
        let priority = own.priority();
        let (lang, stanza_id) = (envelope.lang.clone(), envelope.id.clone());
        let available = Available { own, priority, composed, lang, id: stanza_id, notify, software };
        let was_deaf = !self.session(id).is_some_and(|s| s.takes_messages());
        if initial {
            self.counters.available_sessions += 1;
            self.counters.people_online += u64::from(self.available_sessions(home).is_empty());
        }
        if let Some(session) = self.session_mut(id) {
            session.available = Some(Box::new(available));
        }
        self.broadcast_session(id);
        self.recompose_directed(id, home);
        self.activity_moved(home);
        self.learn_caps(id, &envelope);
        if initial {
            self.greet(id, home);
        }
        if was_deaf && priority >= 0 {
            self.send_offline(id);
        }
    }

    /// What a resource gets when it becomes available (RFC 6121 §4.2.2, §3.1.3): the presence of contacts and of the
    /// user's other resources, and waiting subscription requests.
    fn greet(&mut self, id: SessionId, home: HomeIx) {
        self.probe_contacts(id, home);
        for other in self.available_sessions(home).into_iter().filter(|other| *other != id) {
            self.show_session(other, id);
        }
        self.send_requests(id, home);
        self.pep_greet(id);
    }

    /// Sends the presence of session `of` to session `to`.
    pub(super) fn show_session(&mut self, of: SessionId, to: SessionId) {
        let Some(broadcast) = self.session_broadcast(of) else { return };
        let Some(address) = self.session(to).map(|s| s.jid.clone()) else { return };
        self.deliver_presence(to, &broadcast, address.as_str());
    }

    /// The current presence of an available session.
    pub(super) fn session_broadcast(&self, id: SessionId) -> Option<Broadcast> {
        let session = self.session(id)?;
        let available = session.available.as_ref()?;
        let from = Jid::Full(session.jid.clone());
        Some(Broadcast::new(&from, None, available.id.as_deref(), available.lang.as_deref(), &available.composed))
    }

    /// Tells contacts and the user's own resources what a session's presence is now.
    pub(super) fn broadcast_session(&mut self, id: SessionId) {
        let Some(home) = self.session(id).map(|s| s.home) else { return };
        if let Some(broadcast) = self.session_broadcast(id) {
            self.broadcast(home, &broadcast);
        }
    }

    /// To every subscriber in the contact list, and to the user's own available resources, the sender's own included
    /// (RFC 6121 §4.2.2, §4.4.2).
    fn broadcast(&mut self, home: HomeIx, broadcast: &Broadcast) {
        for target in self.watchers(home) {
            let Some(to) = self.homes.get(target).map(|h| h.bare.clone()) else { continue };
            for session in self.available_sessions(target) {
                self.deliver_presence(session, broadcast, to.as_str());
            }
        }
        let own = self.homes[home].bare.clone();
        for session in self.available_sessions(home) {
            self.deliver_presence(session, broadcast, own.as_str());
        }
    }

    /// Homes of contacts who see this user's presence and have a session here.
    fn watchers(&self, home: HomeIx) -> Vec<HomeIx> {
        let Some(data) = self.data(home) else { return Vec::new() };
        data.roster
            .values()
            .filter(|item| item.subscription.from() && item.jid.domain() == self.domain.domain())
            .filter_map(|item| Some((item, self.home_ready(item.jid.local()?)?)))
            .filter(|(_, target)| !self.homes[*target].sessions.is_empty())
            .filter(|(item, target)| self.access_by(Some(item), *target, home).allows())
            .map(|(_, target)| target)
            .collect()
    }

    /// Presence to one session; held back while the client is inactive (XEP-0352).
    pub(super) fn deliver_presence(&mut self, id: SessionId, broadcast: &Broadcast, to: &str) {
        let mut address = Vec::with_capacity(to.len());
        zaiseki_xmpp::xml::escape::push_attr(&mut address, to);
        let parts: [&[u8]; 3] = [&broadcast.before_to, &address, &broadcast.after_to];
        match self.session_mut(id) {
            Some(session) if session.inactive() => session.hold(broadcast.from.as_str(), Bytes::from(parts.concat())),
            Some(_) => self.send_parts(id, &parts, None),
            None => {}
        }
    }

    /// The resource goes: by its own word (`envelope`), or because its session ended.
    pub(crate) fn own_unavailable(&mut self, id: SessionId, envelope: Option<&Envelope>) {
        let Some(session) = self.session_mut(id) else { return };
        let home = session.home;
        let from = Jid::Full(session.jid.clone());
        let was = session.available.take();
        let directed = session.extra.as_mut().map(|e| std::mem::take(&mut e.directed)).unwrap_or_default();
        if was.is_none() && directed.is_empty() {
            return;
        }
        let body = envelope.map(|e| e.body.clone()).unwrap_or_default();
        let broadcast = Broadcast::new(&from, Some("unavailable"), None, envelope.and_then(|e| e.lang.as_deref()), &body);
        if was.is_some() {
            self.counters.available_sessions -= 1;
            self.counters.people_online -= u64::from(self.available_sessions(home).is_empty());
            self.broadcast(home, &broadcast);
            self.note_last_seen(home);
        }
        self.unavailable_to_directed(home, directed.into_keys(), &broadcast, was.is_some());
        if was.is_some() && !self.available_sessions(home).is_empty() {
            self.activity_moved(home);
        }
    }

    fn note_last_seen(&mut self, home: HomeIx) {
        if self.available_sessions(home).is_empty()
            && let Some(user) = self.user_id(home)
        {
            let at = self.now;
            self.write(Write::LastSeen { user, at, status: String::new() });
        }
    }

    /// Contacts of `home` that are told of something: used by PEP.
    pub(crate) fn watcher_sessions(&self, home: HomeIx) -> Vec<SessionId> {
        let mut sessions: Vec<SessionId> = self.available_sessions(home).to_vec();
        for target in self.watchers(home) {
            sessions.extend(self.available_sessions(target));
        }
        sessions
    }
}

fn session_client(engine: &Engine, id: SessionId) -> Learned {
    let available = engine.session(id).and_then(|s| s.available.as_ref());
    available.map(|a| Learned { nodes: a.notify.clone(), software: a.software.clone() }).unwrap_or_default()
}

//! Directed presence (RFC 6121 §4.6) and its clean-up.

use super::own::Broadcast;
use crate::engine::{Engine, HomeIx, SessionId};
use crate::phases::{blocked_by_receiver, blocked_by_sender, blocked_error, is_blocked};
use std::collections::HashSet;
use zaiseki_model::Envelope;
use zaiseki_xmpp::jid::Jid;
use zaiseki_xmpp::stanza::Condition;

impl Engine {
    pub(super) fn directed(&mut self, id: SessionId, envelope: Envelope) {
        let Some(to) = envelope.to.clone() else { return };
        if blocked_by_sender(self, id, &to) {
            return self.reply_error(id, &envelope, &blocked_error());
        }
        if to.domain() != self.domain.domain() {
            return self.reply_condition(id, &envelope, Condition::RemoteServerNotFound);
        }
        let Some(session) = self.session_mut(id) else { return };
        let home = session.home;
        let gone = envelope.type_.as_deref() == Some("unavailable");
        let directed = &mut session.extra().directed;
        if gone {
            directed.remove(&to);
        } else if directed.contains(&to) || directed.len() < zaiseki_model::limits::DIRECTED_PRESENCES {
            directed.insert(to.clone());
        } else {
            return self.reply_condition(id, &envelope, Condition::ResourceConstraint);
        }
        let body = if gone { envelope.body.clone() } else { self.without_claims(home, &envelope.body) };
        let broadcast =
            Broadcast::new(&envelope.from, envelope.type_.as_deref(), envelope.id.as_deref(), envelope.lang.as_deref(), &body);
        self.deliver_directed(&to, &broadcast, &envelope.from);
    }

    /// To the resource named, or to all available ones (RFC 6121 §8.5.2.1.2, §8.5.3.1). Nobody there: dropped.
    fn deliver_directed(&mut self, to: &Jid, broadcast: &Broadcast, from: &Jid) {
        let Some(target) = to.local().and_then(|name| self.home_ready(name)) else { return };
        if blocked_by_receiver(self, target, from) {
            return;
        }
        let sessions = match to.resource() {
            Some(resource) => self.session_by_resource(target, resource).into_iter().collect(),
            None => self.available_sessions(target),
        };
        for session in sessions {
            self.deliver_presence(session, broadcast, to.as_str());
        }
    }

    /// The user has blocked `jids`: those of them that got directed presence see it end (XEP-0191 §3.2), and hear no more.
    pub(crate) fn end_directed(&mut self, home: HomeIx, jids: &HashSet<Jid>) {
        for id in self.sessions_of(home) {
            let Some(session) = self.session_mut(id) else { continue };
            let from = Jid::Full(session.jid.clone());
            let Some(extra) = session.extra.as_mut() else { continue };
            let (ended, kept) = std::mem::take(&mut extra.directed).into_iter().partition(|to| is_blocked(jids, to));
            extra.directed = kept;
            let ended: HashSet<Jid> = ended;
            let gone = Broadcast::new(&from, Some("unavailable"), None, None, b"");
            self.unavailable_to_directed(home, ended, &gone);
        }
    }

    /// Who got directed presence and does not learn of the end by subscription is told (§4.6.3).
    pub(super) fn unavailable_to_directed(&mut self, home: HomeIx, directed: HashSet<Jid>, broadcast: &Broadcast) {
        for to in directed {
            let subscribed = self.data(home).and_then(|d| d.roster.get(&to.bare())).is_some_and(|item| item.subscription.from());
            if !subscribed {
                let from = Jid::Bare(self.homes[home].bare.clone());
                self.deliver_directed(&to, broadcast, &from);
            }
        }
    }
}

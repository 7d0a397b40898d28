//! Directed presence (RFC 6121 §4.6) and its clean-up.

use super::own::Broadcast;
use crate::engine::{Directed, Engine, HomeIx, SessionId};
use crate::phases::{blocked_by_receiver, blocked_by_sender, blocked_error, is_blocked};
use bytes::Bytes;
use std::collections::{HashMap, HashSet};
use zaiseki_model::{Envelope, limits};
use zaiseki_presence::compose::OwnPresence;
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
        let Some(home) = self.session(id).map(|s| s.home) else { return };
        let body = match envelope.type_.as_deref() {
            Some(_) => {
                let extra = self.session_mut(id).and_then(|s| s.extra.as_mut());
                extra.and_then(|extra| extra.directed.remove(&to));
                envelope.body.clone()
            }
            None => match self.note_directed(id, home, &to, &envelope) {
                Ok(composed) => composed,
                Err(condition) => return self.reply_condition(id, &envelope, condition),
            },
        };
        let broadcast =
            Broadcast::new(&envelope.from, envelope.type_.as_deref(), envelope.id.as_deref(), envelope.lang.as_deref(), &body);
        self.deliver_directed(&to, &broadcast, &envelope.from);
    }

    /// Remembers what an available presence says to `to`; returns it with what the calendar makes of it.
    fn note_directed(&mut self, id: SessionId, home: HomeIx, to: &Jid, envelope: &Envelope) -> Result<Bytes, Condition> {
        let body = self.without_claims(home, &envelope.body);
        let broadcast = self.session(id).and_then(|s| s.available.as_ref()).map(|a| a.own.clone());
        let own = OwnPresence::directed(body, broadcast.as_ref()).map_err(|_| Condition::BadRequest)?;
        let composed = self.composed(home, &own);
        let Some(session) = self.session_mut(id) else { return Err(Condition::InternalServerError) };
        let directed = &mut session.extra().directed;
        let others = directed.iter().filter(|(jid, _)| *jid != to);
        let (count, bytes) = others.fold((0, 0), |(count, bytes), (_, other)| (count + 1, bytes + other.own.body().len()));
        if count >= limits::DIRECTED_PRESENCES || bytes + own.body().len() > limits::DIRECTED_BYTES {
            return Err(Condition::ResourceConstraint);
        }
        let lang = envelope.lang.clone();
        directed.insert(to.clone(), Directed { own, composed: composed.clone(), lang });
        Ok(composed)
    }

    /// The calendar, or a choice made for all, has changed: who got directed presence sees what became of it.
    pub(super) fn recompose_directed(&mut self, id: SessionId, home: HomeIx) {
        let Some(session) = self.session_mut(id) else { return };
        let from = Jid::Full(session.jid.clone());
        let chosen = session.available.as_ref().map(|a| a.own.clone());
        let Some(extra) = session.extra.as_mut() else { return };
        let mut directed = std::mem::take(&mut extra.directed);
        for (to, sent) in &mut directed {
            let body = self.without_claims(home, &sent.own.body());
            let Ok(own) = OwnPresence::directed(body, chosen.as_ref()) else { continue };
            let composed = self.composed(home, &own);
            sent.own = own;
            if composed != sent.composed {
                sent.composed = composed;
                let broadcast = Broadcast::new(&from, None, None, sent.lang.as_deref(), &sent.composed);
                self.deliver_directed(to, &broadcast, &from);
            }
        }
        if let Some(session) = self.session_mut(id) {
            session.extra().directed = directed;
        }
    }

    /// An error goes to the resource it names (RFC 6121 §8.5.3.1); anything else would be answered by nobody's question.
    pub(super) fn presence_error(&mut self, id: SessionId, envelope: &Envelope) {
        let Some(to) = envelope.to.as_ref().filter(|to| to.resource().is_some() && to.domain() == self.domain.domain()) else {
            return;
        };
        if blocked_by_sender(self, id, to) {
            return;
        }
        let (id, lang) = (envelope.id.as_deref(), envelope.lang.as_deref());
        let broadcast = Broadcast::new(&envelope.from, Some("error"), id, lang, &envelope.body);
        self.deliver_directed(to, &broadcast, &envelope.from);
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
            let (from, visible) = (Jid::Full(session.jid.clone()), session.available.is_some());
            let Some(extra) = session.extra.as_mut() else { continue };
            let (ended, kept): (HashMap<_, _>, _) =
                std::mem::take(&mut extra.directed).into_iter().partition(|(to, _)| is_blocked(jids, to));
            extra.directed = kept;
            let gone = Broadcast::new(&from, Some("unavailable"), None, None, b"");
            self.unavailable_to_directed(home, ended.into_keys(), &gone, visible);
        }
    }

    /// Who got directed presence and does not learn of the end by subscription is told (§4.6.3). `visible`: the resource was
    /// available to its subscribers; of one that never sent a broadcast they learn nothing otherwise.
    pub(super) fn unavailable_to_directed(
        &mut self,
        home: HomeIx,
        directed: impl Iterator<Item = Jid>,
        broadcast: &Broadcast,
        visible: bool,
    ) {
        for to in directed {
            let subscribed =
                visible && self.data(home).and_then(|d| d.roster.get(&to.bare())).is_some_and(|item| item.subscription.from());
            if !subscribed {
                let from = Jid::Bare(self.homes[home].bare.clone());
                self.deliver_directed(&to, broadcast, &from);
            }
        }
    }
}

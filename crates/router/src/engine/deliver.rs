//! Delivery of messages to a local user (RFC 6121 §8.5), now or later.

use super::home::NoHome;
use super::session::{CatchUp, Pause, Sent, SessionList};
use super::{Engine, HomeIx, SessionId};
use crate::phases::keep::{push_delay, push_stanza_id, with_children};
use crate::phases::{blocked_by_receiver, copy};
use zaiseki_model::{Envelope, MessageId, limits};
use zaiseki_presence::availability::most_available;
use zaiseki_store::{Read, Reply, StoredMessage};
use zaiseki_xmpp::stanza::{Condition, MessageType};
use zaiseki_xmpp::xml::framer::Stanza;

/// Who gets a message.
#[derive(Debug, PartialEq, Eq)]
enum Targets {
    Sessions(SessionList),
    /// Nobody now: kept for later if it is worth it.
    Later,
    Bounce,
    Ignore,
}

/// Offline messages are read and sent in pages of this many.
const OFFLINE_PAGE: usize = 100;

impl Engine {
    /// Brings a message to the home of `name`.
    pub(super) fn message_to(&mut self, sender: SessionId, name: &str, resource: Option<String>, envelope: Envelope) {
        if let Some(home) = self.home_ready(name) {
            let own = self.session(sender).map(|s| s.home);
            return self.message_at(sender, own, home, resource.as_deref(), &envelope);
        }
        self.defer(sender);
        self.with_home(name, move |engine, home| {
            // The session may be gone meanwhile; the message is still its user's.
            let own = envelope.from.local().and_then(|name| engine.home_ready(name));
            match home {
                Ok(home) => engine.message_at(sender, own, home, resource.as_deref(), &envelope),
                Err(why) => engine.message_unknown(sender, &envelope, why),
            }
            engine.deferred_done(sender);
        });
    }

    fn message_unknown(&mut self, sender: SessionId, envelope: &Envelope, why: NoHome) {
        if message_type(envelope) != MessageType::Headline {
            self.reply_error(sender, envelope, &why.error());
        }
    }

    /// The incoming half, at the receiver's home.
    fn message_at(&mut self, sender: SessionId, own: Option<HomeIx>, home: HomeIx, resource: Option<&str>, envelope: &Envelope) {
        if blocked_by_receiver(self, home, &envelope.from) {
            return self.reply_condition(sender, envelope, Condition::ServiceUnavailable);
        }
        let targets = self.message_targets(home, resource, message_type(envelope));
        match targets {
            Targets::Ignore => {}
            Targets::Bounce => self.reply_condition(sender, envelope, Condition::ServiceUnavailable),
            Targets::Sessions(_) | Targets::Later => self.deliver_message(sender, own, home, targets, envelope),
        }
    }

    fn deliver_message(
        &mut self,
        sender: SessionId,
        sender_home: Option<HomeIx>,
        home: HomeIx,
        targets: Targets,
        envelope: &Envelope,
    ) {
        let later = targets == Targets::Later;
        let plan = self.plan(sender_home, home, envelope);
        if plan.is_some() && !self.storage_healthy {
            // Better refused than acknowledged and lost (RFC 6120 §8.3.3.18).
            return self.reply_condition(sender, envelope, Condition::ResourceConstraint);
        }
        if later && plan.is_some() && !self.room_for_offline(home) {
            return self.reply_condition(sender, envelope, Condition::ServiceUnavailable);
        }
        if self.is_resend(sender, sender_home, envelope) {
            return;
        }
        if let Some(plan) = &plan {
            self.keep(plan, sender_home, home, envelope);
            if later {
                self.count_offline(home);
            }
        }
        let kept = plan.map(|p| p.id);
        let sessions = match targets {
            Targets::Sessions(sessions) => sessions,
            _ => SessionList::new(),
        };
        let ready = self.up_to_date(sessions.clone(), kept.is_some());
        self.send_message(home, &ready, envelope, kept);
        if copy::eligible(envelope) {
            let mut not: SessionList = sessions;
            if sender_home == Some(home) {
                not.push(sender);
            }
            // Who has only the copy has the message, but not while it waits in the database for somebody else.
            let tied = kept.filter(|_| !ready.is_empty());
            self.copy_to_others(home, &not, "received", envelope, kept, tied);
            if let Some(own) = sender_home.filter(|own| *own != home) {
                let archived = plan.filter(|p| p.sender_archive).map(|p| p.id);
                self.copy_to_others(own, &[sender], "sent", envelope, archived, None);
            }
        }
    }

    fn send_message(&mut self, home: HomeIx, sessions: &[SessionId], envelope: &Envelope, kept: Option<MessageId>) {
        if sessions.is_empty() {
            return;
        }
        let mut out = std::mem::take(&mut self.scratch);
        out.clear();
        let mut stamp = Vec::new();
        if let Some(id) = kept {
            push_stanza_id(&mut stamp, self.homes[home].bare.as_str(), id);
        }
        envelope.write(&mut out, None, false, &stamp);
        for &id in sessions {
            self.release_held(id, envelope);
            self.send(id, &out, kept);
        }
        self.scratch = out;
    }

    /// Whether one more offline message may be kept.
    fn room_for_offline(&self, home: HomeIx) -> bool {
        self.data(home).is_some_and(|data| data.offline < limits::OFFLINE_MESSAGES)
    }

    fn count_offline(&mut self, home: HomeIx) {
        if let Some(data) = self.data_mut(home) {
            data.note_offline(1);
        }
    }

    /// The table of RFC 6121 §8.5.4, for a message.
    fn message_targets(&self, home: HomeIx, resource: Option<&str>, type_: MessageType) -> Targets {
        if let Some(resource) = resource {
            if let Some(id) = self.session_by_resource(home, resource) {
                return Targets::Sessions(SessionList::from_slice(&[id]));
            }
            return match type_ {
                MessageType::Chat => self.message_targets(home, None, type_),
                MessageType::Error | MessageType::Headline => Targets::Ignore,
                MessageType::Normal | MessageType::Groupchat => Targets::Bounce,
            };
        }
        let willing: Vec<(SessionId, i8)> = self
            .sessions_of(home)
            .into_iter()
            .filter_map(|id| self.session(id)?.available.as_ref().filter(|a| a.priority >= 0).map(|a| (id, a.priority)))
            .collect();
        match type_ {
            MessageType::Groupchat => Targets::Bounce,
            MessageType::Error => Targets::Ignore,
            MessageType::Headline if willing.is_empty() => Targets::Ignore,
            MessageType::Headline => Targets::Sessions(willing.into_iter().map(|(id, _)| id).collect()),
            MessageType::Chat | MessageType::Normal if willing.is_empty() => Targets::Later,
            MessageType::Chat | MessageType::Normal => Targets::Sessions(most_available(&willing).into_iter().collect()),
        }
    }

    /// A client that could not resume sends again what was not acknowledged: the same origin-id (XEP-0359) from another
    /// session of the same user is the same message.
    fn is_resend(&mut self, sender: SessionId, own: Option<HomeIx>, envelope: &Envelope) -> bool {
        use std::hash::{DefaultHasher, Hash, Hasher};
        const REMEMBERED: usize = 256;
        let Some(origin) = origin_id(&envelope.stanza) else { return false };
        let mut hasher = DefaultHasher::new();
        (&origin, envelope.to.as_ref().map(|to| to.bare_str())).hash(&mut hasher);
        let key = hasher.finish();
        let Some(data) = own.and_then(|own| self.data_mut(own)) else { return false };
        if data.recent.iter().any(|(hash, by)| *hash == key && *by != sender) {
            return true;
        }
        if data.recent.len() == REMEMBERED {
            data.recent.pop_front();
        }
        data.recent.push_back((key, sender));
        false
    }

    /// Sends what waited for the user (XEP-0160), oldest first, to a session that has just become available.
    pub(crate) fn send_offline(&mut self, id: SessionId) {
        let Some(home) = self.session(id).map(|s| s.home) else { return };
        let waiting = self.data(home).is_some_and(|data| data.offline > 0);
        let Some(session) = self.session_mut(id) else { return };
        match session.catching_up.as_mut() {
            Some(catching_up) => catching_up.again = true,
            None if waiting => {
                session.catching_up = Some(CatchUp::default());
                self.read_offline(id, None);
            }
            None => {}
        }
    }

    /// Messages that never left a session which is gone still stand in the database: the other resources look for them,
    /// or the next one does.
    pub(super) fn look_again(&mut self, home: HomeIx) {
        self.count_offline(home);
        for id in self.sessions_of(home) {
            if self.session(id).is_some_and(|s| s.takes_messages()) {
                self.send_offline(id);
            }
        }
    }

    fn read_offline(&mut self, id: SessionId, after: Option<MessageId>) {
        let Some(data) = self.session(id).and_then(|s| self.data(s.home)) else { return };
        let (user, notes) = (data.user.id, data.offline_notes);
        if let Some(session) = self.session_mut(id) {
            let had = session.in_flight().collect();
            session.catching_up = Some(CatchUp { had, notes, ..CatchUp::default() });
        }
        self.read(Read::Pending { user, after, limit: OFFLINE_PAGE }, move |engine, reply| match reply {
            Ok(Reply::Messages(page)) => engine.send_offline_page(id, page, after),
            // They stay where they are, for the next time.
            _ => engine.caught_up(id),
        });
    }

    fn send_offline_page(&mut self, id: SessionId, page: Vec<StoredMessage>, after: Option<MessageId>) {
        let Some(home) = self.session(id).map(|s| s.home) else { return };
        let by = self.homes[home].bare.clone();
        let domain = self.domain.clone();
        let bytes: usize = page.iter().map(|m| m.stanza.len()).sum();
        let full = page.len() == OFFLINE_PAGE || bytes >= limits::PAGE_BYTES;
        let last = page.last().map(|m| m.id).or(after);
        let Some(progress) = self.session(id).and_then(|s| s.catching_up.clone()) else { return };
        let mut busy = self.in_flight_elsewhere(home, id);
        busy.extend(&progress.had);
        let mut sent = None;
        for message in page.into_iter().filter(|m| !busy.contains(&m.id)) {
            sent = Some(message.id);
            let mut children = Vec::with_capacity(200);
            push_stanza_id(&mut children, by.as_str(), message.id);
            push_delay(&mut children, domain.as_str(), message.id.time());
            let stanza = with_children(&message.stanza, &children);
            self.send(id, &stanza, Some(message.id));
        }
        if full || progress.missed || progress.again {
            return self.pause_offline(id, last, sent);
        }
        if let Some(data) = self.data_mut(home).filter(|data| data.offline_notes == progress.notes) {
            data.offline = 0;
        }
        self.caught_up(id);
    }

    /// The next page waits until the client has taken what was sent, so that a long absence does not fill its outbox.
    fn pause_offline(&mut self, id: SessionId, after: Option<MessageId>, sent: Option<MessageId>) {
        let Some(session) = self.session_mut(id) else { return };
        let unwritten = sent.filter(|_| session.sm.is_none());
        if let Some(catching_up) = session.catching_up.as_mut() {
            catching_up.paused = Some(Pause { after, unwritten });
        }
        self.continue_offline(id);
    }

    /// The client took something: the next page, when there is room for it.
    pub(super) fn continue_offline(&mut self, id: SessionId) {
        let Some(session) = self.session_mut(id) else { return };
        let room = session.sm.as_ref().is_none_or(|sm| sm.outgoing.bytes() <= limits::PAGE_BYTES);
        let Some(catching_up) = session.catching_up.as_mut().filter(|_| room) else { return };
        let Some(pause) = catching_up.paused.take_if(|pause| pause.unwritten.is_none()) else { return };
        let after = pause.after.filter(|_| !catching_up.again);
        self.read_offline(id, after);
    }

    fn caught_up(&mut self, id: SessionId) {
        if let Some(session) = self.session_mut(id) {
            session.catching_up = None;
        }
    }

    /// Sessions that get a kept message now. One that is still catching up finds it in the database, in its order. One
    /// that has sent no presence yet gets what names it at once (RFC 6121 §8.5.3.1), before the older messages that wait.
    fn up_to_date(&mut self, sessions: SessionList, kept: bool) -> SessionList {
        if !kept {
            return sessions;
        }
        let mut now = SessionList::new();
        for id in sessions {
            let Some(session) = self.session_mut(id) else { continue };
            if let Some(catching_up) = session.catching_up.as_mut() {
                catching_up.missed = true;
            } else {
                now.push(id);
            }
        }
        now
    }

    /// Messages on their way to another, connected session of the user.
    fn in_flight_elsewhere(&self, home: HomeIx, not: SessionId) -> Vec<MessageId> {
        self.sessions_of(home)
            .into_iter()
            .filter(|id| *id != not)
            .filter_map(|id| self.session(id).filter(|s| s.outlet.is_some()))
            .flat_map(|session| session.in_flight())
            .collect()
    }

    /// A message that a lost session never acknowledged: to the user's other resources, unless it is on its way to them
    /// (as a carbon too), or it stays an offline message.
    pub(super) fn deliver_again(&mut self, home: HomeIx, sent: Sent) {
        let Some(id) = sent.kept else { return };
        if sent.copied {
            // Its bytes are of use to nobody else; the message itself stands in the database.
            return self.look_again(home);
        }
        let Targets::Sessions(targets) = self.message_targets(home, None, MessageType::Chat) else {
            return self.count_offline(home);
        };
        let domain = self.domain.clone();
        let mut delay = Vec::new();
        push_delay(&mut delay, domain.as_str(), sent.at);
        let stanza = with_children(&sent.bytes, &delay);
        for target in targets {
            let Some(session) = self.session_mut(target) else { continue };
            if let Some(catching_up) = session.catching_up.as_mut() {
                catching_up.again = true;
                continue;
            }
            if !session.in_flight().any(|other| other == id) {
                self.send(target, &stanza, Some(id));
            }
        }
    }
}

/// The `type` of a message; unknown ones count as `normal` (RFC 6121 §5.2.2).
fn message_type(envelope: &Envelope) -> MessageType {
    MessageType::parse(envelope.type_.as_deref())
}

fn origin_id(stanza: &Stanza) -> Option<String> {
    let child = stanza.child("origin-id", zaiseki_xmpp::ns::SID)?;
    let element = zaiseki_xmpp::xml::element::Element::parse(child.bytes()).ok()?;
    element.attr("id").map(str::to_owned)
}

//! Managing subscriptions (RFC 6121 §3): the pure rules are in `presence/subscription`; here they meet rosters, limits
//! and sessions.

use super::own::Broadcast;
use crate::engine::{Engine, HomeIx, NoHome, SessionId};
use crate::phases::{blocked_by_receiver, blocked_by_sender, blocked_error};
use bytes::Bytes;
use zaiseki_model::envelope::{Head, close};
use zaiseki_model::{Envelope, RosterItem, limits};
pub use zaiseki_presence::subscription::SubscriptionStanza;
use zaiseki_presence::subscription::{self, Change, Outcome, PresenceToSend};
use zaiseki_xmpp::jid::{BareJid, Jid};
use zaiseki_xmpp::stanza::{Condition, PresenceType, StanzaError};

impl Engine {
    /// A subscription stanza from a client.
    pub(super) fn subscription_from(&mut self, id: SessionId, type_: PresenceType, envelope: Envelope) {
        let (Some(home), Some(to)) = (self.session(id).map(|s| s.home), envelope.to.clone()) else { return };
        let Some(stanza) = SubscriptionStanza::from_type(type_) else { return };
        let contact = to.bare();
        if contact == self.homes[home].bare {
            return;
        }
        if blocked_by_sender(self, id, &to) {
            return self.reply_error(id, &envelope, &blocked_error());
        }
        if contact.domain() != self.domain.domain() {
            return self.reply_condition(id, &envelope, Condition::RemoteServerNotFound);
        }
        // Nobody is there to answer: no item shall wait for it.
        if contact.local().is_none() && stanza == SubscriptionStanza::Subscribe {
            return self.reply_condition(id, &envelope, Condition::ServiceUnavailable);
        }
        if envelope.body.len() > limits::SUBSCRIPTION_BYTES {
            let error = StanzaError::new(Condition::PolicyViolation).with_text("the request is too large");
            return self.reply_error(id, &envelope, &error);
        }
        if stanza == SubscriptionStanza::Subscribe
            && let Err(error) = self.room_for_contact(home, &contact)
        {
            return self.reply_error(id, &envelope, &error);
        }
        // Both halves in one transaction: a crash must not leave the contact's item behind; nor does a half that cannot be
        // read: then nothing changes, and the client learns it.
        let name = contact.local().unwrap_or_default().to_owned();
        let ready = self.home_ready(&name).is_some();
        if !ready {
            self.defer(id);
        }
        let user = self.user_id(home);
        self.with_home(&name, move |engine, target| {
            // Meanwhile the account may have been removed, and its name given to another.
            let home = envelope.from.local().and_then(|own| engine.home_ready(own));
            match (home.filter(|home| engine.user_id(*home) == user), target) {
                (_, Err(why @ NoHome::Failed)) => engine.reply_error(id, &envelope, &why.error()),
                // Whoever asks to see somebody at an earlier address learns the new one.
                (_, Err(why @ NoHome::Moved(_))) if stanza == SubscriptionStanza::Subscribe => {
                    engine.reply_error(id, &envelope, &why.error());
                }
                (Some(home), _) => engine.subscription_out(id, home, &contact, stanza, &envelope.body),
                (None, _) => {}
            }
            if !ready {
                engine.deferred_done(id);
            }
        });
    }

    /// The maximum contact list size (a live setting).
    pub(crate) fn room_for_contact(&self, home: HomeIx, contact: &BareJid) -> Result<(), StanzaError> {
        let (Some(data), Some(max)) = (self.data(home), self.settings.max_contacts) else { return Ok(()) };
        let visible = data.roster.values().filter(|item| item.visible).count();
        let known = data.roster.get(contact).is_some_and(|item| item.visible);
        if known || visible < max as usize {
            return Ok(());
        }
        let text = format!("{} {max}", self.text("the contact list is full: at most", "連絡先リストがいっぱいです。上限:"));
        Err(StanzaError::new(Condition::PolicyViolation).with_text(&text))
    }

    /// The sender's half: changes its item, then brings the stanza to the contact's home.
    fn subscription_out(&mut self, id: SessionId, home: HomeIx, contact: &BareJid, stanza: SubscriptionStanza, payload: &Bytes) {
        let item = self.data(home).and_then(|d| d.roster.get(contact));
        let outcome = subscription::outbound(contact, item, stanza);
        self.apply(home, contact, &outcome);
        if outcome.route {
            let from = self.homes[home].bare.clone();
            self.bring_subscription(Some(id), from, contact.clone(), stanza, payload.clone());
        }
    }

    /// Brings a subscription stanza to the home of `contact`, now or when it is loaded.
    pub(crate) fn bring_subscription(
        &mut self,
        sender: Option<SessionId>,
        from: BareJid,
        contact: BareJid,
        stanza: SubscriptionStanza,
        payload: Bytes,
    ) {
        let name = contact.local().unwrap_or_default().to_owned();
        let ready = self.home_ready(&name).is_some();
        if let Some(id) = sender.filter(|_| !ready) {
            self.defer(id);
        }
        self.with_home(&name, move |engine, target| {
            if let Ok(target) = target {
                engine.subscription_in(sender, target, &from, stanza, payload);
            }
            if let Some(id) = sender.filter(|_| !ready) {
                engine.deferred_done(id);
            }
        });
    }

    /// The contact's half.
    fn subscription_in(
        &mut self,
        sender: Option<SessionId>,
        home: HomeIx,
        from: &BareJid,
        stanza: SubscriptionStanza,
        payload: Bytes,
    ) {
        if blocked_by_receiver(self, home, &Jid::Bare(from.clone())) {
            return;
        }
        if stanza == SubscriptionStanza::Subscribe && !self.room_for_watcher(home, from) {
            return self.refuse_watcher(sender, home, from);
        }
        let item = self.data(home).and_then(|d| d.roster.get(from));
        let outcome = subscription::inbound(from, item, stanza, payload.clone(), self.settings.auto_authorize);
        self.apply(home, from, &outcome);
        if outcome.route {
            let to = self.homes[home].bare.clone();
            let bytes = subscription_stanza(from, &to, stanza, &payload);
            for session in self.interested_sessions(home) {
                self.send(session, &bytes, None);
            }
        }
        if let Some(reply) = outcome.reply {
            let own = self.homes[home].bare.clone();
            self.bring_subscription(sender, own, from.clone(), reply, Bytes::new());
            // The grant goes first: presence of somebody one is not yet subscribed to would be odd to a client.
            if outcome.send_presence == PresenceToSend::Current {
                self.send_presence_after(home, from, outcome.send_presence);
            }
        }
    }

    /// The account of `contact` is gone: nothing of it stays in this roster but what the user wrote. The database has
    /// done the same in the transaction of the removal; a write of ours that was under way is put right by this one.
    pub(crate) fn contact_gone(&mut self, home: HomeIx, contact: &BareJid) {
        let Some(item) = self.data(home).and_then(|d| d.roster.get(contact)) else { return };
        let departure = subscription::departure(item);
        let to = self.homes[home].bare.clone();
        for stanza in departure.told {
            let bytes = subscription_stanza(contact, &to, stanza, b"");
            for session in self.interested_sessions(home) {
                self.send(session, &bytes, None);
            }
        }
        match departure.new {
            Change::Keep => {}
            Change::Put(item) => self.put_item(home, item, departure.push),
            Change::Remove => self.remove_item(home, contact, departure.push),
        }
    }

    /// A contact has another address: its item stays as it is, under that one. The database has done the same in the
    /// transaction of the renaming; a write of ours that was under way is put right by this one.
    pub(crate) fn contact_renamed(&mut self, home: HomeIx, old: &BareJid, new: &BareJid) {
        let Some(item) = self.data(home).and_then(|d| d.roster.get(old)).cloned() else { return };
        self.remove_item(home, old, item.visible);
        let push = item.visible;
        self.put_item(home, RosterItem { jid: new.clone(), ..item }, push);
    }

    /// Roster, database, push and presence for one outcome of the table.
    fn apply(&mut self, home: HomeIx, contact: &BareJid, outcome: &Outcome) {
        match &outcome.new {
            Change::Keep => {}
            Change::Put(item) => self.put_item(home, item.clone(), outcome.push),
            Change::Remove => self.remove_item(home, contact, outcome.push),
        }
        if outcome.reply.is_none() || outcome.send_presence == PresenceToSend::Unavailable {
            self.send_presence_after(home, contact, outcome.send_presence);
        }
    }

    fn send_presence_after(&mut self, home: HomeIx, contact: &BareJid, what: PresenceToSend) {
        match what {
            PresenceToSend::None => {}
            PresenceToSend::Current => {
                self.show_to(home, contact);
            }
            PresenceToSend::Unavailable => self.hide_from_contact(home, contact),
        }
    }

    fn show_to_contact(&mut self, session: SessionId, contact: &BareJid) {
        let Some(broadcast) = self.session_broadcast(session) else { return };
        self.tell_contact(contact, &broadcast);
    }

    /// The contact loses sight of the user: unavailable from each resource (RFC 6121 §3.2.2, §3.3.3).
    pub(crate) fn hide_from_contact(&mut self, home: HomeIx, contact: &BareJid) {
        for session in self.available_sessions(home) {
            let Some(jid) = self.session(session).map(|s| s.jid.clone()) else { continue };
            let gone = Broadcast::new(&Jid::Full(jid), Some("unavailable"), None, None, b"");
            self.tell_contact(contact, &gone);
        }
    }

    /// The contact sees the user again.
    pub(crate) fn show_to(&mut self, home: HomeIx, contact: &BareJid) {
        for session in self.available_sessions(home) {
            self.show_to_contact(session, contact);
        }
    }

    fn tell_contact(&mut self, contact: &BareJid, broadcast: &Broadcast) {
        let Some(target) = contact.local().and_then(|name| self.home_ready(name)) else { return };
        for session in self.available_sessions(target) {
            self.deliver_presence(session, broadcast, contact.as_str());
        }
    }

    /// The maximum number of watchers (a live setting).
    fn room_for_watcher(&self, home: HomeIx, from: &BareJid) -> bool {
        let (Some(data), Some(max)) = (self.data(home), self.settings.max_watchers) else { return true };
        let known = data.roster.get(from).is_some_and(|item| item.subscription.from());
        known || data.roster.values().filter(|item| item.subscription.from()).count() < max as usize
    }

    /// The watcher learns why, and its own item no longer waits.
    fn refuse_watcher(&mut self, sender: Option<SessionId>, home: HomeIx, from: &BareJid) {
        let own = self.homes[home].bare.clone();
        if let Some(id) = sender {
            let text = self
                .text("this user has the maximum number of watchers", "このユーザーの閲覧者数は上限に達しています")
                .to_owned();
            let mut out = Vec::new();
            let to = self.session(id).map(|s| s.jid.clone());
            let to = to.as_ref().map(|jid| jid.as_str());
            Head { name: "presence", from: Some(own.as_str()), to, type_: Some("error"), ..Head::default() }.open(&mut out);
            StanzaError::new(Condition::PolicyViolation).with_text(&text).write(&mut out);
            close(&mut out, "presence");
            self.send(id, &out, None);
        }
        self.bring_subscription(sender, own, from.clone(), SubscriptionStanza::Unsubscribed, Bytes::new());
    }

    /// Requests that wait for the user's answer, once per session (RFC 6121 §3.1.3).
    pub(super) fn send_requests(&mut self, id: SessionId, home: HomeIx) {
        match self.session_mut(id) {
            Some(session) if !session.requests_sent => session.requests_sent = true,
            _ => return,
        }
        let own = self.homes[home].bare.clone();
        let waiting: Vec<Vec<u8>> = self
            .data(home)
            .into_iter()
            .flat_map(|d| d.roster.values())
            .filter_map(|item| Some((&item.jid, item.pending_in.as_ref()?)))
            .map(|(jid, payload)| subscription_stanza(jid, &own, SubscriptionStanza::Subscribe, payload))
            .collect();
        for stanza in waiting {
            self.send(id, &stanza, None);
        }
    }

    /// Resources that handle subscriptions: available, or at least looking at the roster.
    fn interested_sessions(&self, home: HomeIx) -> Vec<SessionId> {
        self.sessions_of(home)
            .into_iter()
            .filter(|id| self.session(*id).is_some_and(|s| s.available.is_some() || s.interested))
            .collect()
    }

    /// A new or changed item, for the handler of roster sets too.
    pub(crate) fn put_item(&mut self, home: HomeIx, item: RosterItem, push: bool) {
        let Some(data) = self.data_mut(home) else { return };
        data.roster.insert(item.jid.clone(), item.clone());
        let user = data.user.id;
        self.write(zaiseki_store::Write::RosterPut { user, item: item.clone() });
        if push {
            self.push_item(home, &item, false);
        }
    }

    pub(crate) fn remove_item(&mut self, home: HomeIx, contact: &BareJid, push: bool) {
        let Some(data) = self.data_mut(home) else { return };
        let Some(item) = data.roster.remove(contact) else { return };
        let user = data.user.id;
        self.write(zaiseki_store::Write::RosterRemove { user, jid: contact.clone() });
        if push {
            self.push_item(home, &item, true);
        }
    }
}

fn subscription_stanza(from: &BareJid, to: &BareJid, stanza: SubscriptionStanza, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(128 + payload.len());
    Head { name: "presence", from: Some(from.as_str()), to: Some(to.as_str()), type_: Some(stanza.as_str()), ..Head::default() }
        .open(&mut out);
    out.extend_from_slice(payload);
    close(&mut out, "presence");
    out
}

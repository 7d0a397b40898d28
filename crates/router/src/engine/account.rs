//! Requests to the server and to accounts (RFC 6120 §10, RFC 6121 §8.5), and changes of an account from outside.

use super::home::NoHome;
use super::resume::Ended;
use super::{AccountChange, Engine, HomeIx, SessionId};
use crate::handlers::{Answer, Request, Scope, iq_type};
use crate::outlet::Close;
use crate::phases::{blocked_by_receiver, blocked_by_sender, blocked_error};
use crate::route::{Destination, View, decide};
use zaiseki_model::{Envelope, Timestamp};
use zaiseki_store::{Read, Reply};
use zaiseki_xmpp::jid::BareJid;
use zaiseki_xmpp::ns;
use zaiseki_xmpp::stanza::{Condition, IqType, StanzaError, StreamErrorCondition};
use zaiseki_xmpp::xml::element::Element;

/// What whoever is renamed hears. The password is right as it was, so that clients keep it.
const MOVED: &str = "the account has another address: sign in again";

impl Engine {
    pub(super) fn iq(&mut self, id: SessionId, envelope: Envelope) {
        let domain = self.domain.clone();
        match decide(&envelope, &self.view(&domain)) {
            Destination::Elsewhere => self.reply_condition(id, &envelope, Condition::RemoteServerNotFound),
            Destination::Resource(local, resource) => {
                let (name, resource) = (local.to_owned(), resource.to_owned());
                self.forward_iq(id, &name, &resource, envelope);
            }
            Destination::Domain => self.own_iq(id, Scope::Domain, envelope),
            Destination::Directory => self.own_iq(id, Scope::Directory, envelope),
            Destination::OwnAccount => self.own_iq(id, Scope::Own, envelope),
            Destination::Account(local) => {
                let name = local.to_owned();
                self.account_iq(id, &name, envelope);
            }
        }
    }

    pub(super) fn view<'a>(&self, domain: &'a BareJid) -> View<'a> {
        View { domain, directory: self.settings.people.search }
    }

    fn own_iq(&mut self, id: SessionId, scope: Scope, envelope: Envelope) {
        let Some(home) = self.session(id).map(|s| s.home) else { return };
        match iq_type(&envelope) {
            Some(IqType::Get | IqType::Set) => self.request(id, home, scope, envelope),
            _ => self.answered(id, &envelope),
        }
    }

    /// An iq to another user's bare address: the server answers on the user's behalf.
    fn account_iq(&mut self, id: SessionId, name: &str, envelope: Envelope) {
        if !matches!(iq_type(&envelope), Some(IqType::Get | IqType::Set)) {
            return;
        }
        if envelope.to.as_ref().is_some_and(|to| blocked_by_sender(self, id, to)) {
            return self.reply_error(id, &envelope, &blocked_error());
        }
        self.with_home(name, move |engine, home| match home {
            Ok(home) if blocked_by_receiver(engine, home, &envelope.from) => {
                engine.reply_condition(id, &envelope, Condition::ServiceUnavailable);
            }
            Ok(home) => engine.request(id, home, Scope::Account, envelope),
            Err(NoHome::Unknown) => engine.unknown_account(id, &envelope),
            Err(why) => engine.reply_error(id, &envelope, &why.error()),
        });
    }

    /// Nothing tells whether an account exists (XEP-0030 §8): items of an unknown one are an empty list.
    fn unknown_account(&mut self, id: SessionId, envelope: &Envelope) {
        if envelope.stanza.has_child("query", ns::DISCO_ITEMS) {
            let Ok(items) = crate::handlers::disco::no_items(envelope) else { return };
            return self.reply_result(id, envelope, &items);
        }
        let child = envelope.stanza.children().next();
        let set = iq_type(envelope) == Some(IqType::Set);
        let condition = child.map_or(Condition::ServiceUnavailable, |child| refused_to_strangers(child.ns(), set));
        self.reply_condition(id, envelope, condition);
    }

    fn request(&mut self, id: SessionId, home: HomeIx, scope: Scope, envelope: Envelope) {
        let Some(sender) = self.session(id).map(|s| s.home) else { return };
        let Some(payload) = envelope.stanza.children().next().and_then(|c| Element::parse(c.bytes()).ok()) else {
            return self.reply_condition(id, &envelope, Condition::BadRequest);
        };
        let set = iq_type(&envelope) == Some(IqType::Set);
        let handle = match self.registry.find(payload.ns(), payload.name(), set, scope) {
            Ok(handle) => handle,
            Err(_) => return self.reply_condition(id, &envelope, refusal(&payload, scope)),
        };
        let request = Request { session: id, sender, home, scope, set, envelope, payload };
        match handle(self, &request) {
            Ok(Answer::Result(payload)) => self.reply_result(id, &request.envelope, &payload),
            Ok(Answer::Kept) => {
                self.when_durable(move |engine| engine.reply_result(id, &request.envelope, b""));
            }
            Ok(Answer::KeptResult(payload)) => {
                self.when_durable(move |engine| engine.reply_result(id, &request.envelope, &payload));
            }
            Ok(Answer::Later) => {}
            Err(error) => self.reply_error(id, &request.envelope, &error),
        }
    }

    /// A client answered a request of the server.
    fn answered(&mut self, id: SessionId, envelope: &Envelope) {
        let Some(iq) = envelope.id.as_deref() else { return };
        if self.asked.get(&id).is_some_and(|asked| asked.iq == iq)
            && let Some(asked) = self.asked.remove(&id)
        {
            crate::handlers::caps::answered(self, id, asked, envelope);
        }
    }

    /// An iq from one client to another.
    fn forward_iq(&mut self, id: SessionId, name: &str, resource: &str, envelope: Envelope) {
        let request = matches!(iq_type(&envelope), Some(IqType::Get | IqType::Set));
        let own = envelope.to.as_ref().is_some_and(|to| to.bare_str() == envelope.from.bare_str());
        if let Some(to) = &envelope.to
            && blocked_by_sender(self, id, to)
        {
            return self.reply_error(id, &envelope, &blocked_error());
        }
        let payload_is = |ns: &str| envelope.stanza.children().next().is_some_and(|c| c.ns() == ns);
        // A push is honoured only from the own account; none is let through from somebody else.
        if request && !own && (payload_is(ns::ROSTER) || payload_is(ns::BLOCKING)) {
            return self.reply_condition(id, &envelope, Condition::Forbidden);
        }
        let target = self.home_ready(name).and_then(|home| {
            let session = self.session_by_resource(home, resource)?;
            (!blocked_by_receiver(self, home, &envelope.from)).then_some(session)
        });
        match target {
            Some(target) => {
                let mut out = std::mem::take(&mut self.scratch);
                out.clear();
                envelope.write(&mut out, None, false, b"");
                self.send(target, &out, None);
                self.scratch = out;
            }
            None if request => self.reply_condition(id, &envelope, Condition::ServiceUnavailable),
            None => {}
        }
    }

    /// The account was changed by an administrator.
    pub fn account_changed(&mut self, now: Timestamp, name: &str, change: AccountChange) {
        self.now = now;
        if change != AccountChange::Changed {
            self.revocations.note(now, name);
        }
        match change {
            AccountChange::Revoked => self.revoke(name),
            AccountChange::Removed => {
                self.revoke(name);
                self.account_gone(name);
            }
            AccountChange::Renamed(to) => self.account_renamed(name, &to),
            AccountChange::Exchanged(names) => self.accounts_exchanged(&names),
            AccountChange::Changed => {
                if let Some(&home) = self.names.get(name) {
                    self.reread_user(home, name.to_owned());
                }
            }
        }
    }

    /// Whether the user was revoked after having proven who they are.
    pub fn revoked_since(&self, name: &str, proven: Timestamp) -> bool {
        self.revocations.after(name, proven)
    }

    /// The account has another name: sessions of the old one end, as their address is no more; everything else goes on
    /// under the new one. The contact lists and block lists of those who are in memory follow, also those that are being
    /// read, perhaps from before; those of all others the database has put right.
    fn account_renamed(&mut self, name: &str, to: &str) {
        let domain = self.domain.domain();
        let (Ok(old), Ok(new)) = (BareJid::new(Some(name), domain), BareJid::new(Some(to), domain)) else { return };
        self.turn_out(name, StreamErrorCondition::Reset, MOVED);
        self.move_calendar(name, to);
        let knows = |home: &super::Home| {
            let blocks = |data: &super::HomeData| data.blocked.iter().any(|jid| jid.bare_str() == old.as_str());
            home.data().is_none_or(|data| data.roster.contains_key(&old) || blocks(data))
        };
        let names: Vec<_> = self.homes.iter().filter(|(_, home)| knows(home)).map(|(_, home)| home.name.clone()).collect();
        for contact in names {
            let (old, new) = (old.clone(), new.clone());
            self.with_home(&contact, move |engine, home| {
                if let Ok(home) = home {
                    engine.contact_renamed(home, &old, &new);
                    crate::handlers::blocking::renamed(engine, home, &old, &new);
                }
            });
        }
    }

    /// Accounts got each other's names. Nothing tells whether a contact list in memory is from before or from after; so whoever
    /// knows one of them begins anew, with what the database says.
    fn accounts_exchanged(&mut self, names: &[(String, String)]) {
        for (name, _) in names {
            self.revocations.note(self.now, name);
            self.turn_out(name, StreamErrorCondition::Reset, MOVED);
        }
        let calendars: Vec<_> = names.iter().filter_map(|(name, to)| Some((to, self.calendars.remove(name.as_str())?))).collect();
        for (to, calendar) in calendars {
            self.place_calendar(to, calendar);
        }
        let domain = self.domain.domain().to_owned();
        let addresses: Vec<BareJid> = names.iter().filter_map(|(name, _)| BareJid::new(Some(name), &domain).ok()).collect();
        let blocks = |data: &super::HomeData, old: &BareJid| data.blocked.iter().any(|jid| jid.bare_str() == old.as_str());
        let knows = |home: &super::Home| {
            home.data().is_none_or(|data| addresses.iter().any(|old| data.roster.contains_key(old) || blocks(data, old)))
        };
        let contacts: Vec<_> = self.homes.iter().filter(|(_, home)| knows(home)).map(|(_, home)| home.name.clone()).collect();
        let text = "contacts have other addresses: sign in again";
        contacts.iter().for_each(|contact| self.turn_out(contact, StreamErrorCondition::Reset, text));
    }

    /// Ends the sessions of a user, those too that wait for the home to be read, and forgets the home.
    fn revoke(&mut self, name: &str) {
        let text = "the account can't be used any more, or its password changed";
        self.turn_out(name, StreamErrorCondition::NotAuthorized, text);
    }

    fn turn_out(&mut self, name: &str, condition: StreamErrorCondition, text: &'static str) {
        if !self.names.contains_key(name) {
            return;
        }
        self.with_home(name, move |engine, home| {
            let Ok(home) = home else { return };
            for id in engine.sessions_of(home) {
                engine.end_session(id, Some(Close::Error(condition, text.to_owned())), Ended::Revoked);
            }
            let gone = engine.homes.remove(home);
            engine.names.remove(&gone.name);
        });
    }

    /// The account was removed: its contacts' rosters forget the subscriptions of both directions, also those that are
    /// being read, perhaps from before the removal. The rosters of all others the database has put right.
    fn account_gone(&mut self, name: &str) {
        let Ok(gone) = BareJid::new(Some(name), self.domain.domain()) else { return };
        self.calendars.remove(name);
        let knows = |home: &super::Home| home.data().is_none_or(|data| data.roster.contains_key(&gone));
        let contacts: Vec<_> = self.homes.iter().filter(|(_, home)| knows(home)).map(|(_, home)| home.name.clone()).collect();
        for contact in contacts {
            let gone = gone.clone();
            self.with_home(&contact, move |engine, home| {
                if let Ok(home) = home {
                    engine.contact_gone(home, &gone);
                }
            });
        }
    }

    fn reread_user(&mut self, home: HomeIx, name: String) {
        self.read(Read::UserData { name: name.clone() }, move |engine, reply| {
            let Ok(Reply::UserData(Some(row))) = reply else { return };
            if engine.names.get(name.as_str()) != Some(&home) {
                return;
            }
            if let Some(data) = engine.data_mut(home) {
                data.user = row.user;
                data.archive = super::home::archives(&row.preferences);
            }
            engine.recompose(home);
            engine.activity_moved(home);
        });
    }
}

/// The error for a request nobody handles. RFC 6121 §2.1.5: somebody else's roster is forbidden.
fn refusal(payload: &Element, scope: Scope) -> Condition {
    match (payload.ns(), scope) {
        (ns::ROSTER, Scope::Account) => Condition::Forbidden,
        _ => Condition::ServiceUnavailable,
    }
}

/// What a stranger hears from an account that is there, for those requests that are not simply unavailable: one that is
/// not there answers the same.
fn refused_to_strangers(namespace: &str, set: bool) -> Condition {
    match (namespace, set) {
        (ns::ROSTER, _) | (ns::VCARD_TEMP | ns::PUBSUB, true) | (ns::PUBSUB_OWNER, _) => Condition::Forbidden,
        (crate::handlers::last::NS, false) => Condition::Forbidden,
        (ns::PUBSUB, false) => Condition::ItemNotFound,
        _ => Condition::ServiceUnavailable,
    }
}

/// Shorthand for handlers.
pub(crate) fn bad_request(text: &str) -> StanzaError {
    StanzaError::new(Condition::BadRequest).with_text(text)
}

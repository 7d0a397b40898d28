//! Contact lists (RFC 6121 §2), with versions (§2.6).

use super::{Answer, Feature, Request, Route, Scope};
use crate::engine::{Engine, HomeIx, NoHome, SessionId, bad_request};
use bytes::Bytes;
use std::collections::HashSet;
use zaiseki_model::{RosterItem, limits};
use zaiseki_presence::subscription;
use zaiseki_store::Write;
use zaiseki_xmpp::jid::{BareJid, Jid};
use zaiseki_xmpp::stanza::{Condition, StanzaError};
use zaiseki_xmpp::xml::element::Element;
use zaiseki_xmpp::xml::escape::{push_attr, push_text};

const NS: &str = zaiseki_xmpp::ns::ROSTER;

pub static FEATURE: Feature = Feature {
    spec: "RFC 6121",
    version: "",
    title: "Roster",
    file: file!(),
    domain_features: &[],
    account_features: &[],
    routes: &[Route { name: "query", ns: NS, get: true, set: true, scopes: &[Scope::Own], handle: roster }],
};

fn roster(engine: &mut Engine, request: &Request) -> Result<Answer, StanzaError> {
    if request.set { set(engine, request) } else { get(engine, request) }
}

fn get(engine: &mut Engine, request: &Request) -> Result<Answer, StanzaError> {
    if let Some(session) = engine.session_mut(request.session) {
        session.interested = true;
    }
    let data = engine.data(request.home).ok_or_else(|| StanzaError::new(Condition::InternalServerError))?;
    let version = data.roster_version;
    if request.payload.attr("ver") == Some(version.to_string().as_str()) {
        return Ok(Answer::empty());
    }
    let mut out = open_query(version);
    for item in data.roster.values().filter(|item| item.visible) {
        push_roster_item(&mut out, item, false);
    }
    out.extend_from_slice(b"</query>");
    Ok(Answer::Result(out))
}

fn open_query(version: u64) -> Vec<u8> {
    format!("<query xmlns='{NS}' ver='{version}'>").into_bytes()
}

/// One `<item/>` of a result or push.
fn push_roster_item(out: &mut Vec<u8>, item: &RosterItem, removed: bool) {
    let mut head = Vec::with_capacity(96);
    let mut put = |name: &str, value: &str| {
        head.push(b' ');
        head.extend_from_slice(name.as_bytes());
        head.extend_from_slice(b"='");
        push_attr(&mut head, value);
        head.push(b'\'');
    };
    put("jid", item.jid.as_str());
    if removed {
        put("subscription", "remove");
        out.extend_from_slice(b"<item");
        out.extend_from_slice(&head);
        return out.extend_from_slice(b"/>");
    }
    put("subscription", item.subscription.as_str());
    if !item.name.is_empty() {
        put("name", &item.name);
    }
    if item.ask {
        put("ask", "subscribe");
    }
    if item.approved {
        put("approved", "true");
    }
    out.extend_from_slice(b"<item");
    out.extend_from_slice(&head);
    if item.groups.is_empty() {
        return out.extend_from_slice(b"/>");
    }
    out.push(b'>');
    for group in &item.groups {
        out.extend_from_slice(b"<group>");
        push_text(out, group);
        out.extend_from_slice(b"</group>");
    }
    out.extend_from_slice(b"</item>");
}

/// A roster set: exactly one item (RFC 6121 §2.1.5, errors of §2.3.3).
fn set(engine: &mut Engine, request: &Request) -> Result<Answer, StanzaError> {
    let mut items = request.payload.children().filter(|c| c.is("item", NS));
    let (Some(item), None) = (items.next(), items.next()) else {
        return Err(bad_request("a roster set holds exactly one item"));
    };
    let jid = item.attr("jid").ok_or_else(|| bad_request("the item has no jid"))?;
    let jid = Jid::parse(jid).map_err(|_| StanzaError::new(Condition::JidMalformed))?.bare();
    if item.attr("subscription") == Some("remove") {
        return remove(engine, request, &jid);
    }
    let (name, groups) = checked(item)?;
    engine.room_for_contact(request.home, &jid)?;
    let data = engine.data(request.home).ok_or_else(|| StanzaError::new(Condition::InternalServerError))?;
    let mut new = data.roster.get(&jid).cloned().unwrap_or_else(|| RosterItem::new(jid));
    new.name = name;
    new.groups = groups;
    new.visible = true;
    engine.put_item(request.home, new, true);
    Ok(Answer::Kept)
}

/// Name and groups within their limits: duplicate groups are `bad-request`, empty or over-long ones `not-acceptable`.
fn checked(item: &Element) -> Result<(String, Vec<String>), StanzaError> {
    let not_acceptable = |text: &str| StanzaError::new(Condition::NotAcceptable).with_text(text);
    let name = item.attr("name").unwrap_or_default().to_owned();
    if name.len() > limits::ROSTER_NAME_BYTES {
        return Err(not_acceptable("the name is too long"));
    }
    let groups: Vec<String> = item.children().filter(|c| c.is("group", NS)).map(Element::text).collect();
    if groups.iter().collect::<HashSet<_>>().len() != groups.len() {
        return Err(bad_request("a group is named twice"));
    }
    if groups.iter().any(|g| g.is_empty() || g.len() > limits::ROSTER_NAME_BYTES) {
        return Err(not_acceptable("a group name is empty or too long"));
    }
    if groups.len() > limits::ROSTER_GROUPS {
        return Err(not_acceptable("too many groups"));
    }
    Ok((name, groups))
}

/// Removing a contact also ends both subscriptions (RFC 6121 §2.5.1). Both halves in one transaction, as for a change of
/// a subscription: the contact's home is there before anything changes, or the client learns that nothing did.
fn remove(engine: &mut Engine, request: &Request, jid: &BareJid) -> Result<Answer, StanzaError> {
    let known = engine.data(request.home).and_then(|d| d.roster.get(jid)).is_some_and(|item| item.visible);
    if !known {
        return Err(StanzaError::new(Condition::ItemNotFound));
    }
    let user = engine.user_id(request.home);
    let (request, jid) = (request.clone(), jid.clone());
    let name = jid.local().filter(|_| jid.domain() == engine.domain.domain()).unwrap_or_default().to_owned();
    let ready = engine.home_ready(&name).is_some();
    if !ready {
        engine.defer(request.session);
    }
    engine.with_home(&name, move |engine, contact| {
        let session = request.session;
        // Meanwhile the account may have been removed, and its name given to another.
        let own = request.envelope.from.local().and_then(|own| engine.home_ready(own));
        let own = own.filter(|home| engine.user_id(*home) == user);
        match (own, contact) {
            (_, Err(why @ NoHome::Failed)) => engine.reply_error(session, &request.envelope, &why.error()),
            (Some(home), _) if remove_both(engine, home, session, &jid) => {
                engine.when_durable(move |engine| engine.reply_result(session, &request.envelope, b""));
            }
            _ => engine.reply_condition(session, &request.envelope, Condition::ItemNotFound),
        }
        if !ready {
            engine.deferred_done(session);
        }
    });
    Ok(Answer::Later)
}

/// False: there is no such item (any more).
fn remove_both(engine: &mut Engine, home: HomeIx, session: SessionId, jid: &BareJid) -> bool {
    let Some(item) = engine.data(home).and_then(|d| d.roster.get(jid)).filter(|item| item.visible).cloned() else { return false };
    // First the item, so that the end of its subscriptions is no push of its own.
    engine.remove_item(home, jid, true);
    let own = engine.homes[home].bare.clone();
    for stanza in subscription::removal(&item) {
        engine.bring_subscription(Some(session), own.clone(), jid.clone(), stanza, Bytes::new());
    }
    if item.subscription.from() {
        engine.hide_from_contact(home, jid);
    }
    true
}

impl Engine {
    /// Pushes one item to every session that asked for the roster (RFC 6121 §2.1.6), under a new version.
    pub(crate) fn push_item(&mut self, home: HomeIx, item: &RosterItem, removed: bool) {
        let Some(data) = self.data_mut(home) else { return };
        data.roster_version += 1;
        let (user, version) = (data.user.id, data.roster_version);
        self.write(Write::RosterVersion { user, version });
        let mut payload = open_query(version);
        push_roster_item(&mut payload, item, removed);
        payload.extend_from_slice(b"</query>");
        for id in self.sessions_of(home) {
            if self.session(id).is_some_and(|s| s.interested) {
                let push = self.make_id();
                self.send_iq_set(id, None, &push, &payload);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::{AccountChange, BindRequest, Engine, EngineConfig, SessionId};
    use crate::outbox::Outbox;
    use bytes::Bytes;
    use std::sync::{Arc, Mutex};
    use zaiseki_model::{MessageIds, RosterItem, Subscription, Timestamp, User, UserId};
    use zaiseki_store::{Reply, StoreError, UserData, Write};
    use zaiseki_xmpp::xml::framer::{Limits, stanza_from_bytes};

    const NOW: Timestamp = Timestamp::ZERO;

    fn data(name: &str, id: u8) -> Result<Reply, StoreError> {
        let user = User {
            id: UserId([id; 16]),
            name: name.to_owned(),
            display_name: String::new(),
            mail: String::new(),
            telephone: String::new(),
            language: None,
            enabled: true,
            calendar: true,
            im: true,
            user_id: None,
        };
        let other = if name == "mika" { "ken@here.example" } else { "mika@here.example" };
        let item = RosterItem { subscription: Subscription::Both, ..RosterItem::new(other.parse().expect("an address")) };
        Ok(Reply::UserData(Some(Box::new(UserData {
            user,
            roster: vec![item],
            roster_version: 0,
            blocked: Vec::new(),
            preferences: Vec::new(),
            pep_nodes: Vec::new(),
            pending: 0,
        }))))
    }

    /// Mika, who knows ken; his data is still to be read.
    fn mika() -> (Engine, SessionId, Arc<Outbox>) {
        let mut engine = Engine::new(EngineConfig {
            domain: "here.example".parse().expect("a domain"),
            ids: MessageIds::new(0, None),
            settings: Arc::default(),
            random: Box::new(|out| out.fill(1)),
        });
        let bound = Arc::new(Mutex::new(None));
        let (told, outbox) = (bound.clone(), Arc::new(Outbox::new(false)));
        engine.bind(NOW, bind(outbox.clone(), move |session| *told.lock().expect("no panic") = Some(session)));
        answer(&mut engine, data("mika", 1));
        let session = bound.lock().expect("no panic").take().expect("bound");
        (engine, session, outbox)
    }

    fn bind(outlet: Arc<Outbox>, done: impl FnOnce(SessionId) + Send + 'static) -> BindRequest {
        BindRequest {
            user: UserId([1; 16]),
            name: "mika".to_owned(),
            resource: None,
            lang: None,
            carrier: zaiseki_model::live::Carrier::local(),
            outlet,
            done: Box::new(move |result| done(result.expect("bound").0)),
        }
    }

    /// Answers the one read under way; what was written until then is on disk.
    fn answer(engine: &mut Engine, reply: Result<Reply, StoreError>) {
        let effects = engine.take_effects();
        engine.durable(NOW, effects.seq);
        engine.read_done(NOW, effects.reads[0].token, reply);
    }

    fn remove(engine: &mut Engine, id: SessionId) {
        let item = "<item jid='ken@here.example' subscription='remove'/>";
        let text = format!("<iq type='set' id='r'><query xmlns='jabber:iq:roster'>{item}</query></iq>");
        engine.stanza(NOW, id, stanza_from_bytes(Bytes::from(text), Limits::default()).expect("well-formed"));
    }

    /// The items changed or removed by the next transaction, which is then on disk; and what the client was told.
    fn outcome(engine: &mut Engine, outbox: &Outbox) -> (usize, String) {
        let effects = engine.take_effects();
        engine.durable(NOW, effects.seq);
        let items = |write: &&Write| matches!(write, Write::RosterPut { .. } | Write::RosterRemove { .. });
        let told = outbox.take(Vec::new()).map(|flush| String::from_utf8(flush.bytes).expect("text"));
        (effects.writes.iter().filter(items).count(), told.unwrap_or_default())
    }

    #[test]
    fn both_halves_go_in_one_transaction() {
        let (mut engine, id, outbox) = mika();
        remove(&mut engine, id);
        answer(&mut engine, data("ken", 2));
        let (items, told) = outcome(&mut engine, &outbox);
        // Mika's item, and ken's for each of the two directions.
        assert_eq!((items, told.contains("type='result'")), (3, true), "{told}");
    }

    #[test]
    fn nothing_goes_when_the_contacts_half_cannot_be_read() {
        let (mut engine, id, outbox) = mika();
        remove(&mut engine, id);
        answer(&mut engine, Err(StoreError::Unavailable("tested".to_owned())));
        let (items, told) = outcome(&mut engine, &outbox);
        assert_eq!((items, told.contains("<internal-server-error")), (0, true), "{told}");
        remove(&mut engine, id);
        answer(&mut engine, data("ken", 2));
        assert_eq!(outcome(&mut engine, &outbox).0, 3, "the next try");
    }

    /// The same holds for a change of a subscription (`presence_host/subscription.rs`).
    #[test]
    fn no_subscription_changes_when_the_contacts_half_cannot_be_read() {
        let (mut engine, id, outbox) = mika();
        let unsubscribe = "<presence type='unsubscribe' to='ken@here.example'/>";
        let stanza = || stanza_from_bytes(Bytes::from(unsubscribe), Limits::default()).expect("well-formed");
        engine.stanza(NOW, id, stanza());
        answer(&mut engine, Err(StoreError::Unavailable("tested".to_owned())));
        let (items, told) = outcome(&mut engine, &outbox);
        assert_eq!((items, told.contains("<internal-server-error")), (0, true), "{told}");
        engine.stanza(NOW, id, stanza());
        answer(&mut engine, data("ken", 2));
        assert_eq!(outcome(&mut engine, &outbox).0, 2, "the next try");
    }

    /// The account was removed while the contact's half was being read, and another one has its name.
    #[test]
    fn somebody_elses_roster_stays_as_it_is() {
        let (mut engine, id, _) = mika();
        remove(&mut engine, id);
        let ken = engine.take_effects().reads[0].token;
        engine.account_changed(NOW, "mika", AccountChange::Revoked);
        let outbox = Arc::new(Outbox::new(false));
        engine.bind(NOW, BindRequest { user: UserId([9; 16]), ..bind(outbox.clone(), |_| {}) });
        answer(&mut engine, data("mika", 9));
        engine.read_done(NOW, ken, data("ken", 2));
        assert_eq!(outcome(&mut engine, &outbox).0, 0);
    }
}

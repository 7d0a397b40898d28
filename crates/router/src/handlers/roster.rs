//! Contact lists (RFC 6121 §2), with versions (§2.6).

use super::{Answer, Feature, Request, Route, Scope};
use crate::engine::{Engine, HomeIx, bad_request};
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
/// a subscription: the contact's home is there before anything changes.
fn remove(engine: &mut Engine, request: &Request, jid: &BareJid) -> Result<Answer, StanzaError> {
    let known = engine.data(request.home).and_then(|d| d.roster.get(jid)).is_some_and(|item| item.visible);
    if !known {
        return Err(StanzaError::new(Condition::ItemNotFound));
    }
    let (request, jid) = (request.clone(), jid.clone());
    let name = jid.local().filter(|_| jid.domain() == engine.domain.domain()).unwrap_or_default().to_owned();
    let ready = engine.home_ready(&name).is_some();
    if !ready {
        engine.defer(request.session);
    }
    engine.with_home(&name, move |engine, _| {
        let session = request.session;
        remove_both(engine, &request, &jid);
        engine.when_durable(move |engine| engine.reply_result(request.session, &request.envelope, b""));
        if !ready {
            engine.deferred_done(session);
        }
    });
    Ok(Answer::Later)
}

fn remove_both(engine: &mut Engine, request: &Request, jid: &BareJid) {
    let Some(home) = request.envelope.from.local().and_then(|own| engine.home_ready(own)) else { return };
    let Some(item) = engine.data(home).and_then(|d| d.roster.get(jid)).cloned() else { return };
    // First the item, so that the end of its subscriptions is no push of its own.
    engine.remove_item(home, jid, true);
    let own = engine.homes[home].bare.clone();
    for stanza in subscription::removal(&item) {
        engine.bring_subscription(Some(request.session), own.clone(), jid.clone(), stanza, Bytes::new());
    }
    if item.subscription.from() {
        engine.hide_from_contact(home, jid);
    }
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

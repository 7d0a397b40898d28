//! Blocking command (XEP-0191 1.3).

use super::{Answer, Feature, Request, Route, Scope};
use crate::engine::{Engine, HomeIx, bad_request};
use crate::phases::is_blocked;
use bytes::Bytes;
use std::collections::HashSet;
use zaiseki_model::limits;
use zaiseki_store::{Family, Write};
use zaiseki_xmpp::jid::{BareJid, Jid};
use zaiseki_xmpp::ns::CLIENT;
use zaiseki_xmpp::stanza::{Condition, StanzaError};
use zaiseki_xmpp::xml::element::Element;

const NS: &str = zaiseki_xmpp::ns::BLOCKING;
const OWN: &[Scope] = &[Scope::Own];

pub static FEATURE: Feature = Feature {
    spec: "XEP-0191",
    version: "1.3",
    title: "Blocking Command",
    file: file!(),
    domain_features: &[NS],
    account_features: &[NS],
    routes: &[
        Route { name: "blocklist", ns: NS, get: true, set: false, scopes: OWN, handle: list },
        Route { name: "block", ns: NS, get: false, set: true, scopes: OWN, handle: block },
        Route { name: "unblock", ns: NS, get: false, set: true, scopes: OWN, handle: unblock },
    ],
};

fn list(engine: &mut Engine, request: &Request) -> Result<Answer, StanzaError> {
    if let Some(session) = engine.session_mut(request.session) {
        session.wants_blocklist = true;
    }
    let blocked = engine.data(request.home).map(|d| &d.blocked);
    let mut list = Element::new("blocklist", NS);
    for jid in blocked.into_iter().flatten() {
        list.push(Element::new("item", NS).with_attr("jid", jid.as_str()));
    }
    Ok(Answer::element(&list))
}

fn items(request: &Request) -> Result<Vec<Jid>, StanzaError> {
    let items = request.payload.children().filter(|c| c.is("item", NS));
    items
        .map(|item| {
            let jid = item.attr("jid").ok_or_else(|| bad_request("an item has no jid"))?;
            Jid::parse(jid).map_err(|_| StanzaError::new(Condition::JidMalformed))
        })
        .collect()
}

fn block(engine: &mut Engine, request: &Request) -> Result<Answer, StanzaError> {
    let jids = items(request)?;
    if jids.is_empty() {
        return Err(bad_request("nobody to block"));
    }
    let known = engine.data(request.home).map(|d| &d.blocked);
    let new: HashSet<&Jid> = jids.iter().filter(|jid| known.is_none_or(|known| !known.contains(jid))).collect();
    if known.map_or(0, HashSet::len) + new.len() > limits::BLOCKED_JIDS {
        return Err(StanzaError::new(Condition::ResourceConstraint));
    }
    // §3.2: the blocked contact sees the user go offline, while it still may.
    for contact in watchers_among(engine, request.home, &jids) {
        engine.hide_from_contact(request.home, &contact);
    }
    engine.end_directed(request.home, &jids.iter().cloned().collect());
    for jid in &jids {
        change(engine, request.home, jid, true);
    }
    push(engine, request.home, "block", &jids);
    Ok(Answer::Kept)
}

fn unblock(engine: &mut Engine, request: &Request) -> Result<Answer, StanzaError> {
    let mut jids = items(request)?;
    let all = jids.is_empty();
    if all {
        jids = engine.data(request.home).map(|d| d.blocked.iter().cloned().collect()).unwrap_or_default();
    }
    for jid in &jids {
        change(engine, request.home, jid, false);
    }
    push(engine, request.home, "unblock", if all { &[] } else { &jids });
    for contact in watchers_among(engine, request.home, &jids) {
        engine.show_to(request.home, &contact);
    }
    // What became of them meanwhile did not get through.
    engine.probe_anew(request.home, &jids.iter().cloned().collect());
    Ok(Answer::Kept)
}

/// Contacts that see the user's presence and are matched by `jids`.
fn watchers_among(engine: &Engine, home: HomeIx, jids: &[Jid]) -> Vec<BareJid> {
    let set = jids.iter().cloned().collect();
    let Some(data) = engine.data(home) else { return Vec::new() };
    data.roster
        .values()
        .filter(|item| item.subscription.from() && is_blocked(&set, &Jid::Bare(item.jid.clone())))
        .map(|item| item.jid.clone())
        .collect()
}

fn change(engine: &mut Engine, home: HomeIx, jid: &Jid, on: bool) {
    let Some(data) = engine.data_mut(home) else { return };
    let user = data.user.id;
    let key = jid.as_str().to_owned();
    if on {
        data.blocked.insert(jid.clone());
        engine.write(Write::DocPut { user, family: Family::Blocked, key, value: Bytes::new() });
    } else {
        data.blocked.remove(jid);
        engine.write(Write::DocRemove { user, family: Family::Blocked, key });
    }
}

/// Whoever is blocked stays so under a new address.
pub(crate) fn renamed(engine: &mut Engine, home: HomeIx, old: &BareJid, new: &BareJid) {
    let Some(data) = engine.data(home) else { return };
    let of_old = data.blocked.iter().filter(|jid| jid.bare_str() == old.as_str()).cloned();
    let before: Vec<Jid> = of_old.collect();
    let after = before.iter().filter_map(|jid| match jid.full() {
        Some(full) => new.with_resource(full.resource()).ok().map(Jid::Full),
        None => Some(Jid::Bare(new.clone())),
    });
    let after: Vec<Jid> = after.collect();
    before.iter().for_each(|jid| change(engine, home, jid, false));
    after.iter().for_each(|jid| change(engine, home, jid, true));
    if !before.is_empty() {
        push(engine, home, "unblock", &before);
        push(engine, home, "block", &after);
    }
}

/// §3.5: every resource that asked for the list learns of the change.
fn push(engine: &mut Engine, home: HomeIx, name: &str, jids: &[Jid]) {
    let mut change = Element::new(name, NS);
    for jid in jids {
        change.push(Element::new("item", NS).with_attr("jid", jid.as_str()));
    }
    let mut payload = Vec::new();
    change.write(&mut payload, CLIENT);
    for id in engine.sessions_of(home) {
        if engine.session(id).is_some_and(|s| s.wants_blocklist) {
            let iq = engine.make_id();
            engine.send_iq_set(id, None, &iq, &payload);
        }
    }
}

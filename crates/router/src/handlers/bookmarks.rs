//! Bookmarks: PEP items (XEP-0402 1.2), and the same for clients that know only private storage (XEP-0048 1.2 over
//! XEP-0049; XEP-0402 §6 `#compat`).

use super::{Answer, Feature, Request, pep};
use crate::engine::{Engine, bad_request};
use std::collections::BTreeMap;
use zaiseki_model::limits;
use zaiseki_store::{Doc, Family, Read, Reply};
use zaiseki_xmpp::jid::Jid;
use zaiseki_xmpp::ns::CLIENT;
use zaiseki_xmpp::stanza::{Condition, StanzaError};
use zaiseki_xmpp::xml::element::Element;

/// The PEP node.
pub const NODE: &str = "urn:xmpp:bookmarks:1";
/// XEP-0048.
const STORAGE: &str = "storage:bookmarks";

pub static FEATURE: Feature = Feature {
    spec: "XEP-0402",
    version: "1.2.0",
    title: "PEP Native Bookmarks",
    file: file!(),
    domain_features: &[],
    account_features: &["urn:xmpp:bookmarks:1#compat"],
    routes: &[],
};

/// Whether a private document is the bookmark storage.
pub fn is_storage(document: &Element) -> bool {
    document.is("storage", STORAGE)
}

/// Answers a read of the private storage from the PEP items.
pub fn get_storage(engine: &mut Engine, request: &Request, wrapper: &'static str) -> Result<Answer, StanzaError> {
    let request = request.clone();
    with_items(engine, &request.clone(), move |engine, items| {
        let mut storage = Element::new("storage", STORAGE);
        for (room, conference) in items {
            storage.push(to_storage(&room, &conference));
        }
        let mut out = Vec::new();
        Element::new("query", wrapper).with_child(storage).write(&mut out, CLIENT);
        engine.reply_result(request.session, &request.envelope, &out);
    })
}

/// A write of the private storage becomes items: new and changed ones are published, missing ones retracted.
pub fn set_storage(engine: &mut Engine, request: &Request, storage: &Element) -> Result<Answer, StanzaError> {
    let mut wanted = BTreeMap::new();
    for conference in storage.children().filter(|c| c.is("conference", STORAGE)) {
        let room = conference.attr("jid").ok_or_else(|| bad_request("a bookmark has no jid"))?;
        let room = Jid::parse(room).map_err(|_| StanzaError::new(Condition::JidMalformed))?;
        wanted.insert(room.bare_str().to_owned(), from_storage(conference));
    }
    if wanted.len() > limits::PEP_ITEMS {
        return Err(StanzaError::new(Condition::PolicyViolation).with_text("too many bookmarks"));
    }
    let user = engine.user_id(request.home).ok_or_else(|| StanzaError::new(Condition::InternalServerError))?;
    let request = request.clone();
    with_items(engine, &request.clone(), move |engine, items| {
        // The account may have been removed meanwhile, and its place taken by another.
        let home = request.envelope.from.local().and_then(|name| engine.home_ready(name));
        let Some(home) = home.filter(|home| engine.user_id(*home) == Some(user)) else { return };
        for room in items.keys().filter(|room| !wanted.contains_key(*room)) {
            pep::retract_for(engine, home, NODE, room);
        }
        for (room, conference) in &wanted {
            let conference = keep_extensions(conference, items.get(room));
            if items.get(room) != Some(&conference) {
                pep::publish_for(engine, home, NODE, room, &conference);
            }
        }
        engine.when_durable(move |engine| engine.reply_result(request.session, &request.envelope, b""));
    })
}

fn with_items(
    engine: &mut Engine,
    request: &Request,
    then: impl FnOnce(&mut Engine, BTreeMap<String, Element>) + Send + 'static,
) -> Result<Answer, StanzaError> {
    let user = engine.user_id(request.home).ok_or_else(|| StanzaError::new(Condition::InternalServerError))?;
    let (session, envelope) = (request.session, request.envelope.clone());
    let read = Read::Docs {
        user,
        family: Family::PepItem,
        prefix: Some(pep::item_prefix(NODE)),
        limit: limits::PEP_ITEMS,
        newest_first: false,
    };
    // A further write is compared with what this one has stored.
    engine.defer(session);
    engine.read(read, move |engine, reply| {
        match reply {
            Ok(Reply::Docs(docs)) => then(engine, docs.iter().filter_map(parse_item).collect()),
            _ => engine.reply_condition(session, &envelope, Condition::InternalServerError),
        }
        engine.deferred_done(session);
    });
    Ok(Answer::Later)
}

fn parse_item(doc: &Doc) -> Option<(String, Element)> {
    let (_, room) = doc.key.split_once('\u{0}')?;
    let conference = Element::parse(&doc.value).ok().filter(|c| c.is("conference", NODE))?;
    Some((room.to_owned(), conference))
}

fn to_storage(room: &str, conference: &Element) -> Element {
    let mut out = Element::new("conference", STORAGE).with_attr("jid", room);
    for name in ["name", "autojoin"] {
        if let Some(value) = conference.attr(name) {
            out.set_attr(name, value);
        }
    }
    for name in ["nick", "password"] {
        if let Some(child) = conference.child(name, NODE) {
            out.push(Element::new(name, STORAGE).with_text(&child.text()));
        }
    }
    out
}

fn from_storage(conference: &Element) -> Element {
    let mut out = Element::new("conference", NODE);
    for name in ["name", "autojoin"] {
        if let Some(value) = conference.attr(name) {
            out.set_attr(name, value);
        }
    }
    for name in ["nick", "password"] {
        if let Some(child) = conference.child(name, STORAGE) {
            out.push(Element::new(name, NODE).with_text(&child.text()));
        }
    }
    out
}

/// The old form knows no extensions: those of the stored item stay (XEP-0402 §6).
fn keep_extensions(conference: &Element, stored: Option<&Element>) -> Element {
    let mut out = conference.clone();
    if let Some(extensions) = stored.and_then(|s| s.child("extensions", NODE)) {
        out.push(extensions.clone());
    }
    out
}

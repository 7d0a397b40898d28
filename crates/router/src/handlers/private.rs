//! Private XML storage (XEP-0049 1.2). Bookmarks in it are the same as those in PEP ([`super::bookmarks`]).

use super::{Answer, Feature, Request, Route, Scope, bookmarks};
use crate::engine::{Engine, bad_request};
use bytes::Bytes;
use zaiseki_model::{UserId, limits};
use zaiseki_store::{Family, Read, Reply, StoreError, Write};
use zaiseki_xmpp::ns::CLIENT;
use zaiseki_xmpp::stanza::{Condition, StanzaError};
use zaiseki_xmpp::xml::element::Element;

const NS: &str = zaiseki_xmpp::ns::PRIVATE;

pub static FEATURE: Feature = Feature {
    spec: "XEP-0049",
    version: "1.2",
    title: "Private XML Storage",
    file: file!(),
    domain_features: &[NS],
    account_features: &[],
    routes: &[Route { name: "query", ns: NS, get: true, set: true, scopes: &[Scope::Own], handle: private }],
};

fn private(engine: &mut Engine, request: &Request) -> Result<Answer, StanzaError> {
    let mut children = request.payload.children();
    let (Some(document), None) = (children.next(), children.next()) else {
        return Err(bad_request("one document at a time"));
    };
    if document.ns() == CLIENT || document.ns() == NS {
        return Err(StanzaError::new(Condition::NotAcceptable).with_text("the document needs a namespace of its own"));
    }
    if bookmarks::is_storage(document) {
        return if request.set {
            bookmarks::set_storage(engine, request, document)
        } else {
            bookmarks::get_storage(engine, request, NS)
        };
    }
    if request.set { set(engine, request, document) } else { get(engine, request, document) }
}

fn key(document: &Element) -> String {
    format!("{} {}", document.ns(), document.name())
}

fn set(engine: &mut Engine, request: &Request, document: &Element) -> Result<Answer, StanzaError> {
    let user = engine.user_id(request.home).ok_or_else(|| StanzaError::new(Condition::InternalServerError))?;
    let value = document.to_bytes();
    if value.len() > limits::DOCUMENT_BYTES {
        return Err(StanzaError::new(Condition::PolicyViolation).with_text("the document is too large"));
    }
    let key = key(document);
    let request = request.clone();
    let read = Read::DocKeys { user, family: Family::Private, prefix: None, limit: limits::PRIVATE_DOCUMENTS };
    // The next one counts this one too.
    engine.defer(request.session);
    engine.read(read, move |engine, reply| {
        put_counted(engine, &request, user, key, Bytes::from(value), reply);
        engine.deferred_done(request.session);
    });
    Ok(Answer::Later)
}

/// Keeps a document unless it is one too many. `reply`: the keys that are there.
fn put_counted(
    engine: &mut Engine,
    request: &Request,
    user: UserId,
    key: String,
    value: Bytes,
    reply: Result<Reply, StoreError>,
) {
    let Ok(Reply::Keys(keys)) = reply else {
        return engine.reply_condition(request.session, &request.envelope, Condition::InternalServerError);
    };
    if keys.len() >= limits::PRIVATE_DOCUMENTS && !keys.contains(&key) {
        let error = StanzaError::new(Condition::ResourceConstraint).with_text("too many documents");
        return engine.reply_error(request.session, &request.envelope, &error);
    }
    engine.write(Write::DocPut { user, family: Family::Private, key, value });
    let request = request.clone();
    engine.when_durable(move |engine| engine.reply_result(request.session, &request.envelope, b""));
}

fn get(engine: &mut Engine, request: &Request, document: &Element) -> Result<Answer, StanzaError> {
    let user = engine.user_id(request.home).ok_or_else(|| StanzaError::new(Condition::InternalServerError))?;
    let request = request.clone();
    // Nothing stored: the empty element that was asked for comes back (§3).
    let empty = Bytes::from(Element::new(document.name(), document.ns()).to_bytes());
    engine.read(Read::Doc { user, family: Family::Private, key: key(document) }, move |engine, reply| {
        let Ok(Reply::Doc(found)) = reply else {
            return engine.reply_condition(request.session, &request.envelope, Condition::InternalServerError);
        };
        let mut out = format!("<query xmlns='{NS}'>").into_bytes();
        out.extend_from_slice(&found.unwrap_or(empty));
        out.extend_from_slice(b"</query>");
        engine.reply_result(request.session, &request.envelope, &out);
    });
    Ok(Answer::Later)
}

//! Service discovery (XEP-0030 2.5): what the server and its accounts can do, gathered from the features' declarations.

use super::{Answer, FEATURES, Feature, Request, Route, Scope, commands, search};
use crate::engine::Engine;
use zaiseki_model::Envelope;
use zaiseki_xmpp::ns::{CLIENT, DISCO_INFO, DISCO_ITEMS};
use zaiseki_xmpp::stanza::{Condition, StanzaError};
use zaiseki_xmpp::xml::element::Element;

const ALL: &[Scope] = &[Scope::Domain, Scope::Own, Scope::Account, Scope::Directory];

pub static FEATURE: Feature = Feature {
    spec: "XEP-0030",
    version: "2.5rc3",
    title: "Service Discovery",
    file: file!(),
    domain_features: &[DISCO_INFO, DISCO_ITEMS],
    account_features: &[DISCO_INFO, DISCO_ITEMS],
    routes: &[
        Route { name: "query", ns: DISCO_INFO, get: true, set: false, scopes: ALL, handle: info },
        Route { name: "query", ns: DISCO_ITEMS, get: true, set: false, scopes: ALL, handle: items },
    ],
};

/// disco#info of the domain: identity and features, also the input of its own XEP-0115 hash.
pub fn server_info() -> Element {
    let mut query = Element::new("query", DISCO_INFO).with_child(identity("server", "im", "Zaiseki"));
    for feature in gather(|f| f.domain_features) {
        query.push(Element::new("feature", DISCO_INFO).with_attr("var", feature));
    }
    query
}

fn identity(category: &str, type_: &str, name: &str) -> Element {
    let identity = Element::new("identity", DISCO_INFO).with_attr("category", category).with_attr("type", type_);
    if name.is_empty() { identity } else { identity.with_attr("name", name) }
}

fn gather(pick: impl Fn(&Feature) -> &'static [&'static str]) -> std::collections::BTreeSet<&'static str> {
    FEATURES.iter().flat_map(|f| pick(f)).copied().collect()
}

fn info(engine: &mut Engine, request: &Request) -> Result<Answer, StanzaError> {
    let node = request.payload.attr("node");
    if let Some(command) = commands::info(engine, request) {
        return Ok(Answer::element(&command));
    }
    let mut query = match request.scope {
        Scope::Domain => {
            let known = node.is_none_or(|n| n == crate::handlers::caps::server_node());
            if !known {
                return Err(StanzaError::new(Condition::ItemNotFound));
            }
            server_info()
        }
        Scope::Directory if node.is_some() => return Err(StanzaError::new(Condition::ItemNotFound)),
        Scope::Directory => search::info(engine, request),
        // XEP-0030 §8: somebody who may not see the user does not learn that there is one.
        Scope::Account if !engine.may_see_presence(request.home, request.sender) => {
            return Err(StanzaError::new(Condition::ServiceUnavailable));
        }
        Scope::Own | Scope::Account => match node {
            Some(node) => return crate::handlers::pep::node_info(engine, request, node),
            None => account_info(),
        },
    };
    if let Some(node) = node {
        query.set_attr("node", node);
    }
    Ok(Answer::element(&query))
}

fn account_info() -> Element {
    let mut query = Element::new("query", DISCO_INFO)
        .with_child(identity("account", "registered", ""))
        .with_child(identity("pubsub", "pep", ""));
    for feature in gather(|f| f.account_features) {
        query.push(Element::new("feature", DISCO_INFO).with_attr("var", feature));
    }
    query
}

fn items(engine: &mut Engine, request: &Request) -> Result<Answer, StanzaError> {
    if let Some(list) = commands::list(engine, request) {
        return Ok(Answer::element(&list));
    }
    if request.scope == Scope::Domain
        && request.payload.attr("node").is_none()
        && let Some(directory) = search::item(engine, request)
    {
        return Ok(Answer::element(&Element::new("query", DISCO_ITEMS).with_child(directory)));
    }
    if matches!(request.scope, Scope::Domain | Scope::Directory) || request.payload.attr("node").is_some() {
        return no_items(&request.envelope).map(Answer::Result);
    }
    if !engine.may_see_presence(request.home, request.sender) {
        return no_items(&request.envelope).map(Answer::Result);
    }
    let mut query = Element::new("query", DISCO_ITEMS);
    let own = engine.homes[request.home].bare.clone();
    for session in engine.available_sessions(request.home) {
        if let Some(session) = engine.session(session) {
            query.push(Element::new("item", DISCO_ITEMS).with_attr("jid", session.jid.as_str()));
        }
    }
    for node in crate::handlers::pep::visible_nodes(engine, request) {
        query.push(Element::new("item", DISCO_ITEMS).with_attr("jid", own.as_str()).with_attr("node", node.to_string()));
    }
    Ok(Answer::element(&query))
}

/// An empty list, with the node that was asked for.
pub fn no_items(envelope: &Envelope) -> Result<Vec<u8>, StanzaError> {
    let asked = envelope.stanza.children().next().and_then(|c| Element::parse(c.bytes()).ok());
    let mut query = Element::new("query", DISCO_ITEMS);
    if let Some(node) = asked.as_ref().and_then(|q| q.attr("node")) {
        query.set_attr("node", node);
    }
    let mut out = Vec::new();
    query.write(&mut out, CLIENT);
    Ok(out)
}

//! Reading nodes: items (XEP-0060 §6.5), disco of nodes.

use super::notify::is_claim;
use super::{config_of, item_prefix, node_of, user_of, with_reader};
use crate::engine::{Engine, bad_request};
use crate::handlers::{Answer, Request};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::sync::Arc;
use zaiseki_model::{UserId, limits};
use zaiseki_store::{Doc, DocPage, DocQuery, Family, Read, Reply};
use zaiseki_xmpp::ns::{ACTIVITY, DISCO_INFO, PUBSUB, RSM};
use zaiseki_xmpp::stanza::{Condition, StanzaError};
use zaiseki_xmpp::xml::element::Element;
use zaiseki_xmpp::xml::escape::push_attr;

pub fn items(engine: &mut Engine, request: &Request, action: &Element) -> Result<Answer, StanzaError> {
    let node = node_of(action)?.to_owned();
    allowed(engine, request, &node)?;
    if node == ACTIVITY
        && let Some(activity) = engine.activity_override(request.home)
    {
        return Ok(Answer::Result(result(&node, &[("current".to_owned(), activity.to_bytes().into())], None)));
    }
    let query = page_query(user_of(engine, request.home)?, request, &node, action)?;
    let paged = request.payload.child("set", RSM).is_some();
    let request = request.clone();
    engine.read(Read::DocPage(query.clone()), move |engine, reply| {
        let Ok(Reply::DocPage(page)) = reply else {
            return engine.reply_condition(request.session, &request.envelope, Condition::InternalServerError);
        };
        let whole = page.docs.len() == page.total;
        let set = (paged || !whole).then(|| result_set(&page, &query.prefix));
        let mut items = items_of(&page, &query.prefix);
        if let Some(home) =
            request.envelope.to.as_ref().unwrap_or(&request.envelope.from).local().and_then(|n| engine.home_ready(n))
        {
            items.retain(|(_, payload)| !is_claim(engine, home, &node, payload));
        }
        let none = page.total == 0 || (items.is_empty() && !page.docs.is_empty());
        if !page.anchor_found || (none && query.named.is_some()) {
            return engine.reply_condition(request.session, &request.envelope, Condition::ItemNotFound);
        }
        engine.reply_result(request.session, &request.envelope, &result(&node, &items, set));
    });
    Ok(Answer::Later)
}

/// What the request asks for: `max_items` of the newest or items by their ids (XEP-0060 §6.5.7, §6.5.8), and the page of
/// them (XEP-0059).
fn page_query(user: UserId, request: &Request, node: &str, action: &Element) -> Result<DocQuery, StanzaError> {
    let named: BTreeSet<String> =
        action.children().filter(|c| c.is("item", PUBSUB)).filter_map(|i| i.attr("id").map(str::to_owned)).collect();
    let newest = match action.attr("max_items").filter(|_| named.is_empty()) {
        Some(max) => max.parse().ok().filter(|max| *max > 0).ok_or_else(|| bad_request("max_items is not a positive number"))?,
        None => limits::PEP_ITEMS,
    };
    let mut query = DocQuery {
        user,
        family: Family::PepItem,
        prefix: item_prefix(node),
        newest: newest.min(limits::PEP_ITEMS),
        named: Some(named).filter(|named| !named.is_empty()),
        after: None,
        before: None,
        backwards: false,
        limit: limits::PEP_ITEMS,
        bytes: limits::PEP_ANSWER_BYTES,
    };
    if let Some(set) = request.payload.child("set", RSM) {
        parse_set(&mut query, set)?;
    }
    Ok(query)
}

/// RSM: `max`, `after`, `before` (an empty one asks for the last page). Pages by `index` are optional (XEP-0059 §2.5).
fn parse_set(query: &mut DocQuery, set: &Element) -> Result<(), StanzaError> {
    if set.child("index", RSM).is_some() {
        return Err(StanzaError::new(Condition::FeatureNotImplemented));
    }
    query.limit = match set.child("max", RSM).map(Element::text) {
        Some(max) => max.trim().parse::<usize>().map_err(|_| bad_request("max is not a number"))?.min(limits::PAGE_ITEMS),
        None => limits::PAGE_ITEMS_DEFAULT,
    };
    query.after = set.child("after", RSM).map(Element::text);
    let before = set.child("before", RSM).map(Element::text);
    query.backwards = before.is_some();
    query.before = before.filter(|id| !id.is_empty());
    Ok(())
}

/// The items' ids and payloads.
fn items_of(page: &DocPage, prefix: &str) -> Vec<(String, Bytes)> {
    page.docs.iter().filter_map(|doc| Some((doc.key.strip_prefix(prefix)?.to_owned(), doc.value.clone()))).collect()
}

/// Where the page lies in the whole result (XEP-0059 §2.1, §2.6).
fn result_set(page: &DocPage, prefix: &str) -> Element {
    let mut set = Element::new("set", RSM);
    let id = |doc: &Doc| doc.key.strip_prefix(prefix).unwrap_or_default().to_owned();
    if let (Some(first), Some(last)) = (page.docs.first(), page.docs.last()) {
        set.push(Element::new("first", RSM).with_attr("index", page.first_index.to_string()).with_text(&id(first)));
        set.push(Element::new("last", RSM).with_text(&id(last)));
    }
    set.with_child(Element::new("count", RSM).with_text(&page.total.to_string()))
}

fn result(node: &str, items: &[(String, Bytes)], set: Option<Element>) -> Vec<u8> {
    let mut out = format!("<pubsub xmlns='{PUBSUB}'><items node='").into_bytes();
    push_attr(&mut out, node);
    out.extend_from_slice(b"'>");
    for (id, payload) in items {
        out.extend_from_slice(b"<item id='");
        push_attr(&mut out, id);
        out.extend_from_slice(b"'>");
        out.extend_from_slice(payload);
        out.extend_from_slice(b"</item>");
    }
    out.extend_from_slice(b"</items>");
    if let Some(set) = set {
        set.write(&mut out, PUBSUB);
    }
    out.extend_from_slice(b"</pubsub>");
    out
}

/// A node that is not there and one that may not be read are told apart only for those who may see the user at all.
fn allowed(engine: &Engine, request: &Request, node: &str) -> Result<(), StanzaError> {
    match config_of(engine, request.home, node) {
        Some(config) => with_reader(engine, request.home, request.sender, |reader| config.may_read(reader)),
        None if node == ACTIVITY && engine.activity_override(request.home).is_some() => {
            if engine.may_see_presence(request.home, request.sender) {
                Ok(())
            } else {
                Err(StanzaError::new(Condition::ItemNotFound))
            }
        }
        None => Err(StanzaError::new(Condition::ItemNotFound)),
    }
}

/// disco#info of a node (XEP-0060 §5.3).
pub fn node_info(engine: &mut Engine, request: &Request, node: &str) -> Result<Answer, StanzaError> {
    allowed(engine, request, node)?;
    let config = config_of(engine, request.home, node).ok_or_else(|| StanzaError::new(Condition::ItemNotFound))?;
    let identity = Element::new("identity", DISCO_INFO).with_attr("category", "pubsub").with_attr("type", "leaf");
    let feature = Element::new("feature", DISCO_INFO).with_attr("var", PUBSUB);
    let query = Element::new("query", DISCO_INFO)
        .with_attr("node", node)
        .with_child(identity)
        .with_child(feature)
        .with_child(config.form("result"));
    Ok(Answer::element(&query))
}

/// Nodes that the sender may read, for disco#items.
pub fn visible_nodes(engine: &Engine, request: &Request) -> Vec<Arc<str>> {
    let Some(data) = engine.data(request.home) else { return Vec::new() };
    let mut nodes: Vec<Arc<str>> = data
        .pep
        .iter()
        .filter(|(_, node)| with_reader(engine, request.home, request.sender, |reader| node.config.may_read(reader).is_ok()))
        .map(|(name, _)| name.clone())
        .collect();
    nodes.sort();
    nodes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_holds_no_more_than_page_items() {
        let limit = |max: usize| {
            let mut query = DocQuery {
                user: UserId([1; 16]),
                family: Family::PepItem,
                prefix: String::new(),
                newest: limits::PEP_ITEMS,
                named: None,
                after: None,
                before: None,
                backwards: false,
                limit: limits::PEP_ITEMS,
                bytes: limits::PEP_ANSWER_BYTES,
            };
            let set = Element::new("set", RSM).with_child(Element::new("max", RSM).with_text(&max.to_string()));
            parse_set(&mut query, &set).map(|()| query.limit).ok()
        };
        assert_eq!(limit(limits::PAGE_ITEMS), Some(limits::PAGE_ITEMS));
        assert_eq!(limit(limits::PAGE_ITEMS + 1), Some(limits::PAGE_ITEMS));
    }
}

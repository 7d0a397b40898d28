//! Reading nodes: items (XEP-0060 §6.5), disco of nodes.

use super::notify::is_claim;
use super::{config_of, item_key, item_prefix, node_of, user_of, with_reader};
use crate::engine::Engine;
use crate::handlers::{Answer, Request};
use std::sync::Arc;
use zaiseki_model::limits;
use zaiseki_store::{Doc, Family, Read, Reply};
use zaiseki_xmpp::ns::{ACTIVITY, DISCO_INFO, PUBSUB};
use zaiseki_xmpp::stanza::{Condition, StanzaError};
use zaiseki_xmpp::xml::element::Element;
use zaiseki_xmpp::xml::escape::push_attr;

pub fn items(engine: &mut Engine, request: &Request, action: &Element) -> Result<Answer, StanzaError> {
    let node = node_of(action)?.to_owned();
    allowed(engine, request, &node)?;
    if node == ACTIVITY
        && let Some(activity) = engine.activity_override(request.home)
    {
        return Ok(Answer::Result(result(&node, &[("current".to_owned(), activity.to_bytes())])));
    }
    let user = user_of(engine, request.home)?;
    let wanted: Vec<String> =
        action.children().filter(|c| c.is("item", PUBSUB)).filter_map(|i| i.attr("id").map(str::to_owned)).collect();
    let max = action.attr("max_items").and_then(|max| max.parse().ok()).unwrap_or(limits::PEP_ITEMS).min(limits::PEP_ITEMS);
    let read = match wanted.as_slice() {
        [one] => Read::Doc { user, family: Family::PepItem, key: item_key(&node, one) },
        _ => {
            let limit = if wanted.is_empty() { max } else { limits::PEP_ITEMS };
            Read::Docs { user, family: Family::PepItem, prefix: Some(item_prefix(&node)), limit, newest_first: true }
        }
    };
    let request = request.clone();
    engine.read(read, move |engine, reply| {
        let items: Vec<(String, Vec<u8>)> = match reply {
            Ok(Reply::Doc(found)) => found.into_iter().map(|doc| (wanted[0].clone(), doc.to_vec())).collect(),
            Ok(Reply::Docs(docs)) => chosen(docs, &wanted),
            _ => return engine.reply_condition(request.session, &request.envelope, Condition::InternalServerError),
        };
        let mut items = items;
        if let Some(home) =
            request.envelope.to.as_ref().unwrap_or(&request.envelope.from).local().and_then(|n| engine.home_ready(n))
        {
            items.retain(|(_, payload)| !is_claim(engine, home, &node, payload));
        }
        if items.is_empty() && !wanted.is_empty() {
            return engine.reply_condition(request.session, &request.envelope, Condition::ItemNotFound);
        }
        engine.reply_result(request.session, &request.envelope, &result(&node, &items));
    });
    Ok(Answer::Later)
}

fn chosen(docs: Vec<Doc>, wanted: &[String]) -> Vec<(String, Vec<u8>)> {
    docs.into_iter()
        .filter_map(|doc| Some((doc.key.split_once('\u{0}')?.1.to_owned(), doc.value.to_vec())))
        .filter(|(id, _)| wanted.is_empty() || wanted.contains(id))
        .collect()
}

fn result(node: &str, items: &[(String, Vec<u8>)]) -> Vec<u8> {
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
    out.extend_from_slice(b"</items></pubsub>");
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

//! Items come and go.

use super::notify::tell;
use super::{config_of, item_key, item_prefix, node_of, user_of};
use crate::engine::{Engine, HomeIx, PepNode};
use crate::handlers::{Answer, Request, bookmarks, vcard};
use bytes::Bytes;
use std::sync::Arc;
use zaiseki_model::limits;
use zaiseki_presence::compose::is_meeting_activity;
use zaiseki_presence::pep::{NodeConfig, event_items, event_retract, pubsub_error};
use zaiseki_store::{Family, Read, Reply, Write};
use zaiseki_xmpp::ns::{ACTIVITY, AVATAR_METADATA, DATA_FORMS, PUBSUB};
use zaiseki_xmpp::stanza::{Condition, StanzaError};
use zaiseki_xmpp::xml::element::Element;

/// Items up to this size stay at hand for those who come online.
const AT_HAND: usize = 4 * 1024;

/// XEP-0060 §7.1, one item at a time.
pub fn publish(engine: &mut Engine, request: &Request, action: &Element) -> Result<Answer, StanzaError> {
    let node = node_of(action)?;
    let mut items = action.children().filter(|c| c.is("item", PUBSUB));
    let (Some(item), None) = (items.next(), items.next()) else {
        return Err(pubsub_error(Condition::BadRequest, "item-required"));
    };
    let mut payloads = item.children();
    let (Some(payload), None) = (payloads.next(), payloads.next()) else {
        return Err(pubsub_error(Condition::BadRequest, "invalid-payload"));
    };
    let options = request.payload.child("publish-options", PUBSUB).and_then(|o| o.child("x", DATA_FORMS));
    if item.attr("id").is_some_and(|id| id.len() > limits::PEP_NAME_BYTES) {
        return Err(StanzaError::new(Condition::NotAcceptable).with_text("the item's id is too long"));
    }
    ensure_node(engine, request.home, node, options)?;
    let id = item.attr("id").filter(|id| !id.is_empty()).map_or_else(|| engine.make_id(), str::to_owned);
    if is_claim(engine, request.home, node, payload) {
        // Requirement C7: the calendar speaks for this user. The client need not know.
        return Ok(published(node, &id));
    }
    put(engine, request.home, node, &id, payload)?;
    if node == AVATAR_METADATA {
        vcard::avatar_published(engine, request.session, request.home, payload);
    }
    Ok(published(node, &id))
}

fn is_claim(engine: &Engine, home: HomeIx, node: &str, payload: &Element) -> bool {
    node == ACTIVITY && engine.served_by_calendar(home) && is_meeting_activity(payload)
}

fn published(node: &str, id: &str) -> Answer {
    let publish =
        Element::new("publish", PUBSUB).with_attr("node", node).with_child(Element::new("item", PUBSUB).with_attr("id", id));
    Answer::kept(&Element::new("pubsub", PUBSUB).with_child(publish))
}

/// An existing node must fit the options; a missing one is made by them (XEP-0060 §7.1.4, §7.1.5).
fn ensure_node(engine: &mut Engine, home: HomeIx, node: &str, options: Option<&Element>) -> Result<(), StanzaError> {
    if let Some(config) = config_of(engine, home, node) {
        return options.map_or(Ok(()), |options| config.check_options(options));
    }
    add_node(engine, home, node, NodeConfig::created(node, options)?)
}

/// Makes a node.
pub fn add_node(engine: &mut Engine, home: HomeIx, node: &str, config: NodeConfig) -> Result<(), StanzaError> {
    let user = user_of(engine, home)?;
    let data = engine.data_mut(home).ok_or_else(|| StanzaError::new(Condition::InternalServerError))?;
    if data.pep.len() >= limits::PEP_NODES {
        return Err(pubsub_error(Condition::ResourceConstraint, "max-nodes-exceeded"));
    }
    let value = config.to_stored();
    data.pep.insert(Arc::from(node), PepNode { config, last: Some(None) });
    engine.write(Write::DocPut { user, family: Family::PepNode, key: node.to_owned(), value });
    Ok(())
}

fn put(engine: &mut Engine, home: HomeIx, node: &str, id: &str, payload: &Element) -> Result<(), StanzaError> {
    let user = user_of(engine, home)?;
    let value = Bytes::from(payload.to_bytes());
    if value.len() > limits::DOCUMENT_BYTES {
        return Err(pubsub_error(Condition::NotAcceptable, "payload-too-big"));
    }
    let Some(data) = engine.data_mut(home) else { return Err(StanzaError::new(Condition::InternalServerError)) };
    let Some(entry) = data.pep.get_mut(node) else { return Err(StanzaError::new(Condition::ItemNotFound)) };
    entry.last = (value.len() <= AT_HAND).then(|| Some((id.to_owned(), value.clone())));
    let config = entry.config.clone();
    if config.capacity() == 1 {
        engine.write(Write::DocRemoveAll { user, family: Family::PepItem, key_prefix: Some(item_prefix(node)) });
    }
    engine.write(Write::DocPut { user, family: Family::PepItem, key: item_key(node, id), value: value.clone() });
    if config.capacity() > 1 {
        evict(engine, home, node, id, &config);
    }
    let shown = config.deliver_payloads.then_some(&value[..]);
    tell(engine, home, node, &event_items(node, [(id, shown)]));
    Ok(())
}

/// Items beyond the node's capacity go, the oldest first.
fn evict(engine: &mut Engine, home: HomeIx, node: &str, publishing: &str, config: &NodeConfig) {
    let Some(user) = engine.user_id(home) else { return };
    let (node, publishing, config) = (node.to_owned(), publishing.to_owned(), config.clone());
    let prefix = Some(item_prefix(&node));
    let read = Read::DocKeys { user, family: Family::PepItem, prefix, limit: limits::PEP_ITEMS + 2 };
    engine.read(read, move |engine, reply| {
        let Ok(Reply::Keys(keys)) = reply else { return };
        let ids: Vec<&str> = keys.iter().filter_map(|key| key.split_once('\u{0}')).map(|(_, id)| id).collect();
        for id in config.evicted(ids, &publishing) {
            engine.write(Write::DocRemove { user, family: Family::PepItem, key: item_key(&node, id) });
        }
    });
}

/// XEP-0060 §7.2.
pub fn retract(engine: &mut Engine, request: &Request, action: &Element) -> Result<Answer, StanzaError> {
    let node = node_of(action)?.to_owned();
    let item = action.child("item", PUBSUB).and_then(|item| item.attr("id")).filter(|id| !id.is_empty());
    let id = item.ok_or_else(|| pubsub_error(Condition::BadRequest, "item-required"))?.to_owned();
    let config = config_of(engine, request.home, &node).ok_or_else(|| StanzaError::new(Condition::ItemNotFound))?;
    let notify = config.notify_retract || matches!(action.attr("notify"), Some("1" | "true"));
    let user = user_of(engine, request.home)?;
    let request = request.clone();
    engine.read(Read::Doc { user, family: Family::PepItem, key: item_key(&node, &id) }, move |engine, reply| {
        if !matches!(reply, Ok(Reply::Doc(Some(_)))) {
            return engine.reply_condition(request.session, &request.envelope, Condition::ItemNotFound);
        }
        // The account may have been removed meanwhile, and its place taken by another.
        let home = request.envelope.from.local().and_then(|name| engine.home_ready(name));
        if let Some(home) = home.filter(|home| engine.user_id(*home) == Some(user)) {
            remove(engine, home, &node, &id, notify);
        }
        engine.when_durable(move |engine| engine.reply_result(request.session, &request.envelope, b""));
    });
    Ok(Answer::Later)
}

fn remove(engine: &mut Engine, home: HomeIx, node: &str, id: &str, notify: bool) {
    let Some(data) = engine.data_mut(home) else { return };
    let user = data.user.id;
    if let Some(entry) = data.pep.get_mut(node) {
        entry.last = None;
    }
    engine.write(Write::DocRemove { user, family: Family::PepItem, key: item_key(node, id) });
    if notify {
        tell(engine, home, node, &event_retract(node, [id]));
    }
}

/// The server publishes in the user's name, as part of a conversion. A full store of nodes only means that the
/// conversion does not happen.
pub fn publish_for(engine: &mut Engine, home: HomeIx, node: &str, id: &str, payload: &Element) {
    let done = ensure_node(engine, home, node, None).and_then(|()| put(engine, home, node, id, payload));
    if let Err(error) = done {
        tracing::debug!(node, condition = ?error.condition, "conversion to PEP left out");
    }
}

/// The server retracts in the user's name.
pub fn retract_for(engine: &mut Engine, home: HomeIx, node: &str, id: &str) {
    let notify = node == bookmarks::NODE || config_of(engine, home, node).is_some_and(|c| c.notify_retract);
    remove(engine, home, node, id, notify);
}

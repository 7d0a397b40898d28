//! What only the owner does: creating, configuring, purging and deleting nodes (XEP-0060 §8).

use super::notify::tell;
use super::publish::add_node;
use super::{config_of, item_prefix, node_of, unsupported, user_of};
use crate::engine::{Engine, bad_request};
use crate::handlers::{Answer, Request, Scope};
use zaiseki_presence::pep::{NodeConfig, event_configuration, event_delete, event_purge};
use zaiseki_store::{Family, Write};
use zaiseki_xmpp::ns::{DATA_FORMS, PUBSUB, PUBSUB_OWNER};
use zaiseki_xmpp::stanza::{Condition, StanzaError};
use zaiseki_xmpp::xml::element::Element;

pub fn handle(engine: &mut Engine, request: &Request) -> Result<Answer, StanzaError> {
    if request.scope != Scope::Own {
        return Err(StanzaError::new(Condition::Forbidden));
    }
    let action = request.payload.children().next().ok_or_else(|| bad_request("nothing to do"))?;
    match (action.name(), request.set) {
        ("default", false) => default_configuration(request, action),
        ("configure", false) => configuration(engine, request, action),
        ("configure", true) => configure(engine, request, action),
        ("purge", true) => purge(engine, request, action),
        ("delete", true) => delete(engine, request, action),
        (name, _) => Err(unsupported(name)),
    }
}

fn known(engine: &Engine, request: &Request, node: &str) -> Result<NodeConfig, StanzaError> {
    config_of(engine, request.home, node).cloned().ok_or_else(|| StanzaError::new(Condition::ItemNotFound))
}

pub fn default_configuration(request: &Request, action: &Element) -> Result<Answer, StanzaError> {
    let config = NodeConfig::default_for(action.attr("node").unwrap_or_default());
    let ns = request.payload.ns();
    let default = Element::new("default", ns).with_child(config.form("form"));
    Ok(Answer::element(&Element::new("pubsub", ns).with_child(default)))
}

fn configuration(engine: &Engine, request: &Request, action: &Element) -> Result<Answer, StanzaError> {
    let node = node_of(action)?;
    let form = known(engine, request, node)?.form("form");
    let configure = Element::new("configure", PUBSUB_OWNER).with_attr("node", node).with_child(form);
    Ok(Answer::element(&Element::new("pubsub", PUBSUB_OWNER).with_child(configure)))
}

fn configure(engine: &mut Engine, request: &Request, action: &Element) -> Result<Answer, StanzaError> {
    let node = node_of(action)?;
    let old = known(engine, request, node)?;
    let form = action.child("x", DATA_FORMS).ok_or_else(|| bad_request("no form"))?;
    if form.attr("type") == Some("cancel") {
        return Ok(Answer::empty());
    }
    let new = old.configured(form).map_err(|e| StanzaError::new(Condition::NotAcceptable).with_text(e.to_string()))?;
    let user = user_of(engine, request.home)?;
    engine.write(Write::DocPut { user, family: Family::PepNode, key: node.to_owned(), value: new.to_stored() });
    if let Some(entry) = engine.data_mut(request.home).and_then(|d| d.pep.get_mut(node)) {
        entry.config = new.clone();
    }
    if new.notify_config {
        let form = new.form("result");
        tell(engine, request.home, node, &event_configuration(node, new.deliver_payloads.then_some(&form)));
    }
    Ok(Answer::Kept)
}

pub fn create(engine: &mut Engine, request: &Request, action: &Element) -> Result<Answer, StanzaError> {
    let node = match action.attr("node").filter(|node| !node.is_empty()) {
        Some(_) => node_of(action)?.to_owned(),
        None => engine.make_id(),
    };
    if config_of(engine, request.home, &node).is_some() {
        return Err(StanzaError::new(Condition::Conflict));
    }
    let default = NodeConfig::default_for(&node);
    let form = request.payload.child("configure", PUBSUB).and_then(|c| c.child("x", DATA_FORMS));
    let config = match form {
        Some(form) => {
            default.configured(form).map_err(|e| StanzaError::new(Condition::NotAcceptable).with_text(e.to_string()))?
        }
        None => default,
    };
    add_node(engine, request.home, &node, config)?;
    let create = Element::new("create", PUBSUB).with_attr("node", node);
    Ok(Answer::kept(&Element::new("pubsub", PUBSUB).with_child(create)))
}

fn purge(engine: &mut Engine, request: &Request, action: &Element) -> Result<Answer, StanzaError> {
    let node = node_of(action)?;
    let config = known(engine, request, node)?;
    remove_items(engine, request, node)?;
    if config.notify_retract {
        tell(engine, request.home, node, &event_purge(node));
    }
    Ok(Answer::Kept)
}

fn delete(engine: &mut Engine, request: &Request, action: &Element) -> Result<Answer, StanzaError> {
    let node = node_of(action)?;
    let config = known(engine, request, node)?;
    remove_items(engine, request, node)?;
    if config.notify_delete {
        tell(engine, request.home, node, &event_delete(node));
    }
    let user = user_of(engine, request.home)?;
    if let Some(data) = engine.data_mut(request.home) {
        data.pep.remove(node);
    }
    engine.write(Write::DocRemove { user, family: Family::PepNode, key: node.to_owned() });
    Ok(Answer::Kept)
}

fn remove_items(engine: &mut Engine, request: &Request, node: &str) -> Result<(), StanzaError> {
    let user = user_of(engine, request.home)?;
    if let Some(entry) = engine.data_mut(request.home).and_then(|d| d.pep.get_mut(node)) {
        entry.last = Some(None);
    }
    engine.write(Write::DocRemoveAll { user, family: Family::PepItem, key_prefix: Some(item_prefix(node)) });
    Ok(())
}

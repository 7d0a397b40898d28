//! Personal eventing (XEP-0163 1.2.2 on XEP-0060 1.26): publishing, reading and notifying. The rules of configuration and
//! access are `presence/pep`.

mod notify;
mod owner;
mod publish;
mod read;

pub use notify::{hide_claim, meeting_activity_changed, send_last_items};
pub use publish::{publish_for, retract_for};
pub use read::{node_info, visible_nodes};

use super::{Answer, Feature, Request, Route, Scope};
use crate::engine::{Engine, HomeIx, bad_request};
use zaiseki_model::{UserId, limits};
use zaiseki_presence::pep::{NodeConfig, Reader, pubsub_error};
use zaiseki_xmpp::ns::{PUBSUB, PUBSUB_OWNER};
use zaiseki_xmpp::stanza::{Condition, StanzaError};
use zaiseki_xmpp::xml::element::Element;

pub static FEATURE: Feature = Feature {
    spec: "XEP-0163",
    version: "1.2.2",
    title: "Personal Eventing Protocol",
    file: file!(),
    domain_features: &[],
    account_features: &[
        "http://jabber.org/protocol/pubsub#access-open",
        "http://jabber.org/protocol/pubsub#access-presence",
        "http://jabber.org/protocol/pubsub#access-roster",
        "http://jabber.org/protocol/pubsub#access-whitelist",
        "http://jabber.org/protocol/pubsub#auto-create",
        "http://jabber.org/protocol/pubsub#auto-subscribe",
        "http://jabber.org/protocol/pubsub#config-node",
        "http://jabber.org/protocol/pubsub#config-node-max",
        "http://jabber.org/protocol/pubsub#create-and-configure",
        "http://jabber.org/protocol/pubsub#create-nodes",
        "http://jabber.org/protocol/pubsub#delete-items",
        "http://jabber.org/protocol/pubsub#delete-nodes",
        "http://jabber.org/protocol/pubsub#filtered-notifications",
        "http://jabber.org/protocol/pubsub#item-ids",
        "http://jabber.org/protocol/pubsub#last-published",
        "http://jabber.org/protocol/pubsub#multi-items",
        "http://jabber.org/protocol/pubsub#persistent-items",
        "http://jabber.org/protocol/pubsub#publish",
        "http://jabber.org/protocol/pubsub#publish-options",
        "http://jabber.org/protocol/pubsub#purge-nodes",
        "http://jabber.org/protocol/pubsub#retract-items",
        "http://jabber.org/protocol/pubsub#retrieve-default",
        "http://jabber.org/protocol/pubsub#retrieve-items",
        "http://jabber.org/protocol/rsm",
    ],
    routes: &[
        Route { name: "pubsub", ns: PUBSUB, get: true, set: true, scopes: &[Scope::Own, Scope::Account], handle: pubsub },
        Route {
            name: "pubsub",
            ns: PUBSUB_OWNER,
            get: true,
            set: true,
            scopes: &[Scope::Own, Scope::Account],
            handle: owner::handle,
        },
    ],
};

/// The key of an item document.
pub(crate) fn item_key(node: &str, id: &str) -> String {
    format!("{node}\u{0}{id}")
}

/// What the keys of a node's items begin with.
pub(crate) fn item_prefix(node: &str) -> String {
    format!("{node}\u{0}")
}

fn pubsub(engine: &mut Engine, request: &Request) -> Result<Answer, StanzaError> {
    let action = request.payload.children().next().ok_or_else(|| bad_request("nothing to do"))?;
    if !request.set {
        return match action.name() {
            "items" => read::items(engine, request, action),
            "default" => owner::default_configuration(request, action),
            name => Err(unsupported(name)),
        };
    }
    if request.scope != Scope::Own {
        return Err(StanzaError::new(Condition::Forbidden));
    }
    match action.name() {
        "publish" => publish::publish(engine, request, action),
        "retract" => publish::retract(engine, request, action),
        "create" => owner::create(engine, request, action),
        name => Err(unsupported(name)),
    }
}

/// XEP-0060: the feature is named in the error.
fn unsupported(feature: &str) -> StanzaError {
    let app = Element::new("unsupported", zaiseki_xmpp::ns::PUBSUB_ERRORS).with_attr("feature", feature);
    StanzaError::new(Condition::FeatureNotImplemented).with_app(app)
}

/// The node an action names.
fn node_of(action: &Element) -> Result<&str, StanzaError> {
    let node =
        action.attr("node").filter(|node| !node.is_empty() && node.len() <= limits::PEP_NAME_BYTES && !node.contains('\u{0}'));
    node.ok_or_else(|| pubsub_error(Condition::BadRequest, "nodeid-required"))
}

fn user_of(engine: &Engine, home: HomeIx) -> Result<UserId, StanzaError> {
    engine.user_id(home).ok_or_else(|| StanzaError::new(Condition::InternalServerError))
}

fn config_of<'a>(engine: &'a Engine, home: HomeIx, node: &str) -> Option<&'a NodeConfig> {
    engine.data(home)?.pep.get(node).map(|node| &node.config)
}

/// Runs `then` with how the owner at `home` knows the user at `watcher`.
fn with_reader<R>(engine: &Engine, home: HomeIx, watcher: HomeIx, then: impl FnOnce(&Reader<'_>) -> R) -> R {
    let bare = &engine.homes[watcher].bare;
    let item = engine.data(home).and_then(|d| d.roster.get(bare));
    let reader = Reader {
        owner: home == watcher,
        subscribed_from: item.is_some_and(|item| item.subscription.from()),
        groups: item.map(|item| item.groups.as_slice()).unwrap_or_default(),
    };
    then(&reader)
}

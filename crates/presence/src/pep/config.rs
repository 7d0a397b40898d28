//! A node's configuration and its data forms (XEP-0060 §16.4.4, XEP-0004).

use super::pubsub_error;
use crate::PresenceError;
use bytes::Bytes;
use zaiseki_model::limits;
use zaiseki_xmpp::Element;
use zaiseki_xmpp::ns::{AVATAR_DATA, BOOKMARKS, BOOKMARKS2, DATA_FORMS, PUBSUB_NODE_CONFIG, PUBSUB_PUBLISH_OPTIONS};
use zaiseki_xmpp::stanza::{Condition, StanzaError};

/// XEP-0490: what of which chat the user has seen; private.
const DISPLAYED: &str = "urn:xmpp:mds:displayed:0";

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        pub enum $name { $($variant,)+ }

        impl $name {
            /// Every value.
            pub const ALL: &[$name] = &[$($name::$variant,)+];

            /// The word of the form.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }

            fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == word)
            }
        }
    };
}

words! {
    /// Who may read a node (XEP-0060 §4.5).
    AccessModel {
        Open = "open",
        Presence = "presence",
        Roster = "roster",
        Authorize = "authorize",
        Whitelist = "whitelist",
    }
}

words! {
    /// When the last item is sent unasked. PEP subscriptions are implicit, so `OnSub` and `OnSubAndPresence` differ in
    /// that only the latter sends it to a resource that comes online.
    SendLast {
        Never = "never",
        OnSub = "on_sub",
        OnSubAndPresence = "on_sub_and_presence",
    }
}

/// How many items a node keeps.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum MaxItems {
    /// At least 1. The server's limit bounds it when items are kept, not here, so that a client finds again what it set.
    Count(u32),
    /// As many as the server allows ([`limits::PEP_ITEMS`]).
    Max,
}

impl MaxItems {
    fn parse(word: &str) -> Option<Self> {
        if word == "max" {
            return Some(MaxItems::Max);
        }
        word.parse().ok().filter(|count| *count > 0).map(MaxItems::Count)
    }

    fn text(self) -> String {
        match self {
            MaxItems::Count(count) => count.to_string(),
            MaxItems::Max => "max".to_owned(),
        }
    }
}

/// The configuration of one node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NodeConfig {
    /// For people; at most [`limits::ROSTER_NAME_BYTES`] bytes, as is `payload_type`.
    pub title: String,
    /// The namespace of the payloads, if the owner says so.
    pub payload_type: String,
    pub access: AccessModel,
    /// Groups of the owner's contact list that may read under [`AccessModel::Roster`].
    pub roster_groups: Vec<String>,
    pub persist_items: bool,
    pub max_items: MaxItems,
    pub send_last: SendLast,
    pub deliver_notifications: bool,
    pub deliver_payloads: bool,
    pub notify_retract: bool,
    pub notify_delete: bool,
    pub notify_config: bool,
}

/// What every node has and nobody can change: only the owner publishes, items do not expire, a full node
/// drops its oldest item, events are headlines to those who are online. Named in a form, the value must be this one.
const FIXED: [(&str, &str); 8] = [
    ("pubsub#publish_model", "publishers"),
    ("pubsub#item_expire", "max"),
    ("pubsub#publish_node_full", "retract-oldest"),
    ("pubsub#notification_type", "headline"),
    ("pubsub#presence_based_delivery", "1"),
    ("pubsub#purge_offline", "0"),
    ("pubsub#notify_sub", "0"),
    ("pubsub#subscribe", "1"),
];

impl Default for NodeConfig {
    /// XEP-0163 §5: presence access, one item, sent to resources that come online.
    fn default() -> Self {
        NodeConfig {
            title: String::new(),
            payload_type: String::new(),
            access: AccessModel::Presence,
            roster_groups: Vec::new(),
            persist_items: true,
            max_items: MaxItems::Count(1),
            send_last: SendLast::OnSubAndPresence,
            deliver_notifications: true,
            deliver_payloads: true,
            notify_retract: true,
            notify_delete: true,
            notify_config: false,
        }
    }
}

impl NodeConfig {
    /// The configuration a node gets when it is created without another wish.
    ///
    /// Bookmarks (XEP-0402 §5.2, XEP-0048) and read markers (XEP-0490) are private by XEP-0223 whatever the client
    /// forgets to say. Avatar data (XEP-0084) is fetched, never pushed.
    pub fn default_for(node: &str) -> Self {
        let private = NodeConfig { access: AccessModel::Whitelist, ..Self::default() };
        match node {
            BOOKMARKS2 | DISPLAYED => NodeConfig { max_items: MaxItems::Max, send_last: SendLast::Never, ..private },
            BOOKMARKS => private,
            AVATAR_DATA => NodeConfig { send_last: SendLast::Never, ..Self::default() },
            _ => Self::default(),
        }
    }

    /// The configuration of a node that a publication creates: the default but for what `options`, the form of
    /// `<publish-options/>`, says (XEP-0060 §7.1.5, rule 3).
    ///
    /// # Errors
    /// `precondition-not-met` for a field or value that no node of ours can have; `bad-request` when it is no such form.
    pub fn created(node: &str, options: Option<&Element>) -> Result<Self, StanzaError> {
        let default = Self::default_for(node);
        options.map_or(Ok(default.clone()), |form| default.with_options(form))
    }

    /// Whether the publication may go on: every field of `options` is as configured (XEP-0060 §7.1.5, rules 1 and 2).
    ///
    /// # Errors
    /// As [`created`](Self::created), and `precondition-not-met` for a field that differs.
    pub fn check_options(&self, options: &Element) -> Result<(), StanzaError> {
        if self.with_options(options)? == *self { Ok(()) } else { Err(precondition_not_met()) }
    }

    fn with_options(&self, form: &Element) -> Result<Self, StanzaError> {
        let mut new = self.clone();
        for (var, values) in submitted(form, PUBSUB_PUBLISH_OPTIONS)? {
            match new.set(var, &values) {
                Ok(true) => {}
                Ok(false) | Err(_) => return Err(precondition_not_met()),
            }
        }
        Ok(new)
    }

    /// The configuration after the owner submitted `form` (XEP-0060 §8.2); fields it does not name stay, fields nobody
    /// knows are ignored.
    ///
    /// # Errors
    /// [`PresenceError::Form`] when it is no submitted node configuration, [`PresenceError::Field`] for a bad value.
    pub fn configured(&self, form: &Element) -> Result<Self, PresenceError> {
        let mut new = self.clone();
        for (var, values) in submitted(form, PUBSUB_NODE_CONFIG)? {
            new.set(var, &values)?;
        }
        Ok(new)
    }

    /// The form an owner gets to fill in (`form_type` "form"), or to look at ("result").
    pub fn form(&self, form_type: &str) -> Element {
        let hidden = field("FORM_TYPE", "hidden", [PUBSUB_NODE_CONFIG]);
        let mut form = Element::new("x", DATA_FORMS).with_attr("type", form_type).with_child(hidden);
        form.push(field("pubsub#title", "text-single", [&*self.title]));
        form.push(field("pubsub#type", "text-single", [&*self.payload_type]));
        form.push(choice("pubsub#access_model", self.access.as_str(), AccessModel::ALL.iter().map(|a| a.as_str())));
        form.push(field("pubsub#roster_groups_allowed", "text-multi", self.roster_groups.iter().map(String::as_str)));
        form.push(field("pubsub#max_items", "text-single", [&*self.max_items.text()]));
        let send_last = SendLast::ALL.iter().map(|s| s.as_str());
        form.push(choice("pubsub#send_last_published_item", self.send_last.as_str(), send_last));
        form.push(choice("pubsub#publish_model", "publishers", ["publishers"]));
        for (var, value) in self.switches() {
            form.push(field(var, "boolean", [if value { "1" } else { "0" }]));
        }
        form
    }

    fn switches(&self) -> [(&'static str, bool); 6] {
        [
            ("pubsub#persist_items", self.persist_items),
            ("pubsub#deliver_notifications", self.deliver_notifications),
            ("pubsub#deliver_payloads", self.deliver_payloads),
            ("pubsub#notify_retract", self.notify_retract),
            ("pubsub#notify_delete", self.notify_delete),
            ("pubsub#notify_config", self.notify_config),
        ]
    }

    /// As kept in the database: the submitted form.
    pub fn to_stored(&self) -> Bytes {
        self.form("submit").to_bytes().into()
    }

    /// Reads [`to_stored`](Self::to_stored). What can't be read has the strictest value that matters: a row damaged by
    /// hand gives a node that only its owner reads.
    pub fn from_stored(stored: &[u8]) -> Self {
        let form = Element::parse(stored).ok();
        let read = form.and_then(|form| Self::default().configured(&form).ok());
        read.unwrap_or_else(|| NodeConfig { access: AccessModel::Whitelist, ..Self::default() })
    }

    /// Sets one field; false: there is no such field.
    fn set(&mut self, var: &str, values: &[String]) -> Result<bool, PresenceError> {
        let bad = |var| PresenceError::Field(var);
        let one = values.first().map(String::as_str).unwrap_or_default();
        match var {
            "pubsub#title" => self.title = short("pubsub#title", one)?,
            "pubsub#type" => self.payload_type = short("pubsub#type", one)?,
            "pubsub#access_model" => {
                self.access = AccessModel::parse(one).ok_or(bad("pubsub#access_model"))?;
            }
            "pubsub#roster_groups_allowed" => self.roster_groups = groups(values)?,
            "pubsub#max_items" => self.max_items = MaxItems::parse(one).ok_or(bad("pubsub#max_items"))?,
            "pubsub#send_last_published_item" => {
                self.send_last = SendLast::parse(one).ok_or(bad("pubsub#send_last_published_item"))?;
            }
            "pubsub#persist_items" => self.persist_items = boolean("pubsub#persist_items", one)?,
            "pubsub#deliver_notifications" => {
                self.deliver_notifications = boolean("pubsub#deliver_notifications", one)?;
            }
            "pubsub#deliver_payloads" => self.deliver_payloads = boolean("pubsub#deliver_payloads", one)?,
            "pubsub#notify_retract" => self.notify_retract = boolean("pubsub#notify_retract", one)?,
            "pubsub#notify_delete" => self.notify_delete = boolean("pubsub#notify_delete", one)?,
            "pubsub#notify_config" => self.notify_config = boolean("pubsub#notify_config", one)?,
            _ => return fixed(var, one),
        }
        Ok(true)
    }
}

/// A field of [`FIXED`]: known, and right only with that value.
fn fixed(var: &str, value: &str) -> Result<bool, PresenceError> {
    let Some((var, only)) = FIXED.iter().find(|(name, _)| *name == var) else { return Ok(false) };
    let same = value == *only || parse_boolean(value).is_some_and(|b| parse_boolean(only) == Some(b));
    if same { Ok(true) } else { Err(PresenceError::Field(var)) }
}

fn short(var: &'static str, text: &str) -> Result<String, PresenceError> {
    if text.len() > limits::ROSTER_NAME_BYTES { Err(PresenceError::Field(var)) } else { Ok(text.to_owned()) }
}

fn groups(values: &[String]) -> Result<Vec<String>, PresenceError> {
    let fits = values.len() <= limits::ROSTER_GROUPS && values.iter().all(|g| g.len() <= limits::ROSTER_NAME_BYTES);
    if fits { Ok(values.to_vec()) } else { Err(PresenceError::Field("pubsub#roster_groups_allowed")) }
}

fn boolean(var: &'static str, text: &str) -> Result<bool, PresenceError> {
    parse_boolean(text).ok_or(PresenceError::Field(var))
}

fn parse_boolean(text: &str) -> Option<bool> {
    match text {
        "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    }
}

/// The fields of a submitted form with this FORM_TYPE, without FORM_TYPE itself.
fn submitted<'a>(form: &'a Element, form_type: &'static str) -> Result<Vec<(&'a str, Vec<String>)>, PresenceError> {
    let fields: Vec<(&str, Vec<String>)> =
        form.children().filter(|f| f.is("field", DATA_FORMS)).filter_map(|f| Some((f.attr("var")?, values(f)))).collect();
    let typed = fields.iter().any(|(var, values)| *var == "FORM_TYPE" && values.first().is_some_and(|v| v == form_type));
    if !typed || !form.is("x", DATA_FORMS) || form.attr("type") != Some("submit") {
        return Err(PresenceError::Form(form_type));
    }
    Ok(fields.into_iter().filter(|(var, _)| *var != "FORM_TYPE").collect())
}

fn values(field: &Element) -> Vec<String> {
    field.children().filter(|v| v.is("value", DATA_FORMS)).map(Element::text).collect()
}

fn field<'a>(var: &str, field_type: &str, values: impl IntoIterator<Item = &'a str>) -> Element {
    let mut field = Element::new("field", DATA_FORMS).with_attr("var", var).with_attr("type", field_type);
    for value in values {
        field.push(Element::new("value", DATA_FORMS).with_text(value));
    }
    field
}

fn choice<'a>(var: &str, value: &'a str, options: impl IntoIterator<Item = &'a str>) -> Element {
    let mut field = field(var, "list-single", [value]);
    for option in options {
        let value = Element::new("value", DATA_FORMS).with_text(option);
        field.push(Element::new("option", DATA_FORMS).with_child(value));
    }
    field
}

fn precondition_not_met() -> StanzaError {
    pubsub_error(Condition::Conflict, "precondition-not-met")
}

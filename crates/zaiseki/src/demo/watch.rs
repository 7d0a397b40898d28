//! What the demo's terminal shows: an in-process session of a user, whose outlet prints the presence it gets.

use std::sync::Arc;
use tokio::sync::mpsc;
use zaiseki_model::{MessageId, UserId};
use zaiseki_router::engine::BindRequest;
use zaiseki_router::node::Node;
use zaiseki_router::outlet::{Close, Outlet};
use zaiseki_xmpp::xml::element::Element;
use zaiseki_xmpp::xml::framer::{Limits, stanza_from_bytes};

/// One change somebody sees.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    /// The bare address it is about.
    pub who: String,
    /// `available`, `unavailable` or the `<show/>`.
    pub state: String,
    /// The texts with their languages.
    pub texts: Vec<String>,
}

struct Terminal(mpsc::UnboundedSender<Seen>);

impl Outlet for Terminal {
    fn push(&self, parts: &[&[u8]], _: Option<MessageId>) -> bool {
        if let Some(seen) = Element::parse(&parts.concat()).ok().as_ref().and_then(presence) {
            let _ = self.0.send(seen);
        }
        false
    }

    fn request_ack(&self) {}

    fn close(&self, _: Close) -> bool {
        false
    }

    fn wake(&self) {}
}

fn presence(stanza: &Element) -> Option<Seen> {
    if stanza.name() != "presence" {
        return None;
    }
    let who = stanza.attr("from")?.split('/').next()?.to_owned();
    let show = stanza.children().find(|c| c.name() == "show").map(Element::text);
    let state = match stanza.attr("type") {
        None => show.unwrap_or_else(|| "available".to_owned()),
        Some("unavailable") => "offline".to_owned(),
        Some(_) => return None,
    };
    let texts = stanza.children().filter(|c| c.name() == "status").map(Element::text).collect();
    Some(Seen { who, state, texts })
}

/// Signs `name` in within the process and returns what it gets to see.
pub fn watch(node: &Arc<Node>, user: UserId, name: &str) -> mpsc::UnboundedReceiver<Seen> {
    let (seen, rx) = mpsc::unbounded_channel();
    let outlet = Arc::new(Terminal(seen));
    let watcher = node.clone();
    // The answer may come from a thread of the database.
    let runtime = tokio::runtime::Handle::current();
    let request = BindRequest {
        user,
        name: name.to_owned(),
        resource: Some("terminal".to_owned()),
        lang: None,
        carrier: zaiseki_model::live::Carrier::local(),
        outlet,
        done: Box::new(move |bound| {
            if let Ok((session, _)) = bound {
                // The engine is busy with this very call: the first presence follows from a task of its own.
                runtime.spawn(async move {
                    let presence = bytes::Bytes::from_static(b"<presence><priority>-1</priority></presence>");
                    if let Ok(stanza) = stanza_from_bytes(presence, Limits::default()) {
                        watcher.with(|engine, now| engine.stanza(now, session, stanza));
                    }
                });
            }
        }),
    };
    node.with(|engine, now| engine.bind(now, request));
    rx
}

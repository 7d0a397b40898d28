//! Entity capabilities (XEP-0115 1.6): the server's own, and what clients want to be notified of.

use super::Feature;
use super::disco::server_info;
use crate::engine::{Engine, SessionId};
use std::sync::OnceLock;
use zaiseki_model::Envelope;
use zaiseki_model::envelope::{Head, close};
use zaiseki_presence::caps::{Caps, Learned, ver};
use zaiseki_xmpp::ns::{CAPS, DISCO_INFO};
use zaiseki_xmpp::xml::element::Element;

pub static FEATURE: Feature = Feature {
    spec: "XEP-0115",
    version: "1.6.0",
    title: "Entity Capabilities",
    file: file!(),
    domain_features: &[CAPS],
    account_features: &[],
    routes: &[],
};

const NODE: &str = "https://zaiseki.example/";

/// The server's own capabilities, for its stream features.
pub fn server_caps() -> &'static Caps {
    static OWN: OnceLock<Caps> = OnceLock::new();
    OWN.get_or_init(|| Caps {
        node: NODE.to_owned(),
        hash: "sha-1".to_owned(),
        ver: ver(&server_info(), "sha-1").unwrap_or_default(),
    })
}

/// The node a client may name when it asks for the server's disco#info.
pub fn server_node() -> String {
    server_caps().disco_node()
}

/// A disco#info request of the server that waits for its answer; one per session, so that a client that never answers
/// misses notifications of its own and nobody else's.
pub struct Asked {
    /// The id of the request.
    pub iq: String,
    hash: String,
    ver: String,
}

impl Engine {
    /// Learns from a presence what the client wants to hear of; asks the client when its capabilities are new.
    pub(crate) fn learn_caps(&mut self, id: SessionId, envelope: &Envelope) {
        let claimed = envelope.stanza.child("c", CAPS).and_then(|c| Element::parse(c.bytes()).ok());
        let Some(caps) = claimed.as_ref().and_then(Caps::parse) else { return };
        match self.caps.get(&caps.hash, &caps.ver) {
            Some(learned) => self.set_client(id, learned),
            None if self.asked.get(&id).is_some_and(|asked| asked.hash == caps.hash && asked.ver == caps.ver) => {}
            None => self.ask_caps(id, caps),
        }
    }

    fn ask_caps(&mut self, id: SessionId, caps: Caps) {
        let Some(jid) = self.session(id).map(|s| s.jid.clone()) else { return };
        let iq = self.make_id();
        let mut out = Vec::with_capacity(256);
        let domain = self.domain.clone();
        Head {
            name: "iq",
            from: Some(domain.as_str()),
            to: Some(jid.as_str()),
            type_: Some("get"),
            id: Some(&iq),
            ..Head::default()
        }
        .open(&mut out);
        Element::new("query", DISCO_INFO).with_attr("node", caps.disco_node()).write(&mut out, zaiseki_xmpp::ns::CLIENT);
        close(&mut out, "iq");
        self.asked.insert(id, Asked { iq, hash: caps.hash, ver: caps.ver });
        self.send(id, &out, None);
    }

    /// From now on the session hears of these nodes; what is there already is sent at once (XEP-0163 §4.3.2).
    fn set_client(&mut self, id: SessionId, learned: Learned) {
        let Some(available) = self.session_mut(id).and_then(|s| s.available.as_mut()) else { return };
        let Learned { nodes, software } = learned;
        available.software = software;
        let news: Vec<String> = nodes.iter().filter(|node| !available.notify.contains(node)).cloned().collect();
        available.notify = nodes;
        if !news.is_empty() {
            super::pep::send_last_items(self, id, &news);
        }
    }
}

/// The client's answer.
pub(crate) fn answered(engine: &mut Engine, session: SessionId, asked: Asked, envelope: &Envelope) {
    let query = envelope.stanza.child("query", DISCO_INFO).and_then(|q| Element::parse(q.bytes()).ok());
    if let Some(info) = query.filter(|_| envelope.type_.as_deref() == Some("result")) {
        let learned = engine.caps.learn(&asked.hash, &asked.ver, &info);
        engine.set_client(session, learned);
    }
}

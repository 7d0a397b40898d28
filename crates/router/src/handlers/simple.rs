//! Features that have no iq of their own: they live in the stream or in the phases, and are declared here.

use super::{Answer, Feature, Route, Scope};

const fn feature(
    spec: &'static str,
    version: &'static str,
    title: &'static str,
    domain_features: &'static [&'static str],
) -> Feature {
    Feature { spec, version, title, file: file!(), domain_features, account_features: &[], routes: &[] }
}

pub static STREAM_MANAGEMENT: Feature = feature("XEP-0198", "1.6.3", "Stream Management", &[]);
pub static OFFLINE: Feature = feature("XEP-0160", "1.0.1", "Best Practices for Handling Offline Messages", &["msgoffline"]);
pub static STANZA_IDS: Feature = Feature {
    spec: "XEP-0359",
    version: "0.7.0",
    title: "Unique and Stable Stanza IDs",
    file: file!(),
    domain_features: &[],
    account_features: &[zaiseki_xmpp::ns::SID],
    routes: &[],
};
pub static DELAY: Feature = feature("XEP-0203", "2.0", "Delayed Delivery", &["urn:xmpp:delay"]);
pub static HINTS: Feature = feature("XEP-0334", "0.4.0", "Message Processing Hints", &[]);
pub static WEBSOCKET: Feature = feature("RFC 7395", "", "XMPP Subprotocol for WebSocket", &[]);
pub static BOSH: Feature = feature("XEP-0206", "1.4", "XMPP Over BOSH", &[]);
pub static DIRECT_TLS: Feature = feature("XEP-0368", "1.1.0", "Direct TLS", &[]);

/// The session request of RFC 3921 §3, which old clients send after binding.
pub static SESSION: Feature = Feature {
    spec: "RFC 3921",
    version: "",
    title: "Session establishment (obsolete, answered)",
    file: file!(),
    domain_features: &[],
    account_features: &[],
    routes: &[Route {
        name: "session",
        ns: zaiseki_xmpp::ns::SESSION,
        get: false,
        set: true,
        scopes: &[Scope::Domain, Scope::Own],
        handle: |_, _| Ok(Answer::empty()),
    }],
};

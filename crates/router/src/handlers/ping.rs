//! XMPP ping (XEP-0199 2.0).

use super::{Answer, Feature, Route, Scope};

const NS: &str = zaiseki_xmpp::ns::PING;

pub static FEATURE: Feature = Feature {
    spec: "XEP-0199",
    version: "2.0.1",
    title: "XMPP Ping",
    file: file!(),
    domain_features: &[NS],
    account_features: &[],
    routes: &[Route {
        name: "ping",
        ns: NS,
        get: true,
        set: false,
        scopes: &[Scope::Domain, Scope::Own, Scope::Account],
        handle: |_, _| Ok(Answer::empty()),
    }],
};

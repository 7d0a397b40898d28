//! XMPP ping (XEP-0199 2.0).

use super::{Answer, Feature, Route, Scope};
use zaiseki_xmpp::stanza::{Condition, StanzaError};

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
        scopes: &[Scope::Domain, Scope::Own, Scope::Account, Scope::Directory],
        // XEP-0030 §8: somebody who may not see the user does not learn that there is one.
        handle: |engine, request| match engine.may_see_presence(request.home, request.sender) {
            true => Ok(Answer::empty()),
            false => Err(StanzaError::new(Condition::ServiceUnavailable)),
        },
    }],
};

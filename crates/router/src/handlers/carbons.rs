//! Switching message carbons on and off (XEP-0280 1.0.1); the copying is [`crate::phases::copy`].

use super::{Answer, Feature, Route, Scope};

const NS: &str = zaiseki_xmpp::ns::CARBONS;

macro_rules! switch {
    ($name:literal, $on:literal) => {
        Route {
            name: $name,
            ns: NS,
            get: false,
            set: true,
            scopes: &[Scope::Own],
            handle: |engine, request| {
                if let Some(session) = engine.session_mut(request.session) {
                    session.carbons = $on;
                }
                Ok(Answer::empty())
            },
        }
    };
}

pub static FEATURE: Feature = Feature {
    spec: "XEP-0280",
    version: "1.0.1",
    title: "Message Carbons",
    file: file!(),
    domain_features: &[NS],
    account_features: &[NS],
    routes: &[switch!("enable", true), switch!("disable", false)],
};

//! Software version (XEP-0092 1.1).

use super::{Answer, Feature, Route, Scope};
use zaiseki_xmpp::xml::element::Element;

const NS: &str = zaiseki_xmpp::ns::VERSION;

pub static FEATURE: Feature = Feature {
    spec: "XEP-0092",
    version: "1.1",
    title: "Software Version",
    file: file!(),
    domain_features: &[NS],
    account_features: &[],
    routes: &[Route {
        name: "query",
        ns: NS,
        get: true,
        set: false,
        scopes: &[Scope::Domain],
        handle: |_, _| {
            let text = |name: &str, value: &str| Element::new(name, NS).with_text(value);
            let query = Element::new("query", NS)
                .with_child(text("name", "Zaiseki"))
                .with_child(text("version", env!("CARGO_PKG_VERSION")));
            Ok(Answer::element(&query))
        },
    }],
};

//! Entity time (XEP-0202 2.0). The server speaks UTC.

use super::{Answer, Feature, Route, Scope};
use zaiseki_xmpp::datetime;
use zaiseki_xmpp::xml::element::Element;

const NS: &str = zaiseki_xmpp::ns::TIME;

pub static FEATURE: Feature = Feature {
    spec: "XEP-0202",
    version: "2.0",
    title: "Entity Time",
    file: file!(),
    domain_features: &[NS],
    account_features: &[],
    routes: &[Route {
        name: "time",
        ns: NS,
        get: true,
        set: false,
        scopes: &[Scope::Domain],
        handle: |engine, _| {
            let time = Element::new("time", NS)
                .with_child(Element::new("tzo", NS).with_text("+00:00"))
                .with_child(Element::new("utc", NS).with_text(&datetime::format(engine.now.0)));
            Ok(Answer::element(&time))
        },
    }],
};

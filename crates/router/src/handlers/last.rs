//! Last activity (XEP-0012 2.0): since when the server runs, and when a user who shares presence was last seen.

use super::{Answer, Feature, Request, Route, Scope};
use crate::engine::Engine;
use zaiseki_store::{Read, Reply};
use zaiseki_xmpp::stanza::{Condition, StanzaError};
use zaiseki_xmpp::xml::element::Element;

pub const NS: &str = zaiseki_xmpp::ns::LAST;

pub static FEATURE: Feature = Feature {
    spec: "XEP-0012",
    version: "2.0",
    title: "Last Activity",
    file: file!(),
    domain_features: &[],
    account_features: &[NS],
    routes: &[Route { name: "query", ns: NS, get: true, set: false, scopes: &[Scope::Own, Scope::Account], handle: last }],
};

fn last(engine: &mut Engine, request: &Request) -> Result<Answer, StanzaError> {
    if !engine.may_see_presence(request.home, request.sender) {
        return Err(StanzaError::new(Condition::Forbidden));
    }
    if !engine.available_sessions(request.home).is_empty() {
        return Ok(Answer::element(&Element::new("query", NS).with_attr("seconds", "0")));
    }
    let user = engine.user_id(request.home).ok_or_else(|| StanzaError::new(Condition::ServiceUnavailable))?;
    let request = request.clone();
    engine.read(Read::LastSeen { user }, move |engine, reply| match reply {
        Ok(Reply::LastSeen(Some(seen))) => {
            let seconds = engine.now.since(seen.at).as_secs().to_string();
            let query = Element::new("query", NS).with_attr("seconds", seconds).with_text(&seen.status);
            let mut out = Vec::new();
            query.write(&mut out, zaiseki_xmpp::ns::CLIENT);
            engine.reply_result(request.session, &request.envelope, &out);
        }
        _ => engine.reply_condition(request.session, &request.envelope, Condition::ServiceUnavailable),
    });
    Ok(Answer::Later)
}

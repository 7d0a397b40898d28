//! What the server answers itself: one file per feature, each declaring its specification, version and namespaces once.
//! Disco answers and `docs/protocol.md` are made from these declarations; the router only knows the table.

pub mod blocking;
pub mod bookmarks;
pub mod caps;
pub mod carbons;
pub mod commands;
pub mod csi;
pub mod disco;
pub mod last;
pub mod mam;
pub mod pep;
pub mod ping;
pub mod private;
pub mod roster;
pub mod search;
pub mod simple;
pub mod time;
pub mod vcard;
pub mod version;

use crate::engine::{Engine, HomeIx, SessionId};
use std::collections::HashMap;
use std::sync::OnceLock;
use zaiseki_model::Envelope;
use zaiseki_xmpp::stanza::{IqType, StanzaError};
use zaiseki_xmpp::xml::element::Element;

/// One feature of the server.
pub struct Feature {
    /// `XEP-0199`, `RFC 6121`.
    pub spec: &'static str,
    /// Of the specification, as implemented; empty for RFCs.
    pub version: &'static str,
    pub title: &'static str,
    /// Where it is implemented: the declaring file.
    pub file: &'static str,
    /// Features in disco#info of the domain.
    pub domain_features: &'static [&'static str],
    /// Features in disco#info of an account (bare address).
    pub account_features: &'static [&'static str],
    pub routes: &'static [Route],
}

/// An iq the server answers.
pub struct Route {
    pub name: &'static str,
    pub ns: &'static str,
    pub get: bool,
    pub set: bool,
    pub scopes: &'static [Scope],
    pub handle: Handle,
}

pub type Handle = fn(&mut Engine, &Request) -> Result<Answer, StanzaError>;

/// Whom an iq addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The server.
    Domain,
    /// The sender's own account.
    Own,
    /// Another user's account.
    Account,
    /// The directory of users, `search.` before the domain.
    Directory,
}

/// An iq of type get or set, with its payload parsed.
#[derive(Clone)]
pub struct Request {
    pub session: SessionId,
    /// The sender's home.
    pub sender: HomeIx,
    /// The home of the account addressed; the sender's own for [`Scope::Domain`] and [`Scope::Directory`].
    pub home: HomeIx,
    pub scope: Scope,
    pub set: bool,
    pub envelope: Envelope,
    pub payload: Element,
}

/// How a request is answered.
pub enum Answer {
    /// A result with this serialised payload.
    Result(Vec<u8>),
    /// An empty result once everything written so far is on disk.
    Kept,
    /// A result with this payload once everything written so far is on disk.
    KeptResult(Vec<u8>),
    /// The handler answers by itself, when its read is done.
    Later,
}

impl Answer {
    pub fn empty() -> Self {
        Answer::Result(Vec::new())
    }

    pub fn element(element: &Element) -> Self {
        Answer::Result(serialised(element))
    }

    /// [`Answer::KeptResult`] of an element.
    pub fn kept(element: &Element) -> Self {
        Answer::KeptResult(serialised(element))
    }
}

fn serialised(element: &Element) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    element.write(&mut out, zaiseki_xmpp::ns::CLIENT);
    out
}

/// Every feature, by name of its file.
pub static FEATURES: &[&Feature] = &[
    &blocking::FEATURE,
    &bookmarks::FEATURE,
    &caps::FEATURE,
    &carbons::FEATURE,
    &commands::FEATURE,
    &csi::FEATURE,
    &disco::FEATURE,
    &last::FEATURE,
    &mam::FEATURE,
    &pep::FEATURE,
    &ping::FEATURE,
    &private::FEATURE,
    &roster::FEATURE,
    &search::FEATURE,
    &time::FEATURE,
    &vcard::FEATURE,
    &version::FEATURE,
    &simple::STREAM_MANAGEMENT,
    &simple::OFFLINE,
    &simple::STANZA_IDS,
    &simple::DELAY,
    &simple::HINTS,
    &simple::WEBSOCKET,
    &simple::BOSH,
    &simple::DIRECT_TLS,
    &simple::SESSION,
];

/// The table of all routes.
pub struct Registry {
    routes: HashMap<(&'static str, &'static str), Vec<&'static Route>>,
}

pub fn registry() -> &'static Registry {
    static REGISTRY: OnceLock<Registry> = OnceLock::new();
    REGISTRY.get_or_init(|| {
        let mut routes: HashMap<_, Vec<&'static Route>> = HashMap::new();
        for route in FEATURES.iter().flat_map(|f| f.routes) {
            routes.entry((route.ns, route.name)).or_default().push(route);
        }
        Registry { routes }
    })
}

impl Registry {
    /// `Err(true)`: the payload is known, but not this way of asking.
    pub fn find(&self, ns: &str, name: &str, set: bool, scope: Scope) -> Result<Handle, bool> {
        let Some(routes) = self.routes.get(&(ns, name)) else { return Err(false) };
        routes.iter().find(|r| r.scopes.contains(&scope) && if set { r.set } else { r.get }).map(|r| r.handle).ok_or(true)
    }
}

/// The type of an iq that was checked when it was stamped.
pub(crate) fn iq_type(envelope: &Envelope) -> Option<IqType> {
    IqType::parse(envelope.type_.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table of `docs/protocol.md`.
    fn protocol_table() -> String {
        let mut rows: Vec<String> = FEATURES
            .iter()
            .map(|f| {
                let version = if f.version.is_empty() { "–" } else { f.version };
                format!("| {} | {version} | {} | `{}` |\n", f.spec, f.title, f.file)
            })
            .collect();
        rows.sort();
        format!("| Specification | Version | Title | Declared in |\n|---|---|---|---|\n{}", rows.concat())
    }

    /// `ZAISEKI_WRITE_DOCS=1 cargo test -p zaiseki-router` writes the table anew.
    #[test]
    fn the_protocol_page_is_up_to_date() {
        const MARK: &str = "<!-- generated: features -->\n";
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/protocol.md");
        let page = std::fs::read_to_string(path).expect("docs/protocol.md is there");
        let (before, rest) = page.split_once(MARK).expect("the first mark");
        let (table, after) = rest.split_once(MARK).expect("the second mark");
        let wanted = protocol_table();
        if std::env::var_os("ZAISEKI_WRITE_DOCS").is_some() {
            std::fs::write(path, format!("{before}{MARK}{wanted}{MARK}{after}")).expect("writable");
        } else {
            assert_eq!(table, wanted, "run it once with ZAISEKI_WRITE_DOCS=1");
        }
    }

    #[test]
    fn every_route_is_found_and_none_twice() {
        for route in FEATURES.iter().flat_map(|f| f.routes) {
            for scope in route.scopes {
                for set in [false, true] {
                    let ways = if set { route.set } else { route.get };
                    assert_eq!(registry().find(route.ns, route.name, set, *scope).is_ok(), ways || other(route, set, *scope));
                }
            }
        }
        assert!(registry().find("urn:example:unknown", "query", false, Scope::Domain).is_err());
    }

    fn other(route: &Route, set: bool, scope: Scope) -> bool {
        let same = |r: &&Route| r.ns == route.ns && r.name == route.name && !std::ptr::eq(*r, route) && r.scopes.contains(&scope);
        FEATURES.iter().flat_map(|f| f.routes).filter(same).any(|r| if set { r.set } else { r.get })
    }
}

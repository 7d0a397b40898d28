//! The little XML that simulated clients say and understand.

use bytes::Bytes;
use zaiseki_xmpp::ns;
use zaiseki_xmpp::xml::element::Element;
use zaiseki_xmpp::xml::framer::{Limits, Stanza, stanza_from_bytes};

pub const DOMAIN: &str = "sim.example";
/// The namespace of what the world itself says to a client in place of the negotiation of a real stream.
pub const SIM: &str = "urn:zaiseki:sim";
pub const BOUND: &[u8] = b"<bound xmlns='urn:zaiseki:sim'/>";

/// The bare address of user `index`.
pub fn bare(index: usize) -> String {
    format!("u{index}@{DOMAIN}")
}

/// The index of the user whose (bare or full) address that is.
pub fn user_of(address: &str) -> Option<usize> {
    address.split('@').next()?.strip_prefix('u')?.parse().ok()
}

pub fn stanza(bytes: &[u8]) -> Option<Stanza> {
    stanza_from_bytes(Bytes::copy_from_slice(bytes), Limits::default()).ok()
}

pub fn element(bytes: &[u8]) -> Option<Element> {
    Element::parse(bytes).ok()
}

pub fn chat(to: &str, origin: &str) -> Vec<u8> {
    format!(
        "<message xmlns='jabber:client' to='{to}' type='chat' id='{origin}'><body>text of {origin}</body>\
         <origin-id xmlns='urn:xmpp:sid:0' id='{origin}'/></message>"
    )
    .into_bytes()
}

pub fn presence(priority: i8, show: Option<&str>, status: &str) -> Vec<u8> {
    let show = show.map_or(String::new(), |show| format!("<show>{show}</show>"));
    format!("<presence xmlns='jabber:client'>{show}<status>{status}</status><priority>{priority}</priority></presence>")
        .into_bytes()
}

pub fn subscription(type_: &str, to: &str) -> Vec<u8> {
    format!("<presence xmlns='jabber:client' type='{type_}' to='{to}'/>").into_bytes()
}

pub fn roster_get(id: &str) -> Vec<u8> {
    format!("<iq xmlns='jabber:client' type='get' id='{id}'><query xmlns='{}'/></iq>", ns::ROSTER).into_bytes()
}

pub fn result(id: &str) -> Vec<u8> {
    format!("<iq xmlns='jabber:client' type='result' id='{id}'/>").into_bytes()
}

/// A page of the own archive after a message.
pub fn archive_query(id: &str, after: Option<&str>) -> Vec<u8> {
    let after = after.map_or(String::new(), |after| format!("<after>{after}</after>"));
    format!(
        "<iq xmlns='jabber:client' type='set' id='{id}'><query xmlns='{}'>\
         <set xmlns='http://jabber.org/protocol/rsm'><max>40</max>{after}</set></query></iq>",
        ns::MAM
    )
    .into_bytes()
}

pub fn nonza(name: &str, attributes: &str) -> Vec<u8> {
    format!("<{name} xmlns='{}'{attributes}/>", ns::SM).into_bytes()
}

/// The origin-id of a serialised message.
pub fn origin_id(message: &[u8]) -> Option<String> {
    origin_of(&element(message)?)
}

pub fn origin_of(message: &Element) -> Option<String> {
    message.child("origin-id", ns::SID)?.attr("id").map(str::to_owned)
}

/// The count of `<a/>`, `<resumed/>` or `<failed/>`; `None` for everything else and where there is none.
pub fn handled_count(bytes: &[u8]) -> Option<usize> {
    if !bytes.windows(14).any(|w| w == b"urn:xmpp:sm:3'") {
        return None;
    }
    let element = element(bytes)?;
    if element.ns() != ns::SM || !matches!(element.name(), "a" | "resumed" | "failed") {
        return None;
    }
    element.attr("h")?.parse().ok()
}

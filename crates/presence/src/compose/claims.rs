//! Claims to be in a meeting: a client's own are dropped for users whom a calendar serves; the server makes its own.

use super::FactKind;
use super::own::wrap;
use bytes::Bytes;
use std::ops::Range;
use zaiseki_model::settings::CalendarSettings;
use zaiseki_xmpp::Element;
use zaiseki_xmpp::ns::{ACTIVITY, CLIENT};
use zaiseki_xmpp::xml::framer::{Child, Stanza};

/// A presence payload without a client's own claim: each `<status/>` that equals one of our labels of a meeting (in any
/// language, white space around it and case apart) goes, and `<show/>` with it, since it belonged to the claim. The labels
/// of an absence stay: to be away is everybody's own to say, and clients do so in these very words.
///
/// `body`: the raw children of a `<presence/>`. `None`: nothing to drop, which includes payloads that can't be read.
pub fn strip_claims(body: &Bytes, settings: &CalendarSettings) -> Option<Bytes> {
    // Most presence has no status at all: don't walk it.
    if !body.windows(6).any(|window| window == b"status") {
        return None;
    }
    let stanza = wrap(body).ok()?;
    let mut dropped = claimed(&stanza, settings);
    if dropped.is_empty() {
        return None;
    }
    dropped.extend(stanza.children().filter(|c| is(c, "show")).map(|c| c.range_in_body()));
    dropped.sort_by_key(|range| range.start);
    let (own, mut out, mut at) = (stanza.body(), Vec::with_capacity(body.len()), 0);
    for range in dropped {
        out.extend_from_slice(&own[at..range.start]);
        at = range.end;
    }
    out.extend_from_slice(&own[at..]);
    Some(out.into())
}

fn claimed(stanza: &Stanza, settings: &CalendarSettings) -> Vec<Range<usize>> {
    let labels: Vec<String> = FactKind::Meeting.labels(settings).values().map(|label| folded(label)).collect();
    stanza
        .children()
        .filter(|c| is(c, "status"))
        .filter(|c| c.element().is_ok_and(|e| labels.contains(&folded(&e.text()))))
        .map(|c| c.range_in_body())
        .collect()
}

fn is(child: &Child<'_>, name: &str) -> bool {
    child.name() == name && child.ns() == CLIENT
}

fn folded(text: &str) -> String {
    text.trim().to_lowercase()
}

/// Whether a PEP payload is a claim that only the calendar may make: an XEP-0108 `<activity/>` that says
/// `working/in_a_meeting`, or `having_appointment` with or without a further word.
pub fn is_meeting_activity(payload: &Element) -> bool {
    let general = |name| payload.child(name, ACTIVITY);
    payload.is("activity", ACTIVITY)
        && (general("having_appointment").is_some()
            || general("working").is_some_and(|working| working.has_child("in_a_meeting", ACTIVITY)))
}

/// The server's own XEP-0108 item: `working/in_a_meeting` for a meeting, `inactive` for an absence, with the label in
/// the user's language, where there is one.
pub fn meeting_activity(kind: FactKind, settings: &CalendarSettings, language: &str) -> Element {
    let general = match kind {
        FactKind::Meeting => Element::new("working", ACTIVITY).with_child(Element::new("in_a_meeting", ACTIVITY)),
        FactKind::OutOfOffice => Element::new("inactive", ACTIVITY),
    };
    let activity = Element::new("activity", ACTIVITY).with_child(general);
    match super::in_order(kind.labels(settings), language).next() {
        Some((lang, label)) => activity.with_child(Element::new("text", ACTIVITY).with_attr("xml:lang", lang).with_text(label)),
        None => activity,
    }
}

//! Traces of users' stanzas for support. What people wrote is taken out before anything is kept.
//!
//! While nobody is traced the engine pays one look at an `Option` for each stanza.

use crate::engine::{Engine, SessionId};
use std::collections::HashMap;
use std::time::Duration;
use zaiseki_model::Timestamp;
use zaiseki_model::limits::{TRACE_BYTES, TRACE_STANZA_BYTES, TRACE_STANZAS, TRACES};
use zaiseki_model::trace::{Direction, Trace, TraceEnd, TracedStanza};
use zaiseki_xmpp::xml::element::{Element, Node};

/// What ended is kept this long to be read.
const KEPT: Duration = Duration::from_secs(3_600);
/// A longer stanza is not looked into; its size is noted.
const LOOKED_INTO: usize = 64 * 1024;
/// Attributes that say where a stanza goes and what it is about, not what somebody wrote.
const SHOWN_ATTRIBUTES: [&str; 25] = [
    "to",
    "from",
    "id",
    "type",
    "xml:lang",
    "jid",
    "node",
    "subscription",
    "ask",
    "affiliation",
    "code",
    "by",
    "stamp",
    "hash",
    "ver",
    "queryid",
    "h",
    "previd",
    "resume",
    "category",
    "var",
    "max",
    "action",
    "status",
    "version",
];
/// Elements whose text is a word of the protocol.
const SHOWN_TEXTS: [&str; 4] = ["show", "priority", "resource", "jid"];

#[derive(Default)]
pub(crate) struct Traces(HashMap<String, Running>);

struct Running {
    trace: Trace,
    bytes: usize,
}

impl Engine {
    /// Begins to trace the user of that localpart, anew if need be. False when there are [`TRACES`].
    pub fn start_trace(&mut self, now: Timestamp, user: &str, until: Timestamp) -> bool {
        self.tidy_traces(now);
        let all = &mut self.traces.get_or_insert_default().0;
        if !all.contains_key(user) && all.len() >= TRACES {
            // What has ended makes room, the oldest first.
            let over = all.values().filter(|one| one.trace.ended.is_some()).min_by_key(|one| one.trace.since);
            let Some(oldest) = over.map(|one| one.trace.user.clone()) else { return false };
            all.remove(&oldest);
        }
        let trace = Trace { user: user.to_owned(), since: now, until, ended: None, stanzas: Vec::new() };
        all.insert(user.to_owned(), Running { trace, bytes: 0 });
        true
    }

    /// Ends a trace; what it has can still be read. False when none runs.
    pub fn stop_trace(&mut self, now: Timestamp, user: &str) -> bool {
        self.tidy_traces(now);
        let found = self.traces.as_mut().and_then(|traces| traces.0.get_mut(user)).filter(|one| one.trace.ended.is_none());
        let Some(one) = found else { return false };
        one.trace.ended = Some((now, TraceEnd::Stopped));
        true
    }

    /// Those that run, and those that ended lately, the newest first.
    pub fn traces(&mut self, now: Timestamp) -> Vec<Trace> {
        self.tidy_traces(now);
        let all = self.traces.iter().flat_map(|traces| traces.0.values());
        let mut all: Vec<Trace> = all.map(|one| one.trace.clone()).collect();
        all.sort_by_key(|trace| std::cmp::Reverse(trace.since));
        all
    }

    /// Ends what is due, and forgets what nobody will read any more.
    fn tidy_traces(&mut self, now: Timestamp) {
        let Some(traces) = self.traces.as_mut() else { return };
        traces.0.retain(|_, one| {
            one.end_in_time(now);
            one.trace.ended.is_none_or(|(at, _)| at + KEPT > now)
        });
        if traces.0.is_empty() {
            self.traces = None;
        }
    }

    /// Notes a stanza of the session, if its user is traced.
    #[inline]
    pub(crate) fn trace(&mut self, id: SessionId, direction: Direction, parts: &[&[u8]]) {
        if self.traces.is_some() {
            self.note_traced(id, direction, parts);
        }
    }

    fn note_traced(&mut self, id: SessionId, direction: Direction, parts: &[&[u8]]) {
        let now = self.now;
        let Some(jid) = self.session(id).map(|session| session.jid.clone()) else { return };
        let found = self.traces.as_mut().zip(jid.local()).and_then(|(traces, user)| traces.0.get_mut(user));
        let Some(one) = found else { return };
        one.end_in_time(now);
        if one.trace.ended.is_none() {
            one.note(TracedStanza { at: now, direction, resource: jid.resource().to_owned(), text: shown(&parts.concat()) });
        }
    }
}

impl Running {
    fn end_in_time(&mut self, now: Timestamp) {
        if self.trace.ended.is_none() && now >= self.trace.until {
            self.trace.ended = Some((self.trace.until, TraceEnd::Time));
        }
    }

    fn note(&mut self, stanza: TracedStanza) {
        let bytes = self.bytes + stanza.text.len();
        if self.trace.stanzas.len() >= TRACE_STANZAS || bytes > TRACE_BYTES {
            self.trace.ended = Some((stanza.at, TraceEnd::Full));
            return;
        }
        self.bytes = bytes;
        self.trace.stanzas.push(stanza);
    }
}

/// The stanza without what people wrote.
fn shown(stanza: &[u8]) -> String {
    if stanza.len() > LOOKED_INTO {
        return format!("({} bytes)", stanza.len());
    }
    let Ok(element) = Element::parse(stanza) else { return format!("({} bytes)", stanza.len()) };
    let mut text = String::from_utf8_lossy(&redacted(&element).to_bytes()).into_owned();
    if text.len() > TRACE_STANZA_BYTES {
        text.truncate(text.floor_char_boundary(TRACE_STANZA_BYTES - "…".len()));
        text.push('…');
    }
    text
}

/// Element names and namespaces stay, and what [`SHOWN_ATTRIBUTES`] and [`SHOWN_TEXTS`] name. Of the rest only the length is told.
fn redacted(element: &Element) -> Element {
    let mut out = Element::new(element.name(), element.ns());
    for (name, value) in element.attrs() {
        // An attribute in a namespace of its own is nobody's we know.
        if SHOWN_ATTRIBUTES.contains(&name) {
            out.set_attr(name, value);
        } else if !name.contains(':') {
            out.set_attr(name, hidden(value));
        }
    }
    for node in element.nodes() {
        match node {
            Node::Element(child) => out.push(redacted(child)),
            Node::Text(text) if SHOWN_TEXTS.contains(&element.name()) => out.push_text(text),
            Node::Text(text) => out.push_text(&hidden(text)),
        }
    }
    out
}

fn hidden(text: &str) -> String {
    format!("[{}]", text.chars().count())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_wrote_is_not_shown() {
        let stanza = "<message to='taro@example.com/desk' type='chat' id='1'><subject>secret</subject><body>very secret 秘密</body>\
                      <x xmlns='urn:x' name='secret name'><item jid='a@example.com'>secret</item></x></message>";
        let text = shown(stanza.as_bytes());
        assert!(!text.contains("secret") && !text.contains('秘'), "{text}");
        for kept in
            ["to='taro@example.com/desk'", "type='chat'", "<body>[14]</body>", "urn:x", "name='[11]'", "jid='a@example.com'"]
        {
            let either = kept.replace('\'', "\"");
            assert!(text.contains(kept) || text.contains(&either), "{kept}: {text}");
        }
        let presence = shown(b"<presence><show>dnd</show><status>with my doctor</status><priority>5</priority></presence>");
        assert!(presence.contains("<show>dnd</show>") && presence.contains(">5<") && !presence.contains("doctor"), "{presence}");
        assert_eq!(shown(b"</nonsense>"), "(11 bytes)");
        assert_eq!(shown(&vec![b'x'; LOOKED_INTO + 1]), format!("({} bytes)", LOOKED_INTO + 1));
        let wide = format!("<iq>{}</iq>", "<長い名前 xmlns='u'/>".repeat(1_000));
        assert!(shown(wide.as_bytes()).len() <= TRACE_STANZA_BYTES);
    }

    fn running() -> Running {
        let trace =
            Trace { user: "ann".to_owned(), since: Timestamp(0), until: Timestamp(100), ended: None, stanzas: Vec::new() };
        Running { trace, bytes: 0 }
    }

    fn stanza(length: usize) -> TracedStanza {
        let text = "x".repeat(length);
        TracedStanza { at: Timestamp(7), direction: Direction::Sent, resource: "desk".to_owned(), text }
    }

    #[test]
    fn a_trace_holds_its_limits_and_ends_one_past_them() {
        let mut many = running();
        (0..TRACE_STANZAS).for_each(|_| many.note(stanza(1)));
        assert_eq!((many.trace.stanzas.len(), many.trace.ended), (TRACE_STANZAS, None));
        many.note(stanza(1));
        assert_eq!((many.trace.stanzas.len(), many.trace.ended), (TRACE_STANZAS, Some((Timestamp(7), TraceEnd::Full))));
        let mut long = running();
        long.note(stanza(TRACE_BYTES));
        assert_eq!(long.trace.ended, None);
        long.note(stanza(1));
        assert_eq!(long.trace.ended, Some((Timestamp(7), TraceEnd::Full)));
        let mut old = running();
        old.end_in_time(Timestamp(99));
        assert_eq!(old.trace.ended, None);
        old.end_in_time(Timestamp(500));
        assert_eq!(old.trace.ended, Some((Timestamp(100), TraceEnd::Time)));
    }
}

//! After sign-in: resource binding (RFC 6120 §7), resumption (XEP-0198 §5), and what a bound session may send.

use super::{C2s, State, Step};
use crate::sm;
use zaiseki_xmpp::jid::{FullJid, Jid, prepare_resource};
use zaiseki_xmpp::ns;
use zaiseki_xmpp::stanza::{Condition, StanzaError, StreamErrorCondition};
use zaiseki_xmpp::xml::escape::push_text;
use zaiseki_xmpp::xml::framer::Stanza;

/// Bytes of a resumption token; ours are shorter.
const TOKEN_BYTES: usize = 256;

impl C2s {
    /// A frame of a signed-in client that has no resource yet.
    pub(super) fn unbound_frame(&mut self, stanza: &Stanza, out: &mut Vec<u8>) -> Step {
        match (stanza.ns(), stanza.name()) {
            (ns::CLIENT, "iq") if is_set(stanza) && stanza.has_child("bind", ns::BIND) => self.bind(stanza, out),
            (ns::CLIENT, "message" | "presence" | "iq") => self.premature(stanza, out),
            (ns::SM, "resume") => self.resume(stanza, out),
            (ns::SM, _) => {
                self.write_bytes(&sm::write_failed("unexpected-request", None), out);
                Step::More
            }
            _ => self.unsupported(stanza, out),
        }
    }

    fn bind(&mut self, stanza: &Stanza, out: &mut Vec<u8>) -> Step {
        if !self.is_addressed_here(stanza) {
            return self.fail(StreamErrorCondition::NotAuthorized, None, out);
        }
        let wanted = stanza.element().ok().and_then(|iq| {
            let resource = iq.child("bind", ns::BIND)?.child("resource", ns::BIND)?.text();
            Some(resource).filter(|text| !text.is_empty())
        });
        let resource = match wanted.map(|text| prepare_resource(&text).map(|r| r.into_owned())).transpose() {
            Ok(resource) => resource,
            Err(_) => {
                self.write_error(stanza, &StanzaError::new(Condition::BadRequest), out);
                return Step::More;
            }
        };
        self.state = State::Binding(stanza.attr("id").map(|id| id.into_owned()));
        Step::Bind { resource }
    }

    /// The answer to [`Step::Bind`]. After an error the client may ask for another resource.
    pub fn bound(&mut self, result: Result<FullJid, StanzaError>, out: &mut Vec<u8>) {
        let State::Binding(id) = &mut self.state else { return };
        let id = id.take();
        match result {
            Ok(jid) => {
                let mut payload = format!("<bind xmlns='{}'><jid>", ns::BIND).into_bytes();
                push_text(&mut payload, jid.as_str());
                payload.extend_from_slice(b"</jid></bind>");
                self.write_result(id.as_deref(), &payload, out);
                self.enter_session();
            }
            Err(error) => {
                self.write_error_to("iq", id.as_deref(), &error, out);
                self.state = State::Unbound;
            }
        }
    }

    fn enter_session(&mut self) {
        self.state = State::Bound;
        self.stream_id = String::new();
    }

    fn resume(&mut self, stanza: &Stanza, out: &mut Vec<u8>) -> Step {
        let request = sm::parse_resume(stanza).filter(|r| (1..=TOKEN_BYTES).contains(&r.previd.len()));
        match request {
            _ if !self.cfg.sm => self.write_bytes(&sm::write_failed("feature-not-implemented", None), out),
            None => self.write_bytes(&sm::write_failed("bad-request", None), out),
            Some(request) => {
                self.state = State::Resuming;
                return Step::Resume { token: request.previd, h: request.h };
            }
        }
        Step::More
    }

    /// The answer to [`Step::Resume`] when there is nothing to resume: the client may bind a resource instead. `h`: how
    /// many stanzas of that stream were handled, where it is known.
    pub fn resume_failed(&mut self, h: Option<u32>, out: &mut Vec<u8>) {
        if matches!(self.state, State::Resuming) {
            self.write_bytes(&sm::write_failed("item-not-found", h), out);
            self.state = State::Unbound;
        }
    }

    /// The answer to [`Step::Resume`] when the session goes on here; the session itself wrote `<resumed/>`.
    pub fn resumed(&mut self) {
        if matches!(self.state, State::Resuming) {
            self.managed = true;
            self.enter_session();
        }
    }

    /// A stanza before binding (RFC 6120 §7.1): to somebody else it ends the stream, to the server it is refused.
    fn premature(&mut self, stanza: &Stanza, out: &mut Vec<u8>) -> Step {
        if !self.is_addressed_here(stanza) {
            return self.fail(StreamErrorCondition::NotAuthorized, None, out);
        }
        let type_ = stanza.attr("type");
        let answerable = match (stanza.name(), type_.as_deref()) {
            (_, Some("error")) => false,
            ("iq", type_) => type_ != Some("result"),
            _ => true,
        };
        if answerable {
            self.write_error(stanza, &StanzaError::new(Condition::NotAuthorized), out);
        }
        Step::More
    }

    /// To the server, to the user's own account, or to nobody in particular.
    fn is_addressed_here(&self, stanza: &Stanza) -> bool {
        let Some(to) = stanza.attr("to") else { return true };
        match Jid::parse(&to) {
            Ok(Jid::Bare(to)) => to == self.cfg.domain || self.user.as_deref().is_some_and(|user| to == *user.jid()),
            _ => false,
        }
    }

    /// A frame of a bound session. The common way costs a few comparisons.
    pub(super) fn bound_frame(&mut self, stanza: &Stanza, out: &mut Vec<u8>) -> Step {
        match (stanza.ns(), stanza.name()) {
            (ns::CLIENT, "message" | "presence") => Step::Deliver,
            (ns::CLIENT, "iq") if self.is_session_request(stanza) => {
                self.write_result(stanza.attr("id").as_deref(), b"", out);
                Step::Session
            }
            (ns::CLIENT, "iq") | (ns::CSI, _) => Step::Deliver,
            (ns::SM, name) => self.management(name, out),
            (ns::STREAMS, "error") => self.peer_closed(out),
            (ns::FRAMING, "close") => self.peer_closed(out),
            _ => self.unsupported(stanza, out),
        }
    }

    /// RFC 3921 §3, which old clients still send. Counted stanzas have to pass through the session, so only before
    /// stream management is on.
    fn is_session_request(&self, stanza: &Stanza) -> bool {
        !self.managed && stanza.has_child("session", ns::SESSION) && is_set(stanza) && self.is_addressed_here(stanza)
    }

    fn management(&mut self, name: &str, out: &mut Vec<u8>) -> Step {
        let refusal = match name {
            "enable" | "r" | "a" if self.cfg.sm => None,
            "resume" => Some("unexpected-request"),
            _ => Some("feature-not-implemented"),
        };
        match refusal {
            None => {
                self.managed |= name == "enable";
                Step::Deliver
            }
            Some(condition) => {
                self.write_bytes(&sm::write_failed(condition, None), out);
                Step::More
            }
        }
    }

    /// A top-level element that this stream has no place for (RFC 6120 §4.9.3.10, §4.9.3.24).
    fn unsupported(&mut self, stanza: &Stanza, out: &mut Vec<u8>) -> Step {
        let condition = match stanza.name() {
            "message" | "presence" | "iq" => StreamErrorCondition::InvalidNamespace,
            _ => StreamErrorCondition::UnsupportedStanzaType,
        };
        self.fail(condition, None, out)
    }
}

fn is_set(stanza: &Stanza) -> bool {
    stanza.attr("type").as_deref() == Some("set")
}

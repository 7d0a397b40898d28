//! What the server writes before the session takes over.

use super::{C2s, Framing};
use crate::sasl::{Failure, Mechanism};
use zaiseki_model::envelope::{Head, close};
use zaiseki_xmpp::jid::Jid;
use zaiseki_xmpp::ns;
use zaiseki_xmpp::stanza::{StanzaError, StreamError, StreamErrorCondition};
use zaiseki_xmpp::xml::escape::push_attr;
use zaiseki_xmpp::xml::framer::Stanza;

/// Stands behind each element in what goes out over WebSocket; it can't occur in XML.
const END: u8 = 0;

/// The elements in the output of a [`C2s`] with [`Framing::WebSocket`], each to be sent as one message (RFC 7395 §3.2).
pub fn messages(out: &[u8]) -> impl Iterator<Item = &[u8]> {
    out.split(|byte| *byte == END).filter(|element| !element.is_empty())
}

impl C2s {
    /// An element is complete.
    fn end(&self, out: &mut Vec<u8>) {
        if self.framing == Framing::WebSocket {
            out.push(END);
        }
    }

    /// Writes a complete element that declares its own namespace.
    pub(super) fn write_element(&self, element: &str, out: &mut Vec<u8>) {
        self.write_bytes(element.as_bytes(), out);
    }

    pub(super) fn write_bytes(&self, element: &[u8], out: &mut Vec<u8>) {
        out.extend_from_slice(element);
        self.end(out);
    }

    /// Our stream header (RFC 6120 §4.7): the client's `from` becomes `to`, its language is echoed.
    pub(super) fn write_header(&mut self, to: Option<&Jid>, out: &mut Vec<u8>) {
        self.opened = true;
        let attributes = [
            ("id", Some(self.stream_id.as_str())),
            ("from", Some(self.cfg.domain.as_str())),
            ("to", to.map(Jid::as_str)),
            ("version", Some("1.0")),
            ("xml:lang", Some(self.lang.as_deref().unwrap_or("en"))),
        ];
        let (start, finish) = match self.framing {
            Framing::Bosh => return,
            Framing::WebSocket => (format!("<open xmlns='{}'", ns::FRAMING), "/>"),
            Framing::Tcp => {
                let stream = format!("<stream:stream xmlns='{}' xmlns:stream='{}'", ns::CLIENT, ns::STREAMS);
                (format!("<?xml version='1.0'?>{stream}"), ">")
            }
        };
        out.extend_from_slice(start.as_bytes());
        for (name, value) in attributes {
            if let Some(value) = value {
                out.extend_from_slice(format!(" {name}='").as_bytes());
                push_attr(out, value);
                out.push(b'\'');
            }
        }
        out.extend_from_slice(finish.as_bytes());
        self.end(out);
    }

    /// The features that can be negotiated now (RFC 6120 §4.3.2).
    pub(super) fn write_features(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<stream:features");
        if self.framing != Framing::Tcp {
            out.extend_from_slice(format!(" xmlns:stream='{}'", ns::STREAMS).as_bytes());
        }
        out.push(b'>');
        match self.user {
            Some(_) => self.write_session_features(out),
            None => self.write_sign_in_features(out),
        }
        out.extend_from_slice(b"</stream:features>");
        self.end(out);
    }

    fn write_sign_in_features(&self, out: &mut Vec<u8>) {
        if self.can_start_tls() {
            let required = if self.may_sign_in() { "" } else { "<required/>" };
            out.extend_from_slice(format!("<starttls xmlns='{}'>{required}</starttls>", ns::TLS).as_bytes());
        }
        if !self.may_sign_in() {
            return;
        }
        out.extend_from_slice(format!("<mechanisms xmlns='{}'>", ns::SASL).as_bytes());
        for mechanism in Mechanism::ALL.into_iter().filter(|m| self.offers(*m)) {
            out.extend_from_slice(format!("<mechanism>{}</mechanism>", mechanism.as_str()).as_bytes());
        }
        out.extend_from_slice(b"</mechanisms>");
        if let Some(tls) = self.tls.as_deref().filter(|tls| self.offers.scram && tls.can_bind()) {
            out.extend_from_slice(format!("<sasl-channel-binding xmlns='{}'>", ns::SASL_CHANNEL_BINDING).as_bytes());
            for name in ["tls-exporter", "tls-server-end-point"] {
                if tls.binding(name).is_some() {
                    out.extend_from_slice(format!("<channel-binding type='{name}'/>").as_bytes());
                }
            }
            out.extend_from_slice(b"</sasl-channel-binding>");
        }
    }

    fn write_session_features(&self, out: &mut Vec<u8>) {
        let bind = format!("<bind xmlns='{}'/><session xmlns='{}'><optional/></session>", ns::BIND, ns::SESSION);
        out.extend_from_slice(bind.as_bytes());
        if self.cfg.sm {
            out.extend_from_slice(format!("<sm xmlns='{}'/>", ns::SM).as_bytes());
        }
        for feature in &self.cfg.extra_features {
            feature.write(out, "");
        }
    }

    /// `<failure/>` of SASL (RFC 6120 §6.4.5).
    pub(super) fn write_sasl_failure(&self, failure: Failure, out: &mut Vec<u8>) {
        self.write_element(&format!("<failure xmlns='{}'><{}/></failure>", ns::SASL, failure.as_str()), out);
    }

    /// `<stream:error/>` (RFC 6120 §4.9). `app`: a serialised application-specific condition.
    pub(super) fn write_stream_error(&self, condition: StreamErrorCondition, text: Option<&str>, app: &[u8], out: &mut Vec<u8>) {
        let error = StreamError { condition, text: text.map(str::to_owned) };
        match self.framing {
            Framing::Tcp => error.write(out),
            Framing::WebSocket | Framing::Bosh => error.write_framed(out),
        }
        if !app.is_empty() {
            let tag = b"</stream:error>";
            out.truncate(out.len().saturating_sub(tag.len()));
            out.extend_from_slice(app);
            out.extend_from_slice(tag);
        }
        self.end(out);
    }

    /// The end of our direction; BOSH says it with the type of the body.
    pub(super) fn write_close(&self, out: &mut Vec<u8>) {
        match self.framing {
            Framing::Tcp => out.extend_from_slice(b"</stream:stream>"),
            Framing::WebSocket => self.write_element(&format!("<close xmlns='{}'/>", ns::FRAMING), out),
            Framing::Bosh => {}
        }
    }

    /// An iq result; `payload` is serialised already.
    pub(super) fn write_result(&self, id: Option<&str>, payload: &[u8], out: &mut Vec<u8>) {
        Head { name: "iq", type_: Some("result"), id, xmlns: self.framing != Framing::Tcp, ..Head::default() }.open(out);
        out.extend_from_slice(payload);
        close(out, "iq");
        self.end(out);
    }

    /// Answers a stanza with an error.
    pub(super) fn write_error(&self, request: &Stanza, error: &StanzaError, out: &mut Vec<u8>) {
        self.write_error_to(request.name(), request.attr("id").as_deref(), error, out);
    }

    pub(super) fn write_error_to(&self, name: &str, id: Option<&str>, error: &StanzaError, out: &mut Vec<u8>) {
        Head { name, type_: Some("error"), id, xmlns: self.framing != Framing::Tcp, ..Head::default() }.open(out);
        error.write(out);
        close(out, name);
        self.end(out);
    }
}

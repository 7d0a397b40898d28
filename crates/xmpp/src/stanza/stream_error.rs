//! Stream errors (RFC 6120 §4.9).

use super::words;
use crate::ns;
use crate::xml::escape::push_text;

words! {
    /// RFC 6120 §4.9.3.
    StreamErrorCondition {
        BadFormat = "bad-format",
        BadNamespacePrefix = "bad-namespace-prefix",
        Conflict = "conflict",
        ConnectionTimeout = "connection-timeout",
        HostGone = "host-gone",
        HostUnknown = "host-unknown",
        ImproperAddressing = "improper-addressing",
        InternalServerError = "internal-server-error",
        InvalidFrom = "invalid-from",
        InvalidNamespace = "invalid-namespace",
        InvalidXml = "invalid-xml",
        NotAuthorized = "not-authorized",
        NotWellFormed = "not-well-formed",
        PolicyViolation = "policy-violation",
        RemoteConnectionFailed = "remote-connection-failed",
        Reset = "reset",
        ResourceConstraint = "resource-constraint",
        RestrictedXml = "restricted-xml",
        SeeOtherHost = "see-other-host",
        SystemShutdown = "system-shutdown",
        UndefinedCondition = "undefined-condition",
        UnsupportedEncoding = "unsupported-encoding",
        UnsupportedFeature = "unsupported-feature",
        UnsupportedStanzaType = "unsupported-stanza-type",
        UnsupportedVersion = "unsupported-version",
    }
}

impl StreamErrorCondition {
    /// By the local name of the condition element.
    pub fn parse(name: &str) -> Option<Self> {
        Self::parse_exact(name)
    }
}

/// An unrecoverable error of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamError {
    pub condition: StreamErrorCondition,
    /// For people, in English. For `see-other-host` it is the other host instead.
    pub text: Option<String>,
}

impl StreamError {
    /// Without a text.
    pub fn new(condition: StreamErrorCondition) -> Self {
        StreamError { condition, text: None }
    }

    /// With a text for people.
    pub fn with_text(self, text: impl Into<String>) -> Self {
        StreamError { text: Some(text.into()), ..self }
    }

    /// Appends `<stream:error>…</stream:error>`; the prefix must be bound by the stream header.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"<stream:error>");
        self.write_content(out);
        out.extend_from_slice(b"</stream:error>");
    }

    /// As [`write`](Self::write), with the prefix declared on the element, for streams without a header (RFC 7395 §3.4).
    pub fn write_framed(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("<stream:error xmlns:stream='{}'>", ns::STREAMS).as_bytes());
        self.write_content(out);
        out.extend_from_slice(b"</stream:error>");
    }

    fn write_content(&self, out: &mut Vec<u8>) {
        let name = self.condition.as_str();
        out.extend_from_slice(format!("<{name} xmlns='{}'", ns::STREAM_ERRORS).as_bytes());
        match &self.text {
            // RFC 6120 §4.9.3.19: the host is the content of the condition element itself.
            Some(host) if self.condition == StreamErrorCondition::SeeOtherHost => {
                out.push(b'>');
                push_text(out, host);
                out.extend_from_slice(format!("</{name}>").as_bytes());
            }
            Some(text) => {
                out.extend_from_slice(format!("/><text xmlns='{}' xml:lang='en'>", ns::STREAM_ERRORS).as_bytes());
                push_text(out, text);
                out.extend_from_slice(b"</text>");
            }
            None => out.extend_from_slice(b"/>"),
        }
    }
}

impl From<StreamErrorCondition> for StreamError {
    fn from(condition: StreamErrorCondition) -> Self {
        StreamError::new(condition)
    }
}

impl From<&crate::xml::XmlError> for StreamError {
    fn from(error: &crate::xml::XmlError) -> Self {
        StreamError::new(error.condition()).with_text(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::element::Element;

    #[test]
    fn all_25_conditions_are_written_in_their_namespace() {
        assert_eq!(StreamErrorCondition::ALL.len(), 25);
        for &condition in StreamErrorCondition::ALL {
            let mut out = Vec::new();
            StreamError::new(condition).with_text("x & y").write_framed(&mut out);
            let error = Element::parse(&out).unwrap();
            assert!(error.is("error", ns::STREAMS));
            let child = error.child(condition.as_str(), ns::STREAM_ERRORS).unwrap();
            let text = error.child("text", ns::STREAM_ERRORS).unwrap_or(child);
            assert_eq!(text.text(), "x & y");
        }
    }
}

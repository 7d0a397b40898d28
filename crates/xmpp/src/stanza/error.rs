//! Stanza errors (RFC 6120 §8.3).

use super::words;
use crate::ns;
use crate::xml::element::Element;
use crate::xml::escape::push_text;

words! {
    /// RFC 6120 §8.3.2: what the sender may do about it.
    ErrorType { Auth = "auth", Cancel = "cancel", Continue = "continue", Modify = "modify", Wait = "wait", }
}

impl ErrorType {
    /// From the `type` attribute of `<error/>`.
    pub fn parse(word: &str) -> Option<Self> {
        Self::parse_exact(word)
    }
}

words! {
    /// RFC 6120 §8.3.3.
    Condition {
        BadRequest = "bad-request",
        Conflict = "conflict",
        FeatureNotImplemented = "feature-not-implemented",
        Forbidden = "forbidden",
        Gone = "gone",
        InternalServerError = "internal-server-error",
        ItemNotFound = "item-not-found",
        JidMalformed = "jid-malformed",
        NotAcceptable = "not-acceptable",
        NotAllowed = "not-allowed",
        NotAuthorized = "not-authorized",
        PolicyViolation = "policy-violation",
        RecipientUnavailable = "recipient-unavailable",
        Redirect = "redirect",
        RegistrationRequired = "registration-required",
        RemoteServerNotFound = "remote-server-not-found",
        RemoteServerTimeout = "remote-server-timeout",
        ResourceConstraint = "resource-constraint",
        ServiceUnavailable = "service-unavailable",
        SubscriptionRequired = "subscription-required",
        UndefinedCondition = "undefined-condition",
        UnexpectedRequest = "unexpected-request",
    }
}

impl Condition {
    /// By the local name of the condition element.
    pub fn parse(name: &str) -> Option<Self> {
        Self::parse_exact(name)
    }

    /// The error type the specification associates with the condition (the first one where it names two).
    pub fn default_type(self) -> ErrorType {
        use Condition::*;
        match self {
            BadRequest | JidMalformed | NotAcceptable | PolicyViolation | Redirect => ErrorType::Modify,
            Forbidden | NotAuthorized | RegistrationRequired | SubscriptionRequired => ErrorType::Auth,
            RecipientUnavailable | RemoteServerTimeout | ResourceConstraint | UnexpectedRequest => ErrorType::Wait,
            Conflict
            | FeatureNotImplemented
            | Gone
            | InternalServerError
            | ItemNotFound
            | NotAllowed
            | RemoteServerNotFound
            | ServiceUnavailable
            | UndefinedCondition => ErrorType::Cancel,
        }
    }
}

/// The content of an `<error/>` child.
#[derive(Clone, Debug, PartialEq)]
pub struct StanzaError {
    pub kind: ErrorType,
    pub condition: Condition,
    /// Where the entity is now, for [`Condition::Gone`] and [`Condition::Redirect`]: a URI (RFC 6120 §8.3.3.5, §8.3.3.14).
    pub uri: Option<String>,
    /// For people, in English.
    pub text: Option<String>,
    /// The application-specific condition (RFC 6120 §8.3.4), in its own namespace.
    pub app: Option<Box<Element>>,
}

impl StanzaError {
    /// With the condition's default type, no text.
    pub fn new(condition: Condition) -> Self {
        StanzaError { kind: condition.default_type(), condition, uri: None, text: None, app: None }
    }

    /// With another type than the default.
    pub fn with_type(self, kind: ErrorType) -> Self {
        StanzaError { kind, ..self }
    }

    /// With the URI of where the entity is now.
    pub fn with_uri(self, uri: impl Into<String>) -> Self {
        StanzaError { uri: Some(uri.into()), ..self }
    }

    /// With a text for people.
    pub fn with_text(self, text: impl Into<String>) -> Self {
        StanzaError { text: Some(text.into()), ..self }
    }

    /// With an application-specific condition.
    pub fn with_app(self, app: Element) -> Self {
        StanzaError { app: Some(Box::new(app)), ..self }
    }

    /// Appends `<error …>…</error>`, to stand in a stanza of the stream's content namespace.
    pub fn write(&self, out: &mut Vec<u8>) {
        let (kind, condition) = (self.kind.as_str(), self.condition.as_str());
        out.extend_from_slice(format!("<error type='{kind}'><{condition} xmlns='{}'", ns::STANZAS).as_bytes());
        match &self.uri {
            Some(uri) => {
                out.push(b'>');
                push_text(out, uri);
                out.extend_from_slice(format!("</{condition}>").as_bytes());
            }
            None => out.extend_from_slice(b"/>"),
        }
        if let Some(text) = &self.text {
            out.extend_from_slice(format!("<text xmlns='{}' xml:lang='en'>", ns::STANZAS).as_bytes());
            push_text(out, text);
            out.extend_from_slice(b"</text>");
        }
        if let Some(app) = &self.app {
            app.write(out, ns::CLIENT);
        }
        out.extend_from_slice(b"</error>");
    }

    /// The same as [`write`](Self::write), as a tree in `jabber:client`.
    pub fn to_element(&self) -> Element {
        let condition = Element::new(self.condition.as_str(), ns::STANZAS);
        let condition = match &self.uri {
            Some(uri) => condition.with_text(uri),
            None => condition,
        };
        let mut error = Element::new("error", ns::CLIENT).with_attr("type", self.kind.as_str()).with_child(condition);
        if let Some(text) = &self.text {
            error.push(Element::new("text", ns::STANZAS).with_attr("xml:lang", "en").with_text(text));
        }
        if let Some(app) = &self.app {
            error.push((**app).clone());
        }
        error
    }

    /// Reads an `<error/>` element, or a stanza holding one. An unknown condition or type becomes
    /// `undefined-condition`, `cancel`; `None` only when there is no `<error/>` at all.
    pub fn parse(element: &Element) -> Option<Self> {
        let error = match element.name() {
            "error" => element,
            _ => element.children().find(|c| c.name() == "error")?,
        };
        let standard = || error.children().filter(|c| c.ns() == ns::STANZAS);
        let condition = standard().find_map(|c| Condition::parse(c.name())).unwrap_or(Condition::UndefinedCondition);
        let uri = standard().find(|c| c.name() == condition.as_str()).map(Element::text).filter(|uri| !uri.is_empty());
        Some(StanzaError {
            kind: error.attr("type").and_then(ErrorType::parse).unwrap_or(ErrorType::Cancel),
            condition,
            uri,
            text: standard().find(|c| c.name() == "text").map(Element::text),
            app: error.children().find(|c| c.ns() != ns::STANZAS).cloned().map(Box::new),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gone_says_where_to() {
        let error = StanzaError::new(Condition::Gone).with_uri("xmpp:a%26b@example.com");
        let mut out = Vec::new();
        error.write(&mut out);
        let text = String::from_utf8(out.clone()).unwrap();
        assert!(text.contains("<gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>xmpp:a%26b@example.com</gone>"), "{text}");
        let tree = Element::parse(&out).unwrap();
        assert_eq!((StanzaError::parse(&tree), tree), (Some(error.clone()), error.to_element()));
    }

    #[test]
    fn every_condition_reads_back_from_what_is_written() {
        for &condition in Condition::ALL {
            let error = StanzaError::new(condition).with_text("a < b").with_app(Element::new("blocked", ns::BLOCKING_ERRORS));
            let mut out = Vec::new();
            error.write(&mut out);
            let tree = Element::parse(&out).unwrap();
            assert_eq!(tree, error.to_element());
            assert_eq!(StanzaError::parse(&tree), Some(error));
        }
    }

    #[test]
    fn parse_looks_into_a_stanza_and_tolerates_the_unknown() {
        let stanza = Element::parse(b"<iq type='error'><error type='odd'><weird xmlns='urn:x'/></error></iq>").unwrap();
        let error = StanzaError::parse(&stanza).unwrap();
        assert_eq!((error.kind, error.condition), (ErrorType::Cancel, Condition::UndefinedCondition));
        assert_eq!(error.app.unwrap().name(), "weird");
        assert_eq!(StanzaError::parse(&Element::parse(b"<iq type='error'/>").unwrap()), None);
    }
}

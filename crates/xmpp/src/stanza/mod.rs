//! Kinds and types of stanzas (RFC 6120 §8, RFC 6121), stanza errors and stream errors.

mod error;
mod stream_error;

pub use error::{Condition, ErrorType, StanzaError};
pub use stream_error::{StreamError, StreamErrorCondition};

/// An enum whose variants are words of the protocol: `as_str` and `parse` from one list.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// Every value, in the order of the specification.
            pub const ALL: &[$name] = &[$($name::$variant,)+];

            /// The word on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $($name::$variant => $word,)+ }
            }

            /// The value of that exact word.
            pub fn parse_exact(word: &str) -> Option<$name> {
                match word { $($word => Some($name::$variant),)+ _ => None }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// The three stanzas (RFC 6120 §8.2), by the local name of their element.
    StanzaKind { Message = "message", Presence = "presence", Iq = "iq", }
}

impl StanzaKind {
    /// By element name; `None` for anything that is not a stanza.
    pub fn parse(name: &str) -> Option<Self> {
        Self::parse_exact(name)
    }
}

words! {
    /// RFC 6121 §5.2.2.
    MessageType { Chat = "chat", Error = "error", Groupchat = "groupchat", Headline = "headline", Normal = "normal", }
}

impl MessageType {
    /// From the `type` attribute. Absent or unknown is [`Normal`](Self::Normal) (RFC 6121 §5.2.2).
    pub fn parse(value: Option<&str>) -> Self {
        value.and_then(Self::parse_exact).unwrap_or(Self::Normal)
    }
}

words! {
    /// RFC 6121 §4.7.1. `Available` is the absence of a `type` attribute; its word is never written.
    PresenceType {
        Available = "", Error = "error", Probe = "probe", Subscribe = "subscribe", Subscribed = "subscribed",
        Unavailable = "unavailable", Unsubscribe = "unsubscribe", Unsubscribed = "unsubscribed",
    }
}

impl PresenceType {
    /// From the `type` attribute. Absent is `Available`; an unknown or empty one is `None` (`bad-request`).
    pub fn parse(value: Option<&str>) -> Option<Self> {
        match value {
            None => Some(Self::Available),
            Some("") => None,
            Some(word) => Self::parse_exact(word),
        }
    }

    /// The attribute to write; `None` for `Available`.
    pub fn attribute(self) -> Option<&'static str> {
        (self != Self::Available).then(|| self.as_str())
    }
}

words! {
    /// RFC 6120 §8.2.3.
    IqType { Get = "get", Set = "set", Result = "result", Error = "error", }
}

impl IqType {
    /// From the `type` attribute; absent or unknown is `None` (`bad-request`).
    pub fn parse(value: Option<&str>) -> Option<Self> {
        value.and_then(Self::parse_exact)
    }

    /// Whether an answer is expected.
    pub fn is_request(self) -> bool {
        matches!(self, Self::Get | Self::Set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_and_unknown_types() {
        assert_eq!(MessageType::parse(None), MessageType::Normal);
        assert_eq!(MessageType::parse(Some("Chat")), MessageType::Normal);
        assert_eq!(MessageType::parse(Some("chat")), MessageType::Chat);
        assert_eq!(PresenceType::parse(None), Some(PresenceType::Available));
        assert_eq!(PresenceType::parse(Some("")), None);
        assert_eq!(PresenceType::parse(Some("available")), None);
        assert_eq!(PresenceType::Available.attribute(), None);
        assert_eq!(PresenceType::Probe.attribute(), Some("probe"));
        assert_eq!(IqType::parse(None), None);
        assert_eq!(IqType::parse(Some("put")), None);
    }

    #[test]
    fn every_word_reads_back() {
        for kind in StanzaKind::ALL {
            assert_eq!(StanzaKind::parse(kind.as_str()), Some(*kind));
        }
        for t in PresenceType::ALL {
            assert_eq!(PresenceType::parse(t.attribute()), Some(*t));
        }
        for t in IqType::ALL {
            assert_eq!(IqType::parse(Some(t.as_str())), Some(*t));
        }
    }
}

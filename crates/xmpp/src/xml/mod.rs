//! XML as XMPP restricts it (RFC 6120 §11): no DTD, no processing instruction, no comment, no entities but the
//! five predefined ones, UTF-8 only, namespaces well formed.
//!
//! One scanner ([`scan`]) proves bytes well formed. [`framer`] uses it to cut a stream into stanzas whose heads are
//! known and whose bodies stay bytes, [`element`] to build small trees. [`slow`] rewrites the rare stanza whose
//! bytes cannot move to another stream as they are.

use crate::stanza::StreamErrorCondition;

mod chars;
pub mod element;
pub mod escape;
pub mod framer;
mod head;
mod header;
mod scan;
mod scope;
pub mod slow;
mod tag;
mod tree;

/// Why bytes are refused. The stream they came from cannot go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// What rule is broken, and near which byte, counted from the start of the frame.
    #[error("not well-formed: {0} (at byte {1})")]
    NotWellFormed(&'static str, usize),
    /// Legal XML that XMPP forbids (RFC 6120 §11.1).
    #[error("{0} not allowed in XMPP")]
    Restricted(&'static str),
    #[error("not UTF-8")]
    BadEncoding,
    #[error("too many bytes in one element")]
    TooLong,
    #[error("elements nested too deeply")]
    TooDeep,
    #[error("too many attributes on one element")]
    TooManyAttributes,
    #[error("a name or namespace is too long")]
    NameTooLong,
    /// The stream header has no prefix where it needs one (RFC 6120 §4.9.3.2).
    #[error("the stream header lacks the streams namespace prefix")]
    BadNamespacePrefix,
    /// The stream header is in another namespace (RFC 6120 §4.9.3.10).
    #[error("the stream header is in a wrong namespace")]
    InvalidNamespace,
    /// The XML declaration names an encoding other than UTF-8 (RFC 6120 §11.6).
    #[error("an encoding other than UTF-8 is declared")]
    UnsupportedEncoding,
    /// Well-formed, but not what opens a stream (RFC 6120 §4.9.3.1).
    #[error("not a stream header")]
    NotAStream,
}

impl XmlError {
    /// What to tell the peer before closing the stream.
    pub fn condition(&self) -> StreamErrorCondition {
        use StreamErrorCondition as C;
        match self {
            XmlError::NotWellFormed(..) => C::NotWellFormed,
            XmlError::Restricted(_) => C::RestrictedXml,
            // RFC 6120 §4.9.3.22 names violations of the UTF-8 rules too.
            XmlError::BadEncoding | XmlError::UnsupportedEncoding => C::UnsupportedEncoding,
            XmlError::TooLong | XmlError::TooDeep | XmlError::TooManyAttributes | XmlError::NameTooLong => C::PolicyViolation,
            XmlError::BadNamespacePrefix => C::BadNamespacePrefix,
            XmlError::InvalidNamespace => C::InvalidNamespace,
            XmlError::NotAStream => C::BadFormat,
        }
    }
}

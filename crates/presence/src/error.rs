//! What can be wrong with what a client sends.

use zaiseki_xmpp::XmlError;
use zaiseki_xmpp::stanza::{Condition, StanzaError};

/// Why a presence stanza or a node's configuration was refused.
#[derive(Debug, thiserror::Error)]
pub enum PresenceError {
    #[error("reading the presence payload: {0}")]
    Xml(#[from] XmlError),
    #[error("<priority/> is not a whole number from -128 to 127")]
    Priority,
    #[error("<show/> is none of away, chat, dnd, xa")]
    Show,
    #[error("more than one <{0}/>")]
    Twice(&'static str),
    #[error("the form is not a submitted form of type {0}")]
    Form(&'static str),
    #[error("the value of the field {0} is not valid or not supported")]
    Field(&'static str),
    #[error("the field {0:?} is unknown")]
    UnknownField(String),
}

impl PresenceError {
    /// The condition to answer with: `not-acceptable` for configurations that can't be had (XEP-0060 §8.2.5),
    /// else `bad-request`.
    pub fn condition(&self) -> Condition {
        match self {
            Self::Field(_) | Self::UnknownField(_) => Condition::NotAcceptable,
            Self::Xml(_) | Self::Priority | Self::Show | Self::Twice(_) | Self::Form(_) => Condition::BadRequest,
        }
    }
}

impl From<PresenceError> for StanzaError {
    fn from(error: PresenceError) -> Self {
        StanzaError::new(error.condition()).with_text(error.to_string())
    }
}

//! XMPP words: JIDs, the XML framer and tree, stanzas, errors, namespaces, dates.
//!
//! Pure: no input or output, no clock. Everything that reads bytes from the network returns an error
//! instead of panicking, and costs time linear in the bytes given.

pub mod datetime;
pub mod jid;
pub mod ns;
pub mod stanza;
pub mod xml;

pub use jid::{BareJid, FullJid, Jid, JidError};
pub use xml::XmlError;
pub use xml::element::Element;
pub use xml::framer::Stanza;

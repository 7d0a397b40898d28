//! The namespaces of the answers we read. The tree is [`zaiseki_net::xml`]'s.

pub use zaiseki_net::xml::{Element, escape};

pub const DAV: &str = "DAV:";
pub const CALDAV: &str = "urn:ietf:params:xml:ns:caldav";
pub const SOAP: &str = "http://schemas.xmlsoap.org/soap/envelope/";
pub const MESSAGES: &str = "http://schemas.microsoft.com/exchange/services/2006/messages";
pub const TYPES: &str = "http://schemas.microsoft.com/exchange/services/2006/types";
pub const ERRORS: &str = "http://schemas.microsoft.com/exchange/services/2006/errors";

/// Reads a whole document. The error says what is wrong, for the administrator.
pub fn parse(body: &[u8]) -> Result<Element, String> {
    zaiseki_net::xml::parse(body, &[DAV, CALDAV, SOAP, MESSAGES, TYPES, ERRORS])
}

//! The XML declaration and the stream header (RFC 6120 §4.2, §4.8).

use super::XmlError;
use super::chars::{SPACE, has};
use super::escape::unescape_attr;
use super::head::{AttrSpan, Head, NsSpan};
use super::scope::declared;
use crate::ns;

/// An XML declaration is at most this long; real ones have 21 to 56 bytes.
const DECLARATION_BYTES: usize = 256;

/// Skips an XML declaration and the white space after it; gives the next byte, or `None` when more are needed.
/// `buf` begins with `<`.
pub(super) fn skip_declaration(buf: &[u8]) -> Result<Option<usize>, XmlError> {
    match buf.get(1) {
        None => return Ok(None),
        Some(b'?') => {}
        Some(_) => return Ok(Some(0)),
    }
    let rest = match (buf.strip_prefix(b"<?xml"), b"<?xml".starts_with(buf)) {
        (Some(rest), _) => rest,
        (None, true) => return Ok(None),
        (None, false) => return Err(XmlError::Restricted("a processing instruction is")),
    };
    if rest.first().is_some_and(|&b| !has(b, SPACE)) {
        return Err(XmlError::Restricted("a processing instruction is"));
    }
    let window = &rest[..rest.len().min(DECLARATION_BYTES)];
    let Some(end) = memchr::memmem::find(window, b"?>") else {
        let endless = window.len() == DECLARATION_BYTES;
        return if endless { Err(XmlError::NotWellFormed("malformed XML declaration", 0)) } else { Ok(None) };
    };
    check_declaration(&rest[..end])?;
    let after = b"<?xml".len() + end + 2;
    Ok(Some(after + buf[after..].iter().take_while(|&&b| has(b, SPACE)).count()))
}

/// ` version='1.0' [encoding='UTF-8'] [standalone='yes|no']` (XML 1.0 §2.8).
fn check_declaration(inside: &[u8]) -> Result<(), XmlError> {
    let bad = XmlError::NotWellFormed("malformed XML declaration", 0);
    let (version, rest) = pseudo_attribute(inside, b"version").ok_or(bad)?;
    if version != b"1.0" {
        return Err(bad);
    }
    let (encoding, rest) = match pseudo_attribute(rest, b"encoding") {
        Some((encoding, rest)) => (encoding, rest),
        None => (&b"UTF-8"[..], rest),
    };
    if !encoding.eq_ignore_ascii_case(b"UTF-8") {
        return Err(XmlError::UnsupportedEncoding);
    }
    let rest = match pseudo_attribute(rest, b"standalone") {
        Some((b"yes" | b"no", rest)) => rest,
        Some(_) => return Err(bad),
        None => rest,
    };
    if rest.iter().all(|&b| has(b, SPACE)) { Ok(()) } else { Err(bad) }
}

/// ` name = 'value'`: the value and what follows.
fn pseudo_attribute<'a>(text: &'a [u8], name: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let trimmed = trim(text);
    if trimmed.len() == text.len() {
        return None;
    }
    let value = trim(trim(trimmed.strip_prefix(name)?).strip_prefix(b"=")?);
    let quote = *value.first().filter(|&&q| q == b'\'' || q == b'"')?;
    let end = memchr::memchr(quote, &value[1..])?;
    Some((&value[1..=end], &value[end + 2..]))
}

fn trim(text: &[u8]) -> &[u8] {
    let spaces = text.iter().take_while(|&&b| has(b, SPACE)).count();
    &text[spaces..]
}

/// What a stream header declares for the stanzas after it.
pub(super) struct Declared {
    pub(super) default: NsSpan,
    pub(super) stream_prefix: bool,
    /// Present only for a header that is not the customary one.
    pub(super) unusual: Option<Box<Unusual>>,
}

/// A header other than `<stream:stream xmlns='jabber:client' xmlns:stream='…'>`.
#[derive(Debug)]
pub(super) struct Unusual {
    /// The qualified name, which the end tag must repeat.
    pub(super) name: Box<[u8]>,
    pub(super) default: String,
    pub(super) prefixes: Vec<(String, String)>,
}

/// Judges a stream header and keeps what matters of it. `tag` is the start tag, `head` its spans.
pub(super) fn declarations(tag: &[u8], head: &Head) -> Result<Declared, XmlError> {
    let qualified = &tag[1..head.name.end as usize];
    if head.name.of(tag) != b"stream" {
        return Err(XmlError::NotAStream);
    }
    let mut default = String::new();
    let mut prefixes = Vec::new();
    for attr in &head.attrs {
        if let Some((prefix, name)) = declaration(tag, attr)? {
            if prefix.is_empty() { default = name } else { prefixes.push((prefix, name)) }
        }
    }
    let own = match qualified.strip_suffix(b":stream") {
        Some(prefix) => prefixes.iter().find(|(p, _)| p.as_bytes() == prefix).map(|(_, name)| name),
        None if default == ns::STREAMS => Some(&default),
        None => return Err(XmlError::BadNamespacePrefix),
    };
    if own.is_none_or(|name| name != ns::STREAMS) {
        return Err(XmlError::InvalidNamespace);
    }
    let before = prefixes.len();
    prefixes.retain(|(prefix, name)| prefix != "xml" && (prefix != "stream" || name != ns::STREAMS));
    let stream_prefix = before > prefixes.len();
    let inherited = match default.as_str() {
        ns::CLIENT => NsSpan::Client,
        ns::SERVER => NsSpan::Server,
        _ => NsSpan::None,
    };
    let usual = qualified == b"stream:stream" && prefixes.is_empty() && inherited != NsSpan::None;
    let unusual = (!usual).then(|| Box::new(Unusual { name: qualified.into(), default, prefixes }));
    Ok(Declared { default: inherited, stream_prefix, unusual })
}

fn declaration(tag: &[u8], attr: &AttrSpan) -> Result<Option<(String, String)>, XmlError> {
    let Some(prefix) = declared(tag, attr) else { return Ok(None) };
    let prefix = std::str::from_utf8(prefix.of(tag)).map_err(|_| XmlError::BadEncoding)?;
    Ok(Some((prefix.to_owned(), unescape_attr(attr.value.of(tag))?.into_owned())))
}

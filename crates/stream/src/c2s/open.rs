//! Stream headers and stream features (RFC 6120 §4.3, §4.7, §4.8; RFC 7395 §3.4).

use super::auth::Auth;
use super::{C2s, Framing, State, Step};
use std::borrow::Cow;
use std::str::FromStr;
use zaiseki_xmpp::jid::{BareJid, Jid};
use zaiseki_xmpp::ns;
use zaiseki_xmpp::stanza::StreamErrorCondition;
use zaiseki_xmpp::xml::framer::Stanza;

/// Bytes of a language tag that is remembered (RFC 5646 §4.4.1 asks for 35).
const LANG_BYTES: usize = 35;

/// The attributes of a stream header, of `<open/>`, or of the BOSH `<body/>` that begins or restarts a stream.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Opening<'a> {
    pub to: Option<Cow<'a, str>>,
    pub from: Option<Cow<'a, str>>,
    /// `version`, or `xmpp:version` of BOSH.
    pub version: Option<Cow<'a, str>>,
    /// `xml:lang`
    pub lang: Option<Cow<'a, str>>,
}

impl C2s {
    /// Opens or restarts the stream: answers with our header (none for BOSH) and the stream features. The shell calls it
    /// for BOSH only; the headers of the other framings come through [`C2s::frame`].
    pub fn open(&mut self, header: &Opening<'_>, out: &mut Vec<u8>) -> Step {
        if !matches!(self.state, State::Opening) {
            return match self.state {
                State::Closed => Step::Close,
                _ => self.fail(StreamErrorCondition::InvalidXml, Some("the stream is open already"), out),
            };
        }
        self.lang = header.lang.as_deref().filter(|tag| is_language(tag)).map(Box::from);
        let from = match self.check_addresses(header) {
            Ok(from) => from,
            Err(condition) => return self.fail(condition, None, out),
        };
        if !header.version.as_deref().is_some_and(is_supported) {
            return self.fail(StreamErrorCondition::UnsupportedVersion, None, out);
        }
        self.write_header(from.as_ref(), out);
        self.state = match self.user {
            Some(_) => State::Unbound,
            None => State::Negotiating(Box::new(Auth::Idle)),
        };
        self.write_features(out);
        Step::More
    }

    pub(super) fn open_stanza(&mut self, header: &Stanza, out: &mut Vec<u8>) -> Step {
        if let Err(condition) = self.check_namespaces(header) {
            return self.fail(condition, None, out);
        }
        let opening =
            Opening { to: header.attr("to"), from: header.attr("from"), version: header.attr("version"), lang: header.lang() };
        self.open(&opening, out)
    }

    /// RFC 6120 §4.8: the header's own namespace, its prefix, the content namespace.
    fn check_namespaces(&self, header: &Stanza) -> Result<(), StreamErrorCondition> {
        if self.framing != Framing::Tcp {
            let right = header.ns() == ns::FRAMING && header.name() == "open";
            return if right { Ok(()) } else { Err(StreamErrorCondition::InvalidNamespace) };
        }
        if header.ns() != ns::STREAMS {
            return Err(StreamErrorCondition::InvalidNamespace);
        }
        if header.name() != "stream" {
            return Err(StreamErrorCondition::BadFormat);
        }
        if prefix(header) != Some(b"stream") {
            return Err(StreamErrorCondition::BadNamespacePrefix);
        }
        let content = header.raw_attrs().find(|(name, _)| *name == b"xmlns").map(|(_, value)| value);
        if content != Some(ns::CLIENT.as_bytes()) {
            return Err(StreamErrorCondition::InvalidNamespace);
        }
        Ok(())
    }

    /// `to` is us (§4.7.2); `from`, when given, is an address, and the user's own after sign-in (§4.7.1).
    fn check_addresses(&self, header: &Opening<'_>) -> Result<Option<Jid>, StreamErrorCondition> {
        let to = header.to.as_deref().filter(|to| !to.is_empty()).ok_or(StreamErrorCondition::ImproperAddressing)?;
        let to = BareJid::from_str(to).map_err(|_| StreamErrorCondition::ImproperAddressing)?;
        if to != self.cfg.domain {
            return Err(StreamErrorCondition::HostUnknown);
        }
        let Some(from) = header.from.as_deref().filter(|from| !from.is_empty()) else { return Ok(None) };
        let from = Jid::parse(from).map_err(|_| StreamErrorCondition::InvalidFrom)?;
        match &self.user {
            Some(user) if from.bare() != *user.jid() => Err(StreamErrorCondition::InvalidFrom),
            _ => Ok(Some(from)),
        }
    }

    /// An element came where a stream header was due.
    pub(super) fn not_opened(&mut self, stanza: &Stanza, out: &mut Vec<u8>) -> Step {
        let condition = match self.user {
            // A BOSH or WebSocket client that forgot to restart.
            Some(_) => StreamErrorCondition::NotAuthorized,
            None if stanza.ns() == ns::FRAMING => StreamErrorCondition::BadFormat,
            None => StreamErrorCondition::InvalidNamespace,
        };
        self.fail(condition, Some("a stream header was expected"), out)
    }
}

/// The prefix of the header's name, as written.
fn prefix(header: &Stanza) -> Option<&[u8]> {
    let bytes: &[u8] = header.bytes();
    let name = bytes.get(1..)?;
    let end = name.iter().position(|b| b" \t\r\n/>".contains(b))?;
    let colon = name[..end].iter().position(|b| *b == b':')?;
    Some(&name[..colon])
}

/// `major.minor`, each a number: 1.x and everything later, which then speaks 1.0 with us (RFC 6120 §4.7.5).
fn is_supported(version: &str) -> bool {
    let number = |part: &str| (1..=9).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit());
    version
        .split_once('.')
        .is_some_and(|(major, minor)| number(major) && number(minor) && major.bytes().any(|digit| digit != b'0'))
}

fn is_language(tag: &str) -> bool {
    (1..=LANG_BYTES).contains(&tag.len()) && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_from_one_on_are_supported() {
        for good in ["1.0", "1.1", "2.0", "10.0", "01.0"] {
            assert!(is_supported(good), "{good}");
        }
        for bad in ["", "1", "0.9", "00.1", "1.", ".0", "1.x", "-1.0", "1.0.0", "+1.0", "1,0", "1000000000.0"] {
            assert!(!is_supported(bad), "{bad}");
        }
    }

    #[test]
    fn language_tags_have_a_longest_length() {
        assert!(is_language("ja") && is_language("zh-Hant-TW") && is_language(&"a".repeat(LANG_BYTES)));
        assert!(!is_language("") && !is_language("d'e") && !is_language(&"a".repeat(LANG_BYTES + 1)));
    }
}

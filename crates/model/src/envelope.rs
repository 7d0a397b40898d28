//! A stanza on its way: stamped once with who sent it, then never edited.

use bytes::Bytes;
use zaiseki_xmpp::jid::Jid;
use zaiseki_xmpp::stanza::StanzaKind;
use zaiseki_xmpp::xml::framer::Stanza;

/// The head is rewritten (`from` stamped, `to` normalised), the body and the head's attributes in other namespaces travel as
/// the sender wrote them.
#[derive(Clone, Debug)]
pub struct Envelope {
    pub kind: StanzaKind,
    /// The text of the `type` attribute; `None` when absent.
    pub type_: Option<String>,
    pub id: Option<String>,
    pub from: Jid,
    /// `None`: addressed to the sender's own account.
    pub to: Option<Jid>,
    pub lang: Option<String>,
    /// The stanza as received.
    pub stanza: Stanza,
    /// The content between start and end tag, without what the sender had no right to say.
    pub body: Bytes,
}

impl Envelope {
    /// The name of the stanza's element.
    pub fn name(&self) -> &'static str {
        match self.kind {
            StanzaKind::Message => "message",
            StanzaKind::Presence => "presence",
            StanzaKind::Iq => "iq",
        }
    }

    /// Appends the whole stanza to `out`. `to`: the address to show, if another one than the sender wrote;
    /// `xmlns`: declare `jabber:client` (needed inside `<forwarded/>`, XEP-0297); `extra`: children to append.
    pub fn write(&self, out: &mut Vec<u8>, to: Option<&str>, xmlns: bool, extra: &[u8]) {
        let to = to.or_else(|| self.to.as_ref().map(Jid::as_str));
        Head {
            name: self.name(),
            from: Some(self.from.as_str()),
            to,
            type_: self.type_.as_deref(),
            id: self.id.as_deref(),
            lang: self.lang.as_deref(),
            xmlns,
        }
        .open_with(out, |out| self.stanza.push_namespaced_attrs(out));
        out.extend_from_slice(&self.body);
        out.extend_from_slice(extra);
        close(out, self.name());
    }
}

/// The start tag of a stanza.
#[derive(Clone, Copy, Debug, Default)]
pub struct Head<'a> {
    pub name: &'a str,
    pub from: Option<&'a str>,
    pub to: Option<&'a str>,
    pub type_: Option<&'a str>,
    pub id: Option<&'a str>,
    pub lang: Option<&'a str>,
    /// Declare `jabber:client`.
    pub xmlns: bool,
}

impl Head<'_> {
    /// Appends `<name …>`.
    pub fn open(&self, out: &mut Vec<u8>) {
        self.open_with(out, |_| {});
    }

    /// As [`open`](Self::open); `more` appends further attributes.
    fn open_with(&self, out: &mut Vec<u8>, more: impl FnOnce(&mut Vec<u8>)) {
        out.push(b'<');
        out.extend_from_slice(self.name.as_bytes());
        if self.xmlns {
            out.extend_from_slice(b" xmlns='jabber:client'");
        }
        let attributes =
            [(" from='", self.from), (" to='", self.to), (" type='", self.type_), (" id='", self.id), (" xml:lang='", self.lang)];
        for (prefix, value) in attributes {
            if let Some(value) = value {
                out.extend_from_slice(prefix.as_bytes());
                zaiseki_xmpp::xml::escape::push_attr(out, value);
                out.push(b'\'');
            }
        }
        more(out);
        out.push(b'>');
    }
}

/// Appends `</name>`.
pub fn close(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b"</");
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
}

#[cfg(test)]
mod tests {
    use super::*;
    use zaiseki_xmpp::xml::framer::{Limits, stanza_from_bytes};

    /// How a message with these attributes and this content is passed on.
    fn passed_on(attributes: &str, content: &str) -> Stanza {
        let written = format!("<message to='b@example'{attributes}>{content}</message>");
        let stanza = stanza_from_bytes(Bytes::from(written), Limits::default()).expect("well-formed");
        let envelope = Envelope {
            kind: StanzaKind::Message,
            type_: None,
            id: None,
            from: Jid::parse("a@example/x").expect("valid"),
            to: Some(Jid::parse("b@example").expect("valid")),
            lang: stanza.lang().map(|lang| lang.into_owned()),
            body: stanza.body_bytes(),
            stanza,
        };
        let mut out = Vec::new();
        envelope.write(&mut out, None, true, b"");
        stanza_from_bytes(Bytes::from(out), Limits::default()).expect("well-formed")
    }

    /// The one attribute of this local name with a prefix has this namespace and value.
    #[track_caller]
    fn assert_attr(stanza: &Stanza, local: &str, ns: &str, value: &str) {
        let names = stanza.raw_attrs().map(|(name, _)| String::from_utf8_lossy(name).into_owned());
        let found: Vec<_> = names.filter(|name| name.ends_with(&format!(":{local}"))).collect();
        let [name] = found.as_slice() else { panic!("{found:?} in {stanza:?}") };
        let prefix = name.trim_end_matches(local).trim_end_matches(':');
        assert_eq!(stanza.attr(&format!("xmlns:{prefix}")).as_deref(), Some(ns), "{stanza:?}");
        assert_eq!(stanza.attr(name).as_deref(), Some(value), "{stanza:?}");
    }

    #[test]
    fn attributes_in_a_namespace_travel_with_what_binds_them() {
        let got = passed_on(" xmlns:p='urn:p' p:mark='&lt;\"&#10;' xmlns:unused='urn:u'", "<body>hi</body>");
        assert_attr(&got, "mark", "urn:p", "<\"\n");
        assert!(got.raw_attrs().all(|(name, _)| name != b"xmlns:unused"), "{got:?}");
        let got = passed_on(" p:mark=\"it's\" xmlns:p=\"urn:p\" xml:lang='ja' xml:space='preserve'", "");
        assert_attr(&got, "mark", "urn:p", "it's");
        assert_eq!(got.lang().as_deref(), Some("ja"));
        assert_eq!(got.raw_attrs().filter(|(name, _)| *name == b"xml:space").count(), 1, "{got:?}");
    }

    #[test]
    fn a_prefix_that_the_content_uses_too_stays_bound_in_both() {
        let got = passed_on(" xmlns:p='urn:p' p:mark='1'", "<p:x p:y='2'/>");
        assert_attr(&got, "mark", "urn:p", "1");
        assert!(got.has_child("x", "urn:p"), "{got:?}");
    }

    #[test]
    fn a_prefixed_attribute_is_not_one_of_the_head() {
        let got = passed_on(" xmlns:p='urn:p' p:from='c@example' p:id='7'", "");
        assert_eq!(got.attr("from").as_deref(), Some("a@example/x"));
        assert_eq!(got.attr("id"), None);
        assert_attr(&got, "from", "urn:p", "c@example");
    }
}

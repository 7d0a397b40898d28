//! A stanza on its way: stamped once with who sent it, then never edited.

use bytes::Bytes;
use zaiseki_xmpp::jid::Jid;
use zaiseki_xmpp::stanza::StanzaKind;
use zaiseki_xmpp::xml::framer::Stanza;

/// The head is rewritten (`from` stamped, `to` normalised), the body travels as the sender wrote it.
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
        .open(out);
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
        out.push(b'>');
    }
}

/// Appends `</name>`.
pub fn close(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b"</");
    out.extend_from_slice(name.as_bytes());
    out.push(b'>');
}

//! Where a stanza goes: pure, and it never edits the stanza.

use zaiseki_model::Envelope;
use zaiseki_xmpp::jid::{BareJid, Jid};

/// What deciding needs to know. (A cluster adds who is homed where.)
pub struct View<'a> {
    pub domain: &'a BareJid,
    /// The directory of users answers.
    pub directory: bool,
}

/// The way a stanza takes next.
#[derive(Debug, PartialEq, Eq)]
pub enum Destination<'a> {
    /// The sender's own account: no `to`, or its bare address.
    OwnAccount,
    /// The server itself: the domain, with or without a resource.
    Domain,
    /// A local user's bare address; the localpart.
    Account(&'a str),
    /// A local user's resource; localpart and resourcepart.
    Resource(&'a str, &'a str),
    /// The directory of users: `search.` before the domain.
    Directory,
    /// Another domain: nothing leads there yet.
    Elsewhere,
}

/// RFC 6120 §10, RFC 6121 §8.
pub fn decide<'a>(envelope: &'a Envelope, view: &View<'_>) -> Destination<'a> {
    let Some(to) = &envelope.to else { return Destination::OwnAccount };
    if to.domain() != view.domain.domain() {
        let directory = to.domain().strip_prefix(crate::handlers::search::PREFIX) == Some(view.domain.domain());
        let here = view.directory && directory && to.local().is_none();
        return if here { Destination::Directory } else { Destination::Elsewhere };
    }
    match (to.local(), to) {
        (None, _) => Destination::Domain,
        (Some(_), Jid::Bare(bare)) if bare.as_str() == envelope.from.bare_str() => Destination::OwnAccount,
        (Some(local), Jid::Bare(_)) => Destination::Account(local),
        (Some(local), Jid::Full(full)) => Destination::Resource(local, full.resource()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use zaiseki_xmpp::stanza::StanzaKind;
    use zaiseki_xmpp::xml::framer::{Limits, stanza_from_bytes};

    fn to(address: Option<&str>) -> Envelope {
        let stanza = stanza_from_bytes(Bytes::from_static(b"<message/>"), Limits::default()).expect("well-formed");
        Envelope {
            kind: StanzaKind::Message,
            type_: None,
            id: None,
            from: Jid::parse("a@here.example/x").expect("valid"),
            to: address.map(|a| Jid::parse(a).expect("valid")),
            lang: None,
            stanza,
            body: Bytes::new(),
        }
    }

    #[test]
    fn every_kind_of_address_has_its_way() {
        let domain: BareJid = "here.example".parse().expect("valid");
        let view = View { domain: &domain, directory: true };
        let cases = [
            (None, Destination::OwnAccount),
            (Some("a@here.example"), Destination::OwnAccount),
            (Some("here.example"), Destination::Domain),
            (Some("here.example/echo"), Destination::Domain),
            (Some("b@here.example"), Destination::Account("b")),
            (Some("b@here.example/y"), Destination::Resource("b", "y")),
            (Some("a@here.example/y"), Destination::Resource("a", "y")),
            (Some("b@there.example"), Destination::Elsewhere),
            (Some("search.here.example"), Destination::Directory),
            (Some("b@search.here.example"), Destination::Elsewhere),
            (Some("search.there.example"), Destination::Elsewhere),
        ];
        for (address, expected) in cases {
            assert_eq!(decide(&to(address), &view), expected, "{address:?}");
        }
        let closed = View { directory: false, ..view };
        assert_eq!(decide(&to(Some("search.here.example")), &closed), Destination::Elsewhere);
    }
}

//! What WebSocket and BOSH have in common: stanzas that stand alone need their namespace.

use zaiseki_router::outbox::Flush;

/// The stanzas of a flush, each with its namespace declared: over TCP the stream's header says it, here nobody does.
pub fn stanzas(flush: &Flush) -> Vec<Vec<u8>> {
    let mut from = 0;
    let mut out = Vec::with_capacity(flush.ends.len());
    for &end in &flush.ends {
        out.push(standing_alone(&flush.bytes[from..end]));
        from = end;
    }
    out
}

fn standing_alone(stanza: &[u8]) -> Vec<u8> {
    const XMLNS: &[u8] = b" xmlns='jabber:client'";
    for name in [&b"<message"[..], b"<presence", b"<iq"] {
        if let Some(rest) = stanza.strip_prefix(name)
            && !rest.starts_with(b" xmlns=")
        {
            return [name, XMLNS, rest].concat();
        }
    }
    stanza.to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stanzas_get_their_namespace_once() {
        let bytes = b"<iq id='1'/><message xmlns='jabber:client'/><r xmlns='urn:xmpp:sm:3'/>".to_vec();
        let flush = Flush { ends: vec![12, 44, bytes.len()], bytes, ..Flush::default() };
        let expected: [&[u8]; 3] =
            [b"<iq xmlns='jabber:client' id='1'/>", b"<message xmlns='jabber:client'/>", b"<r xmlns='urn:xmpp:sm:3'/>"];
        assert_eq!(stanzas(&flush), expected);
    }
}

//! What a server may send: messages of bounded length and depth. Stands between the socket and the protocol library, which
//! has no limits of its own (a deeply nested message would exhaust its stack).

use std::io;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use zaiseki_model::limits::{LDAP_MESSAGE_BYTES, LDAP_MESSAGE_DEPTH};

/// Why a server's bytes are not passed on.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Bad {
    #[error("a message is longer than {LDAP_MESSAGE_BYTES} bytes")]
    Long,
    #[error("a message is nested deeper than {LDAP_MESSAGE_DEPTH} levels")]
    Deep,
    #[error("the bytes are not BER")]
    NotBer,
}

/// One element's place in a buffer: where its content begins and ends.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Element {
    pub tag: u8,
    pub start: usize,
    pub end: usize,
}

const CONSTRUCTED: u8 = 0x20;
const SEQUENCE: u8 = 0x30;

/// The element that begins at `at`; `None` when more bytes are needed to tell.
pub(crate) fn element(bytes: &[u8], at: usize) -> Result<Option<Element>, Bad> {
    let Some(&[tag, first]) = bytes.get(at..at + 2) else { return Ok(None) };
    if tag & 0x1f == 0x1f {
        return Err(Bad::NotBer);
    }
    let more = usize::from(first & 0x7f);
    let (start, length) = match first {
        ..0x80 => (at + 2, more),
        // Indefinite lengths are not allowed (RFC 4511 §5.1).
        0x80 => return Err(Bad::NotBer),
        _ => {
            let Some(octets) = bytes.get(at + 2..at + 2 + more.min(8)) else { return Ok(None) };
            let length = octets.iter().fold(0usize, |length, byte| length.saturating_mul(256).saturating_add(usize::from(*byte)));
            (at + 2 + more, if more > 8 { usize::MAX } else { length })
        }
    };
    if length > LDAP_MESSAGE_BYTES {
        return Err(Bad::Long);
    }
    Ok(Some(Element { tag, start, end: start + length }))
}

/// Looks through a whole message without recursion.
pub(crate) fn check(message: &[u8]) -> Result<(), Bad> {
    let mut ends = vec![message.len()];
    let mut at = 0;
    while let Some(&end) = ends.last() {
        if at == end {
            ends.pop();
            continue;
        }
        let found = element(&message[..end], at)?.filter(|found| found.end <= end).ok_or(Bad::NotBer)?;
        if found.tag & CONSTRUCTED == 0 {
            at = found.end;
            continue;
        }
        if ends.len() > LDAP_MESSAGE_DEPTH {
            return Err(Bad::Deep);
        }
        ends.push(found.end);
        at = found.start;
    }
    Ok(())
}

/// The length of the first message in `bytes`, checked; `None` when it is not complete.
pub(crate) fn first_message(bytes: &[u8]) -> Result<Option<usize>, Bad> {
    let Some(outer) = element(bytes, 0)? else { return Ok(None) };
    if outer.tag != SEQUENCE {
        return Err(Bad::NotBer);
    }
    let Some(message) = bytes.get(..outer.end) else { return Ok(None) };
    check(message)?;
    Ok(Some(outer.end))
}

/// Passes on the server's messages, each when it is complete and within the limits. Ends with the server's stream.
pub(crate) async fn forward(mut server: impl AsyncRead + Unpin, mut ours: impl AsyncWrite + Unpin) -> io::Result<()> {
    let mut bytes = Vec::with_capacity(64 * 1024);
    loop {
        let mut passed = 0;
        while let Some(length) = first_message(&bytes[passed..]).map_err(io::Error::other)? {
            passed += length;
        }
        ours.write_all(&bytes[..passed]).await?;
        bytes.drain(..passed);
        if server.read_buf(&mut bytes).await? == 0 {
            return ours.shutdown().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wrap(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x84], &length[..], content].concat()
    }

    fn nested(depth: usize) -> Vec<u8> {
        (0..depth).fold(Vec::new(), |inner, _| wrap(SEQUENCE, &inner))
    }

    #[test]
    fn messages_are_bounded_in_depth_and_length() {
        assert_eq!(first_message(&nested(LDAP_MESSAGE_DEPTH)), Ok(Some(6 * LDAP_MESSAGE_DEPTH)));
        assert_eq!(first_message(&nested(LDAP_MESSAGE_DEPTH + 1)), Err(Bad::Deep));
        let long = |bytes: usize| wrap(SEQUENCE, &wrap(0x04, &vec![0; bytes]));
        assert_eq!(first_message(&long(LDAP_MESSAGE_BYTES - 6)), Ok(Some(LDAP_MESSAGE_BYTES + 6)));
        // Told by the first bytes, long before the rest arrives.
        assert_eq!(first_message(&long(LDAP_MESSAGE_BYTES - 5)[..6]), Err(Bad::Long));
        assert_eq!(first_message(&[0x30, 0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0]), Err(Bad::Long));
    }

    #[test]
    fn half_messages_wait_and_wrong_ones_are_refused() {
        let message = wrap(SEQUENCE, &[0x02, 1, 7, 0x65, 2, 0x0a, 0]);
        for cut in 0..message.len() {
            assert_eq!(first_message(&message[..cut]), Ok(None), "{cut}");
        }
        assert_eq!(first_message(&message), Ok(Some(message.len())));
        for wrong in [&b"HTTP/1.1 400"[..], &[0x30, 0x80, 0, 0], &[0x30, 2, 0x04, 5], &[0x30, 3, 0x3f, 1, 0]] {
            assert_eq!(first_message(wrong), Err(Bad::NotBer), "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_fall(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = first_message(&bytes);
            let _ = first_message(&wrap(SEQUENCE, &bytes));
        }
    }
}

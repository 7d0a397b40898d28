//! Identities that never change, whatever happens to the addresses.

use crate::time::Timestamp;
use std::fmt;
use std::str::FromStr;

/// A user, for ever: UUIDv7 (RFC 9562 §5.7). Renaming the user does not touch it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(pub [u8; 16]);

/// A presence gateway (a calendar service connection): UUIDv7.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GatewayId(pub [u8; 16]);

/// A directory that users come from (an LDAP tree, a call manager): UUIDv7.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DirectoryId(pub [u8; 16]);

/// A job of an administrator: UUIDv7; later ones sort later.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JobId(pub [u8; 16]);

/// An administrator: UUIDv7.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AdminId(pub [u8; 16]);

/// An API token of an administrator: UUIDv7. Names the token; the secret is something else.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(pub [u8; 16]);

/// One alarm from its being raised until it is cleared: UUIDv7; later ones sort later.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlarmId(pub [u8; 16]);

/// A place that alarms are sent to: UUIDv7.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AlarmTargetId(pub [u8; 16]);

macro_rules! uuid_id {
    ($name:ident) => {
        impl $name {
            /// A new id; ids made later sort later.
            pub fn generate() -> Self {
                $name(*uuid::Uuid::now_v7().as_bytes())
            }

            /// When [`Self::generate`] made it, to the millisecond (RFC 9562 §5.7).
            pub fn made_at(self) -> $crate::Timestamp {
                let millis = self.0[..6].iter().fold(0, |millis, byte| millis << 8 | i64::from(*byte));
                $crate::Timestamp(millis * 1_000)
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                uuid::Uuid::from_bytes(self.0).hyphenated().fmt(f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(s: &str) -> Result<Self, uuid::Error> {
                Ok($name(*uuid::Uuid::parse_str(s)?.as_bytes()))
            }
        }
    };
}
uuid_id!(UserId);
uuid_id!(GatewayId);
uuid_id!(AdminId);
uuid_id!(TokenId);
uuid_id!(DirectoryId);
uuid_id!(JobId);
uuid_id!(AlarmId);
uuid_id!(AlarmTargetId);

/// A kept message. Ordered by time of arrival: microseconds since the epoch in the upper 52 bits, the node in the
/// lower 11. It is the `id` of XEP-0359 `<stanza-id/>` and of XEP-0313 results, written in decimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(pub i64);

const NODE_BITS: u32 = 11;

impl MessageId {
    /// The smallest id of that instant: ids of messages from then on are greater or equal.
    pub fn first_at(t: Timestamp) -> Self {
        MessageId(t.0.clamp(0, i64::MAX >> NODE_BITS) << NODE_BITS)
    }

    /// When the message arrived.
    pub fn time(self) -> Timestamp {
        Timestamp(self.0 >> NODE_BITS)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for MessageId {
    type Err = std::num::ParseIntError;
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        s.parse().map(MessageId)
    }
}

/// Gives out [`MessageId`]s that only grow, whatever the clock does.
#[derive(Debug, Clone)]
pub struct MessageIds {
    node: u16,
    last_micros: i64,
}

impl MessageIds {
    /// `node` < 2048; `last` is the greatest id already used by this node, from the database.
    pub fn new(node: u16, last: Option<MessageId>) -> Self {
        MessageIds { node: node & ((1 << NODE_BITS) - 1), last_micros: last.map_or(0, |m| m.time().0) }
    }

    pub fn next(&mut self, now: Timestamp) -> MessageId {
        self.last_micros = now.0.max(self.last_micros + 1);
        MessageId((self.last_micros << NODE_BITS) | i64::from(self.node))
    }
}

/// A resumable stream (XEP-0198 `id`): 128 random bits, unguessable.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamToken(pub [u8; 16]);

impl fmt::Display for StreamToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

impl fmt::Debug for StreamToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamToken(…)")
    }
}

impl FromStr for StreamToken {
    type Err = ();
    fn from_str(s: &str) -> Result<Self, ()> {
        if s.len() != 32 || !s.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(());
        }
        let mut out = [0; 16];
        for (i, byte) in out.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&s[2 * i..2 * i + 2], 16).map_err(|_| ())?;
        }
        Ok(StreamToken(out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_ids_grow_when_the_clock_stands_still_or_goes_back() {
        let mut ids = MessageIds::new(3, None);
        let a = ids.next(Timestamp::from_secs(100));
        let b = ids.next(Timestamp::from_secs(100));
        let c = ids.next(Timestamp::from_secs(50));
        assert!(a < b && b < c);
        assert_eq!(a.time(), Timestamp::from_secs(100));
        assert!(MessageId::first_at(Timestamp::from_secs(100)) <= a);
        let mut restarted = MessageIds::new(3, Some(c));
        assert!(restarted.next(Timestamp::from_secs(1)) > c);
    }

    #[test]
    fn tokens_and_ids_read_back() {
        let token = StreamToken([0xab; 16]);
        assert_eq!(token.to_string().parse(), Ok(token));
        assert_eq!("é".repeat(16).parse::<StreamToken>(), Err(()));
        let user = UserId::generate();
        assert_eq!(user.to_string().parse(), Ok(user));
    }
}

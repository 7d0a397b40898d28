//! What the clients sent, got acknowledged and received: the checker knows nothing else of the server.

use std::fmt;
use zaiseki_model::Timestamp;

/// A promise that was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Promise {
    /// An acknowledged message reaches its reader.
    Delivered,
    /// An acknowledged message stands in both archives, once, under the id its readers saw.
    Archived,
    /// Nothing is received twice.
    Once,
    /// Messages between two clients keep their order.
    Order,
    /// `<a/>` counts only what is kept.
    AckIsKept,
    /// Both sides of a subscription say the same.
    Subscriptions,
    /// Watchers end up seeing what is.
    Presence,
    /// A meeting ends when it ends.
    MeetingOnTime,
    /// Nothing is refused that should not be.
    Accepted,
    /// Once the faults are over, everything comes to rest.
    Rest,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub promise: Promise,
    pub at: Timestamp,
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {:?}: {}", self.promise, self.at, self.text)
    }
}

/// One message as its sender and its readers know it.
#[derive(Clone, Debug)]
pub struct Message {
    pub origin: String,
    /// Index of the client that sent it, and of the user it is for.
    pub from: usize,
    pub to: usize,
    /// The address it was sent to, with or without a resource.
    pub address: String,
    pub acked: bool,
    pub receipts: Vec<Receipt>,
}

/// A delivery of a message to a client.
#[derive(Clone, Debug)]
pub struct Receipt {
    pub client: usize,
    /// Names one XEP-0198 stream with all its resumptions.
    pub stream: u64,
    pub stanza_id: Option<String>,
    /// Before the client's first presence took effect: a message to the full address comes at once (RFC 6121 §8.5.3.1).
    pub early: bool,
    /// With a delay stamp: from the store, not live.
    pub delayed: bool,
    /// The start of the server it fell into.
    pub epoch: u32,
    /// Its place among all receipts.
    pub place: usize,
}

/// One message of an archive, as read by its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Archived {
    pub id: String,
    pub origin: String,
}

#[derive(Default)]
pub struct Log {
    pub messages: Vec<Message>,
    /// By user.
    pub archives: Vec<Vec<Archived>>,
    pub violations: Vec<Violation>,
    pub receipts: usize,
    /// A digest of everything clients heard, to compare two runs of one seed.
    pub digest: u64,
}

impl Log {
    pub fn broken(&mut self, promise: Promise, at: Timestamp, text: String) {
        self.violations.push(Violation { promise, at, text });
    }

    /// A new message; its index, which is also in its origin-id.
    pub fn compose(&mut self, from: usize, to: usize, address: String) -> usize {
        let index = self.messages.len();
        self.messages.push(Message { origin: format!("m{index}"), from, to, address, acked: false, receipts: Vec::new() });
        index
    }

    /// The message with that origin-id.
    pub fn index_of(&self, origin: &str) -> Option<usize> {
        let index = origin.strip_prefix('m')?.parse().ok()?;
        self.messages.get(index).map(|_| index)
    }

    /// Order within one moment does not count: the engine may walk a contact list as it likes.
    pub fn digest(&mut self, client: usize, now: Timestamp, bytes: &[u8]) {
        let start = (client as u64).wrapping_mul(0x9E37_79B9).wrapping_add(now.0 as u64);
        let hash = bytes.iter().fold(start, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
        self.digest = self.digest.wrapping_add(hash);
    }
}

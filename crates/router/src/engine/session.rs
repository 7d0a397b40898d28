//! A session: one bound resource of a user, with or without a live connection.

use super::HomeIx;
use super::resume::{Ended, ResumeRequest};
use crate::outlet::Outlet;
use bytes::Bytes;
use indexmap::IndexMap;
use smallvec::SmallVec;
use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;
use zaiseki_model::live::{Carrier, Software};
use zaiseki_model::{MessageId, StreamToken, Timestamp};
use zaiseki_presence::compose::OwnPresence;
use zaiseki_stream::sm::{Outgoing, Weight};
use zaiseki_xmpp::jid::{FullJid, Jid};
use zaiseki_xmpp::xml::framer::Stanza;

/// Names a session for ever: an index that is used again carries another generation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SessionId {
    pub(crate) index: u32,
    pub(crate) generation: u32,
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}", self.generation, self.index)
    }
}

impl FromStr for SessionId {
    type Err = ();
    fn from_str(s: &str) -> Result<Self, ()> {
        let (generation, index) = s.split_once('-').ok_or(())?;
        let number = |text| u32::from_str_radix(text, 16).map_err(|_| ());
        Ok(SessionId { index: number(index)?, generation: number(generation)? })
    }
}

pub struct Session {
    pub id: SessionId,
    pub home: HomeIx,
    pub jid: FullJid,
    /// `None` while the stream is cut and may be resumed.
    pub(crate) outlet: Option<Arc<dyn Outlet>>,
    /// The language of the stream.
    pub(crate) lang: Option<Box<str>>,
    pub(crate) carrier: Carrier,
    /// When it was bound.
    pub(crate) since: Timestamp,
    /// `None` until the initial presence, and after unavailable.
    pub(crate) available: Option<Box<Available>>,
    /// Asked for the roster: gets roster pushes (RFC 6121 §2.1.6).
    pub(crate) interested: bool,
    /// XEP-0280 is on.
    pub(crate) carbons: bool,
    /// Asked for the block list: gets its pushes (XEP-0191 §3.5).
    pub(crate) wants_blocklist: bool,
    /// Got the pending subscription requests.
    pub(crate) requests_sent: bool,
    /// What seldom-used features know; absent while nobody uses them, since most sessions are idle ones.
    pub(crate) extra: Option<Box<Extra>>,
    /// Offline messages are on their way to this session: newer ones queue behind them, in the database.
    pub(crate) catching_up: Option<CatchUp>,
    /// Kept messages sent without stream management whose bytes have not left yet. Empty for nearly every session.
    pub(crate) unwritten: Vec<MessageId>,
    /// While a stanza of the client waits for a home to be read.
    pub(crate) waiting: Option<Box<Waiting>>,
    pub(crate) sm: Option<Box<StreamManagement>>,
}

/// The stanza handled last can't be finished yet. Those behind it wait: order is kept, and the count of handled stanzas
/// says exactly which ones are done.
#[derive(Default)]
pub(crate) struct Waiting {
    /// Homes it waits for.
    pub deferred: u32,
    pub behind: VecDeque<Stanza>,
    /// Bytes of `behind`.
    pub bytes: usize,
    /// The client is gone; the session ends once everything it said is done.
    pub ending: Option<Ended>,
}

/// Offline messages on their way from the database to a session.
#[derive(Clone, Debug, Default)]
pub(crate) struct CatchUp {
    /// In flight to this very session when the read under way began: the page may hold them.
    pub had: Vec<MessageId>,
    /// [`super::home::HomeData::offline_notes`] when the read under way began.
    pub notes: u64,
    /// A newer message came meanwhile and was left to the next page.
    pub missed: bool,
    /// An older one came back from a lost session: read everything again.
    pub again: bool,
    /// The next page waits until the client has taken the one before it.
    pub paused: Option<Pause>,
}

/// Where the next page of offline messages begins, and what it waits for besides acknowledgements.
#[derive(Clone, Debug)]
pub(crate) struct Pause {
    pub after: Option<MessageId>,
    /// Without stream management: the last message of the page, until its bytes left.
    pub unwritten: Option<MessageId>,
}

/// The availability of a resource.
pub struct Available {
    pub own: OwnPresence,
    pub priority: i8,
    /// The content of the presence as others see it, calendar included.
    pub composed: Bytes,
    pub lang: Option<String>,
    pub id: Option<String>,
    /// PEP nodes the client wants to hear of (XEP-0115 `+notify`).
    pub notify: Arc<[String]>,
    /// What the client says it is.
    pub software: Option<Arc<Software>>,
}

/// A presence as it was directed at somebody, so that the calendar's part of it can follow the calendar.
pub(crate) struct Directed {
    pub own: OwnPresence,
    /// The content as it was sent last.
    pub composed: Bytes,
    pub lang: Option<String>,
}

#[derive(Default)]
pub(crate) struct Extra {
    /// Who got directed presence from this resource (RFC 6121 §4.6), and what.
    pub directed: HashMap<Jid, Directed>,
    /// XEP-0352: the client said that nobody looks at it.
    pub inactive: bool,
    /// Held back while inactive: the newest presence by sender.
    pub held: IndexMap<String, Bytes>,
}

/// XEP-0198 state of a session.
pub(crate) struct StreamManagement {
    pub token: StreamToken,
    pub resumable: bool,
    pub resume_time: Duration,
    /// Stanzas handled from the client, modulo 2^32.
    pub handled: u32,
    /// What is (or is being) written to the database of `handled`.
    pub stored: u32,
    /// Sequence number of the newest write that a handled stanza caused.
    pub write_seq: u64,
    /// `<r/>`s that wait for the disk.
    pub requests: u32,
    pub outgoing: Outgoing<Sent>,
    /// A new connection waits for the disk before it may go on (its `<resumed/>` acknowledges too).
    pub resuming: Option<ResumeRequest>,
    /// When the connection was lost.
    pub cut_at: Option<Timestamp>,
}

/// A stanza on its way to a client that acknowledges.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub bytes: Bytes,
    /// The kept message it carries, released when acknowledged.
    pub kept: Option<MessageId>,
    /// A carbon of that message, for this session only: another one gets the message itself.
    pub copied: bool,
    pub at: Timestamp,
}

impl Weight for Sent {
    fn weight(&self) -> usize {
        self.bytes.len()
    }
}

impl Session {
    pub(crate) fn extra(&mut self) -> &mut Extra {
        self.extra.get_or_insert_default()
    }

    /// Kept messages that were sent and may not have arrived: not acknowledged, or still to be written.
    pub(crate) fn in_flight(&self) -> impl Iterator<Item = MessageId> + '_ {
        let unacked = self.sm.iter().flat_map(|sm| sm.outgoing.iter().filter_map(|sent| sent.kept));
        unacked.chain(self.unwritten.iter().copied())
    }

    /// The stanza handled last is not done.
    pub(crate) fn deferring(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.deferred > 0)
    }

    pub(crate) fn inactive(&self) -> bool {
        self.extra.as_ref().is_some_and(|e| e.inactive)
    }

    /// Available with a priority that lets messages to the bare address in.
    pub(crate) fn takes_messages(&self) -> bool {
        self.available.as_ref().is_some_and(|a| a.priority >= 0)
    }
}

/// Sessions of one user, copied out so that the engine may be changed while walking them.
pub(crate) type SessionList = SmallVec<[SessionId; 4]>;

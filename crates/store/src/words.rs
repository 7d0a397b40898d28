//! The words of the data plane: what is written, read and answered.

use crate::profiles::Person;
use crate::search::{FoundPeople, SearchQuery};
use bytes::Bytes;
use std::collections::BTreeSet;
use std::sync::Arc;
use zaiseki_model::{Credentials, MessageId, RosterItem, StreamToken, Timestamp, User, UserId};
use zaiseki_xmpp::jid::BareJid;

/// One change of the data plane. Applying a write twice is the same as applying it once, so a batch may be retried.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    Message(KeptMessage),
    /// The receiver has acknowledged the message (or it was handed over): its pending row goes.
    Release {
        user: UserId,
        id: MessageId,
    },
    /// An XEP-0198 stream that can be resumed; after a crash the client learns from it how far we got.
    StreamOpen {
        token: StreamToken,
        user: UserId,
        resource: String,
        at: Timestamp,
    },
    /// `h`: stanzas handled on that stream, modulo 2^32 (XEP-0198 §4).
    StreamHandled {
        token: StreamToken,
        h: u32,
        at: Timestamp,
    },
    StreamClose {
        token: StreamToken,
    },
    RosterPut {
        user: UserId,
        item: RosterItem,
    },
    RosterRemove {
        user: UserId,
        jid: BareJid,
    },
    RosterVersion {
        user: UserId,
        version: u64,
    },
    DocPut {
        user: UserId,
        family: Family,
        key: String,
        value: Bytes,
    },
    DocRemove {
        user: UserId,
        family: Family,
        key: String,
    },
    /// `key_prefix: None` removes the whole family.
    DocRemoveAll {
        user: UserId,
        family: Family,
        key_prefix: Option<String>,
    },
    LastSeen {
        user: UserId,
        at: Timestamp,
        status: String,
    },
}

/// A message that must survive, because it is archived, because its receiver has not acknowledged it, or both.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptMessage {
    pub id: MessageId,
    /// The complete `<message xmlns='jabber:client' …>`.
    pub stanza: Bytes,
    /// The archives it stands in: the sender's and the receiver's.
    pub archive: [Option<ArchiveCopy>; 2],
    /// Who has yet to acknowledge it.
    pub pending: Option<UserId>,
}

/// A message's place in one archive (XEP-0313).
#[derive(Clone, Debug, PartialEq)]
pub struct ArchiveCopy {
    pub owner: UserId,
    /// Bare JID of the other side; `with` filters by it.
    pub peer: String,
}

/// Kinds of small documents that belong to a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    Vcard,
    Private,
    /// Configuration of a PEP node; the key is the node's name.
    PepNode,
    /// The key is `"<node>\u{0}<item id>"`; ordered by time of put.
    PepItem,
    /// The key is the blocked JID.
    Blocked,
    Preference,
}

impl Family {
    /// The stored number. [`Read::UserData`] wants the families 1 to 3, which therefore stand together.
    pub(crate) fn number(self) -> i64 {
        match self {
            Family::PepNode => 1,
            Family::Blocked => 2,
            Family::Preference => 3,
            Family::Vcard => 4,
            Family::Private => 5,
            Family::PepItem => 6,
        }
    }
}

/// One question of the data plane.
#[derive(Clone, Debug)]
pub enum Read {
    /// → [`Reply::Credentials`]
    Credentials { name: String },
    /// The same where passwords are those of LDAP directories: whoever comes from one has the keys that were kept after
    /// `since`, in place of own ones → [`Reply::Credentials`]
    KeptCredentials { name: String, since: Timestamp },
    /// → [`Reply::UserData`], or [`Reply::Moved`] for the earlier name of an active user
    UserData { name: String },
    /// Messages not yet acknowledged, oldest first: `limit` of them or those that make up
    /// [`PAGE_BYTES`](zaiseki_model::limits::PAGE_BYTES), whichever comes first → [`Reply::Messages`]
    Pending { user: UserId, after: Option<MessageId>, limit: usize },
    /// → [`Reply::Page`]
    Archive(ArchiveQuery),
    /// → [`Reply::Doc`]
    Doc { user: UserId, family: Family, key: String },
    /// By time of put → [`Reply::Docs`]
    Docs { user: UserId, family: Family, prefix: Option<String>, limit: usize, newest_first: bool },
    /// → [`Reply::DocPage`]
    DocPage(DocQuery),
    /// The keys alone, oldest first, by time of put → [`Reply::Keys`]
    DocKeys { user: UserId, family: Family, prefix: Option<String>, limit: usize },
    /// → [`Reply::Stream`]
    Stream { token: StreamToken },
    /// → [`Reply::LastSeen`]
    LastSeen { user: UserId },
    /// The vCard that the user has set, and what the directory says → [`Reply::Card`]
    Card { user: UserId },
    /// → [`Reply::People`]
    Search(SearchQuery),
}

/// The documents whose keys begin with a prefix, newest first, and the wanted page of them (XEP-0059). A document's name
/// is what follows the prefix in its key.
#[derive(Clone, Debug)]
pub struct DocQuery {
    pub user: UserId,
    pub family: Family,
    pub prefix: String,
    /// The result holds no more than this many of the newest.
    pub newest: usize,
    /// Only documents of these names.
    pub named: Option<BTreeSet<String>>,
    /// Names between which the page lies, these excluded.
    pub after: Option<String>,
    pub before: Option<String>,
    /// The page ends at `before` or at the end of the result, instead of beginning at its start.
    pub backwards: bool,
    /// Documents of a page at most.
    pub limit: usize,
    /// Bytes of a page at most, save that its first document always belongs to it. A name counts
    /// [`NAME_WEIGHT`](DocQuery::NAME_WEIGHT) times.
    pub bytes: usize,
}

impl DocQuery {
    /// A quote in an attribute is `&apos;`: six bytes for one.
    pub const NAME_WEIGHT: usize = 6;
}

/// Says whether a stored stanza belongs to the result.
pub type StanzaFilter = Arc<dyn Fn(&[u8]) -> bool + Send + Sync>;

/// A query of one archive (XEP-0313 §4) and the wanted page of its result (XEP-0059).
#[derive(Clone)]
pub struct ArchiveQuery {
    pub owner: UserId,
    /// Bare JID of the other side.
    pub with: Option<String>,
    /// Tells the stanzas of a full JID from those of its bare JID, for instance. Costs a look at each stanza, and
    /// `total` and `first_index` are not told.
    pub filter: Option<StanzaFilter>,
    /// Both inclusive.
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    /// Fields `after-id` and `before-id` of the form (XEP-0313 §4.1): both exclusive. What they leave out does not belong
    /// to the result, so `total`, `first_index` and the page's end are told without it.
    pub after_id: Option<MessageId>,
    pub before_id: Option<MessageId>,
    /// RSM: both exclusive. Where in the result the page lies; the result itself stays the same.
    pub after: Option<MessageId>,
    pub before: Option<MessageId>,
    /// Take the page from the end (RSM `<before/>`); the messages are in ascending order all the same.
    pub backwards: bool,
    /// A page is also full once it holds [`PAGE_BYTES`](zaiseki_model::limits::PAGE_BYTES).
    pub limit: usize,
    /// Only these (XEP-0313 §4.3.3).
    pub ids: Option<Vec<MessageId>>,
    /// Tell `total` and `first_index` (costs a walk over the result's index entries).
    pub count: bool,
}

impl ArchiveQuery {
    /// The first `limit` messages of the whole archive.
    pub fn new(owner: UserId, limit: usize) -> Self {
        ArchiveQuery {
            owner,
            with: None,
            filter: None,
            start: None,
            end: None,
            after_id: None,
            before_id: None,
            after: None,
            before: None,
            backwards: false,
            limit,
            ids: None,
            count: false,
        }
    }

    /// The messages that are named by id. All of them have to be in the archive (XEP-0313 §4.1.4, §4.3.2).
    pub(crate) fn named(&self) -> impl Iterator<Item = MessageId> + '_ {
        let ends = [self.after_id, self.before_id, self.after, self.before];
        ends.into_iter().flatten().chain(self.ids.iter().flatten().copied())
    }
}

impl std::fmt::Debug for ArchiveQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ArchiveQuery")
            .field("owner", &self.owner)
            .field("with", &self.with)
            .field("range", &(self.start, self.end, self.after_id, self.before_id))
            .field("page", &(self.after, self.before))
            .field("backwards", &self.backwards)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

/// The answer to a [`Read`], variant by variant.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    Credentials(Option<Credentials>),
    UserData(Option<Box<UserData>>),
    /// Nobody has the name; who had it has this one now.
    Moved(String),
    Messages(Vec<StoredMessage>),
    Page(Page),
    Doc(Option<Bytes>),
    Docs(Vec<Doc>),
    DocPage(DocPage),
    Keys(Vec<String>),
    Stream(Option<StreamRow>),
    LastSeen(Option<LastSeen>),
    People(FoundPeople),
    Card {
        own: Option<Bytes>,
        person: Option<Box<Person>>,
    },
}

/// Everything the home node needs when a user becomes active.
#[derive(Clone, Debug, PartialEq)]
pub struct UserData {
    pub user: User,
    pub roster: Vec<RosterItem>,
    pub roster_version: u64,
    pub blocked: Vec<Doc>,
    pub preferences: Vec<Doc>,
    pub pep_nodes: Vec<Doc>,
    /// Messages that wait for this user.
    pub pending: u64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct StoredMessage {
    pub id: MessageId,
    pub stanza: Bytes,
}

/// One page of an archive, ascending.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Page {
    pub messages: Vec<StoredMessage>,
    /// Nothing follows in the direction of paging.
    pub complete: bool,
    /// Size of the whole result, and the place of the page's first message in it.
    pub total: Option<u64>,
    pub first_index: Option<u64>,
    /// False when `after`, `before` or `ids` names a message that is not in this archive (XEP-0059 §2.1: `item-not-found`).
    pub anchor_found: bool,
}

/// One page of documents, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DocPage {
    pub docs: Vec<Doc>,
    /// Size of the whole result, and the place of the page's first document in it.
    pub total: usize,
    pub first_index: usize,
    /// False when `after` or `before` names a document that is not in the result (XEP-0059 §2.1: `item-not-found`).
    pub anchor_found: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doc {
    pub key: String,
    pub value: Bytes,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRow {
    /// The localpart.
    pub name: String,
    pub user: UserId,
    pub resource: String,
    pub h: u32,
    pub opened_at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastSeen {
    pub at: Timestamp,
    pub status: String,
}

//! A home: where the state of one user lives while somebody needs it.

use super::{Engine, SessionId};
use bytes::Bytes;
use smallvec::SmallVec;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use zaiseki_model::{RosterItem, Timestamp, User, UserId};
use zaiseki_presence::pep::NodeConfig;
use zaiseki_store::{Doc, Read, Reply, StoreError, UserData};
use zaiseki_xmpp::jid::{BareJid, Jid};
use zaiseki_xmpp::stanza::{Condition, StanzaError};

/// Index into [`Engine::homes`]; valid while the home is there.
pub type HomeIx = usize;

/// Idle homes stay this long, so that a chat with an offline user does not read the database for each message.
const KEEP_IDLE: Duration = Duration::from_secs(120);

/// A task that waits for a home. `Err`: there is no such user (`None`) or the database failed.
type Task = Box<dyn FnOnce(&mut Engine, Result<HomeIx, NoHome>) + Send>;

/// Why a home could not be had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoHome {
    /// No such user, or a disabled one.
    Unknown,
    /// The user has another address now.
    Moved(BareJid),
    /// The database could not be read: worth another try later.
    Failed,
}

impl NoHome {
    /// The stanza error a sender sees.
    pub fn error(&self) -> StanzaError {
        match self {
            NoHome::Unknown => StanzaError::new(Condition::ServiceUnavailable),
            NoHome::Moved(to) => StanzaError::new(Condition::Gone).with_uri(format!("xmpp:{}", uri_escaped(to.as_str()))),
            NoHome::Failed => StanzaError::new(Condition::InternalServerError),
        }
    }
}

/// A bare JID in a URI (RFC 5122 §2.2): what is no unreserved character, and the `@` apart, is percent-encoded.
fn uri_escaped(jid: &str) -> String {
    let mut out = String::with_capacity(jid.len());
    for byte in jid.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

pub struct Home {
    pub name: Arc<str>,
    pub bare: BareJid,
    pub sessions: SmallVec<[SessionId; 2]>,
    pub(crate) state: State,
}

pub(crate) enum State {
    Loading(Vec<Task>),
    Ready(Box<HomeData>),
}

/// What the database holds of a user, in memory.
pub struct HomeData {
    pub user: User,
    /// Ordered, so that a run of the simulator can be repeated.
    pub roster: BTreeMap<BareJid, RosterItem>,
    pub roster_version: u64,
    pub blocked: HashSet<Jid>,
    pub archive: bool,
    pub pep: HashMap<Arc<str>, PepNode>,
    /// Hash of the avatar for presence (XEP-0153), empty when the user removed it; `None`: never had one.
    pub photo: Option<String>,
    pub last_used: Timestamp,
    /// About how many messages wait for the user to come online; 0 when none does.
    pub offline: usize,
    /// Grows whenever `offline` does, so that who has read them all knows whether one came meanwhile.
    pub offline_notes: u64,
    /// Hashes of the newest origin-ids sent and the session they came from, to recognise a resend on a new stream.
    pub recent: VecDeque<(u64, SessionId)>,
}

/// A PEP node of the user: its configuration, and the newest item when small enough to keep at hand.
pub struct PepNode {
    pub config: NodeConfig,
    /// `None`: not read yet. `Some(None)`: no item.
    pub last: Option<Option<(String, Bytes)>>,
}

impl Home {
    pub fn data(&self) -> Option<&HomeData> {
        match &self.state {
            State::Ready(data) => Some(data),
            State::Loading(_) => None,
        }
    }
}

impl Engine {
    /// The loaded home of a localpart.
    pub(crate) fn home_ready(&self, name: &str) -> Option<HomeIx> {
        let ix = *self.names.get(name)?;
        matches!(self.homes[ix].state, State::Ready(_)).then_some(ix)
    }

    /// The data of a home that is loaded (as every home with a session is).
    pub(crate) fn data(&self, ix: HomeIx) -> Option<&HomeData> {
        self.homes.get(ix)?.data()
    }

    pub(crate) fn data_mut(&mut self, ix: HomeIx) -> Option<&mut HomeData> {
        match &mut self.homes.get_mut(ix)?.state {
            State::Ready(data) => Some(data),
            State::Loading(_) => None,
        }
    }

    pub(crate) fn user_id(&self, ix: HomeIx) -> Option<UserId> {
        self.data(ix).map(|d| d.user.id)
    }

    /// Runs `task` with the home of `name`: at once when it is loaded, else after reading it. Tasks of one home run in order.
    pub(crate) fn with_home(&mut self, name: &str, task: impl FnOnce(&mut Engine, Result<HomeIx, NoHome>) + Send + 'static) {
        if let Some(&ix) = self.names.get(name) {
            match &mut self.homes[ix].state {
                State::Loading(tasks) => tasks.push(Box::new(task)),
                State::Ready(data) => {
                    data.last_used = self.now;
                    task(self, Ok(ix));
                }
            }
            return;
        }
        let Ok(bare) = BareJid::new(Some(name), self.domain.domain()) else {
            return task(self, Err(NoHome::Unknown));
        };
        let name: Arc<str> = name.into();
        let state = State::Loading(vec![Box::new(task)]);
        let ix = self.homes.insert(Home { name: name.clone(), bare, sessions: SmallVec::new(), state });
        self.names.insert(name.clone(), ix);
        self.read(Read::UserData { name: name.to_string() }, move |engine, reply| engine.home_loaded(&name, reply));
    }

    fn home_loaded(&mut self, name: &str, reply: Result<Reply, StoreError>) {
        let Some(&ix) = self.names.get(name) else { return };
        let found = match reply {
            Ok(Reply::UserData(Some(data))) if data.user.active() => Ok(data),
            Ok(Reply::Moved(to)) => {
                BareJid::new(Some(&to), self.domain.domain()).map_or(Err(NoHome::Unknown), |to| Err(NoHome::Moved(to)))
            }
            Ok(_) => Err(NoHome::Unknown),
            Err(_) => Err(NoHome::Failed),
        };
        let tasks = match found {
            Ok(data) => {
                let ready = State::Ready(Box::new(HomeData::from_row(*data, self.now)));
                let before = std::mem::replace(&mut self.homes[ix].state, ready);
                self.timers.arm_put_away(self.now + KEEP_IDLE);
                (before, Ok(ix))
            }
            Err(why) => {
                self.names.remove(name);
                (self.homes.remove(ix).state, Err(why))
            }
        };
        if let (State::Loading(list), result) = tasks {
            for task in list {
                task(self, result.clone());
            }
        }
    }

    /// Puts away the homes without sessions that nobody used for a while.
    pub(super) fn put_away_idle_homes(&mut self) {
        let before = self.now - KEEP_IDLE;
        let idle: Vec<HomeIx> = self
            .homes
            .iter()
            .filter(|(_, home)| home.sessions.is_empty() && home.data().is_some_and(|d| d.last_used <= before))
            .map(|(ix, _)| ix)
            .collect();
        for ix in idle {
            let home = self.homes.remove(ix);
            self.names.remove(&home.name);
        }
        if !self.homes.is_empty() {
            self.timers.arm_put_away(self.now + KEEP_IDLE);
        }
    }
}

impl HomeData {
    /// Messages were left in the database for the user's next resource.
    pub(crate) fn note_offline(&mut self, count: usize) {
        self.offline += count;
        self.offline_notes += count as u64;
    }

    fn from_row(row: UserData, now: Timestamp) -> Self {
        let UserData { user, roster, roster_version, blocked, preferences, pep_nodes, pending } = row;
        let node = |doc: Doc| (Arc::from(doc.key.as_str()), PepNode { config: NodeConfig::from_stored(&doc.value), last: None });
        HomeData {
            user,
            roster: roster.into_iter().map(|item| (item.jid.clone(), item)).collect(),
            roster_version,
            blocked: blocked.iter().filter_map(|doc| Jid::parse(&doc.key).ok()).collect(),
            archive: archives(&preferences),
            pep: pep_nodes.into_iter().map(node).collect(),
            photo: photo_hash(&preferences),
            last_used: now,
            offline: pending as usize,
            offline_notes: 0,
            recent: VecDeque::new(),
        }
    }
}

/// Whether the user's messages are archived, by the user's own preference.
pub(super) fn archives(preferences: &[Doc]) -> bool {
    !preferences.iter().any(|doc| doc.key == crate::handlers::mam::ARCHIVE_PREFERENCE && &doc.value[..] == b"never")
}

fn photo_hash(preferences: &[Doc]) -> Option<String> {
    let doc = preferences.iter().find(|doc| doc.key == crate::handlers::vcard::PHOTO_PREFERENCE)?;
    String::from_utf8(doc.value.to_vec()).ok()
}

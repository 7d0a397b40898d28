//! The data plane of one node as a synchronous state machine.
//!
//! It owns every home (a user's roster, availability, blocked list, PEP configuration) and every session. It knows no
//! socket, clock, dice or thread: the shell calls in with the time, bytes go out through [`Outlet`]s, and database work
//! leaves through [`Engine::take_effects`] and comes back through [`Engine::durable`] and [`Engine::read_done`].

mod account;
mod bind;
mod counts;
mod deliver;
mod effects;
mod home;
mod inbound;
mod insight;
mod resume;
mod revocation;
mod send;
mod session;
#[cfg(test)]
mod tests;
pub(crate) mod timers;
mod waiting;

pub(crate) use account::bad_request;
pub use bind::{BindDone, BindRequest};
pub(crate) use counts::Counters;
pub use effects::{CalendarChoice, Continuation, Effects, ReadRequest};
pub use home::{Home, HomeData, HomeIx, NoHome, PepNode};
pub(crate) use inbound::body_without;
pub(crate) use insight::said_in;
pub use resume::{ResumeRequest, Resumed};
pub use session::{Available, Session, SessionId};
pub(crate) use session::{Directed, SessionList};

use crate::handlers::Registry;
use crate::outlet::Outlet;
use crate::presence_host::calendar::Calendar;
use effects::Pending;
use slab::Slab;
use std::collections::HashMap;
use std::sync::Arc;
use timers::Timers;
use zaiseki_model::settings::Settings;
use zaiseki_model::{MessageIds, StreamToken, Timestamp};
use zaiseki_presence::caps::CapsCache;
use zaiseki_store::{Reply, StoreError};
use zaiseki_xmpp::jid::BareJid;

/// Fills a buffer with random bytes.
pub type Random = Box<dyn FnMut(&mut [u8]) + Send>;

/// What does not change while the node runs.
pub struct EngineConfig {
    pub domain: BareJid,
    /// Ids of messages continue after the greatest one on disk.
    pub ids: MessageIds,
    pub settings: Arc<Settings>,
    /// Fills a buffer with unguessable bytes; the simulator passes a seeded generator.
    pub random: Random,
}

/// See the module's text.
pub struct Engine {
    pub(crate) now: Timestamp,
    pub(crate) domain: BareJid,
    pub(crate) settings: Arc<Settings>,
    pub(crate) ids: MessageIds,
    pub(crate) registry: &'static Registry,
    pub(crate) homes: Slab<Home>,
    /// Localpart → home.
    pub(crate) names: HashMap<Arc<str>, HomeIx>,
    pub(crate) sessions: Slab<Session>,
    pub(crate) streams: HashMap<StreamToken, SessionId>,
    /// Calendar facts by localpart: they outlive a home that is put away.
    pub(crate) calendars: HashMap<Arc<str>, Calendar>,
    pub(crate) caps: CapsCache,
    /// Requests the server itself made of clients, by iq id.
    pub(crate) asked: HashMap<SessionId, crate::handlers::caps::Asked>,
    pub(crate) timers: Timers,
    effects: Effects,
    pending: Pending,
    random: Random,
    generation: u32,
    revocations: revocation::Revocations,
    /// False while the database can't take what is waiting: no new messages are accepted for keeping.
    pub(crate) storage_healthy: bool,
    pub(crate) counters: Counters,
    /// Absent while nobody is traced.
    pub(crate) traces: Option<Box<crate::trace::Traces>>,
    /// Reused for building stanzas.
    pub(crate) scratch: Vec<u8>,
}

/// A change of a user's account that ends or touches sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountChange {
    /// Disabled or with a new password: every session ends.
    Revoked,
    /// Removed: every session ends, and so does every subscription from and to the user.
    Removed,
    /// Has this localpart from now on: every session ends, and contacts have the user under the new address.
    Renamed(String),
    /// The same for accounts that got each other's localparts: from, to.
    Exchanged(Vec<(String, String)>),
    /// Display name, language, calendar opt-out or archive switch: read the user again.
    Changed,
}

impl Engine {
    pub fn new(config: EngineConfig) -> Self {
        Engine {
            now: Timestamp::ZERO,
            domain: config.domain,
            settings: config.settings,
            ids: config.ids,
            registry: crate::handlers::registry(),
            homes: Slab::new(),
            names: HashMap::new(),
            sessions: Slab::new(),
            streams: HashMap::new(),
            calendars: HashMap::new(),
            caps: CapsCache::new(4_096),
            asked: HashMap::new(),
            timers: Timers::default(),
            effects: Effects::default(),
            pending: Pending::default(),
            random: config.random,
            generation: 0,
            revocations: revocation::Revocations::default(),
            storage_healthy: true,
            counters: Counters::default(),
            traces: None,
            scratch: Vec::new(),
        }
    }

    /// The database finished a read.
    pub fn read_done(&mut self, now: Timestamp, token: u64, reply: Result<Reply, StoreError>) {
        self.now = now;
        self.finish_read(token, reply);
    }

    /// Every write up to `seq` is on disk.
    pub fn durable(&mut self, now: Timestamp, seq: u64) {
        self.now = now;
        self.finish_writes(seq);
    }

    /// New settings take effect at once.
    pub fn set_settings(&mut self, now: Timestamp, settings: Arc<Settings>) {
        self.now = now;
        self.settings = settings;
        self.recompose_all();
    }

    /// Whether the database keeps up; told before each call.
    pub fn set_storage_healthy(&mut self, healthy: bool) {
        self.storage_healthy = healthy;
    }

    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// Bound sessions, with and without a connection.
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// Random bytes from outside.
    pub(crate) fn random_bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut out = [0; N];
        (self.random)(&mut out);
        out
    }

    pub(crate) fn wake(&mut self, outlet: Arc<dyn Outlet>) {
        self.effects.wakes.push(outlet);
    }

    /// Text for people in the domain's language, picked from (English, Japanese).
    pub(crate) fn text(&self, en: &'static str, ja: &'static str) -> &'static str {
        if self.settings.language.starts_with("ja") { ja } else { en }
    }
}

//! What administrators do, one file per resource.

pub mod account;
pub mod acme;
pub mod addresses;
pub mod admins;
pub mod alarm_targets;
pub mod alarms;
pub mod archive;
pub mod audit_log;
pub mod bundle;
pub mod certificates;
pub mod contacts;
pub mod directories;
pub mod directory_runs;
pub mod duplicates;
pub mod gateways;
pub mod im;
pub mod import;
pub mod jobs;
pub mod leftovers;
pub mod live;
pub mod log_level;
pub mod nodes;
pub mod notifications;
pub mod presence;
pub mod profiles;
pub mod provider;
pub mod provider_sign_in;
pub mod services;
pub mod sessions;
pub mod settings;
pub mod setup;
pub mod sight;
pub mod status;
pub mod tokens;
pub mod traces;
pub mod trust;
pub mod users;

use crate::alarms::Alarms;
use crate::certificates::Served;
use crate::certificates::acme::AcmeDesk;
use crate::checks::Troubleshooter;
use crate::credentials::lockout::Lockout;
use crate::credentials::password::Hasher;
use crate::directory::state::DirectoryStates;
use crate::error::{ControlError, Result};
use crate::gateway::state::GatewayStates;
use crate::node::LocalNode;
use crate::presented::ThisNode;
use crate::seal::SealKey;
use crate::services::supervisor::Services;
use crate::sign_in::Providers;
use crate::vitals::Vitals;
use crate::vitals::spans::Spans;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;
use tokio::sync::{Notify, watch};
use zaiseki_model::live::DataPlane;
use zaiseki_model::settings::Settings;
use zaiseki_model::{Timestamp, UserId};
use zaiseki_store::{Audit, Store};

/// Names that no address of a page or of the API can hold: programs take them for another place (RFC 3986 §5.2.4).
fn is_dots(name: &str) -> bool {
    matches!(name, "." | "..")
}

/// Who an administrative function acts for; it stands in the audit trail.
pub type Actor = str;

/// Something about a user that open sessions must learn of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserChanged {
    pub user: UserId,
    /// The localpart of the user's address.
    pub name: String,
    pub change: UserChange,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserChange {
    /// Sessions end: the old password opened them.
    Password,
    /// Sessions end.
    Disabled,
    /// Sessions end, and the account is gone.
    Removed,
    /// Sessions end; the account has this localpart from now on.
    Renamed { to: String },
    /// The same for users who got each other's localparts: from, to.
    Exchanged(Vec<(String, String)>),
    /// Display name, mail, language, calendar choice and the like: sessions go on.
    Details,
    /// The user's archive was switched on or off.
    Archive,
}

type OnUserChanged = Box<dyn Fn(UserChanged) + Send + Sync>;

/// The control plane of one node; cheap to clone.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    domain: String,
    data_dir: PathBuf,
    key: SealKey,
    settings: watch::Sender<Arc<Settings>>,
    turn: Mutex<()>,
    on_user_changed: OnUserChanged,
    gateways_changed: Notify,
    purge_now: Notify,
    jobs_changed: Notify,
    gateway_states: GatewayStates,
    hasher: Hasher,
    lockout: Mutex<Lockout>,
    admin_provider: Providers,
    used_states: Mutex<provider_sign_in::UsedStates>,
    directories_changed: Notify,
    directory_states: DirectoryStates,
    vitals: Vitals,
    spans: Spans,
    alarms: Alarms,
    data_plane: OnceLock<Arc<dyn DataPlane>>,
    services: Services,
    node: LocalNode,
    log: log_level::LogControl,
    tracer: traces::TraceDoor,
    troubleshooter: Troubleshooter,
    this_node: OnceLock<ThisNode>,
    served: OnceLock<Served>,
    acme: Arc<AcmeDesk>,
    ready: AtomicBool,
    started: Timestamp,
    /// The same moment on the clock that nobody sets.
    began: Instant,
}

/// How often a change is tried while others change the same thing.
const TRIES: usize = 8;

/// Does `work`, which looks at something and changes it, again while somebody else has changed it in between.
pub(crate) fn settled<T>(work: impl Fn() -> Result<T>) -> Result<T> {
    for _ in 1..TRIES {
        match work() {
            Err(ControlError::Stale { .. }) => {}
            done => return done,
        }
    }
    work()
}

impl App {
    /// Reads the settings and the sealing key. `on_user_changed` is called after the change is in the database, from the
    /// thread that made it; it must not block for long.
    ///
    /// # Errors
    /// The store or the key file cannot be read.
    pub fn open(
        store: Store,
        domain: &str,
        data_dir: &Path,
        on_user_changed: impl Fn(UserChanged) + Send + Sync + 'static,
    ) -> Result<App> {
        let key = SealKey::load_or_create(data_dir)?;
        let settings = settings::load(&store)?;
        let alarms = Alarms::load(&store)?;
        let inner = Inner {
            store,
            domain: domain.to_owned(),
            data_dir: data_dir.to_owned(),
            key,
            settings: watch::Sender::new(Arc::new(settings)),
            turn: Mutex::new(()),
            on_user_changed: Box::new(on_user_changed),
            gateways_changed: Notify::new(),
            purge_now: Notify::new(),
            jobs_changed: Notify::new(),
            gateway_states: GatewayStates::default(),
            hasher: Hasher::new()?,
            lockout: Mutex::default(),
            admin_provider: Providers::default(),
            used_states: Mutex::default(),
            directories_changed: Notify::new(),
            directory_states: DirectoryStates::default(),
            vitals: Vitals::default(),
            spans: Spans::default(),
            alarms,
            troubleshooter: Troubleshooter::default(),
            this_node: OnceLock::new(),
            served: OnceLock::new(),
            acme: Arc::default(),
            data_plane: OnceLock::new(),
            services: Services::default(),
            node: LocalNode::default(),
            log: log_level::LogControl::default(),
            tracer: traces::TraceDoor::default(),
            ready: AtomicBool::new(false),
            started: Timestamp::now(),
            began: Instant::now(),
        };
        let app = App { inner: Arc::new(inner) };
        trust::believe(&app)?;
        Ok(app)
    }

    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    pub fn domain(&self) -> &str {
        &self.inner.domain
    }

    /// Where the database is.
    pub(crate) fn data_dir(&self) -> &Path {
        &self.inner.data_dir
    }

    /// The settings now, and each time they change.
    pub fn settings(&self) -> watch::Receiver<Arc<Settings>> {
        self.inner.settings.subscribe()
    }

    pub(crate) fn key(&self) -> &SealKey {
        &self.inner.key
    }

    pub(crate) fn settings_sender(&self) -> &watch::Sender<Arc<Settings>> {
        &self.inner.settings
    }

    pub(crate) fn hasher(&self) -> &Hasher {
        &self.inner.hasher
    }

    /// Held for a moment only.
    pub(crate) fn lockout(&self) -> MutexGuard<'_, Lockout> {
        self.inner.lockout.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The provider by which administrators sign in.
    pub(crate) fn admin_provider(&self) -> &Providers {
        &self.inner.admin_provider
    }

    /// Held for a moment only.
    pub(crate) fn used_states(&self) -> MutexGuard<'_, provider_sign_in::UsedStates> {
        self.inner.used_states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held from the look at a configuration to its change: settings, gateways, directories, alarm targets, the provider.
    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        self.inner.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the presence gateways are doing; filled by [`crate::gateway::worker`].
    pub fn gateway_states(&self) -> &GatewayStates {
        &self.inner.gateway_states
    }

    pub(crate) fn gateways_changed(&self) -> &Notify {
        &self.inner.gateways_changed
    }

    /// Which directories are being synchronised.
    pub fn directory_states(&self) -> &DirectoryStates {
        &self.inner.directory_states
    }

    pub(crate) fn directories_changed(&self) -> &Notify {
        &self.inner.directories_changed
    }

    /// What the node counts; sampled by [`crate::vitals::run`].
    pub fn vitals(&self) -> &Vitals {
        &self.inner.vitals
    }

    /// Spans for the collector of traces; begun by [`crate::vitals::spans::begin`].
    pub fn spans(&self) -> &Spans {
        &self.inner.spans
    }

    /// What is wrong: raised and cleared by the parts, written by [`crate::alarms::keeper`].
    pub fn alarms(&self) -> &Alarms {
        &self.inner.alarms
    }

    /// Joins the data plane of this process; once, before anybody asks for sessions and presence.
    pub fn attach_data_plane(&self, plane: Arc<dyn DataPlane>) {
        let _ = self.inner.data_plane.set(plane);
    }

    pub(crate) fn data_plane(&self) -> Option<Arc<dyn DataPlane>> {
        self.inner.data_plane.get().cloned()
    }

    /// The supervised parts of this node.
    pub fn services(&self) -> &Services {
        &self.inner.services
    }

    /// What this node is called, and where it listens.
    pub fn node(&self) -> &LocalNode {
        &self.inner.node
    }

    /// The log of this process, once the binary has joined it.
    pub fn log(&self) -> &log_level::LogControl {
        &self.inner.log
    }

    /// Traces of users' stanzas, once the binary has joined the data plane.
    pub fn tracer(&self) -> &traces::TraceDoor {
        &self.inner.tracer
    }

    /// Whether people are let in: not before everything listens, and no more once the node is to stop.
    pub fn is_ready(&self) -> bool {
        self.inner.ready.load(Ordering::Relaxed)
    }

    pub fn set_ready(&self, ready: bool) {
        self.inner.ready.store(ready, Ordering::Relaxed);
    }

    /// The checks' last results.
    pub(crate) fn troubleshooter(&self) -> &Troubleshooter {
        &self.inner.troubleshooter
    }

    /// What this process presents to the network; said once, by the node as soon as it listens.
    pub fn set_this_node(&self, node: ThisNode) {
        // A second word would be about another process.
        let _ = self.inner.this_node.set(node);
    }

    pub fn this_node(&self) -> Option<&ThisNode> {
        self.inner.this_node.get()
    }

    /// The certificates that this node shows; said once, before anything listens.
    pub fn set_served(&self, served: Served) {
        let _ = self.inner.served.set(served);
    }

    /// `None`: there is none yet.
    pub fn served(&self) -> Option<&Served> {
        self.inner.served.get()
    }

    /// Certificates of a public authority; ordered by [`crate::certificates::acme`].
    pub fn acme(&self) -> &Arc<AcmeDesk> {
        &self.inner.acme
    }

    pub(crate) fn began(&self) -> Instant {
        self.inner.began
    }

    pub(crate) fn started(&self) -> Timestamp {
        self.inner.started
    }

    pub(crate) fn jobs_changed(&self) -> &Notify {
        &self.inner.jobs_changed
    }

    pub(crate) fn purge_now(&self) -> &Notify {
        &self.inner.purge_now
    }

    pub(crate) fn user_changed(&self, user: UserId, name: &str, change: UserChange) {
        // Whose calendar is asked depends on users too.
        self.inner.gateways_changed.notify_one();
        (self.inner.on_user_changed)(UserChanged { user, name: name.to_owned(), change });
    }
}

pub(crate) fn audit(actor: &Actor) -> Audit {
    Audit { actor: actor.to_owned(), at: Timestamp::now() }
}

#[cfg(test)]
mod access_tests;
#[cfg(test)]
pub(crate) mod tests;

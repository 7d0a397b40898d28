//! The shell around the engine: one lock, the database, the timers. Everything asynchronous ends here.

use crate::engine::{CalendarChoice, Effects, Engine, EngineConfig};
use crate::throttle::Throttle;
use crate::traffic::Traffic;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use tokio::sync::Notify;
use zaiseki_model::Timestamp;
use zaiseki_model::settings::{ConnectionSettings, Settings};
use zaiseki_model::sign_in::{Proof, Verdict, Verifier};
use zaiseki_model::vitals::NodeCounts;
use zaiseki_store::{Durable, Store};
use zaiseki_stream::c2s::C2sConfig;

/// One running node, shared by all of its connections.
pub struct Node {
    engine: Mutex<Engine>,
    store: Store,
    pub(crate) c2s: Arc<C2sConfig>,
    pub(crate) throttle: Mutex<Throttle>,
    timer: Notify,
    /// Timer's next deadline, so that a call that changes nothing wakes nobody.
    armed: Mutex<Option<Timestamp>>,
    pub(crate) connections: crate::listener::Connections,
    pub(crate) traffic: Traffic,
    verifier: OnceLock<Arc<dyn Verifier>>,
    choices: OnceLock<KeepChoice>,
}

/// Keeps a user's choice and says whether that worked, later and from another thread: the engine is locked.
pub type KeepChoice = Box<dyn Fn(CalendarChoice) + Send + Sync>;

/// The store calls back before the node exists: this joins the two.
#[derive(Clone, Default)]
pub struct StoreEvents(Arc<OnceLock<Weak<Node>>>);

impl StoreEvents {
    /// To be passed to the store as its `on_durable`.
    pub fn on_durable(&self) -> impl Fn(Durable) + Send + 'static {
        let node = self.0.clone();
        move |event| {
            let Some(node) = node.get().and_then(Weak::upgrade) else { return };
            match event {
                Durable::Upto(seq) => node.with(|engine, now| engine.durable(now, seq)),
                Durable::Failed { text } => {
                    tracing::error!(error = %text, "the database can't be written; nothing is acknowledged until it can")
                }
            }
        }
    }
}

impl Node {
    pub fn new(engine: EngineConfig, c2s: C2sConfig, store: Store, events: &StoreEvents) -> Arc<Self> {
        let node = Arc::new(Node {
            engine: Mutex::new(Engine::new(engine)),
            store,
            c2s: Arc::new(c2s),
            throttle: Mutex::default(),
            timer: Notify::new(),
            armed: Mutex::new(None),
            connections: crate::listener::Connections::default(),
            traffic: Traffic::default(),
            verifier: OnceLock::new(),
            choices: OnceLock::new(),
        });
        let _ = events.0.set(Arc::downgrade(&node));
        node
    }

    /// Who keeps what users choose; it must not block, and reports by [`Engine::choice_done`]. Only the first one counts.
    pub fn keep_choices(&self, keep: KeepChoice) {
        let _ = self.choices.set(keep);
    }

    fn lock(&self) -> MutexGuard<'_, Engine> {
        // A panic inside the engine is a bug; the others' sessions go on.
        self.engine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls into the engine and carries out what it wants.
    pub fn with<R>(self: &Arc<Self>, call: impl FnOnce(&mut Engine, Timestamp) -> R) -> R {
        let mut engine = self.lock();
        engine.set_storage_healthy(self.store.healthy());
        let result = call(&mut engine, Timestamp::now());
        let mut effects = engine.take_effects();
        let next = engine.next_timeout();
        let writes = std::mem::take(&mut effects.writes);
        if !writes.is_empty() {
            // Under the lock: sequence numbers reach the store in order. It only stages, it never waits for the disk.
            self.store.submit(effects.seq, writes);
        }
        drop(engine);
        self.carry_out(effects, next);
        result
    }

    fn carry_out(self: &Arc<Self>, effects: Effects, next: Option<Timestamp>) {
        for request in effects.reads {
            let node = self.clone();
            self.store.read(request.min_seq, request.read, move |reply| {
                node.with(|engine, now| engine.read_done(now, request.token, reply));
            });
        }
        for choice in effects.choices {
            match self.choices.get() {
                Some(keep) => keep(choice),
                None => self.with(|engine, now| engine.choice_done(now, choice.token, false)),
            }
        }
        for outlet in effects.wakes {
            outlet.wake();
        }
        let mut armed = self.armed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(next) = next
            && armed.is_none_or(|at| next < at)
        {
            *armed = Some(next);
            self.timer.notify_one();
        }
    }

    /// Runs the engine's timers until the node is dropped.
    pub async fn run_timers(self: Arc<Self>) {
        loop {
            let next = *self.armed.lock().unwrap_or_else(PoisonError::into_inner);
            match next {
                None => self.timer.notified().await,
                Some(at) => {
                    let wait = at.since(Timestamp::now());
                    tokio::select! {
                        () = tokio::time::sleep(wait), if !wait.is_zero() => {}
                        () = self.timer.notified(), if !wait.is_zero() => continue,
                        else => {}
                    }
                    *self.armed.lock().unwrap_or_else(PoisonError::into_inner) = None;
                    self.with(|engine, now| engine.timeout(now));
                }
            }
        }
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Who judges what the database's keys cannot; without one nobody signs in that way. Once.
    pub fn attach_verifier(&self, verifier: Arc<dyn Verifier>) {
        let _ = self.verifier.set(verifier);
    }

    pub(crate) async fn judge(&self, proof: Proof) -> Verdict {
        match self.verifier.get() {
            Some(verifier) => verifier.verify(proof).await,
            None => Verdict::Unavailable,
        }
    }

    /// The settings now.
    pub(crate) fn settings(&self) -> Arc<Settings> {
        self.lock().settings().clone()
    }

    /// What a connection accepted now is granted.
    pub fn connection_settings(&self) -> ConnectionSettings {
        self.lock().settings().connections
    }

    /// What the data plane has counted.
    pub fn counts(&self) -> NodeCounts {
        let counts = self.lock().counts();
        self.traffic.fill(counts, self.connection_count())
    }

    /// Live TCP connections of clients.
    pub fn connection_count(&self) -> u64 {
        self.connections.count()
    }
}

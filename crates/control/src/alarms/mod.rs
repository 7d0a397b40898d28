//! Alarms: what is wrong and needs somebody to look at it.
//!
//! A part of the node calls [`Alarms::raise`] as often as it sees that something is wrong, and [`Alarms::clear`] as often as it
//! sees that it is not: the second call changes nothing but a count. Both only touch memory, so that they may be called from
//! anywhere, also while the database takes no writes; [`keeper`] writes what changed, so that a restart forgets no open alarm.
//! Which alarms there are stands in the [`catalogue`].

mod book;
pub mod catalogue;
pub mod keeper;
pub mod target;
pub mod watch;

pub use book::{AlarmEvent, Change};
pub use catalogue::AlarmKind;

use crate::app::App;
use crate::error::Result;
use crate::text::Text;
use book::Book;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use target::sender::TargetStates;
use tokio::sync::{Notify, broadcast};
use zaiseki_model::limits::ALARM_QUEUE;
use zaiseki_model::{AlarmId, Severity, Timestamp};
use zaiseki_store::{AlarmFilter, AlarmRow, Audit, Store};

/// The open alarms of this node.
pub struct Alarms {
    book: Mutex<Book>,
    changed: Notify,
    feed: broadcast::Sender<Arc<AlarmEvent>>,
    targets: TargetStates,
    targets_changed: Notify,
    node: OnceLock<String>,
}

impl Alarms {
    /// With those that were open when the process before ended.
    pub(crate) fn load(store: &Store) -> Result<Alarms> {
        let filter = AlarmFilter { open: Some(true), limit: usize::MAX, ..AlarmFilter::default() };
        let rows = store.query(move |db| db.list_alarms(&filter))?;
        let book = Book::of(rows, Timestamp::now());
        Ok(Alarms {
            book: Mutex::new(book),
            changed: Notify::new(),
            feed: broadcast::Sender::new(ALARM_QUEUE),
            targets: TargetStates::default(),
            targets_changed: Notify::new(),
            node: OnceLock::new(),
        })
    }

    /// Something is wrong with `subject`. Raised again it counts up and says the newest detail.
    pub fn raise(&self, kind: &'static AlarmKind, subject: &str, detail: Text) {
        self.raise_at(kind, kind.severity, subject, detail);
    }

    /// The same with a severity of its own, which may change while the alarm is open.
    pub fn raise_at(&self, kind: &'static AlarmKind, severity: Severity, subject: &str, detail: Text) {
        let event = self.lock().raise(kind, severity, subject, &detail, Timestamp::now());
        if event.is_some() {
            tracing::warn!(alarm = kind.id, %severity, subject, detail = detail.en, "alarm raised");
        }
        self.tell(event);
    }

    /// Nothing is wrong (any more).
    pub fn clear(&self, kind: &'static AlarmKind, subject: &str) {
        let event = self.lock().clear(kind, subject, Timestamp::now());
        if event.is_some() {
            tracing::info!(alarm = kind.id, subject, "alarm cleared");
        }
        self.tell(event);
    }

    /// Clears the alarms of that kind whose subjects are gone.
    pub fn clear_others(&self, kind: &'static AlarmKind, still: impl Fn(&str) -> bool) {
        let subjects = self.lock().subjects(kind);
        for subject in subjects {
            if !still(&subject) {
                self.clear(kind, &subject);
            }
        }
    }

    /// The open ones, the worst first, then the newest.
    pub fn open(&self) -> Vec<AlarmRow> {
        self.lock().open()
    }

    /// What happens from now on; a reader who is too slow misses the oldest.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<AlarmEvent>> {
        self.feed.subscribe()
    }

    /// What came of sending them to places outside.
    pub fn targets(&self) -> &TargetStates {
        &self.targets
    }

    pub(crate) fn targets_changed(&self) -> &Notify {
        &self.targets_changed
    }

    fn set_node(&self, name: String) {
        let _ = self.node.set(name);
    }

    /// The name of this node; without one that runs, `zaiseki`.
    pub(crate) fn node(&self) -> String {
        self.node.get().cloned().unwrap_or_else(|| "zaiseki".to_owned())
    }

    /// Somebody has seen it. One that only tells of something that happened is over by that.
    pub(crate) fn acknowledged(&self, id: AlarmId, audit: &Audit) {
        let event = self.lock().acknowledge(id, audit);
        self.tell(event);
    }

    /// Ends what has lasted long enough.
    fn expire(&self, now: Timestamp) {
        let events = self.lock().expire(now);
        events.into_iter().for_each(|event| self.tell(Some(event)));
    }

    fn tell(&self, event: Option<AlarmEvent>) {
        self.changed.notify_one();
        if let Some(event) = event {
            // Nobody may be listening.
            let _ = self.feed.send(Arc::new(event));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes what changed; blocks on the database. Called once more before the node closes it.
pub fn flush(app: &App) -> Result<()> {
    let alarms = app.alarms();
    let rows = alarms.lock().take_unwritten();
    if rows.is_empty() {
        return Ok(());
    }
    let written = rows.clone();
    let done = app.store().call(move |db| db.put_alarms(&written));
    if done.is_err() {
        alarms.lock().still_unwritten(rows);
    }
    Ok(done?)
}

//! The presence-gateway worker: one background task that keeps one poller per enabled gateway.
//!
//! It takes no input: what is to run stands in the store, and a look at it costs nothing when nothing changed. It looks when
//! an administrator changes a gateway or a user, and every few minutes. Known meetings are told to the data plane at start,
//! before any calendar server was asked, so that a restart in the middle of a meeting shows nothing.

use super::book::Book;
use super::poll::Poller;
use super::{StoredConfig, mailbox, texts};
use crate::alarms::catalogue::GATEWAY_DOWN;
use crate::app::{App, gateways};
use crate::error::{ControlError, Result};
use crate::text::Text;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinHandle;
use zaiseki_calendar::{GatewayConfig, Secret, Source, SourceError};
use zaiseki_model::{GatewayId, PresenceFact, User, UserId};
use zaiseki_store::{Gateway, UserFilter};

/// Between two looks, when nothing wakes the task.
const EVERY: Duration = Duration::from_secs(300);
/// Users read from the database at once.
const PAGE: usize = 1_000;

/// Makes the client of a gateway; [`zaiseki_calendar::open`] outside of tests.
pub type OpenSource = dyn Fn(&GatewayConfig, &Secret) -> Result<Box<dyn Source>, SourceError> + Send + Sync;

/// What the pollers share.
pub(super) struct Shared {
    pub app: App,
    pub book: Arc<Mutex<Book>>,
    facts: mpsc::Sender<PresenceFact>,
    open: Arc<OpenSource>,
    /// Counts up when somebody's calendar is to be asked for the first time.
    pub newcomers: watch::Sender<u64>,
}

/// What the data plane was told, kept from one run to the next: whoever takes part no more by then is taken back.
#[derive(Clone, Default)]
pub struct Memory {
    book: Arc<Mutex<Book>>,
    /// What the database knew at start is in the book.
    loaded: Arc<AtomicBool>,
}

/// Runs until the receiver of facts is gone or the future is dropped. A full channel holds the pollers up, nothing else.
pub async fn run(app: App, facts: mpsc::Sender<PresenceFact>, memory: Memory) {
    run_with(app, facts, memory, Arc::new(zaiseki_calendar::open)).await;
}

/// The same with other calendar services.
pub async fn run_with(app: App, facts: mpsc::Sender<PresenceFact>, memory: Memory, open: Arc<OpenSource>) {
    let mut settings = app.settings();
    let closed = facts.clone();
    let Memory { book, loaded } = memory;
    // A run that was dropped may have told less than it wrote down.
    book.lock().await.doubt();
    let shared = Shared { app: app.clone(), book, facts, open, newcomers: watch::Sender::new(0) };
    let mut worker = Worker { shared: Arc::new(shared), loaded, running: HashMap::new(), asked: HashMap::new() };
    loop {
        if let Err(error) = worker.reconcile().await {
            tracing::error!(error = %error.text(), "the presence gateways could not be looked at; trying again later");
        }
        tokio::select! {
            () = app.gateways_changed().notified() => {}
            changed = settings.changed() => {
                if changed.is_err() {
                    return;
                }
                let mut book = worker.shared.book.lock().await;
                book.touch_all();
                worker.shared.tell(&mut book).await;
            }
            () = tokio::time::sleep(EVERY) => {}
            () = closed.closed() => return,
        }
    }
}

struct Worker {
    shared: Arc<Shared>,
    loaded: Arc<AtomicBool>,
    running: HashMap<GatewayId, Running>,
    /// Who takes part, and their mail addresses.
    asked: HashMap<UserId, String>,
}

struct Running {
    row: Gateway,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Drop for Worker {
    /// Nobody is asked any more, and nobody shall read that somebody was.
    fn drop(&mut self) {
        let states = self.shared.app.gateway_states();
        self.running.keys().for_each(|id| states.stop(*id));
    }
}

impl Worker {
    /// Makes what runs equal to what is configured.
    async fn reconcile(&mut self) -> Result<()> {
        let rows = self.shared.blocking(|app| Ok(app.store().query(|db| db.gateways())?)).await?;
        let rows: HashMap<GatewayId, Gateway> = rows.into_iter().filter(|r| r.enabled).map(|r| (r.id, r)).collect();
        let users = self.shared.users().await?;
        let gateways: HashSet<GatewayId> = rows.keys().copied().collect();
        if !self.loaded.load(Ordering::Relaxed) {
            self.load(&gateways).await?;
        }
        self.stop_changed(&rows);
        let still = |name: &str| rows.values().any(|row| row.name == name);
        self.shared.app.alarms().clear_others(&GATEWAY_DOWN, still);
        self.forget(&rows, &users).await?;
        for (id, row) in rows {
            if !self.running.contains_key(&id) {
                self.start(row);
            }
        }
        let asked: HashMap<UserId, String> = users.into_iter().map(|user| (user.id, user.mail)).collect();
        if asked.iter().any(|(user, mail)| self.asked.get(user) != Some(mail)) {
            self.shared.newcomers.send_modify(|count| *count += 1);
        }
        self.asked = asked;
        Ok(())
    }

    async fn load(&mut self, gateways: &HashSet<GatewayId>) -> Result<()> {
        let rows = self.shared.blocking(|app| Ok(app.store().query(|db| db.load_calendar())?)).await?;
        *self.shared.book.lock().await = Book::load(rows, gateways);
        self.loaded.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Ends the pollers of gateways that are gone, disabled or configured otherwise.
    fn stop_changed(&mut self, rows: &HashMap<GatewayId, Gateway>) {
        let states = self.shared.app.gateway_states();
        self.running.retain(|id, running| {
            let keep = rows.get(id) == Some(&running.row);
            if !keep {
                states.stop(*id);
            }
            keep
        });
    }

    /// Takes back what was told of gateways and users that take part no more.
    /// Says of the others who speaks for them.
    async fn forget(&self, rows: &HashMap<GatewayId, Gateway>, users: &[User]) -> Result<()> {
        let mut book = self.shared.book.lock().await;
        book.keep_gateways(&rows.keys().copied().collect());
        let gone = book.keep_users(users.iter().map(|user| user.id).collect());
        for row in rows.values() {
            // A configuration that can't be read is reported by its poller.
            let Ok(config) = StoredConfig::from_row(row) else { continue };
            let asked = users.iter().filter(|user| mailbox(&config.service, user).is_some());
            book.serve(row.id, asked.map(|user| (user.id, user.name.as_str())));
        }
        self.shared.tell(&mut book).await;
        let forget = move |app: &App| {
            for (user, gateway) in gone {
                app.store().call(move |db| db.forget_calendar(user, gateway))?;
            }
            Ok(())
        };
        self.shared.blocking(forget).await
    }

    fn start(&mut self, row: Gateway) {
        let shared = self.shared.clone();
        let bell = shared.app.gateway_states().start(row.id);
        let task = tokio::spawn(Poller::run(shared, row.clone(), bell));
        self.running.insert(row.id, Running { row, task });
    }
}

impl Shared {
    /// Sends what is due while the book is held, so that facts of one user keep their order.
    pub async fn tell(&self, book: &mut Book) {
        let calendar = self.app.settings().borrow().calendar.clone();
        for fact in book.due(&calendar) {
            if self.facts.send(fact).await.is_err() {
                return;
            }
        }
    }

    /// The users who take part.
    pub async fn users(&self) -> Result<Vec<User>> {
        self.blocking(|app| {
            let mut users: Vec<User> = Vec::new();
            loop {
                let after = users.last().map(|user| user.name.clone());
                let taking_part =
                    UserFilter { enabled: Some(true), calendar: Some(true), im: Some(true), ..UserFilter::default() };
                let filter = UserFilter { after, limit: PAGE, ..taking_part };
                let mut page = app.store().query(move |db| db.list_users(&filter))?;
                let last = page.len() < PAGE;
                users.append(&mut page);
                if last {
                    return Ok(users);
                }
            }
        })
        .await
    }

    /// The client of a gateway.
    pub fn open(&self, row: &Gateway) -> std::result::Result<(StoredConfig, Box<dyn Source>), Text> {
        let config = StoredConfig::from_row(row).map_err(|error| ControlError::from(error).text())?;
        let secret = gateways::secret(&self.app, row).map_err(|error| error.text())?;
        let source = (self.open)(&config.service, &secret).map_err(|error| texts::source(&error))?;
        Ok((config, source))
    }

    /// Runs something that waits for the database on a thread for such things.
    pub async fn blocking<R: Send + 'static>(&self, work: impl FnOnce(&App) -> Result<R> + Send + 'static) -> Result<R> {
        let app = self.app.clone();
        let done = tokio::task::spawn_blocking(move || work(&app)).await;
        done.unwrap_or_else(|error| Err(ControlError::Thread(std::io::Error::other(error))))
    }
}

#[cfg(test)]
#[path = "worker_tests.rs"]
mod tests;

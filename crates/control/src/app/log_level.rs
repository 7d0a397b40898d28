//! How much the log says: changed while the node runs, and back to the configured level by itself.

use super::status::time;
use super::{Actor, App, audit};
use crate::error::{ControlError, Result};
use crate::recent_log::{LogEvent, RecentLog};
use crate::text::Text;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use utoipa::ToSchema;
use zaiseki_model::Timestamp;

/// Minutes that another level may last.
pub const MINUTES: RangeInclusive<u32> = 1..=1_440;
pub const DEFAULT_MINUTES: u32 = 15;
/// Who stands in the audit trail when the time is up.
const ACTOR: &str = "system:log-level";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = LogLevel)]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Level {
    pub const ALL: [Level; 5] = [Level::Error, Level::Warn, Level::Info, Level::Debug, Level::Trace];

    pub fn as_str(self) -> &'static str {
        match self {
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace",
        }
    }

    pub fn parse(text: &str) -> Option<Level> {
        Level::ALL.into_iter().find(|level| level.as_str() == text)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = LogLevelView)]
pub struct LogLevelView {
    pub level: Level,
    /// That of the configuration file.
    pub usual: Level,
    /// When it goes back to the usual one.
    pub until: Option<String>,
    /// Who has changed it.
    pub by: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LogLevelInput {
    /// `null`: back to the usual one.
    #[serde(default)]
    pub level: Option<Level>,
    /// How long, 1 to 1440; 15 when not given.
    #[serde(default)]
    pub minutes: Option<u32>,
}

type Set = Box<dyn Fn(Level) -> std::result::Result<(), String> + Send + Sync>;

/// The way to the log of this process.
#[derive(Default)]
pub struct LogControl {
    door: OnceLock<(Level, Set)>,
    recent: OnceLock<Arc<RecentLog>>,
    state: Mutex<Option<Changed>>,
    changed: Notify,
}

#[derive(Clone)]
struct Changed {
    level: Level,
    until: Timestamp,
    by: String,
}

impl LogControl {
    /// Joins the log, once. `usual`: the level of the configuration file.
    pub fn attach(&self, usual: Level, set: impl Fn(Level) -> std::result::Result<(), String> + Send + Sync + 'static) {
        let _ = self.door.set((usual, Box::new(set)));
    }

    /// Joins the ring of the last events, once.
    pub fn keep(&self, recent: Arc<RecentLog>) {
        let _ = self.recent.set(recent);
    }

    /// The last events, oldest first; none where no node runs.
    pub fn recent(&self) -> Vec<LogEvent> {
        self.recent.get().map(|recent| recent.events()).unwrap_or_default()
    }

    fn door(&self) -> Result<&(Level, Set)> {
        self.door.get().ok_or_else(|| {
            let en = "no node runs whose log could be changed";
            ControlError::Conflict { text: Text::new(en, "ログを変更できるノードが動いていません") }
        })
    }

    fn state(&self) -> MutexGuard<'_, Option<Changed>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// # Errors
/// `conflict` when no node runs here.
pub fn show(app: &App) -> Result<LogLevelView> {
    let (usual, _) = app.log().door()?;
    let changed = app.log().state().clone();
    Ok(LogLevelView {
        level: changed.as_ref().map_or(*usual, |changed| changed.level),
        usual: *usual,
        until: changed.as_ref().map(|changed| time(changed.until)),
        by: changed.map(|changed| changed.by),
    })
}

/// Changes the level for some time.
///
/// # Errors
/// `invalid`, naming `minutes`; `conflict` when no node runs here.
pub fn set(app: &App, actor: &Actor, input: &LogLevelInput) -> Result<LogLevelView> {
    let minutes = input.minutes.unwrap_or(DEFAULT_MINUTES);
    if !MINUTES.contains(&minutes) {
        let (from, to) = MINUTES.into_inner();
        let (en, ja) = (format!("must be {from} to {to}"), format!("{from} から {to} までの値を指定してください"));
        return Err(ControlError::invalid("minutes", en, ja));
    }
    let until = Timestamp::now() + Duration::from_secs(60 * u64::from(minutes));
    let changed = input.level.map(|level| Changed { level, until, by: actor.to_owned() });
    put(app, actor, changed)?;
    app.log().changed.notify_one();
    show(app)
}

fn put(app: &App, actor: &Actor, changed: Option<Changed>) -> Result<()> {
    let (usual, set) = app.log().door()?;
    let level = changed.as_ref().map_or(*usual, |changed| changed.level);
    let mut state = app.log().state();
    let before = json!({"level": state.as_ref().map_or(*usual, |before| before.level)});
    let after = json!({"level": level, "until": changed.as_ref().map(|changed| changed.until.0)});
    let line = audit(actor);
    app.store().call(move |db| db.audit_append(&line, "log-level.set", "node:log", Some(&before), Some(&after)))?;
    set(level).map_err(|why| {
        let text = Text::new(format!("the log cannot be changed: {why}"), format!("ログを変更できません: {why}"));
        ControlError::Conflict { text }
    })?;
    tracing::info!(level = level.as_str(), actor, "log level");
    *state = changed;
    Ok(())
}

/// Brings the level back when its time is up. Runs until the future is dropped.
pub async fn run(app: App) {
    loop {
        let until = app.log().state().as_ref().map(|changed| changed.until);
        let wait = until.map_or(Duration::from_secs(3_600), |until| until.since(Timestamp::now()));
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = app.log().changed.notified() => continue,
        }
        let due = app.log().state().as_ref().is_some_and(|changed| changed.until <= Timestamp::now());
        if !due {
            continue;
        }
        let worker = app.clone();
        match tokio::task::spawn_blocking(move || put(&worker, ACTOR, None)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(error = %error.text(), "the log level stays for now; trying again");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            Err(error) => tracing::error!(%error, "the log level stays"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::tests::Fixture;

    fn asked(level: Option<Level>, minutes: Option<u32>) -> LogLevelInput {
        LogLevelInput { level, minutes }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn the_level_changes_and_goes_back_by_itself() {
        let fixture = Fixture::new();
        let app = &fixture.app;
        assert_eq!(show(app).unwrap_err().code(), "conflict");
        let seen = Arc::new(Mutex::new(Vec::new()));
        let log = seen.clone();
        app.log().attach(Level::Info, move |level| {
            log.lock().unwrap().push(level);
            Ok(())
        });
        let view = set(app, "admin:hanako", &asked(Some(Level::Debug), Some(*MINUTES.end()))).unwrap();
        assert_eq!((view.level, view.usual, view.by.as_deref()), (Level::Debug, Level::Info, Some("admin:hanako")));
        for wrong in [MINUTES.start() - 1, MINUTES.end() + 1] {
            let error = set(app, "admin:hanako", &asked(Some(Level::Trace), Some(wrong))).unwrap_err();
            assert_eq!((error.code(), error.field()), ("invalid", Some("minutes")));
        }
        app.log().state().as_mut().unwrap().until = Timestamp::now();
        let back = async {
            while show(app).unwrap().level != Level::Info {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::select! {
            () = run(app.clone()) => unreachable!("it ends with its caller"),
            done = tokio::time::timeout(Duration::from_secs(20), back) => done.expect("it goes back"),
        }
        set(app, "admin:hanako", &asked(None, None)).unwrap();
        assert_eq!(*seen.lock().unwrap(), [Level::Debug, Level::Info, Level::Info]);
        let trail = app.store().query(|db| db.audit_list(Some("node:log"), None, 9)).unwrap();
        let actors: Vec<&str> = trail.iter().map(|line| line.actor.as_str()).collect();
        assert_eq!(actors, ["admin:hanako", ACTOR, "admin:hanako"]);
        assert!(Level::ALL.iter().all(|level| Level::parse(level.as_str()) == Some(*level)));
    }
}

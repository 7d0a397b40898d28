//! Background task: one sender for each enabled target, each with its own place in the feed, so that one that is slow or down
//! holds up nobody. What a target is too slow for is counted as lost; the alarms themselves stand in the console.

use super::{Message, TargetConfig, Undelivered, send};
use crate::alarms::AlarmEvent;
use crate::alarms::catalogue::ALARM_TARGET_FAILED;
use crate::app::{App, alarm_targets, status};
use crate::error::{ControlError, Result};
use crate::text::{Lang, Text};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinHandle;
use utoipa::ToSchema;
use zaiseki_model::{AlarmTargetId, Timestamp};
use zaiseki_store::AlarmTarget;

/// Between two looks at what is configured, when nothing wakes the task.
const LOOK: Duration = Duration::from_secs(60);
/// The first pause after a failure; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Failures in a row that are an alarm of their own.
const ALARMING: u32 = 5;

/// What came of the deliveries since the node started, or since the target was changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = AlarmTargetStatus)]
pub struct TargetStatus {
    pub sent: u64,
    /// The other side will not have them.
    pub refused: u64,
    /// The target was too slow or down for too long.
    pub lost: u64,
    pub last_sent: Option<String>,
    /// `null` while it works.
    pub failing_since: Option<String>,
    pub last_error: Option<Text>,
}

/// The statuses of the targets that are sent to.
#[derive(Default)]
pub struct TargetStates(Mutex<HashMap<AlarmTargetId, TargetStatus>>);

impl TargetStates {
    pub fn get(&self, id: AlarmTargetId) -> Option<TargetStatus> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    fn update(&self, id: AlarmTargetId, change: impl FnOnce(&mut TargetStatus)) {
        change(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default());
    }

    fn forget(&self, id: AlarmTargetId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

struct Running {
    row: AlarmTarget,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Runs until the future is dropped. `node`: the name of this node.
pub async fn run(app: App, node: String) {
    app.alarms().set_node(node);
    let mut running: HashMap<AlarmTargetId, Running> = HashMap::new();
    loop {
        match rows(&app).await {
            Ok(rows) => reconcile(&app, &mut running, rows),
            Err(error) => tracing::error!(error = %error.text(), "the alarm targets could not be looked at; trying again later"),
        }
        tokio::select! {
            () = app.alarms().targets_changed().notified() => {}
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

async fn rows(app: &App) -> Result<Vec<AlarmTarget>> {
    let app = app.clone();
    let done = tokio::task::spawn_blocking(move || Ok(app.store().query(|db| db.alarm_targets())?)).await;
    done.unwrap_or_else(|error| Err(ControlError::Thread(std::io::Error::other(error))))
}

/// Makes what runs equal to what is configured.
fn reconcile(app: &App, running: &mut HashMap<AlarmTargetId, Running>, rows: Vec<AlarmTarget>) {
    app.alarms().clear_others(&ALARM_TARGET_FAILED, |name| rows.iter().any(|row| row.enabled && row.name == name));
    let rows: HashMap<_, _> = rows.into_iter().filter(|row| row.enabled).map(|row| (row.id, row)).collect();
    running.retain(|id, one| {
        let keep = rows.get(id) == Some(&one.row);
        if !keep {
            app.alarms().targets().forget(*id);
        }
        keep
    });
    for (id, row) in rows {
        running.entry(id).or_insert_with(|| {
            let feed = app.alarms().subscribe();
            app.alarms().targets().update(id, |_| {});
            Running { row: row.clone(), task: tokio::spawn(serve(app.clone(), row, feed)) }
        });
    }
}

/// Sends what is bad enough, one after the other, until the task is ended.
async fn serve(app: App, row: AlarmTarget, mut feed: Receiver<Arc<AlarmEvent>>) {
    let states = app.alarms().targets();
    let opened = alarm_targets::open(&app, &row);
    if let Err(error) = &opened {
        let since = status::time(Timestamp::now());
        states.update(row.id, |status| (status.failing_since, status.last_error) = (Some(since), Some(error.text())));
    }
    let Ok((config, secret, lang)) = opened else { return };
    loop {
        match feed.recv().await {
            Ok(event) if wanted(&row, &event) => deliver(&app, &row, (&config, secret.as_deref(), lang), &event).await,
            Ok(_) => {}
            Err(RecvError::Lagged(count)) => states.update(row.id, |status| status.lost += count),
            Err(RecvError::Closed) => return,
        }
    }
}

/// A target that fails is not told of that.
fn wanted(row: &AlarmTarget, event: &AlarmEvent) -> bool {
    let itself = event.kind.id == ALARM_TARGET_FAILED.id && event.row.subject == row.name;
    event.row.severity >= row.severity && !itself
}

/// Tries until it has arrived, or never will.
async fn deliver(app: &App, row: &AlarmTarget, to: (&TargetConfig, Option<&str>, Lang), event: &AlarmEvent) {
    let (config, secret, lang) = to;
    let (states, node) = (app.alarms().targets(), app.alarms().node());
    let message = Message { event, node: &node, domain: app.domain(), lang };
    let mut pause = FIRST_PAUSE;
    for failures in 1_u32.. {
        let Err(why) = send(config, secret, &message).await else {
            let at = status::time(Timestamp::now());
            states.update(row.id, |status| {
                (status.sent, status.last_sent) = (status.sent + 1, Some(at));
                (status.failing_since, status.last_error) = (None, None);
            });
            return app.alarms().clear(&ALARM_TARGET_FAILED, &row.name);
        };
        failed(app, row, &why, failures);
        if why.for_good {
            return states.update(row.id, |status| status.refused += 1);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn failed(app: &App, row: &AlarmTarget, why: &Undelivered, failures: u32) {
    tracing::warn!(target_name = row.name, failures, error = %why.text, "an alarm was not delivered");
    let now = status::time(Timestamp::now());
    app.alarms().targets().update(row.id, |status| {
        status.failing_since.get_or_insert(now);
        status.last_error = Some(why.text.clone());
    });
    if failures >= ALARMING || why.for_good {
        app.alarms().raise(&ALARM_TARGET_FAILED, &row.name, why.text.clone());
    }
}

//! The sync agent: synchronises each enabled directory when it is due.

use super::StoredDirectory;
use super::report::SyncReport;
use crate::alarms::catalogue::DIRECTORY_SYNC_FAILED;
use crate::app::{App, directories};
use crate::error::{ControlError, Result};
use std::time::Duration;
use zaiseki_model::Timestamp;
use zaiseki_store::Directory;

/// The longest wait between two looks at what is configured.
const LOOK: Duration = Duration::from_secs(60);
/// Who stands in the audit trail.
const ACTOR: &str = "system:sync-agent";

/// Runs until the future is dropped.
pub async fn run(app: App) {
    loop {
        let wait = match round(&app).await {
            Ok(next) => next.since(Timestamp::now()).min(LOOK),
            Err(error) => {
                tracing::error!(error = %error.text(), "the directories could not be looked at; trying again later");
                LOOK
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = app.directories_changed().notified() => {}
        }
    }
}

/// Synchronises what is due, one after the other; when something is due next.
async fn round(app: &App) -> Result<Timestamp> {
    let mut next = Timestamp::MAX;
    for (row, due) in blocking(app, schedule).await? {
        if due > Timestamp::now() {
            next = next.min(due);
            continue;
        }
        let name = row.name.clone();
        let prepared = blocking(app, move |app| directories::prepare_sync(app, ACTOR, &row.name, false)).await;
        let done = match prepared {
            Ok(sync) => sync.run().await,
            Err(error) => Err(error),
        };
        match done {
            Ok(_) => next = Timestamp::ZERO,
            // By hand, at the moment; or it can't work as it is configured.
            Err(error) => tracing::warn!(directory = name, error = %error.text(), "a directory was not synchronised"),
        }
    }
    Ok(next)
}

/// Every enabled directory and when it is due.
fn schedule(app: &App) -> Result<Vec<(Directory, Timestamp)>> {
    let rows = app.store().query(|db| {
        let rows = db.directories()?.into_iter().filter(|row| row.enabled);
        rows.map(|row| db.directory_run(row.id).map(|run| (row, run))).collect::<Result<Vec<_>, _>>()
    })?;
    // One that was removed, or that nobody asks any more, fails no more.
    app.alarms().clear_others(&DIRECTORY_SYNC_FAILED, |name| rows.iter().any(|(row, _)| row.name == name));
    let due = |(row, run): (Directory, Option<zaiseki_store::DirectoryRun>)| {
        let rules = StoredDirectory::from_row(&row)?.sync;
        let due = match run {
            Some(run) => rules.next_due(run.ended_at, failed(&run.last)),
            None => rules.next_due(app.started(), false),
        };
        Ok((row, due))
    };
    rows.into_iter().map(due).collect()
}

pub(crate) fn failed(report: &str) -> bool {
    serde_json::from_str::<SyncReport>(report).is_ok_and(|report| report.error.is_some())
}

async fn blocking<R: Send + 'static>(app: &App, work: impl FnOnce(&App) -> Result<R> + Send + 'static) -> Result<R> {
    let app = app.clone();
    let done = tokio::task::spawn_blocking(move || work(&app)).await;
    done.unwrap_or_else(|error| Err(ControlError::Thread(std::io::Error::other(error))))
}

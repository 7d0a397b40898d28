//! The sync agent: synchronises each enabled directory when it is due.

use super::StoredDirectory;
use super::report::SyncReport;
use super::rules::SyncRules;
use super::state::Look;
use crate::alarms::catalogue::DIRECTORY_SYNC_FAILED;
use crate::app::status::time;
use crate::app::{App, directories, duplicates};
use crate::error::{ControlError, Result};
use crate::text::Text;
use std::time::Duration;
use tokio::task::JoinSet;
use zaiseki_model::Timestamp;
use zaiseki_store::{Directory, DirectoryRun};

/// The longest wait between two looks at what is configured.
const LOOK: Duration = Duration::from_secs(60);
/// Who stands in the audit trail.
const ACTOR: &str = "system:sync-agent";

/// Runs until the future is dropped; what is under way then ends unfinished.
pub async fn run(app: App) {
    let mut under_way = JoinSet::new();
    loop {
        let wait = match round(&app, &mut under_way).await {
            Ok(next) => next.since(Timestamp::now()).min(LOOK),
            Err(error) => {
                tracing::error!(error = %error.text(), "the directories could not be looked at; trying again later");
                LOOK
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = app.directories_changed().notified() => {}
            Some(_) = under_way.join_next() => {}
        }
    }
}

/// What is due for a directory.
enum Due {
    /// Everybody is read.
    Sync,
    /// What has changed is asked for.
    Look(Look),
}

/// Begins what is due, side by side: a slow server holds up nobody else's. When something is due next.
async fn round(app: &App, under_way: &mut JoinSet<()>) -> Result<Timestamp> {
    let mut next = Timestamp::MAX;
    for (row, at, due) in blocking(app, schedule).await? {
        if at > Timestamp::now() {
            next = next.min(at);
            continue;
        }
        // One under way is looked at again when it ends.
        if app.directory_states().get(row.id).is_none() {
            under_way.spawn(work(app.clone(), row, due));
        }
    }
    Ok(next)
}

async fn work(app: App, row: Directory, due: Due) {
    let name = row.name.clone();
    let prepared = blocking(&app, move |app| directories::prepare_sync(app, ACTOR, &name, false)).await;
    let done = match (prepared, due) {
        (Ok(sync), Due::Sync) => sync.run_until_dropped().await.map(drop),
        (Ok(sync), Due::Look(from)) => sync.look(from).await.map(drop),
        (Err(error), _) => Err(error),
    };
    let Err(error) = done else { return };
    // By hand, at the moment.
    if error.code() == "conflict" {
        return;
    }
    let text = error.text();
    tracing::warn!(directory = row.name, error = %text, "a directory was not synchronised");
    if let Err(error) = blocking(&app, move |app| note_failure(app, &row, text)).await {
        tracing::error!(error = %error.text(), "the failure of a synchronisation could not be written");
        // It is still due, and the end of this task has the agent look again.
        tokio::time::sleep(LOOK).await;
    }
}

/// What no run has written of itself: an alarm, and the next try after a while.
fn note_failure(app: &App, row: &Directory, error: Text) -> Result<()> {
    let id = row.id;
    app.alarms().raise(&DIRECTORY_SYNC_FAILED, &row.name, error.clone());
    let (ended_at, ended) = (Timestamp::now(), time(Timestamp::now()));
    let last = serde_json::json!(SyncReport { ended, error: Some(error), ..SyncReport::default() }).to_string();
    let run = DirectoryRun { ended_at, last, last_good: None };
    app.directory_states().looked(id, None);
    Ok(app.store().call(move |db| db.put_directory_run(id, &run, None))?)
}

/// Every enabled directory, what is due next for it, and when.
fn schedule(app: &App) -> Result<Vec<(Directory, Timestamp, Due)>> {
    let all = app.store().query(|db| {
        let rows = db.directories()?.into_iter();
        rows.map(|row| db.directory_run(row.id).map(|run| (row, run))).collect::<Result<Vec<_>, _>>()
    })?;
    // One that was removed fails no more.
    app.alarms().clear_others(&DIRECTORY_SYNC_FAILED, |name| all.iter().any(|(row, _)| row.name == name));
    duplicates::tell_alarms(app, &duplicates::find(app)?);
    let due = |(row, run): (Directory, Option<DirectoryRun>)| {
        let rules = StoredDirectory::from_row(&row)?.sync;
        let sync = next_due(&rules, &row, run.as_ref());
        let look = app.directory_states().look(row.id).unwrap_or_else(|| run.as_ref().and_then(cursor_of));
        match look.and_then(|look| Some((rules.next_look(look.at)?, look))) {
            Some((at, look)) if at < sync => Ok((row, at, Due::Look(look))),
            _ => Ok((row, sync, Due::Sync)),
        }
    };
    all.into_iter().filter(|(row, _)| row.enabled).map(due).collect()
}

/// When everybody is read next, by the last run; before the first one, by when the directory was made.
pub(crate) fn next_due(rules: &SyncRules, row: &Directory, run: Option<&DirectoryRun>) -> Timestamp {
    match run {
        // A clock that was ahead must not put it off.
        Some(run) => rules.next_due(run.ended_at.min(Timestamp::now()), failed(&run.last)),
        None => rules.next_due(row.id.made_at(), false),
    }
}

/// Where the changes go on from after a restart of the node.
fn cursor_of(run: &DirectoryRun) -> Option<Look> {
    let report = serde_json::from_str::<SyncReport>(&run.last).ok()?;
    Some(Look { cursor: report.cursor?, at: run.ended_at })
}

pub(crate) fn failed(report: &str) -> bool {
    serde_json::from_str::<SyncReport>(report).is_ok_and(|report| report.error.is_some())
}

async fn blocking<R: Send + 'static>(app: &App, work: impl FnOnce(&App) -> Result<R> + Send + 'static) -> Result<R> {
    let app = app.clone();
    let done = tokio::task::spawn_blocking(move || work(&app)).await;
    done.unwrap_or_else(|error| Err(ControlError::Thread(std::io::Error::other(error))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::tests::Fixture;
    use serde_json::json;

    fn due(app: &App) -> Due {
        let mut all = schedule(app).unwrap();
        assert_eq!(all.len(), 1);
        all.remove(0).2
    }

    /// A cluster whose queue of changes is another one since its restart must not be asked again and again.
    #[test]
    fn changes_that_cannot_be_told_are_asked_for_once() {
        let fixture = Fixture::new();
        let app = &fixture.app;
        let config = json!({"kind": "unified-cm", "servers": ["cucm.example"], "username": "axl"});
        // Everybody is read half a day from now.
        let minute = (Timestamp::now().secs() + 43_200).rem_euclid(86_400) / 60;
        let sync = json!({"at": format!("{:02}:{:02}", minute / 60, minute % 60)});
        let input = json!({"name": "tokyo", "config": config, "secret": "secret", "sync": sync});
        directories::add(app, "tester", &serde_json::from_value(input).unwrap()).unwrap();
        assert!(matches!(due(app), Due::Sync), "nobody was read yet");
        let id = app.store().query(|db| db.directories()).unwrap().remove(0).id;
        let last = json!(SyncReport { cursor: Some("7@queue".to_owned()), ..SyncReport::default() }).to_string();
        let run = DirectoryRun { ended_at: Timestamp::now(), last_good: Some(last.clone()), last };
        app.store().call(move |db| db.put_directory_run(id, &run, None)).unwrap();
        assert!(matches!(due(app), Due::Look(look) if look.cursor == "7@queue"));
        app.directory_states().looked(id, None);
        assert!(matches!(due(app), Due::Sync));
    }
}

//! The archive's retention, and the switch per user.

use super::{Actor, App, UserChange, audit, audit_log, sessions, users};
use crate::error::Result;
use bytes::Bytes;
use serde_json::json;
use std::time::Duration;
use zaiseki_model::{MessageId, Timestamp};
use zaiseki_store::{Family, Write};

/// The preference document that says `never` for users whose messages are not archived (XEP-0441 §2 has the words).
pub const PREFERENCE: &str = "archive";
/// Messages taken out in one transaction: small, so that others need not wait long.
const STEP: usize = 500;
/// Between two looks, when nothing wakes the task.
const EVERY: Duration = Duration::from_secs(3600);

/// What one round of the retention task took out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purged {
    /// Messages older than the setting `archive_days` allows.
    pub expired: u64,
    /// Messages of removed users.
    pub removed: u64,
}

/// Switches the user's archive on or off; what is archived already stays until it expires.
pub fn set_user_archive(app: &App, actor: &Actor, name: &str, on: bool) -> Result<()> {
    let user = users::find(app, name)?;
    let word = if on { "always" } else { "never" };
    let value = Bytes::from_static(word.as_bytes());
    let put = Write::DocPut { user: user.id, family: Family::Preference, key: PREFERENCE.to_owned(), value };
    let (audit, object, after) = (audit(actor), format!("user:{}", user.name), json!({"archive": word}));
    app.store().call(move |db| db.commit_audited(&[put], &audit, "user.archive", &object, None, Some(&after)))?;
    app.user_changed(user.id, &user.name, UserChange::Archive);
    Ok(())
}

/// Whether the user's own switch lets messages be archived.
pub fn user_archive(app: &App, name: &str) -> Result<bool> {
    let user = users::find(app, name)?.id;
    let read = zaiseki_store::Read::Doc { user, family: Family::Preference, key: PREFERENCE.to_owned() };
    let reply = app.store().query(move |db| db.read(&read))?;
    Ok(!matches!(reply, zaiseki_store::Reply::Doc(Some(value)) if &value[..] == b"never"))
}

/// One round: takes out what is too old, and what removed users left. Running it twice is the same as once.
pub fn purge(app: &App, now: Timestamp) -> Result<Purged> {
    let mut purged = Purged::default();
    let days = app.settings().borrow().archive_days;
    if let Some(days) = days {
        let before = MessageId::first_at(now - Duration::from_secs(u64::from(days) * 86_400));
        purged.expired = repeat(|| Ok(app.store().call(move |db| db.purge_archive(before, STEP))?))?;
    }
    purged.removed = repeat(|| Ok(app.store().call(|db| db.purge_removed(STEP))?))?;
    Ok(purged)
}

fn repeat(step: impl Fn() -> Result<u64>) -> Result<u64> {
    let mut total = 0;
    loop {
        match step()? {
            0 => return Ok(total),
            count => total += count,
        }
    }
}

/// Everything whose time is over: messages, lines of the audit log, sessions of administrators.
fn round(app: &App, now: Timestamp) -> Result<Purged> {
    audit_log::purge(app, now)?;
    sessions::purge(app, now)?;
    purge(app, now)
}

/// The retention task: a round every hour, and at once when a setting changed or a user was removed. Ends with its caller.
pub async fn retention(app: App) {
    loop {
        let worker = app.clone();
        match tokio::task::spawn_blocking(move || round(&worker, Timestamp::now())).await {
            Ok(Ok(purged)) if purged != Purged::default() => {
                tracing::info!(expired = purged.expired, removed = purged.removed, "messages purged from the archive");
            }
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::error!(error = %error.text(), "the archive could not be purged; trying again later"),
            Err(error) => tracing::error!(%error, "the archive could not be purged; trying again later"),
        }
        let _ = tokio::time::timeout(EVERY, app.purge_now().notified()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::settings;
    use crate::app::tests::Fixture;
    use std::collections::BTreeMap;
    use zaiseki_model::UserId;
    use zaiseki_store::{ArchiveCopy, ArchiveQuery, KeptMessage, Read, Reply};

    const NOW: Timestamp = Timestamp::from_secs(1_800_000_000);

    fn days_ago(days: u64) -> MessageId {
        MessageId::first_at(NOW - Duration::from_secs(days * 86_400))
    }

    /// One message of `owner`'s archive for each id.
    fn keep(app: &App, owner: UserId, ids: &[MessageId]) {
        let message = |id: &MessageId| {
            let copy = ArchiveCopy { owner, peer: "ben@example.com".to_owned() };
            let stanza = Bytes::from_static(b"<message xmlns='jabber:client'/>");
            Write::Message(KeptMessage { id: *id, stanza, archive: [Some(copy), None], pending: None })
        };
        let writes: Vec<Write> = ids.iter().map(message).collect();
        app.store().call(move |db| db.commit(&writes)).unwrap();
    }

    fn archived(app: &App, owner: UserId) -> Vec<MessageId> {
        match app.store().query(move |db| db.read(&Read::Archive(ArchiveQuery::new(owner, 10_000)))).unwrap() {
            Reply::Page(page) => page.messages.into_iter().map(|message| message.id).collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_is_older_than_the_setting_goes_and_once_only() {
        let fixture = Fixture::new();
        let app = &fixture.app;
        let owner: UserId = fixture.user("anna").id.parse().unwrap();
        // More than one step, one message on the limit, and one a day younger.
        let old: Vec<MessageId> = (0..STEP as i64 + 5).map(|n| MessageId(days_ago(40).0 + n)).collect();
        keep(app, owner, &old);
        keep(app, owner, &[days_ago(30), days_ago(29)]);
        let set = |value| BTreeMap::from([("archive_days".to_owned(), value)]);
        settings::put(app, "tester", &set(json!(null))).unwrap();
        assert_eq!(purge(app, NOW).unwrap(), Purged::default());
        settings::put(app, "tester", &set(json!(30))).unwrap();
        assert_eq!(purge(app, NOW).unwrap(), Purged { expired: old.len() as u64, removed: 0 });
        assert_eq!(archived(app, owner), [days_ago(30), days_ago(29)]);
        assert_eq!(purge(app, NOW).unwrap(), Purged::default());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn the_task_works_when_woken() {
        let fixture = Fixture::new();
        let app = fixture.app.clone();
        let owner: UserId = fixture.user("anna").id.parse().unwrap();
        let old = |secs| MessageId::first_at(Timestamp::from_secs(secs));
        let gone = async || {
            while !archived(&app, owner).is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let patience = Duration::from_secs(20);
        keep(&app, owner, &[old(1)]);
        let task = tokio::spawn(retention(app.clone()));
        tokio::time::timeout(patience, gone()).await.expect("the first round does not come");
        // The next round by the clock would come in an hour.
        keep(&app, owner, &[old(2)]);
        let changes = BTreeMap::from([("archive_days".to_owned(), json!(7))]);
        settings::put(&app, "tester", &changes).unwrap();
        tokio::time::timeout(patience, gone()).await.expect("the task was not woken");
        task.abort();
    }
}

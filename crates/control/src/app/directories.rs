//! Directories: where users come from besides the built-in one.

use super::users::Password;
use super::{Actor, App, audit, is_dots, status};
use crate::alarms::catalogue::DIRECTORY_SYNC_FAILED;
use crate::directory::report::{ProblemView, SyncReport};
use crate::directory::rules::SyncRules;
use crate::directory::state::Running;
use crate::directory::sync::{self, Sync};
use crate::directory::{DirectoryService, StoredDirectory, agent, texts};
use crate::error::{ControlError, Result};
use crate::text::Text;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;
use zaiseki_model::directory::{SourceFinding, UserSource};
use zaiseki_model::{DirectoryId, Timestamp};
use zaiseki_store::Directory;

/// Characters of a directory's name.
pub const NAME_CHARS: usize = 64;

/// A directory to be made or replaced.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DirectoryInput {
    pub name: String,
    pub config: DirectoryService,
    /// The password of the account that reads; without one a changed directory keeps the one it has.
    #[serde(default)]
    pub secret: Option<Password>,
    #[serde(default)]
    pub sync: SyncRules,
    /// Synchronised by itself, at its times.
    #[serde(default = "yes")]
    pub enabled: bool,
}

fn yes() -> bool {
    true
}

/// Changes of a directory; what is `None` stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DirectoryChange {
    #[serde(default)]
    pub name: Option<String>,
    /// Keys of the configuration and their new values; null goes back to the default.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub config: Option<Map<String, Value>>,
    #[serde(default)]
    pub secret: Option<Password>,
    /// Keys of the synchronisation's rules and their new values; null goes back to the default.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub sync: Option<Map<String, Value>>,
    #[serde(default)]
    pub enabled: Option<bool>,
}

/// A directory as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DirectoryView {
    pub name: String,
    /// UUID.
    pub id: String,
    /// `ldap` or `unified-cm`.
    pub kind: String,
    pub config: DirectoryService,
    /// Whether a password is kept.
    pub secret: bool,
    pub sync: SyncRules,
    pub enabled: bool,
    /// A synchronisation under way.
    pub running: Option<Running>,
    /// How the last one ended, and the last one that succeeded.
    pub last: Option<SyncReport>,
    pub last_good: Option<SyncReport>,
    /// When the next is due (XEP-0082 form of time); `None` when disabled.
    pub next: Option<String>,
    /// Users whose accounts belong to an entry of it, and those of them whose entry is gone.
    #[serde(default)]
    pub users: u64,
    #[serde(default)]
    pub gone: u64,
}

/// One line of a directory's self-test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DirectoryFinding {
    /// `connect`, `tls`, `sign-in`, `base`, `users`.
    pub name: String,
    /// The same in words.
    pub step: Text,
    pub server: String,
    pub passed: bool,
    pub seen: Text,
    /// What to do; `None` when passed.
    pub advice: Option<Text>,
}

/// Adds a directory. Its first synchronisation is at its next time, or when asked for.
///
/// # Errors
/// `invalid` naming the key of the configuration; `conflict` when the name is taken.
pub fn add(app: &App, actor: &Actor, input: &DirectoryInput) -> Result<DirectoryView> {
    let name = checked_name(&input.name)?;
    if app.store().query(move |db| db.directory_by_name(&name))?.is_some() {
        let en = format!("the directory \"{}\" exists already", input.name);
        let text = Text::new(en, format!("ディレクトリー \"{}\" はすでにあります", input.name));
        return Err(ControlError::Taken { field: "name", text });
    }
    put(app, actor, DirectoryId::generate(), input, None)
}

/// Replaces a directory's configuration; the name may change too.
///
/// # Errors
/// As [`add`]; `secret` when the kept password would go to another server.
pub fn update(app: &App, actor: &Actor, name: &str, input: &DirectoryInput) -> Result<DirectoryView> {
    let _turn = app.turn();
    let before = find(app, name)?;
    put(app, actor, before.id, input, Some(before))
}

/// Who may change a directory may not learn its password by pointing it at a server of their own.
fn kept_secret(before: Directory, config: &DirectoryService) -> Result<Option<Vec<u8>>> {
    let old = StoredDirectory::from_row(&before)?.service;
    if before.secret.is_none() || !old.reveals_more_in(config) {
        return Ok(before.secret);
    }
    let en = "the password would go to another server, or less protected: give it again";
    let ja = "パスワードが別のサーバーに送られるか、保護が弱くなります。パスワードをもう一度指定してください";
    Err(ControlError::invalid("secret", en, ja))
}

/// Changes what is given.
pub fn change(app: &App, actor: &Actor, name: &str, change: &DirectoryChange) -> Result<DirectoryView> {
    let _turn = app.turn();
    let before = find(app, name)?;
    let stored = StoredDirectory::from_row(&before)?;
    let input = DirectoryInput {
        name: change.name.clone().unwrap_or_else(|| before.name.clone()),
        config: merged("config", &stored.service, change.config.as_ref())?,
        secret: change.secret.clone(),
        sync: merged("sync", &stored.sync, change.sync.as_ref())?,
        enabled: change.enabled.unwrap_or(before.enabled),
    };
    put(app, actor, before.id, &input, Some(before))
}

/// `old` with the keys of `new` in place of its own.
fn merged<T: Serialize + DeserializeOwned>(field: &'static str, old: &T, new: Option<&Map<String, Value>>) -> Result<T> {
    let mut value = serde_json::json!(old);
    if let (Some(old), Some(new)) = (value.as_object_mut(), new) {
        for (key, value) in new {
            match value {
                Value::Null => drop(old.remove(key)),
                value => drop(old.insert(key.clone(), value.clone())),
            }
        }
    }
    serde_json::from_value(value).map_err(|why| ControlError::not_understood(field, &why))
}

fn put(app: &App, actor: &Actor, id: DirectoryId, input: &DirectoryInput, before: Option<Directory>) -> Result<DirectoryView> {
    let name = checked_name(&input.name)?;
    input.sync.check()?;
    let stored = StoredDirectory { service: input.config.clone(), sync: input.sync.clone() };
    let secret = match &input.secret {
        // An empty one takes the kept one away.
        Some(secret) if secret.reveal().is_empty() => None,
        Some(secret) => Some(app.key().seal(&context(id), secret.reveal().as_bytes())?),
        None => before.map(|before| kept_secret(before, &input.config)).transpose()?.flatten(),
    };
    let (kind, config) = (stored.kind().to_owned(), stored.to_json());
    let row = Directory { id, name, kind, config, secret, enabled: input.enabled };
    stored.open(&secret_of(app, &row)?)?;
    let (written, audit) = (row.clone(), audit(actor));
    app.store().call(move |db| db.put_directory(&written, &audit))?;
    if !row.enabled {
        app.alarms().clear(&DIRECTORY_SYNC_FAILED, &row.name);
    }
    app.directories_changed().notify_one();
    view(app, row)
}

pub fn list(app: &App) -> Result<Vec<DirectoryView>> {
    let rows = app.store().query(|db| db.directories())?;
    rows.into_iter().map(|row| view(app, row)).collect()
}

/// Their names only.
pub fn names(app: &App) -> Result<Vec<String>> {
    let rows = app.store().query(|db| db.directories())?;
    Ok(rows.into_iter().map(|row| row.name).collect())
}

pub fn show(app: &App, name: &str) -> Result<DirectoryView> {
    view(app, find(app, name)?)
}

/// Removes a directory. Its users stay, and are the built-in directory's from then on.
pub fn remove(app: &App, actor: &Actor, name: &str) -> Result<DirectoryView> {
    let row = find(app, name)?;
    // Whoever is in the middle of it would write users of a directory that is not there.
    let turn = app.directory_states().begin(row.id, status::time(Timestamp::now()));
    let _turn = turn.ok_or_else(|| sync::busy(&row.name))?;
    let shown = DirectoryView { running: None, ..view(app, row.clone())? };
    let (id, audit) = (row.id, audit(actor));
    app.store().call(move |db| db.remove_directory(id, &audit))?;
    app.directory_states().forget(id);
    app.directories_changed().notify_one();
    Ok(shown)
}

/// What the last good synchronisation could not do; all of it.
pub fn problems(app: &App, name: &str) -> Result<Vec<ProblemView>> {
    let id = find(app, name)?.id;
    let rows = app.store().query(move |db| db.directory_problems(id, None, 0))?;
    Ok(rows.into_iter().map(ProblemView::from_row).collect())
}

/// Made on a blocking thread, run on an async one.
pub struct DirectoryTest(Box<dyn UserSource>);

pub fn prepare_test(app: &App, name: &str) -> Result<DirectoryTest> {
    let row = find(app, name)?;
    Ok(DirectoryTest(StoredDirectory::from_row(&row)?.open(&secret_of(app, &row)?)?))
}

impl DirectoryTest {
    /// Talks to every server: connection, TLS, sign-in, search base, first users.
    pub async fn run(self) -> Vec<DirectoryFinding> {
        self.0.test().await.into_iter().map(DirectoryFinding::from).collect()
    }
}

/// Prepares a synchronisation, or, with `dry_run`, the report of what one would do.
///
/// # Errors
/// `conflict` while one is under way.
pub fn prepare_sync(app: &App, actor: &Actor, name: &str, dry_run: bool) -> Result<Sync> {
    let row = find(app, name)?;
    let secret = secret_of(app, &row)?;
    Sync::prepare(app, actor, row, &secret, dry_run)
}

impl From<SourceFinding> for DirectoryFinding {
    fn from(finding: SourceFinding) -> Self {
        let (passed, seen) = (finding.passed(), texts::seen(&finding.seen));
        let advice = (!passed).then(|| texts::advice(finding.name));
        let step = texts::step(finding.name);
        DirectoryFinding { name: finding.name.to_owned(), step, server: finding.server, passed, seen, advice }
    }
}

pub(crate) fn find(app: &App, name: &str) -> Result<Directory> {
    let wanted = name.trim().to_owned();
    app.store().query(move |db| db.directory_by_name(&wanted))?.ok_or_else(|| {
        let en = format!("there is no directory \"{name}\"");
        ControlError::NotFound { text: Text::new(en, format!("ディレクトリー \"{name}\" はありません")) }
    })
}

fn view(app: &App, row: Directory) -> Result<DirectoryView> {
    let stored = StoredDirectory::from_row(&row)?;
    let id = row.id;
    let (run, (users, gone)) = app.store().query(move |db| Ok((db.directory_run(id)?, db.count_people_of(id)?)))?;
    let report = |text: Option<&String>| text.and_then(|text| serde_json::from_str(text).ok());
    let due = agent::next_due(&stored.sync, &row, run.as_ref());
    Ok(DirectoryView {
        id: row.id.to_string(),
        secret: row.secret.is_some(),
        config: stored.service,
        sync: stored.sync,
        running: app.directory_states().get(row.id),
        last: report(run.as_ref().map(|run| &run.last)),
        last_good: report(run.as_ref().and_then(|run| run.last_good.as_ref())),
        next: row.enabled.then(|| status::time(due)),
        name: row.name,
        kind: row.kind,
        enabled: row.enabled,
        users,
        gone,
    })
}

/// The password of the account that reads; empty when none is kept.
fn secret_of(app: &App, row: &Directory) -> Result<String> {
    let Some(sealed) = &row.secret else { return Ok(String::new()) };
    let opened = app.key().open(&context(row.id), sealed)?;
    Ok(String::from_utf8_lossy(&opened).into_owned())
}

fn context(id: DirectoryId) -> String {
    format!("directory:{id}")
}

fn checked_name(name: &str) -> Result<String> {
    let name = name.trim();
    let length = (1..=NAME_CHARS).contains(&name.chars().count());
    if length && !is_dots(name) && !name.chars().any(|c| c.is_control() || c == '/') {
        return Ok(name.to_owned());
    }
    let en = format!("the name of a directory has 1 to {NAME_CHARS} characters, no /, and is not . or ..");
    Err(ControlError::invalid(
        "name",
        en,
        format!("ディレクトリーの名前は 1～{NAME_CHARS} 文字で、/ は使えず、. と .. にもできません"),
    ))
}

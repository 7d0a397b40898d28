//! The places outside that alarms are sent to: syslog, mail, webhooks.

use super::users::Password;
use super::{Actor, App, audit, is_dots};
use crate::alarms::target::sender::TargetStatus;
use crate::alarms::target::{self, Message, TargetConfig};
use crate::alarms::{AlarmEvent, Change, catalogue};
use crate::app::alarms::SeverityView;
use crate::app::gateways::merge;
use crate::error::{ControlError, Result};
use crate::text::{Lang, Text};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use zaiseki_model::{AlarmId, AlarmTargetId, Timestamp};
use zaiseki_store::{AlarmRow, AlarmTarget};

/// Characters of a target's name.
pub const NAME_CHARS: usize = 64;

/// A target to be made or replaced.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlarmTargetInput {
    pub name: String,
    pub config: TargetConfig,
    /// The password of the mail account, or the key that webhooks are signed with; without one a changed target keeps its own.
    #[serde(default)]
    pub secret: Option<Password>,
    /// Alarms that are less bad are not sent.
    #[serde(default = "warning")]
    pub severity: SeverityView,
    /// `en` or `ja`.
    #[serde(default)]
    pub language: TargetLanguage,
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// Changes of a target; what is not given stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AlarmTargetChange {
    #[serde(default)]
    pub name: Option<String>,
    /// Merged into the configuration (RFC 7396).
    #[serde(default)]
    #[schema(value_type = Object)]
    pub config: Map<String, Value>,
    #[serde(default)]
    pub secret: Option<Password>,
    #[serde(default)]
    pub severity: Option<SeverityView>,
    #[serde(default)]
    pub language: Option<TargetLanguage>,
    #[serde(default)]
    pub enabled: Option<bool>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum TargetLanguage {
    #[default]
    En,
    Ja,
}

impl From<TargetLanguage> for Lang {
    fn from(language: TargetLanguage) -> Lang {
        if language == TargetLanguage::Ja { Lang::Ja } else { Lang::En }
    }
}

fn warning() -> SeverityView {
    SeverityView::Warning
}

fn yes() -> bool {
    true
}

/// A target as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlarmTargetView {
    pub name: String,
    /// UUID.
    pub id: String,
    pub config: TargetConfig,
    /// Whether a password or key is kept.
    pub secret: bool,
    pub severity: SeverityView,
    pub language: TargetLanguage,
    pub enabled: bool,
    /// `null` while nothing is sent to it (disabled, or no node runs).
    pub status: Option<TargetStatus>,
}

/// What came of a test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TargetTestResult {
    pub sent: bool,
    /// Why not.
    pub error: Option<Text>,
}

/// In the column `config`.
#[derive(Serialize, Deserialize)]
struct Stored {
    #[serde(flatten)]
    service: TargetConfig,
    language: TargetLanguage,
}

/// Adds a target; it is told of what happens from then on.
///
/// # Errors
/// `invalid` naming the field; `conflict` when the name is taken or there are too many.
pub fn add(app: &App, actor: &Actor, input: &AlarmTargetInput) -> Result<AlarmTargetView> {
    let name = checked_name(&input.name)?;
    if app.store().query(move |db| db.alarm_target(&name))?.is_some() {
        let en = format!("the alarm target \"{}\" exists already", input.name);
        let text = Text::new(en, format!("アラーム送信先 \"{}\" はすでにあります", input.name));
        return Err(ControlError::Taken { field: "name", text });
    }
    put(app, actor, AlarmTargetId::generate(), input, None)
}

/// Changes what is given.
///
/// # Errors
/// As [`add`]; `invalid` for `secret` when the kept one would go to another server.
pub fn change(app: &App, actor: &Actor, name: &str, change: &AlarmTargetChange) -> Result<AlarmTargetView> {
    let _turn = app.turn();
    let before = find(app, name)?;
    let AlarmTargetChange { name, config, secret, severity, language, enabled } = change;
    let stored = stored(&before)?;
    let mut merged = json!(stored.service);
    merge(&mut merged, config);
    let input = AlarmTargetInput {
        name: name.clone().unwrap_or_else(|| before.name.clone()),
        config: serde_json::from_value(merged).map_err(|why| ControlError::not_understood("config", &why))?,
        secret: secret.clone(),
        severity: severity.unwrap_or_else(|| before.severity.into()),
        language: language.unwrap_or(stored.language),
        enabled: enabled.unwrap_or(before.enabled),
    };
    if before.secret.is_some() && input.secret.is_none() && stored.service.destination() != input.config.destination() {
        let en = "it would be sent to another server: give it again";
        return Err(ControlError::invalid("secret", en, "送信先のサーバーが変わります。もう一度指定してください"));
    }
    put(app, actor, before.id, &input, before.secret)
}

fn put(app: &App, actor: &Actor, id: AlarmTargetId, input: &AlarmTargetInput, kept: Option<Vec<u8>>) -> Result<AlarmTargetView> {
    input.config.check()?;
    let secret = input.secret.as_ref().map(|secret| app.key().seal(&context(id), secret.reveal().as_bytes())).transpose()?;
    let row = AlarmTarget {
        id,
        name: checked_name(&input.name)?,
        kind: input.config.kind().to_owned(),
        severity: input.severity.into(),
        config: json!(Stored { service: input.config.clone(), language: input.language }).to_string(),
        secret: secret.or(kept),
        enabled: input.enabled,
    };
    let (written, audit) = (row.clone(), audit(actor));
    app.store().call(move |db| db.put_alarm_target(&written, &audit))?;
    app.alarms().targets_changed().notify_one();
    view(app, &row)
}

pub fn list(app: &App) -> Result<Vec<AlarmTargetView>> {
    app.store().query(|db| db.alarm_targets())?.iter().map(|row| view(app, row)).collect()
}

pub fn show(app: &App, name: &str) -> Result<AlarmTargetView> {
    view(app, &find(app, name)?)
}

pub fn remove(app: &App, actor: &Actor, name: &str) -> Result<AlarmTargetView> {
    let row = find(app, name)?;
    let (id, audit) = (row.id, audit(actor));
    app.store().call(move |db| db.remove_alarm_target(id, &audit))?;
    app.alarms().targets_changed().notify_one();
    view(app, &row)
}

/// What a test needs; made on a blocking thread, run on an async one.
pub struct TargetTest {
    config: TargetConfig,
    secret: Option<String>,
    lang: Lang,
    node: String,
    domain: String,
}

pub fn prepare_test(app: &App, name: &str) -> Result<TargetTest> {
    let (config, secret, lang) = open(app, &find(app, name)?)?;
    Ok(TargetTest { config, secret, lang, node: app.alarms().node(), domain: app.domain().to_owned() })
}

impl TargetTest {
    /// Sends an alarm that says that it is none, once.
    pub async fn run(self) -> TargetTestResult {
        let now = Timestamp::now();
        let kind = &catalogue::TEST;
        let detail = Text::new("sent by an administrator", "管理者による送信");
        let row = AlarmRow {
            id: AlarmId::generate(),
            kind: kind.id.to_owned(),
            subject: self.node.clone(),
            severity: kind.severity,
            raised_at: now,
            last_at: now,
            count: 1,
            detail: (detail.en, detail.ja),
            acknowledged: None,
            cleared_at: None,
        };
        let event = AlarmEvent { change: Change::Raised, kind, row };
        let message = Message { event: &event, node: &self.node, domain: &self.domain, lang: self.lang };
        let error = target::send(&self.config, self.secret.as_deref(), &message).await.err().map(|why| why.text);
        TargetTestResult { sent: error.is_none(), error }
    }
}

/// Configuration, secret and language, ready for use.
pub(crate) fn open(app: &App, row: &AlarmTarget) -> Result<(TargetConfig, Option<String>, Lang)> {
    let stored = stored(row)?;
    let opened = row.secret.as_ref().map(|sealed| app.key().open(&context(row.id), sealed)).transpose()?;
    let secret = opened.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    Ok((stored.service, secret, stored.language.into()))
}

fn stored(row: &AlarmTarget) -> Result<Stored> {
    serde_json::from_str(&row.config).map_err(|why| {
        let en = format!("the stored configuration is not understood: {why}");
        ControlError::invalid("config", en, format!("保存された設定を読み取れません: {why}"))
    })
}

fn find(app: &App, name: &str) -> Result<AlarmTarget> {
    let wanted = name.trim().to_owned();
    app.store().query(move |db| db.alarm_target(&wanted))?.ok_or_else(|| {
        let en = format!("there is no alarm target \"{name}\"");
        ControlError::NotFound { text: Text::new(en, format!("アラーム送信先 \"{name}\" はありません")) }
    })
}

fn view(app: &App, row: &AlarmTarget) -> Result<AlarmTargetView> {
    let stored = stored(row)?;
    Ok(AlarmTargetView {
        name: row.name.clone(),
        id: row.id.to_string(),
        config: stored.service,
        secret: row.secret.is_some(),
        severity: row.severity.into(),
        language: stored.language,
        enabled: row.enabled,
        status: app.alarms().targets().get(row.id),
    })
}

fn context(id: AlarmTargetId) -> String {
    format!("alarm-target:{id}")
}

fn checked_name(name: &str) -> Result<String> {
    let name = name.trim();
    let length = (1..=NAME_CHARS).contains(&name.chars().count());
    if length && !is_dots(name) && !name.chars().any(|c| c.is_control() || c == '/') {
        return Ok(name.to_owned());
    }
    let en = format!("the name of an alarm target has 1 to {NAME_CHARS} characters, no /, and is not . or ..");
    Err(ControlError::invalid(
        "name",
        en,
        format!("アラーム送信先の名前は 1～{NAME_CHARS} 文字で、/ は使えず、. と .. にもできません"),
    ))
}

#[cfg(test)]
#[path = "alarm_targets_tests.rs"]
mod tests;

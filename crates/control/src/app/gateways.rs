//! Presence gateways: the calendar services that are asked.

use super::users::{self, Password};
use super::{Actor, App, audit, is_dots};
use crate::error::{ControlError, Result};
use crate::gateway::state::GatewayStatus;
use crate::gateway::{StoredConfig, mailbox, texts};
use crate::reasons;
use crate::text::Text;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
pub use zaiseki_calendar::GatewayConfig;
use zaiseki_calendar::{Finding, Mailbox, Secret, Source, SourceError};
use zaiseki_model::GatewayId;
use zaiseki_store::{Gateway, UserFilter};

/// Characters of a gateway's name.
pub const NAME_CHARS: usize = 64;
/// Seconds between two polls.
pub const POLL_SECS: std::ops::RangeInclusive<u32> = 1..=3_600;
pub const DEFAULT_POLL_SECS: u32 = 60;

/// A gateway to be made or changed.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GatewayInput {
    pub name: String,
    pub config: GatewayConfig,
    /// The password of the service account; without one a changed gateway keeps the one it has.
    #[serde(default)]
    pub secret: Option<Password>,
    #[serde(default = "sixty")]
    pub poll_secs: u32,
    #[serde(default = "yes")]
    pub enabled: bool,
}

fn sixty() -> u32 {
    DEFAULT_POLL_SECS
}

fn yes() -> bool {
    true
}

/// Changes of a gateway; what is `None` stays.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GatewayChange {
    /// A new name.
    #[serde(default)]
    pub name: Option<String>,
    /// Merged into the configuration (RFC 7396): what is not named stays, `null` takes a key back to its default.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub config: Map<String, Value>,
    /// A new password of the service account.
    #[serde(default)]
    pub secret: Option<Password>,
    #[serde(default)]
    pub poll_secs: Option<u32>,
    #[serde(default)]
    pub enabled: Option<bool>,
}

/// A gateway as administrators see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct GatewayView {
    pub name: String,
    /// UUID.
    pub id: String,
    /// `ews`, `caldav`.
    pub kind: String,
    pub config: GatewayConfig,
    /// Whether a password is kept.
    pub secret: bool,
    pub poll_secs: u32,
    pub enabled: bool,
    /// `None` while nothing polls it (disabled, or no node runs).
    pub status: Option<GatewayStatus>,
}

/// One line of a gateway's self-test.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TestFinding {
    pub name: String,
    pub passed: bool,
    pub seen: Text,
    /// What to do; `None` when passed.
    pub advice: Option<Text>,
}

/// Adds a gateway; polling begins at once.
///
/// # Errors
/// `invalid` naming the key of the configuration; `conflict` when the name is taken.
pub fn add(app: &App, actor: &Actor, input: &GatewayInput) -> Result<GatewayView> {
    let id = GatewayId::generate();
    let name = checked_name(&input.name)?;
    if app.store().query(move |db| db.gateway_by_name(&name))?.is_some() {
        return Err(taken(&input.name));
    }
    put(app, actor, id, input, None)
}

/// Replaces a gateway's configuration; the name may change too.
///
/// # Errors
/// `invalid` naming the key of the configuration, or `secret` when the kept password would go to another server; `conflict`
/// when a new name is taken.
pub fn update(app: &App, actor: &Actor, name: &str, input: &GatewayInput) -> Result<GatewayView> {
    let _turn = app.turn();
    let before = find(app, name)?;
    stays_at_its_server(&before, input)?;
    put(app, actor, before.id, input, before.secret)
}

/// Who may change a gateway may not learn its password by pointing it at a server of their own.
fn stays_at_its_server(before: &Gateway, input: &GatewayInput) -> Result<()> {
    if before.secret.is_none() || input.secret.is_some() {
        return Ok(());
    }
    // What can't be read any more has no server that could be compared.
    let stays = StoredConfig::from_row(before).is_ok_and(|stored| !stored.service.reveals_more_in(&input.config));
    if stays {
        return Ok(());
    }
    let en = "the password would go to another server, or less protected: give it again";
    let ja = "パスワードが別のサーバーに送られるか、保護が弱くなります。パスワードをもう一度指定してください";
    Err(ControlError::invalid("secret", en, ja))
}

/// Changes what is given. Switching a gateway off works even if its configuration or its kept password can't be used.
///
/// # Errors
/// As [`update`].
pub fn change(app: &App, actor: &Actor, name: &str, change: &GatewayChange) -> Result<GatewayView> {
    let _turn = app.turn();
    let before = find(app, name)?;
    let GatewayChange { name, config, secret, poll_secs, enabled } = change;
    if *enabled == Some(false) && name.is_none() && config.is_empty() && secret.is_none() && poll_secs.is_none() {
        return write(app, actor, Gateway { enabled: false, ..before });
    }
    let stored = StoredConfig::from_row(&before)?;
    let mut merged = json!(stored.service);
    merge(&mut merged, config);
    let input = GatewayInput {
        name: name.clone().unwrap_or_else(|| before.name.clone()),
        config: serde_json::from_value(merged).map_err(|why| ControlError::not_understood("config", &why))?,
        secret: secret.clone(),
        poll_secs: poll_secs.unwrap_or(stored.poll_secs),
        enabled: enabled.unwrap_or(before.enabled),
    };
    stays_at_its_server(&before, &input)?;
    put(app, actor, before.id, &input, before.secret)
}

/// RFC 7396 §2.
pub(super) fn merge(into: &mut Value, patch: &Map<String, Value>) {
    if !into.is_object() {
        *into = json!({});
    }
    let Value::Object(target) = into else { return };
    for (key, value) in patch {
        match value {
            Value::Null => drop(target.remove(key)),
            Value::Object(inner) => merge(target.entry(key.clone()).or_insert(Value::Null), inner),
            other => drop(target.insert(key.clone(), other.clone())),
        }
    }
}

fn put(app: &App, actor: &Actor, id: GatewayId, input: &GatewayInput, kept: Option<Vec<u8>>) -> Result<GatewayView> {
    let name = checked_name(&input.name)?;
    if !POLL_SECS.contains(&input.poll_secs) {
        let (from, to) = POLL_SECS.into_inner();
        let (en, ja) = (format!("must be {from} to {to} seconds"), format!("{from} から {to} 秒までの値を指定してください"));
        return Err(ControlError::invalid("poll_secs", en, ja));
    }
    let secret = input.secret.as_ref().map(|secret| app.key().seal(&context(id), secret.reveal().as_bytes())).transpose()?;
    let stored = StoredConfig { service: input.config.clone(), poll_secs: input.poll_secs };
    let row = Gateway {
        id,
        name,
        kind: stored.kind().to_owned(),
        config: stored.to_json(),
        secret: secret.or(kept),
        enabled: input.enabled,
    };
    open(app, &row)?;
    write(app, actor, row)
}

fn write(app: &App, actor: &Actor, row: Gateway) -> Result<GatewayView> {
    let (written, audit) = (row.clone(), audit(actor));
    app.store().call(move |db| db.put_gateway(&written, &audit))?;
    app.gateways_changed().notify_one();
    view(app, row)
}

pub fn list(app: &App) -> Result<Vec<GatewayView>> {
    let rows = app.store().query(|db| db.gateways())?;
    rows.into_iter().map(|row| view(app, row)).collect()
}

pub fn show(app: &App, name: &str) -> Result<GatewayView> {
    view(app, find(app, name)?)
}

/// Removes a gateway with what it told; its users show no meetings any more.
pub fn remove(app: &App, actor: &Actor, name: &str) -> Result<GatewayView> {
    let row = find(app, name)?;
    let (id, audit) = (row.id, audit(actor));
    app.store().call(move |db| db.remove_gateway(id, &audit))?;
    app.gateways_changed().notify_one();
    view(app, row)
}

/// Polls the gateway now rather than at its next time.
pub fn refresh(app: &App, name: &str) -> Result<()> {
    let row = find(app, name)?;
    app.gateway_states().wake(row.id);
    Ok(())
}

/// What a test needs; made on a blocking thread, run on an async one.
pub struct GatewayTest {
    source: Box<dyn Source>,
    probe: Option<Mailbox>,
}

/// Prepares the test of a gateway with the calendar of `user`, or else of the first user it could ask about.
pub fn prepare_test(app: &App, name: &str, user: Option<&str>) -> Result<GatewayTest> {
    let row = find(app, name)?;
    let config = StoredConfig::from_row(&row)?;
    let source = open(app, &row)?;
    let probe = match user {
        Some(user) => {
            let user = users::find(app, user)?;
            let asked = mailbox(&config.service, &user);
            Some(asked.ok_or_else(|| {
                let en = format!("{} has no mail address, which this gateway needs", user.name);
                let ja = format!("{} にはこのゲートウェイに必要なメールアドレスがありません", user.name);
                ControlError::invalid("user", en, ja)
            })?)
        }
        None => {
            let asked = UserFilter { enabled: Some(true), calendar: Some(true), im: Some(true), ..UserFilter::default() };
            let filter = UserFilter { limit: 100, ..asked };
            let users = app.store().query(move |db| db.list_users(&filter))?;
            users.iter().find_map(|user| mailbox(&config.service, user))
        }
    };
    Ok(GatewayTest { source, probe })
}

impl GatewayTest {
    /// Talks to the calendar server: connection, TLS, sign-in, permission.
    pub async fn run(self) -> Vec<TestFinding> {
        let findings = self.source.test(self.probe.as_ref()).await;
        findings.into_iter().map(TestFinding::from).collect()
    }
}

impl From<Finding> for TestFinding {
    fn from(finding: Finding) -> Self {
        TestFinding {
            name: finding.name.to_owned(),
            passed: finding.passed(),
            seen: texts::seen(&finding),
            advice: texts::advice(&finding),
        }
    }
}

fn find(app: &App, name: &str) -> Result<Gateway> {
    let wanted = name.trim().to_owned();
    app.store().query(move |db| db.gateway_by_name(&wanted))?.ok_or_else(|| ControlError::no_gateway(name))
}

fn view(app: &App, row: Gateway) -> Result<GatewayView> {
    let stored = StoredConfig::from_row(&row)?;
    Ok(GatewayView {
        id: row.id.to_string(),
        kind: row.kind,
        secret: row.secret.is_some(),
        poll_secs: stored.poll_secs,
        config: stored.service,
        enabled: row.enabled,
        status: app.gateway_states().get(row.id),
        name: row.name,
    })
}

/// The client of a configured gateway.
fn open(app: &App, row: &Gateway) -> Result<Box<dyn Source>> {
    let stored = StoredConfig::from_row(row)?;
    zaiseki_calendar::open(&stored.service, &secret(app, row)?).map_err(|error| match error {
        SourceError::Config { key, why } => {
            let (en, ja) = (format!("{key}: {why}"), format!("{key} の値を使えません: {}", reasons::ja(&why)));
            ControlError::invalid(key, en, ja)
        }
        other => ControlError::invalid("config", other.to_string(), other.to_string()),
    })
}

/// The password of the service account; empty when none is kept.
pub(crate) fn secret(app: &App, row: &Gateway) -> Result<Secret> {
    let Some(sealed) = &row.secret else { return Ok(Secret::new("")) };
    let opened = app.key().open(&context(row.id), sealed)?;
    Ok(Secret::new(String::from_utf8_lossy(&opened)))
}

fn context(id: GatewayId) -> String {
    format!("gateway:{id}")
}

fn checked_name(name: &str) -> Result<String> {
    let name = name.trim();
    let length = (1..=NAME_CHARS).contains(&name.chars().count());
    if length && !is_dots(name) && !name.chars().any(|c| c.is_control() || c == '/') {
        return Ok(name.to_owned());
    }
    let en = format!("the name of a gateway has 1 to {NAME_CHARS} characters, no /, and is not . or ..");
    Err(ControlError::invalid(
        "name",
        en,
        format!("ゲートウェイの名前は 1～{NAME_CHARS} 文字で、/ は使えず、. と .. にもできません"),
    ))
}

fn taken(name: &str) -> ControlError {
    let en = format!("the gateway \"{name}\" exists already");
    ControlError::Taken {
        field: "name", text: crate::text::Text::new(en, format!("ゲートウェイ \"{name}\" はすでにあります"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::tests::Fixture;
    use crate::seal::KEY_FILE;

    fn from(value: Value) -> GatewayChange {
        serde_json::from_value(value).unwrap()
    }

    fn made(fixture: &Fixture) -> GatewayView {
        let config = json!({"kind": "ews", "url": "https://a.example/", "username": "u", "server": {"timeout_secs": 5, "connect_to": "b:1"}});
        let input = json!({"name": "mail", "config": config, "secret": "first", "poll_secs": 7});
        add(&fixture.app, "tester", &serde_json::from_value(input).unwrap()).unwrap()
    }

    fn kept_secret(app: &App, name: &str) -> Secret {
        secret(app, &find(app, name).unwrap()).unwrap()
    }

    #[test]
    fn a_change_touches_what_it_names() {
        let fixture = Fixture::new();
        let (app, before) = (&fixture.app, made(&fixture));
        let patch = json!({"url": "https://a.example/other", "server": {"timeout_secs": null}});
        let after = change(app, "tester", "mail", &from(json!({"config": patch, "name": "post"}))).unwrap();
        let GatewayConfig::Ews(ews) = &after.config else { panic!("{after:?}") };
        assert_eq!((ews.url.as_str(), ews.username.as_str()), ("https://a.example/other", "u"));
        assert_eq!((ews.server.timeout_secs, ews.server.connect_to.as_deref()), (30, Some("b:1")));
        assert_eq!((after.id, after.name.as_str(), after.poll_secs), (before.id, "post", 7));
        assert_eq!(kept_secret(app, "post"), Secret::new("first"));
        change(app, "tester", "post", &from(json!({"secret": "second"}))).unwrap();
        assert_eq!(kept_secret(app, "post"), Secret::new("second"));
        assert!(!change(app, "tester", "post", &from(json!({"enabled": false}))).unwrap().enabled);
        assert!(change(app, "tester", "post", &from(json!({"enabled": true}))).unwrap().enabled);
        let trail = app.store().query(|db| db.audit_list(Some("gateway:post"), None, 9)).unwrap();
        assert_eq!(trail.len(), 4);
        assert!(trail.iter().all(|entry| !format!("{entry:?}").contains("second")));
    }

    #[test]
    fn a_kept_password_does_not_go_to_another_server() {
        let fixture = Fixture::new();
        let (app, before) = (&fixture.app, made(&fixture));
        let elsewhere = [json!({"url": "https://evil.example/"}), json!({"server": {"connect_to": "evil.example"}})];
        for patch in &elsewhere {
            let error = change(app, "tester", "mail", &from(json!({"config": patch}))).unwrap_err();
            assert_eq!((error.code(), error.field()), ("invalid", Some("secret")), "{patch}");
        }
        let whole = json!({"name": "mail", "config": {"kind": "caldav", "url": "https://evil.example/{user}/", "username": "u"}});
        let error = update(app, "tester", "mail", &serde_json::from_value(whole).unwrap()).unwrap_err();
        assert_eq!((error.code(), error.field()), ("invalid", Some("secret")));
        assert_eq!(show(app, "mail").unwrap(), before);
        for patch in &elsewhere {
            change(app, "tester", "mail", &from(json!({"config": patch, "secret": "new"}))).unwrap();
        }
        assert_eq!(kept_secret(app, "mail"), Secret::new("new"));
    }

    #[test]
    fn a_bad_change_changes_nothing() {
        let fixture = Fixture::new();
        let (app, before) = (&fixture.app, made(&fixture));
        for bad in [
            json!({"config": {"nothing": 1}}),
            json!({"config": {"url": "ftp://x"}}),
            json!({"poll_secs": POLL_SECS.end() + 1}),
            json!({"poll_secs": POLL_SECS.start() - 1}),
            json!({"name": "a/b"}),
        ] {
            assert_eq!(change(app, "tester", "mail", &from(bad.clone())).unwrap_err().code(), "invalid", "{bad}");
        }
        assert_eq!(show(app, "mail").unwrap(), before);
        assert_eq!(change(app, "tester", "other", &from(json!({}))).unwrap_err().code(), "not-found");
    }

    #[test]
    fn a_gateway_whose_password_cannot_be_opened_can_be_switched_off_and_mended() {
        let fixture = Fixture::new();
        made(&fixture);
        std::fs::remove_file(fixture.dir.path().join(KEY_FILE)).unwrap();
        let app = App::open(fixture.app.store().clone(), "example.com", fixture.dir.path(), |_| {}).unwrap();
        assert!(change(&app, "tester", "mail", &from(json!({"poll_secs": 9}))).is_err());
        assert!(!change(&app, "tester", "mail", &from(json!({"enabled": false}))).unwrap().enabled);
        assert!(change(&app, "tester", "mail", &from(json!({"enabled": true, "secret": "again"}))).unwrap().enabled);
    }
}

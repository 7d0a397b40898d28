//! The settings: one table of what there is, with type, range, unit, and when a change takes effect, which is at once.
//!
//! In JSON, `null` means *no limit* where a setting can have none, and the text `"default"` takes a setting back to its
//! default.

mod admin;
mod calendar;
mod connections;
pub(crate) mod dns;
mod kind;
mod messages;
mod people;
mod rosters;
pub(crate) mod sign_in;
mod telemetry;

pub use kind::Kind;

use super::{Actor, App, audit};
use crate::access::{Area, Caller, Right};
use crate::effect::Effect;
use crate::error::{ControlError, Result};
use crate::text::Text;
use kind::{boolean, labels, number, seconds, show, text};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;
use utoipa::ToSchema;
use zaiseki_model::settings::Settings;
use zaiseki_store::Store;

/// One setting.
pub struct Setting {
    pub key: &'static str,
    pub kind: Kind,
    /// `days`, `seconds`, or empty.
    pub unit: &'static str,
    /// When a change is used.
    pub effect: Effect,
    help: (&'static str, &'static str),
    get: fn(&Settings) -> Value,
    /// Called with a value that the kind accepts.
    set: fn(&mut Settings, &Value),
}

/// Every setting there is, in the order of lists.
pub static SETTINGS: &[Setting] = &[
    rosters::AUTO_AUTHORIZE,
    rosters::MAX_CONTACTS,
    rosters::MAX_WATCHERS,
    messages::ARCHIVE,
    messages::ARCHIVE_DAYS,
    connections::RESUME_TIME,
    messages::LANGUAGE,
    connections::SIGN_IN_TIME,
    connections::PEER_TIMEOUT,
    connections::STRANGERS_PER_ADDRESS,
    sign_in::MODE,
    sign_in::KEEP_KEYS,
    sign_in::PASSWORD_CHARS,
    sign_in::ISSUER,
    sign_in::AUDIENCE,
    sign_in::CLAIM,
    sign_in::LEEWAY,
    sign_in::CA,
    people::SEARCH,
    people::RESULTS,
    people::DETAILS,
    people::VCARD,
    people::VCARD_WINS,
    calendar::MEETING_SHOW,
    calendar::AWAY_SHOW,
    calendar::ELSEWHERE_IS_AWAY,
    calendar::MEETING_LABELS,
    calendar::AWAY_LABELS,
    calendar::EXPLICIT_CHOICE_WINS,
    calendar::SHOW_OFFLINE,
    calendar::OUTAGE,
    admin::SESSION_IDLE,
    admin::SESSION_LIFE,
    admin::PASSWORD_CHARS,
    admin::AUDIT_DAYS,
    telemetry::OTLP_URL,
    telemetry::INTERVAL,
    telemetry::TRACES_PERCENT,
    dns::SERVERS,
];

/// A setting as administrators see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct SettingView {
    pub key: String,
    pub value: Value,
    pub default: Value,
    /// `bool`, `number`, `show`, `language`, `labels`, `choice`, `text`.
    pub kind: String,
    /// The words of a `choice`.
    #[serde(default)]
    pub choices: Vec<String>,
    pub min: Option<u32>,
    pub max: Option<u32>,
    /// `null` is a value.
    pub can_be_none: bool,
    pub unit: String,
    /// What has to be restarted before a change is used; `null`: nothing, the setting is live.
    #[serde(default)]
    pub restart: Option<String>,
    pub help: Text,
}

impl Setting {
    fn view(&self, settings: &Settings, defaults: &Settings) -> SettingView {
        let (kind, min, max, can_be_none) = match self.kind {
            Kind::Bool => ("bool", None, None, false),
            Kind::Number { min, max, or_none } => ("number", Some(min), Some(max), or_none),
            Kind::Show => ("show", None, None, false),
            Kind::Language => ("language", None, None, false),
            Kind::Labels => ("labels", None, None, false),
            Kind::Choice(_) => ("choice", None, None, false),
            Kind::Text { .. } => ("text", None, None, false),
        };
        let choices = match self.kind {
            Kind::Choice(words) => words.iter().map(|word| (*word).to_owned()).collect(),
            _ => Vec::new(),
        };
        SettingView {
            key: self.key.to_owned(),
            value: (self.get)(settings),
            default: (self.get)(defaults),
            kind: kind.to_owned(),
            choices,
            min,
            max,
            can_be_none,
            unit: self.unit.to_owned(),
            restart: self.effect.restarted().map(str::to_owned),
            help: Text::new(self.help.0, self.help.1),
        }
    }
}

/// All settings with their values now.
pub fn list(app: &App) -> Vec<SettingView> {
    let (settings, defaults) = (app.settings().borrow().clone(), Settings::default());
    SETTINGS.iter().map(|setting| setting.view(&settings, &defaults)).collect()
}

impl Setting {
    /// What changing it asks for: settings that guard the administration are not for operators.
    pub fn right(&self) -> Right {
        let guards = self.key.starts_with("admin.") || self.key.starts_with("sign_in.");
        Right::write(if guards { Area::Security } else { Area::Settings })
    }
}

/// Changes settings for a caller who has the right to each of them. All or none.
///
/// # Errors
/// `forbidden`; as [`put`].
pub fn put_as(app: &App, caller: &Caller, changes: &BTreeMap<String, Value>) -> Result<Vec<SettingView>> {
    changes.keys().filter_map(|key| find(key)).try_for_each(|setting| caller.must(setting.right()))?;
    put(app, &caller.actor, changes)
}

/// Changes settings together, all or none.
///
/// # Errors
/// `invalid` naming the first key that is unknown or whose value is out of type or range.
pub fn put(app: &App, actor: &Actor, changes: &BTreeMap<String, Value>) -> Result<Vec<SettingView>> {
    let mut rows = Vec::new();
    for (key, value) in changes {
        let setting = find(key).ok_or_else(|| unknown(key))?;
        if value.as_str() == Some("default") {
            rows.push((key.clone(), None));
            continue;
        }
        setting.kind.check(value).map_err(|why| {
            let text = Text::new(format!("{key}: {}", why.en), format!("{key}: {}", why.ja));
            ControlError::Invalid { field: setting.key, text }
        })?;
        rows.push((key.clone(), Some(value.clone())));
    }
    let audit = audit(actor);
    // One at a time, so that the snapshot published last is the newest one.
    let _turn = app.turn();
    let wanted = with(app, &rows);
    sign_in::check(&wanted)?;
    dns::check(&wanted)?;
    telemetry::check(&wanted)?;
    app.store().call(move |db| db.put_settings(&rows, &audit))?;
    let settings = Arc::new(load(app.store())?);
    let keeps_keys = sign_in::keeps_keys(&settings.sign_in);
    app.settings_sender().send_replace(settings);
    if !keeps_keys {
        app.store().call(|db| db.drop_kept_keys())?;
    }
    app.purge_now().notify_one();
    Ok(list(app))
}

/// The settings as they would be with these changes, `None` being the default.
fn with(app: &App, changes: &[(String, Option<Value>)]) -> Settings {
    let mut settings = (**app.settings().borrow()).clone();
    let defaults = Settings::default();
    for (key, value) in changes {
        if let Some(setting) = find(key) {
            (setting.set)(&mut settings, value.as_ref().unwrap_or(&(setting.get)(&defaults)));
        }
    }
    settings
}

/// The settings as stored. A stored value that this release does not take is left at its default and logged.
pub(super) fn load(store: &Store) -> Result<Settings> {
    let mut settings = Settings::default();
    for (key, text) in store.query(|db| db.settings())? {
        let value = serde_json::from_str::<Value>(&text).ok();
        match (find(&key), value) {
            (Some(setting), Some(value)) if setting.kind.check(&value).is_ok() => (setting.set)(&mut settings, &value),
            _ => tracing::warn!(key, "a stored setting is not usable and stays at its default"),
        }
    }
    Ok(settings)
}

fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

fn unknown(key: &str) -> ControlError {
    let text = Text::new(format!("there is no setting \"{key}\""), format!("設定 \"{key}\" はありません"));
    ControlError::NotFound { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::tests::Fixture;
    use serde_json::json;

    #[test]
    fn every_setting_takes_its_own_default_and_gives_back_what_it_took() {
        let defaults = Settings::default();
        for setting in SETTINGS {
            let default = (setting.get)(&defaults);
            assert_eq!(setting.kind.check(&default), Ok(()), "{}", setting.key);
            let other = match setting.kind {
                Kind::Bool => json!(!boolean(&default)),
                Kind::Number { min, max, .. } => json!(if default == json!(min) { max } else { min }),
                Kind::Show => json!("xa"),
                Kind::Language => json!("ja"),
                Kind::Labels => json!({"fr": "Absent"}),
                Kind::Choice(words) => json!(words[1]),
                Kind::Text { .. } => json!("something"),
            };
            assert_ne!(other, default, "{}", setting.key);
            let mut changed = Settings::default();
            (setting.set)(&mut changed, &other);
            assert_eq!((setting.get)(&changed), other, "{}", setting.key);
            (setting.set)(&mut changed, &default);
            assert_eq!(changed, defaults, "{}", setting.key);
        }
    }

    /// The page of notifications knows the keys of the file alone: whoever adds a setting that is not live makes it list
    /// settings first.
    #[test]
    fn every_setting_is_live_and_says_so() {
        let fixture = Fixture::new();
        for (setting, view) in SETTINGS.iter().zip(list(&fixture.app)) {
            assert_eq!((setting.effect, view.restart), (Effect::Live, None), "{}", setting.key);
        }
    }

    #[test]
    fn ranges_hold_at_both_ends_and_one_step_past() {
        for setting in SETTINGS {
            let Kind::Number { min, max, or_none } = setting.kind else { continue };
            let good = |value: Value| setting.kind.check(&value).is_ok();
            assert!(good(json!(min)) && good(json!(max)), "{}", setting.key);
            assert!(!good(json!(i64::from(min) - 1)) && !good(json!(max + 1)), "{}", setting.key);
            assert!(!good(json!(-1)) && !good(json!(1.5)) && !good(json!("5")), "{}", setting.key);
            assert_eq!(good(Value::Null), or_none, "{}", setting.key);
        }
    }

    fn changes(value: Value) -> BTreeMap<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn changes_are_published_stored_and_audited() {
        let fixture = Fixture::new();
        let app = &fixture.app;
        let mut live = app.settings();
        put(app, "tester", &changes(json!({"max_contacts": 50, "calendar.outage": 3600}))).unwrap();
        assert!(live.has_changed().unwrap());
        assert_eq!(live.borrow_and_update().max_contacts, Some(50));
        assert_eq!(load(app.store()).unwrap(), **live.borrow());
        put(app, "tester", &changes(json!({"max_contacts": null}))).unwrap();
        assert_eq!(live.borrow().max_contacts, None);
        put(app, "tester", &changes(json!({"calendar.outage": "default"}))).unwrap();
        assert_eq!(live.borrow().calendar.outage, Settings::default().calendar.outage);
        let trail = app.store().query(|db| db.audit_list(Some("setting:max_contacts"), None, 9)).unwrap();
        assert_eq!(trail.len(), 2);
        assert_eq!((trail[0].actor.as_str(), trail[0].before.as_deref()), ("tester", Some("50")));
    }

    #[test]
    fn one_bad_value_changes_nothing() {
        let fixture = Fixture::new();
        let app = &fixture.app;
        let wrong = changes(json!({"archive": false, "max_contacts": 0}));
        let error = put(app, "tester", &wrong).unwrap_err();
        assert_eq!((error.code(), error.field()), ("invalid", Some("max_contacts")));
        assert_eq!(put(app, "tester", &changes(json!({"archive": false, "nothing": 1}))).unwrap_err().code(), "not-found");
        assert_eq!(load(app.store()).unwrap(), Settings::default());
    }
}

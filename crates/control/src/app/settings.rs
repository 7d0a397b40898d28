//! The live settings: one table of what there is, with type, range and unit. A change takes effect at once.
//!
//! In JSON, `null` means *no limit* where a setting can have none, and the text `"default"` takes a setting back to its
//! default.

pub(crate) mod dns;
mod people;
pub(crate) mod sign_in;

use super::{Actor, App, audit, users};
use crate::access::{Area, Caller, Right};
use crate::error::{ControlError, Result};
use crate::text::Text;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use utoipa::ToSchema;
use zaiseki_model::settings::{Settings, Show};
use zaiseki_store::Store;

/// Characters of one label.
const LABEL_CHARS: usize = 64;
/// Languages of one label.
const LABELS: usize = 32;

/// What values a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Bool,
    /// A whole number within the range, both ends included; with `or_none` also `null`.
    Number {
        min: u32,
        max: u32,
        or_none: bool,
    },
    /// `away`, `chat`, `dnd`, `xa`.
    Show,
    /// A BCP 47 tag.
    Language,
    /// An object: language to text.
    Labels,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Up to so many characters, on one line or several; may be empty.
    Text {
        chars: usize,
        lines: bool,
    },
}

/// One setting. All settings are live: they take effect without a restart of anything.
pub struct Setting {
    pub key: &'static str,
    pub kind: Kind,
    /// `days`, `seconds`, or empty.
    pub unit: &'static str,
    help: (&'static str, &'static str),
    get: fn(&Settings) -> Value,
    /// Called with a value that the kind accepts.
    set: fn(&mut Settings, &Value),
}

/// Every setting there is, in the order of lists.
pub static SETTINGS: &[Setting] = &[
    Setting {
        key: "auto_authorize",
        kind: Kind::Bool,
        unit: "",
        help: (
            "View without approval: subscriptions inside the domain are granted without asking.",
            "承認なしの閲覧: ドメイン内の購読を確認なしで許可します。",
        ),
        get: |s| json!(s.auto_authorize),
        set: |s, v| s.auto_authorize = boolean(v),
    },
    Setting {
        key: "max_contacts",
        kind: Kind::Number { min: 1, max: 100_000, or_none: true },
        unit: "",
        help: ("Maximum contact list size.", "連絡先リストの最大数。"),
        get: |s| json!(s.max_contacts),
        set: |s, v| s.max_contacts = number(v),
    },
    Setting {
        key: "max_watchers",
        kind: Kind::Number { min: 1, max: 1_000_000, or_none: true },
        unit: "",
        help: ("Maximum watchers of one user.", "1 ユーザーのウォッチャーの最大数。"),
        get: |s| json!(s.max_watchers),
        set: |s, v| s.max_watchers = number(v),
    },
    Setting {
        key: "archive",
        kind: Kind::Bool,
        unit: "",
        help: ("Archive one-to-one messages.", "1 対 1 のメッセージをアーカイブします。"),
        get: |s| json!(s.archive),
        set: |s, v| s.archive = boolean(v),
    },
    Setting {
        key: "archive_days",
        kind: Kind::Number { min: 1, max: 36_500, or_none: true },
        unit: "days",
        help: ("How long a message stays in the archive.", "メッセージをアーカイブに残す期間。"),
        get: |s| json!(s.archive_days),
        set: |s, v| s.archive_days = number(v),
    },
    Setting {
        key: "resume_time",
        kind: Kind::Number { min: 10, max: 86_400, or_none: false },
        unit: "seconds",
        help: ("How long a cut stream can be resumed.", "切断されたストリームを再開できる時間。"),
        get: |s| json!(s.resume_time.as_secs()),
        set: |s, v| s.resume_time = seconds(v),
    },
    Setting {
        key: "language",
        kind: Kind::Language,
        unit: "",
        help: ("Language of server texts for users without one.", "言語の設定がないユーザーへのサーバー文言の言語。"),
        get: |s| json!(s.language),
        set: |s, v| s.language = v.as_str().unwrap_or_default().to_ascii_lowercase(),
    },
    Setting {
        key: "connections.sign_in_time",
        kind: Kind::Number { min: 2, max: 3_600, or_none: false },
        unit: "seconds",
        help: (
            "How long a connection may take to sign in (new connections).",
            "接続してからサインインを終えるまでの制限時間 (新しい接続から適用)。",
        ),
        get: |s| json!(s.connections.sign_in_time.as_secs()),
        set: |s, v| s.connections.sign_in_time = seconds(v),
    },
    Setting {
        key: "connections.peer_timeout",
        kind: Kind::Number { min: 2, max: 7_200, or_none: false },
        unit: "seconds",
        help: (
            "How long a client may answer nothing, not even the network's probes, before it counts as gone (new connections).",
            "クライアントがネットワークの確認にも応答しない場合に、切断されたとみなすまでの時間 (新しい接続から適用)。",
        ),
        get: |s| json!(s.connections.peer_timeout.as_secs()),
        set: |s, v| s.connections.peer_timeout = seconds(v),
    },
    Setting {
        key: "connections.strangers_per_address",
        kind: Kind::Number { min: 1, max: 1_000_000, or_none: false },
        unit: "",
        help: (
            "Connections of one address (IPv6: one /64 network) that have not signed in; behind a reverse proxy all have its address.",
            "1 つのアドレス (IPv6 では /64 ネットワーク) からのサインイン前の接続の最大数。リバースプロキシ経由ではすべて同じアドレスになります。",
        ),
        get: |s| json!(s.connections.strangers_per_address),
        set: |s, v| s.connections.strangers_per_address = number(v).unwrap_or(1),
    },
    sign_in::MODE,
    sign_in::KEEP_KEYS,
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
    Setting {
        key: "calendar.meeting_show",
        kind: Kind::Show,
        unit: "",
        help: ("How \"In a meeting\" shows.", "「会議中」の表示方法。"),
        get: |s| json!(s.calendar.meeting_show.as_str()),
        set: |s, v| s.calendar.meeting_show = show(v).unwrap_or(Show::Dnd),
    },
    Setting {
        key: "calendar.away_show",
        kind: Kind::Show,
        unit: "",
        help: ("How \"Away\" (out of office) shows.", "「外出中」の表示方法。"),
        get: |s| json!(s.calendar.away_show.as_str()),
        set: |s, v| s.calendar.away_show = show(v).unwrap_or(Show::Away),
    },
    Setting {
        key: "calendar.elsewhere_is_away",
        kind: Kind::Bool,
        unit: "",
        help: ("Working elsewhere counts as \"Away\".", "「他の場所で勤務」を「外出中」とみなします。"),
        get: |s| json!(s.calendar.elsewhere_is_away),
        set: |s, v| s.calendar.elsewhere_is_away = boolean(v),
    },
    Setting {
        key: "calendar.meeting_labels",
        kind: Kind::Labels,
        unit: "",
        help: ("Label of \"In a meeting\" per language.", "「会議中」の言語ごとの文言。"),
        get: |s| json!(s.calendar.meeting_labels),
        set: |s, v| s.calendar.meeting_labels = labels(v),
    },
    Setting {
        key: "calendar.away_labels",
        kind: Kind::Labels,
        unit: "",
        help: ("Label of \"Away\" per language.", "「外出中」の言語ごとの文言。"),
        get: |s| json!(s.calendar.away_labels),
        set: |s, v| s.calendar.away_labels = labels(v),
    },
    Setting {
        key: "calendar.explicit_choice_wins",
        kind: Kind::Bool,
        unit: "",
        help: (
            "A presence chosen during a meeting wins until that meeting ends.",
            "会議中に本人が選んだプレゼンスを会議の終わりまで優先します。",
        ),
        get: |s| json!(s.calendar.explicit_choice_wins),
        set: |s, v| s.calendar.explicit_choice_wins = boolean(v),
    },
    Setting {
        key: "calendar.show_offline",
        kind: Kind::Bool,
        unit: "",
        help: ("Show the meetings of users who are offline.", "オフラインのユーザーの会議も表示します。"),
        get: |s| json!(s.calendar.show_offline),
        set: |s, v| s.calendar.show_offline = boolean(v),
    },
    Setting {
        key: "calendar.outage",
        kind: Kind::Number { min: 60, max: 7 * 86_400, or_none: false },
        unit: "seconds",
        help: (
            "How long known meetings go on while the calendar server does not answer.",
            "カレンダーサーバーが応答しない間、既知の会議を有効とする時間。",
        ),
        get: |s| json!(s.calendar.outage.as_secs()),
        set: |s, v| s.calendar.outage = seconds(v),
    },
    Setting {
        key: "admin.session_idle",
        kind: Kind::Number { min: 1, max: 1_440, or_none: false },
        unit: "minutes",
        help: (
            "A console session that is not used for this long ends.",
            "操作のないコンソールのセッションを終了するまでの時間。",
        ),
        get: |s| json!(s.admin.session_idle.as_secs() / 60),
        set: |s, v| s.admin.session_idle = seconds(v) * 60,
    },
    Setting {
        key: "admin.session_life",
        kind: Kind::Number { min: 1, max: 168, or_none: false },
        unit: "hours",
        help: (
            "A console session ends after this long in any case.",
            "操作の有無にかかわらずコンソールのセッションを終了するまでの時間。",
        ),
        get: |s| json!(s.admin.session_life.as_secs() / 3600),
        set: |s, v| s.admin.session_life = seconds(v) * 3600,
    },
    Setting {
        key: "admin.password_chars",
        kind: Kind::Number { min: 8, max: 64, or_none: false },
        unit: "characters",
        help: ("The least length of an administrator's new password.", "管理者の新しいパスワードの最小の長さ。"),
        get: |s| json!(s.admin.password_chars),
        set: |s, v| s.admin.password_chars = number(v).unwrap_or(64),
    },
    Setting {
        key: "admin.audit_days",
        kind: Kind::Number { min: 1, max: 36_500, or_none: true },
        unit: "days",
        help: ("How long a line stays in the audit log.", "監査ログを残す期間。"),
        get: |s| json!(s.admin.audit_days),
        set: |s, v| s.admin.audit_days = number(v),
    },
    Setting {
        key: "telemetry.otlp_url",
        kind: Kind::Text { chars: 1_000, lines: false },
        unit: "",
        help: (
            "OpenTelemetry collector that gets the metrics, such as https://collector.example.com:4318/v1/metrics; empty: none.",
            "メトリクスを送る OpenTelemetry コレクター (例: https://collector.example.com:4318/v1/metrics)。空欄の場合は送りません。",
        ),
        get: |s| json!(s.telemetry.otlp_url),
        set: |s, v| s.telemetry.otlp_url = v.as_str().unwrap_or_default().to_owned(),
    },
    Setting {
        key: "telemetry.interval",
        kind: Kind::Number { min: 5, max: 3_600, or_none: false },
        unit: "seconds",
        help: ("Time between two pushes of the metrics to the collector.", "コレクターにメトリクスを送る間隔。"),
        get: |s| json!(s.telemetry.interval.as_secs()),
        set: |s, v| s.telemetry.interval = seconds(v),
    },
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
    let _turn = app.settings_turn();
    let wanted = with(app, &rows);
    sign_in::check(&wanted)?;
    dns::check(&wanted)?;
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

impl Kind {
    /// # Errors
    /// What would be right.
    pub fn check(self, value: &Value) -> Result<(), Text> {
        let good = match self {
            Kind::Bool => value.is_boolean(),
            Kind::Number { or_none: true, .. } if value.is_null() => true,
            Kind::Number { min, max, .. } => number(value).is_some_and(|n| (min..=max).contains(&n)),
            Kind::Show => show(value).is_some(),
            Kind::Language => value.as_str().is_some_and(|tag| users::language(tag).is_ok()),
            Kind::Labels => labels_are_good(value),
            Kind::Choice(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Kind::Text { chars, lines } => value.as_str().is_some_and(|text| {
                let odd = |c: char| c.is_control() && !(lines && matches!(c, '\n' | '\r'));
                text.chars().count() <= chars && !text.trim().chars().any(odd)
            }),
        };
        if good { Ok(()) } else { Err(self.wanted()) }
    }

    fn wanted(self) -> Text {
        match self {
            Kind::Bool => Text::new("must be true or false", "true か false を指定してください"),
            Kind::Number { min, max, or_none } => Text::new(
                format!("must be a whole number from {min} to {max}{}", if or_none { ", or null for no limit" } else { "" }),
                format!(
                    "{min} から {max} までの整数{}を指定してください",
                    if or_none { "、または無制限を表す null " } else { "" }
                ),
            ),
            Kind::Show => Text::new("must be away, chat, dnd or xa", "away、chat、dnd、xa のいずれかを指定してください"),
            Kind::Language => Text::new("must be a language such as \"en\"", "\"ja\" のような言語を指定してください"),
            Kind::Labels => Text::new(
                format!(
                    "must be an object of language and text, such as {{\"en\": \"Away\"}}, of 1 to {LABEL_CHARS} characters each"
                ),
                format!("{{\"ja\": \"外出中\"}} のような言語と文言（各 1～{LABEL_CHARS} 文字）の組を指定してください"),
            ),
            Kind::Choice(words) => {
                let words = words.join(", ");
                Text::new(format!("must be one of: {words}"), format!("次のいずれかを指定してください: {words}"))
            }
            Kind::Text { chars, .. } => Text::new(
                format!("must be text of at most {chars} characters"),
                format!("{chars} 文字までの文字列を指定してください"),
            ),
        }
    }
}

fn labels_are_good(value: &Value) -> bool {
    let Value::Object(map) = value else { return false };
    let text = |v: &Value| {
        v.as_str().is_some_and(|t| (1..=LABEL_CHARS).contains(&t.trim().chars().count()) && !t.chars().any(char::is_control))
    };
    (1..=LABELS).contains(&map.len()) && map.iter().all(|(tag, label)| users::language(tag).is_ok() && text(label))
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().trim().to_owned()
}

fn boolean(value: &Value) -> bool {
    value == &Value::Bool(true)
}

fn number(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|n| u32::try_from(n).ok())
}

fn seconds(value: &Value) -> Duration {
    Duration::from_secs(u64::from(number(value).unwrap_or_default()))
}

fn show(value: &Value) -> Option<Show> {
    value.as_str().and_then(Show::parse)
}

fn labels(value: &Value) -> BTreeMap<String, String> {
    let pairs = value.as_object().into_iter().flatten();
    pairs.filter_map(|(tag, text)| Some((tag.to_ascii_lowercase(), text.as_str()?.trim().to_owned()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::tests::Fixture;

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

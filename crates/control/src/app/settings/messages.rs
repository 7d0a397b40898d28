//! What is kept of messages, and in which language the server speaks.

use super::{Effect, Kind, Setting, boolean, number};
use serde_json::json;

pub(super) const ARCHIVE: Setting = Setting {
    key: "archive",
    kind: Kind::Bool,
    unit: "",
    effect: Effect::Live,
    help: ("Archive one-to-one messages.", "1 対 1 のメッセージをアーカイブします。"),
    get: |s| json!(s.archive),
    set: |s, v| s.archive = boolean(v),
};

pub(super) const ARCHIVE_DAYS: Setting = Setting {
    key: "archive_days",
    kind: Kind::Number { min: 1, max: 36_500, or_none: true },
    unit: "days",
    effect: Effect::Live,
    help: ("How long a message stays in the archive.", "メッセージをアーカイブに残す期間。"),
    get: |s| json!(s.archive_days),
    set: |s, v| s.archive_days = number(v),
};

pub(super) const LANGUAGE: Setting = Setting {
    key: "language",
    kind: Kind::Language,
    unit: "",
    effect: Effect::Live,
    help: ("Language of server texts for users without one.", "言語の設定がないユーザーへのサーバー文言の言語。"),
    get: |s| json!(s.language),
    set: |s, v| s.language = v.as_str().unwrap_or_default().to_ascii_lowercase(),
};

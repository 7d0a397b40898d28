//! Administrators: their sessions, passwords and audit log.

use super::{Effect, Kind, Setting, number, seconds};
use serde_json::json;

pub(super) const SESSION_IDLE: Setting = Setting {
    key: "admin.session_idle",
    kind: Kind::Number { min: 1, max: 1_440, or_none: false },
    unit: "minutes",
    effect: Effect::Live,
    help: ("A console session that is not used for this long ends.", "操作のないコンソールのセッションを終了するまでの時間。"),
    get: |s| json!(s.admin.session_idle.as_secs() / 60),
    set: |s, v| s.admin.session_idle = seconds(v) * 60,
};

pub(super) const SESSION_LIFE: Setting = Setting {
    key: "admin.session_life",
    kind: Kind::Number { min: 1, max: 168, or_none: false },
    unit: "hours",
    effect: Effect::Live,
    help: (
        "A console session ends after this long in any case.",
        "操作の有無にかかわらずコンソールのセッションを終了するまでの時間。",
    ),
    get: |s| json!(s.admin.session_life.as_secs() / 3600),
    set: |s, v| s.admin.session_life = seconds(v) * 3600,
};

pub(super) const PASSWORD_CHARS: Setting = Setting {
    key: "admin.password_chars",
    kind: Kind::Number { min: 8, max: 64, or_none: false },
    unit: "characters",
    effect: Effect::Live,
    help: ("The least length of an administrator's new password.", "管理者の新しいパスワードの最小の長さ。"),
    get: |s| json!(s.admin.password_chars),
    set: |s, v| s.admin.password_chars = number(v).unwrap_or(64),
};

pub(super) const AUDIT_DAYS: Setting = Setting {
    key: "admin.audit_days",
    kind: Kind::Number { min: 1, max: 36_500, or_none: true },
    unit: "days",
    effect: Effect::Live,
    help: ("How long a line stays in the audit log.", "監査ログを残す期間。"),
    get: |s| json!(s.admin.audit_days),
    set: |s, v| s.admin.audit_days = number(v),
};

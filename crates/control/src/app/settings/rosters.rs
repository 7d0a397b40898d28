//! Contact lists: who may be in them, and how many.

use super::{Effect, Kind, Setting, boolean, number};
use serde_json::json;

pub(super) const AUTO_AUTHORIZE: Setting = Setting {
    key: "auto_authorize",
    kind: Kind::Bool,
    unit: "",
    effect: Effect::Live,
    help: (
        "View without approval: subscriptions inside the domain are granted without asking.",
        "承認なしの閲覧: ドメイン内の購読を確認なしで許可します。",
    ),
    get: |s| json!(s.auto_authorize),
    set: |s, v| s.auto_authorize = boolean(v),
};

pub(super) const MAX_CONTACTS: Setting = Setting {
    key: "max_contacts",
    kind: Kind::Number { min: 1, max: 100_000, or_none: true },
    unit: "",
    effect: Effect::Live,
    help: ("Maximum contact list size.", "連絡先リストの最大数。"),
    get: |s| json!(s.max_contacts),
    set: |s, v| s.max_contacts = number(v),
};

pub(super) const MAX_WATCHERS: Setting = Setting {
    key: "max_watchers",
    kind: Kind::Number { min: 1, max: 1_000_000, or_none: true },
    unit: "",
    effect: Effect::Live,
    help: ("Maximum watchers of one user.", "1 ユーザーのウォッチャーの最大数。"),
    get: |s| json!(s.max_watchers),
    set: |s, v| s.max_watchers = number(v),
};

//! What users learn of each other.

use super::{Effect, Kind, Setting, boolean, number};
use serde_json::json;
use zaiseki_model::settings::VcardFill;

pub(super) const SEARCH: Setting = Setting {
    key: "people.search",
    kind: Kind::Bool,
    unit: "",
    effect: Effect::Live,
    help: (
        "Users may search for each other from their clients (XEP-0055). Those who cannot sign in are never found.",
        "ユーザーがクライアントからほかのユーザーを検索できます (XEP-0055)。サインインできないユーザーは検索されません。",
    ),
    get: |s| json!(s.people.search),
    set: |s, v| s.people.search = boolean(v),
};

pub(super) const RESULTS: Setting = Setting {
    key: "people.results",
    kind: Kind::Number { min: 1, max: 500, or_none: false },
    unit: "",
    effect: Effect::Live,
    help: ("People in one answer of such a search.", "その検索で一度に返す最大人数。"),
    get: |s| json!(s.people.results),
    set: |s, v| s.people.results = number(v).unwrap_or(1),
};

pub(super) const DETAILS: Setting = Setting {
    key: "people.search_details",
    kind: Kind::Bool,
    unit: "",
    effect: Effect::Live,
    help: (
        "Mail addresses and telephone numbers can be searched for, and stand in the answer.",
        "メールアドレスと電話番号でも検索でき、検索結果にも表示します。",
    ),
    get: |s| json!(s.people.search_details),
    set: |s, v| s.people.search_details = boolean(v),
};

pub(super) const VCARD: Setting = Setting {
    key: "people.vcard",
    kind: Kind::Choice(&VcardFill::NAMES),
    unit: "",
    effect: Effect::Live,
    help: (
        "What of the directory stands in vCards: names, reading, title and department (names), mail address and telephone numbers too (all), or nothing (off).",
        "vCard に入れるディレクトリーの情報: 氏名・読み・役職・部署 (names)、さらにメールアドレスと電話番号も (all)、入れない (off)。",
    ),
    get: |s| json!(s.people.vcard.as_str()),
    set: |s, v| s.people.vcard = v.as_str().and_then(VcardFill::parse).unwrap_or(VcardFill::Off),
};

pub(super) const VCARD_WINS: Setting = Setting {
    key: "people.vcard_wins",
    kind: Kind::Choice(&["directory", "user"]),
    unit: "",
    effect: Effect::Live,
    help: (
        "Whose word counts when the user has set another name, title or department in the vCard than the directory has.",
        "ユーザーが vCard に設定した氏名・役職・部署がディレクトリーと異なるとき、どちらを優先するか。",
    ),
    get: |s| json!(if s.people.vcard_of_user_first { "user" } else { "directory" }),
    set: |s, v| s.people.vcard_of_user_first = v.as_str() == Some("user"),
};

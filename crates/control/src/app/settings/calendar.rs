//! What calendars make of presence.

use super::{Effect, Kind, Setting, boolean, labels, seconds, show};
use serde_json::json;
use zaiseki_model::settings::Show;

pub(super) const MEETING_SHOW: Setting = Setting {
    key: "calendar.meeting_show",
    kind: Kind::Show,
    unit: "",
    effect: Effect::Live,
    help: ("How \"In a meeting\" shows.", "「会議中」の表示方法。"),
    get: |s| json!(s.calendar.meeting_show.as_str()),
    set: |s, v| s.calendar.meeting_show = show(v).unwrap_or(Show::Dnd),
};

pub(super) const AWAY_SHOW: Setting = Setting {
    key: "calendar.away_show",
    kind: Kind::Show,
    unit: "",
    effect: Effect::Live,
    help: ("How \"Away\" (out of office) shows.", "「外出中」の表示方法。"),
    get: |s| json!(s.calendar.away_show.as_str()),
    set: |s, v| s.calendar.away_show = show(v).unwrap_or(Show::Away),
};

pub(super) const ELSEWHERE_IS_AWAY: Setting = Setting {
    key: "calendar.elsewhere_is_away",
    kind: Kind::Bool,
    unit: "",
    effect: Effect::Live,
    help: ("Working elsewhere counts as \"Away\".", "「他の場所で勤務」を「外出中」とみなします。"),
    get: |s| json!(s.calendar.elsewhere_is_away),
    set: |s, v| s.calendar.elsewhere_is_away = boolean(v),
};

pub(super) const MEETING_LABELS: Setting = Setting {
    key: "calendar.meeting_labels",
    kind: Kind::Labels,
    unit: "",
    effect: Effect::Live,
    help: ("Label of \"In a meeting\" per language.", "「会議中」の言語ごとの文言。"),
    get: |s| json!(s.calendar.meeting_labels),
    set: |s, v| s.calendar.meeting_labels = labels(v),
};

pub(super) const AWAY_LABELS: Setting = Setting {
    key: "calendar.away_labels",
    kind: Kind::Labels,
    unit: "",
    effect: Effect::Live,
    help: ("Label of \"Away\" per language.", "「外出中」の言語ごとの文言。"),
    get: |s| json!(s.calendar.away_labels),
    set: |s, v| s.calendar.away_labels = labels(v),
};

pub(super) const EXPLICIT_CHOICE_WINS: Setting = Setting {
    key: "calendar.explicit_choice_wins",
    kind: Kind::Bool,
    unit: "",
    effect: Effect::Live,
    help: (
        "A presence chosen during a meeting wins until that meeting ends.",
        "会議中に本人が選んだプレゼンスを会議の終わりまで優先します。",
    ),
    get: |s| json!(s.calendar.explicit_choice_wins),
    set: |s, v| s.calendar.explicit_choice_wins = boolean(v),
};

pub(super) const SHOW_OFFLINE: Setting = Setting {
    key: "calendar.show_offline",
    kind: Kind::Bool,
    unit: "",
    effect: Effect::Live,
    help: ("Show the meetings of users who are offline.", "オフラインのユーザーの会議も表示します。"),
    get: |s| json!(s.calendar.show_offline),
    set: |s, v| s.calendar.show_offline = boolean(v),
};

pub(super) const OUTAGE: Setting = Setting {
    key: "calendar.outage",
    kind: Kind::Number { min: 60, max: 7 * 86_400, or_none: false },
    unit: "seconds",
    effect: Effect::Live,
    help: (
        "How long known meetings go on while the calendar server does not answer.",
        "予定表サーバーが応答しない間、既知の会議を有効とする時間。",
    ),
    get: |s| json!(s.calendar.outage.as_secs()),
    set: |s, v| s.calendar.outage = seconds(v),
};

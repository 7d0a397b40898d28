//! Connections of clients.

use super::{Effect, Kind, Setting, number, seconds};
use serde_json::json;

pub(super) const RESUME_TIME: Setting = Setting {
    key: "resume_time",
    kind: Kind::Number { min: 10, max: 86_400, or_none: false },
    unit: "seconds",
    effect: Effect::Live,
    help: ("How long a cut stream can be resumed.", "切断されたストリームを再開できる時間。"),
    get: |s| json!(s.resume_time.as_secs()),
    set: |s, v| s.resume_time = seconds(v),
};

pub(super) const SIGN_IN_TIME: Setting = Setting {
    key: "connections.sign_in_time",
    kind: Kind::Number { min: 2, max: 3_600, or_none: false },
    unit: "seconds",
    effect: Effect::Live,
    help: (
        "How long a connection may take to sign in (new connections).",
        "接続してからサインインを終えるまでの制限時間 (新しい接続から適用)。",
    ),
    get: |s| json!(s.connections.sign_in_time.as_secs()),
    set: |s, v| s.connections.sign_in_time = seconds(v),
};

pub(super) const PEER_TIMEOUT: Setting = Setting {
    key: "connections.peer_timeout",
    kind: Kind::Number { min: 2, max: 7_200, or_none: false },
    unit: "seconds",
    effect: Effect::Live,
    help: (
        "How long a client may answer nothing, not even the network's probes, before it counts as gone (new connections).",
        "クライアントがネットワークの確認にも応答しない場合に、切断されたとみなすまでの時間 (新しい接続から適用)。",
    ),
    get: |s| json!(s.connections.peer_timeout.as_secs()),
    set: |s, v| s.connections.peer_timeout = seconds(v),
};

pub(super) const STRANGERS_PER_ADDRESS: Setting = Setting {
    key: "connections.strangers_per_address",
    kind: Kind::Number { min: 1, max: 1_000_000, or_none: false },
    unit: "",
    effect: Effect::Live,
    help: (
        "Connections of one address (IPv6: one /64 network) that have not signed in; behind a reverse proxy all have its address.",
        "1 つのアドレス (IPv6 では /64 ネットワーク) からのサインイン前の接続の最大数。リバースプロキシ経由ではすべて同じアドレスになります。",
    ),
    get: |s| json!(s.connections.strangers_per_address),
    set: |s, v| s.connections.strangers_per_address = number(v).unwrap_or(1),
};

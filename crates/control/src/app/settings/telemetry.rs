//! What a collector of OpenTelemetry gets.

use super::{Effect, Kind, Setting, number, seconds};
use serde_json::json;

pub(super) const OTLP_URL: Setting = Setting {
    key: "telemetry.otlp_url",
    kind: Kind::Text { chars: 1_000, lines: false },
    unit: "",
    effect: Effect::Live,
    help: (
        "OpenTelemetry collector that gets the metrics, such as https://collector.example.com:4318/v1/metrics; empty: none.",
        "メトリクスを送る OpenTelemetry コレクター (例: https://collector.example.com:4318/v1/metrics)。空欄の場合は送りません。",
    ),
    get: |s| json!(s.telemetry.otlp_url),
    set: |s, v| s.telemetry.otlp_url = v.as_str().unwrap_or_default().to_owned(),
};

pub(super) const INTERVAL: Setting = Setting {
    key: "telemetry.interval",
    kind: Kind::Number { min: 5, max: 3_600, or_none: false },
    unit: "seconds",
    effect: Effect::Live,
    help: ("Time between two pushes of the metrics to the collector.", "コレクターにメトリクスを送る間隔。"),
    get: |s| json!(s.telemetry.interval.as_secs()),
    set: |s, v| s.telemetry.interval = seconds(v),
};

pub(super) const TRACES_PERCENT: Setting = Setting {
    key: "telemetry.traces_percent",
    kind: Kind::Number { min: 0, max: 100, or_none: false },
    unit: "percent",
    effect: Effect::Live,
    help: (
        "Of a hundred requests, jobs, synchronisations and polls so many are traced to the same collector, at /v1/traces; 0: none.",
        "リクエスト、ジョブ、同期、問い合わせのうちトレースを同じコレクター (/v1/traces) に送る割合。0 の場合は送りません。",
    ),
    get: |s| json!(s.telemetry.traces_percent),
    set: |s, v| s.telemetry.traces_percent = number(v).unwrap_or_default(),
};

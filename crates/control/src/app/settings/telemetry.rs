//! What a collector of OpenTelemetry gets.

use super::sign_in::NOT_ALLOWED;
use super::{Effect, Kind, Setting, number, seconds};
use crate::error::{ControlError, Result};
use serde_json::json;
use zaiseki_model::settings::Settings;
use zaiseki_net::http::{AddressPolicy, Url};

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

/// # Errors
/// `invalid` when nothing can be sent there, or everybody would read a password in it.
pub(super) fn check(settings: &Settings) -> Result<()> {
    let url = settings.telemetry.otlp_url.as_str();
    let plain = |url: &Url| url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    match Url::parse(url) {
        _ if url.is_empty() => Ok(()),
        Ok(url) if AddressPolicy::CONFIGURED.refuses(&url).is_some() => {
            Err(ControlError::invalid(OTLP_URL.key, NOT_ALLOWED.0, NOT_ALLOWED.1))
        }
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() && plain(&url) => Ok(()),
        _ => {
            let en = "must be an http or https address without a name or password in it";
            Err(ControlError::invalid(
                OTLP_URL.key,
                en,
                "名前やパスワードを含まない http または https アドレスを指定してください",
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_collector_has_an_address_without_a_password() {
        let of = |url: &str| {
            let mut settings = Settings::default();
            settings.telemetry.otlp_url = url.to_owned();
            settings
        };
        for good in ["", "https://collector.example.com:4318/v1/metrics", "http://127.0.0.1:4318/v1/metrics"] {
            assert!(check(&of(good)).is_ok(), "{good}");
        }
        for bad in [
            "hello world",
            "ftp://collector.example.com/",
            "https://user:secret@10.0.0.1/",
            "https://:secret@10.0.0.1/",
            "http://169.254.169.254/v1/metrics",
        ] {
            assert_eq!(check(&of(bad)).unwrap_err().field(), Some("telemetry.otlp_url"), "{bad}");
        }
    }
}

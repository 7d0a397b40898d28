//! The counts pushed to an OpenTelemetry collector: OTLP over HTTP in its JSON encoding
//! (<https://opentelemetry.io/docs/specs/otlp/>), with the names that Prometheus sees. Off unless the setting
//! `telemetry.otlp_url` names a collector.

use super::metrics::{Family, Kind, Sample, families};
use crate::alarms::catalogue::TELEMETRY_FAILED;
use crate::app::App;
use crate::error::{ControlError, Result};
use crate::text::Text;
use serde_json::{Value, json};
use std::time::Duration;
use zaiseki_model::Timestamp;
use zaiseki_net::http::{AddressPolicy, Client, ClientConfig, HeaderValue, Method, Request, Url, header};

/// Bytes of an answer; nobody reads it.
const ANSWER: usize = 64 * 1024;
/// Failures in a row that are an alarm.
const ALARMING: u32 = 3;

/// Pushes in the interval of the settings. Runs until the future is dropped.
pub async fn run(app: App, node: String) {
    let mut settings = app.settings();
    let mut failures = 0_u32;
    loop {
        let telemetry = settings.borrow_and_update().telemetry.clone();
        match telemetry.otlp_url.trim() {
            "" => app.alarms().clear(&TELEMETRY_FAILED, "otlp"),
            url => match push(&app, &node, url).await {
                Ok(()) => {
                    failures = 0;
                    app.alarms().clear(&TELEMETRY_FAILED, "otlp");
                }
                Err(why) => {
                    failures = failures.saturating_add(1);
                    tracing::warn!(error = %why, "the metrics did not reach the collector");
                    if failures >= ALARMING {
                        app.alarms().raise(&TELEMETRY_FAILED, "otlp", why);
                    }
                }
            },
        }
        tokio::select! {
            () = tokio::time::sleep(telemetry.interval) => {}
            changed = settings.changed() => if changed.is_err() { return },
        }
    }
}

async fn push(app: &App, node: &str, url: &str) -> std::result::Result<(), Text> {
    let (worker, name) = (app.clone(), node.to_owned());
    let body = tokio::task::spawn_blocking(move || body(&worker, &name, Timestamp::now())).await;
    let body = body.unwrap_or_else(|error| Err(ControlError::Thread(std::io::Error::other(error)))).map_err(|e| e.text())?;
    post(url, body).await
}

/// Hands a body to the collector.
pub(super) async fn post(url: &str, body: String) -> std::result::Result<(), Text> {
    let failed = |why: String| Text::new(why.clone(), format!("コレクターに送信できません: {why}"));
    let url = Url::parse(url).map_err(|error| failed(error.to_string()))?;
    let config = ClientConfig {
        policy: AddressPolicy::CONFIGURED,
        request_timeout: Duration::from_secs(20),
        max_body: ANSWER,
        ..ClientConfig::default()
    };
    let request = Request::new(Method::POST, url, body)
        .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .header(header::USER_AGENT, HeaderValue::from_static("zaiseki"));
    let client = Client::new(config).map_err(|error| failed(error.to_string()))?;
    let answer = client.send(request).await.map_err(|error| failed(error.to_string()))?;
    if answer.status.is_success() { Ok(()) } else { Err(failed(format!("the collector answers {}", answer.status))) }
}

/// `ExportMetricsServiceRequest`.
fn body(app: &App, node: &str, now: Timestamp) -> Result<String> {
    let (start, now) = (nanos(app.started()), nanos(now));
    let metrics: Vec<Value> = families(app)?.iter().map(|family| metric(family, &start, &now)).collect();
    Ok(json!({"resourceMetrics": [{
        "resource": {"attributes": resource(app, node)},
        "scopeMetrics": [{"scope": {"name": "zaiseki"}, "metrics": metrics}],
    }]})
    .to_string())
}

/// Who sends.
pub(super) fn resource(app: &App, node: &str) -> Vec<Value> {
    attributes(&[
        ("service.name", "zaiseki"),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("service.instance.id", node),
        ("zaiseki.domain", app.domain()),
    ])
}

fn metric(family: &Family, start: &str, now: &str) -> Value {
    let point = |sample: &Sample| {
        let labels: Vec<(&str, &str)> = sample.labels.iter().map(|(key, value)| (*key, value.as_str())).collect();
        let mut point = json!({"attributes": attributes(&labels), "startTimeUnixNano": start, "timeUnixNano": now});
        // 64-bit integers are decimal strings in the JSON of protocol buffers.
        match sample.value.parse::<i64>() {
            Ok(_) => point["asInt"] = json!(sample.value),
            Err(_) => point["asDouble"] = json!(sample.value.parse::<f64>().unwrap_or(0.0)),
        }
        point
    };
    let mut metric = json!({"name": family.name, "description": family.help});
    let points = || family.samples.iter().map(point).collect::<Vec<Value>>();
    match family.kind {
        // AGGREGATION_TEMPORALITY_CUMULATIVE
        Kind::Counter => metric["sum"] = json!({"dataPoints": points(), "aggregationTemporality": 2, "isMonotonic": true}),
        Kind::Gauge => metric["gauge"] = json!({"dataPoints": points()}),
        Kind::Summary => metric["summary"] = json!({"dataPoints": [summary(family, start, now)]}),
    }
    metric
}

fn summary(family: &Family, start: &str, now: &str) -> Value {
    let of = |suffix: &str| family.samples.iter().find(|sample| sample.suffix == suffix).map(|sample| sample.value.as_str());
    let sum = of("_sum").and_then(|sum| sum.parse::<f64>().ok()).unwrap_or(0.0);
    json!({"attributes": [], "startTimeUnixNano": start, "timeUnixNano": now, "count": of("_count").unwrap_or("0"), "sum": sum})
}

pub(super) fn attributes(pairs: &[(&str, &str)]) -> Vec<Value> {
    pairs.iter().map(|(key, value)| json!({"key": key, "value": {"stringValue": value}})).collect()
}

pub(super) fn nanos(at: Timestamp) -> String {
    (i128::from(at.0) * 1_000).to_string()
}

#[cfg(test)]
#[path = "otlp_tests.rs"]
pub(super) mod tests;

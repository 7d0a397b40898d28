//! The spans pushed to the OpenTelemetry collector of the metrics: OTLP over HTTP in its JSON encoding, at `/v1/traces`.

use super::otlp::{attributes, nanos, post, resource};
use super::spans::{Attribute, Span, hex};
use crate::app::App;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::{sleep, timeout};
use zaiseki_model::limits::SPANS_PER_BATCH;

/// A span waits no longer than this for others to go with it.
const BATCH_TIME: Duration = Duration::from_secs(5);
/// For one batch to be taken; then it is dropped.
const DEADLINE: Duration = Duration::from_secs(10);
/// Ends of the addresses at a collector (OTLP 1.x, "OTLP/HTTP Request").
const METRICS: &str = "/v1/metrics";
const TRACES: &str = "/v1/traces";

/// Pushes what there is while the settings want it. Runs until the future is dropped. A collector that does not answer costs
/// spans, which are counted, and nobody's time.
pub async fn run(app: App, node: String) {
    let mut settings = app.settings();
    loop {
        let telemetry = settings.borrow_and_update().telemetry.clone();
        let url = address(&telemetry.otlp_url).filter(|_| telemetry.traces_percent > 0);
        app.spans().switch(url.is_some());
        let Some(url) = url else {
            match settings.changed().await {
                Ok(()) => continue,
                Err(_) => return,
            }
        };
        tokio::select! {
            () = app.spans().full() => {}
            () = sleep(BATCH_TIME) => {}
            changed = settings.changed() => if changed.is_err() { return },
        }
        send_all(&app, &node, &url).await;
    }
}

/// Where the traces go when the metrics go there.
fn address(otlp_url: &str) -> Option<String> {
    otlp_url.trim().strip_suffix(METRICS).map(|start| format!("{start}{TRACES}"))
}

async fn send_all(app: &App, node: &str, url: &str) {
    loop {
        let spans = app.spans().take(SPANS_PER_BATCH);
        if spans.is_empty() {
            return;
        }
        let sent = timeout(DEADLINE, post(url, body(app, node, &spans))).await;
        match sent {
            Ok(Ok(())) => app.spans().count_sent(spans.len()),
            other => {
                let why = other
                    .map_or_else(|_| "no answer in time".to_owned(), |sent| sent.map_or_else(|why| why.en, |()| String::new()));
                tracing::warn!(error = why, spans = spans.len(), "traces did not reach the collector");
                app.spans().count_dropped(spans.len());
                // The others wait for the next turn: a collector that is down is not asked again at once.
                return;
            }
        }
    }
}

/// `ExportTraceServiceRequest`.
fn body(app: &App, node: &str, spans: &[Span]) -> String {
    let spans: Vec<Value> = spans.iter().map(span).collect();
    json!({"resourceSpans": [{
        "resource": {"attributes": resource(app, node)},
        "scopeSpans": [{"scope": {"name": "zaiseki"}, "spans": spans}],
    }]})
    .to_string()
}

/// Numbers of traces and spans are hexadecimal, unlike other bytes in the JSON of protocol buffers.
fn span(span: &Span) -> Value {
    let mut json = json!({
        "traceId": hex(&span.trace), "spanId": hex(&span.id), "name": span.name, "kind": span.kind as u8,
        "startTimeUnixNano": nanos(span.start), "endTimeUnixNano": nanos(span.end),
        "attributes": span.attributes.iter().map(|(key, value)| attribute(key, value)).collect::<Vec<_>>(),
    });
    if let Some(parent) = &span.parent {
        json["parentSpanId"] = json!(hex(parent));
    }
    if span.failed {
        // STATUS_CODE_ERROR
        json["status"] = json!({"code": 2});
    }
    json
}

fn attribute(key: &str, value: &Attribute) -> Value {
    match value {
        Attribute::Text(text) => attributes(&[(key, text)]).into_iter().next().unwrap_or_default(),
        // 64-bit integers are decimal strings in the JSON of protocol buffers.
        Attribute::Number(number) => json!({"key": key, "value": {"intValue": number.to_string()}}),
        Attribute::Bool(yes) => json!({"key": key, "value": {"boolValue": yes}}),
    }
}

#[cfg(test)]
#[path = "traces_tests.rs"]
mod tests;

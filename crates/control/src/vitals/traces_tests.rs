//! What is pushed, read by OpenTelemetry's own protocol buffers (PyPI).

use super::super::otlp::tests::{collector, parsed};
use super::super::spans::{Parent, SpanKind, begin};
use super::*;
use crate::app::settings;
use crate::app::tests::Fixture;
use std::collections::BTreeMap;
use tokio::net::TcpListener;

/// Numbers come as hexadecimal text, which the parser takes for base64: turned back, they are what was sent.
const PARSE: &str = "
import base64, sys
from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
request = Parse(sys.stdin.read(), ExportTraceServiceRequest())
[resource] = request.resource_spans
print(' '.join(f'{a.key}={a.value.string_value}' for a in resource.resource.attributes))
text = lambda data: base64.b64encode(data).decode() or '-'
for span in resource.scope_spans[0].spans:
    values = ','.join(f'{a.key}={getattr(a.value, a.value.WhichOneof(\"value\"))}' for a in span.attributes)
    took = span.end_time_unix_nano >= span.start_time_unix_nano > 1_600_000_000_000_000_000
    print(span.name, span.kind, text(span.trace_id), text(span.parent_span_id), len(text(span.span_id)), span.status.code, values, took)
";

fn set(app: &App, url: &str) {
    let change =
        BTreeMap::from([("telemetry.otlp_url".to_owned(), json!(url)), ("telemetry.traces_percent".to_owned(), json!(100))]);
    settings::put(app, "tester", &change).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_gets_spans_with_their_trace() {
    let fixture = Fixture::new();
    let app = &fixture.app;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    set(app, &format!("http://127.0.0.1:{}/v1/metrics", listener.local_addr().unwrap().port()));
    let worker = app.clone();
    let work = async move {
        // Until somebody wants spans.
        let parent = Parent::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
        let mut open = loop {
            match begin(&worker, "GET /api/v1/users/{name}", SpanKind::Server, parent) {
                Some(open) => break open,
                None => tokio::task::yield_now().await,
            }
        };
        open.number("http.response.status_code", 503);
        open.text("zaiseki.role", "operator");
        open.bool("zaiseki.dry_run", true);
        open.failed(true);
    };
    let served = async { tokio::join!(collector(&listener), work).0 };
    let (head, body) = tokio::select! {
        () = run(app.clone(), "im1".to_owned()) => unreachable!("it ends with its caller"),
        got = timeout(Duration::from_secs(60), served) => got.expect("pushed"),
    };
    assert!(head.starts_with("post /v1/traces ") && head.contains("content-type: application/json"), "{head}");
    let text = tokio::task::spawn_blocking(move || parsed(PARSE, &body)).await.unwrap();
    assert!(text.contains("service.name=zaiseki") && text.contains("service.instance.id=im1"), "{text}");
    let line = "GET /api/v1/users/{name} 2 0af7651916cd43dd8448eb211c80319c b7ad6b7169203331 16 2 \
        http.response.status_code=503,zaiseki.role=operator,zaiseki.dry_run=True True";
    assert!(text.contains(line), "{text}");
}

#[tokio::test]
async fn a_collector_that_is_down_costs_spans_which_are_counted() {
    let fixture = Fixture::new();
    let app = &fixture.app;
    set(app, "http://127.0.0.1:1/v1/metrics");
    app.spans().switch(true);
    (0..=SPANS_PER_BATCH).for_each(|_| drop(begin(app, "x", SpanKind::Internal, None)));
    send_all(app, "im1", "http://127.0.0.1:1/v1/traces").await;
    assert_eq!(app.spans().counts(), (0, SPANS_PER_BATCH as u64), "the rest waits for the next turn");
    assert_eq!(app.spans().take(9).len(), 1);
}

#[test]
fn traces_go_beside_the_metrics() {
    assert_eq!(address(" https://c.example:4318/v1/metrics ").as_deref(), Some("https://c.example:4318/v1/traces"));
    for none in ["", "https://c.example/otlp"] {
        assert_eq!(address(none), None, "{none}");
    }
}

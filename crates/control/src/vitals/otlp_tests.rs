//! What is pushed, read by OpenTelemetry's own protocol buffers (PyPI).

use super::*;
use crate::app::settings;
use crate::app::tests::Fixture;
use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use zaiseki_model::vitals::NodeCounts;
use zaiseki_testkit::python::Python;

const PARSE: &str = "
import sys
from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
request = Parse(sys.stdin.read(), ExportMetricsServiceRequest())
[resource] = request.resource_metrics
print(' '.join(f'{a.key}={a.value.string_value}' for a in resource.resource.attributes))
for metric in resource.scope_metrics[0].metrics:
    kind = metric.WhichOneof('data')
    for point in getattr(metric, kind).data_points:
        value = point.count if kind == 'summary' else getattr(point, point.WhichOneof('value'))
        labels = ','.join(f'{a.key}={a.value.string_value}' for a in point.attributes)
        print(metric.name, kind, labels or '-', value, point.time_unix_nano - point.start_time_unix_nano)
";

/// What a program of Python makes of a body.
pub(in crate::vitals) fn parsed(program: &str, body: &str) -> String {
    use std::io::Write;
    let python = Python::with("otlp", &["opentelemetry-proto==1.37.0"]).unwrap();
    let mut command: Command = python.command();
    let mut child = command.args(["-c", program]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(body.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{body}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Takes one push: its head in lower case, and its body.
pub(in crate::vitals) async fn collector(listener: &TcpListener) -> (String, String) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && serde_json::from_str::<Value>(body).is_ok()
        {
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
            return (head.to_ascii_lowercase(), body.to_owned());
        }
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_gets_what_prometheus_sees() {
    let fixture = Fixture::new();
    let app = &fixture.app;
    let counts = || NodeCounts { messages_total: 7, sign_ins_total: 3, people_online: 2, ..NodeCounts::default() };
    app.vitals().attach(counts);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://127.0.0.1:{}/v1/metrics", listener.local_addr().unwrap().port());
    let change = BTreeMap::from([("telemetry.otlp_url".to_owned(), json!(url))]);
    settings::put(app, "tester", &change).unwrap();
    let (head, body) = tokio::select! {
        () = run(app.clone(), "im1".to_owned()) => unreachable!("it ends with its caller"),
        got = tokio::time::timeout(Duration::from_secs(30), collector(&listener)) => got.expect("pushed"),
    };
    assert!(head.starts_with("post /v1/metrics ") && head.contains("content-type: application/json"), "{head}");
    let text = tokio::task::spawn_blocking(move || parsed(PARSE, &body)).await.unwrap();
    assert!(text.contains("service.name=zaiseki") && text.contains("service.instance.id=im1"), "{text}");
    for line in
        ["zaiseki_messages_total sum - 7 ", "zaiseki_sign_ins_total sum result=accepted 3 ", "zaiseki_people_online gauge - 2 "]
    {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(text.contains("zaiseki_store_commit_seconds summary - "), "{text}");
}

//! What monitoring sees: the metrics by a foreign parser, who may read them, and what the service manager is told.

use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use zaiseki_net::tls::client_config_trusting;
use zaiseki_testkit::node::{Node, NodeOptions};
use zaiseki_testkit::process::wait_for;
use zaiseki_testkit::python::Python;

use crate::raw::Raw;
use crate::support::PATIENCE;

const BINARY: &str = env!("CARGO_BIN_EXE_zaiseki");

/// Prometheus' own parser of the text format; one line for each sample: type, name, result, value.
const PARSE: &str = "
import sys
from prometheus_client.parser import text_string_to_metric_families as parse
for family in parse(sys.stdin.read()):
    for sample in family.samples:
        print(family.type, sample.name, sample.labels.get('result', '-'), int(sample.value))
";

/// A node that tells its metrics to whoever connects from `allow`, and where.
fn node(allow: &str) -> (Node, SocketAddr) {
    let more_config = format!("[allow]\nmetrics = [{allow:?}]\n");
    let mut node = Node::prepare(BINARY, NodeOptions { more_config, ..NodeOptions::default() }).expect("a folder");
    let config = std::fs::read_to_string(node.config()).expect("a configuration");
    let config = config.replacen("[c2s]", "metrics = [\"127.0.0.1:0\"]\n[c2s]", 1);
    std::fs::write(node.config(), config).expect("a configuration");
    node.restart().expect("a node");
    let log = node.log();
    let line = log.lines().find(|line| line.contains("listening for metrics")).expect("an address");
    let address = line.split_once("address=").and_then(|(_, rest)| rest.split(' ').next()).expect("an address");
    (node, address.parse().expect("an address"))
}

fn get(node: &Node, address: SocketAddr, path: &str) -> (String, String) {
    let mut raw = Raw::connect(address);
    raw.secure(client_config_trusting(&node.ca_pem().expect("a CA")).expect("a configuration"));
    raw.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
    let answer = raw.rest();
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    (head.to_owned(), body.to_owned())
}

fn parsed(text: &str) -> String {
    use std::io::Write;
    let python = Python::with("prometheus", &["prometheus-client==0.23.1"]).expect("the parser");
    let mut command = python.command();
    let mut child = command.args(["-c", PARSE]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python");
    child.stdin.take().expect("stdin").write_all(text.as_bytes()).expect("the text");
    let output = child.wait_with_output().expect("an end");
    assert!(output.status.success(), "{text}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn the_metrics_say_what_happened_and_a_foreign_parser_reads_them() {
    let (node, address) = node("127.0.0.0/8");
    node.add_user("anna", "a long password").expect("a user");
    let mut anna = node.client("anna", "a long password", "desk").expect("a client");
    anna.send("<presence/>").expect("sent");
    anna.send("<message to='anna@localhost'><body>hello</body></message>").expect("sent");
    anna.expect(|stanza| stanza.is("message")).expect("the message");
    assert!(node.client("anna", "wrong", "desk").is_err());
    let (head, text) = get(&node, address, "/metrics");
    assert!(head.starts_with("HTTP/1.1 200") && head.contains("text/plain; version=0.0.4"), "{head}");
    let seen = parsed(&text);
    for line in [
        "counter zaiseki_messages_total - 1",
        "gauge zaiseki_people_online - 1",
        "gauge zaiseki_connections - 1",
        "counter zaiseki_sign_ins_total accepted 1",
        "counter zaiseki_sign_ins_total refused 1",
        "gauge zaiseki_store_healthy - 1",
    ] {
        assert!(seen.lines().any(|other| other == line), "{line} is not in\n{seen}");
    }
    let (head, _) = get(&node, address, "/ready");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    let (head, _) = get(&node, node.https(), "/metrics");
    assert!(head.starts_with("HTTP/1.1 404"), "not at the public addresses: {head}");
}

#[test]
fn the_metrics_are_for_those_who_are_allowed() {
    let (node, address) = node("192.0.2.0/24");
    for path in ["/metrics", "/health", "/ready"] {
        let (head, _) = get(&node, address, path);
        assert!(head.starts_with("HTTP/1.1 403"), "{path}: {head}");
    }
}

/// Ends the process when the test does.
struct Guard(Child);

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_service_manager_is_told_of_start_life_and_end() {
    let node = Node::prepare(BINARY, NodeOptions::default()).expect("a folder");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(PATIENCE)).expect("an option");
    let mut command = Command::new(BINARY);
    command.arg("serve").arg("--config").arg(node.config()).env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "400000");
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a process");
    let mut child = Guard(child);
    let mut said = String::new();
    let mut until = |word: &str| {
        let heard = wait_for(word, PATIENCE, || {
            let mut buffer = [0; 1_000];
            let length = socket.recv(&mut buffer).ok()?;
            said.push_str(&String::from_utf8_lossy(&buffer[..length]));
            said.contains(word).then_some(())
        });
        heard.unwrap_or_else(|error| panic!("{error}: {said}"));
        said.clear();
    };
    until("READY=1");
    until("WATCHDOG=1");
    until("WATCHDOG=1");
    let pid = i32::try_from(child.0.id()).ok().and_then(rustix::process::Pid::from_raw).expect("a pid");
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a signal");
    until("STOPPING=1");
    let ended = wait_for("the end", Duration::from_secs(30), || child.0.try_wait().ok().flatten()).expect("an end");
    assert!(ended.success(), "{ended}");
}

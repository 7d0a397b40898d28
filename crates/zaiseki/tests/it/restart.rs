//! Changes of the configuration file while the node runs: what waits is told, and a restart brings it into use.

use crate::support::*;
use serde_json::Value;
use std::net::{SocketAddr, TcpListener, TcpStream};
use zaiseki_testkit::node::Node;
use zaiseki_testkit::process::{free_port, wait_for};

use crate::sign_in::cli;
use crate::web_door::https;

fn ask(node: &Node, line: &str) -> Result<Value, String> {
    let words: Vec<&str> = line.split(' ').chain(["--output", "json"]).collect();
    let output = node.cli(&words, "").expect("an answer");
    match output.status.success() {
        true => Ok(serde_json::from_slice(&output.stdout).expect("JSON")),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// An API token of an operator.
fn token(node: &Node) -> String {
    cli(node, &["admin", "add", "kenji", "--role", "operator", "--password-stdin"], "a long enough password\n");
    let made = ask(node, "token add restarts --admin kenji --scope services:write").expect("a token");
    made["secret"].as_str().expect("a secret").to_owned()
}

/// Status and answer of the API, which needs no configuration file.
fn api(stage: &Stage, token: &str, method: &str, path: &str) -> (String, Value) {
    let mut raw = https(stage);
    raw.send(format!(
        "{method} /api/v1{path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    ));
    let answer = raw.rest();
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer");
    (head.split(' ').nth(1).expect("a status").to_owned(), serde_json::from_str(body).expect("JSON"))
}

fn edit(node: &Node, from: &str, to: &str) {
    let text = std::fs::read_to_string(node.config()).expect("a configuration");
    assert!(text.contains(from), "{from}: {text}");
    std::fs::write(node.config(), text.replacen(from, to, 1)).expect("written");
}

/// Key and what has to be restarted.
fn waiting(node: &Node) -> Vec<(String, String)> {
    let all = ask(node, "notification list").expect("a list");
    let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    all.as_array().expect("a list").iter().map(|one| (text(one, "key"), text(one, "restart"))).collect()
}

fn free_address() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], free_port().expect("a free port")))
}

fn pair(key: &str, restart: &str) -> (String, String) {
    (key.to_owned(), restart.to_owned())
}

#[test]
fn a_restarted_node_is_the_same_process_with_the_file_as_it_is_now() {
    let mut stage = Stage::open(&[], 3);
    let mut session = stage.online();
    let token = token(&stage.node);
    let (pid, old) = (stage.node.pid().expect("a process"), stage.node.c2s());
    assert!(waiting(&stage.node).is_empty());
    edit(&stage.node, "node_name = \"node1\"", "node_name = \"node2\"\nnonsense = 1\ndatabase = \"oracle\"");
    let (status, broken) = api(&stage, &token, "GET", "/notifications");
    assert_eq!((status.as_str(), broken.as_array().map(Vec::len)), ("200", Some(2)), "{broken}");
    assert!(broken.as_array().expect("a list").iter().all(|one| one["severity"] == "critical"), "{broken}");
    let (status, refused) = api(&stage, &token, "POST", "/nodes/node1/restart");
    let why = refused["error"]["en"].as_str().unwrap_or_default();
    assert!(status == "409" && why.contains("nonsense") && why.contains("oracle"), "all problems: {refused}");
    assert_eq!(stage.node.log().matches(" ready domain=").count(), 1);

    let address = free_address();
    edit(&stage.node, "\nnonsense = 1\ndatabase = \"oracle\"", "");
    edit(&stage.node, "c2s = [\"127.0.0.1:0\"]", &format!("c2s = [\"{address}\"]"));
    assert_eq!(waiting(&stage.node), [pair("listen.c2s", "client-connections"), pair("node_name", "node")]);
    assert!(ask(&stage.node, "node restart node2").expect_err("refused").contains("no node"));
    let before = stage.node.log().len();
    let (status, told) = api(&stage, &token, "POST", "/nodes/node1/restart");
    assert_eq!((status.as_str(), &told["name"]), ("202", &"node1".into()), "{told}");
    session.client.expect_close().expect("the stream ends, not only the connection");
    stage.node.await_start(before).expect("a start");
    assert_eq!((stage.node.pid(), stage.node.c2s()), (Some(pid), address));
    assert!(std::fs::read_to_string(stage.node.data_dir().join("lock")).expect("a lock").trim() == pid.to_string());
    assert!(TcpStream::connect(old).is_err(), "{old} is closed");
    assert_eq!(ask(&stage.node, "node list").expect("nodes")[0]["name"], "node2");
    assert!(waiting(&stage.node).is_empty());
    stage.online().leave();
    let audit = ask(&stage.node, "audit list").expect("entries");
    let entry = audit["entries"].as_array().expect("entries").iter().find(|entry| entry["action"] == "node.restart");
    assert!(entry.is_some_and(|entry| entry.to_string().contains("node2")), "{audit}");
    stage.node.stop().expect("SIGTERM ends it as ever");
}

#[test]
fn a_restarted_service_takes_its_addresses_from_the_file() {
    let mut stage = Stage::open(&[], 3);
    let (pid, tls) = (stage.node.pid(), stage.node.c2s_tls());
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let busy = taken.local_addr().expect("an address");
    edit(&stage.node, "c2s = [\"127.0.0.1:0\"]", &format!("c2s = [\"{busy}\"]"));
    let refused = ask(&stage.node, "service restart client-connections").expect_err("refused");
    assert!(refused.contains(&busy.to_string()), "{refused}");
    stage.online().leave();

    let address = free_address();
    edit(&stage.node, &busy.to_string(), &address.to_string());
    assert_eq!(waiting(&stage.node), [pair("listen.c2s", "client-connections")]);
    let old = stage.node.c2s();
    let mut session = stage.online();
    ask(&stage.node, "service restart client-connections").expect("restarted");
    session.client.expect_close().expect("the stream ends");
    wait_for("the new address", PATIENCE, || waiting(&stage.node).is_empty().then_some(())).expect("in use");
    assert!(TcpStream::connect(address).is_ok() && TcpStream::connect(tls).is_ok(), "the other address stays");
    assert!(TcpStream::connect(old).is_err(), "{old} is closed");
    let nodes = ask(&stage.node, "node list").expect("nodes");
    assert!(nodes.to_string().contains(&address.to_string()) && !nodes.to_string().contains(&format!("\"{old}\"")), "{nodes}");
    let checks = ask(&stage.node, "doctor --section clients").expect("checks");
    assert_eq!(checks["failed"], 0, "the troubleshooter looks at the new address: {checks}");
    assert_eq!(stage.node.pid(), pid);
    stage.node.stop().expect("an end");
}

/// A typing error must not keep an administrator from the node that runs, least of all from mending a lock-out.
#[test]
fn a_file_with_a_mistake_still_leads_to_the_running_node() {
    let mut node = Node::start(env!("CARGO_BIN_EXE_zaiseki")).expect("a node");
    let good = std::fs::read_to_string(node.config()).expect("a configuration");
    std::fs::write(node.config(), format!("{good}\n[lisen]\nc2s = []\n")).expect("a configuration");
    let output = node.cli(&["admin", "reset", "boss", "--output", "json"], "").expect("the command line");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("lisen"), "{output:?}");
    let output = node.cli(&["notification", "list", "--output", "json"], "").expect("the command line");
    assert!(String::from_utf8_lossy(&output.stdout).contains("lisen"), "{output:?}");
    node.stop().expect("an end");
    let output = node.cli(&["user", "list"], "").expect("the command line");
    assert_eq!(output.status.code(), Some(64), "{output:?}");

    // Without a node the file is what would be read, and nothing waits for a restart.
    std::fs::write(node.config(), good).expect("a configuration");
    let output = node.cli(&["notification", "list", "--output", "json"], "").expect("the command line");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && !told.contains("severity"), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("no node runs"), "{output:?}");
    // And whoever names no node does not get one made.
    let folder = tempfile::tempdir().expect("a folder");
    let bare =
        std::process::Command::new(env!("CARGO_BIN_EXE_zaiseki")).args(["user", "list"]).current_dir(folder.path()).output();
    let bare = bare.expect("the command line");
    assert!(!bare.status.success() && String::from_utf8_lossy(&bare.stderr).contains("--config"), "{bare:?}");
    assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 0);
}

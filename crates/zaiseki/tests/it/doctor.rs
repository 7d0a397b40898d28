//! The troubleshooter on the terminal, asked of a running node and of none.

use serde_json::Value;
use zaiseki_testkit::dns::Dns;
use zaiseki_testkit::node::{Node, NodeOptions};

fn run(node: &Node, arguments: &[&str]) -> (Option<i32>, Value) {
    let output = node.cli(&[&["doctor", "--output", "json"], arguments].concat(), "").expect("the command line");
    let said = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code(), said)
}

#[test]
fn every_listener_of_a_running_node_passes_and_none_without_a_node() {
    let mut node = Node::start(env!("CARGO_BIN_EXE_zaiseki")).expect("a node");
    let (code, found) = run(&node, &["--section", "clients"]);
    let results = found["results"].as_array().cloned().unwrap_or_default();
    assert!(results.len() >= 2, "{found:#}");
    assert_eq!(code, Some(0), "{found:#}");
    for kind in ["c2s ", "c2s_tls ", "https "] {
        assert!(results.iter().any(|r| r["subject"].as_str().is_some_and(|s| s.starts_with(kind))), "{kind}: {found:#}");
    }
    let (code, found) = run(&node, &["--section", "certificates"]);
    assert_eq!((code, &found["failed"]), (Some(2), &Value::from(0)), "self-made, in use: {found:#}");
    assert_eq!(run(&node, &["--section", "nothing"]).0, Some(1));
    // Nobody has an account yet.
    assert_eq!(run(&node, &["--section", "administrators"]).0, Some(1));
    node.stop().expect("an end");
    let (code, found) = run(&node, &["--section", "clients"]);
    assert_eq!((code, &found["results"][0]["outcome"]), (Some(2), &Value::from("warning")), "{found:#}");
}

/// Outcome of the check of an SRV record.
fn srv(node: &Node, record: &str) -> (String, String) {
    let (_, found) = run(node, &["--section", "dns"]);
    let results = found["results"].as_array().cloned().unwrap_or_default();
    let subject = format!("{record}.{}", node.domain());
    let result = results.iter().find(|r| r["subject"] == subject.as_str()).unwrap_or_else(|| panic!("{subject}: {found:#}"));
    (result["outcome"].as_str().unwrap_or_default().to_owned(), result["seen"]["en"].as_str().unwrap_or_default().to_owned())
}

#[test]
fn srv_records_are_looked_for_in_a_real_dns() {
    let options = NodeOptions { domain: "im.test".to_owned(), ..NodeOptions::default() };
    let node = Node::start_with(env!("CARGO_BIN_EXE_zaiseki"), options).expect("a node");
    let port = node.c2s().port();
    let set = |servers: &str| {
        let output = node.cli(&["settings", "set", "dns.servers", servers], "").expect("the command line");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    // More records than a datagram holds: the answer comes over TCP.
    let service = "_xmpp-client._tcp";
    let mut records: Vec<String> =
        (1..40).map(|n| format!("--srv-host={service}.im.test,a-host-of-many-{n}.im.test,5222,{n},5")).collect();
    records.push("--address=/im.test/127.0.0.1".to_owned());
    records.push(format!("--srv-host={service}.im.test,node1,{port},0,5"));
    records.push("--host-record=node1,127.0.0.1".to_owned());
    records.push("--srv-host=_xmpps-client._tcp.im.test,gone.test,5223,0,5".to_owned());
    let dns = Dns::start(&records).expect("a DNS server");
    set(&dns.address());
    let (outcome, seen) = srv(&node, service);
    assert_eq!(outcome, "passed", "{seen}");
    assert!(seen.starts_with(&format!("node1:{port}, ")) && seen.contains("a-host-of-many-39.im.test:5222"), "{seen}");
    let (outcome, seen) = srv(&node, "_xmpps-client._tcp");
    assert!(outcome == "failed" && seen.ends_with("has no address: gone.test"), "{outcome} {seen}");
    drop(dns);
    assert_eq!(srv(&node, service).0, "warning", "nobody answers");
    let empty = Dns::start(&[]).expect("a DNS server");
    set(&empty.address());
    let (outcome, seen) = srv(&node, service);
    assert!(outcome == "warning" && seen.starts_with("none: "), "{outcome} {seen}");
    assert_eq!(srv(&node, "_xmpps-client._tcp").0, "passed", "STARTTLS is enough");
    let output = node.cli(&["settings", "set", "dns.servers", "169.254.169.254"], "").expect("the command line");
    assert!(!output.status.success(), "an address of metadata is not asked");
}

/// Link-local addresses are reached where whoever runs the machine says so, which no administrator of the service can.
#[test]
fn the_configuration_file_allows_what_is_guarded() {
    let more_config = "[outbound]\nallow = [\"169.254.10.0/24\"]\n".to_owned();
    let node =
        Node::start_with(env!("CARGO_BIN_EXE_zaiseki"), NodeOptions { more_config, ..NodeOptions::default() }).expect("a node");
    let taken =
        |servers: &str| node.cli(&["settings", "set", "dns.servers", servers], "").expect("the command line").status.success();
    assert!(taken("169.254.10.53"));
    assert!(!taken("169.254.11.53"));
    let add = |url: &str| {
        let args = ["gateway", "add", "c", "--kind", "caldav", "--url", url, "--username", "service", "--password-stdin"];
        node.cli(&args, "secret\n").expect("the command line")
    };
    let refused = add("https://169.254.11.1/{user}/");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("outbound.allow"), "{refused:?}");
    let added = add("https://169.254.10.1/{user}/");
    assert!(added.status.success(), "{added:?}");
}

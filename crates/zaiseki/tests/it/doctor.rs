//! The troubleshooter on the terminal, asked of a running node and of none.

use serde_json::Value;
use zaiseki_testkit::node::Node;

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

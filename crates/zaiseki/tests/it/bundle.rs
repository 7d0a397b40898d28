//! The support bundle of a node that has been used: what is in it, and what must not be.

use crate::sign_in::cli;
use crate::support::*;
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;

/// What people said and typed, and what the node keeps of them.
const PLANTED: [&str; 6] = ["whispered to a friend", PASSWORD, "pw-of-admin", "pw-of-gateway", "pw-in-an-address", "Yamada"];

#[test]
fn a_bundle_of_a_used_node_holds_no_secret_and_no_name() {
    let stage = Stage::open(&[], 2);
    let node = &stage.node;
    let (mut one, mut two) = stage.friends();
    one.say(format!("<message to='{}' type='chat' id='m1'><body>whispered to a friend</body></message>", two.jid));
    two.hear(|e| e.is("message") && e.child("body").is_some());
    cli(node, &["admin", "add", "kenji", "--role", "operator", "--password-stdin"], "pw-of-admin long enough\n");
    cli(node, &["user", "set", "user0", "--display-name", "山田 Yamada", "--mail", "t.yamada@localhost"], "");
    let gateway =
        ["gateway", "add", "ews", "--kind", "ews", "--url", "https://127.0.0.1:1/EWS", "--username", "svc", "--password-stdin"];
    cli(node, &gateway, "pw-of-gateway\n");
    cli(node, &["settings", "set", "telemetry.otlp_url", "https://127.0.0.1:1/v1/metrics?key=pw-in-an-address"], "");
    cli(node, &["log-level", "debug"], "");
    let _third = node.client("user0", PASSWORD, "third").expect("a session");
    let file = node.config().with_file_name("bundle.json");
    let path = file.display().to_string();
    cli(node, &["doctor", "--bundle", &path], "");
    assert_eq!(std::fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).expect("a bundle");
    let bundle: Value = serde_json::from_str(&text).expect("JSON");

    let log = node.log();
    let link = log.split_once("/setup/").map(|(_, rest)| rest.split_whitespace().next().unwrap_or_default().to_owned());
    let link = link.expect("the link of a node without administrators");
    assert!(log.contains("user0") || log.contains("user1"), "the log names who signed in");
    for secret in PLANTED.into_iter().chain([link.as_str(), "user0", "user1", "kenji"]) {
        assert!(!text.contains(secret), "{secret} in the bundle");
    }
    let parts = &bundle["parts"];
    assert_eq!(parts["database"]["rows"]["message"], 1, "{}", parts["database"]);
    assert_eq!(parts["bootstrap"]["in_use"], parts["bootstrap"]["now"]);
    assert_eq!(parts["bootstrap"]["in_use"]["domain"], "localhost");
    let lines = parts["log"].as_array().expect("lines");
    let says = |text: &str| lines.iter().any(|line| line["text"].as_str().is_some_and(|said| said.contains(text)));
    assert!(says("/setup/(removed)") && says("signed in user=person-") && says("ready domain=localhost"), "{lines:#?}");
    assert!(parts["certificates"][0]["chain"][0]["fingerprint"].is_string() && parts["checks"]["results"].is_array());

    // The first one stays as it is.
    let again = node.cli(&["doctor", "--bundle", &path], "").expect("a command");
    assert!(!again.status.success());
    assert_eq!(std::fs::read_to_string(&file).expect("a bundle"), text);
}

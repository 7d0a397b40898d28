//! A closer look at a running node: a user's stanzas without what people wrote, the log's level, the alarms, from the terminal.

use serde_json::Value;
use zaiseki_testkit::node::Node;

const BINARY: &str = env!("CARGO_BIN_EXE_zaiseki");

fn cli(node: &Node, line: &str) -> Result<String, String> {
    let words: Vec<&str> = line.split(' ').collect();
    let output = node.cli(&words, "").expect("the command line");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

#[test]
fn a_trace_has_both_directions_and_no_words_of_people() {
    let node = Node::start(BINARY).expect("a node");
    node.add_user("anna", "a long password").expect("a user");
    node.add_user("ben", "a long password").expect("a user");
    let mut anna = node.client("anna", "a long password", "desk").expect("a client");
    let mut ben = node.client("ben", "a long password", "phone").expect("a client");
    ben.send("<presence/>").expect("sent");
    ben.barrier().expect("handled");
    cli(&node, "trace start anna --for 5").expect("a trace");
    anna.send("<presence><show>dnd</show><status>private matters</status></presence>").expect("sent");
    anna.send("<message to='ben@localhost/phone' type='chat' id='m1'><body>a secret</body></message>").expect("sent");
    ben.expect(|stanza| stanza.is("message")).expect("the message");
    ben.send("<message to='anna@localhost/desk' type='chat' id='m2'><body>another secret</body></message>").expect("sent");
    anna.expect(|stanza| stanza.attr("id") == Some("m2")).expect("the answer");
    let shown = cli(&node, "trace show anna --output json").expect("the trace");
    assert!(!shown.contains("secret") && !shown.contains("private"), "{shown}");
    let content: Value = serde_json::from_str(&shown).expect("JSON");
    let stanzas = content["stanzas"].as_array().expect("stanzas");
    let has = |direction: &str, part: &str| {
        stanzas.iter().any(|s| s["direction"] == direction && s["stanza"].as_str().is_some_and(|text| text.contains(part)))
    };
    assert!(
        has("sent", "<show>dnd</show>") && has("sent", "<body>[8]</body>") && has("received", "<body>[14]</body>"),
        "{shown}"
    );
    assert!(stanzas.iter().all(|stanza| stanza["resource"] == "desk"), "{shown}");
    cli(&node, "trace stop anna").expect("stopped");
    let before = stanzas.len();
    anna.send("<presence/>").expect("sent");
    anna.barrier().expect("handled");
    let list: Value = serde_json::from_str(&cli(&node, "trace list --output json").expect("a list")).expect("JSON");
    assert_eq!((&list[0]["state"], list[0]["count"].as_u64()), (&"stopped".into(), Some(before as u64)), "{list}");
    assert!(cli(&node, "trace show ben").is_err(), "ben was not traced");
    let audit = cli(&node, "audit list --action trace").expect("the audit log");
    for action in ["trace.start", "trace.read", "trace.stop"] {
        assert!(audit.contains(action), "{audit}");
    }
}

#[test]
fn the_log_says_more_for_a_time_and_alarms_are_told() {
    let node = Node::start(BINARY).expect("a node");
    node.add_user("anna", "a long password").expect("a user");
    let changed = cli(&node, "log-level debug --for 5").expect("changed");
    assert!(changed.contains("debug") && changed.contains("local:"), "{changed}");
    node.client("anna", "a long password", "desk").expect("a client").close().expect("closed");
    assert!(node.log().contains("DEBUG"), "{}", node.log());
    let back = cli(&node, "log-level usual").expect("back");
    assert!(!back.contains("debug"), "{back}");
    assert!(cli(&node, "alarm catalogue").expect("the catalogue").contains("gateway.down"));
    cli(&node, "alarm list --all").expect("the alarms");
    cli(&node, "alarm-target add siem --kind syslog --host 127.0.0.1 --port 1 --transport tcp").expect("a target");
    let failed = cli(&node, "alarm-target test siem").expect_err("nobody listens there");
    assert!(failed.contains("not sent"), "{failed}");
    assert!(cli(&node, "alarm-target list").expect("a list").contains("syslog"));
}

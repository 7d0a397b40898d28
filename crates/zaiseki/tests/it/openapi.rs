//! The OpenAPI document in the hands of tools that nobody here wrote: openapi-spec-validator reads it, schemathesis asks a
//! running node what the document says can be asked, and what it says cannot.

use serde_json::Value;
use std::fs;
use std::process::Command;
use zaiseki_control::access::{Area, Right};
use zaiseki_testkit::node::Node;
use zaiseki_testkit::process::run;
use zaiseki_testkit::python::Python;

const PACKAGES: [&str; 2] = ["schemathesis==4.32.5", "openapi-spec-validator==0.9.0"];
/// Requests of each operation, besides those at the edges of its schema.
const EXAMPLES: &str = "3";
/// Asked for in a run of their own, after the others.
const LAST: [&str; 9] = [
    // They may take from the one who asks what the others need.
    "admins.remove",
    "admins.update",
    "admins.reset",
    "admins.set-password",
    "tokens.remove",
    // They may end what answers.
    "services.stop",
    "services.restart",
    "services.deactivate",
    // Every text is a CSV file of some rows, and bad rows are told, not refused.
    "users.import",
];

/// Not asked for: the tool learns the node's name from other answers, and the node comes back at another port. It has a test of
/// its own.
const NEVER: &str = "nodes.restart";

/// Rules that a schema does not tell (addresses, passwords, what exists) refuse requests that fit it.
const NOT_CHECKED: &str = "positive_data_acceptance";
const NOT_CHECKED_LAST: &str = "positive_data_acceptance,negative_data_rejection";

fn python() -> Python {
    Python::with("openapi", &PACKAGES).expect("schemathesis")
}

#[test]
fn the_document_is_valid_openapi_3_1() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("openapi.json");
    let document = zaiseki_admin::api::openapi();
    fs::write(&file, document.to_pretty_json().expect("JSON")).expect("a file");
    let mut validator = python().program("openapi-spec-validator");
    let said = run(validator.args(["--schema", "3.1"]).arg(&file)).expect("a valid document");
    assert!(said.contains("OK"), "{said}");
}

/// A node, and a token that may do everything.
fn node_with_token() -> (Node, String) {
    let node = Node::start(env!("CARGO_BIN_EXE_zaiseki")).expect("a node");
    let ok = |arguments: &[&str]| -> String {
        let output = node.cli(arguments, "").expect("an answer");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("a text")
    };
    ok(&["admin", "add", "root", "--role", "administrator", "--no-password"]);
    let rights: Vec<String> = Area::ALL.iter().map(|area| Right::write(*area).to_string()).collect();
    let mut arguments = vec!["token", "add", "tester", "--admin", "root", "--output", "json"];
    arguments.extend(rights.iter().flat_map(|right| ["--scope", right.as_str()]));
    let made: Value = serde_json::from_str(&ok(&arguments)).expect("JSON");
    let secret = made["secret"].as_str().expect("a secret").to_owned();
    (node, secret)
}

fn schemathesis(node: &Node, secret: &str, which: &str, not_checked: &str) -> Command {
    let url = format!("https://localhost:{}", node.https().port());
    let first = which.starts_with("--exclude");
    let names = LAST.into_iter().chain(first.then_some(NEVER));
    let ids = format!("^({})$", names.collect::<Vec<_>>().join("|").replace('.', "\\."));
    let mut command = python().program("schemathesis");
    command.current_dir(node.data_dir().parent().expect("a folder"));
    command.args([
        "run",
        &format!("{url}/api/openapi.json"),
        "--url",
        &url,
        "--header",
        &format!("Authorization: Bearer {secret}"),
    ]);
    command.arg("--tls-verify").arg(node.data_dir().join("tls/ca.pem"));
    command.args(["--phases", "examples,coverage,fuzzing", "--max-examples", EXAMPLES, "--seed", "1", "--warnings", "off"]);
    // A connection that the node ends after a refusal may be taken for an open one a moment too long.
    command.args(["--request-retries", "3"]);
    command.args(["--continue-on-failure", "--request-timeout", "30", "--exclude-checks", not_checked, which, &ids]);
    command
}

#[test]
fn schemathesis_finds_no_fault_and_no_answer_that_the_document_does_not_tell() {
    let (node, secret) = node_with_token();
    let said = run(&mut schemathesis(&node, &secret, "--exclude-operation-id-regex", NOT_CHECKED)).expect("no fault");
    println!("{said}");
    // The token still opens everything: nothing was refused only for want of it.
    let own = node.cli(&["token", "list", "--output", "json"], "").expect("an answer");
    assert!(String::from_utf8_lossy(&own.stdout).contains("\"tester\""));
    let said = run(&mut schemathesis(&node, &secret, "--include-operation-id-regex", NOT_CHECKED_LAST)).expect("no fault");
    println!("{said}");
    assert!(!node.log().contains("panicked"), "{}", node.log());
}

//! Starting, being told apart, and stopping: what an administrator sees of the process itself.

use std::net::{TcpListener, TcpStream};
use zaiseki_testkit::node::{Node, NodeOptions};

const BINARY: &str = env!("CARGO_BIN_EXE_zaiseki");

fn said(output: &std::process::Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn nobody_is_let_in_before_every_address_is_ours() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let options = NodeOptions { https: taken.local_addr().expect("an address"), ..NodeOptions::default() };
    let node = Node::prepare(BINARY, options).expect("a node");
    let output = node.cli(&["serve", "--lang", "ja"], "").expect("an end");
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains(&format!("{} で待ち受けできません", node.https())), "{}", said(&output));
    let log = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!log.contains("listening for XMPP clients"), "{log}");
    assert!(!log.contains('\u{1b}'), "colours in a pipe: {log:?}");
}

#[test]
fn a_second_node_is_refused_and_told_who_the_first_is() {
    let node = Node::start(BINARY).expect("a node");
    let pid = node.pid().expect("a pid").to_string();
    for (lang, words) in [("en", "in use by another process"), ("ja", "別のプロセスが使用中です")] {
        let output = node.cli(&["serve", "--lang", lang], "").expect("an end");
        assert_eq!(output.status.code(), Some(1));
        assert!(said(&output).contains(words) && said(&output).contains(&pid), "{}", said(&output));
    }
    TcpStream::connect(node.c2s()).expect("the first goes on");
}

#[test]
fn sigterm_says_goodbye_and_a_start_after_sigkill_needs_nobody() {
    let mut node = Node::start(BINARY).expect("a node");
    node.add_user("anna", "a long password").expect("a user");
    let mut anna = node.client("anna", "a long password", "desk").expect("a client");
    node.stop().expect("an orderly end");
    anna.expect_close().expect("the stream ends, not only the connection");
    assert!(!node.data_dir().join("admin.sock").exists());
    node.restart().expect("a start");
    node.kill().expect("the end");
    assert!(node.data_dir().join("admin.sock").exists(), "left by the dead");
    node.restart().expect("a start over what the dead node left");
    node.client("anna", "a long password", "desk").expect("a client");
    assert!(node.cli(&["user", "list"], "").expect("an answer").status.success());
}

#[test]
fn a_wrong_line_ends_with_64_and_speaks_the_language() {
    let node = Node::prepare(BINARY, NodeOptions { more_config: "[nothing]\nx = 1\n".to_owned(), ..NodeOptions::default() });
    let node = node.expect("a folder");
    for (arguments, words) in [
        (&["--lang", "ja", "user", "ad"][..], "というコマンドはありません"),
        (&["--lang", "ja", "serve"], "このキーはありません"),
        (&["--lang", "en", "serve"], "unknown key"),
    ] {
        let output = node.cli(arguments, "").expect("an end");
        assert_eq!(output.status.code(), Some(64), "{arguments:?}");
        assert!(said(&output).contains(words), "{}", said(&output));
    }
    assert!(!node.data_dir().exists(), "nothing was made");
}

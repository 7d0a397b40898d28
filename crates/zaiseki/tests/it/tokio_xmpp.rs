//! A client that nobody here wrote and that binds its sign-in to the channel: tokio-xmpp of xmpp-rs (`tests/peers/tokio-xmpp`).

use std::path::{Path, PathBuf};
use std::process::Command;

use zaiseki_testkit::intruder::Intruder;
use zaiseki_testkit::node::NodeOptions;
use zaiseki_testkit::peers::cargo_program;
use zaiseki_testkit::process::run;
use zaiseki_testkit::xmpp_client::{Account, Client, Endpoint, Mechanism, Security};

use crate::support::*;

/// A node that says in its log how people sign in.
fn talkative_stage() -> Stage {
    let options = NodeOptions { more_config: "[log]\nlevel = \"debug\"\n".to_owned(), ..NodeOptions::default() };
    Stage::open_with(options, &[], 2)
}

fn program() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/tokio-xmpp");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("peers");
    cargo_program(&folder, &target, "zaiseki-peer-tokio-xmpp").expect("tokio-xmpp")
}

/// The client by one of its doors, with the authorities in the file `trusted`.
fn client(door: &str, address: impl ToString, person: &Person<'_>, trusted: &Path) -> Command {
    let mut command = Command::new(program());
    command.arg(door).arg(address.to_string()).args([&person.jid, PASSWORD]);
    command.env("SSL_CERT_FILE", trusted).env_remove("SSL_CERT_DIR");
    command
}

/// The mechanisms by which this person has signed in, as the node's log names them.
fn mechanisms(stage: &Stage, person: &Person<'_>) -> Vec<String> {
    let log = strip_colours(&stage.node.log());
    let of_person = format!("user=\"{}\"", person.name);
    let lines = log.lines().filter(|line| line.contains("signed in") && line.contains(&of_person));
    let named = lines.filter_map(|line| line.split("mechanism=\"").nth(1)?.split('"').next());
    named.map(str::to_owned).collect()
}

/// Without the escape sequences that colour a log (ECMA-48 SGR).
fn strip_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| out + part.split_once('m').map_or(part, |(_, rest)| rest))
}

#[test]
fn tokio_xmpp_binds_its_sign_in_to_the_channel() {
    let stage = talkative_stage();
    let trusted = stage.node.data_dir().join("tls/ca.pem");
    for (door, address) in [("starttls", stage.node.c2s()), ("direct", stage.node.c2s_tls())] {
        let person = stage.person();
        let said = run(&mut client(door, address, &person, &trusted)).expect("tokio-xmpp");
        assert!(said.contains(&format!("online: {}/", person.jid)) && said.trim_end().ends_with("done"), "{door}: {said}");
        let mechanisms = mechanisms(&stage, &person);
        assert!(!mechanisms.is_empty() && mechanisms.iter().all(|name| name == "SCRAM-SHA-256-PLUS"), "{door}: {mechanisms:?}");
    }
}

#[test]
fn a_man_in_the_middle_whom_the_client_trusts_is_noticed() {
    let stage = talkative_stage();
    let (bound, unbound) = (stage.person(), stage.person());
    let node_ca = stage.node.ca_pem().expect("a CA");
    let intruder = Intruder::before(stage.node.c2s_tls(), stage.domain(), &node_ca).expect("a man in the middle");
    let his_ca = intruder.ca_pem().expect("his CA");
    let trusted = stage.node.data_dir().join("trusted.pem");
    std::fs::write(&trusted, format!("{node_ca}{his_ca}")).expect("written");

    let error = run(&mut client("direct", intruder.address(), &bound, &trusted)).expect_err("refused");
    assert!(error.to_string().contains("NotAuthorized"), "{error}");
    assert!(mechanisms(&stage, &bound).is_empty(), "nobody is signed in");

    // Who does not bind does not notice: the man in the middle passes everything on, so it was the binding that failed.
    let (address, domain) = (intruder.address(), stage.domain().to_owned());
    let endpoint = Endpoint { address, domain, security: Security::Direct, ca_pem: Some(his_ca) };
    let account = Account { mechanism: Mechanism::ScramSha256, ..unbound.account() };
    Client::sign_in_to(&endpoint, account, "desk").expect("signed in");
    assert_eq!(mechanisms(&stage, &unbound), ["SCRAM-SHA-256"]);
    // And the same client reaches the node when nobody is in between.
    run(&mut client("direct", stage.node.c2s_tls(), &bound, &trusted)).expect("tokio-xmpp");
}

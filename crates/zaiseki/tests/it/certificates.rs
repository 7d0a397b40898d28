//! Certificates are exchanged while a node runs: openssl plays the authority, and Pebble the public one.

use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;
use zaiseki_net::tls::{CertificateFacts, certificates_in, client_config_trusting};
use zaiseki_testkit::node::{Node, NodeOptions};
use zaiseki_testkit::pebble::Pebble;
use zaiseki_testkit::process::{free_port, wait_for};

use crate::raw::Raw;

/// What openssl says on standard output.
fn openssl(folder: &Path, arguments: &str) -> String {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().expect("openssl");
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What `zaiseki certificate …` says; an error is its text.
fn certificate(node: &Node, arguments: &[&str]) -> Result<String, String> {
    let output = node.cli(&[&["certificate"], arguments].concat(), "").expect("the command line");
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(said(&output.stdout)) } else { Err(said(&output.stderr)) }
}

/// The certificate that a listener with TLS shows to somebody who believes `ca`.
fn shown(address: SocketAddr, ca: &str) -> CertificateFacts {
    let mut raw = Raw::connect(address);
    raw.secure(client_config_trusting(ca).expect("a CA"));
    CertificateFacts::of(&raw.certificate()).expect("a certificate")
}

#[test]
fn a_certificate_comes_by_request_and_import_and_goes_again_while_people_are_connected() {
    let mut node = Node::start(env!("CARGO_BIN_EXE_zaiseki")).expect("a node");
    node.add_user("anna", "a long password").expect("a user");
    let mut anna = node.client("anna", "a long password", "desk").expect("a client");
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    let own = node.ca_pem().expect("a CA");
    assert_eq!(certificate(&node, &["authority"]).expect("the authority").trim(), own.trim());
    openssl(folder.path(), "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 99 -subj /CN=Test-CA");
    let ca = std::fs::read_to_string(at("ca.pem")).expect("a CA");

    let request = certificate(&node, &["request", "xmpp", "--name", "localhost", "--name", "*.example.com"]).expect("a request");
    std::fs::write(at("web.csr"), &request).expect("a file");
    let read = openssl(folder.path(), "req -in web.csr -noout -text -verify");
    assert!(read.contains("DNS:localhost, DNS:*.example.com") && read.contains("prime256v1"), "{read}");
    openssl(folder.path(), "x509 -req -in web.csr -CA ca.pem -CAkey ca.key -days 9 -copy_extensions copy -out leaf.pem");
    let said = certificate(&node, &["import", "xmpp", "--certificate", &at("leaf.pem")]).expect("imported");
    assert!(said.contains("in 8 days") || said.contains("in 9 days"), "it says what is to be known: {said}");
    assert_eq!(shown(node.c2s_tls(), &ca).issuer, "CN=Test-CA");
    assert_ne!(shown(node.https(), &own).issuer, "CN=Test-CA", "HTTPS is another purpose");

    let names = "subjectAltName=DNS:localhost";
    openssl(folder.path(), &format!("req -newkey rsa:2048 -nodes -keyout web.key -out web.csr -subj /CN=web -addext {names}"));
    openssl(folder.path(), "x509 -req -in web.csr -CA ca.pem -CAkey ca.key -days 99 -copy_extensions copy -out web.pem");
    let wrong = certificate(&node, &["import", "web", "--certificate", &at("web.pem"), "--key", &at("ca.key")]).unwrap_err();
    assert!(wrong.contains("key") && wrong.contains("does not belong"), "{wrong}");
    let both = ["import", "web", "--certificate", &at("web.pem"), "--key", &at("web.key"), "--both"];
    let said = certificate(&node, &both).expect("imported");
    assert!(said.contains("RSA 2048") && !said.contains("PRIVATE"), "{said}");
    for address in [node.https(), node.c2s_tls()] {
        assert_eq!(shown(address, &ca).subject, "CN=web");
    }
    anna.send("<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>").expect("sent");
    anna.expect(|stanza| stanza.attr("id") == Some("1")).expect("nobody was disconnected");

    node.stop().expect("an end");
    assert!(certificate(&node, &["list"]).expect("asked of the database").contains("imported"));
    node.restart().expect("a start");
    assert_eq!(shown(node.https(), &ca).subject, "CN=web");
    certificate(&node, &["remove", "web"]).expect("removed");
    assert!(shown(node.https(), &own).names.contains(&"localhost".to_owned()));
    certificate(&node, &["reissue", "web", "--name", "localhost", "--name", "chat.localhost"]).expect("reissued");
    assert_eq!(shown(node.https(), &own).names, ["localhost", "chat.localhost"]);
    let keys = Command::new("grep").args(["-rl", "PRIVATE KEY"]).arg(node.data_dir()).output().expect("grep");
    let mut files: Vec<_> =
        String::from_utf8_lossy(&keys.stdout).lines().map(|l| l.rsplit('/').next().unwrap_or_default().to_owned()).collect();
    files.sort();
    assert_eq!(files, ["ca.key", "server.key"], "only the files that are there on purpose");
}

/// A node whose challenges are answered at that port.
fn acme_node(port: u16) -> Node {
    let mut node = Node::prepare(env!("CARGO_BIN_EXE_zaiseki"), NodeOptions::default()).expect("a folder");
    let config = std::fs::read_to_string(node.config()).expect("a configuration");
    let config = config.replacen("[c2s]", &format!("acme_http = [\"127.0.0.1:{port}\"]\n[c2s]"), 1);
    std::fs::write(node.config(), config).expect("a configuration");
    node.restart().expect("a node");
    node
}

/// What `zaiseki acme show` says once that holds.
fn acme_until(node: &Node, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    wait_for(what, Duration::from_secs(60), || {
        let output = node.cli(&["acme", "show", "--output", "json"], "").expect("the command line");
        let shown = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        holds(&shown).then_some(shown)
    })
    .expect("what the node says of ACME")
}

#[test]
fn a_public_authority_s_certificate_comes_by_itself() {
    let port = free_port().expect("a port");
    let (node, pebble) = (acme_node(port), Pebble::start(port).expect("pebble"));
    let directory = pebble.directory();
    let set =
        ["acme", "set", "--directory", &directory, "--name", "im.example.com", "--name", "chat.example.com", "--for", "web"];
    let refused = node.cli(&set, "").expect("the command line");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("terms"), "{refused:?}");
    let agreed = [&set[..], &["--agree", "--contact", "ops@example.com"]].concat();
    assert!(node.cli(&agreed, "").expect("the command line").status.success());
    // The authority's HTTPS is by a private authority, which nobody has told the node of.
    let failed = acme_until(&node, "a failure", |shown| shown["failures"] == 1);
    assert!(failed["error"]["en"].as_str().expect("an error").contains("UnknownIssuer"), "{failed}");
    let alarms = node.cli(&["alarm", "list"], "").expect("the command line");
    assert!(String::from_utf8_lossy(&alarms.stdout).contains("certificate.acme-failed"));
    let own = shown_to_nobody(node.https());
    let trusted = node.cli(&["trust", "add", "pebble", &pebble.ca().display().to_string()], "").expect("the command line");
    assert!(trusted.status.success(), "{trusted:?}");
    assert!(node.cli(&["acme", "order"], "").expect("the command line").status.success());
    let done = acme_until(&node, "a certificate", |shown| shown["last_success"].is_string());
    assert_eq!((&done["failures"], &done["account"], done["next"].is_string()), (&0.into(), &true.into(), true), "{done}");
    let leaf = shown_to_nobody(node.https());
    assert!(leaf.issuer.contains("Pebble Intermediate CA") && leaf.covers("im.example.com") && leaf.covers("chat.example.com"));
    assert_eq!(shown_to_nobody(node.c2s_tls()).fingerprint, own.fingerprint, "XMPP is another purpose");
    assert!(node.cli(&["acme", "order"], "").expect("the command line").status.success());
    wait_for("a renewed certificate", Duration::from_secs(60), || {
        (shown_to_nobody(node.https()).fingerprint != leaf.fingerprint).then_some(())
    })
    .expect("shown without a restart");
    let alarms = node.cli(&["alarm", "list"], "").expect("the command line");
    assert!(!String::from_utf8_lossy(&alarms.stdout).contains("certificate.acme-failed"));
    assert!(node.cli(&["acme", "remove"], "").expect("the command line").status.success());
    assert_eq!(shown_to_nobody(node.https()).fingerprint, own.fingerprint);
}

#[test]
fn an_authority_with_accounts_of_its_own_is_told_whose_it_is() {
    const KEY: &str = "zWNDZM6eQGHWpSRTPal5eIUYFTu7EajVIoguysqZ9wG44nMEtx3MUAsUDkMTQ12W";
    let port = free_port().expect("a port");
    let (node, pebble) = (acme_node(port), Pebble::start_bound(port, "kid-1", KEY).expect("pebble"));
    let trusted = node.cli(&["trust", "add", "pebble", &pebble.ca().display().to_string()], "").expect("the command line");
    assert!(trusted.status.success(), "{trusted:?}");
    let directory = pebble.directory();
    let set = ["acme", "set", "--directory", &directory, "--name", "im.example.com", "--for", "web", "--agree"];
    assert!(node.cli(&set, "").expect("the command line").status.success());
    let failed = acme_until(&node, "a failure", |shown| shown["failures"] == 1);
    assert!(failed["error"]["en"].as_str().expect("an error").contains("externalAccountBinding"), "{failed}");
    let bound = [&set[..], &["--key-id", "kid-1", "--hmac-key-stdin"]].concat();
    let output = node.cli(&bound, KEY).expect("the command line");
    assert!(output.status.success() && !String::from_utf8_lossy(&output.stdout).contains(KEY), "{output:?}");
    acme_until(&node, "a certificate", |shown| shown["last_success"].is_string());
    assert!(shown_to_nobody(node.https()).issuer.contains("Pebble Intermediate CA"));
}

#[test]
fn nothing_but_challenges_answers_in_clear_text() {
    let port = free_port().expect("a port");
    let node = acme_node(port);
    for path in
        ["/", "/console/", "/.well-known/acme-challenge/", "/.well-known/acme-challenge/../x", "/.well-known/acme-challenge/x"]
    {
        let mut raw = Raw::connect(([127, 0, 0, 1], port).into());
        raw.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
        let answer = raw.rest();
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
    drop(node);
}

/// The certificate that a listener with TLS shows, whoever issued it and for whatever name.
fn shown_to_nobody(address: SocketAddr) -> CertificateFacts {
    let mut command = Command::new("openssl");
    let output = command.args(["s_client", "-connect", &address.to_string()]).stdin(Stdio::null()).output().expect("openssl");
    let chain = certificates_in(&String::from_utf8_lossy(&output.stdout));
    CertificateFacts::of(chain.first().expect("a certificate")).expect("a certificate")
}

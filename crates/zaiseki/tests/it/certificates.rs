//! Certificates are exchanged while a node runs: openssl plays the authority.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use zaiseki_net::tls::{CertificateFacts, client_config_trusting};
use zaiseki_testkit::node::Node;

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
    node.add_user("anna", "pw").expect("a user");
    let mut anna = node.client("anna", "pw", "desk").expect("a client");
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

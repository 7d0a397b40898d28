//! Signing in (RFC 6120 §6): every mechanism, every way to be refused, and how guessing is slowed down.

use std::sync::OnceLock;

use aws_lc_rs::{digest, hmac, pbkdf2};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use rustls::version::{TLS12, TLS13};
use zaiseki_model::limits;
use zaiseki_testkit::xmpp_client::{Account, Client, Mechanism, Security};

use crate::raw::{Raw, stream_error};
use crate::support::*;

/// Failed sign-ins count per address: these tests need a node for themselves.
fn guarded_stage() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    STAGE.get_or_init(|| Stage::open(&[], 40).shared())
}

fn auth(client: &mut Client, mechanism: &str, message: &str) -> Element {
    let message = if message.is_empty() { "=".to_owned() } else { BASE64.encode(message) };
    client
        .send(&format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='{mechanism}'>{message}</auth>"))
        .expect("sent");
    client.expect(|e| e.ns == "urn:ietf:params:xml:ns:xmpp-sasl").expect("an answer")
}

#[track_caller]
fn assert_failure(answer: &Element, condition: &str) {
    assert!(answer.is("failure") && answer.child(condition).is_some(), "{condition} was due: {answer}");
}

#[test]
fn every_mechanism_works_where_it_may() {
    let all = [Mechanism::Plain, Mechanism::ScramSha1, Mechanism::ScramSha256, Mechanism::ScramSha256Plus];
    for security in [Security::StartTls, Security::Direct] {
        for mechanism in all {
            let person = stage().person();
            let mut client = person.connect(security);
            let offered = client.features.child("mechanisms").expect("mechanisms");
            assert!(offered.children.iter().any(|m| m.text == mechanism.name()), "{offered}");
            person.authenticate(&mut client, mechanism);
            client.bind(None).expect("bound");
        }
    }
}

#[test]
fn channel_binding_types_are_announced() {
    // XEP-0440
    let features = connect(stage(), Security::StartTls).features;
    let types = features.child_ns("sasl-channel-binding", "urn:xmpp:sasl-cb:0").expect("types");
    let types: Vec<_> = types.children.iter().filter_map(|t| t.attr("type")).collect();
    assert!(types.contains(&"tls-exporter") && types.contains(&"tls-server-end-point"), "{types:?}");
    let clear = connect(stage(), Security::Clear).features;
    let offered = clear.child("mechanisms").expect("mechanisms");
    assert!(!offered.children.iter().any(|m| m.text.ends_with("-PLUS")), "nothing to bind to: {offered}");
}

/// A SCRAM-SHA-256-PLUS exchange written out by hand (RFC 5802 §3, §6); returns what the server says in the end.
fn scram_plus(raw: &mut Raw, user: &str, binding_name: &str, binding: &[u8]) -> String {
    let gs2 = format!("p={binding_name},,");
    let bare = format!("n={user},r=clientnonce");
    let initial = BASE64.encode(format!("{gs2}{bare}"));
    raw.send(format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='SCRAM-SHA-256-PLUS'>{initial}</auth>"));
    let challenge = raw.until(">").contains("<challenge").then(|| raw.until("<")).expect("a challenge");
    let challenge = String::from_utf8(BASE64.decode(challenge.trim_end_matches('<')).expect("base64")).expect("UTF-8");
    raw.until(">");
    let part = |key: &str| challenge.split(',').find_map(|p| p.strip_prefix(key)).expect("a part").to_owned();
    let bound = BASE64.encode([gs2.as_bytes(), binding].concat());
    let last = format!("c={bound},r={}", part("r="));
    let signed = format!("{bare},{challenge},{last}");
    let proof = proof(&BASE64.decode(part("s=")).expect("base64"), part("i=").parse().expect("a number"), &signed);
    let response = BASE64.encode(format!("{last},p={proof}"));
    raw.send(format!("<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>{response}</response>"));
    raw.until(">")
}

fn proof(salt: &[u8], iterations: u32, signed: &str) -> String {
    let mut salted = [0; 32];
    let iterations = iterations.try_into().expect("not zero");
    pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, PASSWORD.as_bytes(), &mut salted);
    let sign = |key: &[u8], data: &[u8]| hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), data);
    let client_key = sign(&salted, b"Client Key");
    let stored = digest::digest(&digest::SHA256, client_key.as_ref());
    let signature = sign(stored.as_ref(), signed.as_bytes());
    BASE64.encode(client_key.as_ref().iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect::<Vec<u8>>())
}

#[test]
fn both_channel_bindings_hold_in_both_versions_of_tls() {
    // RFC 9266 §3: the exporter is for TLS 1.3.
    for (version, name) in [(&TLS12, "tls-server-end-point"), (&TLS13, "tls-server-end-point"), (&TLS13, "tls-exporter")] {
        for honest in [true, false] {
            let mut raw = Raw::connect(guarded_stage().node.c2s_tls());
            raw.secure(one_version(guarded_stage(), version));
            raw.open();
            let mut binding = match name {
                "tls-exporter" => {
                    raw.tls().export_keying_material(vec![0; 32], b"EXPORTER-Channel-Binding", Some(b"")).expect("exported")
                }
                // RFC 5929 §4.1; the certificates of a test node are signed with SHA-256.
                _ => digest::digest(&digest::SHA256, &raw.certificate()).as_ref().to_vec(),
            };
            binding[0] ^= u8::from(!honest);
            let answer = scram_plus(&mut raw, &guarded_stage().person().name, name, &binding);
            assert_eq!(answer.contains("<success"), honest, "{name} {version:?}: {answer}");
        }
    }
}

#[test]
fn the_exporter_is_not_offered_under_tls_1_2() {
    // RFC 9266 §4.2
    for (version, offered) in [(&TLS12, false), (&TLS13, true)] {
        let mut raw = Raw::connect(guarded_stage().node.c2s_tls());
        raw.secure(one_version(guarded_stage(), version));
        raw.send(format!(
            "<stream:stream to='{}' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>",
            guarded_stage().domain()
        ));
        let features = raw.until("</stream:features>");
        assert_eq!(features.contains("tls-exporter"), offered, "{version:?}: {features}");
        assert!(features.contains("tls-server-end-point"), "{version:?}: {features}");
    }
}

fn one_version(stage: &Stage, version: &'static rustls::SupportedProtocolVersion) -> rustls::ClientConfig {
    let mut roots = rustls::RootCertStore::empty();
    let pem = stage.node.ca_pem().expect("a CA");
    let der = rustls::pki_types::pem::PemObject::from_pem_slice(pem.as_bytes()).expect("a certificate");
    roots.add(der).expect("added");
    let builder = rustls::ClientConfig::builder_with_provider(zaiseki_net::tls::provider());
    let builder = builder.with_protocol_versions(&[version]).expect("a version");
    builder.with_root_certificates(roots).with_no_client_auth()
}

#[test]
fn a_wrong_password_and_an_unknown_user_look_the_same() {
    let stage = guarded_stage();
    let person = stage.person();
    let mut answers = Vec::new();
    for name in [person.name.as_str(), "unknown"] {
        for mechanism in [Mechanism::Plain, Mechanism::ScramSha1, Mechanism::ScramSha256] {
            let mut client = connect(stage, Security::Clear);
            let account = Account { user: name, password: "wrong", mechanism };
            let error = client.authenticate(account).expect_err("refused");
            answers.push(error.to_string());
            // §6.4.5: another try on the same stream.
            client.authenticate(person.account()).expect("signed in");
        }
    }
    assert!(answers.iter().all(|answer| answer.contains("not-authorized")), "{answers:?}");
}

#[test]
fn nobody_signs_in_for_somebody_else() {
    let stage = guarded_stage();
    let (me, other) = (stage.person(), stage.person());
    let mut client = connect(stage, Security::Clear);
    for authzid in [other.jid.as_str(), other.name.as_str(), "nobody@localhost"] {
        let mut client = connect(stage, Security::Clear);
        let answer = auth(&mut client, "PLAIN", &format!("{authzid}\0{}\0{PASSWORD}", me.name));
        assert_failure(&answer, "invalid-authzid");
        let first = format!("n,a={authzid},n={},r=nonce", me.name);
        assert!(!auth(&mut client, "SCRAM-SHA-256", &first).is("success"));
    }
    let answer = auth(&mut client, "PLAIN", &format!("{}\0{}\0{PASSWORD}", me.jid, me.name));
    assert!(answer.is("success"), "one's own may be named: {answer}");
    client.open_stream().expect("a stream");
    assert!(client.bind(None).expect("bound").starts_with(&me.jid));
}

#[test]
fn messages_that_are_none_are_refused() {
    let stage = guarded_stage();
    let me = stage.person().name;
    let plain =
        [format!("\0{me}\0{PASSWORD}\0more"), format!("\0{me}"), format!("{me}\0{PASSWORD}"), String::new(), "\0\0".to_owned()];
    for message in plain {
        let answer = auth(&mut connect(stage, Security::Clear), "PLAIN", &message);
        assert!(answer.is("failure"), "{message:?}: {answer}");
        let condition = answer.condition().unwrap_or_default();
        assert!(["malformed-request", "not-authorized"].contains(&condition), "{message:?}: {answer}");
    }
    for message in ["n,,n=,r=x", "n,,r=x,n=a", "x,,n=a,r=x", "n,,m=1,n=a,r=x", "p=tls-unique,,n=a,r=x", "n,,n=a=zz,r=x", ""] {
        let answer = auth(&mut connect(stage, Security::Clear), "SCRAM-SHA-1", message);
        assert!(answer.is("failure"), "{message:?}: {answer}");
    }
    let mut client = connect(stage, Security::Clear);
    assert_failure(&auth(&mut client, "CRAM-MD5", "x"), "invalid-mechanism");
    client.send("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>not base64!</auth>").expect("sent");
    assert_failure(&client.expect(|e| e.is("failure")).expect("an answer"), "incorrect-encoding");
}

#[test]
fn a_sign_in_can_be_given_up() {
    let stage = guarded_stage();
    let person = stage.person();
    let mut client = connect(stage, Security::Clear);
    assert!(auth(&mut client, "SCRAM-SHA-1", &format!("n,,n={},r=nonce", person.name)).is("challenge"));
    client.send("<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>").expect("sent");
    assert_failure(&client.expect(|e| e.is("failure")).expect("an answer"), "aborted");
    client.authenticate(person.account()).expect("signed in");
}

#[test]
fn a_stream_has_a_greatest_number_of_tries() {
    let stage = guarded_stage();
    let person = stage.person();
    let mut client = connect(stage, Security::Clear);
    for _ in 0..limits::AUTH_TRIES_PER_STREAM {
        assert_failure(&auth(&mut client, "PLAIN", &format!("\0{}\0wrong", person.name)), "not-authorized");
    }
    client.expect_close().expect("closed");
    let error = client.expect(|e| e.is("error")).expect("a reason");
    assert_eq!(error.condition(), Some("policy-violation"), "{error}");
}

#[test]
fn after_the_last_try_the_server_hangs_up() {
    let stage = guarded_stage();
    let person = stage.person();
    let mut raw = Raw::stream(stage.node.c2s());
    let wrong = BASE64.encode(format!("\0{}\0wrong", person.name));
    for _ in 0..limits::AUTH_TRIES_PER_STREAM {
        raw.send(format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{wrong}</auth>"));
        raw.until("</failure>");
    }
    // The client says nothing more, and reads to the end of the connection.
    assert_eq!(stream_error(&raw.rest()), "policy-violation");
}

#[test]
fn guessing_one_account_is_slowed_down_and_others_are_not() {
    let stage = guarded_stage();
    let (victim, other) = (stage.person(), stage.person());
    let guess = |password: &str| {
        let mut client = connect(stage, Security::Clear);
        auth(&mut client, "PLAIN", &format!("\0{}\0{password}", victim.name))
    };
    let slowed = (0..20).any(|_| guess("wrong").child("temporary-auth-failure").is_some());
    assert!(slowed, "twenty guesses in a row");
    assert_failure(&guess(PASSWORD), "temporary-auth-failure");
    other.sign_in("desk");
}

#[test]
fn names_are_prepared_before_they_are_looked_up() {
    // RFC 7622 §3.3, RFC 8265: case and width do not matter in a name.
    let person = stage().person();
    for name in [person.name.to_uppercase(), person.name.replace('u', "\u{FF55}")] {
        let mut client = connect(stage(), Security::Clear);
        client.authenticate(Account { user: &name, password: PASSWORD, mechanism: Mechanism::Plain }).expect("signed in");
        assert!(client.bind(None).expect("bound").starts_with(&format!("{}/", person.jid)));
    }
}

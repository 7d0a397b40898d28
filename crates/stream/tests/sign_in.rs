//! SASL on the stream: RFC 6120 §6, RFC 4616, RFC 5802, RFC 7677.

mod talk;

use aws_lc_rs::{digest, hmac, pbkdf2};
use std::num::NonZeroU32;
use talk::*;
use zaiseki_model::{Credentials, UserId};
use zaiseki_stream::c2s::{C2sConfig, Framing, Phase, TlsInfo};
use zaiseki_stream::sasl::{DEFAULT_ITERATIONS, Hash};

const TOO_MANY: Option<&str> = Some("too many failed sign-ins");

/// The client's half of SCRAM, written from the specification on its own.
struct Client {
    hash: Hash,
    gs2: &'static str,
    binding: Vec<u8>,
    user: &'static str,
    password: &'static str,
}

impl Client {
    fn new(hash: Hash, user: &'static str, password: &'static str) -> Client {
        Client { hash, gs2: "n,,", binding: vec![], user, password }
    }

    fn mac(&self, key: &[u8], data: &[u8]) -> Vec<u8> {
        let algorithm = if self.hash == Hash::Sha1 { hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY } else { hmac::HMAC_SHA256 };
        hmac::sign(&hmac::Key::new(algorithm, key), data).as_ref().to_vec()
    }

    fn bare(&self) -> String {
        format!("n={},r=cnonce", self.user)
    }

    fn first(&self) -> String {
        format!("{}{}", self.gs2, self.bare())
    }

    /// The final message, and the server signature to expect.
    fn last(&self, server_first: &str) -> (String, String) {
        let part = |key: &str| server_first.split(',').find_map(|p| p.strip_prefix(key)).unwrap().to_owned();
        let (salt, rounds) = (unbase64(&part("s=")), part("i=").parse::<NonZeroU32>().unwrap());
        let (pbkdf2, digest) = match self.hash {
            Hash::Sha1 => (pbkdf2::PBKDF2_HMAC_SHA1, &digest::SHA1_FOR_LEGACY_USE_ONLY),
            Hash::Sha256 => (pbkdf2::PBKDF2_HMAC_SHA256, &digest::SHA256),
        };
        let mut salted = vec![0; self.hash.output_bytes()];
        pbkdf2::derive(pbkdf2, rounds, &salt, self.password.as_bytes(), &mut salted);
        let key = self.mac(&salted, b"Client Key");
        let stored = digest::digest(digest, &key);
        let unproved = format!("c={},r={}", base64([self.gs2.as_bytes(), &self.binding].concat()), part("r="));
        let message = format!("{},{server_first},{unproved}", self.bare());
        let signature = self.mac(stored.as_ref(), message.as_bytes());
        let proof: Vec<u8> = key.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        let server = self.mac(&self.mac(&salted, b"Server Key"), message.as_bytes());
        (format!("{unproved},p={}", base64(proof)), format!("v={}", base64(server)))
    }
}

/// The data of `<name xmlns=SASL>…</name>`.
fn data_of(heard: &str, name: &str) -> String {
    let inner = heard.strip_prefix(&format!("<{name} xmlns='{SASL}'>")).and_then(|rest| rest.strip_suffix(&format!("</{name}>")));
    String::from_utf8(unbase64(inner.unwrap_or_else(|| panic!("no {name}: {heard}")))).unwrap()
}

/// A whole exchange; returns what is heard last.
fn scram(talk: &mut Talk, mechanism: &str, client: &Client) -> String {
    let challenge = data_of(&talk.say(&auth(mechanism, client.first())), "challenge");
    let (last, signature) = client.last(&challenge);
    let heard = talk.say(&response(last));
    if heard.starts_with("<success") {
        assert_eq!(data_of(&heard, "success"), signature, "the server proves itself too");
    }
    heard
}

#[test]
fn every_scram_mechanism_signs_in() {
    let exporter: (&str, Vec<u8>) = ("p=tls-exporter,,", vec![0xe0; 32]);
    let end_point: (&str, Vec<u8>) = ("p=tls-server-end-point,,", vec![0xee; 32]);
    let none: (&str, Vec<u8>) = ("n,,", vec![]);
    for (mechanism, hash, (gs2, binding)) in [
        ("SCRAM-SHA-1", Hash::Sha1, none.clone()),
        ("SCRAM-SHA-256", Hash::Sha256, none),
        ("SCRAM-SHA-1-PLUS", Hash::Sha1, exporter.clone()),
        ("SCRAM-SHA-256-PLUS", Hash::Sha256, exporter),
        ("SCRAM-SHA-256-PLUS", Hash::Sha256, end_point),
    ] {
        let mut talk = Talk::secure();
        let client = Client { gs2, binding, ..Client::new(hash, "anna", "secret") };
        let heard = scram(&mut talk, mechanism, &client);
        assert!(heard.starts_with("<success"), "{mechanism}: {heard}");
        assert_eq!(talk.steps(), "find(anna) authenticated");
        let user = talk.c2s.user().unwrap();
        assert_eq!((user.local(), user.user(), user.mechanism().as_str()), ("anna", UserId([1; 16]), mechanism));
        assert_eq!(user.jid().as_str(), "anna@example.org");
        assert_eq!(talk.c2s.phase(), Phase::Authenticated);
    }
}

#[test]
fn a_wrong_password_and_an_unknown_user_look_the_same() {
    for mechanism in ["SCRAM-SHA-1", "SCRAM-SHA-256"] {
        let hash = if mechanism == "SCRAM-SHA-1" { Hash::Sha1 } else { Hash::Sha256 };
        for user in ["anna", "nobody"] {
            let mut talk = Talk::secure();
            let heard = scram(&mut talk, mechanism, &Client::new(hash, user, "wrong"));
            assert_eq!(heard, failure("not-authorized"));
            assert_eq!(talk.steps(), format!("find({user}) failed({user})"));
        }
    }
    let challenge = |user| data_of(&Talk::secure().say(&auth("SCRAM-SHA-256", format!("n,,n={user},r=x"))), "challenge");
    assert_eq!(challenge("nobody"), challenge("nobody"), "the made-up salt is stable");
    assert!(challenge("nobody").ends_with(&format!(",i={DEFAULT_ITERATIONS}")), "the same count as for new users");
    let salt = |message: String| unbase64(message.split(',').find_map(|p| p.strip_prefix("s=")).unwrap()).len();
    assert_eq!(salt(challenge("nobody")), salt(challenge("anna")));
}

#[test]
fn a_wrong_binding_fails() {
    let mut talk = Talk::secure();
    let client = Client { gs2: "p=tls-exporter,,", binding: vec![1; 32], ..Client::new(Hash::Sha256, "anna", "secret") };
    assert_eq!(scram(&mut talk, "SCRAM-SHA-256-PLUS", &client), failure("not-authorized"));
    // The client saw no -PLUS, though we offered it: somebody is in between.
    let mut talk = Talk::secure();
    let client = Client { gs2: "y,,", ..Client::new(Hash::Sha256, "anna", "secret") };
    assert_eq!(talk.say(&auth("SCRAM-SHA-256", client.first())), failure("not-authorized"));
    // Without channel binding data the same flag is right.
    let mut talk = Talk::with(config(), Framing::Tcp, Some(TlsInfo::default()), false);
    talk.say(STREAM);
    assert!(scram(&mut talk, "SCRAM-SHA-256", &client).starts_with("<success"));
}

#[test]
fn a_binding_that_cannot_be_checked_is_no_guess_at_a_password() {
    let mut talk = Talk::secure();
    for mechanism in ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-1-PLUS"] {
        let hash = if mechanism == "SCRAM-SHA-1-PLUS" { Hash::Sha1 } else { Hash::Sha256 };
        let client = Client { gs2: "p=tls-unique,,", ..Client::new(hash, "anna", "secret") };
        assert_eq!(talk.say(&auth(mechanism, client.first())), failure("not-authorized"));
        assert_eq!(talk.steps(), "", "nothing to count against the address");
    }
    assert!(scram(&mut talk, "SCRAM-SHA-256", &Client::new(Hash::Sha256, "anna", "secret")).starts_with("<success"));
}

#[test]
fn user_names_are_prepared() {
    let mut talk = Talk::secure();
    assert!(scram(&mut talk, "SCRAM-SHA-256", &Client::new(Hash::Sha256, "ANNA", "secret")).starts_with("<success"));
    for name in ["a@b", "a b", "a/b", "\u{2163}"] {
        let mut talk = Talk::secure();
        assert_eq!(talk.say(&plain(name, "secret")), failure("not-authorized"), "{name}");
        assert_eq!(talk.steps(), "failed()");
    }
}

#[test]
fn nobody_acts_for_somebody_else() {
    for (authzid, good) in
        [("", true), ("anna@example.org", true), ("ben@example.org", false), ("anna", false), ("anna@example.org/x", false)]
    {
        let mut talk = Talk::secure();
        let heard = talk.say(&auth("PLAIN", format!("{authzid}\0anna\0secret")));
        assert_eq!(heard.starts_with("<success"), good, "PLAIN {authzid}: {heard}");
        let mut talk = Talk::secure();
        let gs2 = if authzid.is_empty() { "n,,".to_owned() } else { format!("n,a={authzid},") };
        let client = Client { gs2: gs2.leak(), ..Client::new(Hash::Sha256, "anna", "secret") };
        if good {
            assert!(scram(&mut talk, "SCRAM-SHA-256", &client).starts_with("<success"));
        } else {
            assert_eq!(talk.say(&auth("SCRAM-SHA-256", client.first())), failure("invalid-authzid"));
            assert_eq!(heard, failure("invalid-authzid"));
        }
    }
}

#[test]
fn plain_checks_the_password() {
    for (user, password, heard, steps) in [
        ("anna", "wrong", "not-authorized", "find(anna) check(true) failed(anna)"),
        ("nobody", "secret", "not-authorized", "find(nobody) check(false) failed(nobody)"),
        ("gone", "secret", "account-disabled", "find(gone) check(true) failed(gone)"),
        ("gone", "wrong", "not-authorized", "find(gone) check(true) failed(gone)"),
        ("anna", "", "malformed-request", ""),
    ] {
        let mut talk = Talk::secure();
        assert_eq!(talk.say(&plain(user, password)), failure(heard), "{user} {password}");
        assert_eq!(talk.steps(), steps);
        assert!(talk.c2s.user().is_none());
    }
    let mut talk = Talk::secure();
    assert_eq!(talk.say(&auth("PLAIN", "\0anna\0secret\0")), failure("malformed-request"));
}

#[test]
fn a_disabled_account_is_told_so_only_after_the_proof() {
    let mut talk = Talk::secure();
    let client = Client::new(Hash::Sha256, "gone", "secret");
    assert_eq!(scram(&mut talk, "SCRAM-SHA-256", &client), failure("account-disabled"));
    let mut talk = Talk::secure();
    let client = Client::new(Hash::Sha256, "gone", "wrong");
    assert_eq!(scram(&mut talk, "SCRAM-SHA-256", &client), failure("not-authorized"));
}

#[test]
fn a_user_without_keys_never_gets_in() {
    let mut talk = Talk::secure();
    talk.silent = true;
    talk.say(&plain("keyless", "secret"));
    let found = Credentials { user: UserId([9; 16]), name: "anna".to_owned(), enabled: true, sha256: None, sha1: None };
    let step = talk.c2s.credentials(Some(found), &mut Vec::new());
    let zaiseki_stream::Step::CheckPassword { credentials, password } = step else { panic!("no check") };
    assert!(credentials.sha256.is_some());
    assert!(!zaiseki_stream::sasl::verify_password(&credentials, password.expose()));
}

#[test]
fn the_initial_response_may_come_later() {
    let mut talk = Talk::secure();
    let empty = format!("<challenge xmlns='{SASL}'/>");
    assert_eq!(talk.say(&auth("PLAIN", "")), empty);
    assert!(talk.say(&response("\0anna\0secret")).starts_with("<success"));
    let mut talk = Talk::secure();
    assert_eq!(talk.say(&format!("<auth xmlns='{SASL}' mechanism='SCRAM-SHA-1'/>")), empty);
    assert!(talk.say(&response("n,,n=anna,r=x")).starts_with("<challenge"));
    // `=` is data of no length, which no mechanism of ours begins with.
    let mut talk = Talk::secure();
    assert_eq!(talk.say(&format!("<auth xmlns='{SASL}' mechanism='PLAIN'>=</auth>")), failure("malformed-request"));
}

#[test]
fn faults_get_the_defined_failure() {
    let auth_with = |mechanism: &str, content: &str| format!("<auth xmlns='{SASL}' mechanism='{mechanism}'>{content}</auth>");
    for (said, condition) in [
        (auth_with("PLAIN", "AGE"), "incorrect-encoding"),
        (auth_with("PLAIN", "AGE= "), "incorrect-encoding"),
        (auth_with("PLAIN", "\u{e9}"), "incorrect-encoding"),
        (auth_with("PLAIN", "<x/>"), "malformed-request"),
        (auth_with("SCRAM-SHA-256", &base64("n,,m=1,n=anna,r=x")), "malformed-request"),
        (auth_with("SCRAM-SHA-256", &base64("p=tls-exporter,,n=anna,r=x")), "malformed-request"),
        (auth_with("SCRAM-SHA-256-PLUS", &base64("n,,n=anna,r=x")), "malformed-request"),
        (auth_with("EXTERNAL", "="), "invalid-mechanism"),
        (auth_with("plain", ""), "invalid-mechanism"),
        (format!("<auth xmlns='{SASL}'/>"), "invalid-mechanism"),
        (format!("<response xmlns='{SASL}'/>"), "malformed-request"),
        (format!("<abort xmlns='{SASL}'/>"), "aborted"),
        (format!("<whatever xmlns='{SASL}'/>"), "malformed-request"),
    ] {
        let mut talk = Talk::secure();
        assert_eq!(talk.say(&said), failure(condition), "{said}");
        assert_eq!(talk.steps(), "");
        assert!(talk.say(&plain("anna", "secret")).starts_with("<success"), "after {said}");
    }
    let mut talk = Talk::with(config(), Framing::Tcp, Some(TlsInfo::default()), false);
    talk.say(STREAM);
    assert_eq!(talk.say(&auth("SCRAM-SHA-256-PLUS", "p=tls-exporter,,n=anna,r=x")), failure("invalid-mechanism"));
    let mut talk = Talk::clear();
    talk.say(STREAM);
    assert_eq!(talk.say(&auth("EXTERNAL", "")), failure("encryption-required"));
}

#[test]
fn an_exchange_can_be_given_up_and_begun_again() {
    let mut talk = Talk::secure();
    let client = Client::new(Hash::Sha256, "anna", "secret");
    let first = talk.say(&auth("SCRAM-SHA-256", client.first()));
    assert_eq!(talk.say(&format!("<abort xmlns='{SASL}'/>")), failure("aborted"));
    let challenge = talk.say(&auth("SCRAM-SHA-256", client.first()));
    assert_ne!(first, challenge, "each try has a nonce of its own");
    // A proof for the earlier challenge proves nothing now.
    let (stale, _) = client.last(&data_of(&first, "challenge"));
    assert_eq!(talk.say(&response(stale)), failure("not-authorized"));
}

#[test]
fn a_second_auth_in_the_middle_ends_the_first() {
    let mut talk = Talk::secure();
    talk.say(&auth("SCRAM-SHA-256", "n,,n=anna,r=x"));
    assert_eq!(talk.say(&auth("SCRAM-SHA-256", "n,,n=anna,r=x")), failure("malformed-request"));
    assert_eq!(talk.say(&response("c=biws,r=x,p=AAAA")), failure("malformed-request"));
}

#[test]
fn the_last_try_allowed_closes_the_stream() {
    let mut talk = Talk::secure();
    assert_eq!(talk.say(&plain("anna", "1")), failure("not-authorized"));
    assert_eq!(talk.say(&plain("anna", "2")), failure("not-authorized"));
    let over = stream_error("policy-violation", TOO_MANY);
    assert_eq!(talk.say(&plain("anna", "3")), failure("not-authorized") + &over);
    assert!(talk.steps().ends_with("failed(anna)"));
    assert_eq!(talk.c2s.phase(), Phase::Closed);
    assert_eq!((talk.say(&plain("anna", "secret")).as_str(), talk.steps().as_str()), ("", "close"));

    let mut talk = Talk::with(C2sConfig { max_auth_tries: 0, ..config() }, Framing::Tcp, Some(tls()), false);
    talk.say(STREAM);
    assert_eq!(talk.say(&auth("EXTERNAL", "")), failure("invalid-mechanism") + &over);
    assert_eq!(talk.steps(), "close");
}

#[test]
fn trouble_of_the_server_is_temporary() {
    let mut talk = Talk::secure();
    talk.silent = true;
    talk.say(&plain("anna", "secret"));
    let mut out = Vec::new();
    talk.c2s.auth_unavailable(&mut out);
    assert_eq!(talk.heard(out), failure("temporary-auth-failure"));
    talk.silent = false;
    assert!(talk.say(&plain("anna", "secret")).starts_with("<success"));
}

#[test]
fn answers_that_nobody_asked_for_change_nothing() {
    let mut talk = Talk::secure();
    let client = Client::new(Hash::Sha256, "anna", "secret");
    let challenge = data_of(&talk.say(&auth("SCRAM-SHA-256", client.first())), "challenge");
    let mut out = Vec::new();
    talk.c2s.password_checked(true, &mut out);
    talk.c2s.credentials(None, &mut out);
    talk.c2s.auth_unavailable(&mut out);
    talk.c2s.tls_done(tls());
    talk.c2s.resumed();
    talk.c2s.resume_failed(None, &mut out);
    assert_eq!((out.len(), talk.c2s.phase()), (0, Phase::Negotiating));
    assert!(talk.say(&response(client.last(&challenge).0)).starts_with("<success"));
}

#[test]
fn frames_wait_for_the_answer() {
    let mut talk = Talk::secure();
    talk.silent = true;
    talk.say(&plain("anna", "secret"));
    assert!(talk.c2s.is_waiting());
    assert_eq!(talk.say(&format!("<abort xmlns='{SASL}'/>")), stream_error("policy-violation", Some("wait for the answer")));
}

#[test]
fn sign_in_happens_once() {
    let mut talk = Talk::signed_in();
    assert_eq!(talk.say(&plain("anna", "secret")), stream_error("unsupported-stanza-type", None));
}

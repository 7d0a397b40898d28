//! Sign-in by others' word, with servers that nobody here wrote: slapd, and tokens by joserfc.

use crate::support::{PASSWORD, Stage};
use crate::web_door::{Bosh, message, websocket};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};
use zaiseki_control::app::{App, directories, settings, users};
use zaiseki_store::{Options, Store};
use zaiseki_testkit::node::{Node, NodeOptions};
use zaiseki_testkit::oidc::TokenMaker;
use zaiseki_testkit::process::wait_for;
use zaiseki_testkit::slapd::{Person, READER_DN, READER_PASSWORD, SUFFIX, Slapd, unit};
use zaiseki_testkit::xmpp_client::{Account, Client, Mechanism, Security};

const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
/// The password in the directory.
pub const LDAP_PASSWORD: &str = "パスワード-of-the-directory";

/// A directory with Anna and Ben.
pub fn directory() -> Slapd {
    Slapd::start(&(unit("tokyo") + &person("anna").ldif() + &person("ben").ldif())).expect("slapd")
}

pub fn person(name: &str) -> Person {
    Person::new(name, "ou=tokyo").with(format!("userPassword: {LDAP_PASSWORD}"))
}

/// A node whose users come from the directory, but for Local and Zoe, with these settings.
fn node(slapd: &Slapd, servers: &[String], changes: &[(&str, Value)]) -> Node {
    let mut node = Node::prepare(env!("CARGO_BIN_EXE_zaiseki"), NodeOptions::default()).expect("a folder");
    std::fs::create_dir_all(node.data_dir()).expect("a folder");
    let store = Store::open(&node.data_dir(), node.domain(), Options::default(), Box::new(|_| {})).expect("a database");
    let app = App::open(store.clone(), node.domain(), &node.data_dir(), |_| {}).expect("the control plane");
    let config =
        json!({ "kind": "ldap", "servers": servers, "ca": slapd.ca().expect("a CA"), "bind_dn": READER_DN, "base": SUFFIX });
    let input = json!({ "name": "tree", "config": config, "secret": READER_PASSWORD, "sync": {"grace_hours": 0} });
    directories::add(&app, "test", &serde_json::from_value(input).expect("a directory")).expect("added");
    for name in ["local", "zoe"] {
        let new = json!({ "name": name, "password": PASSWORD });
        users::create(&app, "test", &serde_json::from_value(new).expect("a user")).expect("made");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let sync = directories::prepare_sync(&app, "test", "tree", false).expect("prepared");
    let report = runtime.block_on(sync.run()).expect("a report");
    assert_eq!(report.created, 2, "{:?}", report.error);
    let changes: BTreeMap<String, Value> = changes.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    settings::put(&app, "test", &changes).expect("settings");
    drop(app);
    store.close();
    node.restart().expect("a node");
    node
}

pub fn by_ldap(slapd: &Slapd, hours: u32) -> Node {
    let changes = [("sign_in.mode", json!("ldap")), ("sign_in.keep_keys_hours", json!(hours))];
    node(slapd, &[slapd.address()], &changes)
}

fn mechanisms(client: &Client) -> Vec<String> {
    let offered = client.features.child("mechanisms").expect("mechanisms");
    offered.children.iter().map(|mechanism| mechanism.text.clone()).collect()
}

fn try_by(node: &Node, mechanism: Mechanism, user: &str, password: &str) -> Result<Client, String> {
    let mut client = Client::connect(&node.endpoint(Security::StartTls).expect("an endpoint")).expect("a stream");
    client.authenticate(Account { user, password, mechanism }).map_err(|error| error.to_string())?;
    client.bind(None).map_err(|error| error.to_string())?;
    Ok(client)
}

#[track_caller]
fn refused(node: &Node, mechanism: Mechanism, user: &str, password: &str) -> String {
    match try_by(node, mechanism, user, password) {
        Err(why) => why.rsplit(' ').next().unwrap_or_default().to_owned(),
        Ok(client) => panic!("{} is signed in", client.jid),
    }
}

pub fn cli(node: &Node, arguments: &[&str], input: &str) {
    let output = node.cli(arguments, input).expect("a command");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_directory_judges_the_passwords_of_its_users() {
    let mut slapd = directory();
    let stage = Stage::of(by_ldap(&slapd, 0));
    let node = &stage.node;
    let plain = |user, password| try_by(node, Mechanism::Plain, user, password);
    let mut anna = plain("anna", LDAP_PASSWORD).expect("signed in");
    assert_eq!(refused(node, Mechanism::Plain, "anna", PASSWORD), "not-authorized");
    assert_eq!(refused(node, Mechanism::Plain, "nobody", LDAP_PASSWORD), "not-authorized");
    // Who comes from no directory has a password here.
    plain("local", PASSWORD).expect("signed in");
    assert_eq!(refused(node, Mechanism::Plain, "local", LDAP_PASSWORD), "not-authorized");
    // Every way in offers the same, whoever comes.
    let client = Client::connect(&node.endpoint(Security::Direct).expect("an endpoint")).expect("a stream");
    assert_eq!(mechanisms(&client), ["PLAIN"]);
    let auth = format!(
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{}</auth>",
        zaiseki_testkit::xmpp_client::sasl::plain("ben", LDAP_PASSWORD)
    );
    let mut socket = websocket(&stage);
    message(&mut socket, auth.as_bytes());
    socket.until("<success");
    assert!(Bosh::open(&stage).say(auth.as_bytes()).contains("<success"));

    // While the directory is down nobody can tell, of no name at all; who is there stays.
    slapd.stop();
    for (user, password) in [("anna", LDAP_PASSWORD), ("anna", "wrong"), ("nobody", "wrong"), ("local", "wrong")] {
        assert_eq!(refused(node, Mechanism::Plain, user, password), "temporary-auth-failure", "{user}");
    }
    plain("local", PASSWORD).expect("a local password needs no directory");
    anna.barrier().expect("the session goes on");
    slapd.restart().expect("slapd");
    plain("anna", LDAP_PASSWORD).expect("signed in again");

    // As with passwords kept here, a disabled user hears so after the right password.
    cli(node, &["user", "disable", "anna"], "");
    assert_eq!(refused(node, Mechanism::Plain, "anna", LDAP_PASSWORD), "account-disabled");
    assert_eq!(refused(node, Mechanism::Plain, "anna", "wrong"), "not-authorized");
    // Guessing is slowed down.
    let slowed = (0..20).any(|_| refused(node, Mechanism::Plain, "ben", "wrong") == "temporary-auth-failure");
    assert!(slowed, "twenty guesses in a row");
    assert_eq!(refused(node, Mechanism::Plain, "ben", LDAP_PASSWORD), "temporary-auth-failure");
}

#[test]
fn a_server_that_is_gone_is_passed_over() {
    let slapd = directory();
    let gone = format!("localhost:{}", zaiseki_testkit::process::free_port().expect("a port"));
    let node = node(&slapd, &[gone, slapd.address()], &[("sign_in.mode", json!("ldap"))]);
    try_by(&node, Mechanism::Plain, "anna", LDAP_PASSWORD).expect("signed in");
    assert_eq!(refused(&node, Mechanism::Plain, "anna", "wrong"), "not-authorized");
}

#[test]
fn kept_keys_sign_in_without_the_directory_and_end_with_the_right_to() {
    let mut slapd = directory();
    let node = by_ldap(&slapd, 8);
    let client = Client::connect(&node.endpoint(Security::Direct).expect("an endpoint")).expect("a stream");
    assert!(mechanisms(&client).contains(&"SCRAM-SHA-256-PLUS".to_owned()), "{:?}", mechanisms(&client));
    assert_eq!(refused(&node, Mechanism::ScramSha256, "anna", LDAP_PASSWORD), "not-authorized", "nothing is kept yet");
    for name in ["anna", "ben"] {
        try_by(&node, Mechanism::Plain, name, LDAP_PASSWORD).expect("signed in");
    }
    slapd.stop();
    for mechanism in [Mechanism::ScramSha1, Mechanism::ScramSha256, Mechanism::ScramSha256Plus] {
        try_by(&node, mechanism, "anna", LDAP_PASSWORD).expect("signed in");
    }
    // Disabled and enabled again, the keys are gone; and they are when nobody's may be kept.
    cli(&node, &["user", "disable", "anna"], "");
    cli(&node, &["user", "enable", "anna"], "");
    assert_eq!(refused(&node, Mechanism::ScramSha1, "anna", LDAP_PASSWORD), "not-authorized");
    try_by(&node, Mechanism::ScramSha1, "ben", LDAP_PASSWORD).expect("signed in");
    cli(&node, &["settings", "set", "sign_in.keep_keys_hours", "0"], "");
    cli(&node, &["settings", "set", "sign_in.keep_keys_hours", "8"], "");
    assert_eq!(refused(&node, Mechanism::ScramSha1, "ben", LDAP_PASSWORD), "not-authorized");
}

/// A node whose users sign in by tokens of this provider.
fn by_tokens(provider: &TokenMaker) -> Stage {
    let changes = [
        ("sign_in.mode", json!("oidc")),
        ("sign_in.oidc_issuer", json!(provider.issuer())),
        ("sign_in.oidc_audience", json!("chat")),
        ("sign_in.oidc_leeway", json!(30)),
    ];
    Stage::open(&changes, 2)
}

fn claims(provider: &TokenMaker, user: &str, change: &Value) -> Value {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time").as_secs();
    let mut claims = json!({
        "iss": provider.issuer(), "aud": ["chat"], "sub": "4711", "preferred_username": user,
        "iat": now, "exp": now + 300,
    });
    for (key, value) in change.as_object().expect("an object") {
        claims[key] = value.clone();
    }
    claims
}

fn show(node: &Node, token: &str) -> (Client, zaiseki_testkit::xml::Element) {
    let mut client = Client::connect(&node.endpoint(Security::StartTls).expect("an endpoint")).expect("a stream");
    let message = BASE64.encode(format!("n,,\u{1}host=localhost\u{1}port=5222\u{1}auth=Bearer {token}\u{1}\u{1}"));
    client.send(&format!("<auth xmlns='{SASL}' mechanism='OAUTHBEARER'>{message}</auth>")).expect("sent");
    let answer = client.expect(|e| e.ns == SASL).expect("an answer");
    (client, answer)
}

/// The two steps of a refusal (RFC 7628 §3.2.3).
#[track_caller]
fn is_dismissed(node: &Node, token: &str, what: &str) {
    let (mut client, answer) = show(node, token);
    assert!(answer.is("challenge"), "{what}: {answer}");
    let why: Value = serde_json::from_slice(&BASE64.decode(&answer.text).expect("base64")).expect("JSON");
    assert_eq!(why["status"], "invalid_token", "{what}");
    assert!(why["openid-configuration"].as_str().is_some_and(|url| url.ends_with("/.well-known/openid-configuration")));
    client.send(&format!("<response xmlns='{SASL}'>AQ==</response>")).expect("sent");
    let failure = client.expect(|e| e.is("failure")).expect("an answer");
    assert_eq!(failure.condition(), Some("not-authorized"), "{what}");
}

/// The token with another first character of its signature. The last one may be the same afterwards, as two of its bits count.
fn touched(token: &str) -> String {
    let (signed, signature) = token.rsplit_once('.').expect("three parts");
    let other = if signature.starts_with('A') { 'B' } else { 'A' };
    format!("{signed}.{other}{}", &signature[1..])
}

#[test]
fn a_provider_says_who_somebody_is() {
    let provider = TokenMaker::start().expect("a provider");
    let stage = by_tokens(&provider);
    let (node, person) = (&stage.node, stage.person());
    let sign = |alg: &str, change: Value| provider.sign(alg, &claims(&provider, &person.name, &change)).expect("a token");
    let client = Client::connect(&node.endpoint(Security::Direct).expect("an endpoint")).expect("a stream");
    assert_eq!(mechanisms(&client), ["OAUTHBEARER"]);
    for alg in ["RS256", "ES256"] {
        let (mut client, answer) = show(node, &sign(alg, json!({})));
        assert!(answer.is("success"), "{alg}: {answer}");
        client.open_stream().expect("a stream");
        assert!(client.bind(None).expect("bound").starts_with(&person.jid));
    }
    let good = sign("RS256", json!({}));
    for (what, token) in [
        ("another audience", sign("RS256", json!({"aud": "mail"}))),
        ("another issuer", sign("RS256", json!({"iss": "https://elsewhere.example"}))),
        ("expired", sign("ES256", json!({"exp": 1_000_000_000}))),
        ("nobody", sign("RS256", json!({"preferred_username": "nobody"}))),
        ("touched", touched(&good)),
        ("no token", "x".to_owned()),
        ("empty", String::new()),
    ] {
        is_dismissed(node, &token, what);
    }
    let asked = provider.asked().expect("a number");
    assert!(asked <= 2, "keys are kept: {asked}");

    // A disabled user's token is as good as none.
    cli(node, &["user", "disable", &person.name], "");
    let (_, answer) = show(node, &good);
    assert_eq!(answer.condition(), Some("account-disabled"), "{answer}");
    cli(node, &["user", "enable", &person.name], "");
    // Known keys go on while the provider is down.
    provider.set_down(true).expect("down");
    assert!(show(node, &good).1.is("success"));
}

#[test]
fn keys_of_a_provider_change_and_its_absence_is_no_refusal() {
    let provider = TokenMaker::start().expect("a provider");
    let stage = by_tokens(&provider);
    let (node, person) = (&stage.node, stage.person());
    let sign = || provider.sign("ES256", &claims(&provider, &person.name, &json!({}))).expect("a token");
    provider.set_down(true).expect("down");
    let (_, answer) = show(node, &sign());
    assert_eq!(answer.condition(), Some("temporary-auth-failure"), "{answer}");
    provider.set_down(false).expect("up");
    // An unknown key is asked for again, though not at once.
    let comes = |token: &str| {
        wait_for("the token to be taken", Duration::from_secs(30), || show(node, token).1.is("success").then_some(()))
    };
    comes(&sign()).expect("taken");
    provider.rotate().expect("other keys");
    comes(&sign()).expect("taken");
}

/// Refused tokens that an address may show before it has to wait: `ADDRESS_TRIES` of the router's throttle.
const REFUSED_TOKENS: usize = 50;

/// What the sign-in with a token comes to.
fn outcome(node: &Node, token: &str) -> String {
    let (_, answer) = show(node, token);
    answer.condition().map_or_else(|| answer.name.clone(), str::to_owned)
}

#[test]
fn refused_tokens_slow_their_address_down_and_old_or_unjudged_ones_do_not() {
    let provider = TokenMaker::start().expect("a provider");
    let stage = by_tokens(&provider);
    let (node, person) = (&stage.node, stage.person());
    let good = provider.sign("RS256", &claims(&provider, &person.name, &json!({}))).expect("a token");
    // Nobody answers there: whether a token is right cannot be told.
    cli(node, &["settings", "set", "sign_in.oidc_issuer", "http://127.0.0.1:1"], "");
    for _ in 0..=REFUSED_TOKENS {
        assert_eq!(outcome(node, &good), "temporary-auth-failure");
    }
    cli(node, &["settings", "set", "sign_in.oidc_issuer", &provider.issuer()], "");
    // Nobody has guessed a token that was good.
    let old = provider.sign("RS256", &claims(&provider, &person.name, &json!({"exp": 1_000_000_000}))).expect("a token");
    for _ in 0..=REFUSED_TOKENS {
        assert_eq!(outcome(node, &old), "challenge");
    }
    assert_eq!(outcome(node, &good), "success", "nothing was counted");
    for n in 1..REFUSED_TOKENS {
        assert_eq!(outcome(node, "x"), "challenge", "{n}");
    }
    assert_eq!(outcome(node, &good), "success", "one below the limit");
    // The first wait is a second: a slow machine may need another refused token to be inside one.
    let slowed = (0..10).any(|_| outcome(node, "x") == "challenge" && outcome(node, &good) == "temporary-auth-failure");
    assert!(slowed, "at the limit a right token has to wait too");
    wait_for("the wait to end", Duration::from_secs(120), || (outcome(node, &good) == "success").then_some(())).expect("over");
}

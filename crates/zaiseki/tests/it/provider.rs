//! Sign-in of administrators by an OpenID provider: by a real one in a real browser, and by answers that mean harm.

use crate::sign_in::cli;
use crate::support::*;
use crate::web_hostile::{body, cookie, get, header, request, status};
use serde_json::{Value, json};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime};
use zaiseki_testkit::node::Node;
use zaiseki_testkit::oidc::TokenMaker;
use zaiseki_testkit::peers::npm_packages;
use zaiseki_testkit::process::{Server, free_port, run};

const SECRET: &str = "client-secret-of-a-test";
const OWN_PASSWORD: &str = "correct horse battery";

/// Configures the provider with these options besides.
fn provider(node: &Node, issuer: &str, more: &[&str]) {
    let address = format!("https://{}", node.https());
    let set = ["provider", "set", "--issuer", issuer, "--client-id", "console", "--address", &address, "--secret-stdin"];
    cli(node, &[&set[..], more].concat(), &format!("{SECRET}\n"));
}

const RULES: [&str; 7] =
    ["--enabled", "true", "--role", "im-admins=administrator", "--role", "desk=read-only", "--title=the house"];

#[test]
fn a_real_provider_signs_people_in_by_a_real_browser() {
    let stage = Stage::open(&[], 0);
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = root.join("tests/peers/npm");
    npm_packages(&folder).expect("packages");
    let (port, dir) = (free_port().expect("a port"), tempfile::tempdir().expect("a folder"));
    let redirect = format!("https://{}/console/sign-in/callback", stage.node.https());
    let mut command = Command::new("node");
    command.arg(folder.join("openid.mjs")).args([&port.to_string(), &redirect, SECRET]);
    let mut server = Server::start(&mut command, &dir.path().join("log")).expect("a provider");
    server.wait_for_port(port, Duration::from_secs(60)).expect("a provider that listens");
    let scopes = ["--scopes", "openid profile groups"];
    provider(&stage.node, &format!("http://127.0.0.1:{port}"), &[&RULES[..], &scopes[..]].concat());
    cli(&stage.node, &["provider", "test"], "");
    let mut walk = Command::new("node");
    walk.arg("test/provider.mjs").current_dir(root.join("../../web")).args(["--url", &format!("https://{}", stage.node.https())]);
    let said = run(&mut walk).unwrap_or_else(|error| panic!("{error:#}\n{}", server.output()));
    assert_eq!(said.matches("ok: ").count(), 3, "{said}");
    let trail = audit(&stage.node);
    assert!(trail.contains("admin.create_by_provider") && trail.contains("no group with a role"), "{trail}");
}

fn audit(node: &Node) -> String {
    let output = node.cli(&["audit", "list", "--output", "json"], "").expect("a command");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A browser that began a sign-in.
struct Begun {
    cookie: String,
    state: String,
    nonce: String,
    challenge: String,
}

fn begin(stage: &Stage, back: &str) -> Begun {
    let answer = get(stage, &format!("/console/sign-in/provider?here=1&back={back}"), "");
    assert_eq!(status(&answer), 303, "{answer}");
    let to = header(&answer, "location").expect("a location").to_owned();
    let param = |name: &str| {
        let value = to.split(['?', '&']).find_map(|pair| pair.strip_prefix(&format!("{name}="))).unwrap_or_default();
        value.to_owned()
    };
    assert_eq!((param("response_type"), param("code_challenge_method")), ("code".to_owned(), "S256".to_owned()), "{to}");
    let set = header(&answer, "set-cookie").expect("a cookie");
    for flag in ["__Host-", "Secure", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=600"] {
        assert!(set.contains(flag), "{flag}: {set}");
    }
    Begun { cookie: cookie(&answer), state: param("state"), nonce: param("nonce"), challenge: param("code_challenge") }
}

fn now() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a time").as_secs()
}

/// The stage of the harmful answers.
struct Act<'a> {
    stage: &'a Stage,
    maker: &'a TokenMaker,
}

impl Act<'_> {
    /// The node asks for this token when the browser is back.
    fn prepare(&self, begun: &Begun, change: &Value) {
        let mut claims = json!({
            "iss": self.maker.issuer(), "aud": "console", "sub": "4711", "preferred_username": "hanako", "nonce": begun.nonce,
            "groups": ["im-admins"], "iat": now(), "exp": now() + 300,
        });
        for (key, value) in change.as_object().expect("an object") {
            claims[key] = value.clone();
        }
        self.maker.answer_next("RS256", &claims, &begun.challenge).expect("prepared");
    }

    fn come_back(&self, cookie: &str, query: &str) -> String {
        get(self.stage, &format!("/console/sign-in/callback?{query}"), cookie)
    }

    fn query(&self, begun: &Begun) -> String {
        format!("code=x&state={}&iss={}", begun.state, self.maker.issuer())
    }

    /// A whole sign-in with a token that is changed so.
    fn with(&self, change: &Value) -> String {
        let begun = begin(self.stage, "%2Fconsole%2Fusers");
        self.prepare(&begun, change);
        self.come_back(&begun.cookie, &self.query(&begun))
    }
}

/// `Cookie: …` of the session that the answer opens.
fn session(answer: &str) -> Option<String> {
    let lines = answer.split("\r\n\r\n").next().unwrap_or_default().lines();
    let set = lines.filter_map(|line| line.split_once(": ")).filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
    let value =
        set.map(|(_, value)| value.split(';').next().unwrap_or_default()).find(|pair| pair.starts_with("__Host-zaiseki="))?;
    Some(format!("Cookie: {value}\r\n"))
}

#[track_caller]
fn refused(answer: &str, what: &str) {
    assert_eq!((status(answer), session(answer)), (401, None), "{what}: {answer}");
    assert!(answer.contains("__Host-zaiseki-sign-in=; "), "{what}: the sign-in is over: {answer}");
}

#[test]
fn answers_that_mean_harm_open_no_session() {
    let (stage, maker) = (Stage::open(&[], 0), TokenMaker::start().expect("a provider"));
    provider(&stage.node, &maker.issuer(), &RULES);
    // The last administrator cannot become something less.
    cli(&stage.node, &["admin", "add", "root", "--role", "administrator", "--password-stdin"], OWN_PASSWORD);
    let act = Act { stage: &stage, maker: &maker };
    let begun = begin(&stage, "%2Fconsole%2Fusers");
    act.prepare(&begun, &json!({}));
    let good = act.come_back(&begun.cookie, &act.query(&begun));
    assert_eq!((status(&good), header(&good, "location")), (303, Some("/console/users")), "{good}");
    let old = session(&good).expect("a session");
    assert_eq!(status(&get(&stage, "/console/users", &old)), 200);

    // The same answer again; another browser's; none's; a made-up one; one without the provider's name, or with another's.
    refused(&act.come_back(&begun.cookie, &act.query(&begun)), "replayed");
    let (one, two) = (begin(&stage, ""), begin(&stage, ""));
    act.prepare(&one, &json!({}));
    refused(&act.come_back(&two.cookie, &act.query(&one)), "another browser");
    refused(&act.come_back("", &act.query(&one)), "no cookie");
    refused(&act.come_back(&one.cookie, &format!("code=x&state={}x&iss={}", one.state, maker.issuer())), "another state");
    refused(&act.come_back("Cookie: __Host-zaiseki-sign-in=AQAA\r\n", &act.query(&one)), "a made-up cookie");
    refused(&act.come_back(&one.cookie, &format!("code=x&state={}", one.state)), "no issuer");
    let mixed = begin(&stage, "");
    refused(&act.come_back(&mixed.cookie, &format!("code=x&state={}&iss=https://evil.example", mixed.state)), "a mix-up");
    let denied = begin(&stage, "");
    let answer = act.come_back(&denied.cookie, &format!("error=access_denied%3Cb%3E&state={}", denied.state));
    refused(&answer, "denied");
    assert!(body(&answer).contains("access_deniedb"), "{answer}");
    // PKCE: the provider gets a verifier that fits the challenge of another sign-in only.
    let (three, four) = (begin(&stage, ""), begin(&stage, ""));
    act.prepare(&four, &json!({"nonce": three.nonce}));
    refused(&act.come_back(&three.cookie, &act.query(&three)), "another challenge");

    for (what, change) in [
        ("another nonce", json!({"nonce": "x"})),
        ("no nonce", json!({"nonce": null})),
        ("another audience", json!({"aud": "chat"})),
        ("another issuer", json!({"iss": "https://evil.example"})),
        ("two audiences, and nobody named", json!({"aud": ["console", "chat"]})),
        ("made for another client", json!({"azp": "chat"})),
        ("expired", json!({"exp": now() - 40})),
        ("from the future", json!({"iat": now() + 600})),
        ("of nobody", json!({"sub": ""})),
        ("a name that cannot be", json!({"sub": "0", "preferred_username": "<script>"})),
        ("no group with a role", json!({"sub": "1", "preferred_username": "x", "groups": ["staff"]})),
        ("somebody else with the same name", json!({"sub": "2"})),
        ("who has lost the group", json!({"groups": []})),
    ] {
        refused(&act.with(&change), what);
    }
    // A clock that is a little off; a role that changed ends the sessions before; a browser's old session ends (fixation).
    let late = act.with(&json!({"exp": now() - 5, "groups": ["desk"]}));
    let fresh = session(&late).expect("within the tolerance");
    assert_eq!(status(&get(&stage, "/console/users", &old)), 303, "{late}");
    let begun = begin(&stage, "https%3A%2F%2Fevil.example%2F");
    act.prepare(&begun, &json!({"groups": ["desk"]}));
    let both = format!("{}; {}", begun.cookie.trim_end(), fresh.trim_end().trim_start_matches("Cookie: "));
    let answer = act.come_back(&format!("{both}\r\n"), &act.query(&begun));
    assert_eq!((status(&answer), header(&answer, "location")), (303, Some("/console/")), "no way to elsewhere: {answer}");
    assert_eq!(status(&get(&stage, "/console/users", &fresh)), 303, "the session before has ended");
    maker.set_down(true).expect("down");
    let begun = begin(&stage, "");
    let away = act.come_back(&begun.cookie, &act.query(&begun));
    assert!(matches!(status(&away), 401 | 503) && session(&away).is_none(), "{away}");
}

#[test]
fn passwords_can_be_switched_off_and_the_host_gets_in() {
    let (stage, maker) = (Stage::open(&[], 0), TokenMaker::start().expect("a provider"));
    let node = &stage.node;
    cli(node, &["admin", "add", "hanako", "--role", "administrator", "--password-stdin"], OWN_PASSWORD);
    provider(node, &maker.issuer(), &["--enabled", "true", "--match-existing", "true"]);
    let off = ["provider", "set", "--local-sign-in", "false"];
    assert!(!node.cli(&off, "").expect("a command").status.success(), "nobody could get in");
    let act = Act { stage: &stage, maker: &maker };
    assert_eq!(status(&act.with(&json!({"groups": null}))), 303, "an administrator by that name");
    cli(node, &off, "");
    let page = get(&stage, "/console/sign-in", "");
    assert!(page.contains("/console/sign-in/provider") && !page.contains("type=\"password\""), "{page}");
    let by_password = |password: &str| {
        let credentials = json!({"name": "hanako", "password": password}).to_string();
        status(&request(
            &stage,
            "POST",
            "/api/v1/session",
            "Origin: https://localhost\r\nSec-Fetch-Site: same-origin\r\n",
            &credentials,
        ))
    };
    assert_eq!(by_password(OWN_PASSWORD), 401);
    cli(node, &["admin", "reset", "hanako", "--password-stdin"], "another horse battery");
    assert_eq!(by_password("another horse battery"), 200);
    // Whoever is unlinked is found by name again; the secret is nowhere to be read.
    cli(node, &["admin", "unlink", "hanako"], "");
    let file = node.config().with_file_name("bundle.json").display().to_string();
    cli(node, &["doctor", "--bundle", &file], "");
    let shown = node.cli(&["provider", "show", "--output", "json"], "").expect("a command");
    let bundle = std::fs::read_to_string(file).expect("a bundle");
    let all = [audit(node), String::from_utf8_lossy(&shown.stdout).into_owned(), bundle, node.log()].concat();
    assert!(!all.contains(SECRET) && all.contains("admin.unlink") && all.contains("redirect_uri"), "{all}");
    let moved = node.cli(&["provider", "set", "--issuer", "https://evil.example"], "").expect("a command");
    assert!(
        !moved.status.success() && String::from_utf8_lossy(&moved.stderr).contains("secret"),
        "the secret stays with its provider"
    );
}

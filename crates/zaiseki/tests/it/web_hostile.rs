//! Whoever means harm at the web doors of a running node, byte by byte under TLS: requests that two readers would take apart
//! differently, paths that lead out, foreign pages, guessed passwords, sessions handed over, too much of anything.

use serde_json::json;

use crate::support::*;
use crate::web_door::*;

const OWN_PASSWORD: &str = "correct horse battery";

/// Sends this on a connection of its own; everything until the node closes it.
#[track_caller]
fn sent(stage: &Stage, request: &str) -> String {
    let mut raw = https(stage);
    raw.send(request);
    raw.rest()
}

#[track_caller]
pub fn get(stage: &Stage, path: &str, headers: &str) -> String {
    sent(stage, &format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\r\n"))
}

#[track_caller]
pub fn request(stage: &Stage, method: &str, path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    let head =
        format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n");
    sent(stage, &format!("{head}{body}"))
}

pub fn status(answer: &str) -> u16 {
    let word = answer.split(' ').nth(1).unwrap_or_else(|| panic!("no answer: {answer:?}"));
    word.parse().unwrap_or_else(|_| panic!("{answer}"))
}

pub fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    let mut pairs = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    pairs.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

pub fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

/// A node with an administrator.
fn stage_with(name: &str) -> Stage {
    let stage = Stage::open(&[], 0);
    let arguments = ["admin", "add", name, "--role", "administrator", "--password-stdin"];
    let output = stage.node.cli(&arguments, OWN_PASSWORD).expect("an answer");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    stage
}

const OURS: &str = "Origin: https://localhost\r\nSec-Fetch-Site: same-origin\r\n";

#[track_caller]
fn sign_in(stage: &Stage, name: &str, password: &str, headers: &str) -> String {
    let body = json!({ "name": name, "password": password }).to_string();
    request(stage, "POST", "/api/v1/session", &format!("{OURS}{headers}"), &body)
}

/// `Cookie: …` of what the answer sets.
#[track_caller]
pub fn cookie(answer: &str) -> String {
    let set = header(answer, "set-cookie").unwrap_or_else(|| panic!("no cookie: {answer}"));
    format!("Cookie: {}\r\n", set.split(';').next().unwrap_or_default())
}

/// A second request behind the first, which must never be answered.
const SMUGGLED: &str = "GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[test]
fn where_a_request_ends_is_never_a_matter_of_opinion() {
    let stage = Stage::open(&[], 0);
    let post =
        |headers: &str, body: &str| format!("POST /console/sign-in HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n{body}{SMUGGLED}");
    let refused = [
        ("two lengths", post("Content-Length: 0\r\nContent-Length: 4\r\n", "")),
        ("a list of lengths", post("Content-Length: 0, 4\r\n", "")),
        ("a signed length", post("Content-Length: +0\r\n", "")),
        ("a length in hex", post("Content-Length: 0x0\r\n", "")),
        ("a length beyond every number", post("Content-Length: 99999999999999999999999\r\n", "")),
        ("an unknown coding", post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n")),
        ("chunked is not last", post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n")),
        ("a space before the colon", post("Transfer-Encoding : chunked\r\n", "0\r\n\r\n")),
        ("a folded header", post("X-Note: a\r\n Transfer-Encoding: chunked\r\n", "0\r\n\r\n")),
        ("a bare carriage return", post("X-Note: a\rTransfer-Encoding: chunked\r\n", "0\r\n\r\n")),
        ("a NUL in a header", post("X-Note: a\0b\r\n", "")),
        ("a coding in HTTP/1.0", format!("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{SMUGGLED}")),
    ];
    for (name, request) in refused {
        let answer = sent(&stage, &request);
        assert_eq!((status(&answer), answer.matches("HTTP/1.").count()), (400, 1), "{name}: {answer}");
    }
    // Taken by the coding (RFC 9112 §6.3), and nothing after it.
    let (coding, length) = ("Transfer-Encoding: chunked\r\n", "Content-Length: 4\r\n");
    for headers in [format!("{length}{coding}"), format!("{coding}{length}"), coding.to_owned()] {
        let answer = sent(&stage, &post(&headers, "0\r\n\r\n"));
        assert_eq!(answer.matches("HTTP/1.").count(), 1, "{headers}: {answer}");
        assert_eq!(header(&answer, "connection"), Some("close"), "{headers}: {answer}");
    }
}

#[test]
fn no_path_leads_out() {
    let stage = Stage::open(&[], 0);
    let paths = [
        "/chat/../../../../../../etc/passwd",
        "/chat/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/chat/..%2f..%2f..%2fetc%2fpasswd",
        "/chat/%252e%252e%252f%252e%252e%252fetc%252fpasswd",
        "/chat/..%5c..%5cetc%5cpasswd",
        "/chat/%c0%ae%c0%ae/etc/passwd",
        "/chat/%00",
        "/chat//etc/passwd",
        "/console/static/..%2f..%2ftemplates%2fframe.html",
        "/console/static/%2e%2e%2fconsole.css",
        "//etc/passwd",
        "/setup/..%2f..%2f",
        "/api/v1/%2e%2e/%2e%2e/health",
        "/.well-known/../node.toml",
    ];
    for path in paths {
        let answer = get(&stage, path, "");
        assert!(matches!(status(&answer), 400 | 401 | 404), "{path}: {answer}");
        assert!(!answer.contains("root:") && !answer.contains("<!doctype"), "{path}: {answer}");
    }
    for method in ["TRACE", "CONNECT", "PROPFIND"] {
        let answer = request(&stage, method, "/chat/", "X-Secret: 1\r\n", "");
        assert!(status(&answer) >= 400 && !body(&answer).contains("X-Secret"), "{method}: {answer}");
    }
}

#[test]
fn every_answer_tells_the_browser_to_be_strict() {
    let stage = Stage::open(&[], 0);
    for path in ["/", "/chat/", "/health", "/console/", "/console/sign-in", "/api/v1/users", "/api/openapi.json", "/nothing"] {
        let answer = get(&stage, path, "");
        assert_eq!(header(&answer, "x-content-type-options"), Some("nosniff"), "{path}: {answer}");
        let policy = header(&answer, "content-security-policy").unwrap_or_default();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        assert!(!policy.contains("script-src 'unsafe") && !policy.contains("unsafe-eval"), "{path}: {policy}");
        assert_eq!(header(&answer, "strict-transport-security"), Some("max-age=15724800"), "{path}");
        assert_eq!(header(&answer, "referrer-policy"), Some("no-referrer"), "{path}");
        assert!(header(&answer, "server").is_none() && header(&answer, "x-powered-by").is_none(), "{path}: {answer}");
        if path.starts_with("/api/") || path == "/console/sign-in" {
            assert_eq!(header(&answer, "cache-control"), Some("no-store"), "{path}: {answer}");
        }
    }
}

#[test]
fn a_session_is_its_own_and_ends_at_once() {
    let stage = stage_with("hanako");
    // A cookie that somebody else prepared is not the one that is signed in (session fixation).
    let answer = sign_in(&stage, "hanako", OWN_PASSWORD, "Cookie: __Host-zaiseki=prepared\r\n");
    assert_eq!(status(&answer), 200, "{answer}");
    let set = header(&answer, "set-cookie").unwrap_or_default();
    assert!(set.starts_with("__Host-zaiseki=") && !set.contains("prepared") && !set.contains("Domain"), "{set}");
    for part in ["; Path=/;", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
        assert!(set.contains(part), "{set}");
    }
    let first = cookie(&answer);
    assert_eq!(status(&get(&stage, "/api/v1/session", &first)), 200);
    // Signing in again ends the one before.
    let second = cookie(&sign_in(&stage, "hanako", OWN_PASSWORD, &first));
    assert_ne!(first, second);
    assert_eq!(status(&get(&stage, "/api/v1/session", &first)), 401);
    // Another site's page changes nothing with the browser's cookie, whatever it says of itself.
    for foreign in [
        "Origin: https://evil.example\r\n",
        "Origin: null\r\n",
        "Sec-Fetch-Site: cross-site\r\nOrigin: https://localhost\r\n",
        "Sec-Fetch-Site: same-site\r\n",
        "Referer: https://localhost/\r\n",
    ] {
        let answer = request(&stage, "POST", "/api/v1/users", &format!("{second}{foreign}"), "{\"name\": \"mallory\"}");
        assert_eq!(status(&answer), 403, "{foreign}: {answer}");
    }
    assert_eq!(status(&request(&stage, "DELETE", "/api/v1/session", &format!("{second}{OURS}"), "")), 204);
    assert_eq!(status(&get(&stage, "/api/v1/session", &second)), 401, "the server knows it no more");
}

#[test]
fn nobody_is_sent_to_another_site_by_signing_in() {
    let stage = stage_with("hanako");
    for back in
        ["https%3A%2F%2Fevil.example%2F", "%2F%2Fevil.example", "%2Fconsole%2F%2Fevil", "%2F%5Cevil", "javascript%3Aalert(1)"]
    {
        let form = format!("administrator=hanako&password=correct+horse+battery&back={back}");
        let kind = format!("{OURS}Content-Type: application/x-www-form-urlencoded\r\n");
        let answer = request(&stage, "POST", "/console/sign-in", &kind, &form);
        assert_eq!((status(&answer), header(&answer, "location")), (303, Some("/console/")), "{back}: {answer}");
    }
    let answer = get(&stage, "/console/language?to=ja%0d%0aSet-Cookie:%20a=b&back=%0d%0aX:%20y", "");
    assert_eq!((header(&answer, "location"), header(&answer, "x")), (Some("/console/"), None), "{answer}");
}

#[test]
fn guessing_tells_nothing_and_is_braked() {
    let stage = stage_with("hanako");
    let (known, unknown) = (sign_in(&stage, "hanako", "wrong", ""), sign_in(&stage, "nobody", "wrong", ""));
    assert_eq!((status(&known), body(&known)), (401, body(&unknown)));
    assert_eq!(status(&unknown), 401);
    // The first wait is short: whoever asks slowly is told by a later one.
    let braked = (0..15).map(|_| sign_in(&stage, "hanako", "wrong", "")).find(|answer| status(answer) != 401);
    let braked = braked.expect("an answer that says to wait");
    assert_eq!(status(&braked), 429, "{braked}");
    assert!(header(&braked, "retry-after").is_some_and(|secs| secs.parse::<u32>().is_ok()), "{braked}");
    // Nothing that was typed stands in the audit log.
    let log = stage.node.cli(&["audit", "list", "--action", "session", "--output", "json"], "").expect("an answer");
    let log = String::from_utf8_lossy(&log.stdout).into_owned();
    assert!(log.contains("session.refuse") && !log.contains("nobody\""), "{log}");
}

#[test]
fn strangers_cannot_make_the_node_read_much() {
    let stage = Stage::open(&[], 0);
    // Refused by the head alone: the body never comes.
    for path in ["/api/v1/users:import", "/api/v1/users", "/console/users:import"] {
        let mut raw = https(&stage);
        raw.send(format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000000\r\n\r\n"));
        let answer = raw.until("\r\n\r\n");
        assert!(matches!(status(&answer), 401 | 303), "{path}: {answer}");
    }
    let form = format!("administrator=a&password={}", "x".repeat(20_000));
    let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
    assert_eq!(status(&request(&stage, "POST", "/console/sign-in", kind, &form)), 413);
    let parts = "--b\r\nContent-Disposition: form-data; name=\"administrator\"; filename=\"x\"\r\n\r\nx\r\n--b--\r\n";
    let kind = "Content-Type: multipart/form-data; boundary=b\r\n";
    assert_eq!(status(&request(&stage, "POST", "/console/sign-in", kind, parts)), 400);
    let long = sent(&stage, &format!("GET /{} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "a".repeat(100_000)));
    assert!(matches!(status(&long), 414 | 431), "{long}");
}

//! EWS: what exchangelib puts into the server and reads back, our client reads too.

use crate::support::{PASSWORD, at, mailbox, shown, source, source_with, window};
use serde_json::{Value, json};
use std::time::Duration;
use zaiseki_calendar::{Mailbox, SourceError, UserError};
use zaiseki_net::http::{AddressPolicy, Client, ClientConfig, Method, Request, Trust, Url};
use zaiseki_testkit::ews::{EwsServer, Options};

const DAY: (&str, &str) = ("2026-11-24T00:00:00Z", "2026-11-25T00:00:00Z");

fn config(server: &EwsServer, auth: &str, mode: &str) -> Value {
    json!({
        "kind": "ews", "url": server.url(), "auth": auth, "username": "EX\\zaiseki", "mode": mode,
        "server": { "allow_clear_text": true },
    })
}

async fn page(server: &EwsServer, method: Method, name: &str, body: &str, ca: Option<&str>) -> Value {
    let trust = ca.map_or(Trust::Platform, |pem| Trust::Pem(pem.to_owned()));
    let client = Client::new(ClientConfig { policy: AddressPolicy::CONFIGURED, trust, ..ClientConfig::default() }).unwrap();
    let url = Url::parse(&server.page(name)).unwrap();
    let answer = client.send(Request::new(method, url, body.to_owned())).await.unwrap();
    serde_json::from_slice(&answer.body).unwrap()
}

async fn operations(server: &EwsServer) -> Vec<Value> {
    page(server, Method::GET, "log", "", None).await.as_array().unwrap().clone()
}

fn count(operations: &[Value], name: &str) -> usize {
    operations.iter().filter(|entry| entry["operation"] == name).count()
}

/// What exchangelib saw, as we show it: the kinds that count.
fn as_shown(events: &Value) -> Vec<String> {
    let mut out = Vec::new();
    for event in events.as_array().unwrap() {
        let time = |i: usize| (at(&event[i].as_str().unwrap()[..16]).secs() - at("2026-11-24T00:00").secs()) / 60;
        let kind = match event[2].as_str().unwrap() {
            "OOF" => "OutOfOffice",
            "Free" => continue,
            other => other,
        };
        out.push(format!("{}..{} {kind}", time(0), time(1)));
    }
    out
}

#[tokio::test(flavor = "multi_thread")]
async fn our_client_sees_what_exchangelib_sees() {
    let server = EwsServer::start(&Options::new(&[("hanako@example.test", ""), ("taro@example.test", "")])).unwrap();
    let judge = server.exchangelib("basic", "hanako@example.test", DAY, true).unwrap();
    assert!(judge["version"].as_str().unwrap().contains("Exchange2016"), "{judge}");
    assert_eq!(server.exchangelib("ntlm", "hanako@example.test", DAY, false).unwrap(), judge);
    let expected = ["60..120 Busy", "120..150 Busy", "240..300 Tentative", "360..450 OutOfOffice", "600..615 Busy"];
    assert_eq!(as_shown(&judge["view"]), expected);
    assert_eq!(as_shown(&judge["busy"]), expected);

    let users = [mailbox("hanako"), mailbox("taro")];
    let day = window("2026-11-24T00:00", "2026-11-25T00:00");
    for auth in ["basic", "ntlm"] {
        for mode in ["availability", "find-item"] {
            let answers = source(config(&server, auth, mode)).fetch(&users, day).await.unwrap();
            assert_eq!(answers.iter().map(|a| a.user).collect::<Vec<_>>(), users.each_ref().map(|u| u.user));
            assert_eq!(shown(answers[0].result.as_ref().unwrap(), day.start), expected, "{auth} {mode}");
            assert_eq!(answers[1].result, Ok(Vec::new()), "{auth} {mode}");
        }
    }
    // The series goes on the next day; a narrow window clips.
    let next = window("2026-11-25T10:05", "2026-11-25T12:00");
    let answers = source(config(&server, "ntlm", "availability")).fetch(&users, next).await.unwrap();
    assert_eq!(shown(answers[0].result.as_ref().unwrap(), next.start), ["0..10 Busy"]);
    let operations = operations(&server).await;
    let anchors = operations.iter().filter(|entry| entry["anchor"] == "hanako@example.test").count();
    assert!(anchors >= 2, "FindItem names the mailbox it is about");
}

#[tokio::test(flavor = "multi_thread")]
async fn users_are_asked_by_the_hundred_and_stand_for_themselves() {
    let troubles = [("denied", "denied"), ("merged", "merged"), ("nodata", "nodata")];
    let mut boxes: Vec<(String, &'static str)> = (0..201).map(|i| (format!("user{i}@example.test"), "")).collect();
    boxes.extend(troubles.map(|(name, trouble)| (format!("{name}@example.test"), trouble)));
    let boxes: Vec<(&str, &'static str)> = boxes.iter().map(|(address, trouble)| (address.as_str(), *trouble)).collect();
    let server = EwsServer::start(&Options::new(&boxes)).unwrap();
    server.exchangelib("basic", "merged@example.test", DAY, true).unwrap();
    let before = count(&operations(&server).await, "GetUserAvailabilityRequest");

    let mut users: Vec<Mailbox> = (0..201).map(|i| mailbox(&format!("user{i}"))).collect();
    users.extend(["denied", "merged", "nodata", "nobody"].map(mailbox));
    let day = window("2026-11-24T00:00", "2026-11-25T00:00");
    let answers = source(config(&server, "ntlm", "availability")).fetch(&users, day).await.unwrap();
    assert_eq!(answers.len(), 205);
    assert!(answers[..201].iter().all(|a| a.result == Ok(Vec::new())));
    assert!(matches!(answers[201].result, Err(UserError::NoAccess(_))), "{:?}", answers[201]);
    let merged = ["60..150 Busy", "240..300 Tentative", "360..450 OutOfOffice", "600..615 Busy"];
    assert_eq!(shown(answers[202].result.as_ref().unwrap(), day.start), merged, "from digits alone");
    assert_eq!(answers[203].result, Err(UserError::NoData));
    assert_eq!(answers[204].result, Err(UserError::NotFound));
    let operations = operations(&server).await;
    assert_eq!(count(&operations, "GetUserAvailabilityRequest") - before, 3);
    assert!(operations.iter().all(|entry| entry["mailboxes"].as_u64().unwrap_or(0) <= 100));

    let by_view = source(config(&server, "basic", "find-item")).fetch(&users[200..], day).await.unwrap();
    assert!(matches!(by_view[1].result, Err(UserError::NoAccess(_))), "{:?}", by_view[1]);
    assert_eq!(by_view[4].result, Err(UserError::NotFound));
    assert_eq!(by_view[0].result, Ok(Vec::new()));

    let long = window("2026-11-01T00:00", "2026-12-14T00:00");
    match source(config(&server, "basic", "availability")).fetch(&users, long).await {
        Err(SourceError::Refused { code, .. }) => assert_eq!(code, "ErrorTimeIntervalTooBig"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_account_is_tried_once() {
    let server = EwsServer::start(&Options::new(&[("hanako@example.test", "")])).unwrap();
    let users: Vec<Mailbox> = (0..50).map(|i| mailbox(&format!("user{i}"))).collect();
    let day = window("2026-11-24T00:00", "2026-11-25T00:00");
    // Each NTLM sign-in shows two 401: the challenge, and the refusal. Four requests may be under way.
    for (auth, most) in [("basic", 4), ("ntlm", 8)] {
        let before = count(&operations(&server).await, "401");
        let wrong = source_with(config(&server, auth, "find-item"), "wrong");
        match wrong.fetch(&users, day).await {
            Err(SourceError::Auth { .. }) => {}
            other => panic!("{auth}: {other:?}"),
        }
        let tries = count(&operations(&server).await, "401") - before;
        assert!((1..=most).contains(&tries), "{auth}: {tries}");
        let findings = wrong.test(Some(&users[0])).await;
        let last = findings.last().unwrap();
        assert!(!last.passed() && last.name == "sign-in", "{findings:?}");
    }
    for auth in ["basic", "ntlm"] {
        let right = source(config(&server, auth, "availability"));
        assert!(right.test(None).await.iter().all(|finding| finding.passed()));
        let findings = right.test(Some(&mailbox("hanako"))).await;
        assert_eq!(
            findings.iter().map(|f| (f.name, f.passed())).collect::<Vec<_>>(),
            [("connect", true), ("sign-in", true), ("permission", true)]
        );
        let findings = right.test(Some(&mailbox("nobody"))).await;
        assert!(findings.iter().any(|f| f.name == "permission" && !f.passed()), "{findings:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_server_is_left_alone_as_it_wishes() {
    let server = EwsServer::start(&Options::new(&[("hanako@example.test", "")])).unwrap();
    let users = [mailbox("hanako")];
    let day = window("2026-11-24T00:00", "2026-11-25T00:00");
    let gateway = source(config(&server, "ntlm", "availability"));
    let wishes = [
        (r#"{"busy": 1, "style": "fault", "backoff": 1234}"#, 1_234..=1_234),
        (r#"{"busy": 1, "style": "hidden", "backoff": 4321}"#, 4_321..=4_321),
        (r#"{"busy": 1, "style": "503"}"#, 7_000..=7_000),
        (r#"{"busy": 1, "style": "fault", "backoff": null}"#, 40_000..=50_000),
    ];
    for (wish, expected) in wishes {
        page(&server, Method::POST, "control", wish, None).await;
        match gateway.fetch(&users, day).await {
            Err(SourceError::Busy { retry_after }) => {
                assert!(expected.contains(&retry_after.as_millis()), "{wish}: {retry_after:?}");
            }
            other => panic!("{wish}: {other:?}"),
        }
    }
    assert_eq!(count(&operations(&server).await, "busy"), 4, "no request is repeated by itself");
    assert!(gateway.fetch(&users, day).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn extended_protection_ties_ntlm_to_the_tls_connection() {
    let dir = tempfile::tempdir().unwrap();
    let paths = zaiseki_net::tls::ensure_self_signed(dir.path(), &["127.0.0.1".to_owned()]).unwrap();
    let ca = std::fs::read_to_string(&paths.ca).unwrap();
    let options = Options {
        tls: Some((paths.certificate, paths.key)),
        require_binding: true,
        schemes: vec!["NTLM"],
        ..Options::new(&[("hanako@example.test", "")])
    };
    let server = EwsServer::start(&options).unwrap();
    let users = [mailbox("hanako")];
    let day = window("2026-11-24T00:00", "2026-11-25T00:00");
    let with = |binding: bool, ca: Option<&str>| {
        source(json!({
            "kind": "ews", "url": server.url(), "username": "EX\\zaiseki", "channel_binding": binding,
            "server": { "ca_pem": ca },
        }))
    };
    let answers = with(true, Some(&ca)).fetch(&users, day).await.unwrap();
    assert_eq!(answers[0].result, Ok(Vec::new()), "{}", server.output());
    match with(false, Some(&ca)).fetch(&users, day).await {
        Err(SourceError::Auth { .. }) => {}
        other => panic!("{other:?}"),
    }
    let findings = with(true, None).test(Some(&users[0])).await;
    assert_eq!(findings.iter().map(|f| (f.name, f.passed())).collect::<Vec<_>>(), [("connect", true), ("tls", false)]);
    let findings = with(true, Some(&ca)).test(Some(&users[0])).await;
    assert!(findings.len() == 4 && findings.iter().all(|f| f.passed()), "{findings:?}");
    assert!(!format!("{findings:?}").contains(PASSWORD));
    let log = page(&server, Method::GET, "log", "", Some(&ca)).await;
    assert!(log.as_array().is_some_and(|list| !list.is_empty()));
    tokio::time::timeout(Duration::from_secs(60), with(true, Some(&ca)).fetch(&users, day)).await.unwrap().unwrap();
}

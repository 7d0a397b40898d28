//! Reading everybody.

use crate::support::{asked, config, control, count, crowd, names, read, source};
use serde_json::json;
use std::sync::Mutex;
use zaiseki_axl::{AxlConfig, Include};
use zaiseki_model::directory::{Cause, NumberKind, SourceSeen, Unfit, UserSource, UserSourceError};
use zaiseki_testkit::axl::{AxlServer, OUTSIDER, Options, person};

fn people() -> Vec<serde_json::Value> {
    let mut guest = person("guest", "Guest", "Elsewhere");
    guest["homeCluster"] = json!("false");
    let mut silent = person("silent", "No", "IM");
    silent["imAndPresenceEnable"] = json!("false");
    let mut left = person("left", "Gone", "Away");
    left["status"] = json!("0");
    let mut hanako = person("hanako", "花子", "山田 & <co>");
    hanako["userLocale"] = json!("Japanese Japan");
    vec![guest, silent, left, hanako, person("taro", "Taro", "Sato")]
}

#[tokio::test(flavor = "multi_thread")]
async fn zeep_and_we_see_the_same_cluster() {
    let server = AxlServer::start(&Options::new(people())).unwrap();
    let everybody = AxlConfig { users: Include::All, page_size: 2, ..config(&server) };
    for version in ["12.0", "14.0"] {
        let judge = server.zeep(version).unwrap();
        assert_eq!(judge["version"], "15.0.1.10000-1");
        assert_eq!(judge["first"], json!(["guest", "Elsewhere Guest"]));
        let fault = json!({"message": "Item not valid: The specified User was not found", "code": "5007"});
        assert_eq!((&judge["fault"], &judge["changes"]), (&fault, &json!(0)));

        let sweep = read(&AxlConfig { version: version.to_owned(), ..everybody.clone() }).await.unwrap();
        let theirs = judge["users"].as_array().unwrap();
        assert_eq!(theirs.len(), 5);
        let key = |row: &serde_json::Value| row[1].as_str().unwrap().trim_matches(['{', '}']).to_lowercase();
        let theirs: Vec<(String, String)> = theirs.iter().map(|row| (row[0].as_str().unwrap().to_owned(), key(row))).collect();
        let ours: Vec<(String, String)> = sweep.users.iter().map(|user| (user.name.clone(), user.key.clone())).collect();
        assert_eq!(ours, theirs);
        // From 12.5 on, lists know no display name.
        let expected = if version == "12.0" { "山田 & <co> 花子" } else { "花子 山田 & <co>" };
        assert_eq!(sweep.users[1].profile.display_name, expected);
        assert_eq!(sweep.users[1].profile.language.as_deref(), Some("ja"));
        assert_eq!(
            (sweep.users[1].profile.numbers[0].kind, sweep.users[1].profile.numbers[0].number.as_str()),
            (NumberKind::Work, "+81312345678")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_enabled_here_is_read() {
    let server = AxlServer::start(&Options::new(people())).unwrap();
    let sweep = read(&config(&server)).await.unwrap();
    assert_eq!(names(&sweep), ["hanako", "left", "taro"]);
    assert_eq!(sweep.users.iter().map(|user| user.enabled).collect::<Vec<_>>(), [true, false, true]);
    let home = AxlConfig { users: Include::Home, ..config(&server) };
    assert_eq!(names(&read(&home).await.unwrap()), ["hanako", "left", "silent", "taro"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_join_without_a_gap_and_shrink_when_asked_to() {
    let server = AxlServer::start(&Options { max_rows: 40, ..crowd(120) }).unwrap();
    let expected: Vec<String> = (0..120).map(|i| format!("user{i:03}")).collect();
    for page_size in [2, 7, 40, 119, 1_000] {
        let seen = Mutex::new(Vec::new());
        let config = AxlConfig { page_size, ..config(&server) };
        let sweep = source(&config).read(&|read| seen.lock().unwrap().push(read)).await.unwrap();
        assert_eq!(names(&sweep), expected, "{page_size}");
        let seen = seen.into_inner().unwrap();
        assert!(seen.is_sorted() && seen.last() == Some(&120), "{seen:?}");
    }
    let empty = AxlServer::start(&Options::new(Vec::new())).unwrap();
    assert_eq!(names(&read(&config(&empty)).await.unwrap()), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_moves_under_the_reader_is_read_again() {
    let server = AxlServer::start(&crowd(30)).unwrap();
    let config = AxlConfig { page_size: 10, ..config(&server) };
    // After the first page somebody on it goes: the next page would leave out one who stays.
    control(&server, json!({"then": {"remove": "user003"}})).await;
    let sweep = read(&config).await.unwrap();
    assert_eq!(sweep.users.len(), 29);
    assert!(!names(&sweep).contains(&"user003") && names(&sweep).contains(&"user010"));
    control(&server, json!({"then": {"put": {"userid": "user0035", "homeCluster": "t", "imAndPresenceEnable": "t"}}})).await;
    assert_eq!(read(&config).await.unwrap().users.len(), 30);
    // One that never rests gives no answer at all.
    let step = |name: &str, then: serde_json::Value| json!({"remove": name, "then": then});
    let restless = step("user000", step("user011", step("user001", step("user012", step("user002", json!({}))))));
    control(&server, json!({ "then": restless })).await;
    match read(&config).await {
        Err(UserSourceError::Incomplete { why, .. }) => assert!(why.contains("changed"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_user_is_skipped_and_named() {
    let mut users = people();
    users.push(json!({"userid": "zz1", "raw": "<user uuid=\"{00000000-0000-0000-0000-000000000001}\"><userid>zz1</userid><homeCluster>often</homeCluster></user>"}));
    users.push(json!({"userid": "zz2", "raw": "<user><userid>zz2</userid></user>"}));
    users.push(json!({"userid": "zz3", "raw": "<user uuid=\"{00000000-0000-0000-0000-000000000003}\"><userid/></user>"}));
    let server = AxlServer::start(&Options::new(users)).unwrap();
    let sweep = read(&config(&server)).await.unwrap();
    assert_eq!(names(&sweep), ["hanako", "left", "taro"]);
    let skipped: Vec<_> = sweep.skipped.iter().map(|s| (s.place.as_str(), s.key.is_some(), s.why.clone())).collect();
    let expected = [
        ("zz1", true, Unfit::Unclear("homeCluster".to_owned())),
        ("zz2", false, Unfit::Without("uuid".to_owned())),
        ("", true, Unfit::Without("userid".to_owned())),
    ];
    assert_eq!(skipped, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_agreed_on_once() {
    let server = AxlServer::start(&Options { versions: vec!["14.0", "15.0"], ..crowd(5) }).unwrap();
    let config = AxlConfig { page_size: 2, ..config(&server) };
    assert_eq!(read(&config).await.unwrap().users.len(), 5);
    assert!(asked(&server).await.iter().all(|(_, version)| version == "15.0"), "the refused version is not asked again");
    let ancient = AxlServer::start(&Options { versions: vec!["9.1"], ..crowd(1) }).unwrap();
    match read(&AxlConfig { ca: ancient.ca().ok(), servers: vec![ancient.address()], ..config }).await {
        Err(UserSourceError::Refused { why, .. }) => assert!(why.contains("version"), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_account_is_tried_once_and_nowhere_else() {
    let (first, second) = (AxlServer::start(&crowd(1)).unwrap(), AxlServer::start(&crowd(1)).unwrap());
    let both = format!("{}{}", first.ca().unwrap(), second.ca().unwrap());
    let servers = vec![first.address(), second.address()];
    let config = AxlConfig { servers, ca: Some(both), ..config(&first) };
    for (username, part) in [("wrong", "401"), (OUTSIDER, "403")] {
        let before = count(&first, "refused").await;
        match read(&AxlConfig { username: username.to_owned(), ..config.clone() }).await {
            Err(UserSourceError::Auth { why, .. }) => assert!(why.contains(part), "{why}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(count(&first, "refused").await - before, 1);
    }
    assert!(asked(&second).await.is_empty());
    // A server that is away is passed over.
    drop(first);
    let sweep = read(&config).await.unwrap();
    assert_eq!((sweep.server, sweep.passed_over.len()), (second.address(), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_busy_server_is_asked_again() {
    let server = AxlServer::start(&crowd(3)).unwrap();
    for style in ["503", "memory"] {
        control(&server, json!({"busy": 5, "style": style})).await;
        assert_eq!(read(&config(&server)).await.unwrap().users.len(), 3, "{style}");
        control(&server, json!({"busy": 6, "style": style})).await;
        match read(&config(&server)).await {
            Err(UserSourceError::Unreachable(servers)) => assert_eq!(servers[0].cause, Cause::Busy),
            other => panic!("{style}: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_self_test_names_what_fails() {
    let server = AxlServer::start(&crowd(8)).unwrap();
    let config = config(&server);
    let outcome = async |config: &AxlConfig| {
        let findings = source(config).test().await;
        findings.iter().map(|finding| (finding.name, finding.passed())).collect::<Vec<_>>()
    };
    assert_eq!(outcome(&config).await, [("connect", true), ("tls", true), ("sign-in", true), ("users", true)]);
    let seen = source(&config).test().await;
    assert_eq!(seen[2].seen, SourceSeen::Product("Unified CM 15.0.1.10000-1, AXL 12.0".to_owned()));
    let first = (0..5).map(|i| format!("user00{i}")).collect();
    assert_eq!(seen[3].seen, SourceSeen::Users(first));
    let stranger = AxlConfig { ca: None, ..config.clone() };
    assert_eq!(outcome(&stranger).await, [("tls", false)]);
    let wrong = AxlConfig { username: "wrong".to_owned(), ..config.clone() };
    assert_eq!(outcome(&wrong).await, [("connect", true), ("tls", true), ("sign-in", false)]);
    let certificate = server.certificate().ok();
    let pinned = AxlConfig { ca: None, certificate, ..config.clone() };
    assert_eq!(outcome(&pinned).await.len(), 4);
    drop(server);
    assert_eq!(outcome(&config).await, [("connect", false)]);
}

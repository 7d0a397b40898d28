//! Servers that hang, lie, flood or break off: each is an error in bounded time and memory, and never a panic.

use crate::scripted::{HOME, Reply, caldav, ews, http, serve};
use crate::support::{mailbox, shown, source, window};
use serde_json::json;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use zaiseki_calendar::{Source, SourceError, UserCalendar, UserError};

async fn fetch(source: &dyn Source) -> Result<Vec<UserCalendar>, SourceError> {
    source.fetch(&[mailbox("hanako")], window("2026-11-24T00:00", "2026-11-25T00:00")).await
}

/// The failure, whether of the gateway or of its only user, with its causes.
fn failure(result: Result<Vec<UserCalendar>, SourceError>) -> String {
    match result {
        Err(error) => format!("{error:?}"),
        Ok(answers) => format!("{:?}", answers[0].result.as_ref().expect_err("a bad server gave an answer")),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_answers_are_told_apart() {
    let bomb = "<!DOCTYPE a [<!ENTITY b 'bbbbbbbbbb'><!ENTITY c '&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;'>]><a>&d;</a>";
    type Script = fn() -> Reply;
    let cases: [(&str, Script); 6] = [
        ("not well-formed", || http("200 OK", "text/html", "<html><body><p>Sign in<br></body></html>")),
        ("TooLarge", || Reply::Flood(50 * 1024 * 1024)),
        ("RedirectElsewhere", || {
            Reply::Text("HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n".to_owned())
        }),
        ("too early", || http("207 Multi-Status", "text/xml", "<d:multistatus xmlns:d='DAV:'><d:response>")),
        ("not XML", || http("200 OK", "text/plain", "{}")),
        ("Timeout", || Reply::Hang),
    ];
    for (expected, script) in cases {
        let server = serve(move |_, _| script()).await;
        for config in [ews(&server.url), caldav(&server.url)] {
            let begun = Instant::now();
            let seen = failure(fetch(&*source(config.clone())).await);
            // A 207 is no answer EWS gives: it says so by its status.
            let wanted = if config["kind"] == "ews" && expected == "too early" { "status 207" } else { expected };
            assert!(seen.contains(wanted), "{config}: wanted {wanted}, got {seen}");
            assert!(begun.elapsed() < Duration::from_secs(30), "{expected}");
        }
    }
    let server = serve(move |_, _| http("207 Multi-Status", "text/xml", bomb)).await;
    let seen = failure(fetch(&*source(caldav(&server.url))).await);
    assert!(seen.contains("document type"), "{seen}");
    let server = serve(move |_, _| http("200 OK", "text/xml", bomb)).await;
    let seen = failure(fetch(&*source(ews(&server.url))).await);
    assert!(seen.contains("document type"), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_off_answer_is_broken_and_not_half_believed() {
    let cut = "HTTP/1.1 207 Multi-Status\r\nContent-Type: text/xml\r\nContent-Length: 9999\r\nConnection: close\r\n\r\n<d:multistatus xmlns:d='DAV:'>";
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut buffer = [0; 4096];
            let _ = socket.read(&mut buffer).await;
            let _ = socket.write_all(cut.as_bytes()).await;
        }
    });
    for config in [ews(&url), caldav(&url)] {
        let seen = failure(fetch(&*source(config)).await);
        assert!(seen.contains("Broken"), "{seen}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn free_busy_is_asked_for_when_events_are_not_readable() {
    let server = serve(|first, body| {
        if first.starts_with("PROPFIND") {
            return http("207 Multi-Status", "text/xml", HOME);
        }
        if body.contains("calendar-query") {
            return http("403 Forbidden", "text/xml", "<d:error xmlns:d='DAV:'/>");
        }
        let answer = "BEGIN:VCALENDAR\r\nBEGIN:VFREEBUSY\r\nFREEBUSY:20261124T010000Z/PT1H\r\nEND:VFREEBUSY\r\nEND:VCALENDAR\r\n";
        http("200 OK", "text/calendar", answer)
    })
    .await;
    let answers = fetch(&*source(caldav(&server.url))).await.unwrap();
    let start = window("2026-11-24T00:00", "2026-11-25T00:00").start;
    assert_eq!(shown(answers[0].result.as_ref().unwrap(), start), ["60..120 Busy"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_malformed_event_is_named_and_the_rest_goes_on() {
    let server = serve(|first, _| {
        if first.starts_with("PROPFIND") {
            return http("207 Multi-Status", "text/xml", HOME);
        }
        let resource = |name: &str, data: &str| {
            format!(
                "<d:response><d:href>/hanako/{name}.ics</d:href><d:propstat><d:prop><c:calendar-data><![CDATA[{data}]]></c:calendar-data>\
                 </d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>"
            )
        };
        let event = |uid: &str, start: &str| {
            format!("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:{uid}\r\nSUMMARY:secret\r\nDTSTART:{start}\r\nDURATION:PT1H\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
        };
        let all = [
            resource("a", &event("good", "20261124T010000Z")),
            resource("b", &event("bad-one", "nonsense")),
            resource("c", "no calendar at all"),
            resource("d", &event("good-too", "20261124T030000Z")),
        ];
        let body = format!("<d:multistatus xmlns:d='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'>{}</d:multistatus>", all.concat());
        http("207 Multi-Status", "text/xml", &body)
    })
    .await;
    let answers = fetch(&*source(caldav(&server.url))).await.unwrap();
    let start = window("2026-11-24T00:00", "2026-11-25T00:00").start;
    assert_eq!(shown(answers[0].result.as_ref().unwrap(), start), ["60..120 Busy", "180..240 Busy"]);
    assert_eq!(answers[0].skipped, ["bad-one: its start is not a time", "c.ics: is not iCalendar"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_users_trouble_is_not_the_others() {
    let server = serve(|first, _| match first.split(' ').nth(1) {
        Some("/ill/") => http("500 Internal Server Error", "text/html", "oops"),
        _ if first.starts_with("PROPFIND") => http("207 Multi-Status", "text/xml", HOME),
        _ => http("207 Multi-Status", "text/xml", "<d:multistatus xmlns:d='DAV:'/>"),
    })
    .await;
    let gateway = source(caldav(&server.url));
    let users = [mailbox("ill"), mailbox("hanako")];
    let answers = gateway.fetch(&users, window("2026-11-24T00:00", "2026-11-25T00:00")).await.unwrap();
    assert!(matches!(answers[0].result, Err(UserError::Server(_))), "{:?}", answers[0]);
    assert_eq!(answers[1].result, Ok(Vec::new()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hanging_server_costs_a_few_time_outs_and_a_slow_user_only_their_own() {
    let users: Vec<_> = (0..100).map(|i| mailbox(&format!("user{i}"))).collect();
    let day = window("2026-11-24T00:00", "2026-11-25T00:00");
    let find_item = |url: &str| {
        let mut config = ews(url);
        config["mode"] = json!("find-item");
        config
    };
    let dead = serve(|_, _| Reply::Hang).await;
    for config in [find_item(&dead.url), caldav(&dead.url)] {
        let begun = Instant::now();
        let result = source(config).fetch(&users, day).await;
        assert!(matches!(result, Err(SourceError::Http { .. })), "{result:?}");
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    }
    let slow = serve(|first, body| {
        if first.contains("/user7/") || body.contains("user7@") {
            return Reply::Hang;
        }
        if first.starts_with("POST") {
            let empty = "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/' xmlns:m='http://schemas.microsoft.com/exchange/services/2006/messages'>\
                <s:Body><m:FindItemResponse><m:ResponseMessages><m:FindItemResponseMessage ResponseClass='Success'><m:RootFolder/>\
                </m:FindItemResponseMessage></m:ResponseMessages></m:FindItemResponse></s:Body></s:Envelope>";
            return http("200 OK", "text/xml", empty);
        }
        http("207 Multi-Status", "text/xml", if first.starts_with("PROPFIND") { HOME } else { "<d:multistatus xmlns:d='DAV:'/>" })
    })
    .await;
    for config in [find_item(&slow.url), caldav(&slow.url)] {
        let answers = source(config).fetch(&users, day).await.unwrap();
        for (user, answer) in users.iter().zip(&answers) {
            match user.name.as_str() {
                "user7" => assert!(matches!(answer.result, Err(UserError::Server(_))), "{answer:?}"),
                _ => assert_eq!(answer.result, Ok(Vec::new())),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn users_without_an_address_are_not_asked_about() {
    let server = serve(|_, _| http("500 Internal Server Error", "text/plain", "")).await;
    let mut user = mailbox("hanako");
    user.address = String::new();
    let mut dav = caldav(&server.url);
    dav["url"] = json!(format!("{}/{{mail}}/", server.url));
    for config in [ews(&server.url), dav] {
        let answers = source(config).fetch(&[user.clone()], window("2026-11-24T00:00", "2026-11-25T00:00")).await.unwrap();
        assert_eq!(answers[0].result, Err(UserError::NotFound));
    }
    assert_eq!(server.requests.load(Ordering::SeqCst), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_throttling_server_ends_the_round() {
    let busy = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 11\r\nContent-Length: 0\r\n\r\n";
    let server = serve(move |_, _| Reply::Text(busy.to_owned())).await;
    let users: Vec<_> = (0..100).map(|i| mailbox(&format!("user{i}"))).collect();
    let result = source(caldav(&server.url)).fetch(&users, window("2026-11-24T00:00", "2026-11-25T00:00")).await;
    assert!(matches!(result, Err(SourceError::Busy { retry_after }) if retry_after == Duration::from_secs(11)), "{result:?}");
    assert!(server.requests.load(Ordering::SeqCst) <= 8, "{:?}", server.requests);
}

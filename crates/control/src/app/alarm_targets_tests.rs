//! Targets as administrators change them, and what is sent to a webhook.

use super::*;
use crate::alarms::catalogue::{ALARM_TARGET_FAILED, GATEWAY_DOWN};
use crate::alarms::target::sender;
use crate::app::tests::Fixture;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

fn input(value: Value) -> AlarmTargetInput {
    serde_json::from_value(value).unwrap()
}

fn changed(value: Value) -> AlarmTargetChange {
    serde_json::from_value(value).unwrap()
}

#[test]
fn a_change_touches_what_it_names_and_sends_no_secret_elsewhere() {
    let fixture = Fixture::new();
    let app = &fixture.app;
    let new =
        json!({"name": "ops", "config": {"kind": "webhook", "url": "https://a.example/x"}, "secret": "hidden", "language": "ja"});
    let made = add(app, "tester", &input(new.clone())).unwrap();
    assert!(made.secret && made.enabled && made.severity == SeverityView::Warning && made.status.is_none());
    assert_eq!(add(app, "tester", &input(new)).unwrap_err().code(), "conflict");
    let after = change(app, "tester", "ops", &changed(json!({"severity": "critical", "name": "pager"}))).unwrap();
    assert_eq!((after.severity, after.language, after.id), (SeverityView::Critical, TargetLanguage::Ja, made.id));
    let elsewhere = json!({"config": {"url": "https://evil.example/"}});
    let error = change(app, "tester", "pager", &changed(elsewhere)).unwrap_err();
    assert_eq!((error.code(), error.field()), ("invalid", Some("secret")));
    let moved = json!({"config": {"url": "https://b.example/"}, "secret": "other"});
    change(app, "tester", "pager", &changed(moved)).unwrap();
    let (_, secret, lang) = open(app, &find(app, "pager").unwrap()).unwrap();
    assert_eq!((secret.as_deref(), lang), (Some("other"), Lang::Ja));
    for bad in [json!({"config": {"url": "x"}}), json!({"config": {"nothing": 1}}), json!({"name": "a/b"}), json!({"name": ".."})]
    {
        assert_eq!(change(app, "tester", "pager", &changed(bad.clone())).unwrap_err().code(), "invalid", "{bad}");
    }
    remove(app, "tester", "pager").unwrap();
    assert_eq!(show(app, "pager").unwrap_err().code(), "not-found");
    let trail = app.store().query(|db| db.audit_list(None, None, 99)).unwrap();
    assert_eq!(trail.len(), 4);
    assert!(trail.iter().all(|entry| !format!("{entry:?}").contains("hidden") && !format!("{entry:?}").contains("other\"")));
}

/// Takes one request after the other and answers with these statuses; the heads and bodies.
async fn server(statuses: Vec<&'static str>) -> (u16, tokio::task::JoinHandle<Vec<(String, Value)>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let task = tokio::spawn(async move {
        let mut seen = Vec::new();
        for status in statuses {
            let (mut stream, _) = listener.accept().await.unwrap();
            seen.push(request(&mut stream).await);
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        seen
    });
    (port, task)
}

async fn request(stream: &mut tokio::net::TcpStream) -> (String, Value) {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n")
            && let Ok(json) = serde_json::from_str(body)
        {
            return (head.to_ascii_lowercase(), json);
        }
        assert!(stream.read_buf(&mut bytes).await.unwrap() > 0, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_is_signed_tried_again_and_told_of_what_is_bad_enough() {
    let fixture = Fixture::new();
    let app = fixture.app.clone();
    let (port, served) = server(vec!["503 Busy", "200 OK", "200 OK"]).await;
    let config = json!({"kind": "webhook", "url": format!("http://127.0.0.1:{port}/alarms")});
    add(&app, "tester", &input(json!({"name": "ops", "config": config, "secret": "key", "severity": "error"}))).unwrap();
    let work = async {
        while show(&app, "ops").unwrap().status.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        app.alarms().raise(&ALARM_TARGET_FAILED, "other", Text::plain("only a warning"));
        app.alarms().raise(&GATEWAY_DOWN, "mail", Text::new("no answer", "応答なし"));
        app.alarms().clear(&GATEWAY_DOWN, "mail");
        let seen = served.await.unwrap();
        while show(&app, "ops").unwrap().status.is_none_or(|status| status.sent < 2) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        seen
    };
    let seen = tokio::select! {
        () = sender::run(app.clone(), "im1".to_owned()) => unreachable!("it ends with its caller"),
        seen = tokio::time::timeout(Duration::from_secs(30), work) => seen.expect("delivered"),
    };
    let changes: Vec<&str> = seen.iter().map(|(_, body)| body["change"].as_str().unwrap()).collect();
    assert_eq!(changes, ["raised", "raised", "cleared"]);
    let (head, body) = &seen[1];
    assert!(head.starts_with("post /alarms ") && head.contains("x-zaiseki-signature: sha256="), "{head}");
    assert_eq!(
        (&body["node"], &body["alarm"]["subject"], &body["alarm"]["detail"]["ja"]),
        (&json!("im1"), &json!("mail"), &json!("応答なし"))
    );
    let status = show(&app, "ops").unwrap().status.unwrap();
    assert_eq!((status.sent, status.refused, status.lost, status.last_error), (2, 0, 0, None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_test_says_why_it_did_not_arrive() {
    let fixture = Fixture::new();
    let app = &fixture.app;
    let (port, served) = server(vec!["404 Not Found"]).await;
    let config = json!({"kind": "webhook", "url": format!("http://127.0.0.1:{port}/")});
    add(app, "tester", &input(json!({"name": "ops", "config": config}))).unwrap();
    let result = prepare_test(app, "ops").unwrap().run().await;
    assert!(!result.sent && result.error.unwrap().en.contains("404"));
    let seen = served.await.unwrap();
    assert!(seen[0].1["alarm"]["alarm"] == "alarm-target.test" && !seen[0].0.contains("signature"));
    let result = prepare_test(app, "ops").unwrap().run().await;
    assert!(!result.sent && result.error.is_some(), "nobody listens any more");
}

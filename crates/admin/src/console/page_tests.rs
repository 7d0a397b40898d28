//! The pages: what is typed reaches the control plane, and what was wrong is said where it was typed.

use super::tests::{Fixture, caller, fixture, post};
use axum::http::{HeaderMap, StatusCode, header};
use zaiseki_control::access::Role;
use zaiseki_control::app::gateways::{self, GatewayConfig};

const ADMIN: Option<Role> = Some(Role::Administrator);

impl Fixture {
    /// Sends a form as an administrator; status, headers, page.
    async fn send(&self, path: &str, fields: &[(&str, &str)]) -> (StatusCode, HeaderMap, String) {
        let token = super::routes::csrf_of(&caller(Role::Administrator));
        let body = super::ctx::encoded(&[&[("csrf", token.as_str())], fields].concat());
        self.ask(post(path), ADMIN, &body).await
    }

    /// Sends a form that is right; where it leads.
    async fn sent(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let (status, headers, html) = self.send(path, fields).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{path}: {html}");
        headers[header::LOCATION].to_str().unwrap().to_owned()
    }

    /// Sends a form that is wrong in one field; the page that comes back.
    async fn refused(&self, path: &str, fields: &[(&str, &str)], field: &str) -> String {
        let (status, _, html) = self.send(path, fields).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{path}: {html}");
        assert!(html.contains(&format!("id=\"{field}-error\"")), "{field}: {html}");
        html
    }

    async fn seen(&self, path: &str) -> String {
        let (status, _, html) = self.get(path, ADMIN, "en").await;
        assert_eq!(status, StatusCode::OK, "{path}: {html}");
        html
    }
}

/// The fields with one of them changed.
fn with<'a>(fields: &[(&'a str, &'a str)], name: &str, value: &'a str) -> Vec<(&'a str, &'a str)> {
    fields.iter().map(|(key, old)| (*key, if *key == name { value } else { *old })).collect()
}

const EXCHANGE: [(&str, &str); 12] = [
    ("name", "mail"),
    ("url", "https://ex.example.test/EWS/Exchange.asmx"),
    ("username", "EX\\zaiseki"),
    ("secret", " s3cret "),
    ("poll_secs", "30"),
    ("auth", "basic"),
    ("mode", "find-item"),
    ("impersonation", "principal-name"),
    ("mailbox", "{user}@example.test"),
    ("connect_to", ""),
    ("timeout_secs", "20"),
    ("ca_pem", ""),
];

#[tokio::test]
async fn an_exchange_gateway_is_what_was_typed() {
    let fixture = fixture();
    let path = "/console/gateways:ews";
    let html = fixture.refused(path, &with(&EXCHANGE, "url", "http://ex.example.test/"), "url").await;
    assert!(html.contains("value=\"EX\\zaiseki\"") && !html.contains("s3cret"), "{html}");
    for (field, wrong) in
        [("name", "a/b"), ("poll_secs", "3601"), ("poll_secs", "soon"), ("timeout_secs", "301"), ("mailbox", "")]
    {
        fixture.refused(path, &with(&EXCHANGE, field, wrong), field).await;
    }
    assert!(gateways::list(&fixture.app).unwrap().is_empty());
    assert_eq!(fixture.sent(path, &EXCHANGE).await, "/console/gateways/mail");
    let gateway = gateways::show(&fixture.app, "mail").unwrap();
    let GatewayConfig::Ews(ews) = &gateway.config else { panic!("{gateway:?}") };
    assert_eq!((ews.username.as_str(), ews.mailbox.as_str()), ("EX\\zaiseki", "{user}@example.test"));
    assert_eq!((ews.channel_binding, ews.server.timeout_secs, gateway.poll_secs), (false, 20, 30));
    assert_eq!((gateway.secret, gateway.enabled), (true, false));
    let html = fixture.seen("/console/gateways/mail/edit").await;
    assert!(html.contains("<option value=\"principal-name\" selected>") && !html.contains("s3cret"), "{html}");
}

#[tokio::test]
async fn a_gateway_that_moves_asks_for_its_password() {
    let fixture = fixture();
    fixture.sent("/console/gateways:ews", &EXCHANGE).await;
    let same = with(&with(&EXCHANGE, "secret", ""), "name", "post");
    assert_eq!(fixture.sent("/console/gateways/mail/edit", &same).await, "/console/gateways/post");
    let moved = with(&same, "url", "https://evil.example.test/");
    fixture.refused("/console/gateways/post/edit", &moved, "secret").await;
    fixture.refused("/console/gateways/post/edit", &with(&same, "connect_to", "evil.example.test"), "secret").await;
    fixture.sent("/console/gateways/post/edit", &with(&moved, "secret", "typed again")).await;
}

#[tokio::test]
async fn a_gateway_is_tested_switched_and_removed() {
    let fixture = fixture();
    let fields = [
        ("name", "予定/"),
        ("url", "http://127.0.0.1:1/{user}/"),
        ("username", "u"),
        ("poll_secs", "60"),
        ("mode", "auto"),
        ("default_zone", "Asia/Tokyo"),
        ("timeout_secs", "5"),
        ("allow_clear_text", "on"),
        ("enabled", "on"),
    ];
    fixture.refused("/console/gateways:caldav", &fields, "name").await;
    let to = fixture.sent("/console/gateways:caldav", &with(&fields, "name", "予定")).await;
    assert_eq!(to, "/console/gateways/%E4%BA%88%E5%AE%9A");
    fixture.refused(&format!("{to}/test"), &[("user", "nobody")], "user").await;
    // Nobody listens there.
    let (status, _, html) = fixture.send(&format!("{to}/test"), &[]).await;
    assert_eq!(status, StatusCode::OK);
    assert!(html.contains("failed") && html.contains("firewalls"), "{html}");
    assert!(fixture.seen("/console/gateways").await.contains(&format!("href=\"{to}\"")));
    fixture.sent(&format!("{to}/refresh"), &[]).await;
    fixture.sent(&format!("{to}/enabled"), &[("enabled", "false")]).await;
    assert!(fixture.seen(&to).await.contains("class=\"pill quiet\""));
    assert!(fixture.seen(&format!("{to}/remove")).await.contains("button danger"));
    assert_eq!(fixture.sent(&format!("{to}/remove"), &[]).await, "/console/gateways");
    assert!(gateways::list(&fixture.app).unwrap().is_empty());
}

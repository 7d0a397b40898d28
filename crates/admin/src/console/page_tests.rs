//! The pages: what is typed reaches the control plane, and what was wrong is said where it was typed.

use super::tests::{Fixture, caller, fixture, post};
use axum::http::{HeaderMap, Request, StatusCode, header};
use zaiseki_control::Text;
use zaiseki_control::access::Role;
use zaiseki_control::alarms::catalogue::DIRECTORY_SYNC_FAILED;
use zaiseki_control::app::gateways::{self, GatewayConfig};
use zaiseki_control::app::jobs;
use zaiseki_control::app::setup;
use zaiseki_control::app::users;
use zaiseki_model::Timestamp;

pub(super) const ADMIN: Option<Role> = Some(Role::Administrator);

impl Fixture {
    /// Sends a form as an administrator; status, headers, page.
    pub(super) async fn send(&self, path: &str, fields: &[(&str, &str)]) -> (StatusCode, HeaderMap, String) {
        let token = super::routes::csrf_of(&caller(Role::Administrator));
        let body = super::ctx::encoded(&[&[("csrf", token.as_str())], fields].concat());
        self.ask(post(path), ADMIN, &body).await
    }

    /// Sends a form that is right; where it leads.
    pub(super) async fn sent(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let (status, headers, html) = self.send(path, fields).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{path}: {html}");
        headers[header::LOCATION].to_str().unwrap().to_owned()
    }

    /// Sends a form that is wrong in one field; the page that comes back.
    pub(super) async fn refused(&self, path: &str, fields: &[(&str, &str)], field: &str) -> String {
        let (status, _, html) = self.send(path, fields).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{path}: {html}");
        assert!(html.contains(&format!("id=\"{field}-error\"")), "{field}: {html}");
        html
    }

    pub(super) async fn seen(&self, path: &str) -> String {
        let (status, _, html) = self.get(path, ADMIN, "en").await;
        assert_eq!(status, StatusCode::OK, "{path}: {html}");
        html
    }
}

/// The fields with one of them changed.
pub(super) fn with<'a>(fields: &[(&'a str, &'a str)], name: &str, value: &'a str) -> Vec<(&'a str, &'a str)> {
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
async fn a_job_is_listed_shown_and_cancelled_once() {
    let fixture = fixture();
    assert!(fixture.seen("/console/jobs").await.contains("There are no jobs."));
    let input = serde_json::json!({"im": true, "users": ["hanako"]});
    let new = jobs::JobInput { kind: "users.im".to_owned(), input, at: Some("2099-01-31T22:00:00Z".to_owned()) };
    let job = jobs::create(&fixture.app, &caller(Role::Administrator), new).unwrap();
    let path = format!("/console/jobs/{}", job.id);
    assert!(fixture.seen("/console/jobs").await.contains(&path));
    let (html, cancel) = (fixture.seen(&path).await, format!("{path}/cancel"));
    assert!(html.contains("scheduled") && html.contains(&cancel), "{html}");
    assert_eq!(fixture.sent(&cancel, &[]).await, path);
    assert_eq!(jobs::find(&fixture.app, &job.id).unwrap().state, jobs::JobStateView::Cancelled);
    let html = fixture.seen(&path).await;
    assert!(html.contains("cancelled") && !html.contains(&cancel), "{html}");
    assert_eq!(fixture.send(&cancel, &[]).await.0, StatusCode::CONFLICT);
}

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

/// Sends a form without a session; status, where it leads, the cookie's first part, page.
async fn stranger(fixture: &Fixture, path: &str, fields: &[(&str, &str)]) -> (StatusCode, Option<String>, String, String) {
    let (status, headers, html) = fixture.ask(post(path), None, &super::ctx::encoded(fields)).await;
    let text = |name| headers.get(name).map(|value: &axum::http::HeaderValue| value.to_str().unwrap().to_owned());
    (status, text(header::LOCATION), text(header::SET_COOKIE).unwrap_or_default(), html)
}

#[tokio::test]
async fn the_first_administrator_is_made_by_the_link_and_signed_in() {
    let fixture = fixture();
    let token = setup::link(&fixture.app, Timestamp::now()).unwrap().unwrap();
    let page = format!("/console/set-up?token={}", token.reveal());
    let (status, _, html) = fixture.get(&page, None, "ja").await;
    assert_eq!(status, StatusCode::OK);
    assert!(html.contains("最初の管理者"), "{html}");
    assert_eq!(fixture.get("/console/set-up?token=wrong", None, "en").await.0, StatusCode::NOT_FOUND);
    let form = |password| [("token", token.reveal()), ("name", "hanako"), ("password", password)];
    let (status, _, cookie, html) = stranger(&fixture, "/console/set-up", &form("short")).await;
    assert_eq!((status, cookie.as_str()), (StatusCode::UNPROCESSABLE_ENTITY, ""));
    assert!(html.contains("id=\"password-error\"") && html.contains("value=\"hanako\""), "{html}");
    let (status, to, cookie, html) = stranger(&fixture, "/console/set-up", &form("correct horse battery")).await;
    assert_eq!((status, to.as_deref()), (StatusCode::SEE_OTHER, Some("/console/")), "{html}");
    assert!(cookie.starts_with("__Host-") && cookie.contains("HttpOnly; SameSite=Lax"), "{cookie}");
    assert_eq!(fixture.get(&page, None, "en").await.0, StatusCode::NOT_FOUND, "used once");
}

#[tokio::test]
async fn a_wrong_sign_in_says_nothing_of_who_exists_and_a_right_one_leads_back() {
    let fixture = fixture();
    let token = setup::link(&fixture.app, Timestamp::now()).unwrap().unwrap();
    let first = [("token", token.reveal()), ("name", "hanako"), ("password", "correct horse battery")];
    stranger(&fixture, "/console/set-up", &first).await;
    let form = |name, password, back| [("administrator", name), ("password", password), ("back", back)];
    let mut answers = Vec::new();
    for name in ["hanako", "nobody"] {
        let (status, _, cookie, html) = stranger(&fixture, "/console/sign-in", &form(name, "wrong", "/console/")).await;
        assert_eq!((status, cookie.as_str()), (StatusCode::UNAUTHORIZED, ""));
        answers.push(html.replace(name, "NAME"));
    }
    assert_eq!(answers[0], answers[1]);
    for (back, leads) in [("/console/users?search=a", "/console/users?search=a"), ("https://evil.example/", "/console/")] {
        let right = form("hanako", "correct horse battery", back);
        let (status, to, cookie, html) = stranger(&fixture, "/console/sign-in", &right).await;
        assert_eq!((status, to.as_deref()), (StatusCode::SEE_OTHER, Some(leads)), "{html}");
        assert!(cookie.starts_with("__Host-"), "{cookie}");
    }
    let (status, _, _, _) = stranger(&fixture, "/console/sign-out", &[]).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "who is not signed in is asked to");
    assert_eq!(fixture.send("/console/sign-out", &[("csrf", "wrong")]).await.0, StatusCode::FORBIDDEN);
    assert_eq!(fixture.sent("/console/sign-out", &[]).await, "/console/sign-in");
}

#[tokio::test]
async fn settings_are_saved_refused_and_taken_back() {
    let fixture = fixture();
    let path = "/console/messaging";
    let html = fixture.refused(path, &[("archive", "on"), ("archive_days", "0")], "archive_days").await;
    assert!(html.contains("value=\"0\""), "{html}");
    fixture.refused(path, &[("archive_days", "many")], "archive_days").await;
    assert_eq!(fixture.sent(path, &[("archive_days", "")]).await, path);
    let now = |fixture: &Fixture| {
        let settings = fixture.app.settings().borrow().clone();
        (settings.archive, settings.archive_days)
    };
    assert_eq!(now(&fixture), (false, None));
    fixture.sent(path, &[("archive_days", "7")]).await;
    let html = fixture.seen(path).await;
    assert!(html.contains("name=\"default\" value=\"archive_days\""), "{html}");
    fixture.sent(path, &[("default", "archive_days")]).await;
    assert_eq!(now(&fixture).1, zaiseki_model::settings::Settings::default().archive_days);
    fixture.refused("/console/presence-settings", &[("calendar.meeting_labels", "nonsense")], "calendar.meeting_labels").await;
}

#[tokio::test]
async fn settings_of_security_are_not_an_operator_s() {
    let fixture = fixture();
    let token = super::routes::csrf_of(&caller(Role::Administrator));
    let body = format!("csrf={token}&default=admin.audit_days");
    for (path, status) in [("/console/security", StatusCode::FORBIDDEN), ("/console/parameters", StatusCode::FORBIDDEN)] {
        let (seen, _, html) = fixture.ask(post(path), Some(Role::Operator), &body).await;
        assert_eq!(seen, status, "{path}: {html}");
    }
}

#[tokio::test]
async fn the_audit_log_tells_what_changed() {
    let fixture = fixture();
    fixture.sent("/console/users:new", &[("name", "hanako"), ("mail", "h@example.com")]).await;
    fixture.sent("/console/users/hanako", &[("mail", "hana@example.com"), ("display_name", "<b>花子</b>")]).await;
    let html = fixture.seen("/console/audit?object=user%3Ahanako").await;
    assert!(html.contains("h@example.com → hana@example.com"), "{html}");
    assert!(!html.contains("<b>花子") && html.contains("user.create"), "{html}");
    assert!(fixture.seen("/console/audit?to=2000-01-01").await.contains("class=\"empty\""));
    for (query, field) in [("from=2026-13-45", "from"), ("to=soon", "to"), ("from=2026-02-02&to=2026-02-01", "to")] {
        let html = fixture.seen(&format!("/console/audit?actor=tester&{query}")).await;
        assert!(html.contains(&format!("id=\"{field}-error\"")) && html.contains("value=\"tester\""), "{query}: {html}");
        assert!(!html.contains("T00:00:00Z") && !html.contains("T23:59:59"), "{query}: {html}");
    }
}

#[tokio::test]
async fn a_page_of_settings_tells_of_each_wrong_field_at_once() {
    let fixture = fixture();
    let html =
        fixture.refused("/console/presence-settings", &[("max_contacts", "many"), ("max_watchers", "0")], "max_contacts").await;
    assert!(html.contains("id=\"max_watchers-error\"") && html.contains("value=\"many\""), "{html}");
    assert!(html.contains("must be a whole number from 1 to"), "{html}");
}

#[tokio::test]
async fn a_long_list_of_users_leads_back_page_by_page() {
    let fixture = fixture();
    for number in 0..120 {
        let new = serde_json::json!({"name": format!("user{number:03}")});
        users::create(&fixture.app, "tester", &serde_json::from_value(new).unwrap()).unwrap();
    }
    let href = |html: &str, rel: &str| {
        let (_, rest) = html.split_once(&format!("rel=\"{rel}\" href=\""))?;
        Some(rest.split('"').next()?.replace("&#38;", "&").replace("&amp;", "&"))
    };
    let first = fixture.seen("/console/users").await;
    assert_eq!(href(&first, "prev"), None);
    let to_second = href(&first, "next").unwrap();
    let second = fixture.seen(&to_second).await;
    assert!(second.contains("/console/users/user050"), "{second}");
    let third = fixture.seen(&href(&second, "next").unwrap()).await;
    assert!(third.contains("/console/users/user100"), "{third}");
    assert_eq!(href(&third, "prev"), Some(to_second));
    assert_eq!(href(&second, "prev").as_deref(), Some("/console/users?"));
}

#[tokio::test]
async fn an_address_that_is_no_text_names_nothing() {
    let fixture = fixture();
    let (status, _, html) = fixture.get("/console/users/%ff", ADMIN, "en").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(html.contains("There is nothing here"), "{html}");
    assert_eq!(fixture.send("/console/users/%ff", &[]).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_new_alarm_target_speaks_the_language_of_the_page() {
    let fixture = fixture();
    for (language, chosen) in [("en", "<option value=\"en\" selected>"), ("ja", "<option value=\"ja\" selected>")] {
        let (_, _, html) = fixture.get("/console/alarm-targets:new/syslog", ADMIN, language).await;
        assert!(html.contains(chosen), "{html}");
    }
}

#[tokio::test]
async fn a_file_of_users_is_imported_with_a_report() {
    let fixture = fixture();
    let token = super::routes::csrf_of(&caller(Role::Administrator));
    let body = |csv: &str| {
        format!(
            "--b\r\nContent-Disposition: form-data; name=\"csrf\"\r\n\r\n{token}\r\n--b\r\n\
             Content-Disposition: form-data; name=\"file\"; filename=\"x.csv\"\r\n\r\n{csv}\r\n--b--\r\n"
        )
    };
    let request = || axum::http::Request::post("/console/users:import").header("content-type", "multipart/form-data; boundary=b");
    let (status, _, html) = fixture
        .ask(request(), ADMIN, &body("userid,password,mail\nhanako,s3cret-enough,h@example.com\ntaro,s3cret-enough,nonsense"))
        .await;
    assert_eq!(status, StatusCode::OK);
    assert!(html.contains("class=\"pill warning\"") && html.contains("taro"), "{html}");
    assert!(fixture.seen("/console/users").await.contains("/console/users/hanako"));
    let (status, _, html) = fixture.ask(request(), ADMIN, &body("")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(html.contains("id=\"file-error\""), "{html}");
}

#[tokio::test]
async fn areas_fold_and_say_what_is_wrong_in_them() {
    let fixture = fixture();
    fixture.app.alarms().raise(&DIRECTORY_SYNC_FAILED, "tokyo", Text::plain("down"));
    let groups = |html: &str, open: bool| -> Vec<String> {
        let groups = html.split("<details class=\"group\" data-group=\"").skip(1).filter_map(|rest| rest.split_once('"'));
        groups.filter(|(_, rest)| rest.starts_with(" open>") == open).map(|(key, _)| key.to_owned()).collect()
    };
    let html = fixture.seen("/console/gateways").await;
    assert_eq!(groups(&html, true), ["nav-presence"]);
    assert!(groups(&html, false).contains(&"nav-people".to_owned()));
    // Beside the area and the page of directories, and beside diagnostics and the alarms.
    assert_eq!(html.matches("(open alarms: 1)").count(), 4, "{html}");
    assert!(html.contains("href=\"/console/directories\">Directories <span class=\"count bad\">"), "{html}");
    let request = Request::get("/console/gateways").header(header::COOKIE, "zaiseki-menu=nav-people.nonsense");
    let (_, _, html) = fixture.ask(request, ADMIN, "").await;
    assert_eq!(groups(&html, true), ["nav-presence", "nav-people"]);
}

#[tokio::test]
async fn pages_say_when_the_service_behind_them_does_not_run() {
    let fixture = fixture();
    for (page, service) in [("directories", "sync-agent"), ("gateways", "presence-gateways"), ("jobs", "job-scheduler")] {
        let html = fixture.seen(&format!("/console/{page}")).await;
        let pointer = format!("<a href=\"/console/services/{service}\">To the control center</a>");
        assert!(html.contains("does not run (stopped)") && html.contains(&pointer), "{html}");
    }
}

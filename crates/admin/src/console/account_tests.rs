//! Administrators, their own accounts and tokens, as they use the pages.

use super::routes::csrf_of;
use super::tests::{Fixture, fixture, post};
use axum::http::{HeaderMap, Request, StatusCode, header};
use std::net::{IpAddr, Ipv4Addr};
use zaiseki_control::access::{Caller, Role};
use zaiseki_control::app::admins::{self, NewAdmin};
use zaiseki_control::app::sessions::{self, SignIn, SignedIn};
use zaiseki_control::app::tokens;
use zaiseki_control::app::users::Password;
use zaiseki_control::credentials::token::Token;
use zaiseki_model::Timestamp;

const PASSWORD: &str = "correct horse battery";

/// An administrator who is signed in.
struct Someone {
    fixture: Fixture,
    caller: Caller,
}

impl Someone {
    fn new(role: Role) -> Someone {
        let fixture = fixture();
        let new = NewAdmin { name: "hanako".to_owned(), role, password: Some(Password::new(PASSWORD)) };
        admins::add(&fixture.app, "test", &new).unwrap();
        let token = sign_in(&fixture, PASSWORD).unwrap();
        let caller = sessions::session(&fixture.app, &token, true, Timestamp::now()).unwrap().unwrap();
        Someone { fixture, caller }
    }

    async fn seen(&self, path: &str) -> String {
        let request = Request::get(path).extension(self.caller.clone());
        let (status, _, html) = self.fixture.ask(request, None, "").await;
        assert_eq!(status, StatusCode::OK, "{path}: {html}");
        html
    }

    async fn send(&self, path: &str, fields: &[(&str, &str)]) -> (StatusCode, HeaderMap, String) {
        let token = csrf_of(&self.caller);
        let body = super::ctx::encoded(&[&[("csrf", token.as_str())], fields].concat());
        self.fixture.ask(post(path).extension(self.caller.clone()), None, &body).await
    }

    async fn sent(&self, path: &str, fields: &[(&str, &str)]) -> String {
        let (status, headers, html) = self.send(path, fields).await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{path}: {html}");
        headers[header::LOCATION].to_str().unwrap().to_owned()
    }

    async fn refused(&self, path: &str, fields: &[(&str, &str)], field: &str) {
        let (status, _, html) = self.send(path, fields).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{path}: {html}");
        assert!(html.contains(&format!("id=\"{field}-error\"")), "{field}: {html}");
    }
}

fn sign_in(fixture: &Fixture, password: &str) -> Option<Token> {
    let password = Password::new(password);
    let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let now = Timestamp::now();
    let try_ = SignIn { name: "hanako", password: &password, code: None, address, agent: "test", replaced: None, now };
    match sessions::sign_in(&fixture.app, &try_) {
        Ok(SignedIn::Session(token, _)) => Some(token),
        _ => None,
    }
}

#[tokio::test]
async fn ones_own_password_is_changed_by_who_knows_it() {
    let someone = Someone::new(Role::ReadOnly);
    let path = "/console/account/password";
    let form = |current, password| [("current", current), ("password", password)];
    someone.refused(path, &form("wrong", "another long sentence"), "current").await;
    someone.refused(path, &form(PASSWORD, "short"), "password").await;
    assert_eq!(someone.sent(path, &form(PASSWORD, "another long sentence")).await, "/console/account");
    assert!(sign_in(&someone.fixture, PASSWORD).is_none() && sign_in(&someone.fixture, "another long sentence").is_some());
}

#[tokio::test]
async fn ones_own_other_sessions_are_ended() {
    let someone = Someone::new(Role::Operator);
    let other = sign_in(&someone.fixture, PASSWORD).unwrap();
    let html = someone.seen("/console/account").await;
    let id = html.split("name=\"id\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    someone.sent("/console/account/sessions:end", &[("id", id)]).await;
    assert!(sessions::session(&someone.fixture.app, &other, true, Timestamp::now()).unwrap().is_none());
    assert!(!someone.seen("/console/account").await.contains("name=\"id\""), "one's own has no button");
}

#[tokio::test]
async fn a_second_factor_is_not_set_up_by_a_wrong_code() {
    let someone = Someone::new(Role::Operator);
    let path = "/console/account/second-factor";
    let html = someone.seen(path).await;
    assert!(html.contains("<svg") && !html.contains(" style="), "{html}");
    let enrolment = html.split("name=\"enrolment\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let form = |code, current| [("enrolment", enrolment), ("code", code), ("current", current)];
    someone.refused(path, &form("000000x", PASSWORD), "code").await;
    someone.refused(path, &form("000000", "wrong"), "current").await;
    assert!(!admins::show(&someone.fixture.app, "hanako").unwrap().second_factor);
    let remove = "/console/account/second-factor:remove";
    someone.refused(remove, &[("current", "wrong")], "current").await;
}

#[tokio::test]
async fn a_token_is_shown_once_and_has_what_was_chosen() {
    let someone = Someone::new(Role::Operator);
    let path = "/console/account/tokens:new";
    let more = [("name", "x"), ("scope.admins", "write")];
    assert_eq!(someone.send(path, &more).await.0, StatusCode::FORBIDDEN, "more than one has");
    let fields = [("name", "nightly"), ("days", "30"), ("scope.users", "write"), ("scope.audit", "read")];
    someone.refused(path, &[("name", "nightly"), ("days", "3651"), ("scope.users", "read")], "days").await;
    let (status, _, html) = someone.send(path, &[("name", "nightly")]).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{html}");
    let (status, _, html) = someone.send(path, &fields).await;
    assert_eq!(status, StatusCode::OK);
    let secret = html.split("<pre tabindex=\"0\">").nth(1).and_then(|rest| rest.split('<').next()).unwrap();
    let caller = tokens::bearer(&someone.fixture.app, &Token::given(secret), Timestamp::now()).unwrap().unwrap();
    let scopes: Vec<String> = caller.scopes.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(scopes, ["users:write", "audit:read"]);
    let html = someone.seen("/console/account").await;
    assert!(html.contains("nightly") && !html.contains(secret), "{html}");
    let remove = html.split("action=\"").find(|part| part.contains("/tokens/")).unwrap().split('"').next().unwrap();
    assert_eq!(someone.sent(remove, &[]).await, "/console/account");
    assert!(tokens::bearer(&someone.fixture.app, &Token::given(secret), Timestamp::now()).unwrap().is_none());
}

#[tokio::test]
async fn administrators_are_made_changed_and_removed() {
    let someone = Someone::new(Role::Administrator);
    let form = |name, role, password| [("name", name), ("role", role), ("password", password)];
    let new = "/console/administrators:new";
    someone.refused(new, &form("taro", "emperor", PASSWORD), "role").await;
    someone.refused(new, &form("taro", "operator", "short"), "password").await;
    assert_eq!(someone.sent(new, &form("taro", "operator", PASSWORD)).await, "/console/administrators/taro");
    assert!(someone.seen("/console/administrators").await.contains("/console/administrators/taro"));
    someone.sent("/console/administrators/taro", &[("name", "taro"), ("role", "read-only")]).await;
    let taro = admins::show(&someone.fixture.app, "taro").unwrap();
    assert_eq!((taro.role, taro.enabled), (Role::ReadOnly, false));
    let (status, _, html) = someone.send("/console/administrators/hanako/remove", &[]).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "the last one stays: {html}");
    someone.sent("/console/administrators/taro/password", &[("password", "another long sentence")]).await;
    assert_eq!(someone.sent("/console/administrators/taro/remove", &[]).await, "/console/administrators");
    assert_eq!(admins::list(&someone.fixture.app).unwrap().len(), 1);
}

#[tokio::test]
async fn every_page_of_the_navigation_is_there_in_both_languages() {
    let someone = Someone::new(Role::Administrator);
    for entry in super::nav::NAVIGATION.iter().flat_map(|group| group.entries) {
        for language in ["en", "ja"] {
            let request = Request::get(entry.href).header(header::ACCEPT_LANGUAGE, language).extension(someone.caller.clone());
            let (status, _, html) = someone.fixture.ask(request, None, "").await;
            assert_eq!(status, StatusCode::OK, "{}: {html}", entry.href);
            assert!(html.contains(" aria-current=\"page\"") && html.contains("<details class=\"help\">"), "{}", entry.href);
        }
    }
}

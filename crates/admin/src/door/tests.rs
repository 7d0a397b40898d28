use crate::api::{Caller, tests};
use crate::site;
use crate::web::WebGate;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::get;
use serde_json::{Value, json};
use tower::ServiceExt;
use zaiseki_control::access::Role;
use zaiseki_control::app::admins::{self, NewAdmin};
use zaiseki_control::app::users::Password;
use zaiseki_control::app::{App, setup};
use zaiseki_model::Timestamp;

const PASSWORD: &str = "correct horse battery";

struct Site {
    router: Router,
    app: App,
    _dir: tempfile::TempDir,
}

impl Site {
    fn new() -> Site {
        let dir = tempfile::tempdir().unwrap();
        let app = tests::app(dir.path());
        Site { router: site::Site::new(app.clone()).console(&[]).api(&[]).router(), app, _dir: dir }
    }

    fn with(role: Role) -> Site {
        let site = Site::new();
        let new = NewAdmin { name: "hana".to_owned(), role, password: Some(Password::new(PASSWORD)) };
        admins::add(&site.app, "tester", &new).unwrap();
        site
    }

    async fn ask(&self, line: &str, headers: &[(&str, &str)], body: Value) -> (StatusCode, HeaderMap, Value) {
        let (method, path) = line.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "im.example:8443");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let response = self.router.clone().oneshot(request.body(body).unwrap()).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, headers, serde_json::from_slice(&bytes).unwrap_or(Value::Null))
    }

    /// The cookie of a fresh session.
    async fn sign_in(&self) -> String {
        let body = json!({"name": "hana", "password": PASSWORD});
        let (status, headers, answer) = self.ask("POST /api/v1/session", &[], body).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        let cookie = headers[header::SET_COOKIE].to_str().unwrap();
        assert!(cookie.starts_with("__Host-zaiseki=") && cookie.contains("; Path=/; Secure; HttpOnly; SameSite="), "{cookie}");
        cookie.split(';').next().unwrap().to_owned()
    }
}

#[tokio::test]
async fn a_browser_signs_in_works_and_signs_out() {
    let site = Site::with(Role::Administrator);
    assert_eq!(site.ask("GET /api/v1/users", &[], Value::Null).await.0, StatusCode::UNAUTHORIZED);
    let cookie = site.sign_in().await;
    let here = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
    let (status, headers, who) = site.ask("GET /api/v1/session", &here, Value::Null).await;
    assert_eq!((status, &who["actor"], &who["role"]), (StatusCode::OK, &json!("admin:hana"), &json!("administrator")));
    assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
    assert_eq!(site.ask("POST /api/v1/users", &here, json!({"name": "anna"})).await.0, StatusCode::CREATED);
    let (status, headers, _) = site.ask("DELETE /api/v1/session", &here, Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert!(headers[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(site.ask("GET /api/v1/session", &here, Value::Null).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn another_site_cannot_use_the_cookie() {
    let site = Site::with(Role::Administrator);
    let cookie = site.sign_in().await;
    let cookie = ("cookie", cookie.as_str());
    let (ours, evil) = (("origin", "https://im.example:8443"), ("origin", "https://evil.example"));
    let fetch = |site| ("sec-fetch-site", site);
    let tries: [(&[(&str, &str)], StatusCode); 8] = [
        (&[cookie, ours], StatusCode::CREATED),
        (&[cookie, fetch("same-origin")], StatusCode::CONFLICT),
        (&[cookie, evil], StatusCode::FORBIDDEN),
        (&[cookie, fetch("cross-site")], StatusCode::FORBIDDEN),
        (&[cookie, fetch("same-site")], StatusCode::FORBIDDEN),
        (&[cookie, fetch("none")], StatusCode::FORBIDDEN),
        (&[cookie, fetch("same-origin"), evil], StatusCode::FORBIDDEN),
        (&[cookie], StatusCode::FORBIDDEN),
    ];
    for (headers, wanted) in tries {
        let (status, _, answer) = site.ask("POST /api/v1/users", headers, json!({"name": "anna"})).await;
        assert_eq!(status, wanted, "{headers:?} {answer}");
    }
    // Nor sign somebody in as somebody else.
    let body = json!({"name": "hana", "password": PASSWORD});
    for foreign in [evil, fetch("cross-site")] {
        let (status, headers, _) = site.ask("POST /api/v1/session", &[foreign], body.clone()).await;
        assert_eq!((status, headers.contains_key(header::SET_COOKIE)), (StatusCode::FORBIDDEN, false));
    }
}

#[tokio::test]
async fn a_program_comes_with_a_token_and_no_more_than_its_scopes() {
    let site = Site::with(Role::Operator);
    let cookie = site.sign_in().await;
    let here = [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin")];
    let new = json!({"name": "ci", "scopes": ["users:read"], "days": 30});
    let (status, _, made) = site.ask("POST /api/v1/tokens", &here, new).await;
    assert_eq!(status, StatusCode::CREATED, "{made}");
    let secret = format!("Bearer {}", made["secret"].as_str().unwrap());
    let program = [("authorization", secret.as_str())];
    assert_eq!(site.ask("GET /api/v1/users", &program, Value::Null).await.0, StatusCode::OK);
    let (status, _, answer) = site.ask("POST /api/v1/users", &program, json!({"name": "x"})).await;
    assert_eq!((status, &answer["error"]["code"]), (StatusCode::FORBIDDEN, &json!("forbidden")));
    assert_eq!(site.ask("GET /api/v1/tokens", &program, Value::Null).await.0, StatusCode::FORBIDDEN);
    let wrong = [("authorization", "Bearer zaiseki_x"), here[0], here[1]];
    assert_eq!(site.ask("GET /api/v1/users", &wrong, Value::Null).await.0, StatusCode::UNAUTHORIZED);
    let id = made["token"]["id"].as_str().unwrap();
    assert_eq!(site.ask(&format!("DELETE /api/v1/tokens/{id}"), &here, Value::Null).await.0, StatusCode::OK);
    assert_eq!(site.ask("GET /api/v1/users", &program, Value::Null).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_first_administrator_comes_by_the_link() {
    let site = Site::new();
    let token = setup::link(&site.app, Timestamp::now()).unwrap().unwrap();
    let (status, headers, _) = site.ask(&format!("GET /setup/{}", token.reveal()), &[], Value::Null).await;
    assert!(status.is_redirection() && headers[header::LOCATION].to_str().unwrap().starts_with("/console/set-up?token="));
    assert_eq!(site.ask("GET /setup/a%2Fb", &[], Value::Null).await.0, StatusCode::NOT_FOUND);
    let first = json!({"token": token.reveal(), "name": "hana", "password": PASSWORD});
    assert_eq!(site.ask("POST /api/v1/setup", &[], first.clone()).await.0, StatusCode::CREATED);
    assert_eq!(site.ask("POST /api/v1/setup", &[], first).await.0, StatusCode::UNAUTHORIZED);
    site.sign_in().await;
}

#[tokio::test]
async fn nobody_brings_a_caller_along_and_paths_are_kept_apart() {
    let site = Site::with(Role::Administrator);
    let rest = Router::new().route("/http-bind", get(|| async { "bosh" }));
    let gate = std::sync::Arc::new(WebGate::default());
    gate.open();
    let doors = site::Site::new(site.app.clone()).console(&[]).api(&[]).web(rest, gate, &[]);
    let both = Site { router: doors.router(), ..Site::new() };
    assert_eq!(both.ask("GET /http-bind", &[], Value::Null).await.0, StatusCode::OK);
    assert_eq!(both.ask("GET /api/v1/status", &[], Value::Null).await.0, StatusCode::UNAUTHORIZED);
    assert_eq!(both.ask("GET /apis", &[], Value::Null).await.0, StatusCode::NOT_FOUND);
    assert_eq!(site.ask("GET /chat/", &[], Value::Null).await.0, StatusCode::NOT_FOUND);
    let local = Caller::local(0);
    let forged = [("x-caller", local.actor.as_str()), ("cookie", "__Host-zaiseki=local:root")];
    assert_eq!(site.ask("GET /api/v1/status", &forged, Value::Null).await.0, StatusCode::UNAUTHORIZED);
}

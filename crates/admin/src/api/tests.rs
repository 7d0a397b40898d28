use super::*;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{Method, header};
use serde_json::{Value, json};
use std::path::Path as FilePath;
use tower::ServiceExt;
use zaiseki_store::{Options, Store};

pub(crate) fn tester() -> Caller {
    Caller { actor: "tester".to_owned(), ..Caller::local(0) }
}

pub(crate) struct Bench {
    router: Router,
    pub app: App,
    _dir: tempfile::TempDir,
}

pub(crate) fn app(dir: &FilePath) -> App {
    let store = Store::open(dir, "example.com", Options::default(), Box::new(|_| {})).unwrap();
    App::open(store, "example.com", dir, |_| {}).unwrap()
}

impl Bench {
    pub fn new() -> Bench {
        let dir = tempfile::tempdir().unwrap();
        let app = app(dir.path());
        Bench { router: api(app.clone()), app, _dir: dir }
    }

    pub async fn send(&self, caller: Option<Caller>, method: Method, path: &str, body: impl Into<Body>) -> (StatusCode, Value) {
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}")).body(body.into()).unwrap();
        if let Some(caller) = caller {
            request.extensions_mut().insert(caller);
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let status = response.status();
        let json = response.headers().get(header::CONTENT_TYPE).is_some_and(|t| t == "application/json");
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        (status, if json && !bytes.is_empty() { serde_json::from_slice(&bytes).unwrap() } else { Value::Null })
    }

    pub async fn ask(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value) {
        let body = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        self.send(Some(tester()), method, path, body).await
    }

    /// The answer, whose status must be that.
    #[track_caller]
    pub fn ok(&self, (status, answer): (StatusCode, Value), wanted: u16) -> Value {
        assert_eq!(status.as_u16(), wanted, "{answer}");
        answer
    }
}

#[tokio::test]
async fn users_come_change_and_go() {
    let bench = Bench::new();
    let new = json!({"name": "bjones@usa", "password": "one long password", "display_name": "B. Jones"});
    let made = bench.ok(bench.ask(Method::POST, "/users", new.clone()).await, 201);
    assert_eq!(made["address"], "bjones\\40usa@example.com");
    let again = bench.ok(bench.ask(Method::POST, "/users", new).await, 409);
    assert_eq!(again["error"]["code"], "conflict");
    assert!(!again["error"]["ja"].as_str().unwrap().is_empty());
    let path = "/users/bjones%40usa";
    let changed = bench.ok(bench.ask(Method::PATCH, path, json!({"calendar": false})).await, 200);
    assert_eq!((&changed["calendar"], &changed["display_name"]), (&json!(false), &json!("B. Jones")));
    assert_eq!(
        bench.ok(bench.ask(Method::PUT, &format!("{path}/enabled"), json!({"enabled": false})).await, 200)["enabled"],
        false
    );
    bench.ok(bench.ask(Method::PUT, &format!("{path}/password"), json!({"password": "another password"})).await, 200);
    bench.ok(bench.ask(Method::PUT, &format!("{path}/archive"), json!({"archive": false})).await, 200);
    assert_eq!(bench.ok(bench.ask(Method::GET, &format!("{path}/archive"), Value::Null).await, 200), json!({"archive": false}));
    let page = bench.ok(bench.ask(Method::GET, "/users?search=jones&limit=1", Value::Null).await, 200);
    assert_eq!((&page["total"], &page["users"][0]["name"]), (&json!(1), &json!("bjones@usa")));
    bench.ok(bench.ask(Method::DELETE, path, Value::Null).await, 200);
    bench.ok(bench.ask(Method::GET, path, Value::Null).await, 404);
    let trail = bench.app.store().query(|db| db.audit_list(None, None, 99)).unwrap();
    assert_eq!(trail.len(), 6);
    assert!(trail.iter().all(|entry| entry.actor == "tester"));
}

#[tokio::test]
async fn an_import_reports_its_rows() {
    let bench = Bench::new();
    let caller = || Some(tester());
    let csv = "userid,password\nanna,pw\nben\n";
    let report = bench.ok(bench.send(caller(), Method::POST, "/users:import", csv).await, 200);
    assert_eq!((&report["created"], &report["failed"]), (&json!(1), &json!(1)));
    assert_eq!((&report["problems"][0]["line"], &report["problems"][0]["column"]), (&json!(3), &json!("password")));
    let too_long = vec![b'x'; IMPORT_BYTES + 1];
    bench.ok(bench.send(caller(), Method::POST, "/users:import", too_long).await, 413);
}

#[tokio::test]
async fn wrong_requests_are_told_what_is_wrong() {
    let bench = Bench::new();
    let text = |answer: Value| answer["error"]["en"].as_str().unwrap().to_owned();
    let caller = || Some(tester());
    assert!(text(bench.ok(bench.send(caller(), Method::POST, "/users", "{").await, 400)).contains("EOF"));
    assert!(text(bench.ok(bench.ask(Method::POST, "/users", json!({"nam": "x"})).await, 400)).contains("nam"));
    let bad = bench.ok(bench.ask(Method::POST, "/users", json!({"name": "x", "mail": "y"})).await, 400);
    assert_eq!(bad["error"]["field"], "mail");
    bench.ok(bench.ask(Method::GET, "/users?limit=x", Value::Null).await, 400);
    bench.ok(bench.ask(Method::GET, "/users?colour=x", Value::Null).await, 400);
    bench.ok(bench.ask(Method::GET, "/nothing", Value::Null).await, 404);
    assert_eq!(bench.ok(bench.ask(Method::PUT, "/users", json!({})).await, 405)["error"]["code"], "method-not-allowed");
    bench.ok(bench.send(caller(), Method::POST, "/users", vec![b' '; BODY_BYTES + 1]).await, 413);
}

#[tokio::test]
async fn gateways_and_settings_are_kept() {
    let bench = Bench::new();
    let config = json!({"kind": "caldav", "url": "https://cal.example/{user}/", "username": "service"});
    let new = json!({"name": "main", "config": config, "secret": "open sesame"});
    let made = bench.ok(bench.ask(Method::POST, "/gateways", new.clone()).await, 201);
    assert_eq!((&made["secret"], &made["kind"], &made["poll_secs"]), (&json!(true), &json!("caldav"), &json!(60)));
    let mut changed = new;
    changed["poll_secs"] = json!(5);
    bench.ok(bench.ask(Method::PUT, "/gateways/main", changed).await, 200);
    let list = bench.ok(bench.ask(Method::GET, "/gateways", Value::Null).await, 200);
    assert_eq!(list[0]["poll_secs"], 5);
    assert!(!list.to_string().contains("sesame"));
    bench.ok(bench.ask(Method::POST, "/gateways/main/refresh", Value::Null).await, 202);
    bench.ok(bench.ask(Method::DELETE, "/gateways/main", Value::Null).await, 200);
    bench.ok(bench.ask(Method::POST, "/gateways/main/test", Value::Null).await, 404);
    let settings = bench.ok(bench.ask(Method::PUT, "/settings", json!({"max_contacts": 7})).await, 200);
    let contacts = settings.as_array().unwrap().iter().find(|s| s["key"] == "max_contacts").unwrap();
    assert_eq!((&contacts["value"], &contacts["default"]), (&json!(7), &Value::Null));
    let wrong = bench.ok(bench.ask(Method::PUT, "/settings", json!({"max_contacts": 0})).await, 400);
    assert_eq!(wrong["error"]["field"], "max_contacts");
    assert_eq!(bench.ok(bench.ask(Method::GET, "/status", Value::Null).await, 200)["domain"], "example.com");
}

#[tokio::test]
async fn the_troubleshooter_runs_every_check_it_lists() {
    let bench = Bench::new();
    let (status, listed) = bench.send(Some(tester()), Method::GET, "/diagnostics/checks", "").await;
    assert_eq!(status, StatusCode::OK, "{listed}");
    let (status, results) = bench.send(Some(tester()), Method::POST, "/diagnostics/run", "").await;
    assert_eq!(status, StatusCode::OK, "{results}");
    let results = results["results"].as_array().unwrap();
    // Several results where a check looks at several things.
    let ids = |list: &[Value]| {
        let mut ids: Vec<_> = list.iter().map(|check| check["id"].clone()).collect();
        ids.dedup();
        ids
    };
    assert_eq!(ids(listed.as_array().unwrap()), ids(results));
    let exist = results.iter().find(|result| result["id"] == "administrators.exist").unwrap();
    assert_eq!((&exist["outcome"], &exist["link"]), (&"failed".into(), &"/console/administrators".into()), "{exist}");
    let kept = bench.ok(bench.ask(Method::GET, "/diagnostics/run", Value::Null).await, 200);
    assert_eq!(kept["results"].as_array(), Some(results));
    let disk = bench.ok(bench.ask(Method::POST, "/diagnostics/run?section=disk", Value::Null).await, 200);
    assert_eq!(disk["results"].as_array().unwrap().len(), 2);
    let wrong = bench.ok(bench.ask(Method::POST, "/diagnostics/run?section=x", Value::Null).await, 400);
    assert_eq!(wrong["error"]["field"], "section");
}

#[tokio::test]
async fn the_document_is_there_for_who_is_signed_in() {
    let dir = tempfile::tempdir().unwrap();
    let router = api(app(dir.path()));
    let ask = async |caller: Option<Caller>| {
        let mut request = Request::get(DOCUMENT).body(Body::empty()).unwrap();
        if let Some(caller) = caller {
            request.extensions_mut().insert(caller);
        }
        let response = router.clone().oneshot(request).await.unwrap();
        (response.status(), to_bytes(response.into_body(), usize::MAX).await.unwrap())
    };
    assert_eq!(ask(None).await.0, StatusCode::UNAUTHORIZED);
    let (status, bytes) = ask(Some(tester())).await;
    assert_eq!(status, StatusCode::OK);
    let given: Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(given, serde_json::to_value(openapi()).unwrap());
}

#[tokio::test]
async fn a_body_is_an_object_and_nothing_else() {
    let bench = Bench::new();
    bench.ok(bench.ask(Method::POST, "/users", json!({"name": "anna"})).await, 201);
    for body in ["[]", "[null, \"x\"]", "null", "7", "\"text\"", " [ ]"] {
        let (status, answer) = bench.send(Some(tester()), Method::PATCH, "/users/anna", body).await;
        assert_eq!((status.as_u16(), &answer["error"]["code"]), (400, &json!("invalid")), "{body}");
    }
    bench.ok(bench.send(Some(tester()), Method::PATCH, "/users/anna", " {}").await, 200);
}

use super::*;
use axum::body::to_bytes;
use axum::http::Request;
use std::net::SocketAddr;
use tower::ServiceExt;
use zaiseki_store::{Options, Store};

async fn get_with(path: &str, headers: &[(header::HeaderName, &str)]) -> (StatusCode, HeaderMap, String) {
    let gate = Arc::new(WebGate::default());
    gate.open();
    get_from(gate, path, headers).await
}

async fn get_from(gate: Arc<WebGate>, path: &str, headers: &[(header::HeaderName, &str)]) -> (StatusCode, HeaderMap, String) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), "example.com", Options::default(), Box::new(|_| {})).unwrap();
    let app = App::open(store, "example.com", dir.path(), |_| {}).unwrap();
    let xmpp = Router::new().route(BOSH_PATH, get(|| async { "bosh" }));
    let mut request = Request::builder().uri(path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let response = Site::new(app).web(xmpp, gate, &[]).router().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let (status, headers) = (response.status(), response.headers().clone());
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, headers, String::from_utf8_lossy(&body).into_owned())
}

#[tokio::test]
async fn every_answer_is_strict() {
    for path in ["/health", "/chat/", "/chat/none", "/http-bind", "/.well-known/host-meta", "/"] {
        let (_, headers, _) = get_with(path, &[]).await;
        assert_eq!(headers[header::X_CONTENT_TYPE_OPTIONS], "nosniff", "{path}");
        assert_eq!(headers[header::REFERRER_POLICY], "no-referrer", "{path}");
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
    }
}

#[tokio::test]
async fn the_chat_page_is_served_or_says_what_is_missing() {
    let (status, headers, body) = get_with("/chat/", &[]).await;
    if !WEB_BUILT {
        assert_eq!(status, StatusCode::NOT_FOUND);
        assert!(body.contains("xtask web"), "{body}");
        return;
    }
    assert_eq!((status, headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap()), (StatusCode::OK, CHAT_CSP));
    let etag = headers[header::ETAG].to_str().unwrap();
    let (status, _, body) = get_with("/chat/", &[(header::IF_NONE_MATCH, etag)]).await;
    assert_eq!((status, body.as_str()), (StatusCode::NOT_MODIFIED, ""));
    assert_eq!(get_with("/chat/converse/converse.min.js", &[]).await.0, StatusCode::OK);
}

#[tokio::test]
async fn nothing_outside_of_the_page_is_reached() {
    for path in ["/chat/..%2f..%2fetc/passwd", "/chat/../health2", "/chat/%2e%2e/%2e%2e/Cargo.toml", "/chat//etc/passwd", "/x"] {
        assert_eq!(get_with(path, &[]).await.0, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(get_with("/chat", &[]).await.0, StatusCode::PERMANENT_REDIRECT);
}

#[tokio::test]
async fn host_meta_names_the_ways_in() {
    let host = [(header::HOST, "im.example.com:8443")];
    let (_, headers, body) = get_with("/.well-known/host-meta.json", &host).await;
    assert_eq!(headers[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
    let json: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(json["links"][0]["href"], "wss://im.example.com:8443/xmpp-websocket");
    let (_, headers, body) = get_with("/.well-known/host-meta", &host).await;
    assert!(headers[header::CONTENT_TYPE].to_str().unwrap().starts_with("application/xrd+xml"));
    assert!(body.contains("href='https://im.example.com:8443/http-bind'"), "{body}");
    let (_, _, body) = get_with("/.well-known/host-meta", &[(header::HOST, "a'/><x")]).await;
    assert!(body.contains("wss://example.com/"), "{body}");
}

#[tokio::test]
async fn health_and_the_page_s_settings() {
    assert_eq!(get_with("/health", &[]).await.2, r#"{"status":"ok"}"#);
    assert_eq!(get_with("/chat/config.json", &[]).await.2, r#"{"domain":"example.com"}"#);
    assert_eq!(get_with("/http-bind", &[]).await.2, "bosh");
}

#[tokio::test]
async fn while_the_service_is_stopped_only_web_clients_are_turned_away() {
    for (path, status) in
        [("/chat/", 503), ("/chat/config.json", 503), ("/http-bind", 503), ("/health", 200), ("/", 307), ("/nothing", 404)]
    {
        let (found, headers, body) = get_from(Arc::default(), path, &[]).await;
        assert_eq!(found.as_u16(), status, "{path}");
        assert!(status != 503 || (body.contains("停止しています") && headers[header::RETRY_AFTER] == "60"), "{body}");
    }
}

/// Asks from this address; the statuses of these paths.
async fn statuses(make: fn(App) -> Site, from: &str, paths: &[&str]) -> Vec<u16> {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), "example.com", Options::default(), Box::new(|_| {})).unwrap();
    let router = make(App::open(store, "example.com", dir.path(), |_| {}).unwrap()).router();
    let mut found = Vec::new();
    for path in paths {
        let mut request = Request::builder().uri(*path).body(Body::empty()).unwrap();
        request.extensions_mut().insert(axum::extract::ConnectInfo(from.parse::<SocketAddr>().unwrap()));
        found.push(router.clone().oneshot(request).await.unwrap().status().as_u16());
    }
    found
}

const PATHS: [&str; 6] = ["/console/sign-in", "/setup/abc", "/api/v1/status", "/.well-known/host-meta", "/health", "/"];

#[tokio::test]
async fn each_door_stands_where_it_was_put_and_nowhere_else() {
    let console = |app| Site::new(app).console(&[]);
    assert_eq!(statuses(console, "192.0.2.1:9", &PATHS).await, [200, 303, 404, 404, 200, 307]);
    let api = |app| Site::new(app).api(&[]);
    assert_eq!(statuses(api, "192.0.2.1:9", &PATHS).await, [404, 404, 401, 404, 200, 404]);
    let web = |app| Site::new(app).web(Router::new(), Arc::default(), &[]);
    assert_eq!(statuses(web, "192.0.2.1:9", &PATHS).await, [404, 404, 404, 200, 200, 307]);
}

#[tokio::test]
async fn each_door_lets_its_networks_in_and_nobody_else() {
    fn all(app: App) -> Site {
        let network = |text: &str| [text.parse::<Network>().unwrap()];
        let web = Site::new(app).web(Router::new(), Arc::default(), &network("198.51.100.0/24"));
        web.console(&network("192.0.2.0/25")).api(&network("2001:db8::/32"))
    }
    assert_eq!(statuses(all, "192.0.2.127:9", &PATHS).await, [200, 303, 403, 403, 200, 307]);
    assert_eq!(statuses(all, "192.0.2.128:9", &PATHS).await, [403, 403, 403, 403, 200, 307], "one step past");
    assert_eq!(statuses(all, "[2001:db8::1]:9", &PATHS).await, [403, 403, 401, 403, 200, 307]);
    assert_eq!(statuses(all, "198.51.100.9:9", &PATHS).await, [403, 403, 403, 200, 200, 307]);
    assert_eq!(statuses(all, "203.0.113.1:9", &["/nothing", "/chat/"]).await, [404, 403]);
}

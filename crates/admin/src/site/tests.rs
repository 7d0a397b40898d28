use super::*;
use axum::body::to_bytes;
use axum::http::Request;
use tower::ServiceExt;
use zaiseki_store::{Options, Store};

async fn get_with(path: &str, headers: &[(header::HeaderName, &str)]) -> (StatusCode, HeaderMap, String) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), "example.com", Options::default(), Box::new(|_| {})).unwrap();
    let app = App::open(store, "example.com", dir.path(), |_| {}).unwrap();
    let xmpp = Router::new().route(BOSH_PATH, get(|| async { "bosh" }));
    let mut request = Request::builder().uri(path);
    for (name, value) in headers {
        request = request.header(name, *value);
    }
    let response = site(app, xmpp).oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
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

//! What a browser or client gets without signing in: the chat page, host-meta (XEP-0156), health.

use crate::allow::{only_from, routes_only_from};
use crate::assets::{self, CHAT_CSP, WEB_BUILT};
use crate::web::WebGate;
use crate::web::gate::only_open;
use crate::{api, console, door};
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use std::sync::Arc;
use tower::ServiceExt;
use zaiseki_control::App;
use zaiseki_net::network::Network;

/// Where the WebSocket service (RFC 7395) is mounted.
pub const WEBSOCKET_PATH: &str = "/xmpp-websocket";
/// Where BOSH (XEP-0124) is mounted.
pub const BOSH_PATH: &str = "/http-bind";
/// Bytes of a request body, but for routes that say otherwise.
const BODY_BYTES: usize = 64 * 1024;

/// What answers at one address: the doors that stand there, each for the networks that may use it (an empty list: all), and
/// health for everybody.
pub struct Site {
    app: App,
    web: Option<Router>,
    console: Option<Router>,
    api: Option<Router>,
    set_up: Option<Router>,
}

impl Site {
    pub fn new(app: App) -> Site {
        Site { app, web: None, console: None, api: None, set_up: None }
    }

    /// The chat page and host-meta. `xmpp`: the routes [`WEBSOCKET_PATH`] and [`BOSH_PATH`]. `gate`: whether these and the chat
    /// page answer.
    pub fn web(self, xmpp: Router, gate: Arc<WebGate>, allow: &[Network]) -> Site {
        let clients = Router::new()
            .route("/chat", get(|| async { Redirect::permanent("/chat/") }))
            .route("/chat/", get(|headers| async { chat("", headers) }))
            .route("/chat/config.json", get(chat_config))
            .route("/chat/{*path}", get(|Path(path): Path<String>, headers| async move { chat(&path, headers) }))
            .with_state(self.app.clone())
            .merge(xmpp)
            .route_layer(middleware::from_fn_with_state(gate, only_open));
        let routes = Router::new()
            .route("/.well-known/host-meta", get(host_meta_xml))
            .route("/.well-known/host-meta.json", get(host_meta_json))
            .with_state(self.app.clone())
            .merge(clients)
            .layer(DefaultBodyLimit::max(BODY_BYTES));
        Site { web: Some(routes_only_from(routes, allow)), ..self }
    }

    pub fn console(self, allow: &[Network]) -> Site {
        let console = door::guarded(self.app.clone(), console::console(self.app.clone()));
        let to_console = get(|Path(token): Path<String>| async move { to_set_up(&token) });
        let set_up = Router::new().route("/setup/{token}", to_console);
        Site { console: Some(only_from(console, allow)), set_up: Some(routes_only_from(set_up, allow)), ..self }
    }

    pub fn api(self, allow: &[Network]) -> Site {
        let api = door::guarded(self.app.clone(), api::api(self.app.clone())).layer(middleware::map_response(never_kept));
        Site { api: Some(only_from(api, allow)), ..self }
    }

    pub fn router(self) -> Router {
        let Site { app, web, console, api, set_up } = self;
        let home = match (&web, &console) {
            (Some(_), _) => Some("/chat/"),
            (None, Some(_)) => Some("/console/"),
            (None, None) => None,
        };
        let mut routes = Router::new().route("/health", get(health)).route("/ready", get(ready)).with_state(app);
        if let Some(home) = home {
            routes = routes.route("/", get(move || async move { Redirect::temporary(home) }));
        }
        routes = [web, set_up].into_iter().flatten().fold(routes, Router::merge);
        routes.layer(middleware::from_fn_with_state((api, console), by_path)).layer(middleware::map_response(strict_headers))
    }
}

/// API and console answer below their paths, where they stand; the other routes elsewhere.
async fn by_path(State((api, console)): State<(Option<Router>, Option<Router>)>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let to = if path.starts_with("/api/") {
        api
    } else if path == "/console" || path.starts_with("/console/") {
        console
    } else {
        None
    };
    match to {
        Some(to) => to.oneshot(request).await.unwrap_or_else(|never| match never {}),
        None => next.run(request).await,
    }
}

/// From the link in the log to the page of the console. The token is one of ours or nothing.
fn to_set_up(token: &str) -> Response {
    let clean = token.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if clean { Redirect::to(&format!("/console/set-up?token={token}")).into_response() } else { no_page() }
}

/// What an administrator asked for is in no cache (OWASP ASVS 4.0 §8.2.1).
async fn never_kept(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Browsers that have seen a certificate they believe come by HTTPS only, for half a year (RFC 6797; OWASP ASVS 4.0 §14.4.5).
const HTTPS_ONLY: &str = "max-age=15724800";

/// For every answer: no guessing of types, no word to other sites about where people come from, no way back to clear text.
async fn strict_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HTTPS_ONLY));
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        let nothing = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
        headers.insert(header::CONTENT_SECURITY_POLICY, nothing);
    }
    response
}

/// A file of the chat page.
fn chat(path: &str, headers: HeaderMap) -> Response {
    let Some(asset) = assets::asset(&format!("chat/{path}")) else { return no_page() };
    let policy = [(header::CONTENT_SECURITY_POLICY, CHAT_CSP), (header::CACHE_CONTROL, "no-cache"), (header::ETAG, asset.etag)];
    let known = headers.get(header::IF_NONE_MATCH).and_then(|v| v.to_str().ok());
    if known.is_some_and(|tags| tags.split(',').any(|tag| tag.trim().trim_start_matches("W/") == asset.etag)) {
        return (StatusCode::NOT_MODIFIED, policy).into_response();
    }
    (policy, [(header::CONTENT_TYPE, asset.content_type)], Body::from(asset.bytes)).into_response()
}

fn no_page() -> Response {
    let text = if WEB_BUILT {
        "There is nothing at this address.\nこのアドレスには何もありません。\n"
    } else {
        "This server was built without the chat page: run `cargo xtask web` and build again. Desktop clients work.\n\
         このサーバーはチャットページなしでビルドされています。`cargo xtask web` のあと再ビルドしてください。デスクトップクライアントは使えます。\n"
    };
    (StatusCode::NOT_FOUND, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response()
}

/// What the chat page must know of this node.
async fn chat_config(State(app): State<App>) -> Response {
    ([(header::CACHE_CONTROL, "no-cache")], Json(json!({"domain": app.domain()}))).into_response()
}

/// For load balancers: 200, or 503 while the node can't take messages.
pub(crate) async fn health(State(app): State<App>) -> Response {
    let (status, word) = match app.store().healthy() {
        true => (StatusCode::OK, "ok"),
        false => (StatusCode::SERVICE_UNAVAILABLE, "the database takes no writes"),
    };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(json!({"status": word}))).into_response()
}

/// For whoever sends people here: 503 also while the node starts or stops.
pub(crate) async fn ready(State(app): State<App>) -> Response {
    if app.is_ready() {
        return health(State(app)).await;
    }
    let body = Json(json!({"status": "the node starts or stops"}));
    (StatusCode::SERVICE_UNAVAILABLE, [(header::CACHE_CONTROL, "no-store")], body).into_response()
}

/// `host[:port]` that the client used to come here; the domain when it says nothing usable.
fn authority(headers: &HeaderMap, domain: &str) -> String {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']');
    if host.is_empty() || host.len() > 300 || !host.bytes().all(good) { domain.to_owned() } else { host.to_owned() }
}

/// Relation and address of each way in (XEP-0156 §4).
fn links(headers: &HeaderMap, domain: &str) -> [(&'static str, String); 2] {
    let authority = authority(headers, domain);
    [
        ("urn:xmpp:alt-connections:websocket", format!("wss://{authority}{WEBSOCKET_PATH}")),
        ("urn:xmpp:alt-connections:xbosh", format!("https://{authority}{BOSH_PATH}")),
    ]
}

/// Pages of other sites may read host-meta (XEP-0156 §3).
const ANY_ORIGIN: (header::HeaderName, &str) = (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*");

async fn host_meta_json(State(app): State<App>, headers: HeaderMap) -> Response {
    let links = links(&headers, app.domain()).map(|(rel, href)| json!({"rel": rel, "href": href}));
    ([ANY_ORIGIN], Json(json!({"links": links}))).into_response()
}

async fn host_meta_xml(State(app): State<App>, headers: HeaderMap) -> Response {
    let links = links(&headers, app.domain()).map(|(rel, href)| format!("<Link rel='{rel}' href='{href}'/>"));
    let xml = format!(
        "<?xml version='1.0' encoding='utf-8'?>\n<XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'>{}</XRD>\n",
        links.concat()
    );
    ([ANY_ORIGIN, (header::CONTENT_TYPE, "application/xrd+xml; charset=utf-8")], xml).into_response()
}

#[cfg(test)]
mod tests;

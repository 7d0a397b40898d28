//! What a public authority asks for to see that a name leads here (ACME, RFC 8555 §8.3), in clear text at an address of its own.

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use zaiseki_control::App;

/// Nothing else answers there.
pub fn challenges(app: App) -> Router {
    Router::new().route("/.well-known/acme-challenge/{token}", get(answer)).with_state(app)
}

async fn answer(State(app): State<App>, Path(token): Path<String>) -> Response {
    match app.acme().answer(&token) {
        Some(text) => ([(header::CONTENT_TYPE, "application/octet-stream")], text).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

//! What a scraper and an orchestrator ask for, at addresses of their own: `/metrics`, `/health`, `/ready`.

use crate::site::{health, ready};
use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::net::SocketAddr;
use std::sync::Arc;
use zaiseki_control::App;
use zaiseki_control::vitals::metrics::{CONTENT_TYPE, render};
use zaiseki_net::network::Network;

/// Answers those who connect from `allowed`; to the others everything is 403.
pub fn metrics(app: App, allowed: &[Network]) -> Router {
    let allowed: Arc<[Network]> = allowed.into();
    Router::new()
        .route("/metrics", get(page))
        .route("/health", get(health))
        .route("/ready", get(ready))
        .layer(middleware::from_fn_with_state(allowed, check))
        .with_state(app)
}

async fn check(
    State(allowed): State<Arc<[Network]>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    match allowed.iter().any(|network| network.contains(peer.ip())) {
        true => next.run(request).await,
        false => (StatusCode::FORBIDDEN, "this address may not read the metrics\n").into_response(),
    }
}

/// The counts in Prometheus' text format.
pub(crate) async fn page(State(app): State<App>) -> Response {
    match tokio::task::spawn_blocking(move || render(&app)).await {
        Ok(Ok(text)) => ([(header::CONTENT_TYPE, CONTENT_TYPE), (header::CACHE_CONTROL, "no-store")], text).into_response(),
        Ok(Err(error)) => {
            tracing::error!(error = %error.text(), "the metrics could not be read");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
        Err(error) => {
            tracing::error!(%error, "the metrics could not be read");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

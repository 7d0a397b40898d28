//! What a scraper and an orchestrator ask for, at addresses of their own: `/metrics`, `/health`, `/ready`.

use crate::allow::only_from;
use crate::site::{health, ready};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use zaiseki_control::App;
use zaiseki_control::vitals::metrics::{CONTENT_TYPE, render};
use zaiseki_net::network::Network;

/// Answers those who connect from `allowed`; to the others everything is 403.
pub fn metrics(app: App, allowed: &[Network]) -> Router {
    let routes =
        Router::new().route("/metrics", get(page)).route("/health", get(health)).route("/ready", get(ready)).with_state(app);
    only_from(routes, allowed)
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

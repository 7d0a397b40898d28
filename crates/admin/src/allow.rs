//! Who may come to a door: those who connect from the networks of a list.

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use std::net::SocketAddr;
use std::sync::Arc;
use zaiseki_net::network::Network;

/// Everybody else gets 403 before anything of the request is looked at; with an empty list, everybody may come.
pub(crate) fn only_from(router: Router, networks: &[Network]) -> Router {
    if networks.is_empty() {
        return router;
    }
    let networks: Arc<[Network]> = networks.into();
    router.layer(middleware::from_fn_with_state(networks, check))
}

/// The same for the routes that there are: what is not there is not there for anybody, so that the router can be merged.
pub(crate) fn routes_only_from(router: Router, networks: &[Network]) -> Router {
    if networks.is_empty() {
        return router;
    }
    let networks: Arc<[Network]> = networks.into();
    router.route_layer(middleware::from_fn_with_state(networks, check))
}

async fn check(
    State(networks): State<Arc<[Network]>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
    next: Next,
) -> Response {
    if networks.iter().any(|network| network.contains(peer.ip())) {
        return next.run(request).await;
    }
    tracing::debug!(%peer, path = request.uri().path(), "refused: not from an allowed network");
    let text = "Your network may not use this service.\nこのネットワークからは、このサービスを利用できません。\n";
    let headers = [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (StatusCode::FORBIDDEN, headers, text).into_response()
}

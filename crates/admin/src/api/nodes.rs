//! `/nodes`: the topology.

use super::run;
use crate::reply::Answer;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zaiseki_control::app::App;
use zaiseki_control::app::nodes::{self, NodeView};

pub(super) fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// List the nodes
///
/// With their names, versions and the addresses they listen on.
#[utoipa::path(get, path = "/nodes", operation_id = "nodes.list", tag = "nodes",
    responses((status = 200, description = "All of them, the publisher first", body = [NodeView])),
    extensions(("x-right" = json!("status:read"))))]
async fn list(State(app): State<App>) -> Answer<Vec<NodeView>> {
    run(move || nodes::list(&app)).await
}

//! `/nodes`: the topology.

use super::{Who, run};
use crate::reply::{Answer, Problem};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zaiseki_control::app::App;
use zaiseki_control::app::nodes::{self, NodeView};
use zaiseki_control::app::notifications;

pub(super) fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(restart))
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

/// Restart the node
///
/// With the configuration file as it is; refused when the node would not start with it. The node answers, then drains as at
/// a stop and starts again: all sessions end, and clients come back by themselves. It is back when `started` of the list of
/// nodes is another.
#[utoipa::path(post, path = "/nodes/{name}/restart", operation_id = "nodes.restart", tag = "nodes",
    params(("name" = String, Path, description = "The node that answers")),
    responses((status = 202, description = "The node, which restarts now", body = NodeView)),
    extensions(("x-right" = json!("services:write"))))]
async fn restart(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
) -> Result<(StatusCode, Json<NodeView>), Problem> {
    Ok((StatusCode::ACCEPTED, run(move || notifications::restart_node(&app, &caller, &name)).await?))
}

//! `/status`.

use super::run;
use crate::reply::Answer;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zaiseki_control::app::App;
use zaiseki_control::app::status::{self, Status};

pub(super) fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show))
}

/// What the node is doing
#[utoipa::path(get, path = "/status", operation_id = "status.show", tag = "status",
    responses((status = 200, description = "The node at a glance", body = Status)),
    extensions(("x-right" = json!("status:read"))))]
async fn show(State(app): State<App>) -> Answer<Status> {
    run(move || status::status(&app)).await
}

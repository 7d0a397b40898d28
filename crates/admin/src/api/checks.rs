//! `/diagnostics`.

use super::run;
use crate::reply::Answer;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zaiseki_control::app::App;
use zaiseki_control::checks::{self, CheckResult, CheckView};

pub(super) fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(run_all))
}

/// The checks of the troubleshooter
#[utoipa::path(get, path = "/diagnostics/checks", operation_id = "diagnostics.checks", tag = "diagnostics",
    responses((status = 200, description = "All checks", body = Vec<CheckView>)),
    extensions(("x-right" = json!("diagnostics:read"))))]
async fn list() -> Answer<Vec<CheckView>> {
    run(|| Ok(checks::list())).await
}

/// Run the checks, which only read
#[utoipa::path(post, path = "/diagnostics/run", operation_id = "diagnostics.run", tag = "diagnostics",
    responses((status = 200, description = "What each check saw", body = Vec<CheckResult>)),
    extensions(("x-right" = json!("diagnostics:read"))))]
async fn run_all(State(app): State<App>) -> Answer<Vec<CheckResult>> {
    run(move || Ok(checks::run(&app))).await
}

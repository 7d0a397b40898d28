//! `/diagnostics`: the troubleshooter.

use super::{Who, run};
use crate::reply::{Answer, Queried};
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zaiseki_control::app::App;
use zaiseki_control::app::bundle::{self as support, Bundle};
use zaiseki_control::checks::{self, CheckQuery, CheckRun, CheckView};

pub(super) fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(last, run_all)).routes(routes!(bundle))
}

/// The checks of the troubleshooter
#[utoipa::path(get, path = "/diagnostics/checks", operation_id = "diagnostics.checks", tag = "diagnostics",
    responses((status = 200, description = "All checks", body = Vec<CheckView>)),
    extensions(("x-right" = json!("diagnostics:read"))))]
async fn list() -> Answer<Vec<CheckView>> {
    run(|| Ok(checks::list())).await
}

/// Run the checks, which only read
///
/// They run side by side, each for ten seconds at most; the results come in the order of the list, several where a check looks
/// at several things (every gateway, every listener).
#[utoipa::path(post, path = "/diagnostics/run", operation_id = "diagnostics.run", tag = "diagnostics", params(CheckQuery),
    responses((status = 200, description = "What each check saw", body = CheckRun)),
    extensions(("x-right" = json!("diagnostics:read"))))]
async fn run_all(State(app): State<App>, Queried(query): Queried<CheckQuery>) -> Answer<CheckRun> {
    run(move || Ok((*checks::run(&app, &query)?).clone())).await
}

/// What the checks saw when all were run last
///
/// Kept while the node runs.
#[utoipa::path(get, path = "/diagnostics/run", operation_id = "diagnostics.last", tag = "diagnostics",
    responses((status = 200, description = "The last run of all checks", body = CheckRun)),
    extensions(("x-right" = json!("diagnostics:read"))))]
async fn last(State(app): State<App>) -> Answer<CheckRun> {
    run(move || Ok((*checks::show_last(&app)?).clone())).await
}

/// Make a support bundle
///
/// One document with what the node knows of itself: a run of the troubleshooter, settings, configuration file, services, alarms,
/// jobs, gateways, directories, sizes of tables, certificates, metrics and the last lines of the log. No passwords, keys, tokens or
/// messages; people have numbers instead of their names.
#[utoipa::path(post, path = "/diagnostics/bundle", operation_id = "diagnostics.bundle", tag = "diagnostics",
    responses((status = 200, description = "The bundle", body = Bundle)),
    extensions(("x-right" = json!("diagnostics:write"))))]
async fn bundle(State(app): State<App>, Who(caller): Who) -> Answer<Bundle> {
    run(move || support::make(&app, &caller)).await
}

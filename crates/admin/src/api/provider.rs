//! `/admin-provider`: the OpenID provider by which administrators sign in.

use super::{Problem, Who, blocking, run};
use crate::reply::{Answer, Input};
use axum::Json;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zaiseki_control::app::App;
use zaiseki_control::app::provider::{self, ProviderChange, ProviderFinding, ProviderView};

pub(super) fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show, change)).routes(routes!(test))
}

/// How administrators sign in
#[utoipa::path(get, path = "/admin-provider", operation_id = "admins.provider", tag = "admins",
    responses((status = 200, description = "The provider, without its secret", body = ProviderView)),
    extensions(("x-right" = json!("security:read"))))]
async fn show(State(app): State<App>) -> Answer<ProviderView> {
    run(move || provider::show(&app)).await
}

/// Change how administrators sign in
///
/// What is not given stays. A changed issuer asks for the secret again.
#[utoipa::path(patch, path = "/admin-provider", operation_id = "admins.change-provider", tag = "admins", request_body = ProviderChange,
    responses((status = 200, description = "The provider, without its secret", body = ProviderView)),
    extensions(("x-right" = json!("security:write"))))]
async fn change(State(app): State<App>, Who(caller): Who, Input(wanted): Input<ProviderChange>) -> Answer<ProviderView> {
    run(move || provider::change(&app, &caller.actor, &wanted)).await
}

/// Ask the provider for what it says of itself, and for its keys
#[utoipa::path(post, path = "/admin-provider/test", operation_id = "admins.test-provider", tag = "admins",
    responses((status = 200, description = "What was found", body = ProviderFinding)),
    extensions(("x-right" = json!("security:write"))))]
async fn test(State(app): State<App>) -> Result<Json<ProviderFinding>, Problem> {
    let test = blocking(move || provider::prepare_test(&app)).await?;
    Ok(Json(test.run().await))
}

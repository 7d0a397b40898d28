//! `/gateways`: presence gateways.

use super::{Created, Who, blocking, create, run};
use crate::reply::{Answer, Input, Problem};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zaiseki_control::app::App;
use zaiseki_control::app::gateways::{self, GatewayChange, GatewayInput, GatewayView, TestFinding};

pub(super) fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(show, update, change, remove))
        .routes(routes!(test))
        .routes(routes!(refresh))
}

/// List gateways and how they are
#[utoipa::path(get, path = "/gateways", operation_id = "gateways.list", tag = "gateways",
    responses((status = 200, description = "All gateways, by name", body = [GatewayView])),
    extensions(("x-right" = json!("gateways:read"))))]
async fn list(State(app): State<App>) -> Answer<Vec<GatewayView>> {
    run(move || gateways::list(&app)).await
}

/// Add a gateway
#[utoipa::path(post, path = "/gateways", operation_id = "gateways.add", tag = "gateways", request_body = GatewayInput,
    responses((status = 201, description = "The gateway", body = GatewayView)),
    extensions(("x-right" = json!("gateways:write"))))]
async fn add(State(app): State<App>, Who(caller): Who, Input(input): Input<GatewayInput>) -> Created<GatewayView> {
    create(move || gateways::add(&app, &caller.actor, &input)).await
}

/// Show a gateway
#[utoipa::path(get, path = "/gateways/{name}", operation_id = "gateways.show", tag = "gateways",
    params(("name" = String, Path)),
    responses((status = 200, description = "The gateway", body = GatewayView)),
    extensions(("x-right" = json!("gateways:read"))))]
async fn show(State(app): State<App>, Path(name): Path<String>) -> Answer<GatewayView> {
    run(move || gateways::show(&app, &name)).await
}

/// Replace a gateway's configuration
///
/// The name may change too. Without `secret` the password that is kept stays.
#[utoipa::path(put, path = "/gateways/{name}", operation_id = "gateways.update", tag = "gateways",
    params(("name" = String, Path)), request_body = GatewayInput,
    responses((status = 200, description = "The gateway", body = GatewayView)),
    extensions(("x-right" = json!("gateways:write"))))]
async fn update(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    Input(input): Input<GatewayInput>,
) -> Answer<GatewayView> {
    run(move || gateways::update(&app, &caller.actor, &name, &input)).await
}

/// Change a gateway
///
/// What is not given stays; `config` is merged into the configuration (RFC 7396).
#[utoipa::path(patch, path = "/gateways/{name}", operation_id = "gateways.change", tag = "gateways",
    params(("name" = String, Path)), request_body = GatewayChange,
    responses((status = 200, description = "The gateway", body = GatewayView)),
    extensions(("x-right" = json!("gateways:write"))))]
async fn change(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    Input(change): Input<GatewayChange>,
) -> Answer<GatewayView> {
    run(move || gateways::change(&app, &caller.actor, &name, &change)).await
}

/// Remove a gateway
#[utoipa::path(delete, path = "/gateways/{name}", operation_id = "gateways.remove", tag = "gateways",
    params(("name" = String, Path)),
    responses((status = 200, description = "The gateway as it was", body = GatewayView)),
    extensions(("x-right" = json!("gateways:write"))))]
async fn remove(State(app): State<App>, Who(caller): Who, Path(name): Path<String>) -> Answer<GatewayView> {
    run(move || gateways::remove(&app, &caller.actor, &name)).await
}

/// What to try.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TestInput {
    /// Whose calendar to try.
    #[serde(default)]
    user: Option<String>,
}

/// Test a gateway
///
/// Connection, TLS, sign-in, permission. Changes nothing.
#[utoipa::path(post, path = "/gateways/{name}/test", operation_id = "gateways.test", tag = "gateways",
    params(("name" = String, Path)), request_body = TestInput,
    responses((status = 200, description = "What was found", body = [TestFinding])),
    extensions(("x-right" = json!("gateways:write"))))]
async fn test(State(app): State<App>, Path(name): Path<String>, Input(input): Input<TestInput>) -> Answer<Vec<TestFinding>> {
    let test = blocking(move || gateways::prepare_test(&app, &name, input.user.as_deref())).await?;
    Ok(Json(test.run().await))
}

/// Poll a gateway now
#[utoipa::path(post, path = "/gateways/{name}/refresh", operation_id = "gateways.refresh", tag = "gateways",
    params(("name" = String, Path)),
    responses((status = 202, description = "It will be polled at once")),
    extensions(("x-right" = json!("gateways:write"))))]
async fn refresh(State(app): State<App>, Path(name): Path<String>) -> Result<StatusCode, Problem> {
    blocking(move || gateways::refresh(&app, &name)).await?;
    Ok(StatusCode::ACCEPTED)
}

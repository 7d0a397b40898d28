//! The REST API: JSON under `/api/v1/`.
//!
//! | Method and path | Function of `zaiseki_control::app` |
//! |---|---|
//! | GET `/status` | [`status::status`] |
//! | GET, POST `/users` | [`users::list`], [`users::create`] |
//! | POST `/users:import` (CSV) | [`import::import`] |
//! | GET, PATCH, DELETE `/users/{name}` | [`users::show`], [`users::update`], [`users::remove`] |
//! | PUT `/users/{name}/password` `{"password"}` | [`users::set_password`] |
//! | PUT `/users/{name}/enabled` `{"enabled"}` | [`users::set_enabled`] |
//! | GET, PUT `/users/{name}/archive` `{"archive"}` | [`archive::user_archive`], [`archive::set_user_archive`] |
//! | GET, POST `/gateways` | [`gateways::list`], [`gateways::add`] |
//! | GET, PUT, DELETE `/gateways/{name}` | [`gateways::show`], [`gateways::update`], [`gateways::remove`] |
//! | POST `/gateways/{name}/test` `{"user"}` | [`gateways::prepare_test`] |
//! | POST `/gateways/{name}/refresh` | [`gateways::refresh`] |
//! | GET, PUT `/settings` | [`settings::list`], [`settings::put`] |
//!
//! Who asks is a [`Caller`], put into the request by the door it came through; without one everything is refused. Errors
//! have one shape, [`ErrorBody`].

use crate::reply::{Answer, Input, Problem, whole_body};
use axum::extract::{DefaultBodyLimit, FromRequestParts, Path, Query, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use zaiseki_control::app::gateways::{self, GatewayInput, GatewayView, TestFinding};
use zaiseki_control::app::import::{self, ImportReport};
use zaiseki_control::app::settings::{self, SettingView};
use zaiseki_control::app::status::{self, Status};
use zaiseki_control::app::users::{self, NewUser, Password, UserPage, UserQuery, UserUpdate, UserView};
use zaiseki_control::app::{App, archive};
use zaiseki_control::{ControlError, Text};

pub use crate::reply::{ErrorBody, ErrorReply};

/// Bytes of a request body, but for an import.
pub const BODY_BYTES: usize = 1024 * 1024;
/// Bytes of an imported file: half a million users.
pub const IMPORT_BYTES: usize = 64 * 1024 * 1024;

/// An administrator, as the door saw them (`local:root`). Stands in the audit trail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller(pub String);

/// The API. The doors add the [`Caller`] to each request's extensions.
pub fn api(app: App) -> Router {
    let v1 = Router::new()
        .route("/status", get(show_status))
        .route("/users", get(list_users).post(create_user))
        .route("/users:import", post(import_users).layer(DefaultBodyLimit::max(IMPORT_BYTES)))
        .route("/users/{name}", get(show_user).patch(update_user).delete(remove_user))
        .route("/users/{name}/password", put(set_password))
        .route("/users/{name}/enabled", put(set_enabled))
        .route("/users/{name}/archive", get(user_archive).put(set_user_archive))
        .route("/gateways", get(list_gateways).post(add_gateway))
        .route("/gateways/{name}", get(show_gateway).put(update_gateway).delete(remove_gateway))
        .route("/gateways/{name}/test", post(test_gateway))
        .route("/gateways/{name}/refresh", post(refresh_gateway))
        .route("/settings", get(list_settings).put(put_settings))
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(middleware::from_fn(require_caller))
        .with_state(app);
    Router::new().nest("/api/v1", v1)
}

/// Nobody gets past here without being known to the door.
async fn require_caller(request: Request, next: Next) -> Response {
    if request.extensions().get::<Caller>().is_some() {
        return next.run(request).await;
    }
    unauthorized().into_response()
}

fn unauthorized() -> Problem {
    let text = Text::new("sign in first", "先にサインインしてください");
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", text)
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        parts.extensions.get::<Caller>().cloned().ok_or_else(|| unauthorized().into_response())
    }
}

async fn no_such_path() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not-found", Text::new("there is nothing at this path", "このパスには何もありません"))
}

async fn no_such_method() -> Problem {
    let text = Text::new("this path does not take that method", "このパスではそのメソッドを使えません");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", text)
}

/// Runs a control function, which waits for the database, on a thread for such things.
async fn blocking<R: Send + 'static>(work: impl FnOnce() -> Result<R, ControlError> + Send + 'static) -> Result<R, Problem> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done?),
        Err(error) => {
            tracing::error!(%error, "an administrative request panicked");
            Err(Problem::internal())
        }
    }
}

async fn run<R: Send + 'static>(work: impl FnOnce() -> Result<R, ControlError> + Send + 'static) -> Answer<R> {
    blocking(work).await.map(Json)
}

async fn show_status(State(app): State<App>) -> Answer<Status> {
    run(move || status::status(&app)).await
}

async fn list_users(
    State(app): State<App>,
    query: Result<Query<UserQuery>, axum::extract::rejection::QueryRejection>,
) -> Answer<UserPage> {
    let Query(query) = query.map_err(|why| {
        let en = format!("the query is not understood: {why}");
        Problem::new(StatusCode::BAD_REQUEST, "invalid", Text::new(en, format!("クエリーを読み取れません: {why}")))
    })?;
    run(move || users::list(&app, &query)).await
}

async fn create_user(
    State(app): State<App>,
    caller: Caller,
    Input(new): Input<NewUser>,
) -> Result<(StatusCode, Json<UserView>), Problem> {
    let made = run(move || users::create(&app, &caller.0, &new)).await?;
    Ok((StatusCode::CREATED, made))
}

async fn import_users(State(app): State<App>, caller: Caller, request: Request) -> Answer<ImportReport> {
    let csv = whole_body(request, &()).await?;
    run(move || import::import(&app, &caller.0, &csv)).await
}

async fn show_user(State(app): State<App>, Path(name): Path<String>) -> Answer<UserView> {
    run(move || users::show(&app, &name)).await
}

async fn update_user(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Input(update): Input<UserUpdate>,
) -> Answer<UserView> {
    run(move || users::update(&app, &caller.0, &name, &update)).await
}

async fn remove_user(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Answer<UserView> {
    run(move || users::remove(&app, &caller.0, &name)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PasswordInput {
    password: Password,
}

async fn set_password(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Input(input): Input<PasswordInput>,
) -> Answer<UserView> {
    run(move || users::set_password(&app, &caller.0, &name, &input.password)).await
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnabledInput {
    enabled: bool,
}

async fn set_enabled(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Input(input): Input<EnabledInput>,
) -> Answer<UserView> {
    run(move || users::set_enabled(&app, &caller.0, &name, input.enabled)).await
}

/// The body of `/users/{name}/archive`, both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchiveSwitch {
    pub archive: bool,
}

async fn user_archive(State(app): State<App>, Path(name): Path<String>) -> Answer<ArchiveSwitch> {
    run(move || Ok(ArchiveSwitch { archive: archive::user_archive(&app, &name)? })).await
}

async fn set_user_archive(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Input(switch): Input<ArchiveSwitch>,
) -> Answer<ArchiveSwitch> {
    run(move || archive::set_user_archive(&app, &caller.0, &name, switch.archive).map(|()| switch)).await
}

async fn list_gateways(State(app): State<App>) -> Answer<Vec<GatewayView>> {
    run(move || gateways::list(&app)).await
}

async fn add_gateway(
    State(app): State<App>,
    caller: Caller,
    Input(input): Input<GatewayInput>,
) -> Result<(StatusCode, Json<GatewayView>), Problem> {
    let made = run(move || gateways::add(&app, &caller.0, &input)).await?;
    Ok((StatusCode::CREATED, made))
}

async fn show_gateway(State(app): State<App>, Path(name): Path<String>) -> Answer<GatewayView> {
    run(move || gateways::show(&app, &name)).await
}

async fn update_gateway(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Input(input): Input<GatewayInput>,
) -> Answer<GatewayView> {
    run(move || gateways::update(&app, &caller.0, &name, &input)).await
}

async fn remove_gateway(State(app): State<App>, caller: Caller, Path(name): Path<String>) -> Answer<GatewayView> {
    run(move || gateways::remove(&app, &caller.0, &name)).await
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct TestInput {
    /// Whose calendar to try.
    #[serde(default)]
    user: Option<String>,
}

async fn test_gateway(
    State(app): State<App>,
    Path(name): Path<String>,
    Input(input): Input<TestInput>,
) -> Answer<Vec<TestFinding>> {
    let test = blocking(move || gateways::prepare_test(&app, &name, input.user.as_deref())).await?;
    Ok(Json(test.run().await))
}

async fn refresh_gateway(State(app): State<App>, Path(name): Path<String>) -> Result<StatusCode, Problem> {
    blocking(move || gateways::refresh(&app, &name)).await?;
    Ok(StatusCode::ACCEPTED)
}

async fn list_settings(State(app): State<App>) -> Json<Vec<SettingView>> {
    Json(settings::list(&app))
}

async fn put_settings(
    State(app): State<App>,
    caller: Caller,
    Input(changes): Input<BTreeMap<String, Value>>,
) -> Answer<Vec<SettingView>> {
    run(move || settings::put(&app, &caller.0, &changes)).await
}

#[cfg(test)]
mod tests;

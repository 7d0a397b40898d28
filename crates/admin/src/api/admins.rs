//! `/admins`: administrators and their sessions.

use super::{Created, Who, create, run};
use crate::reply::{Answer, Input};
use axum::extract::{Path, State};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zaiseki_control::app::App;
use zaiseki_control::app::admins::{self, AdminUpdate, AdminView, NewAdmin};
use zaiseki_control::app::sessions::{self, SessionView};
use zaiseki_control::app::users::Password;

pub(super) fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(show, update, remove))
        .routes(routes!(set_password))
        .routes(routes!(reset))
        .routes(routes!(list_sessions))
        .routes(routes!(revoke_session))
        .routes(routes!(unlink))
}

/// List administrators
#[utoipa::path(get, path = "/admins", operation_id = "admins.list", tag = "admins",
    responses((status = 200, description = "All administrators, by name", body = [AdminView])),
    extensions(("x-right" = json!("admins:read"))))]
async fn list(State(app): State<App>) -> Answer<Vec<AdminView>> {
    run(move || admins::list(&app)).await
}

/// Add an administrator
#[utoipa::path(post, path = "/admins", operation_id = "admins.add", tag = "admins", request_body = NewAdmin,
    responses((status = 201, description = "The administrator", body = AdminView)),
    extensions(("x-right" = json!("admins:write"))))]
async fn add(State(app): State<App>, Who(caller): Who, Input(new): Input<NewAdmin>) -> Created<AdminView> {
    create(move || admins::add(&app, &caller.actor, &new)).await
}

/// Show an administrator
#[utoipa::path(get, path = "/admins/{name}", operation_id = "admins.show", tag = "admins",
    params(("name" = String, Path)),
    responses((status = 200, description = "The administrator", body = AdminView)),
    extensions(("x-right" = json!("admins:read"))))]
async fn show(State(app): State<App>, Path(name): Path<String>) -> Answer<AdminView> {
    run(move || admins::show(&app, &name)).await
}

/// Change an administrator's name or role, or whether they may sign in
///
/// What is not given stays. The administrator's sessions end, unless only the name changes.
#[utoipa::path(patch, path = "/admins/{name}", operation_id = "admins.update", tag = "admins",
    params(("name" = String, Path)), request_body = AdminUpdate,
    responses((status = 200, description = "The administrator", body = AdminView)),
    extensions(("x-right" = json!("admins:write"))))]
async fn update(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    Input(update): Input<AdminUpdate>,
) -> Answer<AdminView> {
    run(move || admins::update(&app, &caller.actor, &name, &update)).await
}

/// Remove an administrator
///
/// With sessions and tokens. The last one stays.
#[utoipa::path(delete, path = "/admins/{name}", operation_id = "admins.remove", tag = "admins",
    params(("name" = String, Path)),
    responses((status = 200, description = "The administrator as it was", body = AdminView)),
    extensions(("x-right" = json!("admins:write"))))]
async fn remove(State(app): State<App>, Who(caller): Who, Path(name): Path<String>) -> Answer<AdminView> {
    run(move || admins::remove(&app, &caller.actor, &name)).await
}

/// A new password of an administrator.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct AdminPassword {
    password: Password,
}

/// Set an administrator's password
///
/// The administrator's sessions end, and a lock-out too.
#[utoipa::path(put, path = "/admins/{name}/password", operation_id = "admins.set-password", tag = "admins",
    params(("name" = String, Path)), request_body = AdminPassword,
    responses((status = 200, description = "The administrator", body = AdminView)),
    extensions(("x-right" = json!("admins:write"))))]
async fn set_password(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    Input(input): Input<AdminPassword>,
) -> Answer<AdminView> {
    run(move || admins::set_password(&app, &caller.actor, &name, &input.password)).await
}

/// Let an administrator in again
///
/// Break-glass: the account is made if need be, may do everything, has no second factor, and gets the new password.
#[utoipa::path(post, path = "/admins/{name}/reset", operation_id = "admins.reset", tag = "admins",
    params(("name" = String, Path)), request_body = AdminPassword,
    responses((status = 200, description = "The administrator", body = AdminView)),
    extensions(("x-right" = json!("admins:write"))))]
async fn reset(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    Input(input): Input<AdminPassword>,
) -> Answer<AdminView> {
    run(move || admins::reset(&app, &caller.actor, &name, &input.password)).await
}

/// List an administrator's sessions
#[utoipa::path(get, path = "/admins/{name}/sessions", operation_id = "admins.list-sessions", tag = "admins",
    params(("name" = String, Path)),
    responses((status = 200, description = "Last used first", body = [SessionView])),
    extensions(("x-right" = json!("admins:read"))))]
async fn list_sessions(State(app): State<App>, Who(caller): Who, Path(name): Path<String>) -> Answer<Vec<SessionView>> {
    run(move || sessions::list(&app, &caller, &name)).await
}

/// End a session of an administrator
#[utoipa::path(delete, path = "/admins/{name}/sessions/{id}", operation_id = "admins.revoke-session", tag = "admins",
    params(("name" = String, Path), ("id" = String, Path)),
    responses((status = 200, description = "The session as it was", body = SessionView)),
    extensions(("x-right" = json!("admins:write"))))]
async fn revoke_session(
    State(app): State<App>,
    Who(caller): Who,
    Path((name, id)): Path<(String, String)>,
) -> Answer<SessionView> {
    run(move || sessions::revoke(&app, &caller, &name, &id)).await
}

/// Forget who an administrator is at the OpenID provider
///
/// The administrator's sessions end. Whoever signs in there next by that name is looked at anew.
#[utoipa::path(delete, path = "/admins/{name}/identity", operation_id = "admins.unlink", tag = "admins",
    params(("name" = String, Path)),
    responses((status = 200, description = "The administrator", body = AdminView)),
    extensions(("x-right" = json!("admins:write"))))]
async fn unlink(State(app): State<App>, Who(caller): Who, Path(name): Path<String>) -> Answer<AdminView> {
    run(move || admins::unlink(&app, &caller.actor, &name)).await
}

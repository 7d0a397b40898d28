//! `/users`: the built-in directory.

use super::{Created, Who, create, run};
use crate::reply::{Answer, Input, Queried, whole_body};
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zaiseki_control::app::import::{self, ImportReport};
use zaiseki_control::app::users::{self, NewUser, Password, UserPage, UserQuery, UserUpdate, UserView};
use zaiseki_control::app::{App, archive};

/// Bytes of an imported file: half a million users.
pub const IMPORT_BYTES: usize = 64 * 1024 * 1024;

pub(super) fn operations() -> OpenApiRouter<App> {
    let import = OpenApiRouter::new().routes(routes!(import_users)).layer(DefaultBodyLimit::max(IMPORT_BYTES));
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .merge(import)
        .routes(routes!(show, update, remove))
        .routes(routes!(set_password))
        .routes(routes!(set_enabled))
        .routes(routes!(rename))
        .routes(routes!(show_archive, set_archive))
}

/// List users
#[utoipa::path(get, path = "/users", operation_id = "users.list", tag = "users", params(UserQuery),
    responses((status = 200, description = "One page, by name", body = UserPage)),
    extensions(("x-right" = json!("users:read"))))]
async fn list(State(app): State<App>, Queried(query): Queried<UserQuery>) -> Answer<UserPage> {
    run(move || users::list(&app, &query)).await
}

/// Add a user
#[utoipa::path(post, path = "/users", operation_id = "users.add", tag = "users", request_body = NewUser,
    responses((status = 201, description = "The user", body = UserView)),
    extensions(("x-right" = json!("users:write"))))]
async fn add(State(app): State<App>, Who(caller): Who, Input(new): Input<NewUser>) -> Created<UserView> {
    create(move || users::create(&app, &caller.actor, &new)).await
}

/// Import users from a CSV file
///
/// Columns: userid, password, display name, mail, telephone, language; in any order when the first line names them.
#[utoipa::path(post, path = "/users:import", operation_id = "users.import", tag = "users",
    request_body(content = String, content_type = "text/csv"),
    responses((status = 200, description = "What became of the rows", body = ImportReport)),
    extensions(("x-right" = json!("users:write"))))]
async fn import_users(State(app): State<App>, Who(caller): Who, request: Request) -> Answer<ImportReport> {
    let csv = whole_body(request, &()).await?;
    run(move || import::import(&app, &caller.actor, &csv)).await
}

/// Show a user
#[utoipa::path(get, path = "/users/{name}", operation_id = "users.show", tag = "users",
    params(("name" = String, Path, description = "User id or localpart")),
    responses((status = 200, description = "The user", body = UserView)),
    extensions(("x-right" = json!("users:read"))))]
async fn show(State(app): State<App>, Path(name): Path<String>) -> Answer<UserView> {
    run(move || users::show(&app, &name)).await
}

/// Change a user
///
/// What is not given stays.
#[utoipa::path(patch, path = "/users/{name}", operation_id = "users.update", tag = "users",
    params(("name" = String, Path, description = "User id or localpart")), request_body = UserUpdate,
    responses((status = 200, description = "The user", body = UserView)),
    extensions(("x-right" = json!("users:write"))))]
async fn update(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    Input(update): Input<UserUpdate>,
) -> Answer<UserView> {
    run(move || users::update(&app, &caller.actor, &name, &update)).await
}

/// Remove a user
///
/// With contacts, messages and archive.
#[utoipa::path(delete, path = "/users/{name}", operation_id = "users.remove", tag = "users",
    params(("name" = String, Path, description = "User id or localpart")),
    responses((status = 200, description = "The user as it was", body = UserView)),
    extensions(("x-right" = json!("users:write"))))]
async fn remove(State(app): State<App>, Who(caller): Who, Path(name): Path<String>) -> Answer<UserView> {
    run(move || users::remove(&app, &caller.actor, &name)).await
}

/// Another user id.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct RenameInput {
    name: String,
}

/// Rename a user
///
/// Contacts, archive and password stay. The user's sessions end, contacts get the new address, and who writes to the old one
/// is told the new one until somebody else gets the name.
#[utoipa::path(post, path = "/users/{name}/rename", operation_id = "users.rename", tag = "users",
    params(("name" = String, Path, description = "User id or localpart")), request_body = RenameInput,
    responses((status = 200, description = "The user under the new name", body = UserView)),
    extensions(("x-right" = json!("users:write"))))]
async fn rename(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    Input(input): Input<RenameInput>,
) -> Answer<UserView> {
    run(move || users::rename(&app, &caller.actor, &name, &input.name)).await
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordInput {
    password: Password,
}

/// Set a user's password
///
/// The user's sessions end.
#[utoipa::path(put, path = "/users/{name}/password", operation_id = "users.set-password", tag = "users",
    params(("name" = String, Path, description = "User id or localpart")), request_body = PasswordInput,
    responses((status = 200, description = "The user", body = UserView)),
    extensions(("x-right" = json!("users:write"))))]
async fn set_password(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    Input(input): Input<PasswordInput>,
) -> Answer<UserView> {
    run(move || users::set_password(&app, &caller.actor, &name, &input.password)).await
}

/// Whether a user may sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct EnabledInput {
    enabled: bool,
}

/// Let a user sign in, or not
///
/// Switching off ends the user's sessions.
#[utoipa::path(put, path = "/users/{name}/enabled", operation_id = "users.set-enabled", tag = "users",
    params(("name" = String, Path, description = "User id or localpart")), request_body = EnabledInput,
    responses((status = 200, description = "The user", body = UserView)),
    extensions(("x-right" = json!("users:write"))))]
async fn set_enabled(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    Input(input): Input<EnabledInput>,
) -> Answer<UserView> {
    run(move || users::set_enabled(&app, &caller.actor, &name, input.enabled)).await
}

/// Whether a user's messages are archived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ArchiveSwitch {
    pub archive: bool,
}

/// Whether a user's messages are archived
#[utoipa::path(get, path = "/users/{name}/archive", operation_id = "users.show-archive", tag = "users",
    params(("name" = String, Path, description = "User id or localpart")),
    responses((status = 200, description = "The switch", body = ArchiveSwitch)),
    extensions(("x-right" = json!("users:read"))))]
async fn show_archive(State(app): State<App>, Path(name): Path<String>) -> Answer<ArchiveSwitch> {
    run(move || Ok(ArchiveSwitch { archive: archive::user_archive(&app, &name)? })).await
}

/// Archive a user's messages, or not
///
/// What is archived already stays until it expires.
#[utoipa::path(put, path = "/users/{name}/archive", operation_id = "users.set-archive", tag = "users",
    params(("name" = String, Path, description = "User id or localpart")), request_body = ArchiveSwitch,
    responses((status = 200, description = "The switch", body = ArchiveSwitch)),
    extensions(("x-right" = json!("users:write"))))]
async fn set_archive(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    Input(switch): Input<ArchiveSwitch>,
) -> Answer<ArchiveSwitch> {
    run(move || archive::set_user_archive(&app, &caller.actor, &name, switch.archive).map(|()| switch)).await
}

//! `/directories`: where users come from besides the built-in directory.

use super::{Created, Who, blocking, create, run};
use crate::reply::{Answer, Input, Queried};
use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zaiseki_control::app::App;
use zaiseki_control::app::directories::{self, DirectoryChange, DirectoryFinding, DirectoryInput, DirectoryView};
use zaiseki_control::app::directory_runs::{self, PreviewPage, PreviewQuery};
use zaiseki_control::app::duplicates;
use zaiseki_control::app::leftovers::{self, Leftover};
use zaiseki_control::directory::report::{ProblemView, SyncReport};

pub(super) fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, add))
        .routes(routes!(show, update, change, remove))
        .routes(routes!(test))
        .routes(routes!(synchronise))
        .routes(routes!(start))
        .routes(routes!(preview))
        .routes(routes!(leftovers))
        .routes(routes!(problems))
        .routes(routes!(left_out, take_again))
}

/// List directories and how they are
#[utoipa::path(get, path = "/directories", operation_id = "directories.list", tag = "directories",
    responses((status = 200, description = "All directories, by name", body = [DirectoryView])),
    extensions(("x-right" = json!("directories:read"))))]
async fn list(State(app): State<App>) -> Answer<Vec<DirectoryView>> {
    run(move || directories::list(&app)).await
}

/// Add a directory
///
/// Its first synchronisation is at its next time, or when asked for.
#[utoipa::path(post, path = "/directories", operation_id = "directories.add", tag = "directories",
    request_body = DirectoryInput,
    responses((status = 201, description = "The directory", body = DirectoryView)),
    extensions(("x-right" = json!("directories:write"))))]
async fn add(State(app): State<App>, Who(caller): Who, Input(input): Input<DirectoryInput>) -> Created<DirectoryView> {
    create(move || directories::add(&app, &caller.actor, &input)).await
}

/// Show a directory
#[utoipa::path(get, path = "/directories/{name}", operation_id = "directories.show", tag = "directories",
    params(("name" = String, Path)),
    responses((status = 200, description = "The directory", body = DirectoryView)),
    extensions(("x-right" = json!("directories:read"))))]
async fn show(State(app): State<App>, Path(name): Path<String>) -> Answer<DirectoryView> {
    run(move || directories::show(&app, &name)).await
}

/// Replace a directory's configuration
///
/// The name may change too. Without `secret` the password that is kept stays; an empty one takes it away.
#[utoipa::path(put, path = "/directories/{name}", operation_id = "directories.update", tag = "directories",
    params(("name" = String, Path)), request_body = DirectoryInput,
    responses((status = 200, description = "The directory", body = DirectoryView)),
    extensions(("x-right" = json!("directories:write"))))]
async fn update(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    Input(input): Input<DirectoryInput>,
) -> Answer<DirectoryView> {
    run(move || directories::update(&app, &caller.actor, &name, &input)).await
}

/// Change a directory
///
/// What is not given stays.
#[utoipa::path(patch, path = "/directories/{name}", operation_id = "directories.change", tag = "directories",
    params(("name" = String, Path)), request_body = DirectoryChange,
    responses((status = 200, description = "The directory", body = DirectoryView)),
    extensions(("x-right" = json!("directories:write"))))]
async fn change(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    Input(input): Input<DirectoryChange>,
) -> Answer<DirectoryView> {
    run(move || directories::change(&app, &caller.actor, &name, &input)).await
}

/// Remove a directory
///
/// Its users stay, and are the built-in directory's from then on.
#[utoipa::path(delete, path = "/directories/{name}", operation_id = "directories.remove", tag = "directories",
    params(("name" = String, Path)),
    responses((status = 200, description = "The directory as it was", body = DirectoryView)),
    extensions(("x-right" = json!("directories:write"))))]
async fn remove(State(app): State<App>, Who(caller): Who, Path(name): Path<String>) -> Answer<DirectoryView> {
    run(move || directories::remove(&app, &caller.actor, &name)).await
}

/// Test a directory
///
/// Every server: connection, TLS, sign-in, search base, first users. Changes nothing.
#[utoipa::path(post, path = "/directories/{name}/test", operation_id = "directories.test", tag = "directories",
    params(("name" = String, Path)),
    responses((status = 200, description = "What was found", body = [DirectoryFinding])),
    extensions(("x-right" = json!("directories:write"))))]
async fn test(State(app): State<App>, Path(name): Path<String>) -> Answer<Vec<DirectoryFinding>> {
    let test = blocking(move || directories::prepare_test(&app, &name)).await?;
    Ok(Json(test.run().await))
}

/// What to do.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SyncInput {
    /// Only tell what would change.
    #[serde(default)]
    dry_run: bool,
}

/// Perform a full synchronisation now
///
/// Answers when it has ended; it goes on when the caller hangs up. `GET /directories/{name}` shows how far it is. A source
/// that fails is told in `error` of the report.
#[utoipa::path(post, path = "/directories/{name}/sync", operation_id = "directories.sync", tag = "directories",
    params(("name" = String, Path)), request_body = SyncInput,
    responses((status = 200, description = "What came of it", body = SyncReport)),
    extensions(("x-right" = json!("directories:write"))))]
async fn synchronise(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    Input(input): Input<SyncInput>,
) -> Answer<SyncReport> {
    let sync = blocking(move || directories::prepare_sync(&app, &caller.actor, &name, input.dry_run)).await?;
    Ok(Json(sync.run().await?))
}

/// Begin a full synchronisation in the background
///
/// Answers at once. `GET /directories/{name}` shows how far it is and how it ended; what a dry run found shows
/// `GET /directories/{name}/preview`.
#[utoipa::path(post, path = "/directories/{name}/start", operation_id = "directories.start", tag = "directories",
    params(("name" = String, Path)), request_body = SyncInput,
    responses((status = 200, description = "The directory, being synchronised", body = DirectoryView)),
    extensions(("x-right" = json!("directories:write"))))]
async fn start(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    Input(input): Input<SyncInput>,
) -> Answer<DirectoryView> {
    run(move || directory_runs::start(&app, &caller.actor, &name, input.dry_run)).await
}

/// Show what the last dry run found
#[utoipa::path(get, path = "/directories/{name}/preview", operation_id = "directories.preview", tag = "directories",
    params(("name" = String, Path), PreviewQuery),
    responses((status = 200, description = "One page of what would change", body = PreviewPage)),
    extensions(("x-right" = json!("directories:read"))))]
async fn preview(State(app): State<App>, Path(name): Path<String>, Queried(query): Queried<PreviewQuery>) -> Answer<PreviewPage> {
    run(move || directory_runs::preview(&app, &name, &query)).await
}

/// List what is left over in a directory
///
/// Users whose entries are gone, and old entries of people who are users of another directory. As of the last
/// synchronisation; all of them.
#[utoipa::path(get, path = "/directories/{name}/leftovers", operation_id = "directories.leftovers", tag = "directories",
    params(("name" = String, Path)),
    responses((status = 200, description = "The leftovers", body = [Leftover])),
    extensions(("x-right" = json!("directories:read"))))]
async fn leftovers(State(app): State<App>, Path(name): Path<String>) -> Answer<Vec<Leftover>> {
    run(move || leftovers::list(&app, &name)).await
}

/// List the entries that made or changed no user
///
/// As of the last good synchronisation; all of them.
#[utoipa::path(get, path = "/directories/{name}/problems", operation_id = "directories.problems", tag = "directories",
    params(("name" = String, Path)),
    responses((status = 200, description = "The problems", body = [ProblemView])),
    extensions(("x-right" = json!("directories:read"))))]
async fn problems(State(app): State<App>, Path(name): Path<String>) -> Answer<Vec<ProblemView>> {
    run(move || directories::problems(&app, &name)).await
}

/// List the entries that are left out
#[utoipa::path(get, path = "/directories/{name}/left-out", operation_id = "directories.left_out", tag = "directories",
    params(("name" = String, Path)),
    responses((status = 200, description = "Where the entries stand", body = [String])),
    extensions(("x-right" = json!("directories:read"))))]
async fn left_out(State(app): State<App>, Path(name): Path<String>) -> Answer<Vec<String>> {
    run(move || duplicates::left_out(&app, &name)).await
}

/// Which entry.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct TakeInput {
    /// Where the entry stands.
    place: String,
}

/// Take an entry in again that was left out
#[utoipa::path(post, path = "/directories/{name}/left-out", operation_id = "directories.take_again", tag = "directories",
    params(("name" = String, Path)), request_body = TakeInput,
    responses((status = 200, description = "The entries that are still left out", body = [String])),
    extensions(("x-right" = json!("directories:write"))))]
async fn take_again(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    Input(input): Input<TakeInput>,
) -> Answer<Vec<String>> {
    run(move || duplicates::take_again(&app, &caller.actor, &name, &input.place)).await
}

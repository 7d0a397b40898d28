//! `/users` continued: profiles, who is enabled for IM and presence, duplicates.

use super::{BODY_BYTES, Who, run};
use crate::reply::{Answer, Input};
use axum::extract::{DefaultBodyLimit, Path, State};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zaiseki_control::app::App;
use zaiseki_control::app::duplicates::{self, Duplicates, Resolution};
use zaiseki_control::app::im::{self, ImInput, ImReport};
use zaiseki_control::app::profiles::{self, ProfileUpdate, ProfileView};

/// Bytes of a list of users: [`im::NAMES`] of them.
const LIST_BYTES: usize = 16 * BODY_BYTES;

pub(super) fn operations() -> OpenApiRouter<App> {
    let lists = OpenApiRouter::new().routes(routes!(set_im)).layer(DefaultBodyLimit::max(LIST_BYTES));
    OpenApiRouter::new()
        .routes(routes!(profile, update_profile))
        .routes(routes!(find_duplicates))
        .routes(routes!(resolve_duplicate))
        .merge(lists)
}

/// Show a user's profile
///
/// Names, numbers, devices, home, and the entry of a directory that the account belongs to.
#[utoipa::path(get, path = "/users/{name}/profile", operation_id = "users.profile", tag = "users",
    params(("name" = String, Path)),
    responses((status = 200, description = "The profile", body = ProfileView)),
    extensions(("x-right" = json!("users:read"))))]
async fn profile(State(app): State<App>, Path(name): Path<String>) -> Answer<ProfileView> {
    run(move || profiles::show(&app, &name)).await
}

/// Change a user's profile
///
/// What is not given stays. Most fields of a user of an outside directory can be changed there only.
#[utoipa::path(patch, path = "/users/{name}/profile", operation_id = "users.update_profile", tag = "users",
    params(("name" = String, Path)), request_body = ProfileUpdate,
    responses((status = 200, description = "The profile", body = ProfileView)),
    extensions(("x-right" = json!("users:write"))))]
async fn update_profile(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    Input(update): Input<ProfileUpdate>,
) -> Answer<ProfileView> {
    run(move || profiles::update(&app, &caller.actor, &name, &update)).await
}

/// Enable many users for IM and presence, or disable them
///
/// Sessions of disabled users end. Names of nobody are told, and stop nothing.
#[utoipa::path(post, path = "/users:im", operation_id = "users.set_im", tag = "users", request_body = ImInput,
    responses((status = 200, description = "What changed", body = ImReport)),
    extensions(("x-right" = json!("users:write"))))]
async fn set_im(State(app): State<App>, Who(caller): Who, Input(input): Input<ImInput>) -> Answer<ImReport> {
    run(move || im::set(&app, &caller.actor, &input)).await
}

/// Find all duplicate user ids, mail addresses and directory URIs
#[utoipa::path(get, path = "/users:duplicates", operation_id = "users.duplicates", tag = "users",
    responses((status = 200, description = "All of them", body = Duplicates)),
    extensions(("x-right" = json!("users:read"))))]
async fn find_duplicates(State(app): State<App>) -> Answer<Duplicates> {
    run(move || duplicates::find(&app)).await
}

/// Say who keeps a value that several users have
#[utoipa::path(post, path = "/users:resolve", operation_id = "users.resolve_duplicate", tag = "users",
    request_body = Resolution,
    responses((status = 200, description = "The duplicates that are left", body = Duplicates)),
    extensions(("x-right" = json!("users:write"))))]
async fn resolve_duplicate(State(app): State<App>, Who(caller): Who, Input(input): Input<Resolution>) -> Answer<Duplicates> {
    run(move || duplicates::resolve(&app, &caller.actor, &input)).await
}

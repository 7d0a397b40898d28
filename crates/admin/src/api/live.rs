//! `/users` continued: what the data plane knows of a user now; and the presence viewer.

use super::{Who, run};
use crate::reply::{Answer, Queried};
use axum::extract::{Path, State};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zaiseki_control::app::App;
use zaiseki_control::app::contacts::{self, ContactPage, ContactQuery};
use zaiseki_control::app::live::{self, SessionList, SessionView};
use zaiseki_control::app::presence::{self, UserPresence};
use zaiseki_control::app::sight::{self, SightQuery, SightView};

pub(super) fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(sessions))
        .routes(routes!(end_session))
        .routes(routes!(show_presence))
        .routes(routes!(list_contacts))
        .routes(routes!(show_sight))
}

/// A user's sessions now
///
/// Resources with their connections: also those that were cut and may come back.
#[utoipa::path(get, path = "/users/{name}/sessions", operation_id = "users.sessions", tag = "users",
    params(("name" = String, Path, description = "User id or localpart")),
    responses((status = 200, description = "The sessions, the oldest first", body = SessionList)),
    extensions(("x-right" = json!("users:read"))))]
async fn sessions(State(app): State<App>, Path(name): Path<String>) -> Answer<SessionList> {
    run(move || live::sessions(&app, &name)).await
}

/// End a session
///
/// The client is told by the stream error `policy-violation`, and may sign in again.
#[utoipa::path(delete, path = "/users/{name}/sessions/{session}", operation_id = "users.end-session", tag = "users",
    params(("name" = String, Path, description = "User id or localpart"),
        ("session" = String, Path, description = "The session's id")),
    responses((status = 200, description = "The session as it was", body = SessionView)),
    extensions(("x-right" = json!("users:write"))))]
async fn end_session(
    State(app): State<App>,
    Who(caller): Who,
    Path((name, session)): Path<(String, String)>,
) -> Answer<SessionView> {
    run(move || live::end_session(&app, &caller.actor, &name, &session)).await
}

/// A user's presence now
///
/// What each resource and the calendar say, and what others see by the table of precedence.
#[utoipa::path(get, path = "/users/{name}/presence", operation_id = "users.presence", tag = "users",
    params(("name" = String, Path, description = "User id or localpart")),
    responses((status = 200, description = "The presence", body = UserPresence)),
    extensions(("x-right" = json!("users:read"))))]
async fn show_presence(State(app): State<App>, Path(name): Path<String>) -> Answer<UserPresence> {
    run(move || presence::presence(&app, &name)).await
}

/// A user's contact list
#[utoipa::path(get, path = "/users/{name}/contacts", operation_id = "users.contacts", tag = "users",
    params(("name" = String, Path, description = "User id or localpart"), ContactQuery),
    responses((status = 200, description = "One page, by address", body = ContactPage)),
    extensions(("x-right" = json!("users:read"))))]
async fn list_contacts(
    State(app): State<App>,
    Path(name): Path<String>,
    Queried(query): Queried<ContactQuery>,
) -> Answer<ContactPage> {
    run(move || contacts::list(&app, &name, &query)).await
}

/// What one user sees of another, and why
#[utoipa::path(get, path = "/diagnostics/presence", operation_id = "diagnostics.presence", tag = "diagnostics",
    params(SightQuery),
    responses((status = 200, description = "What is seen, and why", body = SightView)),
    extensions(("x-right" = json!("diagnostics:read"))))]
async fn show_sight(State(app): State<App>, Queried(query): Queried<SightQuery>) -> Answer<SightView> {
    run(move || sight::sight(&app, &query)).await
}

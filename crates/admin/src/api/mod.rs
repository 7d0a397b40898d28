//! The REST API: JSON under `/api/v1/`, one file per resource, each handler calling one function of
//! [`zaiseki_control::app`].
//!
//! Every operation is annotated for OpenAPI 3.1 and says in `x-right` which right it asks for ([`Access`]). The document
//! ([`openapi`]) is kept as `docs/openapi.json` and served at `/api/openapi.json`; the operations are listed there.
//!
//! Who asks is a [`Caller`], put into the request by the door it came through; without one everything is refused but what
//! says `x-right: none`. Errors have one shape, [`ErrorBody`].

mod access;
mod account;
mod acme;
mod addresses;
mod admins;
mod alarm_targets;
mod alarms;
mod audit;
mod certificates;
mod checks;
mod diagnostics;
mod directories;
mod document;
mod gateways;
mod jobs;
mod live;
mod nodes;
mod notifications;
mod people;
mod provider;
mod schemas;
mod services;
mod session;
mod settings;
mod status;
mod tokens;
mod trust;
mod users;

use crate::reply::{Answer, Problem};
use crate::spans;
use axum::extract::{DefaultBodyLimit, FromRequestParts};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use std::sync::Arc;
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use zaiseki_control::app::App;
use zaiseki_control::{ControlError, Text};

pub use crate::reply::{ErrorBody, ErrorReply};
pub use access::{Access, Rights};
pub use document::COOKIE;
pub use users::IMPORT_BYTES;
pub use zaiseki_control::access::Caller;

/// Bytes of a request body, but for an import.
pub const BODY_BYTES: usize = 1024 * 1024;
/// Where the operations are.
pub const PREFIX: &str = "/api/v1";
/// Where the OpenAPI document is, for everybody who is signed in or has a token.
pub const DOCUMENT: &str = "/api/openapi.json";

/// The API. The doors add the [`Caller`] to each request's extensions.
pub fn api(app: App) -> Router {
    let (router, document) = parts();
    let rights = Arc::new(Rights::of(&document));
    router
        .fallback(no_such_path)
        .method_not_allowed_fallback(no_such_method)
        .layer(DefaultBodyLimit::max(BODY_BYTES))
        .layer(middleware::from_fn_with_state(rights, access::check))
        .layer(middleware::from_fn_with_state(app.clone(), spans::traced))
        .with_state(app)
        .route(DOCUMENT, get(move |_: Who| async move { Json(document) }))
}

/// The OpenAPI document of all operations.
pub fn openapi() -> OpenApi {
    parts().1
}

fn parts() -> (Router<App>, OpenApi) {
    let resources = OpenApiRouter::new()
        .merge(session::operations())
        .merge(addresses::operations())
        .merge(account::operations())
        .merge(status::operations())
        .merge(checks::operations())
        .merge(users::operations())
        .merge(people::operations())
        .merge(live::operations())
        .merge(directories::operations())
        .merge(gateways::operations())
        .merge(jobs::operations())
        .merge(nodes::operations())
        .merge(notifications::operations())
        .merge(services::operations())
        .merge(diagnostics::operations())
        .merge(alarms::operations())
        .merge(alarm_targets::operations())
        .merge(certificates::operations())
        .merge(acme::operations())
        .merge(trust::operations())
        .merge(settings::operations())
        .merge(admins::operations())
        .merge(provider::operations())
        .merge(tokens::operations())
        .merge(audit::operations());
    let (router, paths) = OpenApiRouter::new().nest(PREFIX, resources).split_for_parts();
    (router, document::finish(paths))
}

pub(crate) fn unauthorized() -> Problem {
    let text = Text::new("sign in first", "先にサインインしてください");
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", text)
}

pub(crate) fn cross_site() -> Problem {
    let text = Text::new(
        "this request comes from another site, or does not say from where",
        "別のサイトからの要求、または送信元の分からない要求です",
    );
    Problem::new(StatusCode::FORBIDDEN, "cross-site", text)
}

/// The caller as an argument of a handler.
pub(crate) struct Who(pub Caller);

impl<S: Send + Sync> FromRequestParts<S> for Who {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        parts.extensions.get::<Caller>().cloned().map(Who).ok_or_else(|| unauthorized().into_response())
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
pub(crate) async fn blocking<R: Send + 'static>(
    work: impl FnOnce() -> Result<R, ControlError> + Send + 'static,
) -> Result<R, Problem> {
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

/// The answer to something that was made.
type Created<T> = Result<(StatusCode, Json<T>), Problem>;

async fn create<R: Send + 'static>(work: impl FnOnce() -> Result<R, ControlError> + Send + 'static) -> Created<R> {
    Ok((StatusCode::CREATED, run(work).await?))
}

#[cfg(test)]
mod access_tests;
#[cfg(test)]
pub(crate) mod tests;

//! `/tokens`: API tokens.

use super::{Created, Who, create, run};
use crate::reply::{Answer, Input, Queried};
use axum::extract::{Path, State};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zaiseki_control::app::App;
use zaiseki_control::app::tokens::{self, MadeToken, NewToken, TokenView};
use zaiseki_model::Timestamp;

pub(super) fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create_token)).routes(routes!(remove))
}

#[derive(Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct TokenQuery {
    /// Everybody's, for whoever may read administrators.
    #[serde(default)]
    all: bool,
}

/// List API tokens
///
/// Your own; without an account of your own, or with `all`, everybody's.
#[utoipa::path(get, path = "/tokens", operation_id = "tokens.list", tag = "tokens", params(TokenQuery),
    responses((status = 200, description = "By administrator and name", body = [TokenView])),
    extensions(("x-right" = json!("own:read"))))]
async fn list(State(app): State<App>, Who(caller): Who, Queried(query): Queried<TokenQuery>) -> Answer<Vec<TokenView>> {
    run(move || tokens::list(&app, &caller, query.all)).await
}

/// Make an API token
///
/// With no more rights than you have. The secret is shown this once.
#[utoipa::path(post, path = "/tokens", operation_id = "tokens.add", tag = "tokens", request_body = NewToken,
    responses((status = 201, description = "The token", body = MadeToken)),
    extensions(("x-right" = json!("own:write"))))]
async fn create_token(State(app): State<App>, Who(caller): Who, Input(new): Input<NewToken>) -> Created<MadeToken> {
    create(move || tokens::create(&app, &caller, &new, Timestamp::now())).await
}

/// Remove an API token
#[utoipa::path(delete, path = "/tokens/{id}", operation_id = "tokens.remove", tag = "tokens",
    params(("id" = String, Path)),
    responses((status = 200, description = "The token as it was", body = TokenView)),
    extensions(("x-right" = json!("own:write"))))]
async fn remove(State(app): State<App>, Who(caller): Who, Path(id): Path<String>) -> Answer<TokenView> {
    run(move || tokens::remove(&app, &caller, &id)).await
}

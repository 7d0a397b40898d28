//! `/session`: signing in by a browser; `/setup`: the first administrator.

use super::{Created, Problem, Who, blocking, run};
use crate::door;
use crate::reply::{Answer, Input};
use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zaiseki_control::access::{Right, Role};
use zaiseki_control::app::admins::AdminView;
use zaiseki_control::app::sessions::{self, SignIn, SignedIn};
use zaiseki_control::app::setup::{self, FirstAdmin};
use zaiseki_control::app::users::Password;
use zaiseki_control::app::{App, account};
use zaiseki_model::Timestamp;

pub(super) fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show, sign_in, sign_out)).routes(routes!(set_up))
}

/// Who asks.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Whoami {
    /// As in the audit log.
    pub actor: String,
    pub role: Role,
    /// Everything that may be done.
    pub rights: Vec<Right>,
    /// `null` for whoever administers on the host.
    pub account: Option<AdminView>,
}

/// Who you are and what you may do
#[utoipa::path(get, path = "/session", operation_id = "session.show", tag = "session",
    responses((status = 200, description = "The caller", body = Whoami)),
    extensions(("x-right" = json!("own:read"))))]
async fn show(State(app): State<App>, Who(caller): Who) -> Answer<Whoami> {
    run(move || {
        let account = if caller.account.is_some() { Some(account::show(&app, &caller)?) } else { None };
        let rights = Right::all().filter(|right| caller.may(*right)).collect();
        Ok(Whoami { role: caller.role, rights, account, actor: caller.actor })
    })
    .await
}

/// Name, password, and code where the account has a second factor.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Credentials {
    name: String,
    password: Password,
    /// Of the authenticator app, or a recovery code.
    #[serde(default)]
    code: Option<String>,
}

/// How far one has come.
#[derive(Serialize, ToSchema)]
struct SignInReply {
    /// Name and password are right; send them again with the code.
    second_factor_needed: bool,
    account: Option<AdminView>,
}

/// Sign in
///
/// The answer sets the cookie of the session. A session that the browser has already ends.
#[utoipa::path(post, path = "/session", operation_id = "session.sign-in", tag = "session", request_body = Credentials,
    responses((status = 200, description = "Signed in, or asked for the code", body = SignInReply)),
    extensions(("x-right" = json!("none"))))]
async fn sign_in(
    State(app): State<App>,
    peer: Option<axum::Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    Input(given): Input<Credentials>,
) -> Result<Response, Problem> {
    let address = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.0.0.ip());
    let signed_in = blocking(move || {
        let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        let try_ = SignIn {
            name: &given.name,
            password: &given.password,
            code: given.code.as_deref(),
            address,
            agent,
            replaced: door::session_token(&headers),
            now: Timestamp::now(),
        };
        sessions::sign_in(&app, &try_)
    })
    .await
    .map_err(Problem::for_stranger)?;
    Ok(match signed_in {
        SignedIn::SecondFactorNeeded => Json(SignInReply { second_factor_needed: true, account: None }).into_response(),
        SignedIn::Session(token, view) => {
            let reply = SignInReply { second_factor_needed: false, account: Some(*view) };
            ([(header::SET_COOKIE, door::session_cookie(&token))], Json(reply)).into_response()
        }
    })
}

/// Sign out
#[utoipa::path(delete, path = "/session", operation_id = "session.sign-out", tag = "session",
    responses((status = 204, description = "The session has ended")),
    extensions(("x-right" = json!("own:write"))))]
async fn sign_out(State(app): State<App>, Who(caller): Who) -> Result<Response, Problem> {
    blocking(move || sessions::sign_out(&app, &caller)).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, door::no_cookie())]).into_response())
}

/// Make the first administrator
///
/// By the link in the log of a node that has none.
#[utoipa::path(post, path = "/setup", operation_id = "session.set-up", tag = "session", request_body = FirstAdmin,
    responses((status = 201, description = "The administrator", body = AdminView)),
    extensions(("x-right" = json!("none"))))]
async fn set_up(State(app): State<App>, Input(first): Input<FirstAdmin>) -> Created<AdminView> {
    super::create(move || setup::complete(&app, &first, Timestamp::now())).await.map_err(Problem::for_stranger)
}

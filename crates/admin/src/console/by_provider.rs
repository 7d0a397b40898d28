//! Signing in by the OpenID provider: out to it by a link of the sign-in page, and back.

use super::ctx::{Ctx, cookie, encoded};
use super::entrance::{HOME, Visit, failed, signed_in};
use super::routes::on_a_thread;
use super::{is_ours, page, set_cookie};
use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use std::net::SocketAddr;
use zaiseki_control::app::provider::{self, CALLBACK};
use zaiseki_control::app::provider_sign_in::{self, Answer, LIFE};
use zaiseki_control::app::sessions::Entered;
use zaiseki_control::{App, ControlError};
use zaiseki_model::Timestamp;

/// Where a sign-in begins.
pub(super) const START: &str = "/console/sign-in/provider";
/// The cookie of a sign-in under way: this host only, and along when the provider sends the browser back.
const COOKIE: &str = "__Host-zaiseki-sign-in";

pub(super) fn routes() -> Router<App> {
    Router::new().route(START, get(start)).route(CALLBACK, get(callback))
}

fn cookie_of(value: &str, seconds: u64) -> String {
    format!("{COOKIE}={value}; Path=/; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax")
}

fn visit(app: App, request: &Request) -> Visit {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0);
    Visit::new(app, &request.uri().clone(), request.headers().clone(), peer)
}

async fn start(State(app): State<App>, request: Request) -> Response {
    let visit = visit(app.clone(), &request);
    match go_out(&app, &visit).await {
        Ok(response) => response,
        Err(error) => refused(visit.ctx, error).await,
    }
}

async fn go_out(app: &App, visit: &Visit) -> Result<Response, ControlError> {
    let back = visit.ctx.query("back").filter(|back| is_ours(back)).unwrap_or(HOME).to_owned();
    let at = app.clone();
    let address = wait(move || Ok(provider::show(&at)?.config.address)).await?;
    // Cookies belong to the host by which the browser comes back. Once is enough: a proxy may name the host otherwise.
    if visit.ctx.query("here").is_none() && !is_at(&address, visit.headers.get(header::HOST)) {
        let query = encoded(&[("back", &back), ("here", "1")]);
        return Ok(Redirect::to(&format!("{}{START}?{query}", address.trim_end_matches('/'))).into_response());
    }
    let at = app.clone();
    let begun = wait(move || provider_sign_in::begin(&at, &back, Timestamp::now())).await?;
    let mut response = page::with_headers(Redirect::to(&begun.address().await?).into_response());
    set_cookie(response.headers_mut(), &cookie_of(&begun.cookie, LIFE.as_secs()));
    Ok(response)
}

/// Whether the console's address is the one that the browser came to; an empty one is any.
fn is_at(address: &str, host: Option<&HeaderValue>) -> bool {
    let authority = address.trim_end_matches('/').strip_prefix("https://").unwrap_or_default();
    authority.is_empty() || host.is_some_and(|host| host.as_bytes().eq_ignore_ascii_case(authority.as_bytes()))
}

async fn callback(State(app): State<App>, request: Request) -> Response {
    let visit = visit(app.clone(), &request);
    let mut response = match come_back(&app, &visit).await {
        Ok(response) => response,
        Err(error) => refused(visit.ctx, error).await,
    };
    // Whatever came of it, it is over.
    set_cookie(response.headers_mut(), &cookie_of("", 0));
    response
}

async fn come_back(app: &App, visit: &Visit) -> Result<Response, ControlError> {
    let query = |name: &str| visit.ctx.query(name).map(str::to_owned);
    let answer = Answer { code: query("code"), state: query("state"), iss: query("iss"), error: query("error") };
    let sealed = cookie(&visit.headers, COOKIE).unwrap_or_default().to_owned();
    let at = app.clone();
    let returned = wait(move || provider_sign_in::returned(&at, &sealed, answer, Timestamp::now())).await?;
    let claims = returned.claims(Timestamp::now()).await?;
    let (app, headers, address) = (app.clone(), visit.headers.clone(), visit.address);
    let (token, back) = wait(move || {
        let agent = headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        let replaced = crate::door::session_token(&headers);
        let entered = Entered { address, agent, replaced: replaced.as_ref(), now: Timestamp::now() };
        let (token, _) = provider_sign_in::sign_in(&app, &returned, &claims, &entered)?;
        Ok((token, returned.back().to_owned()))
    })
    .await?;
    Ok(signed_in(&back, &token))
}

/// On a thread that may wait for the database.
async fn wait<R: Send + 'static>(work: impl FnOnce() -> Result<R, ControlError> + Send + 'static) -> Result<R, ControlError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(ControlError::Thread(std::io::Error::other(error))))
}

/// The sign-in page, with what went wrong.
async fn refused(ctx: Ctx, error: ControlError) -> Response {
    on_a_thread(move || failed(&ctx, error)).await
}

//! The door of the HTTPS addresses for administrators: who comes with which cookie or token.
//!
//! - `Authorization: Bearer` with an API token (RFC 6750 §2.1), for programs.
//! - The cookie of a session, for browsers. Because a browser sends it along with whatever another site makes it send, a
//!   request that changes something must say that it comes from this very site (`Sec-Fetch-Site`, else `Origin`; OWASP
//!   Cross-Site Request Forgery Prevention); one that says neither is refused.
//!
//! Whoever comes with neither goes on as a stranger. A wrong token is refused at once.

use crate::api::{COOKIE, Caller, cross_site, unauthorized};
use crate::reply::Problem;
use crate::web::origin;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use zaiseki_control::app::{App, sessions, tokens};
use zaiseki_control::credentials::token::Token;
use zaiseki_model::Timestamp;

/// Stands in a request that a page makes by itself to look the same as now: nobody uses the session by that.
const BY_ITSELF: &str = "x-refresh";
/// Characters of a cookie or token that are looked at.
const TOKEN_CHARS: usize = 200;

/// Puts the [`Caller`] into each request to `routes`.
pub fn guarded(app: App, routes: Router) -> Router {
    routes.layer(middleware::from_fn_with_state(app, name_caller))
}

async fn name_caller(State(app): State<App>, mut request: Request, next: Next) -> Response {
    match caller(app, request.method(), request.headers()).await {
        Ok(Some(caller)) => drop(request.extensions_mut().insert(caller)),
        Ok(None) => {}
        Err(problem) => return problem.into_response(),
    }
    next.run(request).await
}

async fn caller(app: App, method: &Method, headers: &HeaderMap) -> Result<Option<Caller>, Problem> {
    let now = Timestamp::now();
    if let Some(token) = bearer(headers) {
        let found = crate::api::blocking(move || tokens::bearer(&app, &token, now)).await?;
        return found.map(Some).ok_or_else(unauthorized);
    }
    let safe = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    let Some(token) = session_token(headers) else {
        // Signing in carries no cookie yet, and must not be done by another site either.
        return if safe || !is_foreign(headers) { Ok(None) } else { Err(cross_site()) };
    };
    if !safe && !is_ours(headers) {
        return Err(cross_site());
    }
    let used = !headers.contains_key(BY_ITSELF);
    crate::api::blocking(move || sessions::session(&app, &token, used, now)).await
}

fn bearer(headers: &HeaderMap) -> Option<Token> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    (scheme.eq_ignore_ascii_case("bearer") && token.len() <= TOKEN_CHARS).then(|| Token::given(token.trim()))
}

/// It says that it comes from a page of this site.
fn is_ours(headers: &HeaderMap) -> bool {
    match headers.get("sec-fetch-site") {
        Some(site) => site == "same-origin" && origin::is_allowed(headers),
        None => headers.contains_key(header::ORIGIN) && origin::is_allowed(headers),
    }
}

/// It says that it comes from another site's page.
fn is_foreign(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    !origin::is_allowed(headers) || site.is_some_and(|site| site != "same-origin" && site != "none")
}

/// The token in the session's cookie.
pub fn session_token(headers: &HeaderMap) -> Option<Token> {
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let (_, token) = pairs.find(|(name, token)| *name == COOKIE && !token.is_empty() && token.len() <= TOKEN_CHARS)?;
    Some(Token::given(token))
}

/// `Set-Cookie` of a new session. It ends with the browser, or when the server says so.
pub fn session_cookie(token: &Token) -> String {
    format!("{COOKIE}={}; Path=/; Secure; HttpOnly; SameSite=Lax", token.reveal())
}

/// `Set-Cookie` after signing out.
pub fn no_cookie() -> String {
    format!("{COOKIE}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax")
}

#[cfg(test)]
mod tests;

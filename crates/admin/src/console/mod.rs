//! The web console under `/console/`: pages rendered here, on the functions of [`zaiseki_control::app`] that the REST API calls.
//!
//! A page is a plain function from a [`Ctx`](ctx::Ctx) to a [`Page`](page::Page) of [`blocks`]; a form's answer is one from the
//! context and the posted [`Form`](form::Form) to a [`Next`](ctx::Next). [`pages`] lists them with the right that each asks for.
//! They run on a thread that may wait for the database. `docs/adding-a-page.md` shows how one is made.
//!
//! Who looks is the [`Caller`] that the door put into the request. A posted form carries the token of its session and comes from
//! this very site (OWASP ASVS 4.0 §4.2.2).

pub mod blocks;
mod by_provider;
pub mod ctx;
mod entrance;
pub mod files;
pub mod form;
pub mod nav;
pub mod page;
pub mod pages;
pub mod posted;
pub mod routes;
mod stored;
pub mod texts;

use crate::spans;
use crate::web::origin;
use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next as Inner};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use ctx::{Ctx, LANGUAGE_COOKIE};
use page::Page;
use zaiseki_control::App;
use zaiseki_control::access::Caller;

/// Everything under `/console/`. The door adds the [`Caller`] of a session to the request's extensions.
pub fn console(app: App) -> Router {
    pages::all()
        .into_router(&app)
        .merge(entrance::routes())
        .merge(by_provider::routes())
        .route("/console", get(|| async { Redirect::permanent("/console/") }))
        .route("/console/language", get(choose_language))
        .route("/console/static/{name}", get(|Path(name): Path<String>| async move { files::answer(&name) }))
        .fallback(not_found)
        .method_not_allowed_fallback(not_found)
        .layer(middleware::from_fn(same_site))
        .layer(middleware::from_fn_with_state(app.clone(), spans::traced))
        .with_state(app)
}

/// What changes something comes from our own pages.
async fn same_site(request: Request, next: Inner) -> Response {
    let headers = request.headers();
    let safe = matches!(*request.method(), Method::GET | Method::HEAD);
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    let ours = origin::is_allowed(headers) && site.is_none_or(|site| site == b"same-origin" || site == b"none");
    if safe || ours { next.run(request).await } else { (StatusCode::FORBIDDEN, "cross-site request refused\n").into_response() }
}

/// Sets the cookie and goes back to where the choice was made.
async fn choose_language(request: Request) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let find =
        |name: &str| url::form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, v)| v.into_owned());
    let chosen = find("to").filter(|tag| ctx::parse(tag).is_some()).unwrap_or_else(|| "en".to_owned());
    let back = find("back").filter(|back| is_ours(back)).unwrap_or_else(|| "/console/".to_owned());
    let cookie = format!("{LANGUAGE_COOKIE}={chosen}; Path=/; Max-Age=31536000; Secure; SameSite=Lax");
    ([(header::SET_COOKIE, cookie)], Redirect::to(&back)).into_response()
}

/// A path of the console, and nothing that a browser could take for another site (no open redirect).
pub fn is_ours(target: &str) -> bool {
    let clean = target.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    clean && target.starts_with("/console/") && !target.contains("//")
}

async fn not_found(State(app): State<App>, request: Request) -> Response {
    let caller = request.extensions().get::<Caller>().cloned();
    let Some(caller) = caller else { return to_sign_in(request.uri().path()) };
    let csrf = routes::csrf_of(&caller);
    let ctx = Ctx::new(app, Some(caller), csrf, request.uri(), request.headers());
    page::render(&ctx, &nothing_here(&ctx), StatusCode::NOT_FOUND)
}

pub(crate) fn nothing_here(ctx: &Ctx) -> Page {
    Page::new(ctx.t("error-not-found-title")).text(ctx.t("error-not-found"))
}

/// To the sign-in page, and from there to where one wanted to go.
pub(crate) fn to_sign_in(wanted: &str) -> Response {
    let back = if is_ours(wanted) { wanted } else { "/console/" };
    Redirect::to(&format!("/console/sign-in?{}", ctx::encoded(&[("back", back)]))).into_response()
}

/// As [`to_sign_in`], when something was sent that nobody has looked at.
pub(crate) fn to_sign_in_again(page: &str) -> Response {
    let back = if is_ours(page) { page } else { "/console/" };
    Redirect::to(&format!("/console/sign-in?{}", ctx::encoded(&[("back", back), ("unsent", "1")]))).into_response()
}

/// A cookie that lasts until the browser closes, or a moment.
pub(crate) fn short_cookie(name: &str, value: &str, seconds: u32) -> String {
    format!("{name}={value}; Path=/console; Max-Age={seconds}; Secure; HttpOnly; SameSite=Lax")
}

/// Puts a cookie into an answer.
pub(crate) fn set_cookie(headers: &mut HeaderMap, cookie: &str) {
    if let Ok(value) = HeaderValue::from_str(cookie) {
        headers.append(header::SET_COOKIE, value);
    }
}

#[cfg(test)]
mod account_tests;
#[cfg(test)]
mod directory_tests;
#[cfg(test)]
mod live_tests;
#[cfg(test)]
mod page_tests;
#[cfg(test)]
mod rights_tests;
#[cfg(test)]
mod stored_tests;
#[cfg(test)]
mod tests;

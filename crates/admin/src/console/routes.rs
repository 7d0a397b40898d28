//! From requests to pages: rights, threads, errors, in one place for all pages.

use super::ctx::{Ctx, FLASH_COOKIE, Next, flash_value};
use super::form::Form;
use super::page::{self, Page};
use super::posted::{Refused, read};
use super::{nothing_here, set_cookie, short_cookie, stored, to_sign_in, to_sign_in_again};
use aws_lc_rs::digest;
use axum::Router;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{DefaultBodyLimit, RawPathParams, Request, State};
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use std::fmt::Write as _;
use zaiseki_control::access::{Caller, Right};
use zaiseki_control::{App, ControlError};

/// The parameters of a path; an error where they are not UTF-8, so that they name nothing.
type Params = Result<RawPathParams, RawPathParamsRejection>;

/// Shows a page.
pub type Show = fn(&Ctx) -> Result<Page, ControlError>;
/// Makes a file to be kept.
pub type Make = fn(&Ctx) -> Result<Download, ControlError>;
/// Takes what was posted.
pub type Act = fn(&Ctx, Form) -> Result<Next, ControlError>;

/// A file for the browser to keep, not to show.
pub struct Download {
    name: String,
    media: &'static str,
    bytes: Vec<u8>,
}

impl Download {
    /// `name`: ASCII, without quotes.
    pub fn new(name: &str, media: &'static str, bytes: Vec<u8>) -> Download {
        Download { name: name.to_owned(), media, bytes }
    }

    pub fn pem(name: &str, text: String) -> Download {
        Download::new(name, "application/x-pem-file", text.into_bytes())
    }
}

impl IntoResponse for Download {
    fn into_response(self) -> Response {
        let kept = format!("attachment; filename=\"{}\"", self.name);
        ([(header::CONTENT_TYPE, self.media.to_owned()), (header::CONTENT_DISPOSITION, kept)], self.bytes).into_response()
    }
}

/// One address of the console and what it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    pub method: Method,
    pub path: &'static str,
    pub right: Right,
}

/// The pages as they are collected.
#[derive(Default)]
pub struct Pages {
    shows: Vec<(Route, Show)>,
    acts: Vec<(Route, Act)>,
    files: Vec<(Route, Make)>,
}

impl Pages {
    /// A page that people with this right see.
    pub fn page(mut self, path: &'static str, right: Right, show: Show) -> Self {
        self.shows.push((Route { method: Method::GET, path, right }, show));
        self
    }

    /// What a form or button does that people with this right may use.
    pub fn act(mut self, path: &'static str, right: Right, act: Act) -> Self {
        self.acts.push((Route { method: Method::POST, path, right }, act));
        self
    }

    /// A file that people with this right may download.
    pub fn file(mut self, path: &'static str, right: Right, make: Make) -> Self {
        self.files.push((Route { method: Method::GET, path, right }, make));
        self
    }

    pub fn merge(mut self, other: Pages) -> Self {
        self.files.extend(other.files);
        self.shows.extend(other.shows);
        self.acts.extend(other.acts);
        self
    }

    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        let pages = self.shows.iter().map(|(route, _)| route).chain(self.acts.iter().map(|(route, _)| route));
        pages.chain(self.files.iter().map(|(route, _)| route))
    }

    pub fn into_router(self, _: &App) -> Router<App> {
        let mut router = Router::new();
        let pages: Vec<(&'static str, Show)> = self.shows.iter().map(|(route, show)| (route.path, *show)).collect();
        for (Route { path, right, .. }, show) in self.shows {
            let handler = move |State(app): State<App>, params: Params, request: Request| async move {
                answer_show(app, &params, request, right, show).await
            };
            router = router.route(path, get(handler));
        }
        for (Route { path, right, .. }, make) in self.files {
            let handler = move |State(app): State<App>, params: Params, request: Request| async move {
                answer_file(app, &params, request, right, make).await
            };
            router = router.route(path, get(handler));
        }
        for (Route { path, right, .. }, act) in self.acts {
            let page = pages.iter().find(|(page, _)| *page == path).map(|(_, show)| *show);
            let parts = parts_of_page(path, &pages);
            let handler = move |State(app): State<App>, params: Params, request: Request| async move {
                answer_act(app, &params, request, (right, act, page, parts)).await
            };
            router = router.route(path, post(handler).layer(DefaultBodyLimit::disable()));
        }
        router
    }
}

/// How many parts of the path of a form or button make that of the page where it stands: its own, or the nearest above it.
fn parts_of_page(path: &str, pages: &[(&'static str, Show)]) -> usize {
    let above = |page: &&str| path == *page || path.strip_prefix(*page).is_some_and(|rest| rest.starts_with(['/', ':']));
    let page = pages.iter().map(|(page, _)| *page).filter(|page| *page != "/console/").filter(above);
    page.map(|page| page.split('/').count()).max().unwrap_or_default()
}

/// The token that the forms of a session carry; from the session's key, so that it needs no place of its own.
pub fn csrf_of(caller: &Caller) -> String {
    let Some(key) = caller.session else { return String::new() };
    let digest = digest::digest(&digest::SHA256, &[b"zaiseki form token".as_slice(), &key].concat());
    digest.as_ref().iter().take(16).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The context of a request by someone signed in; else the way to the sign-in page.
///
/// # Errors
/// The answer: the way to the sign-in page, or that there is nothing at this path.
fn context(app: App, params: &Params, request: &Request) -> Result<Ctx, Box<Response>> {
    let Some(caller) = request.extensions().get::<Caller>().cloned() else {
        let wanted = request.uri().path_and_query().map_or("", |target| target.as_str());
        return Err(Box::new(to_sign_in(wanted)));
    };
    let csrf = csrf_of(&caller);
    let mut ctx = Ctx::new(app, Some(caller), csrf, request.uri(), request.headers());
    let Ok(params) = params else {
        return Err(Box::new(page::render(&ctx, &nothing_here(&ctx), StatusCode::NOT_FOUND)));
    };
    ctx.params = params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Ok(ctx)
}

async fn answer_show(app: App, params: &Params, request: Request, right: Right, show: Show) -> Response {
    let ctx = match context(app, params, &request) {
        Ok(ctx) => ctx,
        Err(elsewhere) => return *elsewhere,
    };
    on_a_thread(move || {
        let made = check(&ctx, right).and_then(|()| show(&ctx));
        let said = ctx.flash.is_some();
        let mut response = match made {
            Ok(page) => page::render(&ctx, &page, StatusCode::OK),
            Err(error) => error_page(&ctx, &error),
        };
        if said {
            set_cookie(response.headers_mut(), &short_cookie(FLASH_COOKIE, "", 0));
        }
        response
    })
    .await
}

async fn answer_file(app: App, params: &Params, request: Request, right: Right, make: Make) -> Response {
    let ctx = match context(app, params, &request) {
        Ok(ctx) => ctx,
        Err(elsewhere) => return *elsewhere,
    };
    on_a_thread(move || match check(&ctx, right).and_then(|()| make(&ctx)) {
        Ok(download) => page::with_headers(download.into_response()),
        Err(error) => error_page(&ctx, &error),
    })
    .await
}

/// `page`: at the same path; `parts`: see [`parts_of_page`].
async fn answer_act(
    app: App,
    params: &Params,
    request: Request,
    (right, act, page, parts): (Right, Act, Option<Show>, usize),
) -> Response {
    let ctx = match context(app, params, &request) {
        Ok(ctx) => ctx,
        Err(elsewhere) if request.extensions().get::<Caller>().is_some() => return *elsewhere,
        Err(_) => {
            let page: Vec<&str> = request.uri().path().split('/').take(parts).collect();
            return to_sign_in_again(&page.join("/"));
        }
    };
    let posted = read(request).await;
    on_a_thread(move || {
        let mut form = match posted {
            Ok(form) => form,
            Err(refused) => return refused_page(&ctx, refused),
        };
        if ctx.csrf.is_empty() || !same(form.raw("csrf"), &ctx.csrf) {
            return refused_page(&ctx, Refused::Token);
        }
        answer(
            &ctx,
            check(&ctx, right).and_then(|()| match page.and_then(|show| stored::reconcile(&ctx, show, &mut form)) {
                Some(page) => Ok(Next::Again(page)),
                None => act(&ctx, form),
            }),
        )
    })
    .await
}

/// What becomes of a form.
pub(super) fn answer(ctx: &Ctx, next: Result<Next, ControlError>) -> Response {
    match next {
        Ok(Next::Go { to, key, object }) => {
            let mut response = Redirect::to(&to).into_response();
            set_cookie(response.headers_mut(), &short_cookie(FLASH_COOKIE, &flash_value(key, &object), 60));
            response
        }
        Ok(Next::Again(page)) => page::render(ctx, &page, StatusCode::UNPROCESSABLE_ENTITY),
        Ok(Next::File(file)) => page::with_headers(file.into_response()),
        Ok(Next::Show(page)) => page::render(ctx, &page, StatusCode::OK),
        Err(error) => error_page(ctx, &error),
    }
}

fn check(ctx: &Ctx, right: Right) -> Result<(), ControlError> {
    ctx.caller.as_ref().map_or(Err(ControlError::Forbidden { right }), |caller| caller.must(right))
}

/// In a time that does not tell how much of it was right.
pub(super) fn same(given: &str, wanted: &str) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(given.as_bytes(), wanted.as_bytes()).is_ok()
}

/// Pages read the database, which may take a moment.
pub(super) async fn on_a_thread(work: impl FnOnce() -> Response + Send + 'static) -> Response {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a page panicked");
        (StatusCode::INTERNAL_SERVER_ERROR, "the page failed; the server's log says why\n").into_response()
    })
}

fn error_page(ctx: &Ctx, error: &ControlError) -> Response {
    let status = match error.code() {
        "forbidden" => StatusCode::FORBIDDEN,
        "not-found" => StatusCode::NOT_FOUND,
        "invalid" => StatusCode::BAD_REQUEST,
        "conflict" => StatusCode::CONFLICT,
        "throttled" => StatusCode::TOO_MANY_REQUESTS,
        "unavailable" => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    };
    if status.is_server_error() {
        tracing::error!(error = %error.text(), path = ctx.path, "a page failed");
    }
    let said = match error {
        ControlError::Forbidden { right } => ctx.tn("error-forbidden", "right", right.to_string()),
        other => other.text().get(ctx.lang).to_owned(),
    };
    page::render(ctx, &trouble(ctx, said), status)
}

fn trouble(ctx: &Ctx, said: String) -> Page {
    Page::new(ctx.t("error-title")).notice(super::blocks::Sign::Bad, said)
}

pub(super) fn refused_page(ctx: &Ctx, refused: Refused) -> Response {
    let (status, key) = match refused {
        Refused::Token => (StatusCode::FORBIDDEN, "error-form"),
        Refused::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "error-large"),
        Refused::Broken => (StatusCode::BAD_REQUEST, "error-form"),
    };
    page::render(ctx, &trouble(ctx, ctx.t(key)), status)
}

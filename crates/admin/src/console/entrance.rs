//! The pages before one is signed in: sign-in, the first administrator, and the way out.

use super::blocks::{Action, Block, FormBlock, Pill, Sign};
use super::by_provider::START;
use super::ctx::{Ctx, can_be_mended, encoded};
use super::form::{Field, Form, Kind};
use super::page::{self, Page};
use super::posted::{Refused, read_of_stranger};
use super::routes::{csrf_of, on_a_thread, refused_page, same};
use super::{is_ours, set_cookie};
use crate::door;
use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use zaiseki_control::access::Caller;
use zaiseki_control::app::provider;
use zaiseki_control::app::sessions::{self, SignIn, SignedIn};
use zaiseki_control::app::setup::{self, FirstAdmin};
use zaiseki_control::app::users::Password;
use zaiseki_control::credentials::token::Token;
use zaiseki_control::{App, ControlError, Text};
use zaiseki_model::Timestamp;

pub(super) const HOME: &str = "/console/";

pub fn routes() -> Router<App> {
    Router::new()
        .route("/console/sign-in", get(sign_in_page).post(sign_in))
        .route("/console/set-up", get(set_up_page).post(set_up))
        .route("/console/sign-out", post(sign_out))
}

/// What is left of a request after its form was read.
pub(super) struct Visit {
    pub ctx: Ctx,
    pub headers: HeaderMap,
    pub address: IpAddr,
}

impl Visit {
    pub fn new(app: App, uri: &Uri, headers: HeaderMap, peer: Option<SocketAddr>) -> Visit {
        let ctx = Ctx::new(app, None, String::new(), uri, &headers);
        Visit { ctx, headers, address: peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip()) }
    }

    async fn posted(app: App, request: Request) -> (Visit, Result<Form, Refused>) {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0);
        let visit = Visit::new(app, &request.uri().clone(), request.headers().clone(), peer);
        (visit, read_of_stranger(request).await)
    }

    /// Signs in; the cookie's token, or `None` when a code is asked for.
    fn sign_in(&self, name: &str, password: &Password, code: Option<&str>) -> Result<Option<Token>, ControlError> {
        let agent = self.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
        let replaced = door::session_token(&self.headers);
        let try_ = SignIn { name, password, code, address: self.address, agent, replaced, now: Timestamp::now() };
        Ok(match sessions::sign_in(&self.ctx.app, &try_)? {
            SignedIn::Session(token, _) => Some(token),
            SignedIn::SecondFactorNeeded => None,
        })
    }
}

pub(super) fn signed_in(to: &str, token: &Token) -> Response {
    let mut response = Redirect::to(if is_ours(to) { to } else { HOME }).into_response();
    set_cookie(response.headers_mut(), &door::session_cookie(token));
    response
}

fn status_of(error: &ControlError) -> StatusCode {
    match error.code() {
        "unauthorized" => StatusCode::UNAUTHORIZED,
        "throttled" => StatusCode::TOO_MANY_REQUESTS,
        "invalid" | "conflict" => StatusCode::UNPROCESSABLE_ENTITY,
        "not-found" => StatusCode::NOT_FOUND,
        "unavailable" => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// What happened inside is for the log, not for somebody who is not signed in (OWASP ASVS 4.0 §7.4.1).
fn for_stranger(error: ControlError) -> ControlError {
    if !matches!(error, ControlError::Store(_)) && status_of(&error) != StatusCode::INTERNAL_SERVER_ERROR {
        return error;
    }
    tracing::error!(error = %error.text(), "nobody can sign in");
    let text = Text::new("the server failed; its log says why", "サーバーでエラーが発生しました。ログを確認してください");
    ControlError::Conflict { text }
}

async fn sign_in_page(State(app): State<App>, request: Request) -> Response {
    if request.extensions().get::<Caller>().is_some() {
        return Redirect::to(HOME).into_response();
    }
    let ctx = Ctx::new(app, None, String::new(), request.uri(), request.headers());
    on_a_thread(move || {
        let form = Form::of([("back", ctx.query("back").unwrap_or(HOME).to_owned())]);
        let mut page = sign_in_form(&ctx, &form, false);
        if ctx.query("unsent").is_some() {
            page.blocks.insert(0, Block::Notice(Pill::new(Sign::Warning, ctx.t("entrance-unsent")), None));
        }
        page::render(&ctx, &page, StatusCode::OK)
    })
    .await
}

/// The sign-in page after a sign-in elsewhere that came to nothing.
pub(super) fn failed(ctx: &Ctx, error: ControlError) -> Response {
    let (status, error) = (status_of(&error), for_stranger(error));
    let mut page = sign_in_form(ctx, &Form::of([("back", HOME.to_owned())]), false);
    page.blocks.insert(0, Block::Notice(Pill::new(Sign::Bad, error.text().get(ctx.lang)), None));
    page::render(ctx, &page, status)
}

/// `code`: name and password were right, and a code is asked for.
fn sign_in_form(ctx: &Ctx, form: &Form, code: bool) -> Page {
    let field = |name, key: &str, kind| Field::new(form, ctx.lang, name, ctx.t(key), kind);
    let name = field("administrator", "entrance-name", Kind::Input("text")).required();
    let totp = field("totp", "entrance-code", Kind::Input("text")).help(ctx.t("entrance-code-help"));
    let block = FormBlock {
        action: "/console/sign-in".to_owned(),
        fields: vec![
            field("back", "entrance-name", Kind::Hidden),
            if code { name } else { name.autofocus() },
            field("password", "entrance-password", Kind::Password { new: false }).required(),
            if code { totp.required().autofocus() } else { totp },
        ],
        submit: ctx.t("entrance-sign-in"),
        ..FormBlock::default()
    };
    let page = Page::new(ctx.t("entrance-title")).line(ctx.app.domain()).help("help-sign-in");
    // A database that does not answer is no reason to show no way in.
    let provider = provider::show(&ctx.app).map(|view| view.config).unwrap_or_default();
    if !provider.enabled {
        return page.form(ctx, form, block);
    }
    let href = format!("{START}?{}", encoded(&[("back", form.text("back"))]));
    let page = page.bar(vec![Action::link(href, ctx.tn("entrance-by", "name", provider.name())).primary()]);
    if provider.local_sign_in { page.text(ctx.t("entrance-or")).form(ctx, form, block) } else { page }
}

async fn sign_in(State(app): State<App>, request: Request) -> Response {
    let (visit, posted) = Visit::posted(app, request).await;
    on_a_thread(move || match posted {
        Ok(form) => tried(&visit, form),
        Err(refused) => refused_page(&visit.ctx, refused),
    })
    .await
}

fn tried(visit: &Visit, form: Form) -> Response {
    let ctx = &visit.ctx;
    let password = Password::new(form.raw("password"));
    match visit.sign_in(form.text("administrator"), &password, form.given("totp")) {
        Ok(Some(token)) => signed_in(form.text("back"), &token),
        Ok(None) => {
            let en = "this account has a second factor: type the password again, and the code that the app shows now";
            let ja = "このアカウントは 2 段階認証が有効です。パスワードをもう一度入力し、アプリに表示されているコードを入力してください";
            let form = form.wrong(ControlError::Invalid { field: "totp", text: Text::new(en, ja) });
            page::render(ctx, &sign_in_form(ctx, &form, true), StatusCode::UNAUTHORIZED)
        }
        Err(error) => {
            let status = status_of(&error);
            page::render(ctx, &sign_in_form(ctx, &form.wrong(for_stranger(error)), false), status)
        }
    }
}

async fn set_up_page(State(app): State<App>, request: Request) -> Response {
    let ctx = Ctx::new(app, None, String::new(), request.uri(), request.headers());
    on_a_thread(move || {
        let token = ctx.query("token").unwrap_or_default().to_owned();
        match setup::is_open(&ctx.app, &Token::given(token.as_str()), Timestamp::now()) {
            Ok(true) => page::render(&ctx, &set_up_form(&ctx, &Form::of([("token", token)])), StatusCode::OK),
            Ok(false) => page::render(&ctx, &closed(&ctx), StatusCode::NOT_FOUND),
            Err(error) => page::render(&ctx, &closed(&ctx), status_of(&error)),
        }
    })
    .await
}

fn closed(ctx: &Ctx) -> Page {
    Page::new(ctx.t("entrance-set-up-title")).notice(Sign::Bad, ctx.t("entrance-set-up-closed"))
}

fn set_up_form(ctx: &Ctx, form: &Form) -> Page {
    let field = |name, key: &str, kind| Field::new(form, ctx.lang, name, ctx.t(key), kind);
    let least = ctx.app.settings().borrow().admin.password_chars;
    let block = FormBlock {
        action: "/console/set-up".to_owned(),
        fields: vec![
            field("token", "entrance-name", Kind::Hidden),
            field("name", "entrance-name", Kind::Input("text")).required().autofocus(),
            field("password", "entrance-password", Kind::Password { new: true })
                .help(ctx.tn("entrance-password-help", "least", least))
                .required(),
        ],
        submit: ctx.t("entrance-set-up"),
        ..FormBlock::default()
    };
    let page = Page::new(ctx.t("entrance-set-up-title")).line(ctx.app.domain()).help("help-set-up");
    page.text(ctx.t("entrance-set-up-note")).form(ctx, form, block)
}

async fn set_up(State(app): State<App>, request: Request) -> Response {
    let (visit, posted) = Visit::posted(app, request).await;
    on_a_thread(move || match posted {
        Ok(form) => first_administrator(&visit, form),
        Err(refused) => refused_page(&visit.ctx, refused),
    })
    .await
}

fn first_administrator(visit: &Visit, form: Form) -> Response {
    let ctx = &visit.ctx;
    let password = Password::new(form.raw("password"));
    let (token, name) = (form.text("token").to_owned(), form.text("name").to_owned());
    let first = FirstAdmin { token, name, password: password.clone() };
    match setup::complete(&ctx.app, &first, Timestamp::now()) {
        Ok(admin) => match visit.sign_in(&admin.name, &password, None) {
            Ok(Some(token)) => signed_in(HOME, &token),
            _ => Redirect::to("/console/sign-in").into_response(),
        },
        Err(error) if can_be_mended(&error) => {
            let status = status_of(&error);
            page::render(ctx, &set_up_form(ctx, &form.wrong(error)), status)
        }
        Err(error) => page::render(ctx, &closed(ctx), status_of(&error)),
    }
}

async fn sign_out(State(app): State<App>, request: Request) -> Response {
    let Some(caller) = request.extensions().get::<Caller>().cloned() else {
        return Redirect::to("/console/sign-in").into_response();
    };
    let (visit, posted) = Visit::posted(app, request).await;
    on_a_thread(move || {
        let token = csrf_of(&caller);
        let ours = posted.is_ok_and(|form| !token.is_empty() && same(form.raw("csrf"), &token));
        if !ours {
            return refused_page(&visit.ctx, Refused::Token);
        }
        if let Err(error) = sessions::sign_out(&visit.ctx.app, &caller) {
            tracing::error!(error = %error.text(), "a session could not be ended");
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
        let mut response = Redirect::to("/console/sign-in").into_response();
        set_cookie(response.headers_mut(), &door::no_cookie());
        response
    })
    .await
}

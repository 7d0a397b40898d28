//! One's own account: password, second factor, sessions, API tokens.

use super::administrators::role_word;
use crate::console::blocks::{Action, Block, Cell, FormBlock, Sign, Table};
use crate::console::ctx::{Ctx, Next, can_be_mended};
use crate::console::form::{Field, Form, Kind};
use crate::console::page::Page;
use crate::console::routes::Pages;
use zaiseki_control::ControlError;
use zaiseki_control::access::{Area, Caller, Right};
use zaiseki_control::app::account::{self, Confirmation, Enrolment, OwnPassword, Proof};
use zaiseki_control::app::admins::AdminView;
use zaiseki_control::app::sessions::{self, SessionView};
use zaiseki_control::app::users::Password;
use zaiseki_model::Timestamp;

const READ: Right = Right::read(Area::Own);
const WRITE: Right = Right::write(Area::Own);
pub(super) const HOME: &str = "/console/account";
const FACTOR: &str = "/console/account/second-factor";

pub fn pages() -> Pages {
    Pages::default()
        .page(HOME, READ, show)
        .page("/console/account/password", WRITE, |ctx| Ok(password_page(ctx, &Form::default())))
        .act("/console/account/password", WRITE, set_password)
        .page(FACTOR, WRITE, enrol)
        .act(FACTOR, WRITE, confirm)
        .page("/console/account/second-factor:remove", WRITE, |ctx| Ok(take_off_page(ctx, &Form::default())))
        .act("/console/account/second-factor:remove", WRITE, take_off)
        .act("/console/account/sessions:end", WRITE, end_session)
}

/// Pages are shown to callers only.
pub(super) fn caller(ctx: &Ctx) -> Result<&Caller, ControlError> {
    ctx.caller.as_ref().ok_or(ControlError::Forbidden { right: READ })
}

fn show(ctx: &Ctx) -> Result<Page, ControlError> {
    let caller = caller(ctx)?;
    let own = account::show(&ctx.app, caller)?;
    let sessions = sessions::list(&ctx.app, caller, &own.name)?;
    let page = Page::new(ctx.t("account-title")).line(own.name.clone()).help("help-account").bar(actions(ctx, &own));
    let page = page.facts(facts(ctx, &own)).heading(ctx.t("account-sessions"));
    let page = page.table(sessions_table(ctx, &sessions, "/console/account/sessions:end"));
    super::tokens::add_own(ctx, page)
}

fn actions(ctx: &Ctx, own: &AdminView) -> Vec<Action> {
    let mut actions = vec![Action::link("/console/account/password", ctx.t("account-change-password"))];
    actions.push(Action::link(FACTOR, ctx.t(if own.second_factor { "account-factor-again" } else { "account-factor-set-up" })));
    if own.second_factor {
        actions.push(Action::link("/console/account/second-factor:remove", ctx.t("account-factor-remove")).danger());
    }
    actions.push(Action::link("/console/account/tokens:new", ctx.t("tokens-new")));
    actions
}

/// What is told of an administrator.
pub(super) fn facts(ctx: &Ctx, admin: &AdminView) -> Vec<(String, Cell)> {
    let factor = match admin.second_factor {
        true => Cell::pill(Sign::Good, ctx.tn("account-factor-on", "codes", admin.recovery_codes)),
        false => Cell::pill(Sign::Quiet, ctx.t("account-factor-off")),
    };
    vec![
        (ctx.t("admins-role"), Cell::Text(role_word(ctx, admin.role))),
        (ctx.t("account-factor"), factor),
        (ctx.t("admins-provider"), at_provider(ctx, admin)),
        (ctx.t("admins-made-at"), Cell::Time(admin.created.clone())),
        (ctx.t("admins-signed-in"), admin.signed_in.clone().map_or(Cell::Text(ctx.t("admins-never")), Cell::Time)),
    ]
}

fn at_provider(ctx: &Ctx, admin: &AdminView) -> Cell {
    match &admin.identity {
        None => Cell::Dim(ctx.t("admins-provider-none")),
        Some(identity) if identity.managed => Cell::Text(ctx.tn("admins-provider-managed", "subject", identity.subject.as_str())),
        Some(identity) => Cell::text(&identity.subject),
    }
}

pub(super) fn sessions_table(ctx: &Ctx, sessions: &[SessionView], end: &str) -> Table {
    let row = |session: &SessionView| {
        let last = match session.current {
            true => Cell::pill(Sign::Good, ctx.t("account-this-session")),
            false => Cell::Buttons(vec![Action::post(end, ctx.t("account-end-session")).with("id", &session.id)]),
        };
        vec![
            Cell::Time(session.created.clone()),
            Cell::Time(session.used.clone()),
            Cell::text(&session.address),
            Cell::Dim(session.agent.clone()),
            last,
        ]
    };
    let columns = ["account-since", "account-used", "account-address", "account-browser"];
    Table {
        caption: ctx.t("account-sessions"),
        columns: columns.iter().map(|key| ctx.t(key)).chain([String::new()]).collect(),
        rows: sessions.iter().map(row).collect(),
        empty: ctx.t("account-no-sessions"),
    }
}

fn end_session(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let caller = caller(ctx)?;
    let own = account::show(&ctx.app, caller)?;
    let ended = sessions::revoke(&ctx.app, caller, &own.name, form.text("id"))?;
    Ok(Next::go(HOME, "account-session-ended", ended.address))
}

fn current(ctx: &Ctx, form: &Form) -> Field {
    Field::new(form, ctx.lang, "current", ctx.t("account-current"), Kind::Password { new: false }).required()
}

fn password_page(ctx: &Ctx, form: &Form) -> Page {
    let password = Field::new(form, ctx.lang, "password", ctx.t("account-new-password"), Kind::Password { new: true });
    let least = ctx.app.settings().borrow().admin.password_chars;
    let block = FormBlock {
        action: ctx.path.clone(),
        fields: vec![current(ctx, form).autofocus(), password.help(ctx.tn("entrance-password-help", "least", least)).required()],
        submit: ctx.t("account-change-password"),
        cancel: Some(HOME.to_owned()),
        ..FormBlock::default()
    };
    Page::new(ctx.t("account-change-password")).help("help-account").text(ctx.t("account-password-note")).form(ctx, form, block)
}

fn set_password(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let input = OwnPassword { current: Password::new(form.raw("current")), password: Password::new(form.raw("password")) };
    match account::set_password(&ctx.app, caller(ctx)?, &input) {
        Ok(own) => Ok(Next::go(HOME, "account-password-set", own.name)),
        Err(error) if can_be_mended(&error) => Ok(Next::Again(password_page(ctx, &form.wrong(error)))),
        Err(error) => Err(error),
    }
}

fn enrol(ctx: &Ctx) -> Result<Page, ControlError> {
    let enrolment = account::enrol(&ctx.app, caller(ctx)?)?;
    let form = Form::of([("enrolment", enrolment.enrolment.clone())]);
    Ok(factor_page(ctx, Some(&enrolment), &form))
}

/// The picture can be drawn once only: after a wrong code the app has it already.
fn factor_page(ctx: &Ctx, enrolment: Option<&Enrolment>, form: &Form) -> Page {
    let code = Field::new(form, ctx.lang, "code", ctx.t("entrance-code"), Kind::Input("text"));
    let block = FormBlock {
        action: FACTOR.to_owned(),
        fields: vec![
            Field::new(form, ctx.lang, "enrolment", "", Kind::Hidden),
            code.help(ctx.t("account-code-help")).required(),
            current(ctx, form),
        ],
        submit: ctx.t("account-factor-set-up"),
        cancel: Some(HOME.to_owned()),
        ..FormBlock::default()
    };
    let page = Page::new(ctx.t("account-factor")).help("help-second-factor");
    let Some(enrolment) = enrolment else { return page.form(ctx, form, block) };
    let page = page.text(ctx.t("account-factor-note"));
    let page = match &enrolment.picture {
        Some(svg) => page.block(Block::Picture { svg: svg.clone(), text: ctx.t("account-picture") }),
        None => page,
    };
    page.facts(vec![(ctx.t("account-secret"), Cell::Code(enrolment.secret.clone()))]).form(ctx, form, block)
}

fn confirm(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let input = Confirmation {
        current: Password::new(form.raw("current")),
        enrolment: form.text("enrolment").to_owned(),
        code: form.text("code").to_owned(),
    };
    match account::confirm(&ctx.app, caller(ctx)?, &input, Timestamp::now()) {
        Ok(codes) => {
            let page = Page::new(ctx.t("account-recovery")).notice(Sign::Warning, ctx.t("account-recovery-note"));
            let back = Action::link(HOME, ctx.t("account-recovery-kept")).primary();
            Ok(Next::Show(page.block(Block::Lines(codes.recovery_codes.join("\n"))).bar(vec![back])))
        }
        Err(error) if can_be_mended(&error) => Ok(Next::Again(factor_page(ctx, None, &form.wrong(error)))),
        Err(error) => Err(error),
    }
}

fn take_off_page(ctx: &Ctx, form: &Form) -> Page {
    let block = FormBlock {
        action: ctx.path.clone(),
        fields: vec![current(ctx, form).autofocus()],
        submit: ctx.t("account-factor-remove"),
        cancel: Some(HOME.to_owned()),
        danger: true,
        ..FormBlock::default()
    };
    Page::new(ctx.t("account-factor-remove")).text(ctx.t("account-factor-remove-note")).form(ctx, form, block)
}

fn take_off(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let proof = Proof { current: Password::new(form.raw("current")) };
    match account::remove_second_factor(&ctx.app, caller(ctx)?, &proof) {
        Ok(own) => Ok(Next::go(HOME, "account-factor-removed", own.name)),
        Err(error) if can_be_mended(&error) => Ok(Next::Again(take_off_page(ctx, &form.wrong(error)))),
        Err(error) => Err(error),
    }
}

//! System › Administrators: who may do what here, and who is signed in.

use super::account::{caller, facts, sessions_table};
use crate::console::blocks::{Action, Cell, FormBlock, Sign, Table};
use crate::console::ctx::{Ctx, Next, can_be_mended, part};
use crate::console::form::{Field, Form, Kind};
use crate::console::page::Page;
use crate::console::routes::Pages;
use zaiseki_control::access::{Area, Right, Role};
use zaiseki_control::app::admins::{self, AdminUpdate, AdminView, NewAdmin};
use zaiseki_control::app::sessions;
use zaiseki_control::app::users::Password;
use zaiseki_control::{ControlError, Text};

const READ: Right = Right::read(Area::Admins);
const WRITE: Right = Right::write(Area::Admins);
const LIST: &str = "/console/administrators";
const NEW: &str = "/console/administrators:new";

pub fn pages() -> Pages {
    Pages::default()
        .page(LIST, READ, list)
        .page(NEW, WRITE, |ctx| Ok(new_page(ctx, &Form::of([("role", Role::ReadOnly.as_str().to_owned())]))))
        .act(NEW, WRITE, create)
        .page("/console/administrators/{name}", READ, show)
        .act("/console/administrators/{name}", WRITE, change)
        .page("/console/administrators/{name}/password", WRITE, |ctx| Ok(password_page(ctx, &Form::default())))
        .act("/console/administrators/{name}/password", WRITE, set_password)
        .act("/console/administrators/{name}/sessions:end", WRITE, end_session)
        .act("/console/administrators/{name}/unlink", WRITE, unlink)
        .page("/console/administrators/{name}/remove", WRITE, ask_remove)
        .act("/console/administrators/{name}/remove", WRITE, remove)
}

pub(super) fn href(name: &str) -> String {
    format!("{LIST}/{}", part(name))
}

pub(super) fn role_word(ctx: &Ctx, role: Role) -> String {
    let key = match role {
        Role::Administrator => "admins-role-administrator",
        Role::Operator => "admins-role-operator",
        Role::ReadOnly => "admins-role-read-only",
        Role::Axl => "admins-role-axl",
    };
    ctx.t(key)
}

fn state(ctx: &Ctx, admin: &AdminView) -> (Sign, String) {
    match admin.enabled {
        true => (Sign::Good, ctx.t("users-state-enabled")),
        false => (Sign::Quiet, ctx.t("users-state-disabled")),
    }
}

fn list(ctx: &Ctx) -> Result<Page, ControlError> {
    let row = |admin: &AdminView| {
        let (sign, word) = state(ctx, admin);
        let factor =
            if admin.second_factor { Cell::pill(Sign::Good, ctx.t("admins-yes")) } else { Cell::Dim(ctx.t("admins-no")) };
        vec![
            Cell::link(href(&admin.name), &admin.name),
            Cell::Text(role_word(ctx, admin.role)),
            Cell::pill(sign, word),
            factor,
            admin.signed_in.clone().map_or(Cell::Dim(ctx.t("admins-never")), Cell::Time),
        ]
    };
    let columns = ["admins-name", "admins-role", "users-state", "account-factor", "admins-signed-in"];
    let table = Table {
        caption: ctx.t("nav-administrators"),
        columns: columns.iter().map(|key| ctx.t(key)).collect(),
        rows: admins::list(&ctx.app)?.iter().map(row).collect(),
        empty: ctx.t("admins-empty"),
    };
    let new = ctx.may(WRITE).then(|| Action::link(NEW, ctx.t("admins-new")).primary());
    Ok(Page::new(ctx.t("nav-administrators")).bar(new.into_iter().collect()).table(table))
}

fn role_field(ctx: &Ctx, form: &Form) -> Field {
    let choices = Role::ALL.iter().map(|role| (role.as_str().to_owned(), role_word(ctx, *role))).collect();
    Field::new(form, ctx.lang, "role", ctx.t("admins-role"), Kind::Choice(choices)).help(ctx.t("admins-role-help"))
}

fn role(form: &Form) -> Result<Role, ControlError> {
    let text = || Text::new("choose a role", "役割を選んでください");
    Role::parse(form.text("role")).ok_or_else(|| ControlError::Invalid { field: "role", text: text() })
}

fn password_field(ctx: &Ctx, form: &Form) -> Field {
    let least = ctx.app.settings().borrow().admin.password_chars;
    let field = Field::new(form, ctx.lang, "password", ctx.t("account-new-password"), Kind::Password { new: true });
    field.help(ctx.tn("entrance-password-help", "least", least)).required()
}

fn new_page(ctx: &Ctx, form: &Form) -> Page {
    let name = Field::new(form, ctx.lang, "name", ctx.t("admins-name"), Kind::Input("text")).required().autofocus();
    let block = FormBlock {
        action: NEW.to_owned(),
        fields: vec![name, role_field(ctx, form), password_field(ctx, form)],
        submit: ctx.t("admins-create"),
        cancel: Some(LIST.to_owned()),
        ..FormBlock::default()
    };
    Page::new(ctx.t("admins-new")).form(ctx, form, block)
}

fn create(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let password = Some(Password::new(form.raw("password")));
    let new = role(&form).map(|role| NewAdmin { name: form.text("name").to_owned(), role, password });
    match new.and_then(|new| admins::add(&ctx.app, ctx.actor(), &new)) {
        Ok(admin) => Ok(Next::go(href(&admin.name), "admins-created", admin.name)),
        Err(error) if can_be_mended(&error) => Ok(Next::Again(new_page(ctx, &form.wrong(error)))),
        Err(error) => Err(error),
    }
}

fn show(ctx: &Ctx) -> Result<Page, ControlError> {
    let admin = admins::show(&ctx.app, ctx.param("name"))?;
    let on = if admin.enabled { "on" } else { "" };
    let form = Form::of([("name", admin.name.clone()), ("role", admin.role.as_str().to_owned()), ("enabled", on.to_owned())]);
    page(ctx, &admin, &form)
}

fn page(ctx: &Ctx, admin: &AdminView, form: &Form) -> Result<Page, ControlError> {
    let (sign, word) = state(ctx, admin);
    let page = Page::new(&admin.name).state(sign, word);
    if !ctx.may(WRITE) {
        return Ok(page.facts(facts(ctx, admin)));
    }
    let at = |what: &str| format!("{}/{what}", href(&admin.name));
    let password = Action::link(at("password"), ctx.t("users-set-password"));
    let unlink = admin.identity.as_ref().map(|_| Action::post(at("unlink"), ctx.t("admins-unlink")));
    let remove = Action::link(at("remove"), ctx.t("frame-remove")).danger();
    let name = Field::new(form, ctx.lang, "name", ctx.t("admins-name"), Kind::Input("text")).required();
    let enabled = Field::new(form, ctx.lang, "enabled", ctx.t("users-enabled"), Kind::Tick);
    let block = FormBlock {
        action: href(&admin.name),
        fields: vec![name, role_field(ctx, form), enabled.help(ctx.t("admins-enabled-help"))],
        submit: ctx.t("frame-save"),
        stored: true,
        ..FormBlock::default()
    };
    let signed_in = sessions::list(&ctx.app, caller(ctx)?, &admin.name)?;
    let page = page
        .bar([Some(password), unlink, Some(remove)].into_iter().flatten().collect())
        .facts(facts(ctx, admin))
        .form(ctx, form, block);
    Ok(page.heading(ctx.t("account-sessions")).table(sessions_table(ctx, &signed_in, &at("sessions:end"))))
}

fn change(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let before = admins::show(&ctx.app, ctx.param("name"))?;
    let update = role(&form).map(|role| AdminUpdate {
        name: Some(form.text("name").to_owned()),
        role: Some(role),
        enabled: Some(form.ticked("enabled")),
    });
    match update.and_then(|update| admins::update(&ctx.app, ctx.actor(), &before.name, &update)) {
        Ok(admin) => Ok(Next::go(href(&admin.name), "admins-changed", admin.name)),
        Err(error) if can_be_mended(&error) => Ok(Next::Again(page(ctx, &before, &form.wrong(error))?)),
        Err(error) => Err(error),
    }
}

fn password_page(ctx: &Ctx, form: &Form) -> Page {
    let name = ctx.param("name");
    let block = FormBlock {
        action: ctx.path.clone(),
        fields: vec![password_field(ctx, form).autofocus()],
        submit: ctx.t("users-set-password"),
        cancel: Some(href(name)),
        ..FormBlock::default()
    };
    Page::new(ctx.tn("users-password-title", "name", name)).text(ctx.t("admins-password-note")).form(ctx, form, block)
}

fn set_password(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    match admins::set_password(&ctx.app, ctx.actor(), ctx.param("name"), &Password::new(form.raw("password"))) {
        Ok(admin) => Ok(Next::go(href(&admin.name), "users-password-set", admin.name)),
        Err(error) if can_be_mended(&error) => Ok(Next::Again(password_page(ctx, &form.wrong(error)))),
        Err(error) => Err(error),
    }
}

fn end_session(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let name = ctx.param("name");
    let ended = sessions::revoke(&ctx.app, caller(ctx)?, name, form.text("id"))?;
    Ok(Next::go(href(name), "account-session-ended", ended.address))
}

fn unlink(ctx: &Ctx, _: Form) -> Result<Next, ControlError> {
    let admin = admins::unlink(&ctx.app, ctx.actor(), ctx.param("name"))?;
    Ok(Next::go(href(&admin.name), "admins-unlinked", admin.name))
}

fn ask_remove(ctx: &Ctx) -> Result<Page, ControlError> {
    let admin = admins::show(&ctx.app, ctx.param("name"))?;
    Ok(remove_page(ctx, &admin.name, &Form::default()))
}

fn remove_page(ctx: &Ctx, name: &str, form: &Form) -> Page {
    let block = FormBlock {
        action: ctx.path.clone(),
        submit: ctx.t("frame-remove"),
        cancel: Some(href(name)),
        danger: true,
        ..FormBlock::default()
    };
    Page::new(ctx.tn("users-remove-title", "name", name)).text(ctx.t("admins-remove-note")).form(ctx, form, block)
}

fn remove(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let name = ctx.param("name");
    match admins::remove(&ctx.app, ctx.actor(), name) {
        Ok(admin) => Ok(Next::go(LIST, "admins-removed", admin.name)),
        Err(error) if can_be_mended(&error) => Ok(Next::Again(remove_page(ctx, name, &form.wrong(error)))),
        Err(error) => Err(error),
    }
}

//! API tokens: one's own on the page of one's account, everybody's under System › API tokens.

use super::account::{HOME, caller};
use crate::console::blocks::{Action, Block, Cell, FormBlock, Sign, Table};
use crate::console::ctx::{Ctx, Next, can_be_mended};
use crate::console::form::{Field, Form, Kind};
use crate::console::page::Page;
use crate::console::routes::Pages;
use zaiseki_control::ControlError;
use zaiseki_control::access::{Area, Right};
use zaiseki_control::app::tokens::{self, NewToken, TokenView};
use zaiseki_model::Timestamp;

const ALL: &str = "/console/tokens";
const NEW: &str = "/console/account/tokens:new";

pub fn pages() -> Pages {
    Pages::default()
        .page(ALL, Right::read(Area::Admins), everybody_s)
        .act("/console/tokens/{id}/remove", Right::write(Area::Admins), |ctx, _| remove(ctx, ALL))
        .page(NEW, Right::write(Area::Own), |ctx| Ok(new_page(ctx, &Form::of([("days", "365".to_owned())]))))
        .act(NEW, Right::write(Area::Own), create)
        .act("/console/account/tokens/{id}/remove", Right::write(Area::Own), |ctx, _| remove(ctx, HOME))
}

/// The tokens of whoever looks, below what else stands on the page.
pub(super) fn add_own(ctx: &Ctx, page: Page) -> Result<Page, ControlError> {
    let own = tokens::list(&ctx.app, caller(ctx)?, false)?;
    Ok(page.heading(ctx.t("tokens-title")).table(table(ctx, &own, Some(HOME), false)))
}

fn everybody_s(ctx: &Ctx) -> Result<Page, ControlError> {
    let all = tokens::list(&ctx.app, caller(ctx)?, true)?;
    let place = ctx.may(Right::write(Area::Admins)).then_some("/console");
    let page = Page::new(ctx.t("nav-tokens"));
    let new = Action::link(NEW, ctx.t("tokens-new")).primary();
    Ok(page.bar(vec![new]).table(table(ctx, &all, place, true)))
}

/// `place`: what the addresses of the buttons begin with, if there are any.
fn table(ctx: &Ctx, all: &[TokenView], place: Option<&str>, owners: bool) -> Table {
    let row = |token: &TokenView| {
        let never = || Cell::Dim(ctx.t("admins-never"));
        let remove = |place: &str| Action::post(format!("{place}/tokens/{}/remove", token.id), ctx.t("frame-remove")).danger();
        let scopes = token.scopes.iter().map(Right::to_string).collect::<Vec<_>>().join(" ");
        let mut cells = vec![Cell::text(&token.name)];
        cells.extend(owners.then(|| Cell::link(super::administrators::href(&token.admin), &token.admin)));
        cells.extend([
            Cell::Code(scopes),
            token.expires.clone().map_or_else(never, Cell::Time),
            token.used.clone().map_or_else(never, Cell::Time),
            Cell::Buttons(place.map(remove).into_iter().collect()),
        ]);
        cells
    };
    let mut columns = vec![ctx.t("tokens-name")];
    columns.extend(owners.then(|| ctx.t("tokens-owner")));
    columns.extend(["tokens-scopes", "tokens-expires", "tokens-used"].map(|key| ctx.t(key)));
    columns.push(String::new());
    Table { caption: ctx.t("tokens-title"), columns, rows: all.iter().map(row).collect(), empty: ctx.t("tokens-empty") }
}

fn remove(ctx: &Ctx, back: &'static str) -> Result<Next, ControlError> {
    let token = tokens::remove(&ctx.app, caller(ctx)?, ctx.param("id"))?;
    Ok(Next::go(back, "tokens-removed", token.name))
}

/// The areas of which the caller could give something away, with its field.
fn areas(ctx: &Ctx) -> impl Iterator<Item = (Area, String)> {
    let theirs = Area::ALL.into_iter().filter(|area| ctx.may(Right::read(*area)));
    theirs.map(|area| (area, format!("scope.{}", area.as_str())))
}

fn new_page(ctx: &Ctx, form: &Form) -> Page {
    let name = Field::new(form, ctx.lang, "name", ctx.t("tokens-name"), Kind::Input("text"));
    let days = Field::new(form, ctx.lang, "days", ctx.t("tokens-days"), Kind::Input("number"));
    let mut fields = vec![name.help(ctx.t("tokens-name-help")).required().autofocus(), days.help(ctx.t("tokens-days-help"))];
    for (area, field) in areas(ctx) {
        let mut choices = vec![(String::new(), ctx.t("tokens-scope-none")), ("read".to_owned(), ctx.t("tokens-scope-read"))];
        if ctx.may(Right::write(area)) {
            choices.push(("write".to_owned(), ctx.t("tokens-scope-write")));
        }
        fields.push(Field::new(form, ctx.lang, &field, area_word(ctx, area), Kind::Choice(choices)));
    }
    let block = FormBlock {
        action: NEW.to_owned(),
        fields,
        submit: ctx.t("tokens-create"),
        cancel: Some(HOME.to_owned()),
        ..FormBlock::default()
    };
    Page::new(ctx.t("tokens-new")).help("help-tokens").form(ctx, form, block)
}

fn area_word(ctx: &Ctx, area: Area) -> String {
    let key = match area {
        Area::Own => "tokens-area-own",
        Area::Status => "tokens-area-status",
        Area::Users => "tokens-area-users",
        Area::Directories => "tokens-area-directories",
        Area::Gateways => "tokens-area-gateways",
        Area::Jobs => "tokens-area-jobs",
        Area::Services => "tokens-area-services",
        Area::Settings => "tokens-area-settings",
        Area::Diagnostics => "tokens-area-diagnostics",
        Area::Alarms => "tokens-area-alarms",
        Area::Certificates => "tokens-area-certificates",
        Area::Security => "tokens-area-security",
        Area::Admins => "tokens-area-admins",
        Area::Audit => "tokens-area-audit",
        Area::Backup => "tokens-area-backup",
        Area::Axl => "tokens-area-axl",
    };
    format!("{} ({})", ctx.t(key), area.as_str())
}

fn create(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    match asked(ctx, &form).and_then(|new| tokens::create(&ctx.app, caller(ctx)?, &new, Timestamp::now())) {
        Ok(made) => {
            let page = Page::new(made.token.name).notice(Sign::Warning, ctx.t("tokens-made-note"));
            let back = Action::link(HOME, ctx.t("tokens-kept")).primary();
            Ok(Next::Show(page.block(Block::Lines(made.secret)).text(ctx.t("tokens-use")).bar(vec![back])))
        }
        Err(error) if can_be_mended(&error) => Ok(Next::Again(new_page(ctx, &form.wrong(error)))),
        Err(error) => Err(error),
    }
}

fn asked(ctx: &Ctx, form: &Form) -> Result<NewToken, ControlError> {
    let scope = |(area, field): (Area, String)| match form.text(&field) {
        "read" => Some(Right::read(area)),
        "write" => Some(Right::write(area)),
        _ => None,
    };
    let days = form.given("days").map(|_| form.number("days")).transpose()?;
    Ok(NewToken { name: form.text("name").to_owned(), scopes: areas(ctx).filter_map(scope).collect(), days, admin: None })
}

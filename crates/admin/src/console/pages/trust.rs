//! System › Trusted authorities: whom the node believes as a client.

use super::certificates::{ends, facts};
use crate::console::blocks::{Action, Block, Cell, FormBlock, Table};
use crate::console::ctx::{Ctx, Next, can_be_mended, part};
use crate::console::form::{Field, Form, Kind};
use crate::console::page::Page;
use crate::console::routes::Pages;
use zaiseki_control::ControlError;
use zaiseki_control::access::{Area, Right};
use zaiseki_control::app::trust::{self, TrustView};

const READ: Right = Right::read(Area::Certificates);
const WRITE: Right = Right::write(Area::Certificates);
const LIST: &str = "/console/trust";

pub fn pages() -> Pages {
    Pages::default()
        .page(LIST, READ, list)
        .page("/console/trust:new", WRITE, |ctx| Ok(new_page(ctx, &Form::default())))
        .act("/console/trust:new", WRITE, add)
        .page("/console/trust/{name}", READ, show)
        .page("/console/trust/{name}/remove", WRITE, remove_page)
        .act("/console/trust/{name}/remove", WRITE, remove)
}

fn href(name: &str) -> String {
    format!("{LIST}/{}", part(name))
}

fn list(ctx: &Ctx) -> Result<Page, ControlError> {
    let all = trust::list(&ctx.app)?;
    let row = |one: &TrustView| {
        let (sign, word) = ends(ctx, one.details.days_left);
        vec![
            Cell::link(href(&one.name), &one.name),
            Cell::text(&one.details.subject),
            Cell::Time(one.details.not_after.clone()),
            Cell::pill(sign, word),
        ]
    };
    let columns = ["trust-name", "certs-subject", "certs-not-after", "certs-left"];
    let table = Table {
        caption: ctx.t("nav-trust"),
        columns: columns.iter().map(|key| ctx.t(key)).collect(),
        rows: all.iter().map(row).collect(),
        empty: ctx.t("trust-empty"),
    };
    let new = ctx.may(WRITE).then(|| Action::link(format!("{LIST}:new"), ctx.t("trust-add")).primary());
    let page = Page::new(ctx.t("nav-trust")).bar(new.into_iter().collect()).table(table);
    Ok(page.text(ctx.t("trust-only-web")))
}

fn new_page(ctx: &Ctx, form: &Form) -> Page {
    let name = Field::new(form, ctx.lang, "name", ctx.t("trust-name"), Kind::Input("text")).required();
    let pem =
        Field::new(form, ctx.lang, "certificate", ctx.t("trust-certificate"), Kind::Lines).help(ctx.t("trust-certificate-help"));
    let file = Field::new(form, ctx.lang, "file", ctx.t("trust-file"), Kind::File).help(ctx.t("trust-file-help"));
    let block = FormBlock {
        action: ctx.path.clone(),
        fields: vec![name, pem, file],
        submit: ctx.t("trust-add"),
        cancel: Some(LIST.to_owned()),
        ..FormBlock::default()
    };
    Page::new(ctx.t("trust-add")).form(ctx, form, block)
}

/// What is typed goes before a file.
fn add(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let typed = form.given("certificate").map(|text| text.as_bytes().to_vec());
    let bytes = typed.or_else(|| form.file.clone()).unwrap_or_default();
    match trust::add_bytes(&ctx.app, ctx.actor(), form.text("name"), &bytes) {
        Ok(one) => Ok(Next::go(href(&one.name), "trust-added", one.name)),
        Err(error) if can_be_mended(&error) => Ok(Next::Again(new_page(ctx, &form.wrong(error)))),
        Err(error) => Err(error),
    }
}

fn show(ctx: &Ctx) -> Result<Page, ControlError> {
    let one = trust::show(&ctx.app, ctx.param("name"))?;
    let (sign, word) = ends(ctx, one.details.days_left);
    let remove = ctx.may(WRITE).then(|| Action::link(format!("{}/remove", href(&one.name)), ctx.t("frame-remove")));
    let page = Page::new(&one.name).state(sign, word).bar(remove.into_iter().collect());
    Ok(page.facts(facts(ctx, &one.details)).block(Block::Lines(one.pem)))
}

fn remove_page(ctx: &Ctx) -> Result<Page, ControlError> {
    let one = trust::show(&ctx.app, ctx.param("name"))?;
    let block = FormBlock {
        action: ctx.path.clone(),
        submit: ctx.t("frame-remove"),
        cancel: Some(href(&one.name)),
        danger: true,
        ..FormBlock::default()
    };
    let page = Page::new(ctx.tn("trust-remove-title", "name", one.name.clone()));
    Ok(page.text(ctx.t("trust-remove-text")).form(ctx, &Form::default(), block))
}

fn remove(ctx: &Ctx, _: Form) -> Result<Next, ControlError> {
    let one = trust::remove(&ctx.app, ctx.actor(), ctx.param("name"))?;
    Ok(Next::go(LIST, "trust-removed", one.name))
}

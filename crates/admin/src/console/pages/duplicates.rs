//! People › Duplicates: every user id, mail address and directory URI that several claim, and who is to keep it.

use super::users::href;
use crate::console::blocks::{Action, Block, Card, Cell, Pager, Sign, Table, grouped};
use crate::console::ctx::{Ctx, Next, encoded};
use crate::console::form::Form;
use crate::console::page::Page;
use crate::console::routes::Pages;
use zaiseki_control::access::{Area, Right};
use zaiseki_control::app::duplicates::{self, DuplicateUserId, DuplicateValue, Duplicates, Resolution};
use zaiseki_control::{ControlError, Text};

pub(super) const READ: Right = Right::read(Area::Users);
const WRITE: Right = Right::write(Area::Users);
pub(super) const PATH: &str = "/console/users:duplicates";
/// Duplicates of one page.
const ROWS: usize = 50;

pub fn pages() -> Pages {
    Pages::default().page(PATH, READ, show).act(PATH, WRITE, resolve)
}

/// One value, whatever its kind.
struct Claimed<'a> {
    field: &'static str,
    value: &'a str,
    /// Of a user id.
    directory: Option<&'a str>,
    /// Who claims it, as they are shown, and whether it is a user.
    claimants: &'a [String],
    /// The first has it already.
    assigned: bool,
}

impl<'a> Claimed<'a> {
    fn user_id(found: &'a DuplicateUserId) -> Self {
        let DuplicateUserId { value, directory, places, assigned } = found;
        Claimed { field: "user-id", value, directory: Some(directory), claimants: places, assigned: *assigned }
    }

    fn value(field: &'static str, found: &'a DuplicateValue) -> Self {
        Claimed { field, value: &found.value, directory: None, claimants: &found.users, assigned: false }
    }
}

fn claimed(found: &Duplicates) -> Vec<Claimed<'_>> {
    let ids = found.user_ids.iter().map(Claimed::user_id);
    let mails = found.mails.iter().map(|one| Claimed::value("mail", one));
    ids.chain(mails).chain(found.directory_uris.iter().map(|one| Claimed::value("directory-uri", one))).collect()
}

fn show(ctx: &Ctx) -> Result<Page, ControlError> {
    let found = duplicates::find(&ctx.app)?;
    let all = claimed(&found);
    let from = ctx.query("after").and_then(|after| after.parse().ok()).unwrap_or(0).min(all.len());
    let to = (from + ROWS).min(all.len());
    let page = Page::new(ctx.t("nav-duplicates"));
    let page = match all.len() {
        0 => page.state(Sign::Good, ctx.t("duplicates-none-word")),
        _ => page.state(Sign::Warning, ctx.t("duplicates-some-word")),
    };
    let columns = ["duplicates-field", "duplicates-value", "duplicates-claimants"];
    let table = Table {
        caption: ctx.t("nav-duplicates"),
        columns: columns.iter().map(|key| ctx.t(key)).chain([String::new()]).collect(),
        rows: all[from..to].iter().flat_map(|one| rows(ctx, one)).collect(),
        empty: ctx.t("duplicates-none"),
    };
    let next = (to < all.len()).then(|| format!("{PATH}?{}", encoded(&[("after", &to.to_string())])));
    let total = ctx.tn("duplicates-total", "number", grouped(all.len() as u64));
    let pager = Pager { total, first: (from > 0).then(|| PATH.to_owned()), previous: None, next };
    Ok(page.cards(cards(ctx, &found)).table(table).block(Block::Pager(pager)))
}

fn cards(ctx: &Ctx, found: &Duplicates) -> Vec<Card> {
    let card = |field: &str, number: usize| Card::new(word(ctx, field), grouped(number as u64));
    vec![
        card("user-id", found.user_ids.len()),
        card("mail", found.mails.len()),
        card("directory-uri", found.directory_uris.len()),
    ]
}

fn word(ctx: &Ctx, field: &str) -> String {
    ctx.t(match field {
        "user-id" => "duplicates-user-id",
        "mail" => "duplicates-mail",
        _ => "duplicates-uri",
    })
}

/// One row for each who claims the value.
fn rows(ctx: &Ctx, one: &Claimed<'_>) -> Vec<Vec<Cell>> {
    let row = |(index, who): (usize, &String)| {
        let head = match index {
            0 => [Cell::Text(word(ctx, one.field)), Cell::Code(one.value.to_owned())],
            _ => [Cell::Empty, Cell::Empty],
        };
        let who_cell = match one.directory {
            Some(_) => Cell::Code(who.clone()),
            None => Cell::link(href(who), who),
        };
        let keep = if ctx.may(WRITE) { Cell::Buttons(vec![keep(ctx, one, who, index == 0)]) } else { Cell::Empty };
        head.into_iter().chain([who_cell, keep]).collect()
    };
    one.claimants.iter().enumerate().map(row).collect()
}

fn keep(ctx: &Ctx, one: &Claimed<'_>, who: &str, first: bool) -> Action {
    let text = if one.assigned && first { "duplicates-keep-now" } else { "duplicates-keep" };
    let action = Action::post(PATH, ctx.tn(text, "who", who)).with("field", one.field).with("value", one.value);
    action.with("directory", one.directory.unwrap_or_default()).with("keep", who)
}

fn resolve(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let (value, keep) = (form.text("value").to_owned(), form.text("keep").to_owned());
    let resolution = match form.text("field") {
        "user-id" => Resolution::UserId { directory: form.text("directory").to_owned(), value: value.clone(), keep },
        "mail" => Resolution::Mail { value: value.clone(), keep },
        "directory-uri" => Resolution::DirectoryUri { value: value.clone(), keep },
        _ => {
            let text = Text::new("must be user-id, mail or directory-uri", "user-id、mail、directory-uri のいずれかです");
            return Err(ControlError::Invalid { field: "field", text });
        }
    };
    duplicates::resolve(&ctx.app, ctx.actor(), &resolution)?;
    let key = if form.text("field") == "user-id" { "duplicates-resolved-entry" } else { "duplicates-resolved" };
    Ok(Next::go(PATH, key, value))
}

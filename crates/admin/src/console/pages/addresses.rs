//! People › Address scheme: by user id or by directory URI, with a look at what a switch would do.

use crate::console::blocks::{Action, Cell, FormBlock, Sign, Table, grouped};
use crate::console::ctx::{Ctx, Next, can_be_mended};
use crate::console::form::{Field, Form, Kind};
use crate::console::page::Page;
use crate::console::routes::Pages;
use zaiseki_control::ControlError;
use zaiseki_control::access::{Area, Right};
use zaiseki_control::app::addresses::{self, AddressFault, AddressProblem, AddressView, Scheme, SchemeInput};

const PATH: &str = "/console/address-scheme";
/// Reads everybody: a page of its own.
const PREVIEW: &str = "/console/address-scheme/preview";
const READ: Right = Right::read(Area::Settings);
const WRITE: Right = Right::write(Area::Settings);
/// Users of the table; the API and the command line tell more.
const ROWS: usize = 100;

pub fn pages() -> Pages {
    let preview = |ctx: &Ctx| Ok(preview(ctx, &addresses::show(&ctx.app)?, &Form::default()));
    Pages::default().page(PATH, READ, show).page(PREVIEW, READ, preview).act(PREVIEW, WRITE, switch)
}

fn show(ctx: &Ctx) -> Result<Page, ControlError> {
    let scheme = addresses::scheme(&ctx.app)?;
    let look = Action::link(PREVIEW, ctx.t("addresses-look"));
    Ok(head(ctx, scheme, ctx.app.domain()).bar(vec![look]))
}

fn head(ctx: &Ctx, scheme: Scheme, domain: &str) -> Page {
    Page::new(ctx.t("nav-addresses"))
        .facts(vec![(ctx.t("addresses-scheme"), Cell::text(word(ctx, scheme))), (ctx.t("addresses-domain"), Cell::text(domain))])
}

fn word(ctx: &Ctx, scheme: Scheme) -> String {
    ctx.t(match scheme {
        Scheme::UserId => "addresses-user-id",
        Scheme::DirectoryUri => "addresses-directory-uri",
    })
}

fn preview(ctx: &Ctx, view: &AddressView, form: &Form) -> Page {
    let preview = &view.preview;
    let page = head(ctx, view.scheme, &view.domain);
    let page = page.heading(ctx.tn("addresses-preview", "scheme", word(ctx, preview.scheme))).facts(vec![
        (ctx.t("addresses-users"), Cell::text(grouped(preview.users))),
        (ctx.t("addresses-changed"), Cell::text(grouped(preview.changed))),
        (ctx.t("addresses-in-the-way"), Cell::text(grouped(preview.in_the_way))),
    ]);
    let page = match preview.in_the_way {
        0 => page,
        _ => page.notice(Sign::Warning, ctx.t("addresses-in-the-way-note")).table(problems(ctx, &preview.problems)),
    };
    if !ctx.may(WRITE) {
        return page;
    }
    let accept = Field::new(form, ctx.lang, "accept", ctx.t("addresses-accept"), Kind::Tick).help(ctx.t("addresses-accept-help"));
    let block = FormBlock {
        action: PREVIEW.to_owned(),
        fields: if preview.in_the_way > 0 { vec![accept] } else { Vec::new() },
        submit: ctx.tn("addresses-switch", "scheme", word(ctx, preview.scheme)),
        danger: true,
        ..FormBlock::default()
    };
    page.text(ctx.t("addresses-note")).form(ctx, form, block)
}

fn problems(ctx: &Ctx, problems: &[AddressProblem]) -> Table {
    let row = |problem: &AddressProblem| {
        let user = Cell::link(super::users::href(&problem.user), &problem.user);
        vec![user, Cell::text(fault(ctx, problem.fault)), Cell::text(&problem.directory_uri)]
    };
    let columns = ["users-name", "addresses-fault", "live-directory-uri"];
    Table {
        caption: ctx.t("addresses-in-the-way"),
        columns: columns.iter().map(|key| ctx.t(key)).collect(),
        rows: problems.iter().take(ROWS).map(row).collect(),
        empty: String::new(),
    }
}

fn fault(ctx: &Ctx, fault: AddressFault) -> String {
    ctx.t(match fault {
        AddressFault::NoUri => "addresses-fault-no-uri",
        AddressFault::OtherDomain => "addresses-fault-other-domain",
        AddressFault::Malformed => "addresses-fault-malformed",
        AddressFault::Shared => "addresses-fault-shared",
        AddressFault::Taken => "addresses-fault-taken",
    })
}

fn switch(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let Some(caller) = &ctx.caller else { return Err(ControlError::Forbidden { right: WRITE }) };
    let view = addresses::show(&ctx.app)?;
    let input = SchemeInput { scheme: view.preview.scheme, accept: form.ticked("accept") };
    match addresses::switch(&ctx.app, caller, input) {
        Ok(job) => Ok(Next::go(super::jobs::href(&job.id), "addresses-begun", job.id)),
        Err(error) if can_be_mended(&error) => Ok(Next::Again(preview(ctx, &view, &form.wrong(error)))),
        Err(error) => Err(error),
    }
}

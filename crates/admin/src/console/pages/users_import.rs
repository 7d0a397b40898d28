//! People › Users › Import: many users from a CSV file, with a report.

use super::users::LIST;
use crate::console::blocks::{Card, Cell, FormBlock, Sign, Table, grouped};
use crate::console::ctx::{Ctx, Next};
use crate::console::form::{Field, Form, Kind};
use crate::console::page::Page;
use crate::console::routes::Pages;
use zaiseki_control::access::{Area, Right};
use zaiseki_control::app::import::{self, ImportReport, RowProblem};
use zaiseki_control::{ControlError, Text};

const PATH: &str = "/console/users:import";
const WRITE: Right = Right::write(Area::Users);

pub fn pages() -> Pages {
    Pages::default().page(PATH, WRITE, |ctx| Ok(page(ctx, &Form::default()))).act(PATH, WRITE, read)
}

fn page(ctx: &Ctx, form: &Form) -> Page {
    let file = Field::new(form, ctx.lang, "file", ctx.t("import-file"), Kind::File);
    let block = FormBlock {
        action: PATH.to_owned(),
        fields: vec![file.help(ctx.t("import-file-help")).required()],
        submit: ctx.t("import-start"),
        cancel: Some(LIST.to_owned()),
        ..FormBlock::default()
    };
    Page::new(ctx.t("import-title")).help("help-import").form(ctx, form, block)
}

fn read(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let Some(file) = form.file.as_deref().filter(|file| !file.is_empty()) else {
        let text = Text::new("choose a file that is not empty", "空でないファイルを選んでください");
        return Ok(Next::Again(page(ctx, &form.wrong(ControlError::Invalid { field: "file", text }))));
    };
    Ok(Next::Show(report(ctx, &import::import(&ctx.app, ctx.actor(), file)?)))
}

fn report(ctx: &Ctx, report: &ImportReport) -> Page {
    let card = |key: &str, number: usize| Card::new(ctx.t(key), grouped(number as u64));
    let page = page(ctx, &Form::default());
    let page = match (&report.stopped, report.failed) {
        (Some(_), _) => page.state(Sign::Bad, ctx.t("import-stopped")),
        (None, 0) => page.state(Sign::Good, ctx.t("import-done")),
        (None, _) => page.state(Sign::Warning, ctx.t("import-partly")),
    };
    let page = match &report.stopped {
        Some(why) => page.notice(Sign::Bad, why.get(ctx.lang)),
        None => page,
    };
    let cards =
        vec![card("import-rows", report.rows), card("import-created", report.created), card("import-failed", report.failed)];
    page.cards(cards).table(problems(ctx, report))
}

fn problems(ctx: &Ctx, report: &ImportReport) -> Table {
    let row = |problem: &RowProblem| {
        vec![
            Cell::text(problem.line.to_string()),
            Cell::text(problem.column.clone().unwrap_or_default()),
            Cell::text(problem.user.clone().unwrap_or_default()),
            Cell::text(problem.reason.get(ctx.lang)),
        ]
    };
    let columns = ["import-line", "import-column", "users-name", "import-reason"];
    Table {
        caption: ctx.t("import-problems"),
        columns: columns.iter().map(|key| ctx.t(key)).collect(),
        rows: report.problems.iter().map(row).collect(),
        empty: ctx.t("import-no-problems"),
    }
}

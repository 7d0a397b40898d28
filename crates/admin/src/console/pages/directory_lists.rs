//! People › Directories: what a dry run found, the problems of entries, what is left over and what is left out.

use super::directories::{READ, WRITE, counts, href, notices, progress};
use crate::console::blocks::{Action as Button, Block, Cell, Pager, Search, Sign, Table, grouped};
use crate::console::ctx::{Ctx, Next, encoded};
use crate::console::form::{Field, Form, Kind};
use crate::console::page::Page;
use crate::console::routes::Pages;
use serde_json::Value;
use zaiseki_control::ControlError;
use zaiseki_control::app::directory_runs::{self, PreviewPage, PreviewQuery};
use zaiseki_control::app::leftovers::{self, Leftover, LeftoverKind};
use zaiseki_control::app::{directories, duplicates};
use zaiseki_control::directory::plan::{Action, ProblemCode};
use zaiseki_control::directory::report::{DiffLine, ProblemView};

/// Lines of one page.
const ROWS: usize = 100;

pub(super) fn pages() -> Pages {
    Pages::default()
        .page("/console/directories/{name}/preview", READ, preview)
        .page("/console/directories/{name}/problems", READ, problems)
        .page("/console/directories/{name}/leftovers", READ, leftovers)
        .page("/console/directories/{name}/left-out", READ, left_out)
        .act("/console/directories/{name}/left-out", WRITE, take_again)
}

/// Value in the query, and the key of its word.
const ACTIONS: [(Action, &str, &str); 7] = [
    (Action::Create, "create", "directories-action-create"),
    (Action::Update, "update", "directories-action-update"),
    (Action::Rename, "rename", "directories-action-rename"),
    (Action::Adopt, "adopt", "directories-action-adopt"),
    (Action::Missing, "missing", "directories-action-missing"),
    (Action::Return, "return", "directories-action-return"),
    (Action::Remove, "remove", "directories-action-remove"),
];

fn preview(ctx: &Ctx) -> Result<Page, ControlError> {
    let (name, chosen) = (ctx.param("name"), ctx.query("action"));
    let action = ACTIONS.iter().find(|(_, value, _)| chosen == Some(value)).map(|(action, ..)| *action);
    let after = ctx.query("after").and_then(|after| after.parse().ok());
    let found = directory_runs::preview(&ctx.app, name, &PreviewQuery { action, after, limit: Some(ROWS) })?;
    let page = Page::new(ctx.tn("directories-preview-title", "name", name)).help("help-directory-preview");
    let page = page.bar(vec![Button::link(href(name), ctx.t("directories-back"))]);
    if let Some(running) = &found.running {
        return Ok(page.refresh(1).state(Sign::Good, ctx.t("directories-state-running")).text(progress(ctx, running)));
    }
    let Some(report) = &found.report else { return Ok(again(ctx, page.text(ctx.t("directories-preview-none")))) };
    let page = notices(ctx, page.line(ctx.t("directories-preview-nothing-changed")), report);
    if report.error.is_some() {
        return Ok(again(ctx, page));
    }
    let page = page.facts(counts(ctx, report)).search(choice(ctx)).table(difference(ctx, &found));
    let page = page.block(Block::Pager(pager(ctx, &found)));
    let page = if found.renamed.is_empty() { page } else { titled(ctx, page, "directories-renamed", &found.renamed) };
    let page = if found.problems.is_empty() { page } else { titled(ctx, page, "directories-problems", &found.problems) };
    Ok(again(ctx, page))
}

fn titled(ctx: &Ctx, page: Page, key: &str, problems: &[ProblemView]) -> Page {
    page.heading(ctx.t(key)).table(problem_table(ctx, problems))
}

/// The button for another dry run, for those who may.
fn again(ctx: &Ctx, page: Page) -> Page {
    if !ctx.may(WRITE) {
        return page;
    }
    let at = format!("{}/sync", href(ctx.param("name")));
    page.bar(vec![
        Button::post(at.clone(), ctx.t("directories-dry-run")).with("dry_run", "true"),
        Button::post(at, ctx.t("directories-sync")).primary(),
    ])
}

fn choice(ctx: &Ctx) -> Search {
    let now = Form::of(ctx.queries().iter().map(|(name, value)| (name.as_str(), value.clone())));
    let all = std::iter::once((String::new(), ctx.t("directories-action-all")));
    let choices = all.chain(ACTIONS.iter().map(|(_, value, key)| ((*value).to_owned(), ctx.t(key)))).collect();
    let field = Field::new(&now, ctx.lang, "action", ctx.t("directories-action"), Kind::Choice(choices));
    Search { action: ctx.path.clone(), fields: vec![field], submit: ctx.t("frame-search") }
}

fn difference(ctx: &Ctx, found: &PreviewPage) -> Table {
    let columns = ["directories-action", "directories-user", "directories-field", "directories-before", "directories-after"];
    Table {
        caption: ctx.t("directories-preview"),
        columns: columns.iter().map(|key| ctx.t(key)).collect(),
        rows: found.lines.iter().flat_map(|line| rows(ctx, line)).collect(),
        empty: ctx.t("directories-preview-empty"),
    }
}

/// One row for each field that changes, at least one.
fn rows(ctx: &Ctx, line: &DiffLine) -> Vec<Vec<Cell>> {
    let word = ACTIONS.iter().find(|(action, ..)| *action == line.action).map_or("directories-action-update", |(.., key)| key);
    let sign = match line.action {
        Action::Create | Action::Update | Action::Rename | Action::Adopt | Action::Return => Sign::Good,
        Action::Missing => Sign::Warning,
        Action::Remove => Sign::Bad,
    };
    let head = || [Cell::pill(sign, ctx.t(word)), Cell::text(&line.user)];
    if line.fields.is_empty() {
        return vec![head().into_iter().chain([Cell::Empty, Cell::Empty, Cell::Empty]).collect()];
    }
    let row = |(index, field): (usize, &zaiseki_control::directory::report::FieldChange)| {
        let head = if index == 0 { head() } else { [Cell::Empty, Cell::Empty] };
        let change = [Cell::Code(field.field.clone()), value(ctx, &field.before), value(ctx, &field.after)];
        head.into_iter().chain(change).collect()
    };
    line.fields.iter().enumerate().map(row).collect()
}

fn value(ctx: &Ctx, value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Dim("∅".to_owned()),
        Value::Bool(true) => Cell::Text(ctx.t("directories-yes")),
        Value::Bool(false) => Cell::Text(ctx.t("directories-no")),
        Value::String(text) => Cell::text(text),
        other => Cell::Code(other.to_string()),
    }
}

fn pager(ctx: &Ctx, found: &PreviewPage) -> Pager {
    let at = |after: Option<usize>| {
        let after = after.map(|after| after.to_string());
        let pairs: Vec<(&str, &str)> = [("action", ctx.query("action")), ("after", after.as_deref())]
            .into_iter()
            .filter_map(|(k, v)| Some((k, v?)))
            .collect();
        format!("{}?{}", ctx.path, encoded(&pairs))
    };
    Pager {
        total: ctx.tn("directories-users-number", "number", grouped(found.total as u64)),
        first: ctx.query("after").map(|_| at(None)),
        previous: None,
        next: found.next.map(|next| at(Some(next))),
    }
}

/// The rows of this page of a list that is there as a whole, and its pager.
fn slice<'a, T>(ctx: &Ctx, all: &'a [T], total: &str) -> (&'a [T], Pager) {
    let from = ctx.query("after").and_then(|after| after.parse().ok()).unwrap_or(0).min(all.len());
    let to = (from + ROWS).min(all.len());
    let next = (to < all.len()).then(|| format!("{}?{}", ctx.path, encoded(&[("after", &to.to_string())])));
    let total = ctx.tn(total, "number", grouped(all.len() as u64));
    (&all[from..to], Pager { total, first: (from > 0).then(|| ctx.path.clone()), previous: None, next })
}

fn problems(ctx: &Ctx) -> Result<Page, ControlError> {
    let name = ctx.param("name");
    let all = directories::problems(&ctx.app, name)?;
    let (shown, pager) = slice(ctx, &all, "directories-problems-number");
    let page = Page::new(ctx.tn("directories-problems-title", "name", name)).help("help-directory-problems");
    let mut ways = vec![Button::link(href(name), ctx.t("directories-back"))];
    if all.iter().any(|problem| problem.code == ProblemCode::Duplicate) && ctx.may(super::duplicates::READ) {
        ways.push(Button::link(super::duplicates::PATH, ctx.t("nav-duplicates")));
    }
    Ok(page.bar(ways).table(problem_table(ctx, shown)).block(Block::Pager(pager)))
}

fn problem_table(ctx: &Ctx, problems: &[ProblemView]) -> Table {
    let word = |code: ProblemCode| match code {
        ProblemCode::Duplicate => "directories-problem-duplicate",
        ProblemCode::Taken => "directories-problem-taken",
        ProblemCode::Renamed => "directories-problem-renamed",
        ProblemCode::Mail => "directories-problem-mail",
        ProblemCode::DirectoryUri => "directories-problem-uri",
        ProblemCode::Address => "directories-problem-address",
        ProblemCode::Entry => "directories-problem-entry",
    };
    let row = |problem: &ProblemView| {
        vec![
            Cell::pill(Sign::Warning, ctx.t(word(problem.code))),
            Cell::text(&problem.user),
            Cell::Code(problem.place.clone()),
            Cell::text(problem.text.get(ctx.lang)),
        ]
    };
    let columns = ["directories-problem", "directories-user", "directories-entry", "directories-seen"];
    Table {
        caption: ctx.t("directories-problems"),
        columns: columns.iter().map(|key| ctx.t(key)).collect(),
        rows: problems.iter().map(row).collect(),
        empty: ctx.t("directories-problems-none"),
    }
}

fn leftovers(ctx: &Ctx) -> Result<Page, ControlError> {
    let name = ctx.param("name");
    let all = leftovers::list(&ctx.app, name)?;
    let (shown, pager) = slice(ctx, &all, "directories-leftovers-number");
    let columns =
        ["directories-leftover", "directories-user", "directories-entry", "directories-gone-since", "directories-removal"];
    let mut columns: Vec<String> = columns.iter().map(|key| ctx.t(key)).collect();
    columns.push(ctx.t("directories-todo"));
    let table = Table {
        caption: ctx.t("directories-leftovers"),
        columns,
        rows: shown.iter().map(|leftover| leftover_row(ctx, leftover)).collect(),
        empty: ctx.t("directories-leftovers-none"),
    };
    let page = Page::new(ctx.tn("directories-leftovers-title", "name", name)).help("help-directory-leftovers");
    let page = page.bar(vec![Button::link(href(name), ctx.t("directories-back"))]).table(table);
    Ok(page.block(Block::Pager(pager)))
}

fn leftover_row(ctx: &Ctx, leftover: &Leftover) -> Vec<Cell> {
    let (sign, key) = match leftover.kind {
        LeftoverKind::Gone => (Sign::Warning, "directories-leftover-gone"),
        LeftoverKind::Elsewhere => (Sign::Quiet, "directories-leftover-elsewhere"),
        LeftoverKind::BuiltIn => (Sign::Quiet, "directories-leftover-built-in"),
    };
    let time = |at: &Option<String>| at.clone().map_or(Cell::Empty, Cell::Time);
    vec![
        Cell::pill(sign, ctx.t(key)),
        Cell::link(super::users::href(&leftover.user), &leftover.user),
        Cell::Code(leftover.place.clone()),
        time(&leftover.since),
        time(&leftover.removal),
        Cell::text(leftover.advice.get(ctx.lang)),
    ]
}

fn left_out(ctx: &Ctx) -> Result<Page, ControlError> {
    let name = ctx.param("name");
    let all = duplicates::left_out(&ctx.app, name)?;
    let (shown, pager) = slice(ctx, &all, "directories-left-out-number");
    let row = |place: &String| {
        let take = Button::post(ctx.path.clone(), ctx.t("directories-take")).with("place", place.clone());
        let todo = if ctx.may(WRITE) { Cell::Buttons(vec![take]) } else { Cell::Empty };
        vec![Cell::Code(place.clone()), todo]
    };
    let table = Table {
        caption: ctx.t("directories-left-out"),
        columns: vec![ctx.t("directories-entry"), ctx.t("directories-todo")],
        rows: shown.iter().map(row).collect(),
        empty: ctx.t("directories-left-out-none"),
    };
    let page = Page::new(ctx.tn("directories-left-out-title", "name", name)).help("help-directory-left-out");
    let page = page.bar(vec![Button::link(href(name), ctx.t("directories-back"))]).table(table);
    Ok(page.block(Block::Pager(pager)))
}

fn take_again(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    duplicates::take_again(&ctx.app, ctx.actor(), ctx.param("name"), form.text("place"))?;
    Ok(Next::go(ctx.path.clone(), "directories-taken", form.text("place")))
}

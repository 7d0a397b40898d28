//! People › Directories: where users come from besides the built-in directory, how that goes, and what to do about it.

use super::{directory_form, directory_lists, services};
use crate::console::blocks::{Action, Card, Cell, FormBlock, Sign, Table, grouped};
use crate::console::ctx::{Ctx, Next, encoded, part};
use crate::console::form::Form;
use crate::console::page::Page;
use crate::console::routes::Pages;
use tokio::runtime::Handle;
use zaiseki_control::ControlError;
use zaiseki_control::access::{Area, Right};
use zaiseki_control::app::directories::{self, DirectoryChange, DirectoryFinding, DirectoryView};
use zaiseki_control::app::directory_runs;
use zaiseki_control::directory::report::SyncReport;
use zaiseki_control::directory::state::Running;
use zaiseki_control::services::Service;

pub(super) const READ: Right = Right::read(Area::Directories);
pub(super) const WRITE: Right = Right::write(Area::Directories);
pub(super) const LIST: &str = "/console/directories";

pub fn pages() -> Pages {
    directory_form::pages()
        .merge(directory_lists::pages())
        .page(LIST, READ, list)
        .page("/console/directories/{name}", READ, show)
        .act("/console/directories/{name}/sync", WRITE, sync)
        .page("/console/directories/{name}/test", WRITE, |ctx| Ok(test_page(ctx)))
        .act("/console/directories/{name}/test", WRITE, test)
        .act("/console/directories/{name}/enabled", WRITE, set_enabled)
        .page("/console/directories/{name}/remove", WRITE, ask_remove)
        .act("/console/directories/{name}/remove", WRITE, remove)
}

pub(super) fn href(name: &str) -> String {
    format!("{LIST}/{}", part(name))
}

/// How a directory is: sign and word.
fn state(ctx: &Ctx, directory: &DirectoryView) -> (Sign, String) {
    let (sign, key) = match &directory.last {
        _ if directory.running.is_some() => (Sign::Good, "directories-state-running"),
        Some(last) if last.error.is_some() => (Sign::Bad, "directories-state-failed"),
        Some(last) if last.hold.is_some() || last.problems > 0 => (Sign::Warning, "directories-state-attention"),
        _ if !directory.enabled => (Sign::Quiet, "directories-state-off"),
        Some(_) => (Sign::Good, "directories-state-good"),
        None => (Sign::Quiet, "directories-state-waiting"),
    };
    (sign, ctx.t(key))
}

fn list(ctx: &Ctx) -> Result<Page, ControlError> {
    let all = directories::list(&ctx.app)?;
    let mut actions = Vec::new();
    if ctx.may(WRITE) {
        actions.push(Action::link("/console/directories:ldap", ctx.t("directories-new-ldap")).primary());
        actions.push(Action::link("/console/directories:active-directory", ctx.t("directories-new-ad")).primary());
        actions.push(Action::link("/console/directories:unified-cm", ctx.t("directories-new-cm")).primary());
    }
    let columns = [
        "directories-name",
        "directories-kind",
        "directories-state",
        "directories-users",
        "directories-gone",
        "directories-last",
        "directories-next",
        "directories-seen",
    ];
    let table = Table {
        caption: ctx.t("nav-directories"),
        columns: columns.iter().map(|key| ctx.t(key)).collect(),
        rows: all.iter().map(|directory| row(ctx, directory)).collect(),
        empty: ctx.t("directories-empty"),
    };
    let page = Page::new(ctx.t("nav-directories")).refresh(5);
    Ok(services::unless_running(ctx, page, Service::SyncAgent)?.bar(actions).table(table))
}

fn row(ctx: &Ctx, directory: &DirectoryView) -> Vec<Cell> {
    let (sign, word) = state(ctx, directory);
    vec![
        Cell::link(href(&directory.name), &directory.name),
        Cell::Text(directory_form::kind(ctx, directory)),
        Cell::pill(sign, word),
        Cell::number(directory.users),
        Cell::number(directory.gone),
        directory.last.as_ref().map_or(Cell::Empty, |last| Cell::Time(last.ended.clone())),
        directory.next.clone().map_or(Cell::Empty, Cell::Time),
        found(ctx, directory),
    ]
}

/// What needs attention, and where it is mended.
fn found(ctx: &Ctx, directory: &DirectoryView) -> Cell {
    if let Some(running) = &directory.running {
        return Cell::Text(progress(ctx, running));
    }
    let Some(last) = &directory.last else { return Cell::Empty };
    if let Some(error) = &last.error {
        let (seen, todo) = (error.get(ctx.lang).to_owned(), ctx.t("directories-test"));
        return Cell::Finding { seen, todo, href: Some(format!("{}/test", href(&directory.name))) };
    }
    match last.problems {
        0 => Cell::Empty,
        many => Cell::link(
            format!("{}/problems", href(&directory.name)),
            ctx.tn("directories-problems-number", "number", grouped(many as u64)),
        ),
    }
}

/// How far a synchronisation is.
pub(super) fn progress(ctx: &Ctx, running: &Running) -> String {
    let number = |number: usize| grouped(number as u64).into();
    if running.steps == 0 {
        return ctx.tn("directories-reading", "number", grouped(running.read as u64));
    }
    ctx.tns("directories-applying", &[("done", number(running.applied)), ("all", number(running.steps))])
}

fn show(ctx: &Ctx) -> Result<Page, ControlError> {
    let directory = directories::show(&ctx.app, ctx.param("name"))?;
    let (sign, word) = state(ctx, &directory);
    let line = format!("{} · {}", directory_form::kind(ctx, &directory), directory_form::servers(&directory.config).join(", "));
    let page = Page::new(&directory.name).line(line).help("help-directory").state(sign, word);
    let page = services::unless_running(ctx, page, Service::SyncAgent)?;
    let page = page.refresh(if directory.running.is_some() { 1 } else { 10 }).bar(actions(ctx, &directory));
    let page = match &directory.running {
        Some(running) => page.notice(Sign::Good, progress(ctx, running)),
        None => page,
    };
    let page = match &directory.last {
        Some(last) => notices(ctx, page, last),
        None => page.text(ctx.t("directories-never")),
    };
    Ok(page.cards(cards(ctx, &directory)).facts(facts(ctx, &directory)).bar(lists(ctx, &directory)))
}

/// What the last synchronisation says that somebody should read.
pub(super) fn notices(ctx: &Ctx, page: Page, last: &SyncReport) -> Page {
    let texts = [(Sign::Bad, &last.error), (Sign::Warning, &last.hold)];
    texts.into_iter().fold(page, |page, (sign, text)| match text {
        Some(text) => page.notice(sign, text.get(ctx.lang)),
        None => page,
    })
}

fn actions(ctx: &Ctx, directory: &DirectoryView) -> Vec<Action> {
    if !ctx.may(WRITE) {
        return Vec::new();
    }
    let at = |what: &str| format!("{}/{what}", href(&directory.name));
    let mut actions = Vec::new();
    if directory.running.is_none() {
        actions.push(Action::post(at("sync"), ctx.t("directories-sync")).primary());
        actions.push(Action::post(at("sync"), ctx.t("directories-dry-run")).with("dry_run", "true"));
    }
    actions.push(Action::link(at("test"), ctx.t("directories-test")));
    actions.push(Action::link(at("edit"), ctx.t("frame-edit")));
    actions.push(match directory.enabled {
        true => Action::post(at("enabled"), ctx.t("directories-disable")).with("enabled", "false"),
        false => Action::post(at("enabled"), ctx.t("directories-enable")).with("enabled", "true"),
    });
    actions.push(Action::link(at("remove"), ctx.t("frame-remove")).danger());
    actions
}

fn lists(ctx: &Ctx, directory: &DirectoryView) -> Vec<Action> {
    let at = |what: &str| format!("{}/{what}", href(&directory.name));
    let users = format!("{}?{}", super::users::LIST, encoded(&[("directory", directory.name.as_str())]));
    vec![
        Action::link(users, ctx.t("directories-its-users")),
        Action::link(at("preview"), ctx.t("directories-preview")),
        Action::link(at("problems"), ctx.t("directories-problems")),
        Action::link(at("leftovers"), ctx.t("directories-leftovers")),
        Action::link(at("left-out"), ctx.t("directories-left-out")),
    ]
}

fn cards(ctx: &Ctx, directory: &DirectoryView) -> Vec<Card> {
    let at = |what: &str| format!("{}/{what}", href(&directory.name));
    let last = directory.last_good.clone().unwrap_or_default();
    let card = |key: &str, number: u64, note: &str| Card::new(ctx.t(key), grouped(number)).note(ctx.t(note));
    vec![
        card("directories-users", directory.users, "directories-users-note"),
        card("directories-gone", directory.gone, "directories-gone-note").href(at("leftovers")),
        card("directories-entries", last.entries as u64, "directories-entries-note"),
        card("directories-problems", last.problems as u64, "directories-problems-note").href(at("problems")),
    ]
}

fn facts(ctx: &Ctx, directory: &DirectoryView) -> Vec<(String, Cell)> {
    let mut facts = Vec::new();
    if let Some(last) = &directory.last {
        facts.push((ctx.t("directories-last"), Cell::Time(last.ended.clone())));
    }
    facts.push((
        ctx.t("directories-next"),
        directory.next.clone().map_or(Cell::text(ctx.t("directories-next-never")), Cell::Time),
    ));
    if let Some(last) = &directory.last_good {
        facts.extend(counts(ctx, last));
    }
    facts
}

/// What came of a synchronisation, or would come of it.
pub(super) fn counts(ctx: &Ctx, report: &SyncReport) -> Vec<(String, Cell)> {
    let numbers = [
        ("directories-added", report.created),
        ("directories-updated", report.updated),
        ("directories-renames", report.renamed),
        ("directories-adopted", report.adopted),
        ("directories-missing", report.missing),
        ("directories-returned", report.returned),
        ("directories-removed", report.removed),
        ("directories-unchanged", report.unchanged),
    ];
    let number = |(key, number): (&str, usize)| (ctx.t(key), Cell::number(number as u64));
    let mut facts: Vec<(String, Cell)> = numbers.into_iter().map(number).collect();
    if report.referrals > 0 {
        facts.push((ctx.t("directories-referrals"), Cell::number(report.referrals)));
    }
    let seconds = |millis: u64| format!("{}.{:01} s", millis / 1_000, millis % 1_000 / 100);
    facts.push((ctx.t("directories-took"), Cell::Text(seconds(report.took_ms))));
    if !report.server.is_empty() {
        facts.push((ctx.t("directories-server"), Cell::text(&report.server)));
    }
    if !report.passed_over.is_empty() {
        let passed_over: Vec<&str> = report.passed_over.iter().map(|why| why.get(ctx.lang)).collect();
        facts.push((ctx.t("directories-passed-over"), Cell::Text(passed_over.join("; "))));
    }
    facts
}

fn sync(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let (name, dry_run) = (ctx.param("name"), form.text("dry_run") == "true");
    directory_runs::start(&ctx.app, ctx.actor(), name, dry_run)?;
    Ok(match dry_run {
        true => Next::go(format!("{}/preview", href(name)), "directories-dry-run-begun", name),
        false => Next::go(href(name), "directories-sync-begun", name),
    })
}

fn test_page(ctx: &Ctx) -> Page {
    let name = ctx.param("name");
    let block = FormBlock {
        action: ctx.path.clone(),
        submit: ctx.t("directories-test"),
        cancel: Some(href(name)),
        ..FormBlock::default()
    };
    let page = Page::new(ctx.tn("directories-test-title", "name", name)).help("help-directory-test");
    page.text(ctx.t("directories-test-note")).form(ctx, &Form::default(), block)
}

/// Waits for the servers: each step has its own limit of time.
fn test(ctx: &Ctx, _: Form) -> Result<Next, ControlError> {
    let test = directories::prepare_test(&ctx.app, ctx.param("name"))?;
    let findings = Handle::current().block_on(test.run());
    let page = test_page(ctx);
    let page = match findings.iter().any(|finding| !finding.passed) {
        true => page.state(Sign::Bad, ctx.t("directories-test-failed")),
        false => page.state(Sign::Good, ctx.t("directories-test-passed")),
    };
    Ok(Next::Show(page.table(findings_table(ctx, findings))))
}

fn findings_table(ctx: &Ctx, findings: Vec<DirectoryFinding>) -> Table {
    let row = |finding: DirectoryFinding| {
        let state = match finding.passed {
            true => Cell::pill(Sign::Good, ctx.t("directories-step-passed")),
            false => Cell::pill(Sign::Bad, ctx.t("directories-step-failed")),
        };
        let todo = finding.advice.map(|advice| advice.get(ctx.lang).to_owned()).unwrap_or_default();
        let seen = Cell::Finding { seen: finding.seen.get(ctx.lang).to_owned(), todo, href: None };
        vec![Cell::Text(finding.server), Cell::text(finding.step.get(ctx.lang)), state, seen]
    };
    let columns = ["directories-server", "directories-step", "directories-result", "directories-seen"];
    Table {
        caption: ctx.t("directories-test-results"),
        columns: columns.iter().map(|key| ctx.t(key)).collect(),
        rows: findings.into_iter().map(row).collect(),
        empty: String::new(),
    }
}

fn set_enabled(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let enabled = form.text("enabled") == "true";
    let change = DirectoryChange { enabled: Some(enabled), ..DirectoryChange::default() };
    let directory = directories::change(&ctx.app, ctx.actor(), ctx.param("name"), &change)?;
    let key = if enabled { "directories-was-enabled" } else { "directories-was-disabled" };
    Ok(Next::go(href(&directory.name), key, directory.name))
}

fn ask_remove(ctx: &Ctx) -> Result<Page, ControlError> {
    let directory = directories::show(&ctx.app, ctx.param("name"))?;
    let block = FormBlock {
        action: ctx.path.clone(),
        submit: ctx.t("frame-remove"),
        cancel: Some(href(&directory.name)),
        danger: true,
        ..FormBlock::default()
    };
    let page = Page::new(ctx.tn("directories-remove-title", "name", directory.name));
    let page = page.text(ctx.tn("directories-remove-note", "number", grouped(directory.users)));
    let page = match directory.gone {
        0 => page,
        gone => page.notice(Sign::Warning, ctx.tn("directories-remove-gone", "number", grouped(gone))),
    };
    Ok(page.form(ctx, &Form::default(), block))
}

fn remove(ctx: &Ctx, _: Form) -> Result<Next, ControlError> {
    let directory = directories::remove(&ctx.app, ctx.actor(), ctx.param("name"))?;
    Ok(Next::go(LIST, "directories-was-removed", directory.name))
}

//! Bulk administration › Jobs: the long work that is kept and done in the background, what it says of itself, and its end.

use super::services;
use crate::console::blocks::{Action, Block, Cell, Pager, Sign, Table, grouped};
use crate::console::ctx::{Ctx, Next, encoded, part};
use crate::console::form::Form;
use crate::console::page::Page;
use crate::console::routes::Pages;
use zaiseki_control::access::{Area, Right};
use zaiseki_control::app::jobs::{self, JobPage, JobQuery, JobStateView, JobView, LogPage, LogQuery};
use zaiseki_control::services::Service;
use zaiseki_control::{ControlError, Text};

const READ: Right = Right::read(Area::Jobs);
const WRITE: Right = Right::write(Area::Jobs);
const LIST: &str = "/console/jobs";
/// Lines of one page.
const ROWS: usize = 50;

pub fn pages() -> Pages {
    Pages::default().page(LIST, READ, list).page("/console/jobs/{id}", READ, show).act("/console/jobs/{id}/cancel", WRITE, cancel)
}

pub(super) fn href(id: &str) -> String {
    format!("{LIST}/{}", part(id))
}

fn state(ctx: &Ctx, job: &JobView) -> (Sign, String) {
    let (sign, key) = match job.state {
        JobStateView::Scheduled => (Sign::Quiet, "jobs-state-scheduled"),
        JobStateView::Queued => (Sign::Quiet, "jobs-state-queued"),
        JobStateView::Running => (Sign::Good, "jobs-state-running"),
        JobStateView::Cancelling => (Sign::Warning, "jobs-state-cancelling"),
        JobStateView::Done => (Sign::Good, "jobs-state-done"),
        JobStateView::Failed => (Sign::Bad, "jobs-state-failed"),
        JobStateView::Cancelled => (Sign::Warning, "jobs-state-cancelled"),
    };
    (sign, ctx.t(key))
}

/// How much is done, and of how much when that is known.
fn progress(ctx: &Ctx, job: &JobView) -> String {
    let Some(total) = job.total else { return grouped(job.done) };
    ctx.tns("jobs-done-of", &[("done", grouped(job.done).into()), ("all", grouped(total).into())])
}

fn list(ctx: &Ctx) -> Result<Page, ControlError> {
    let query = JobQuery { after: ctx.query("after").map(str::to_owned), limit: Some(ROWS), ..JobQuery::default() };
    let found = jobs::list(&ctx.app, &query)?;
    let next = found.next.as_deref().map(|after| format!("{LIST}?{}", encoded(&[("after", after)])));
    let page = Page::new(ctx.t("nav-jobs")).refresh(5);
    let page = services::unless_running(ctx, page, Service::JobScheduler)?.table(table(ctx, &found));
    let first = ctx.query("after").map(|_| LIST.to_owned());
    Ok(page.block(Block::Pager(Pager { first, next, ..Pager::default() })))
}

fn table(ctx: &Ctx, found: &JobPage) -> Table {
    let row = |job: &JobView| {
        let (sign, word) = state(ctx, job);
        vec![
            Cell::Time(job.created.clone()),
            Cell::link(href(&job.id), job.title.get(ctx.lang)),
            Cell::pill(sign, word),
            Cell::Text(progress(ctx, job)),
            Cell::text(&job.actor),
        ]
    };
    let columns = ["jobs-created", "jobs-title", "jobs-state", "jobs-progress", "jobs-actor"];
    Table {
        caption: ctx.t("nav-jobs"),
        columns: columns.iter().map(|key| ctx.t(key)).collect(),
        rows: found.jobs.iter().map(row).collect(),
        empty: ctx.t("jobs-empty"),
    }
}

fn show(ctx: &Ctx) -> Result<Page, ControlError> {
    let job = jobs::find(&ctx.app, ctx.param("id"))?;
    let query = LogQuery { after: ctx.query("after").and_then(|after| after.parse().ok()), limit: Some(ROWS) };
    let log = jobs::log(&ctx.app, &job.id, &query)?;
    let (sign, word) = state(ctx, &job);
    let page = Page::new(job.title.get(ctx.lang)).line(&job.id).help("help-job").state(sign, word);
    let page = if job.ended.is_some() { page } else { page.refresh(2) };
    let open = job.ended.is_none() && job.state != JobStateView::Cancelling;
    let page = match open && ctx.may(WRITE) {
        true => page.bar(vec![Action::post(format!("{}/cancel", href(&job.id)), ctx.t("jobs-cancel")).danger()]),
        false => page,
    };
    let next = log.next.as_deref().map(|after| format!("{}?{}", href(&job.id), encoded(&[("after", after)])));
    let first = ctx.query("after").map(|_| href(&job.id));
    let page = page.facts(facts(ctx, &job)).table(lines(ctx, &log));
    Ok(page.block(Block::Pager(Pager { first, next, ..Pager::default() })))
}

/// What the summaries of jobs count.
const RESULTS: [(&str, &str); 4] =
    [("changed", "jobs-changed"), ("unchanged", "jobs-unchanged"), ("unknown", "jobs-unknown"), ("refused", "jobs-refused")];

fn facts(ctx: &Ctx, job: &JobView) -> Vec<(String, Cell)> {
    let mut facts = vec![
        (ctx.t("jobs-progress"), Cell::Text(progress(ctx, job))),
        (ctx.t("jobs-actor"), Cell::text(&job.actor)),
        (ctx.t("jobs-created"), Cell::Time(job.created.clone())),
        (ctx.t("jobs-due"), Cell::Time(job.due.clone())),
    ];
    let times = [("jobs-started", &job.started), ("jobs-ended", &job.ended)];
    facts.extend(times.into_iter().filter_map(|(key, at)| Some((ctx.t(key), Cell::Time(at.clone()?)))));
    for (key, count) in job.summary.as_object().into_iter().flatten() {
        let words = RESULTS.iter().find(|(name, _)| name == key).map_or_else(|| key.clone(), |(_, words)| ctx.t(words));
        facts.push((words, count.as_u64().map_or_else(|| Cell::Code(count.to_string()), |count| Cell::text(grouped(count)))));
    }
    if job.log_dropped > 0 {
        facts.push((ctx.t("jobs-log-dropped"), Cell::number(job.log_dropped)));
    }
    facts
}

fn lines(ctx: &Ctx, log: &LogPage) -> Table {
    Table {
        caption: ctx.t("jobs-log"),
        columns: vec![ctx.t("jobs-log-at"), ctx.t("jobs-log-line")],
        rows: log.lines.iter().map(|line| vec![Cell::Time(line.at.clone()), Cell::text(line.text.get(ctx.lang))]).collect(),
        empty: ctx.t("jobs-log-empty"),
    }
}

fn cancel(ctx: &Ctx, _: Form) -> Result<Next, ControlError> {
    let Some(caller) = &ctx.caller else { return Err(nobody()) };
    let job = jobs::cancel(&ctx.app, caller, ctx.param("id"))?;
    Ok(Next::go(href(&job.id), "jobs-was-cancelled", job.id))
}

/// The door lets nobody in without an account.
fn nobody() -> ControlError {
    ControlError::NotFound { text: Text::new("nobody is signed in", "サインインしていません") }
}

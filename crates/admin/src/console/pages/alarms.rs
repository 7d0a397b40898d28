//! Diagnostics › Alarms: what is wrong now, what was, and what to do about each.

use crate::console::blocks::{Action, Block, Cell, Pager, Sign, Table};
use crate::console::ctx::{Ctx, Next, encoded, part};
use crate::console::form::Form;
use crate::console::page::Page;
use crate::console::routes::Pages;
use zaiseki_control::ControlError;
use zaiseki_control::access::{Area, Right};
use zaiseki_control::app::alarms::{self, AlarmPage, AlarmQuery, AlarmView, SeverityView};

const READ: Right = Right::read(Area::Alarms);
const WRITE: Right = Right::write(Area::Alarms);
pub(in crate::console) const LIST: &str = "/console/alarms";
/// Alarms of one page of the history.
const ROWS: usize = 50;

pub fn pages() -> Pages {
    Pages::default()
        .page(LIST, READ, list)
        .page("/console/alarms:catalogue", READ, catalogue)
        .page("/console/alarms/{id}", READ, show)
        .act("/console/alarms/{id}/acknowledge", WRITE, acknowledge)
}

pub(super) fn href(id: &str) -> String {
    format!("{LIST}/{}", part(id))
}

/// How bad it is: sign and word.
pub(in crate::console) fn severity(ctx: &Ctx, severity: SeverityView) -> (Sign, String) {
    let (sign, key) = match severity {
        SeverityView::Info => (Sign::Quiet, "alarms-severity-info"),
        SeverityView::Warning => (Sign::Warning, "alarms-severity-warning"),
        SeverityView::Error => (Sign::Bad, "alarms-severity-error"),
        SeverityView::Critical => (Sign::Bad, "alarms-severity-critical"),
    };
    (sign, ctx.t(key))
}

fn state(ctx: &Ctx, alarm: &AlarmView) -> (Sign, String) {
    if alarm.open { severity(ctx, alarm.severity) } else { (Sign::Good, ctx.t("alarms-over")) }
}

fn list(ctx: &Ctx) -> Result<Page, ControlError> {
    let query = AlarmQuery {
        open: Some(false),
        after: ctx.query("after").map(str::to_owned),
        limit: Some(ROWS),
        ..AlarmQuery::default()
    };
    let over = alarms::list(&ctx.app, &query)?;
    let page = Page::new(ctx.t("nav-alarms")).refresh(10);
    let page = page.bar(vec![Action::link(format!("{LIST}:catalogue"), ctx.t("alarms-catalogue"))]);
    let page = page.heading(ctx.t("alarms-open")).table(open_table(ctx, &alarms::open(&ctx.app)));
    let next = over.next.as_deref().map(|after| format!("{LIST}?{}", encoded(&[("after", after)])));
    let first = ctx.query("after").map(|_| LIST.to_owned());
    let page = page.heading(ctx.t("alarms-history")).table(history(ctx, &over));
    Ok(page.block(Block::Pager(Pager { first, next, ..Pager::default() })))
}

fn what(ctx: &Ctx, alarm: &AlarmView) -> Cell {
    let text = format!("{}: {}", alarm.title.get(ctx.lang), alarm.subject);
    Cell::link(href(&alarm.id), text)
}

fn finding(ctx: &Ctx, alarm: &AlarmView) -> Cell {
    Cell::Finding {
        seen: alarm.detail.get(ctx.lang).to_owned(),
        todo: alarm.remedy.get(ctx.lang).to_owned(),
        href: alarm.page.clone(),
    }
}

fn open_table(ctx: &Ctx, open: &[AlarmView]) -> Table {
    let row = |alarm: &AlarmView| {
        let (sign, word) = severity(ctx, alarm.severity);
        let seen = alarm.acknowledged.as_ref().map_or(Cell::Empty, |seen| Cell::Dim(seen.by.clone()));
        vec![Cell::pill(sign, word), what(ctx, alarm), finding(ctx, alarm), Cell::Time(alarm.raised.clone()), seen]
    };
    let columns = ["alarms-severity", "alarms-what", "alarms-seen", "alarms-since", "alarms-acknowledged"];
    Table {
        caption: ctx.t("alarms-open"),
        columns: columns.iter().map(|key| ctx.t(key)).collect(),
        rows: open.iter().map(row).collect(),
        empty: ctx.t("alarms-none"),
    }
}

fn history(ctx: &Ctx, over: &AlarmPage) -> Table {
    let row = |alarm: &AlarmView| {
        vec![
            what(ctx, alarm),
            Cell::text(alarm.detail.get(ctx.lang)),
            Cell::Time(alarm.raised.clone()),
            alarm.cleared.clone().map_or(Cell::Empty, Cell::Time),
        ]
    };
    let columns = ["alarms-what", "alarms-seen", "alarms-since", "alarms-until"];
    Table {
        caption: ctx.t("alarms-history"),
        columns: columns.iter().map(|key| ctx.t(key)).collect(),
        rows: over.alarms.iter().map(row).collect(),
        empty: ctx.t("alarms-history-none"),
    }
}

fn show(ctx: &Ctx) -> Result<Page, ControlError> {
    let alarm = alarms::show(&ctx.app, ctx.param("id"))?;
    let (sign, word) = state(ctx, &alarm);
    let page = Page::new(alarm.title.get(ctx.lang)).line(&alarm.subject).help("help-alarm").state(sign, word);
    let mut actions = Vec::new();
    if alarm.open && alarm.acknowledged.is_none() && ctx.may(WRITE) {
        actions.push(Action::post(format!("{}/acknowledge", href(&alarm.id)), ctx.t("alarms-acknowledge")).primary());
    }
    if let Some(place) = &alarm.page {
        actions.push(Action::link(place.clone(), ctx.t("alarms-mend")));
    }
    let meaning = alarms::kinds().into_iter().find(|kind| kind.alarm == alarm.alarm).map(|kind| kind.meaning);
    let page = page.bar(actions).text(meaning.as_ref().map_or("", |text| text.get(ctx.lang)));
    Ok(page.facts(facts(ctx, &alarm)))
}

fn facts(ctx: &Ctx, alarm: &AlarmView) -> Vec<(String, Cell)> {
    let (sign, word) = severity(ctx, alarm.severity);
    let mut facts = vec![
        (ctx.t("alarms-severity"), Cell::pill(sign, word)),
        (ctx.t("alarms-seen"), finding(ctx, alarm)),
        (ctx.t("alarms-since"), Cell::Time(alarm.raised.clone())),
        (ctx.t("alarms-last"), Cell::Time(alarm.last.clone())),
        (ctx.t("alarms-count"), Cell::number(alarm.count)),
    ];
    if let Some(cleared) = &alarm.cleared {
        facts.push((ctx.t("alarms-until"), Cell::Time(cleared.clone())));
    }
    if let Some(seen) = &alarm.acknowledged {
        facts.push((ctx.t("alarms-acknowledged"), Cell::text(&seen.by)));
        facts.push((ctx.t("alarms-acknowledged-at"), Cell::Time(seen.at.clone())));
    }
    facts.push((ctx.t("alarms-kind"), Cell::Code(alarm.alarm.clone())));
    facts
}

fn acknowledge(ctx: &Ctx, _: Form) -> Result<Next, ControlError> {
    let alarm = alarms::acknowledge(&ctx.app, ctx.actor(), ctx.param("id"))?;
    Ok(Next::go(LIST, "alarms-was-acknowledged", alarm.subject))
}

fn catalogue(ctx: &Ctx) -> Result<Page, ControlError> {
    let row = |kind: alarms::AlarmKindView| {
        let (sign, word) = severity(ctx, kind.severity);
        let (seen, todo) = (kind.meaning.get(ctx.lang).to_owned(), kind.remedy.get(ctx.lang).to_owned());
        vec![Cell::Code(kind.alarm), Cell::pill(sign, word), Cell::Finding { seen, todo, href: None }]
    };
    let table = Table {
        caption: ctx.t("alarms-catalogue"),
        columns: ["alarms-kind", "alarms-severity", "alarms-meaning"].iter().map(|key| ctx.t(key)).collect(),
        rows: alarms::kinds().into_iter().map(row).collect(),
        empty: String::new(),
    };
    Ok(Page::new(ctx.t("alarms-catalogue")).table(table))
}

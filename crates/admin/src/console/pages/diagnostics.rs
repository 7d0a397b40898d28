//! Diagnostics › Log level, and › Stanza trace: a closer look for a time.

use crate::console::blocks::{Action, Cell, FormBlock, Sign, Table};
use crate::console::ctx::{Ctx, Next, can_be_mended, part};
use crate::console::form::{Field, Form, Kind};
use crate::console::page::Page;
use crate::console::routes::Pages;
use zaiseki_control::access::{Area, Right};
use zaiseki_control::app::log_level::{self, Level, LogLevelInput};
use zaiseki_control::app::traces::{self, DirectionView, TraceContent, TraceInput, TraceState, TraceView};
use zaiseki_control::{ControlError, Text};

const READ: Right = Right::read(Area::Diagnostics);
const WRITE: Right = Right::write(Area::Diagnostics);
const LOG: &str = "/console/log-level";
const TRACES: &str = "/console/traces";

pub fn pages() -> Pages {
    Pages::default()
        .page(LOG, READ, |ctx| {
            log_page(ctx, &Form::of([("level", "debug".to_owned()), ("minutes", log_level::DEFAULT_MINUTES.to_string())]))
        })
        .act(LOG, WRITE, set_level)
        .act("/console/log-level/usual", WRITE, usual_level)
        .page(TRACES, READ, |ctx| traces_page(ctx, &Form::of([("minutes", traces::DEFAULT_MINUTES.to_string())])))
        .act(TRACES, WRITE, start)
        .act("/console/traces/{user}/read", WRITE, read)
        .act("/console/traces/{user}/stop", WRITE, stop)
}

fn log_page(ctx: &Ctx, form: &Form) -> Result<Page, ControlError> {
    let page = Page::new(ctx.t("nav-log-level"));
    // Without a log of its own (a test, a demo) there is nothing to change.
    let view = match log_level::show(&ctx.app) {
        Ok(view) => view,
        Err(error) => return Ok(page.notice(Sign::Quiet, error.text().get(ctx.lang))),
    };
    let sign = if view.until.is_some() { Sign::Warning } else { Sign::Good };
    let mut facts = vec![(ctx.t("log-usual"), Cell::Code(view.usual.as_str().to_owned()))];
    facts.extend(view.by.map(|by| (ctx.t("log-by"), Cell::Text(by))));
    facts.extend(view.until.clone().map(|until| (ctx.t("log-until"), Cell::Time(until))));
    let page = page.state(sign, view.level.as_str()).facts(facts);
    if !ctx.may(WRITE) {
        return Ok(page);
    }
    let page = match view.until {
        Some(_) => page.bar(vec![Action::post(format!("{LOG}/usual"), ctx.t("log-back"))]),
        None => page,
    };
    let levels = Level::ALL.iter().map(|level| (level.as_str().to_owned(), level.as_str().to_owned())).collect();
    let level = Field::new(form, ctx.lang, "level", ctx.t("log-level"), Kind::Choice(levels)).help(ctx.t("log-level-help"));
    let minutes = Field::new(form, ctx.lang, "minutes", ctx.t("log-minutes"), Kind::Input("number")).required();
    let block =
        FormBlock { action: LOG.to_owned(), fields: vec![level, minutes], submit: ctx.t("log-change"), ..FormBlock::default() };
    Ok(page.form(ctx, form, block))
}

fn set_level(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let asked = || {
        let level = Level::parse(form.text("level")).ok_or_else(|| {
            let text = Text::new("choose a level", "レベルを選んでください");
            ControlError::Invalid { field: "level", text }
        })?;
        Ok(LogLevelInput { level: Some(level), minutes: Some(form.number("minutes")?) })
    };
    match asked().and_then(|input| log_level::set(&ctx.app, ctx.actor(), &input)) {
        Ok(view) => Ok(Next::go(LOG, "log-changed", view.level.as_str())),
        Err(error) if can_be_mended(&error) => Ok(Next::Again(log_page(ctx, &form.wrong(error))?)),
        Err(error) => Err(error),
    }
}

fn usual_level(ctx: &Ctx, _: Form) -> Result<Next, ControlError> {
    let view = log_level::set(&ctx.app, ctx.actor(), &LogLevelInput::default())?;
    Ok(Next::go(LOG, "log-changed", view.level.as_str()))
}

fn state(ctx: &Ctx, state: TraceState) -> Cell {
    let (sign, key) = match state {
        TraceState::Running => (Sign::Warning, "trace-running"),
        TraceState::Over => (Sign::Good, "trace-over"),
        TraceState::Full => (Sign::Good, "trace-full"),
        TraceState::Stopped => (Sign::Good, "trace-stopped"),
    };
    Cell::pill(sign, ctx.t(key))
}

fn traces_page(ctx: &Ctx, form: &Form) -> Result<Page, ControlError> {
    let page = Page::new(ctx.t("nav-traces"));
    let all = match traces::list(&ctx.app) {
        Ok(all) => all,
        Err(error) => return Ok(page.notice(Sign::Quiet, error.text().get(ctx.lang))),
    };
    let page = page.table(table(ctx, &all));
    if !ctx.may(WRITE) {
        return Ok(page);
    }
    let user = Field::new(form, ctx.lang, "user", ctx.t("trace-user"), Kind::Input("text")).required();
    let minutes = Field::new(form, ctx.lang, "minutes", ctx.t("trace-minutes"), Kind::Input("number")).required();
    let block = FormBlock {
        action: TRACES.to_owned(),
        fields: vec![user, minutes],
        submit: ctx.t("trace-start"),
        ..FormBlock::default()
    };
    Ok(page.form(ctx, form, block))
}

fn table(ctx: &Ctx, all: &[TraceView]) -> Table {
    let row = |trace: &TraceView| {
        let at = |what: &str| format!("{TRACES}/{}/{what}", part(&trace.user));
        let mut buttons = Vec::new();
        if ctx.may(WRITE) {
            buttons.push(Action::post(at("read"), ctx.t("trace-read")).primary());
            if trace.state == TraceState::Running {
                buttons.push(Action::post(at("stop"), ctx.t("trace-stop")));
            }
        }
        vec![
            Cell::link(super::users::href(&trace.user), &trace.user),
            state(ctx, trace.state),
            Cell::number(trace.count as u64),
            Cell::Time(trace.since.clone()),
            Cell::Time(trace.until.clone()),
            Cell::Buttons(buttons),
        ]
    };
    let mut columns: Vec<String> =
        ["trace-user", "trace-state", "trace-count", "trace-since", "trace-until"].iter().map(|key| ctx.t(key)).collect();
    columns.push(String::new());
    Table { caption: ctx.t("nav-traces"), columns, rows: all.iter().map(row).collect(), empty: ctx.t("trace-none") }
}

fn start(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let user = form.text("user").to_owned();
    let asked = form.number("minutes").map(|minutes| TraceInput { user, minutes: Some(minutes) });
    match asked.and_then(|input| traces::start(&ctx.app, ctx.actor(), &input)) {
        Ok(trace) => Ok(Next::go(TRACES, "trace-started", trace.user)),
        Err(ControlError::NotFound { text }) => {
            Ok(Next::Again(traces_page(ctx, &form.wrong(ControlError::Invalid { field: "user", text }))?))
        }
        Err(error) if can_be_mended(&error) => Ok(Next::Again(traces_page(ctx, &form.wrong(error))?)),
        Err(error) => Err(error),
    }
}

fn read(ctx: &Ctx, _: Form) -> Result<Next, ControlError> {
    let content = traces::read(&ctx.app, ctx.actor(), ctx.param("user"))?;
    let page = Page::new(&content.trace.user).line(ctx.t("nav-traces"));
    let back = Action::link(TRACES, ctx.t("trace-back"));
    Ok(Next::Show(page.bar(vec![back]).table(stanzas(ctx, &content))))
}

fn stanzas(ctx: &Ctx, content: &TraceContent) -> Table {
    let row = |stanza: &traces::TracedStanzaView| {
        let way = ctx.t(if stanza.direction == DirectionView::Sent { "trace-sent" } else { "trace-received" });
        vec![Cell::Time(stanza.at.clone()), Cell::Text(way), Cell::text(&stanza.resource), Cell::Code(stanza.stanza.clone())]
    };
    Table {
        caption: content.trace.user.clone(),
        columns: ["trace-at", "trace-way", "trace-resource", "trace-stanza"].iter().map(|key| ctx.t(key)).collect(),
        rows: content.stanzas.iter().map(row).collect(),
        empty: ctx.t("trace-nothing"),
    }
}

fn stop(ctx: &Ctx, _: Form) -> Result<Next, ControlError> {
    let trace = traces::stop(&ctx.app, ctx.actor(), ctx.param("user"))?;
    Ok(Next::go(TRACES, "trace-was-stopped", trace.user))
}

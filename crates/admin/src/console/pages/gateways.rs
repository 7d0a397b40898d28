//! Presence › Gateways: the calendar servers that are asked, how they are, and their test.

use super::{gateway_form, services};
use crate::console::blocks::{Action, Card, Cell, FormBlock, Sign, Table, grouped};
use crate::console::ctx::{Ctx, Next, can_be_mended, part};
use crate::console::form::{Field, Form, Kind};
use crate::console::page::Page;
use crate::console::routes::Pages;
use tokio::runtime::Handle;
use zaiseki_control::ControlError;
use zaiseki_control::access::{Area, Right};
use zaiseki_control::app::gateways::{self, GatewayChange, GatewayView, TestFinding};
use zaiseki_control::gateway::state::{GatewayState, GatewayStatus};
use zaiseki_control::services::Service;

pub(super) const READ: Right = Right::read(Area::Gateways);
pub(super) const WRITE: Right = Right::write(Area::Gateways);
pub(super) const LIST: &str = "/console/gateways";

pub fn pages() -> Pages {
    gateway_form::pages()
        .page(LIST, READ, list)
        .page("/console/gateways/{name}", READ, show)
        .page("/console/gateways/{name}/test", WRITE, |ctx| Ok(test_page(ctx, &Form::default())))
        .act("/console/gateways/{name}/test", WRITE, test)
        .act("/console/gateways/{name}/refresh", WRITE, refresh)
        .act("/console/gateways/{name}/enabled", WRITE, set_enabled)
        .page("/console/gateways/{name}/remove", WRITE, ask_remove)
        .act("/console/gateways/{name}/remove", WRITE, remove)
}

pub(super) fn href(name: &str) -> String {
    format!("{LIST}/{}", part(name))
}

/// What kind of server it is, as people call it.
pub(super) fn kind(ctx: &Ctx, kind: &str) -> String {
    ctx.t(if kind == "ews" { "gateways-kind-ews" } else { "gateways-kind-caldav" })
}

/// How a gateway is: sign and word.
pub(super) fn state(ctx: &Ctx, gateway: &GatewayView) -> (Sign, String) {
    let (sign, key) = match &gateway.status {
        _ if !gateway.enabled => (Sign::Quiet, "gateways-state-off"),
        None => (Sign::Quiet, "gateways-state-waiting"),
        Some(status) => match status.state {
            GatewayState::Starting => (Sign::Quiet, "gateways-state-waiting"),
            GatewayState::Down { .. } => (Sign::Bad, "gateways-state-down"),
            GatewayState::Up { .. } if status.failed > 0 => (Sign::Warning, "gateways-state-partly"),
            GatewayState::Up { .. } => (Sign::Good, "gateways-state-up"),
        },
    };
    (sign, ctx.t(key))
}

fn list(ctx: &Ctx) -> Result<Page, ControlError> {
    let all = gateways::list(&ctx.app)?;
    let mut actions = Vec::new();
    if ctx.may(WRITE) {
        actions.push(Action::link("/console/gateways:ews", ctx.t("gateways-new-ews")).primary());
        actions.push(Action::link("/console/gateways:caldav", ctx.t("gateways-new-caldav")).primary());
    }
    let columns = ["gateways-name", "gateways-kind", "gateways-state", "gateways-read", "gateways-last-poll", "gateways-seen"];
    let table = Table {
        caption: ctx.t("nav-gateways"),
        columns: columns.iter().map(|key| ctx.t(key)).collect(),
        rows: all.iter().map(|gateway| row(ctx, gateway)).collect(),
        empty: ctx.t("gateways-empty"),
    };
    let page = Page::new(ctx.t("nav-gateways")).refresh(5);
    Ok(services::unless_running(ctx, page, Service::PresenceGateways)?.bar(actions).table(table))
}

fn row(ctx: &Ctx, gateway: &GatewayView) -> Vec<Cell> {
    let (sign, word) = state(ctx, gateway);
    let status = gateway.status.clone().unwrap_or_default();
    vec![
        Cell::link(href(&gateway.name), &gateway.name),
        Cell::Text(kind(ctx, &gateway.kind)),
        Cell::pill(sign, word),
        Cell::Text(ctx.tns("gateways-read-of", &numbers(&status))),
        status.last_poll.map_or(Cell::Empty, Cell::Time),
        match status.state {
            GatewayState::Down { reason, .. } => Cell::Finding {
                seen: reason.get(ctx.lang).to_owned(),
                todo: if ctx.may(WRITE) { ctx.t("gateways-test") } else { String::new() },
                href: Some(format!("{}/test", href(&gateway.name))),
            },
            _ => Cell::Empty,
        },
    ]
}

fn numbers(status: &GatewayStatus) -> [(&'static str, fluent_bundle::FluentValue<'static>); 2] {
    [("read", grouped(status.read as u64).into()), ("all", grouped(status.users as u64).into())]
}

fn show(ctx: &Ctx) -> Result<Page, ControlError> {
    let gateway = gateways::show(&ctx.app, ctx.param("name"))?;
    let (sign, word) = state(ctx, &gateway);
    let (url, username) = gateway_form::address(&gateway.config);
    let page = Page::new(&gateway.name).line(format!("{} · {url} · {username}", kind(ctx, &gateway.kind))).help("help-gateway");
    let page = services::unless_running(ctx, page.state(sign, word), Service::PresenceGateways)?;
    let page = page.refresh(5).bar(actions(ctx, &gateway));
    let page = if gateway.secret { page } else { page.notice(Sign::Warning, ctx.t("gateways-no-password")) };
    let Some(status) = gateway.status.filter(|_| gateway.enabled) else { return Ok(page.text(ctx.t("gateways-asks-nobody"))) };
    let page = match &status.state {
        GatewayState::Down { reason, .. } => page.notice(Sign::Bad, reason.get(ctx.lang)),
        _ => page,
    };
    Ok(page.cards(cards(ctx, &status)).facts(facts(ctx, &status)).table(problems(ctx, &status)))
}

fn actions(ctx: &Ctx, gateway: &GatewayView) -> Vec<Action> {
    if !ctx.may(WRITE) {
        return Vec::new();
    }
    let at = |what: &str| format!("{}/{what}", href(&gateway.name));
    let mut actions = vec![Action::link(at("test"), ctx.t("gateways-test")).primary()];
    if gateway.enabled {
        actions.push(Action::post(at("refresh"), ctx.t("gateways-refresh")));
    }
    actions.push(Action::link(at("edit"), ctx.t("frame-edit")));
    actions.push(match gateway.enabled {
        true => Action::post(at("enabled"), ctx.t("gateways-disable")).with("enabled", "false"),
        false => Action::post(at("enabled"), ctx.t("gateways-enable")).with("enabled", "true"),
    });
    actions.push(Action::link(at("remove"), ctx.t("frame-remove")).danger());
    actions
}

fn cards(ctx: &Ctx, status: &GatewayStatus) -> Vec<Card> {
    let card = |key: &str, number: usize, note: &str| Card::new(ctx.t(key), grouped(number as u64)).note(ctx.t(note));
    let read = Card::new(ctx.t("gateways-read"), grouped(status.read as u64));
    vec![
        read.note(ctx.tns("gateways-read-of", &numbers(status))),
        card("gateways-failed", status.failed, "gateways-failed-note"),
        card("gateways-unknown", status.unknown, "gateways-unknown-note"),
        card("gateways-skipped", status.skipped_events, "gateways-skipped-note"),
    ]
}

fn facts(ctx: &Ctx, status: &GatewayStatus) -> Vec<(String, Cell)> {
    let mut facts = Vec::new();
    match &status.state {
        GatewayState::Up { since } => facts.push((ctx.t("gateways-up-since"), Cell::Time(since.clone()))),
        GatewayState::Down { since, .. } => facts.push((ctx.t("gateways-down-since"), Cell::Time(since.clone()))),
        GatewayState::Starting => {}
    }
    let times = [("gateways-last-poll", &status.last_poll), ("gateways-next-poll", &status.next_poll)];
    facts.extend(times.into_iter().filter_map(|(key, at)| Some((ctx.t(key), Cell::Time(at.clone()?)))));
    facts.push((ctx.t("gateways-polls"), Cell::number(status.polls)));
    facts
}

fn problems(ctx: &Ctx, status: &GatewayStatus) -> Table {
    Table {
        caption: ctx.t("gateways-problems"),
        columns: vec![ctx.t("gateways-problem-user"), ctx.t("gateways-seen")],
        rows: status
            .problems
            .iter()
            .map(|problem| {
                vec![Cell::link(super::users::href(&problem.user), &problem.user), Cell::text(problem.reason.get(ctx.lang))]
            })
            .collect(),
        empty: ctx.t("gateways-problems-none"),
    }
}

fn test_page(ctx: &Ctx, form: &Form) -> Page {
    let name = ctx.param("name");
    let user = Field::new(form, ctx.lang, "user", ctx.t("gateways-test-user"), Kind::Input("text"));
    let block = FormBlock {
        action: ctx.path.clone(),
        fields: vec![user.help(ctx.t("gateways-test-user-help"))],
        submit: ctx.t("gateways-test"),
        cancel: Some(href(name)),
        ..FormBlock::default()
    };
    let title = ctx.tn("gateways-test-title", "name", name);
    Page::new(title).help("help-gateway-test").text(ctx.t("gateways-test-note")).form(ctx, form, block)
}

/// Waits for the calendar server: each step has its own limit of time.
fn test(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let test = match gateways::prepare_test(&ctx.app, ctx.param("name"), form.given("user")) {
        Ok(test) => test,
        Err(ControlError::NotFound { text }) if form.given("user").is_some() => {
            return Ok(Next::Again(test_page(ctx, &form.wrong(ControlError::Invalid { field: "user", text }))));
        }
        Err(error) if can_be_mended(&error) => return Ok(Next::Again(test_page(ctx, &form.wrong(error)))),
        Err(error) => return Err(error),
    };
    let findings = Handle::current().block_on(test.run());
    let failed = findings.iter().any(|finding| !finding.passed);
    let page = test_page(ctx, &form);
    let page = match failed {
        true => page.state(Sign::Bad, ctx.t("gateways-test-failed")),
        false => page.state(Sign::Good, ctx.t("gateways-test-passed")),
    };
    Ok(Next::Show(page.table(findings_table(ctx, findings))))
}

fn findings_table(ctx: &Ctx, findings: Vec<TestFinding>) -> Table {
    let step = |name: &str| match name {
        "connect" => ctx.t("gateways-step-connect"),
        "tls" => ctx.t("gateways-step-tls"),
        "sign-in" => ctx.t("gateways-step-sign-in"),
        "permission" => ctx.t("gateways-step-permission"),
        other => other.to_owned(),
    };
    let row = |finding: TestFinding| {
        let state = match finding.passed {
            true => Cell::pill(Sign::Good, ctx.t("gateways-step-passed")),
            false => Cell::pill(Sign::Bad, ctx.t("gateways-step-failed")),
        };
        let todo = finding.advice.map(|text| text.get(ctx.lang).to_owned()).unwrap_or_default();
        let seen = Cell::Finding { seen: finding.seen.get(ctx.lang).to_owned(), todo, href: None };
        vec![Cell::Text(step(&finding.name)), state, seen]
    };
    Table {
        caption: ctx.t("gateways-test-results"),
        columns: vec![ctx.t("gateways-step"), ctx.t("gateways-result"), ctx.t("gateways-seen")],
        rows: findings.into_iter().map(row).collect(),
        empty: String::new(),
    }
}

fn refresh(ctx: &Ctx, _: Form) -> Result<Next, ControlError> {
    let name = ctx.param("name");
    gateways::refresh(&ctx.app, name)?;
    Ok(Next::go(href(name), "gateways-refreshing", name))
}

fn set_enabled(ctx: &Ctx, form: Form) -> Result<Next, ControlError> {
    let enabled = form.text("enabled") == "true";
    let change = GatewayChange { enabled: Some(enabled), ..GatewayChange::default() };
    let gateway = gateways::change(&ctx.app, ctx.actor(), ctx.param("name"), &change)?;
    Ok(Next::go(href(&gateway.name), if enabled { "gateways-was-enabled" } else { "gateways-was-disabled" }, gateway.name))
}

fn ask_remove(ctx: &Ctx) -> Result<Page, ControlError> {
    let gateway = gateways::show(&ctx.app, ctx.param("name"))?;
    let block = FormBlock {
        action: ctx.path.clone(),
        submit: ctx.t("frame-remove"),
        cancel: Some(href(&gateway.name)),
        danger: true,
        ..FormBlock::default()
    };
    let title = ctx.tn("gateways-remove-title", "name", gateway.name);
    Ok(Page::new(title).text(ctx.t("gateways-remove-note")).form(ctx, &Form::default(), block))
}

fn remove(ctx: &Ctx, _: Form) -> Result<Next, ControlError> {
    let gateway = gateways::remove(&ctx.app, ctx.actor(), ctx.param("name"))?;
    Ok(Next::go(LIST, "gateways-removed", gateway.name))
}

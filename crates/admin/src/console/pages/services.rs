//! Serviceability › Control center: the services of the node, how they are and why, and their buttons.

use crate::console::blocks::{Action, Cell, FormBlock, Sign, Table};
use crate::console::ctx::{Ctx, Next, part};
use crate::console::form::Form;
use crate::console::page::Page;
use crate::console::routes::Pages;
use zaiseki_control::access::{Area, Caller, Right};
use zaiseki_control::app::services::{self, ServiceState, ServiceView};
use zaiseki_control::services::Service;
use zaiseki_control::{App, ControlError};

const READ: Right = Right::read(Area::Services);
const WRITE: Right = Right::write(Area::Services);
const LIST: &str = "/console/services";

pub fn pages() -> Pages {
    Pages::default()
        .page(LIST, READ, list)
        .page("/console/services/{name}", READ, show)
        .act("/console/services/{name}/start", WRITE, |ctx, _| act(ctx, services::start, "services-was-started"))
        .act("/console/services/{name}/activate", WRITE, |ctx, _| act(ctx, services::activate, "services-was-activated"))
        .page("/console/services/{name}/stop", WRITE, |ctx| ask(ctx, "services-stop", "services-stop-note"))
        .act("/console/services/{name}/stop", WRITE, |ctx, _| act(ctx, services::stop, "services-was-stopped"))
        .page("/console/services/{name}/restart", WRITE, |ctx| ask(ctx, "services-restart", "services-restart-note"))
        .act("/console/services/{name}/restart", WRITE, |ctx, _| act(ctx, services::restart, "services-was-restarted"))
        .page("/console/services/{name}/deactivate", WRITE, |ctx| ask(ctx, "services-deactivate", "services-deactivate-note"))
        .act("/console/services/{name}/deactivate", WRITE, |ctx, _| act(ctx, services::deactivate, "services-was-deactivated"))
}

fn href(service: &ServiceView) -> String {
    format!("{LIST}/{}", part(&service.name))
}

fn state(ctx: &Ctx, service: &ServiceView) -> (Sign, String) {
    let (sign, key) = match service.state {
        ServiceState::Deactivated => (Sign::Quiet, "services-state-deactivated"),
        ServiceState::Stopped => (Sign::Warning, "services-state-stopped"),
        ServiceState::Starting => (Sign::Quiet, "services-state-starting"),
        ServiceState::Running => (Sign::Good, "services-state-running"),
        ServiceState::Stopping => (Sign::Warning, "services-state-stopping"),
        ServiceState::Failed => (Sign::Bad, "services-state-failed"),
    };
    (sign, ctx.t(key))
}

/// The page of what a service does says so when it does not run now: nothing else on it would move.
pub(super) fn unless_running(ctx: &Ctx, page: Page, service: Service) -> Result<Page, ControlError> {
    let service = services::show(&ctx.app, service.as_str())?;
    if matches!(service.state, ServiceState::Running | ServiceState::Starting) {
        return Ok(page);
    }
    let (sign, word) = state(ctx, &service);
    let (name, means) = (service.title.get(ctx.lang), service.stop_means.get(ctx.lang));
    let text = ctx.tns("services-not-running", &[("name", name.into()), ("state", word.into()), ("means", means.into())]);
    let sign = if sign == Sign::Bad { sign } else { Sign::Warning };
    Ok(match ctx.may(READ) {
        true => page.pointer(sign, text, href(&service), ctx.t("services-to")),
        false => page.notice(sign, text),
    })
}

fn list(ctx: &Ctx) -> Result<Page, ControlError> {
    let all = services::list(&ctx.app)?;
    let columns = ["services-name", "services-state", "services-since", "services-stop-means", "services-do"];
    let table = Table {
        caption: ctx.t("nav-control-center"),
        columns: columns.iter().map(|key| ctx.t(key)).collect(),
        rows: all.iter().map(|service| row(ctx, service)).collect(),
        empty: String::new(),
    };
    Ok(Page::new(ctx.t("nav-control-center")).refresh(5).table(table))
}

fn row(ctx: &Ctx, service: &ServiceView) -> Vec<Cell> {
    let (sign, word) = state(ctx, service);
    let why = service.reason.get(ctx.lang).to_owned();
    vec![
        Cell::link(href(service), service.title.get(ctx.lang)),
        Cell::pill(sign, word),
        match service.since.clone() {
            Some(at) => Cell::Since { at, why },
            None => Cell::Text(why),
        },
        Cell::Dim(service.stop_means.get(ctx.lang).to_owned()),
        Cell::Buttons(actions(ctx, service)),
    ]
}

fn actions(ctx: &Ctx, service: &ServiceView) -> Vec<Action> {
    if !ctx.may(WRITE) {
        return Vec::new();
    }
    let at = |what: &str| format!("{}/{what}", href(service));
    let mut actions = Vec::new();
    if !service.active {
        return vec![Action::post(at("activate"), ctx.t("services-activate")).primary()];
    }
    if matches!(service.state, ServiceState::Stopped | ServiceState::Failed) {
        actions.push(Action::post(at("start"), ctx.t("services-start")).primary());
    } else {
        actions.push(Action::link(at("restart"), ctx.t("services-restart")));
    }
    if service.state != ServiceState::Stopped {
        actions.push(Action::link(at("stop"), ctx.t("services-stop")).danger());
    }
    actions.push(Action::link(at("deactivate"), ctx.t("services-deactivate")).danger());
    actions
}

fn show(ctx: &Ctx) -> Result<Page, ControlError> {
    let service = services::show(&ctx.app, ctx.param("name"))?;
    let (sign, word) = state(ctx, &service);
    let page = Page::new(service.title.get(ctx.lang)).line(service.does.get(ctx.lang)).help("help-service").state(sign, word);
    Ok(page.refresh(5).bar(actions(ctx, &service)).facts(facts(ctx, &service)))
}

fn facts(ctx: &Ctx, service: &ServiceView) -> Vec<(String, Cell)> {
    let active = if service.active { "services-yes" } else { "services-no" };
    let mut facts = vec![
        (ctx.t("services-reason"), Cell::text(service.reason.get(ctx.lang))),
        (ctx.t("services-stop-means"), Cell::text(service.stop_means.get(ctx.lang))),
        (ctx.t("services-active"), Cell::Text(ctx.t(active))),
        (ctx.t("services-restarts"), Cell::number(service.restarts)),
    ];
    let times = [("services-since", &service.since), ("services-next-try", &service.next_try)];
    facts.extend(times.into_iter().filter_map(|(key, at)| Some((ctx.t(key), Cell::Time(at.clone()?)))));
    if let Some(failure) = &service.last_failure {
        facts.push((ctx.t("services-failed-at"), Cell::Time(failure.at.clone())));
        facts.push((ctx.t("services-failure"), Cell::text(failure.reason.get(ctx.lang))));
    }
    facts
}

/// Before something that people notice.
fn ask(ctx: &Ctx, button: &str, note: &str) -> Result<Page, ControlError> {
    let service = services::show(&ctx.app, ctx.param("name"))?;
    let block = FormBlock {
        action: ctx.path.clone(),
        submit: ctx.t(button),
        cancel: Some(href(&service)),
        danger: true,
        ..FormBlock::default()
    };
    let (name, means) = (service.title.get(ctx.lang), service.stop_means.get(ctx.lang));
    let title = ctx.tns("services-ask", &[("what", ctx.t(button).into()), ("name", name.into())]);
    Ok(Page::new(title).help("help-service").text(ctx.t(note)).text(means).form(ctx, &Form::default(), block))
}

type Word = fn(&App, &Caller, &str) -> Result<ServiceView, ControlError>;

fn act(ctx: &Ctx, word: Word, said: &'static str) -> Result<Next, ControlError> {
    // The door lets nobody in without an account.
    let Some(caller) = &ctx.caller else { return Err(ControlError::Forbidden { right: WRITE }) };
    let service = word(&ctx.app, caller, ctx.param("name"))?;
    Ok(Next::go(href(&service), said, service.title.get(ctx.lang)))
}

//! Overview › Dashboard: what the node is doing, at a glance.

use super::alarms as alarm_pages;
use crate::console::blocks::{Card, Cell, Sign, Table, grouped};
use crate::console::ctx::Ctx;
use crate::console::page::Page;
use crate::console::routes::Pages;
use zaiseki_control::ControlError;
use zaiseki_control::access::{Area, Right};
use zaiseki_control::app::alarms::{self, AlarmView};
use zaiseki_control::app::status::{self, Status};
use zaiseki_control::gateway::state::GatewayState;
use zaiseki_control::vitals::{Sample, rate, thinned};

/// Points of a card's line.
const POINTS: usize = 120;
/// Alarms told of on the dashboard.
const WARNINGS: usize = 5;

pub fn pages() -> Pages {
    Pages::default().page("/console/", Right::read(Area::Status), show)
}

fn show(ctx: &Ctx) -> Result<Page, ControlError> {
    let status = status::status(&ctx.app)?;
    let sub = format!("{} · {} {}", status.domain, ctx.t("dashboard-version"), status.version);
    let page = Page::new(ctx.t("nav-dashboard")).line(sub).refresh(5);
    let page = if status.database_healthy { page } else { page.notice(Sign::Bad, ctx.t("dashboard-database-bad")) };
    let open = if ctx.may(Right::read(Area::Alarms)) { alarms::open(&ctx.app) } else { Vec::new() };
    let page = if open.is_empty() { page } else { page.table(warnings(ctx, &open)) };
    let mut all = live_cards(ctx, &ctx.app.vitals().samples());
    all.extend(cards(ctx, &status));
    if ctx.may(Right::read(Area::Alarms)) {
        all.push(alarms_card(ctx, &open));
    }
    Ok(page.cards(all).facts(vec![(ctx.t("dashboard-started"), Cell::Time(status.started))]))
}

/// How many, and the worst of them.
fn alarms_card(ctx: &Ctx, open: &[AlarmView]) -> Card {
    let worst = open.first().map(|alarm| format!("{}: {}", alarm.title.get(ctx.lang), alarm.subject));
    let note = worst.unwrap_or_else(|| ctx.t("dashboard-alarms-none"));
    Card::new(ctx.t("dashboard-alarms"), grouped(open.len() as u64)).note(note).href(alarm_pages::LIST)
}

/// The worst open alarms.
fn warnings(ctx: &Ctx, open: &[AlarmView]) -> Table {
    let row = |alarm: &AlarmView| {
        let (sign, word) = alarm_pages::severity(ctx, alarm.severity);
        let what = format!("{}: {}", alarm.title.get(ctx.lang), alarm.subject);
        vec![Cell::pill(sign, word), Cell::link(alarm_pages::href(&alarm.id), what), Cell::Time(alarm.raised.clone())]
    };
    Table {
        caption: ctx.t("dashboard-alarms-title"),
        columns: ["alarms-severity", "alarms-what", "alarms-since"].iter().map(|key| ctx.t(key)).collect(),
        rows: open.iter().take(WARNINGS).map(row).collect(),
        empty: String::new(),
    }
}

fn cards(ctx: &Ctx, status: &Status) -> Vec<Card> {
    let enabled = ctx.tn("dashboard-users-enabled", "number", grouped(status.users_enabled));
    let up = status
        .gateways
        .iter()
        .filter(|gateway| gateway.status.as_ref().is_some_and(|status| matches!(status.state, GatewayState::Up { .. })));
    let (up, all) = (up.count(), status.gateways.len());
    let answer = ctx.tns("dashboard-gateways-note", &[("up", up.into()), ("all", all.into())]);
    vec![
        Card::new(ctx.t("dashboard-users"), grouped(status.users)).note(enabled).href("/console/users"),
        Card::new(ctx.t("dashboard-gateways"), grouped(all as u64)).note(answer).href("/console/gateways"),
    ]
}

/// What goes on now, with the last ten minutes.
fn live_cards(ctx: &Ctx, samples: &[Sample]) -> Vec<Card> {
    let Some(now) = samples.last() else { return Vec::new() };
    let people: Vec<f64> = samples.iter().map(|sample| sample.node.people_online as f64).collect();
    let sessions = ctx.tn("dashboard-sessions", "number", grouped(now.node.sessions));
    let messages = rate(samples, |sample| sample.node.messages_total);
    let stanzas = rate(samples, |sample| sample.node.presences_total + sample.node.iqs_total);
    let others = ctx.tn("dashboard-stanzas", "number", per_second(&stanzas));
    let commit = commit_time(samples);
    let waiting = ctx.tn("dashboard-waiting", "number", grouped(now.store.staged_writes));
    vec![
        Card {
            line: thinned(&people, POINTS),
            ..Card::new(ctx.t("dashboard-people"), grouped(now.node.people_online)).note(sessions)
        },
        Card { line: thinned(&messages, POINTS), ..Card::new(ctx.t("dashboard-messages"), per_second(&messages)).note(others) },
        Card { line: thinned(&commit, POINTS), ..Card::new(ctx.t("dashboard-commit"), milliseconds(&commit)).note(waiting) },
    ]
}

/// The mean of the last ten seconds.
fn lately(values: &[f64]) -> f64 {
    let last = &values[values.len().saturating_sub(10)..];
    if last.is_empty() { 0.0 } else { last.iter().sum::<f64>() / last.len() as f64 }
}

fn per_second(values: &[f64]) -> String {
    let mean = lately(values);
    if mean < 10.0 { format!("{mean:.1}") } else { grouped(mean.round() as u64) }
}

/// Milliseconds of a commit, second by second.
fn commit_time(samples: &[Sample]) -> Vec<f64> {
    let mean = |pair: &[Sample]| {
        let commits = pair[1].store.commits_total - pair[0].store.commits_total;
        let took = pair[1].store.commit_time.saturating_sub(pair[0].store.commit_time);
        if commits == 0 { 0.0 } else { took.as_secs_f64() * 1_000.0 / commits as f64 }
    };
    samples.windows(2).map(mean).collect()
}

/// The mean of the seconds that had a commit.
fn milliseconds(values: &[f64]) -> String {
    let busy: Vec<f64> = values.iter().copied().filter(|value| *value > 0.0).collect();
    format!("{:.1} ms", lately(&busy))
}

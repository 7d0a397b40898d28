//! Overview › Dashboard: what the node is doing, at a glance.

use crate::console::blocks::{Card, Cell, Sign, grouped};
use crate::console::ctx::Ctx;
use crate::console::page::Page;
use crate::console::routes::Pages;
use zaiseki_control::ControlError;
use zaiseki_control::access::{Area, Right};
use zaiseki_control::app::status::{self, Status};
use zaiseki_control::gateway::state::GatewayState;

pub fn pages() -> Pages {
    Pages::default().page("/console/", Right::read(Area::Status), show)
}

fn show(ctx: &Ctx) -> Result<Page, ControlError> {
    let status = status::status(&ctx.app)?;
    let sub = format!("{} · {} {}", status.domain, ctx.t("dashboard-version"), status.version);
    let page = Page::new(ctx.t("nav-dashboard")).line(sub).help("help-dashboard").refresh(5);
    let page = if status.database_healthy { page } else { page.notice(Sign::Bad, ctx.t("dashboard-database-bad")) };
    Ok(page.cards(cards(ctx, &status)).facts(vec![(ctx.t("dashboard-started"), Cell::Time(status.started))]))
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
        Card::new(ctx.t("dashboard-users"), grouped(status.users)).note(enabled),
        Card::new(ctx.t("dashboard-gateways"), grouped(all as u64)).note(answer),
    ]
}

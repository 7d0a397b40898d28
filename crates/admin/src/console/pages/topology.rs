//! System › Topology: the nodes, and where they listen.

use crate::console::blocks::{Cell, Sign, Table, grouped};
use crate::console::ctx::Ctx;
use crate::console::page::Page;
use crate::console::routes::Pages;
use zaiseki_control::ControlError;
use zaiseki_control::access::{Area, Right};
use zaiseki_control::app::nodes::{self, NodeView};
use zaiseki_control::app::services::{self, ServiceState};
use zaiseki_control::node::Door;

pub fn pages() -> Pages {
    Pages::default().page("/console/topology", Right::read(Area::Status), show)
}

fn show(ctx: &Ctx) -> Result<Page, ControlError> {
    let mut page = Page::new(ctx.t("nav-topology")).refresh(5);
    for node in nodes::list(&ctx.app)? {
        page = page.heading(&node.name).facts(facts(ctx, &node)).table(doors(ctx, &node)?);
    }
    Ok(page)
}

fn facts(ctx: &Ctx, node: &NodeView) -> Vec<(String, Cell)> {
    let state = match node.running {
        true => Cell::pill(Sign::Good, ctx.t("topology-running")),
        false => Cell::pill(Sign::Warning, ctx.t("topology-not-running")),
    };
    let mut facts = vec![
        (ctx.t("topology-state"), state),
        (ctx.t("topology-domain"), Cell::text(&node.domain)),
        (ctx.t("topology-version"), Cell::text(&node.version)),
        (ctx.t("topology-users"), Cell::Text(grouped(node.users))),
    ];
    facts.extend(node.publisher.then(|| (ctx.t("topology-role"), Cell::Text(ctx.t("topology-publisher")))));
    facts.extend(node.started.clone().map(|at| (ctx.t("topology-started"), Cell::Time(at))));
    facts
}

fn doors(ctx: &Ctx, node: &NodeView) -> Result<Table, ControlError> {
    let rows = node.doors.iter().map(|door| row(ctx, door)).collect::<Result<_, _>>()?;
    let columns = ["topology-door", "topology-state", "topology-addresses", "topology-allow"];
    Ok(Table {
        caption: ctx.t("topology-doors"),
        columns: columns.iter().map(|key| ctx.t(key)).collect(),
        rows,
        empty: ctx.t("topology-no-doors"),
    })
}

fn row(ctx: &Ctx, door: &Door) -> Result<Vec<Cell>, ControlError> {
    let open = match &door.service {
        Some(service) => services::show(&ctx.app, service)?.state == ServiceState::Running,
        None => true,
    };
    let state = match open {
        true => Cell::pill(Sign::Good, ctx.t("topology-open")),
        false => Cell::pill(Sign::Quiet, ctx.t("topology-closed")),
    };
    let allow = if door.allow.is_empty() { Cell::Text(ctx.t("topology-everywhere")) } else { Cell::Code(door.allow.join(", ")) };
    Ok(vec![Cell::text(door.title.get(ctx.lang)), state, Cell::Code(door.addresses.join(", ")), allow])
}

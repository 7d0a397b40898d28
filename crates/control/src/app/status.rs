//! What the node is doing, at a glance.

use super::App;
use super::gateways::{self, GatewayView};
use crate::error::Result;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zaiseki_model::Timestamp;
use zaiseki_store::UserFilter;
use zaiseki_xmpp::datetime;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    pub domain: String,
    pub version: String,
    /// When this process opened its database (XEP-0082 form of time).
    pub started: String,
    /// False while the disk takes no writes.
    pub database_healthy: bool,
    pub users: u64,
    pub users_enabled: u64,
    pub gateways: Vec<GatewayView>,
}

pub fn status(app: &App) -> Result<Status> {
    let (users, users_enabled) = app.store().query(|db| {
        let all = db.count_users(&UserFilter::default())?;
        let enabled = db.count_users(&UserFilter { enabled: Some(true), ..UserFilter::default() })?;
        Ok((all, enabled))
    })?;
    Ok(Status {
        domain: app.domain().to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started: time(app.inner.started),
        database_healthy: app.store().healthy(),
        users,
        users_enabled,
        gateways: gateways::list(app)?,
    })
}

pub(crate) fn time(at: Timestamp) -> String {
    datetime::format(at.0)
}

//! `/audit`: who changed what.

use super::run;
use crate::reply::{Answer, Queried};
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zaiseki_control::app::App;
use zaiseki_control::app::audit_log::{self, AuditPage, AuditQuery};

pub(super) fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// Read the audit log
#[utoipa::path(get, path = "/audit", operation_id = "audit.list", tag = "audit", params(AuditQuery),
    responses((status = 200, description = "One page, newest first", body = AuditPage)),
    extensions(("x-right" = json!("audit:read"))))]
async fn list(State(app): State<App>, Queried(query): Queried<AuditQuery>) -> Answer<AuditPage> {
    run(move || audit_log::list(&app, &query)).await
}

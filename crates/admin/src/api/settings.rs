//! `/settings`: the live settings.

use super::{Who, run};
use crate::reply::{Answer, Input};
use axum::Json;
use axum::extract::State;
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zaiseki_control::app::App;
use zaiseki_control::app::settings::{self, SettingView};

pub(super) fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, put))
}

/// List settings with their values
#[utoipa::path(get, path = "/settings", operation_id = "settings.list", tag = "settings",
    responses((status = 200, description = "All settings", body = [SettingView])),
    extensions(("x-right" = json!("settings:read"))))]
async fn list(State(app): State<App>) -> Json<Vec<SettingView>> {
    Json(settings::list(&app))
}

/// Change settings together, all or none
///
/// An object of key and value; the text `default` takes a setting back to its default.
#[utoipa::path(put, path = "/settings", operation_id = "settings.put", tag = "settings",
    request_body(content = BTreeMap<String, Value>),
    responses((status = 200, description = "All settings", body = [SettingView])),
    extensions(("x-right" = json!("settings:write"))))]
async fn put(
    State(app): State<App>,
    Who(caller): Who,
    Input(changes): Input<BTreeMap<String, Value>>,
) -> Answer<Vec<SettingView>> {
    run(move || settings::put_as(&app, &caller, &changes)).await
}

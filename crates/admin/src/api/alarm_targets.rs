//! `/alarm-targets`: the places outside that alarms are sent to.

use super::{Created, Who, blocking, create, run};
use crate::reply::{Answer, Input};
use axum::Json;
use axum::extract::{Path, State};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zaiseki_control::app::App;
use zaiseki_control::app::alarm_targets::{self, AlarmTargetChange, AlarmTargetInput, AlarmTargetView, TargetTestResult};

pub(super) fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(show, change, remove)).routes(routes!(test))
}

/// List alarm targets and how they are
#[utoipa::path(get, path = "/alarm-targets", operation_id = "alarm-targets.list", tag = "alarm-targets",
    responses((status = 200, description = "All targets, by name", body = [AlarmTargetView])),
    extensions(("x-right" = json!("alarms:read"))))]
async fn list(State(app): State<App>) -> Answer<Vec<AlarmTargetView>> {
    run(move || alarm_targets::list(&app)).await
}

/// Add an alarm target
///
/// It is told of what happens from then on.
#[utoipa::path(post, path = "/alarm-targets", operation_id = "alarm-targets.add", tag = "alarm-targets",
    request_body = AlarmTargetInput,
    responses((status = 201, description = "The target", body = AlarmTargetView)),
    extensions(("x-right" = json!("alarms:write"))))]
async fn add(State(app): State<App>, Who(caller): Who, Input(input): Input<AlarmTargetInput>) -> Created<AlarmTargetView> {
    create(move || alarm_targets::add(&app, &caller.actor, &input)).await
}

/// Show an alarm target
#[utoipa::path(get, path = "/alarm-targets/{name}", operation_id = "alarm-targets.show", tag = "alarm-targets",
    params(("name" = String, Path)),
    responses((status = 200, description = "The target", body = AlarmTargetView)),
    extensions(("x-right" = json!("alarms:read"))))]
async fn show(State(app): State<App>, Path(name): Path<String>) -> Answer<AlarmTargetView> {
    run(move || alarm_targets::show(&app, &name)).await
}

/// Change an alarm target
///
/// What is not given stays; `config` is merged into the configuration (RFC 7396).
#[utoipa::path(patch, path = "/alarm-targets/{name}", operation_id = "alarm-targets.change", tag = "alarm-targets",
    params(("name" = String, Path)), request_body = AlarmTargetChange,
    responses((status = 200, description = "The target", body = AlarmTargetView)),
    extensions(("x-right" = json!("alarms:write"))))]
async fn change(
    State(app): State<App>,
    Who(caller): Who,
    Path(name): Path<String>,
    Input(change): Input<AlarmTargetChange>,
) -> Answer<AlarmTargetView> {
    run(move || alarm_targets::change(&app, &caller.actor, &name, &change)).await
}

/// Remove an alarm target
#[utoipa::path(delete, path = "/alarm-targets/{name}", operation_id = "alarm-targets.remove", tag = "alarm-targets",
    params(("name" = String, Path)),
    responses((status = 200, description = "The target as it was", body = AlarmTargetView)),
    extensions(("x-right" = json!("alarms:write"))))]
async fn remove(State(app): State<App>, Who(caller): Who, Path(name): Path<String>) -> Answer<AlarmTargetView> {
    run(move || alarm_targets::remove(&app, &caller.actor, &name)).await
}

/// Send a test to an alarm target
///
/// An alarm that says that it is none, sent once.
#[utoipa::path(post, path = "/alarm-targets/{name}/test", operation_id = "alarm-targets.test", tag = "alarm-targets",
    params(("name" = String, Path)),
    responses((status = 200, description = "Whether it was sent", body = TargetTestResult)),
    extensions(("x-right" = json!("alarms:write"))))]
async fn test(State(app): State<App>, Path(name): Path<String>) -> Answer<TargetTestResult> {
    let test = blocking(move || alarm_targets::prepare_test(&app, &name)).await?;
    Ok(Json(test.run().await))
}

#[cfg(test)]
mod tests {
    use super::super::tests::Bench;
    use axum::http::Method;
    use serde_json::{Value, json};

    #[tokio::test]
    async fn targets_come_change_are_tested_and_go() {
        let bench = Bench::new();
        let config = json!({"kind": "syslog", "host": "127.0.0.1", "port": 1, "transport": "tcp"});
        let new = json!({"name": "siem", "config": config, "severity": "error"});
        let made = bench.ok(bench.ask(Method::POST, "/alarm-targets", new).await, 201);
        assert_eq!((&made["config"]["kind"], &made["secret"]), (&json!("syslog"), &json!(false)));
        let list = bench.ok(bench.ask(Method::GET, "/alarm-targets", Value::Null).await, 200);
        assert_eq!(list, json!([made]));
        let path = "/alarm-targets/siem";
        let changed = bench.ok(bench.ask(Method::PATCH, path, json!({"enabled": false})).await, 200);
        assert_eq!((&changed["enabled"], &changed["severity"]), (&json!(false), &json!("error")));
        let tested = bench.ok(bench.ask(Method::POST, &format!("{path}/test"), Value::Null).await, 200);
        assert!(tested["sent"] == false && !tested["error"]["ja"].as_str().unwrap().is_empty(), "{tested}");
        let wrong = bench.ok(bench.ask(Method::PATCH, path, json!({"config": {"host": "a b"}})).await, 400);
        assert_eq!(wrong["error"]["field"], "host");
        bench.ok(bench.ask(Method::DELETE, path, Value::Null).await, 200);
        bench.ok(bench.ask(Method::GET, path, Value::Null).await, 404);
    }
}

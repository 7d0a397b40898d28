//! `/diagnostics/log-level` and `/diagnostics/traces`: a closer look, for a time.

use super::{Who, run};
use crate::reply::{Answer, Input};
use axum::extract::{Path, State};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zaiseki_control::app::App;
use zaiseki_control::app::log_level::{self, LogLevelInput, LogLevelView};
use zaiseki_control::app::traces::{self, TraceContent, TraceInput, TraceView};

pub(super) fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(log_level, set_log_level))
        .routes(routes!(list, start))
        .routes(routes!(read))
        .routes(routes!(stop))
}

/// Show the log level
#[utoipa::path(get, path = "/diagnostics/log-level", operation_id = "diagnostics.log-level", tag = "diagnostics",
    responses((status = 200, description = "The level", body = LogLevelView)),
    extensions(("x-right" = json!("diagnostics:read"))))]
async fn log_level(State(app): State<App>) -> Answer<LogLevelView> {
    run(move || log_level::show(&app)).await
}

/// Change the log level for some time
#[utoipa::path(put, path = "/diagnostics/log-level", operation_id = "diagnostics.set-log-level", tag = "diagnostics",
    request_body = LogLevelInput,
    responses((status = 200, description = "The level", body = LogLevelView)),
    extensions(("x-right" = json!("diagnostics:write"))))]
async fn set_log_level(State(app): State<App>, Who(caller): Who, Input(input): Input<LogLevelInput>) -> Answer<LogLevelView> {
    run(move || log_level::set(&app, &caller.actor, &input)).await
}

/// List traces of users' stanzas
#[utoipa::path(get, path = "/diagnostics/traces", operation_id = "diagnostics.traces", tag = "diagnostics",
    responses((status = 200, description = "Those that run or ended within the last hour", body = [TraceView])),
    extensions(("x-right" = json!("diagnostics:read"))))]
async fn list(State(app): State<App>) -> Answer<Vec<TraceView>> {
    run(move || traces::list(&app)).await
}

/// Trace a user's stanzas for some time
///
/// Of all the user's sessions, those to come too. What people wrote is not kept. It stands in the audit log.
#[utoipa::path(post, path = "/diagnostics/traces", operation_id = "diagnostics.start-trace", tag = "diagnostics",
    request_body = TraceInput,
    responses((status = 200, description = "The trace", body = TraceView)),
    extensions(("x-right" = json!("diagnostics:write"))))]
async fn start(State(app): State<App>, Who(caller): Who, Input(input): Input<TraceInput>) -> Answer<TraceView> {
    run(move || traces::start(&app, &caller.actor, &input)).await
}

/// Read a trace
///
/// It stands in the audit log; therefore it is no GET.
#[utoipa::path(post, path = "/diagnostics/traces/{user}/read", operation_id = "diagnostics.read-trace", tag = "diagnostics",
    params(("user" = String, Path)),
    responses((status = 200, description = "The trace with its stanzas, oldest first", body = TraceContent)),
    extensions(("x-right" = json!("diagnostics:write"))))]
async fn read(State(app): State<App>, Who(caller): Who, Path(user): Path<String>) -> Answer<TraceContent> {
    run(move || traces::read(&app, &caller.actor, &user)).await
}

/// Stop a trace
///
/// It can be read for an hour more.
#[utoipa::path(post, path = "/diagnostics/traces/{user}/stop", operation_id = "diagnostics.stop-trace", tag = "diagnostics",
    params(("user" = String, Path)),
    responses((status = 200, description = "The trace", body = TraceView)),
    extensions(("x-right" = json!("diagnostics:write"))))]
async fn stop(State(app): State<App>, Who(caller): Who, Path(user): Path<String>) -> Answer<TraceView> {
    run(move || traces::stop(&app, &caller.actor, &user)).await
}

#[cfg(test)]
mod tests {
    use super::super::tests::Bench;
    use axum::http::Method;
    use serde_json::{Value, json};
    use zaiseki_control::app::log_level::Level;

    #[tokio::test]
    async fn the_log_level_is_shown_and_changed() {
        let bench = Bench::new();
        let path = "/diagnostics/log-level";
        bench.ok(bench.ask(Method::GET, path, Value::Null).await, 409);
        bench.app.log().attach(Level::Info, |_| Ok(()));
        let view = bench.ok(bench.ask(Method::GET, path, Value::Null).await, 200);
        assert_eq!(view, json!({"level": "info", "usual": "info", "until": null, "by": null}));
        let view = bench.ok(bench.ask(Method::PUT, path, json!({"level": "debug", "minutes": 5})).await, 200);
        assert_eq!((&view["level"], &view["by"]), (&json!("debug"), &json!("tester")));
        bench.ok(bench.ask(Method::PUT, path, json!({"level": "loud"})).await, 400);
        let wrong = bench.ok(bench.ask(Method::PUT, path, json!({"level": "debug", "minutes": 0})).await, 400);
        assert_eq!(wrong["error"]["field"], "minutes");
        bench.ok(bench.ask(Method::GET, "/diagnostics/traces", Value::Null).await, 409);
    }
}

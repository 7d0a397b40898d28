//! `/services`: the control center.

use super::{Who, run};
use crate::reply::Answer;
use axum::extract::{Path, State};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zaiseki_control::app::App;
use zaiseki_control::app::services::{self, ServiceView};

pub(super) fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(start))
        .routes(routes!(stop))
        .routes(routes!(restart))
        .routes(routes!(activate))
        .routes(routes!(deactivate))
}

/// List the services of this node
#[utoipa::path(get, path = "/services", operation_id = "services.list", tag = "services",
    responses((status = 200, description = "All of them", body = [ServiceView])),
    extensions(("x-right" = json!("services:read"))))]
async fn list(State(app): State<App>) -> Answer<Vec<ServiceView>> {
    run(move || services::list(&app)).await
}

/// Show a service
#[utoipa::path(get, path = "/services/{name}", operation_id = "services.show", tag = "services",
    params(("name" = String, Path)),
    responses((status = 200, description = "The service", body = ServiceView)),
    extensions(("x-right" = json!("services:read"))))]
async fn show(State(app): State<App>, Path(name): Path<String>) -> Answer<ServiceView> {
    run(move || services::show(&app, &name)).await
}

/// Start a service
///
/// One that runs goes on. One that has failed does not wait for its next try.
#[utoipa::path(post, path = "/services/{name}/start", operation_id = "services.start", tag = "services",
    params(("name" = String, Path)),
    responses((status = 200, description = "The service", body = ServiceView)),
    extensions(("x-right" = json!("services:write"))))]
async fn start(State(app): State<App>, Who(caller): Who, Path(name): Path<String>) -> Answer<ServiceView> {
    run(move || services::start(&app, &caller, &name)).await
}

/// Stop a service
///
/// Until it is started or the node restarts. What that means says `stop_means`. The answer waits until the service has
/// ended.
#[utoipa::path(post, path = "/services/{name}/stop", operation_id = "services.stop", tag = "services",
    params(("name" = String, Path)),
    responses((status = 200, description = "The service", body = ServiceView)),
    extensions(("x-right" = json!("services:write"))))]
async fn stop(State(app): State<App>, Who(caller): Who, Path(name): Path<String>) -> Answer<ServiceView> {
    run(move || services::stop(&app, &caller, &name)).await
}

/// Stop a service and start it again
#[utoipa::path(post, path = "/services/{name}/restart", operation_id = "services.restart", tag = "services",
    params(("name" = String, Path)),
    responses((status = 200, description = "The service", body = ServiceView)),
    extensions(("x-right" = json!("services:write"))))]
async fn restart(State(app): State<App>, Who(caller): Who, Path(name): Path<String>) -> Answer<ServiceView> {
    run(move || services::restart(&app, &caller, &name)).await
}

/// Activate a service on this node
///
/// It is started, now and whenever the node starts.
#[utoipa::path(post, path = "/services/{name}/activate", operation_id = "services.activate", tag = "services",
    params(("name" = String, Path)),
    responses((status = 200, description = "The service", body = ServiceView)),
    extensions(("x-right" = json!("services:write"))))]
async fn activate(State(app): State<App>, Who(caller): Who, Path(name): Path<String>) -> Answer<ServiceView> {
    run(move || services::activate(&app, &caller, &name)).await
}

/// Deactivate a service on this node
///
/// It is stopped, and does not start with the node any more.
#[utoipa::path(post, path = "/services/{name}/deactivate", operation_id = "services.deactivate", tag = "services",
    params(("name" = String, Path)),
    responses((status = 200, description = "The service", body = ServiceView)),
    extensions(("x-right" = json!("services:write"))))]
async fn deactivate(State(app): State<App>, Who(caller): Who, Path(name): Path<String>) -> Answer<ServiceView> {
    run(move || services::deactivate(&app, &caller, &name)).await
}

#[cfg(test)]
mod tests {
    use super::super::tests::Bench;
    use axum::http::Method;
    use serde_json::{Value, json};

    #[tokio::test]
    async fn services_are_seen_and_chosen() {
        let bench = Bench::new();
        let all = bench.ok(bench.ask(Method::GET, "/services", Value::Null).await, 200);
        assert!(all.as_array().unwrap().iter().any(|service| service["name"] == "client-connections"), "{all}");
        let off = bench.ok(bench.ask(Method::POST, "/services/sync-agent/deactivate", Value::Null).await, 200);
        assert_eq!((&off["active"], &off["state"]), (&json!(false), &json!("deactivated")));
        assert_eq!(bench.ok(bench.ask(Method::GET, "/services/sync-agent", Value::Null).await, 200), off);
        bench.ok(bench.ask(Method::POST, "/services/sync-agent/activate", Value::Null).await, 200);
        let refused = bench.ok(bench.ask(Method::POST, "/services/sync-agent/stop", Value::Null).await, 409);
        assert!(refused["error"]["ja"].as_str().unwrap().contains("稼働していません"), "{refused}");
        bench.ok(bench.ask(Method::POST, "/services/nothing/stop", Value::Null).await, 404);
    }
}

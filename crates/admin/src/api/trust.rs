//! `/trust`: authorities that the node believes as a client.

use super::{Created, Who, create, run};
use crate::reply::{Answer, Input};
use axum::extract::{Path, State};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zaiseki_control::app::App;
use zaiseki_control::app::trust::{self, TrustInput, TrustView};

pub(super) fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, add)).routes(routes!(show, remove))
}

/// List the authorities that are believed
///
/// Besides those of the operating system.
#[utoipa::path(get, path = "/trust", operation_id = "trust.list", tag = "trust",
    responses((status = 200, description = "All of them, by name", body = [TrustView])),
    extensions(("x-right" = json!("certificates:read"))))]
async fn list(State(app): State<App>) -> Answer<Vec<TrustView>> {
    run(move || trust::list(&app)).await
}

/// Believe an authority
///
/// From the next connection on: gateways, directories, alarm targets, the OpenID provider.
#[utoipa::path(post, path = "/trust", operation_id = "trust.add", tag = "trust", request_body = TrustInput,
    responses((status = 201, description = "The authority", body = TrustView)),
    extensions(("x-right" = json!("certificates:write"))))]
async fn add(State(app): State<App>, Who(caller): Who, Input(input): Input<TrustInput>) -> Created<TrustView> {
    create(move || trust::add(&app, &caller.actor, &input)).await
}

/// Show an authority that is believed
#[utoipa::path(get, path = "/trust/{name}", operation_id = "trust.show", tag = "trust",
    params(("name" = String, Path)),
    responses((status = 200, description = "The authority", body = TrustView)),
    extensions(("x-right" = json!("certificates:read"))))]
async fn show(State(app): State<App>, Path(name): Path<String>) -> Answer<TrustView> {
    run(move || trust::show(&app, &name)).await
}

/// Believe an authority no longer
#[utoipa::path(delete, path = "/trust/{name}", operation_id = "trust.remove", tag = "trust",
    params(("name" = String, Path)),
    responses((status = 200, description = "The authority as it was", body = TrustView)),
    extensions(("x-right" = json!("certificates:write"))))]
async fn remove(State(app): State<App>, Who(caller): Who, Path(name): Path<String>) -> Answer<TrustView> {
    run(move || trust::remove(&app, &caller.actor, &name)).await
}

#[cfg(test)]
mod tests {
    use super::super::tests::Bench;
    use axum::http::Method;
    use serde_json::{Value, json};

    #[tokio::test]
    async fn authorities_come_and_go() {
        let bench = Bench::new();
        let dir = tempfile::tempdir().unwrap();
        let paths = zaiseki_net::tls::ensure_self_signed(dir.path(), &["example.com".to_owned()]).unwrap();
        let new = json!({"name": "company", "certificate": std::fs::read_to_string(paths.ca).unwrap()});
        let made = bench.ok(bench.ask(Method::POST, "/trust", new.clone()).await, 201);
        assert_eq!(made["details"]["authority"], true);
        bench.ok(bench.ask(Method::POST, "/trust", new).await, 409);
        assert_eq!(bench.ok(bench.ask(Method::GET, "/trust", Value::Null).await, 200), json!([made]));
        let wrong = json!({"name": "x", "certificate": "x"});
        assert_eq!(bench.ok(bench.ask(Method::POST, "/trust", wrong).await, 400)["error"]["field"], "certificate");
        assert_eq!(bench.ok(bench.ask(Method::GET, "/trust/company", Value::Null).await, 200), made);
        bench.ok(bench.ask(Method::DELETE, "/trust/company", Value::Null).await, 200);
        bench.ok(bench.ask(Method::GET, "/trust/company", Value::Null).await, 404);
    }
}

//! `/acme`: certificates from a public authority, by themselves.

use super::{Who, run};
use crate::reply::{Answer, Input};
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zaiseki_control::app::App;
use zaiseki_control::app::acme::{self, AcmeInput, AcmeView};

pub(super) fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show, set, remove)).routes(routes!(order))
}

/// Show what ACME is set to, and how it goes
#[utoipa::path(get, path = "/acme", operation_id = "acme.show", tag = "acme",
    responses((status = 200, description = "Settings and state", body = AcmeView)),
    extensions(("x-right" = json!("certificates:read"))))]
async fn show(State(app): State<App>) -> Answer<AcmeView> {
    run(move || acme::show(&app)).await
}

/// Use ACME
///
/// A certificate is ordered at once if one is needed, and renewed when a third of its life is left.
#[utoipa::path(put, path = "/acme", operation_id = "acme.set", tag = "acme", request_body = AcmeInput,
    responses((status = 200, description = "Settings and state", body = AcmeView)),
    extensions(("x-right" = json!("certificates:write"))))]
async fn set(State(app): State<App>, Who(caller): Who, Input(input): Input<AcmeInput>) -> Answer<AcmeView> {
    run(move || acme::set(&app, &caller.actor, &input)).await
}

/// Use ACME no longer
///
/// The account is forgotten, and the node's own certificate is shown again.
#[utoipa::path(delete, path = "/acme", operation_id = "acme.remove", tag = "acme",
    responses((status = 200, description = "Settings and state", body = AcmeView)),
    extensions(("x-right" = json!("certificates:write"))))]
async fn remove(State(app): State<App>, Who(caller): Who) -> Answer<AcmeView> {
    run(move || acme::remove(&app, &caller.actor)).await
}

/// Order a certificate now
#[utoipa::path(post, path = "/acme/order", operation_id = "acme.order", tag = "acme",
    responses((status = 200, description = "Settings and state, before the order", body = AcmeView)),
    extensions(("x-right" = json!("certificates:write"))))]
async fn order(State(app): State<App>, Who(caller): Who) -> Answer<AcmeView> {
    run(move || acme::order(&app, &caller.actor)).await
}

#[cfg(test)]
mod tests {
    use super::super::tests::Bench;
    use axum::http::Method;
    use serde_json::{Value, json};

    #[tokio::test]
    async fn acme_is_used_and_no_longer() {
        let bench = Bench::new();
        let none = bench.ok(bench.ask(Method::GET, "/acme", Value::Null).await, 200);
        assert_eq!((&none["config"], &none["account"]), (&Value::Null, &json!(false)));
        bench.ok(bench.ask(Method::POST, "/acme/order", Value::Null).await, 404);
        let mut config = json!({"directory": "https://acme.example/dir", "contact": [], "terms_agreed": false,
            "names": ["im.example.com"], "purposes": ["xmpp", "web"], "key_id": ""});
        let wrong = bench.ok(bench.ask(Method::PUT, "/acme", config.clone()).await, 400);
        assert_eq!(wrong["error"]["field"], "terms_agreed");
        config["terms_agreed"] = json!(true);
        let set = bench.ok(bench.ask(Method::PUT, "/acme", config.clone()).await, 200);
        assert_eq!(set["config"], config);
        bench.ok(bench.ask(Method::POST, "/acme/order", Value::Null).await, 200);
        assert_eq!(bench.ok(bench.ask(Method::DELETE, "/acme", Value::Null).await, 200)["config"], Value::Null);
    }
}

//! `/notifications`: what waits for an administrator.

use super::run;
use crate::reply::Answer;
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zaiseki_control::app::App;
use zaiseki_control::app::notifications::{self, Notification};

pub(super) fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// List what waits for an administrator
///
/// Changes of the configuration file that only a restart brings into use, each with what has to be restarted; and, when no
/// node would start with the file as it is, everything that is wrong with it.
#[utoipa::path(get, path = "/notifications", operation_id = "notifications.list", tag = "notifications",
    responses((status = 200, description = "All of them, the worst first", body = [Notification])),
    extensions(("x-right" = json!("services:read"))))]
async fn list(State(app): State<App>) -> Answer<Vec<Notification>> {
    run(move || Ok(notifications::list(&app))).await
}

#[cfg(test)]
mod tests {
    use super::super::tests::Bench;
    use axum::http::Method;
    use serde_json::{Value, json};
    use zaiseki_control::Text;
    use zaiseki_control::bootstrap::{Bootstrap, Entries, Restarter};

    struct Still;

    impl Restarter for Still {
        fn ready(&self) -> Result<(), Text> {
            Ok(())
        }

        fn restart(&self) {}
    }

    #[tokio::test]
    async fn pending_restarts_are_listed_and_the_node_is_restarted() {
        let bench = Bench::new();
        assert_eq!(bench.ok(bench.ask(Method::GET, "/notifications", Value::Null).await, 200), json!([]));
        bench.ok(bench.ask(Method::POST, "/nodes/im1/restart", Value::Null).await, 404);
        let entries = |level: &str| Entries::from([("log.level".to_owned(), level.to_owned())]);
        let (node, now) = (bench.app.node(), entries("debug"));
        node.set_name("im1");
        bench.ok(bench.ask(Method::POST, "/nodes/im1/restart", Value::Null).await, 409);
        node.set_bootstrap(Bootstrap::new(None, entries("info"), move || Ok(now.clone())));
        node.set_restarter(Still);
        let all = bench.ok(bench.ask(Method::GET, "/notifications", Value::Null).await, 200);
        assert_eq!((&all[0]["key"], &all[0]["restart"]), (&json!("log.level"), &json!("node")));
        assert_eq!((&all[0]["in_use"], &all[0]["in_file"]), (&json!("info"), &json!("debug")));
        assert_eq!(bench.ok(bench.ask(Method::POST, "/nodes/im1/restart", Value::Null).await, 202)["name"], "im1");
    }
}

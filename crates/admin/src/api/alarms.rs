//! `/alarms`: what is wrong, what was, and who has seen it.

use super::{Who, run};
use crate::reply::{Answer, Queried};
use axum::Json;
use axum::extract::{Path, State};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zaiseki_control::app::App;
use zaiseki_control::app::alarms::{self, AlarmKindView, AlarmPage, AlarmQuery, AlarmView};

pub(super) fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(catalogue)).routes(routes!(show)).routes(routes!(acknowledge))
}

/// List alarms
#[utoipa::path(get, path = "/alarms", operation_id = "alarms.list", tag = "alarms", params(AlarmQuery),
    responses((status = 200, description = "One page, newest first", body = AlarmPage)),
    extensions(("x-right" = json!("alarms:read"))))]
async fn list(State(app): State<App>, Queried(query): Queried<AlarmQuery>) -> Answer<AlarmPage> {
    run(move || alarms::list(&app, &query)).await
}

/// List the alarms that there can be
///
/// What each means, how bad it is, and what to do.
#[utoipa::path(get, path = "/alarms:catalogue", operation_id = "alarms.catalogue", tag = "alarms",
    responses((status = 200, description = "The catalogue, by id", body = [AlarmKindView])),
    extensions(("x-right" = json!("alarms:read"))))]
async fn catalogue() -> Json<Vec<AlarmKindView>> {
    Json(alarms::kinds())
}

/// Show an alarm
#[utoipa::path(get, path = "/alarms/{id}", operation_id = "alarms.show", tag = "alarms", params(("id" = String, Path)),
    responses((status = 200, description = "The alarm", body = AlarmView)),
    extensions(("x-right" = json!("alarms:read"))))]
async fn show(State(app): State<App>, Path(id): Path<String>) -> Answer<AlarmView> {
    run(move || alarms::show(&app, &id)).await
}

/// Acknowledge an alarm
///
/// Notes who has seen it. One that tells of something that has happened, and is not going on, is over by that.
#[utoipa::path(post, path = "/alarms/{id}/acknowledge", operation_id = "alarms.acknowledge", tag = "alarms",
    params(("id" = String, Path)),
    responses((status = 200, description = "The alarm", body = AlarmView)),
    extensions(("x-right" = json!("alarms:write"))))]
async fn acknowledge(State(app): State<App>, Who(caller): Who, Path(id): Path<String>) -> Answer<AlarmView> {
    run(move || alarms::acknowledge(&app, &caller.actor, &id)).await
}

#[cfg(test)]
mod tests {
    use super::super::tests::Bench;
    use axum::http::Method;
    use serde_json::{Value, json};
    use zaiseki_control::Text;
    use zaiseki_control::alarms::catalogue::GATEWAY_DOWN;

    #[tokio::test]
    async fn alarms_are_listed_and_acknowledged() {
        let bench = Bench::new();
        let get = async |path: &str| bench.ok(bench.ask(Method::GET, path, Value::Null).await, 200);
        assert_eq!(get("/alarms").await, json!({"alarms": [], "next": null}));
        bench.app.alarms().raise(&GATEWAY_DOWN, "mail", Text::new("no answer", "応答なし"));
        let page = get("/alarms?open=true&alarm=gateway.down").await;
        let alarm = &page["alarms"][0];
        assert_eq!((&alarm["subject"], &alarm["severity"], &alarm["open"]), (&json!("mail"), &json!("error"), &json!(true)));
        let path = format!("/alarms/{}", alarm["id"].as_str().unwrap());
        assert_eq!(&get(&path).await, alarm);
        let seen = bench.ok(bench.ask(Method::POST, &format!("{path}/acknowledge"), Value::Null).await, 200);
        assert_eq!(seen["acknowledged"]["by"], "tester");
        bench.app.alarms().clear(&GATEWAY_DOWN, "mail");
        bench.ok(bench.ask(Method::POST, &format!("{path}/acknowledge"), Value::Null).await, 409);
        assert_eq!(get("/alarms?open=false").await["alarms"][0]["open"], false);
        bench.ok(bench.ask(Method::GET, "/alarms/nobody", Value::Null).await, 404);
        bench.ok(bench.ask(Method::GET, "/alarms?limit=0", Value::Null).await, 400);
        assert!(get("/alarms:catalogue").await.as_array().unwrap().iter().any(|kind| kind["alarm"] == "gateway.down"));
    }
}

//! `/jobs`: long work, kept and done in the background.

use super::{Who, blocking, run};
use crate::reply::{Answer, Input, Problem, Queried};
use axum::Json;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zaiseki_control::app::App;
use zaiseki_control::app::jobs::{self, JobInput, JobPage, JobQuery, JobView, LogPage, LogQuery};
use zaiseki_model::limits::JOB_INPUT_BYTES;

/// Bytes of a request: the input of a job as it is typed, with escapes, may be longer than as it is kept.
const REQUEST_BYTES: usize = 2 * JOB_INPUT_BYTES;

pub(super) fn operations() -> OpenApiRouter<App> {
    let create = OpenApiRouter::new().routes(routes!(list, create)).layer(DefaultBodyLimit::max(REQUEST_BYTES));
    OpenApiRouter::new().merge(create).routes(routes!(show)).routes(routes!(cancel)).routes(routes!(log))
}

/// List jobs
#[utoipa::path(get, path = "/jobs", operation_id = "jobs.list", tag = "jobs", params(JobQuery),
    responses((status = 200, description = "One page, newest first", body = JobPage)),
    extensions(("x-right" = json!("jobs:read"))))]
async fn list(State(app): State<App>, Queried(query): Queried<JobQuery>) -> Answer<JobPage> {
    run(move || jobs::list(&app, &query)).await
}

/// Ask for a job
///
/// It is done in the background, also across a restart of the node. The caller needs the right to what the job does too.
#[utoipa::path(post, path = "/jobs", operation_id = "jobs.create", tag = "jobs", request_body = JobInput,
    responses((status = 202, description = "The job", body = JobView)),
    extensions(("x-right" = json!("jobs:write"))))]
async fn create(
    State(app): State<App>,
    Who(caller): Who,
    Input(input): Input<JobInput>,
) -> Result<(StatusCode, Json<JobView>), Problem> {
    Ok((StatusCode::ACCEPTED, Json(blocking(move || jobs::create(&app, &caller, input)).await?)))
}

/// Show a job
#[utoipa::path(get, path = "/jobs/{id}", operation_id = "jobs.show", tag = "jobs", params(("id" = String, Path)),
    responses((status = 200, description = "The job", body = JobView)),
    extensions(("x-right" = json!("jobs:read"))))]
async fn show(State(app): State<App>, Path(id): Path<String>) -> Answer<JobView> {
    run(move || jobs::find(&app, &id)).await
}

/// Cancel a job
///
/// One that waits ends at once, one that runs before its next step. What is done stays done.
#[utoipa::path(post, path = "/jobs/{id}/cancel", operation_id = "jobs.cancel", tag = "jobs", params(("id" = String, Path)),
    responses((status = 200, description = "The job", body = JobView)),
    extensions(("x-right" = json!("jobs:write"))))]
async fn cancel(State(app): State<App>, Who(caller): Who, Path(id): Path<String>) -> Answer<JobView> {
    run(move || jobs::cancel(&app, &caller, &id)).await
}

/// Read a job's log
#[utoipa::path(get, path = "/jobs/{id}/log", operation_id = "jobs.log", tag = "jobs",
    params(("id" = String, Path), LogQuery),
    responses((status = 200, description = "One page, oldest first", body = LogPage)),
    extensions(("x-right" = json!("jobs:read"))))]
async fn log(State(app): State<App>, Path(id): Path<String>, Queried(query): Queried<LogQuery>) -> Answer<LogPage> {
    run(move || jobs::log(&app, &id, &query)).await
}

#[cfg(test)]
mod tests {
    use super::super::tests::Bench;
    use axum::http::Method;
    use serde_json::{Value, json};

    #[tokio::test]
    async fn jobs_are_asked_for_read_and_cancelled() {
        let bench = Bench::new();
        let big: Vec<String> = (0..100_000).map(|n| format!("someone-with-a-name-{n:06}")).collect();
        let body = json!({"kind": "users.im", "input": {"im": true, "users": big}});
        let made = bench.ok(bench.ask(Method::POST, "/jobs", body).await, 202);
        assert_eq!((&made["state"], &made["total"]), (&json!("queued"), &json!(100_000)));
        let path = format!("/jobs/{}", made["id"].as_str().unwrap());
        assert_eq!(bench.ok(bench.ask(Method::GET, &path, Value::Null).await, 200), made);
        let page = bench.ok(bench.ask(Method::GET, "/jobs?state=waiting&limit=1", Value::Null).await, 200);
        assert_eq!(page, json!({"jobs": [made], "next": null}));
        let log = bench.ok(bench.ask(Method::GET, &format!("{path}/log"), Value::Null).await, 200);
        assert_eq!(log, json!({"lines": [], "next": null}));
        let cancel = format!("{path}/cancel");
        assert_eq!(bench.ok(bench.ask(Method::POST, &cancel, Value::Null).await, 200)["state"], "cancelled");
        bench.ok(bench.ask(Method::POST, &cancel, Value::Null).await, 409);
        bench.ok(bench.ask(Method::GET, "/jobs/nobody", Value::Null).await, 404);
        let wrong = bench.ok(bench.ask(Method::POST, "/jobs", json!({"kind": "x", "input": {}})).await, 400);
        assert_eq!(wrong["error"]["field"], "kind");
    }
}

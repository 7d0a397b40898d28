//! `/address-scheme`: of what the addresses of users are made.

use super::{Who, blocking, run};
use crate::reply::{Answer, Input, Problem};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zaiseki_control::app::App;
use zaiseki_control::app::addresses::{self, AddressView, SchemeInput};
use zaiseki_control::app::jobs::JobView;

pub(super) fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show, switch))
}

/// Of what addresses are made, and what a switch would do
#[utoipa::path(get, path = "/address-scheme", operation_id = "address-scheme.show", tag = "address-scheme",
    responses((status = 200, description = "The scheme, and a preview of the other one", body = AddressView)),
    extensions(("x-right" = json!("settings:read"))))]
async fn show(State(app): State<App>) -> Answer<AddressView> {
    run(move || addresses::show(&app)).await
}

/// Make addresses of something else
///
/// A job gives everybody the new address. Contacts, archives and block lists follow; sessions of whoever gets another address
/// end.
#[utoipa::path(put, path = "/address-scheme", operation_id = "address-scheme.switch", tag = "address-scheme",
    request_body = SchemeInput,
    responses((status = 202, description = "The job", body = JobView)),
    extensions(("x-right" = json!("settings:write"))))]
async fn switch(
    State(app): State<App>,
    Who(caller): Who,
    Input(input): Input<SchemeInput>,
) -> Result<(StatusCode, Json<JobView>), Problem> {
    Ok((StatusCode::ACCEPTED, Json(blocking(move || addresses::switch(&app, &caller, input)).await?)))
}

//! `/account`: one's own password and second factor.

use super::{Who, run};
use crate::reply::{Answer, Input};
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zaiseki_control::app::App;
use zaiseki_control::app::account::{self, Confirmation, Enrolment, OwnPassword, Proof, RecoveryCodes};
use zaiseki_control::app::admins::AdminView;
use zaiseki_model::Timestamp;

pub(super) fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(set_password)).routes(routes!(enrol, confirm)).routes(routes!(remove))
}

/// Change your own password
///
/// Your other sessions end.
#[utoipa::path(put, path = "/account/password", operation_id = "account.set-password", tag = "account",
    request_body = OwnPassword,
    responses((status = 200, description = "Your account", body = AdminView)),
    extensions(("x-right" = json!("own:write"))))]
async fn set_password(State(app): State<App>, Who(caller): Who, Input(input): Input<OwnPassword>) -> Answer<AdminView> {
    run(move || account::set_password(&app, &caller, &input)).await
}

/// Begin the enrolment of a second factor
///
/// Nothing changes until it is confirmed.
#[utoipa::path(post, path = "/account/second-factor", operation_id = "account.enrol", tag = "account",
    responses((status = 200, description = "For the authenticator app", body = Enrolment)),
    extensions(("x-right" = json!("own:write"))))]
async fn enrol(State(app): State<App>, Who(caller): Who) -> Answer<Enrolment> {
    run(move || account::enrol(&app, &caller)).await
}

/// Confirm the enrolment by the first code
///
/// Your other sessions end. The recovery codes are shown this once.
#[utoipa::path(put, path = "/account/second-factor", operation_id = "account.confirm", tag = "account",
    request_body = Confirmation,
    responses((status = 200, description = "Recovery codes", body = RecoveryCodes)),
    extensions(("x-right" = json!("own:write"))))]
async fn confirm(State(app): State<App>, Who(caller): Who, Input(input): Input<Confirmation>) -> Answer<RecoveryCodes> {
    run(move || account::confirm(&app, &caller, &input, Timestamp::now())).await
}

/// Take the second factor off
#[utoipa::path(post, path = "/account/second-factor/remove", operation_id = "account.remove-second-factor", tag = "account",
    request_body = Proof,
    responses((status = 200, description = "Your account", body = AdminView)),
    extensions(("x-right" = json!("own:write"))))]
async fn remove(State(app): State<App>, Who(caller): Who, Input(proof): Input<Proof>) -> Answer<AdminView> {
    run(move || account::remove_second_factor(&app, &caller, &proof)).await
}

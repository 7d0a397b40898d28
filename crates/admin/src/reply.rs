//! JSON in and out: one shape for every answer and every error.

use axum::Json;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;
use zaiseki_control::{ControlError, Text};

/// What went wrong, as `{"error": {"code": …, "field": …, "en": …, "ja": …}}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    pub error: ErrorReply,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorReply {
    /// `invalid`, `unauthorized`, `forbidden`, `not-found`, `method-not-allowed`, `conflict`, `cross-site`, `too-large`, `throttled`,
    /// `unavailable`, `internal`.
    pub code: String,
    /// The input it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    #[serde(flatten)]
    pub text: Text,
}

/// An error on its way out.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    reply: ErrorReply,
    /// When it may be tried again.
    wait: Option<Duration>,
}

impl Problem {
    pub fn new(status: StatusCode, code: &str, text: Text) -> Self {
        Problem { status, reply: ErrorReply { code: code.to_owned(), field: None, text }, wait: None }
    }

    /// For somebody who is not signed in: what happened inside is for the log (OWASP ASVS 4.0 §7.4.1).
    pub fn for_stranger(self) -> Self {
        if self.status.is_server_error() { Problem::internal() } else { self }
    }

    pub fn internal() -> Self {
        let text = Text::new("the server failed; its log says why", "サーバーでエラーが発生しました。ログを確認してください");
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", text)
    }
}

impl From<ControlError> for Problem {
    fn from(error: ControlError) -> Self {
        let status = match error.code() {
            "invalid" => StatusCode::BAD_REQUEST,
            "conflict" => StatusCode::CONFLICT,
            "not-found" => StatusCode::NOT_FOUND,
            "unauthorized" => StatusCode::UNAUTHORIZED,
            "forbidden" => StatusCode::FORBIDDEN,
            "throttled" => StatusCode::TOO_MANY_REQUESTS,
            "unavailable" => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if status.is_server_error() {
            tracing::error!(error = %error.text(), "an administrative request failed");
        }
        let field = error.field().map(str::to_owned);
        let wait = if let ControlError::Throttled { wait, .. } = &error { Some(*wait) } else { None };
        Problem { status, reply: ErrorReply { code: error.code().to_owned(), field, text: error.text() }, wait }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(ErrorBody { error: self.reply })).into_response();
        if let Some(wait) = self.wait {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        response
    }
}

pub(crate) type Answer<T> = Result<Json<T>, Problem>;

/// A JSON object as the body; an empty one counts as `{}`. The error says where it is wrong.
pub(crate) struct Input<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Input<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = whole_body(request, state).await?;
        let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        // serde would take a list for the fields in their order, which no document tells.
        if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) != Some(&b'{') {
            let text = Text::new("the request is not a JSON object", "リクエストが JSON のオブジェクトではありません");
            return Err(Problem::new(StatusCode::BAD_REQUEST, "invalid", text));
        }
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let read = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let path = error.path().to_string();
            not_understood(Some(path).filter(|path| path != "."), error.inner())
        })?;
        json.end().map(|()| Input(read)).map_err(|why| not_understood(None, &why))
    }
}

/// `field`: where in the body; within a configuration as far as its kind is known by then.
fn not_understood(field: Option<String>, why: &serde_json::Error) -> Problem {
    let mut problem = Problem::new(StatusCode::BAD_REQUEST, "invalid", Text::not_understood("the request", "リクエスト", why));
    problem.reply.field = field;
    problem
}

/// The query of the address. The error says what is wrong with it.
pub(crate) struct Queried<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Queried<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query.map(|Query(query)| Queried(query)).map_err(|why| {
            let en = format!("the query is not understood: {why}");
            Problem::new(StatusCode::BAD_REQUEST, "invalid", Text::new(en, format!("クエリーを読み取れません: {why}")))
        })
    }
}

/// The body, if it is not longer than the limit of its route.
pub(crate) async fn whole_body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            let text = Text::new("the request is too large", "リクエストが大きすぎます");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", text)
        }
        _ => {
            let text = Text::new("the request broke off", "リクエストが途中で切れました");
            Problem::new(StatusCode::BAD_REQUEST, "invalid", text)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use serde_json::{Value, json};
    use zaiseki_control::app::gateways::GatewayInput;

    async fn refused(body: Value) -> ErrorReply {
        let request = Request::post("/").body(Body::from(body.to_string())).unwrap();
        match Input::<GatewayInput>::from_request(request, &()).await {
            Ok(_) => panic!("{body} is taken"),
            Err(problem) => problem.reply,
        }
    }

    #[tokio::test]
    async fn what_is_not_understood_is_told_by_field_and_in_both_languages() {
        let config = |config: Value| json!({"name": "g", "config": config});
        for (body, field, en, ja) in [
            (json!({"name": 5}), Some("name"), "invalid type: integer `5`", "値の型が違います"),
            (json!({"name": "g"}), None, "missing field `config`", "項目 config がありません"),
            (config(json!({"kind": "ewss"})), Some("config.kind"), "unknown variant `ewss`", "ewss という値は使えません"),
            (config(json!({"kind": "ews"})), Some("config"), "missing field", "がありません"),
        ] {
            let reply = refused(body.clone()).await;
            assert_eq!(reply.field.as_deref(), field, "{body}: {reply:?}");
            assert!(reply.text.en.contains(en) && reply.text.ja.contains(ja), "{body}: {reply:?}");
            assert!(!reply.text.en.contains("column"), "{reply:?}");
        }
    }
}

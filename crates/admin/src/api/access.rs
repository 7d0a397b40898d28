//! Who may call which operation: the table is read from the OpenAPI document, so that an operation without a right cannot
//! be called by anybody.

use super::{no_such_method, no_such_path, unauthorized};
use crate::reply::Problem;
use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::collections::HashMap;
use std::sync::Arc;
use utoipa::openapi::OpenApi;
use zaiseki_control::ControlError;
use zaiseki_control::access::{Caller, Right};

/// The extension of an operation that names its right.
pub const EXTENSION: &str = "x-right";

/// What an operation asks of the one who calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// `none`: nothing; for signing in.
    Anyone,
    Right(Right),
}

/// Path template and method (`/api/v1/users/{name}`, `GET`) to what is asked for.
#[derive(Debug, Default)]
pub struct Rights(HashMap<String, HashMap<Method, Access>>);

impl Rights {
    /// Reads `x-right` of every operation. One without, or with a word that is no right, is left out and so refused.
    pub fn of(document: &OpenApi) -> Rights {
        let mut rights = Rights::default();
        for (path, method, operation) in super::document::operations(document) {
            let word = operation.extensions.as_ref().and_then(|all| all.get(EXTENSION)).and_then(|value| value.as_str());
            let access = match word {
                Some("none") => Some(Access::Anyone),
                Some(word) => word.parse().ok().map(Access::Right),
                None => None,
            };
            if let Some(access) = access {
                rights.0.entry(path.to_owned()).or_default().insert(method, access);
            }
        }
        rights
    }

    pub fn get(&self, path: &str, method: &Method) -> Option<Access> {
        // axum answers HEAD by the handler of GET.
        let method = if method == Method::HEAD { &Method::GET } else { method };
        self.0.get(path)?.get(method).copied()
    }
}

/// Lets a request through to its handler, or refuses it. A stranger does not learn which paths there are.
pub(super) async fn check(State(rights): State<Arc<Rights>>, request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let access = path.and_then(|path| rights.get(path, request.method()));
    let caller = request.extensions().get::<Caller>();
    let right = match (access, caller) {
        (Some(Access::Anyone), _) => return next.run(request).await,
        (_, None) => return unauthorized().into_response(),
        (None, Some(_)) if path.is_some() => return no_such_method().await.into_response(),
        (None, Some(_)) => return no_such_path().await.into_response(),
        (Some(Access::Right(right)), Some(_)) => right,
    };
    match caller.is_some_and(|caller| caller.may(right)) {
        true => next.run(request).await,
        false => Problem::from(ControlError::Forbidden { right }).into_response(),
    }
}

//! One span for each request to the API and the console: route, method, status, role. Never a path, a query or a name.

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::Response;
use zaiseki_control::App;
use zaiseki_control::access::Caller;
use zaiseki_control::vitals::spans::{self, Open, Parent, SpanKind};

/// The layer; inside the router, where the route is known, and inside the door, where the caller is.
pub async fn traced(State(app): State<App>, request: Request, next: Next) -> Response {
    let mut span = begin(&app, &request);
    let response = next.run(request).await;
    if let Some(span) = &mut span {
        let status = response.status();
        span.number("http.response.status_code", status.as_u16().into());
        span.failed(status.is_server_error());
    }
    response
}

/// Names of attributes are those of OpenTelemetry's semantic conventions for HTTP servers.
fn begin(app: &App, request: &Request) -> Option<Open> {
    let route = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let method = word(request.method());
    let name = route.map_or_else(|| method.to_owned(), |route| format!("{method} {route}"));
    let mut span = spans::begin(app, name, SpanKind::Server, parent(request.headers()))?;
    span.text("http.request.method", method);
    if let Some(route) = route {
        span.text("http.route", route);
    }
    if let Some(caller) = request.extensions().get::<Caller>() {
        span.text("zaiseki.role", caller.role.as_str());
    }
    Some(span)
}

/// Whoever sends the header twice is in no trace.
fn parent(headers: &HeaderMap) -> Option<Parent> {
    let mut all = headers.get_all("traceparent").iter();
    let (first, None) = (all.next()?, all.next()) else { return None };
    Parent::parse(first.to_str().ok()?)
}

/// A method that nobody knows is whatever somebody typed.
fn word(method: &Method) -> &str {
    let known = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS];
    if known.contains(method) { method.as_str() } else { "_OTHER" }
}

#[cfg(test)]
mod tests {
    use crate::api::tests::{app, tester};
    use crate::{api, console};
    use axum::Router;
    use axum::body::Body;
    use axum::http::{Request, StatusCode};
    use serde_json::json;
    use std::collections::BTreeMap;
    use tower::ServiceExt;
    use zaiseki_control::app::settings;
    use zaiseki_control::vitals::spans::Attribute;

    async fn ask(router: &Router, method: &str, path: &str, traceparent: &[&str]) -> StatusCode {
        let mut request = Request::builder().method(method).uri(path).extension(tester());
        for header in traceparent {
            request = request.header("traceparent", *header);
        }
        router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
    }

    #[tokio::test]
    async fn a_request_is_a_span_without_names_in_the_trace_it_came_with() {
        let dir = tempfile::tempdir().unwrap();
        let app = app(dir.path());
        let (api, console) = (api::api(app.clone()), console::console(app.clone()));
        ask(&api, "GET", "/api/v1/status", &[]).await;
        assert!(app.spans().take(9).is_empty(), "nobody wants them");
        let change = BTreeMap::from([("telemetry.traces_percent".to_owned(), json!(100))]);
        settings::put(&app, "tester", &change).unwrap();
        app.spans().switch(true);
        let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert_eq!(ask(&api, "GET", "/api/v1/users/hanako?x=hanako", &[parent]).await, StatusCode::NOT_FOUND);
        ask(&api, "GET", "/api/v1/users/hanako", &[parent, parent]).await;
        ask(&console, "GET", "/console/users/hanako", &[]).await;
        ask(&api, "HANAKO", "/api/v1/hanako", &[]).await;
        let spans = app.spans().take(9);
        let names: Vec<&str> = spans.iter().map(|span| span.name.as_str()).collect();
        assert_eq!(names, ["GET /api/v1/users/{name}", "GET /api/v1/users/{name}", "GET /console/users/{name}", "_OTHER"]);
        assert!(spans[0].parent.is_some() && spans[1].parent.is_none(), "{spans:?}");
        assert!(spans[0].attributes.contains(&("http.response.status_code", Attribute::Number(404))), "{spans:?}");
        assert!(spans[0].attributes.contains(&("zaiseki.role", Attribute::Text("administrator".to_owned()))), "{spans:?}");
        let told = format!("{spans:?}").to_lowercase();
        assert!(!told.contains("hanako") && !told.contains("tester"), "{told}");
    }
}

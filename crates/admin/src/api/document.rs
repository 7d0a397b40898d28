//! The OpenAPI document: what the annotations of the handlers do not say themselves.

use super::schemas;
use crate::reply::ErrorBody;
use axum::http::Method;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, Content, Info, InfoBuilder, License, OpenApi, Ref, Response, Tag};
use utoipa::{PartialSchema, ToSchema};

/// Resources, in the order they are shown, with what they are.
const TAGS: &[(&str, &str)] = &[
    ("session", "Signing in and out, and the first administrator."),
    ("account", "Your own account."),
    ("status", "What the node is doing."),
    ("nodes", "The nodes of the cluster."),
    ("notifications", "What waits for an administrator: pending restarts."),
    ("services", "The services of this node: the control center."),
    ("users", "Users of the built-in directory."),
    ("directories", "Where users come from besides the built-in directory: LDAP."),
    ("gateways", "Presence gateways: calendar services."),
    ("jobs", "Long work that is done in the background."),
    ("settings", "Live settings."),
    ("address-scheme", "Of what the addresses of users are made."),
    ("certificates", "The certificates that the node shows."),
    ("acme", "Certificates from a public authority, by themselves."),
    ("trust", "Authorities that the node believes as a client."),
    ("admins", "Administrators and their sessions."),
    ("tokens", "API tokens for programs."),
    ("alarms", "What is wrong, what was, and what to do."),
    ("alarm-targets", "The places outside that alarms are sent to: syslog, mail, webhooks."),
    ("diagnostics", "The troubleshooter: checks that only read."),
    ("audit", "Who changed what."),
];

/// Adds what all operations share: the error, the ways to sign in, the description.
pub(super) fn finish(mut document: OpenApi) -> OpenApi {
    document.info = info();
    document.servers = None;
    document.tags = Some(TAGS.iter().map(|(name, text)| tag(name, text)).collect());
    let mut schemas = Vec::new();
    ErrorBody::schemas(&mut schemas);
    schemas.push((ErrorBody::name().into_owned(), ErrorBody::schema()));
    let components = document.components.take().unwrap_or_else(|| ComponentsBuilder::new().build());
    let mut components = ComponentsBuilder::from(components).schemas_from_iter(schemas).build();
    schemas::join_tagged(&mut components.schemas);
    components.security_schemes.insert("token".to_owned(), SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer)).into());
    let cookie = ApiKey::Cookie(ApiKeyValue::new(COOKIE));
    components.security_schemes.insert("session".to_owned(), SecurityScheme::ApiKey(cookie).into());
    let schemas = components.schemas.clone();
    document.components = Some(components);
    for item in document.paths.paths.values_mut() {
        for operation in slots_mut(item).into_iter().filter_map(|(_, operation)| operation.as_mut()) {
            complete(operation);
            schemas::optional_body(&schemas, operation);
        }
    }
    document
}

/// The cookie of a signed-in browser. `__Host-` keeps it to this very host, to TLS and to all paths (RFC 6265bis §4.1.3.2).
pub const COOKIE: &str = "__Host-zaiseki";

fn info() -> Info {
    let text = "Administration of a Zaiseki node. Sign in with an API token (`Authorization: Bearer`), or with the cookie of a \
                session. Each operation names the right it needs in `x-right`; `none` needs no sign-in.";
    let mut license = License::new("MIT OR Apache-2.0");
    license.identifier = Some("MIT OR Apache-2.0".to_owned());
    InfoBuilder::new().title("Zaiseki administration").version("1").description(Some(text)).license(Some(license)).build()
}

fn tag(name: &str, text: &str) -> Tag {
    let mut tag = Tag::new(name);
    tag.description = Some(text.to_owned());
    tag
}

/// Every operation can fail in the one way, and needs one of the two ways to sign in unless it says `none`.
fn complete(operation: &mut Operation) {
    let error = Content::new(Some(Ref::from_schema_name(ErrorBody::name())));
    let mut response = Response::new("What went wrong");
    response.content.insert("application/json".to_owned(), error.into());
    operation.responses.responses.insert("default".to_owned(), response.into());
    let open = operation.extensions.as_ref().and_then(|all| all.get(super::access::EXTENSION)).is_some_and(|word| word == "none");
    let none: [&str; 0] = [];
    operation.security = Some(match open {
        true => Vec::new(),
        false => vec![SecurityRequirement::new("token", none), SecurityRequirement::new("session", none)],
    });
}

fn slots(item: &PathItem) -> [(Method, &Option<Operation>); 5] {
    [
        (Method::GET, &item.get),
        (Method::POST, &item.post),
        (Method::PUT, &item.put),
        (Method::PATCH, &item.patch),
        (Method::DELETE, &item.delete),
    ]
}

fn slots_mut(item: &mut PathItem) -> [(Method, &mut Option<Operation>); 5] {
    [
        (Method::GET, &mut item.get),
        (Method::POST, &mut item.post),
        (Method::PUT, &mut item.put),
        (Method::PATCH, &mut item.patch),
        (Method::DELETE, &mut item.delete),
    ]
}

/// Every operation: path template, method, description.
pub(crate) fn operations(document: &OpenApi) -> impl Iterator<Item = (&str, Method, &Operation)> {
    document.paths.paths.iter().flat_map(|(path, item)| {
        let found = slots(item).into_iter().filter_map(|(method, slot)| slot.as_ref().map(|operation| (method, operation)));
        found.map(move |(method, operation)| (path.as_str(), method, operation))
    })
}

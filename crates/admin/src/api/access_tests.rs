//! Each operation × each role × each way of signing in, from the document: none can be forgotten.

use super::document::operations;
use super::tests::{Bench, tester};
use super::*;
use axum::body::Body;
use axum::http::Method;
use zaiseki_control::access::{Area, Level, Right, Role};

/// The roles as the product's description has them, written down a second time.
const OPERATOR_WRITES: [&str; 7] = ["own", "users", "directories", "gateways", "jobs", "services", "settings"];

fn role_may(role: Role, right: Right) -> bool {
    let (area, reads) = (right.area.as_str(), right.level == Level::Read);
    match role {
        Role::Administrator => true,
        Role::Operator => reads || OPERATOR_WRITES.contains(&area),
        Role::ReadOnly => reads || area == "own",
        Role::Axl => area == "axl",
    }
}

/// Path with something in each of its places.
fn filled(path: &str) -> String {
    let path = path.strip_prefix(PREFIX).unwrap();
    path.split('/').map(|part| if part.starts_with('{') { "nobody" } else { part }).collect::<Vec<_>>().join("/")
}

/// Every operation with its method, a path, and what it asks for.
fn all() -> Vec<(Method, String, Access)> {
    let document = openapi();
    let rights = Rights::of(&document);
    let one = |(path, method, _): (&str, Method, &_)| {
        let access = rights.get(path, &method).unwrap_or_else(|| panic!("{method} {path} names no right"));
        (method, filled(path), access)
    };
    operations(&document).map(one).collect()
}

#[test]
fn every_operation_names_a_right_a_tag_and_an_id_of_its_own() {
    let document = openapi();
    assert_eq!(operations(&document).count(), all().len());
    let mut ids: Vec<_> = operations(&document).map(|(_, _, operation)| operation.operation_id.clone().unwrap()).collect();
    ids.sort();
    let count = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), count, "two operations have one id");
    let known: Vec<String> = document.tags.as_ref().unwrap().iter().map(|tag| tag.name.clone()).collect();
    for (path, method, operation) in operations(&document) {
        let tags = operation.tags.clone().unwrap_or_default();
        assert!(tags.len() == 1 && known.contains(&tags[0]), "{method} {path}: {tags:?}");
        let area = operation.operation_id.as_deref().unwrap().split('.').next().unwrap().to_owned();
        assert_eq!(area, tags[0], "{method} {path}");
        assert!(operation.summary.is_some(), "{method} {path} says not what it does");
    }
}

/// GET only reads: a link on another site must not change anything.
#[test]
fn who_may_only_read_changes_nothing_by_get() {
    for (method, path, access) in all() {
        let Access::Right(right) = access else { continue };
        assert!(method != Method::GET || right.level == Level::Read, "{method} {path}");
    }
}

#[tokio::test]
async fn no_operation_answers_a_stranger() {
    let bench = Bench::new();
    for (method, path, access) in all() {
        let (status, answer) = bench.send(None, method.clone(), &path, Body::from("{}")).await;
        if access != Access::Anyone {
            assert_eq!((status, &answer["error"]["code"]), (StatusCode::UNAUTHORIZED, &"unauthorized".into()), "{method} {path}");
        }
    }
    let (status, _) = bench.send(None, Method::GET, "/nothing", Body::empty()).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let (status, _) = bench.send(None, Method::TRACE, "/users", Body::empty()).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
}

/// How someone with that role may come to an operation, and whether it must be let through.
fn ways(role: Role, right: Right) -> Vec<(Caller, bool)> {
    let may = role_may(role, right);
    let with = |scopes: Option<Vec<Right>>| Caller { role, scopes, ..tester() };
    let other = Area::ALL.into_iter().find(|area| *area != right.area).unwrap();
    vec![
        (with(None), may),
        (with(Some(Right::all().collect())), may),
        (with(Some(vec![right])), may),
        (with(Some(vec![Right::write(right.area)])), may),
        (with(Some(vec![Right::read(right.area)])), may && right.level == Level::Read),
        (with(Some(vec![Right::write(other)])), false),
        (with(Some(Vec::new())), false),
    ]
}

#[tokio::test]
async fn each_role_and_each_token_gets_exactly_its_rights() {
    let bench = Bench::new();
    let mut asked = 0;
    for (method, path, access) in all() {
        let Access::Right(right) = access else { continue };
        for role in Role::ALL {
            for (caller, may) in ways(role, right) {
                let scopes = caller.scopes.clone();
                let (status, answer) = bench.send(Some(caller), method.clone(), &path, Body::from("{\"\": 0}")).await;
                let refused = status == StatusCode::FORBIDDEN && answer["error"]["en"] == format!("this needs the right {right}");
                assert_eq!(refused, !may, "{method} {path} {role:?} {scopes:?}: {status} {answer}");
                assert!(!status.is_server_error(), "{method} {path}: {answer}");
                asked += 1;
            }
        }
    }
    assert!(asked > 500);
}

#[tokio::test]
async fn head_asks_for_what_get_asks() {
    let bench = Bench::new();
    let axl = Caller { role: Role::Axl, ..tester() };
    assert_eq!(bench.send(Some(axl), Method::HEAD, "/users", Body::empty()).await.0, StatusCode::FORBIDDEN);
    assert_eq!(bench.send(Some(tester()), Method::HEAD, "/users", Body::empty()).await.0, StatusCode::OK);
}

#[test]
fn an_operation_without_a_right_is_in_no_table() {
    let mut document = openapi();
    let get = document.paths.paths.get_mut("/api/v1/users").and_then(|item| item.get.as_mut()).unwrap();
    get.extensions = None;
    let rights = Rights::of(&document);
    assert_eq!(rights.get("/api/v1/users", &Method::GET), None);
    assert_eq!(rights.get("/api/v1/users", &Method::POST), Some(Access::Right(Right::write(Area::Users))));
}

/// `docs/openapi.json` is what this build has; `ZAISEKI_WRITE_DOCS=1` writes it.
#[test]
fn the_document_in_docs_is_this_one() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    let text = format!("{}\n", openapi().to_pretty_json().unwrap());
    if std::env::var_os("ZAISEKI_WRITE_DOCS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "docs/openapi.json is not what the code says: ZAISEKI_WRITE_DOCS=1 cargo test -p zaiseki-admin");
}

//! Each page and each form of the console × nobody, each role, tokens of each kind: none can be forgotten.

use super::routes::csrf_of;
use super::tests::{Fixture, caller, fixture, post};
use super::*;
use zaiseki_control::access::{Area, Level, Right, Role};

/// The roles as the product's description has them, written down once more.
const OPERATOR_WRITES: [&str; 7] = ["own", "users", "directories", "gateways", "jobs", "services", "settings"];

fn role_may(role: Role, right: Right) -> bool {
    let reads = right.level == Level::Read;
    match role {
        Role::Administrator => true,
        Role::Operator => reads || OPERATOR_WRITES.contains(&right.area.as_str()),
        Role::ReadOnly => reads || right.area.as_str() == "own",
        Role::Axl => right.area.as_str() == "axl",
    }
}

fn filled(path: &str) -> String {
    path.split('/').map(|part| if part.starts_with('{') { "nobody" } else { part }).collect::<Vec<_>>().join("/")
}

/// Every route with something in each of its places, sorted, so that pages come before what their forms do.
fn all() -> Vec<(Method, String, Right)> {
    let pages = pages::all();
    let mut all: Vec<_> = pages.routes().map(|route| (route.method.clone(), filled(route.path), route.right)).collect();
    all.sort_by(|a, b| (a.0 == Method::POST, &a.1).cmp(&(b.0 == Method::POST, &b.1)));
    all
}

/// Status, and whether the page says that this very right is missing.
async fn ask(
    fixture: &Fixture,
    (method, path, right): &(Method, String, Right),
    who: Option<Caller>,
    token: &str,
) -> (StatusCode, bool) {
    let mut request = if method == Method::GET { Request::get(path.as_str()) } else { post(path) };
    if let Some(who) = who {
        request = request.extension(who);
    }
    let body = if method == Method::GET { String::new() } else { format!("csrf={token}") };
    let (status, _, html) = fixture.ask(request, None, &body).await;
    assert!(!status.is_server_error(), "{method} {path}: {html}");
    (status, status == StatusCode::FORBIDDEN && html.contains(&format!("it needs the right {right}.")))
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_further_than_the_sign_in_page() {
    let fixture = fixture();
    for route in all() {
        assert_eq!(ask(&fixture, &route, None, "").await.0, StatusCode::SEE_OTHER, "{route:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_gets_exactly_its_pages_and_forms() {
    let fixture = fixture();
    let mut asked = 0;
    for route in all() {
        for role in Role::ALL {
            let token = csrf_of(&caller(role));
            let (status, refused) = ask(&fixture, &route, Some(caller(role)), &token).await;
            assert_eq!(refused, !role_may(role, route.2), "{route:?} {role:?}: {status}");
            asked += 1;
        }
    }
    assert!(asked > 100, "{asked}");
}

/// Neither without the token, nor with another session's, nor by a program's token, which no browser carries along.
#[tokio::test(flavor = "multi_thread")]
async fn no_form_is_taken_without_the_token_of_its_session() {
    let fixture = fixture();
    let other = csrf_of(&Caller { session: Some([8; 32]), ..caller(Role::Administrator) });
    for route in all().into_iter().filter(|(method, ..)| method == Method::POST) {
        for token in ["", "0", other.as_str()] {
            let (status, right) = ask(&fixture, &route, Some(caller(Role::Administrator)), token).await;
            assert_eq!((status, right), (StatusCode::FORBIDDEN, false), "{route:?} {token:?}");
        }
        let program = Caller { session: None, scopes: Some(Right::all().collect()), ..caller(Role::Administrator) };
        assert_eq!(ask(&fixture, &route, Some(program), "").await.0, StatusCode::FORBIDDEN, "{route:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_sees_no_page_beyond_its_scopes() {
    let fixture = fixture();
    for route in all().into_iter().filter(|(method, ..)| method == Method::GET) {
        let foreign = Area::ALL.into_iter().filter(|area| *area != route.2.area).map(Right::write).collect();
        for (scopes, refused) in [(Vec::new(), true), (foreign, true), (vec![route.2], false)] {
            let program = Caller { session: None, scopes: Some(scopes), ..caller(Role::Administrator) };
            assert_eq!(ask(&fixture, &route, Some(program), "").await.1, refused, "{route:?}");
        }
    }
}

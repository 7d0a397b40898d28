//! The frame, from a request to the HTML.

use super::*;
use axum::body::{Body, to_bytes};
use tempfile::TempDir;
use tower::ServiceExt;
use zaiseki_control::access::{Right, Role};
use zaiseki_store::{Options, Store};

pub(super) struct Fixture {
    pub app: App,
    console: Router,
    _folder: TempDir,
}

pub(super) fn fixture() -> Fixture {
    let folder = TempDir::new().unwrap();
    let store = Store::open(folder.path(), "example.com", Options::default(), Box::new(|_| {})).unwrap();
    let app = App::open(store, "example.com", folder.path(), |_| {}).unwrap();
    Fixture { console: console(app.clone()), app, _folder: folder }
}

pub(super) fn caller(role: Role) -> Caller {
    Caller { role, session: Some([7; 32]), ..Caller::local(0) }
}

impl Fixture {
    pub async fn ask(
        &self,
        mut request: axum::http::request::Builder,
        role: Option<Role>,
        body: &str,
    ) -> (StatusCode, HeaderMap, String) {
        if let Some(role) = role {
            request = request.extension(caller(role));
        }
        let response = self.console.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, 1 << 20).await.unwrap();
        (parts.status, parts.headers, String::from_utf8(bytes.to_vec()).unwrap())
    }

    pub async fn get(&self, path: &str, role: Option<Role>, language: &str) -> (StatusCode, HeaderMap, String) {
        self.ask(Request::get(path).header(header::ACCEPT_LANGUAGE, language), role, "").await
    }
}

#[tokio::test]
async fn a_stranger_is_asked_to_sign_in_and_comes_back() {
    let fixture = fixture();
    for path in ["/console/", "/console/nothing"] {
        let (status, headers, _) = fixture.get(path, None, "en").await;
        let to = headers[header::LOCATION].to_str().unwrap().to_owned();
        assert_eq!(status, StatusCode::SEE_OTHER, "{path}");
        assert!(to.starts_with("/console/sign-in?back=%2Fconsole%2F"), "{to}");
    }
}

#[tokio::test]
async fn every_page_is_written_in_both_languages_with_strict_headers() {
    let fixture = fixture();
    for (language, tag) in [("en", "<html lang=\"en\">"), ("ja", "<html lang=\"ja\">")] {
        let (status, headers, html) = fixture.get("/console/", Some(Role::ReadOnly), language).await;
        assert_eq!(status, StatusCode::OK);
        assert!(html.contains(tag), "{html}");
        let policy = headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.contains("script-src 'self';") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
        assert!(!html.contains(" style=") && !html.contains(" onclick="), "{html}");
    }
}

#[tokio::test]
async fn who_has_no_right_is_told_which() {
    let (status, _, html) = fixture().get("/console/", Some(Role::Axl), "en").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(html.contains("status:read"), "{html}");
}

#[tokio::test]
async fn what_is_not_there_is_said_in_the_frame() {
    let (status, _, html) = fixture().get("/console/nothing", Some(Role::ReadOnly), "ja").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(html.contains("ページがありません"), "{html}");
}

#[tokio::test]
async fn the_language_is_kept_and_nobody_is_led_astray() {
    let fixture = fixture();
    let (_, headers, _) = fixture.get("/console/language?to=ja&back=%2Fconsole%2Fusers%3Fa%3Db", None, "en").await;
    assert_eq!(headers[header::LOCATION], "/console/users?a=b");
    assert!(headers[header::SET_COOKIE].to_str().unwrap().starts_with("zaiseki-language=ja;"));
    let (_, headers, _) = fixture.get("/console/language?to=%0d%0ax&back=https://evil.example/", None, "en").await;
    assert_eq!(headers[header::LOCATION], "/console/");
    assert!(headers[header::SET_COOKIE].to_str().unwrap().starts_with("zaiseki-language=en;"));
}

#[tokio::test]
async fn files_have_addresses_that_change_with_their_content() {
    let fixture = fixture();
    for file in [&files::STYLE, &files::SCRIPT, &files::ICON] {
        let (status, headers, _) = fixture.get(file.href(), None, "en").await;
        assert_eq!(status, StatusCode::OK, "{}", file.name);
        assert!(headers[header::CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    }
    assert_eq!(fixture.get("/console/static/..%2Fframe.html", None, "en").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_post_from_another_site_changes_nothing() {
    let fixture = fixture();
    let post = |name: &str, value: &str| Request::post("/console/").header(header::HOST, "node:8443").header(name, value);
    for (name, value) in [("sec-fetch-site", "cross-site"), ("sec-fetch-site", "same-site"), ("origin", "https://evil.example")] {
        let (status, _, said) = fixture.ask(post(name, value), Some(Role::Administrator), "").await;
        assert_eq!((status, said.as_str()), (StatusCode::FORBIDDEN, "cross-site request refused\n"), "{name}: {value}");
    }
}

/// Posted since it takes time, and changes nothing: whoever may see the results may ask for them.
const ONLY_READS: [&str; 1] = ["/console/troubleshooter/run"];

#[test]
fn a_page_may_be_seen_by_who_reads_and_a_form_sent_by_who_writes() {
    let all = pages::all();
    let mut seen = std::collections::HashSet::new();
    for route in all.routes() {
        assert!(seen.insert((route.method.clone(), route.path)), "{route:?} stands twice");
        assert!(route.path.starts_with("/console/"), "{route:?}");
        assert!(Role::Administrator.allows(route.right), "{route:?}");
        assert!(!Role::Axl.allows(route.right), "{route:?}");
        let reads = route.method == Method::GET || ONLY_READS.contains(&route.path);
        assert!(reads || route.right == Right::write(route.right.area), "{route:?}");
    }
    for entry in nav::NAVIGATION.iter().flat_map(|group| group.entries) {
        let page = all.routes().find(|route| route.path == entry.href && route.method == Method::GET);
        assert_eq!(page.map(|page| page.right), Some(entry.right), "{}", entry.href);
    }
}

#[test]
fn nobody_is_sent_to_another_site() {
    for good in ["/console/", "/console/users?after=a&limit=5", "/console/users/a%20b"] {
        assert!(is_ours(good), "{good}");
    }
    for bad in ["//evil", "/console//evil", "https://evil/console/", "/\\evil", "/console/\\\\evil", "", "/", "/console/ x"] {
        assert!(!is_ours(bad), "{bad}");
    }
}

pub(super) fn post(path: &str) -> axum::http::request::Builder {
    Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
}

#[tokio::test]
async fn a_form_is_taken_once_it_is_right_and_carries_the_token() {
    let fixture = fixture();
    let admin = Some(Role::Administrator);
    let token = routes::csrf_of(&caller(Role::Administrator));
    let (status, _, _) = fixture.ask(post("/console/users:new"), admin, "name=hanako").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let wrong = format!("csrf={token}&name=hanako&mail=nonsense%3Cscript%3E");
    let (status, _, html) = fixture.ask(post("/console/users:new"), admin, &wrong).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(html.contains("id=\"mail-error\"") && html.contains("value=\"hanako\""), "{html}");
    assert!(!html.contains("<script>"), "{html}");
    let right = format!("csrf={token}&name=hanako&mail=h@example.com&enabled=on");
    let (status, headers, _) = fixture.ask(post("/console/users:new"), admin, &right).await;
    assert_eq!((status, headers[header::LOCATION].as_bytes()), (StatusCode::SEE_OTHER, b"/console/users/hanako".as_slice()));
    let flash = headers[header::SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let back = Request::get("/console/users/hanako").header(header::COOKIE, flash);
    let (status, headers, html) = fixture.ask(back, admin, "").await;
    assert_eq!(status, StatusCode::OK);
    assert!(html.contains("hanako was created."), "{html}");
    assert!(headers[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"), "said once");
}

#[tokio::test]
async fn who_only_reads_sees_no_buttons_and_posts_nothing() {
    let fixture = fixture();
    let token = routes::csrf_of(&caller(Role::Administrator));
    fixture.ask(post("/console/users:new"), Some(Role::Administrator), &format!("csrf={token}&name=taro")).await;
    let (_, _, html) = fixture.get("/console/users/taro", Some(Role::ReadOnly), "en").await;
    assert!(!html.contains("class=\"button danger\"") && !html.contains("name=\"mail\""), "{html}");
    let remove = post("/console/users/taro/remove");
    let (status, _, html) = fixture.ask(remove, Some(Role::ReadOnly), &format!("csrf={token}")).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(html.contains("users:write"), "{html}");
    let (_, _, html) = fixture.get("/console/users?search=tar", Some(Role::ReadOnly), "en").await;
    assert!(html.contains("href=\"/console/users/taro\""), "{html}");
}

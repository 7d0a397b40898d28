//! Two tabs with the same form.

use super::routes::csrf_of;
use super::tests::{Fixture, caller, fixture, post};
use super::*;
use serde_json::{Value, json};
use zaiseki_control::access::Role;
use zaiseki_control::app::admins::{self, AdminUpdate, NewAdmin};
use zaiseki_control::app::users::{self, UserUpdate};

const ADMIN: Role = Role::Administrator;

/// What the form of a page carries of the time when it was filled.
fn seen(html: &str) -> String {
    let value = html.split_once("name=\"seen\" value=\"").expect("a form that watches").1.split_once('"').expect("an end").0;
    value.replace("&#34;", "\"").replace("&quot;", "\"").replace("&#38;", "&").replace("&amp;", "&").replace("&#39;", "'")
}

fn create(fixture: &Fixture, user: Value) {
    users::create(&fixture.app, "tester", &serde_json::from_value(user).unwrap()).unwrap();
}

async fn send(fixture: &Fixture, path: &str, seen: &str, values: &[(&str, &str)]) -> (StatusCode, String) {
    let csrf = csrf_of(&caller(ADMIN));
    let pairs = [("csrf", csrf.as_str()), ("seen", seen)].into_iter().chain(values.iter().copied());
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let (status, _, html) = fixture.ask(post(path), Some(ADMIN), &body).await;
    (status, html)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_has_not_touched_stays_as_the_other_saved_it() {
    let fixture = fixture();
    let new = NewAdmin { name: "ken".to_owned(), role: Role::Operator, password: None };
    admins::add(&fixture.app, "tester", &new).unwrap();
    let (_, _, html) = fixture.get("/console/administrators/ken", Some(ADMIN), "en").await;
    let taken = AdminUpdate { role: Some(Role::ReadOnly), enabled: Some(false), ..AdminUpdate::default() };
    admins::update(&fixture.app, "tester", "ken", &taken).unwrap();

    let values = [("name", "kenji"), ("role", "operator"), ("enabled", "on")];
    let (status, _) = send(&fixture, "/console/administrators/ken", &seen(&html), &values).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let ken = admins::show(&fixture.app, "kenji").unwrap();
    assert_eq!((ken.role, ken.enabled), (Role::ReadOnly, false), "nothing that was taken away comes back");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_both_have_changed_is_asked_about_once() {
    let fixture = fixture();
    create(&fixture, json!({"name": "taro", "mail": "old@example.com"}));
    let path = "/console/users/taro";
    let (_, _, html) = fixture.get(path, Some(ADMIN), "en").await;
    let other = UserUpdate { mail: Some("other@example.com".to_owned()), ..UserUpdate::default() };
    users::update(&fixture.app, "tester", "taro", &other).unwrap();

    let typed = [("mail", "mine@example.com"), ("telephone", "+81312345678"), ("calendar", "on"), ("archive", "on")];
    let (status, again) = send(&fixture, path, &seen(&html), &typed).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        again.contains("Saved by somebody else meanwhile: other@example.com") && again.contains("mine@example.com"),
        "{again}"
    );
    assert!(again.contains("+81312345678") && !again.contains("meanwhile: empty"), "{again}");
    let taro = || users::show(&fixture.app, "taro").unwrap();
    assert_eq!((taro().mail.as_str(), taro().telephone.as_str()), ("other@example.com", ""));
    // Whoever sends it once more has decided.
    assert_eq!(send(&fixture, path, &seen(&again), &typed).await.0, StatusCode::SEE_OTHER);
    assert_eq!((taro().mail.as_str(), taro().telephone.as_str()), ("mine@example.com", "+81312345678"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_was_refused_goes_on_from_what_was_seen_first() {
    let fixture = fixture();
    create(&fixture, json!({"name": "taro"}));
    let path = "/console/users/taro";
    let (_, _, html) = fixture.get(path, Some(ADMIN), "en").await;
    let (status, again) =
        send(&fixture, path, &seen(&html), &[("mail", "nonsense"), ("calendar", "on"), ("archive", "on")]).await;
    assert_eq!((status, seen(&again)), (StatusCode::UNPROCESSABLE_ENTITY, seen(&html)));
    let (status, _) = send(&fixture, path, &seen(&again), &[("mail", "a@example.com"), ("archive", "on")]).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    let taro = users::show(&fixture.app, "taro").unwrap();
    assert_eq!((taro.mail.as_str(), taro.calendar), ("a@example.com", false));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_signed_out_comes_back_to_the_page_of_the_button() {
    let fixture = fixture();
    for (path, page) in [
        ("/console/users/taro/enabled", "/console/users/taro"),
        ("/console/users/taro/remove", "/console/users/taro/remove"),
        ("/console/certificates/xmpp/reissue", "/console/certificates/xmpp/reissue"),
        ("/console/troubleshooter/run", "/console/troubleshooter"),
    ] {
        let (status, headers, _) = fixture.ask(post(path), None, "").await;
        let to = headers[header::LOCATION].to_str().unwrap();
        let back = ctx::encoded(&[("back", page), ("unsent", "1")]);
        assert_eq!((status, to), (StatusCode::SEE_OTHER, format!("/console/sign-in?{back}").as_str()), "{path}");
    }
    let (_, _, html) = fixture.get("/console/sign-in?back=%2Fconsole%2F&unsent=1", None, "en").await;
    assert!(html.contains("what you sent was not done"), "{html}");
    // A button is no page.
    let (status, _, html) = fixture.get("/console/users/taro/enabled", Some(ADMIN), "ja").await;
    assert!(status == StatusCode::NOT_FOUND && html.contains("ページがありません"), "{status} {html}");
}

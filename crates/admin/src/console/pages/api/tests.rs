use super::*;
use crate::console::routes::csrf_of;
use crate::console::tests::{Fixture, caller, fixture, post};
use zaiseki_control::access::Role;

async fn send(fixture: &Fixture, role: Role, id: &str, fields: &[(&str, &str)]) -> (StatusCode, String) {
    let token = csrf_of(&caller(role));
    let body = encoded(&[&[("csrf", token.as_str())], fields].concat());
    let (status, _, html) = fixture.ask(post(&format!("{PATH}/{id}")), Some(role), &body).await;
    (status, html)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_has_a_page_in_both_languages() {
    let fixture = fixture();
    for (language, word) in [("en", "List users"), ("ja", "ユーザーを一覧する")] {
        let (status, _, html) = fixture.get(PATH, Some(Role::ReadOnly), language).await;
        assert!(status == StatusCode::OK && html.contains(word) && html.contains("href=\"/console/api/users.list\""), "{html}");
    }
    for operation in document::operations() {
        let (status, _, html) = fixture.get(&format!("{PATH}/{}", operation.id), Some(Role::Operator), "ja").await;
        assert_eq!(status, StatusCode::OK, "{}", operation.id);
        assert!(html.contains(&operation.path), "{}: {html}", operation.id);
        let shown = html.contains(&format!("action=\"/console/api/{}\"", operation.id));
        let right = operation.right.parse().is_ok_and(|right| Role::Operator.allows(right));
        assert_eq!(shown, right && !operation.is_of_a_browser(), "{}", operation.id);
    }
    assert_eq!(fixture.get("/console/api/no.such", Some(Role::Operator), "en").await.0, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_is_tried_with_one_s_own_rights() {
    let fixture = fixture();
    let (status, html) = send(&fixture, Role::Operator, "users.add", &[("body", "{\"name\": \"<i>taro\"}")]).await;
    assert!(status == StatusCode::OK && html.contains("201 Created") && !html.contains("<i>taro"), "{html}");
    let (_, html) = send(&fixture, Role::ReadOnly, "users.show", &[("path.name", "<i>taro")]).await;
    assert!(html.contains("200 OK") && html.contains("&#60;i&#62;taro"), "{html}");
    let (_, html) = send(&fixture, Role::ReadOnly, "users.list", &[("query.limit", "0")]).await;
    assert!(html.contains("400 Bad Request") && html.contains("value=\"0\""), "{html}");
    let (_, html) = send(&fixture, Role::ReadOnly, "users.add", &[("body", "{\"name\": \"ken\"}")]).await;
    assert!(html.contains("403 Forbidden") && html.contains("users:write"), "{html}");
    let all = zaiseki_control::app::users::list(&fixture.app, &Default::default()).unwrap();
    assert_eq!(all.total, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_typed_wrongly_is_said_at_its_field_and_kept() {
    let fixture = fixture();
    let (status, html) = send(&fixture, Role::Administrator, "users.add", &[("body", "{\"name\": ")]).await;
    assert!(status == StatusCode::UNPROCESSABLE_ENTITY && html.contains("id=\"body-error\""), "{html}");
    assert!(html.contains("{&#34;name&#34;:"), "{html}");
    let (_, html) = send(&fixture, Role::Administrator, "users.remove", &[("path.name", "")]).await;
    assert!(html.contains("id=\"path.name-error\"") && html.contains("id=\"confirm-error\""), "{html}");
    // A password is shown to nobody again, and nobody's session is made or ended here.
    let secret = [("path.name", "nobody"), ("body", "{\"password\": \"a secret word\"}")];
    let (_, html) = send(&fixture, Role::Administrator, "users.set-password", &secret).await;
    assert!(html.contains("404 Not Found") && !html.contains("a secret word"), "{html}");
    for id in ["session.sign-in", "session.sign-out", "session.set-up"] {
        assert_eq!(send(&fixture, Role::Administrator, id, &[]).await.0, StatusCode::NOT_FOUND, "{id}");
    }
}

#[test]
fn a_long_answer_is_cut_between_characters() {
    let text = "あ".repeat(SHOWN_BYTES);
    let shown = readable(Lang::En, text.as_bytes());
    assert!(shown.len() < SHOWN_BYTES + 20 && shown.ends_with("… (cut here)"));
    assert_eq!(readable(Lang::En, &vec![b'x'; SHOWN_BYTES]).len(), SHOWN_BYTES);
}

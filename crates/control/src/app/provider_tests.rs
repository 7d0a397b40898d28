//! The provider as administrators change it.

use super::*;
use crate::app::tests::Fixture;

fn wanted(config: Value, secret: Option<&str>) -> ProviderChange {
    let Value::Object(config) = config else { panic!("an object") };
    ProviderChange { config, secret: secret.map(Password::new) }
}

fn good() -> Value {
    json!({
        "enabled": true, "issuer": "https://id.example.com", "client_id": "console", "address": "https://im1.example.com:8443",
        "roles": [{"value": "im-admins", "role": "administrator"}],
    })
}

#[test]
fn what_cannot_work_is_refused_with_its_field() {
    let fixture = Fixture::new();
    let app = &fixture.app;
    for (field, value) in [
        ("issuer", json!("")),
        ("issuer", json!("http://id.example.com")),
        ("client_id", json!("")),
        ("client_id", json!("x".repeat(TEXT_CHARS + 1))),
        ("address", json!("http://im1.example.com")),
        ("address", json!("https://im1.example.com/console")),
        ("scopes", json!("profile")),
        ("name_claim", json!("")),
        ("role_claim", json!("")),
        ("ca", json!("no certificate")),
        ("leeway_secs", json!(LEEWAY_SECS + 1)),
        ("roles", json!([])),
        ("roles", json!([{"value": "x", "role": "axl"}])),
        ("roles", json!(vec![json!({"value": "x", "role": "operator"}); ROLE_RULES + 1])),
        ("local_sign_in", json!(false)),
    ] {
        let mut config = good();
        config[field] = value.clone();
        let error = change(app, "tester", &wanted(config, Some("s"))).unwrap_err();
        assert_eq!((error.code(), error.field()), ("invalid", Some(field)), "{field}: {value}");
    }
    let mut most = good();
    most["roles"] = json!(vec![json!({"value": "x", "role": "operator"}); ROLE_RULES]);
    most["leeway_secs"] = json!(LEEWAY_SECS);
    most["client_id"] = json!("x".repeat(TEXT_CHARS));
    assert!(change(app, "tester", &wanted(most, None)).is_ok());
}

#[test]
fn the_secret_stays_with_its_provider_and_out_of_sight() {
    let fixture = Fixture::new();
    let app = &fixture.app;
    let view = change(app, "tester", &wanted(good(), Some("hidden-word"))).unwrap();
    assert!(view.secret && view.redirect_uri == "https://im1.example.com:8443/console/sign-in/callback");
    assert_eq!(Stored::load(app).unwrap().secret(app).unwrap(), "hidden-word");
    change(app, "tester", &wanted(json!({"title": "the house"}), None)).unwrap();
    let moved = change(app, "tester", &wanted(json!({"issuer": "https://evil.example"}), None)).unwrap_err();
    assert_eq!(moved.field(), Some("secret"));
    assert!(change(app, "tester", &wanted(json!({"issuer": "https://other.example"}), Some("new-word"))).unwrap().secret);
    assert!(!change(app, "tester", &wanted(json!({}), Some(""))).unwrap().secret, "a public client");
    let trail = app.store().query(|db| db.audit_list(Some("admin-provider"), None, 9)).unwrap();
    let told = format!("{trail:?}");
    assert_eq!((trail.len(), told.contains("hidden-word"), told.contains("new-word")), (4, false, false), "{told}");
    assert_eq!(change(app, "tester", &wanted(json!({"nothing": 1}), None)).unwrap_err().code(), "invalid");
}

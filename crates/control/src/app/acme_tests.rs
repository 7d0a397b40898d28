use super::*;
use crate::app::certificates::{ImportInput, NamesInput, import, reissue, show as show_certificate};
use crate::app::tests::Fixture;
use crate::app::users::Password;
use crate::certificates::{Base, Served};
use zaiseki_net::tls::issue;

fn node() -> Fixture {
    let fixture = Fixture::new();
    let base = Base::OwnAuthority { folder: fixture.dir.path().join("tls"), names: vec!["example.com".to_owned()] };
    let identity = base.load().unwrap();
    fixture.app.set_served(Served::open(&fixture.app, base, &identity).unwrap());
    fixture
}

fn config() -> AcmeConfig {
    AcmeConfig {
        directory: "https://acme.example/directory".to_owned(),
        contact: vec!["ops@example.com".to_owned()],
        terms_agreed: true,
        names: vec!["im.example.com".to_owned()],
        purposes: vec![Purpose::Web],
        key_id: String::new(),
    }
}

/// Without a key of the authority's.
fn set(app: &App, actor: &Actor, config: &AcmeConfig) -> Result<AcmeView> {
    super::set(app, actor, &input(config.clone(), None))
}

fn input(config: AcmeConfig, hmac_key: Option<&str>) -> AcmeInput {
    let AcmeConfig { directory, contact, terms_agreed, names, purposes, key_id } = config;
    AcmeInput { directory, contact, terms_agreed, names, purposes, key_id, hmac_key: hmac_key.map(Password::new) }
}

#[test]
fn what_cannot_work_is_refused_with_its_field() {
    let fixture = node();
    let app = &fixture.app;
    let field = |config: AcmeConfig| set(app, "tester", &config).map_err(|error| error.field()).map(drop);
    for directory in ["", "http://acme.example/directory", "https://a:b@acme.example/", "acme.example", "file:///etc"] {
        assert_eq!(field(AcmeConfig { directory: directory.to_owned(), ..config() }), Err(Some("directory")), "{directory}");
    }
    for contact in ["ops", "a@b", "a b@example.com", "a@example.com,b@example.com", "花@example.com"] {
        assert_eq!(field(AcmeConfig { contact: vec![contact.to_owned()], ..config() }), Err(Some("contact")), "{contact}");
    }
    let contacts = |count: usize| AcmeConfig { contact: vec!["ops@example.com".to_owned(); count], ..config() };
    assert_eq!((field(contacts(CONTACTS)), field(contacts(CONTACTS + 1))), (Ok(()), Err(Some("contact"))));
    for name in ["*.example.com", "192.0.2.1", "2001:db8::1", "a b", ""] {
        assert_eq!(field(AcmeConfig { names: vec![name.to_owned()], ..config() }), Err(Some("names")), "{name}");
    }
    let names = |count: usize| AcmeConfig { names: (0..count).map(|n| format!("n{n}.example")).collect(), ..config() };
    assert_eq!((field(names(CERTIFICATE_NAMES)), field(names(CERTIFICATE_NAMES + 1))), (Ok(()), Err(Some("names"))));
    assert_eq!(field(AcmeConfig { terms_agreed: false, ..config() }), Err(Some("terms_agreed")));
    assert_eq!(field(AcmeConfig { purposes: Vec::new(), ..config() }), Err(Some("purposes")));
}

#[test]
fn a_purpose_is_acme_s_until_that_is_taken_away() {
    let fixture = node();
    let app = &fixture.app;
    assert_eq!((show(app).unwrap().config, order(app, "tester").unwrap_err().code()), (None, "not-found"));
    let view = set(app, "tester", &config()).unwrap();
    assert_eq!((view.config, view.account, view.next), (Some(config()), false, None));
    let bought = issue(&fixture.dir.path().join("other"), &["im.example.com".to_owned()]).unwrap();
    let input = ImportInput { certificate: bought.chain.clone(), key: Some(Password::new(&bought.key)), both: false };
    let errors = [
        import(app, "tester", "web", &input).unwrap_err(),
        import(app, "tester", "xmpp", &ImportInput { both: true, ..input.clone() }).unwrap_err(),
        reissue(app, "tester", "web", &NamesInput::default()).unwrap_err(),
    ];
    assert!(errors.iter().all(|error| error.code() == "conflict" && error.text().en.contains("ACME")), "{errors:?}");
    import(app, "tester", "xmpp", &input).unwrap();
    let wider = AcmeConfig { names: vec!["other.example.com".to_owned()], ..config() };
    assert!(crate::app::certificates::put_ordered(app, &wider, &bought.chain, &bought.key).is_err(), "it lacks a name");
    crate::app::certificates::put_ordered(app, &config(), &bought.chain, &bought.key).unwrap();
    let shown = show_certificate(app, "web").unwrap();
    assert_eq!((shown.source, shown.renews_itself), (Source::Acme, true));
    assert_eq!(crate::app::certificates::remove(app, "tester", "web").unwrap_err().code(), "conflict");
    let next = show(app).unwrap().next.unwrap();
    let leaf = &shown.chain[0];
    assert!(next > leaf.not_before && next < leaf.not_after, "a third of its life is left: {next}");
    let other = AcmeConfig { names: vec!["other.example.com".to_owned()], ..config() };
    assert_eq!(set(app, "tester", &other).unwrap().next, None, "other names need another certificate at once");
    assert_eq!(set(app, "tester", &AcmeConfig { purposes: vec![Purpose::Xmpp], ..config() }).unwrap().next, None);
    assert_eq!(show_certificate(app, "web").unwrap().source, Source::OwnAuthority);
    assert_eq!(remove(app, "tester").unwrap().config, None);
    assert_eq!(show_certificate(app, "xmpp").unwrap().source, Source::Imported, "what is not ACME's stays");
    let trail = app.store().query(|db| db.audit_list(Some("acme"), None, 9)).unwrap();
    let actions: Vec<&str> = trail.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["acme.remove", "acme.set", "acme.set", "acme.set"]);
}

#[test]
fn an_account_of_the_authority_s_own_needs_both_its_parts() {
    let fixture = node();
    let app = &fixture.app;
    let put = |key_id: &str, key: Option<&str>| {
        let config = AcmeConfig { key_id: key_id.to_owned(), ..config() };
        super::set(app, "tester", &input(config, key)).map_err(|error| error.field()).map(drop)
    };
    let bound = || kept(app).unwrap().unwrap().binding;
    assert_eq!(put("", Some("c2VjcmV0")), Err(Some("key_id")));
    assert_eq!(put("kid-1", None), Err(Some("hmac_key")));
    assert_eq!(put("a b", Some("c2VjcmV0")), Err(Some("key_id")));
    let encoded = |bytes: usize| BASE64.encode(vec![b'k'; bytes]);
    for wrong in ["not base64url!", &encoded(BINDING_BYTES + 1)] {
        assert_eq!(put("kid-1", Some(wrong)), Err(Some("hmac_key")), "{wrong}");
    }
    assert_eq!(put(&"k".repeat(BINDING_BYTES + 1), Some("c2VjcmV0")), Err(Some("key_id")));
    assert_eq!(put(&"k".repeat(BINDING_BYTES), Some(&encoded(BINDING_BYTES))), Ok(()));
    assert_eq!(put("kid-1", Some(" c2VjcmV0LQ== ")), Ok(()));
    assert_eq!(bound().as_deref(), Some(&b"secret-"[..]));
    assert_eq!((put("kid-1", None), bound().as_deref()), (Ok(()), Some(&b"secret-"[..])), "it stays");
    assert_eq!(put("kid-2", None), Err(Some("hmac_key")), "another account has another key");
    assert_eq!((put("", None), bound()), (Ok(()), None));
    let trail = app.store().query(|db| db.audit_list(Some("acme"), None, 9)).unwrap();
    assert!(!format!("{trail:?}").contains("secret-") && !format!("{trail:?}").contains("c2VjcmV0"));
}

#[test]
fn failures_are_tried_again_with_growing_pauses() {
    let fixture = node();
    let app = &fixture.app;
    let after = |failures: u32| {
        let state = AcmeState { failed_at: Some(1_000_000), failures, ..AcmeState::default() };
        next_order(app, &config(), &state) - 1_000_000
    };
    let pauses: Vec<i64> = (1..=7).map(after).collect();
    assert_eq!(pauses, [60, 900, 3_600, 14_400, 86_400, 86_400, 86_400]);
    let asked = AcmeState { failed_at: Some(1_000_000), failures: 7, asked: true, ..AcmeState::default() };
    assert_eq!(next_order(app, &config(), &asked), 0);
}

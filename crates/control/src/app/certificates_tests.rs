use super::*;
use crate::app::tests::Fixture;
use crate::certificates::Base;
use std::path::Path;
use zaiseki_net::tls::{Paths, ReloadableCert};

/// Somebody else's authority, in a folder of its own.
struct Elsewhere(tempfile::TempDir);

impl Elsewhere {
    fn new() -> Elsewhere {
        Elsewhere(tempfile::tempdir().unwrap())
    }

    fn issue(&self, names: &[&str]) -> Issued {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        issue(self.0.path(), &names).unwrap()
    }
}

fn node() -> Fixture {
    let fixture = Fixture::new();
    fixture.app.node().set_name("im1.example.com");
    serve(&fixture.app, fixture.dir.path());
    fixture
}

fn serve(app: &App, dir: &Path) {
    let names = vec!["example.com".to_owned(), "im1.example.com".to_owned()];
    let base = Base::OwnAuthority { folder: dir.join("tls"), names };
    let identity = base.load().unwrap();
    app.set_served(Served::open(app, base, &identity).unwrap());
}

fn again(fixture: &Fixture) -> App {
    let app = App::open(fixture.app.store().clone(), "example.com", fixture.dir.path(), |_| {}).unwrap();
    app.node().set_name("im1.example.com");
    serve(&app, fixture.dir.path());
    app
}

fn live(app: &App, purpose: Purpose) -> String {
    app.served().unwrap().live(purpose).fingerprint()
}

fn input(certificate: &str, key: Option<&str>) -> ImportInput {
    ImportInput { certificate: certificate.to_owned(), key: key.map(Password::new), both: false }
}

#[test]
fn the_node_s_own_is_shown_until_somebody_chooses_otherwise() {
    let fixture = node();
    let views = list(&fixture.app).unwrap();
    assert_eq!(views.iter().map(|view| view.purpose).collect::<Vec<_>>(), Purpose::ALL);
    for view in &views {
        assert_eq!((view.source, view.renews_itself, &view.changed), (Source::OwnAuthority, true, &None));
        assert!(view.covers_domain && view.covers_node && view.warnings.is_empty(), "{view:?}");
        assert_eq!((view.chain.len(), view.chain[0].key.as_str()), (2, "ECDSA P-256"));
        assert_eq!(view.chain[0].fingerprint, live(&fixture.app, view.purpose));
        assert_eq!(view.pem.matches("BEGIN CERTIFICATE").count(), 2);
    }
    let authority = authority(&fixture.app).unwrap();
    assert_eq!(authority.details, views[0].chain[1]);
    assert!(views[0].pem.ends_with(&authority.pem));
    let error = remove(&fixture.app, "tester", "web").unwrap_err();
    assert_eq!(error.code(), "not-found");
    assert_eq!(show(&fixture.app, "mail").unwrap_err().code(), "not-found");
}

#[test]
fn an_imported_certificate_is_shown_at_once_and_after_a_restart_and_can_be_taken_away() {
    let fixture = node();
    let (app, own) = (&fixture.app, live(&fixture.app, Purpose::Web));
    let bought = Elsewhere::new().issue(&["im1.example.com"]);
    let listener = app.served().unwrap().live(Purpose::Web);
    let view = import(app, "tester", "web", &input(&bought.chain, Some(&bought.key))).unwrap();
    assert_eq!((view.source, view.renews_itself), (Source::Imported, false));
    assert!(view.covers_node && !view.covers_domain && view.changed.is_some());
    assert_eq!(view.warnings.len(), 1, "nobody here knows who issued it: {:?}", view.warnings);
    assert_eq!(view.chain[0].fingerprint, listener.fingerprint(), "listeners have it");
    assert_ne!(view.chain[0].fingerprint, own);
    assert_eq!(live(app, Purpose::Xmpp), own, "the other purpose is not touched");
    assert_eq!(live(&again(&fixture), Purpose::Web), view.chain[0].fingerprint);
    let back = remove(app, "tester", "web").unwrap();
    assert_eq!((back.chain[0].fingerprint.as_str(), back.source), (own.as_str(), Source::OwnAuthority));
    assert_eq!((listener.fingerprint(), live(&again(&fixture), Purpose::Web)), (own.clone(), own));
    let both = ImportInput { both: true, ..input(&bought.chain, Some(&bought.key)) };
    import(app, "tester", "xmpp", &both).unwrap();
    assert_eq!(live(app, Purpose::Xmpp), live(app, Purpose::Web));
    let lacks = show(app, "xmpp").unwrap().warnings;
    assert!(lacks[0].en.contains("example.com") && lacks.len() == 2, "{lacks:?}");
}

#[test]
fn a_request_s_key_stays_here_and_takes_its_certificate() {
    let fixture = node();
    let app = &fixture.app;
    let no_key = import(app, "tester", "web", &input("x", None)).unwrap_err();
    assert_eq!((no_key.code(), no_key.field()), ("invalid", Some("key")));
    let names = |names: &[&str]| NamesInput { names: names.iter().map(|n| (*n).to_owned()).collect(), both: false };
    let asked = request(app, "tester", "web", &names(&["im1.example.com", "*.Example.com", "192.0.2.7"])).unwrap();
    let pem = asked.request.unwrap().pem;
    assert!(pem.starts_with("-----BEGIN CERTIFICATE REQUEST-----"));
    let chain = sign(&pem);
    let other = sign(&zaiseki_net::tls::request(&["im1.example.com".to_owned()]).unwrap().chain);
    let wrong = import(app, "tester", "web", &input(&other, None)).unwrap_err();
    assert_eq!((wrong.field(), wrong.text().en.contains("signing request")), (Some("certificate"), true));
    let view = import(app, "tester", "web", &input(&chain, None)).unwrap();
    assert_eq!(view.chain[0].names, ["im1.example.com", "*.example.com", "192.0.2.7"]);
    assert_eq!((view.source, view.request), (Source::Imported, None));
    assert!(view.covers_node && !view.covers_domain);
    assert_eq!(withdraw(app, "tester", "web").unwrap_err().code(), "not-found");
    request(app, "tester", "xmpp", &NamesInput::default()).unwrap();
    assert_eq!(withdraw(app, "tester", "xmpp").unwrap().request, None);
}

/// What an authority makes of a request.
fn sign(request: &str) -> String {
    let params = rcgen::CertificateSigningRequestParams::from_pem(request).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut authority = rcgen::CertificateParams::default();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = rcgen::CertifiedIssuer::self_signed(authority, key).unwrap();
    params.signed_by(&authority).unwrap().pem() + &authority.pem()
}

#[test]
fn own_certificates_get_the_names_that_are_wanted() {
    let fixture = node();
    let app = &fixture.app;
    let own = live(app, Purpose::Xmpp);
    let names = |names: Vec<String>| NamesInput { names, both: false };
    let wanted = ["example.com", "conference.example.com", "2001:DB8::1", "日本語.example", "example.com"];
    let view = reissue(app, "tester", "xmpp", &names(wanted.map(str::to_owned).to_vec())).unwrap();
    assert_eq!(view.chain[0].names, ["example.com", "conference.example.com", "2001:db8::1", "xn--wgv71a119e.example"]);
    assert_eq!((view.source, view.renews_itself), (Source::OwnAuthority, true));
    assert_eq!(view.chain[1], authority(app).unwrap().details, "who believed the old one believes the new one");
    assert_ne!(live(app, Purpose::Xmpp), own);
    assert_eq!(live(&again(&fixture), Purpose::Xmpp), view.chain[0].fingerprint);
    for wrong in ["a b", "a..b", "-a.example", "*", "*.*.example", "a/b", "ex*.example", &"a".repeat(64)] {
        let error = reissue(app, "tester", "xmpp", &names(vec!["example.com".to_owned(), wrong.to_owned()])).unwrap_err();
        assert_eq!(error.field(), Some("names"), "{wrong}");
    }
    let many = |count: usize| names((0..count).map(|n| format!("n{n}.example")).collect());
    assert!(reissue(app, "tester", "web", &many(CERTIFICATE_NAMES)).is_ok());
    assert_eq!(reissue(app, "tester", "web", &many(CERTIFICATE_NAMES + 1)).unwrap_err().field(), Some("names"));
}

#[test]
fn files_of_the_configuration_are_changed_there_and_nowhere_else() {
    let fixture = Fixture::new();
    let app = &fixture.app;
    let made = Elsewhere::new().issue(&["example.com"]);
    let (certificate, key) = (fixture.dir.path().join("chain.pem"), fixture.dir.path().join("key.pem"));
    std::fs::write(&certificate, &made.chain).unwrap();
    std::fs::write(&key, &made.key).unwrap();
    let base = Base::Files(Paths { ca: "".into(), certificate: certificate.clone(), key: key.clone() });
    let identity = base.load().unwrap();
    app.set_served(Served::open(app, base, &identity).unwrap());
    let view = show(app, "web").unwrap();
    assert_eq!((view.source, view.renews_itself), (Source::File, false));
    for refused in [
        reissue(app, "tester", "web", &NamesInput::default()),
        request(app, "tester", "web", &NamesInput::default()),
        import(app, "tester", "web", &input(&made.chain, Some(&made.key))),
    ] {
        let error = refused.unwrap_err();
        assert!(error.code() == "conflict" && error.text().en.contains("chain.pem"), "{error}");
    }
    let renewed = Elsewhere::new().issue(&["example.com"]);
    std::fs::write(&certificate, &renewed.chain).unwrap();
    app.served().unwrap().reload_base();
    assert_eq!(show(app, "web").unwrap(), view, "a key that does not fit is not taken");
    std::fs::write(&key, &renewed.key).unwrap();
    app.served().unwrap().reload_base();
    assert_eq!(live(app, Purpose::Xmpp), ReloadableCert::load(&certificate, &key).unwrap().fingerprint());
    assert_eq!(live(app, Purpose::Web), live(app, Purpose::Xmpp));
}

#[test]
fn no_key_gets_out() {
    let fixture = node();
    let app = &fixture.app;
    let bought = Elsewhere::new().issue(&["im1.example.com"]);
    let both = format!("{}{}", bought.key, bought.chain);
    let view = import(app, "tester", "web", &input(&both, Some(&both))).unwrap();
    request(app, "tester", "web", &NamesInput::default()).unwrap();
    let secret = bought.key.lines().nth(1).unwrap().to_owned();
    let trail = app.store().query(|db| db.audit_list(Some("certificate:web"), None, 9)).unwrap();
    assert_eq!(trail.len(), 2);
    assert!(trail[1].after.as_ref().unwrap().contains("im1.example.com"), "{trail:?}");
    let shown = format!("{trail:?}{view:?}{:?}", serde_json::to_string(&list(app).unwrap()).unwrap());
    assert!(!shown.contains(&secret) && !shown.contains("PRIVATE KEY"));
    let row = app.store().query(|db| db.certificate("web")).unwrap().unwrap();
    assert!(!String::from_utf8_lossy(&row.key).contains(&secret) && !row.chain.contains(&secret));
}

#[test]
fn a_stored_certificate_that_cannot_be_opened_does_not_keep_the_node_from_starting() {
    let fixture = node();
    let bought = Elsewhere::new().issue(&["im1.example.com"]);
    import(&fixture.app, "tester", "web", &input(&bought.chain, Some(&bought.key))).unwrap();
    std::fs::remove_file(fixture.dir.path().join("secret.key")).unwrap();
    let app = again(&fixture);
    assert_eq!(show(&app, "web").unwrap().source, Source::OwnAuthority);
    assert_eq!(live(&app, Purpose::Web), live(&app, Purpose::Xmpp));
}

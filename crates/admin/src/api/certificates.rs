//! `/certificates`: what the node shows to clients, for each purpose.

use super::{Who, run};
use crate::reply::{Answer, Input};
use axum::extract::{Path, State};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use zaiseki_control::app::App;
use zaiseki_control::app::certificates::{self, AuthorityView, CertificateView, ImportInput, NamesInput};

pub(super) fn operations() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(authority))
        .routes(routes!(show, remove))
        .routes(routes!(reissue))
        .routes(routes!(request, withdraw))
        .routes(routes!(import))
}

/// List the certificates that the node shows
///
/// One for XMPP clients, one for HTTPS, with their chains.
#[utoipa::path(get, path = "/certificates", operation_id = "certificates.list", tag = "certificates",
    responses((status = 200, description = "One for each purpose", body = [CertificateView])),
    extensions(("x-right" = json!("certificates:read"))))]
async fn list(State(app): State<App>) -> Answer<Vec<CertificateView>> {
    run(move || certificates::list(&app)).await
}

/// Show the node's own authority
///
/// Its certificate is what clients import to believe the certificates that the node makes for itself.
#[utoipa::path(get, path = "/certificates:authority", operation_id = "certificates.authority", tag = "certificates",
    responses((status = 200, description = "Its certificate, as PEM and DER", body = AuthorityView)),
    extensions(("x-right" = json!("certificates:read"))))]
async fn authority(State(app): State<App>) -> Answer<AuthorityView> {
    run(move || certificates::authority(&app)).await
}

/// Show a certificate
#[utoipa::path(get, path = "/certificates/{purpose}", operation_id = "certificates.show", tag = "certificates",
    params(("purpose" = String, Path, description = "`xmpp` or `web`")),
    responses((status = 200, description = "The certificate with its chain", body = CertificateView)),
    extensions(("x-right" = json!("certificates:read"))))]
async fn show(State(app): State<App>, Path(purpose): Path<String>) -> Answer<CertificateView> {
    run(move || certificates::show(&app, &purpose)).await
}

/// Take a certificate away and show the node's own again
#[utoipa::path(delete, path = "/certificates/{purpose}", operation_id = "certificates.remove", tag = "certificates",
    params(("purpose" = String, Path)),
    responses((status = 200, description = "The one that is shown now", body = CertificateView)),
    extensions(("x-right" = json!("certificates:write"))))]
async fn remove(State(app): State<App>, Who(caller): Who, Path(purpose): Path<String>) -> Answer<CertificateView> {
    run(move || certificates::remove(&app, &caller.actor, &purpose)).await
}

/// Make a new certificate by the node's own authority
///
/// With a new key; shown at once, and renewed by itself.
#[utoipa::path(post, path = "/certificates/{purpose}/reissue", operation_id = "certificates.reissue", tag = "certificates",
    params(("purpose" = String, Path)), request_body = NamesInput,
    responses((status = 200, description = "The certificate", body = CertificateView)),
    extensions(("x-right" = json!("certificates:write"))))]
async fn reissue(
    State(app): State<App>,
    Who(caller): Who,
    Path(purpose): Path<String>,
    Input(input): Input<NamesInput>,
) -> Answer<CertificateView> {
    run(move || certificates::reissue(&app, &caller.actor, &purpose, &input)).await
}

/// Make a signing request
///
/// Its key stays in the node. An earlier request is forgotten.
#[utoipa::path(post, path = "/certificates/{purpose}/request", operation_id = "certificates.request", tag = "certificates",
    params(("purpose" = String, Path)), request_body = NamesInput,
    responses((status = 200, description = "With the request, for whoever signs", body = CertificateView)),
    extensions(("x-right" = json!("certificates:write"))))]
async fn request(
    State(app): State<App>,
    Who(caller): Who,
    Path(purpose): Path<String>,
    Input(input): Input<NamesInput>,
) -> Answer<CertificateView> {
    run(move || certificates::request(&app, &caller.actor, &purpose, &input)).await
}

/// Forget a signing request with its key
#[utoipa::path(delete, path = "/certificates/{purpose}/request", operation_id = "certificates.withdraw", tag = "certificates",
    params(("purpose" = String, Path)),
    responses((status = 200, description = "Without the request", body = CertificateView)),
    extensions(("x-right" = json!("certificates:write"))))]
async fn withdraw(State(app): State<App>, Who(caller): Who, Path(purpose): Path<String>) -> Answer<CertificateView> {
    run(move || certificates::withdraw(&app, &caller.actor, &purpose)).await
}

/// Import a certificate with its chain
///
/// With its key, or for the signing request under way. Shown at once, without a restart.
#[utoipa::path(post, path = "/certificates/{purpose}/import", operation_id = "certificates.import", tag = "certificates",
    params(("purpose" = String, Path)), request_body = ImportInput,
    responses((status = 200, description = "The certificate", body = CertificateView)),
    extensions(("x-right" = json!("certificates:write"))))]
async fn import(
    State(app): State<App>,
    Who(caller): Who,
    Path(purpose): Path<String>,
    Input(input): Input<ImportInput>,
) -> Answer<CertificateView> {
    run(move || certificates::import(&app, &caller.actor, &purpose, &input)).await
}

#[cfg(test)]
mod tests {
    use super::super::tests::Bench;
    use axum::http::Method;
    use serde_json::{Value, json};
    use zaiseki_control::certificates::{Base, Served};
    use zaiseki_net::tls;

    #[tokio::test]
    async fn certificates_are_seen_exchanged_and_taken_away() {
        let bench = Bench::new();
        let before = bench.ok(bench.ask(Method::GET, "/certificates", Value::Null).await, 409);
        assert!(before["error"]["en"].as_str().unwrap().contains("no certificate yet"));
        let dir = tempfile::tempdir().unwrap();
        let names = vec!["example.com".to_owned()];
        let base = Base::OwnAuthority { folder: dir.path().join("tls"), names: names.clone() };
        let identity = base.load().unwrap();
        bench.app.set_served(Served::open(&bench.app, base, &identity).unwrap());
        let list = bench.ok(bench.ask(Method::GET, "/certificates", Value::Null).await, 200);
        assert_eq!((&list[0]["purpose"], &list[1]["source"]), (&json!("xmpp"), &json!("own-authority")));
        let web = |what: &str| format!("/certificates/web{what}");
        let wrong = bench.ok(bench.ask(Method::POST, &web("/reissue"), json!({"names": ["a b"]})).await, 400);
        assert_eq!(wrong["error"]["field"], "names");
        let made = bench.ok(bench.ask(Method::POST, &web("/reissue"), json!({"names": ["im.example.com"]})).await, 200);
        assert_eq!(made["chain"][0]["names"], json!(["im.example.com"]));
        let asked = bench.ok(bench.ask(Method::POST, &web("/request"), json!({})).await, 200);
        assert!(asked["request"]["pem"].as_str().unwrap().contains("CERTIFICATE REQUEST"));
        bench.ok(bench.ask(Method::DELETE, &web("/request"), Value::Null).await, 200);
        let bought = tls::issue(&dir.path().join("other"), &names).unwrap();
        let wrong = bench.ok(bench.ask(Method::POST, &web("/import"), json!({"certificate": "x", "key": "x"})).await, 400);
        assert_eq!(wrong["error"]["field"], "certificate");
        let body = json!({"certificate": bought.chain, "key": bought.key});
        let imported = bench.ok(bench.ask(Method::POST, &web("/import"), body).await, 200);
        assert_eq!(imported["source"], "imported");
        assert!(!imported.to_string().contains("PRIVATE"));
        let back = bench.ok(bench.ask(Method::DELETE, &web(""), Value::Null).await, 200);
        assert_eq!(back["source"], "own-authority");
        bench.ok(bench.ask(Method::GET, "/certificates/mail", Value::Null).await, 404);
    }
}

//! The trust store: authorities that this node believes, as a client, besides those of the operating system.
//!
//! Gateways, directories, alarm targets, the OpenID provider and ACME all ask it, unless a certificate of their own is configured.

use super::certificates::{CertificateDetails, details};
use super::{Actor, App, audit, is_dots};
use crate::certificates::refused;
use crate::error::{ControlError, Result};
use crate::text::Text;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;
use zaiseki_model::Timestamp;
use zaiseki_net::tls::{CertificateDer, CertificateFacts, believe_also, pem_of, read_authority};
use zaiseki_store::AuthorityRow;
use zaiseki_xmpp::datetime;

/// Characters of an entry's name.
pub const NAME_CHARS: usize = 64;

/// An authority that is believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrustView {
    pub name: String,
    /// RFC 3339.
    pub added: String,
    pub details: CertificateDetails,
    pub pem: String,
}

/// An authority to be believed.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrustInput {
    /// What it is called here.
    pub name: String,
    /// Its certificate: PEM, or DER in Base64.
    pub certificate: String,
}

pub fn list(app: &App) -> Result<Vec<TrustView>> {
    let rows = app.store().query(|db| db.trusted_authorities())?;
    Ok(rows.iter().filter_map(view).collect())
}

pub fn show(app: &App, name: &str) -> Result<TrustView> {
    let rows = app.store().query(|db| db.trusted_authorities())?;
    rows.iter().find(|row| row.name == name).and_then(view).ok_or_else(|| ControlError::NotFound {
        text: Text::new(format!("there is no trusted authority \"{name}\""), format!("信頼する認証局 \"{name}\" はありません")),
    })
}

/// Believes it from the next connection on.
///
/// # Errors
/// `invalid` naming the field; `conflict` when the name or the certificate is there already, or there are too many.
pub fn add(app: &App, actor: &Actor, input: &TrustInput) -> Result<TrustView> {
    add_bytes(app, actor, &input.name, input.certificate.as_bytes())
}

/// The same with a file: PEM or DER.
///
/// # Errors
/// As [`add`].
pub fn add_bytes(app: &App, actor: &Actor, name: &str, certificate: &[u8]) -> Result<TrustView> {
    let name = checked_name(name)?;
    let der = read_authority(certificate).map_err(|why| refused(&why))?;
    let facts = CertificateFacts::of(&der).ok_or_else(|| refused(&zaiseki_net::tls::Unfit::Unreadable(1)))?;
    let row = AuthorityRow {
        fingerprint: facts.fingerprint.clone(),
        name: name.clone(),
        certificate: der.to_vec(),
        added_at: Timestamp::now(),
    };
    let about = json!({"name": name, "subject": facts.subject, "fingerprint": facts.fingerprint});
    let audit = audit(actor);
    app.store().call(move |db| db.add_trusted_authority(&row, &about, &audit))?;
    believe(app)?;
    show(app, &name)
}

/// Believes it no longer, from the next connection on.
pub fn remove(app: &App, actor: &Actor, name: &str) -> Result<TrustView> {
    let view = show(app, name)?;
    let (name, audit) = (name.to_owned(), audit(actor));
    app.store().call(move |db| db.remove_trusted_authority(&name, &audit))?;
    believe(app)?;
    Ok(view)
}

/// Tells every client of this process what is believed now.
pub(crate) fn believe(app: &App) -> Result<()> {
    let rows = app.store().query(|db| db.trusted_authorities())?;
    let all = rows.into_iter().map(|row| CertificateDer::from(row.certificate)).collect();
    believe_also(all).map_err(|error| {
        let why = crate::certificates::chain(&error);
        let en = format!("the trusted authorities cannot be used: {why}");
        ControlError::Unavailable { text: Text::new(en, format!("信頼する認証局を使用できません: {why}")) }
    })
}

fn view(row: &AuthorityRow) -> Option<TrustView> {
    let facts = CertificateFacts::of(&row.certificate)?;
    let added = datetime::format(row.added_at.0);
    Some(TrustView { name: row.name.clone(), added, details: details(&facts), pem: pem_of(&row.certificate) })
}

fn checked_name(name: &str) -> Result<String> {
    let name = name.trim();
    let length = (1..=NAME_CHARS).contains(&name.chars().count());
    if length && !is_dots(name) && !name.chars().any(|c| c.is_control() || c == '/') {
        return Ok(name.to_owned());
    }
    let en = format!("the name has 1 to {NAME_CHARS} characters, no /, and is not . or ..");
    Err(ControlError::invalid("name", en, format!("名前は 1～{NAME_CHARS} 文字で、/ は使えず、. と .. にもできません")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::tests::Fixture;
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    use std::net::SocketAddr;
    use std::sync::Arc;
    use tokio::net::TcpListener;
    use zaiseki_net::tls::{ReloadableCert, client_config_platform, ensure_self_signed, server_config};

    /// A server of somebody else's authority, which nobody knows; and that authority.
    async fn server(dir: &std::path::Path) -> (SocketAddr, String) {
        let paths = ensure_self_signed(dir, &["mail.example.test".to_owned()]).unwrap();
        let certificate = ReloadableCert::load(&paths.certificate, &paths.key).unwrap();
        let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server_config(certificate, &[]).unwrap()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move { acceptor.accept(socket).await.map(drop) });
            }
        });
        (address, std::fs::read_to_string(paths.ca).unwrap())
    }

    /// One configuration for all connections, as gateways have it.
    async fn believed(config: &Arc<zaiseki_net::tls::ClientConfig>, address: SocketAddr) -> bool {
        let socket = tokio::net::TcpStream::connect(address).await.unwrap();
        let name = "mail.example.test".try_into().unwrap();
        tokio_rustls::TlsConnector::from(config.clone()).connect(name, socket).await.is_ok()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn an_authority_is_believed_from_the_next_connection_on_and_no_longer_when_it_is_taken_away() {
        let fixture = Fixture::new();
        let (app, dir) = (&fixture.app, tempfile::tempdir().unwrap());
        let (address, ca) = server(dir.path()).await;
        // A machine without authorities of its own must have one before there is a configuration at all.
        let other = tempfile::tempdir().unwrap();
        let other = zaiseki_net::tls::issue(other.path(), &["x".to_owned()]).unwrap();
        let other = format!("-----BEGIN{}", other.chain.rsplit("-----BEGIN").next().unwrap());
        add(app, "tester", &TrustInput { name: "other".to_owned(), certificate: other }).unwrap();
        let config = Arc::new(client_config_platform().unwrap());
        assert!(!believed(&config, address).await);
        let made = add(app, "tester", &TrustInput { name: " Mail ".to_owned(), certificate: ca.clone() }).unwrap();
        assert_eq!((made.name.as_str(), made.details.authority), ("Mail", true));
        assert!(believed(&config, address).await, "by a configuration that is older");
        believe_also(Vec::new()).unwrap();
        let again = App::open(app.store().clone(), "example.com", fixture.dir.path(), |_| {}).unwrap();
        assert!(believed(&config, address).await, "after a restart");
        remove(&again, "tester", "Mail").unwrap();
        assert!(!believed(&config, address).await, "no session is resumed");
        assert_eq!(remove(app, "tester", "Mail").unwrap_err().code(), "not-found");
    }

    #[test]
    fn entries_are_checked() {
        let fixture = Fixture::new();
        let app = &fixture.app;
        let dir = tempfile::tempdir().unwrap();
        let paths = ensure_self_signed(dir.path(), &["mail.example.test".to_owned()]).unwrap();
        let read = |path: &std::path::Path| std::fs::read_to_string(path).unwrap();
        let (ca, chain) = (read(&paths.ca), read(&paths.certificate));
        let field = |name: &str, certificate: &str| {
            let input = TrustInput { name: name.to_owned(), certificate: certificate.to_owned() };
            add(app, "tester", &input).map_err(|error| (error.code(), error.field()))
        };
        for name in ["", " ", ".", "..", "a/b", "a\nb", &"n".repeat(NAME_CHARS + 1)] {
            assert_eq!(field(name, &ca).unwrap_err(), ("invalid", Some("name")), "{name:?}");
        }
        for certificate in ["", "nonsense", &chain, &read(&paths.key)] {
            assert_eq!(field("x", certificate).unwrap_err(), ("invalid", Some("certificate")));
        }
        let der = zaiseki_net::tls::certificates_in(&ca).remove(0);
        let made = field(&"名".repeat(NAME_CHARS), &BASE64_STANDARD.encode(&der)).unwrap();
        assert_eq!(made.pem, ca.replace("\r\n", "\n"));
        assert_eq!(field("again", &ca).unwrap_err().0, "conflict");
        assert_eq!(list(app).unwrap(), [made]);
        assert!(add_bytes(app, "tester", "again", &der).is_err());
    }
}

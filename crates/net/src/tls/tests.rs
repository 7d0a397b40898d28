use super::*;
use std::os::unix::fs::PermissionsExt;

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|n| (*n).to_owned()).collect()
}

async fn handshake(server: Arc<ServerConfig>, client: ClientConfig, name: &str) -> std::io::Result<Vec<u8>> {
    let (near, far) = tokio::io::duplex(64 * 1024);
    let accept = tokio_rustls::TlsAcceptor::from(server).accept(far);
    let name = rustls::pki_types::ServerName::try_from(name.to_owned()).unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(client));
    let (_served, connected) = tokio::join!(accept, connector.connect(name, near));
    Ok(connected?.get_ref().1.peer_certificates().unwrap()[0].to_vec())
}

#[tokio::test]
async fn a_self_made_certificate_is_kept_and_serves_all_its_names() {
    let dir = tempfile::tempdir().unwrap();
    let wanted = names(&["example.test", "node-1", "127.0.0.1", "例え.test"]);
    let paths = ensure_self_signed(dir.path(), &wanted).unwrap();
    for secret in ["ca.key", "server.key"] {
        let mode = std::fs::metadata(dir.path().join(secret)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
    let cert = ReloadableCert::load(&paths.certificate, &paths.key).unwrap();
    let first = cert.fingerprint();
    let server = Arc::new(server_config(Arc::clone(&cert), &[b"xmpp-client"]).unwrap());
    let ca = std::fs::read_to_string(&paths.ca).unwrap();
    for name in ["example.test", "node-1", "localhost", "127.0.0.1", "xn--r8jz45g.test"] {
        let client = client_config_trusting(&ca).unwrap();
        assert_eq!(handshake(Arc::clone(&server), client, name).await.unwrap(), cert.leaf().to_vec(), "{name}");
    }
    let stranger = client_config_trusting(&ca).unwrap();
    assert!(handshake(Arc::clone(&server), stranger, "other.test").await.is_err());

    ensure_self_signed(dir.path(), &wanted).unwrap();
    cert.reload(&paths.certificate, &paths.key).unwrap();
    assert_eq!(cert.fingerprint(), first, "the second start keeps it");
    ensure_self_signed(dir.path(), &names(&["example.test", "new.test"])).unwrap();
    cert.reload(&paths.certificate, &paths.key).unwrap();
    assert_ne!(cert.fingerprint(), first, "a further name needs another certificate");
    assert_eq!(std::fs::read_to_string(&paths.ca).unwrap(), ca, "the authority stays");
    let client = client_config_trusting(&ca).unwrap();
    assert_eq!(handshake(server, client, "new.test").await.unwrap(), cert.leaf().to_vec(), "swapped live");
}

#[test]
fn an_authority_that_clients_trust_is_not_replaced_for_being_unreadable() {
    let dir = tempfile::tempdir().unwrap();
    let paths = ensure_self_signed(dir.path(), &names(&["example.test"])).unwrap();
    let (ca, key) = (std::fs::read(&paths.ca).unwrap(), std::fs::read(dir.path().join("ca.key")).unwrap());
    let further = names(&["example.test", "new.test"]);
    for (file, damaged, good) in [("ca.pem", &ca[..100], &ca), ("ca.key", &b"nonsense"[..], &key)] {
        std::fs::write(dir.path().join(file), damaged).unwrap();
        let error = ensure_self_signed(dir.path(), &further).unwrap_err();
        assert!(error.to_string().contains(file), "{error}");
        assert_eq!(std::fs::read(dir.path().join(file)).unwrap(), damaged, "left for the administrator to see");
        std::fs::write(dir.path().join(file), good).unwrap();
    }
    std::fs::remove_file(dir.path().join("ca.key")).unwrap();
    assert!(ensure_self_signed(dir.path(), &names(&["example.test"])).is_ok(), "nothing new is needed");
    assert!(ensure_self_signed(dir.path(), &further).unwrap_err().to_string().contains("ca.key"));
    std::fs::remove_file(&paths.ca).unwrap();
    ensure_self_signed(dir.path(), &further).unwrap();
    assert_ne!(std::fs::read(&paths.ca).unwrap(), ca, "an authority that is gone is made anew");
}

#[tokio::test]
async fn a_pinned_certificate_is_believed_under_any_name_and_no_other_is() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let served = ensure_self_signed(dir.path(), &names(&["example.test"])).unwrap();
    let stranger = ensure_self_signed(other.path(), &names(&["example.test"])).unwrap();
    let cert = ReloadableCert::load(&served.certificate, &served.key).unwrap();
    let server = Arc::new(server_config(Arc::clone(&cert), &[]).unwrap());
    let pin = |path: &Path| client_config_pinned(&std::fs::read_to_string(path).unwrap());
    for name in ["example.test", "other.test", "192.0.2.1"] {
        let shown = handshake(Arc::clone(&server), pin(&served.certificate).unwrap(), name).await.unwrap();
        assert_eq!(shown, cert.leaf().to_vec(), "{name}");
    }
    for wrong in [&stranger.certificate, &stranger.ca, &served.ca] {
        assert!(handshake(Arc::clone(&server), pin(wrong).unwrap(), "example.test").await.is_err(), "{}", wrong.display());
    }
    assert!(matches!(pin(&served.key), Err(TlsError::NoCertificate { .. })));
}

#[test]
fn bad_files_are_named_and_leave_the_certificate_in_use() {
    let dir = tempfile::tempdir().unwrap();
    let paths = ensure_self_signed(dir.path(), &[]).unwrap();
    let cert = ReloadableCert::load(&paths.certificate, &paths.key).unwrap();
    let before = cert.leaf();
    let missing = dir.path().join("missing.pem");
    assert!(matches!(cert.reload(&missing, &paths.key), Err(TlsError::File { path, .. }) if path == missing));
    assert!(matches!(cert.reload(&paths.key, &paths.key), Err(TlsError::NoCertificate { .. })));
    assert!(matches!(cert.reload(&paths.certificate, &paths.certificate), Err(TlsError::NoKey { .. })));
    let other_key = dir.path().join("ca.key");
    assert!(matches!(cert.reload(&paths.certificate, &other_key), Err(TlsError::Mismatch { .. })));
    assert_eq!(cert.leaf(), before);
}

#[test]
fn the_end_point_binding_follows_the_signature_hash() {
    for (algorithm, expected) in [
        (&rcgen::PKCS_ECDSA_P256_SHA256, &digest::SHA256),
        (&rcgen::PKCS_ECDSA_P384_SHA384, &digest::SHA384),
        (&rcgen::PKCS_ED25519, &digest::SHA256),
    ] {
        let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let made = rcgen::CertificateParams::new(names(&["a.test"])).unwrap().self_signed(&key).unwrap();
        assert_eq!(end_point_binding(made.der()), digest::digest(expected, made.der()).as_ref());
    }
    assert_eq!(end_point_binding(b"garbage"), digest::digest(&digest::SHA256, b"garbage").as_ref());
}

#[test]
fn fingerprints_look_like_openssl_writes_them() {
    let text = fingerprint(b"");
    assert!(text.starts_with("E3:B0:C4:42:98:FC:1C:14"), "{text}");
    assert_eq!(text.len(), 32 * 3 - 1);
}

//! TLS: certificates of this node, live reload, channel bindings, and what we trust as a client.
//!
//! Always rustls with the aws-lc-rs provider given explicitly; TLS 1.2 and 1.3 (RFC 7590, RFC 9325).

mod believed;
mod examine;
mod identity;
mod inspect;
mod pinned;
mod self_signed;

pub use believed::{believe_also, is_believed};
pub use examine::{CHAIN_CERTIFICATES, PEM_BYTES, Unfit, examine, pem_of, read_authority};
pub use identity::{Identity, ReloadableCert};
pub use inspect::{CertificateFacts, KeyKind, Trust, ascii_name, hosts_match, trust};
pub use pinned::{client_config_pinned, shows};
pub use self_signed::{Issued, Paths, authority, ensure_self_signed, issue, request};

pub use rustls::pki_types::CertificateDer;
pub use rustls::{ClientConfig, ServerConfig};

use aws_lc_rs::digest;
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::NoServerSessionStorage;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::signature_algorithm::SignatureAlgorithm;

/// Certificates in one PEM file; a chain is short.
const MAX_CERTIFICATES: usize = 1_000;

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{}: could not be read or written", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{}: not PEM: {why}", path.display())]
    Pem { path: PathBuf, why: String },
    #[error("{}: no certificate in it", path.display())]
    NoCertificate { path: PathBuf },
    #[error("{}: no private key in it", path.display())]
    NoKey { path: PathBuf },
    #[error("{}: the key does not belong to the certificate {}", key.display(), certificate.display())]
    Mismatch { certificate: PathBuf, key: PathBuf, source: rustls::Error },
    #[error("{0}: not a name a certificate can hold")]
    Name(String),
    #[error("a certificate could not be made")]
    Make(#[from] rcgen::Error),
    #[error("TLS could not be set up")]
    Setup(#[from] rustls::Error),
}

/// The cryptography everything here uses.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// Configuration for listeners: TLS 1.2 and 1.3, stateless tickets for resumption (no session cache in memory), no early
/// data (it could be replayed). `alpn`: protocol names in order of preference, empty for none.
pub fn server_config(resolver: Arc<ReloadableCert>, alpn: &[&[u8]]) -> Result<ServerConfig, TlsError> {
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new()?;
    config.send_tls13_tickets = 1;
    config.max_early_data_size = 0;
    Ok(config)
}

/// Trusts only the certificate authorities in `ca_pem`.
pub fn client_config_trusting(ca_pem: &str) -> Result<ClientConfig, TlsError> {
    let path = Path::new("the given certificate authority");
    let mut roots = RootCertStore::empty();
    for certificate in parse_certificates(ca_pem.as_bytes(), path)? {
        roots.add(certificate)?;
    }
    Ok(ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// Trusts the operating system's certificate authorities, and those that an administrator added ([`believe_also`]), as they
/// are when a connection is made.
pub fn client_config_platform() -> Result<ClientConfig, TlsError> {
    believed::client_config()
}

/// SHA-256 of a certificate: 32 upper-case hexadecimal pairs with colons, as browsers and openssl show it.
pub fn fingerprint(der: &[u8]) -> String {
    let hash = digest::digest(&digest::SHA256, der);
    let pairs: Vec<String> = hash.as_ref().iter().map(|b| format!("{b:02X}")).collect();
    pairs.join(":")
}

/// The `tls-server-end-point` channel binding of a certificate (RFC 5929 §4.1): its hash by the hash function of its
/// signature, SHA-256 in place of MD5 and SHA-1. For signatures without one hash function (Ed25519), where the RFC leaves
/// it undefined, and for certificates that cannot be read: SHA-256.
pub fn end_point_binding(leaf_der: &[u8]) -> Vec<u8> {
    digest::digest(binding_hash(leaf_der), leaf_der).as_ref().to_vec()
}

fn binding_hash(leaf_der: &[u8]) -> &'static digest::Algorithm {
    let Ok((_, certificate)) = X509Certificate::from_der(leaf_der) else { return &digest::SHA256 };
    let algorithm = &certificate.signature_algorithm;
    let oid = match SignatureAlgorithm::try_from(algorithm) {
        Ok(SignatureAlgorithm::RSASSA_PSS(params)) => params.hash_algorithm_oid().to_id_string(),
        _ => algorithm.algorithm.to_id_string(),
    };
    match oid.as_str() {
        // sha384WithRSA, ecdsa-with-SHA384, id-sha384
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" | "2.16.840.1.101.3.4.2.2" => &digest::SHA384,
        // sha512WithRSA, ecdsa-with-SHA512, id-sha512
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" | "2.16.840.1.101.3.4.2.3" => &digest::SHA512,
        // sha224WithRSA, ecdsa-with-SHA224, id-sha224
        "1.2.840.113549.1.1.14" | "1.2.840.10045.4.3.1" | "2.16.840.1.101.3.4.2.4" => &digest::SHA224,
        _ => &digest::SHA256,
    }
}

/// The certificates (DER) of a PEM text, as far as they can be told from each other.
pub fn certificates_in(pem: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem.as_bytes()).take(MAX_CERTIFICATES).map_while(Result::ok).collect()
}

fn parse_certificates(pem: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .take(MAX_CERTIFICATES)
        .collect::<Result<_, _>>()
        .map_err(|error| TlsError::Pem { path: path.to_owned(), why: error.to_string() })?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate { path: path.to_owned() });
    }
    Ok(chain)
}

fn parse_key(pem: &[u8], path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    use rustls::pki_types::pem::Error;
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        Error::NoItemsFound => TlsError::NoKey { path: path.to_owned() },
        other => TlsError::Pem { path: path.to_owned(), why: other.to_string() },
    })
}

#[cfg(test)]
mod tests;

//! Believing one certificate rather than an authority, for servers that sign their own.

use super::{TlsError, parse_certificates, provider};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use std::path::Path;
use std::sync::Arc;

/// Trusts a server that shows one of the certificates in `pem` and proves that it has its key. Names and dates in the
/// certificate do not count: who pinned it looked at it.
pub fn client_config_pinned(pem: &str) -> Result<ClientConfig, TlsError> {
    pinned(parse_certificates(pem.as_bytes(), Path::new("the pinned certificate"))?)
}

/// Makes a handshake as a client over a connection that stands, asking for `name` (a domain name or an IP address), and
/// proves that the other end shows `leaf` and has its key. Its errors say what was wrong.
pub async fn shows<C>(connection: C, name: &str, leaf: CertificateDer<'static>) -> Result<(), std::io::Error>
where
    C: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let config = pinned(vec![leaf]).map_err(std::io::Error::other)?;
    let ascii = idna::domain_to_ascii(name).unwrap_or_else(|_| name.to_owned());
    let name = ServerName::try_from(ascii).map_err(std::io::Error::other)?;
    tokio_rustls::TlsConnector::from(Arc::new(config)).connect(name, connection).await.map(drop)
}

fn pinned(certificates: Vec<CertificateDer<'static>>) -> Result<ClientConfig, TlsError> {
    let provider = provider();
    let verifier = Arc::new(Pinned { certificates, provider: provider.clone() });
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth())
}

#[derive(Debug)]
struct Pinned {
    certificates: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match self.certificates.contains(end_entity) {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

//! A certificate chain together with its key, and the place from which listeners take it.

use super::{TlsError, fingerprint, parse_certificates, parse_key, provider};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};

/// A chain (leaf first) and the key that belongs to its leaf. It shows nothing of the key.
#[derive(Clone, Debug)]
pub struct Identity(Arc<CertifiedKey>);

impl Identity {
    /// Reads a PEM chain (leaf first) and its PEM key, and proves that they belong together.
    pub fn load(certificate: &Path, key: &Path) -> Result<Identity, TlsError> {
        let read = |path: &Path| std::fs::read(path).map_err(|source| TlsError::File { path: path.to_owned(), source });
        Identity::of(&read(certificate)?, certificate, &read(key)?, key)
    }

    /// The same from memory.
    pub fn from_pem(chain: &[u8], key: &[u8]) -> Result<Identity, TlsError> {
        Identity::of(chain, Path::new("the certificate"), key, Path::new("its key"))
    }

    fn of(chain: &[u8], certificate: &Path, private: &[u8], key: &Path) -> Result<Identity, TlsError> {
        let chain = parse_certificates(chain, certificate)?;
        let private = parse_key(private, key)?;
        Identity::joined(chain, private).map_err(|source| TlsError::Mismatch {
            certificate: certificate.to_owned(),
            key: key.to_owned(),
            source,
        })
    }

    /// `chain` is not empty.
    pub(super) fn joined(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Identity, rustls::Error> {
        CertifiedKey::from_der(chain, key, &provider()).map(|made| Identity(Arc::new(made)))
    }

    /// Leaf first.
    pub fn chain(&self) -> &[CertificateDer<'static>] {
        &self.0.cert
    }
}

/// A certificate that is exchangeable while connections go on: handshakes after [`ReloadableCert::replace`] see the new one.
#[derive(Debug)]
pub struct ReloadableCert {
    current: RwLock<Identity>,
}

impl ReloadableCert {
    pub fn new(identity: Identity) -> Arc<Self> {
        Arc::new(ReloadableCert { current: RwLock::new(identity) })
    }

    /// Reads a PEM chain (leaf first) and its PEM key.
    pub fn load(certificate: &Path, key: &Path) -> Result<Arc<Self>, TlsError> {
        Identity::load(certificate, key).map(ReloadableCert::new)
    }

    pub fn replace(&self, identity: Identity) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = identity;
    }

    /// Reads the files again. On an error the certificate in use stays.
    pub fn reload(&self, certificate: &Path, key: &Path) -> Result<(), TlsError> {
        self.replace(Identity::load(certificate, key)?);
        Ok(())
    }

    fn current(&self) -> Identity {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The leaf certificate that new handshakes show. Take it when a connection is accepted: its channel binding
    /// belongs to the certificate of that moment.
    pub fn leaf(&self) -> CertificateDer<'static> {
        // An identity has no empty chain.
        self.current().chain().first().cloned().unwrap_or_else(|| CertificateDer::from(Vec::new()))
    }

    /// The certificates that new handshakes show, leaf first.
    pub fn chain(&self) -> Vec<CertificateDer<'static>> {
        self.current().chain().to_vec()
    }

    /// SHA-256 of the leaf, as [`fingerprint`] writes it.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.leaf())
    }
}

impl ResolvesServerCert for ReloadableCert {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current().0)
    }
}

//! The listeners' TLS: one certificate, two ways in.

use rustls::{ProtocolVersion, ServerConfig};
use std::sync::Arc;
use zaiseki_model::live::TlsVersion;
use zaiseki_net::tls::{ReloadableCert, TlsError, end_point_binding, server_config};

/// TLS of the client listeners. The certificate behind it may be exchanged at any time.
pub struct ServerTls {
    certificate: Arc<ReloadableCert>,
    starttls: Arc<ServerConfig>,
    direct: Arc<ServerConfig>,
}

impl ServerTls {
    pub fn new(certificate: Arc<ReloadableCert>) -> Result<Self, TlsError> {
        Ok(ServerTls {
            starttls: Arc::new(server_config(certificate.clone(), &[])?),
            // XEP-0368 §2: the protocol's name, for those who share a port.
            direct: Arc::new(server_config(certificate.clone(), &[b"xmpp-client"])?),
            certificate,
        })
    }

    pub fn config(&self, direct: bool) -> Arc<ServerConfig> {
        if direct { self.direct.clone() } else { self.starttls.clone() }
    }

    /// Channel binding data of the certificate that new handshakes show.
    pub fn end_point_binding(&self) -> Option<Vec<u8>> {
        Some(end_point_binding(&self.certificate.leaf()))
    }
}

/// The version of a finished handshake.
pub fn version(version: Option<ProtocolVersion>) -> Option<TlsVersion> {
    match version? {
        ProtocolVersion::TLSv1_3 => Some(TlsVersion::Tls13),
        ProtocolVersion::TLSv1_2 => Some(TlsVersion::Tls12),
        _ => None,
    }
}

//! The authorities that this process believes as a client: those of the operating system, and those an administrator added.
//!
//! One set for the process, as the operating system has one for the machine. Configurations ask it at each handshake, so that
//! a change holds for the next connection of everybody who trusts "the system".

use super::{TlsError, provider};
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_platform_verifier::Verifier;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

/// The operating system's authorities are read again after this long.
const AGE: Duration = Duration::from_secs(600);

#[derive(Default)]
struct Believed {
    added: Vec<CertificateDer<'static>>,
    made: Option<(Arc<Verifier>, Instant)>,
}

static BELIEVED: RwLock<Believed> = RwLock::new(Believed { added: Vec::new(), made: None });

/// From now on these are believed too, and no others that were added before.
///
/// # Errors
/// One of them cannot be an authority; nothing changes then.
pub fn believe_also(added: Vec<CertificateDer<'static>>) -> Result<(), TlsError> {
    let made = match added.is_empty() {
        // Machines without authorities of their own can do without, until somebody asks.
        true => None,
        false => Some((Arc::new(Verifier::new_with_extra_roots(added.clone(), provider())?), Instant::now())),
    };
    *BELIEVED.write().unwrap_or_else(PoisonError::into_inner) = Believed { added, made };
    Ok(())
}

fn current() -> Result<Arc<Verifier>, Error> {
    let fresh = |believed: &Believed| believed.made.clone().filter(|(_, at)| at.elapsed() < AGE).map(|(made, _)| made);
    if let Some(made) = fresh(&BELIEVED.read().unwrap_or_else(PoisonError::into_inner)) {
        return Ok(made);
    }
    let mut believed = BELIEVED.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(made) = fresh(&believed) {
        return Ok(made);
    }
    let made = Arc::new(Verifier::new_with_extra_roots(believed.added.clone(), provider())?);
    believed.made = Some((made.clone(), Instant::now()));
    Ok(made)
}

/// Whether the chain (leaf first) leads now to an authority that is believed, whatever its names.
pub fn is_believed(chain: &[CertificateDer<'static>]) -> bool {
    let Some((leaf, between)) = chain.split_first() else { return false };
    // Names have been looked at when the chain has been followed to its end.
    let Ok(name) = ServerName::try_from("names.do.not.matter.invalid") else { return false };
    let Ok(verifier) = current() else { return false };
    match verifier.verify_server_cert(leaf, between, &name, &[], UnixTime::now()) {
        Ok(_) => true,
        Err(Error::InvalidCertificate(why)) => {
            matches!(why, CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. })
        }
        Err(_) => false,
    }
}

pub(super) fn client_config() -> Result<ClientConfig, TlsError> {
    // A machine without authorities is told at once, not by a handshake that fails.
    current()?;
    let provider = provider();
    let mut config = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AsBelieved { provider }))
        .with_no_client_auth();
    // A resumed session shows no certificate: it would outlive the removal of its authority.
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// Asks for each connection what is believed at that moment.
#[derive(Debug)]
struct AsBelieved {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for AsBelieved {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        current()?.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
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

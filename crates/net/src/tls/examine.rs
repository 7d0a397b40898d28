//! Judges a certificate chain and key that somebody gives us, before anything is done with them.

use super::inspect::CertificateFacts;
use super::{Identity, provider};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, RootCertStore};
use std::sync::Arc;
use std::time::Duration;
use x509_parser::prelude::{FromDer, X509Certificate};

/// Bytes of a chain, and of a key, that are looked at.
pub const PEM_BYTES: usize = 64 * 1024;
/// Certificates of a chain.
pub const CHAIN_CERTIFICATES: usize = 10;

/// Why a certificate or key is not taken. Certificates are counted from 1, the node's own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("it is longer than {PEM_BYTES} bytes")]
    TooLong,
    #[error("it is not PEM: {0}")]
    NotPem(String),
    #[error("there is no certificate in it (\"-----BEGIN CERTIFICATE-----\")")]
    NoCertificate,
    #[error("it holds more than {CHAIN_CERTIFICATES} certificates")]
    TooMany,
    #[error("certificate {0} cannot be read")]
    Unreadable(usize),
    #[error("there is no private key in it (\"-----BEGIN PRIVATE KEY-----\")")]
    NoKey,
    #[error("the private key is encrypted: decrypt it first (openssl pkey -in key.pem -out clear.pem)")]
    EncryptedKey,
    #[error("the private key is of a kind that is not supported")]
    KeyKind,
    #[error("the private key does not belong to the first certificate")]
    OtherKey,
    #[error(
        "certificate {number}, {subject}, was not issued by the one after it: order them from the node's own to the authority's"
    )]
    Order { number: usize, subject: String },
    #[error("certificate {number}, {subject}, has ended")]
    Ended { number: usize, subject: String },
    #[error("certificate {number}, {subject}, is not valid yet")]
    NotYet { number: usize, subject: String },
    #[error("certificate {number}, {subject}, has a weak key ({key})")]
    WeakKey { number: usize, subject: String, key: String },
    #[error("the first certificate is that of an authority, not of a server")]
    Authority,
    #[error("the first certificate holds no names (subjectAltName): clients refuse it")]
    NoNames,
    #[error("the chain does not hold together: {0}")]
    Chain(String),
    #[error("it is not the certificate of an authority (CA)")]
    NoAuthority,
    #[error("it holds more than one certificate: give them one by one")]
    Several,
}

impl Unfit {
    /// Whether it is about the key and not about the certificates.
    pub fn is_about_key(&self) -> bool {
        matches!(self, Unfit::NoKey | Unfit::EncryptedKey | Unfit::KeyKind | Unfit::OtherKey)
    }
}

/// Proves that a PEM chain (the server's own certificate first) and its PEM key are fit to be shown to clients at `now` (seconds since
/// 1970): that they belong together, that each certificate issued the one before it, that none has ended and no key is weak.
/// Who is at the end of the chain does not matter.
pub fn examine(chain: &[u8], key: &[u8], now: i64) -> Result<Identity, Unfit> {
    let chain = read_chain(chain)?;
    let facts = facts_of(&chain)?;
    let [leaf, ..] = facts.as_slice() else { return Err(Unfit::NoCertificate) };
    if leaf.authority && facts.len() > 1 {
        return Err(Unfit::Authority);
    }
    if leaf.names.is_empty() {
        return Err(Unfit::NoNames);
    }
    facts.iter().enumerate().try_for_each(|(index, one)| in_force(index + 1, one, now))?;
    in_order(&facts)?;
    let identity = joined(chain, read_key(key)?)?;
    holds_together(identity.chain(), &facts, now)?;
    Ok(identity)
}

/// The certificate of an authority: PEM, DER, or DER in Base64.
pub fn read_authority(bytes: &[u8]) -> Result<CertificateDer<'static>, Unfit> {
    if bytes.len() > PEM_BYTES {
        return Err(Unfit::TooLong);
    }
    let one = match der_of(bytes) {
        Some(der) => der,
        None => match read_chain(bytes)?.as_slice() {
            [one] => one.clone(),
            _ => return Err(Unfit::Several),
        },
    };
    let facts = CertificateFacts::of(&one).ok_or(Unfit::Unreadable(1))?;
    // A server that signs its own certificate is its own authority.
    if !facts.authority && !facts.self_issued {
        return Err(Unfit::NoAuthority);
    }
    RootCertStore::empty().add(one.clone()).map_err(|_| Unfit::Unreadable(1))?;
    Ok(one)
}

/// A certificate without PEM around it.
fn der_of(bytes: &[u8]) -> Option<CertificateDer<'static>> {
    let whole = |der: &[u8]| X509Certificate::from_der(der).is_ok_and(|(rest, _)| rest.is_empty());
    if whole(bytes) {
        return Some(CertificateDer::from(bytes.to_vec()));
    }
    let packed: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let der = BASE64_STANDARD.decode(packed).ok()?;
    whole(&der).then(|| CertificateDer::from(der))
}

/// One certificate as PEM (RFC 7468 §5).
pub fn pem_of(der: &[u8]) -> String {
    let text = BASE64_STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len()).step_by(64).filter_map(|at| text.get(at..text.len().min(at + 64))).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}

fn read_chain(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Unfit> {
    if pem.len() > PEM_BYTES {
        return Err(Unfit::TooLong);
    }
    let chain: Vec<_> = CertificateDer::pem_slice_iter(pem)
        .take(CHAIN_CERTIFICATES + 1)
        .collect::<Result<_, _>>()
        .map_err(|error| Unfit::NotPem(error.to_string()))?;
    match chain.len() {
        0 => Err(Unfit::NoCertificate),
        1..=CHAIN_CERTIFICATES => Ok(chain),
        _ => Err(Unfit::TooMany),
    }
}

fn read_key(pem: &[u8]) -> Result<PrivateKeyDer<'static>, Unfit> {
    if pem.len() > PEM_BYTES {
        return Err(Unfit::TooLong);
    }
    let holds = |text: &[u8]| pem.windows(text.len()).any(|window| window == text);
    // RFC 7468 §11, and the older way of RFC 1421 §4.6.1.1.
    if holds(b"BEGIN ENCRYPTED PRIVATE KEY") || holds(b"Proc-Type: 4,ENCRYPTED") {
        return Err(Unfit::EncryptedKey);
    }
    use rustls::pki_types::pem::Error;
    PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
        Error::NoItemsFound => Unfit::NoKey,
        other => Unfit::NotPem(other.to_string()),
    })
}

fn facts_of(chain: &[CertificateDer<'_>]) -> Result<Vec<CertificateFacts>, Unfit> {
    chain.iter().enumerate().map(|(index, der)| CertificateFacts::of(der).ok_or(Unfit::Unreadable(index + 1))).collect()
}

fn in_force(number: usize, one: &CertificateFacts, now: i64) -> Result<(), Unfit> {
    let subject = one.subject.clone();
    if one.not_after < now {
        return Err(Unfit::Ended { number, subject });
    }
    if one.not_before > now {
        return Err(Unfit::NotYet { number, subject });
    }
    if one.key.is_weak() {
        return Err(Unfit::WeakKey { number, subject, key: one.key.to_string() });
    }
    Ok(())
}

fn in_order(facts: &[CertificateFacts]) -> Result<(), Unfit> {
    let mut pairs = facts.iter().zip(facts.iter().skip(1)).enumerate();
    match pairs.find(|(_, (one, next))| one.issuer != next.subject) {
        Some((index, (one, _))) => Err(Unfit::Order { number: index + 1, subject: one.subject.clone() }),
        None => Ok(()),
    }
}

fn joined(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Identity, Unfit> {
    Identity::joined(chain, key).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => Unfit::OtherKey,
        _ => Unfit::KeyKind,
    })
}

/// Signatures and uses, by what browsers would do if they knew the last certificate. A chain of one has nothing to prove.
fn holds_together(chain: &[CertificateDer<'static>], facts: &[CertificateFacts], now: i64) -> Result<(), Unfit> {
    let [leaf, between @ .., last] = chain else { return Ok(()) };
    let said = |error: &dyn std::fmt::Display| Unfit::Chain(error.to_string());
    let mut roots = RootCertStore::empty();
    roots.add(last.clone()).map_err(|error| said(&error))?;
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build().map_err(|error| said(&error))?;
    let name = facts.first().and_then(|facts| facts.names.first()).map_or("", String::as_str);
    // Whatever stands in place of the label of a wildcard.
    let name = name.strip_prefix("*.").map_or_else(|| name.to_owned(), |parent| format!("a.{parent}"));
    let name = ServerName::try_from(name).map_err(|error| said(&error))?;
    let at = UnixTime::since_unix_epoch(Duration::from_secs(u64::try_from(now).unwrap_or(0)));
    match verifier.verify_server_cert(leaf, between, &name, &[], at) {
        Ok(_) => Ok(()),
        Err(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer | CertificateError::BadSignature)) => {
            Err(Unfit::Chain("a signature in it was not made by the certificate that follows".to_owned()))
        }
        Err(error) => Err(said(&error)),
    }
}

#[cfg(test)]
#[path = "examine_tests.rs"]
mod tests;

//! What stands in a certificate, for people and for checks.

use super::{TlsError, fingerprint, provider};
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, Error};
use rustls_platform_verifier::Verifier;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// What people look at in a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFacts {
    /// RFC 4514-like, as `CN=im1.example.com, O=Example`.
    pub subject: String,
    pub issuer: String,
    /// Domain names (in ASCII, perhaps with a wildcard) and IP addresses it is good for.
    pub names: Vec<String>,
    /// Seconds since 1970.
    pub not_before: i64,
    pub not_after: i64,
    /// SHA-256, as [`fingerprint`] writes it.
    pub fingerprint: String,
    /// Subject and issuer are the same.
    pub self_issued: bool,
    /// May sign other certificates (RFC 5280 §4.2.1.9).
    pub authority: bool,
    /// Hexadecimal pairs with colons.
    pub serial: String,
    pub key: KeyKind,
}

/// What a public key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// With its bits.
    Rsa(usize),
    EcP256,
    EcP384,
    EcP521,
    Ed25519,
    /// What TLS of today does not use.
    Other,
}

impl KeyKind {
    fn of(certificate: &X509Certificate<'_>) -> KeyKind {
        let key = certificate.public_key();
        let curve = || key.algorithm.parameters.as_ref().and_then(|found| found.as_oid().ok()).map(|oid| oid.to_id_string());
        match key.algorithm.algorithm.to_id_string().as_str() {
            "1.2.840.113549.1.1.1" => KeyKind::Rsa(key.parsed().map_or(0, |parsed| parsed.key_size())),
            "1.2.840.10045.2.1" => match curve().as_deref() {
                Some("1.2.840.10045.3.1.7") => KeyKind::EcP256,
                Some("1.3.132.0.34") => KeyKind::EcP384,
                Some("1.3.132.0.35") => KeyKind::EcP521,
                _ => KeyKind::Other,
            },
            "1.3.101.112" => KeyKind::Ed25519,
            _ => KeyKind::Other,
        }
    }

    /// RFC 9325 §4.5: RSA of 2048 bits at least.
    pub fn is_weak(self) -> bool {
        matches!(self, KeyKind::Rsa(bits) if bits < 2_048) || self == KeyKind::Other
    }
}

impl std::fmt::Display for KeyKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            KeyKind::Rsa(bits) => write!(f, "RSA {bits}"),
            KeyKind::EcP256 => f.write_str("ECDSA P-256"),
            KeyKind::EcP384 => f.write_str("ECDSA P-384"),
            KeyKind::EcP521 => f.write_str("ECDSA P-521"),
            KeyKind::Ed25519 => f.write_str("Ed25519"),
            KeyKind::Other => f.write_str("?"),
        }
    }
}

impl CertificateFacts {
    /// `None` when it cannot be read.
    pub fn of(der: &[u8]) -> Option<CertificateFacts> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let extension = certificate.subject_alternative_name().ok().flatten();
        let names = extension.map(|found| found.value.general_names.iter().filter_map(alternative_name).collect());
        Some(CertificateFacts {
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            names: names.unwrap_or_default(),
            not_before: certificate.validity().not_before.timestamp(),
            not_after: certificate.validity().not_after.timestamp(),
            fingerprint: fingerprint(der),
            self_issued: certificate.subject().as_raw() == certificate.issuer().as_raw(),
            authority: certificate.is_ca(),
            serial: certificate.raw_serial_as_string().to_uppercase(),
            key: KeyKind::of(&certificate),
        })
    }

    /// Whether it is good for that domain name or IP address (RFC 6125 §6.4, wildcards for one label only).
    pub fn covers(&self, name: &str) -> bool {
        self.names.iter().any(|held| hosts_match(held, name))
    }

    /// Whole days until it ends; negative when it has ended.
    pub fn days_left(&self, now: i64) -> i64 {
        (self.not_after - now).div_euclid(86_400)
    }
}

/// Whether the name of a certificate, perhaps with a wildcard, stands for that host.
pub fn hosts_match(held: &str, host: &str) -> bool {
    if let Ok(address) = host.parse::<IpAddr>() {
        return held.parse() == Ok(address);
    }
    let Ok(host) = idna::domain_to_ascii(host) else { return false };
    let held = held.to_ascii_lowercase();
    match held.strip_prefix("*.") {
        Some(parent) => host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == parent),
        None => held == host,
    }
}

/// A domain name in ASCII, as certificates write it; `None` when it has none (UTS #46).
pub fn ascii_name(name: &str) -> Option<String> {
    idna::domain_to_ascii(name).ok()
}

/// Whether clients believe in a certificate without having been told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// By the authorities of this machine's operating system.
    Believed,
    /// By none of them: a private authority, or a certificate between is missing.
    UnknownIssuer,
    /// Something else is wrong; the text says what.
    Wrong(String),
}

/// Asks the operating system's authorities about a chain (leaf first) shown for `name`.
pub fn trust(chain: &[CertificateDer<'static>], name: &str) -> Result<Trust, TlsError> {
    let Some((leaf, between)) = chain.split_first() else { return Ok(Trust::UnknownIssuer) };
    let ascii = idna::domain_to_ascii(name).map_err(|_| TlsError::Name(name.to_owned()))?;
    let name = ServerName::try_from(ascii).map_err(|_| TlsError::Name(name.to_owned()))?;
    let verifier = Verifier::new(provider())?;
    Ok(match verifier.verify_server_cert(leaf, between, &name, &[], UnixTime::now()) {
        Ok(_) => Trust::Believed,
        Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => Trust::UnknownIssuer,
        Err(error) => Trust::Wrong(error.to_string()),
    })
}

/// A domain name or IP address among the alternative names.
pub(super) fn alternative_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => match bytes.len() {
            4 => <[u8; 4]>::try_from(*bytes).ok().map(|b| Ipv4Addr::from(b).to_string()),
            16 => <[u8; 16]>::try_from(*bytes).ok().map(|b| Ipv6Addr::from(b).to_string()),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_one_label() {
        for (held, host, fits) in [
            ("example.com", "EXAMPLE.com", true),
            ("*.example.com", "im1.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "a.b.example.com", false),
            ("*.example.com", ".example.com", false),
            ("xn--wgv71a119e.example", "日本語.example", true),
            ("192.0.2.1", "192.0.2.1", true),
            ("2001:db8::1", "2001:0db8::1", true),
            ("192.0.2.1", "192.0.2.2", false),
        ] {
            assert_eq!(hosts_match(held, host), fits, "{held} {host}");
        }
    }

    #[test]
    fn a_certificate_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let paths = super::super::ensure_self_signed(dir.path(), &["im.example.com".to_owned(), "192.0.2.1".to_owned()]).unwrap();
        let live = super::super::ReloadableCert::load(&paths.certificate, &paths.key).unwrap();
        let chain = live.chain();
        let leaf = CertificateFacts::of(&chain[0]).unwrap();
        assert!(leaf.covers("im.example.com") && leaf.covers("192.0.2.1") && !leaf.covers("example.com"));
        assert_eq!((leaf.self_issued, leaf.authority, leaf.fingerprint), (false, false, live.fingerprint()));
        assert_eq!((leaf.subject.as_str(), leaf.key), ("CN=im.example.com", KeyKind::EcP256));
        assert!(leaf.serial.contains(':') && leaf.serial == leaf.serial.to_uppercase(), "{}", leaf.serial);
        let authority = CertificateFacts::of(&chain[1]).unwrap();
        assert_eq!((authority.self_issued, authority.authority, authority.subject), (true, true, leaf.issuer));
        let now = leaf.not_after - 86_400;
        let left = |leaf: &CertificateFacts, now| leaf.days_left(now);
        let leaf = CertificateFacts::of(&chain[0]).unwrap();
        assert_eq!((left(&leaf, now), left(&leaf, now + 1), left(&leaf, leaf.not_after + 1)), (1, 0, -1));
        assert_eq!(CertificateFacts::of(b"nonsense"), None);
        assert_eq!(trust(&chain, "im.example.com").unwrap(), Trust::UnknownIssuer);
    }
}

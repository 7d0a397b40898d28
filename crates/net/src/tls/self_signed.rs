//! The certificate authority and server certificate a node makes for itself when it is given none.

use super::inspect::alternative_name;
use super::{Identity, TlsError};
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use time::{Duration, OffsetDateTime};
use x509_parser::prelude::{FromDer, X509Certificate};

/// Validity of the authority.
const CA_DAYS: i64 = 3_650;
/// Validity of the server certificate: the most that all platforms accept from a private authority.
const SERVER_DAYS: i64 = 825;
/// A certificate with fewer days left is made anew.
const RENEW_DAYS: i64 = 60;

/// Files of a self-made certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// The authority's certificate: what clients import to trust this node.
    pub ca: PathBuf,
    /// The server certificate followed by the authority's.
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Paths {
    /// Where a node with this folder keeps them.
    pub fn of(dir: &Path) -> Paths {
        Paths { ca: dir.join("ca.pem"), certificate: dir.join("server.pem"), key: dir.join("server.key") }
    }
}

/// Makes, or keeps from an earlier start, a certificate for `names` (domain names or IP addresses) and `localhost` in
/// `dir`. Key files get mode 0600. A certificate that lacks a name or expires within 60 days is made anew under the same
/// authority. A directory or file that cannot be written is an error with its path; so is an authority that is there but cannot
/// be used, since clients trust it: it is replaced only when it is near its end, or gone.
pub fn ensure_self_signed(dir: &Path, names: &[String]) -> Result<Paths, TlsError> {
    std::fs::create_dir_all(dir).map_err(|source| TlsError::File { path: dir.to_owned(), source })?;
    let paths = Paths::of(dir);
    let names = wanted_names(names)?;
    if still_good(&paths, &names) {
        return Ok(paths);
    }
    let issuer = usable_issuer(&paths.ca, &dir.join("ca.key"))?;
    make_server(&paths, &issuer, names)?;
    Ok(paths)
}

/// What was made and is not kept here: PEM, the chain with the leaf first.
pub struct Issued {
    pub chain: String,
    pub key: String,
}

/// A certificate by the node's own authority in `dir`, which is made when it is missing or near its end. `names` (domain names or IP
/// addresses) are not empty. For its errors see [`ensure_self_signed`].
pub fn issue(dir: &Path, names: &[String]) -> Result<Issued, TlsError> {
    std::fs::create_dir_all(dir).map_err(|source| TlsError::File { path: dir.to_owned(), source })?;
    let names = ascii_names(names.iter().map(String::as_str))?;
    let ca = Paths::of(dir).ca;
    let issuer = usable_issuer(&ca, &dir.join("ca.key"))?;
    signed(&ca, &issuer, names)
}

/// The certificate (PEM) of the node's own authority in `dir`; `None` when there is none.
pub fn authority(dir: &Path) -> Option<String> {
    std::fs::read_to_string(Paths::of(dir).ca).ok()
}

/// A signing request (PKCS #10, PEM) for these names by a new ECDSA key of P-256, and that key. The subject of the certificate is up to
/// whoever signs; asked for are the first name as its common name, and all names.
pub fn request(names: &[String]) -> Result<Issued, TlsError> {
    let key = KeyPair::generate()?;
    let params = server_params(ascii_names(names.iter().map(String::as_str))?)?;
    Ok(Issued { chain: params.serialize_request(&key)?.pem()?, key: key.serialize_pem() })
}

fn usable_issuer(certificate: &Path, key: &Path) -> Result<NodeIssuer, TlsError> {
    match load_issuer(certificate, key)? {
        Some(issuer) => Ok(issuer),
        None => make_issuer(certificate, key),
    }
}

fn wanted_names(names: &[String]) -> Result<Vec<String>, TlsError> {
    ascii_names(names.iter().map(String::as_str).chain(["localhost"]))
}

/// As certificates write them, each once.
fn ascii_names<'a>(names: impl Iterator<Item = &'a str>) -> Result<Vec<String>, TlsError> {
    let mut out = Vec::new();
    for name in names {
        let ascii = match name.parse::<std::net::IpAddr>() {
            Ok(address) => address.to_string(),
            Err(_) => idna::domain_to_ascii(name).map_err(|_| TlsError::Name(name.to_owned()))?,
        };
        if !out.contains(&ascii) {
            out.push(ascii);
        }
    }
    Ok(out)
}

type NodeIssuer = Issuer<'static, KeyPair>;

/// `None`: there is no authority, or it ends soon.
fn load_issuer(certificate: &Path, key: &Path) -> Result<Option<NodeIssuer>, TlsError> {
    let fail = |path: &Path, source| TlsError::File { path: path.to_owned(), source };
    let pem = match std::fs::read_to_string(certificate) {
        Ok(pem) => pem,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fail(certificate, error)),
    };
    let der = super::parse_certificates(pem.as_bytes(), certificate)?;
    let days = der.first().and_then(|der| days_left(der));
    let days = days.ok_or_else(|| TlsError::NoCertificate { path: certificate.to_owned() })?;
    if days < RENEW_DAYS {
        return Ok(None);
    }
    let secret = std::fs::read_to_string(key).map_err(|error| fail(key, error))?;
    let pair = KeyPair::from_pem(&secret).map_err(|_| TlsError::NoKey { path: key.to_owned() })?;
    Ok(Some(Issuer::from_ca_cert_pem(&pem, pair)?))
}

fn make_issuer(certificate: &Path, key_path: &Path) -> Result<NodeIssuer, TlsError> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Zaiseki self-made authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    set_validity(&mut params, CA_DAYS);
    let made = params.self_signed(&key)?;
    write_file(key_path, key.serialize_pem().as_bytes(), 0o600)?;
    write_file(certificate, made.pem().as_bytes(), 0o644)?;
    Ok(Issuer::new(params, key))
}

fn make_server(paths: &Paths, issuer: &NodeIssuer, names: Vec<String>) -> Result<(), TlsError> {
    let made = signed(&paths.ca, issuer, names)?;
    write_file(&paths.key, made.key.as_bytes(), 0o600)?;
    write_file(&paths.certificate, made.chain.as_bytes(), 0o644)
}

fn signed(authority: &Path, issuer: &NodeIssuer, names: Vec<String>) -> Result<Issued, TlsError> {
    let key = KeyPair::generate()?;
    let mut params = server_params(names)?;
    params.use_authority_key_identifier_extension = true;
    set_validity(&mut params, SERVER_DAYS);
    let mut chain = params.signed_by(&key, issuer)?.pem();
    let ca = std::fs::read_to_string(authority).map_err(|source| TlsError::File { path: authority.to_owned(), source })?;
    chain.push_str(&ca);
    Ok(Issued { chain, key: key.serialize_pem() })
}

/// The first name is the common name too.
fn server_params(names: Vec<String>) -> Result<CertificateParams, TlsError> {
    let common_name = names.first().cloned().unwrap_or_default();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    // X.520 has room for 64 characters; names are looked for elsewhere anyway.
    if common_name.len() <= 64 {
        params.distinguished_name.push(DnType::CommonName, common_name);
    }
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

fn set_validity(params: &mut CertificateParams, days: i64) {
    let now = OffsetDateTime::now_utc();
    // A day back: clients' clocks are not all right.
    params.not_before = now - Duration::days(1);
    params.not_after = now + Duration::days(days);
}

fn days_left(der: &[u8]) -> Option<i64> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    let left = certificate.validity().not_after.timestamp() - OffsetDateTime::now_utc().unix_timestamp();
    Some(left / 86_400)
}

fn still_good(paths: &Paths, names: &[String]) -> bool {
    let Ok(certified) = Identity::load(&paths.certificate, &paths.key) else { return false };
    let Ok(ca) = std::fs::read(&paths.ca) else { return false };
    let Ok(ca) = super::parse_certificates(&ca, &paths.ca) else { return false };
    let Some(leaf) = certified.chain().first() else { return false };
    certified.chain().get(1) == ca.first()
        && [Some(leaf), ca.first()].into_iter().flatten().all(|der| days_left(der).is_some_and(|days| days >= RENEW_DAYS))
        && covers(leaf, names).unwrap_or(false)
}

fn covers(leaf: &[u8], names: &[String]) -> Option<bool> {
    let (_, certificate) = X509Certificate::from_der(leaf).ok()?;
    let extension = certificate.subject_alternative_name().ok()??;
    let held: Vec<String> = extension.value.general_names.iter().filter_map(alternative_name).collect();
    Some(names.iter().all(|name| held.contains(name)))
}

/// Writes beside and renames: a crash leaves the old file or the new one. `mode` holds from the first moment.
fn write_file(path: &Path, content: &[u8], mode: u32) -> Result<(), TlsError> {
    use std::os::unix::fs::OpenOptionsExt;
    let fail = |source| TlsError::File { path: path.to_owned(), source };
    let beside = path.with_extension("new");
    // A left-over of a crash could carry another mode.
    let _ = std::fs::remove_file(&beside);
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside).map_err(fail)?;
    file.write_all(content).map_err(fail)?;
    file.sync_all().map_err(fail)?;
    std::fs::rename(&beside, path).map_err(fail)
}

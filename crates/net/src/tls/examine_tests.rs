use super::*;
use proptest::prelude::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose, PKCS_ED25519};
use std::sync::LazyLock;
use time::{Duration as Days, OffsetDateTime};

/// Of an RSA key with 1024 bits, good for a hundred years.
const WEAK: &str = include_str!("weak-rsa.pem");

type Authority = CertifiedIssuer<'static, KeyPair>;

fn now() -> i64 {
    OffsetDateTime::now_utc().unix_timestamp()
}

fn params(name: &str, days: (i64, i64)) -> CertificateParams {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let at = |days| OffsetDateTime::now_utc() + Days::days(days);
    (params.not_before, params.not_after) = (at(days.0), at(days.1));
    params
}

fn authority(name: &str, days: (i64, i64)) -> CertificateParams {
    let mut params = params(name, days);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

/// A root, an authority between, and a server, as PEM, with the server's key.
struct Family {
    root: String,
    between: String,
    server: String,
    key: String,
}

fn family(between_days: (i64, i64), server_days: (i64, i64)) -> Family {
    let root: Authority = CertifiedIssuer::self_signed(authority("root", (-1, 99)), KeyPair::generate().unwrap()).unwrap();
    let between: Authority =
        CertifiedIssuer::signed_by(authority("between", between_days), KeyPair::generate().unwrap(), &root).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut server = params("im.example.com", server_days);
    server.subject_alt_names = CertificateParams::new(vec!["im.example.com".to_owned()]).unwrap().subject_alt_names;
    let server = server.signed_by(&key, &between).unwrap().pem();
    Family { root: root.pem(), between: between.pem(), server, key: key.serialize_pem() }
}

fn judged(parts: &[&str], key: &str) -> Result<usize, Unfit> {
    examine(parts.concat().as_bytes(), key.as_bytes(), now()).map(|identity| identity.chain().len())
}

#[test]
fn a_chain_in_order_with_its_key_is_taken_with_or_without_its_root() {
    let Family { root, between, server, key } = family((-1, 99), (-1, 99));
    assert_eq!(judged(&[&server, &between, &root], &key), Ok(3));
    assert_eq!(judged(&[&server, &between], &key), Ok(2));
    assert_eq!(judged(&[&server], &key), Ok(1), "who issued it may be known to the clients");
    assert_eq!(judged(&[&key, &server, "text between\n", &between], &key), Ok(2), "other things in the file do not matter");
}

#[test]
fn what_is_wrong_is_named() {
    let good = family((-1, 99), (-1, 99));
    let other = family((-1, 99), (-1, 99));
    let Family { root, between, server, key } = &good;
    let order = |number, subject: &str| Err(Unfit::Order { number, subject: subject.to_owned() });
    assert_eq!(judged(&[between, server], key), Err(Unfit::Authority));
    assert_eq!(judged(&[server, root, between], key), order(1, "CN=im.example.com"));
    assert_eq!(judged(&[server, between, server], key), order(2, "CN=between"));
    assert_eq!(judged(&[server, between], &other.key), Err(Unfit::OtherKey));
    assert!(matches!(judged(&[server, &other.between], key), Err(Unfit::Chain(_))), "the same names, another key");
    assert!(matches!(judged(&[server, between, &other.root], key), Err(Unfit::Chain(_))));
    assert_eq!(judged(&[key], key), Err(Unfit::NoCertificate));
    assert_eq!(judged(&[server], server), Err(Unfit::NoKey));
    assert_eq!(judged(&[server], "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n"), Err(Unfit::EncryptedKey));
    assert!(matches!(judged(&[&server.replace("MII", "M!I")], key), Err(Unfit::NotPem(_))));
    assert_eq!(judged(&["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"], key), Err(Unfit::Unreadable(1)));
    let nonsense = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    assert_eq!(judged(&[server], nonsense), Err(Unfit::KeyKind));
    let weak = Unfit::WeakKey { number: 1, subject: "CN=weak.test".to_owned(), key: "RSA 1024".to_owned() };
    assert_eq!(judged(&[WEAK], key), Err(weak));
    let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let nameless = params("x", (-1, 9)).self_signed(&key).unwrap().pem();
    assert_eq!(judged(&[&nameless], &key.serialize_pem()), Err(Unfit::NoNames));
}

#[test]
fn each_certificate_is_in_force() {
    let subject = |name: &str| format!("CN={name}");
    let ended = family((-9, -1), (-1, 99));
    let number = 2;
    assert_eq!(judged(&[&ended.server, &ended.between], &ended.key), Err(Unfit::Ended { number, subject: subject("between") }));
    let early = family((-1, 99), (1, 99));
    let number = 1;
    assert_eq!(judged(&[&early.server], &early.key), Err(Unfit::NotYet { number, subject: subject("im.example.com") }));
    let good = family((-1, 99), (-1, 9));
    let end = CertificateFacts::of(&read_chain(good.server.as_bytes()).unwrap()[0]).unwrap().not_after;
    assert!(examine(good.server.as_bytes(), good.key.as_bytes(), end).is_ok());
    assert!(matches!(examine(good.server.as_bytes(), good.key.as_bytes(), end + 1), Err(Unfit::Ended { .. })));
}

#[test]
fn chains_and_keys_are_read_to_their_limits() {
    let Family { root, server, key, .. } = family((-1, 99), (-1, 99));
    assert_eq!(read_chain(root.repeat(CHAIN_CERTIFICATES).as_bytes()).map(|chain| chain.len()), Ok(CHAIN_CERTIFICATES));
    assert_eq!(read_chain(root.repeat(CHAIN_CERTIFICATES + 1).as_bytes()).unwrap_err(), Unfit::TooMany);
    let padded = |text: &str, bytes: usize| format!("{text}{}", "\n".repeat(bytes - text.len()));
    assert_eq!(judged(&[&padded(&server, PEM_BYTES)], &padded(&key, PEM_BYTES)), Ok(1));
    assert_eq!(judged(&[&padded(&server, PEM_BYTES + 1)], &key), Err(Unfit::TooLong));
    assert_eq!(judged(&[&server], &padded(&key, PEM_BYTES + 1)), Err(Unfit::TooLong));
    assert!(read_authority(padded(&root, PEM_BYTES).as_bytes()).is_ok());
    assert_eq!(read_authority(padded(&root, PEM_BYTES + 1).as_bytes()).unwrap_err(), Unfit::TooLong);
}

#[test]
fn an_authority_is_read_in_any_of_its_forms() {
    let Family { root, between, server, key } = family((-1, 99), (-1, 99));
    let der = read_chain(root.as_bytes()).unwrap().remove(0);
    let base64 = root.lines().filter(|line| !line.starts_with('-')).collect::<Vec<_>>().join("\r\n");
    for form in [root.as_bytes(), &der, base64.as_bytes()] {
        assert_eq!(read_authority(form).unwrap(), der);
    }
    assert_eq!(pem_of(&der).as_bytes(), root.replace("\r\n", "\n").as_bytes());
    assert_eq!(read_authority(server.as_bytes()).unwrap_err(), Unfit::NoAuthority);
    assert_eq!(read_authority(format!("{root}{between}").as_bytes()).unwrap_err(), Unfit::Several);
    assert_eq!(read_authority(key.as_bytes()).unwrap_err(), Unfit::NoCertificate);
}

static GOOD: LazyLock<Family> = LazyLock::new(|| family((-1, 99), (-1, 99)));

proptest! {
    #[test]
    fn nothing_that_is_given_makes_it_fall_over(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        let framed = |label: &str| {
            format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", BASE64_STANDARD.encode(&bytes)).into_bytes()
        };
        for chain in [&bytes, &framed("CERTIFICATE")] {
            prop_assert!(examine(chain, GOOD.key.as_bytes(), now()).is_err());
            let _ = read_authority(chain);
        }
        for key in [&bytes, &framed("PRIVATE KEY"), &framed("EC PRIVATE KEY"), &framed("RSA PRIVATE KEY")] {
            prop_assert!(examine(GOOD.server.as_bytes(), key, now()).is_err());
        }
    }

    #[test]
    fn an_altered_certificate_is_read_or_refused(at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let der = read_chain(GOOD.root.as_bytes()).unwrap().remove(0);
        let mut altered = der.to_vec();
        let index = at.index(altered.len());
        altered[index] = byte;
        let _ = read_authority(&altered);
        altered.truncate(cut.index(altered.len()));
        let _ = read_authority(&altered);
        let pem = pem_of(&altered);
        prop_assert!(examine(pem.as_bytes(), GOOD.key.as_bytes(), now()).is_err());
    }
}

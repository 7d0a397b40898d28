//! Making SCRAM keys of passwords, and checking a password against them (RFC 5802 §3).
//!
//! PBKDF2 is slow on purpose (milliseconds): the caller runs [`derive`], [`new_keys`] and [`verify_password`] where
//! they hold up nobody.

use super::PASSWORD_BYTES;
use crate::Error;
use aws_lc_rs::{constant_time, digest, hmac, pbkdf2};
use precis_core::profile::PrecisFastInvocation;
use precis_profiles::OpaqueString;
use std::borrow::Cow;
use std::num::NonZeroU32;
use unicode_normalization::UnicodeNormalization;
use zaiseki_model::{Credentials, ScramKeys};

/// PBKDF2 iterations of new keys. RFC 7677 §4 asks for at least 4,096; more costs clients on small devices a visible
/// delay, since they do the same work at every sign-in. A challenge for an unknown user names this count too, so every
/// way of making keys should use it. Both keys of a user cost 2.5 ms of CPU time (release build, x86-64 with SHA
/// instructions), proportional to the count.
pub const DEFAULT_ITERATIONS: u32 = 10_000;

/// The hash function of a SCRAM mechanism.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hash {
    Sha1,
    Sha256,
}

impl Hash {
    /// Bytes of its output.
    pub fn output_bytes(self) -> usize {
        match self {
            Hash::Sha1 => digest::SHA1_OUTPUT_LEN,
            Hash::Sha256 => digest::SHA256_OUTPUT_LEN,
        }
    }

    pub(crate) fn hmac(self, key: &[u8], data: &[u8]) -> hmac::Tag {
        let algorithm = match self {
            Hash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => hmac::HMAC_SHA256,
        };
        hmac::sign(&hmac::Key::new(algorithm, key), data)
    }

    pub(crate) fn digest(self, data: &[u8]) -> digest::Digest {
        let algorithm = match self {
            Hash::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => &digest::SHA256,
        };
        digest::digest(algorithm, data)
    }

    fn pbkdf2(self) -> pbkdf2::Algorithm {
        match self {
            Hash::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
            Hash::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
        }
    }
}

/// The keys of one mechanism. `password` as typed; it is prepared here. Fails for a password that nobody can type
/// in a client and for zero iterations.
pub fn derive(password: &str, salt: &[u8], iterations: u32, hash: Hash) -> Result<ScramKeys, Error> {
    let password = prepare_password(password)?;
    let rounds = NonZeroU32::new(iterations).ok_or(Error::NoIterations)?;
    let mut buffer = [0; digest::SHA256_OUTPUT_LEN];
    let salted = &mut buffer[..hash.output_bytes()];
    pbkdf2::derive(hash.pbkdf2(), rounds, salt, password.as_bytes(), salted);
    let client_key = hash.hmac(salted, b"Client Key");
    Ok(ScramKeys {
        salt: salt.to_vec(),
        iterations,
        stored_key: hash.digest(client_key.as_ref()).as_ref().to_vec(),
        server_key: hash.hmac(salted, b"Server Key").as_ref().to_vec(),
    })
}

/// The keys of a new password, for SCRAM-SHA-256 and SCRAM-SHA-1. `salt`: 16 fresh random bytes.
pub fn new_keys(password: &str, salt: [u8; 16], iterations: u32) -> Result<(ScramKeys, ScramKeys), Error> {
    Ok((derive(password, &salt, iterations, Hash::Sha256)?, derive(password, &salt, iterations, Hash::Sha1)?))
}

/// Whether the password is the one the keys were made of. False for a user without keys, and for a password that can't
/// be one.
pub fn verify_password(credentials: &Credentials, password: &str) -> bool {
    let (keys, hash) = match (&credentials.sha256, &credentials.sha1) {
        (Some(keys), _) => (keys, Hash::Sha256),
        (None, Some(keys)) => (keys, Hash::Sha1),
        (None, None) => return false,
    };
    derive(password, &keys.salt, keys.iterations, hash)
        .is_ok_and(|made| constant_time::verify_slices_are_equal(&made.stored_key, &keys.stored_key).is_ok())
}

/// The form of a password that is hashed: SASLprep's mapping (RFC 4013 §2.1, §2.2), since that is what SCRAM clients
/// compute (RFC 5802 §2.2), with PRECIS (RFC 8265 §4, OpaqueString) deciding what is refused, so that characters newer
/// than SASLprep's Unicode 3.2 can be used.
pub fn prepare_password(password: &str) -> Result<Cow<'_, str>, Error> {
    if password.is_empty() {
        return Err(Error::UnacceptablePassword);
    }
    if password.len() > PASSWORD_BYTES {
        return Err(Error::PasswordTooLong);
    }
    if password.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Ok(Cow::Borrowed(password));
    }
    let mapped: String = password.chars().filter(|c| !maps_to_nothing(*c)).map(map_space).nfkc().collect();
    let prepared = <OpaqueString as PrecisFastInvocation>::enforce(mapped).map_err(|_| Error::UnacceptablePassword)?;
    Ok(Cow::Owned(prepared.into_owned()))
}

/// RFC 3454 table B.1, without U+200B, which table C.1.2 makes a space.
fn maps_to_nothing(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{34f}' | '\u{1806}' | '\u{180b}'..='\u{180d}' | '\u{200c}' | '\u{200d}' | '\u{2060}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}'
    )
}

/// RFC 3454 table C.1.2.
fn map_space(c: char) -> char {
    match c {
        '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200b}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => ' ',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD as BASE64;
    use zaiseki_model::UserId;

    /// The server signatures of RFC 5802 §5 and RFC 7677 §3 are tested with whole exchanges in `scram`; here the keys
    /// that others publish for the same passwords.
    #[test]
    fn keys_are_those_of_the_specifications() {
        let salt = BASE64.decode("QSXCR+Q6sek8bf92").unwrap();
        let keys = derive("pencil", &salt, 4096, Hash::Sha1).unwrap();
        assert_eq!(BASE64.encode(&keys.stored_key), "6dlGYMOdZcOPutkcNY8U2g7vK9Y=");
        assert_eq!(BASE64.encode(&keys.server_key), "D+CSWLOshSulAsxiupA+qs2/fTE=");
        let salt = BASE64.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let keys = derive("pencil", &salt, 4096, Hash::Sha256).unwrap();
        assert_eq!(BASE64.encode(&keys.stored_key), "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=");
        assert_eq!(BASE64.encode(&keys.server_key), "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
    }

    fn credentials(sha256: bool, sha1: bool) -> Credentials {
        let (a, b) = new_keys("pencil", [7; 16], 10).unwrap();
        Credentials {
            user: UserId([1; 16]),
            name: "anna".to_owned(),
            enabled: true,
            sha256: sha256.then_some(a),
            sha1: sha1.then_some(b),
        }
    }

    #[test]
    fn a_password_is_checked_against_either_key() {
        for (a, b) in [(true, true), (true, false), (false, true)] {
            assert!(verify_password(&credentials(a, b), "pencil"));
            assert!(!verify_password(&credentials(a, b), "Pencil"));
            assert!(!verify_password(&credentials(a, b), ""));
        }
        assert!(!verify_password(&credentials(false, false), "pencil"));
    }

    #[test]
    fn passwords_are_prepared() {
        // RFC 4013 §3, as far as PRECIS allows the same.
        for (typed, prepared) in [
            ("I\u{ad}X", "IX"),
            ("user", "user"),
            ("\u{aa}", "a"),
            ("\u{2168}", "IX"),
            ("ｐａｓｓ１", "pass1"),
            ("a\u{3000}b", "a b"),
            ("カ\u{3099}", "ガ"),
            ("会議中", "会議中"),
            ("🔑\u{fe0f}", "🔑"),
        ] {
            assert_eq!(prepare_password(typed).unwrap(), prepared, "{typed:?}");
        }
        for bad in ["", "\u{7}", "a\u{0}b", "\u{ad}", "a\tb", "é\u{7f}"] {
            assert_eq!(prepare_password(bad), Err(Error::UnacceptablePassword), "{bad:?}");
        }
    }

    #[test]
    fn a_password_has_a_longest_length() {
        assert!(prepare_password(&"x".repeat(PASSWORD_BYTES)).is_ok());
        assert_eq!(prepare_password(&"x".repeat(PASSWORD_BYTES + 1)), Err(Error::PasswordTooLong));
        assert_eq!(derive("x", b"salt", 0, Hash::Sha1), Err(Error::NoIterations));
    }
}

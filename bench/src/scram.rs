//! SCRAM, client side (RFC 5802, RFC 7677), without channel binding.

use anyhow::{Context, Result, ensure};
use aws_lc_rs::{digest, hmac, pbkdf2, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use clap::ValueEnum;
use std::num::NonZeroU32;

/// The hash a mechanism is built on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Hash {
    #[value(name = "SCRAM-SHA-1")]
    Sha1,
    #[value(name = "SCRAM-SHA-256")]
    Sha256,
}

impl Hash {
    pub fn mechanism(self) -> &'static str {
        match self {
            Hash::Sha1 => "SCRAM-SHA-1",
            Hash::Sha256 => "SCRAM-SHA-256",
        }
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Hash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => hmac::HMAC_SHA256,
        }
    }

    fn digest(self, bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Hash::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => &digest::SHA256,
        };
        digest::digest(algorithm, bytes).as_ref().to_vec()
    }

    fn salted(self, password: &str, salt: &[u8], iterations: NonZeroU32) -> Vec<u8> {
        let (algorithm, length) = match self {
            Hash::Sha1 => (pbkdf2::PBKDF2_HMAC_SHA1, 20),
            Hash::Sha256 => (pbkdf2::PBKDF2_HMAC_SHA256, 32),
        };
        let mut out = vec![0; length];
        pbkdf2::derive(algorithm, iterations, salt, password.as_bytes(), &mut out);
        out
    }
}

/// What PBKDF2 yields; a client keeps it per salt and iteration count (RFC 5802 §5.1), so that the load program spends
/// its time on the server and not on key derivation.
#[derive(Clone, Debug)]
pub struct Keys {
    hash: Hash,
    client: Vec<u8>,
    pub stored: Vec<u8>,
    pub server: Vec<u8>,
}

impl Keys {
    pub fn derive(hash: Hash, password: &str, salt: &[u8], iterations: NonZeroU32) -> Keys {
        let salted = hmac::Key::new(hash.hmac(), &hash.salted(password, salt, iterations));
        let client = hmac::sign(&salted, b"Client Key").as_ref().to_vec();
        let server = hmac::sign(&salted, b"Server Key").as_ref().to_vec();
        Keys { hash, stored: hash.digest(&client), client, server }
    }
}

/// One exchange in progress: the client's first message was made.
pub struct Exchange {
    bare: String,
    nonce: String,
}

/// What the server asks for in its first message.
pub struct Challenge<'a> {
    pub nonce: &'a str,
    pub salt: Vec<u8>,
    pub iterations: NonZeroU32,
}

impl Exchange {
    /// `user` holds no `,` or `=` (the load program chooses the names).
    pub fn new(user: &str) -> Result<Exchange> {
        let mut bytes = [0; 18];
        rand::fill(&mut bytes).ok().context("no randomness")?;
        Ok(Exchange::with_nonce(user, &BASE64.encode(bytes)))
    }

    fn with_nonce(user: &str, nonce: &str) -> Exchange {
        Exchange { bare: format!("n={user},r={nonce}"), nonce: nonce.to_owned() }
    }

    pub fn first(&self) -> String {
        format!("n,,{}", self.bare)
    }

    /// Reads the server's first message (RFC 5802 §7, server-first-message).
    ///
    /// # Errors
    /// A field is missing or malformed, or the nonce does not extend ours.
    pub fn challenge<'a>(&self, message: &'a str) -> Result<Challenge<'a>> {
        let field = |key: &str| message.split(',').find_map(|f| f.strip_prefix(key));
        let nonce = field("r=").context("no nonce from the server")?;
        ensure!(nonce.starts_with(&self.nonce) && nonce.len() > self.nonce.len(), "the nonce is not ours");
        let salt = BASE64.decode(field("s=").context("no salt")?)?;
        let iterations = field("i=").context("no iteration count")?.parse()?;
        Ok(Challenge { nonce, salt, iterations })
    }

    /// The client's final message, and the server signature (`v=…`) that must answer it.
    pub fn answer(&self, server_first: &str, nonce: &str, keys: &Keys) -> (String, String) {
        let without_proof = format!("c=biws,r={nonce}");
        let signed = format!("{},{server_first},{without_proof}", self.bare);
        let sign = |key: &[u8]| hmac::sign(&hmac::Key::new(keys.hash.hmac(), key), signed.as_bytes());
        let signature = sign(&keys.stored);
        let proof: Vec<u8> = keys.client.iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
        (format!("{without_proof},p={}", BASE64.encode(proof)), format!("v={}", BASE64.encode(sign(&keys.server))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(hash: Hash, nonce: &str, server_first: &str) -> (String, String) {
        let exchange = Exchange::with_nonce("user", nonce);
        let challenge = exchange.challenge(server_first).unwrap();
        let keys = Keys::derive(hash, "pencil", &challenge.salt, challenge.iterations);
        exchange.answer(server_first, challenge.nonce, &keys)
    }

    #[test]
    fn sha1_vector_of_rfc_5802() {
        let (last, server) =
            run(Hash::Sha1, "fyko+d2lbbFgONRv9qkxdawL", "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096");
        assert!(last.ends_with(",p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts="), "{last}");
        assert_eq!(server, "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=");
    }

    #[test]
    fn sha256_vector_of_rfc_7677() {
        let (last, server) = run(
            Hash::Sha256,
            "rOprNGfwEbeRWgbNEkqO",
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        );
        assert!(last.ends_with(",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="), "{last}");
        assert_eq!(server, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }

    #[test]
    fn a_foreign_nonce_is_refused() {
        let exchange = Exchange::with_nonce("user", "abc");
        assert!(exchange.challenge("r=xyz123,s=QSXCR+Q6sek8bf92,i=4096").is_err());
        assert!(exchange.challenge("r=abc,s=QSXCR+Q6sek8bf92,i=4096").is_err());
        assert!(exchange.challenge("r=abc1,s=QSXCR+Q6sek8bf92,i=0").is_err());
    }
}

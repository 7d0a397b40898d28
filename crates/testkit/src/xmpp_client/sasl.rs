//! The client's half of SASL: PLAIN (RFC 4616) and SCRAM (RFC 5802, RFC 7677) with and without channel binding (RFC 9266).

use std::num::NonZeroU32;

use anyhow::{Context, Result, ensure};
use aws_lc_rs::{digest, hmac, pbkdf2, rand};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

/// How a client proves who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    Plain,
    ScramSha1,
    ScramSha256,
    /// SCRAM-SHA-256-PLUS with `tls-exporter`; needs TLS 1.3.
    ScramSha256Plus,
}

impl Mechanism {
    /// Its registered name.
    pub fn name(self) -> &'static str {
        match self {
            Mechanism::Plain => "PLAIN",
            Mechanism::ScramSha1 => "SCRAM-SHA-1",
            Mechanism::ScramSha256 => "SCRAM-SHA-256",
            Mechanism::ScramSha256Plus => "SCRAM-SHA-256-PLUS",
        }
    }
}

/// The initial response of PLAIN, in base64.
pub fn plain(user: &str, password: &str) -> String {
    BASE64.encode(format!("\0{user}\0{password}"))
}

/// One SCRAM exchange. Names and passwords are taken as they are: tests give prepared ones.
pub struct Scram {
    hash: Hash,
    gs2_header: &'static str,
    channel_binding: Vec<u8>,
    client_first_bare: String,
    nonce: String,
    password: String,
    server_signature: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Hash {
    Sha1,
    Sha256,
}

impl Hash {
    fn hmac(self, key: &[u8], data: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Hash::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => hmac::HMAC_SHA256,
        };
        hmac::sign(&hmac::Key::new(algorithm, key), data).as_ref().to_vec()
    }

    fn digest(self, data: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Hash::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Hash::Sha256 => &digest::SHA256,
        };
        digest::digest(algorithm, data).as_ref().to_vec()
    }

    fn salted(self, password: &str, salt: &[u8], iterations: NonZeroU32) -> Vec<u8> {
        let (algorithm, length) = match self {
            Hash::Sha1 => (pbkdf2::PBKDF2_HMAC_SHA1, 20),
            Hash::Sha256 => (pbkdf2::PBKDF2_HMAC_SHA256, 32),
        };
        let mut key = vec![0; length];
        pbkdf2::derive(algorithm, iterations, salt, password.as_bytes(), &mut key);
        key
    }
}

impl Scram {
    /// `channel_binding` is the exported keying material for a PLUS mechanism, else empty.
    pub fn new(mechanism: Mechanism, user: &str, password: &str, channel_binding: Vec<u8>) -> Result<Self> {
        let mut random = [0; 18];
        rand::fill(&mut random).ok().context("no randomness")?;
        Ok(Self::with_nonce(mechanism, user, password, channel_binding, BASE64.encode(random)))
    }

    fn with_nonce(mechanism: Mechanism, user: &str, password: &str, channel_binding: Vec<u8>, nonce: String) -> Self {
        let hash = if mechanism == Mechanism::ScramSha1 { Hash::Sha1 } else { Hash::Sha256 };
        let gs2_header = if mechanism == Mechanism::ScramSha256Plus { "p=tls-exporter,," } else { "n,," };
        let user = user.replace('=', "=3D").replace(',', "=2C");
        Scram {
            hash,
            gs2_header,
            channel_binding,
            client_first_bare: format!("n={user},r={nonce}"),
            nonce,
            password: password.to_owned(),
            server_signature: Vec::new(),
        }
    }

    /// The client-first message, in base64.
    pub fn first(&self) -> String {
        BASE64.encode(format!("{}{}", self.gs2_header, self.client_first_bare))
    }

    /// The client-final message for the server's challenge, both in base64.
    pub fn last(&mut self, challenge: &str) -> Result<String> {
        let server_first = String::from_utf8(BASE64.decode(challenge)?)?;
        let nonce = field(&server_first, 'r')?;
        ensure!(nonce.starts_with(&self.nonce), "the server's nonce does not continue ours: {server_first}");
        let salt = BASE64.decode(field(&server_first, 's')?)?;
        let iterations: NonZeroU32 = field(&server_first, 'i')?.parse()?;
        let bound = BASE64.encode([self.gs2_header.as_bytes(), &self.channel_binding].concat());
        let without_proof = format!("c={bound},r={nonce}");
        let auth_message = format!("{},{server_first},{without_proof}", self.client_first_bare);
        let salted = self.hash.salted(&self.password, &salt, iterations);
        let client_key = self.hash.hmac(&salted, b"Client Key");
        let signature = self.hash.hmac(&self.hash.digest(&client_key), auth_message.as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(&signature).map(|(a, b)| a ^ b).collect();
        let server_key = self.hash.hmac(&salted, b"Server Key");
        self.server_signature = self.hash.hmac(&server_key, auth_message.as_bytes());
        Ok(BASE64.encode(format!("{without_proof},p={}", BASE64.encode(proof))))
    }

    /// Checks the server's own proof, in base64.
    pub fn verify(&self, server_final: &str) -> Result<()> {
        let text = String::from_utf8(BASE64.decode(server_final)?)?;
        ensure!(BASE64.decode(field(&text, 'v')?)? == self.server_signature, "the server does not know the password");
        Ok(())
    }
}

fn field(message: &str, name: char) -> Result<&str> {
    let value = message.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
    value.with_context(|| format!("no {name}= in {message:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exchange(mechanism: Mechanism, nonce: &str, server_first: &str, proof: &str, server_final: &str) {
        let mut scram = Scram::with_nonce(mechanism, "user", "pencil", Vec::new(), nonce.to_owned());
        let last = BASE64.decode(scram.last(&BASE64.encode(server_first)).unwrap()).unwrap();
        assert!(String::from_utf8(last).unwrap().ends_with(&format!(",p={proof}")));
        scram.verify(&BASE64.encode(server_final)).unwrap();
        assert!(scram.verify(&BASE64.encode("v=AAAA")).is_err());
    }

    #[test]
    fn rfc_5802_example() {
        exchange(
            Mechanism::ScramSha1,
            "fyko+d2lbbFgONRv9qkxdawL",
            "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
            "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
            "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
        );
    }

    #[test]
    fn rfc_7677_example() {
        exchange(
            Mechanism::ScramSha256,
            "rOprNGfwEbeRWgbNEkqO",
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        );
    }

    #[test]
    fn foreign_nonce_is_refused() {
        let mut scram = Scram::with_nonce(Mechanism::ScramSha1, "u", "p", Vec::new(), "abc".into());
        assert!(scram.last(&BASE64.encode("r=xyz,s=QUFB,i=1")).is_err());
    }
}

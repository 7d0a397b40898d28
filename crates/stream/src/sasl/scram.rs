//! SCRAM, the server's half (RFC 5802, RFC 7677): stored keys only, never a password.
//!
//! ```text
//! ClientFirst::parse ── check_binding ──> Challenge::new ──(server-first)──> Challenge::verify ──> server-final
//! ```
//!
//! An unknown user gets a salt that stays the same from try to try and a challenge like everybody's; only the last step
//! fails. So nothing tells whether an account exists (RFC 5802 §9).

use super::derive::{DEFAULT_ITERATIONS, Hash};
use super::{Failure, NAME_BYTES, decode, encode};
use crate::c2s::TlsInfo;
use aws_lc_rs::constant_time;
use zaiseki_model::{Credentials, ScramKeys};

/// Bytes of the client's nonce.
pub const NONCE_BYTES: usize = 256;
/// Bytes of one SCRAM message, decoded.
pub const MESSAGE_BYTES: usize = 8 * 1024;
/// Bytes of the name of a channel binding type.
const BINDING_NAME_BYTES: usize = 64;

/// The client's word on channel binding (RFC 5802 §6).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum BindingFlag {
    /// `n`: the client can't.
    No,
    /// `y`: the client can, and believes that the server can't.
    NotOffered,
    /// `p=name`: the client binds to this data.
    Bound(String),
}

/// The client-first-message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ClientFirst {
    pub binding: BindingFlag,
    /// As sent, unescaped.
    pub authzid: Option<String>,
    /// As sent, unescaped; not yet prepared as a localpart.
    pub username: String,
    nonce: String,
    /// `gs2-header`, with its two commas: what the client must repeat.
    gs2: String,
    /// `client-first-message-bare`: the first part of what both sides sign.
    bare: String,
}

impl ClientFirst {
    /// Reads `gs2-cbind-flag "," [authzid] "," username "," nonce ["," extensions]` (RFC 5802 §7).
    ///
    /// [`Failure::MalformedRequest`] for anything else, a mandatory extension (`m=`) included: we know none.
    pub fn parse(data: &[u8]) -> Result<ClientFirst, Failure> {
        let text = message_text(data)?;
        let mut parts = text.splitn(3, ',');
        let (Some(flag), Some(authzid), Some(bare)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Failure::MalformedRequest);
        };
        let binding = parse_flag(flag)?;
        let authzid = match authzid {
            "" => None,
            given => Some(parse_name(given.strip_prefix("a=").ok_or(Failure::MalformedRequest)?)?),
        };
        let mut attributes = bare.split(',');
        let username = parse_name(attribute(attributes.next(), "n=")?)?;
        let nonce = attribute(attributes.next(), "r=")?;
        if !is_nonce(nonce) || !attributes.all(is_extension) {
            return Err(Failure::MalformedRequest);
        }
        Ok(ClientFirst {
            binding,
            authzid,
            username,
            nonce: nonce.to_owned(),
            gs2: text[..text.len() - bare.len()].to_owned(),
            bare: bare.to_owned(),
        })
    }

    /// Compares the client's flag with the mechanism it chose and with what was offered (RFC 5802 §6), and returns the
    /// data that the client has to prove: empty without channel binding.
    ///
    /// `y` although `-PLUS` was offered means that somebody in between removed it: [`Failure::NotAuthorized`].
    pub fn check_binding(&self, plus: bool, tls: Option<&TlsInfo>) -> Result<Vec<u8>, Failure> {
        match (&self.binding, plus) {
            (BindingFlag::No, false) => Ok(Vec::new()),
            (BindingFlag::NotOffered, false) if tls.is_some_and(TlsInfo::can_bind) => Err(Failure::NotAuthorized),
            (BindingFlag::NotOffered, false) => Ok(Vec::new()),
            (BindingFlag::Bound(name), true) => {
                tls.and_then(|t| t.binding(name)).map(<[u8]>::to_vec).ok_or(Failure::NotAuthorized)
            }
            (BindingFlag::No | BindingFlag::NotOffered, true) | (BindingFlag::Bound(_), false) => Err(Failure::MalformedRequest),
        }
    }
}

/// What was sent as the server-first-message, and what is needed to judge the answer.
pub struct Challenge {
    hash: Hash,
    keys: ScramKeys,
    /// Client's and server's nonce together.
    nonce: String,
    /// `gs2-header` and channel binding data.
    binding: Vec<u8>,
    /// `client-first-message-bare "," server-first-message`.
    signed: String,
}

impl Challenge {
    /// `server_nonce`: fresh, printable, without a comma. Returns the server-first-message too.
    pub fn new(first: ClientFirst, binding: &[u8], hash: Hash, keys: ScramKeys, server_nonce: &str) -> (Challenge, String) {
        let nonce = format!("{}{server_nonce}", first.nonce);
        let message = format!("r={nonce},s={},i={}", encode(&keys.salt), keys.iterations);
        let signed = format!("{},{message}", first.bare);
        let mut expected = first.gs2.into_bytes();
        expected.extend_from_slice(binding);
        (Challenge { hash, keys, nonce, binding: expected, signed }, message)
    }

    /// Judges the client-final-message `channel-binding "," nonce ["," extensions] "," proof` and returns the
    /// server-final-message. [`Failure::NotAuthorized`]: wrong proof, nonce or channel binding.
    pub fn verify(&self, data: &[u8]) -> Result<String, Failure> {
        let text = message_text(data)?;
        let (unproved, proof) = text.rsplit_once(",p=").ok_or(Failure::MalformedRequest)?;
        let mut attributes = unproved.split(',');
        let binding = decode_attribute(attribute(attributes.next(), "c=")?)?;
        let nonce = attribute(attributes.next(), "r=")?;
        let proof = decode_attribute(proof)?;
        if !attributes.all(is_extension) || proof.len() != self.hash.output_bytes() {
            return Err(Failure::MalformedRequest);
        }
        if binding != self.binding || nonce != self.nonce {
            return Err(Failure::NotAuthorized);
        }
        let signed = format!("{},{unproved}", self.signed);
        self.check_proof(&proof, signed.as_bytes())?;
        let signature = self.hash.hmac(&self.keys.server_key, signed.as_bytes());
        Ok(format!("v={}", encode(signature)))
    }

    /// RFC 5802 §3: the proof is `ClientKey XOR HMAC(StoredKey, AuthMessage)`, and `H(ClientKey)` is the stored key.
    fn check_proof(&self, proof: &[u8], signed: &[u8]) -> Result<(), Failure> {
        let signature = self.hash.hmac(&self.keys.stored_key, signed);
        let client_key: Vec<u8> = proof.iter().zip(signature.as_ref()).map(|(a, b)| a ^ b).collect();
        let made = self.hash.digest(&client_key);
        constant_time::verify_slices_are_equal(made.as_ref(), &self.keys.stored_key).map_err(|_| Failure::NotAuthorized)
    }
}

/// The keys to challenge a user with. Nobody knows a password for those that are made up: for an unknown user
/// (`found` is `None`), or one who has no keys for this mechanism.
///
/// `local`: the prepared localpart. `secret`: the server's own, always the same.
pub fn keys_or_fake(found: Option<&Credentials>, hash: Hash, local: &str, secret: &[u8; 32]) -> ScramKeys {
    let (own, other) = match (found, hash) {
        (None, _) => (None, None),
        (Some(c), Hash::Sha256) => (c.sha256.as_ref(), c.sha1.as_ref()),
        (Some(c), Hash::Sha1) => (c.sha1.as_ref(), c.sha256.as_ref()),
    };
    if let Some(keys) = own {
        return keys.clone();
    }
    let made_up = |label: &str| made_up(label, local, secret);
    // Both keys of a user share one salt; so does the missing one, lest it tell a user apart from nobody.
    let (salt, iterations) = match other {
        Some(keys) => (keys.salt.clone(), keys.iterations),
        None => (made_up_salt(local, secret).to_vec(), DEFAULT_ITERATIONS),
    };
    let mut keys = ScramKeys { salt, iterations, stored_key: made_up("stored key"), server_key: made_up("server key") };
    keys.stored_key.truncate(hash.output_bytes());
    keys.server_key.truncate(hash.output_bytes());
    keys
}

fn made_up(label: &str, local: &str, secret: &[u8; 32]) -> Vec<u8> {
    let data = [label.as_bytes(), &[0], local.as_bytes()].concat();
    Hash::Sha256.hmac(secret, &data).as_ref().to_vec()
}

/// The salt in challenges to an unknown user of this name. Keys made with it are challenged for as if there were none.
pub fn made_up_salt(local: &str, secret: &[u8; 32]) -> [u8; 16] {
    let mut salt = [0; 16];
    salt.copy_from_slice(&made_up("salt", local, secret)[..16]);
    salt
}

fn message_text(data: &[u8]) -> Result<&str, Failure> {
    if data.len() > MESSAGE_BYTES {
        return Err(Failure::MalformedRequest);
    }
    std::str::from_utf8(data).ok().filter(|text| !text.contains('\0')).ok_or(Failure::MalformedRequest)
}

fn parse_flag(flag: &str) -> Result<BindingFlag, Failure> {
    match flag {
        "n" => Ok(BindingFlag::No),
        "y" => Ok(BindingFlag::NotOffered),
        _ => {
            let name = flag.strip_prefix("p=").ok_or(Failure::MalformedRequest)?;
            let legal = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
            match legal && (1..=BINDING_NAME_BYTES).contains(&name.len()) {
                true => Ok(BindingFlag::Bound(name.to_owned())),
                false => Err(Failure::MalformedRequest),
            }
        }
    }
}

/// The value of the attribute that has to stand here.
fn attribute<'a>(part: Option<&'a str>, key: &str) -> Result<&'a str, Failure> {
    part.and_then(|p| p.strip_prefix(key)).ok_or(Failure::MalformedRequest)
}

fn decode_attribute(value: &str) -> Result<Vec<u8>, Failure> {
    match value {
        "" | "=" => Err(Failure::MalformedRequest),
        _ => decode(value).map_err(|_| Failure::MalformedRequest),
    }
}

/// `saslname`: `=2C` is a comma, `=3D` an equals sign, no other `=` may stand (RFC 5802 §5.1).
pub(super) fn parse_name(raw: &str) -> Result<String, Failure> {
    if raw.is_empty() || raw.len() > NAME_BYTES {
        return Err(Failure::MalformedRequest);
    }
    let mut pieces = raw.split('=');
    let mut name = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (escaped, rest) = match (piece.strip_prefix("2C"), piece.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            (None, None) => return Err(Failure::MalformedRequest),
        };
        name.push(escaped);
        name.push_str(rest);
    }
    Ok(name)
}

fn is_nonce(text: &str) -> bool {
    (1..=NONCE_BYTES).contains(&text.len()) && text.bytes().all(|b| (0x21..0x7f).contains(&b) && b != b',')
}

/// `attr-val` that may be ignored: one letter, `=`, a value. `m` is the mandatory kind, reserved (RFC 5802 §5.1).
fn is_extension(text: &str) -> bool {
    let mut chars = text.chars();
    let letter = chars.next().is_some_and(|c| c.is_ascii_alphabetic() && c != 'm');
    letter && chars.next() == Some('=') && chars.next().is_some()
}

#[cfg(test)]
mod tests;

//! SASL (RFC 4422) as XMPP uses it (RFC 6120 §6), the server's half: SCRAM-SHA-256 and SCRAM-SHA-1, each with and without
//! channel binding, PLAIN, and OAUTHBEARER.

pub mod bearer;
pub mod derive;
mod offers;
pub mod plain;
pub mod scram;

pub use derive::{DEFAULT_ITERATIONS, Hash, derive, new_keys, verify_password};
pub use offers::{Offers, Passwords};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use std::str::FromStr;
use zaiseki_model::UserId;
use zaiseki_xmpp::jid::BareJid;

/// Bytes of a password as it goes over the wire or is set.
pub const PASSWORD_BYTES: usize = 1_024;
/// Bytes of a user name or an authorization identity in a SASL message: a whole bare JID fits.
pub const NAME_BYTES: usize = 3_071;

/// A mechanism this server knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mechanism {
    /// RFC 5802, RFC 7677. `plus`: with channel binding.
    Scram { hash: Hash, plus: bool },
    /// RFC 7628.
    OAuthBearer,
    /// RFC 4616.
    Plain,
}

impl Mechanism {
    /// Every mechanism, the strongest first: the order in which they are offered.
    pub const ALL: [Mechanism; 6] = [
        Mechanism::Scram { hash: Hash::Sha256, plus: true },
        Mechanism::Scram { hash: Hash::Sha1, plus: true },
        Mechanism::Scram { hash: Hash::Sha256, plus: false },
        Mechanism::Scram { hash: Hash::Sha1, plus: false },
        Mechanism::OAuthBearer,
        Mechanism::Plain,
    ];

    /// The registered name.
    pub fn as_str(self) -> &'static str {
        match self {
            Mechanism::Scram { hash: Hash::Sha256, plus: true } => "SCRAM-SHA-256-PLUS",
            Mechanism::Scram { hash: Hash::Sha1, plus: true } => "SCRAM-SHA-1-PLUS",
            Mechanism::Scram { hash: Hash::Sha256, plus: false } => "SCRAM-SHA-256",
            Mechanism::Scram { hash: Hash::Sha1, plus: false } => "SCRAM-SHA-1",
            Mechanism::OAuthBearer => "OAUTHBEARER",
            Mechanism::Plain => "PLAIN",
        }
    }

    pub fn parse(name: &str) -> Option<Mechanism> {
        Mechanism::ALL.into_iter().find(|m| m.as_str() == name)
    }
}

/// A defined SASL error (RFC 6120 §6.5).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    Aborted,
    AccountDisabled,
    EncryptionRequired,
    IncorrectEncoding,
    InvalidAuthzid,
    InvalidMechanism,
    MalformedRequest,
    NotAuthorized,
    TemporaryAuthFailure,
}

impl Failure {
    /// The name of its element.
    pub fn as_str(self) -> &'static str {
        match self {
            Failure::Aborted => "aborted",
            Failure::AccountDisabled => "account-disabled",
            Failure::EncryptionRequired => "encryption-required",
            Failure::IncorrectEncoding => "incorrect-encoding",
            Failure::InvalidAuthzid => "invalid-authzid",
            Failure::InvalidMechanism => "invalid-mechanism",
            Failure::MalformedRequest => "malformed-request",
            Failure::NotAuthorized => "not-authorized",
            Failure::TemporaryAuthFailure => "temporary-auth-failure",
        }
    }
}

/// Proof that a user signed in. Only SASL makes one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Authenticated {
    user: UserId,
    jid: BareJid,
    mechanism: Mechanism,
}

impl Authenticated {
    pub(crate) fn new(user: UserId, jid: BareJid, mechanism: Mechanism) -> Self {
        Authenticated { user, jid, mechanism }
    }

    pub fn user(&self) -> UserId {
        self.user
    }

    /// The user's address.
    pub fn jid(&self) -> &BareJid {
        &self.jid
    }

    /// The prepared localpart of the user's address.
    pub fn local(&self) -> &str {
        self.jid.local().unwrap_or_default()
    }

    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }
}

/// A password on its way to be checked. It never shows in a log: there is no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: String) -> Self {
        Secret(text)
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Decodes the text of an `<auth/>` or `<response/>` (RFC 6120 §6.4.2: `=` stands for empty data).
/// Strict base64: no white space, no missing padding (RFC 6120 §13.9.1).
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, Failure> {
    match text {
        "=" => Ok(Vec::new()),
        _ => BASE64.decode(text).map_err(|_| Failure::IncorrectEncoding),
    }
}

pub(crate) fn encode(data: impl AsRef<[u8]>) -> String {
    BASE64.encode(data)
}

/// An authorization identity is the user's own bare address or absent: nobody acts for somebody else (RFC 6120 §6.3.8).
pub(crate) fn check_authzid(authzid: Option<&str>, user: &BareJid) -> Result<(), Failure> {
    match authzid {
        None | Some("") => Ok(()),
        Some(other) if BareJid::from_str(other).is_ok_and(|jid| jid == *user) => Ok(()),
        Some(_) => Err(Failure::InvalidAuthzid),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mechanisms_read_back() {
        for mechanism in Mechanism::ALL {
            assert_eq!(Mechanism::parse(mechanism.as_str()), Some(mechanism));
        }
        assert_eq!(Mechanism::parse("scram-sha-1"), None);
        assert_eq!(Mechanism::parse("EXTERNAL"), None);
    }

    #[test]
    fn base64_is_strict() {
        assert_eq!(decode("="), Ok(vec![]));
        assert_eq!(decode(""), Ok(vec![]));
        assert_eq!(decode("AGE="), Ok(vec![0, b'a']));
        for bad in ["AGE", "AG E=", "AGE=\n", "AGF=", "A", "====", "AGE=AGE=", "é"] {
            assert_eq!(decode(bad), Err(Failure::IncorrectEncoding), "{bad:?}");
        }
    }

    #[test]
    fn an_authzid_is_the_own_bare_address() {
        let user = BareJid::new(Some("anna"), "example.org").unwrap();
        for good in [None, Some(""), Some("anna@example.org"), Some("ANNA@Example.org")] {
            assert_eq!(check_authzid(good, &user), Ok(()), "{good:?}");
        }
        for bad in ["ben@example.org", "anna@example.com", "anna", "anna@example.org/x", "@", "\u{0}"] {
            assert_eq!(check_authzid(Some(bad), &user), Err(Failure::InvalidAuthzid), "{bad:?}");
        }
    }
}

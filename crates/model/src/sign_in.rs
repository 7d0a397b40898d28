//! How users prove who they are, and the words in which data plane and control plane speak of it.

use crate::directory::BoxFuture;
use crate::ids::UserId;
use std::time::Duration;

/// Where it is decided who somebody is. One for the whole domain, so that nothing told to a stranger depends on the user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SignInMode {
    /// By the SCRAM keys of the database.
    #[default]
    Local,
    /// By a bind to the LDAP directory that the user comes from; users of no LDAP directory by their own keys.
    Ldap,
    /// By an access token of an OpenID provider.
    Oidc,
}

impl SignInMode {
    pub const NAMES: [&'static str; 3] = ["local", "ldap", "oidc"];

    pub fn as_str(self) -> &'static str {
        match self {
            SignInMode::Local => "local",
            SignInMode::Ldap => "ldap",
            SignInMode::Oidc => "oidc",
        }
    }

    pub fn parse(text: &str) -> Option<SignInMode> {
        [SignInMode::Local, SignInMode::Ldap, SignInMode::Oidc].into_iter().find(|mode| mode.as_str() == text)
    }
}

/// The settings of users' sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInSettings {
    pub mode: SignInMode,
    /// With [`SignInMode::Ldap`]: how long SCRAM keys made of a password that a directory took are kept; zero: never.
    pub keep_keys: Duration,
    /// The least length of a new password that is kept here, in characters.
    pub password_chars: u32,
    pub oidc: TokenSettings,
}

/// Which access tokens are believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSettings {
    /// The provider, as its tokens write it (`iss`); empty: none.
    pub issuer: String,
    /// Who the tokens are made for (`aud`).
    pub audience: String,
    /// The claim that holds the user id: `preferred_username`, `sub`, `email`.
    pub claim: String,
    /// Clocks may differ by this much.
    pub leeway: Duration,
    /// Certificate authorities of the provider (PEM); empty: those of the operating system.
    pub ca: String,
}

impl Default for SignInSettings {
    fn default() -> Self {
        SignInSettings { mode: SignInMode::Local, keep_keys: Duration::ZERO, password_chars: 12, oidc: TokenSettings::default() }
    }
}

impl Default for TokenSettings {
    fn default() -> Self {
        TokenSettings {
            issuer: String::new(),
            audience: String::new(),
            claim: "preferred_username".to_owned(),
            leeway: Duration::from_secs(60),
            ca: String::new(),
        }
    }
}

/// What a client shows, to be judged outside of the data plane. It never shows in a log: there is no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub enum Proof {
    /// A password of the user with this prepared localpart.
    Password { local: String, password: String },
    /// An access token (RFC 6750), which says itself whose it is.
    Token(String),
}

/// What becomes of a [`Proof`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is good, and this user's. `claimed`: the name that was judged, which may be the user id; `local`: of the address.
    User { user: UserId, claimed: String, local: String, enabled: bool },
    /// It is not, or nobody's.
    Refused,
    /// A token that was good: it is refused, and nobody has guessed it.
    Expired,
    /// Nobody can tell just now.
    Unavailable,
}

/// Judges proofs; the control plane's part of a sign-in.
pub trait Verifier: Send + Sync {
    fn verify(&self, proof: Proof) -> BoxFuture<'static, Verdict>;
}

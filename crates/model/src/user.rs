//! A user of the directory and the keys that prove who it is.

use crate::ids::UserId;

/// A BCP 47 tag, `ja` or `en` today; lower case.
pub type Language = String;

/// What the directory knows of a user. Everything a user owns hangs on `id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    /// The localpart of the address (prepared by PRECIS, `@` escaped by XEP-0106): the user id, or the directory URI's.
    pub name: String,
    /// The user id, in the same form, where the address is made of something else.
    pub user_id: Option<String>,
    /// Display name; empty when unknown.
    pub display_name: String,
    pub mail: String,
    pub telephone: String,
    /// The language of texts made for this user; `None` = the domain's.
    pub language: Option<Language>,
    /// A disabled user can't sign in and is shown as offline.
    pub enabled: bool,
    /// Whether the calendar may speak for the user (the user opts out).
    pub calendar: bool,
    /// Enabled for IM and presence. Without it the account exists and is administered, but cannot sign in.
    pub im: bool,
}

impl User {
    /// The user id, in the form of a localpart.
    pub fn user_id(&self) -> &str {
        self.user_id.as_deref().unwrap_or(&self.name)
    }

    /// What nobody else may be called: the localpart of the address, and the user id where that is something else.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        [Some(self.name.as_str()), self.user_id.as_deref()].into_iter().flatten()
    }

    /// May sign in, receive, and be seen.
    pub fn active(&self) -> bool {
        self.enabled && self.im
    }
}

/// Keys of one SCRAM mechanism (RFC 5802 §3): never a password.
#[derive(Clone, PartialEq, Eq)]
pub struct ScramKeys {
    pub salt: Vec<u8>,
    pub iterations: u32,
    pub stored_key: Vec<u8>,
    pub server_key: Vec<u8>,
}

impl std::fmt::Debug for ScramKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ScramKeys(iterations: {})", self.iterations)
    }
}

/// What sign-in needs to know of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    pub user: UserId,
    /// The localpart of the user's address, which need not be the name that was asked for.
    pub name: String,
    pub enabled: bool,
    pub sha256: Option<ScramKeys>,
    pub sha1: Option<ScramKeys>,
}

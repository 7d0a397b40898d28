//! LDAP servers in, user records out.
//!
//! | Part | Follows |
//! |---|---|
//! | [`config`] | RFC 4514 (names), RFC 4515 (filters); attributes of RFC 2798 and of Active Directory |
//! | `bind` | RFC 4513 §5.1 (simple bind), of users who sign in |
//! | `connect` | RFC 4511 §4.14 and RFC 4513 §3 (StartTLS), `ldaps` |
//! | `guard` | the limits on what a server may send: RFC 4511 §5.1, X.690 |
//! | `read` | RFC 4511 §4.5 (search), §4.5.3 (continuation references), RFC 2696 (paging), RFC 4516 (LDAP URLs) |
//! | `entry` | entry → [`zaiseki_model::directory::SourceUser`] |
//!
//! Entry: [`open`] makes a [`zaiseki_model::directory::UserSource`] from a [`LdapConfig`]; the sync agent reads it. The
//! protocol is `ldap3`'s; sockets, TLS and limits are ours, since that crate believes whatever a server sends.

mod bind;
pub mod config;
mod connect;
mod entry;
mod guard;
mod read;
mod referral;
mod source;

pub use bind::Binder;
pub use config::{LdapConfig, Schema, Scope, Security};
pub use source::{LdapSource, open};

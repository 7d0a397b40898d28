//! Unified CM in, user records out: a client of its administrative XML service (AXL, SOAP 1.1 over HTTPS).
//!
//! | Part | Does |
//! |---|---|
//! | [`config`] | what an administrator sets |
//! | `version` | which schema to speak: AXL names it twice in each request, and a server knows three releases |
//! | `request` | `getCCMVersion`, `listUser`, `getUser`, `listChange` as text |
//! | [`answer`] | answers and faults as values; what is not understood is an error, never a guess |
//! | [`user`] | one `user` element → [`zaiseki_model::directory::SourceUser`] |
//! | `link` | one server: account, waiting when it is busy, agreeing on a version |
//! | `sweep` | every user in pages, provably without a gap |
//! | `changes` | what changed since a place in the server's change queue |
//!
//! Entry: [`open`] makes a [`zaiseki_model::directory::UserSource`] from an [`AxlConfig`].

pub mod answer;
mod changes;
pub mod config;
mod link;
mod request;
mod source;
mod sweep;
pub mod user;
mod version;

pub use config::{AxlConfig, Include};
pub use source::{AxlSource, open};

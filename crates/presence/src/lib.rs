//! Presence as rules: who may see whom, what is seen, and what clients can do. Pure: no clock, no socket, no storage.
//!
//! - [`subscription`]: the state tables of RFC 6121 appendix A.
//! - [`availability`]: `<show/>`, `<priority/>`, and which resources a message goes to.
//! - [`compose`]: what others see, from the client's presence and the calendar, by one table of precedence.
//! - [`caps`]: XEP-0115, verified.
//! - [`pep`]: configuration, access and notifications of PEP nodes (XEP-0163).

pub mod availability;
pub mod caps;
pub mod compose;
mod error;
pub mod pep;
pub mod subscription;

pub use error::PresenceError;

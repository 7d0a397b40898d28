//! The client-to-server stream as pure state machines: stream negotiation (RFC 6120), SASL, resource binding and the
//! bookkeeping of stream management (XEP-0198).
//!
//! Nothing here reads a socket, a clock or a source of randomness. The shell feeds complete frames, acts on the
//! [`c2s::Step`] it gets back and sends the bytes that were appended.

pub mod c2s;
mod error;
pub mod sasl;
pub mod sm;

pub use c2s::{C2s, C2sConfig, Framing, Phase, Step, TlsInfo};
pub use error::Error;
pub use sasl::{Authenticated, Secret};

//! The one error type of this crate. What goes wrong on a stream is not among it: that is answered on the wire.

/// Why keys could not be made of a password.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Error {
    /// The password is empty, or holds control or unassigned characters (RFC 4013, RFC 8265 §4).
    #[error("the password is empty or holds characters that passwords can't have")]
    UnacceptablePassword,
    #[error("the password is longer than {} bytes", crate::sasl::PASSWORD_BYTES)]
    PasswordTooLong,
    /// RFC 5802 §5.1: a positive number.
    #[error("the iteration count must be at least 1")]
    NoIterations,
}

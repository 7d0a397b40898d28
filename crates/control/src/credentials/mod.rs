//! What proves who an administrator is: passwords ([`password`]), one-time codes ([`totp`]), session and API tokens
//! ([`token`]), and the brake on guessing ([`lockout`]).

pub mod lockout;
pub mod password;
pub mod token;
pub mod totp;

//! The client against a real server: slapd on loopback.

#[path = "it/slapd.rs"]
mod slapd;
#[path = "it/support.rs"]
mod support;
#[path = "it/wrong.rs"]
mod wrong;

//! What several crates need from the network: TLS with its certificates and trust ([`tls`]), and an HTTP client that
//! cannot be talked into reaching what it should not ([`http`]).

pub mod http;
pub mod tls;

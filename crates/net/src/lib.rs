//! What several crates need from the network: TLS with its certificates and trust ([`tls`]), an HTTP client that cannot be
//! talked into reaching what it should not ([`http`]), tokens of OpenID providers ([`oidc`]), certificates of public authorities ([`acme`]), and what every listener does to a
//! connection before it looks at the first byte ([`socket`], [`gate`]). What does not speak HTTP connects by [`dial`].

pub mod acme;
pub mod dial;
pub mod dns;
pub mod gate;
pub mod http;
pub mod network;
pub mod oidc;
pub mod socket;
pub mod tls;
pub mod xml;

//! Test support: dialogues, real servers on loopback

pub mod axl;
pub mod browser;
pub mod dns;
pub mod ews;
pub mod intruder;
pub mod netns;
pub mod node;
pub mod oidc;
pub mod pebble;
pub mod peers;
pub mod process;
pub mod python;
pub mod radicale;
pub mod slapd;
pub mod xml;
pub mod xmpp_client;

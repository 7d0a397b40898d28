//! What this process presents to the network: its name, and where it listens.

use crate::certificates::Purpose;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Set when everything listens; a command that answers while no node runs knows no listeners.
#[derive(Debug)]
pub struct ThisNode {
    /// `node_name` of the configuration file.
    pub name: String,
    /// Ports filled in.
    pub listeners: Vec<Listener>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listener {
    pub kind: ListenerKind,
    pub address: SocketAddr,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenerKind {
    /// XMPP with STARTTLS.
    C2s,
    /// XMPP with direct TLS.
    C2sTls,
    Https,
    /// HTTPS for administration alone.
    Admin,
}

impl ListenerKind {
    /// Which of the node's certificates is shown there.
    pub fn purpose(self) -> Purpose {
        match self {
            ListenerKind::C2s | ListenerKind::C2sTls => Purpose::Xmpp,
            ListenerKind::Https | ListenerKind::Admin => Purpose::Web,
        }
    }

    /// Its key in the configuration file.
    pub fn as_str(self) -> &'static str {
        match self {
            ListenerKind::C2s => "c2s",
            ListenerKind::C2sTls => "c2s_tls",
            ListenerKind::Https => "https",
            ListenerKind::Admin => "admin",
        }
    }
}

impl Listener {
    /// How this machine reaches it: what listens everywhere answers on the loopback address.
    pub fn from_here(&self) -> SocketAddr {
        let ip = match self.address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
            ip => ip,
        };
        SocketAddr::new(ip, self.address.port())
    }
}

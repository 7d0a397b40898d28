//! What this process presents to the network: its name, and where it listens.

use crate::certificates::Purpose;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::{PoisonError, RwLock};

/// Set when everything listens; a command that answers while no node runs knows no listeners.
#[derive(Debug)]
pub struct ThisNode {
    /// `node_name` of the configuration file.
    pub name: String,
    listeners: RwLock<Vec<Listener>>,
}

impl ThisNode {
    /// `listeners`: ports filled in.
    pub fn new(name: &str, listeners: Vec<Listener>) -> ThisNode {
        ThisNode { name: name.to_owned(), listeners: RwLock::new(listeners) }
    }

    pub fn listeners(&self) -> Vec<Listener> {
        self.listeners.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Those of one kind are these from now on.
    pub fn listen(&self, kind: ListenerKind, addresses: &[SocketAddr]) {
        let mut all = self.listeners.write().unwrap_or_else(PoisonError::into_inner);
        let at = all.iter().position(|one| one.kind == kind).unwrap_or(all.len());
        all.retain(|one| one.kind != kind);
        let at = at.min(all.len());
        all.splice(at..at, addresses.iter().map(|address| Listener { kind, address: *address }));
    }
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

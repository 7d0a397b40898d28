//! Which addresses an outgoing request may reach: the guard against server-side request forgery.
//!
//! Names are resolved first and the resulting *address* is judged, so a name that points inwards does not help.

use crate::network::Network;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::OnceLock;
use url::{Host, Url};

/// What whoever runs this machine allows, of link-local and metadata addresses.
static EXCEPTIONS: OnceLock<Vec<Network>> = OnceLock::new();

/// Lets this process reach link-local and metadata addresses within these networks. Called once, by what reads the configuration
/// file: an administrator of the service cannot widen it. A second call changes nothing.
pub fn make_exceptions(networks: Vec<Network>) {
    let _ = EXCEPTIONS.set(networks);
}

/// The default allows public addresses only. Link-local and metadata ones need an exception ([`make_exceptions`]); multicast and
/// unspecified ones are never allowed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AddressPolicy {
    /// 127.0.0.0/8 and ::1.
    pub loopback: bool,
    /// RFC 1918, RFC 6598 (100.64.0.0/10) and RFC 4193 (fc00::/7).
    pub private: bool,
}

/// Metadata services of clouds which are not link-local, since their answers hold credentials: Alibaba, Oracle, Azure's wire
/// server; Amazon's and Google's over IPv6.
const METADATA_V4: [Ipv4Addr; 3] =
    [Ipv4Addr::new(100, 100, 100, 200), Ipv4Addr::new(192, 0, 0, 192), Ipv4Addr::new(168, 63, 129, 16)];
const METADATA_V6: [Ipv6Addr; 2] =
    [Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254), Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)];

impl AddressPolicy {
    /// For a server that an administrator configured by name: it may well be on the same network or machine.
    pub const CONFIGURED: AddressPolicy = AddressPolicy { loopback: true, private: true };

    /// The address that a URL names, if it may not be reached. A name is looked at when it is resolved.
    pub fn refuses(self, url: &Url) -> Option<IpAddr> {
        let address = match url.host()? {
            Host::Ipv4(address) => IpAddr::V4(address),
            Host::Ipv6(address) => IpAddr::V6(address),
            Host::Domain(_) => return None,
        };
        (!self.allows(address)).then_some(address)
    }

    pub fn allows(self, address: IpAddr) -> bool {
        self.allows_but(address, EXCEPTIONS.get().map_or(&[], Vec::as_slice))
    }

    fn allows_but(self, address: IpAddr, exceptions: &[Network]) -> bool {
        let address = match address {
            IpAddr::V6(v6) => embedded_v4(v6).map_or(address, IpAddr::V4),
            IpAddr::V4(_) => address,
        };
        match kind(address) {
            Kind::Nowhere => false,
            Kind::Guarded => exceptions.iter().any(|network| network.contains(address)),
            Kind::Loopback => self.loopback,
            Kind::Private => self.private,
            Kind::Public => true,
        }
    }
}

enum Kind {
    /// Unspecified, multicast, broadcast, reserved.
    Nowhere,
    /// Link-local, or a metadata service.
    Guarded,
    Loopback,
    Private,
    Public,
}

fn kind(address: IpAddr) -> Kind {
    let (nowhere, guarded, private) = match address {
        IpAddr::V4(a) => {
            let [first, second, ..] = a.octets();
            let shared = first == 100 && (64..128).contains(&second);
            let nowhere = first == 0 || first >= 240 || a.is_multicast();
            (nowhere, a.is_link_local() || METADATA_V4.contains(&a), a.is_private() || shared)
        }
        IpAddr::V6(a) => {
            let nowhere = a.is_unspecified() || a.is_multicast();
            (nowhere, a.is_unicast_link_local() || METADATA_V6.contains(&a), a.is_unique_local())
        }
    };
    match (nowhere, guarded) {
        (true, _) => Kind::Nowhere,
        (_, true) => Kind::Guarded,
        _ if address.is_loopback() => Kind::Loopback,
        _ if private => Kind::Private,
        _ => Kind::Public,
    }
}

/// The IPv4 address inside an IPv6 one that a router or the system would send to it: IPv4-mapped and IPv4-compatible
/// (RFC 4291 §2.5.5), NAT64 (RFC 6052 §2.1, RFC 8215), 6to4 (RFC 3056 §2).
fn embedded_v4(a: Ipv6Addr) -> Option<Ipv4Addr> {
    let s = a.segments();
    let of = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match s {
        [0x2002, high, low, ..] => Some(of(high, low)),
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x64, 0xff9b, 1, _, _, _, high, low] => Some(of(high, low)),
        // Compatible, but for `::` and `::1`.
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 || low > 1 => Some(of(high, low)),
        _ => a.to_ipv4_mapped(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(policy: AddressPolicy, address: &str) -> bool {
        policy.allows(address.parse().unwrap())
    }

    #[test]
    fn inward_addresses_need_leave() {
        let public = AddressPolicy::default();
        for inward in [
            "127.0.0.1",
            "127.9.9.9",
            "::1",
            "::ffff:127.0.0.1",
            "2002:7f00:1::",
            "10.0.0.1",
            "192.168.1.1",
            "100.64.0.1",
            "fd12::1",
            "::ffff:10.0.0.1",
        ] {
            assert!(!allowed(public, inward), "{inward}");
            assert!(allowed(AddressPolicy::CONFIGURED, inward), "{inward}");
        }
        for outward in ["192.0.2.1", "2001:db8::1", "100.128.0.1"] {
            assert!(allowed(public, outward), "{outward}");
        }
    }

    #[test]
    fn metadata_and_link_local_are_not_reached() {
        let never = ["169.254.169.254", "fe80::1", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "fd00:ec2::254"];
        let clouds = ["100.100.100.200", "168.63.129.16", "192.0.0.192", "fd20:ce::254", "::ffff:100.100.100.200"];
        let wrapped = ["::169.254.169.254", "2002:a9fe:a9fe::1", "64:ff9b:1::a9fe:a9fe", "fe80::a9fe:a9fe", "febf::1"];
        let nowhere = ["0.0.0.0", "::", "224.0.0.1", "255.255.255.255", "ff02::1"];
        for address in never.into_iter().chain(clouds).chain(wrapped).chain(nowhere) {
            assert!(!allowed(AddressPolicy::CONFIGURED, address), "{address}");
        }
    }

    #[test]
    fn an_exception_holds_for_what_is_guarded_and_within_it() {
        let allowed = |address: &str, networks: &[&str]| {
            let networks: Vec<Network> = networks.iter().map(|network| network.parse().unwrap()).collect();
            AddressPolicy::default().allows_but(address.parse().unwrap(), &networks)
        };
        let (v4, v6) = ("169.254.10.0/24", "fe80::/10");
        for inside in ["169.254.10.0", "169.254.10.255", "::ffff:169.254.10.1", "fe80::1"] {
            assert!(allowed(inside, &[v4, v6]), "{inside}");
        }
        for outside in ["169.254.9.255", "169.254.11.0", "100.100.100.200", "fd00:ec2::254"] {
            assert!(!allowed(outside, &[v4, v6]), "{outside}");
        }
        // Neither what leads nowhere nor what another rule guards.
        for other in ["0.0.0.0", "224.0.0.1", "255.255.255.255", "10.0.0.1", "127.0.0.1"] {
            assert!(!allowed(other, &["0.0.0.0/0"]), "{other}");
        }
        assert!(allowed("100.100.100.200", &["100.100.100.200"]));
    }
}

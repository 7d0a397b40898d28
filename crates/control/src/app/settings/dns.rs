//! Whom the troubleshooter asks about the DNS.

use super::{Effect, Kind, Setting, text};
use crate::error::{ControlError, Result};
use serde_json::json;
use std::net::{IpAddr, SocketAddr};
use zaiseki_model::settings::Settings;
use zaiseki_net::dns;
use zaiseki_net::http::AddressPolicy;

pub(super) const SERVERS: Setting = Setting {
    key: "dns.servers",
    kind: Kind::Text { chars: 200, lines: false },
    unit: "",
    effect: Effect::Live,
    help: (
        "DNS servers that the troubleshooter asks for SRV records: addresses, perhaps with a port, separated by commas; empty: those of the operating system.",
        "トラブルシューターが SRV レコードを問い合わせる DNS サーバー。アドレス (ポートも指定可) をコンマで区切ります。空欄の場合は OS の設定に従います。",
    ),
    get: |s| json!(s.dns_servers),
    set: |s, v| s.dns_servers = text(v),
};

/// Those of the setting, else those of the operating system.
pub(crate) fn servers(settings: &Settings) -> Vec<SocketAddr> {
    match parsed(&settings.dns_servers) {
        Some(servers) if !servers.is_empty() => servers,
        _ => dns::system_servers(),
    }
}

/// `None` when one of them is not an address.
fn parsed(list: &str) -> Option<Vec<SocketAddr>> {
    let words = list.split([',', ' ']).map(str::trim).filter(|word| !word.is_empty());
    let address = |word: &str| {
        let with_port = word.parse::<SocketAddr>().ok();
        with_port.or_else(|| Some(SocketAddr::new(word.parse::<IpAddr>().ok()?, dns::PORT)))
    };
    words.map(address).collect()
}

/// # Errors
/// `invalid` when they cannot be asked.
pub(super) fn check(settings: &Settings) -> Result<()> {
    let good = |servers: &Vec<SocketAddr>| {
        servers.len() <= dns::SERVERS && servers.iter().all(|server| AddressPolicy::CONFIGURED.allows(server.ip()))
    };
    if parsed(&settings.dns_servers).as_ref().is_some_and(good) {
        return Ok(());
    }
    let most = dns::SERVERS;
    let en = format!("must be up to {most} addresses such as 192.0.2.53 or [2001:db8::1]:5353");
    let ja = format!("192.0.2.53 や [2001:db8::1]:5353 のようなアドレスを {most} 個まで指定してください");
    Err(ControlError::invalid(SERVERS.key, en, ja))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_are_addresses_that_may_be_asked() {
        let of = |list: &str| Settings { dns_servers: list.to_owned(), ..Settings::default() };
        let found: Vec<String> =
            servers(&of("192.0.2.1, [2001:db8::1]:5353 2001:db8::2")).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["192.0.2.1:53", "[2001:db8::1]:5353", "[2001:db8::2]:53"]);
        for good in ["", "127.0.0.1:5353", "192.0.2.1,192.0.2.2,192.0.2.3,192.0.2.4"] {
            assert!(check(&of(good)).is_ok(), "{good}");
        }
        for bad in ["ns.example.com", "192.0.2.1:x", "169.254.169.254", "192.0.2.1,192.0.2.2,192.0.2.3,192.0.2.4,192.0.2.5"] {
            assert_eq!(check(&of(bad)).unwrap_err().field(), Some("dns.servers"), "{bad}");
        }
    }
}

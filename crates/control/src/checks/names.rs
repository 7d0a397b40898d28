//! The names under which the node is found.

use super::{Check, Finding, alone};
use crate::app::App;
use crate::error::Result;
use crate::text::Text;
use std::net::{IpAddr, ToSocketAddrs};

pub(super) const DOMAIN: Check = Check {
    section: "domain",
    id: "domain.name",
    why: || Text::new("addresses of users end in the domain", "ユーザーのアドレスはこのドメインで終わります"),
    link: None,
    subjects: alone,
    run: |app, _| Ok(vec![domain(app.domain())]),
};

pub(super) fn domain(name: &str) -> Finding {
    let seen = Text::plain(name);
    let todo = || Text::new("set `domain` in the configuration file", "設定ファイルの `domain` を設定してください");
    match name {
        _ if name.eq_ignore_ascii_case("DOMAIN.NOT.SET") => Finding::failed(seen, todo()),
        _ if name == "localhost" || !name.contains('.') => Finding::warning(seen, todo()),
        _ => Finding::passed(seen),
    }
}

pub(super) const NODE: Check = Check {
    section: "domain",
    id: "domain.node-name",
    why: || Text::new("links that people are given lead to the node's name", "案内するリンクはノード名を指します"),
    link: None,
    subjects: alone,
    run: node_name,
};

fn node_name(app: &App, _: &str) -> Result<Vec<Finding>> {
    let Some(node) = app.this_node() else { return Ok(vec![not_known()]) };
    let name = &node.name;
    if name.eq_ignore_ascii_case("DOMAIN.NOT.SET") {
        let todo = Text::new("set `node_name` in the configuration file", "設定ファイルの `node_name` を設定してください");
        return Ok(vec![Finding::failed(Text::plain(name), todo)]);
    }
    let todo = Text::new(
        "make an address record (A or AAAA) for it in the DNS, or set another `node_name`",
        "DNS にアドレスレコード (A または AAAA) を登録するか、`node_name` を変更してください",
    );
    Ok(vec![match addresses(name) {
        Ok(found) => Finding::passed(Text::plain(format!("{name}: {found}"))),
        Err(why) => {
            Finding::failed(Text::new(format!("{name} is not found: {why}"), format!("{name} が見つかりません: {why}")), todo)
        }
    }])
}

pub(super) const DNS: Check = Check {
    section: "dns",
    id: "dns.domain",
    why: || Text::new("clients find the node by the domain", "クライアントはドメインからノードを見つけます"),
    link: None,
    subjects: alone,
    run: dns,
};

/// The resolver of the operating system is asked, which knows addresses only: no SRV records.
fn dns(app: &App, _: &str) -> Result<Vec<Finding>> {
    let domain = app.domain();
    Ok(vec![match addresses(domain) {
        Ok(found) => Finding::passed(Text::new(
            format!("{domain}: {found}; SRV records are not looked at"),
            format!("{domain}: {found} (SRV レコードは検査していません)"),
        )),
        Err(why) => {
            let seen = Text::new(
                format!("the domain {domain} has no address: {why}; SRV records are not looked at"),
                format!("ドメイン {domain} のアドレスがありません: {why} (SRV レコードは検査していません)"),
            );
            let records = format!("_xmpp-client._tcp.{domain}, _xmpps-client._tcp.{domain}");
            let en = format!("make SRV records ({records}) that lead to the node, or an address record of the domain");
            let ja = format!("ノードを指す SRV レコード ({records}) またはドメインのアドレスレコードを登録してください");
            Finding::warning(seen, Text::new(en, ja))
        }
    }])
}

/// What the operating system finds, each address once.
fn addresses(name: &str) -> Result<String, String> {
    if name.parse::<IpAddr>().is_ok() {
        return Ok(name.to_owned());
    }
    let found = (name, 0).to_socket_addrs().map_err(|error| error.to_string())?;
    let mut all: Vec<String> = found.map(|address| address.ip().to_string()).collect();
    all.dedup();
    if all.is_empty() { Err("no address".to_owned()) } else { Ok(all.join(", ")) }
}

/// While no node runs, some things cannot be looked at.
pub(super) fn not_known() -> Finding {
    let seen = Text::new("not looked at: no node runs", "検査していません (ノードが動いていません)");
    Finding::warning(seen, Text::new("start the node and run the check again", "ノードを起動して、もう一度検査してください"))
}

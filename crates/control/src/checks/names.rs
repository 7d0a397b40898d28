//! The names under which the node is found.

use super::{Check, Finding, alone};
use crate::app::App;
use crate::error::Result;
use crate::reasons;
use crate::text::Text;
use std::net::{IpAddr, ToSocketAddrs};

pub(super) const DOMAIN: Check = Check {
    section: "domain",
    id: "domain.name",
    title: || Text::new("Domain", "ドメイン"),
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
    title: || Text::new("Node's name", "ノード名"),
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
    Ok(vec![match found(name) {
        Ok(found) => Finding::passed(Text::plain(format!("{name}: {found}"))),
        Err(why) => Finding::failed(
            Text::new(
                format!("{name} is not found: {why}"),
                format!("{name} が見つかりません: {}", reasons::ja(&why.to_string())),
            ),
            todo,
        ),
    }])
}

pub(super) const DNS: Check = Check {
    section: "dns",
    id: "dns.domain",
    title: || Text::new("Address of the domain", "ドメインのアドレス"),
    why: || Text::new("clients find the node by the domain", "クライアントはドメインからノードを見つけます"),
    link: None,
    subjects: alone,
    run: dns,
};

/// As the operating system finds it; SRV records have a check of their own.
fn dns(app: &App, _: &str) -> Result<Vec<Finding>> {
    let domain = app.domain();
    Ok(vec![match found(domain) {
        Ok(found) => Finding::passed(Text::plain(format!("{domain}: {found}"))),
        Err(why) => {
            let seen = Text::new(
                format!("the domain {domain} has no address: {why}"),
                format!("ドメイン {domain} のアドレスがありません: {why}"),
            );
            let todo = Text::new(
                "make an address record of the domain, or SRV records that lead to the node",
                "ドメインのアドレスレコード、またはノードを指す SRV レコードを登録してください",
            );
            Finding::warning(seen, todo)
        }
    }])
}

/// What the operating system finds, each address once.
pub(super) fn addresses(name: &str) -> Result<Vec<IpAddr>, String> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(vec![address]);
    }
    let found = (name, 0).to_socket_addrs().map_err(|error| error.to_string())?;
    let mut all: Vec<IpAddr> = found.map(|address| address.ip()).collect();
    all.dedup();
    if all.is_empty() { Err("no address".to_owned()) } else { Ok(all) }
}

/// The same in words.
fn found(name: &str) -> Result<String, String> {
    Ok(addresses(name)?.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", "))
}

/// While no node runs, some things cannot be looked at.
pub(super) fn not_known() -> Finding {
    let seen = Text::new("not looked at: no node runs", "検査していません (ノードが動いていません)");
    Finding::warning(seen, Text::new("start the node and run the check again", "ノードを起動して、もう一度検査してください"))
}

//! SRV records of the domain (RFC 6120 §3.2.1, XEP-0368): they exist, lead to hosts that exist, and one of them to this node.

use super::names::{addresses, not_known};
use super::run::block_on;
use super::{Check, Finding};
use crate::app::App;
use crate::app::settings::dns::servers;
use crate::error::Result;
use crate::presented::{ListenerKind, ThisNode};
use crate::text::Text;
use std::net::{IpAddr, SocketAddr};
use zaiseki_net::dns::{self, DnsError, Srv};

/// The records, and the listeners they lead to.
const SERVICES: [(&str, ListenerKind); 2] =
    [("_xmpp-client._tcp", ListenerKind::C2s), ("_xmpps-client._tcp", ListenerKind::C2sTls)];
/// Targets that are looked up.
const TARGETS: usize = 8;

pub(super) const RECORDS: Check = Check {
    section: "dns",
    id: "dns.srv",
    title: || Text::new("SRV records", "SRV レコード"),
    why: || {
        Text::new(
            "clients ask the DNS for the host and port of the domain",
            "クライアントは DNS でドメインのホストとポートを調べます",
        )
    },
    link: Some("/console/parameters"),
    subjects: |app| Ok(SERVICES.map(|(service, _)| format!("{service}.{}", app.domain())).to_vec()),
    run: |app, record| Ok(vec![look(app, record)?]),
};

fn look(app: &App, record: &str) -> Result<Finding> {
    if app.domain() == "localhost" || app.domain().parse::<IpAddr>().is_ok() {
        return Ok(Finding::passed(Text::new(
            "not looked at: no domain of the DNS",
            "検査していません (DNS のドメインではありません)",
        )));
    }
    let Some(node) = app.this_node() else { return Ok(not_known()) };
    let servers = servers(&app.settings().borrow());
    let direct = SERVICES.iter().find(|(service, _)| record.starts_with(service)).map_or(ListenerKind::C2s, |(_, kind)| *kind);
    let ports: Vec<u16> = node.listeners().iter().filter(|one| one.kind == direct).map(|one| one.address.port()).collect();
    let (found, targets) = match block_on(asked(&servers, record))? {
        Ok(answer) => answer,
        Err(error) => return Ok(unanswered(&error)),
    };
    Ok(judged(record, node, &ports, &found, &targets))
}

type Targets = Vec<(String, Vec<IpAddr>)>;

/// The records, and the addresses of the hosts they name.
async fn asked(servers: &[SocketAddr], record: &str) -> std::result::Result<(Vec<Srv>, Targets), DnsError> {
    let found = dns::services(servers, record).await?;
    let mut targets = Targets::new();
    for srv in found.iter().filter(|srv| !srv.target.is_empty()).take(TARGETS) {
        if !targets.iter().any(|(name, _)| *name == srv.target) {
            targets.push((srv.target.clone(), dns::addresses(servers, &srv.target).await?));
        }
    }
    Ok((found, targets))
}

fn unanswered(error: &DnsError) -> Finding {
    let todo = Text::new(
        "look whether this machine may ask the DNS, or name other servers in the parameter dns.servers",
        "このマシンから DNS に問い合わせできるか確認するか、パラメーター dns.servers に別のサーバーを指定してください",
    );
    Finding::warning(Text::reason(error.to_string()), todo)
}

fn judged(record: &str, node: &ThisNode, ports: &[u16], found: &[Srv], targets: &Targets) -> Finding {
    let host = &node.name;
    let told = found.iter().map(|srv| format!("{}:{}", srv.target, srv.port)).collect::<Vec<_>>().join(", ");
    let port = ports.first();
    let wanted = port.map(|port| format!("{record}. SRV 0 5 {port} {host}."));
    let make =
        wanted.map(|line| Text::new(format!("make the record: {line}"), format!("次のレコードを登録してください: {line}")));
    match (found, &make) {
        ([], None) => {
            Finding::passed(Text::new("none, and nothing listens for them", "レコードも、対応する待ち受けもありません"))
        }
        // Direct TLS is a second way in.
        ([], Some(_)) if record.starts_with("_xmpps") => Finding::passed(Text::new(
            "none: clients come in by STARTTLS",
            "レコードがありません (クライアントは STARTTLS で接続)",
        )),
        ([], Some(make)) => {
            let seen = Text::new(
                "none: clients try the address of the domain, port 5222",
                "レコードがありません (クライアントはドメインのアドレスのポート 5222 に接続)",
            );
            Finding::warning(seen, make.clone())
        }
        ([Srv { target, .. }], Some(make)) if target.is_empty() => {
            let seen = Text::new(
                "the record says that the domain has no such service",
                "レコードは、このサービスがないことを示しています",
            );
            Finding::failed(seen, make.clone())
        }
        _ => led(node, ports, found, targets, &told, make),
    }
}

/// Records that lead somewhere.
fn led(node: &ThisNode, ports: &[u16], found: &[Srv], targets: &Targets, told: &str, make: Option<Text>) -> Finding {
    let lost: Vec<&str> = targets.iter().filter(|(_, at)| at.is_empty()).map(|(name, _)| name.as_str()).collect();
    if !lost.is_empty() {
        let lost = lost.join(", ");
        let seen = Text::new(format!("{told}; has no address: {lost}"), format!("{told}。アドレスがありません: {lost}"));
        let todo = Text::new(
            "make address records (A or AAAA) for it, or lead to another host",
            "アドレスレコード (A または AAAA) を登録するか、別のホストを指定してください",
        );
        return Finding::failed(seen, todo);
    }
    let ours: Vec<IpAddr> = addresses(&node.name).unwrap_or_default();
    let here = |srv: &Srv| {
        let named = srv.target.eq_ignore_ascii_case(&node.name);
        let at = targets.iter().find(|(name, _)| *name == srv.target).map_or(&[][..], |(_, at)| at.as_slice());
        ports.contains(&srv.port) && (named || at.iter().any(|address| ours.contains(address)))
    };
    if found.iter().any(here) {
        return Finding::passed(Text::plain(told));
    }
    let seen = Text::new(format!("{told}; none leads to this node"), format!("{told}。このノードを指すものがありません"));
    let behind = Text::new(
        "fine when a load balancer or another node stands there",
        "ロードバランサーや別のノードを指す場合は問題ありません",
    );
    Finding::warning(seen, make.unwrap_or(behind))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks::Outcome::{Failed, Passed, Warning};

    const DIRECT: &str = "_xmpps-client._tcp.example.com";
    const PLAIN: &str = "_xmpp-client._tcp.example.com";

    fn node() -> ThisNode {
        ThisNode::new("192.0.2.7", Vec::new())
    }

    fn srv(target: &str, port: u16) -> Srv {
        Srv { priority: 0, weight: 5, port, target: target.to_owned() }
    }

    #[test]
    fn records_lead_to_this_node_or_there_is_something_to_do() {
        let node = node();
        let at = |name: &str, address: &str| (name.to_owned(), address.parse().into_iter().collect::<Vec<IpAddr>>());
        let cases = [
            (PLAIN, &[5222][..], vec![], vec![], Warning),
            (DIRECT, &[5223][..], vec![], vec![], Passed),
            (DIRECT, &[][..], vec![], vec![], Passed),
            (PLAIN, &[5222][..], vec![srv("", 0)], vec![], Failed),
            (PLAIN, &[5222][..], vec![srv("192.0.2.7", 5222)], vec![at("192.0.2.7", "192.0.2.8")], Passed),
            (
                PLAIN,
                &[5222][..],
                vec![srv("x.example", 1), srv("a.example", 5222)],
                vec![at("x.example", "192.0.2.1"), at("a.example", "192.0.2.7")],
                Passed,
            ),
            (PLAIN, &[5222][..], vec![srv("a.example", 5269)], vec![at("a.example", "192.0.2.7")], Warning),
            (PLAIN, &[5222][..], vec![srv("b.example", 5222)], vec![at("b.example", "192.0.2.9")], Warning),
            (PLAIN, &[5222][..], vec![srv("192.0.2.7", 5222), srv("gone.example", 5222)], vec![at("gone.example", "")], Failed),
        ];
        for (record, ports, found, targets, outcome) in cases {
            let finding = judged(record, &node, ports, &found, &targets);
            assert_eq!(finding.outcome, outcome, "{record} {found:?}: {finding:?}");
            assert_eq!(finding.todo.is_some(), outcome != Passed);
        }
    }
}

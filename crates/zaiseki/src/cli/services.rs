//! `service …` and `node …`: the control center and the topology.

use super::show::View;
use super::{Plan, escape};
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::Value;

#[derive(Subcommand, Debug)]
pub enum ServiceCommand {
    /// List the services of this node and how they are
    List,
    /// Show a service, and what it means to stop it
    Show(ServiceName),
    /// Start a service
    Start(ServiceName),
    /// Stop a service until it is started or the node restarts
    Stop(ServiceName),
    /// Stop a service and start it again
    Restart(ServiceName),
    /// Run a service on this node from now on, also after a restart of the node
    Activate(ServiceName),
    /// Run a service on this node no more, also after a restart of the node
    Deactivate(ServiceName),
}

#[derive(Args, Debug)]
pub struct ServiceName {
    /// The service's name, such as client-connections
    pub name: String,
}

#[derive(Subcommand, Debug)]
pub enum NodeCommand {
    /// List the nodes and the addresses they listen on
    List,
    /// Restart the node with the configuration file as it is: all sessions end, clients come back
    Restart(NodeName),
}

#[derive(Args, Debug)]
pub struct NodeName {
    /// The node's name, as in the list of nodes
    pub name: String,
}

#[derive(Subcommand, Debug)]
pub enum NotificationCommand {
    /// List what waits: changes of the configuration file that need a restart, and what is wrong with it
    List,
}

/// Texts of the help, English and Japanese.
pub const TEXTS: &[(&str, &str)] = &[
    ("Services: the supervised parts of the node", "サービス (ノードを構成する、監視付きの処理)"),
    ("List the services of this node and how they are", "このノードのサービスとその状態を一覧する"),
    ("Show a service, and what it means to stop it", "サービスと、停止したときの影響を表示する"),
    ("Start a service", "サービスを開始する"),
    ("Stop a service until it is started or the node restarts", "サービスを停止する (次の開始またはノードの再起動まで)"),
    ("Stop a service and start it again", "サービスを停止し、再び開始する"),
    (
        "Run a service on this node from now on, also after a restart of the node",
        "サービスをこのノードで有効にする (ノードの再起動後も有効)",
    ),
    (
        "Run a service on this node no more, also after a restart of the node",
        "サービスをこのノードで無効にする (ノードの再起動後も無効)",
    ),
    ("The service's name, such as client-connections", "サービスの名前 (例: client-connections)"),
    ("Nodes: the topology", "ノード (構成)"),
    ("List the nodes and the addresses they listen on", "ノードと、その待ち受けアドレスを一覧する"),
    (
        "Restart the node with the configuration file as it is: all sessions end, clients come back",
        "現在の設定ファイルでノードを再起動する (すべてのセッションが終了し、クライアントは再接続する)",
    ),
    ("The node's name, as in the list of nodes", "ノードの名前 (ノードの一覧のもの)"),
    ("Notifications: what waits for an administrator", "通知 (管理者の対応を待っているもの)"),
    (
        "List what waits: changes of the configuration file that need a restart, and what is wrong with it",
        "待っているものを一覧する (再起動が必要な設定ファイルの変更、設定ファイルの問題)",
    ),
];

pub fn plan(command: ServiceCommand) -> Plan {
    let nothing = &Value::Null;
    let (service, action) = match command {
        ServiceCommand::List => return Plan::one(View::Services, Method::GET, "services", nothing),
        ServiceCommand::Show(service) => {
            return Plan::one(View::Service, Method::GET, format!("services/{}", escape(&service.name)), nothing);
        }
        ServiceCommand::Start(service) => (service, "start"),
        ServiceCommand::Stop(service) => (service, "stop"),
        ServiceCommand::Restart(service) => (service, "restart"),
        ServiceCommand::Activate(service) => (service, "activate"),
        ServiceCommand::Deactivate(service) => (service, "deactivate"),
    };
    Plan::one(View::Service, Method::POST, format!("services/{}/{action}", escape(&service.name)), nothing)
}

pub fn node_plan(command: &NodeCommand) -> Plan {
    match command {
        NodeCommand::List => Plan::one(View::Nodes, Method::GET, "nodes", &Value::Null),
        NodeCommand::Restart(node) => {
            Plan::one(View::Nodes, Method::POST, format!("nodes/{}/restart", escape(&node.name)), &Value::Null)
        }
    }
}

pub fn notification_plan(command: &NotificationCommand) -> Plan {
    match command {
        NotificationCommand::List => Plan::one(View::Notifications, Method::GET, "notifications", &Value::Null),
    }
}

#[cfg(test)]
mod tests {
    use crate::cli::tests::Bench;
    use crate::i18n::Lang;

    async fn every_command(bench: &Bench) {
        let list = bench.ok("service list", "").await;
        assert!(list.starts_with("NAME") && list.contains("client-connections"), "{list}");
        let off = bench.ok("service deactivate sync-agent", "").await;
        assert!(off.contains("state") && off.contains("deactivated"), "{off}");
        assert!(bench.fails("service start sync-agent", "").await.contains("activat"));
        assert_eq!(bench.json("service show sync-agent").await["active"], false);
        let (_, shown) = bench.try_in(Lang::Ja, "service activate sync-agent", "").await;
        assert!(shown.contains("同期エージェント") && !shown.contains("{\"en\""), "{shown}");
        for command in ["start", "stop", "restart"] {
            assert!(bench.fails(&format!("service {command} nothing"), "").await.contains("no service"));
        }
        assert!(bench.ok("notification list", "").await.starts_with("SEVERITY"));
        assert!(bench.fails("node restart nothing", "").await.contains("no node"));
        let nodes = bench.ok("node list", "").await;
        assert!(nodes.starts_with("NAME") && nodes.contains("example.com"), "{nodes}");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn services_are_chosen_without_a_node_and_through_one() {
        let bench = Bench::new();
        every_command(&bench).await;
        let (_lock, node) = bench.node();
        every_command(&bench).await;
        node.abort();
    }
}

//! The services of a node: its supervised parts, what each does, and what it means when one is stopped.
//!
//! [`policy`] decides, purely, what becomes of a service; [`supervisor`] spawns. A part that panics or ends with an error is
//! started again after a while, and nothing else of the node is touched. Which parts a node has says the binary.

pub mod policy;
pub mod supervisor;

use crate::text::Text;
use std::str::FromStr;

/// A supervised part of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    ClientConnections,
    WebClients,
    PresenceEngine,
    PresenceGateways,
    SyncAgent,
    JobScheduler,
    Retention,
}

impl Service {
    /// In the order of lists, and of a start.
    pub const ALL: [Service; 7] = [
        Service::PresenceEngine,
        Service::PresenceGateways,
        Service::SyncAgent,
        Service::JobScheduler,
        Service::Retention,
        Service::ClientConnections,
        Service::WebClients,
    ];

    /// As paths, commands and the database name it.
    pub fn as_str(self) -> &'static str {
        match self {
            Service::ClientConnections => "client-connections",
            Service::WebClients => "web-clients",
            Service::PresenceEngine => "presence-engine",
            Service::PresenceGateways => "presence-gateways",
            Service::SyncAgent => "sync-agent",
            Service::JobScheduler => "job-scheduler",
            Service::Retention => "retention",
        }
    }

    /// Whether a node runs it when nobody has chosen.
    pub fn active_by_default(self) -> bool {
        true
    }

    pub fn title(self) -> Text {
        match self {
            Service::ClientConnections => Text::new("Client connections", "クライアント接続"),
            Service::WebClients => Text::new("Web clients", "Web クライアント"),
            Service::PresenceEngine => Text::new("Presence engine", "プレゼンスエンジン"),
            Service::PresenceGateways => Text::new("Presence gateways", "プレゼンスゲートウェイ"),
            Service::SyncAgent => Text::new("Sync agent", "同期エージェント"),
            Service::JobScheduler => Text::new("Job scheduler", "ジョブスケジューラー"),
            Service::Retention => Text::new("Retention", "保存期間の管理"),
        }
    }

    pub fn does(self) -> Text {
        match self {
            Service::ClientConnections => Text::new(
                "Takes the XMPP connections of desktop and mobile clients.",
                "PC や携帯端末のクライアントの XMPP 接続を受け付けます。",
            ),
            Service::WebClients => {
                Text::new("Serves the chat page, WebSocket and BOSH.", "チャットページ、WebSocket、BOSH を提供します。")
            }
            Service::PresenceEngine => Text::new(
                "Takes what the presence gateways report into people's presence.",
                "プレゼンスゲートウェイの報告をユーザーの在席情報に反映します。",
            ),
            Service::PresenceGateways => {
                Text::new("Asks the calendar servers about meetings.", "予定表サーバーに会議の予定を問い合わせます。")
            }
            Service::SyncAgent => Text::new(
                "Synchronises the directories that users come from, on their schedules.",
                "ユーザーの取り込み元のディレクトリーを予定に従って同期します。",
            ),
            Service::JobScheduler => {
                Text::new("Does the jobs that administrators ask for.", "管理者が依頼したジョブを実行します。")
            }
            Service::Retention => Text::new(
                "Removes messages, lines of the audit log and sessions of administrators whose time is over.",
                "保存期間を過ぎたメッセージ、監査ログ、管理者のセッションを削除します。",
            ),
        }
    }

    /// What people notice while it does not run. Stands beside the button.
    pub fn stop_means(self) -> Text {
        match self {
            Service::ClientConnections => Text::new(
                "The XMPP addresses are closed, and every client connected there is told that the server goes down and is \
                 disconnected. Messages to those people are kept for them. Web clients stay.",
                "XMPP の待ち受けを閉じ、接続中のクライアントにサーバーの停止を伝えて切断します。その人宛てのメッセージは保管されます。\
                 Web クライアントには影響しません。",
            ),
            Service::WebClients => Text::new(
                "The chat page, WebSocket and BOSH answer 503, and their sessions end. Messages to those people are kept for \
                 them. The console, the API and other clients stay.",
                "チャットページ、WebSocket、BOSH は 503 を返し、そのセッションは終了します。その人宛てのメッセージは保管されます。\
                 管理コンソール、API、ほかのクライアントには影響しません。",
            ),
            Service::PresenceEngine => Text::new(
                "What calendars report is taken in only after the start. Meetings known by now show until their end, at most \
                 for the time of the setting calendar.outage. Chat and the presence that people choose go on.",
                "予定表の変更は、次に開始するまで反映されません。既知の会議は終了まで (長くても設定 calendar.outage の時間まで) \
                 表示されます。チャットと、本人が選んだ在席情報には影響しません。",
            ),
            Service::PresenceGateways => Text::new(
                "No calendar server is asked. Meetings known by now show until their end, at most for the time of the setting \
                 calendar.outage.",
                "予定表サーバーに問い合わせません。既知の会議は終了まで (長くても設定 calendar.outage の時間まで) 表示されます。",
            ),
            Service::SyncAgent => Text::new(
                "No directory is synchronised by its schedule; one under way ends unfinished, and deletes nobody by that. A \
                 synchronisation by hand still works.",
                "予定された同期を行いません。実行中の同期は途中で終わりますが、それによってユーザーが削除されることはありません。\
                 手動の同期は実行できます。",
            ),
            Service::JobScheduler => Text::new(
                "Jobs wait. One that runs pauses after the step it is at, and goes on after the start.",
                "ジョブは待機します。実行中のジョブは現在の段階の後で中断し、次の開始後に続きから再開します。",
            ),
            Service::Retention => Text::new(
                "Nothing is removed when its time is over, until the start.",
                "次に開始するまで、保存期間を過ぎたものも削除されません。",
            ),
        }
    }
}

impl FromStr for Service {
    type Err = ();

    fn from_str(text: &str) -> Result<Service, ()> {
        Service::ALL.into_iter().find(|service| service.as_str() == text).ok_or(())
    }
}

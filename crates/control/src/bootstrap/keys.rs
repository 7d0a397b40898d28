//! What each key of the configuration file needs to take effect, and what a change that waits means.

use crate::effect::Effect;
use crate::services::Service;
use crate::text::Text;
use zaiseki_model::Severity;

/// A key of the configuration file.
pub struct Key {
    /// Dotted, as `listen.c2s`.
    pub key: &'static str,
    pub effect: Effect,
    /// Of a change that waits.
    pub severity: Severity,
    meanwhile: (&'static str, &'static str),
}

impl Key {
    /// What holds until the restart, and why that matters.
    pub fn meanwhile(&self) -> Text {
        Text::new(self.meanwhile.0, self.meanwhile.1)
    }
}

const fn node(key: &'static str, severity: Severity, en: &'static str, ja: &'static str) -> Key {
    Key { key, effect: Effect::RestartNode, severity, meanwhile: (en, ja) }
}

const fn clients(key: &'static str, en: &'static str, ja: &'static str) -> Key {
    Key { key, effect: Effect::Restart(Service::ClientConnections), severity: Severity::Warning, meanwhile: (en, ja) }
}

const OLD_ADDRESSES: (&str, &str) = (
    "the addresses in use go on; at the new ones nobody answers",
    "使用中のアドレスで待ち受けを続け、新しいアドレスでは応答しません",
);
const OLD_NETWORKS: (&str, &str) =
    ("the networks in use may still come in, and no others", "使用中のネットワークからの接続だけを引き続き許可します");
const OLD_CERTIFICATE: (&str, &str) = (
    "the files in use are shown on, also after a reload; when they run out, clients turn away",
    "使用中のファイルの証明書を (再読み込み後も) 提示し続けます。期限が切れるとクライアントが接続できなくなります",
);

/// Every key there is, in the order of the file's description.
pub static KEYS: &[Key] = &[
    node(
        "domain",
        Severity::Critical,
        "the old domain is served; after any restart the accounts of the old domain can no longer sign in",
        "これまでのドメインを提供しています。再起動すると、これまでのドメインのアカウントはサインインできなくなります",
    ),
    node(
        "node_name",
        Severity::Info,
        "links, certificates and the log go by the old name",
        "リンク、証明書、ログにはこれまでの名前を使います",
    ),
    node(
        "data_dir",
        Severity::Critical,
        "the old folder is used; after any restart the node knows only what is in the new one: users, messages and settings",
        "これまでのフォルダーを使っています。再起動すると、新しいフォルダーにあるユーザー、メッセージ、設定だけを使います",
    ),
    node("database", Severity::Critical, "the old database is used", "これまでのデータベースを使っています"),
    clients("listen.c2s", OLD_ADDRESSES.0, OLD_ADDRESSES.1),
    clients("listen.c2s_tls", OLD_ADDRESSES.0, OLD_ADDRESSES.1),
    node("listen.https", Severity::Warning, OLD_ADDRESSES.0, OLD_ADDRESSES.1),
    node("listen.admin", Severity::Warning, OLD_ADDRESSES.0, OLD_ADDRESSES.1),
    node("listen.console", Severity::Warning, OLD_ADDRESSES.0, OLD_ADDRESSES.1),
    node("listen.api", Severity::Warning, OLD_ADDRESSES.0, OLD_ADDRESSES.1),
    node("listen.web", Severity::Warning, OLD_ADDRESSES.0, OLD_ADDRESSES.1),
    node("listen.metrics", Severity::Info, OLD_ADDRESSES.0, OLD_ADDRESSES.1),
    node(
        "listen.acme_http",
        Severity::Warning,
        "challenges of ACME are answered at the addresses in use only: an order may fail",
        "ACME の確認には使用中のアドレスだけで応答するため、証明書の取得に失敗することがあります",
    ),
    node("allow.console", Severity::Warning, OLD_NETWORKS.0, OLD_NETWORKS.1),
    node("allow.api", Severity::Warning, OLD_NETWORKS.0, OLD_NETWORKS.1),
    node("allow.web", Severity::Warning, OLD_NETWORKS.0, OLD_NETWORKS.1),
    node("allow.metrics", Severity::Info, OLD_NETWORKS.0, OLD_NETWORKS.1),
    node(
        "outbound.allow",
        Severity::Warning,
        "gateways, directories and others reach what was allowed at the start, and no more",
        "ゲートウェイやディレクトリーなどの接続先は、起動時に許可されていたアドレスに限られます",
    ),
    node("tls.certificate", Severity::Warning, OLD_CERTIFICATE.0, OLD_CERTIFICATE.1),
    node("tls.key", Severity::Warning, OLD_CERTIFICATE.0, OLD_CERTIFICATE.1),
    node(
        "c2s.allow_clear_text",
        Severity::Warning,
        "sign-in without TLS on this machine goes by the value in use",
        "このマシンでの TLS なしのサインインの可否は、使用中の値に従います",
    ),
    node("log.level", Severity::Info, "the log says as much as before", "ログの詳しさは変わりません"),
    node("log.format", Severity::Info, "the log keeps its form", "ログの形式は変わりません"),
];

pub fn find(key: &str) -> Option<&'static Key> {
    KEYS.iter().find(|one| one.key == key)
}

//! The one error type of this crate.

use crate::access::Right;
use crate::seal::SealError;
use crate::text::Text;
use std::time::Duration;
use zaiseki_store::StoreError;
use zaiseki_xmpp::jid;

pub type Result<T, E = ControlError> = std::result::Result<T, E>;

/// Why something an administrator asked for was not done.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The request itself is wrong; the text says what to change.
    #[error("{text}")]
    Invalid { field: &'static str, text: Text },
    #[error("{text}")]
    Conflict { text: Text },
    /// A conflict too: what was typed there belongs to somebody or something else.
    #[error("{text}")]
    Taken { field: &'static str, text: Text },
    /// A conflict too: somebody has changed it since it was looked at.
    #[error("{text}")]
    Stale { text: Text },
    #[error("{text}")]
    NotFound { text: Text },
    /// The caller is known, and has no right to it.
    #[error("this needs the right {right}")]
    Forbidden { right: Right },
    /// The caller is not known: wrong password, code or session.
    #[error("{text}")]
    Unauthorized { text: Text },
    /// Too many tries; it may be tried again after `wait`.
    #[error("{text}")]
    Throttled { text: Text, wait: Duration },
    /// A part of the node that is needed does not answer.
    #[error("{text}")]
    Unavailable { text: Text },
    #[error(transparent)]
    Store(StoreError),
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error("a thread for deriving keys cannot be started")]
    Thread(#[source] std::io::Error),
    #[error("the system's random number generator does not answer")]
    Random,
    #[error("the stored password of this account cannot be read: set a new one")]
    DamagedPassword,
}

impl ControlError {
    pub(crate) fn invalid(field: &'static str, en: impl Into<String>, ja: impl Into<String>) -> Self {
        ControlError::Invalid { field, text: Text::new(en, ja) }
    }

    /// A configuration that cannot be read.
    pub fn not_understood(field: &'static str, why: &serde_json::Error) -> Self {
        ControlError::Invalid { field, text: Text::not_understood("the configuration", "設定", why) }
    }

    pub(crate) fn stale() -> Self {
        let en = "somebody has changed this meanwhile: look at it again";
        ControlError::Stale {
            text: Text::new(en, "ほかの人が先に変更しました。現在の内容を確認してください")
        }
    }

    /// Somebody else goes by the name, as address or as user id (a localpart).
    pub(crate) fn name_taken(field: &'static str, name: &str) -> Self {
        let name = jid::unescape_local(name);
        let (en, ja) = (format!("the user {name} exists already"), format!("ユーザー {name} はすでにあります"));
        ControlError::Taken { field, text: Text::new(en, ja) }
    }

    pub(crate) fn no_user(name: &str) -> Self {
        let text = Text::new(format!("there is no user \"{name}\""), format!("ユーザー \"{name}\" はいません"));
        ControlError::NotFound { text }
    }

    pub(crate) fn no_gateway(name: &str) -> Self {
        let en = format!("there is no gateway \"{name}\"");
        ControlError::NotFound { text: Text::new(en, format!("ゲートウェイ \"{name}\" はありません")) }
    }

    pub(crate) fn no_job(id: &str) -> Self {
        ControlError::NotFound {
            text: Text::new(format!("there is no job \"{id}\""), format!("ジョブ \"{id}\" はありません"))
        }
    }

    /// A word for programs: `invalid`, `conflict`, `not-found`, `forbidden`, `unauthorized`, `throttled`, `unavailable`,
    /// `internal`.
    pub fn code(&self) -> &'static str {
        match self {
            ControlError::Invalid { .. } => "invalid",
            ControlError::Conflict { .. } | ControlError::Taken { .. } | ControlError::Stale { .. } => "conflict",
            ControlError::NotFound { .. } => "not-found",
            ControlError::Forbidden { .. } => "forbidden",
            ControlError::Unauthorized { .. } => "unauthorized",
            ControlError::Throttled { .. } => "throttled",
            ControlError::Unavailable { .. } => "unavailable",
            ControlError::Store(StoreError::Unavailable(_) | StoreError::Closed) => "unavailable",
            ControlError::Store(_)
            | ControlError::Seal(_)
            | ControlError::Thread(_)
            | ControlError::Random
            | ControlError::DamagedPassword => "internal",
        }
    }

    /// The input it is about.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            ControlError::Invalid { field, .. } | ControlError::Taken { field, .. } => Some(field),
            _ => None,
        }
    }

    pub fn text(&self) -> Text {
        match self {
            ControlError::Invalid { text, .. }
            | ControlError::Conflict { text }
            | ControlError::Taken { text, .. }
            | ControlError::Stale { text }
            | ControlError::NotFound { text }
            | ControlError::Unauthorized { text }
            | ControlError::Unavailable { text }
            | ControlError::Throttled { text, .. } => text.clone(),
            ControlError::Forbidden { right } => Text::new(self.to_string(), format!("この操作には権限 {right} が必要です")),
            ControlError::Store(error) => {
                let cause = error.full_text();
                Text::new(cause.clone(), format!("データベースのエラー: {cause}"))
            }
            ControlError::Seal(error) => error.text(),
            ControlError::Thread(_) => Text::new(self.to_string(), "鍵を作るスレッドを開始できません"),
            ControlError::DamagedPassword => {
                Text::new(self.to_string(), "このアカウントの保存済みパスワードを読めません。新しいパスワードを設定してください")
            }
            ControlError::Random => Text::new(self.to_string(), "システムの乱数生成器が応答しません"),
        }
    }
}

/// What can be there already, or be missing, as the store calls it. What has another one's beginning stands before it.
const KINDS: [(&str, &str); 12] = [
    ("the identity of administrator", "次の管理者の OpenID アカウント:"),
    ("administrator", "管理者"),
    ("token", "トークン"),
    ("alarm target", "アラーム送信先"),
    ("the trusted authority", "信頼する認証局"),
    ("directory", "ディレクトリー"),
    ("gateway", "ゲートウェイ"),
    ("user", "ユーザー"),
    ("job", "ジョブ"),
    ("a setting of ACME", "ACME の設定"),
    ("a signing request for", "次の用途の証明書要求:"),
    ("a certificate for", "次の用途の、ノード独自のもの以外の証明書:"),
];

/// The store's words for something, in Japanese, with what follows.
fn in_japanese(what: &str, rest: &str) -> String {
    let named = what.trim_end_matches(" besides the node's own");
    let found = KINDS.iter().find_map(|(en, ja)| Some((*ja, named.strip_prefix(en)?.trim_start())));
    match found {
        Some((kind, "")) => format!("{kind}{rest}"),
        Some((kind, name)) => format!("{kind} {name} {rest}"),
        None => format!("{what} {rest}"),
    }
}

impl From<StoreError> for ControlError {
    /// Someone was quicker: what a check just before did not see.
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NameTaken { name } => ControlError::name_taken("name", &name),
            StoreError::Conflict { what } => {
                let text = Text::new(format!("{what} exists already"), in_japanese(&what, "はすでにあります"));
                ControlError::Taken { field: "name", text }
            }
            StoreError::NotFound { what } => {
                let named = what.trim_start_matches("a ").trim_start_matches("the ");
                let text = Text::new(format!("there is no {named}"), in_japanese(&what, "はありません"));
                ControlError::NotFound { text }
            }
            StoreError::Stale { .. } => ControlError::stale(),
            StoreError::Ended { what } => {
                let text = Text::new(format!("{what} has ended already"), in_japanese(&what, "はすでに終了しています"));
                ControlError::Conflict { text }
            }
            StoreError::LastAdministrator => {
                let ja = "これは最後の管理者です。先に別の管理者を追加してください";
                let text = Text::new("this is the last administrator: add another one first", ja);
                ControlError::Conflict { text }
            }
            StoreError::Full { what, limit } => {
                let text = Text::new(format!("there are {limit} {what} already"), format!("上限の {limit} に達しています"));
                ControlError::Conflict { text }
            }
            other => ControlError::Store(other),
        }
    }
}

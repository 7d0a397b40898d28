//! What can be typed, in English and Japanese.

use super::acme::{self, AcmeCommand};
use super::addresses::{self, SchemeCommand};
use super::admins::{self, AdminCommand};
use super::alarm_targets::{self, AlarmTargetCommand};
use super::alarms::{self, AlarmCommand};
use super::audit::{self, AuditCommand};
use super::certificates::{self, CertificateCommand};
use super::diagnostics::{self, LogLevel, TraceCommand};
use super::directories::{self, DirectoryCommand, ImUsers, Resolve};
use super::doctor::{self, Doctor};
use super::jobs::{self, JobCommand};
use super::people::{self, PeopleCommand, Sight};
use super::profiles::{self, Profile};
use super::provider::{self, ProviderCommand};
use super::services::{self, NodeCommand, NotificationCommand, ServiceCommand};
use super::tokens::{self, TokenCommand};
use super::trust::{self, TrustCommand};
use crate::i18n::Lang;
use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// What scripts go by.
const EXIT_CODES: &str = "Exit codes: 0 done; 1 failed, in part too, or a check found a fault; 64 the command line or the \
    configuration file is wrong";

/// Zaiseki: instant messaging and presence for organisations
#[derive(Parser, Debug)]
#[command(name = "zaiseki", version, disable_help_subcommand = true, disable_help_flag = true, disable_version_flag = true)]
#[command(after_help = EXIT_CODES)]
pub struct Cli {
    /// The node's configuration file
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// How results are shown: table or json
    #[arg(long, global = true, value_enum, default_value = "table", hide_possible_values = true, hide_default_value = true)]
    pub output: Format,
    /// Language: en or ja
    #[arg(long, global = true, value_parser = ["en", "ja"], hide_possible_values = true)]
    pub lang: Option<String>,
    /// Show this help
    #[arg(long, short, global = true, action = ArgAction::Help)]
    help: Option<bool>,
    /// Show the version
    #[arg(long, short = 'V', action = ArgAction::Version)]
    version: Option<bool>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Json,
}

#[derive(Subcommand, Debug)]
pub enum Command {
    /// Run a node
    Serve,
    /// Try it out: a throw-away node with three people and a calendar
    Demo,
    #[command(flatten)]
    Ask(Ask),
}

#[derive(Subcommand, Debug)]
pub enum Ask {
    /// Users of the built-in directory
    #[command(subcommand)]
    User(UserCommand),
    /// Directories that users come from: LDAP, Active Directory, Unified CM
    #[command(subcommand)]
    Directory(DirectoryCommand),
    /// Presence gateways: calendar servers
    #[command(subcommand)]
    Gateway(GatewayCommand),
    /// Jobs: long work in the background
    #[command(subcommand)]
    Job(JobCommand),
    /// Services: the supervised parts of the node
    #[command(subcommand)]
    Service(ServiceCommand),
    /// Nodes: the topology
    #[command(subcommand)]
    Node(NodeCommand),
    /// Notifications: what waits for an administrator
    #[command(subcommand)]
    Notification(NotificationCommand),
    /// Alarms: what is wrong, and what to do
    #[command(subcommand)]
    Alarm(AlarmCommand),
    /// Where alarms are sent: syslog, mail, webhooks
    #[command(subcommand)]
    AlarmTarget(AlarmTargetCommand),
    /// Show the log level of the node, or change it for some time
    LogLevel(LogLevel),
    /// Traces of one user's stanzas, for support
    #[command(subcommand)]
    Trace(TraceCommand),
    /// Certificates that the node shows
    #[command(subcommand)]
    Certificate(CertificateCommand),
    /// Authorities that the node believes as a client
    #[command(subcommand)]
    Trust(TrustCommand),
    /// Certificates from a public authority by themselves (ACME)
    #[command(subcommand)]
    Acme(AcmeCommand),
    /// Addresses of users: by user id or by directory URI
    #[command(subcommand)]
    AddressScheme(SchemeCommand),
    /// Live settings
    #[command(subcommand)]
    Settings(SettingsCommand),
    /// Administrators and their sessions
    #[command(subcommand)]
    Admin(AdminCommand),
    /// The OpenID provider by which administrators sign in
    #[command(subcommand)]
    Provider(ProviderCommand),
    /// API tokens for programs
    #[command(subcommand)]
    Token(TokenCommand),
    /// The audit log: who changed what
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Who you are to the node, and what you may do
    Whoami,
    /// Show what one user sees of another, and why
    Presence(Sight),
    /// The troubleshooter: looks for what is wrong with the node, and says what to do
    Doctor(Doctor),
    /// What the node is doing
    Status,
}

/// Where a password comes from.
#[derive(Args, Clone, Copy, Debug)]
pub struct PasswordSource {
    /// Read the password from standard input instead of asking
    #[arg(long)]
    pub password_stdin: bool,
    /// Give no password
    #[arg(long, conflicts_with = "password_stdin")]
    pub no_password: bool,
}

#[derive(Args, Debug)]
pub struct Names {
    /// One or more user ids
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
}

#[derive(Subcommand, Debug)]
pub enum UserCommand {
    /// Add a user
    Add {
        /// The user id
        name: String,
        /// Name shown to people
        #[arg(long, default_value = "", hide_default_value = true)]
        display_name: String,
        /// Mail address
        #[arg(long, default_value = "", hide_default_value = true)]
        mail: String,
        /// Telephone number
        #[arg(long, default_value = "", hide_default_value = true)]
        telephone: String,
        /// Language of texts made for the user
        #[arg(long)]
        language: Option<String>,
        #[command(flatten)]
        password: PasswordSource,
    },
    /// List users
    List {
        /// Only users with this in their id, name or mail address
        #[arg(long)]
        search: Option<String>,
    },
    /// Show users
    Show(Names),
    /// Change a user; what is not given stays
    Set {
        /// The user id
        name: String,
        /// Name shown to people
        #[arg(long)]
        display_name: Option<String>,
        /// Mail address
        #[arg(long)]
        mail: Option<String>,
        /// Telephone number
        #[arg(long)]
        telephone: Option<String>,
        /// Language of texts made for the user
        #[arg(long)]
        language: Option<String>,
    },
    /// Set a new password; the user's sessions end
    SetPassword {
        /// The user id
        name: String,
        /// Read the password from standard input instead of asking
        #[arg(long)]
        password_stdin: bool,
    },
    /// Let users sign in
    Enable(Names),
    /// Keep users from signing in; sessions end
    Disable(Names),
    /// Let the calendar speak for a user, or not
    Calendar {
        /// The user id
        name: String,
        /// true or false
        #[arg(action = ArgAction::Set, hide_possible_values = true)]
        on: bool,
    },
    /// Archive a user's messages, or not
    Archive {
        /// The user id
        name: String,
        /// true or false; without it, what holds is shown
        #[arg(action = ArgAction::Set, hide_possible_values = true)]
        on: Option<bool>,
    },
    /// Enable users for IM and presence
    ImEnable(ImUsers),
    /// Disable users for IM and presence; sessions end
    ImDisable(ImUsers),
    /// Show users' profiles: numbers, devices, home, directory
    Profile(Names),
    /// Change a user's profile; what is not given stays
    SetProfile(Box<Profile>),
    #[command(flatten)]
    People(PeopleCommand),
    /// Find duplicate user ids, mail addresses and directory URIs
    Duplicates,
    /// Say who keeps a value that several users have
    Resolve(Resolve),
    /// Remove users and everything that belongs to them
    Remove(Names),
    /// Import users from a CSV file: userid,password[,display name,mail,telephone]
    Import {
        /// The file; UTF-8
        file: PathBuf,
    },
}

#[derive(Subcommand, Debug)]
pub enum GatewayCommand {
    /// Add a gateway
    Add(Box<NewGateway>),
    /// List gateways and how they are
    List,
    /// Show a gateway
    Show {
        /// The gateway's name
        name: String,
    },
    /// Test a gateway: connection, TLS, sign-in, permission
    Test {
        /// The gateway's name
        name: String,
        /// Whose calendar to try
        #[arg(long)]
        user: Option<String>,
    },
    /// Poll a gateway now
    Refresh {
        /// The gateway's name
        name: String,
    },
    /// Change a gateway; what is not given stays
    Set(Box<ChangedGateway>),
    /// Replace a gateway's whole configuration; what is not given takes its default
    Replace(Box<ChangedGateway>),
    /// Ask a calendar server again that was switched off
    Enable {
        /// The gateway's name
        name: String,
    },
    /// Ask a calendar server no more; its meetings show no longer
    Disable {
        /// The gateway's name
        name: String,
    },
    /// Remove a gateway
    Remove {
        /// The gateway's name
        name: String,
    },
}

/// The fields of `zaiseki_calendar::GatewayConfig`; which a kind takes is checked by the node.
#[derive(Args, Debug)]
pub struct NewGateway {
    /// The gateway's name
    pub name: String,
    /// A JSON file with the gateway's configuration; other options change it
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// Kind of server: ews or caldav
    #[arg(long, required_unless_present = "from")]
    pub kind: Option<String>,
    /// Address of the service; {user} and {mail} stand for the user (CalDAV)
    #[arg(long, required_unless_present = "from")]
    pub url: Option<String>,
    /// The service account
    #[arg(long, required_unless_present = "from")]
    pub username: Option<String>,
    #[command(flatten)]
    pub options: GatewayOptions,
    #[command(flatten)]
    pub password: PasswordSource,
}

/// What `gateway add` and `gateway set` have in common.
#[derive(Args, Debug)]
pub struct GatewayOptions {
    /// EWS: ntlm or basic
    #[arg(long)]
    pub auth: Option<String>,
    /// How to ask. EWS: availability or find-item; CalDAV: auto or free-busy
    #[arg(long)]
    pub mode: Option<String>,
    /// EWS: address of a user's mailbox, such as {mail}
    #[arg(long)]
    pub mailbox: Option<String>,
    /// CalDAV: time zone of events that name none, such as Asia/Tokyo
    #[arg(long)]
    pub default_zone: Option<String>,
    /// Certificate authorities to trust instead of the system's (PEM)
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Connect to this host:port instead of the address's host
    #[arg(long)]
    pub connect_to: Option<String>,
    /// Let the password travel over plain http (tests only)
    #[arg(long, num_args = 0..=1, require_equals = true, default_missing_value = "true", hide_possible_values = true)]
    pub allow_clear_text: Option<bool>,
    /// Seconds between two polls (default 60)
    #[arg(long)]
    pub poll_secs: Option<u32>,
}

/// Changes of a gateway.
#[derive(Args, Debug)]
pub struct ChangedGateway {
    /// The gateway's name
    pub name: String,
    /// A new name
    #[arg(long, value_name = "NAME")]
    pub rename: Option<String>,
    /// A JSON file with the gateway's configuration; other options change it
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// Address of the service; {user} and {mail} stand for the user (CalDAV)
    #[arg(long)]
    pub url: Option<String>,
    /// The service account
    #[arg(long)]
    pub username: Option<String>,
    #[command(flatten)]
    pub options: GatewayOptions,
    /// Ask for a new password of the service account
    #[arg(long)]
    pub password: bool,
    /// Read the password from standard input instead of asking
    #[arg(long, conflicts_with = "password")]
    pub password_stdin: bool,
}

#[derive(Subcommand, Debug)]
pub enum SettingsCommand {
    /// List settings
    List,
    /// Change a setting
    Set {
        /// The setting's key
        key: String,
        /// The new value; "none" for no limit, "default" for the default
        value: String,
    },
}

/// Texts of the help, English and Japanese.
const TEXTS: &[(&str, &str)] = &[
    (EXIT_CODES, "終了コード: 0 成功、1 失敗 (一部の失敗や検査の不合格を含む)、64 コマンドラインまたは設定ファイルの誤り"),
    ("Who you are to the node, and what you may do", "ノードから見た自分と、できること"),
    (
        "Replace a gateway's whole configuration; what is not given takes its default",
        "ゲートウェイの設定全体を置き換える (指定しない項目は既定値)",
    ),
    ("Zaiseki: instant messaging and presence for organisations", "Zaiseki (在席): 組織のためのメッセージングと在席情報"),
    ("The node's configuration file", "ノードの設定ファイル"),
    ("How results are shown: table or json", "結果の表示形式: table または json"),
    ("Language: en or ja", "言語: en または ja"),
    ("Show this help", "このヘルプを表示する"),
    ("Show the version", "バージョンを表示する"),
    ("Run a node", "ノードを実行する"),
    ("Try it out: a throw-away node with three people and a calendar", "お試し: 3 人と予定表が入った使い捨てのノード"),
    ("Users of the built-in directory", "内蔵ディレクトリーのユーザー"),
    ("Presence gateways: calendar servers", "プレゼンスゲートウェイ (予定表サーバー)"),
    ("Live settings", "稼働中に変えられる設定"),
    ("What the node is doing", "ノードの状態"),
    ("Read the password from standard input instead of asking", "パスワードを尋ねず標準入力から読む"),
    ("Give no password", "パスワードを設定しない"),
    ("One or more user ids", "1 つ以上のユーザー ID"),
    ("Add a user", "ユーザーを追加する"),
    ("The user id", "ユーザー ID"),
    ("Name shown to people", "表示名"),
    ("Mail address", "メールアドレス"),
    ("Telephone number", "電話番号"),
    ("Language of texts made for the user", "そのユーザー向けの文言の言語"),
    ("List users", "ユーザーを一覧する"),
    ("Only users with this in their id, name or mail address", "ID、名前、メールアドレスにこの文字列を含むユーザーだけ"),
    ("Show users", "ユーザーを表示する"),
    ("Set a new password; the user's sessions end", "新しいパスワードを設定する (接続中のセッションは終了)"),
    ("Let users sign in", "サインインを許可する"),
    ("Keep users from signing in; sessions end", "サインインを禁止する (接続中のセッションは終了)"),
    ("Let the calendar speak for a user, or not", "予定表による在席表示を使うかどうか"),
    ("true or false", "true または false"),
    ("Archive a user's messages, or not", "メッセージを保存するかどうか"),
    ("Remove users and everything that belongs to them", "ユーザーとその情報をすべて削除する"),
    (
        "Import users from a CSV file: userid,password[,display name,mail,telephone]",
        "CSV ファイルからユーザーを取り込む: userid,password[,display name,mail,telephone]",
    ),
    ("The file; UTF-8", "ファイル (UTF-8)"),
    ("Add a gateway", "ゲートウェイを追加する"),
    ("The gateway's name", "ゲートウェイの名前"),
    (
        "A JSON file with the gateway's configuration; other options change it",
        "ゲートウェイの設定を書いた JSON ファイル。ほかのオプションが優先する",
    ),
    ("Kind of server: ews or caldav", "サーバーの種類: ews または caldav"),
    (
        "Address of the service; {user} and {mail} stand for the user (CalDAV)",
        "サービスの URL。{user} と {mail} はユーザーを表す (CalDAV)",
    ),
    ("The service account", "サービスアカウント"),
    ("EWS: ntlm or basic", "EWS: ntlm または basic"),
    (
        "How to ask. EWS: availability or find-item; CalDAV: auto or free-busy",
        "問い合わせ方法。EWS: availability または find-item、CalDAV: auto または free-busy",
    ),
    ("EWS: address of a user's mailbox, such as {mail}", "EWS: ユーザーのメールボックスのアドレス (例: {mail})"),
    (
        "CalDAV: time zone of events that name none, such as Asia/Tokyo",
        "CalDAV: タイムゾーンのない予定のタイムゾーン (例: Asia/Tokyo)",
    ),
    ("Certificate authorities to trust instead of the system's (PEM)", "システムの代わりに信頼する認証局 (PEM)"),
    ("Connect to this host:port instead of the address's host", "URL のホストの代わりに接続する ホスト:ポート"),
    ("Let the password travel over plain http (tests only)", "平文の http でパスワードを送る (テスト専用)"),
    ("Seconds between two polls (default 60)", "問い合わせの間隔 (秒、既定値 60)"),
    ("List gateways and how they are", "ゲートウェイとその状態を一覧する"),
    ("Show a gateway", "ゲートウェイを表示する"),
    ("Test a gateway: connection, TLS, sign-in, permission", "ゲートウェイを検査する: 接続、TLS、サインイン、権限"),
    ("Whose calendar to try", "試す予定表のユーザー"),
    ("Poll a gateway now", "ゲートウェイに今すぐ問い合わせる"),
    ("Change a gateway; what is not given stays", "ゲートウェイを変更する (指定しない項目はそのまま)"),
    ("A new name", "新しい名前"),
    ("Ask for a new password of the service account", "サービスアカウントの新しいパスワードを尋ねる"),
    ("Ask a calendar server again that was switched off", "止めたゲートウェイの問い合わせを再開する"),
    (
        "Ask a calendar server no more; its meetings show no longer",
        "ゲートウェイの問い合わせを止める (その会議は表示されなくなる)",
    ),
    ("Change a user; what is not given stays", "ユーザーを変更する (指定しない項目はそのまま)"),
    ("true or false; without it, what holds is shown", "true または false。省略すると現在の値を表示"),
    ("Remove a gateway", "ゲートウェイを削除する"),
    ("List settings", "設定を一覧する"),
    ("Change a setting", "設定を変更する"),
    ("The setting's key", "設定のキー"),
    (
        "The new value; \"none\" for no limit, \"default\" for the default",
        "新しい値。無制限は \"none\"、既定値に戻すには \"default\"",
    ),
];

/// The texts of all commands, file by file.
const PARTS: &[&[(&str, &str)]] = &[
    TEXTS,
    alarms::TEXTS,
    alarm_targets::TEXTS,
    certificates::TEXTS,
    trust::TEXTS,
    acme::TEXTS,
    diagnostics::TEXTS,
    directories::TEXTS,
    jobs::TEXTS,
    admins::TEXTS,
    provider::TEXTS,
    tokens::TEXTS,
    audit::TEXTS,
    doctor::TEXTS,
    profiles::TEXTS,
    people::TEXTS,
    services::TEXTS,
    addresses::TEXTS,
];

/// How a help page is laid out in Japanese; clap's own headings are English.
const JAPANESE_PAGE: &str = "{about-with-newline}\n使い方: {usage}\n\n{all-args}{after-help}";

fn japanese(text: &str) -> Option<&'static str> {
    let mut all = PARTS.iter().flat_map(|texts| texts.iter());
    all.find(|(en, _)| *en == text).map(|(_, ja)| *ja)
}

/// The command tree with its texts in `lang`.
pub fn command(lang: Lang) -> clap::Command {
    match lang {
        Lang::En => Cli::command(),
        Lang::Ja => translate(Cli::command()),
    }
}

fn translate(mut command: clap::Command) -> clap::Command {
    if let Some(ja) = command.get_about().map(ToString::to_string).as_deref().and_then(japanese) {
        command = command.about(ja);
    }
    if let Some(ja) = command.get_after_help().map(ToString::to_string).as_deref().and_then(japanese) {
        command = command.after_help(ja);
    }
    command = command.help_template(JAPANESE_PAGE).subcommand_help_heading("コマンド");
    command = command.mut_args(|arg| {
        let arg = match arg.get_help().map(ToString::to_string).as_deref().and_then(japanese) {
            Some(ja) => arg.help(ja),
            None => arg,
        };
        let heading = if arg.is_positional() { "引数" } else { "オプション" };
        arg.help_heading(heading)
    });
    command.mut_subcommands(translate)
}

/// Parses the process's arguments.
pub fn parse(lang: Lang) -> Result<Cli, clap::Error> {
    Cli::from_arg_matches(&command(lang).try_get_matches()?)
}

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;

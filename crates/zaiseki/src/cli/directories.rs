//! `directory …`, and the commands of users that go with directories.

use super::args::{Names, PasswordSource};
use super::console::Console;
use super::show::View;
use super::{Plan, escape, password_of, read_file};
use anyhow::{Context, Result};
use clap::{ArgAction, Args, Subcommand};
use hyper::Method;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

#[derive(Subcommand, Debug)]
pub enum DirectoryCommand {
    /// Add a directory
    Add(Box<NewDirectory>),
    /// List directories and how they are
    List,
    /// Show a directory
    Show(DirectoryName),
    /// Change a directory; what is not given stays
    Set(Box<ChangedDirectory>),
    /// Replace a directory's whole configuration; what is not given takes its default
    Replace(Box<ChangedDirectory>),
    /// Synchronise a directory at its times
    Enable(DirectoryName),
    /// Synchronise a directory only when asked for
    Disable(DirectoryName),
    /// Test every server of a directory: connection, TLS, sign-in, base, users
    Test(DirectoryName),
    /// Perform a full synchronisation now
    Sync {
        #[command(flatten)]
        who: DirectoryName,
        /// Only tell what would change
        #[arg(long)]
        dry_run: bool,
        /// Begin it and do not wait for its end
        #[arg(long)]
        background: bool,
    },
    /// Show what the last dry run found
    Preview {
        #[command(flatten)]
        who: DirectoryName,
        /// Only one action: create, update, rename, adopt, missing, return or remove
        #[arg(long)]
        action: Option<String>,
        /// Go on from here: the number at the end of the page before
        #[arg(long, value_name = "NUMBER")]
        after: Option<usize>,
    },
    /// List users whose entries are gone, and old entries
    Leftovers(DirectoryName),
    /// List the entries that made or changed no user
    Problems(DirectoryName),
    /// List the entries that are left out
    LeftOut {
        #[command(flatten)]
        who: DirectoryName,
        /// Take the entry at this place in again
        #[arg(long, value_name = "PLACE")]
        take: Option<String>,
    },
    /// Remove a directory; its users stay
    Remove(DirectoryName),
}

#[derive(Args, Debug)]
pub struct DirectoryName {
    /// The directory's name
    pub name: String,
}

#[derive(Args, Debug)]
pub struct NewDirectory {
    /// The directory's name
    pub name: String,
    #[command(flatten)]
    pub options: DirectoryOptions,
    #[command(flatten)]
    pub password: PasswordSource,
}

/// Changes of a directory.
#[derive(Args, Debug)]
pub struct ChangedDirectory {
    /// The directory's name
    pub name: String,
    /// A new name
    #[arg(long, value_name = "NAME")]
    pub rename: Option<String>,
    #[command(flatten)]
    pub options: DirectoryOptions,
    /// Ask for a new password of the account that reads
    #[arg(long)]
    pub password: bool,
    /// Read the password from standard input instead of asking
    #[arg(long, conflicts_with = "password")]
    pub password_stdin: bool,
}

/// The fields of `zaiseki_directory::LdapConfig`, of `zaiseki_axl::AxlConfig` and of the synchronisation's rules; which a
/// kind takes is checked by the node.
#[derive(Args, Debug)]
pub struct DirectoryOptions {
    /// Kind of directory: ldap (also Active Directory) or unified-cm
    #[arg(long)]
    pub kind: Option<String>,
    /// Unified CM: the application user who reads
    #[arg(long)]
    pub username: Option<String>,
    /// Unified CM: the servers' own certificates to trust (PEM)
    #[arg(long, value_name = "FILE", conflicts_with = "ca")]
    pub certificate: Option<PathBuf>,
    /// Unified CM: which users are read: enabled (for IM and presence), home or all
    #[arg(long)]
    pub users: Option<String>,
    /// Unified CM: version of AXL to begin with, such as 12.0
    #[arg(long)]
    pub axl_version: Option<String>,
    /// A JSON file with the directory's configuration; other options change it
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// A server, host or host:port; several are tried in turn
    #[arg(long = "server", value_name = "HOST")]
    pub servers: Vec<String>,
    /// Where the users stand: a DN
    #[arg(long)]
    pub base: Option<String>,
    /// The account that reads: a DN; none for anonymous access
    #[arg(long)]
    pub bind_dn: Option<String>,
    /// starttls, tls or none
    #[arg(long)]
    pub security: Option<String>,
    /// Certificate authorities to trust instead of the system's (PEM)
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Usual attributes: inet-org-person or active-directory
    #[arg(long)]
    pub schema: Option<String>,
    /// subtree or one-level
    #[arg(long)]
    pub scope: Option<String>,
    /// Which entries are users (RFC 4515)
    #[arg(long)]
    pub filter: Option<String>,
    /// An attribute other than the usual: field=attribute, such as name=employeeNumber
    #[arg(long = "attribute", value_name = "FIELD=ATTRIBUTE")]
    pub attributes: Vec<String>,
    /// Country code of telephone numbers without one, such as 81
    #[arg(long)]
    pub country_code: Option<String>,
    /// Entries asked for at once
    #[arg(long)]
    pub page_size: Option<u32>,
    /// Follow referrals to other servers: true or false
    #[arg(long, action = ArgAction::Set, hide_possible_values = true)]
    pub follow_referrals: Option<bool>,
    /// Minutes from one synchronisation to the next
    #[arg(long)]
    pub every_minutes: Option<u32>,
    /// Time of day (UTC) of one of them: HH:MM
    #[arg(long)]
    pub at: Option<String>,
    /// Unified CM: minutes between two looks at what has changed; 0: none
    #[arg(long)]
    pub changes_minutes: Option<u32>,
    /// Hours until a user whose entry is gone is removed
    #[arg(long)]
    pub grace_hours: Option<u32>,
    /// Enable new users for IM and presence: true or false
    #[arg(long, action = ArgAction::Set, hide_possible_values = true)]
    pub enable_new: Option<bool>,
    /// Take over accounts of the built-in directory: true or false
    #[arg(long, action = ArgAction::Set, hide_possible_values = true)]
    pub adopt: Option<bool>,
    /// Percentage of users that may be gone at once
    #[arg(long)]
    pub brake_percent: Option<u32>,
}

/// Who is enabled for IM and presence, or not any more.
#[derive(Args, Debug)]
pub struct ImUsers {
    /// User ids
    #[arg(value_name = "NAME", required_unless_present_any = ["all", "search", "from"])]
    pub names: Vec<String>,
    /// A file with one user id in each line
    #[arg(long, value_name = "FILE", conflicts_with_all = ["all", "search"])]
    pub from: Option<PathBuf>,
    /// Everybody
    #[arg(long, conflicts_with_all = ["names", "search"])]
    pub all: bool,
    /// Everybody with this in their id, name or mail address
    #[arg(long, conflicts_with = "names")]
    pub search: Option<String>,
}

/// Who keeps a value that several users have.
#[derive(Args, Debug)]
pub struct Resolve {
    /// user-id, mail or directory-uri
    pub field: String,
    /// The value
    pub value: String,
    /// Who keeps it: a user id, or the place of an entry
    #[arg(long)]
    pub keep: String,
    /// The directory, for a user id
    #[arg(long)]
    pub directory: Option<String>,
}

/// Texts of the help, English and Japanese.
pub const TEXTS: &[(&str, &str)] = &[
    (
        "Directories that users come from: LDAP, Active Directory, Unified CM",
        "ユーザーの取得元ディレクトリー (LDAP、Active Directory、Unified CM)",
    ),
    ("Add a directory", "ディレクトリーを追加する"),
    (
        "Kind of directory: ldap (also Active Directory) or unified-cm",
        "ディレクトリーの種類: ldap (Active Directory を含む) または unified-cm",
    ),
    ("Unified CM: the application user who reads", "Unified CM: 読み取り用のアプリケーションユーザー"),
    ("Unified CM: the servers' own certificates to trust (PEM)", "Unified CM: 信頼するサーバー証明書そのもの (PEM)"),
    (
        "Unified CM: which users are read: enabled (for IM and presence), home or all",
        "Unified CM: 取得するユーザー: enabled (IM とプレゼンスが有効)、home または all",
    ),
    ("Unified CM: version of AXL to begin with, such as 12.0", "Unified CM: 最初に使う AXL の版 (例: 12.0)"),
    ("List directories and how they are", "ディレクトリーとその状態を一覧する"),
    ("Show a directory", "ディレクトリーを表示する"),
    ("Change a directory; what is not given stays", "ディレクトリーを変更する (指定しない項目はそのまま)"),
    (
        "Replace a directory's whole configuration; what is not given takes its default",
        "ディレクトリーの設定全体を置き換える (指定しない項目は既定値)",
    ),
    ("Synchronise a directory at its times", "ディレクトリーを定期的に同期する"),
    ("Synchronise a directory only when asked for", "ディレクトリーを指示したときだけ同期する"),
    (
        "Test every server of a directory: connection, TLS, sign-in, base, users",
        "ディレクトリーの全サーバーを検査する: 接続、TLS、サインイン、検索ベース、ユーザー",
    ),
    ("Perform a full synchronisation now", "今すぐ完全同期を行う"),
    ("Only tell what would change", "変更内容を表示するだけで実行しない"),
    ("Begin it and do not wait for its end", "開始だけして終了を待たない"),
    ("Go on from here: the number at the end of the page before", "続きの開始位置 (前のページの末尾の数字)"),
    ("Show what the last dry run found", "前回の試行の結果を表示する"),
    (
        "Only one action: create, update, rename, adopt, missing, return or remove",
        "1 種類の変更だけ: create、update、rename、adopt、missing、return、remove",
    ),
    ("List users whose entries are gone, and old entries", "エントリーが消えたユーザーと、残っている古いエントリーを一覧する"),
    ("List the entries that made or changed no user", "ユーザーにならなかったエントリーを一覧する"),
    ("List the entries that are left out", "除外したエントリーを一覧する"),
    ("Take the entry at this place in again", "この場所のエントリーの除外を取り消す"),
    ("Remove a directory; its users stay", "ディレクトリーを削除する (ユーザーは残る)"),
    ("The directory's name", "ディレクトリーの名前"),
    ("Ask for a new password of the account that reads", "読み取り用アカウントの新しいパスワードを尋ねる"),
    (
        "A JSON file with the directory's configuration; other options change it",
        "ディレクトリーの設定を書いた JSON ファイル。ほかのオプションが優先する",
    ),
    ("A server, host or host:port; several are tried in turn", "サーバー (ホスト または ホスト:ポート)。複数あれば順に試す"),
    ("Where the users stand: a DN", "ユーザーの検索ベース (DN)"),
    ("The account that reads: a DN; none for anonymous access", "読み取り用アカウント (DN)。匿名アクセスでは省略"),
    ("starttls, tls or none", "starttls、tls または none"),
    ("Usual attributes: inet-org-person or active-directory", "標準の属性: inet-org-person または active-directory"),
    ("subtree or one-level", "subtree または one-level"),
    ("Which entries are users (RFC 4515)", "ユーザーを選ぶフィルター (RFC 4515)"),
    (
        "An attribute other than the usual: field=attribute, such as name=employeeNumber",
        "標準と異なる属性: 項目=属性 (例: name=employeeNumber)",
    ),
    ("Country code of telephone numbers without one, such as 81", "国番号のない電話番号の国番号 (例: 81)"),
    ("Entries asked for at once", "一度に取得するエントリー数"),
    ("Follow referrals to other servers: true or false", "ほかのサーバーへの参照をたどる: true または false"),
    ("Minutes from one synchronisation to the next", "同期の間隔 (分)"),
    ("Time of day (UTC) of one of them: HH:MM", "同期の基準時刻 (UTC): HH:MM"),
    (
        "Unified CM: minutes between two looks at what has changed; 0: none",
        "Unified CM: 変更を問い合わせる間隔 (分)。0 の場合は問い合わせない",
    ),
    ("Hours until a user whose entry is gone is removed", "エントリーが消えたユーザーを削除するまでの時間"),
    ("Enable new users for IM and presence: true or false", "新しいユーザーの IM とプレゼンスを有効にする: true または false"),
    (
        "Take over accounts of the built-in directory: true or false",
        "内蔵ディレクトリーのアカウントを引き継ぐ: true または false",
    ),
    ("Percentage of users that may be gone at once", "一度に消えてよいユーザーの割合 (%)"),
    ("Enable users for IM and presence", "ユーザーの IM とプレゼンスを有効にする"),
    ("Disable users for IM and presence; sessions end", "ユーザーの IM とプレゼンスを無効にする (接続中のセッションは終了)"),
    ("User ids", "ユーザー ID"),
    ("A file with one user id in each line", "1 行に 1 つのユーザー ID を書いたファイル"),
    ("Everybody", "全員"),
    ("Everybody with this in their id, name or mail address", "ID、名前、メールアドレスにこの文字列を含む全員"),
    (
        "Show users' profiles: numbers, devices, home, directory",
        "ユーザーのプロフィールを表示する: 電話番号、デバイス、所属、ディレクトリー",
    ),
    (
        "Find duplicate user ids, mail addresses and directory URIs",
        "重複するユーザー ID、メールアドレス、ディレクトリー URI を探す",
    ),
    ("Say who keeps a value that several users have", "重複する値を誰が使うかを決める"),
    ("user-id, mail or directory-uri", "user-id、mail または directory-uri"),
    ("The value", "値"),
    ("Who keeps it: a user id, or the place of an entry", "値を使うユーザー ID、またはエントリーの場所"),
    ("The directory, for a user id", "ディレクトリー (ユーザー ID の場合)"),
];

pub fn directory_plan(command: DirectoryCommand, console: &mut Console<'_>) -> Result<Plan> {
    let path = |name: &str, rest: &str| format!("directories/{}{rest}", escape(name));
    let nothing = &Value::Null;
    let switch = |who: DirectoryName, enabled: bool| {
        Plan::one(View::Fields, Method::PATCH, path(&who.name, ""), &json!({ "enabled": enabled }))
    };
    Ok(match command {
        DirectoryCommand::Add(new) => {
            let mut config = service_config(&new.options)?;
            config.entry("kind").or_insert(json!("ldap"));
            let anonymous = new.options.bind_dn.is_none() && new.options.username.is_none();
            // A password without a name is for the node to refuse, not to be dropped.
            let none = anonymous && new.options.from.is_none() && !new.password.password_stdin;
            let secret = if none { None } else { password_of(new.password, console)? };
            let sync = sync_rules(&new.options);
            let body = json!({ "name": new.name, "config": config, "secret": secret, "sync": sync });
            Plan::one(View::Fields, Method::POST, "directories", &body)
        }
        DirectoryCommand::List => Plan::one(View::Directories, Method::GET, "directories", nothing),
        DirectoryCommand::Show(who) => Plan::one(View::Fields, Method::GET, path(&who.name, ""), nothing),
        DirectoryCommand::Set(set) => {
            let secret = (set.password || set.password_stdin).then(|| console.password(set.password_stdin)).transpose()?;
            let (config, sync) = (service_config(&set.options)?, sync_rules(&set.options));
            let body = json!({ "name": set.rename, "config": config, "secret": secret, "sync": sync });
            Plan::one(View::Fields, Method::PATCH, path(&set.name, ""), &body)
        }
        DirectoryCommand::Replace(set) => {
            let mut body = json!({ "name": set.rename.as_ref().unwrap_or(&set.name) });
            body["config"] = Value::Object(service_config(&set.options)?);
            body["sync"] = Value::Object(sync_rules(&set.options));
            if set.password || set.password_stdin {
                body["secret"] = json!(console.password(set.password_stdin)?);
            }
            Plan::one(View::Fields, Method::PUT, path(&set.name, ""), &body)
        }
        DirectoryCommand::Enable(who) => switch(who, true),
        DirectoryCommand::Disable(who) => switch(who, false),
        DirectoryCommand::Test(who) => Plan::one(View::ServerFindings, Method::POST, path(&who.name, "/test"), nothing),
        DirectoryCommand::Sync { who, dry_run, background: true } => {
            Plan::one(View::Fields, Method::POST, path(&who.name, "/start"), &json!({ "dry_run": dry_run }))
        }
        DirectoryCommand::Preview { who, action, after } => {
            let query = preview_query(action.as_deref(), after);
            Plan::one(View::Preview, Method::GET, path(&who.name, &format!("/preview{query}")), nothing)
        }
        DirectoryCommand::Leftovers(who) => Plan::one(View::Leftovers, Method::GET, path(&who.name, "/leftovers"), nothing),
        DirectoryCommand::Sync { who, dry_run, background: false } => {
            Plan::one(View::Sync, Method::POST, path(&who.name, "/sync"), &json!({ "dry_run": dry_run }))
        }
        DirectoryCommand::Problems(who) => Plan::one(View::EntryProblems, Method::GET, path(&who.name, "/problems"), nothing),
        DirectoryCommand::LeftOut { who, take: None } => {
            Plan::one(View::Lines, Method::GET, path(&who.name, "/left-out"), nothing)
        }
        DirectoryCommand::LeftOut { who, take: Some(place) } => {
            Plan::one(View::Lines, Method::POST, path(&who.name, "/left-out"), &json!({ "place": place }))
        }
        DirectoryCommand::Remove(who) => Plan::one(View::Fields, Method::DELETE, path(&who.name, ""), nothing),
    })
}

fn preview_query(action: Option<&str>, after: Option<usize>) -> String {
    let action = action.map(|action| format!("action={}", escape(action)));
    let parts: Vec<String> = action.into_iter().chain(after.map(|after| format!("after={after}"))).collect();
    if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) }
}

pub fn im_plan(users: &ImUsers, im: bool) -> Result<Plan> {
    let mut names = users.names.clone();
    if let Some(file) = &users.from {
        let text = String::from_utf8(read_file(file)?).with_context(|| file.display().to_string())?;
        names.extend(text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned));
    }
    let body = if users.all || users.search.is_some() {
        json!({ "im": im, "matching": { "search": users.search } })
    } else {
        json!({ "im": im, "users": names })
    };
    Ok(Plan::one(View::Im, Method::POST, "users:im", &body))
}

pub fn profile_plan(who: &Names) -> Plan {
    Plan::each(&who.names, &Method::GET, "/profile", &Value::Null)
}

pub fn duplicates_plan() -> Plan {
    Plan::one(View::Duplicates, Method::GET, "users:duplicates", &Value::Null)
}

pub fn resolve_plan(resolve: &Resolve) -> Plan {
    let mut body = json!({ "field": resolve.field, "value": resolve.value, "keep": resolve.keep });
    if let Some(directory) = &resolve.directory {
        body["directory"] = json!(directory);
    }
    Plan::one(View::Duplicates, Method::POST, "users:resolve", &body)
}

/// The file, if one is given, with what the options say.
fn service_config(options: &DirectoryOptions) -> Result<Map<String, Value>> {
    let mut config = match &options.from {
        Some(file) => serde_json::from_slice::<Map<String, Value>>(&read_file(file)?)
            .with_context(|| format!("{} is not a JSON object", file.display()))?,
        None => Map::new(),
    };
    let texts = [
        ("kind", &options.kind),
        ("username", &options.username),
        ("users", &options.users),
        ("version", &options.axl_version),
        ("base", &options.base),
        ("bind_dn", &options.bind_dn),
        ("security", &options.security),
        ("schema", &options.schema),
        ("scope", &options.scope),
        ("filter", &options.filter),
        ("country_code", &options.country_code),
    ];
    for (key, text) in texts {
        if let Some(text) = text {
            config.insert(key.to_owned(), json!(text));
        }
    }
    if !options.servers.is_empty() {
        config.insert("servers".to_owned(), json!(options.servers));
    }
    if !options.attributes.is_empty() {
        let mut map = Map::new();
        for pair in &options.attributes {
            let (field, attribute) = pair.split_once('=').with_context(|| format!("{pair}: FIELD=ATTRIBUTE"))?;
            map.insert(field.trim().to_owned(), json!(attribute.trim()));
        }
        config.insert("attributes".to_owned(), Value::Object(map));
    }
    for (key, file) in [("ca", &options.ca), ("certificate", &options.certificate)] {
        if let Some(file) = file {
            let pem = String::from_utf8(read_file(file)?).with_context(|| format!("{} is not PEM", file.display()))?;
            config.insert(key.to_owned(), json!(pem));
        }
    }
    if let Some(size) = options.page_size {
        config.insert("page_size".to_owned(), json!(size));
    }
    if let Some(follow) = options.follow_referrals {
        config.insert("follow_referrals".to_owned(), json!(follow));
    }
    Ok(config)
}

fn sync_rules(options: &DirectoryOptions) -> Map<String, Value> {
    let rules = [
        ("every_minutes", json!(options.every_minutes)),
        ("at", json!(options.at)),
        ("changes_minutes", json!(options.changes_minutes)),
        ("grace_hours", json!(options.grace_hours)),
        ("enable_new", json!(options.enable_new)),
        ("adopt", json!(options.adopt)),
        ("brake_percent", json!(options.brake_percent)),
    ];
    rules.into_iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key.to_owned(), value)).collect()
}

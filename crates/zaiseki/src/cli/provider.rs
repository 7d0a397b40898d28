//! `provider …`: the OpenID provider by which administrators sign in.

use super::Plan;
use super::console::Console;
use super::read_file;
use super::show::View;
use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

#[derive(Subcommand, Debug)]
pub enum ProviderCommand {
    /// Show how administrators sign in
    Show,
    /// Change how administrators sign in; what is not given stays
    Set(Box<ProviderOptions>),
    /// Ask the provider for what it says of itself, and for its keys
    Test,
}

#[derive(Args, Debug, Default)]
pub struct ProviderOptions {
    /// Whether the provider signs administrators in
    #[arg(long, value_name = "BOOL")]
    enabled: Option<bool>,
    /// Whether passwords are taken too
    #[arg(long, value_name = "BOOL")]
    local_sign_in: Option<bool>,
    /// Its name on the button of the sign-in page
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// Its address, exactly as its tokens name it
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
    /// The client that the console is registered as
    #[arg(long, value_name = "ID")]
    client_id: Option<String>,
    /// Read the client's secret from standard input
    #[arg(long)]
    secret_stdin: bool,
    /// Take the client's secret away
    #[arg(long, conflicts_with = "secret_stdin")]
    no_secret: bool,
    /// The console's address, to which the provider sends people back
    #[arg(long, value_name = "URL")]
    address: Option<String>,
    /// A PEM file with the provider's certificate authorities
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// What is asked for, with blanks between
    #[arg(long, value_name = "SCOPES")]
    scopes: Option<String>,
    /// The claim that holds an administrator's name
    #[arg(long, value_name = "CLAIM")]
    name_claim: Option<String>,
    /// Whether existing administrators are found by their name
    #[arg(long, value_name = "BOOL")]
    match_existing: Option<bool>,
    /// The claim that holds the groups
    #[arg(long, value_name = "CLAIM")]
    role_claim: Option<String>,
    /// A group and its role, as im-admins=administrator; several times; they replace those before
    #[arg(long, value_name = "GROUP=ROLE")]
    role: Vec<String>,
    /// No group has a role any more
    #[arg(long, conflicts_with = "role")]
    no_roles: bool,
    /// How many seconds the provider's clock may differ
    #[arg(long, value_name = "SECONDS")]
    leeway_secs: Option<u32>,
}

/// Texts of the help, English and Japanese.
pub const TEXTS: &[(&str, &str)] = &[
    ("The OpenID provider by which administrators sign in", "管理者がサインインに使う OpenID プロバイダー"),
    ("Show how administrators sign in", "管理者のサインイン方法を表示する"),
    (
        "Change how administrators sign in; what is not given stays",
        "管理者のサインイン方法を変更する (指定しないものは変わらない)",
    ),
    ("Ask the provider for what it says of itself, and for its keys", "プロバイダーの情報と鍵を問い合わせる"),
    ("Whether the provider signs administrators in", "プロバイダーによるサインインの有無"),
    ("Whether passwords are taken too", "パスワードでのサインインも許可するか"),
    ("Its name on the button of the sign-in page", "サインインページのボタンに表示する名前"),
    ("Its address, exactly as its tokens name it", "プロバイダーのアドレス (トークンの iss と同じ表記)"),
    ("The client that the console is registered as", "プロバイダーに登録したコンソールのクライアント ID"),
    ("Read the client's secret from standard input", "クライアントシークレットを標準入力から読む"),
    ("Take the client's secret away", "クライアントシークレットを削除する"),
    ("The console's address, to which the provider sends people back", "プロバイダーから戻る先となるコンソールのアドレス"),
    ("A PEM file with the provider's certificate authorities", "プロバイダーの認証局の PEM ファイル"),
    ("What is asked for, with blanks between", "要求するスコープ (空白区切り)"),
    ("The claim that holds an administrator's name", "管理者の名前を表す項目"),
    ("Whether existing administrators are found by their name", "既存の管理者を名前で照合するか"),
    ("The claim that holds the groups", "グループを表す項目"),
    (
        "A group and its role, as im-admins=administrator; several times; they replace those before",
        "グループと役割 (例: im-admins=administrator)。複数指定可、以前の指定は置き換わる",
    ),
    ("No group has a role any more", "グループの役割をすべて外す"),
    ("How many seconds the provider's clock may differ", "プロバイダーの時計とのずれの許容秒数"),
    ("Forget who an administrator is at the provider; sessions end", "プロバイダーとの関連付けを解除する (セッションは終了)"),
];

pub fn plan(command: ProviderCommand, console: &mut Console<'_>) -> Result<Plan> {
    Ok(match command {
        ProviderCommand::Show => Plan::one(View::Fields, Method::GET, "admin-provider", &Value::Null),
        ProviderCommand::Test => Plan::one(View::ProviderTest, Method::POST, "admin-provider/test", &Value::Null),
        ProviderCommand::Set(options) => Plan::one(View::Fields, Method::PATCH, "admin-provider", &change(&options, console)?),
    })
}

fn change(options: &ProviderOptions, console: &mut Console<'_>) -> Result<Value> {
    let ca = options.ca.as_deref().map(read_file).transpose()?.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let given = [
        ("enabled", json!(options.enabled)),
        ("local_sign_in", json!(options.local_sign_in)),
        ("title", json!(options.title)),
        ("issuer", json!(options.issuer)),
        ("client_id", json!(options.client_id)),
        ("address", json!(options.address)),
        ("ca", json!(ca)),
        ("scopes", json!(options.scopes)),
        ("name_claim", json!(options.name_claim)),
        ("match_existing", json!(options.match_existing)),
        ("role_claim", json!(options.role_claim)),
        ("leeway_secs", json!(options.leeway_secs)),
    ];
    let mut config: Map<String, Value> =
        given.into_iter().filter(|(_, value)| !value.is_null()).map(|(key, value)| (key.to_owned(), value)).collect();
    if options.no_roles || !options.role.is_empty() {
        config.insert("roles".to_owned(), json!(rules(&options.role, console)?));
    }
    let mut change = json!({ "config": config });
    if options.secret_stdin {
        change["secret"] = json!(console.password(true)?);
    } else if options.no_secret {
        change["secret"] = json!("");
    }
    Ok(change)
}

/// The group may hold `=` itself.
fn rules(given: &[String], console: &Console<'_>) -> Result<Vec<Value>> {
    let rule = |text: &String| match text.rsplit_once('=') {
        Some((value, role)) => Ok(json!({ "value": value.trim(), "role": role.trim() })),
        None => bail!(console.say(format!("{text}: must be GROUP=ROLE"), format!("{text}: GROUP=ROLE の形で指定してください"))),
    };
    given.iter().map(rule).collect()
}

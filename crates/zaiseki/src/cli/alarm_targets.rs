//! `alarm-target …`: the places outside that alarms are sent to.

use super::console::Console;
use super::show::View;
use super::{Plan, escape, read_file};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Map, Value, json};
use std::path::PathBuf;

#[derive(Subcommand, Debug)]
pub enum AlarmTargetCommand {
    /// Add a target
    Add(Box<NewTarget>),
    /// List targets and how they are
    List,
    /// Show a target
    Show(TargetName),
    /// Change a target; what is not given stays
    Set(Box<ChangedTarget>),
    /// Send a test to a target
    Test(TargetName),
    /// Send alarms to a target again
    Enable(TargetName),
    /// Send no more alarms to a target
    Disable(TargetName),
    /// Remove a target
    Remove(TargetName),
}

#[derive(Args, Debug)]
pub struct TargetName {
    /// The target's name
    pub name: String,
}

#[derive(Args, Debug)]
pub struct NewTarget {
    /// The target's name
    pub name: String,
    /// Kind of target: syslog, mail or webhook
    #[arg(long)]
    pub kind: String,
    #[command(flatten)]
    pub options: TargetOptions,
}

#[derive(Args, Debug)]
pub struct ChangedTarget {
    /// The target's name
    pub name: String,
    /// A new name
    #[arg(long, value_name = "NAME")]
    pub rename: Option<String>,
    #[command(flatten)]
    pub options: TargetOptions,
}

#[derive(Args, Debug)]
pub struct TargetOptions {
    /// Syslog, mail: the server
    #[arg(long)]
    pub host: Option<String>,
    /// Syslog, mail: its port, when it is not the usual one
    #[arg(long)]
    pub port: Option<u16>,
    /// Syslog: tls (default), tcp or udp
    #[arg(long)]
    pub transport: Option<String>,
    /// Mail: starttls (default), tls or none
    #[arg(long)]
    pub security: Option<String>,
    /// Mail: the account to sign in with
    #[arg(long)]
    pub username: Option<String>,
    /// Mail: address of the sender
    #[arg(long, value_name = "ADDRESS")]
    pub from: Option<String>,
    /// Mail: address of a receiver; may be given more than once
    #[arg(long, value_name = "ADDRESS")]
    pub to: Vec<String>,
    /// Webhook: where to post
    #[arg(long)]
    pub url: Option<String>,
    /// Certificate authorities to trust instead of the system's (PEM)
    #[arg(long, value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// Send only what is at least so bad: info, warning (default), error or critical
    #[arg(long)]
    pub severity: Option<String>,
    /// Language of what is sent: en (default) or ja
    #[arg(long)]
    pub language: Option<String>,
    /// Ask for the password (mail) or the signing key (webhook)
    #[arg(long)]
    pub secret: bool,
    /// Read the password or key from standard input instead of asking
    #[arg(long, conflicts_with = "secret")]
    pub secret_stdin: bool,
}

/// Texts of the help, English and Japanese.
pub const TEXTS: &[(&str, &str)] = &[
    ("Where alarms are sent: syslog, mail, webhooks", "アラームの送信先 (syslog、メール、Webhook)"),
    ("Add a target", "送信先を追加する"),
    ("List targets and how they are", "送信先とその状態を一覧する"),
    ("Show a target", "送信先を表示する"),
    ("Change a target; what is not given stays", "送信先を変更する (指定しない項目はそのまま)"),
    ("Send a test to a target", "送信先にテストを送る"),
    ("Send alarms to a target again", "送信を再開する"),
    ("Send no more alarms to a target", "送信を止める"),
    ("Remove a target", "送信先を削除する"),
    ("The target's name", "送信先の名前"),
    ("Kind of target: syslog, mail or webhook", "種類: syslog、mail または webhook"),
    ("Syslog, mail: the server", "syslog、メール: サーバー"),
    ("Syslog, mail: its port, when it is not the usual one", "syslog、メール: 標準以外のポート"),
    ("Syslog: tls (default), tcp or udp", "syslog: tls (既定値)、tcp または udp"),
    ("Mail: starttls (default), tls or none", "メール: starttls (既定値)、tls または none"),
    ("Mail: the account to sign in with", "メール: サインインするアカウント"),
    ("Mail: address of the sender", "メール: 差出人のアドレス"),
    ("Mail: address of a receiver; may be given more than once", "メール: 宛先のアドレス (複数指定可)"),
    ("Webhook: where to post", "Webhook: 送信先の URL"),
    (
        "Send only what is at least so bad: info, warning (default), error or critical",
        "この重大度以上だけを送る: info (情報)、warning (警告、既定値)、error (エラー) または critical (重大)",
    ),
    ("Language of what is sent: en (default) or ja", "送信する文の言語: en (既定値) または ja"),
    ("Ask for the password (mail) or the signing key (webhook)", "パスワード (メール) または署名鍵 (Webhook) を尋ねる"),
    ("Read the password or key from standard input instead of asking", "パスワードまたは鍵を尋ねず標準入力から読む"),
];

pub fn plan(command: AlarmTargetCommand, console: &mut Console<'_>) -> Result<Plan> {
    let nothing = &Value::Null;
    let path = |name: &str, rest: &str| format!("alarm-targets/{}{rest}", escape(name));
    let switch = |name: &str, on: bool| Plan::one(View::Fields, Method::PATCH, path(name, ""), &json!({ "enabled": on }));
    Ok(match command {
        AlarmTargetCommand::Add(new) => {
            let mut body = body(&new.options, console)?;
            body.insert("name".to_owned(), json!(new.name));
            body["config"]["kind"] = json!(new.kind);
            Plan::one(View::Fields, Method::POST, "alarm-targets", &Value::Object(body))
        }
        AlarmTargetCommand::Set(set) => {
            let mut body = body(&set.options, console)?;
            if let Some(name) = &set.rename {
                body.insert("name".to_owned(), json!(name));
            }
            Plan::one(View::Fields, Method::PATCH, path(&set.name, ""), &Value::Object(body))
        }
        AlarmTargetCommand::List => Plan::one(View::AlarmTargets, Method::GET, "alarm-targets", nothing),
        AlarmTargetCommand::Show(target) => Plan::one(View::Fields, Method::GET, path(&target.name, ""), nothing),
        AlarmTargetCommand::Test(target) => Plan::one(View::Sent, Method::POST, path(&target.name, "/test"), nothing),
        AlarmTargetCommand::Enable(target) => switch(&target.name, true),
        AlarmTargetCommand::Disable(target) => switch(&target.name, false),
        AlarmTargetCommand::Remove(target) => Plan::one(View::Fields, Method::DELETE, path(&target.name, ""), nothing),
    })
}

/// Only what was typed.
fn body(options: &TargetOptions, console: &mut Console<'_>) -> Result<Map<String, Value>> {
    let texts = [
        ("host", &options.host),
        ("transport", &options.transport),
        ("security", &options.security),
        ("username", &options.username),
        ("from", &options.from),
        ("url", &options.url),
    ];
    let mut config: Map<String, Value> =
        texts.into_iter().filter_map(|(key, text)| Some((key.to_owned(), json!(text.as_ref()?)))).collect();
    if let Some(port) = options.port {
        config.insert("port".to_owned(), json!(port));
    }
    if !options.to.is_empty() {
        config.insert("to".to_owned(), json!(options.to));
    }
    if let Some(file) = &options.ca {
        let pem = String::from_utf8(read_file(file)?).with_context(|| format!("{} is not PEM", file.display()))?;
        config.insert("ca_pem".to_owned(), json!(pem));
    }
    let mut body = Map::from_iter([("config".to_owned(), Value::Object(config))]);
    for (key, text) in [("severity", &options.severity), ("language", &options.language)] {
        if let Some(text) = text {
            body.insert(key.to_owned(), json!(text));
        }
    }
    if options.secret || options.secret_stdin {
        body.insert("secret".to_owned(), json!(console.password(options.secret_stdin)?));
    }
    Ok(body)
}

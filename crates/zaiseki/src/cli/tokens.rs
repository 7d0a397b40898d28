//! `token …`: API tokens for programs.

use super::show::View;
use super::{Plan, escape};
use clap::Subcommand;
use hyper::Method;
use serde_json::{Value, json};

#[derive(Subcommand, Debug)]
pub enum TokenCommand {
    /// Make an API token; its secret is shown this once
    Add {
        /// The token's name
        name: String,
        /// Whose it is to be
        #[arg(long)]
        admin: String,
        /// A right it has, such as users:read; may be given several times
        #[arg(long = "scope", value_name = "RIGHT", required = true)]
        scopes: Vec<String>,
        /// Days until it expires; without them it does not
        #[arg(long)]
        days: Option<u32>,
    },
    /// List API tokens
    List {
        /// Everybody's, as is usual on the host
        #[arg(long)]
        all: bool,
    },
    /// Remove an API token; whoever uses it is refused from now on
    Remove {
        /// The token's id
        id: String,
    },
}

/// Texts of the help, English and Japanese.
pub const TEXTS: &[(&str, &str)] = &[
    ("API tokens for programs", "プログラム用の API トークン"),
    ("Make an API token; its secret is shown this once", "API トークンを作る (秘密の値は一度だけ表示)"),
    ("The token's name", "トークンの名前"),
    ("Whose it is to be", "トークンの持ち主の管理者"),
    ("A right it has, such as users:read; may be given several times", "与える権限 (例: users:read)。複数指定可"),
    ("Days until it expires; without them it does not", "有効な日数。省略すると無期限"),
    ("List API tokens", "API トークンを一覧する"),
    ("Everybody's, as is usual on the host", "全員のトークン (ホスト上では省略しても同じ)"),
    ("Remove an API token; whoever uses it is refused from now on", "API トークンを削除する (以後は使えなくなる)"),
    ("The token's id", "トークンの ID"),
];

pub fn plan(command: TokenCommand) -> Plan {
    let nothing = &Value::Null;
    match command {
        TokenCommand::Add { name, admin, scopes, days } => {
            let body = json!({ "name": name, "admin": admin, "scopes": scopes, "days": days });
            Plan::one(View::MadeToken, Method::POST, "tokens", &body)
        }
        TokenCommand::List { all } => {
            let path = if all { "tokens?all=true" } else { "tokens" };
            Plan::one(View::Tokens, Method::GET, path, nothing)
        }
        TokenCommand::Remove { id } => Plan::one(View::Fields, Method::DELETE, format!("tokens/{}", escape(&id)), nothing),
    }
}

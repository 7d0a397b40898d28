//! `audit …`: who changed what.

use super::show::View;
use super::{Plan, escape};
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::Value;

/// Lines that are shown when nobody says how many.
const USUAL: usize = 100;
/// Lines of one request, for `--all`.
const PAGE: usize = 500;

#[derive(Subcommand, Debug)]
pub enum AuditCommand {
    /// Read the audit log, newest first
    List(Filter),
}

#[derive(Args, Debug)]
pub struct Filter {
    /// Only what this one did, such as admin:hanako or local:root
    #[arg(long)]
    pub actor: Option<String>,
    /// Only what was done to this, such as user:taro
    #[arg(long)]
    pub object: Option<String>,
    /// Only this action, such as user.create, or all that begin so, such as user
    #[arg(long)]
    pub action: Option<String>,
    /// From this time on, such as 2027-01-31T00:00:00Z
    #[arg(long, value_name = "TIME")]
    pub from: Option<String>,
    /// Before this time
    #[arg(long, value_name = "TIME")]
    pub to: Option<String>,
    /// Lines, 1 to 500 (default 100)
    #[arg(long, value_name = "LINES")]
    pub limit: Option<usize>,
    /// Only lines before the one with this id
    #[arg(long, value_name = "ID")]
    pub before: Option<i64>,
    /// All lines
    #[arg(long, conflicts_with = "limit")]
    pub all: bool,
}

/// Texts of the help, English and Japanese.
pub const TEXTS: &[(&str, &str)] = &[
    ("The audit log: who changed what", "監査ログ (誰が何を変更したか)"),
    ("Read the audit log, newest first", "監査ログを新しい順に読む"),
    ("Only what this one did, such as admin:hanako or local:root", "この操作者だけ (例: admin:hanako、local:root)"),
    ("Only what was done to this, such as user:taro", "この対象だけ (例: user:taro)"),
    (
        "Only this action, such as user.create, or all that begin so, such as user",
        "この操作だけ (例: user.create、または user で始まるすべて)",
    ),
    ("From this time on, such as 2027-01-31T00:00:00Z", "この時刻以降 (例: 2027-01-31T00:00:00Z)"),
    ("Before this time", "この時刻より前"),
    ("Lines, 1 to 500 (default 100)", "行数 (1～500、既定値 100)"),
    ("Only lines before the one with this id", "この ID より前の行だけ"),
    ("All lines", "すべての行"),
];

pub fn plan(command: AuditCommand) -> Plan {
    let AuditCommand::List(filter) = command;
    let limit = if filter.all { PAGE } else { filter.limit.unwrap_or(USUAL) };
    let mut path = format!("audit?limit={limit}");
    let before = filter.before.map(|id| id.to_string());
    let texts = [
        ("actor", filter.actor),
        ("object", filter.object),
        ("action", filter.action),
        ("from", filter.from),
        ("to", filter.to),
        ("before", before),
    ];
    for (key, text) in texts {
        if let Some(text) = text {
            path.push_str(&format!("&{key}={}", escape(&text)));
        }
    }
    let plan = Plan::one(View::Audit, Method::GET, path, &Value::Null);
    if filter.all { plan } else { plan.first_page() }
}

//! `log-level` and `trace …`: a closer look, for a time.

use super::show::View;
use super::{Plan, escape};
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};

#[derive(Args, Debug)]
pub struct LogLevel {
    /// error, warn, info, debug or trace; "usual" for that of the configuration; without it, what holds is shown
    pub level: Option<String>,
    /// Minutes until it goes back by itself, 1 to 1440 (default 15)
    #[arg(long = "for", value_name = "MINUTES")]
    pub minutes: Option<u32>,
}

#[derive(Subcommand, Debug)]
pub enum TraceCommand {
    /// Trace the stanzas of a user; what people wrote is not kept
    Start {
        /// The user id
        user: String,
        /// Minutes until it ends by itself, 1 to 60 (default 10)
        #[arg(long = "for", value_name = "MINUTES")]
        minutes: Option<u32>,
    },
    /// List the traces of the last hour
    List,
    /// Show what was traced; that you read it stands in the audit log
    Show {
        /// The user id
        user: String,
    },
    /// Stop a trace; it can be read for an hour more
    Stop {
        /// The user id
        user: String,
    },
}

/// Texts of the help, English and Japanese.
pub const TEXTS: &[(&str, &str)] = &[
    ("Show the log level of the node, or change it for some time", "ノードのログレベルを表示、または一時的に変更する"),
    (
        "error, warn, info, debug or trace; \"usual\" for that of the configuration; without it, what holds is shown",
        "error、warn、info、debug または trace。\"usual\" は設定ファイルのレベル。省略すると現在の値を表示",
    ),
    ("Minutes until it goes back by itself, 1 to 1440 (default 15)", "自動的に元に戻るまでの分数 (1～1440、既定値 15)"),
    ("Traces of one user's stanzas, for support", "ユーザーのスタンザのトレース (サポート用)"),
    ("Trace the stanzas of a user; what people wrote is not kept", "ユーザーのスタンザをトレースする (本文は記録しない)"),
    ("Minutes until it ends by itself, 1 to 60 (default 10)", "自動的に終わるまでの分数 (1～60、既定値 10)"),
    ("List the traces of the last hour", "過去 1 時間のトレースを一覧する"),
    ("Show what was traced; that you read it stands in the audit log", "トレースの内容を表示する (閲覧したことは監査ログに残る)"),
    ("Stop a trace; it can be read for an hour more", "トレースを停止する (1 時間は内容を表示できる)"),
];

pub fn log_level_plan(asked: &LogLevel) -> Plan {
    const PATH: &str = "diagnostics/log-level";
    let Some(level) = &asked.level else { return Plan::one(View::Fields, Method::GET, PATH, &Value::Null) };
    let level = Some(level).filter(|level| *level != "usual");
    Plan::one(View::Fields, Method::PUT, PATH, &json!({ "level": level, "minutes": asked.minutes }))
}

pub fn trace_plan(command: TraceCommand) -> Plan {
    let nothing = &Value::Null;
    let path = |user: &str, what: &str| format!("diagnostics/traces/{}/{what}", escape(user));
    match command {
        TraceCommand::Start { user, minutes } => {
            Plan::one(View::Fields, Method::POST, "diagnostics/traces", &json!({ "user": user, "minutes": minutes }))
        }
        TraceCommand::List => Plan::one(View::Traces, Method::GET, "diagnostics/traces", nothing),
        TraceCommand::Show { user } => Plan::one(View::Stanzas, Method::POST, path(&user, "read"), nothing),
        TraceCommand::Stop { user } => Plan::one(View::Fields, Method::POST, path(&user, "stop"), nothing),
    }
}

//! `job …`: long work in the background.

use super::show::View;
use super::{Plan, escape, read_file};
use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use hyper::Method;
use serde_json::{Value, json};
use std::path::PathBuf;

/// Jobs, or lines of a log, of one page.
const PAGE: usize = 500;

#[derive(Subcommand, Debug)]
pub enum JobCommand {
    /// List jobs, newest first
    List {
        /// Only these: scheduled, queued, waiting (both), running, cancelling, done, failed or cancelled
        #[arg(long)]
        state: Option<String>,
        /// Only jobs of this kind, such as users.im
        #[arg(long)]
        kind: Option<String>,
    },
    /// Ask for a job
    Create {
        /// What to do, such as users.im
        kind: String,
        /// A JSON file with what the job takes
        #[arg(long, value_name = "FILE")]
        input: PathBuf,
        /// Not before this time, such as 2027-01-31T22:00:00Z
        #[arg(long, value_name = "TIME")]
        at: Option<String>,
    },
    /// Show a job
    Show(JobId),
    /// End a job before its next step; what is done stays done
    Cancel(JobId),
    /// Show what a job says of its work
    Log(JobId),
}

#[derive(Args, Debug)]
pub struct JobId {
    /// The job's id
    pub id: String,
}

/// Texts of the help, English and Japanese.
pub const TEXTS: &[(&str, &str)] = &[
    ("Jobs: long work in the background", "ジョブ (バックグラウンドの長い作業)"),
    ("List jobs, newest first", "ジョブを新しい順に一覧する"),
    (
        "Only these: scheduled, queued, waiting (both), running, cancelling, done, failed or cancelled",
        "この状態のジョブだけ: scheduled (予定)、queued (待機中)、waiting (予定と待機中)、running (実行中)、cancelling (取り消し中)、done (完了)、failed (失敗) または cancelled (取り消し済み)",
    ),
    ("Only jobs of this kind, such as users.im", "この種類のジョブだけ (例: users.im)"),
    ("Ask for a job", "ジョブを依頼する"),
    ("What to do, such as users.im", "作業の種類 (例: users.im)"),
    ("A JSON file with what the job takes", "ジョブの入力を書いた JSON ファイル"),
    ("Not before this time, such as 2027-01-31T22:00:00Z", "この時刻より前には始めない (例: 2027-01-31T22:00:00Z)"),
    ("Show a job", "ジョブを表示する"),
    ("End a job before its next step; what is done stays done", "次の段階の前にジョブを終える (済んだ分は残る)"),
    ("Show what a job says of its work", "ジョブの記録を表示する"),
    ("The job's id", "ジョブの ID"),
];

pub fn plan(command: JobCommand) -> Result<Plan> {
    let nothing = &Value::Null;
    let path = |job: &JobId, rest: &str| format!("jobs/{}{rest}", escape(&job.id));
    Ok(match command {
        JobCommand::List { state, kind } => {
            let only = |key: &str, value: Option<String>| value.map(|v| format!("&{key}={}", escape(&v))).unwrap_or_default();
            let (state, kind) = (only("state", state), only("kind", kind));
            Plan::one(View::Jobs, Method::GET, format!("jobs?limit={PAGE}{state}{kind}"), nothing)
        }
        JobCommand::Create { kind, input, at } => {
            let input: Value =
                serde_json::from_slice(&read_file(&input)?).with_context(|| format!("{}: JSON", input.display()))?;
            Plan::one(View::Job, Method::POST, "jobs", &json!({ "kind": kind, "input": input, "at": at }))
        }
        JobCommand::Show(job) => Plan::one(View::Job, Method::GET, path(&job, ""), nothing),
        JobCommand::Cancel(job) => Plan::one(View::Job, Method::POST, path(&job, "/cancel"), nothing),
        JobCommand::Log(job) => Plan::one(View::JobLog, Method::GET, path(&job, &format!("/log?limit={PAGE}")), nothing),
    })
}

#[cfg(test)]
#[path = "jobs_tests.rs"]
mod tests;

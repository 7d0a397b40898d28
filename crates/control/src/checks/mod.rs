//! The troubleshooter: named checks that only read, each with a deadline of its own.

mod access;
mod node;
mod sign_in;

use crate::app::App;
use crate::error::Result;
use crate::text::Text;
use serde::{Deserialize, Serialize};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};
use utoipa::ToSchema;

/// How long one check may take.
pub const DEADLINE: Duration = Duration::from_secs(10);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    Passed,
    Warning,
    Failed,
}

/// What a check is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckView {
    /// `domain.name`
    pub id: String,
    pub section: String,
    /// Why it matters.
    pub why: Text,
    /// The page of the console where it is mended; `null` when that is not in the console.
    pub link: Option<String>,
}

/// What a check saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckResult {
    #[serde(flatten)]
    pub check: CheckView,
    pub outcome: Outcome,
    pub seen: Text,
    /// What to do; `null` when nothing.
    pub todo: Option<Text>,
    /// Milliseconds it took.
    pub took_ms: u64,
}

#[derive(Debug)]
pub(crate) struct Finding {
    outcome: Outcome,
    seen: Text,
    todo: Option<Text>,
}

impl Finding {
    fn passed(seen: Text) -> Finding {
        Finding { outcome: Outcome::Passed, seen, todo: None }
    }

    fn warning(seen: Text, todo: Text) -> Finding {
        Finding { outcome: Outcome::Warning, seen, todo: Some(todo) }
    }

    fn failed(seen: Text, todo: Text) -> Finding {
        Finding { outcome: Outcome::Failed, seen, todo: Some(todo) }
    }
}

struct Check {
    section: &'static str,
    id: &'static str,
    why: fn() -> Text,
    link: Option<&'static str>,
    run: fn(&App) -> Result<Finding>,
}

impl Check {
    fn view(&self) -> CheckView {
        CheckView {
            id: self.id.to_owned(),
            section: self.section.to_owned(),
            why: (self.why)(),
            link: self.link.map(str::to_owned),
        }
    }
}

const CHECKS: [&Check; 6] =
    [&node::DOMAIN, &node::DATABASE, &sign_in::LDAP, &sign_in::OIDC, &access::ADMINISTRATOR, &access::SECOND_FACTOR];

/// All checks, in the order they run.
pub fn list() -> Vec<CheckView> {
    CHECKS.iter().map(|check| check.view()).collect()
}

/// Runs all checks. One that cannot be done, or not in time, has failed. Blocks.
pub fn run(app: &App) -> Vec<CheckResult> {
    CHECKS.iter().map(|check| run_one(app, check, DEADLINE)).collect()
}

fn run_one(app: &App, check: &Check, deadline: Duration) -> CheckResult {
    let began = Instant::now();
    let (send, answer) = mpsc::channel();
    let (work, app) = (check.run, app.clone());
    // A check that hangs must not hold up the others; its thread ends when what it waits for does.
    let started = thread::Builder::new().name("check".to_owned()).spawn(move || send.send(work(&app)));
    let finding = match started {
        Ok(_) => match answer.recv_timeout(deadline) {
            Ok(Ok(finding)) => finding,
            Ok(Err(error)) => broken(Text::plain(error.to_string())),
            Err(RecvTimeoutError::Timeout) => broken(Text::new("no answer in time", "時間内に応答がありません")),
            Err(RecvTimeoutError::Disconnected) => broken(Text::new("the check broke off", "検査が中断しました")),
        },
        Err(error) => broken(Text::plain(error.to_string())),
    };
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    CheckResult { check: check.view(), outcome: finding.outcome, seen: finding.seen, todo: finding.todo, took_ms }
}

fn broken(seen: Text) -> Finding {
    Finding::failed(seen, Text::new("look at the log of the node", "ノードのログを確認してください"))
}

#[cfg(test)]
mod tests;

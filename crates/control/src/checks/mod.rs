//! The troubleshooter: named checks that only read, each with a deadline of its own.
//!
//! A check is about one thing or about several of a kind (every gateway, every listener): then each is a unit of its own.
//! Units run side by side; their results come in the order of the list.

mod access;
mod certificates;
mod clients;
mod clock;
mod database;
mod directories;
mod disk;
mod gateways;
mod names;
mod run;
mod sign_in;
mod srv;
mod system;

use crate::app::App;
use crate::error::{ControlError, Result};
use crate::text::Text;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use utoipa::{IntoParams, ToSchema};
use zaiseki_model::Timestamp;

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
    /// What it is called where people read.
    pub title: Text,
    /// Why it matters.
    pub why: Text,
    /// The page of the console where it is mended; `null` when that is not in the console. `{}` stands for the subject.
    pub link: Option<String>,
}

/// What a check saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckResult {
    #[serde(flatten)]
    pub check: CheckView,
    /// Which of several things: a gateway, a listener. Empty when there is but one.
    pub subject: String,
    pub outcome: Outcome,
    pub seen: Text,
    /// What to do; `null` when nothing.
    pub todo: Option<Text>,
    /// Milliseconds it took.
    pub took_ms: u64,
}

/// One run of the troubleshooter.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CheckRun {
    /// XEP-0082 form of time.
    pub started: String,
    /// Milliseconds of all of it.
    pub took_ms: u64,
    pub passed: usize,
    pub warnings: usize,
    pub failed: usize,
    pub results: Vec<CheckResult>,
}

/// Which checks.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CheckQuery {
    /// Only those of this section; see the list of checks.
    #[serde(default)]
    pub section: Option<String>,
}

/// The last run of all checks, kept while the process lives; and the turn to run them.
#[derive(Default)]
pub(crate) struct Troubleshooter {
    turn: Mutex<()>,
    last: Mutex<Option<Arc<CheckRun>>>,
}

#[derive(Debug)]
pub(crate) struct Finding {
    outcome: Outcome,
    seen: Text,
    todo: Option<Text>,
    subject: Option<String>,
}

impl Finding {
    fn passed(seen: Text) -> Finding {
        Finding { outcome: Outcome::Passed, seen, todo: None, subject: None }
    }

    fn warning(seen: Text, todo: Text) -> Finding {
        Finding { outcome: Outcome::Warning, seen, todo: Some(todo), subject: None }
    }

    fn failed(seen: Text, todo: Text) -> Finding {
        Finding { outcome: Outcome::Failed, seen, todo: Some(todo), subject: None }
    }

    /// About a part of the unit's subject.
    fn about(self, subject: impl Into<String>) -> Finding {
        Finding { subject: Some(subject.into()), ..self }
    }
}

/// `run` gets one of the `subjects`; where there is but one thing to look at, an empty one.
struct Check {
    section: &'static str,
    id: &'static str,
    title: fn() -> Text,
    why: fn() -> Text,
    link: Option<&'static str>,
    subjects: fn(&App) -> Result<Vec<String>>,
    run: fn(&App, &str) -> Result<Vec<Finding>>,
}

impl Check {
    fn view(&self, subject: &str) -> CheckView {
        let link = self.link.map(|link| match subject {
            "" => link.strip_suffix("/{}").unwrap_or(link).to_owned(),
            subject => link.replace("{}", &crate::alarms::catalogue::escaped(subject)),
        });
        let (title, why) = ((self.title)(), (self.why)());
        CheckView { id: self.id.to_owned(), section: self.section.to_owned(), title, why, link }
    }
}

/// For checks that look at one thing.
fn alone(_: &App) -> Result<Vec<String>> {
    Ok(vec![String::new()])
}

/// In the order of the list.
const CHECKS: &[&Check] = &[
    &system::PROCESS,
    &system::FILES,
    &system::MEMORY,
    &names::DOMAIN,
    &names::NODE,
    &names::DNS,
    &srv::RECORDS,
    &certificates::NAMES,
    &certificates::EXPIRY,
    &certificates::CHAIN,
    &certificates::FILES,
    &database::USE,
    &database::SIZE,
    &database::INTEGRITY,
    &directories::SERVERS,
    &sign_in::LDAP,
    &sign_in::OIDC,
    &gateways::SERVERS,
    &clients::LISTENERS,
    &disk::SPACE,
    &disk::INODES,
    &clock::JUMP,
    &clock::SYNCHRONISED,
    &access::ADMINISTRATOR,
    &access::SECOND_FACTOR,
    &access::PROVIDER,
];

/// All checks, in the order of the results.
pub fn list() -> Vec<CheckView> {
    CHECKS.iter().map(|check| CheckView { link: check.link.map(str::to_owned), ..check.view("") }).collect()
}

/// Runs the checks, or those of one section. One that cannot be done, or not in time, has failed. Blocks. Who asks for all
/// while all are being run gets what the run under way finds.
///
/// # Errors
/// `invalid` for a section that there is not.
pub fn run(app: &App, query: &CheckQuery) -> Result<Arc<CheckRun>> {
    if let Some(section) = query.section.as_deref() {
        return Ok(Arc::new(run_now(app, &of_section(section)?)));
    }
    let keep = app.troubleshooter();
    let before = last(app);
    let _turn = keep.turn.lock().unwrap_or_else(PoisonError::into_inner);
    let other = last(app).filter(|run| before.as_ref().is_none_or(|before| !Arc::ptr_eq(before, run)));
    if let Some(run) = other {
        return Ok(run);
    }
    let run = Arc::new(run_now(app, CHECKS));
    *keep.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(run.clone());
    Ok(run)
}

/// What the last run of all checks found; `None` when there was none since the node started.
pub fn last(app: &App) -> Option<Arc<CheckRun>> {
    app.troubleshooter().last.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// The last run.
///
/// # Errors
/// `not-found` when there was none since the node started.
pub fn show_last(app: &App) -> Result<Arc<CheckRun>> {
    last(app).ok_or_else(|| ControlError::NotFound {
        text: Text::new("the checks have not run since the node started", "ノードの起動後、まだ検査は実行されていません"),
    })
}

fn of_section(section: &str) -> Result<Vec<&'static Check>> {
    let found: Vec<&Check> = CHECKS.iter().copied().filter(|check| check.section == section).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let mut known: Vec<&str> = CHECKS.iter().map(|check| check.section).collect();
    known.dedup();
    let known = known.join(", ");
    let ja = format!("\"{section}\" というセクションはありません。次のいずれかを指定してください: {known}");
    Err(ControlError::invalid("section", format!("there is no section \"{section}\"; there are {known}"), ja))
}

fn run_now(app: &App, checks: &[&'static Check]) -> CheckRun {
    let (started, began) = (Timestamp::now(), Instant::now());
    let results = run::all(app, checks, DEADLINE);
    let count = |outcome| results.iter().filter(|result| result.outcome == outcome).count();
    CheckRun {
        started: crate::app::status::time(started),
        took_ms: run::milliseconds(began),
        passed: count(Outcome::Passed),
        warnings: count(Outcome::Warning),
        failed: count(Outcome::Failed),
        results,
    }
}

#[cfg(test)]
mod tests;

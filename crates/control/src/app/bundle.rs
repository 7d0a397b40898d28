//! The support bundle: what the node knows of itself, in one document that may leave the house.
//!
//! Each part is what administrators see elsewhere, which is without secrets by its types; no message, no list of users and no
//! contact is among them. What free text may still hold is taken out by [`crate::redact`]. A part that cannot be had says why,
//! and the others are there: a bundle is made when something is wrong.

use super::alarms::{self, AlarmQuery};
use super::jobs::{self, JobQuery};
use super::status::time;
use super::{App, alarm_targets, audit, certificates, directories, gateways, log_level, nodes, services, settings};
use crate::access::{Caller, Role};
use crate::checks::{self, CheckQuery};
use crate::error::Result;
use crate::recent_log::LogEvent;
use crate::redact::Redactor;
use crate::vitals::metrics;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use zaiseki_model::Timestamp;
use zaiseki_model::limits::{PAGE_ALARMS, PAGE_JOBS, ROWS_COUNTED};
use zaiseki_store::UserFilter;

/// The version of the document's form.
const FORM: u32 = 1;

/// What the node knows of itself, without secrets. People have numbers instead of names, the same throughout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Bundle {
    /// Of the document's form: 1.
    pub form: u32,
    /// XEP-0082 form of time.
    pub made: String,
    /// Secrets that free text held, and that were taken out.
    pub removed: usize,
    /// People who have a number instead of their name.
    pub people: usize,
    /// `about`, `checks`, `settings`, `bootstrap`, `nodes`, `services`, `alarms`, `alarm_targets`, `jobs`, `gateways`, `directories`,
    /// `database`, `accounts`, `certificates`, `metrics`, `log`. One that could not be had is an object with `error`.
    #[schema(value_type = Object)]
    pub parts: BTreeMap<String, Value>,
}

type Part = (&'static str, fn(&App) -> Result<Value>);

const PARTS: [Part; 16] = [
    ("about", about),
    ("checks", |app| Ok(json!(*checks::run(app, &CheckQuery::default())?))),
    ("settings", |app| Ok(settings::list(app).iter().map(|one| (one.key.clone(), one.value.clone())).collect())),
    ("bootstrap", bootstrap),
    ("nodes", |app| Ok(json!(nodes::list(app)?))),
    ("services", |app| Ok(json!(services::list(app)?))),
    ("alarms", |app| Ok(json!(alarms::list(app, &AlarmQuery { limit: Some(PAGE_ALARMS), ..AlarmQuery::default() })?.alarms))),
    ("alarm_targets", |app| Ok(json!(alarm_targets::list(app)?))),
    ("jobs", |app| Ok(json!(jobs::list(app, &JobQuery { limit: Some(PAGE_JOBS), ..JobQuery::default() })?.jobs))),
    ("gateways", |app| Ok(json!(gateways::list(app)?))),
    ("directories", |app| Ok(json!(directories::list(app)?))),
    ("database", database),
    ("accounts", accounts),
    ("certificates", shown),
    ("metrics", |app| Ok(metrics::render(app)?.lines().filter(|line| !line.starts_with('#')).collect())),
    ("log", |app| Ok(log(&app.log().recent()))),
];

/// The names of the parts, in their order.
pub fn parts() -> impl Iterator<Item = &'static str> {
    PARTS.iter().map(|(name, _)| *name)
}

/// Makes a bundle: runs the troubleshooter and gathers the rest. It stands in the audit log. Blocks for as long as the checks take.
pub fn make(app: &App, caller: &Caller) -> Result<Bundle> {
    let line = audit(&caller.actor);
    let what = json!({"parts": parts().collect::<Vec<_>>()});
    app.store().call(move |db| db.audit_append(&line, "diagnostics.bundle", "node:bundle", None, Some(&what)))?;
    let made = Timestamp::now();
    let mut parts: BTreeMap<String, Value> = PARTS.iter().map(|(name, part)| ((*name).to_owned(), gathered(part(app)))).collect();
    let mut redactor = Redactor::of(app, &parts.values().collect::<Vec<_>>())?;
    parts.values_mut().for_each(|part| redactor.value(part));
    let (removed, people) = redactor.counts();
    Ok(Bundle { form: FORM, made: time(made), removed, people, parts })
}

fn gathered(part: Result<Value>) -> Value {
    part.unwrap_or_else(|error| json!({"error": error.text()}))
}

/// What runs, and on what.
fn about(app: &App) -> Result<Value> {
    let file = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let (system, memory) = (file("/etc/os-release"), file("/proc/meminfo"));
    let named = |text: &str, name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        line.trim_matches(|c: char| c.is_whitespace() || c == '"').to_owned()
    };
    Ok(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "build": if cfg!(debug_assertions) { "debug" } else { "release" },
        "platform": format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
        "system": named(&system, "PRETTY_NAME="),
        "kernel": file("/proc/sys/kernel/osrelease").trim(),
        "processors": std::thread::available_parallelism().map_or(0, usize::from),
        "memory": named(&memory, "MemTotal:"),
        "memory_available": named(&memory, "MemAvailable:"),
        "domain": app.domain(),
        "node": app.node().name(),
        "running": app.is_ready(),
        "started": time(app.started()),
        "log_level": log_level::show(app).ok(),
    }))
}

/// The configuration file: what is in use, and what it says now.
fn bootstrap(app: &App) -> Result<Value> {
    let Some(bootstrap) = app.node().bootstrap() else { return Ok(Value::Null) };
    let now = match bootstrap.now() {
        Ok(entries) => json!(entries),
        Err(problems) => json!({"error": problems}),
    };
    Ok(json!({"file": bootstrap.file, "in_use": bootstrap.in_use(), "now": now}))
}

fn database(app: &App) -> Result<Value> {
    let (facts, rows, version) =
        app.store().query(|db| Ok((db.file_facts()?, db.row_counts(ROWS_COUNTED)?, db.schema_version())))?;
    let rows: BTreeMap<String, Value> = rows
        .into_iter()
        .map(|(table, rows)| (table, if rows > ROWS_COUNTED { json!(format!("> {ROWS_COUNTED}")) } else { json!(rows) }))
        .collect();
    Ok(json!({
        "schema": version, "healthy": app.store().healthy(), "bytes": facts.bytes(), "page_bytes": facts.page_bytes,
        "pages": facts.pages, "free_pages": facts.free_pages, "rows": rows,
    }))
}

/// How many there are, and nobody's name.
fn accounts(app: &App) -> Result<Value> {
    let (all, enabled, im, admins) = app.store().query(|db| {
        let count = |filter: UserFilter| db.count_users(&filter);
        let enabled = count(UserFilter { enabled: Some(true), ..UserFilter::default() })?;
        let im = count(UserFilter { im: Some(true), ..UserFilter::default() })?;
        Ok((count(UserFilter::default())?, enabled, im, db.admins()?))
    })?;
    let of = |role: Role| {
        let holders: Vec<_> = admins.iter().filter(|admin| super::admins::role(admin) == role).collect();
        let (enabled, totp) = (holders.iter().filter(|a| a.enabled).count(), holders.iter().filter(|a| a.totp.is_some()).count());
        json!({"all": holders.len(), "enabled": enabled, "second_factor": totp})
    };
    let roles: BTreeMap<&str, Value> = Role::ALL.into_iter().map(|role| (role.as_str(), of(role))).collect();
    Ok(json!({"users": {"all": all, "enabled": enabled, "im": im}, "administrators": roles}))
}

/// What everybody sees who connects.
fn shown(app: &App) -> Result<Value> {
    let mut all = json!(certificates::list(app)?);
    plain_names(&mut all);
    Ok(all)
}

/// Names of authorities are not those of people: written so that the redactor knows the difference.
fn plain_names(value: &mut Value) {
    match value {
        Value::String(text) => *text = text.replace('=', " "),
        Value::Array(list) => list.iter_mut().for_each(plain_names),
        Value::Object(fields) => fields.values_mut().for_each(plain_names),
        _ => {}
    }
}

fn log(events: &[LogEvent]) -> Value {
    let line = |event: &LogEvent| json!({"at": time(event.at), "level": event.level, "target": event.target, "text": event.text});
    events.iter().map(line).collect()
}

#[cfg(test)]
#[path = "bundle_tests.rs"]
mod tests;

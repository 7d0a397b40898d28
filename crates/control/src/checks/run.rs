//! Running checks side by side.

use super::{Check, CheckResult, CheckView, Finding};
use crate::app::App;
use crate::error::{ControlError, Result};
use crate::text::Text;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Units at once.
pub(super) const LANES: usize = 6;
/// Units of one run: with more gateways and servers than that the rest is left out, and a finding says so.
pub(super) const UNITS: usize = 500;

/// A check and the one thing it looks at.
pub(super) struct Unit {
    pub check: &'static Check,
    pub subject: String,
}

/// All units of the checks, in order.
pub(super) fn all(app: &App, checks: &[&'static Check], deadline: Duration) -> Vec<CheckResult> {
    let mut units = Vec::new();
    let mut broken_off = Vec::new();
    for check in checks.iter().copied() {
        match (check.subjects)(app) {
            Ok(subjects) => units.extend(subjects.into_iter().map(|subject| Unit { check, subject })),
            Err(error) => broken_off.extend(results(check.view(""), "", vec![broken(error.text())], 0)),
        }
    }
    if units.len() > UNITS {
        let (left, view) = (units.len() - UNITS, units[UNITS].check.view(""));
        let seen = Text::new(format!("{left} more were not looked at"), format!("残り {left} 件は検査していません"));
        let todo = Text::new("run the check of one section", "セクションを指定して検査してください");
        units.truncate(UNITS);
        broken_off.extend(results(view, "", vec![Finding::warning(seen, todo)], 0));
    }
    let mut found = side_by_side(app, &units, deadline);
    found.extend(broken_off);
    found
}

fn side_by_side(app: &App, units: &[Unit], deadline: Duration) -> Vec<CheckResult> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Vec<CheckResult>)>> = Mutex::default();
    let lane = || {
        while let Some((at, unit)) = take(&next, units) {
            let found = one(app, unit, deadline);
            done.lock().unwrap_or_else(PoisonError::into_inner).push((at, found));
        }
    };
    thread::scope(|scope| {
        for _ in 1..LANES.min(units.len()) {
            // Without more threads this one does it all.
            if thread::Builder::new().name("checks".to_owned()).spawn_scoped(scope, lane).is_err() {
                break;
            }
        }
        lane();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().flat_map(|(_, found)| found).collect()
}

fn take<'a>(next: &AtomicUsize, units: &'a [Unit]) -> Option<(usize, &'a Unit)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    units.get(at).map(|unit| (at, unit))
}

pub(super) fn one(app: &App, unit: &Unit, deadline: Duration) -> Vec<CheckResult> {
    let began = Instant::now();
    let (send, answer) = mpsc::channel();
    let (work, app, subject) = (unit.check.run, app.clone(), unit.subject.clone());
    // A check that hangs must not hold up the others; its thread ends when what it waits for does.
    let started = thread::Builder::new().name("check".to_owned()).spawn(move || send.send(work(&app, &subject)));
    let findings = match started {
        Ok(_) => match answer.recv_timeout(deadline) {
            Ok(Ok(findings)) => findings,
            Ok(Err(error)) => vec![broken(error.text())],
            Err(RecvTimeoutError::Timeout) => vec![late()],
            Err(RecvTimeoutError::Disconnected) => vec![broken(Text::new("the check broke off", "検査が中断しました"))],
        },
        Err(error) => vec![broken(Text::reason(error.to_string()))],
    };
    results(unit.check.view(&unit.subject), &unit.subject, findings, milliseconds(began))
}

fn results(check: CheckView, subject: &str, findings: Vec<Finding>, took_ms: u64) -> Vec<CheckResult> {
    let result = |finding: Finding| CheckResult {
        check: check.clone(),
        subject: finding.subject.unwrap_or_else(|| subject.to_owned()),
        outcome: finding.outcome,
        seen: finding.seen,
        todo: finding.todo,
        took_ms,
    };
    findings.into_iter().map(result).collect()
}

fn late() -> Finding {
    let todo = Text::new(
        "see whether what is looked at can be reached from this machine, and whether the machine is overloaded",
        "検査対象にこのマシンから到達できるか、マシンが過負荷でないかを確認してください",
    );
    Finding::failed(Text::new("no answer in time", "時間内に応答がありません"), todo)
}

fn broken(seen: Text) -> Finding {
    Finding::failed(seen, Text::new("look at the log of the node", "ノードのログを確認してください"))
}

pub(super) fn milliseconds(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// For checks that talk to others: on the check's own thread, so that it ends with the runtime.
pub(super) fn block_on<T>(work: impl Future<Output = T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ControlError::Thread)?;
    Ok(runtime.block_on(work))
}

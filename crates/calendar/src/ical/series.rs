//! All components of one UID: the series, its exceptions, and the occurrences that were changed one by one.

use super::event::{Event, Length, entry_instant};
use super::recur;
use super::zones::{Zones, instant, local};
use super::{Budget, MAX_OCCURRENCES, Rules};
use calcard::common::PartialDateTime;
use calcard::icalendar::{
    ICalendarComponent, ICalendarDuration, ICalendarPeriod, ICalendarProperty, ICalendarRecurrenceRule, ICalendarValue,
};
use std::collections::HashSet;
use std::time::Instant;
use zaiseki_model::BusyKind;

/// Seconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub start: i64,
    pub end: i64,
    pub kind: BusyKind,
}

#[derive(Default)]
pub struct Outcome {
    /// Those that touch the window.
    pub spans: Vec<Span>,
    /// What was left out.
    pub problems: Vec<&'static str>,
}

/// An occurrence that was changed by itself (RECURRENCE-ID), or with all later ones (RANGE=THISANDFUTURE).
struct Change<'a> {
    of: i64,
    later_too: bool,
    event: Event<'a>,
}

/// Reads the components that share a UID. `window`: seconds, half-open.
pub fn read(
    components: &[&ICalendarComponent],
    window: (i64, i64),
    zones: &Zones,
    rules: &Rules,
    budget: &mut Budget,
) -> Outcome {
    let mut outcome = Outcome::default();
    let (mut masters, mut changes) = (Vec::new(), Vec::new());
    for component in components {
        match Event::read(component, zones, rules) {
            Ok(event) => match event.replaces(zones) {
                Some((of, later_too)) => changes.push(Change { of, later_too, event }),
                None => masters.push(event),
            },
            Err(why) => outcome.problems.push(why),
        }
    }
    changes.sort_by_key(|change| change.of);
    for master in &masters {
        match occurrences(master, window, zones, budget) {
            Ok(found) => {
                outcome.problems.extend(found.problem);
                add_series(master, &found, &changes, window, zones, &mut outcome);
            }
            Err(why) => outcome.problems.push(why),
        }
    }
    for change in &changes {
        add(&mut outcome, window, change.event.start_instant(), change.event.length, &change.event);
    }
    outcome
}

struct Occurrences {
    starts: Vec<i64>,
    problem: Option<&'static str>,
}

/// The instants at which the series starts, as its rule and dates say, without exceptions.
fn occurrences(master: &Event<'_>, window: (i64, i64), zones: &Zones, budget: &mut Budget) -> Result<Occurrences, &'static str> {
    let since = Instant::now();
    if budget.is_spent() {
        return Err("the calendar holds more than is followed");
    }
    let mut problem = None;
    let mut starts: Vec<i64> = match master.rule() {
        None => master.start_instant().into_iter().collect(),
        Some(rule) => {
            // A day more: the wall clock may run ahead of UTC.
            let until = local(master.zone, window.1.saturating_add(86_400)).ok_or("the window is not a time")?;
            let limit = MAX_OCCURRENCES.min(budget.occurrences);
            let found = recur::starts(master.start, &local_rule(rule, master), until, limit)?;
            if found.cut {
                problem = Some("its series is longer than is followed");
            }
            found.starts.into_iter().filter_map(|start| instant(master.zone, start)).collect()
        }
    };
    starts.extend(master.instants(&ICalendarProperty::Rdate, zones));
    budget.spend(starts.len(), since);
    Ok(Occurrences { starts, problem })
}

/// UNTIL is written in UTC for a series with a zone (RFC 5545 §3.3.10): here it becomes wall clock, as the rest.
fn local_rule(rule: &ICalendarRecurrenceRule, master: &Event<'_>) -> ICalendarRecurrenceRule {
    let mut rule = rule.clone();
    let Some(until) = rule.until.take() else { return rule };
    rule.until = if until.has_zone() {
        until.to_date_time_with_tz(calcard::common::timezone::Tz::UTC).and_then(|utc| {
            let wall = local(master.zone, utc.timestamp())?;
            Some(PartialDateTime::from_naive_timestamp(wall.and_utc().timestamp()))
        })
    } else if until.has_time() {
        Some(until)
    } else {
        // A date includes its whole day.
        Some(PartialDateTime { hour: Some(23), minute: Some(59), second: Some(59), ..until })
    };
    rule
}

fn add_series(
    master: &Event<'_>,
    found: &Occurrences,
    changes: &[Change<'_>],
    window: (i64, i64),
    zones: &Zones,
    out: &mut Outcome,
) {
    let gone: HashSet<i64> = master.instants(&ICalendarProperty::Exdate, zones).into_iter().collect();
    let replaced: HashSet<i64> = changes.iter().map(|change| change.of).collect();
    for &start in found.starts.iter().filter(|start| !gone.contains(start) && !replaced.contains(start)) {
        match changes.iter().rev().find(|change| change.later_too && change.of < start) {
            None => add(out, window, Some(start), master.length, master),
            Some(change) => {
                let moved = change.event.start_instant().map(|new| start + (new - change.of));
                add(out, window, moved, change.event.length, &change.event);
            }
        }
    }
    for (start, end) in rdate_periods(master, zones) {
        if !gone.contains(&start) && !replaced.contains(&start) {
            add(out, window, Some(start), Length::Seconds(end - start), master);
        }
    }
}

fn add(out: &mut Outcome, window: (i64, i64), start: Option<i64>, length: Length, event: &Event<'_>) {
    let Some(kind) = event.kind else { return };
    let span = start.and_then(|start| Some((start, length.end(start, event.zone)?)));
    if let Some((start, end)) = span.filter(|(start, end)| *start < window.1 && *end > window.0) {
        out.spans.push(Span { start, end, kind });
    }
}

/// RDATE;VALUE=PERIOD: occurrences with a length of their own (RFC 5545 §3.8.5.2).
fn rdate_periods(master: &Event<'_>, zones: &Zones) -> Vec<(i64, i64)> {
    let mut out = Vec::new();
    for entry in master.component.properties(&ICalendarProperty::Rdate) {
        for value in &entry.values {
            if let ICalendarValue::Period(period) = value {
                out.extend(period_span(period, |t| entry_instant(t, entry.tz_id(), master.zone, zones)));
            }
        }
    }
    out
}

/// Start and end of a period (RFC 5545 §3.3.9), when it makes sense.
pub fn period_span(period: &ICalendarPeriod, at: impl Fn(&PartialDateTime) -> Option<i64>) -> Option<(i64, i64)> {
    let (start, end) = match period {
        ICalendarPeriod::Range { start, end } => (at(start)?, at(end)?),
        ICalendarPeriod::Duration { start, duration } => {
            let start = at(start)?;
            (start, start.checked_add(ICalendarDuration::to_time_delta(duration)?.num_seconds())?)
        }
    };
    (start < end).then_some((start, end))
}

//! iCalendar text to intervals: which components count, how they repeat, when their times are.
//!
//! calcard splits the text and iterates recurrence rules; what the properties mean is judged here (RFC 5545, RFC 4791 §7.10).
//! A component that makes no sense is left out and named by its UID; the others stand.

mod event;
mod freebusy;
mod recur;
mod series;
mod zones;

#[cfg(test)]
mod tests;

pub use freebusy::read_freebusy;
pub use zones::{Zone, calendar_zone, zone_by_name};

use crate::source::Window;
use calcard::icalendar::{ICalendar, ICalendarComponent, ICalendarComponentType};
use calcard::{Entry, Parser};
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use zaiseki_model::{BusyInterval, Timestamp};
use zones::Zones;

/// Occurrences of one series before the window's end; 50,000 are 136 years of every day.
pub const MAX_OCCURRENCES: usize = 50_000;
/// Occurrences looked at for one user in one round.
pub const MAX_WORK: usize = 500_000;
/// Time spent on one user's events in one round; what is not read by then is named.
pub const MAX_TIME: Duration = Duration::from_secs(5);
/// Lines about skipped events kept for one user.
pub const MAX_SKIPPED: usize = 20;

/// How a user's events are judged.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The zone of all-day and zoneless events.
    pub zone: Zone,
    /// Leave out what the owner declined.
    pub ignore_declined: bool,
    /// The owner's mail address, to find their answer among the attendees.
    pub owner: String,
}

/// What was read so far for one user.
#[derive(Debug, Default)]
pub struct Reading {
    pub intervals: Vec<BusyInterval>,
    pub skipped: Vec<String>,
    budget: Budget,
}

/// Keeps a hostile calendar from taking all the time.
#[derive(Debug)]
pub(crate) struct Budget {
    occurrences: usize,
    time: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Budget { occurrences: MAX_WORK, time: MAX_TIME }
    }
}

impl Budget {
    fn is_spent(&self) -> bool {
        self.occurrences == 0 || self.time.is_zero()
    }

    fn spend(&mut self, occurrences: usize, since: Instant) {
        self.occurrences = self.occurrences.saturating_sub(occurrences.max(1));
        self.time = self.time.saturating_sub(since.elapsed());
    }
}

impl Reading {
    /// Names something left out; only the first [`MAX_SKIPPED`] are kept, and the last line counts the rest.
    pub fn skip(&mut self, name: &str, why: impl std::fmt::Display) {
        let name: String = name.chars().filter(|c| !c.is_control()).take(120).collect();
        if self.skipped.len() < MAX_SKIPPED {
            self.skipped.push(format!("{name}: {why}"));
        } else if self.skipped.len() == MAX_SKIPPED {
            self.skipped.push("and others".to_owned());
        }
    }
}

/// Reads one calendar object (RFC 4791 §4.1) or a whole calendar. `name`: how to name it when it has no UID.
pub fn read(name: &str, text: &str, window: Window, rules: &Rules, reading: &mut Reading) {
    // Foreign text in a foreign parser: should it ever panic, this object is skipped and the next is read.
    let before = reading.intervals.len();
    if catch_unwind(AssertUnwindSafe(|| read_all(name, text, window, rules, reading))).is_err() {
        reading.intervals.truncate(before);
        reading.skip(name, "cannot be read");
    }
}

fn read_all(name: &str, text: &str, window: Window, rules: &Rules, reading: &mut Reading) {
    let mut parser = Parser::new(text);
    let mut found = false;
    loop {
        match parser.entry() {
            Entry::ICalendar(calendar) => {
                found = true;
                read_calendar(name, &calendar, window, rules, reading);
            }
            Entry::UnterminatedComponent(_) | Entry::UnexpectedComponentEnd { .. } | Entry::TooManyComponents => {
                reading.skip(name, "is cut off or malformed");
                found = true;
            }
            Entry::Eof => break,
            // Lines that make no sense, and vCards.
            _ => {}
        }
    }
    if !found {
        reading.skip(name, "is not iCalendar");
    }
}

fn read_calendar(name: &str, calendar: &ICalendar, window: Window, rules: &Rules, reading: &mut Reading) {
    let zones = Zones::of(calendar, rules.zone, window);
    let mut by_uid: BTreeMap<&str, Vec<&ICalendarComponent>> = BTreeMap::new();
    for component in calendar.components.iter().filter(|c| c.component_type == ICalendarComponentType::VEvent) {
        by_uid.entry(component.uid().unwrap_or(name)).or_default().push(component);
    }
    for (uid, components) in by_uid {
        // Whole seconds around the window; the merge clips exactly.
        let seconds = (window.start.secs(), (window.end - Duration::from_micros(1)).secs().saturating_add(1));
        let outcome = series::read(&components, seconds, &zones, rules, &mut reading.budget);
        for why in outcome.problems {
            reading.skip(uid, why);
        }
        reading.intervals.extend(outcome.spans.into_iter().map(|span| BusyInterval {
            start: Timestamp::from_secs(span.start),
            end: Timestamp::from_secs(span.end),
            kind: span.kind,
        }));
    }
}

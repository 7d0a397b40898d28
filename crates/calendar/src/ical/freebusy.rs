//! VFREEBUSY (RFC 5545 §3.6.4), the answer of a free-busy-query (RFC 4791 §7.10).

use super::Reading;
use super::series::period_span;
use super::zones::{Zone, instant};
use calcard::icalendar::{
    ICalendarComponentType, ICalendarEntry, ICalendarFreeBusyType, ICalendarParameterName, ICalendarParameterValue,
    ICalendarProperty, ICalendarValue,
};
use calcard::{Entry, Parser};
use std::panic::{AssertUnwindSafe, catch_unwind};
use zaiseki_model::{BusyInterval, BusyKind, Timestamp};

/// Adds the busy times of all VFREEBUSY components. False when there is none: then it was another kind of answer.
pub fn read_freebusy(name: &str, text: &str, reading: &mut Reading) -> bool {
    match catch_unwind(AssertUnwindSafe(|| read_unfenced(name, text, reading))) {
        Ok(found) => found,
        Err(_) => {
            reading.skip(name, "cannot be read");
            true
        }
    }
}

pub(super) fn read_unfenced(name: &str, text: &str, reading: &mut Reading) -> bool {
    let mut found = false;
    let mut parser = Parser::new(text);
    loop {
        let calendar = match parser.entry() {
            Entry::ICalendar(calendar) => calendar,
            Entry::Eof => return found,
            _ => continue,
        };
        for component in calendar.components.iter().filter(|c| c.component_type == ICalendarComponentType::VFreebusy) {
            found = true;
            for entry in component.properties(&ICalendarProperty::Freebusy) {
                read_entry(name, entry, reading);
            }
        }
    }
}

fn read_entry(name: &str, entry: &ICalendarEntry, reading: &mut Reading) {
    let kind = kind(entry);
    for value in &entry.values {
        let span = match value {
            // RFC 5545 §3.8.2.6: always UTC.
            ICalendarValue::Period(period) => period_span(period, |t| {
                let parsed = t.to_date_time()?;
                instant(Zone::UTC, parsed.date_time)
            }),
            _ => None,
        };
        match span {
            Some((start, end)) => {
                reading.intervals.push(BusyInterval { start: Timestamp::from_secs(start), end: Timestamp::from_secs(end), kind })
            }
            None => reading.skip(name, "a FREEBUSY value is not a period"),
        }
    }
}

/// RFC 5545 §3.2.9: without a type, or with an unknown one, it is busy. BUSY-UNAVAILABLE is what out-of-office becomes.
fn kind(entry: &ICalendarEntry) -> BusyKind {
    match entry.parameter(&ICalendarParameterName::Fbtype) {
        Some(ICalendarParameterValue::Fbtype(ICalendarFreeBusyType::Free)) => BusyKind::Free,
        Some(ICalendarParameterValue::Fbtype(ICalendarFreeBusyType::BusyTentative)) => BusyKind::Tentative,
        Some(ICalendarParameterValue::Fbtype(ICalendarFreeBusyType::BusyUnavailable)) => BusyKind::OutOfOffice,
        _ => BusyKind::Busy,
    }
}

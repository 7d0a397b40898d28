//! One VEVENT: when, how long, and what it says about its owner's time.

use super::Rules;
use super::zones::{Zone, Zones, instant, local};
use calcard::common::PartialDateTime;
use calcard::icalendar::{
    ICalendarComponent, ICalendarEntry, ICalendarParameterName, ICalendarParameterValue, ICalendarParticipationStatus,
    ICalendarProperty, ICalendarRecurrenceRule, ICalendarStatus, ICalendarTransparency, ICalendarValue,
};
use chrono::{NaiveDateTime, TimeDelta};
use zaiseki_model::BusyKind;

/// Longest event: beyond a year it is a mistake of some program, and the window is a day.
const MAX_SECONDS: i64 = 400 * 86_400;

/// A VEVENT's own time (RFC 5545 §3.6.1).
pub struct Event<'a> {
    pub component: &'a ICalendarComponent,
    pub zone: Zone,
    /// DTSTART on the wall clock of `zone`.
    pub start: NaiveDateTime,
    pub length: Length,
    /// `None`: it does not count.
    pub kind: Option<BusyKind>,
}

/// How the end follows from a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Whole days of the calendar (DATE values), however many hours these have.
    Days(i64),
    /// Exact seconds (RFC 5545 §3.8.5.3).
    Seconds(i64),
}

impl Length {
    /// The end of an occurrence that starts at `start` (seconds since the epoch).
    pub fn end(self, start: i64, zone: Zone) -> Option<i64> {
        match self {
            Length::Seconds(seconds) => start.checked_add(seconds),
            Length::Days(days) => instant(zone, local(zone, start)?.checked_add_signed(TimeDelta::try_days(days)?)?),
        }
    }
}

impl<'a> Event<'a> {
    pub fn read(component: &'a ICalendarComponent, zones: &Zones, rules: &Rules) -> Result<Self, &'static str> {
        let entry = component
            .property(&ICalendarProperty::Dtstart)
            .or_else(|| component.property(&ICalendarProperty::RecurrenceId))
            .ok_or("it has no start")?;
        let value = date_time(entry).ok_or("its start is not a time")?;
        let (zone, start) = wall_clock(value, entry.tz_id(), zones).ok_or("its start is not a time")?;
        let length = length(component, value, zone, start, zones)?;
        Ok(Event { component, zone, start, length, kind: kind(component, rules) })
    }

    pub fn start_instant(&self) -> Option<i64> {
        instant(self.zone, self.start)
    }

    pub fn rule(&self) -> Option<&ICalendarRecurrenceRule> {
        match self.component.property(&ICalendarProperty::Rrule)?.values.first()? {
            ICalendarValue::RecurrenceRule(rule) => Some(rule),
            _ => None,
        }
    }

    /// RECURRENCE-ID: which occurrence of the series this replaces, and whether all later ones too (RFC 5545 §3.8.4.4).
    pub fn replaces(&self, zones: &Zones) -> Option<(i64, bool)> {
        let entry = self.component.property(&ICalendarProperty::RecurrenceId)?;
        let at = entry_instant(date_time(entry)?, entry.tz_id(), self.zone, zones)?;
        Some((at, entry.has_parameter(&ICalendarParameterName::Range)))
    }

    /// The instants of a list property (EXDATE, RDATE without periods).
    pub fn instants(&self, name: &ICalendarProperty, zones: &Zones) -> Vec<i64> {
        let mut out = Vec::new();
        for entry in self.component.properties(name) {
            for value in entry.values.iter().filter_map(ICalendarValue::as_partial_date_time) {
                out.extend(entry_instant(value, entry.tz_id(), self.zone, zones));
            }
        }
        out
    }
}

fn date_time(entry: &ICalendarEntry) -> Option<&PartialDateTime> {
    entry.values.first()?.as_partial_date_time()
}

/// A value as wall clock and zone: `…Z` is UTC, TZID names a zone, anything else floats in the default zone.
pub fn wall_clock(value: &PartialDateTime, tzid: Option<&str>, zones: &Zones) -> Option<(Zone, NaiveDateTime)> {
    let parsed = value.to_date_time()?;
    match parsed.offset {
        Some(offset) => Some((Zone::UTC, parsed.date_time.checked_sub_offset(offset)?)),
        None => Some((zones.get(tzid), parsed.date_time)),
    }
}

/// Like [`wall_clock`], as an instant; without a TZID of its own the event's zone holds.
pub fn entry_instant(value: &PartialDateTime, tzid: Option<&str>, own: Zone, zones: &Zones) -> Option<i64> {
    let (zone, local) = wall_clock(value, tzid, zones)?;
    let floats = tzid.is_none() && !value.has_zone();
    instant(if floats { own } else { zone }, local)
}

fn length(
    component: &ICalendarComponent,
    start_value: &PartialDateTime,
    zone: Zone,
    start: NaiveDateTime,
    zones: &Zones,
) -> Result<Length, &'static str> {
    let all_day = !start_value.has_time();
    let length = if let Some(entry) = component.property(&ICalendarProperty::Dtend) {
        let value = date_time(entry).ok_or("its end is not a time")?;
        match (all_day, value.to_date_time()) {
            (true, Some(end)) => Length::Days((end.date_time - start).num_days()),
            _ => {
                let end = entry_instant(value, entry.tz_id(), zone, zones).ok_or("its end is not a time")?;
                Length::Seconds(end - instant(zone, start).ok_or("its start is not a time")?)
            }
        }
    } else if let Some(entry) = component.property(&ICalendarProperty::Duration) {
        let Some(ICalendarValue::Duration(duration)) = entry.values.first() else { return Err("its duration is not one") };
        let seconds = duration.to_time_delta().ok_or("its duration is not one")?.num_seconds();
        if all_day { Length::Days(seconds / 86_400) } else { Length::Seconds(seconds) }
    } else {
        // RFC 5545 §3.6.1: a day for a date, nothing for a time.
        if all_day { Length::Days(1) } else { Length::Seconds(0) }
    };
    let seconds = match length {
        Length::Days(days) => days.saturating_mul(86_400),
        Length::Seconds(seconds) => seconds,
    };
    match seconds {
        ..0 => Err("it ends before it starts"),
        0..=MAX_SECONDS => Ok(length),
        _ => Err("it is longer than 400 days"),
    }
}

/// What the event says about its owner's time. Cancelled, transparent and (by setting) declined ones say nothing.
///
/// A transparent event may still be *working elsewhere*, as Outlook writes it. Otherwise Outlook's own property is the most exact;
/// without it TENTATIVE, of the event or of the owner's answer, is tentative and all else busy.
fn kind(component: &ICalendarComponent, rules: &Rules) -> Option<BusyKind> {
    let answer = owners_answer(component, &rules.owner);
    let declined = rules.ignore_declined && answer == Some(&ICalendarParticipationStatus::Declined);
    if declined || component.status() == Some(&ICalendarStatus::Cancelled) {
        return None;
    }
    let outlook = outlook_kind(component);
    if component.transparency() == Some(&ICalendarTransparency::Transparent) {
        return outlook.filter(|kind| *kind == BusyKind::WorkingElsewhere);
    }
    let tentative =
        component.status() == Some(&ICalendarStatus::Tentative) || answer == Some(&ICalendarParticipationStatus::Tentative);
    let plain = if tentative { BusyKind::Tentative } else { BusyKind::Busy };
    Some(outlook.unwrap_or(plain)).filter(|kind| *kind != BusyKind::Free)
}

fn outlook_kind(component: &ICalendarComponent) -> Option<BusyKind> {
    let named = |entry: &&ICalendarEntry| matches!(&entry.name, ICalendarProperty::Other(name) if name.eq_ignore_ascii_case("X-MICROSOFT-CDO-BUSYSTATUS"));
    let text = component.entries.iter().find(named)?.values.first()?.as_text()?;
    match text.trim().to_ascii_uppercase().as_str() {
        "FREE" => Some(BusyKind::Free),
        "TENTATIVE" => Some(BusyKind::Tentative),
        "BUSY" => Some(BusyKind::Busy),
        "OOF" => Some(BusyKind::OutOfOffice),
        "WORKINGELSEWHERE" => Some(BusyKind::WorkingElsewhere),
        _ => None,
    }
}

fn owners_answer<'a>(component: &'a ICalendarComponent, owner: &str) -> Option<&'a ICalendarParticipationStatus> {
    let mine = component
        .properties(&ICalendarProperty::Attendee)
        .find(|entry| entry.calendar_address().is_some_and(|address| address.eq_ignore_ascii_case(owner)))?;
    match mine.parameter(&ICalendarParameterName::Partstat)? {
        ICalendarParameterValue::Partstat(status) => Some(status),
        _ => None,
    }
}

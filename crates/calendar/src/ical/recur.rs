//! Recurrence rules (RFC 5545 §3.3.10) on the wall clock: zones come later, so that 9 o'clock stays 9 o'clock.

use calcard::common::PartialDateTime;
use calcard::common::timezone::Tz;
use calcard::icalendar::{
    ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarEntry, ICalendarFrequency, ICalendarProperty,
    ICalendarRecurrenceRule, ICalendarValue,
};
use chrono::{Datelike, NaiveDateTime, Timelike};

/// Times per day that BYHOUR, BYMINUTE and BYSECOND may multiply to.
const MAX_TIMES_PER_DAY: usize = 96;
/// Rules by the hour are walked step by step: not from before this year.
const FIRST_HOURLY_YEAR: i32 = 1990;

pub struct Starts {
    /// In order; the first is the series' own start.
    pub starts: Vec<NaiveDateTime>,
    /// True when there were more than the limit.
    pub cut: bool,
}

/// The local starts of a series up to and including `until` (its own UNTIL is to be cut down by the caller), at most `limit`.
/// Rules that would take unbounded work, or repeat more often than hourly, are refused: no meeting does.
pub fn starts(
    first: NaiveDateTime,
    rule: &ICalendarRecurrenceRule,
    until: NaiveDateTime,
    limit: usize,
) -> Result<Starts, &'static str> {
    check(first, rule)?;
    let own = rule.until.as_ref().and_then(PartialDateTime::to_date_time).map(|t| t.date_time);
    let last = own.map_or(until, |own| own.min(until));
    if last < first {
        return Ok(Starts { starts: Vec::new(), cut: false });
    }
    let mut bounded = rule.clone();
    bounded.until = Some(partial(last));
    let expanded = event(first, bounded).expand_dates(Tz::UTC, limit + 1);
    if !expanded.errors.is_empty() {
        return Err("its recurrence rule is not understood");
    }
    let mut starts: Vec<NaiveDateTime> = expanded.events.iter().map(|e| e.start.naive_utc()).collect();
    let cut = starts.len() > limit;
    starts.truncate(limit);
    Ok(Starts { starts, cut })
}

fn check(first: NaiveDateTime, rule: &ICalendarRecurrenceRule) -> Result<(), &'static str> {
    let often = match rule.freq {
        ICalendarFrequency::Secondly | ICalendarFrequency::Minutely => true,
        ICalendarFrequency::Hourly => first.year() < FIRST_HOURLY_YEAR,
        _ => false,
    };
    if often {
        return Err("it repeats more often than is followed");
    }
    let times = [&rule.byhour, &rule.byminute, &rule.bysecond].into_iter().map(|list| list.len().max(1)).product::<usize>();
    if times > MAX_TIMES_PER_DAY {
        return Err("its recurrence rule names too many times of day");
    }
    Ok(())
}

/// A component with nothing but a start and a rule.
fn event(first: NaiveDateTime, rule: ICalendarRecurrenceRule) -> ICalendar {
    let entry = |name, value| ICalendarEntry { name, params: Vec::new(), values: vec![value] };
    let entries = vec![
        entry(ICalendarProperty::Dtstart, ICalendarValue::PartialDateTime(Box::new(partial(first)))),
        entry(ICalendarProperty::Rrule, ICalendarValue::RecurrenceRule(Box::new(rule))),
    ];
    let component = ICalendarComponent { component_type: ICalendarComponentType::VEvent, entries, component_ids: Vec::new() };
    ICalendar { components: vec![component] }
}

fn partial(local: NaiveDateTime) -> PartialDateTime {
    let byte = |n: u32| u8::try_from(n).ok();
    PartialDateTime {
        year: u16::try_from(local.year()).ok(),
        month: byte(local.month()),
        day: byte(local.day()),
        hour: byte(local.hour()),
        minute: byte(local.minute()),
        second: byte(local.second()),
        ..PartialDateTime::default()
    }
}

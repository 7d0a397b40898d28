//! Time zones of a calendar: by name (IANA, Windows, and the ways programs decorate them), else by what a VTIMEZONE says.

use super::recur;
use crate::source::Window;
use calcard::common::PartialDateTime;
use calcard::common::timezone::Tz;
use calcard::icalendar::{ICalendar, ICalendarComponent, ICalendarComponentType, ICalendarProperty, ICalendarValue};
use calcard::{Entry, Parser};
use chrono::{DateTime, NaiveDateTime, Offset, TimeDelta, TimeZone};
use std::collections::HashMap;
use std::str::FromStr;

/// A time zone with all its rules.
pub type Zone = Tz;

/// Seconds around the window in which a VTIMEZONE is compared with known zones: past both changes of a year.
const COMPARED: i64 = 370 * 86_400;

/// VTIMEZONEs of one calendar object that are read.
pub(super) const MAX_ZONES: usize = 50;

/// The zone of a name: IANA (`Asia/Tokyo`), Windows (`Tokyo Standard Time`), or either behind a path (`/vendor/Asia/Tokyo`).
pub fn zone_by_name(name: &str) -> Option<Zone> {
    let mut rest = name.trim().trim_matches('"');
    loop {
        if let Ok(zone) = Tz::from_str(rest) {
            return Some(zone);
        }
        rest = rest.split_once('/')?.1;
    }
}

/// The zone of a CALDAV:calendar-timezone property (RFC 4791 §5.2.2): an iCalendar object with one VTIMEZONE.
pub fn calendar_zone(text: &str, window: Window) -> Option<Zone> {
    let Entry::ICalendar(calendar) = Parser::new(text).entry() else { return None };
    let component = calendar.timezones().next()?;
    zone_of(&calendar, component, window).map(|(_, zone)| zone)
}

/// The zones one calendar object speaks of.
pub struct Zones {
    named: HashMap<String, Zone>,
    default: Zone,
}

impl Zones {
    pub fn of(calendar: &ICalendar, default: Zone, window: Window) -> Self {
        let zones = calendar.timezones().take(MAX_ZONES).filter_map(|component| zone_of(calendar, component, window));
        Zones { named: zones.collect(), default }
    }

    /// The zone of a TZID parameter; without one, or with one that nobody knows, the default.
    pub fn get(&self, tzid: Option<&str>) -> Zone {
        let known = tzid.and_then(|id| self.named.get(id).copied().or_else(|| zone_by_name(id)));
        known.unwrap_or(self.default)
    }
}

/// RFC 5545 §3.3.5: of a time that occurs twice the first; a time that does not occur is counted with the offset before the gap.
pub fn instant(zone: Zone, local: NaiveDateTime) -> Option<i64> {
    if let Some(time) = zone.from_local_datetime(&local).earliest() {
        return Some(time.timestamp());
    }
    let before = local.checked_sub_signed(TimeDelta::hours(3))?;
    let offset = zone.from_local_datetime(&before).earliest()?.offset().fix().local_minus_utc();
    Some(local.and_utc().timestamp() - i64::from(offset))
}

/// The wall clock of a zone at an instant.
pub fn local(zone: Zone, at: i64) -> Option<NaiveDateTime> {
    Some(DateTime::from_timestamp(at, 0)?.with_timezone(&zone).naive_local())
}

fn offset_at(zone: chrono_tz::Tz, at: i64) -> Option<i64> {
    let utc = DateTime::from_timestamp(at, 0)?.naive_utc();
    Some(i64::from(zone.offset_from_utc_datetime(&utc).fix().local_minus_utc()))
}

fn zone_of(calendar: &ICalendar, component: &ICalendarComponent, window: Window) -> Option<(String, Zone)> {
    let id = component.property(&ICalendarProperty::Tzid)?.values.first()?.as_text()?.to_owned();
    let by_name = component.timezone().map(|(_, zone)| zone).or_else(|| zone_by_name(&id));
    let zone = by_name.or_else(|| zone_by_rules(calendar, component, window.start.secs()))?;
    Some((id, zone))
}

/// RFC 5545 §3.6.5: from some local time on, an offset holds.
struct Change {
    at: i64,
    offset: i64,
}

/// A home-made VTIMEZONE (`Customized Time Zone`): the known zone that has the same offsets around the window, else the
/// offset that holds at its start.
fn zone_by_rules(calendar: &ICalendar, component: &ICalendarComponent, start: i64) -> Option<Zone> {
    let mut changes: Vec<Change> = component
        .component_ids
        .iter()
        .filter_map(|id| calendar.component_by_id(*id))
        .filter(|c| matches!(c.component_type, ICalendarComponentType::Standard | ICalendarComponentType::Daylight))
        .flat_map(|observance| changes_of(observance, start + COMPARED).unwrap_or_default())
        .collect();
    changes.sort_by_key(|change| change.at);
    let offset = |at: i64| changes.iter().rev().find(|c| c.at <= at).or(changes.first()).map(|c| c.offset);
    let near = changes.iter().map(|c| c.at).filter(|at| (start - COMPARED..start + COMPARED).contains(at));
    let mut samples: Vec<i64> = near.flat_map(|at| [at - 60, at + 60]).collect();
    samples.extend([start, start + COMPARED / 2]);
    let wanted: Vec<(i64, i64)> = samples.into_iter().filter_map(|at| Some((at, offset(at)?))).collect();
    if wanted.is_empty() {
        return None;
    }
    let same = |zone: &&chrono_tz::Tz| wanted.iter().all(|(at, offset)| offset_at(**zone, *at) == Some(*offset));
    match chrono_tz::TZ_VARIANTS.iter().find(same) {
        Some(zone) => Some(Tz::from(*zone)),
        None => chrono::FixedOffset::east_opt(i32::try_from(offset(start)?).ok()?).map(Tz::Fixed),
    }
}

fn changes_of(observance: &ICalendarComponent, end: i64) -> Option<Vec<Change>> {
    let to = seconds(observance.property(&ICalendarProperty::Tzoffsetto)?.values.first()?)?;
    let from = observance.property(&ICalendarProperty::Tzoffsetfrom).and_then(|e| seconds(e.values.first()?)).unwrap_or(to);
    let start =
        observance.property(&ICalendarProperty::Dtstart)?.values.first()?.as_partial_date_time()?.to_date_time()?.date_time;
    let rule = observance.property(&ICalendarProperty::Rrule).and_then(|e| e.values.first());
    let starts = match rule {
        Some(ICalendarValue::RecurrenceRule(rule)) => {
            let until = DateTime::from_timestamp(end, 0)?.naive_utc();
            recur::starts(start, rule, until, 2_000).ok()?.starts
        }
        _ => vec![start],
    };
    Some(starts.into_iter().map(|local| Change { at: local.and_utc().timestamp() - from, offset: to }).collect())
}

/// `+0100` as seconds.
fn seconds(value: &ICalendarValue) -> Option<i64> {
    let PartialDateTime { tz_hour, tz_minute, tz_minus, .. } = value.as_partial_date_time()?;
    let amount = i64::from((*tz_hour)?) * 3_600 + i64::from(tz_minute.unwrap_or(0)) * 60;
    Some(if *tz_minus { -amount } else { amount })
}

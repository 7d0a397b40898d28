//! Times as EWS writes them (XML Schema `dateTime`).

use chrono::{DateTime, NaiveDateTime};
use zaiseki_model::Timestamp;

/// Reads `2026-11-27T19:00:00`, with or without a fraction, with `Z`, an offset, or nothing, which then means UTC (the zone we
/// send in every request).
pub fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    let micros = match DateTime::parse_from_rfc3339(text) {
        Ok(with_offset) => with_offset.timestamp_micros(),
        Err(_) => NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok()?.and_utc().timestamp_micros(),
    };
    Some(Timestamp(micros))
}

/// `2026-11-27T19:00:00`, in UTC, whole seconds; an impossible time becomes the epoch.
pub fn bare(t: Timestamp) -> String {
    let time = DateTime::from_timestamp(t.secs(), 0).unwrap_or_default();
    time.format("%Y-%m-%dT%H:%M:%S").to_string()
}

/// `20261127T190000Z`, as iCalendar and CalDAV want it (RFC 5545 §3.3.5 form 2).
pub fn compact(t: Timestamp) -> String {
    let time = DateTime::from_timestamp(t.secs(), 0).unwrap_or_default();
    time.format("%Y%m%dT%H%M%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_are_read() {
        let expected = Timestamp::from_secs(1_795_820_400);
        for text in ["2026-11-27T23:00:00", "2026-11-27T23:00:00Z", "2026-11-27T18:00:00-05:00", "2026-11-27T23:00:00.0000000"] {
            assert_eq!(parse(text), Some(expected), "{text}");
        }
        assert_eq!(bare(expected), "2026-11-27T23:00:00");
        assert_eq!(compact(expected), "20261127T230000Z");
        for bad in ["", "2026-11-27", "2026-13-01T00:00:00Z", "soon"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}

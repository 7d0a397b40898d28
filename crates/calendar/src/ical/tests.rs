use super::*;
use chrono::NaiveDateTime;
use proptest::prelude::*;
use std::fmt::Write;
use zaiseki_model::BusyKind;

fn secs(text: &str) -> i64 {
    NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M").unwrap().and_utc().timestamp()
}

fn days(from: &str, to: &str) -> Window {
    let at = |day: &str| Timestamp::from_secs(secs(&format!("{day} 00:00")));
    Window { start: at(from), end: at(to) }
}

fn rules(zone: &str) -> Rules {
    Rules { zone: zone_by_name(zone).unwrap(), ignore_declined: true, owner: "hanako@example.test".to_owned() }
}

/// Each body is one VEVENT's lines; the result is `start-end kind` in UTC, in order.
fn expand(events: &[&str], window: Window, zone: &str) -> (Vec<String>, Vec<String>) {
    let mut text = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\n".to_owned();
    for event in events {
        match event.strip_prefix("RAW\n") {
            Some(raw) => writeln!(text, "{raw}\r").unwrap(),
            None => write!(text, "BEGIN:VEVENT\r\nUID:u1\r\n{}\r\nEND:VEVENT\r\n", event.replace('\n', "\r\n")).unwrap(),
        }
    }
    text.push_str("END:VCALENDAR\r\n");
    let mut reading = Reading::default();
    read("e.ics", &text, window, &rules(zone), &mut reading);
    let mut spans = reading.intervals;
    spans.sort_by_key(|i| i.start);
    let show = |t: Timestamp| chrono::DateTime::from_timestamp(t.secs(), 0).unwrap().format("%m-%d %H:%M").to_string();
    let shown = spans.iter().map(|i| format!("{}..{} {:?}", show(i.start), show(i.end), i.kind)).collect();
    (shown, reading.skipped)
}

fn spans(events: &[&str], window: Window, zone: &str) -> Vec<String> {
    let (spans, skipped) = expand(events, window, zone);
    assert_eq!(skipped, Vec::<String>::new());
    spans
}

#[test]
fn a_series_with_moved_cancelled_and_removed_instances() {
    let series = "DTSTART;TZID=Europe/Berlin:20261101T090000\nDTEND;TZID=Europe/Berlin:20261101T100000\nRRULE:FREQ=DAILY\n\
                  EXDATE;TZID=Europe/Berlin:20261105T090000\nSEQUENCE:0";
    let moved = "RECURRENCE-ID;TZID=Europe/Berlin:20261103T090000\nDTSTART;TZID=Europe/Berlin:20261103T140000\n\
                 DTEND;TZID=Europe/Berlin:20261103T150000\nSEQUENCE:2";
    let cancelled = "RECURRENCE-ID;TZID=Europe/Berlin:20261104T090000\nDTSTART;TZID=Europe/Berlin:20261104T090000\n\
                     DTEND;TZID=Europe/Berlin:20261104T100000\nSTATUS:CANCELLED";
    let moved_in = "RECURRENCE-ID:20270301T080000Z\nDTSTART:20261102T120000Z\nDTEND:20261102T123000Z";
    let found = spans(&[series, moved, cancelled, moved_in], days("2026-11-02", "2026-11-07"), "UTC");
    let expected = [
        "11-02 08:00..11-02 09:00 Busy",
        "11-02 12:00..11-02 12:30 Busy",
        "11-03 13:00..11-03 14:00 Busy",
        "11-06 08:00..11-06 09:00 Busy",
    ];
    assert_eq!(found, expected);
}

#[test]
fn nine_o_clock_stays_nine_o_clock_over_both_changes() {
    let daily = "DTSTART;TZID=Europe/Berlin:20260101T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY";
    let found = spans(&[daily], days("2026-03-28", "2026-03-30"), "UTC");
    assert_eq!(found, ["03-28 08:00..03-28 09:00 Busy", "03-29 07:00..03-29 08:00 Busy"]);
    let found = spans(&[daily], days("2026-10-24", "2026-10-26"), "UTC");
    assert_eq!(found, ["10-24 07:00..10-24 08:00 Busy", "10-25 08:00..10-25 09:00 Busy"]);
}

#[test]
fn times_that_occur_twice_or_never() {
    // RFC 5545 §3.3.5: the first of two; before the gap's offset when there is none. As series and alone.
    for rule in ["", "\nRRULE:FREQ=DAILY;COUNT=1"] {
        let twice = format!("DTSTART;TZID=Europe/Berlin:20261025T023000\nDURATION:PT15M{rule}");
        assert_eq!(spans(&[&twice], days("2026-10-25", "2026-10-26"), "UTC"), ["10-25 00:30..10-25 00:45 Busy"]);
        let never = format!("DTSTART;TZID=Europe/Berlin:20260329T023000\nDURATION:PT15M{rule}");
        assert_eq!(spans(&[&never], days("2026-03-29", "2026-03-30"), "UTC"), ["03-29 01:30..03-29 01:45 Busy"]);
    }
}

#[test]
fn until_in_utc_and_as_date_includes_the_last_one() {
    for until in ["20261103T000000Z", "20261103T090000", "20261103"] {
        let series = format!("DTSTART;TZID=Asia/Tokyo:20261101T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL={until}");
        let found = spans(&[&series], days("2026-11-02", "2026-11-06"), "UTC");
        assert_eq!(found, ["11-02 00:00..11-02 01:00 Busy", "11-03 00:00..11-03 01:00 Busy"], "{until}");
    }
}

#[test]
fn a_utc_series_is_not_moved_by_the_default_zone() {
    let series = "DTSTART:20261101T230000Z\nDTEND:20261102T000000Z\nRRULE:FREQ=WEEKLY;BYDAY=SU";
    let found = spans(&[series], days("2026-11-08", "2026-11-10"), "Asia/Tokyo");
    assert_eq!(found, ["11-08 23:00..11-09 00:00 Busy"]);
    let mixed = "DTSTART;TZID=Asia/Tokyo:20261101T090000\nDTEND:20261101T010000Z\nRRULE:FREQ=DAILY";
    assert_eq!(spans(&[mixed], days("2026-11-08", "2026-11-09"), "UTC"), ["11-08 00:00..11-08 01:00 Busy"]);
}

#[test]
fn rdates_and_all_later_ones() {
    let series = "DTSTART:20261101T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=4\n\
                  RDATE:20261103T150000Z\nRDATE;VALUE=PERIOD:20261102T200000Z/PT5M,20261102T210000Z/20261102T211000Z";
    let later = "RECURRENCE-ID;RANGE=THISANDFUTURE:20261103T090000Z\nDTSTART:20261103T100000Z\nDURATION:PT30M";
    let found = spans(&[series, later], days("2026-11-02", "2026-11-10"), "UTC");
    let expected = [
        "11-02 09:00..11-02 10:00 Busy",
        "11-02 20:00..11-02 20:05 Busy",
        "11-02 21:00..11-02 21:10 Busy",
        "11-03 10:00..11-03 10:30 Busy",
        "11-03 16:00..11-03 16:30 Busy",
        "11-04 10:00..11-04 10:30 Busy",
    ];
    assert_eq!(found, expected);
}

#[test]
fn all_day_events_are_days_of_the_zone() {
    let day = "DTSTART;VALUE=DATE:20261102\nDTEND;VALUE=DATE:20261103";
    assert_eq!(spans(&[day], days("2026-11-01", "2026-11-04"), "Asia/Tokyo"), ["11-01 15:00..11-02 15:00 Busy"]);
    let without_end = "DTSTART;VALUE=DATE:20261102";
    assert_eq!(spans(&[without_end], days("2026-11-02", "2026-11-03"), "UTC"), ["11-02 00:00..11-03 00:00 Busy"]);
    // The day of the change has 25 hours.
    let weekly = "DTSTART;VALUE=DATE:20261018\nDTEND;VALUE=DATE:20261019\nRRULE:FREQ=WEEKLY\nEXDATE;VALUE=DATE:20261101";
    let found = spans(&[weekly], days("2026-10-20", "2026-11-10"), "Europe/Berlin");
    assert_eq!(found, ["10-24 22:00..10-25 23:00 Busy", "11-07 23:00..11-08 23:00 Busy"]);
}

#[test]
fn what_does_not_count_and_what_counts_less() {
    let window = days("2026-11-02", "2026-11-03");
    let kind = |lines: &str| {
        let found = spans(&[&format!("DTSTART:20261102T090000Z\nDTEND:20261102T100000Z\n{lines}")], window, "UTC");
        found.first().map(|span| span.rsplit(' ').next().unwrap().to_owned())
    };
    let me = "ATTENDEE;PARTSTAT=";
    for (lines, expected) in [
        ("SUMMARY:x", Some("Busy")),
        ("TRANSP:TRANSPARENT", None),
        ("STATUS:CANCELLED", None),
        ("STATUS:TENTATIVE", Some("Tentative")),
        ("X-MICROSOFT-CDO-BUSYSTATUS:OOF", Some("OutOfOffice")),
        ("X-MICROSOFT-CDO-BUSYSTATUS:FREE", None),
        ("X-MICROSOFT-CDO-BUSYSTATUS:BUSY\nTRANSP:TRANSPARENT", None),
        ("X-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE\nTRANSP:TRANSPARENT", Some("WorkingElsewhere")),
        (&format!("{me}DECLINED:mailto:Hanako@example.test"), None),
        (&format!("{me}DECLINED:mailto:taro@example.test"), Some("Busy")),
        (&format!("{me}TENTATIVE:MAILTO:hanako@example.test"), Some("Tentative")),
        (&format!("{me}ACCEPTED:mailto:hanako@example.test"), Some("Busy")),
    ] {
        assert_eq!(kind(lines).as_deref(), expected, "{lines}");
    }
    assert_eq!(kind("").as_deref(), Some("Busy"));
    let mut open = rules("UTC");
    open.ignore_declined = false;
    let text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a\nDTSTART:20261102T090000Z\nDTEND:20261102T100000Z\n\
                ATTENDEE;PARTSTAT=DECLINED:mailto:hanako@example.test\nEND:VEVENT\nEND:VCALENDAR";
    let mut reading = Reading::default();
    read("a", text, window, &open, &mut reading);
    assert_eq!(reading.intervals.first().map(|i| i.kind), Some(BusyKind::Busy));
}

#[test]
fn zones_by_many_names() {
    let window = days("2026-07-01", "2026-07-02");
    for name in ["Europe/Berlin", "W. Europe Standard Time", "/vendor.test/20260101_1/Europe/Berlin", "\"Europe/Berlin\""] {
        let event = format!("DTSTART;TZID={name}:20260701T090000\nDURATION:PT1H");
        assert_eq!(spans(&[&event], window, "UTC"), ["07-01 07:00..07-01 08:00 Busy"], "{name}");
    }
    let own = "RAW\nBEGIN:VTIMEZONE\r\nTZID:Customized Time Zone\r\nBEGIN:STANDARD\r\nDTSTART:16010101T030000\r\n\
               TZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\nEND:STANDARD\r\n\
               BEGIN:DAYLIGHT\r\nDTSTART:16010101T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\n\
               RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r";
    let event = "DTSTART;TZID=Customized Time Zone:20260105T090000\nDURATION:PT1H\nRRULE:FREQ=DAILY";
    assert_eq!(spans(&[own, event], window, "Asia/Tokyo"), ["07-01 07:00..07-01 08:00 Busy"]);
    let winter = days("2026-12-01", "2026-12-02");
    assert_eq!(spans(&[own, event], winter, "Asia/Tokyo"), ["12-01 08:00..12-01 09:00 Busy"]);
    let fixed = "RAW\nBEGIN:VTIMEZONE\r\nTZID:Mine\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n\
                 TZOFFSETFROM:+0117\r\nTZOFFSETTO:+0117\r\nEND:STANDARD\r\nEND:VTIMEZONE\r";
    let event = "DTSTART;TZID=Mine:20260701T090000\nDURATION:PT1H";
    assert_eq!(spans(&[fixed, event], window, "UTC"), ["07-01 07:43..07-01 08:43 Busy"]);
    let floating = "DTSTART:20260701T090000\nDURATION:PT1H";
    assert_eq!(spans(&[floating], window, "Asia/Tokyo"), ["07-01 00:00..07-01 01:00 Busy"]);
}

#[test]
fn zones_of_one_object_are_read_up_to_the_limit() {
    let window = days("2026-07-01", "2026-07-02");
    let read_with = |zones: usize| {
        let own = (1..=zones).fold("RAW".to_owned(), |text, n| {
            text + &format!(
                "\nBEGIN:VTIMEZONE\r\nTZID:Mine {n}\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n\
                 TZOFFSETFROM:+0117\r\nTZOFFSETTO:+0117\r\nEND:STANDARD\r\nEND:VTIMEZONE\r"
            )
        });
        let event = format!("DTSTART;TZID=Mine {zones}:20260701T090000\nDURATION:PT1H");
        spans(&[&own, &event], window, "UTC")
    };
    assert_eq!(read_with(zones::MAX_ZONES), ["07-01 07:43..07-01 08:43 Busy"]);
    assert_eq!(read_with(zones::MAX_ZONES + 1), ["07-01 09:00..07-01 10:00 Busy"], "one past: the default zone");
}

#[test]
fn one_bad_event_is_named_and_the_rest_stands() {
    let window = days("2026-11-02", "2026-11-03");
    let good = "RAW\nBEGIN:VEVENT\r\nUID:good\r\nDTSTART:20261102T090000Z\r\nDTEND:20261102T100000Z\r\nEND:VEVENT\r";
    for (bad, why) in [
        ("SUMMARY:secret", "no start"),
        ("DTSTART:tomorrow\nDURATION:PT1H", "not a time"),
        ("DTSTART:20261102T090000Z\nDTEND:20261102T080000Z", "before it starts"),
        ("DTSTART:20261102T090000Z\nDTEND:20991102T080000Z", "400 days"),
        ("DTSTART:20261102T090000Z\nDURATION:PT1H\nRRULE:FREQ=SECONDLY", "more often"),
        ("DTSTART:19001102T090000Z\nDURATION:PT1H\nRRULE:FREQ=HOURLY", "more often"),
        (
            "DTSTART:20261101T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;BYHOUR=0,1,2,3;BYMINUTE=0,1,2,3,4,5,6,7,8,9;BYSECOND=1,2,3",
            "times of day",
        ),
    ] {
        let (spans, skipped) = expand(&[bad, good], window, "UTC");
        assert_eq!(spans, ["11-02 09:00..11-02 10:00 Busy"], "{bad}");
        assert_eq!(skipped.len(), 1, "{bad}: {skipped:?}");
        assert!(skipped[0].starts_with("u1: ") && skipped[0].contains(why), "{bad}: {skipped:?}");
        assert!(!skipped[0].contains("secret"));
    }
    let mut reading = Reading::default();
    for text in ["", "<html>", "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:2026"] {
        read("x.ics", text, window, &rules("UTC"), &mut reading);
    }
    assert_eq!(reading.skipped.len(), 3, "{:?}", reading.skipped);
}

#[test]
fn old_series_reach_the_window_and_endless_ones_are_cut() {
    let old = "DTSTART:19900101T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY";
    assert_eq!(spans(&[old], days("2026-11-02", "2026-11-03"), "UTC"), ["11-02 09:00..11-02 10:00 Busy"]);
    let endless = "DTSTART:16040101T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY";
    let (found, skipped) = expand(&[endless], days("2026-11-02", "2026-11-03"), "UTC");
    assert!(found.is_empty() && skipped[0].contains("longer than is followed"), "{skipped:?}");
    let few = Budget { occurrences: 100, time: MAX_TIME };
    let mut reading = Reading { budget: few, ..Reading::default() };
    let text = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a\nDTSTART:20200101T090000Z\nRRULE:FREQ=DAILY\nEND:VEVENT\n\
                BEGIN:VEVENT\nUID:b\nDTSTART:20261102T090000Z\nDURATION:PT1H\nEND:VEVENT\nEND:VCALENDAR";
    read("x", text, days("2026-11-02", "2026-11-03"), &rules("UTC"), &mut reading);
    assert!(reading.skipped.iter().any(|line| line.starts_with("b: ")), "the budget ends work: {:?}", reading.skipped);
}

#[test]
fn skipped_lines_are_few_and_the_time_is_bounded() {
    let mut reading = Reading::default();
    for i in 0..MAX_SKIPPED + 2 {
        reading.skip(&format!("event {i}"), "bad");
    }
    assert_eq!(reading.skipped.len(), MAX_SKIPPED + 1);
    assert_eq!(reading.skipped.last().map(String::as_str), Some("and others"));

    // Rules that never come true cost the most.
    let mut text = "BEGIN:VCALENDAR\n".to_owned();
    for i in 0..3_000 {
        let rule = ["DAILY;BYMONTH=2;BYMONTHDAY=30", "MONTHLY;BYMONTH=2;BYMONTHDAY=31", "HOURLY;BYMONTH=2;BYMONTHDAY=30"][i % 3];
        writeln!(text, "BEGIN:VEVENT\nUID:{i}\nDTSTART:20200101T090000Z\nDURATION:PT1H\nRRULE:FREQ={rule}\nEND:VEVENT").unwrap();
    }
    text.push_str("END:VCALENDAR");
    let begun = Instant::now();
    let short = Budget { occurrences: MAX_WORK, time: Duration::from_millis(200) };
    let mut reading = Reading { budget: short, ..Reading::default() };
    read("slow", &text, days("2026-11-02", "2026-11-03"), &rules("UTC"), &mut reading);
    assert!(reading.skipped[0].contains("more than is followed"), "{:?}", reading.skipped);
    assert!(begun.elapsed() < MAX_TIME * 4, "{:?}", begun.elapsed());
}

#[test]
fn free_busy_answers() {
    let text = "BEGIN:VCALENDAR\r\nBEGIN:VFREEBUSY\r\nFREEBUSY:20261102T090000Z/20261102T100000Z\r\n\
                FREEBUSY;FBTYPE=BUSY-TENTATIVE:20261102T110000Z/PT30M,20261102T150000Z/PT5\r\n M\r\n\
                FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20261102T180000Z/20261102T190000Z\r\nFREEBUSY;FBTYPE=FREE:20261102T200000Z/PT1H\r\n\
                FREEBUSY:nonsense\r\nEND:VFREEBUSY\r\nEND:VCALENDAR\r\n";
    let mut reading = Reading::default();
    assert!(read_freebusy("fb", text, &mut reading));
    let kinds: Vec<_> = reading.intervals.iter().map(|i| i.kind).collect();
    use BusyKind::{Busy, Free, OutOfOffice, Tentative};
    assert_eq!(kinds, [Busy, Tentative, Tentative, OutOfOffice, Free]);
    assert_eq!(reading.skipped.len(), 1);
    assert_eq!(reading.intervals[2].end.secs(), secs("2026-11-02 15:05"));
    assert!(!read_freebusy("fb", "<html/>", &mut reading));
}

const LINE: &str = "(BEGIN|END|DTSTART|DTEND|DURATION|RRULE|EXDATE|RDATE|RECURRENCE-ID|TZID|TZOFFSETTO|UID)\
                    (;TZID=[A-Z/]{0,6}|;VALUE=(DATE|PERIOD))?:\
                    (VEVENT|VCALENDAR|VTIMEZONE|STANDARD|[0-9]{4,8}(T[0-9]{4,6}Z?)?(/PT?[0-9]{1,9}[HMSWD])?|\
                    FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY|HOURLY|X);?(COUNT|INTERVAL|BYDAY|BYSETPOS|BYMONTHDAY|BYWEEKNO|BYYEARDAY|UNTIL)=-?[0-9A-Z,]{0,9}|\
                    -?P?T?[0-9]{1,9}[HMSWD])";

proptest! {
    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut reading = Reading::default();
        let text = String::from_utf8_lossy(&bytes);
        read_all("g", &text, days("2026-11-02", "2026-11-03"), &rules("UTC"), &mut reading);
        super::freebusy::read_unfenced("g", &text, &mut reading);
    }

    #[test]
    fn nearly_calendars_never_panic(lines in prop::collection::vec(LINE, 0..12)) {
        let text = format!("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\n{}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", lines.join("\r\n"));
        let mut reading = Reading::default();
        let window = days("2026-11-02", "2026-11-03");
        read_all("g", &text, window, &rules("America/New_York"), &mut reading);
        for interval in &reading.intervals {
            prop_assert!(interval.start < window.end && interval.end >= window.start);
        }
    }
}

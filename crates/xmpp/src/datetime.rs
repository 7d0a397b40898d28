//! XEP-0082 dates: UTC instants as text. Civil-date arithmetic in the proleptic Gregorian calendar.

const MICROS_PER_SEC: i64 = 1_000_000;
const SECS_PER_DAY: i64 = 86_400;

/// `2026-11-23T10:00:00.123456Z` from microseconds since 1970-01-01T00:00:00Z. Years outside 0..=9999 are
/// clamped to the nearest instant that has four digits.
pub fn format(micros: i64) -> String {
    let micros = clamp(micros);
    let fraction = micros.rem_euclid(MICROS_PER_SEC);
    format!("{}.{fraction:06}Z", civil(micros.div_euclid(MICROS_PER_SEC)))
}

/// As [`format`], without the fraction: `2026-11-23T10:00:00Z` (rounded down).
pub fn format_seconds(micros: i64) -> String {
    format!("{}Z", civil(clamp(micros).div_euclid(MICROS_PER_SEC)))
}

/// Microseconds since the epoch of an XEP-0082 §3.2 DateTime: `CCYY-MM-DDThh:mm:ss[.sss]TZD`. A fraction finer
/// than a microsecond is cut off; a leap second counts as the second after it. `None` when malformed.
pub fn parse(text: &str) -> Option<i64> {
    let b = text.as_bytes();
    let punctuation = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if b.len() < 20 || punctuation.iter().any(|&(i, c)| b[i] != c) {
        return None;
    }
    let day = days(number(&b[0..4])?, number(&b[5..7])?, number(&b[8..10])?)?;
    let (hour, minute, second) = (number(&b[11..13])?, number(&b[14..16])?, number(&b[17..19])?);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (fraction, zone) = fraction(&b[19..])?;
    let seconds = day * SECS_PER_DAY + hour * 3600 + minute * 60 + second - offset(zone)?;
    Some(seconds * MICROS_PER_SEC + fraction)
}

/// The fraction in microseconds and what follows it.
fn fraction(rest: &[u8]) -> Option<(i64, &[u8])> {
    let Some(digits) = rest.strip_prefix(b".") else { return Some((0, rest)) };
    let len = digits.iter().take_while(|c| c.is_ascii_digit()).count();
    if len == 0 {
        return None;
    }
    let micros = (0..6).fold(0, |n, i| n * 10 + if i < len { i64::from(digits[i] - b'0') } else { 0 });
    Some((micros, &digits[len..]))
}

/// Seconds east of UTC of `Z` or `±hh:mm`.
fn offset(zone: &[u8]) -> Option<i64> {
    match zone {
        b"Z" => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?);
            let seconds = (hours <= 23 && minutes <= 59).then_some(hours * 3600 + minutes * 60)?;
            Some(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |n, c| c.is_ascii_digit().then(|| n * 10 + i64::from(c - b'0')))
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn month_days(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01. Years are counted from March, so that the leap day is a year's last.
fn days(year: i64, month: i64, day: i64) -> Option<i64> {
    if !(1..=12).contains(&month) || day < 1 || day > month_days(year, month) {
        return None;
    }
    let y = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(y * 365 + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400) + day_of_year - 719_468)
}

/// `CCYY-MM-DDThh:mm:ss` of seconds since the epoch.
fn civil(seconds: i64) -> String {
    let (day, second) = (seconds.div_euclid(SECS_PER_DAY) + 719_468, seconds.rem_euclid(SECS_PER_DAY));
    let (era, day_of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let month = (shifted_month + 2) % 12 + 1;
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60)
}

/// 0000-01-01T00:00:00Z ..= 9999-12-31T23:59:59.999999Z.
fn clamp(micros: i64) -> i64 {
    micros.clamp(-62_167_219_200 * MICROS_PER_SEC, 253_402_300_800 * MICROS_PER_SEC - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_instants() {
        let vectors = [
            ("1970-01-01T00:00:00.000000Z", 0),
            ("1969-07-21T02:56:15.000000Z", -14_159_025_000_000),
            ("2000-02-29T23:59:59.999999Z", 951_868_799_999_999),
            ("2026-11-23T10:00:00.123456Z", 1_795_428_000_123_456),
            ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
            ("0000-01-01T00:00:00.000000Z", -62_167_219_200_000_000),
        ];
        for (text, micros) in vectors {
            assert_eq!(parse(text), Some(micros), "{text}");
            assert_eq!(format(micros), text);
        }
        assert_eq!(format_seconds(1_795_428_000_999_999), "2026-11-23T10:00:00Z");
    }

    #[test]
    fn offsets_fractions_and_leap_seconds() {
        assert_eq!(parse("1969-07-20T21:56:15-05:00"), parse("1969-07-21T02:56:15Z"));
        assert_eq!(parse("2026-11-23T19:00:00.5+09:00"), parse("2026-11-23T10:00:00.500Z"));
        assert_eq!(parse("2026-11-23T10:00:00.1234567891Z"), parse("2026-11-23T10:00:00.123456Z"));
        assert_eq!(parse("2016-12-31T23:59:60Z"), parse("2017-01-01T00:00:00Z"));
    }

    #[test]
    fn malformed() {
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T10:00:00",
            "2026-13-01T00:00:00Z",
            "2025-02-29T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:61Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:00+9:00",
            "2026-01-01T00:00:00+24:00",
            "2026-01-01 00:00:00Z",
            "2026-01-01T00:00:00Zx",
            "+026-01-01T00:00:00Z",
            "20260123T00:00:00Zé",
            "２０26-01-01T00:00:00Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn out_of_range_is_clamped() {
        assert_eq!(format(i64::MAX), "9999-12-31T23:59:59.999999Z");
        assert_eq!(format(i64::MIN), "0000-01-01T00:00:00.000000Z");
    }

    proptest::proptest! {
        #[test]
        fn parse_inverts_format(micros in -62_167_219_200_000_000i64..253_402_300_800_000_000) {
            proptest::prop_assert_eq!(parse(&format(micros)), Some(micros));
        }

        #[test]
        fn parse_never_panics(text in "\\PC{0,40}") {
            let _ = parse(&text);
        }
    }
}

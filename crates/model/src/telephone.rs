//! Telephone numbers: from what people write to E.164.

/// Digits of an E.164 number, the country code included (ITU-T E.164 §6.2.1).
pub const E164_DIGITS: usize = 15;
/// Fewer digits than this after the country code are an extension rather than a number.
const LEAST_DIGITS: usize = 7;

/// `+81312345678` from `+81 (0)3-1234-5678`, `tel:+81-3-1234-5678` or, where `country` is `81`, `03-1234-5678`. `None` for
/// extensions and everything else that is not a number others could dial.
///
/// `country`: the country code of numbers written without one, digits only; their trunk prefix `0` goes.
pub fn e164(text: &str, country: Option<&str>) -> Option<String> {
    let text = text.trim();
    let text = text.strip_prefix("tel:").unwrap_or(text);
    let without_trunk = text.replace("(0)", "");
    let international = text.starts_with(['+', '＋']);
    let text = if international { without_trunk.as_str() } else { text };
    let mut digits = String::new();
    for c in text.chars() {
        match c {
            '0'..='9' => digits.push(c),
            '０'..='９' => digits.push(char::from(b'0' + u8::try_from(u32::from(c) - u32::from('０')).ok()?)),
            '+' | '＋' if digits.is_empty() => {}
            ' ' | '-' | '.' | '/' | '(' | ')' | '\u{a0}' | '－' | '‐' | '（' | '）' | '　' => {}
            _ => return None,
        }
    }
    if !international {
        digits = national(&digits, country?)?;
    }
    let dialled = (LEAST_DIGITS..=E164_DIGITS).contains(&digits.len()) && !digits.starts_with('0');
    dialled.then(|| format!("+{digits}"))
}

/// Only with a trunk prefix: without one it may be an extension.
fn national(digits: &str, country: &str) -> Option<String> {
    let subscriber = digits.strip_prefix('0').filter(|rest| !rest.starts_with('0'))?;
    (subscriber.len() >= LEAST_DIGITS).then(|| format!("{country}{subscriber}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_brought_to_one_form() {
        for (text, wanted) in [
            ("+81 (0)3-1234-5678", Some("+81312345678")),
            ("tel:+81-3-1234-5678", Some("+81312345678")),
            ("03-1234-5678", Some("+81312345678")),
            ("０３－１２３４－５６７８", Some("+81312345678")),
            ("090 1234 5678", Some("+819012345678")),
            ("+1.408.555.0100", Some("+14085550100")),
            ("5123", None),
            ("0120", None),
            ("0081312345678", None),
            ("+0312345678", None),
            ("ext. 12345678", None),
            ("", None),
            ("+", None),
            ("3+1234567", None),
        ] {
            assert_eq!(e164(text, Some("81")).as_deref(), wanted, "{text}");
        }
        assert_eq!(e164("03-1234-5678", None), None);
    }

    #[test]
    fn a_number_has_at_most_15_digits() {
        assert_eq!(e164("+123456789012345", None).as_deref(), Some("+123456789012345"));
        assert_eq!(e164("+1234567890123456", None), None);
    }
}

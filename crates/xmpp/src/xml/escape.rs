//! Escaping of text and attribute values, and back (XML 1.0 §2.4, §2.11, §3.3.3, §4.1).

use super::XmlError;
use super::chars::{CLASS, ESCAPE_TEXT, ESCAPE_VALUE, is_char};
use std::borrow::Cow;

/// Appends character data. `<`, `>`, `&` become entities, CR a character reference, since a reader would turn it into
/// LF. A character that XML cannot carry at all (most controls, U+FFFE, U+FFFF) becomes U+FFFD.
pub fn push_text(out: &mut Vec<u8>, text: &str) {
    push(out, text.as_bytes(), ESCAPE_TEXT);
}

/// Appends the inside of an attribute value, for either kind of quote. As [`push_text`]; quotes, TAB and LF are
/// escaped too, so that they survive the reader's normalisation of white space (XML 1.0 §3.3.3).
pub fn push_attr(out: &mut Vec<u8>, text: &str) {
    push(out, text.as_bytes(), ESCAPE_VALUE);
}

fn push(out: &mut Vec<u8>, text: &[u8], class: u8) {
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = text[at..].iter().position(|&b| CLASS[b as usize] & class != 0) {
        at += found;
        let (escaped, len): (&[u8], usize) = match text[at] {
            b'<' => (b"&lt;", 1),
            b'>' => (b"&gt;", 1),
            b'&' => (b"&amp;", 1),
            b'\'' => (b"&apos;", 1),
            b'"' => (b"&quot;", 1),
            b'\t' => (b"&#x9;", 1),
            b'\n' => (b"&#xA;", 1),
            b'\r' => (b"&#xD;", 1),
            0xEF if !matches!(text.get(at + 1..at + 3), Some([0xBF, 0xBE | 0xBF])) => {
                at += 3;
                continue;
            }
            0xEF => ("\u{FFFD}".as_bytes(), 3),
            _ => ("\u{FFFD}".as_bytes(), 1),
        };
        out.extend_from_slice(&text[copied..at]);
        out.extend_from_slice(escaped);
        at += len;
        copied = at;
    }
    out.extend_from_slice(&text[copied..]);
}

/// Character data as the sender meant it: references resolved, line ends made LF (XML 1.0 §2.11).
/// Fails on bytes that are not UTF-8 or on a reference that XMPP does not know; markup is not looked for.
pub fn unescape(raw: &[u8]) -> Result<Cow<'_, str>, XmlError> {
    convert(raw, false)
}

/// An attribute value as the sender meant it: as [`unescape`], and literal white space becomes spaces.
pub fn unescape_attr(raw: &[u8]) -> Result<Cow<'_, str>, XmlError> {
    convert(raw, true)
}

fn convert(raw: &[u8], value: bool) -> Result<Cow<'_, str>, XmlError> {
    let text = simdutf8::basic::from_utf8(raw).map_err(|_| XmlError::BadEncoding)?;
    let special = |b: &u8| *b == b'&' || *b == b'\r' || (value && (*b == b'\n' || *b == b'\t'));
    let Some(mut at) = raw.iter().position(special) else { return Ok(Cow::Borrowed(text)) };
    let line_end = if value { ' ' } else { '\n' };
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    loop {
        out.push_str(&text[copied..at]);
        copied = match raw[at] {
            b'&' => {
                let (c, len) = reference(&raw[at..]).ok_or(XmlError::NotWellFormed("unknown reference", at))?;
                out.push(c);
                at + len
            }
            b'\r' if raw.get(at + 1) == Some(&b'\n') => {
                out.push(line_end);
                at + 2
            }
            b => {
                out.push(if b == b'\r' { line_end } else { ' ' });
                at + 1
            }
        };
        match raw[copied..].iter().position(special) {
            Some(next) => at = copied + next,
            None => break,
        }
    }
    out.push_str(&text[copied..]);
    Ok(Cow::Owned(out))
}

/// `&`, at most seven digits or four letters, and `;` are shorter than this.
pub(super) const REFERENCE_BYTES: usize = 11;

/// The reference at the start of `raw` (which begins with `&`) and its length in bytes.
fn reference(raw: &[u8]) -> Option<(char, usize)> {
    let end = raw.iter().take(REFERENCE_BYTES).position(|&b| b == b';')?;
    resolve(&raw[1..end]).map(|c| (c, end + 1))
}

/// The character that a reference stands for; `name` is what stands between `&` and `;`.
pub(super) fn resolve(name: &[u8]) -> Option<char> {
    match name {
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"amp" => Some('&'),
        b"quot" => Some('"'),
        b"apos" => Some('\''),
        [b'#', b'x', hex @ ..] => number(hex, 16),
        [b'#', decimal @ ..] => number(decimal, 10),
        _ => None,
    }
}

/// Digits only (no sign), at most seven, naming a character that XML allows.
fn number(digits: &[u8], radix: u32) -> Option<char> {
    if digits.is_empty() || digits.len() > 7 {
        return None;
    }
    let value = digits.iter().try_fold(0u32, |n, &d| Some(n * radix + char::from(d).to_digit(radix)?))?;
    char::from_u32(value).filter(|&c| is_char(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str, push: fn(&mut Vec<u8>, &str)) -> String {
        let mut out = Vec::new();
        push(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_is_escaped() {
        let all = "a<b>&'\"\t\n\r\u{1}\u{FFFE}\u{FFFF}\u{FF01}日";
        assert_eq!(escaped(all, push_text), "a&lt;b&gt;&amp;'\"\t\n&#xD;\u{FFFD}\u{FFFD}\u{FFFD}\u{FF01}日");
        assert_eq!(escaped(all, push_attr), "a&lt;b&gt;&amp;&apos;&quot;&#x9;&#xA;&#xD;\u{FFFD}\u{FFFD}\u{FFFD}\u{FF01}日");
    }

    #[test]
    fn references() {
        assert_eq!(unescape(b"&lt;&gt;&amp;&quot;&apos;&#65;&#x42;&#x1F600;").unwrap(), "<>&\"'AB😀");
        assert_eq!(unescape(b"&#0000065;").unwrap(), "A");
        for bad in [
            "&",
            "&;",
            "&#;",
            "&#x;",
            "&#0;",
            "&#x0;",
            "&#+65;",
            "&#x+41;",
            "&#-1;",
            "&#X41;",
            "&#xD800;",
            "&#xFFFE;",
            "&#x110000;",
            "&#9999999;",
            "&nbsp;",
            "&LT;",
            "&lt",
            "&#00000065;",
            "& lt;",
            "&lt&gt;",
        ] {
            assert!(unescape(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn white_space() {
        assert_eq!(unescape(b"a\r\nb\rc\n\td").unwrap(), "a\nb\nc\n\td");
        assert_eq!(unescape_attr(b"a\r\nb\rc\n\td&#xA;&#x9;").unwrap(), "a b c  d\n\t");
        assert_eq!(unescape(b"\xff"), Err(XmlError::BadEncoding));
    }

    proptest::proptest! {
        #[test]
        fn unescape_inverts_escape(text in "[\\t\\n\\r -\\u{D7FF}\\u{E000}-\\u{FFFD}\\u{10000}-\\u{10FFFF}]{0,30}") {
            let raw = escaped(&text, push_text);
            proptest::prop_assert_eq!(unescape(raw.as_bytes()).unwrap(), text.as_str());
            let raw = escaped(&text, push_attr);
            proptest::prop_assert_eq!(unescape_attr(raw.as_bytes()).unwrap(), text.as_str());
        }
    }
}

//! Classes of bytes and characters (XML 1.0, fifth edition, §2.2 and §2.3).

use super::XmlError;

/// May stand in a name (any byte of a non-ASCII character counts, to be looked at again by [`is_name`]).
pub(super) const NAME: u8 = 1;
/// May begin a name.
pub(super) const NAME_START: u8 = 2;
/// `:`, or part of a non-ASCII character: the name needs a closer look.
pub(super) const LOOK: u8 = 4;
/// Space, TAB, LF, CR.
pub(super) const SPACE: u8 = 8;
/// Needs attention inside an attribute value: quotes, `<`, `&`, TAB, LF, CR.
pub(super) const IN_VALUE: u8 = 16;
/// Must be escaped in text that we write (0xEF begins U+FFFE and U+FFFF).
pub(super) const ESCAPE_TEXT: u8 = 32;
/// Must be escaped in attribute values that we write.
pub(super) const ESCAPE_VALUE: u8 = 64;

pub(super) static CLASS: [u8; 256] = {
    let mut table = [0u8; 256];
    let mut b = 0usize;
    while b < 256 {
        table[b] = match b as u8 {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => NAME | NAME_START,
            b'0'..=b'9' | b'-' | b'.' => NAME,
            b':' => NAME | LOOK,
            b'<' => IN_VALUE | ESCAPE_TEXT | ESCAPE_VALUE,
            b'&' => IN_VALUE | ESCAPE_TEXT | ESCAPE_VALUE,
            b'>' => ESCAPE_TEXT | ESCAPE_VALUE,
            b'\'' | b'"' => IN_VALUE | ESCAPE_VALUE,
            b' ' => SPACE,
            b'\t' | b'\n' => SPACE | IN_VALUE | ESCAPE_VALUE,
            b'\r' => SPACE | IN_VALUE | ESCAPE_TEXT | ESCAPE_VALUE,
            0..0x20 => ESCAPE_TEXT | ESCAPE_VALUE,
            0xEF => NAME | NAME_START | LOOK | ESCAPE_TEXT | ESCAPE_VALUE,
            0x80.. => NAME | NAME_START | LOOK,
            _ => 0,
        };
        b += 1;
    }
    table
};

#[inline]
pub(super) fn has(byte: u8, class: u8) -> bool {
    CLASS[byte as usize] & class != 0
}

/// `Char` of XML 1.0 §2.2.
pub(super) fn is_char(c: char) -> bool {
    match c {
        '\t' | '\n' | '\r' => true,
        '\u{FFFE}' | '\u{FFFF}' => false,
        c => c >= ' ',
    }
}

/// Without U+FDF0 to U+FFFD, which rxml refuses: a name that ends some receivers' streams is better refused here.
fn is_name_start(c: char) -> bool {
    matches!(c,
        'A'..='Z' | 'a'..='z' | '_' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}'
        | '\u{10000}'..='\u{EFFFF}')
}

fn is_name_char(c: char) -> bool {
    is_name_start(c) || matches!(c, '0'..='9' | '-' | '.' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

/// `NCName` of Namespaces in XML 1.0 §3: a name without a colon.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(is_name_start) && name.chars().all(is_name_char)
}

/// Proves that all of `bytes` are characters that XML allows, in UTF-8.
pub(super) fn check(bytes: &[u8]) -> Result<(), XmlError> {
    simdutf8::basic::from_utf8(bytes).map_err(|_| XmlError::BadEncoding)?;
    // Two plain folds: the compiler turns both into vector code.
    let control = bytes.iter().fold(false, |found, &b| found | ((b < 0x20) & (b != b'\t') & (b != b'\n') & (b != b'\r')));
    if control {
        return Err(XmlError::NotWellFormed("control character", 0));
    }
    let is_nonchar = |at: usize| matches!(bytes.get(at + 1..at + 3), Some([0xBF, 0xBE | 0xBF]));
    if !bytes.is_ascii() && memchr::memchr_iter(0xEF, bytes).any(is_nonchar) {
        return Err(XmlError::NotWellFormed("U+FFFE or U+FFFF", 0));
    }
    Ok(())
}

//! Preparation of the three parts (RFC 7622 §3.2 to §3.4): PRECIS (RFC 8264, RFC 8265) and IDNA.
//! What is ASCII, as nearly everything is, goes by table.

use super::{JidError, MAX_PART_BYTES};
use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};
use precis_profiles::precis_core::profile::PrecisFastInvocation;
use precis_profiles::{OpaqueString, UsernameCaseMapped};
use std::borrow::Cow;
use std::net::Ipv6Addr;

/// No mapping makes text shorter than a third (fullwidth forms become ASCII); longer input is refused unseen.
const MAX_RAW_BYTES: usize = 3 * MAX_PART_BYTES;

/// What separates labels (UTS #46 maps the last three to the first).
const DOTS: [char; 4] = ['.', '\u{3002}', '\u{FF0E}', '\u{FF61}'];

/// Not allowed in a localpart although PRECIS would (RFC 7622 §3.3.1).
const EXCLUDED: &[char] = &['"', '&', '\'', '/', ':', '<', '>', '@'];

/// What becomes of an ASCII byte in a localpart; 0: refused.
static LOCAL: [u8; 128] = {
    let mut table = [0u8; 128];
    let mut b = 0x21u8;
    while b < 0x7F {
        table[b as usize] = match b {
            b'"' | b'&' | b'\'' | b'/' | b':' | b'<' | b'>' | b'@' => 0,
            _ => b.to_ascii_lowercase(),
        };
        b += 1;
    }
    table
};

/// A localpart by the UsernameCaseMapped profile, without the characters that RFC 7622 §3.3.1 excludes.
pub fn prepare_local(text: &str) -> Result<Cow<'_, str>, JidError> {
    if text.is_empty() {
        return Err(JidError::EmptyLocal);
    }
    if !text.is_ascii() {
        return stable(text, JidError::BadLocal, |t| {
            let mapped = UsernameCaseMapped::enforce(t).ok()?.into_owned();
            (!mapped.contains(EXCLUDED)).then_some(mapped)
        });
    }
    let bytes = text.as_bytes();
    check_length(bytes.len())?;
    // Both folds are free of branches: 0 stands for a refused byte, a difference for an upper-case letter.
    let (mut refused, mut upper) = (false, false);
    for &b in bytes {
        let mapped = LOCAL[usize::from(b & 0x7F)];
        refused |= mapped == 0;
        upper |= mapped != b;
    }
    match (refused, upper) {
        (true, _) => Err(JidError::BadLocal),
        (_, true) => Ok(Cow::Owned(text.to_ascii_lowercase())),
        _ => Ok(Cow::Borrowed(text)),
    }
}

/// A resourcepart by the OpaqueString profile.
pub fn prepare_resource(text: &str) -> Result<Cow<'_, str>, JidError> {
    if text.is_empty() {
        return Err(JidError::EmptyResource);
    }
    if !text.is_ascii() {
        return stable(text, JidError::BadResource, |t| OpaqueString::enforce(t).ok().map(Cow::into_owned));
    }
    check_length(text.len())?;
    match text.bytes().fold(false, |bad, b| bad | !(0x20..0x7F).contains(&b)) {
        true => Err(JidError::BadResource),
        false => Ok(Cow::Borrowed(text)),
    }
}

/// A domainpart: a domain name in lower case with U-labels and without final dot, an IPv4 address, or an IPv6 address in
/// brackets.
pub fn prepare_domain(text: &str) -> Result<Cow<'_, str>, JidError> {
    let text = text.strip_suffix(DOTS).unwrap_or(text);
    if text.is_empty() {
        return Err(JidError::EmptyDomain);
    }
    if text.len() > MAX_RAW_BYTES {
        return Err(JidError::TooLong);
    }
    if let Some(inside) = text.strip_prefix('[') {
        let address = inside.strip_suffix(']').and_then(|a| a.parse::<Ipv6Addr>().ok());
        return address.map(|a| Cow::Owned(format!("[{a}]"))).ok_or(JidError::BadDomain);
    }
    match plain_domain(text.as_bytes()) {
        Some(upper) => {
            check_length(text.len())?;
            Ok(if upper { Cow::Owned(text.to_ascii_lowercase()) } else { Cow::Borrowed(text) })
        }
        None => stable(text, JidError::BadDomain, to_unicode),
    }
}

/// Whether the name is plain ASCII labels that IDNA leaves alone, and if so, whether it holds upper-case letters.
fn plain_domain(name: &[u8]) -> Option<bool> {
    let mut upper = false;
    let mut label_start = 0;
    let mut last = b'.';
    for (i, &b) in name.iter().enumerate() {
        match b {
            b'a'..=b'z' | b'0'..=b'9' => {}
            b'A'..=b'Z' => upper = true,
            b'-' if last == b'.' || i - label_start == 3 => return None,
            b'-' => {}
            b'.' if last == b'.' || last == b'-' => return None,
            b'.' => label_start = i + 1,
            _ => return None,
        }
        last = b;
    }
    (last != b'.' && last != b'-').then_some(upper)
}

fn to_unicode(name: &str) -> Option<String> {
    let idna = Uts46::new();
    let (unicode, result) = idna.to_unicode(name.as_bytes(), AsciiDenyList::STD3, Hyphens::Check);
    result.ok()?;
    // The ACE form must exist, or neither DNS nor a certificate could name this domain.
    idna.to_ascii(unicode.as_bytes(), AsciiDenyList::STD3, Hyphens::Check, DnsLength::Ignore).ok()?;
    (!unicode.split('.').any(str::is_empty)).then(|| unicode.into_owned())
}

/// Applies `map` twice: PRECIS asks to refuse what does not come to rest (RFC 8264 §7).
fn stable<'a>(text: &'a str, error: JidError, map: impl Fn(&str) -> Option<String>) -> Result<Cow<'a, str>, JidError> {
    if text.len() > MAX_RAW_BYTES {
        return Err(JidError::TooLong);
    }
    let mapped = map(text).ok_or(error)?;
    if mapped.is_empty() || map(&mapped).is_none_or(|again| again != mapped) {
        return Err(error);
    }
    check_length(mapped.len())?;
    Ok(if mapped == text { Cow::Borrowed(text) } else { Cow::Owned(mapped) })
}

fn check_length(len: usize) -> Result<(), JidError> {
    if len > MAX_PART_BYTES { Err(JidError::TooLong) } else { Ok(()) }
}

//! One-time codes by time (RFC 6238 over RFC 4226): SHA-1, six digits, steps of 30 s, what every authenticator app knows.

use crate::error::{ControlError, Result};
use aws_lc_rs::{constant_time, hmac};
use qrcode::QrCode;
use qrcode::render::svg;
use unicode_normalization::UnicodeNormalization;
use zaiseki_model::Timestamp;

/// Bytes of a secret (RFC 4226 §4, R6).
pub const SECRET_BYTES: usize = 20;
const STEP_SECS: i64 = 30;
const DIGITS: usize = 6;
/// A code of one step before or after counts too: clocks differ and people type (RFC 6238 §5.2).
const SKEW: i64 = 1;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// Codes for the day the telephone is lost, and characters of each.
pub const RECOVERY_CODES: usize = 10;
const RECOVERY_CHARS: usize = 16;

/// The code of a time step (RFC 4226 §5.3).
fn code(secret: &[u8], step: i64) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret);
    let tag = hmac::sign(&key, &step.to_be_bytes());
    let bytes = tag.as_ref();
    let at = usize::from(bytes[bytes.len() - 1] & 0xf);
    let number = bytes[at..at + 4].iter().fold(0u32, |number, byte| (number << 8) | u32::from(*byte)) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// The time step that the code belongs to, when it counts at that time. Digits may be of full width (`１２３`).
pub fn step(secret: &[u8], given: &str, now: Timestamp) -> Option<i64> {
    let given: String = given.nfkc().filter(|c| !c.is_whitespace()).collect();
    if given.len() != DIGITS {
        return None;
    }
    let current = now.secs().div_euclid(STEP_SECS);
    (current - SKEW..=current + SKEW)
        .find(|step| constant_time::verify_slices_are_equal(code(secret, *step).as_bytes(), given.as_bytes()).is_ok())
}

/// The code of that moment, as an app shows it.
pub fn code_at(secret: &[u8], now: Timestamp) -> String {
    code(secret, now.secs().div_euclid(STEP_SECS))
}

pub fn generate() -> Result<[u8; SECRET_BYTES]> {
    let mut secret = [0; SECRET_BYTES];
    aws_lc_rs::rand::fill(&mut secret).map_err(|_| ControlError::Random)?;
    Ok(secret)
}

/// RFC 4648 §6, without padding.
pub fn base32(bytes: &[u8]) -> String {
    let (mut text, mut buffer, mut bits) = (String::new(), 0u32, 0);
    for byte in bytes {
        buffer = (buffer << 8) | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(BASE32[(buffer >> bits) as usize & 31]));
        }
    }
    if bits > 0 {
        text.push(char::from(BASE32[(buffer << (5 - bits)) as usize & 31]));
    }
    text
}

/// The address that an app reads from the picture (Key URI Format of Google Authenticator).
pub fn uri(domain: &str, name: &str, secret: &[u8]) -> String {
    let encode = |text: &str| -> String {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
        text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
    };
    let issuer = encode(&format!("Zaiseki {domain}"));
    format!("otpauth://totp/{issuer}:{}?secret={}&issuer={issuer}", encode(name), base32(secret))
}

/// The picture of an address, as SVG without script or style; `None` when it is too long for one.
pub fn picture(uri: &str) -> Option<String> {
    let code = QrCode::new(uri.as_bytes()).ok()?;
    let drawn = code.render::<svg::Color<'_>>().min_dimensions(240, 240).build();
    // The XML declaration would not stand within a page.
    Some(drawn.split_once("?>").map_or(drawn.clone(), |(_, svg)| svg.trim_start().to_owned()))
}

/// New recovery codes: 80 bits each, so that SHA-256 keeps them well.
pub fn recovery_codes() -> Result<Vec<String>> {
    let one = || {
        let mut bytes = [0; RECOVERY_CHARS * 5 / 8];
        aws_lc_rs::rand::fill(&mut bytes).map_err(|_| ControlError::Random)?;
        let text = base32(&bytes).to_lowercase();
        Ok(format!("{}-{}-{}-{}", &text[..4], &text[4..8], &text[8..12], &text[12..]))
    };
    (0..RECOVERY_CODES).map(|_| one()).collect()
}

/// What is stored of a recovery code, however it is typed; `None` for what cannot be one.
pub fn recovery_key(typed: &str) -> Option<[u8; 32]> {
    let clean: String = typed.nfkc().filter(char::is_ascii_alphanumeric).collect();
    (clean.len() == RECOVERY_CHARS).then(|| super::token::sha256(clean.to_ascii_lowercase().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"12345678901234567890";

    /// RFC 6238 appendix B, the last six of eight digits.
    #[test]
    fn the_vectors_of_the_standard() {
        for (secs, wanted) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code_at(SECRET, Timestamp::from_secs(secs)), wanted);
        }
    }

    #[test]
    fn one_step_of_skew_counts_and_two_do_not() {
        let at = |secs: i64| step(SECRET, "287 082", Timestamp::from_secs(secs));
        assert_eq!([at(30), at(59), at(60), at(89), at(0)], [Some(1); 5]);
        assert_eq!([at(90), at(-1)], [None; 2]);
        assert_eq!(step(SECRET, "28708", Timestamp::from_secs(59)), None);
        assert_eq!(step(SECRET, "２８７　０８２", Timestamp::from_secs(59)), Some(1));
        assert_eq!(step(SECRET, "２８７０８３", Timestamp::from_secs(59)), None);
    }

    #[test]
    fn base32_is_that_of_the_standard() {
        for (plain, coded) in
            [("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"), ("foobar", "MZXW6YTBOI")]
        {
            assert_eq!(base32(plain.as_bytes()), coded);
        }
    }

    #[test]
    fn apps_get_an_address_and_its_picture() {
        let uri = uri("example.com", "花子 & co", SECRET);
        assert!(uri.starts_with("otpauth://totp/Zaiseki%20example.com:%E8%8A%B1%E5%AD%90%20%26%20co?secret=GEZDGNBV"), "{uri}");
        let svg = picture(&uri).unwrap();
        assert!(svg.starts_with("<svg") && !svg.contains("<script") && !svg.contains("style"), "{}", &svg[..200]);
        assert_eq!(picture(&"x".repeat(4_000)), None);
    }

    #[test]
    fn recovery_codes_are_found_however_typed() {
        let codes = recovery_codes().unwrap();
        assert_eq!(codes.len(), RECOVERY_CODES);
        let key = recovery_key(&codes[0]).unwrap();
        assert_eq!(recovery_key(&codes[0].replace('-', " ").to_uppercase()), Some(key));
        assert_ne!(recovery_key(&codes[1]), Some(key));
        assert_eq!(recovery_key("123456"), None);
    }
}

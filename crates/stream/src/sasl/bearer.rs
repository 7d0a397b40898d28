//! OAUTHBEARER (RFC 7628): an access token, so only under TLS.

use super::scram::parse_name;
use super::{Failure, NAME_BYTES};
use zaiseki_model::limits::TOKEN_BYTES;

/// Bytes of a whole message: the token, an authorization identity, and the pairs that nobody needs here (`host`, `port`).
const MESSAGE_BYTES: usize = TOKEN_BYTES + NAME_BYTES + 1_024;
/// RFC 7628 §3.1
const SEPARATOR: char = '\u{1}';

/// `gs2-header kvsep *(key "=" value kvsep) kvsep`
pub struct Message {
    pub authzid: Option<String>,
    /// Empty when the client asks where to get one (RFC 7628 §4.3).
    pub token: String,
}

impl Message {
    pub fn parse(data: &[u8]) -> Result<Message, Failure> {
        let text = std::str::from_utf8(data).ok().filter(|text| text.len() <= MESSAGE_BYTES);
        let text = text.ok_or(Failure::MalformedRequest)?;
        let (header, pairs) = text.split_once(SEPARATOR).ok_or(Failure::MalformedRequest)?;
        let authzid = authzid(header)?;
        // Each pair ends with a separator, and another one ends the message.
        let pairs = pairs.strip_suffix(SEPARATOR).filter(|pairs| pairs.ends_with(SEPARATOR));
        let pairs = pairs.ok_or(Failure::MalformedRequest)?;
        let mut token = None;
        for pair in pairs.split_terminator(SEPARATOR) {
            let (key, value) = pair.split_once('=').ok_or(Failure::MalformedRequest)?;
            if key == "auth" && token.replace(value).is_some() {
                return Err(Failure::MalformedRequest);
            }
        }
        let token = bearer(token.ok_or(Failure::MalformedRequest)?)?;
        Ok(Message { authzid, token: token.to_owned() })
    }
}

/// `("n" / "y") "," ["a=" saslname] ","`: there is no channel binding here.
fn authzid(header: &str) -> Result<Option<String>, Failure> {
    let mut parts = header.split(',');
    let (Some("n" | "y"), Some(name), Some(""), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
        return Err(Failure::MalformedRequest);
    };
    match (name, name.strip_prefix("a=")) {
        ("", _) => Ok(None),
        (_, Some(name)) => parse_name(name).map(Some),
        _ => Err(Failure::MalformedRequest),
    }
}

/// RFC 6750 §2.1; the scheme in either case.
fn bearer(value: &str) -> Result<&str, Failure> {
    let (scheme, token) = value.split_once(' ').unwrap_or((value, ""));
    let token = token.trim_matches(' ');
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    match scheme {
        "" => Ok(""),
        _ if scheme.eq_ignore_ascii_case("bearer") && token.len() <= TOKEN_BYTES && token.bytes().all(legal) => Ok(token),
        _ => Err(Failure::MalformedRequest),
    }
}

/// What a client whose token is not taken is told (RFC 7628 §3.2.2). `configuration`: where its provider describes itself.
pub fn refusal(configuration: &str) -> String {
    let escaped: String = configuration.chars().filter(|c| !c.is_control() && !matches!(c, '"' | '\\')).collect();
    format!(r#"{{"status":"invalid_token","scope":"openid","openid-configuration":"{escaped}"}}"#)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Option<(Option<String>, String)> {
        Message::parse(text.as_bytes()).ok().map(|m| (m.authzid, m.token))
    }

    #[test]
    fn the_examples_of_the_specification() {
        // RFC 7628 §4.1, §4.3
        let text = "n,a=user@example.com,\u{1}host=server.example.com\u{1}port=143\u{1}auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\u{1}\u{1}";
        let token = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==".to_owned();
        assert_eq!(parsed(text), Some((Some("user@example.com".to_owned()), token)));
        let empty = "n,a=user@example.com,\u{1}host=server.example.com\u{1}port=143\u{1}auth=\u{1}\u{1}";
        assert_eq!(parsed(empty), Some((Some("user@example.com".to_owned()), String::new())));
        assert_eq!(parsed("y,,\u{1}auth=bearer  x.y\u{1}\u{1}"), Some((None, "x.y".to_owned())));
        assert_eq!(parsed("n,a=a=2Cb,\u{1}auth=Bearer x\u{1}\u{1}"), Some((Some("a,b".to_owned()), "x".to_owned())));
    }

    #[test]
    fn anything_else_is_malformed() {
        for bad in [
            "",
            "n,,",
            "n,,\u{1}\u{1}",
            "n,,\u{1}auth=Bearer x\u{1}",
            "n,,\u{1}auth=Bearer x",
            "n,,\u{1}auth=Basic x\u{1}\u{1}",
            "n,,\u{1}auth=Bearer x\u{1}auth=Bearer y\u{1}\u{1}",
            "n,,\u{1}auth\u{1}\u{1}",
            "n,,\u{1}auth=Bearer x y\u{1}\u{1}",
            "n,,\u{1}auth=Bearer x\u{7f}\u{1}\u{1}",
            "p=tls-exporter,,\u{1}auth=Bearer x\u{1}\u{1}",
            "n,b=c,\u{1}auth=Bearer x\u{1}\u{1}",
            "n,a=,\u{1}auth=Bearer x\u{1}\u{1}",
            "\u{1}auth=Bearer x\u{1}\u{1}",
        ] {
            assert_eq!(parsed(bad), None, "{bad:?}");
        }
        assert!(Message::parse(b"n,,\x01auth=Bearer \xff\x01\x01").is_err());
    }

    #[test]
    fn token_and_message_have_a_longest_length() {
        let token = |length| parsed(&format!("n,,\u{1}auth=Bearer {}\u{1}\u{1}", "x".repeat(length))).is_some();
        assert!(token(TOKEN_BYTES) && !token(TOKEN_BYTES + 1));
        let message = |length: usize| {
            let rest = "n,,\u{1}host=\u{1}auth=Bearer x\u{1}\u{1}".len();
            parsed(&format!("n,,\u{1}host={}\u{1}auth=Bearer x\u{1}\u{1}", "h".repeat(length - rest))).is_some()
        };
        assert!(message(MESSAGE_BYTES) && !message(MESSAGE_BYTES + 1));
    }

    #[test]
    fn a_refusal_is_one_json_object_whatever_the_address() {
        let plain = r#"{"status":"invalid_token","scope":"openid","openid-configuration":"https://a/b"}"#;
        assert_eq!(refusal("https://a/b"), plain);
        assert_eq!(refusal("https://a/\"\\\nb"), plain);
    }
}

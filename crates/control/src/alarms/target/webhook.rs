//! Webhook: JSON by POST, signed.

use super::{Message, Undelivered, WebhookConfig, invalid, trust};
use crate::app::alarms::view;
use crate::app::status::time;
use aws_lc_rs::hmac;
use serde_json::json;
use std::fmt::Write as _;
use std::time::Duration;
use zaiseki_model::Timestamp;
use zaiseki_net::http::{AddressPolicy, Client, ClientConfig, HeaderName, HeaderValue, Method, Request, Url, header};

/// Holds `sha256=` and the HMAC-SHA256 of the body in hex.
pub const SIGNATURE: HeaderName = HeaderName::from_static("x-zaiseki-signature");
/// Bytes of an answer; nobody reads it.
const ANSWER: usize = 64 * 1024;

pub async fn send(to: &WebhookConfig, secret: Option<&str>, message: &Message<'_>) -> Result<(), Undelivered> {
    let config = ClientConfig {
        policy: AddressPolicy::CONFIGURED,
        trust: trust(to.ca_pem.as_ref()),
        request_timeout: Duration::from_secs(20),
        max_body: ANSWER,
        ..ClientConfig::default()
    };
    let wrong = |why: &str| Undelivered { for_good: true, text: invalid("url", why).text() };
    let url = Url::parse(&to.url).map_err(|error| wrong(&error.to_string()))?;
    let body = body(message, Timestamp::now());
    let mut request = Request::new(Method::POST, url, body.clone())
        .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .header(header::USER_AGENT, HeaderValue::from_static("zaiseki"));
    if let Some(secret) = secret {
        let value = HeaderValue::from_str(&signature(secret, body.as_bytes())).map_err(|_| wrong("signature"))?;
        request = request.header(SIGNATURE, value);
    }
    let answer = Client::new(config)?.send(request).await?;
    if answer.status.is_success() {
        return Ok(());
    }
    // Too many requests, or a time-out on the way: the same again may well go.
    let passes = matches!(answer.status.as_u16(), 408 | 425 | 429) || answer.status.is_server_error();
    Err(Undelivered::refused(!passes, &answer.status.to_string()))
}

fn body(message: &Message<'_>, now: Timestamp) -> String {
    json!({
        "change": message.event.change.as_str(),
        "node": message.node,
        "domain": message.domain,
        "sent": time(now),
        "alarm": view(message.event.row.clone()),
    })
    .to_string()
}

fn signature(secret: &str, body: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body);
    tag.as_ref().iter().fold("sha256=".to_owned(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4231 §4.3.
    #[test]
    fn the_signature_is_hmac_sha256() {
        let expected = "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(signature("Jefe", b"what do ya want for nothing?"), expected);
    }
}

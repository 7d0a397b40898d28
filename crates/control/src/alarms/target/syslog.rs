//! Syslog: RFC 5424 messages over TLS (RFC 5425), TCP with octet counting (RFC 6587 §3.4.1) or UDP (RFC 5426).

use super::{Message, SyslogConfig, Transport, Undelivered, trust};
use crate::alarms::Change;
use crate::app::status::time;
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use zaiseki_model::{Severity, Timestamp};
use zaiseki_net::dial;
use zaiseki_net::http::AddressPolicy;

/// RFC 5424 §6.2.1: system daemons.
const FACILITY: u8 = 3;
/// RFC 5424 §6.1: every receiver takes 480 octets, most 2,048; RFC 5425 §4.3.1 asks for 2,048 at least.
const BYTES: usize = 2_048;
/// For writing and saying goodbye.
const PATIENCE: Duration = Duration::from_secs(10);

pub async fn send(to: &SyslogConfig, message: &Message<'_>) -> Result<(), Undelivered> {
    let line = line(message, Timestamp::now());
    let policy = AddressPolicy::CONFIGURED;
    let port = to.port.unwrap_or(if to.transport == Transport::Tls { 6_514 } else { 514 });
    if to.transport == Transport::Udp {
        return Ok(dial::datagram(&to.host, port, policy, line.as_bytes()).await?);
    }
    let framed = format!("{} {line}", line.len());
    let stream = dial::tcp(&to.host, port, policy).await?;
    match to.transport {
        Transport::Tls => write(dial::tls(stream, &to.host, &trust(to.ca_pem.as_ref())).await?, framed.as_bytes()).await,
        Transport::Tcp | Transport::Udp => write(stream, framed.as_bytes()).await,
    }
}

async fn write(mut stream: impl AsyncWrite + Unpin, bytes: &[u8]) -> Result<(), Undelivered> {
    let work = async {
        stream.write_all(bytes).await?;
        // RFC 5425 §4.4: who ends the connection says so first.
        stream.shutdown().await
    };
    timeout(PATIENCE, work).await.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into())).map_err(Undelivered::from)
}

/// `<PRI>1 TIME HOST zaiseki PID MSGID - BOM TEXT`.
fn line(message: &Message<'_>, now: Timestamp) -> String {
    let severity = match (message.event.change, message.event.row.severity) {
        (Change::Cleared, _) => 5,
        (_, Severity::Critical) => 2,
        (_, Severity::Error) => 3,
        (_, Severity::Warning) => 4,
        (_, Severity::Info) => 6,
    };
    let (host, process) = (word(message.node, 255), std::process::id());
    let head = format!(
        "<{}>1 {} {host} zaiseki {process} {} - \u{feff}",
        FACILITY * 8 + severity,
        time(now),
        word(message.event.kind.id, 32)
    );
    let mut text = format!("{head}{}: {} {}", message.headline(), message.detail(), message.remedy());
    while text.len() > BYTES {
        text.pop();
    }
    text
}

/// Printable ASCII without spaces, or `-`.
fn word(text: &str, length: usize) -> String {
    let word: String = text.chars().filter(char::is_ascii_graphic).take(length).collect();
    if word.is_empty() { "-".to_owned() } else { word }
}

#[cfg(test)]
mod tests {
    use super::super::tests::event;
    use super::*;
    use crate::alarms::AlarmEvent;
    use crate::text::Lang;

    #[test]
    fn a_line_is_what_rfc_5424_says_and_not_too_long() {
        let message = |event: &AlarmEvent, lang| {
            line(&Message { event, node: "im1.example.com", domain: "example.com", lang }, Timestamp(0))
        };
        let mut event = event(Change::Raised);
        let text = message(&event, Lang::En);
        let start =
            format!("<27>1 1970-01-01T00:00:00.000000Z im1.example.com zaiseki {} gateway.down - \u{feff}", std::process::id());
        assert!(text.starts_with(&start), "{text}");
        assert!(text.contains("[error] raised: A calendar server does not answer (mail): no answer "), "{text}");
        event.row.detail.1 = "長".repeat(1_000);
        let text = message(&event, Lang::Ja);
        assert!(text.len() <= BYTES && text.len() > BYTES - 4, "{}", text.len());
        event.change = Change::Cleared;
        assert!(message(&event, Lang::En).starts_with("<29>1 "));
        assert_eq!((word("", 9), word("a b\nc", 2)), ("-".to_owned(), "ab".to_owned()));
    }
}

//! Mail: a small SMTP client (RFC 5321) that sends one message and leaves.

use super::{MailConfig, MailSecurity, Message, Undelivered, trust};
use crate::text::{Lang, Text};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::time::timeout;
use zaiseki_model::Timestamp;
use zaiseki_net::dial;
use zaiseki_net::http::AddressPolicy;

/// For one command and its answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes of one answer, all of its lines.
const ANSWER: usize = 64 * 1024;
/// RFC 2045 §6.8: characters of a line of base64.
const LINE: usize = 76;

pub async fn send(to: &MailConfig, secret: Option<&str>, message: &Message<'_>) -> Result<(), Undelivered> {
    let port = to.port.unwrap_or(match to.security {
        MailSecurity::Starttls => 587,
        MailSecurity::Tls => 465,
        MailSecurity::None => 25,
    });
    let stream = dial::tcp(&to.host, port, AddressPolicy::CONFIGURED).await?;
    let trust = trust(to.ca_pem.as_ref());
    match to.security {
        MailSecurity::Tls => {
            let mut talk = Talk::new(dial::tls(stream, &to.host, &trust).await?);
            talk.expect(220).await?;
            deliver(&mut talk, to, secret, message).await
        }
        MailSecurity::None => {
            let mut talk = Talk::new(stream);
            talk.expect(220).await?;
            deliver(&mut talk, to, None, message).await
        }
        MailSecurity::Starttls => {
            let mut talk = Talk::new(stream);
            talk.expect(220).await?;
            if !talk.hello(message.node).await?.iter().any(|word| word == "STARTTLS") {
                let ja = "サーバーが STARTTLS に対応していません";
                let text = Text::new("the server does not offer STARTTLS", ja);
                return Err(Undelivered { for_good: true, text });
            }
            talk.ask("STARTTLS", 220).await?;
            // What came in the clear behind the answer is not ours (RFC 3207 §6).
            let stream = talk.stream.into_inner();
            deliver(&mut Talk::new(dial::tls(stream, &to.host, &trust).await?), to, secret, message).await
        }
    }
}

async fn deliver<S>(talk: &mut Talk<S>, to: &MailConfig, secret: Option<&str>, message: &Message<'_>) -> Result<(), Undelivered>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    talk.hello(message.node).await?;
    if let (Some(name), Some(secret)) = (&to.username, secret) {
        // RFC 4616: authorization identity, name, password.
        let plain = BASE64_STANDARD.encode(format!("\0{name}\0{secret}"));
        talk.ask(&format!("AUTH PLAIN {plain}"), 235).await?;
    }
    talk.ask(&format!("MAIL FROM:<{}>", to.from), 250).await?;
    for receiver in &to.to {
        talk.ask(&format!("RCPT TO:<{receiver}>"), 250).await?;
    }
    talk.ask("DATA", 354).await?;
    // Lines of base64 and of headers never begin with a dot.
    talk.ask(&format!("{}\r\n.", text(to, message, Timestamp::now())), 250).await?;
    // It has taken the message: how it says goodbye does not matter.
    let _ = talk.ask("QUIT", 221).await;
    Ok(())
}

/// One side of the conversation.
struct Talk<S> {
    stream: BufReader<S>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Talk<S> {
    fn new(stream: S) -> Talk<S> {
        Talk { stream: BufReader::new(stream) }
    }

    /// The extensions that the server names, in capitals.
    async fn hello(&mut self, node: &str) -> Result<Vec<String>, Undelivered> {
        let name: String = node.chars().filter(|c| c.is_ascii_alphanumeric() || ".-".contains(*c)).collect();
        let lines = self.ask(&format!("EHLO {name}"), 250).await?;
        Ok(lines.into_iter().map(|line| line.to_ascii_uppercase()).collect())
    }

    async fn ask(&mut self, command: &str, wanted: u16) -> Result<Vec<String>, Undelivered> {
        let line = format!("{command}\r\n");
        let write = self.stream.get_mut().write_all(line.as_bytes());
        timeout(PATIENCE, write).await.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))?;
        self.expect(wanted).await
    }

    /// The texts of the answer's lines. 4xx may go another time, 5xx not (RFC 5321 §4.2.1); a refused sign-in is mended by
    /// people.
    async fn expect(&mut self, wanted: u16) -> Result<Vec<String>, Undelivered> {
        let answer = timeout(PATIENCE, self.answer()).await;
        let (code, lines) = answer.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))?;
        if code == wanted || (wanted == 250 && code == 251) {
            return Ok(lines);
        }
        Err(Undelivered::refused(code >= 500, &format!("{code} {}", lines.join(" "))))
    }

    async fn answer(&mut self) -> std::io::Result<(u16, Vec<String>)> {
        let broken = || std::io::Error::new(std::io::ErrorKind::InvalidData, "the server does not speak SMTP");
        let (mut left, mut lines) = (ANSWER, Vec::new());
        loop {
            let mut line = Vec::new();
            let read = (&mut self.stream).take(left as u64).read_until(b'\n', &mut line).await?;
            left -= read;
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            let (code, rest) = line.split_at_checked(3).ok_or_else(broken)?;
            let code: u16 = code.parse().map_err(|_| broken())?;
            lines.push(rest.get(1..).unwrap_or_default().to_owned());
            if !rest.starts_with('-') {
                return Ok((code, lines));
            }
        }
    }
}

/// Headers (RFC 5322) and body (RFC 2045).
fn text(to: &MailConfig, message: &Message<'_>, now: Timestamp) -> String {
    let labels = match message.lang {
        Lang::En => ["What was seen", "What to do", "Node", "Alarm"],
        Lang::Ja => ["検出内容", "対処", "ノード", "アラーム"],
    };
    let values = [message.detail(), &message.remedy(), message.node, message.event.kind.id];
    let lines = labels.iter().zip(values).map(|(label, value)| format!("{label}: {value}\r\n"));
    let body = format!("{}\r\n\r\n{}", message.headline(), lines.collect::<String>());
    let id = format!("{}.{}@{}", message.event.row.id, now.0, message.domain);
    let headers = [
        format!("From: <{}>", to.from),
        format!("To: {}", to.to.iter().map(|to| format!("<{to}>")).collect::<Vec<_>>().join(",\r\n ")),
        format!("Subject: {}", encoded_words(&message.headline())),
        format!("Date: {}", date(now)),
        format!("Message-ID: <{id}>"),
        "Auto-Submitted: auto-generated".to_owned(),
        "MIME-Version: 1.0".to_owned(),
        "Content-Type: text/plain; charset=utf-8".to_owned(),
        "Content-Transfer-Encoding: base64".to_owned(),
    ];
    format!("{}\r\n\r\n{}", headers.join("\r\n"), in_lines(&BASE64_STANDARD.encode(body)))
}

fn in_lines(base64: &str) -> String {
    let lines: Vec<&str> = (0..base64.len()).step_by(LINE).map(|at| &base64[at..(at + LINE).min(base64.len())]).collect();
    lines.join("\r\n")
}

/// RFC 2047 §2: whole characters of UTF-8 in each word, and lines of at most 76 characters, the name of the header included.
fn encoded_words(text: &str) -> String {
    const BYTES: usize = 39;
    let mut words: Vec<String> = vec![String::new()];
    for c in text.chars() {
        if words.last().is_none_or(|word| word.len() + c.len_utf8() > BYTES) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(c);
        }
    }
    let words = words.iter().map(|word| format!("=?utf-8?B?{}?=", BASE64_STANDARD.encode(word)));
    words.collect::<Vec<_>>().join("\r\n ")
}

/// RFC 5322 §3.3, in UTC.
fn date(at: Timestamp) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let weekday = DAYS[usize::try_from(at.secs().div_euclid(86_400).rem_euclid(7)).unwrap_or(0)];
    // YYYY-MM-DDTHH:MM:SS…
    let written = crate::app::status::time(at);
    let number = |from: usize, to: usize| written.get(from..to).and_then(|text| text.parse::<usize>().ok()).unwrap_or(1);
    let month = MONTHS[number(5, 7).clamp(1, 12) - 1];
    let (year, clock) = (written.get(..4).unwrap_or("1970"), written.get(11..19).unwrap_or("00:00:00"));
    format!("{weekday}, {} {month} {year} {clock} +0000", number(8, 10))
}

#[cfg(test)]
mod tests {
    use super::super::tests::event;
    use super::*;
    use crate::alarms::Change;

    #[test]
    fn dates_are_those_of_mail() {
        assert_eq!(date(Timestamp(0)), "Thu, 1 Jan 1970 00:00:00 +0000");
        assert_eq!(date(Timestamp::from_secs(1_774_999_999)), "Tue, 31 Mar 2026 23:33:19 +0000");
    }

    #[test]
    fn a_mail_has_short_lines_of_ascii() {
        let to = MailConfig {
            host: "mail.example.com".to_owned(),
            port: None,
            security: MailSecurity::Starttls,
            username: None,
            from: "zaiseki@example.com".to_owned(),
            to: vec!["ops@example.com".to_owned(), "boss@example.com".to_owned()],
            ca_pem: None,
        };
        let event = event(Change::Raised);
        let message = Message { event: &event, node: "im1", domain: "example.com", lang: Lang::Ja };
        let text = text(&to, &message, Timestamp(0));
        assert!(text.is_ascii() && text.split("\r\n").all(|line| line.len() <= 78 && !line.contains('\n')), "{text}");
        assert!(text.contains("To: <ops@example.com>,\r\n <boss@example.com>\r\n"));
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        let body = String::from_utf8(BASE64_STANDARD.decode(body.replace("\r\n", "")).unwrap()).unwrap();
        assert!(body.starts_with("[error] 発生: 予定表サーバーが応答しません (mail)\r\n\r\n検出内容: 応答なし\r\n"), "{body}");
    }

    #[tokio::test]
    async fn answers_that_are_no_smtp_end_the_talk() {
        for wrong in ["", "hello\r\n", "2\r\n", "abc def\r\n", "250-a\r\nnonsense\r\n"] {
            let mut talk = Talk::new(tokio_test_stream(wrong.as_bytes()));
            assert!(talk.expect(250).await.is_err(), "{wrong:?}");
        }
        let endless = format!("250-{}\r\n", "x".repeat(ANSWER));
        assert!(Talk::new(tokio_test_stream(endless.as_bytes())).expect(250).await.is_err());
        let refused = Talk::new(tokio_test_stream(b"550-no\r\n550 never\r\n")).expect(250).await.unwrap_err();
        assert!(refused.for_good && refused.text.en.contains("550 no never"), "{refused:?}");
        let later = Talk::new(tokio_test_stream(b"451 busy\r\n")).expect(250).await.unwrap_err();
        assert!(!later.for_good);
    }

    /// A server that says this and hangs up.
    fn tokio_test_stream(said: &[u8]) -> tokio::io::Join<std::io::Cursor<Vec<u8>>, tokio::io::Sink> {
        tokio::io::join(std::io::Cursor::new(said.to_vec()), tokio::io::sink())
    }
}

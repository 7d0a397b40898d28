//! The same bad XML by the other ways in: WebSocket (RFC 7395) and BOSH (XEP-0124). CVE-2022-0217 came of a second, softer
//! XML path.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use zaiseki_net::tls::client_config_trusting;

use crate::raw::Raw;
use crate::support::*;
use crate::xml::{Fault, faults};

/// A connection to the web server under TLS.
fn https() -> Raw {
    let mut raw = Raw::connect(stage().node.https());
    raw.secure(client_config_trusting(&stage().node.ca_pem().expect("a CA")).expect("a configuration"));
    raw
}

/// A WebSocket on which a stream is open.
fn websocket() -> Raw {
    let mut raw = https();
    raw.send(
        "GET /xmpp-websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: xmpp\r\n\r\n",
    );
    let answer = raw.until("\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    message(&mut raw, b"<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'/>");
    raw.until("</stream:features>");
    raw
}

/// Sends one text message, masked with zeros (RFC 6455 §5.2).
fn message(raw: &mut Raw, text: &[u8]) {
    let mut frame = vec![0x81];
    match text.len() {
        short @ 0..126 => frame.push(0x80 | short as u8),
        medium @ 126..0x1_0000 => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&(medium as u16).to_be_bytes());
        }
        long => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(text);
    raw.send(frame);
}

/// Whether what came names one of the conditions of the fault. A message or body that is cut short is also simply not
/// well-formed, and bytes that are not UTF-8 end a WebSocket below XMPP (RFC 6455 §8.1).
fn is_refused(answer: &str, fault: &Fault) -> bool {
    let named = |condition: &str| answer.contains(&format!("<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'"));
    let below = std::str::from_utf8(&fault.bytes).is_err() && !answer.contains("<success");
    below || named("not-well-formed") || fault.conditions.iter().any(|condition| named(condition))
}

#[test]
fn every_fault_ends_its_websocket() {
    let mut bystander = stage().online();
    let mut wrong = Vec::new();
    for fault in faults() {
        let mut raw = websocket();
        message(&mut raw, &fault.bytes);
        let answer = raw.rest();
        if !is_refused(&answer, &fault) {
            wrong.push(format!("{}: {answer:?}, not {:?}", fault.name, fault.conditions));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    bystander.heard();
}

#[test]
fn a_message_holds_one_whole_element() {
    // RFC 7395 §3.3.3
    let ping = "<iq type='get' id='1' xmlns='jabber:client'><ping xmlns='urn:xmpp:ping'/></iq>";
    for text in ["<message xmlns='jabber:client'>", &ping[..20], &format!("{ping}<"), "hello"] {
        let mut raw = websocket();
        message(&mut raw, text.as_bytes());
        let answer = raw.rest();
        assert!(answer.contains("<stream:error"), "{text}: {answer:?}");
    }
}

#[test]
fn a_bound_session_is_closed_with_a_close_element() {
    // RFC 7395 §3.6
    const OPEN: &str = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'/>";
    const BIND: &str = "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";
    let plain = BASE64.encode(format!("\0{}\0{PASSWORD}", stage().person().name));
    let auth = format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>");
    let mut raw = websocket();
    for (said, answer) in [(auth.as_str(), "<success"), (OPEN, "</stream:features>"), (BIND, "</iq>")] {
        message(&mut raw, said.as_bytes());
        raw.until(answer);
    }
    message(&mut raw, b"<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>");
    let answer = raw.rest();
    assert!(answer.contains("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'") && !answer.contains("error"), "{answer:?}");
}

#[test]
fn a_page_of_another_site_is_turned_away() {
    let mut raw = https();
    raw.send(
        "GET /xmpp-websocket HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: xmpp\r\n\r\n",
    );
    assert!(raw.until("\r\n\r\n").starts_with("HTTP/1.1 403"));
}

/// Posts a body to BOSH on a connection of its own; returns the whole answer.
fn post(body: &[u8]) -> String {
    let mut raw = https();
    let head = format!(
        "POST /http-bind HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml; charset=utf-8\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    raw.send([head.as_bytes(), body].concat());
    raw.rest()
}

const BODY: &str = "<body xmlns='http://jabber.org/protocol/httpbind'";

#[test]
fn every_fault_is_refused_over_bosh() {
    let mut bystander = stage().online();
    let mut wrong = Vec::new();
    for fault in faults() {
        let opened = post(
            format!("{BODY} to='localhost' rid='1000' wait='1' hold='1' ver='1.11' xml:lang='en' xmpp:version='1.0' xmlns:xmpp='urn:xmpp:xbosh'/>")
                .as_bytes(),
        );
        let sid = opened.split_once(" sid='").and_then(|(_, rest)| rest.split('\'').next()).unwrap_or_else(|| panic!("{opened}"));
        let start = format!("{BODY} sid='{sid}' rid='1001'>");
        let answer = post(&[start.as_bytes(), &fault.bytes, b"</body>"].concat());
        let ended = answer.contains("type='terminate'") || answer.starts_with("HTTP/1.1 4");
        if !ended {
            wrong.push(format!("{}: {answer:?}", fault.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    bystander.heard();
}

//! The ways in for browsers, below XMPP: a WebSocket (RFC 6455) and BOSH (XEP-0124) by hand, so that tests can send what no
//! library would.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use zaiseki_net::tls::client_config_trusting;

use crate::raw::Raw;
use crate::support::*;

const OPEN: &str = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='localhost' version='1.0'/>";
const BIND: &str = "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>";

fn auth(person: &Person<'_>) -> String {
    let plain = BASE64.encode(format!("\0{}\0{PASSWORD}", person.name));
    format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>")
}

/// A connection to the web server under TLS.
#[track_caller]
pub fn https(stage: &Stage) -> Raw {
    let mut raw = Raw::connect(stage.node.https());
    raw.secure(client_config_trusting(&stage.node.ca_pem().expect("a CA")).expect("a configuration"));
    raw
}

/// A WebSocket on which a stream is open.
#[track_caller]
pub fn websocket(stage: &Stage) -> Raw {
    let mut raw = https(stage);
    raw.send(
        "GET /xmpp-websocket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: xmpp\r\n\r\n",
    );
    let answer = raw.until("\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");
    message(&mut raw, OPEN.as_bytes());
    raw.until("</stream:features>");
    raw
}

/// A WebSocket on which this person has bound a resource, and the full JID.
#[track_caller]
pub fn signed_in_websocket(person: &Person<'_>) -> (Raw, String) {
    let mut raw = websocket(person.stage);
    message(&mut raw, auth(person).as_bytes());
    raw.until("<success");
    message(&mut raw, OPEN.as_bytes());
    raw.until("</stream:features>");
    message(&mut raw, BIND.as_bytes());
    let bound = raw.until("</iq>");
    let jid = between(&bound, "<jid>", "</jid>").to_owned();
    (raw, jid)
}

/// Sends one text message.
pub fn message(raw: &mut Raw, text: &[u8]) {
    frame(raw, 0x1, text);
}

/// Sends one frame of this opcode, masked with zeros (RFC 6455 §5.2).
pub fn frame(raw: &mut Raw, opcode: u8, payload: &[u8]) {
    let mut frame = vec![0x80 | opcode];
    match payload.len() {
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
    frame.extend_from_slice(payload);
    raw.send(frame);
}

/// What stands between two marks.
#[track_caller]
pub fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    let rest = text.split_once(start).unwrap_or_else(|| panic!("no {start} in {text:?}")).1;
    rest.split_once(end).unwrap_or_else(|| panic!("no {end} in {text:?}")).0
}

/// Posts a body to BOSH on a connection of its own; returns the whole answer.
#[track_caller]
pub fn post(stage: &Stage, body: &[u8]) -> String {
    let mut raw = https(stage);
    let head = format!(
        "POST /http-bind HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml; charset=utf-8\r\nConnection: close\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    raw.send([head.as_bytes(), body].concat());
    raw.rest()
}

const BODY: &str = "<body xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh'";

/// A request that begins a session whose requests wait this many seconds for something to say.
pub fn first_body(wait: u32) -> String {
    format!("{BODY} to='localhost' rid='1000' wait='{wait}' hold='1' ver='1.11' xml:lang='en' xmpp:version='1.0'/>")
}

/// A BOSH session, one request at a time.
pub struct Bosh<'a> {
    stage: &'a Stage,
    sid: String,
    rid: u64,
}

impl<'a> Bosh<'a> {
    /// A session that has not signed in.
    #[track_caller]
    pub fn open(stage: &'a Stage) -> Bosh<'a> {
        Bosh::open_waiting(stage, 1)
    }

    /// The same with another time that requests wait for something to say.
    #[track_caller]
    pub fn open_waiting(stage: &'a Stage, seconds: u32) -> Bosh<'a> {
        let answer = post(stage, first_body(seconds).as_bytes());
        Bosh { stage, sid: between(&answer, " sid='", "'").to_owned(), rid: 1000 }
    }

    /// A session on which this person has bound a resource, and the full JID.
    #[track_caller]
    pub fn sign_in(person: &Person<'a>) -> (Bosh<'a>, String) {
        let mut bosh = Bosh::open(person.stage);
        assert!(bosh.say(auth(person).as_bytes()).contains("<success"));
        let restarted = bosh.request(" to='localhost' xmpp:restart='true'", b"");
        assert!(restarted.contains("<bind"), "{restarted}");
        let bound = bosh.say(BIND.as_bytes());
        (bosh, between(&bound, "<jid>", "</jid>").to_owned())
    }

    /// Posts this; returns the whole answer.
    #[track_caller]
    pub fn say(&mut self, content: &[u8]) -> String {
        self.request("", content)
    }

    #[track_caller]
    fn request(&mut self, attributes: &str, content: &[u8]) -> String {
        self.rid += 1;
        let start = format!("{BODY} sid='{}' rid='{}'{attributes}>", self.sid, self.rid);
        post(self.stage, &[start.as_bytes(), content, b"</body>"].concat())
    }
}

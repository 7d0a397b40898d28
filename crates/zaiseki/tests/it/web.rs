//! The same bad XML by the other ways in: WebSocket (RFC 7395) and BOSH (XEP-0124). CVE-2022-0217 came of a second, softer
//! XML path.

use zaiseki_model::limits;

use crate::support::*;
use crate::web_door::*;
use crate::xml::{Fault, faults, sized};

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
        let mut raw = websocket(stage());
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
        let mut raw = websocket(stage());
        message(&mut raw, text.as_bytes());
        let answer = raw.rest();
        assert!(answer.contains("<stream:error"), "{text}: {answer:?}");
    }
}

#[test]
fn a_bound_session_is_closed_with_a_close_element() {
    // RFC 7395 §3.6
    let (mut raw, _) = signed_in_websocket(&stage().person());
    message(&mut raw, b"<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>");
    let answer = raw.rest();
    assert!(answer.contains("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'") && !answer.contains("error"), "{answer:?}");
}

#[test]
fn a_page_of_another_site_is_turned_away() {
    let mut raw = https(stage());
    raw.send(
        "GET /xmpp-websocket HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: xmpp\r\n\r\n",
    );
    assert!(raw.until("\r\n\r\n").starts_with("HTTP/1.1 403"));
}

#[test]
fn every_fault_is_refused_over_bosh() {
    let mut bystander = stage().online();
    let mut wrong = Vec::new();
    for fault in faults() {
        let mut bosh = Bosh::open(stage());
        let answer = bosh.say(&fault.bytes);
        if !is_terminated(&answer, &fault) || !bosh.say(b"").contains("condition='item-not-found'") {
            wrong.push(format!("{}: {answer:?}", fault.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    bystander.heard();
}

/// The session is over because of its stream (XEP-0124 §17.2), and the error says why.
fn is_terminated(answer: &str, fault: &Fault) -> bool {
    let ended = answer.contains("type='terminate'") && answer.contains("condition='remote-stream-error'");
    let named = |condition: &str| answer.contains(&format!("<{condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'"));
    ended && (named("not-well-formed") || fault.conditions.iter().any(|condition| named(condition)))
}

/// Sends each fault by a session of `person`, whom `bystander` sees, and looks at what comes of it.
fn after_sign_in(send: impl Fn(&Person<'_>, &Fault, &mut Session) -> Result<(), String>) {
    let (person, mut bystander) = (stage().person(), stage().online());
    let mut wrong = Vec::new();
    for fault in faults() {
        if let Err(what) = send(&person, &fault, &mut bystander) {
            wrong.push(format!("{}: {what}, not {:?}", fault.name, fault.conditions));
        }
        bystander.hears_no(|e| e.is("message"));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Tells the bystander that the session is there; a BOSH request is answered at once for the sake of the ping.
fn announce(bystander: &Session) -> [String; 2] {
    let presence = format!("<presence xmlns='jabber:client' to='{}'/>", bystander.jid);
    [presence, "<iq xmlns='jabber:client' type='get' id='p' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>".to_owned()]
}

#[test]
fn after_sign_in_every_fault_ends_its_websocket() {
    after_sign_in(|person, fault, bystander| {
        let (mut raw, jid) = signed_in_websocket(person);
        announce(bystander).iter().for_each(|stanza| message(&mut raw, stanza.as_bytes()));
        bystander.hear(presence("", &jid));
        message(&mut raw, &fault.bytes);
        let answer = raw.rest();
        // The session is gone for others too.
        bystander.hear(presence("unavailable", &jid));
        if is_refused(&answer, fault) { Ok(()) } else { Err(format!("{answer:?}")) }
    });
}

#[test]
fn after_sign_in_every_fault_ends_its_bosh_session() {
    after_sign_in(|person, fault, bystander| {
        let (mut bosh, jid) = Bosh::sign_in(person);
        bosh.say(announce(bystander).concat().as_bytes());
        bystander.hear(presence("", &jid));
        let answer = bosh.say(&fault.bytes);
        bystander.hear(presence("unavailable", &jid));
        if is_terminated(&answer, fault) { Ok(()) } else { Err(format!("{answer:?}")) }
    });
}

/// What is wrong above XML, with the condition that is due.
const WRONG: [(&str, &str); 4] = [
    ("<message xmlns='jabber:client' from='mallory@localhost' to='localhost' id='x'/>", "invalid-from"),
    ("<presence xmlns='jabber:client' from='localhost' id='x'/>", "invalid-from"),
    ("<message xmlns='jabber:client' to='@localhost' id='x'/>", "jid-malformed"),
    ("<iq xmlns='jabber:client' type='get' to='a@b@c' id='x'><ping xmlns='urn:xmpp:ping'/></iq>", "jid-malformed"),
];

#[test]
fn wrong_addresses_are_told() {
    let person = stage().person();
    for (stanza, condition) in WRONG {
        let (mut raw, _) = signed_in_websocket(&person);
        message(&mut raw, stanza.as_bytes());
        raw.until(format!("<{condition} xmlns='"));
        let (mut bosh, _) = Bosh::sign_in(&person);
        let answer = bosh.say(stanza.as_bytes());
        assert!(answer.contains(&format!("<{condition} xmlns='")), "{stanza}: {answer}");
    }
}

#[test]
fn a_message_has_a_greatest_size() {
    let (person, mut b) = (stage().person(), stage().online());
    let head = format!("xmlns='jabber:client' to='{}' type='headline'", b.jid);
    let (mut raw, _) = signed_in_websocket(&person);
    message(&mut raw, sized(limits::STANZA_BYTES, &head).as_bytes());
    assert!(b.hear(|e| e.is("message")).child_text("body").len() > limits::STANZA_BYTES - 300);
    for size in [limits::STANZA_BYTES + 1, limits::STANZA_BYTES * 4] {
        let (mut raw, _) = signed_in_websocket(&person);
        message(&mut raw, sized(size, &head).as_bytes());
        let answer = raw.rest();
        assert!(answer.contains("<policy-violation xmlns="), "{size}: {answer:?}");
    }
    b.hears_no(|e| e.is("message"));
}

#[test]
fn a_bosh_request_has_a_greatest_size() {
    // The body counts, whatever it holds.
    let (person, mut b) = (stage().person(), stage().online());
    let head = format!("xmlns='jabber:client' to='{}' type='headline'", b.jid);
    let (mut bosh, _) = Bosh::sign_in(&person);
    bosh.say(sized(limits::STANZA_BYTES - 1_024, &head).as_bytes());
    assert!(b.hear(|e| e.is("message")).child_text("body").len() > limits::STANZA_BYTES - 1_500);
    let answer = bosh.say(sized(limits::STANZA_BYTES, &head).as_bytes());
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer:?}");
    b.hears_no(|e| e.is("message"));
}

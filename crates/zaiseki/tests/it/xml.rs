//! Restricted XML and its limits (RFC 6120 §11, §13.12): each fault ends the stream that it came on, and only that one.

use zaiseki_model::limits;
use zaiseki_testkit::xmpp_client::Security;

use crate::raw::{Raw, stream_error};
use crate::support::*;

/// Bytes that a client might send inside its stream, and the stream errors that may answer.
pub struct Fault {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    pub conditions: &'static [&'static str],
}

const RESTRICTED: &[&str] = &["restricted-xml"];
/// RFC 6120 §11.1: entities other than the predefined ones are restricted; undeclared ones are not well-formed either.
const ENTITY: &[&str] = &["restricted-xml", "not-well-formed"];
const BROKEN: &[&str] = &["not-well-formed"];
/// RFC 6120 §4.9.3.1, §4.9.3.2 allow more exact names for the same fault.
const NAMESPACE: &[&str] = &["not-well-formed", "bad-namespace-prefix"];
const ENCODING: &[&str] = &["not-well-formed", "bad-format", "unsupported-encoding"];
const TEXT: &[&str] = &["not-well-formed", "bad-format", "invalid-xml"];
const LIMIT: &[&str] = &["policy-violation"];

fn fault(name: &'static str, bytes: impl Into<Vec<u8>>, conditions: &'static [&'static str]) -> Fault {
    Fault { name, bytes: bytes.into(), conditions }
}

/// A message with these bytes for a body.
fn with_body(content: &[u8]) -> Vec<u8> {
    [b"<message><body>", content, b"</body></message>"].concat()
}

/// What every way into the server (TCP, WebSocket, BOSH) refuses.
pub fn faults() -> Vec<Fault> {
    [restricted(), broken(), characters(), too_much()].into_iter().flatten().collect()
}

fn restricted() -> Vec<Fault> {
    vec![
        fault("comment", "<!-- hello -->", RESTRICTED),
        fault("comment inside", "<message><!-- hello --></message>", RESTRICTED),
        fault("processing instruction", "<?php echo ?>", RESTRICTED),
        fault("instruction inside", "<message><?a b?></message>", RESTRICTED),
        fault("document type", "<!DOCTYPE a [<!ENTITY lol 'lol'>]>", RESTRICTED),
        fault("document type inside", "<message><!DOCTYPE a></message>", RESTRICTED),
        fault("entity", with_body(b"&lol;"), ENTITY),
        fault("entity in an attribute", "<message id='&lol;'/>", ENTITY),
    ]
}

fn broken() -> Vec<Fault> {
    vec![
        fault("wrong end tag", "<message></presence>", BROKEN),
        fault("crossed tags", "<message><a><b></a></b></message>", BROKEN),
        fault("attribute twice", "<message id='1' id='2'/>", BROKEN),
        fault("attribute twice by namespace", "<message xmlns:a='urn:x' xmlns:b='urn:x' a:c='1' b:c='2'/>", BROKEN),
        fault("attribute without value", "<message id/>", BROKEN),
        fault("attribute without quotes", "<message id=1/>", BROKEN),
        fault("attributes without space", "<message id='1'to='2'/>", BROKEN),
        fault("less-than in an attribute", "<message id='<'/>", BROKEN),
        fault("unbound prefix", "<a:message/>", NAMESPACE),
        fault("unbound prefix inside", "<message><a:b/></message>", NAMESPACE),
        fault("unbound prefix of an attribute", "<message a:b='c'/>", NAMESPACE),
        fault("prefix taken back", "<message xmlns:a=''/>", NAMESPACE),
        fault("prefix xmlns declared", "<message xmlns:xmlns='urn:x'/>", NAMESPACE),
        fault("prefix xml bound elsewhere", "<message xmlns:xml='urn:x'/>", NAMESPACE),
        fault("two colons", "<message><a:b:c xmlns:a='urn:a'/></message>", NAMESPACE),
        fault("end of CDATA in text", with_body(b"]]>"), BROKEN),
        fault("text between stanzas", "hello <message/>", TEXT),
        fault("lonely ampersand", with_body(b"a & b"), BROKEN),
        fault("name that is none", "<1message/>", BROKEN),
    ]
}

fn characters() -> Vec<Fault> {
    vec![
        fault("overlong slash", with_body(b"\xc0\xaf"), ENCODING),
        fault("overlong in three bytes", with_body(b"\xe0\x80\xaf"), ENCODING),
        fault("surrogate", with_body(b"\xed\xa0\x80"), ENCODING),
        fault("beyond Unicode", with_body(b"\xf4\x90\x80\x80"), ENCODING),
        fault("half a character", with_body(b"\xe6\x97"), ENCODING),
        fault("lonely continuation", with_body(b"\x80"), ENCODING),
        fault("Latin-1", with_body(b"caf\xe9!"), ENCODING),
        fault("bad bytes in a name", b"<mess\xc0\xafage/>".to_vec(), ENCODING),
        fault("bad bytes in an attribute", b"<message id='\xff'/>".to_vec(), ENCODING),
        fault("bad bytes in a namespace", b"<message><a xmlns='\xed\xb0\x80'/></message>".to_vec(), ENCODING),
        fault("zero", with_body(b"\0"), BROKEN),
        fault("control character", with_body(b"\x08"), BROKEN),
        fault("not a character", with_body("\u{FFFE}".as_bytes()), BROKEN),
        fault("reference to zero", with_body(b"&#0;"), BROKEN),
        fault("reference to a surrogate", with_body(b"&#xD800;"), BROKEN),
        fault("reference to a control character", with_body(b"&#x1F;"), BROKEN),
        fault("reference that is none", with_body(b"&#xZZ;"), BROKEN),
    ]
}

fn too_much() -> Vec<Fault> {
    let many = |count: usize| (0..count).map(|n| format!(" a{n}='1'")).collect::<String>();
    vec![
        fault("nested 20,000 deep", "<a>".repeat(20_000).replacen("<a>", "<message>", 1), LIMIT),
        fault("nested one too deep", nested(limits::STANZA_DEPTH + 1), LIMIT),
        fault("attributes", format!("<message{}/>", many(limits::ELEMENT_ATTRIBUTES + 1)), LIMIT),
        fault("attributes inside", format!("<message><a{}/></message>", many(2_000)), LIMIT),
        fault("long name", format!("<message><{}/></message>", "n".repeat(limits::NAME_BYTES + 1)), LIMIT),
        fault("long name of an attribute", format!("<message {}='1'/>", "n".repeat(limits::NAME_BYTES + 1)), LIMIT),
    ]
}

/// A message of this depth, itself counted.
fn nested(depth: usize) -> String {
    format!("<message>{}{}</message>", "<a>".repeat(depth - 1), "</a>".repeat(depth - 1))
}

/// A message of exactly this many bytes.
pub fn sized(bytes: usize, head: &str) -> String {
    let (start, end) = (format!("<message {head}><body>"), "</body></message>");
    format!("{start}{}{end}", "x".repeat(bytes - start.len() - end.len()))
}

#[test]
fn before_sign_in_every_fault_ends_its_stream() {
    let mut bystander = stage().online();
    let mut wrong = Vec::new();
    for fault in faults() {
        let mut raw = Raw::stream(stage().node.c2s());
        raw.send(&fault.bytes);
        // Whoever waits for the rest of something unfinished would wait in vain.
        raw.send("</stream:stream>");
        let answer = raw.rest();
        let condition = if answer.contains("<stream:error>") { stream_error(&answer).to_owned() } else { answer };
        // A stanza before sign-in is refused anyway; it must only not be taken for a good one (RFC 6120 §4.9.3.12).
        if !fault.conditions.contains(&condition.as_str()) {
            wrong.push(format!("{}: {condition}, not {:?}", fault.name, fault.conditions));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    bystander.heard();
}

#[test]
fn after_sign_in_every_fault_ends_its_stream() {
    let (person, mut bystander) = (stage().person(), stage().online());
    let mut wrong = Vec::new();
    for fault in faults() {
        let mut session = person.online("desk");
        session.client.send_bytes(&fault.bytes).expect("sent");
        session.client.send_bytes(b"</stream:stream>").unwrap_or_default();
        session.client.expect_close().expect("closed");
        let error = session.client.expect(|e| e.is("error"));
        let condition = error.ok().and_then(|e| e.condition().map(str::to_owned)).unwrap_or_default();
        if !fault.conditions.contains(&condition.as_str()) {
            wrong.push(format!("{}: {condition:?}, not {:?}", fault.name, fault.conditions));
        }
        bystander.heard();
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_looks_odd_but_is_allowed_passes() {
    let (mut a, mut b) = (stage().online(), stage().online());
    for (content, text) in [
        ("<body><![CDATA[a < b & c]]></body>", "a < b & c"),
        ("<body>&#x41;&#66;&lt;&gt;&amp;&quot;&apos;</body>", "AB<>&\"'"),
        ("<body>\u{1F600}\u{10FFFD}</body>", "\u{1F600}\u{10FFFD}"),
        ("<body\n\t>tag with blanks</body\n >", "tag with blanks"),
        ("<c:body xmlns:c='jabber:client'>prefixed</c:body>", "prefixed"),
        ("<body>line\r\nbreak\rs</body>", "line\nbreak\ns"),
    ] {
        a.say(format!(" \n<message to=\"{}\" type='chat'>{content}</message>\n ", b.jid));
        assert_eq!(b.hear(|e| e.is("message")).child_text("body"), text);
    }
    a.say(nested(limits::STANZA_DEPTH));
    a.heard();
    let attributes: String = (1..limits::ELEMENT_ATTRIBUTES).map(|n| format!(" a{n}='1'")).collect();
    a.say(format!("<message to='{}'{attributes}/><message {}='1'/>", a.jid, "n".repeat(limits::NAME_BYTES)));
    a.heard();
}

#[test]
fn a_stanza_has_a_greatest_size() {
    let (mut a, mut b) = (stage().online(), stage().online());
    let head = format!("to='{}' type='headline'", b.jid);
    a.say(sized(limits::STANZA_BYTES, &head));
    let got = b.hear(|e| e.is("message"));
    assert!(got.child_text("body").len() > limits::STANZA_BYTES - 200);
    a.client.send(&sized(limits::STANZA_BYTES + 1, &head)).unwrap_or_default();
    assert_eq!(a.hear(|e| e.is("error")).condition(), Some("policy-violation"));
    b.hears_no(|e| e.is("message"));
}

#[test]
fn before_sign_in_the_size_is_smaller() {
    for (size, condition) in
        [(limits::STANZA_BYTES_BEFORE_AUTH, "not-authorized"), (limits::STANZA_BYTES_BEFORE_AUTH + 1, "policy-violation")]
    {
        let mut raw = Raw::stream(stage().node.c2s());
        raw.send(sized(size, "type='chat'"));
        assert_eq!(stream_error(&raw.rest()), condition, "{size}");
    }
}

#[test]
fn what_never_ends_is_ended() {
    // Before sign-in: a header, a name, an attribute and a text without end.
    let megabyte = "x".repeat(1 << 20);
    let attributes: String = (0..100_000).map(|n| format!(" a{n}='1'")).collect();
    for (opened, bytes) in [
        (false, megabyte.clone()),
        (false, format!("<{megabyte}")),
        (false, format!("<stream:stream to='{megabyte}")),
        (false, format!("<stream:stream{attributes}")),
        (true, format!("<{megabyte}")),
        (true, format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{megabyte}")),
        (true, format!("<auth a='{megabyte}")),
    ] {
        let mut raw = Raw::connect(stage().node.c2s());
        if opened {
            raw.open();
        }
        raw.send(&bytes);
        assert!(raw.rest().contains("</stream:stream>"));
    }
}

#[test]
fn white_space_keeps_a_stream_alive_and_costs_nothing() {
    // RFC 6120 §4.6.1
    let mut raw = Raw::stream(stage().node.c2s());
    raw.send(" \n".repeat(1 << 20));
    raw.send("</stream:stream>");
    let rest = raw.rest();
    assert!(!rest.contains("<stream:error>"), "{rest}");
    let mut session = stage().online();
    session.say(" ".repeat(limits::STANZA_BYTES * 3));
    session.heard();
}

#[test]
fn a_stanza_may_come_in_any_pieces() {
    let mut b = stage().online();
    let mut client = connect(stage(), Security::Clear);
    let person = stage().person();
    client.authenticate(person.account()).expect("signed in");
    client.bind(None).expect("bound");
    let stanza = format!("<message to='{}' type='chat'><body>会議 &amp;\u{1F600}</body></message>", b.jid);
    for byte in stanza.as_bytes() {
        client.send_bytes(&[*byte]).expect("sent");
    }
    assert_eq!(b.hear(|e| e.is("message")).child_text("body"), "会議 &\u{1F600}");
}

//! Opening, securing and closing streams, binding resources (RFC 6120 §4 to §7).

use std::sync::OnceLock;

use zaiseki_model::limits;
use zaiseki_net::tls::client_config_trusting;
use zaiseki_testkit::node::NodeOptions;
use zaiseki_testkit::xmpp_client::{Client, Mechanism, Security};

use crate::raw::{HEADER, Raw, stream_error};
use crate::support::*;

/// A node as it is out of the box: nothing but TLS in clear text.
fn strict_stage() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    let options = NodeOptions { allow_clear_text: false, ..NodeOptions::default() };
    STAGE.get_or_init(|| Stage::open_with(options, &[], 20).shared())
}

fn trusting(stage: &Stage) -> rustls::ClientConfig {
    client_config_trusting(&stage.node.ca_pem().expect("a CA")).expect("a configuration")
}

/// The value of an attribute of the first tag that has it.
fn attribute<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split_once(&format!(" {name}='"))?.1.split('\'').next()
}

#[test]
fn the_answer_opens_a_stream() {
    let mut raw = Raw::connect(stage().node.c2s());
    let answer = raw.open();
    assert_eq!((attribute(&answer, "from"), attribute(&answer, "version")), (Some("localhost"), Some("1.0")));
    assert!(attribute(&answer, "xml:lang").is_some(), "§4.7.4: {answer}");
    let id = attribute(&answer, "id").expect("§4.7.3: an id").to_owned();
    assert!(id.len() >= 16, "{id}");
    let other = Raw::connect(stage().node.c2s()).open();
    assert_ne!(attribute(&other, "id"), Some(id.as_str()));
    raw.send("</stream:stream>");
    assert!(raw.rest().ends_with("</stream:stream>"));
}

#[test]
fn a_header_with_a_fault_gets_its_error() {
    for (from, to, condition) in [
        ("to='localhost'", "to='elsewhere.example'", "host-unknown"),
        ("version='1.0' xml", "version='0.9' xml", "unsupported-version"),
        ("version='1.0' xml", "xml", "unsupported-version"),
        ("jabber:client", "jabber:server", "invalid-namespace"),
        ("jabber:client", "urn:example", "invalid-namespace"),
        ("http://etherx.jabber.org/streams", "urn:example", "invalid-namespace"),
        ("<?xml version='1.0'?>", "<?xml version='1.0' encoding='ISO-8859-1'?>", "unsupported-encoding"),
    ] {
        let mut raw = Raw::connect(stage().node.c2s());
        raw.send(HEADER.replacen(from, to, 1));
        let answer = raw.rest();
        assert!(answer.contains("<stream:stream"), "§4.9.1.2: an answer comes in a stream: {answer}");
        assert_eq!(stream_error(&answer), condition, "{to}");
        assert!(answer.ends_with("</stream:stream>"), "{answer}");
    }
}

#[test]
fn what_is_no_stream_is_turned_away() {
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(HEADER.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    for bytes in [
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(),
        b"<message/>".to_vec(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(),
        utf16,
    ] {
        let mut raw = Raw::connect(stage().node.c2s());
        raw.send(&bytes);
        let answer = raw.rest();
        assert!(answer.contains("<stream:error>"), "{:?}: {answer}", String::from_utf8_lossy(&bytes));
    }
}

#[test]
fn nothing_is_handled_before_sign_in() {
    let mut bystander = stage().online();
    for stanza in [
        format!("<message to='{}'><body>too early</body></message>", bystander.jid),
        "<presence/>".to_owned(),
        "<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>".to_owned(),
        "<iq type='get' id='1' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>".to_owned(),
        "<iq type='set' id='1'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>".to_owned(),
    ] {
        let mut raw = Raw::stream(stage().node.c2s());
        raw.send(&stanza);
        assert_eq!(stream_error(&raw.rest()), "not-authorized", "{stanza}");
    }
    bystander.hears_no(body("too early"));
}

#[test]
fn stanzas_before_a_resource_is_bound_are_refused() {
    let (person, mut bystander) = (stage().person(), stage().online());
    let mut client = connect(stage(), Security::Clear);
    client.authenticate(person.account()).expect("signed in");
    client.send(&format!("<message to='{}' id='m'><body>too early</body></message>", bystander.jid)).expect("sent");
    // RFC 6120 §7.1: an error to the stanza or the end of the stream.
    let error = client.expect(|e| e.is("error") || e.attr("type") == Some("error")).expect("an error");
    assert_eq!(error.condition(), Some("not-authorized"), "{error}");
    bystander.hears_no(body("too early"));
}

#[test]
fn in_clear_text_there_is_nothing_but_tls() {
    let stage = strict_stage();
    let mut raw = Raw::connect(stage.node.c2s());
    let features = raw.open();
    assert!(features.contains("<starttls") && features.contains("<required"), "{features}");
    assert!(!features.contains("<mechanism"), "{features}");
    let plain = zaiseki_testkit::xmpp_client::sasl::plain(&stage.person().name, PASSWORD);
    raw.send(format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>"));
    let answer = raw.until("</failure>");
    assert!(answer.contains("<encryption-required") || answer.contains("<invalid-mechanism"), "{answer}");
}

#[test]
fn what_is_sent_in_clear_behind_starttls_is_not_obeyed() {
    // CVE-2011-0411: an attacker puts a whole sign-in of his own behind the command.
    let stage = strict_stage();
    let attacker = zaiseki_testkit::xmpp_client::sasl::plain(&stage.person().name, PASSWORD);
    let injected = format!("{HEADER}<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{attacker}</auth>");
    let mut raw = Raw::stream(stage.node.c2s());
    raw.send(format!("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>{injected}"));
    raw.until("<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    raw.secure(trusting(stage));
    let features = raw.open();
    assert!(features.contains("<mechanism>PLAIN</mechanism>"), "nobody is signed in: {features}");
    assert!(!features.contains("<success") && features.matches("<stream:stream").count() == 1, "{features}");
    raw.send("</stream:stream>");
    assert!(!raw.rest().contains("<success"));
}

#[test]
fn starttls_and_direct_tls_lead_to_a_session() {
    let stage = strict_stage();
    for security in [Security::StartTls, Security::Direct] {
        let person = stage.person();
        let mut client = person.connect(security);
        assert!(client.features.child("starttls").is_none(), "TLS is there already: {}", client.features);
        person.authenticate(&mut client, Mechanism::ScramSha256Plus);
        client.bind(Some("desk")).expect("bound");
        client.barrier().expect("an answer");
    }
}

#[test]
fn a_wrong_command_in_the_place_of_starttls_closes_the_stream() {
    let mut raw = Raw::stream(strict_stage().node.c2s());
    raw.send("<nonsense xmlns='urn:example'/>");
    let answer = raw.rest();
    assert!(["not-authorized", "unsupported-stanza-type"].contains(&stream_error(&answer)), "{answer}");
}

#[test]
fn closing_is_answered() {
    let a = stage().online();
    a.leave();
    let mut a = stage().online();
    a.chat(&a.jid.clone(), "last words");
    a.say("</stream:stream>");
    a.client.expect_close().expect("closed");
    a.hear(body("last words"));
}

/// Signed in, nothing bound.
fn unbound(person: &Person<'_>) -> Client {
    let mut client = connect(person.stage, Security::Clear);
    client.authenticate(person.account()).expect("signed in");
    client
}

fn bind(client: &mut Client, resource: &str) -> Element {
    let inside = format!("<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>{resource}</resource></bind>");
    client.iq("set", None, &inside).expect("an answer")
}

#[test]
fn resources_are_prepared_or_refused() {
    let person = stage().person();
    let longest = "r".repeat(1_023);
    // RFC 7622 §3.4: OpaqueString keeps case and inner blanks, and maps other blanks to the common one.
    for (wanted, bound) in [("De Sk", "De Sk"), ("a\u{3000}b", "a b"), ("e\u{301}", "é"), (&longest, &longest)] {
        let answer = bind(&mut unbound(&person), wanted);
        let jid = answer.at("bind/jid").map(|jid| jid.text.clone()).unwrap_or_else(|| panic!("{answer}"));
        assert_eq!(jid, format!("{}/{bound}", person.jid));
    }
    for wanted in ["a&#9;b", &"r".repeat(1_024), "\u{200b}\u{85}"] {
        let mut client = unbound(&person);
        assert_error(&bind(&mut client, wanted), "modify", "bad-request");
        bind(&mut client, "better").at("bind/jid").expect("bound after all");
    }
    for empty in ["<resource/>", ""] {
        let payload = format!("<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>{empty}</bind>");
        let answer = unbound(&person).iq("set", None, &payload).expect("an answer");
        let jid = answer.at("bind/jid").map(|jid| jid.text.clone()).unwrap_or_else(|| panic!("{answer}"));
        assert!(jid.len() > person.jid.len() + 4, "§7.6: the server chooses one that nobody guesses: {jid}");
    }
}

#[test]
fn the_newer_session_wins_a_resource() {
    let (person, mut friend) = (stage().person(), stage().online());
    let mut old = person.online("desk");
    let mut new = person.online("desk");
    assert_eq!(old.hear(|e| e.is("error")).condition(), Some("conflict"));
    old.client.expect_close().expect("closed");
    friend.chat(&new.jid, "still there?");
    new.hear(body("still there?"));
}

#[test]
fn a_user_has_a_greatest_number_of_sessions() {
    let person = stage().person();
    let mut all: Vec<Session> = (0..limits::SESSIONS_PER_USER).map(|n| person.sign_in(&n.to_string())).collect();
    let mut one_more = unbound(&person);
    assert_error(&bind(&mut one_more, "one more"), "wait", "resource-constraint");
    all.remove(0).leave();
    bind(&mut one_more, "one more").at("bind/jid").expect("there is room again");
}

#[test]
fn a_second_resource_on_one_stream_is_refused() {
    let mut session = stage().person().sign_in("desk");
    let error = bind(&mut session.client, "other");
    assert_eq!(error.attr("type"), Some("error"), "{error}");
}

#[test]
fn a_second_sign_in_on_one_stream_is_refused() {
    let mut session = stage().person().sign_in("desk");
    session.say("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGEAYg==</auth>");
    let answer = session.hear(|e| e.is("error") || e.is("failure"));
    assert!(!answer.is("success"), "{answer}");
}

#[test]
fn an_unknown_element_ends_the_stream() {
    let mut session = stage().online();
    session.say("<unknown xmlns='urn:example'/>");
    assert_eq!(session.hear(|e| e.is("error")).condition(), Some("unsupported-stanza-type"), "RFC 6120 §4.9.3.24");
    session.client.expect_close().expect("closed");
}

#[test]
fn iqs_follow_their_rules() {
    // RFC 6120 §8.2.3
    let mut a = stage().online();
    for iq in [
        "<iq type='get' id='x'/>",
        "<iq type='get' id='x'><a xmlns='urn:a'/><b xmlns='urn:b'/></iq>",
        "<iq type='strange' id='x'><a xmlns='urn:a'/></iq>",
        "<iq id='x'><a xmlns='urn:a'/></iq>",
    ] {
        a.say(iq);
        assert_error(&a.hear(error_for("x")), "modify", "bad-request");
    }
    for to in ["", "to='localhost'", "to='nobody@localhost'", "to='nobody@localhost/desk'"] {
        a.say(format!("<iq type='get' id='x' {to}><unknown xmlns='urn:example'/></iq>"));
        assert_error(&a.hear(error_for("x")), "cancel", "service-unavailable");
        a.say(format!("<iq type='result' id='x' {to}/><iq type='error' id='x' {to}/>"));
        a.hears_no(|e| e.attr("id") == Some("x"));
    }
}

#[test]
fn an_iq_reaches_the_resource_it_names() {
    let (mut a, mut b) = (stage().online(), stage().online());
    a.say(format!("<iq type='get' id='there' to='{}'><q xmlns='urn:example'/></iq>", b.jid));
    let request = b.hear(|e| e.is("iq"));
    assert_eq!((request.attr("from"), request.attr("id")), (Some(a.jid.as_str()), Some("there")));
    b.say(format!("<iq type='result' id='there' to='{}'><q xmlns='urn:example' a='1'/></iq>", a.jid));
    let answer = a.hear(|e| e.attr("id") == Some("there"));
    assert_eq!((answer.attr("from"), answer.child("q").and_then(|q| q.attr("a"))), (Some(b.jid.as_str()), Some("1")));
}

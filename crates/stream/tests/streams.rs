//! Opening, refusing and closing streams: RFC 6120 §4, RFC 7395, XEP-0206.

mod talk;

use std::borrow::Cow;
use talk::*;
use zaiseki_stream::c2s::{C2sConfig, Framing, Opening, Phase, TlsInfo};
use zaiseki_stream::sm::TooHigh;
use zaiseki_xmpp::stanza::StreamErrorCondition;
use zaiseki_xmpp::xml::framer::{FrameKind, Limits, frame_one};

const STARTTLS: &str = "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const PROCEED: &str = "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>";
const TLS_REQUIRED: &str =
    "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>";
const MECHANISMS: &str = "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>\
    <mechanism>SCRAM-SHA-256-PLUS</mechanism><mechanism>SCRAM-SHA-1-PLUS</mechanism>\
    <mechanism>SCRAM-SHA-256</mechanism><mechanism>SCRAM-SHA-1</mechanism><mechanism>PLAIN</mechanism></mechanisms>\
    <sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/>\
    <channel-binding type='tls-server-end-point'/></sasl-channel-binding>";
const SIGNED_IN: &str = "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/>\
    <session xmlns='urn:ietf:params:xml:ns:xmpp-session'><optional/></session><sm xmlns='urn:xmpp:sm:3'/>\
    <csi xmlns='urn:xmpp:csi:0'/>";

fn header(id: &str, more: &str) -> String {
    HEADER.replace("'s1'", &format!("'{id}'")).replace("from='example.org'", &format!("from='example.org'{more}"))
}

/// A stream header with other attributes; `{}` stands for none.
fn opening(attributes: &str) -> String {
    format!("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'{attributes}>")
}

#[test]
fn a_stream_goes_through_tls_and_sign_in() {
    let mut talk = Talk::clear();
    assert_eq!(talk.c2s.phase(), Phase::Opening);
    assert_eq!(talk.say(&format!("<?xml version='1.0'?>{STREAM}")), format!("{HEADER}{TLS_REQUIRED}"));
    assert_eq!(talk.c2s.phase(), Phase::Negotiating);
    assert_eq!(talk.say(STARTTLS), PROCEED);
    assert_eq!((talk.steps().as_str(), talk.c2s.is_secure()), ("starttls", true));
    let heard = talk.say(STREAM);
    assert_eq!(heard, format!("{}<stream:features>{MECHANISMS}</stream:features>", header("s2", "")));
    assert_eq!(talk.say(&plain("anna", "secret")), format!("<success xmlns='{SASL}'></success>"));
    assert_eq!(talk.steps(), "find(anna) check(true) authenticated");
    assert_eq!(talk.c2s.phase(), Phase::Authenticated);
    let heard = talk.say(&opening(" to='example.org' from='Anna@example.org' version='1.0' xml:lang='ja'"));
    let expected = header("s3", " to='anna@example.org'").replace("xml:lang='en'", "xml:lang='ja'");
    assert_eq!(heard, format!("{expected}<stream:features>{SIGNED_IN}</stream:features>"));
    assert_eq!(talk.c2s.peer_lang(), Some("ja"));
    assert_eq!(talk.say(CLOSE), CLOSE);
    assert_eq!((talk.steps().as_str(), talk.c2s.phase()), ("close", Phase::Closed));
}

#[test]
fn what_was_sent_behind_starttls_is_not_read() {
    let mut talk = Talk::clear();
    let heard = talk.say(&format!("{STREAM}{STARTTLS}{STREAM}{}", plain("anna", "secret")));
    assert_eq!(heard, format!("{HEADER}{TLS_REQUIRED}{PROCEED}"));
    assert_eq!(talk.c2s.phase(), Phase::Opening);
}

#[test]
fn a_header_with_a_fault_gets_the_defined_error() {
    let to = " to='example.org'";
    let streams = "http://etherx.jabber.org/streams";
    let cases = [
        (opening(" to='example.com' version='1.0'"), "host-unknown"),
        (opening(" version='1.0'"), "improper-addressing"),
        (opening(" to='' version='1.0'"), "improper-addressing"),
        (opening(" to='a b' version='1.0'"), "improper-addressing"),
        (opening(" to='example.org/x' version='1.0'"), "improper-addressing"),
        (opening(" to='anna@example.org' version='1.0'"), "host-unknown"),
        (opening(to), "unsupported-version"),
        (opening(&format!("{to} version='0.9'")), "unsupported-version"),
        (opening(&format!("{to} version='one'")), "unsupported-version"),
        (opening(&format!("{to} version='1.0' from='@'")), "invalid-from"),
        (format!("<stream:stream xmlns='jabber:server' xmlns:stream='{streams}'{to} version='1.0'>"), "invalid-namespace"),
        (format!("<stream:stream xmlns:stream='{streams}'{to} version='1.0'>"), "invalid-namespace"),
        (format!("<s:stream xmlns='jabber:client' xmlns:s='{streams}'{to} version='1.0'>"), "bad-namespace-prefix"),
    ];
    for (said, condition) in cases {
        let mut talk = Talk::clear();
        let heard = talk.say(&said);
        assert_eq!(heard, format!("{HEADER}{}", stream_error(condition, None)), "{said}");
        assert_eq!((talk.steps().as_str(), talk.c2s.phase()), ("close", Phase::Closed));
    }
}

#[test]
fn a_header_that_is_none_is_refused_by_the_framer() {
    let rest = "to='example.org' version='1.0'>";
    for (said, condition) in [
        (format!("<stream:stream xmlns='jabber:client' xmlns:stream='http://example.org/' {rest}"), "invalid-namespace"),
        (format!("<stream:strem xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' {rest}"), "bad-format"),
    ] {
        let heard = Talk::clear().say(&said);
        assert!(heard.starts_with(&format!("{HEADER}<stream:error><{condition} ")), "{heard}");
    }
}

#[test]
fn a_header_of_another_kind_is_refused_without_the_framer_too() {
    for (said, condition) in [
        ("<stream:stream xmlns:stream='urn:x'/>", "invalid-namespace"),
        ("<s xmlns='http://etherx.jabber.org/streams'/>", "bad-format"),
    ] {
        let header = frame_one(said.as_bytes(), Limits::default()).unwrap().stanza(said.as_bytes());
        let heard = Talk::clear().feed(FrameKind::Header, &header);
        assert_eq!(heard, format!("{HEADER}{}", stream_error(condition, None)));
    }
}

#[test]
fn the_header_after_sign_in_is_from_the_user() {
    for (from, heard) in
        [("anna@example.org", false), ("anna@example.org/x", false), ("ben@example.org", true), ("example.org", true)]
    {
        let mut talk = Talk::secure();
        talk.say(&plain("anna", "secret"));
        let heard_error =
            talk.say(&opening(&format!(" to='example.org' version='1.0' from='{from}'"))).contains("<invalid-from ");
        assert_eq!(heard_error, heard, "{from}");
    }
}

#[test]
fn later_versions_and_odd_languages_are_taken() {
    let mut talk = Talk::clear();
    let heard = talk.say(&opening(" to='EXAMPLE.org.' version='2.7' xml:lang='&lt;b>'"));
    assert_eq!(heard, format!("{HEADER}{TLS_REQUIRED}"));
    assert_eq!(talk.c2s.peer_lang(), None);
}

#[test]
fn bad_xml_is_answered_inside_a_stream() {
    for (said, condition) in [("<!DOCTYPE x>", "restricted-xml"), ("<stream:stream <", "not-well-formed")] {
        let mut talk = Talk::clear();
        let heard = talk.say(said);
        assert!(heard.starts_with(&format!("{HEADER}<stream:error><{condition} xmlns=")), "{heard}");
        assert!(heard.ends_with(&format!("</stream:error>{CLOSE}")), "{heard}");
        assert_eq!(talk.c2s.phase(), Phase::Closed);
        assert_eq!(talk.say("more"), "");
    }
    let mut talk = Talk::secure();
    assert!(talk.say("<a></b>").starts_with("<stream:error><not-well-formed "));
}

#[test]
fn before_sign_in_nothing_else_is_allowed() {
    for said in
        ["<message/>", "<iq type='get' id='1'><query xmlns='jabber:iq:auth'/></iq>", "<presence/>", "<r xmlns='urn:xmpp:sm:3'/>"]
    {
        let mut talk = Talk::secure();
        assert_eq!(talk.say(said), stream_error("not-authorized", None), "{said}");
        assert_eq!(talk.steps(), "close");
    }
}

#[test]
fn starttls_is_refused_where_it_is_not_offered() {
    let refused = format!("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>{CLOSE}");
    let mut talk = Talk::secure();
    assert_eq!((talk.say(STARTTLS), talk.steps().as_str()), (refused.clone(), "close"));
    let mut talk = Talk::with(C2sConfig { starttls: false, ..config() }, Framing::Tcp, None, false);
    assert_eq!(talk.say(STREAM), format!("{HEADER}<stream:features></stream:features>"));
    assert_eq!(talk.say(STARTTLS), refused);
}

#[test]
fn clear_text_sign_in_is_for_loopback_and_only_if_allowed() {
    let offers = |allowed: bool, loopback: bool| {
        let mut talk = Talk::with(C2sConfig { clear_text_auth: allowed, ..config() }, Framing::Tcp, None, loopback);
        let features = talk.say(STREAM);
        let failed = talk.say(&plain("anna", "secret")) == failure("encryption-required");
        assert_eq!(features.contains("<required/>"), failed);
        assert_eq!(features.contains("<mechanism>PLAIN</mechanism>"), !failed);
        assert!(!features.contains("PLUS"));
        !failed
    };
    assert!(offers(true, true));
    assert!(!offers(true, false) && !offers(false, true) && !offers(false, false));
}

#[test]
fn plus_needs_channel_binding_data() {
    let features = |tls: TlsInfo| Talk::with(config(), Framing::Tcp, Some(tls), false).say(STREAM);
    let none = features(TlsInfo::default());
    assert!(none.contains("<mechanism>SCRAM-SHA-256</mechanism>") && !none.contains("PLUS") && !none.contains("sasl-cb"));
    let one = features(TlsInfo { exporter: None, end_point: Some(vec![1]) });
    assert!(one.contains("SCRAM-SHA-1-PLUS") && one.contains("'tls-server-end-point'") && !one.contains("tls-exporter"));
}

#[test]
fn a_client_that_gives_up_with_an_error_is_let_go() {
    let mut talk = Talk::secure();
    let said = "<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>";
    assert_eq!((talk.say(said).as_str(), talk.steps().as_str()), (CLOSE, "close"));
    let mut talk = Talk::bound();
    assert_eq!((talk.say(said).as_str(), talk.steps().as_str()), (CLOSE, "close"));
}

#[test]
fn errors_of_the_server_open_the_stream_and_come_once() {
    let mut talk = Talk::clear();
    let mut out = Vec::new();
    talk.c2s.stream_error(StreamErrorCondition::SystemShutdown, None, &mut out);
    talk.c2s.stream_error(StreamErrorCondition::SystemShutdown, None, &mut out);
    talk.c2s.close(&mut out);
    assert_eq!(talk.heard(out), format!("{HEADER}{}", stream_error("system-shutdown", None)));

    let mut talk = Talk::clear();
    let mut out = Vec::new();
    talk.c2s.close(&mut out);
    assert_eq!(talk.heard(out), "", "a stream that was never opened is not closed");
}

#[test]
fn a_count_too_high_is_explained() {
    let mut talk = Talk::bound();
    let mut out = Vec::new();
    talk.c2s.handled_count_too_high(TooHigh { h: 10, sent: 8 }, &mut out);
    let heard = talk.heard(out);
    assert!(
        heard.starts_with("<stream:error><undefined-condition xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text"),
        "{heard}"
    );
    let app = "<handled-count-too-high xmlns='urn:xmpp:sm:3' h='10' send-count='8'/></stream:error></stream:stream>";
    assert!(heard.ends_with(app), "{heard}");
}

const WS_OPEN: &str = "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='example.org' version='1.0'/>";
const WS_CLOSE: &str = "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>";

fn ws_header(id: &str) -> String {
    format!("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' id='{id}' from='example.org' version='1.0' xml:lang='en'/>")
}

fn ws_features(content: &str) -> String {
    format!("<stream:features xmlns:stream='http://etherx.jabber.org/streams'>{content}</stream:features>")
}

#[test]
fn websocket_messages_stand_on_their_own() {
    let mut talk = Talk::with(config(), Framing::WebSocket, Some(tls()), false);
    assert_eq!(talk.say(WS_OPEN), format!("{}\n{}", ws_header("s1"), ws_features(MECHANISMS)));
    assert_eq!(talk.say(&plain("anna", "secret")), format!("<success xmlns='{SASL}'></success>"));
    assert_eq!(talk.say(WS_OPEN), format!("{}\n{}", ws_header("s2"), ws_features(SIGNED_IN)));
    let bind = "<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>x</resource></bind></iq>";
    let bound =
        "<iq type='result' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>anna@example.org/x</jid></bind></iq>";
    assert_eq!(talk.say(bind), bound.replace("<iq ", "<iq xmlns='jabber:client' "));
    assert_eq!(talk.say("<message xmlns='jabber:client' to='ben@example.org'/>"), "");
    assert_eq!(talk.say(WS_CLOSE), WS_CLOSE);
    assert_eq!(talk.steps(), "find(anna) check(true) authenticated bind(x) deliver close");
}

#[test]
fn websocket_errors_are_framed() {
    let error = |condition: &str, text: &str| {
        let ns = "urn:ietf:params:xml:ns:xmpp-streams";
        let text = if text.is_empty() { String::new() } else { format!("<text xmlns='{ns}' xml:lang='en'>{text}</text>") };
        let error = format!("<{condition} xmlns='{ns}'/>{text}</stream:error>");
        format!("<stream:error xmlns:stream='http://etherx.jabber.org/streams'>{error}\n{WS_CLOSE}")
    };
    let start = || Talk::with(config(), Framing::WebSocket, Some(tls()), false);
    let heard = start().say(&WS_OPEN.replace("example.org", "example.com"));
    assert_eq!(heard, format!("{}\n{}", ws_header("s1"), error("host-unknown", "")));
    let heard = start().say("<open xmlns='urn:x' to='example.org' version='1.0'/>");
    assert_eq!(heard, format!("{}\n{}", ws_header("s1"), error("invalid-namespace", "")));
    let heard = start().say("<message xmlns='jabber:client'/>");
    assert_eq!(heard, format!("{}\n{}", ws_header("s1"), error("invalid-namespace", "a stream header was expected")));
    let mut talk = start();
    talk.say(WS_OPEN);
    assert_eq!(talk.say(WS_OPEN), error("invalid-xml", "the stream is open already"));
    // STARTTLS has no place here (RFC 7395 §4), wherever the TLS ends.
    let mut talk = Talk::with(config(), Framing::WebSocket, None, false);
    assert_eq!(talk.say(WS_OPEN), format!("{}\n{}", ws_header("s1"), ws_features("")));
}

#[test]
fn bosh_leaves_headers_to_the_http_part() {
    let mut talk = Talk::with(config(), Framing::Bosh, Some(tls()), false);
    let opening = Opening { to: Some(Cow::Borrowed("example.org")), version: Some(Cow::Borrowed("1.0")), ..Opening::default() };
    assert_eq!(talk.open_bosh(&opening), ws_features(MECHANISMS));
    assert_eq!(talk.say(&plain("anna", "secret")), format!("<success xmlns='{SASL}'></success>"));
    assert_eq!(talk.open_bosh(&opening), ws_features(SIGNED_IN));
    let heard = talk.say("<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
    assert!(heard.starts_with("<iq xmlns='jabber:client' type='result' id='b'>"), "{heard}");
    let mut out = Vec::new();
    talk.c2s.stream_error(StreamErrorCondition::Conflict, None, &mut out);
    let condition = "<conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>";
    assert_eq!(
        talk.heard(out),
        format!("<stream:error xmlns:stream='http://etherx.jabber.org/streams'>{condition}</stream:error>")
    );
}

#[test]
fn a_bosh_client_must_restart_after_sign_in() {
    let mut talk = Talk::with(config(), Framing::Bosh, Some(tls()), false);
    let opening = Opening { to: Some(Cow::Borrowed("example.org")), version: Some(Cow::Borrowed("1.0")), ..Opening::default() };
    talk.open_bosh(&opening);
    talk.say(&plain("anna", "secret"));
    assert!(talk.say("<presence xmlns='jabber:client'/>").contains("<not-authorized "));
}

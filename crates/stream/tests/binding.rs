//! After sign-in: RFC 6120 §7, RFC 3921 §3, XEP-0198 §3 and §5.

mod talk;

use proptest::prelude::*;
use talk::*;
use zaiseki_stream::c2s::{C2sConfig, Framing, Phase};
use zaiseki_xmpp::stanza::{Condition, StanzaError};

const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
const SESSION: &str = "<iq type='set' id='s'><session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>";

fn bind(content: &str) -> String {
    format!("<iq type='set' id='b'><bind xmlns='{BIND}'>{content}</bind></iq>")
}

fn bound(jid: &str) -> String {
    format!("<iq type='result' id='b'><bind xmlns='{BIND}'><jid>{jid}</jid></bind></iq>")
}

fn error(name: &str, id: &str, kind: &str, condition: &str) -> String {
    let id = if id.is_empty() { String::new() } else { format!(" id='{id}'") };
    format!(
        "<{name} type='error'{id}><error type='{kind}'><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></{name}>"
    )
}

fn sm_failed(condition: &str, more: &str) -> String {
    format!("<failed xmlns='urn:xmpp:sm:3'{more}><{condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>")
}

#[test]
fn a_resource_is_bound() {
    for (content, step, jid) in [
        ("", "bind(-)", "anna@example.org/made"),
        ("<resource/>", "bind(-)", "anna@example.org/made"),
        ("<resource>Haus &amp; Hof</resource>", "bind(Haus & Hof)", "anna@example.org/Haus &amp; Hof"),
        ("<resource>a\u{3000}b</resource>", "bind(a b)", "anna@example.org/a b"),
    ] {
        let mut talk = Talk::signed_in();
        assert_eq!(talk.say(&bind(content)), bound(jid));
        assert_eq!((talk.steps().as_str(), talk.c2s.phase()), (step, Phase::Bound));
    }
}

#[test]
fn a_resource_that_is_none_can_be_mended() {
    let mut talk = Talk::signed_in();
    for bad in ["\u{7f}".to_owned(), "x".repeat(1024), "a\u{200d}b".to_owned()] {
        assert_eq!(talk.say(&bind(&format!("<resource>{bad}</resource>"))), error("iq", "b", "modify", "bad-request"));
    }
    talk.bind_error = Some(StanzaError::new(Condition::Conflict));
    assert_eq!(talk.say(&bind("")), error("iq", "b", "cancel", "conflict"));
    assert_eq!(talk.c2s.phase(), Phase::Authenticated);
    assert_eq!(
        talk.say(&bind(&format!("<resource>{}</resource>", "x".repeat(1023)))).len(),
        bound("anna@example.org/").len() + 1023
    );
}

#[test]
fn stanzas_before_binding_are_refused() {
    for (said, heard) in [
        ("<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>".to_owned(), error("iq", "1", "auth", "not-authorized")),
        (
            "<iq type='get' id='1' to='example.org'><ping xmlns='urn:xmpp:ping'/></iq>".to_owned(),
            error("iq", "1", "auth", "not-authorized"),
        ),
        ("<message id='2' to='anna@example.org'/>".to_owned(), error("message", "2", "auth", "not-authorized")),
        ("<presence/>".to_owned(), error("presence", "", "auth", "not-authorized")),
        (SESSION.to_owned(), error("iq", "s", "auth", "not-authorized")),
        (format!("<iq type='get' id='b'><bind xmlns='{BIND}'/></iq>"), error("iq", "b", "auth", "not-authorized")),
        ("<iq type='result' id='3'/>".to_owned(), String::new()),
        ("<message type='error'/>".to_owned(), String::new()),
    ] {
        let mut talk = Talk::signed_in();
        assert_eq!(talk.say(&said), heard);
        assert_eq!((talk.steps().as_str(), talk.c2s.phase()), ("", Phase::Authenticated));
    }
}

#[test]
fn stanzas_to_others_before_binding_end_the_stream() {
    let to_other = bind("").replace(" id=", " to='ben@example.org' id=");
    for said in ["<message to='ben@example.org'/>", "<iq type='get' id='1' to='example.com'/>", "<presence to='@'/>", &to_other] {
        let mut talk = Talk::signed_in();
        assert_eq!(talk.say(said), stream_error("not-authorized", None), "{said}");
        assert_eq!(talk.steps(), "close");
    }
}

#[test]
fn what_is_no_stanza_ends_the_stream() {
    for (said, condition) in [
        ("<other/>", "unsupported-stanza-type"),
        ("<message xmlns='jabber:server'/>", "invalid-namespace"),
        ("<iq xmlns='urn:x'/>", "invalid-namespace"),
        ("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "unsupported-stanza-type"),
        ("<x xmlns='http://etherx.jabber.org/streams'/>", "unsupported-stanza-type"),
    ] {
        for mut talk in [Talk::signed_in(), Talk::bound()] {
            assert_eq!(talk.say(said), stream_error(condition, None), "{said}");
            assert_eq!(talk.steps(), "close");
        }
    }
}

#[test]
fn a_bound_session_gets_its_frames() {
    let mut talk = Talk::bound();
    for said in [
        "<message to='ben@example.org'><body>x</body></message>",
        "<presence/>",
        "<iq type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<active xmlns='urn:xmpp:csi:0'/>",
        "<enable xmlns='urn:xmpp:sm:3'/>",
        "<r xmlns='urn:xmpp:sm:3'/>",
        "<a xmlns='urn:xmpp:sm:3' h='1'/>",
    ] {
        assert_eq!((talk.say(said).as_str(), talk.steps().as_str()), ("", "deliver"), "{said}");
    }
    assert_eq!(talk.say("<resume xmlns='urn:xmpp:sm:3' previd='x' h='1'/>"), sm_failed("unexpected-request", ""));
    assert_eq!((talk.say(CLOSE).as_str(), talk.steps().as_str()), (CLOSE, "close"));
}

#[test]
fn the_old_session_request_is_answered_until_stanzas_are_counted() {
    let mut talk = Talk::bound();
    assert_eq!((talk.say(SESSION).as_str(), talk.steps().as_str()), ("<iq type='result' id='s'></iq>", "session"));
    assert_eq!(talk.say(&SESSION.replace(" id=", " to='example.org' id=")), "<iq type='result' id='s'></iq>");
    talk.steps();
    assert_eq!(
        (talk.say(&SESSION.replace(" id=", " to='ben@example.org' id=")).as_str(), talk.steps().as_str()),
        ("", "deliver")
    );
    talk.say("<enable xmlns='urn:xmpp:sm:3'/>");
    talk.steps();
    assert_eq!((talk.say(SESSION).as_str(), talk.steps().as_str()), ("", "deliver"));
}

#[test]
fn a_stream_is_resumed() {
    let mut talk = Talk::signed_in();
    assert_eq!(talk.say("<resume xmlns='urn:xmpp:sm:3' previd='tok' h='7'/>"), "");
    assert_eq!((talk.steps().as_str(), talk.c2s.is_waiting()), ("resume(tok,7)", true));
    talk.c2s.resumed();
    assert_eq!(talk.c2s.phase(), Phase::Bound);
    assert_eq!((talk.say(SESSION).as_str(), talk.steps().as_str()), ("", "deliver"), "stanzas are counted");
}

#[test]
fn a_client_that_resumes_too_late_may_bind() {
    for (h, more) in [(None, ""), (Some(3), " h='3'")] {
        let mut talk = Talk::signed_in();
        talk.say("<resume xmlns='urn:xmpp:sm:3' previd='tok' h='7'/>");
        let mut out = Vec::new();
        talk.c2s.resume_failed(h, &mut out);
        assert_eq!(talk.heard(out), sm_failed("item-not-found", more));
        assert_eq!(talk.say(&bind("<resource>r</resource>")), bound("anna@example.org/r"));
    }
}

#[test]
fn stream_management_before_binding() {
    let long = format!("<resume xmlns='urn:xmpp:sm:3' previd='{}' h='1'/>", "x".repeat(257));
    for (said, condition) in [
        ("<enable xmlns='urn:xmpp:sm:3'/>", "unexpected-request"),
        ("<r xmlns='urn:xmpp:sm:3'/>", "unexpected-request"),
        ("<resume xmlns='urn:xmpp:sm:3' h='1'/>", "bad-request"),
        ("<resume xmlns='urn:xmpp:sm:3' previd='x' h='-1'/>", "bad-request"),
        ("<resume xmlns='urn:xmpp:sm:3' previd='' h='1'/>", "bad-request"),
        (&long, "bad-request"),
    ] {
        let mut talk = Talk::signed_in();
        assert_eq!((talk.say(said).as_str(), talk.steps().as_str()), (sm_failed(condition, "").as_str(), ""), "{said}");
    }
    let mut talk = Talk::signed_in();
    talk.say(&long.replace("xxx'", "xx'"));
    assert!(talk.steps().starts_with("resume(x"), "256 bytes are enough for everybody");
}

#[test]
fn stream_management_can_be_off() {
    let mut talk = Talk::with(C2sConfig { sm: false, ..config() }, Framing::Tcp, Some(tls()), false);
    talk.say(STREAM);
    talk.say(&plain("anna", "secret"));
    assert!(!talk.say(STREAM).contains("urn:xmpp:sm:3"));
    let refused = sm_failed("feature-not-implemented", "");
    assert_eq!(talk.say("<resume xmlns='urn:xmpp:sm:3' previd='x' h='1'/>"), refused);
    talk.say(&bind(""));
    assert_eq!(talk.say("<enable xmlns='urn:xmpp:sm:3'/>"), refused);
}

/// Fragments that mean something in one state or another.
fn fragment() -> impl Strategy<Value = String> {
    let fixed = [
        STREAM,
        CLOSE,
        SESSION,
        "<message to='ben@example.org'/>",
        "<iq/>",
        "<iq type='set'/>",
        "<presence to='&amp;'/>",
        "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
        "<r xmlns='urn:xmpp:sm:3'/>",
        "<enable xmlns='urn:xmpp:sm:3'/>",
        "<resume xmlns='urn:xmpp:sm:3' previd='x' h='99999999999'/>",
        "<stream:error/>",
        "<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>",
        "<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>",
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>\u{e9}=</auth>",
        "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>=</response>",
        "<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
    ];
    prop_oneof![
        4 => prop::sample::select(fixed.map(str::to_owned).to_vec()),
        1 => Just(plain("anna", "secret")),
        1 => Just(bind("<resource>x</resource>")),
        1 => prop::collection::vec(any::<u8>(), 0..30).prop_map(|data| auth("SCRAM-SHA-256", data)),
        1 => "\\PC{0,20}",
    ]
}

proptest! {
    /// Whatever is said, in whatever order: no panic, and after the end nothing more is written.
    #[test]
    fn garbage_never_panics(parts in prop::collection::vec(fragment(), 0..12), websocket: bool, secure: bool) {
        let framing = if websocket { Framing::WebSocket } else { Framing::Tcp };
        let mut talk = Talk::with(config(), framing, secure.then(tls), false);
        for part in parts {
            let closed = talk.c2s.phase() == Phase::Closed;
            let heard = talk.say(&part);
            prop_assert!(!closed || heard.is_empty());
        }
    }
}

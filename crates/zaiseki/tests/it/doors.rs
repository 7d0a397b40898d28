//! What every way in grants a connection: time to sign in, a share for each address, and an end for those who are gone.

use std::time::{Duration, Instant};

use zaiseki_testkit::process::wait_for;
use zaiseki_testkit::xmpp_client::Security;

use crate::raw::{HEADER, Raw, stream_error};
use crate::support::*;
use crate::web_door::*;

const TIMEOUT: &str = "<connection-timeout xmlns='urn:ietf:params:xml:ns:xmpp-streams'";

#[test]
fn who_does_not_sign_in_in_time_is_let_go() {
    const LIMIT: Duration = Duration::from_secs(2);
    let stage = Stage::open(&[("connections.sign_in_time", 2.into())], 4);
    let mut idle = stage.online();
    let (mut web, _) = signed_in_websocket(&stage.person());
    let (mut bosh, _) = Bosh::sign_in(&stage.person());
    let begun = Instant::now();

    let mut silent = Raw::connect(stage.node.c2s());
    let mut opened = Raw::stream(stage.node.c2s());
    let mut half = Raw::connect(stage.node.c2s());
    half.send(&HEADER[..40]);
    let mut no_tls = Raw::connect(stage.node.c2s_tls());
    let mut stranger = websocket(&stage);
    for raw in [&mut silent, &mut opened, &mut half] {
        assert_eq!(stream_error(&raw.rest()), "connection-timeout", "RFC 6120 §4.9.3.4");
        assert!(begun.elapsed() >= LIMIT, "{:?}", begun.elapsed());
    }
    no_tls.rest();
    assert!(stranger.rest().contains(TIMEOUT));
    // The request that is held then is answered with the error.
    let mut long = Bosh::open_waiting(&stage, 60);
    let answer = long.say(b"");
    assert!(answer.contains(TIMEOUT) && answer.contains("condition='remote-stream-error'"), "{answer}");
    assert!(long.say(b"").contains("condition='item-not-found'"));

    // Those who have signed in may be silent.
    idle.heard();
    message(&mut web, b"<iq xmlns='jabber:client' type='get' id='w' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>");
    assert!(web.until("</iq>").contains("id='w'"));
    let ping = b"<iq xmlns='jabber:client' type='get' id='p' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>";
    assert!(bosh.say(ping).contains("id='p'"));
}

#[test]
fn who_takes_his_time_but_not_all_of_it_signs_in() {
    let stage = Stage::open(&[("connections.sign_in_time", 4.into())], 1);
    let person = stage.person();
    let mut slow = person.connect(Security::Clear);
    let begun = Instant::now();
    let passes =
        |secs| wait_for("time", PATIENCE, || (begun.elapsed() > Duration::from_secs(secs)).then_some(())).expect("it passes");
    passes(2);
    slow.authenticate(person.account()).expect("signed in");
    slow.bind(Some("desk")).expect("bound");
    passes(5);
    slow.barrier().expect("an answer");
}

const STRANGERS: &str = "connections.strangers_per_address";

/// Changes the share while the node runs.
#[track_caller]
fn grant(stage: &Stage, strangers: u32) {
    let output = stage.node.cli(&["settings", "set", STRANGERS, &strangers.to_string()], "").expect("an answer");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The node closes a connection here without a word. Let in, this would be answered by a stream error or a TLS alert.
#[track_caller]
fn assert_refused(address: std::net::SocketAddr) {
    let mut raw = Raw::connect(address);
    raw.send("GET / HTTP/1.0\r\n\r\n");
    assert_eq!(raw.rest(), "");
}

#[test]
fn strangers_of_one_address_have_a_share() {
    let stage = Stage::open(&[(STRANGERS, 3.into())], 6);
    let mut strangers: Vec<Raw> = (0..3).map(|_| Raw::stream(stage.node.c2s())).collect();
    assert_refused(stage.node.c2s());
    assert_refused(stage.node.c2s_tls());
    // A higher limit holds at once, and who has signed in is no stranger.
    grant(&stage, 4);
    let mut known: Vec<Session> = (0..5).map(|_| stage.online()).collect();
    strangers.push(Raw::stream(stage.node.c2s()));
    assert_refused(stage.node.c2s());
    known.iter_mut().for_each(|session| drop(session.heard()));
    drop(strangers);
    let room = || {
        let mut raw = Raw::connect(stage.node.c2s());
        raw.send(format!("{HEADER}</stream:stream>"));
        raw.rest().contains("</stream:features>").then_some(())
    };
    wait_for("room", PATIENCE, room).expect("who left makes room");
}

#[test]
fn strangers_of_one_address_have_a_share_of_the_web() {
    let stage = Stage::open(&[(STRANGERS, 3.into())], 4);
    let mut strangers: Vec<Raw> = (0..3).map(|_| websocket(&stage)).collect();
    assert_refused(stage.node.https());
    stage.online().leave();
    grant(&stage, 4);
    let mut known: Vec<Raw> = (0..3).map(|_| signed_in_websocket(&stage.person()).0).collect();
    strangers.push(websocket(&stage));
    assert_refused(stage.node.https());
    for raw in &mut known {
        message(raw, b"<iq xmlns='jabber:client' type='get' id='w' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>");
        assert!(raw.until("</iq>").contains("id='w'"));
    }
}

#[test]
fn strangers_of_one_address_have_a_share_of_bosh() {
    let stage = Stage::open(&[(STRANGERS, 3.into())], 2);
    let _strangers: Vec<Bosh<'_>> = (0..3).map(|_| Bosh::open(&stage)).collect();
    let refused = || post(&stage, first_body(1).as_bytes());
    assert!(refused().contains("condition='policy-violation'"), "{}", refused());
    grant(&stage, 4);
    let (mut known, _) = Bosh::sign_in(&stage.person());
    let _fourth = Bosh::open(&stage);
    assert!(refused().contains("condition='policy-violation'"), "{}", refused());
    assert!(!known.say(b"").contains("terminate"));
}

#[test]
fn a_web_client_that_answers_no_ping_is_gone() {
    // Behind a reverse proxy the connection lives on when the client does not.
    let stage = Stage::open(&[("connections.peer_timeout", 4.into())], 3);
    let mut friend = stage.online();
    let (mut silent, gone) = signed_in_websocket(&stage.person());
    let (mut alive, stays) = signed_in_websocket(&stage.person());
    for (raw, jid) in [(&mut silent, &gone), (&mut alive, &stays)] {
        message(raw, format!("<presence xmlns='jabber:client' to='{}'/>", friend.jid).as_bytes());
        friend.hear(presence("", jid));
    }
    let begun = Instant::now();
    for _ in 0..3 {
        // A ping without content (RFC 6455 §5.5.2), answered by a pong.
        alive.until(b"\x89\0");
        frame(&mut alive, 0xA, b"");
    }
    friend.hear(presence("unavailable", &gone));
    silent.rest();
    assert!(begun.elapsed() > Duration::from_secs(3), "{:?}", begun.elapsed());
    friend.chat(&stays, "still there?");
    alive.until("still there?");
    friend.chat(&gone, "read it later");
    friend.heard();
}

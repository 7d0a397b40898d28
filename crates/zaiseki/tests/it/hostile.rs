//! Floods and worse: memory stays bounded, and nobody else notices.

use std::net::TcpStream;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use zaiseki_model::limits;
use zaiseki_testkit::process::wait_for;

use crate::raw::{HEADER, Raw};
use crate::support::*;

const MIB: usize = 1 << 20;

/// These tests look at the memory of their node, one after the other.
struct Arena {
    stage: Stage,
}

fn arena() -> std::sync::MutexGuard<'static, Arena> {
    static ARENA: OnceLock<std::sync::Mutex<Arena>> = OnceLock::new();
    let arena = ARENA.get_or_init(|| std::sync::Mutex::new(Arena { stage: Stage::open(&[], 60).shared() }));
    arena.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Arena {
    /// Bytes of memory that the node uses.
    fn memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.stage.node.pid().expect("a node"))).expect("a node");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a figure");
        line.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") * 1024
    }

    /// Connections that the node holds.
    fn sockets(&self) -> usize {
        let files = std::fs::read_dir(format!("/proc/{}/fd", self.stage.node.pid().expect("a node"))).expect("a node");
        let links = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
        links.filter(|link| link.to_string_lossy().starts_with("socket:")).count()
    }

    /// The node serves others within a time that people would not notice.
    #[track_caller]
    fn serves(&self) {
        let begun = Instant::now();
        let mut session = self.stage.online();
        session.heard();
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        session.leave();
    }

    #[track_caller]
    fn settles_at(&self, sockets: usize) {
        wait_for("connections to be gone", Duration::from_secs(20), || (self.sockets() <= sockets).then_some(())).expect("gone");
    }
}

#[test]
fn a_thousand_half_open_connections_hurt_nobody() {
    let arena = arena();
    arena.serves();
    let (memory, sockets) = (arena.memory(), arena.sockets());
    let mut half_open = Vec::new();
    for number in 0..1_000 {
        let mut raw = Raw::connect(arena.stage.node.c2s());
        match number % 4 {
            0 => {}
            1 => raw.send("<stre"),
            2 => drop(raw.open()),
            _ => raw
                .send(format!("{HEADER}<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{}", "A".repeat(10_000))),
        }
        half_open.push(raw);
    }
    arena.serves();
    let grown = arena.memory().saturating_sub(memory);
    assert!(grown < 48 * MIB, "{} KiB for each", grown / 1024 / 1_000);
    drop(half_open);
    arena.settles_at(sockets);
    arena.serves();
}

#[test]
fn aborted_connections_leave_nothing_behind() {
    let arena = arena();
    arena.serves();
    let sockets = arena.sockets();
    let round = || {
        for number in 0..500 {
            let mut raw = Raw::connect(arena.stage.node.c2s());
            raw.send(if number % 2 == 0 { HEADER } else { "<stream:stream xmlns='" });
            let tls = TcpStream::connect(arena.stage.node.c2s_tls()).expect("connected");
            drop((raw, tls));
        }
        arena.settles_at(sockets);
    };
    round();
    round();
    let memory = arena.memory();
    (0..4).for_each(|_| round());
    let grown = arena.memory().saturating_sub(memory);
    assert!(grown < 6 * MIB, "{} KiB after 4,000 connections", grown / 1024);
    arena.serves();
}

#[test]
fn a_client_that_does_not_read_is_let_go() {
    let arena = arena();
    let (mut slow, mut sender) = (arena.stage.online(), arena.stage.online());
    slow.heard();
    let memory = arena.memory();
    let text = "x".repeat(60_000);
    for _ in 0..500 {
        sender.say(format!("<message to='{}' type='headline'><body>{text}</body></message>", slow.jid));
    }
    sender.heard();
    let grown = arena.memory().saturating_sub(memory);
    assert!(grown < limits::OUTBOX_BYTES * 6, "{} KiB for 30 MB that nobody reads", grown / 1024);
    arena.serves();
    slow.client.expect_close().expect("let go");
}

#[test]
fn a_client_that_does_not_acknowledge_is_let_go() {
    let arena = arena();
    let (mut slow, mut sender) = (arena.stage.online(), arena.stage.online());
    slow.client.enable_acks(true).expect("stream management");
    slow.client.answers_acks = false;
    let memory = arena.memory();
    let text = "x".repeat(60_000);
    for number in 0..500 {
        sender.say(format!("<message to='{}' type='headline'><body>{text}</body></message>", slow.jid));
        // It reads, and says nothing.
        if number % 50 == 0 {
            let _gone = slow.client.barrier();
        }
    }
    sender.heard();
    slow.client.expect_close().expect("let go");
    let grown = arena.memory().saturating_sub(memory);
    assert!(grown < limits::UNACKED_BYTES * 5, "{} KiB", grown / 1024);
    arena.serves();
}

#[test]
fn requests_without_end_are_answered_at_the_pace_of_reading() {
    let arena = arena();
    let mut greedy = Raw::stream(arena.stage.node.c2s());
    let plain = zaiseki_testkit::xmpp_client::sasl::plain(&arena.stage.person().name, PASSWORD);
    greedy.send(format!("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{plain}</auth>"));
    greedy.until("</success>");
    greedy.open();
    greedy.send("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
    greedy.until("</iq>");
    let memory = arena.memory();
    let question = "<iq type='get' id='q' to='localhost'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>";
    greedy.flood(&question.repeat(100), Duration::from_secs(2));
    let grown = arena.memory().saturating_sub(memory);
    assert!(grown < limits::OUTBOX_BYTES * 4, "{} KiB", grown / 1024);
    arena.serves();
}

#[test]
fn names_without_end_are_not_remembered() {
    let arena = arena();
    let mut a = arena.stage.online();
    let round = |a: &mut Session, from: usize| {
        for number in from..from + 5_000 {
            a.say(format!(
                "<message to='n{number}@localhost/r{number}' id='i{number}' type='error'><b{number} xmlns='urn:n:{number}' a{number}='1'/></message>\
                 <presence to='n{number}@localhost' type='unavailable'/>\
                 <iq type='get' id='u{number}' to='n{number}@localhost'><q xmlns='urn:q:{number}'/></iq>"
            ));
            if number % 500 == 0 {
                a.heard();
            }
        }
        a.heard();
    };
    round(&mut a, 0);
    let memory = arena.memory();
    round(&mut a, 5_000);
    round(&mut a, 10_000);
    let grown = arena.memory().saturating_sub(memory);
    assert!(grown < 8 * MIB, "{} KiB for 10,000 names", grown / 1024);
}

#[test]
fn pushes_of_strangers_do_not_arrive() {
    let (mut a, mut b) = stage().friends();
    b.heard();
    for payload in [
        "<query xmlns='jabber:iq:roster'><item jid='evil@localhost' subscription='both'/></query>",
        "<block xmlns='urn:xmpp:blocking'><item jid='evil@localhost'/></block>",
    ] {
        let to = b.jid.clone();
        assert_eq!(a.ask("set", &to, payload).attr("type"), Some("error"));
    }
    b.hears_no(|e| e.is("iq"));
    assert!(b.contact("evil@localhost").is_none());
}

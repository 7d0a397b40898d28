//! Long absences and large archives: more than one connection may hold at once, and still all of it arrives.

use zaiseki_model::limits;

use crate::support::*;

/// Bytes of the text of one large message, which fits into a stanza.
const LARGE: usize = 400 * 1024;
/// Together they are more than [`limits::OUTBOX_BYTES`].
const MANY: usize = limits::OUTBOX_BYTES / LARGE + 2;

/// The number that a large message begins with.
fn numbered(number: usize, text: &str) -> String {
    format!("{number} {text}")
}

#[track_caller]
fn fill(sender: &mut Session, to: &str, count: usize) {
    let text = "x".repeat(LARGE);
    (0..count).for_each(|number| sender.chat(to, &numbered(number, &text)));
    sender.heard();
}

/// Hears `count` large messages in their order, each once.
#[track_caller]
fn hears_all(session: &mut Session, count: usize) {
    for number in 0..count {
        let got = session.hear(|e| e.is("message") && e.child_text("body").len() >= LARGE);
        assert_eq!(got.child_text("body").split(' ').next(), Some(number.to_string().as_str()));
    }
    session.hears_no(|e| e.is("message"));
}

#[test]
fn a_long_absence_ends_with_everything() {
    let mut sender = stage().online();
    for managed in [false, true] {
        let receiver = stage().person();
        fill(&mut sender, &receiver.jid, MANY);
        let mut session = receiver.sign_in("desk");
        if managed {
            session.client.enable_acks(true).expect("stream management");
        }
        session.show("");
        hears_all(&mut session, MANY);
        // What comes now does not wait behind anything.
        sender.chat(&receiver.jid, "live");
        session.hear(body("live"));
        if managed {
            session.client.acknowledge().expect("sent");
        }
        session.leave();
        receiver.online("desk").hears_no(|e| e.is("message"));
    }
}

#[test]
fn a_page_of_the_archive_has_a_greatest_size() {
    let (mut sender, person) = (stage().online(), stage().person());
    fill(&mut sender, &person.jid, MANY);
    let mut owner = person.online("desk");
    hears_all(&mut owner, MANY);
    let (mut seen, mut after) = (0, String::new());
    loop {
        let set = format!("<set xmlns='http://jabber.org/protocol/rsm'><max>{MANY}</max>{after}</set>");
        let answer = owner.ask("set", "", &format!("<query xmlns='urn:xmpp:mam:2'>{set}</query>"));
        let fin = answer.child_ns("fin", "urn:xmpp:mam:2").unwrap_or_else(|| panic!("{answer}"));
        let page = owner.heard().iter().filter(|e| e.child_ns("result", "urn:xmpp:mam:2").is_some()).count();
        assert!((1..=limits::PAGE_BYTES / LARGE + 1).contains(&page), "{page} messages");
        seen += page;
        if fin.attr("complete") == Some("true") {
            break;
        }
        after = format!("<after>{}</after>", fin.child("set").map(|set| set.child_text("last")).unwrap_or_default());
    }
    assert_eq!(seen, MANY);
}

#[test]
fn all_that_waits_for_an_acknowledgement_comes_back() {
    let mut sender = stage().online();
    let fits = limits::UNACKED_BYTES / (LARGE + 1024);
    for count in [fits, fits + 1] {
        let receiver = stage().person();
        let mut session = receiver.online("desk");
        session.client.enable_acks(true).expect("stream management");
        session.heard();
        let cut = session.cut();
        fill(&mut sender, &receiver.jid, count);
        if count == fits {
            hears_all(&mut receiver.resume(&cut).0, count);
        } else {
            // Beyond the limit the stream is given up, and everything waits as offline messages do.
            assert!(receiver.try_resume(&cut).is_err());
            hears_all(&mut receiver.online("desk"), count);
        }
    }
}

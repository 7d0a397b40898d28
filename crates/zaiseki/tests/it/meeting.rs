//! A real calendar becomes presence: Radicale, the gateway, the engine, raw clients and the chat page in Chromium.

use super::support::{Element, PASSWORD, Session, Stage, presence_of};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;
use zaiseki_model::Timestamp;
use zaiseki_testkit::browser::{ChatVisit, visit_chat};
use zaiseki_testkit::radicale::Radicale;
use zaiseki_xmpp::datetime;

/// How late the beginning and the end of a meeting may show.
const LATE: Duration = Duration::from_secs(2);

/// One request to Radicale in the name of `user`.
fn dav(server: &Radicale, user: &str, method: &str, path: &str, body: &str) {
    use base64::Engine as _;
    let account = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{PASSWORD}"));
    let host = server.url().replace("http://", "");
    let mut socket = TcpStream::connect(&host).expect("Radicale");
    let head = format!("{method} {path} HTTP/1.0\r\nHost: {host}\r\nAuthorization: Basic {account}\r\n");
    write!(socket, "{head}Content-Length: {}\r\nContent-Type: text/calendar\r\n\r\n{body}", body.len()).expect("sent");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("an answer");
    assert!(answer.split(' ').nth(1).is_some_and(|status| status.starts_with('2')), "{method} {path}: {answer}");
}

fn stamp(at: Timestamp) -> String {
    datetime::format_seconds(at.0).replace(['-', ':'], "")
}

/// Puts a meeting into the user's calendar.
fn meet(server: &Radicale, user: &str, start: Timestamp, end: Timestamp) {
    let lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//test//test//EN",
        "BEGIN:VEVENT",
        "UID:meeting",
        &format!("DTSTAMP:{}", stamp(start)),
        &format!("DTSTART:{}", stamp(start)),
        &format!("DTEND:{}", stamp(end)),
        "SUMMARY:Secret takeover",
        "END:VEVENT",
        "END:VCALENDAR",
        "",
    ];
    dav(server, user, "PUT", &format!("/{user}/work/meeting.ics"), &lines.join("\r\n"));
}

/// A node whose gateway polls the calendars of `users` each second.
fn gateway(stage: &Stage, users: &[&str]) -> Radicale {
    let radicale = Radicale::start(users, PASSWORD).expect("Radicale");
    for user in users {
        dav(&radicale, user, "MKCALENDAR", &format!("/{user}/work/"), "");
    }
    let url = format!("{}/{{user}}/", radicale.url());
    let options =
        ["--kind", "caldav", "--url", &url, "--username", "{user}", "--allow-clear-text", "--poll-secs", "1", "--password-stdin"];
    let arguments: Vec<&str> = ["gateway", "add", "radicale"].into_iter().chain(options).collect();
    let output = stage.node.cli(&arguments, PASSWORD).expect("the command line");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    radicale
}

/// The next presence of `contact`; the node's log says why none came.
fn next_presence(stage: &Stage, watcher: &mut Session, contact: &str) -> Element {
    let heard = watcher.client.expect(presence_of(contact));
    heard.unwrap_or_else(|why| panic!("{why:#}\n{}", stage.node.log()))
}

fn local(session: &Session) -> String {
    session.bare.split('@').next().expect("a localpart").to_owned()
}

#[test]
fn a_meeting_begins_and_ends_on_the_second() {
    let stage = Stage::open(&[], 2);
    let (mut watcher, mut busy) = stage.friends();
    busy.show("<status>at my desk</status><c xmlns='urn:example:mine'/>");
    watcher.hear(presence_of(&busy.bare.clone()));
    let user = local(&busy);
    let radicale = gateway(&stage, &[&user]);
    let now = Timestamp::from_secs(Timestamp::now().secs());
    // Begins after the status was set: what is chosen during a meeting would win over it.
    let (start, end) = (now + Duration::from_secs(4), now + Duration::from_secs(9));
    meet(&radicale, &user, start, end);

    let shown = next_presence(&stage, &mut watcher, &busy.bare);
    let at = Timestamp::now();
    assert!(at >= start && at.since(start) <= LATE, "began at {at:?} instead of {start:?}");
    assert_eq!(shown.child_text("show"), "dnd");
    let texts = format!("{shown:?}");
    assert!(texts.contains("In a meeting") && texts.contains("会議中") && texts.contains("at my desk"), "{texts}");
    assert!(!texts.contains("Secret"), "the subject leaked: {texts}");

    let back = next_presence(&stage, &mut watcher, &busy.bare);
    let at = Timestamp::now();
    assert!(at >= end && at.since(end) <= LATE, "ended at {at:?} instead of {end:?}");
    assert_eq!((back.child("show"), back.child_text("status")), (None, "at my desk"));
    assert!(back.child_ns("c", "urn:example:mine").is_some(), "the client's own payload is back");
    let log = stage.node.log();
    assert!(!log.contains("Secret"), "the subject stands in the log");
}

#[test]
fn the_chat_page_shows_the_meeting_and_carries_messages() {
    let stage = Stage::open(&[], 2);
    let (user, busy) = stage.friends();
    let (name, peer) = (user.bare.clone(), busy.bare.clone());
    let calendar = local(&busy);
    let radicale = gateway(&stage, &[&calendar]);
    let now = Timestamp::from_secs(Timestamp::now().secs());
    meet(&radicale, &calendar, now - Duration::from_secs(60), now + Duration::from_secs(600));
    user.leave();
    busy.leave();
    let pictures = std::env::var_os("ZAISEKI_SCREENSHOTS").map(std::path::PathBuf::from);
    let visit = ChatVisit {
        url: &format!("https://{}/chat/", stage.node.https()),
        user: (&name, PASSWORD),
        peer: (&peer, PASSWORD),
        status: Some("In a meeting"),
        screenshots: pictures.as_deref(),
    };
    visit_chat(&visit).expect("the chat page");
}

//! The control center with real clients: what a stop means is what it does.

use std::net::TcpStream;
use zaiseki_testkit::process::wait_for;

use crate::raw::{Raw, stream_error};
use crate::support::*;
use crate::web_door::*;

/// A command that must work.
#[track_caller]
fn command(stage: &Stage, line: &str) -> serde_json::Value {
    let words: Vec<&str> = line.split(' ').chain(["--output", "json"]).collect();
    let output = stage.node.cli(&words, "").expect("an answer");
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[track_caller]
fn refused(stage: &Stage, line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let output = stage.node.cli(&words, "").expect("an answer");
    assert!(!output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn status(stage: &Stage, path: &str) -> String {
    let mut raw = https(stage);
    raw.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
    raw.rest().split(' ').nth(1).expect("a status").to_owned()
}

fn ping(raw: &mut Raw) {
    message(raw, b"<iq xmlns='jabber:client' type='get' id='w' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>");
    assert!(raw.until("</iq>").contains("id='w'"));
}

#[test]
fn stopped_client_connections_tell_their_clients_and_take_no_new_ones() {
    let stage = Stage::open(&[], 3);
    let (person, writer) = (stage.person(), stage.person());
    let mut anna = person.online("desk");
    let (mut web, _) = signed_in_websocket(&writer);
    let mut stranger = Raw::stream(stage.node.c2s());

    let stopped = command(&stage, "service stop client-connections");
    assert_eq!((&stopped["state"], &stopped["active"]), (&"stopped".into(), &true.into()), "{stopped}");
    assert!(stopped["reason"]["en"].as_str().unwrap_or_default().starts_with("stopped by local:"), "{stopped}");
    anna.client.expect_close().expect("the stream ends, not only the connection");
    assert_eq!(stream_error(&stranger.rest()), "system-shutdown", "RFC 6120 §4.9.3.20");
    for address in [stage.node.c2s(), stage.node.c2s_tls()] {
        assert!(TcpStream::connect(address).is_err(), "{address} is closed");
    }
    // The others go on, and what they write is kept.
    ping(&mut web);
    let kept = format!("<message xmlns='jabber:client' to='{}' type='chat'><body>read it later</body></message>", person.jid);
    message(&mut web, kept.as_bytes());
    ping(&mut web);

    assert_eq!(command(&stage, "service start client-connections")["state"], "running");
    let mut anna = person.online("desk");
    anna.hear(|element| element.is("message") && element.to_string().contains("read it later"));
    stage.online().leave();
    assert_eq!(command(&stage, "service restart client-connections")["state"], "running");
    anna.client.expect_close().expect("the stream ends");
    person.online("desk").leave();
}

#[test]
fn stopped_web_clients_are_told_and_the_rest_of_the_web_goes_on() {
    let stage = Stage::open(&[], 4);
    let mut desk = stage.online();
    let (mut web, jid) = signed_in_websocket(&stage.person());
    let (mut bosh, _) = Bosh::sign_in(&stage.person());
    let mut stranger = websocket(&stage);
    message(&mut web, format!("<presence xmlns='jabber:client' to='{}'/>", desk.jid).as_bytes());
    desk.hear(presence("", &jid));

    assert_eq!(command(&stage, "service stop web-clients")["state"], "stopped");
    assert!(web.rest().contains("<system-shutdown"), "RFC 6120 §4.9.3.20");
    assert!(stranger.rest().contains("<system-shutdown"));
    desk.hear(presence("unavailable", &jid));
    for path in ["/chat/", "/xmpp-websocket", "/http-bind"] {
        assert_eq!(status(&stage, path), "503", "{path}");
    }
    assert!(bosh.say(b"").starts_with("HTTP/1.1 503"));
    assert_eq!((status(&stage, "/console/sign-in"), status(&stage, "/api/v1/status")), ("200".to_owned(), "401".to_owned()));
    assert_eq!(status(&stage, "/health"), "200");
    desk.heard();

    assert_eq!(command(&stage, "service start web-clients")["state"], "running");
    let (mut web, _) = signed_in_websocket(&stage.person());
    ping(&mut web);
}

#[test]
fn what_is_deactivated_stays_so_over_a_restart_and_what_is_stopped_does_not() {
    let mut stage = Stage::open(&[], 1);
    assert_eq!(command(&stage, "service deactivate client-connections")["state"], "deactivated");
    assert_eq!(command(&stage, "service stop job-scheduler")["state"], "stopped");
    assert!(refused(&stage, "service start client-connections").contains("activate it first"));
    stage.node.stop().expect("an end");
    stage.node.restart().expect("a start");
    assert_eq!(command(&stage, "service show job-scheduler")["state"], "running");
    let shown = command(&stage, "service show client-connections");
    assert_eq!((&shown["state"], &shown["active"]), (&"deactivated".into(), &false.into()));
    // The port is chosen when it opens: the log says which.
    assert_eq!(command(&stage, "service activate client-connections")["state"], "running");
    let open = || {
        let log = stage.node.log();
        let line = log.lines().rfind(|line| line.contains("listening for XMPP clients") && line.contains("direct_tls=false"));
        let address = line?.split_once("address=")?.1.split(' ').next()?.parse::<std::net::SocketAddr>().ok()?;
        TcpStream::connect(address).ok()
    };
    wait_for("the address to open", PATIENCE, open).expect("open");
    stage.node.stop().expect("an end");
    assert_eq!(command(&stage, "service deactivate retention")["state"], "deactivated", "without a node");
}

#[test]
fn a_stopped_job_scheduler_leaves_jobs_waiting() {
    let stage = Stage::open(&[], 1);
    command(&stage, "service stop job-scheduler");
    let input = tempfile::NamedTempFile::new().expect("a file");
    let users = serde_json::json!({"im": false, "users": [stage.person().name]});
    std::fs::write(input.path(), users.to_string()).expect("written");
    let job = command(&stage, &format!("job create users.im --input {}", input.path().display()));
    let state = || command(&stage, &format!("job show {}", job["id"].as_str().expect("an id")))["state"].clone();
    assert_eq!(state(), "queued");
    assert_eq!(command(&stage, "service start job-scheduler")["state"], "running");
    wait_for("the job", PATIENCE, || (state() == "done").then_some(())).expect("done");
    let nodes = command(&stage, "node list");
    let doors: Vec<&str> = nodes[0]["doors"].as_array().expect("doors").iter().filter_map(|door| door["name"].as_str()).collect();
    assert_eq!(nodes[0]["name"], "node1");
    assert!(doors.contains(&"clients") && doors.contains(&"web"), "{doors:?}");
}

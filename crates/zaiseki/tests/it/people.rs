//! What an administrator sees of people who are there, and what one of them sees of another.

use crate::support::*;
use serde_json::Value;

/// Client and hash of XEP-0115 §5.2.
const EXODUS: &str = "<identity category='client' name='Exodus 0.9.1' type='pc'/>\
    <feature var='http://jabber.org/protocol/caps'/><feature var='http://jabber.org/protocol/disco#items'/>\
    <feature var='http://jabber.org/protocol/disco#info'/><feature var='http://jabber.org/protocol/muc'/>";
const EXODUS_CAPS: &str =
    "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='http://exodus/' ver='QgayPKawpkPSDYmwT/WM94uAlu0='/>";

/// The answer of an administrator's command.
#[track_caller]
pub fn cli(stage: &Stage, arguments: &[&str]) -> Value {
    let output = stage.node.cli(&[&["--output", "json"], arguments].concat(), "").expect("the command line");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
}

fn local(session: &Session) -> String {
    session.bare.split('@').next().unwrap_or_default().to_owned()
}

#[test]
fn an_administrator_sees_sessions_and_ends_one() {
    let (mut a, mut b) = stage().friends();
    let name = local(&a);
    a.say(format!("<presence><show>away</show><priority>7</priority>{EXODUS_CAPS}</presence>"));
    let asked = a.hear(|e| e.is("iq") && e.child_ns("query", "http://jabber.org/protocol/disco#info").is_some());
    let (id, from) = (asked.attr("id").expect("an id"), asked.attr("from").expect("from the server"));
    let info = format!("<query xmlns='http://jabber.org/protocol/disco#info'>{EXODUS}</query>");
    a.say(format!("<iq type='result' id='{id}' to='{from}'>{info}</iq>"));
    a.heard();
    b.heard();
    let session = cli(stage(), &["user", "sessions", &name])["sessions"][0].take();
    let expected =
        [("resource", "desk"), ("client", "Exodus 0.9.1"), ("show", "away"), ("transport", "tcp"), ("peer", "127.0.0.1")];
    expected.into_iter().for_each(|(key, value)| assert_eq!(session[key], value, "{key}: {session}"));
    assert!(session["mechanism"].as_str().is_some_and(|name| name.starts_with("SCRAM-")), "{session}");
    let ended = cli(stage(), &["user", "end-session", &name, session["id"].as_str().expect("an id")]);
    assert_eq!(ended["resource"], "desk");
    assert_eq!(a.hear(|e| e.is("error")).condition(), Some("policy-violation"));
    a.client.expect_close().expect("closed");
    b.hear(presence("unavailable", &a.jid));
    assert_eq!(cli(stage(), &["user", "sessions", &name])["sessions"], serde_json::json!([]));
}

#[test]
fn a_cut_session_is_shown_until_it_ends() {
    let person = stage().person();
    let mut a = person.online("desk");
    a.client.enable_acks(true).expect("stream management");
    let earlier = a.cut();
    let session = zaiseki_testkit::process::wait_for("the cut to be seen", PATIENCE, || {
        let session = cli(stage(), &["user", "sessions", &person.name])["sessions"][0].take();
        (session["management"] == "detached").then_some(session)
    });
    let session = session.expect("detached");
    assert!(session["resumable_until"].is_string(), "{session}");
    cli(stage(), &["user", "end-session", &person.name, session["id"].as_str().expect("an id")]);
    assert!(person.try_resume(&earlier).is_err(), "an ended session is not resumed");
}

#[test]
fn what_one_sees_of_another_and_why() {
    let (mut a, mut b) = stage().friends();
    let (viewer, of) = (local(&a), local(&b));
    b.show("<show>dnd</show><status>busy</status><priority>3</priority>");
    a.heard();
    let sight = cli(stage(), &["presence", &viewer, &of]);
    assert_eq!((&sight["access"], &sight["viewer_online"]), (&"granted".into(), &true.into()), "{sight}");
    let seen = &sight["seen"][0];
    assert_eq!((&seen["resource"], &seen["presence"]["show"]), (&"desk".into(), &"dnd".into()), "{sight}");
    assert_eq!(seen["presence"]["statuses"][0]["text"], "busy");
    assert_eq!((&sight["viewers_side"]["subscription"], &sight["others_side"]["subscription"]), (&"both".into(), &"both".into()));
    let steps = sight["presence"]["resources"][0]["steps"].as_array().expect("the table");
    let wins: Vec<&Value> = steps.iter().filter(|step| step["verdict"] == "wins").map(|step| &step["level"]).collect();
    assert_eq!(wins, [&Value::from("do-not-disturb")]);
    b.set(&format!("<block xmlns='urn:xmpp:blocking'><item jid='{}'/></block>", a.bare));
    a.hear(presence("unavailable", &b.jid));
    let blocked = cli(stage(), &["presence", &viewer, &of]);
    assert_eq!((&blocked["access"], &blocked["seen"]), (&"blocked-by-other".into(), &serde_json::json!([])));
    assert_eq!(cli(stage(), &["presence", &of, &viewer])["access"], "blocked-by-viewer");
    let stranger = stage().person();
    assert_eq!(cli(stage(), &["presence", &stranger.name, &of])["access"], "not-subscribed");
    assert_eq!(cli(stage(), &["presence", &of, &of])["access"], "own");
    assert_eq!(cli(stage(), &["user", "presence", &of])["resources"][0]["priority"], 3);
}

//! Stream management (XEP-0198): what is acknowledged, what a cut stream finds when it comes back.

use zaiseki_model::limits;
use zaiseki_testkit::node::NodeOptions;
use zaiseki_testkit::xmpp_client::{Client, Resumption, Security};

use crate::support::*;

/// An available resource whose stream can be resumed.
#[track_caller]
fn managed(person: &Person<'_>, resource: &str) -> Session {
    let mut session = person.online(resource);
    session.client.enable_acks(true).expect("stream management");
    session
}

/// Tries to resume and is refused; the stream is open and signed in.
#[track_caller]
fn refused(person: &Person<'_>, id: &str, h: u32) -> (Client, Element) {
    let mut client = connect(person.stage, Security::Clear);
    client.authenticate(person.account()).expect("signed in");
    client.send(&format!("<resume xmlns='urn:xmpp:sm:3' previd='{id}' h='{h}'/>")).expect("sent");
    let failed = client.expect(|e| e.ns == "urn:xmpp:sm:3").expect("an answer");
    assert!(failed.is("failed"), "{failed}");
    (client, failed)
}

/// The bodies of all messages up to the one that says `end`.
#[track_caller]
fn bodies(session: &mut Session) -> Vec<String> {
    session.hear(body("end"));
    session.heard_messages().iter().map(|m| m.child_text("body").to_owned()).collect()
}

#[test]
fn stanzas_are_counted_and_nothing_else_is() {
    let mut a = managed(&stage().person(), "desk");
    let jid = a.jid.clone();
    assert_eq!(a.client.request_ack().expect("an ack"), 0);
    a.say(format!("<message to='{jid}'/><presence/><iq type='get' id='x'><ping xmlns='urn:xmpp:ping'/></iq>"));
    a.say("<a xmlns='urn:xmpp:sm:3' h='0'/><active xmlns='urn:xmpp:csi:0'/> \n");
    assert_eq!(a.client.request_ack().expect("an ack"), 3);
    a.say("<iq type='get' id='bad'/>");
    assert_eq!(a.client.request_ack().expect("an ack"), 4);
}

#[test]
fn the_server_asks_for_acknowledgements() {
    let (mut a, mut b) = (stage().online(), managed(&stage().person(), "desk"));
    b.client.answers_acks = false;
    a.chat(&b.jid, "hello");
    b.hear(body("hello"));
    b.hear(|e| e.is("r") && e.ns == "urn:xmpp:sm:3");
}

#[test]
fn enabling_has_its_rules() {
    let person = stage().person();
    let mut a = person.online("desk");
    assert!(a.client.features.child_ns("sm", "urn:xmpp:sm:3").is_some());
    a.say("<enable xmlns='urn:xmpp:sm:3'/>");
    let enabled = a.hear(|e| e.ns == "urn:xmpp:sm:3");
    assert!(enabled.is("enabled") && enabled.attr("resume").is_none_or(|r| r == "false" || r == "0"), "{enabled}");
    a.say("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    let failed = a.hear(|e| e.ns == "urn:xmpp:sm:3");
    assert!(failed.is("failed") && failed.child("unexpected-request").is_some(), "{failed}");

    let mut b = person.online("phone");
    b.say("<enable xmlns='urn:xmpp:sm:3' resume='1' max='30'/>");
    let enabled = b.hear(|e| e.ns == "urn:xmpp:sm:3");
    assert_eq!((enabled.attr("resume"), enabled.attr("max")), (Some("true"), Some("30")), "{enabled}");
    assert!(enabled.attr("id").is_some_and(|id| id.len() >= 22), "128 bits: {enabled}");

    let mut client = connect(stage(), Security::Clear);
    client.authenticate(person.account()).expect("signed in");
    client.send("<enable xmlns='urn:xmpp:sm:3'/>").expect("sent");
    let failed = client.expect(|e| e.ns == "urn:xmpp:sm:3").expect("an answer");
    assert!(failed.is("failed"), "§3: not before a resource is bound: {failed}");
}

#[test]
fn a_cut_stream_goes_on_where_it_was() {
    let stage = stage();
    let person = stage.person();
    let mut friend = stage.online();
    let mut a = managed(&person, "phone");
    befriend(&mut a, &mut friend);
    friend.chat(&a.jid, "heard");
    a.hear(body("heard"));
    let jid = a.jid.clone();
    a.chat(&friend.jid, "before");
    friend.hear(body("before"));
    let earlier = a.cut();
    for text in ["one", "two", "three", "end"] {
        friend.chat(&person.jid, text);
    }
    friend.heard();
    let (mut a, h) = person.resume(&earlier);
    assert_eq!(a.jid, jid);
    assert!(h >= 1, "the presence and the messages sent before: {h}");
    assert_eq!(bodies(&mut a), ["one", "two", "three"]);
    a.chat(&friend.jid, "after");
    assert_eq!(friend.hear(body("after")).attr("from"), Some(jid.as_str()));
    friend.hears_no(presence_of(&jid));
    assert_eq!(a.client.request_ack().expect("an ack"), h + 2, "a message and a ping later");
}

#[test]
fn what_was_not_acknowledged_comes_again() {
    let stage = stage();
    let person = stage.person();
    let mut friend = stage.online();
    let mut a = managed(&person, "phone");
    a.client.answers_acks = false;
    for text in ["one", "two", "end"] {
        friend.chat(&a.jid, text);
    }
    assert_eq!(bodies(&mut a), ["one", "two"]);
    let mut earlier = a.cut();
    // The client has lost all but the first.
    earlier.handled = 1;
    let (mut a, _) = person.resume(&earlier);
    assert_eq!(bodies(&mut a), ["two"]);
}

#[test]
fn a_stream_resumed_while_the_old_one_lives_moves() {
    let stage = stage();
    let person = stage.person();
    let mut friend = stage.online();
    let mut old = person.online("phone");
    old.say("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    let id = old.hear(|e| e.is("enabled")).attr("id").expect("an id").to_owned();
    let earlier = Resumption { id, handled: 0, jid: old.jid.clone() };
    let (mut new, _) = person.resume(&earlier);
    old.client.expect_close().expect("the old stream ends");
    friend.chat(&person.jid, "end");
    assert_eq!(bodies(&mut new), [] as [&str; 0]);
}

#[test]
fn a_count_too_high_ends_the_stream() {
    let mut a = managed(&stage().person(), "desk");
    a.say("<a xmlns='urn:xmpp:sm:3' h='99'/>");
    let error = a.hear(|e| e.is("error"));
    assert_eq!(error.condition(), Some("undefined-condition"));
    let detail = error.child_ns("handled-count-too-high", "urn:xmpp:sm:3").expect("XEP-0198 §4");
    assert_eq!((detail.attr("h"), detail.attr("send-count")), (Some("99"), Some("0")));
    a.client.expect_close().expect("closed");
}

#[test]
fn resuming_with_a_count_too_high_fails() {
    let person = stage().person();
    let mut earlier = managed(&person, "desk").cut();
    earlier.handled += 1_000;
    assert!(person.try_resume(&earlier).is_err());
}

#[test]
fn nobody_resumes_what_is_not_theirs() {
    let (owner, thief) = (stage().person(), stage().person());
    let earlier = managed(&owner, "phone").cut();
    let (mut client, failed) = refused(&thief, &earlier.id, 0);
    assert!(failed.child("item-not-found").is_some(), "{failed}");
    assert_eq!(failed.attr("h"), None, "nothing about the stream of somebody else: {failed}");
    // §5: the client may bind instead.
    client.bind(Some("desk")).expect("bound");
    owner.resume(&earlier);
}

#[test]
fn a_stream_nobody_knows_is_not_found() {
    let person = stage().person();
    for id in ["nonsense", "00000000000000000000000000000000", "&apos; OR 1=1 --"] {
        let (mut client, failed) = refused(&person, id, 0);
        assert!(failed.child("item-not-found").is_some(), "{failed}");
        client.bind(None).expect("bound");
    }
}

#[test]
fn a_closed_stream_is_over() {
    let person = stage().person();
    let mut a = person.online("desk");
    a.say("<enable xmlns='urn:xmpp:sm:3' resume='true'/>");
    let id = a.hear(|e| e.is("enabled")).attr("id").expect("an id").to_owned();
    a.leave();
    let (_, failed) = refused(&person, &id, 0);
    assert!(failed.child("item-not-found").is_some(), "{failed}");
}

#[test]
fn an_expired_stream_leaves_its_messages_for_later() {
    let stage = stage();
    let person = stage.person();
    let mut friend = stage.online();
    let mut a = person.online("phone");
    befriend(&mut a, &mut friend);
    a.say("<enable xmlns='urn:xmpp:sm:3' resume='true' max='1'/>");
    let id = a.hear(|e| e.is("enabled")).attr("id").expect("an id").to_owned();
    let jid = a.jid.clone();
    a.client.answers_acks = false;
    friend.chat(&jid, "got but not acknowledged");
    let first = a.hear(body("got but not acknowledged"));
    drop(a);
    friend.chat(&jid, "while away");
    friend.hear(presence("unavailable", &jid));
    let (_, failed) = refused(&person, &id, 0);
    assert!(failed.child("item-not-found").is_some(), "{failed}");
    let mut a = person.online("desk");
    friend.chat(&a.jid, "end");
    a.hear(body("end"));
    let heard = a.heard_messages();
    let texts: Vec<&str> = heard.iter().map(|m| m.child_text("body")).collect();
    assert_eq!(texts, ["got but not acknowledged", "while away"]);
    assert!(heard.iter().all(|m| m.child_ns("delay", "urn:xmpp:delay").is_some()), "{heard:?}");
    // The same id, so that a client knows that it has it.
    assert_eq!(heard[0].child("stanza-id"), first.child("stanza-id"));
}

#[test]
fn a_new_session_in_the_place_of_a_cut_one_gets_its_messages() {
    let stage = stage();
    let person = stage.person();
    let mut friend = stage.online();
    let a = managed(&person, "phone");
    let jid = a.jid.clone();
    let earlier = a.cut();
    friend.chat(&jid, "while away");
    friend.heard();
    let mut a = person.online("phone");
    friend.chat(&jid, "end");
    assert_eq!(bodies(&mut a), ["while away"]);
    let (_, failed) = refused(&person, &earlier.id, 0);
    assert!(failed.child("item-not-found").is_some(), "{failed}");
}

#[test]
fn too_much_without_acknowledgement_ends_the_stream() {
    let (mut a, mut b) = (stage().online(), managed(&stage().person(), "desk"));
    b.client.answers_acks = false;
    let headline = |n: usize| format!("<message to='{}' type='headline'><body>{n}</body></message>", b.jid);
    let all: String = (1..=limits::UNACKED_STANZAS).map(headline).collect();
    let one_more = headline(0);
    a.say(all);
    b.hear(body(&limits::UNACKED_STANZAS.to_string()));
    a.say(one_more);
    assert_eq!(b.hear(|e| e.is("error")).condition(), Some("policy-violation"));
    b.client.expect_close().expect("closed");
}

#[test]
fn after_a_restart_the_client_learns_what_to_send_again() {
    let mut stage = Stage::open_with(NodeOptions::default(), &[], 3);
    let (names, id, h) = {
        let (a, b) = (stage.person(), stage.person());
        let mut session = managed(&a, "phone");
        session.chat(&b.jid, "one");
        session.chat(&b.jid, "two");
        let h = session.client.request_ack().expect("an ack");
        ((a.name.clone(), b.name.clone()), session.cut().id, h)
    };
    stage.node.kill().expect("killed");
    stage.node.restart().expect("a node");
    let person = |name: &str| Person { stage: &stage, name: name.to_owned(), jid: format!("{name}@{}", stage.domain()) };
    let (a, b) = (person(&names.0), person(&names.1));
    let (mut client, failed) = refused(&a, &id, 0);
    assert!(failed.child("item-not-found").is_some(), "{failed}");
    assert_eq!(failed.attr("h"), Some(h.to_string().as_str()), "§5: {failed}");
    client.bind(Some("phone")).expect("bound");
    let mut b = b.online("desk");
    client.send(&format!("<message to='{}' type='chat'><body>end</body></message>", b.jid)).expect("sent");
    assert_eq!(bodies(&mut b), ["one", "two"]);
}

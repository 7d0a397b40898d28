//! Client state indication (XEP-0352): what an inactive client is spared, and that it loses nothing.

use crate::support::*;

const INACTIVE: &str = "<inactive xmlns='urn:xmpp:csi:0'/>";
const ACTIVE: &str = "<active xmlns='urn:xmpp:csi:0'/>";

fn shown(status: &'static str) -> impl Fn(&Element) -> bool {
    move |e| e.is("presence") && e.child_text("status") == status
}

#[test]
fn presence_waits_until_somebody_looks() {
    let (mut a, mut b) = stage().friends();
    assert!(a.client.features.child_ns("csi", "urn:xmpp:csi:0").is_some());
    a.say(INACTIVE);
    a.heard();
    for status in ["one", "two", "three"] {
        b.show(&format!("<status>{status}</status>"));
    }
    a.hears_no(presence_of(&b.bare));
    a.say(ACTIVE);
    a.hear(shown("three"));
    a.hears_no(|e| shown("one")(e) || shown("two")(e));
    b.show("<status>four</status>");
    a.hear(shown("four"));
}

#[test]
fn messages_and_requests_do_not_wait() {
    let (mut a, mut b) = stage().friends();
    a.say(INACTIVE);
    a.heard();
    b.show("<status>before</status>");
    b.chat(&a.jid, "urgent");
    a.hear(body("urgent"));
    b.say(format!("<iq type='get' id='i' to='{}'><ping xmlns='urn:xmpp:ping'/></iq>", a.jid));
    a.hear(|e| e.is("iq") && e.child("ping").is_some());
    a.say(ACTIVE);
    a.hear(shown("before"));
}

#[test]
fn whoever_went_meanwhile_is_gone() {
    let (mut a, b) = stage().friends();
    a.say(INACTIVE);
    a.heard();
    let jid = b.jid.clone();
    b.leave();
    a.say(ACTIVE);
    a.hear(presence("unavailable", &jid));
}

/// §5: the state does not outlive the connection.
#[test]
fn whoever_resumes_is_active() {
    let stage = stage();
    let (person, mut b) = (stage.person(), stage.online());
    let mut a = person.online("desk");
    befriend(&mut a, &mut b);
    a.client.enable_acks(true).expect("stream management");
    a.say(INACTIVE);
    a.heard();
    b.show("<status>before</status>");
    let earlier = a.cut();
    let (mut a, _) = person.resume(&earlier);
    a.hear(shown("before"));
    b.show("<status>after</status>");
    a.hear(shown("after"));
}

//! Message carbons (XEP-0280).

use crate::support::*;

/// A resource with carbons on.
fn copied(person: &Person<'_>, resource: &str) -> Session {
    let mut session = person.online(resource);
    session.set("<enable xmlns='urn:xmpp:carbons:2'/>");
    session
}

/// The message inside a carbon of this direction.
fn carbon<'a>(e: &'a Element, direction: &str) -> Option<&'a Element> {
    let copy = e.child_ns(direction, "urn:xmpp:carbons:2")?;
    copy.child_ns("forwarded", "urn:xmpp:forward:0")?.child_ns("message", "jabber:client")
}

fn any_carbon(e: &Element) -> bool {
    carbon(e, "sent").is_some() || carbon(e, "received").is_some()
}

#[test]
fn both_sides_see_the_conversation_everywhere() {
    let (a, b) = (stage().person(), stage().person());
    let (mut a_desk, mut a_phone) = (copied(&a, "desk"), copied(&a, "phone"));
    let (mut b_desk, mut b_phone) = (copied(&b, "desk"), copied(&b, "phone"));
    a_desk.say(format!("<message to='{}' type='chat' id='m'><body>hello</body><thread>t</thread></message>", b_desk.jid));
    let direct = b_desk.hear(body("hello"));

    let copy = b_phone.hear(any_carbon);
    assert_eq!((copy.attr("from"), copy.attr("to")), (Some(b.jid.as_str()), Some(b_phone.jid.as_str())));
    assert_eq!(copy.attr("type"), Some("chat"));
    let inner = carbon(&copy, "received").expect("received");
    assert_eq!((inner.attr("from"), inner.attr("to")), (direct.attr("from"), direct.attr("to")));
    assert_eq!((inner.attr("id"), inner.child_text("body"), inner.child_text("thread")), (Some("m"), "hello", "t"));
    assert_eq!(inner.child("stanza-id"), direct.child("stanza-id"));

    let copy = a_phone.hear(any_carbon);
    assert_eq!((copy.attr("from"), copy.attr("to")), (Some(a.jid.as_str()), Some(a_phone.jid.as_str())));
    let inner = carbon(&copy, "sent").expect("sent");
    assert_eq!((inner.attr("from"), inner.attr("to")), (Some(a_desk.jid.as_str()), Some(b_desk.jid.as_str())));
    // Nobody has it twice.
    for session in [&mut a_desk, &mut a_phone, &mut b_desk, &mut b_phone] {
        assert_eq!(session.heard_messages(), []);
    }
}

#[test]
fn only_those_who_asked_get_copies() {
    let (a, b) = (stage().online(), stage().person());
    let mut a = a;
    let (mut desk, mut phone) = (b.online("desk"), b.online("phone"));
    let features = desk.ask("get", stage().domain(), "<query xmlns='http://jabber.org/protocol/disco#info'/>");
    let advertised = features.at("query").into_iter().flat_map(|q| &q.children);
    assert!(advertised.into_iter().any(|f| f.attr("var") == Some("urn:xmpp:carbons:2")), "{features}");
    a.chat(&desk.jid, "one");
    desk.hear(body("one"));
    phone.hears_no(any_carbon);
    phone.set("<enable xmlns='urn:xmpp:carbons:2'/>");
    phone.set("<enable xmlns='urn:xmpp:carbons:2'/>");
    a.chat(&desk.jid, "two");
    desk.hear(body("two"));
    assert_eq!(phone.heard_messages().len(), 1);
    phone.set("<disable xmlns='urn:xmpp:carbons:2'/>");
    a.chat(&desk.jid, "three");
    desk.hear(body("three"));
    phone.hears_no(any_carbon);
}

#[test]
fn what_is_private_or_no_conversation_is_not_copied() {
    let (a, b) = (stage().person(), stage().person());
    let (mut desk, mut other) = (copied(&a, "desk"), copied(&a, "other"));
    let (mut b_desk, mut b_phone) = (copied(&b, "desk"), copied(&b, "phone"));
    let private = "<body>x</body><private xmlns='urn:xmpp:carbons:2'/>";
    let hinted = "<body>x</body><no-copy xmlns='urn:xmpp:hints'/>";
    for (kind, content) in [("chat", private), ("chat", hinted), ("headline", "<body>x</body>"), ("groupchat", "<body>x</body>")]
    {
        desk.say(format!("<message to='{}' type='{kind}'>{content}</message>", b_desk.jid));
    }
    desk.say(format!("<message to='{}' type='normal'><x xmlns='urn:example'/></message>", b_desk.jid));
    desk.heard();
    b_desk.heard();
    b_phone.hears_no(any_carbon);
    other.hears_no(any_carbon);
    // XEP-0280 §6.1: chat without a body and normal with one are.
    desk.say(format!(
        "<message to='{}' type='chat'><active xmlns='http://jabber.org/protocol/chatstates'/></message>",
        b_desk.jid
    ));
    desk.say(format!("<message to='{}'><body>normal</body></message>", b_desk.jid));
    desk.heard();
    assert_eq!(b_phone.heard_messages().iter().filter(|m| carbon(m, "received").is_some()).count(), 2);
    assert_eq!(other.heard_messages().iter().filter(|m| carbon(m, "sent").is_some()).count(), 2);
}

#[test]
fn a_forged_carbon_names_its_forger() {
    let (mut a, mut b) = (stage().online(), stage().online());
    let inner = format!("<message xmlns='jabber:client' from='{}' to='x@localhost'><body>forged</body></message>", b.jid);
    let copy =
        format!("<received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'>{inner}</forwarded></received>");
    a.say(format!("<message to='{}' type='chat'>{copy}</message>", b.jid));
    a.heard();
    for message in b.heard_messages() {
        assert_eq!(message.attr("from"), Some(a.jid.as_str()), "clients trust only their own account: {message}");
    }
}

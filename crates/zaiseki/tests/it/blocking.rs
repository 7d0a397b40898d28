//! Blocking (XEP-0191).

use zaiseki_model::limits;

use crate::support::*;

fn change(name: &str, jids: &[&str]) -> String {
    let items: String = jids.iter().map(|jid| format!("<item jid='{jid}'/>")).collect();
    format!("<{name} xmlns='urn:xmpp:blocking'>{items}</{name}>")
}

#[track_caller]
fn list(session: &mut Session) -> Vec<String> {
    let answer = session.get("<blocklist xmlns='urn:xmpp:blocking'/>");
    let list = answer.child_ns("blocklist", "urn:xmpp:blocking").unwrap_or_else(|| panic!("{answer}"));
    let mut jids: Vec<String> = list.children.iter().filter_map(|i| i.attr("jid").map(str::to_owned)).collect();
    jids.sort();
    jids
}

fn push<'a>(name: &'a str) -> impl Fn(&Element) -> bool + 'a {
    move |e| e.is("iq") && e.attr("type") == Some("set") && e.child_ns(name, "urn:xmpp:blocking").is_some()
}

#[test]
fn the_list_is_kept_and_pushed() {
    let person = stage().person();
    let (mut a, mut phone, mut deaf) = (person.online("desk"), person.online("phone"), person.online("tv"));
    assert_eq!(list(&mut a), [] as [&str; 0]);
    list(&mut phone);
    a.set(&change("block", &["x@localhost", "Y@Example.com", "z@localhost/r"]));
    let pushed = phone.hear(push("block"));
    assert_eq!(pushed.child("block").map(|b| b.children.len()), Some(3));
    a.hear(push("block"));
    assert_eq!(list(&mut phone), ["x@localhost", "y@example.com", "z@localhost/r"]);
    a.set(&change("unblock", &["x@localhost"]));
    phone.hear(push("unblock"));
    a.leave();
    let mut a = person.online("desk");
    assert_eq!(list(&mut a), ["y@example.com", "z@localhost/r"]);
    a.set(&change("unblock", &[]));
    assert_eq!(phone.hear(push("unblock")).child("unblock").map(|u| u.children.len()), Some(0));
    assert_eq!(list(&mut a), [] as [&str; 0]);
    deaf.hears_no(|e| push("block")(e) || push("unblock")(e));
}

#[test]
fn nothing_passes_in_either_direction() {
    let (mut a, mut b) = stage().friends();
    a.set(&change("block", &[&b.bare]));
    b.hear(presence("unavailable", &a.jid));
    // What the blocked one sends looks as if nobody were there.
    b.say(format!("<message to='{}' type='chat' id='m'><body>let me in</body></message>", a.jid));
    assert_error(&b.hear(error_for("m")), "cancel", "service-unavailable");
    for to in [a.jid.clone(), a.bare.clone()] {
        assert_error(
            &b.ask("get", &to, "<query xmlns='http://jabber.org/protocol/disco#info'/>"),
            "cancel",
            "service-unavailable",
        );
    }
    b.show("<status>hello?</status>");
    b.say(format!("<presence to='{}'><status>hello?</status></presence>", a.jid));
    b.say(format!("<presence to='{}' type='subscribe'/>", a.bare));
    b.heard();
    let bare = b.bare.clone();
    a.hears_no(|e| e.attr("from").is_some_and(|from| from.starts_with(&bare)));
    // What the blocking one sends comes back.
    a.say(format!("<message to='{}' type='chat' id='m'><body>hi</body></message>", b.jid));
    a.say(format!("<iq to='{}' type='get' id='i'><ping xmlns='urn:xmpp:ping'/></iq>", b.jid));
    for id in ["m", "i"] {
        let error = a.hear(error_for(id));
        assert_error(&error, "cancel", "not-acceptable");
        let blocked = error.child("error").and_then(|e| e.child_ns("blocked", "urn:xmpp:blocking:errors"));
        assert!(blocked.is_some(), "§3.2: {error}");
    }
    a.show("<status>not for you</status>");
    b.hears_no(|e| e.is("message") || presence("", &a.jid)(e));

    a.set(&change("unblock", &[&bare]));
    b.hear(presence("", &a.jid));
    b.chat(&a.jid, "let me in");
    a.hear(body("let me in"));
}

#[test]
fn blocked_messages_do_not_wait_either() {
    let (person, mut b) = (stage().person(), stage().online());
    let mut a = person.online("desk");
    a.set(&change("block", &[&b.bare]));
    a.leave();
    b.say(format!("<message to='{}' type='chat' id='m'><body>later</body></message>", person.jid));
    assert_error(&b.hear(error_for("m")), "cancel", "service-unavailable");
    let (mut a, mut friend) = (person.online("desk"), stage().online());
    friend.chat(&person.jid, "end");
    a.hear(body("end"));
    a.hears_no(body("later"));
}

#[test]
fn a_resource_or_a_domain_can_be_blocked() {
    let (mut a, other) = (stage().online(), stage().person());
    let (mut desk, mut phone) = (other.online("desk"), other.online("phone"));
    a.set(&change("block", &[&desk.jid]));
    desk.chat(&a.jid, "from the desk");
    desk.heard();
    phone.chat(&a.jid, "from the phone");
    a.hear(body("from the phone"));
    a.hears_no(body("from the desk"));
    a.set(&change("block", &["localhost"]));
    phone.chat(&a.jid, "from the domain");
    phone.heard();
    a.hears_no(body("from the domain"));
    // Nobody is cut off from the own account.
    let bare = a.bare.clone();
    a.chat(&bare, "to myself");
    a.hear(body("to myself"));
    a.set(&change("unblock", &[]));
}

#[test]
fn faults_have_their_errors() {
    let mut a = stage().online();
    for (request, kind, condition) in [
        (change("block", &[]), "modify", "bad-request"),
        ("<block xmlns='urn:xmpp:blocking'><item/></block>".to_owned(), "modify", "bad-request"),
        (change("block", &["@@"]), "modify", "jid-malformed"),
    ] {
        assert_error(&a.ask("set", "", &request), kind, condition);
    }
    let names: Vec<String> = (0..limits::BLOCKED_JIDS).map(|n| format!("b{n}@localhost")).collect();
    a.set(&change("block", &names.iter().map(String::as_str).collect::<Vec<_>>()));
    a.set(&change("block", &["b0@localhost"]));
    let error = a.ask("set", "", &change("block", &["one-more@localhost"]));
    assert_eq!(error.condition(), Some("resource-constraint"), "{error}");
    assert_eq!(list(&mut a).len(), limits::BLOCKED_JIDS);
    let mut b = stage().online();
    let to = a.bare.clone();
    assert_eq!(b.ask("get", &to, "<blocklist xmlns='urn:xmpp:blocking'/>").attr("type"), Some("error"));
}

#[test]
fn requests_and_probes_to_the_blocked_come_back() {
    let (mut a, mut b) = stage().friends();
    a.set(&change("block", &[&b.bare]));
    let bare = b.bare.clone();
    let error = a.ask("get", &bare, "<vCard xmlns='vcard-temp'/>");
    assert_error(&error, "cancel", "not-acceptable");
    let blocked = error.child("error").and_then(|e| e.child_ns("blocked", "urn:xmpp:blocking:errors"));
    assert!(blocked.is_some(), "§3.2: {error}");
    a.say(format!("<presence to='{bare}' type='probe' id='p'/>"));
    assert_error(&a.hear(error_for("p")), "cancel", "not-acceptable");
    // Nor does the presence of the blocked come with the next sign-in, in either direction.
    let (own, other) = (a.bare.clone(), b.bare.clone());
    a.say("<presence type='unavailable'/>");
    a.heard();
    a.show("");
    a.hears_no(presence_of(&other));
    b.say("<presence type='unavailable'/>");
    b.heard();
    b.show("");
    b.hears_no(|e| presence_of(&own)(e) && e.attr("type").is_none());
}

#[test]
fn directed_presence_ends_with_the_block() {
    let (mut a, mut b) = (stage().online(), stage().online());
    a.say(format!("<presence to='{}'><status>here</status></presence>", b.bare));
    b.hear(presence("", &a.jid));
    a.set(&change("block", &[&b.bare]));
    b.hear(presence("unavailable", &a.jid));
    // It was the last that the blocked one hears.
    a.say("<presence type='unavailable'/>");
    a.heard();
    b.hears_no(presence_of(&a.bare));
}

#[test]
fn whoever_is_unblocked_is_seen_as_they_are_now() {
    let (mut a, mut b) = stage().friends();
    a.set(&change("block", &[&b.bare]));
    b.show("<status>changed meanwhile</status>");
    a.hears_no(presence_of(&b.bare));
    a.set(&change("unblock", &[&b.bare]));
    a.hear(|e| presence("", &b.jid)(e) && e.child_text("status") == "changed meanwhile");
    a.set(&change("block", &[&b.bare]));
    let bare = b.bare.clone();
    b.leave();
    a.set(&change("unblock", &[]));
    a.hear(presence("unavailable", &bare));
}

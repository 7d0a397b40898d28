//! Who hears what of whose presence (RFC 6121 §4).

use crate::support::*;

#[test]
fn everybody_concerned_hears_of_a_new_resource() {
    let stage = stage();
    let (mut a, mut b) = stage.friends();
    let mut stranger = stage.online();
    let other = Person { stage, name: b.bare.split('@').next().unwrap_or_default().to_owned(), jid: b.bare.clone() };
    let mut phone = other.sign_in("phone");
    phone.say("<presence><show>away</show><status>On the way</status><priority>3</priority><x xmlns='urn:example'/></presence>");
    let phone_jid = phone.jid.clone();
    for session in [&mut a, &mut b, &mut phone] {
        let seen = session.hear(presence("", &phone_jid));
        assert_eq!(
            (seen.child_text("show"), seen.child_text("status"), seen.child_text("priority")),
            ("away", "On the way", "3")
        );
        assert!(seen.child_ns("x", "urn:example").is_some(), "{seen}");
    }
    // §4.2.2, §4.3: and the new resource hears of the others.
    phone.hear(presence("", &a.jid));
    phone.hear(presence("", &b.jid));
    stranger.hears_no(presence_of(&b.bare));
}

#[test]
fn the_address_of_a_broadcast_is_the_contact() {
    // RFC 6121 §8.5.2.1.2: a server must not rewrite `to`.
    let (mut a, mut b) = stage().friends();
    b.show("<status>news</status>");
    let news = a.hear(presence("", &b.jid));
    assert_eq!(news.attr("to"), Some(a.bare.as_str()));
}

#[test]
fn presence_flows_only_along_the_subscription() {
    let (mut a, mut b) = (stage().online(), stage().online());
    a.say(format!("<presence to='{}' type='subscribe'/>", b.bare));
    a.hear(presence("", &b.jid));
    a.show("<status>for my watchers</status>");
    b.show("<status>for mine</status>");
    a.hear(|e| presence("", &b.jid)(e) && e.child_text("status") == "for mine");
    b.hears_no(presence_of(&a.bare));
}

#[test]
fn a_negative_priority_is_seen_like_any_other() {
    let (mut a, mut b) = stage().friends();
    b.show("<priority>-1</priority>");
    assert_eq!(a.hear(presence("", &b.jid)).child_text("priority"), "-1");
}

#[test]
fn a_priority_that_is_none_is_refused() {
    let mut a = stage().online();
    for priority in ["128", "-129", "high", "1.5"] {
        a.say(format!("<presence id='p'><priority>{priority}</priority></presence>"));
        assert_error(&a.hear(error_for("p")), "modify", "bad-request");
    }
    for priority in ["127", "-128"] {
        a.show(&format!("<priority>{priority}</priority>"));
    }
}

#[test]
fn a_type_that_is_none_is_refused() {
    let mut a = stage().online();
    a.say("<presence type='available' id='t'/>");
    assert_error(&a.hear(error_for("t")), "modify", "bad-request");
}

#[test]
fn going_is_heard_with_its_reason() {
    let (mut a, mut b) = stage().friends();
    b.say("<presence type='unavailable'><status>Good night</status></presence>");
    assert_eq!(a.hear(presence("unavailable", &b.jid)).child_text("status"), "Good night");
    b.heard();
    // §4.5.4: from now on it hears nothing of others.
    a.show("<status>anybody?</status>");
    b.hears_no(presence_of(&a.bare));
    b.show("");
    b.hear(presence("", &a.jid));
    a.hear(presence("", &b.jid));
}

#[test]
fn whoever_closes_or_loses_the_stream_is_gone() {
    let (mut a, b) = stage().friends();
    let jid = b.jid.clone();
    b.leave();
    a.hear(presence("unavailable", &jid));

    let (mut a, b) = stage().friends();
    let jid = b.jid.clone();
    drop(b);
    a.hear(presence("unavailable", &jid));
}

#[test]
fn directed_presence_is_taken_back_at_the_end() {
    let stage = stage();
    for close in [true, false] {
        let (mut a, mut stranger, mut told) = (stage.online(), stage.online(), stage.online());
        for to in [&stranger.jid, &told.bare] {
            a.say(format!("<presence to='{to}'><status>hello</status></presence>"));
        }
        let hello = stranger.hear(presence("", &a.jid));
        assert_eq!((hello.child_text("status"), hello.attr("to")), ("hello", Some(stranger.jid.as_str())));
        told.hear(presence("", &a.jid));
        a.say(format!("<presence to='{}' type='unavailable'/>", told.bare));
        told.hear(presence("unavailable", &a.jid));
        // §4.6.1: what comes later is not for them.
        a.show("<status>for my watchers</status>");
        stranger.hears_no(presence_of(&a.bare));
        let jid = a.jid.clone();
        if close {
            a.leave()
        } else {
            drop(a)
        }
        stranger.hear(presence("unavailable", &jid));
        told.hears_no(presence_of(&jid));
    }
}

#[test]
fn unavailable_ends_directed_presence_too() {
    let (mut a, mut stranger) = (stage().online(), stage().online());
    a.say(format!("<presence to='{}'/>", stranger.bare));
    stranger.hear(presence("", &a.jid));
    a.say("<presence type='unavailable'/>");
    stranger.hear(presence("unavailable", &a.jid));
}

#[test]
fn directed_presence_before_the_first_is_taken_back_too() {
    let mut stranger = stage().online();
    let mut a = stage().person().sign_in("desk");
    a.say(format!("<presence to='{}'/>", stranger.bare));
    stranger.hear(presence("", &a.jid));
    let jid = a.jid.clone();
    a.leave();
    stranger.hear(presence("unavailable", &jid));
}

/// §4.6.3: of a resource that never sent a broadcast, contacts learn nothing by their subscription.
#[test]
fn a_contact_hears_the_end_of_a_resource_that_only_it_could_see() {
    let stage = stage();
    let (person, mut b) = (stage.person(), stage.online());
    let mut a = person.online("desk");
    befriend(&mut a, &mut b);
    let mut hidden = person.sign_in("hidden");
    hidden.say(format!("<presence to='{}'/>", b.bare));
    b.hear(presence("", &hidden.jid));
    let jid = hidden.jid.clone();
    hidden.leave();
    b.hear(presence("unavailable", &jid));
    // The same when it ends by blocking.
    let mut hidden = person.sign_in("hidden");
    hidden.say(format!("<presence to='{}'/>", b.bare));
    b.hear(presence("", &hidden.jid));
    hidden.set(&format!("<block xmlns='urn:xmpp:blocking'><item jid='{}'/></block>", b.bare));
    b.hear(presence("unavailable", &jid));
}

#[test]
fn a_contact_with_directed_presence_hears_the_end_once() {
    let (mut a, mut b) = stage().friends();
    a.say(format!("<presence to='{}'><status>you</status></presence>", b.jid));
    b.hear(|e| presence("", &a.jid)(e) && e.child_text("status") == "you");
    let (jid, bare) = (a.jid.clone(), a.bare.clone());
    a.leave();
    b.hear(presence("unavailable", &jid));
    b.hears_no(presence_of(&bare));
}

#[test]
fn directed_presence_has_a_limit() {
    let (mut a, mut stranger) = (stage().online(), stage().online());
    let limit = zaiseki_model::limits::DIRECTED_PRESENCES;
    let text: String = (1..limit).map(|n| format!("<presence to='nobody{n}@localhost' id='{n}'/>")).collect();
    a.say(text + &format!("<presence to='{}' id='last'/>", stranger.bare));
    stranger.hear(presence("", &a.jid));
    a.hears_no(|e| e.attr("type") == Some("error"));
    a.say("<presence to='one-more@localhost' id='over'/>");
    assert_eq!(a.hear(error_for("over")).condition(), Some("resource-constraint"));
    // Somebody who was told before still is.
    a.say(format!("<presence to='{}'><status>again</status></presence>", stranger.bare));
    stranger.hear(|e| e.child_text("status") == "again");
}

#[test]
fn a_client_may_probe_those_it_may_see() {
    let (mut a, mut b) = stage().friends();
    let mut stranger = stage().online();
    b.show("<status>here</status>");
    a.heard();
    a.say(format!("<presence to='{}' type='probe'/>", b.bare));
    assert_eq!(a.hear(presence("", &b.jid)).child_text("status"), "here");
    stranger.say(format!("<presence to='{}' type='probe'/>", b.bare));
    stranger.hears_no(presence("", &b.jid));
    b.hears_no(|e| e.attr("type") == Some("probe"));
}

#[test]
fn presence_to_nobody_is_dropped() {
    let mut a = stage().online();
    for address in ["nobody@localhost", "nobody@localhost/desk"] {
        for kind in ["", " type='unavailable'"] {
            a.say(format!("<presence to='{address}'{kind} id='n'/>"));
        }
    }
    a.ask("get", "nobody@localhost", "<ping xmlns='urn:xmpp:ping'/>");
    a.hears_no(|e| e.attr("id") == Some("n"));
}

#[test]
fn the_language_of_a_status_is_kept() {
    let (mut a, mut b) = stage().friends();
    b.say("<presence xml:lang='ja'><status>会議</status><status xml:lang='en'>Meeting</status></presence>");
    let seen = a.hear(presence("", &b.jid));
    assert_eq!(seen.attr("xml:lang"), Some("ja"));
    let texts: Vec<_> = seen.children.iter().filter(|c| c.is("status")).map(|s| (s.attr("xml:lang"), s.text.as_str())).collect();
    assert_eq!(texts, [(None, "会議"), (Some("en"), "Meeting")]);
}

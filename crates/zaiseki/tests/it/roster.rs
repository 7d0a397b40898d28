//! Contact lists (RFC 6121 §2).

use zaiseki_model::limits;

use crate::support::*;

fn query(items: &str) -> String {
    format!("<query xmlns='jabber:iq:roster'>{items}</query>")
}

/// Somebody with an empty roster and pushes.
fn somebody() -> Session {
    let mut session = stage().online();
    assert_eq!(session.roster(), []);
    session
}

fn groups(item: &Element) -> Vec<&str> {
    item.children.iter().filter(|c| c.is("group")).map(|g| g.text.as_str()).collect()
}

#[test]
fn a_contact_is_added_changed_and_removed() {
    let mut a = somebody();
    a.set(&query("<item jid='Friend@LocalHost/desk' name='F &amp; Co'><group>Work</group><group>日本</group></item>"));
    let item = a.pushed("friend@localhost");
    assert_eq!((item.attr("name"), item.attr("subscription")), (Some("F & Co"), Some("none")));
    assert_eq!(groups(&item), ["Work", "日本"]);
    assert_eq!(a.contact("friend@localhost"), Some(item));

    a.set(&query("<item jid='friend@localhost'><group>Home</group></item>"));
    let item = a.pushed("friend@localhost");
    assert_eq!((item.attr("name").unwrap_or_default(), groups(&item)), ("", vec!["Home"]));

    a.set(&query("<item jid='friend@localhost' subscription='remove'/>"));
    assert_eq!(a.pushed("friend@localhost").attr("subscription"), Some("remove"));
    assert_eq!(a.roster(), []);
    let error = a.ask("set", "", &query("<item jid='friend@localhost' subscription='remove'/>"));
    assert_error(&error, "cancel", "item-not-found");
}

#[test]
fn changes_are_pushed_to_those_who_asked_for_the_roster() {
    let person = stage().person();
    let (mut desk, mut phone, mut tv) = (person.sign_in("desk"), person.sign_in("phone"), person.online("tv"));
    desk.roster();
    phone.roster();
    desk.set(&query("<item jid='friend@localhost'/>"));
    for session in [&mut desk, &mut phone] {
        let push = session.hear(|e| roster_push(e).is_some());
        let from = push.attr("from");
        assert!(from.is_none() || from == Some(person.jid.as_str()), "§2.1.6: {push}");
        assert_eq!(push.attr("to"), Some(session.jid.as_str()));
        let id = push.attr("id").expect("an id").to_owned();
        session.say(format!("<iq type='result' id='{id}'/>"));
    }
    tv.hears_no(|e| roster_push(e).is_some());
}

#[test]
fn a_client_that_knows_the_version_gets_nothing_anew() {
    let mut a = somebody();
    assert!(a.client.features.child_ns("ver", "urn:xmpp:features:rosterver").is_some());
    a.set(&query("<item jid='one@localhost'/>"));
    let push = a.hear(|e| roster_push(e).is_some());
    let version = push.at("query").and_then(|q| q.attr("ver")).expect("§2.6.3: a version").to_owned();
    let answer = a.get(&format!("<query xmlns='jabber:iq:roster' ver='{version}'/>"));
    assert_eq!(answer.children, [], "§2.6.2");
    a.set(&query("<item jid='two@localhost'/>"));
    let later = a.hear(|e| roster_push(e).is_some());
    assert_ne!(later.at("query").and_then(|q| q.attr("ver")), Some(version.as_str()));
    for old in [version.as_str(), "", "no such version", "99999999999999999999999"] {
        let answer = a.get(&format!("<query xmlns='jabber:iq:roster' ver='{old}'/>"));
        assert_eq!(answer.at("query").map(|q| q.children.len()), Some(2), "{old:?}: {answer}");
    }
}

#[test]
fn faults_have_their_errors() {
    let mut a = somebody();
    let group = |text: &str| format!("<item jid='c@localhost'><group>{text}</group></item>");
    let long = "x".repeat(limits::ROSTER_NAME_BYTES + 1);
    let many: String = (0..=limits::ROSTER_GROUPS).map(|n| format!("<group>{n}</group>")).collect();
    for (items, kind, condition) in [
        ("".to_owned(), "modify", "bad-request"),
        ("<item jid='a@localhost'/><item jid='b@localhost'/>".to_owned(), "modify", "bad-request"),
        ("<item name='nobody'/>".to_owned(), "modify", "bad-request"),
        ("<item jid='c@localhost'><group>G</group><group>G</group></item>".to_owned(), "modify", "bad-request"),
        (group(""), "modify", "not-acceptable"),
        (group(&long), "modify", "not-acceptable"),
        (format!("<item jid='c@localhost' name='{long}'/>"), "modify", "not-acceptable"),
        (format!("<item jid='c@localhost'>{many}</item>"), "modify", "not-acceptable"),
        ("<item jid='@localhost'/>".to_owned(), "modify", "jid-malformed"),
    ] {
        let error = a.ask("set", "", &query(&items));
        assert_error(&error, kind, condition);
    }
    assert_eq!(a.roster(), []);
    a.hears_no(|e| roster_push(e).is_some());
}

#[test]
fn names_and_groups_may_reach_their_limits() {
    let mut a = somebody();
    let name = "x".repeat(limits::ROSTER_NAME_BYTES);
    let many: String = (1..limits::ROSTER_GROUPS).map(|n| format!("<group>{n}</group>")).collect();
    a.set(&query(&format!("<item jid='c@localhost' name='{name}'><group>{name}</group>{many}</item>")));
    let item = a.pushed("c@localhost");
    assert_eq!((item.attr("name"), groups(&item).len()), (Some(name.as_str()), limits::ROSTER_GROUPS));
}

#[test]
fn only_the_server_decides_about_subscriptions() {
    // §2.1.2: a client may say `remove`, and nothing else of these.
    let mut a = somebody();
    for attributes in ["subscription='both'", "ask='subscribe'", "approved='true'", "subscription='to' ask='subscribe'"] {
        a.set(&query(&format!("<item jid='c@localhost' {attributes}/>")));
        let item = a.pushed("c@localhost");
        assert_eq!((item.attr("subscription"), item.attr("ask"), item.attr("approved")), (Some("none"), None, None));
    }
}

#[test]
fn changing_a_contact_leaves_the_subscription_alone() {
    let (mut a, b) = stage().friends();
    a.set(&query(&format!("<item jid='{}' name='B'/>", b.bare)));
    let item = a.pushed(&b.bare);
    assert_eq!((item.attr("name"), item.attr("subscription")), (Some("B"), Some("both")));
}

#[test]
fn the_roster_of_others_is_theirs() {
    let (mut a, mut b) = stage().friends();
    b.heard();
    for (kind, items) in [("set", "<item jid='c@localhost'/>"), ("get", "")] {
        let bare = b.bare.clone();
        let error = a.ask(kind, &bare, &query(items));
        assert_error(&error, "auth", "forbidden");
    }
    assert!(b.contact("c@localhost").is_none());
    // One's own may be named (§2.1.3).
    let bare = a.bare.clone();
    assert_eq!(a.ask("get", &bare, &query("")).attr("type"), Some("result"));
}

#[test]
fn a_roster_outlives_the_session() {
    let person = stage().person();
    let mut a = person.sign_in("desk");
    a.roster();
    a.set(&query("<item jid='c@localhost' name='Cé'><group>G</group></item>"));
    a.leave();
    let item = person.sign_in("desk").contact("c@localhost").expect("an item");
    assert_eq!((item.attr("name"), groups(&item)), (Some("Cé"), vec!["G"]));
}

//! What the people see of subscriptions (RFC 6121 §3); the tables of appendix A are tested where they live.

use std::sync::OnceLock;

use crate::support::*;

/// Somebody with a roster and an available resource, where contacts are asked.
fn asked() -> Session {
    let mut session = asking_stage().online();
    session.roster();
    session
}

/// `a` asks for `b`'s presence and `b` agrees.
#[track_caller]
fn subscribe(a: &mut Session, b: &mut Session) {
    send(a, "subscribe", &b.bare);
    b.hear(presence("subscribe", &a.bare));
    send(b, "subscribed", &a.bare);
    a.hear(presence("", &b.jid));
    a.heard();
    b.heard();
}

#[track_caller]
fn send(session: &mut Session, kind: &str, to: &str) {
    session.say(format!("<presence to='{to}' type='{kind}'/>"));
}

/// The item as clients see it: subscription, ask, approved.
#[track_caller]
fn assert_item(item: &Element, subscription: &str, ask: bool, approved: bool) {
    let seen = (item.attr("subscription"), item.attr("ask").is_some(), item.attr("approved") == Some("true"));
    assert_eq!(seen, (Some(subscription), ask, approved), "{item}");
}

#[test]
fn a_request_is_granted() {
    let (mut a, mut b) = (asked(), asked());
    a.say(format!("<presence to='{}/some' type='subscribe' id='s1'><status>It's me</status></presence>", b.bare));
    assert_item(&a.pushed(&b.bare), "none", true, false);
    let request = b.hear(presence("subscribe", &a.bare));
    assert_eq!((request.attr("to"), request.child_text("status")), (Some(b.bare.as_str()), "It's me"));
    assert!(b.contact(&a.bare).is_none(), "§3.1.3: not in the roster yet");

    send(&mut b, "subscribed", &a.bare);
    assert_item(&b.pushed(&a.bare), "from", false, false);
    let granted = a.hear(presence("subscribed", &b.bare));
    assert_eq!(granted.attr("to"), Some(a.bare.as_str()));
    assert_item(&a.pushed(&b.bare), "to", false, false);
    a.hear(presence("", &b.jid));
    b.hears_no(presence_of(&a.bare));
    assert_item(&b.contact(&a.bare).expect("an item"), "from", false, false);
}

#[test]
fn a_request_is_refused() {
    let (mut a, mut b) = (asked(), asked());
    send(&mut a, "subscribe", &b.bare);
    assert_item(&a.pushed(&b.bare), "none", true, false);
    b.hear(presence("subscribe", &a.bare));
    send(&mut b, "unsubscribed", &a.bare);
    a.hear(presence("unsubscribed", &b.bare));
    assert_item(&a.pushed(&b.bare), "none", false, false);
    assert!(b.contact(&a.bare).is_none());
    a.hears_no(|e| e.is("presence"));
    b.hears_no(|e| roster_push(e).is_some());
}

#[test]
fn a_request_waits_until_it_is_answered() {
    let (mut a, b) = (asked(), asking_stage().person());
    for status in ["first", "second"] {
        a.say(format!("<presence to='{}' type='subscribe'><status>{status}</status></presence>", b.jid));
        a.heard();
    }
    for resource in ["one", "two"] {
        let mut b = b.online(resource);
        let request = b.hear(presence("subscribe", &a.bare));
        assert!(["first", "second"].contains(&request.child_text("status")), "{request}");
        b.hears_no(presence("subscribe", &a.bare));
        b.leave();
    }
    let mut session = b.online("three");
    session.hear(presence("subscribe", &a.bare));
    send(&mut session, "subscribed", &a.bare);
    a.hear(presence("subscribed", &b.jid));
    session.leave();
    let mut session = b.online("four");
    a.hear(presence("", &session.jid));
    session.hears_no(presence("subscribe", &a.bare));
}

#[test]
fn every_interested_resource_hears_the_request() {
    let (mut a, b) = (asked(), asking_stage().person());
    let (mut desk, mut phone) = (b.online("desk"), b.online("phone"));
    send(&mut a, "subscribe", &b.jid);
    desk.hear(presence("subscribe", &a.bare));
    phone.hear(presence("subscribe", &a.bare));
}

#[test]
fn a_subscription_is_cancelled() {
    let (mut a, mut b) = (asked(), asked());
    subscribe(&mut a, &mut b);
    send(&mut b, "unsubscribed", &a.bare);
    assert_item(&b.pushed(&a.bare), "none", false, false);
    a.hear(presence("unsubscribed", &b.bare));
    a.hear(presence("unavailable", &b.jid));
    assert_item(&a.pushed(&b.bare), "none", false, false);
    b.show("<status>secret</status>");
    a.hears_no(presence_of(&b.bare));
}

#[test]
fn a_subscriber_leaves() {
    let (mut a, mut b) = (asked(), asked());
    subscribe(&mut a, &mut b);
    send(&mut a, "unsubscribe", &b.bare);
    assert_item(&a.pushed(&b.bare), "none", false, false);
    b.hear(presence("unsubscribe", &a.bare));
    assert_item(&b.pushed(&a.bare), "none", false, false);
    a.hear(presence("unavailable", &b.jid));
    b.show("<status>secret</status>");
    a.hears_no(presence_of(&b.bare));
}

#[test]
fn removing_a_contact_ends_both_subscriptions() {
    let (mut a, mut b) = (asked(), asked());
    subscribe(&mut a, &mut b);
    subscribe(&mut b, &mut a);
    assert_item(&a.contact(&b.bare).expect("an item"), "both", false, false);
    a.set(&format!("<query xmlns='jabber:iq:roster'><item jid='{}' subscription='remove'/></query>", b.bare));
    assert_eq!(a.pushed(&b.bare).attr("subscription"), Some("remove"));
    b.hear(presence("unsubscribe", &a.bare));
    b.hear(presence("unsubscribed", &a.bare));
    b.hear(presence("unavailable", &a.jid));
    a.hear(presence("unavailable", &b.jid));
    assert!(a.contact(&b.bare).is_none());
    assert_item(&b.contact(&a.bare).expect("it stays with the contact"), "none", false, false);
}

#[test]
fn removing_a_contact_refuses_its_request() {
    let (mut a, mut b) = (asked(), asked());
    let item = format!("<query xmlns='jabber:iq:roster'><item jid='{}'/></query>", a.bare);
    b.set(&item);
    send(&mut a, "subscribe", &b.bare);
    b.hear(presence("subscribe", &a.bare));
    b.set(&item.replace("'/>", "' subscription='remove'/>"));
    a.hear(presence("unsubscribed", &b.bare));
    assert_item(&a.contact(&b.bare).expect("an item"), "none", false, false);
}

#[test]
fn a_contact_can_be_approved_before_it_asks() {
    let (mut a, mut b) = (asked(), asked());
    let features = &b.client.features;
    assert!(features.child_ns("sub", "urn:xmpp:features:pre-approval").is_some(), "§3.4.1: {features}");
    send(&mut b, "subscribed", &a.bare);
    assert_item(&b.pushed(&a.bare), "none", false, true);
    b.heard();
    assert!(a.roster().is_empty(), "§3.4.2: the contact does not learn of it");
    a.hears_no(presence_of(&b.bare));

    send(&mut a, "subscribe", &b.bare);
    a.hear(presence("subscribed", &b.bare));
    a.hear(presence("", &b.jid));
    assert_eq!(b.pushed(&a.bare).attr("subscription"), Some("from"));
    b.hears_no(presence("subscribe", &a.bare));
}

#[test]
fn an_approval_can_be_taken_back() {
    let (mut a, mut b) = (asked(), asked());
    send(&mut b, "subscribed", &a.bare);
    assert_item(&b.pushed(&a.bare), "none", false, true);
    send(&mut b, "unsubscribed", &a.bare);
    assert_item(&b.pushed(&a.bare), "none", false, false);
    a.hears_no(presence_of(&b.bare));
    send(&mut a, "subscribe", &b.bare);
    b.hear(presence("subscribe", &a.bare));
}

#[test]
fn asking_again_is_answered_by_the_server() {
    // §3.1.3: the contact has agreed already.
    let (mut a, mut b) = (asked(), asked());
    subscribe(&mut a, &mut b);
    send(&mut a, "subscribe", &b.bare);
    a.heard();
    b.hears_no(presence("subscribe", &a.bare));
    assert_item(&a.contact(&b.bare).expect("an item"), "to", false, false);
}

#[test]
fn answers_that_nobody_asked_for_change_nothing() {
    let (mut a, mut b) = (asked(), asked());
    for kind in ["unsubscribe", "unsubscribed"] {
        send(&mut a, kind, &b.bare);
    }
    a.heard();
    b.hears_no(presence_of(&a.bare));
    assert!(a.roster().is_empty() && b.roster().is_empty());
}

#[test]
fn a_request_to_nobody_looks_like_one_that_waits() {
    let mut a = asked();
    send(&mut a, "subscribe", "nobody@localhost");
    assert_item(&a.pushed("nobody@localhost"), "none", true, false);
    a.ask("get", "nobody@localhost", "<ping xmlns='urn:xmpp:ping'/>");
    a.hears_no(presence_of("nobody@localhost"));
}

#[test]
fn inside_the_domain_people_see_each_other_without_asking() {
    let (mut a, mut b) = (stage().online(), stage().online());
    a.roster();
    b.roster();
    send(&mut a, "subscribe", &b.bare);
    a.hear(presence("subscribed", &b.bare));
    a.hear(presence("", &b.jid));
    assert_item(&b.pushed(&a.bare), "from", false, false);
    assert_item(&a.contact(&b.bare).expect("an item"), "to", false, false);
    b.hears_no(presence_of(&a.bare));
}

/// At most three contacts, at most two watchers.
fn small_stage() -> &'static Stage {
    static STAGE: OnceLock<Stage> = OnceLock::new();
    STAGE.get_or_init(|| Stage::open(&[("max_contacts", 3.into()), ("max_watchers", 2.into())], 60).shared())
}

#[test]
fn a_contact_list_has_a_greatest_size() {
    let mut a = small_stage().online();
    let item =
        |n: usize, name: &str| format!("<query xmlns='jabber:iq:roster'><item jid='c{n}@localhost' name='{name}'/></query>");
    for n in 1..=3 {
        a.set(&item(n, "x"));
    }
    let error = a.ask("set", "", &item(4, "x"));
    assert_eq!(error.condition(), Some("policy-violation"), "{error}");
    a.set(&item(3, "changed"));
    a.say("<presence to='c4@localhost' type='subscribe' id='s4'/>");
    let error = a.hear(error_for("s4"));
    assert_eq!(error.condition(), Some("policy-violation"), "{error}");
    assert_eq!(a.roster().len(), 3);
    a.set(&item(3, "x").replace("name='x'", "subscription='remove'"));
    a.set(&item(4, "x"));
}

#[test]
fn a_user_has_a_greatest_number_of_watchers() {
    let stage = small_stage();
    let mut seen = stage.online();
    let watch = |seen: &Session| {
        let mut watcher = stage.online();
        watcher.roster();
        send(&mut watcher, "subscribe", &seen.bare);
        watcher
    };
    let watchers: Vec<Session> = (0..2)
        .map(|_| {
            let mut watcher = watch(&seen);
            watcher.hear(presence("", &seen.jid));
            watcher
        })
        .collect();
    let mut third = watch(&seen);
    let bare = seen.bare.clone();
    let error = third.hear(presence("error", &bare));
    assert_eq!(error.condition(), Some("policy-violation"), "{error}");
    third.heard();
    assert_item(&third.contact(&bare).expect("an item"), "none", false, false);
    assert_eq!(seen.roster().len(), 2);

    let mut first = watchers.into_iter().next().expect("a watcher");
    send(&mut first, "unsubscribe", &bare);
    first.heard();
    send(&mut third, "subscribe", &bare);
    third.hear(presence("", &seen.jid));
}

/// What an administrator sets, through the API that the command line speaks to, counts for people who are signed in.
#[test]
fn presence_settings_change_under_open_sessions() {
    let stage = Stage::open(&[], 8);
    let set = |key: &str, value: &str| {
        let output = stage.node.cli(&["settings", "set", key, value], "").expect("the command line");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let mut sessions: Vec<Session> = (0..4).map(|_| stage.online()).collect();
    sessions.iter_mut().for_each(|session| drop(session.roster()));
    let [a, b, c, d] = &mut sessions[..] else { unreachable!("four people") };
    send(a, "subscribe", &b.bare);
    a.hear(presence("", &b.jid));

    set("auto_authorize", "false");
    send(c, "subscribe", &a.bare);
    a.hear(presence("subscribe", &c.bare));
    send(a, "subscribed", &c.bare);
    c.hear(presence("", &a.jid));

    // The list has two contacts (one watched, one watching): at the limit, then one past it.
    let item = |n: usize| format!("<query xmlns='jabber:iq:roster'><item jid='c{n}@localhost'/></query>");
    set("max_contacts", "3");
    a.set(&item(1));
    let error = a.ask("set", "", &item(2));
    assert_eq!(error.condition(), Some("policy-violation"), "{error}");
    set("max_contacts", "none");
    a.set(&item(2));

    // One watcher is there already.
    set("max_watchers", "1");
    set("auto_authorize", "true");
    d.say(format!("<presence to='{}' type='subscribe'/>", b.bare));
    let error = d.hear(presence("error", &b.bare));
    assert_eq!(error.condition(), Some("policy-violation"), "{error}");
    set("max_watchers", "2");
    send(d, "subscribe", &b.bare);
    d.hear(presence("", &b.jid));
}

/// Who gets the address of somebody who left is a stranger to the contacts.
#[test]
fn a_removed_user_is_nobodys_contact() {
    let stage = Stage::open(&[], 3);
    let (mut mika, mut ken) = stage.friends();
    let absent = stage.person();
    let mut hana = absent.online("desk");
    befriend(&mut hana, &mut ken);
    hana.leave();
    let name = ken.bare.split('@').next().expect("a localpart").to_owned();
    let cli = |arguments: &[&str], input: &str| {
        let output = stage.node.cli(arguments, input).expect("the command line");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    cli(&["user", "remove", &name], "");
    mika.hear(presence("unavailable", &ken.jid));
    mika.hear(presence("unsubscribe", &ken.bare));
    mika.hear(presence("unsubscribed", &ken.bare));
    assert_item(&mika.pushed(&ken.bare), "none", false, false);

    cli(&["user", "add", &name, "--password-stdin"], PASSWORD);
    let stranger = Person { stage: &stage, name, jid: ken.bare.clone() };
    let mut stranger = stranger.online("desk");
    stranger.show("<status>new here</status>");
    // Also for whom was offline, and after a restart of what is in memory.
    for session in [&mut mika, &mut absent.online("desk")] {
        session.hears_no(presence("", &stranger.jid));
        assert_item(&session.contact(&ken.bare).expect("an item"), "none", false, false);
    }
}

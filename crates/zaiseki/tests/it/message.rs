//! Where messages go (RFC 6121 §8.5), and that they arrive as they were sent.

use crate::support::*;

/// Who is there when a message comes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum There {
    NoAccount,
    Nobody,
    /// One resource that wants no messages (priority -1).
    Negative,
    One,
    /// Priorities 1 and 5.
    Two,
}

/// What the message is addressed to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum To {
    Bare,
    /// The first resource of those that are there.
    Full,
    /// A resource that is not there.
    Gone,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fate {
    /// All resources that take messages have it.
    All,
    /// Only the resource with the highest priority has it.
    Highest,
    /// Only the resource it was addressed to has it.
    First,
    /// The user gets it at the next sign-in.
    Stored,
    /// It came back with `service-unavailable`.
    Refused,
    Dropped,
}

/// RFC 6121 §8.5.1 to §8.5.4. Where the text leaves a choice, the first of two is the one that loses nothing.
fn allowed(kind: &str, there: There, to: To) -> &'static [Fate] {
    match (kind, there, to) {
        ("error", There::NoAccount, _) => &[Fate::Dropped],
        (_, There::NoAccount, _) => &[Fate::Refused, Fate::Dropped],
        (_, There::Negative | There::One | There::Two, To::Full) => &[Fate::First],
        ("groupchat", _, _) => &[Fate::Refused],
        ("error", _, _) => &[Fate::Dropped],
        ("headline", _, To::Gone) => &[Fate::Dropped],
        ("headline", There::Nobody | There::Negative, _) => &[Fate::Dropped],
        ("headline", _, _) => &[Fate::All],
        ("" | "normal" | "strange", _, To::Gone) => &[Fate::Refused, Fate::Dropped],
        (_, There::Nobody | There::Negative, _) => &[Fate::Stored],
        _ => &[Fate::Highest],
    }
}

/// Sends one message of this type and finds out what became of it.
fn fate(sender: &mut Session, kind: &str, there: There, to: To) -> Fate {
    let stage = stage();
    let receiver = stage.person();
    let bare = if there == There::NoAccount { format!("nobody@{}", stage.domain()) } else { receiver.jid.clone() };
    let mut sessions = match there {
        There::NoAccount | There::Nobody => vec![],
        There::Negative => vec![receiver.with_priority("first", -1)],
        There::One => vec![receiver.with_priority("first", 1)],
        There::Two => vec![receiver.with_priority("first", 1), receiver.with_priority("second", 5)],
    };
    let address = match to {
        To::Bare => bare.clone(),
        To::Full => format!("{bare}/first"),
        To::Gone => format!("{bare}/gone"),
    };
    let type_ = if kind.is_empty() { String::new() } else { format!(" type='{kind}'") };
    sender.say(format!("<message id='try' to='{address}'{type_}><body>try</body></message>"));
    // One more that is not lost in any case: what becomes of it shows when the first has been dealt with.
    sender.say(format!("<message id='mark' to='{bare}' type='chat'><body>mark</body></message>"));
    if there == There::NoAccount {
        sender.hear(error_for("mark"));
    }
    // What is online has it by now.
    sender.client.iq("get", Some(stage.domain()), "<ping xmlns='urn:xmpp:ping'/>").expect("an answer");
    let fate = found(&receiver, &mut sessions, there);
    let returned = sender.heard();
    if let Some(error) = returned.iter().find(|e| error_for("try")(e)) {
        assert_eq!(fate, Fate::Dropped, "returned and delivered: {error}");
        assert_error(error, "cancel", "service-unavailable");
        assert_eq!(error.attr("from"), Some(address.as_str()), "{error}");
        return Fate::Refused;
    }
    fate
}

/// Which of the receiver's resources, now or later, has the message.
fn found(receiver: &Person<'_>, sessions: &mut [Session], there: There) -> Fate {
    let have: Vec<bool> = sessions.iter_mut().map(|s| s.heard_messages().iter().any(body("try"))).collect();
    match (have.as_slice(), there) {
        ([true], There::One | There::Negative) => return Fate::First,
        ([true, true], _) => return Fate::All,
        ([true, false], _) => return Fate::First,
        ([false, true], _) => return Fate::Highest,
        (_, There::NoAccount | There::One | There::Two) => return Fate::Dropped,
        _ => {}
    }
    // The mark was stored behind it.
    let mut later = receiver.online("later");
    later.hear(body("mark"));
    if later.heard_messages().iter().any(body("try")) { Fate::Stored } else { Fate::Dropped }
}

/// With one willing resource three fates look the same.
fn fits(fate: Fate, allowed: &[Fate], there: There) -> bool {
    let same = |wanted: &Fate| there == There::One && matches!(wanted, Fate::All | Fate::Highest) && fate == Fate::First;
    allowed.contains(&fate) || allowed.iter().any(same)
}

#[test]
fn every_kind_of_message_goes_where_it_should() {
    let mut sender = stage().online();
    let mut wrong = Vec::new();
    for kind in ["", "normal", "strange", "chat", "headline", "groupchat", "error"] {
        for there in [There::NoAccount, There::Nobody, There::Negative, There::One, There::Two] {
            for to in [To::Bare, To::Full, To::Gone] {
                if to == To::Full && matches!(there, There::NoAccount | There::Nobody) {
                    continue;
                }
                let (fate, allowed) = (fate(&mut sender, kind, there, to), allowed(kind, there, to));
                if !fits(fate, allowed, there) {
                    wrong.push(format!("{kind:?} with {there:?} to {to:?}: {fate:?}, not {allowed:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn equal_priorities_lose_nothing() {
    let receiver = stage().person();
    let (mut one, mut two) = (receiver.online("one"), receiver.online("two"));
    let mut sender = stage().online();
    sender.chat(&receiver.jid, "hello");
    sender.heard();
    let heard = [one.heard_messages(), two.heard_messages()].concat();
    assert!(heard.iter().any(body("hello")), "{heard:?}");
}

#[test]
fn a_connected_resource_without_presence_is_reached_by_its_full_address_only() {
    let receiver = stage().person();
    let mut quiet = receiver.sign_in("quiet");
    let mut sender = stage().online();
    sender.chat(&quiet.jid, "to the resource");
    quiet.hear(body("to the resource"));
    sender.chat(&receiver.jid, "to the account");
    sender.heard();
    quiet.hears_no(body("to the account"));
    quiet.show("");
    quiet.hear(body("to the account"));
}

#[test]
fn head_and_content_arrive_as_they_were_sent() {
    let (mut a, mut b) = (stage().online(), stage().online());
    let content = "<subject>Re: 会議</subject><subject xml:lang='de'>Betreff</subject><body>a &lt; b &amp;&#x1F600;</body>\
                   <thread parent='e0'>t1</thread><x xmlns='urn:example:x' xmlns:y='urn:example:y' y:z='1'><y:w/>tail</x>";
    a.say(format!("<message to='{}' type='chat' id='m1' xml:lang='ja'>{content}</message>", b.bare));
    let got = b.hear(|e| e.is("message"));
    assert_eq!(got.attr("from"), Some(a.jid.as_str()));
    // RFC 6121 §8.5.2.1.2: the address is not rewritten.
    assert_eq!(got.attr("to"), Some(b.bare.as_str()));
    assert_eq!((got.attr("type"), got.attr("id"), got.attr("xml:lang")), (Some("chat"), Some("m1"), Some("ja")));
    let subjects: Vec<&str> = got.children.iter().filter(|c| c.is("subject")).map(|c| c.text.as_str()).collect();
    assert_eq!(subjects, ["Re: 会議", "Betreff"]);
    assert_eq!(got.child_text("body"), "a < b &\u{1F600}");
    assert_eq!(got.child("thread").and_then(|t| t.attr("parent")), Some("e0"));
    let x = got.child_ns("x", "urn:example:x").expect("the extension");
    assert_eq!((x.attr("z"), x.text.as_str()), (Some("1"), "tail"));
    assert!(x.child_ns("w", "urn:example:y").is_some());
}

#[test]
fn attributes_in_a_namespace_arrive_live_and_from_the_archive() {
    let (mut a, person) = (stage().online(), stage().person());
    let mut b = person.online("desk");
    // The second leans on a prefix in its content too, which takes the slow path through the framer.
    for content in ["<body>plain</body>", "<body>both</body><p:x p:y='2'/>"] {
        a.say(format!("<message xmlns:p='urn:example:p' to='{}' type='chat' p:mark='1&lt;2'>{content}</message>", b.bare));
        let got = b.hear(|e| e.is("message"));
        assert_eq!(got.attr("mark"), Some("1<2"), "{got}");
    }
    b.ask("set", "", "<query xmlns='urn:xmpp:mam:2'/>");
    let kept = b.heard_messages();
    let marks: Vec<_> = kept.iter().filter_map(|m| m.at("result/forwarded/message")).map(|m| m.attr("mark")).collect();
    assert_eq!(marks, [Some("1<2"); 2]);
}

#[test]
fn the_language_of_the_stream_is_that_of_its_stanzas() {
    // RFC 6120 §4.7.4; the client opens its streams in English.
    let (mut a, mut b) = (stage().online(), stage().online());
    a.chat(&b.bare, "no language");
    assert_eq!(b.hear(body("no language")).attr("xml:lang"), Some("en"));
}

/// What a parser makes of `&#10;` and the like in an attribute is a line feed; unescaped it would become a space.
const WHITE: &str = "<white xmlns='urn:example:white' a='1&#10;2&#9;3&#13;4 5'/>";

#[track_caller]
fn assert_white(message: &Element) {
    let white = message.child("white").unwrap_or_else(|| panic!("{message}"));
    assert_eq!(white.attr("a"), Some("1\n2\t3\r4 5"));
}

#[test]
fn white_space_in_attributes_reads_the_same_at_the_other_end() {
    let receiver = stage().person();
    let mut b = receiver.online("desk");
    let mut a = stage().online();
    a.say(format!("<message to='{}' type='chat' id='i&#10;d'><body>live</body>{WHITE}</message>", b.jid));
    let live = b.hear(body("live"));
    assert_white(&live);
    assert_eq!(live.attr("id"), Some("i\nd"));
    b.leave();
    a.say(format!("<message to='{}' type='chat'><body>late</body>{WHITE}</message>", receiver.jid));
    let mut b = receiver.online("desk");
    assert_white(&b.hear(body("late")));
    b.say("<iq type='set' id='all'><query xmlns='urn:xmpp:mam:2'/></iq>");
    for text in ["live", "late"] {
        let archived = b.hear(|e| e.at("result/forwarded/message").is_some_and(body(text)));
        assert_white(archived.at("result/forwarded/message").expect("it fitted"));
    }
}

#[test]
fn what_only_servers_say_is_taken_out() {
    let stage = stage();
    let (mut a, mut b) = (stage.online(), stage.online());
    let (to, domain, from) = (b.bare.clone(), stage.domain(), a.bare.clone());
    let twice = |text: String| text.repeat(2);
    let forged = [
        twice(format!("<stanza-id xmlns='urn:xmpp:sid:0' by='{to}' id='1'/>")),
        twice(format!("<stanza-id xmlns='urn:xmpp:sid:0' by='{domain}' id='2'/>")),
        twice(format!("<delay xmlns='urn:xmpp:delay' from='{domain}' stamp='2002-09-10T23:08:25Z'/>")),
        twice(format!("<delay xmlns='urn:xmpp:delay' from='{to}' stamp='2002-09-10T23:08:25Z'/>")),
        twice(format!("<x xmlns='jabber:x:delay' from='{domain}' stamp='20020910T23:08:25'/>")),
        twice("<occupant-id xmlns='urn:xmpp:occupant-id:0' id='3'/>".to_owned()),
    ]
    .concat();
    let own = format!("<delay xmlns='urn:xmpp:delay' from='{from}' stamp='2020-01-01T00:00:00Z'/>");
    let mine = "<origin-id xmlns='urn:xmpp:sid:0' id='mine'/>";
    a.say(format!("<message to='{to}' type='chat'>{forged}<body>forged</body>{own}{mine}{forged}</message>"));
    let got = b.hear(body("forged"));
    let named = |name: &str| got.children.iter().filter(|c| c.is(name)).collect::<Vec<_>>();
    assert!(named("occupant-id").is_empty() && named("x").is_empty(), "{got}");
    let delays: Vec<_> = named("delay").iter().filter_map(|d| d.attr("from")).collect();
    assert_eq!(delays, [from.as_str()], "{got}");
    let ids: Vec<_> = named("stanza-id").iter().map(|i| (i.attr("by"), i.attr("id"))).collect();
    assert!(matches!(ids[..], [(Some(by), Some(id))] if by == to && id != "1"), "{got}");
    assert_eq!(named("origin-id").first().and_then(|i| i.attr("id")), Some("mine"));
}

#[test]
fn messages_wait_for_the_user_in_order_and_are_given_once() {
    let receiver = stage().person();
    let mut a = stage().online();
    for number in 0..250 {
        a.say(format!("<message to='{}' type='chat' id='n{number}'><body>{number}</body></message>", receiver.jid));
    }
    a.heard();
    let mut b = receiver.online("desk");
    let last = b.hear(body("249"));
    let delay = last.child_ns("delay", "urn:xmpp:delay").expect("a stamp (XEP-0160)");
    assert_eq!(delay.attr("from"), Some(stage().domain()));
    let stamp = delay.attr("stamp").unwrap_or_default();
    assert!(stamp.starts_with("20") && stamp.contains('T') && stamp.ends_with('Z'), "{stamp}");
    assert_eq!(last.child("stanza-id").and_then(|i| i.attr("by")), Some(receiver.jid.as_str()));
    assert_eq!((last.attr("id"), last.attr("from")), (Some("n249"), Some(a.jid.as_str())));
    let before: Vec<String> = b.heard_messages().iter().map(|m| m.child_text("body").to_owned()).collect();
    assert_eq!(before, (0..249).map(|n| n.to_string()).collect::<Vec<_>>());
    b.leave();
    let mut again = receiver.online("desk");
    a.chat(&receiver.jid, "end");
    again.hear(body("end"));
    assert_eq!(again.heard_messages(), []);
}

#[test]
fn a_resource_that_wants_no_messages_does_not_get_those_that_wait() {
    let receiver = stage().person();
    let mut a = stage().online();
    a.chat(&receiver.jid, "later");
    a.heard();
    let mut b = receiver.with_priority("desk", -5);
    a.chat(&b.jid, "now");
    b.hear(body("now"));
    b.hears_no(body("later"));
    b.show("<priority>0</priority>");
    b.hear(body("later"));
}

#[test]
fn what_is_not_worth_keeping_is_not_kept() {
    let receiver = stage().person();
    let mut a = stage().online();
    let hint = |name: &str| format!("<{name} xmlns='urn:xmpp:hints'/>");
    for content in [
        "<composing xmlns='http://jabber.org/protocol/chatstates'/>".to_owned(),
        format!("<body>secret</body>{}", hint("no-store")),
        "<body>kept</body>".to_owned(),
    ] {
        a.say(format!("<message to='{}' type='chat'>{content}</message>", receiver.jid));
    }
    a.say(format!("<message to='{}' type='chat' id='s'><x xmlns='urn:example'/>{}</message>", receiver.jid, hint("store")));
    a.heard();
    let mut b = receiver.online("desk");
    b.hear(|e| e.attr("id") == Some("s"));
    let bodies: Vec<String> = b.heard_messages().iter().map(|m| m.child_text("body").to_owned()).collect();
    assert_eq!(bodies, ["kept"]);
}

#[test]
fn messages_to_oneself_arrive() {
    // RFC 6120 §10.3.1 (no address) and RFC 6121 §8.5 (one's own).
    let mut a = stage().online();
    a.say("<message type='chat'><body>no address</body></message>");
    assert_eq!(a.hear(body("no address")).attr("from").map(str::to_owned), Some(a.jid.clone()));
    let bare = a.bare.clone();
    a.chat(&bare, "own address");
    a.hear(body("own address"));
}

#[test]
fn addresses_that_lead_nowhere_are_told() {
    let mut a = stage().online();
    for (to, kind, condition) in [
        ("@localhost", "modify", "jid-malformed"),
        ("a b@localhost", "modify", "jid-malformed"),
        ("a@localhost/", "modify", "jid-malformed"),
        ("somebody@elsewhere.example", "cancel", "remote-server-not-found"),
    ] {
        for name in ["message", "iq"] {
            let (kind_of, content) = if name == "iq" { ("get", "<ping xmlns='urn:xmpp:ping'/>") } else { ("chat", "<body/>") };
            a.say(format!("<{name} to='{to}' type='{kind_of}' id='{name}'>{content}</{name}>"));
            let error = a.hear(error_for(name));
            assert_error(&error, kind, condition);
        }
    }
    // An error is never answered (RFC 6120 §8.3.1).
    a.say("<message to='a b@localhost' type='error' id='e'><body/></message>");
    a.hears_no(error_for("e"));
}

#[test]
fn the_sender_may_name_itself_and_nobody_else() {
    let (mut a, mut b) = (stage().online(), stage().online());
    let (jid, bare) = (a.jid.clone(), a.bare.clone());
    for from in [&jid, &bare] {
        a.say(format!("<message from='{from}' to='{}' type='chat'><body>me</body></message>", b.jid));
        assert_eq!(b.hear(body("me")).attr("from"), Some(jid.as_str()));
    }
    for from in [b.jid.clone(), format!("{bare}/other"), "localhost".to_owned(), "not a jid@".to_owned()] {
        let mut liar = stage().online();
        liar.say(format!("<message from='{from}' to='{}' type='chat'><body>lie</body></message>", b.jid));
        let error = liar.hear(|e| e.is("error"));
        assert_eq!(error.condition(), Some("invalid-from"), "{error}");
        liar.client.expect_close().expect("closed");
    }
    b.hears_no(body("lie"));
}

#[test]
fn a_message_sent_again_from_a_new_stream_is_the_same_message() {
    let sender = stage().person();
    let mut b = stage().online();
    let text =
        format!("<message to='{}' type='chat'><body>once</body><origin-id xmlns='urn:xmpp:sid:0' id='o1'/></message>", b.bare);
    let mut a = sender.online("desk");
    a.say(&text);
    b.hear(body("once"));
    a.leave();
    let mut a = sender.online("desk");
    a.say(&text);
    a.chat(&b.bare, "next");
    b.hear(body("next"));
    b.hears_no(body("once"));
}

//! Ad-hoc commands (XEP-0050): a user's own choice about the calendar. slixmpp runs the same command as a client does.

use crate::support::*;

const COMMANDS: &str = "http://jabber.org/protocol/commands";

fn command(attributes: &str, inside: &str) -> String {
    format!("<command xmlns='{COMMANDS}' node='calendar' {attributes}>{inside}</command>")
}

fn form(value: &str) -> String {
    format!("<x xmlns='jabber:x:data' type='submit'><field var='calendar'><value>{value}</value></field></x>")
}

/// What the form says now.
#[track_caller]
fn current(session: &mut Session) -> String {
    let answer = session.ask("set", "", &command("action='execute'", ""));
    let field = answer.at("command/x/field").unwrap_or_else(|| panic!("{answer}"));
    field.child_text("value").to_owned()
}

#[test]
fn a_choice_is_kept_and_every_resource_sees_it() {
    let person = stage().person();
    let (mut a, mut phone) = (person.online("desk"), person.online("phone"));
    assert_eq!(current(&mut a), "1");
    for (value, seen) in [("0", "0"), ("true", "1"), ("false", "0")] {
        let answer = a.ask("set", "", &command("action='complete' sessionid='s'", &form(value)));
        let done = answer.child("command").unwrap_or_else(|| panic!("{answer}"));
        assert_eq!((done.attr("status"), done.attr("sessionid")), (Some("completed"), Some("s")));
        assert_eq!((current(&mut a).as_str(), current(&mut phone).as_str()), (seen, seen));
    }
}

#[test]
fn a_form_can_be_given_up() {
    let mut a = stage().online();
    for (attributes, inside) in
        [("action='cancel' sessionid='s'", ""), ("sessionid='s'", "<x xmlns='jabber:x:data' type='cancel'/>")]
    {
        let answer = a.ask("set", "", &command(attributes, inside));
        assert_eq!(answer.child("command").and_then(|c| c.attr("status")), Some("canceled"), "{answer}");
    }
    assert_eq!(current(&mut a), "1");
}

#[test]
fn faults_have_their_errors() {
    let mut a = stage().online();
    for (payload, word) in [
        (command("action='prev'", ""), "bad-action"),
        (command("action='dance'", ""), "malformed-action"),
        (command("action='complete'", ""), "bad-payload"),
        (command("", &form("perhaps")), "bad-payload"),
        (command("", "<x xmlns='jabber:x:data' type='submit'/>"), "bad-payload"),
    ] {
        let answer = a.ask("set", "", &payload);
        assert_error(&answer, "modify", "bad-request");
        assert!(answer.child("error").is_some_and(|e| e.child_ns(word, COMMANDS).is_some()), "{answer}");
    }
    let unknown = format!("<command xmlns='{COMMANDS}' node='reboot'/>");
    assert_error(&a.ask("set", "localhost", &unknown), "cancel", "item-not-found");
}

#[test]
fn commands_are_found_where_clients_look_and_nowhere_else() {
    let (mut a, b) = stage().friends();
    let list = format!("<query xmlns='http://jabber.org/protocol/disco#items' node='{COMMANDS}'/>");
    for (to, jid) in [("", a.bare.clone()), ("localhost", "localhost".to_owned())] {
        let answer = a.ask("get", to, &list);
        let item = answer.at("query/item").unwrap_or_else(|| panic!("{answer}"));
        assert_eq!((item.attr("jid"), item.attr("node")), (Some(jid.as_str()), Some("calendar")));
        let info = a.ask("get", to, "<query xmlns='http://jabber.org/protocol/disco#info' node='calendar'/>");
        let identity = info.at("query/identity").unwrap_or_else(|| panic!("{info}"));
        assert_eq!((identity.attr("category"), identity.attr("type")), (Some("automation"), Some("command-node")));
    }
    // Other people's choices are theirs.
    let others = a.ask("get", &b.bare, &list);
    assert!(others.at("query/item").is_none(), "{others}");
    assert_error(&a.ask("set", &b.bare, &command("", &form("0"))), "cancel", "service-unavailable");
}

#[test]
fn the_form_speaks_the_client_s_language() {
    let mut a = stage().online();
    for (lang, title) in [("ja-JP", "予定表によるプレゼンス"), ("en", "Calendar presence"), ("de", "Calendar presence")]
    {
        a.say(format!("<iq type='set' id='{lang}' xml:lang='{lang}'>{}</iq>", command("", "")));
        let answer = a.hear(|e| e.attr("id") == Some(lang));
        assert_eq!(answer.at("command/x/title").map(|t| t.text.as_str()), Some(title), "{answer}");
    }
}

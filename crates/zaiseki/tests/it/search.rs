//! Jabber Search (XEP-0055): who works here.

use crate::people::cli;
use crate::support::*;

const NS: &str = "jabber:iq:search";
const DISCO_INFO: &str = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
const DISCO_ITEMS: &str = "<query xmlns='http://jabber.org/protocol/disco#items'/>";

fn query(content: &str) -> String {
    format!("<query xmlns='{NS}'>{content}</query>")
}

fn submitted(fields: &[(&str, &str)]) -> String {
    let field = |(var, value): &(&str, &str)| format!("<field var='{var}'><value>{value}</value></field>");
    let fields: String = fields.iter().map(field).collect();
    query(&format!("<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>{NS}</value></field>{fields}</x>"))
}

/// The addresses in an answer without a form.
fn found(answer: &Element) -> Vec<String> {
    let items = answer.child("query").unwrap_or_else(|| panic!("{answer}")).children.iter().filter(|child| child.is("item"));
    items.filter_map(|item| item.attr("jid").map(str::to_owned)).collect()
}

/// A node with a few people: names, readings, and one who is not to be found.
fn office() -> Stage {
    let stage = Stage::open(&[], 8);
    let set = |user: &str, more: &[&str]| drop(cli(&stage, &[&["user", "set-profile", user], more].concat()));
    set(
        "user1",
        &["--family-name", "山田", "--given-name", "太郎", "--phonetic-name", "やまだ たろう", "--mail", "yt@example.com"],
    );
    set(
        "user2",
        &["--family-name", "山田", "--given-name", "花子", "--phonetic-name", "ヤマダ ハナコ", "--number", "work=+81312345678"],
    );
    set("user3", &["--family-name", "山口", "--unlisted", "true"]);
    cli(&stage, &["user", "disable", "user4"]);
    stage
}

#[test]
fn clients_find_the_directory_and_people_in_it() {
    let stage = office();
    let directory = format!("search.{}", stage.domain());
    let mut a = stage.online();
    let items = a.ask("get", stage.domain(), DISCO_ITEMS);
    assert_eq!(items.at("query/item").and_then(|item| item.attr("jid")), Some(directory.as_str()), "{items}");
    let info = a.ask("get", &directory, DISCO_INFO);
    let identity = info.at("query/identity").unwrap_or_else(|| panic!("{info}"));
    assert_eq!((identity.attr("category"), identity.attr("type")), (Some("directory"), Some("user")));
    assert!(info.to_string().contains(NS), "{info}");
    assert_eq!(a.ask("get", &directory, "<ping xmlns='urn:xmpp:ping'/>").attr("type"), Some("result"));
    let form = a.ask("get", &directory, &query(""));
    let names: Vec<&str> = form.child("query").expect("a query").children.iter().map(|child| child.name.as_str()).collect();
    assert_eq!(names, ["instructions", "first", "last", "nick", "email", "x"], "{form}");
    let both = ["user1@localhost", "user2@localhost"];
    assert_eq!(found(&a.ask("set", &directory, &query("<last>山田</last>"))), both);
    assert_eq!(found(&a.ask("set", &directory, &query("<last>ﾔﾏﾀﾞ</last><first>はなこ</first>"))), ["user2@localhost"]);
    let answer = a.ask("set", &directory, &query("<email>YT@</email>"));
    assert_eq!(answer.at("query/item/first").map(|first| first.text.as_str()), Some("太郎"), "{answer}");
    assert_eq!(found(&a.ask("set", &directory, &query("<last>山口</last>"))), Vec::<String>::new(), "unlisted");
    assert_eq!(found(&a.ask("set", &directory, &query("<nick>user4</nick>"))), Vec::<String>::new(), "disabled");
    let answer = a.ask("set", &directory, &submitted(&[("x-text", "03-1234-5678")]));
    let item = answer.at("query/x/item").unwrap_or_else(|| panic!("{answer}"));
    let jid = item.children.iter().find(|field| field.attr("var") == Some("jid")).and_then(|field| field.child("value"));
    assert_eq!(jid.map(|value| value.text.as_str()), Some("user2@localhost"));
    assert!(answer.at("query/x/reported").is_some());
}

#[test]
fn malformed_searches_are_refused() {
    let mut a = stage().online();
    let directory = format!("search.{}", stage().domain());
    let wrong = [
        (query(""), "not-acceptable"),
        (query("<first> </first>"), "not-acceptable"),
        (query("<first>a</first><shoe>42</shoe>"), "not-acceptable"),
        (query("<x xmlns='jabber:x:data' type='form'/>"), "bad-request"),
        (query("<x xmlns='jabber:x:data' type='submit'><field><value>a</value></field></x>"), "bad-request"),
        (submitted(&[("FORM_TYPE", "urn:other"), ("first", "a")]), "bad-request"),
        (query("<first>a</first><set xmlns='http://jabber.org/protocol/rsm'><max>many</max></set>"), "bad-request"),
        (query("<first>a</first><set xmlns='http://jabber.org/protocol/rsm'><before/></set>"), "feature-not-implemented"),
    ];
    for (payload, condition) in wrong {
        assert_eq!(a.ask("set", &directory, &payload).condition(), Some(condition), "{payload}");
    }
    assert_eq!(a.ask("set", &directory, &query("<x xmlns='jabber:x:data' type='cancel'/>")).attr("type"), Some("result"));
    for (kind, to) in [("get", format!("user1@{directory}")), ("get", format!("search.{directory}"))] {
        assert_error(&a.ask(kind, &to, &query("")), "cancel", "remote-server-not-found");
    }
    a.chat(&directory, "hello");
    a.hear(|e| e.is("message") && e.condition() == Some("service-unavailable"));
}

#[test]
fn an_answer_is_limited_and_can_be_read_on() {
    let stage = Stage::open(&[("people.results", 3.into()), ("people.search_details", false.into())], 8);
    let directory = format!("search.{}", stage.domain());
    let mut a = stage.online();
    let everybody = |set: &str| query(&format!("<nick>*</nick>{set}"));
    let first = a.ask("set", &directory, &everybody(""));
    assert_eq!(found(&first), ["user0@localhost", "user1@localhost", "user2@localhost"]);
    let last = first.at("query/set/last").unwrap_or_else(|| panic!("an answer that is cut says so: {first}")).text.clone();
    let set = |inner: &str| format!("<set xmlns='http://jabber.org/protocol/rsm'>{inner}</set>");
    let next = a.ask("set", &directory, &everybody(&set(&format!("<max>500</max><after>{last}</after>"))));
    assert_eq!(found(&next), ["user3@localhost", "user4@localhost", "user5@localhost"]);
    let rest = a.ask("set", &directory, &everybody(&set("<max>2</max><after>user5@localhost</after>")));
    assert_eq!(found(&rest), ["user6@localhost", "user7@localhost"]);
    assert!(!a.ask("get", &directory, &query("")).to_string().contains("email"), "mail addresses are not offered");
    assert_eq!(a.ask("set", &directory, &query("<email>a</email>")).condition(), Some("not-acceptable"));
}

#[test]
fn the_search_can_be_switched_off_while_the_node_runs() {
    let stage = Stage::open(&[], 2);
    let directory = format!("search.{}", stage.domain());
    let mut a = stage.online();
    assert_eq!(a.ask("get", &directory, &query("")).attr("type"), Some("result"));
    cli(&stage, &["settings", "set", "people.search", "false"]);
    assert_error(&a.ask("get", &directory, &query("")), "cancel", "remote-server-not-found");
    assert!(a.ask("get", stage.domain(), DISCO_ITEMS).at("query/item").is_none());
}

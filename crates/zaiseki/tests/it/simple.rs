//! The small requests: discovery, ping, version, time, private storage, last activity.

use zaiseki_model::limits;

use crate::support::*;

const INFO: &str = "<query xmlns='http://jabber.org/protocol/disco#info'/>";
const ITEMS: &str = "<query xmlns='http://jabber.org/protocol/disco#items'/>";

fn vars(answer: &Element) -> Vec<&str> {
    let query = answer.child("query").unwrap_or_else(|| panic!("{answer}"));
    query.children.iter().filter(|c| c.is("feature")).filter_map(|f| f.attr("var")).collect()
}

#[test]
fn pings_are_answered() {
    // XEP-0199 §4: by the server, the account, and the client that is asked.
    let mut a = stage().online();
    let (bare, mut b) = (a.bare.clone(), stage().online());
    for to in ["", "localhost", bare.as_str()] {
        assert_eq!(a.ask("get", to, "<ping xmlns='urn:xmpp:ping'/>").attr("type"), Some("result"), "{to}");
    }
    a.say(format!("<iq type='get' id='p' to='{}'><ping xmlns='urn:xmpp:ping'/></iq>", b.jid));
    b.hear(|e| e.is("iq") && e.child("ping").is_some() && e.attr("from") == Some(&a.jid));
}

#[test]
fn the_server_says_what_it_is_and_can() {
    let mut a = stage().online();
    let info = a.ask("get", "localhost", INFO);
    let query = info.child("query").expect("a query");
    let server = |e: &Element| e.is("identity") && e.attr("category") == Some("server") && e.attr("type") == Some("im");
    assert!(query.children.iter().any(server), "{info}");
    let features = vars(&info);
    for feature in [
        "http://jabber.org/protocol/disco#info",
        "http://jabber.org/protocol/disco#items",
        "urn:xmpp:ping",
        "urn:xmpp:time",
        "jabber:iq:version",
        "urn:xmpp:carbons:2",
        "urn:xmpp:blocking",
        "vcard-temp",
    ] {
        assert!(features.contains(&feature), "{feature}: {features:?}");
    }
    let mut sorted = features.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted.len(), features.len(), "XEP-0030 §3.1: no feature twice");
    assert_eq!(a.ask("get", "localhost", ITEMS).attr("type"), Some("result"));
    let unknown = a.ask("get", "localhost", "<query xmlns='http://jabber.org/protocol/disco#info' node='urn:none'/>");
    assert_error(&unknown, "cancel", "item-not-found");
}

#[test]
fn the_account_says_what_it_can() {
    let mut a = stage().online();
    let bare = a.bare.clone();
    let info = a.ask("get", &bare, INFO);
    let features = vars(&info);
    for feature in ["urn:xmpp:mam:2", "urn:xmpp:sid:0", "urn:xmpp:bookmarks:1#compat", "urn:xmpp:pep-vcard-conversion:0"] {
        assert!(features.contains(&feature), "{feature}: {features:?}");
    }
    let registered = |e: &Element| e.attr("category") == Some("account") && e.attr("type") == Some("registered");
    assert!(info.child("query").is_some_and(|q| q.children.iter().any(registered)), "XEP-0030 §3.1: {info}");
    let items = a.ask("get", &bare, ITEMS);
    assert!(items.child("query").is_some_and(|q| q.children.iter().any(|i| i.attr("jid") == Some(&a.jid))), "{items}");
}

#[test]
fn nobody_learns_whether_an_account_exists() {
    // XEP-0030 §8: strangers see of an account what they see of none.
    let (mut a, b) = (stage().online(), stage().online());
    for to in ["nobody@localhost", b.bare.as_str()] {
        let items = a.ask("get", to, ITEMS);
        assert_eq!(items.attr("type"), Some("result"), "{to}: {items}");
        assert_eq!(items.child("query").map(|q| q.children.len()), Some(0), "{to}: {items}");
        assert_error(&a.ask("get", to, INFO), "cancel", "service-unavailable");
        for payload in ["<query xmlns='jabber:iq:version'/>", "<time xmlns='urn:xmpp:time'/>", "<unknown xmlns='urn:example'/>"] {
            assert_error(&a.ask("get", to, payload), "cancel", "service-unavailable");
        }
    }
    for to in ["nobody@localhost/desk".to_owned(), format!("{}/other", b.bare)] {
        assert_error(&a.ask("get", &to, INFO), "cancel", "service-unavailable");
    }
}

#[test]
fn friends_may_look() {
    let (mut a, b) = stage().friends();
    assert!(vars(&a.ask("get", &b.bare, INFO)).contains(&"vcard-temp"));
    let items = a.ask("get", &b.bare, ITEMS);
    assert!(items.child("query").is_some_and(|q| q.children.iter().any(|i| i.attr("jid") == Some(&b.jid))), "{items}");
}

#[test]
fn version_and_time_are_told() {
    let mut a = stage().online();
    let version = a.ask("get", "localhost", "<query xmlns='jabber:iq:version'/>");
    let query = version.child("query").expect("a query");
    assert!(!query.child_text("name").is_empty() && !query.child_text("version").is_empty(), "{version}");
    let time = a.ask("get", "localhost", "<time xmlns='urn:xmpp:time'/>");
    let time = time.child("time").expect("a time");
    assert!(time.child_text("utc").ends_with('Z') && time.child_text("utc").starts_with("20"), "{time}");
    assert!(time.child_text("tzo") == "Z" || time.child_text("tzo").contains(':'), "{time}");
}

#[test]
fn private_documents_are_kept() {
    let mut a = stage().online();
    let get = "<query xmlns='jabber:iq:private'><prefs xmlns='urn:example:1'/></query>";
    let empty = a.get(get);
    assert_eq!(empty.at("query/prefs").map(|p| p.children.len()), Some(0), "XEP-0049 §3: {empty}");
    a.set("<query xmlns='jabber:iq:private'><prefs xmlns='urn:example:1'><a b='1&#10;2'>x</a></prefs></query>");
    a.set("<query xmlns='jabber:iq:private'><prefs xmlns='urn:example:2'>other</prefs></query>");
    let kept = a.get(get);
    let inner = kept.at("query/prefs/a").expect("an element");
    assert_eq!((inner.attr("b"), inner.text.as_str()), (Some("1\n2"), "x"));
    let mut b = stage().online();
    let to = a.bare.clone();
    assert_eq!(b.ask("get", &to, get).attr("type"), Some("error"));
    let large = "x".repeat(limits::DOCUMENT_BYTES);
    let error = a.ask("set", "", &format!("<query xmlns='jabber:iq:private'><l xmlns='urn:l'>{large}</l></query>"));
    assert_eq!(error.condition(), Some("policy-violation"), "{error}");
    assert_error(&a.ask("set", "", "<query xmlns='jabber:iq:private'/>"), "modify", "bad-request");
}

#[test]
fn private_documents_have_a_greatest_number() {
    let mut a = stage().online();
    let document = |ns: &str| format!("<query xmlns='jabber:iq:private'><d xmlns='{ns}'/></query>");
    // All at once, so that each has to count those before it.
    for number in 0..=limits::PRIVATE_DOCUMENTS {
        a.say(format!("<iq type='set' id='d{number}'>{}</iq>", document(&format!("urn:{number}"))));
    }
    for number in 0..limits::PRIVATE_DOCUMENTS {
        let id = format!("d{number}");
        assert_eq!(a.hear(|e| e.attr("id") == Some(&id)).attr("type"), Some("result"), "{number}");
    }
    assert_error(&a.hear(error_for(&format!("d{}", limits::PRIVATE_DOCUMENTS))), "wait", "resource-constraint");
    a.set(&document("urn:0"));
}

#[test]
fn last_activity_is_for_those_who_may_see() {
    let query = "<query xmlns='jabber:iq:last'/>";
    let (mut a, b) = stage().friends();
    let mut stranger = stage().online();
    let bare = b.bare.clone();
    assert_eq!(a.ask("get", &bare, query).child("query").and_then(|q| q.attr("seconds")), Some("0"));
    assert_error(&stranger.ask("get", &bare, query), "auth", "forbidden");
    let jid = b.jid.clone();
    b.leave();
    a.hear(presence("unavailable", &jid));
    let seconds = a.ask("get", &bare, query).child("query").and_then(|q| q.attr("seconds")?.parse::<u64>().ok());
    assert!(seconds.is_some_and(|s| s < 60), "{seconds:?}");
}

#[test]
fn the_session_request_of_old_clients_is_answered() {
    // RFC 3921 §3: many still send it.
    let mut a = stage().person().sign_in("desk");
    a.set("<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/>");
}

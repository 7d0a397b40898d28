//! Personal eventing (XEP-0163 over XEP-0060), who hears of it (XEP-0115), and bookmarks in it (XEP-0402).

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use zaiseki_model::limits;
use zaiseki_testkit::process::wait_for;

use crate::support::*;

const NICK: &str = "http://jabber.org/protocol/nick";
const BOOKMARKS: &str = "urn:xmpp:bookmarks:1";

fn nick(text: &str) -> String {
    format!("<nick xmlns='{NICK}'>{text}</nick>")
}

/// A publish request; `options`: name and value.
fn publish(node: &str, id: &str, payload: &str, options: &[(&str, &str)]) -> String {
    let id = if id.is_empty() { String::new() } else { format!(" id='{id}'") };
    let options = match options {
        [] => String::new(),
        options => format!("<publish-options>{}</publish-options>", form("publish-options", options)),
    };
    let item = format!("<publish node='{node}'><item{id}>{payload}</item></publish>");
    format!("<pubsub xmlns='http://jabber.org/protocol/pubsub'>{item}{options}</pubsub>")
}

fn form(kind: &str, fields: &[(&str, &str)]) -> String {
    let field = |(var, value): &(&str, &str)| format!("<field var='pubsub#{var}'><value>{value}</value></field>");
    let fields: String = fields.iter().map(field).collect();
    let form_type =
        format!("<field var='FORM_TYPE' type='hidden'><value>http://jabber.org/protocol/pubsub#{kind}</value></field>");
    format!("<x xmlns='jabber:x:data' type='submit'>{form_type}{fields}</x>")
}

fn pubsub(inside: &str) -> String {
    format!("<pubsub xmlns='http://jabber.org/protocol/pubsub'>{inside}</pubsub>")
}

fn owner(inside: &str) -> String {
    format!("<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'>{inside}</pubsub>")
}

/// The items of a node, or the error.
#[track_caller]
fn read(session: &mut Session, to: &str, node: &str) -> Result<Vec<Element>, Element> {
    let answer = session.ask("get", to, &pubsub(&format!("<items node='{node}'/>")));
    match answer.at("pubsub/items") {
        Some(items) if answer.attr("type") == Some("result") => Ok(items.children.clone()),
        _ => Err(answer),
    }
}

/// Their ids, sorted.
#[track_caller]
fn ids(session: &mut Session, to: &str, node: &str) -> Vec<String> {
    let items = read(session, to, node).unwrap_or_else(|error| panic!("{error}"));
    let mut ids: Vec<String> = items.iter().filter_map(|item| item.attr("id").map(str::to_owned)).collect();
    ids.sort();
    ids
}

/// A notification about this node.
fn event(node: &str) -> impl Fn(&Element) -> bool + '_ {
    move |e| about(e).is_some_and(|items| items.attr("node") == Some(node))
}

fn about(e: &Element) -> Option<&Element> {
    e.child_ns("event", "http://jabber.org/protocol/pubsub#event")?.children.first()
}

/// The hash of XEP-0115 §5 for one identity and these features.
fn verification(features: &[String]) -> String {
    let mut sorted = features.to_vec();
    sorted.sort();
    let text: String = sorted.iter().map(|f| format!("{f}<")).collect();
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, format!("client/pc//Test<{text}").as_bytes());
    BASE64.encode(hash)
}

/// Features of a client that wants to hear of these nodes, and of no other client.
fn features(session: &Session, nodes: &[&str]) -> Vec<String> {
    let notify = nodes.iter().map(|node| format!("{node}+notify"));
    notify.chain([format!("urn:example:{}", session.jid)]).collect()
}

fn claim(session: &mut Session, ver: &str) {
    session.show(&format!("<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:example:test' ver='{ver}'/>"));
}

/// Answers the server's question about the client's capabilities.
#[track_caller]
fn answer(session: &mut Session, features: &[String]) {
    let info = "http://jabber.org/protocol/disco#info";
    let asked = session.hear(|e| e.is("iq") && e.attr("type") == Some("get") && e.child_ns("query", info).is_some());
    let (id, from) = (asked.attr("id").unwrap_or_default(), asked.attr("from").unwrap_or_default());
    let node = asked.child("query").and_then(|q| q.attr("node")).unwrap_or_default();
    let features: String = features.iter().map(|f| format!("<feature var='{f}'/>")).collect();
    let identity = "<identity category='client' type='pc' name='Test'/>";
    session.say(format!(
        "<iq type='result' id='{id}' to='{from}'><query xmlns='{info}' node='{node}'>{identity}{features}</query></iq>"
    ));
}

/// From now on the session hears of these nodes.
#[track_caller]
fn listen(session: &mut Session, nodes: &[&str]) {
    let features = features(session, nodes);
    claim(session, &verification(&features));
    answer(session, &features);
    session.client.iq("get", Some(&session.domain()), "<ping xmlns='urn:xmpp:ping'/>").expect("an answer");
}

#[test]
fn those_who_want_to_hear_of_a_node_do() {
    let stage = stage();
    let (mut a, mut b) = stage.friends();
    let (mut deaf, mut stranger) = (stage.online(), stage.online());
    befriend(&mut deaf, &mut a);
    let own = Person { stage, name: a.bare.split('@').next().unwrap_or_default().to_owned(), jid: a.bare.clone() };
    let mut phone = own.online("phone");
    for session in [&mut b, &mut stranger, &mut phone] {
        listen(session, &[NICK]);
    }
    let published = a.set(&publish(NICK, "i1", &nick("Ann"), &[]));
    assert_eq!(published.at("pubsub/publish/item").and_then(|i| i.attr("id")), Some("i1"));
    for session in [&mut b, &mut phone] {
        let note = session.hear(event(NICK));
        assert_eq!(note.attr("from"), Some(a.bare.as_str()));
        let item = about(&note).and_then(|items| items.child("item")).expect("an item");
        assert_eq!((item.attr("id"), item.child_ns("nick", NICK).map(|n| n.text.as_str())), (Some("i1"), Some("Ann")));
    }
    deaf.hears_no(event(NICK));
    stranger.hears_no(event(NICK));
    a.set(&publish("urn:example:other", "i1", "<x xmlns='urn:example'/>", &[]));
    b.hears_no(event("urn:example:other"));
}

#[test]
fn who_comes_later_hears_the_last_item() {
    let (mut a, mut b) = stage().friends();
    a.set(&publish(NICK, "i1", &nick("old"), &[]));
    a.set(&publish(NICK, "i2", &nick("new"), &[]));
    listen(&mut b, &[NICK]);
    let note = b.hear(event(NICK));
    assert_eq!(about(&note).and_then(|i| i.child("item")).map(|i| i.child_text("nick")), Some("new"));
    b.hears_no(event(NICK));
}

#[test]
fn nothing_is_heard_of_the_blocked_nor_by_them() {
    // XEP-0191 §3.2: who was blocked while away learns nothing at the next sign-in either.
    let (mut a, mut b) = stage().friends();
    a.set(&publish(NICK, "i", &nick("Ann"), &[]));
    b.set(&publish(NICK, "i", &nick("Ben"), &[]));
    a.set(&format!("<block xmlns='urn:xmpp:blocking'><item jid='{}'/></block>", b.bare));
    let own = a.bare.clone();
    for (session, other) in [(&mut a, b.bare.clone()), (&mut b, own)] {
        listen(session, &[NICK]);
        let own = session.bare.clone();
        session.hear(|e| event(NICK)(e) && e.attr("from") == Some(own.as_str()));
        session.hears_no(|e| event(NICK)(e) && e.attr("from") == Some(other.as_str()));
    }
}

#[test]
fn who_never_answers_is_asked_once_for_each_claim() {
    let (mut a, mut b) = stage().friends();
    let info = "http://jabber.org/protocol/disco#info";
    let asked = |e: &Element| e.is("iq") && e.attr("type") == Some("get") && e.child_ns("query", info).is_some();
    claim(&mut b, "first");
    let first = b.hear(asked);
    claim(&mut b, "first");
    b.hears_no(asked);
    // The newest claim counts: an answer to the question before it comes too late.
    let honest = features(&b, &[NICK]);
    claim(&mut b, &verification(&honest));
    let late = format!("<query xmlns='{info}'><feature var='{NICK}+notify'/></query>");
    b.say(format!("<iq type='result' id='{}' to='localhost'>{late}</iq>", first.attr("id").unwrap_or_default()));
    b.heard();
    a.set(&publish(NICK, "i1", &nick("Ann"), &[]));
    b.hears_no(event(NICK));
}

#[test]
fn capabilities_are_believed_only_when_they_hash_right() {
    // XEP-0115 §8: whoever names somebody else's hash must not decide what it means.
    let (mut a, mut b) = stage().friends();
    let mut liar = stage().online();
    let honest = features(&b, &[NICK]);
    let ver = verification(&honest);
    claim(&mut liar, &ver);
    answer(&mut liar, &["urn:example:lie".to_owned()]);
    liar.heard();
    claim(&mut b, &ver);
    answer(&mut b, &honest);
    b.heard();
    a.set(&publish(NICK, "i1", &nick("Ann"), &[]));
    b.hear(event(NICK));
}

#[test]
fn access_follows_the_model() {
    let (mut a, mut friend) = stage().friends();
    let mut stranger = stage().online();
    let bare = a.bare.clone();
    let payload = "<x xmlns='urn:example'/>";
    for (node, model) in [("urn:p", "presence"), ("urn:o", "open"), ("urn:w", "whitelist")] {
        a.set(&publish(node, "i", payload, &[("access_model", model)]));
        assert_eq!(ids(&mut a, "", node), ["i"]);
    }
    a.set(&publish("urn:default", "i", payload, &[]));
    for node in ["urn:p", "urn:o", "urn:default"] {
        assert_eq!(ids(&mut friend, &bare, node), ["i"], "{node}");
    }
    assert_eq!(ids(&mut stranger, &bare, "urn:o"), ["i"]);
    for node in ["urn:p", "urn:default"] {
        let error = read(&mut stranger, &bare, node).expect_err("refused");
        assert_error(&error, "auth", "not-authorized");
        assert!(error.at("error/presence-subscription-required").is_some(), "XEP-0060 §6.5.9.5: {error}");
    }
    for session in [&mut friend, &mut stranger] {
        let error = read(session, &bare, "urn:w").expect_err("refused");
        assert_error(&error, "cancel", "not-allowed");
        assert!(error.at("error/closed-node").is_some(), "XEP-0060 §6.5.9.8: {error}");
    }
}

#[test]
fn options_are_conditions() {
    let mut a = stage().online();
    let payload = "<x xmlns='urn:example'/>";
    a.set(&publish("urn:n", "1", payload, &[("access_model", "whitelist"), ("max_items", "3")]));
    let error = a.ask("set", "", &publish("urn:n", "2", payload, &[("access_model", "open")]));
    assert_error(&error, "cancel", "conflict");
    assert!(error.at("error/precondition-not-met").is_some(), "XEP-0060 §7.1.5: {error}");
    for id in ["2", "3", "4"] {
        a.set(&publish("urn:n", id, payload, &[("access_model", "whitelist")]));
    }
    // What is too much goes right behind the publishing.
    let fits = wait_for("three items", PATIENCE, || (ids(&mut a, "", "urn:n") == ["2", "3", "4"]).then_some(()));
    fits.expect("the oldest goes");
    a.set(&publish("urn:one", "1", payload, &[("max_items", "1")]));
    a.set(&publish("urn:one", "2", payload, &[]));
    assert_eq!(ids(&mut a, "", "urn:one"), ["2"]);
}

#[test]
fn items_are_replaced_chosen_and_taken_back() {
    let (mut a, mut b) = stage().friends();
    listen(&mut b, &["urn:n"]);
    let bare = a.bare.clone();
    for (id, text) in [("1", "a"), ("2", "b"), ("1", "c")] {
        a.set(&publish("urn:n", id, &format!("<x xmlns='urn:example'>{text}</x>"), &[("max_items", "10")]));
        b.hear(event("urn:n"));
    }
    assert_eq!(ids(&mut b, &bare, "urn:n").len(), 2);
    let chosen = b.ask("get", &bare, &pubsub("<items node='urn:n'><item id='1'/></items>"));
    assert_eq!(chosen.at("pubsub/items/item").map(|i| i.child_text("x")), Some("c"));
    let newest = b.ask("get", &bare, &pubsub("<items node='urn:n' max_items='1'/>"));
    assert_eq!(newest.at("pubsub/items").map(|i| i.children.len()), Some(1));
    let retract = |id: &str| pubsub(&format!("<retract node='urn:n' notify='true'><item id='{id}'/></retract>"));
    a.set(&retract("1"));
    let note = b.hear(event("urn:n"));
    assert_eq!(about(&note).and_then(|i| i.child("retract")).and_then(|r| r.attr("id")), Some("1"));
    assert_error(&a.ask("set", "", &retract("1")), "cancel", "item-not-found");
    assert_eq!(ids(&mut a, "", "urn:n"), ["2"]);
}

const ALL: [(&str, &str); 1] = [("max_items", "max")];

/// A payload that the server stores in this many bytes.
fn sized(bytes: usize) -> String {
    let (open, close) = ("<x xmlns='urn:example'>", "</x>");
    format!("{open}{}{close}", "x".repeat(bytes - open.len() - close.len()))
}

/// The ids of one page as they come, and its `<set/>`.
#[track_caller]
fn page(session: &mut Session, inside: &str) -> (Vec<String>, Option<Element>) {
    let answer = session.ask("get", "", &pubsub(inside));
    let items = answer.at("pubsub/items").unwrap_or_else(|| panic!("{answer}"));
    let ids = items.children.iter().filter_map(|item| item.attr("id").map(str::to_owned)).collect();
    (ids, answer.at("pubsub/set").cloned())
}

fn rsm(inside: &str) -> String {
    format!("<set xmlns='http://jabber.org/protocol/rsm'>{inside}</set>")
}

#[test]
fn a_node_of_more_than_an_outbox_is_read_page_by_page() {
    let mut a = stage().online();
    let count = limits::OUTBOX_BYTES / limits::DOCUMENT_BYTES + 1;
    let names: Vec<String> = (0..count).map(|at| format!("i{at}")).collect();
    for id in &names {
        a.set(&publish("urn:big", id, &sized(limits::DOCUMENT_BYTES), &ALL));
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    for _ in 0..count {
        let (ids, set) = page(&mut a, &format!("<items node='urn:big'/>{after}"));
        let set = set.expect("a set, as the answer is not the whole node");
        assert_eq!(set.child_text("count"), count.to_string());
        assert_eq!(set.child("first").and_then(|f| f.attr("index")), Some(seen.len().to_string().as_str()));
        after = rsm(&format!("<after>{}</after>", set.child_text("last")));
        seen.extend(ids);
        if seen.len() >= count {
            break;
        }
    }
    seen.reverse();
    assert_eq!(seen, names, "newest first, each once");
}

#[test]
fn an_answer_holds_items_up_to_the_bound() {
    let mut a = stage().online();
    let part = limits::PEP_ANSWER_BYTES / 4;
    for id in ["1", "2", "3", "4"] {
        a.set(&publish("urn:n", id, &sized(part - 6), &ALL));
    }
    assert_eq!(page(&mut a, "<items node='urn:n'/>"), (["4", "3", "2", "1"].map(str::to_owned).to_vec(), None));
    a.set(&publish("urn:n", "4", &sized(part - 5), &ALL));
    let (ids, set) = page(&mut a, "<items node='urn:n'/>");
    assert_eq!(ids, ["4", "3", "2"]);
    assert_eq!(set.map(|set| set.child_text("count").to_owned()).as_deref(), Some("4"));
}

#[test]
fn pages_of_a_node() {
    let mut a = stage().online();
    for id in ["1", "2", "3", "4", "5"] {
        a.set(&publish("urn:n", id, "<x xmlns='urn:example'/>", &ALL));
    }
    let all = "<items node='urn:n'/>";
    let mut ids = |inside: &str| page(&mut a, inside).0.concat();
    assert_eq!(ids(&format!("{all}{}", rsm("<max>2</max>"))), "54");
    assert_eq!(ids(&format!("{all}{}", rsm("<max>2</max><after>4</after>"))), "32");
    assert_eq!(ids(&format!("{all}{}", rsm("<max>2</max><before/>"))), "21");
    assert_eq!(ids(&format!("{all}{}", rsm("<max>2</max><before>2</before>"))), "43");
    assert_eq!(ids(&format!("{all}{}", rsm("<after>1</after>"))), "");
    assert_eq!(ids(&format!("<items node='urn:n' max_items='3'/>{}", rsm("<after>5</after>"))), "43");
    assert_eq!(ids("<items node='urn:n'><item id='1'/><item id='4'/><item id='9'/></items>"), "41");
    assert_eq!(ids("<items node='urn:n' max_items='9999'/>"), "54321");
    let (none, set) = page(&mut a, &format!("{all}{}", rsm("<max>0</max>")));
    assert_eq!((none.len(), set.map(|set| set.child_text("count").to_owned()).as_deref()), (0, Some("5")));
    let gone = a.ask("get", "", &pubsub(&format!("{all}{}", rsm("<after>9</after>"))));
    assert_error(&gone, "cancel", "item-not-found");
    for max in ["0", "-1", "x"] {
        assert_error(&a.ask("get", "", &pubsub(&format!("<items node='urn:n' max_items='{max}'/>"))), "modify", "bad-request");
    }
    let by_index = a.ask("get", "", &pubsub(&format!("{all}{}", rsm("<index>1</index>"))));
    assert_error(&by_index, "cancel", "feature-not-implemented");
}

#[test]
fn nodes_are_made_configured_and_deleted() {
    let mut a = stage().online();
    let create = pubsub("<create node='urn:n'/>");
    a.set(&create);
    assert_error(&a.ask("set", "", &create), "cancel", "conflict");
    let configure = format!("<configure node='urn:n'>{}</configure>", form("node_config", &[("access_model", "open")]));
    a.set(&owner(&configure));
    let config = a.get(&owner("<configure node='urn:n'/>"));
    let fields = config.at("pubsub/configure/x").map(|x| x.children.clone()).unwrap_or_default();
    let model = fields.iter().find(|f| f.attr("var") == Some("pubsub#access_model"));
    assert_eq!(model.map(|m| m.child_text("value")), Some("open"), "{config}");
    a.set(&publish("urn:n", "i", "<x xmlns='urn:example'/>", &[]));
    a.set(&owner("<purge node='urn:n'/>"));
    assert_eq!(ids(&mut a, "", "urn:n"), [] as [&str; 0]);
    a.set(&owner("<delete node='urn:n'/>"));
    assert_error(&read(&mut a, "", "urn:n").expect_err("gone"), "cancel", "item-not-found");
    for gone in ["<purge node='urn:n'/>", "<delete node='urn:n'/>", "<configure node='urn:n'/>"] {
        assert_eq!(a.ask("set", "", &owner(gone)).attr("type"), Some("error"), "{gone}");
    }
}

#[test]
fn faults_have_their_errors() {
    let (mut a, b) = stage().friends();
    let payload = "<x xmlns='urn:example'/>";
    let made = a.set(&publish("urn:n", "", payload, &[]));
    let id = made.at("pubsub/publish/item").and_then(|i| i.attr("id")).expect("an id of the server's");
    assert!(!id.is_empty());
    let large = format!("<x xmlns='urn:example'>{}</x>", "x".repeat(limits::DOCUMENT_BYTES));
    for (request, condition, detail) in [
        (publish("", "i", payload, &[]), "bad-request", "nodeid-required"),
        (publish("urn:n", "i", &format!("{payload}{payload}"), &[]), "bad-request", "invalid-payload"),
        (publish("urn:n", "i", "", &[]), "bad-request", ""),
        (pubsub("<publish node='urn:n'><item/><item/></publish>"), "bad-request", ""),
        (publish("urn:n", "i", &large, &[]), "not-acceptable", "payload-too-big"),
        (pubsub("<retract node='urn:n'/>"), "bad-request", "item-required"),
        (pubsub("<retract node='urn:none'><item id='i'/></retract>"), "item-not-found", ""),
        (pubsub("<subscribe node='urn:n' jid='x@localhost'/>"), "feature-not-implemented", "unsupported"),
    ] {
        let error = a.ask("set", "", &request);
        assert!(error.at(&format!("error/{condition}")).is_some(), "{condition}: {error}");
        assert!(detail.is_empty() || error.at(&format!("error/{detail}")).is_some(), "{detail}: {error}");
    }
    for request in [publish("urn:n", "i", payload, &[]), owner("<delete node='urn:n'/>")] {
        assert_error(&a.ask("set", &b.bare, &request), "auth", "forbidden");
    }
}

#[test]
fn a_user_has_a_greatest_number_of_nodes() {
    let mut a = stage().online();
    for number in 0..limits::PEP_NODES {
        a.set(&publish(&format!("urn:n:{number}"), "i", "<x xmlns='urn:example'/>", &[]));
    }
    let error = a.ask("set", "", &publish("urn:n:more", "i", "<x xmlns='urn:example'/>", &[]));
    assert_eq!(error.condition(), Some("resource-constraint"), "{error}");
    a.set(&publish("urn:n:0", "j", "<x xmlns='urn:example'/>", &[]));
}

#[test]
fn the_account_says_that_it_has_eventing() {
    let (mut a, mut b) = stage().friends();
    a.set(&publish("urn:n", "i", "<x xmlns='urn:example'/>", &[]));
    let bare = a.bare.clone();
    let info = b.ask("get", &bare, "<query xmlns='http://jabber.org/protocol/disco#info'/>");
    let query = info.child("query").expect("a query");
    let pep = |e: &Element| e.attr("category") == Some("pubsub") && e.attr("type") == Some("pep");
    assert!(query.children.iter().any(pep), "XEP-0163 §6: {info}");
    for feature in ["publish", "auto-create", "publish-options", "filtered-notifications", "access-whitelist", "persistent-items"]
    {
        let var = format!("http://jabber.org/protocol/pubsub#{feature}");
        assert!(query.children.iter().any(|f| f.attr("var") == Some(&var)), "{var}");
    }
    let items = b.ask("get", &bare, "<query xmlns='http://jabber.org/protocol/disco#items'/>");
    assert!(items.child("query").is_some_and(|q| q.children.iter().any(|i| i.attr("node") == Some("urn:n"))), "{items}");
}

/// A bookmark of XEP-0402.
fn bookmark(name: &str) -> String {
    format!("<conference xmlns='{BOOKMARKS}' name='{name}' autojoin='true'><nick>Ann</nick></conference>")
}

#[test]
fn bookmarks_are_one_whatever_the_client_knows() {
    let (mut a, mut b) = stage().friends();
    let own = Person { stage: stage(), name: a.bare.split('@').next().unwrap_or_default().to_owned(), jid: a.bare.clone() };
    let mut phone = own.online("phone");
    listen(&mut phone, &[BOOKMARKS]);
    let options =
        [("persist_items", "true"), ("max_items", "max"), ("send_last_published_item", "never"), ("access_model", "whitelist")];
    a.set(&publish(BOOKMARKS, "one@rooms.example", &bookmark("One"), &options));
    phone.hear(event(BOOKMARKS));
    let storage = a.get("<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'/></query>");
    let conference = storage.at("query/storage/conference").expect("a bookmark");
    assert_eq!((conference.attr("jid"), conference.attr("name")), (Some("one@rooms.example"), Some("One")));
    assert_eq!((conference.attr("autojoin"), conference.child_text("nick")), (Some("true"), "Ann"));

    let two = "<conference jid='two@rooms.example' name='Two'/>";
    a.set(&format!("<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'>{two}</storage></query>"));
    assert_eq!(ids(&mut a, "", BOOKMARKS), ["two@rooms.example"]);
    let notes = phone.heard();
    assert!(notes.iter().any(|e| event(BOOKMARKS)(e) && about(e).is_some_and(|i| i.child("retract").is_some())), "{notes:?}");
    let bare = a.bare.clone();
    assert!(read(&mut b, &bare, BOOKMARKS).is_err(), "bookmarks are private");
}

#[test]
fn names_have_a_greatest_length() {
    let mut a = stage().online();
    let fits = "i".repeat(limits::PEP_NAME_BYTES);
    a.set(&publish(&fits, &fits, &nick("Ann"), &[]));
    let error = a.ask("set", "", &publish(NICK, &format!("{fits}i"), &nick("Ann"), &[]));
    assert_error(&error, "modify", "not-acceptable");
    let error = a.ask("set", "", &publish(&format!("{fits}i"), "i", &nick("Ann"), &[]));
    assert_error(&error, "modify", "bad-request");
}

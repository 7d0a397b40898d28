//! The message archive (XEP-0313), its paging (XEP-0059) and its preferences (XEP-0441).

use zaiseki_model::limits;

use crate::support::*;

/// One page of results.
struct Page {
    ids: Vec<String>,
    bodies: Vec<String>,
    /// `<message><result/></message>` as they came.
    results: Vec<Element>,
    complete: bool,
    set: Element,
}

/// `fields`: name and value of the form; `set`: the inside of RSM's `<set/>`.
#[track_caller]
fn ask(session: &mut Session, fields: &[(&str, &str)], set: &str, more: &str) -> Element {
    let field = |(var, value): &(&str, &str)| format!("<field var='{var}'><value>{value}</value></field>");
    let fields: String = fields.iter().map(field).collect();
    let form_type = "<field var='FORM_TYPE' type='hidden'><value>urn:xmpp:mam:2</value></field>";
    let form = format!("<x xmlns='jabber:x:data' type='submit'>{form_type}{fields}</x>");
    let set = format!("<set xmlns='http://jabber.org/protocol/rsm'>{set}</set>");
    session.ask("set", "", &format!("<query xmlns='urn:xmpp:mam:2' queryid='q&amp;1'>{form}{set}{more}</query>"))
}

#[track_caller]
fn page(session: &mut Session, fields: &[(&str, &str)], set: &str) -> Page {
    page_with(session, fields, set, "")
}

#[track_caller]
fn page_with(session: &mut Session, fields: &[(&str, &str)], set: &str, more: &str) -> Page {
    session.heard();
    let answer = ask(session, fields, set, more);
    let fin = answer.child_ns("fin", "urn:xmpp:mam:2").unwrap_or_else(|| panic!("{answer}"));
    let results: Vec<Element> =
        session.heard().into_iter().filter(|e| e.child_ns("result", "urn:xmpp:mam:2").is_some()).collect();
    let inner = |e: &Element| e.at("result").cloned().expect("a result");
    assert!(results.iter().all(|r| inner(r).attr("queryid") == Some("q&1")), "{results:?}");
    Page {
        ids: results.iter().filter_map(|r| inner(r).attr("id").map(str::to_owned)).collect(),
        bodies: results.iter().filter_map(|r| r.at("result/forwarded/message/body")).map(|b| b.text.clone()).collect(),
        results,
        complete: fin.attr("complete") == Some("true"),
        set: fin.child_ns("set", "http://jabber.org/protocol/rsm").cloned().expect("a set"),
    }
}

/// Messages 0 to 19 with one contact, every second one sent by the owner, then 20 to 24 from another.
struct Archive {
    owner: Session,
    contact: Session,
    other: Session,
}

fn archive() -> Archive {
    let mut archive = Archive { owner: stage().online(), contact: stage().online(), other: stage().online() };
    let Archive { owner, contact, other } = &mut archive;
    for number in 0..20 {
        let (from, to) = if number % 2 == 0 { (&mut *contact, &mut *owner) } else { (&mut *owner, &mut *contact) };
        from.chat(&to.jid, &number.to_string());
        to.hear(body(&number.to_string()));
    }
    for number in 20..25 {
        other.chat(&owner.bare, &number.to_string());
        owner.hear(body(&number.to_string()));
    }
    archive
}

fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

#[test]
fn everything_is_there_in_order() {
    let Archive { mut owner, contact, .. } = archive();
    let all = page(&mut owner, &[], "");
    assert_eq!(all.bodies, numbers(0..25));
    assert!(all.complete);
    assert_eq!(all.set.child_text("count"), "25");
    assert_eq!((all.set.child_text("first"), all.set.child_text("last")), (all.ids[0].as_str(), all.ids[24].as_str()));
    assert_eq!(all.set.child("first").and_then(|f| f.attr("index")), Some("0"));
    let result = &all.results[1];
    assert!(result.attr("from").is_none_or(|from| from == owner.bare), "{result}");
    let message = result.at("result/forwarded/message").expect("a message");
    assert_eq!(message.ns, "jabber:client");
    assert_eq!((message.attr("from"), message.attr("to")), (Some(owner.jid.as_str()), Some(contact.jid.as_str())));
    let delay = result.at("result/forwarded/delay").expect("a stamp");
    assert!(delay.attr("stamp").is_some_and(|s| s.ends_with('Z')), "{delay}");
}

#[test]
fn the_id_of_a_result_is_the_stanza_id_seen_live() {
    let (mut a, mut b) = stage().friends();
    a.chat(&b.jid, "live");
    let live = b.hear(body("live"));
    let id = live.child_ns("stanza-id", "urn:xmpp:sid:0").and_then(|i| i.attr("id")).expect("an id").to_owned();
    assert_eq!(page(&mut b, &[], "").ids, [id]);
    assert_eq!(page(&mut a, &[], "").bodies, ["live"]);
}

#[test]
fn paging_forwards_and_backwards_meets_everything_once() {
    let Archive { mut owner, .. } = archive();
    let (mut forwards, mut set) = (Vec::new(), "<max>10</max>".to_owned());
    for number in 0.. {
        let page = page(&mut owner, &[], &set);
        assert_eq!(page.complete, number == 2);
        assert_eq!(page.set.child("first").and_then(|f| f.attr("index")), Some((number * 10).to_string().as_str()));
        forwards.extend(page.bodies);
        if page.complete {
            break;
        }
        set = format!("<max>10</max><after>{}</after>", page.set.child_text("last"));
    }
    assert_eq!(forwards, numbers(0..25));

    let (mut backwards, mut set) = (Vec::new(), "<max>10</max><before/>".to_owned());
    loop {
        let page = page(&mut owner, &[], &set);
        backwards.splice(0..0, page.bodies);
        if page.complete {
            break;
        }
        set = format!("<max>10</max><before>{}</before>", page.set.child_text("first"));
    }
    assert_eq!(backwards, numbers(0..25));
    let exact = page(&mut owner, &[], "<max>25</max>");
    assert!(exact.complete && exact.bodies.len() == 25);
}

#[test]
fn a_page_can_be_turned_over() {
    let Archive { mut owner, .. } = archive();
    let normal = page(&mut owner, &[], "<max>3</max><before/>");
    let flipped = page_with(&mut owner, &[], "<max>3</max><before/>", "<flip-page/>");
    assert_eq!(normal.bodies, ["22", "23", "24"]);
    assert_eq!(flipped.bodies, ["24", "23", "22"]);
    // What the page is made of stays the same (§4.3.1): only its order on the way differs.
    let next = format!("<max>3</max><before>{}</before>", normal.set.child_text("first"));
    assert_eq!(page(&mut owner, &[], &next).bodies, ["19", "20", "21"]);
}

#[test]
fn results_are_filtered_by_contact_and_time() {
    let Archive { mut owner, contact, other } = archive();
    assert_eq!(page(&mut owner, &[("with", &contact.bare)], "").bodies, numbers(0..20));
    assert_eq!(page(&mut owner, &[("with", &other.jid)], "").bodies, numbers(20..25));
    assert_eq!(page(&mut owner, &[("with", &format!("{}/elsewhere", other.bare))], "").bodies, numbers(0..0));
    assert_eq!(page(&mut owner, &[("with", "nobody@localhost")], "").set.child_text("count"), "0");

    let all = page(&mut owner, &[], "");
    let stamp = |n: usize| all.results[n].at("result/forwarded/delay").and_then(|d| d.attr("stamp")).expect("a stamp").to_owned();
    assert_eq!(page(&mut owner, &[("start", &stamp(15))], "").bodies, numbers(15..25));
    assert_eq!(page(&mut owner, &[("end", &stamp(4))], "").bodies, numbers(0..5));
    let window = page(&mut owner, &[("start", &stamp(3)), ("end", &stamp(21)), ("with", &contact.bare)], "<max>5</max>");
    assert_eq!((window.bodies, window.set.child_text("count")), (numbers(3..8), "17"));
    assert_eq!(page(&mut owner, &[("end", "2001-01-01T00:00:00Z")], "").bodies, numbers(0..0));
    assert_eq!(page(&mut owner, &[("start", "2999-01-01T00:00:00+09:00")], "").bodies, numbers(0..0));
}

#[test]
fn results_are_chosen_by_id() {
    let Archive { mut owner, .. } = archive();
    let all = page(&mut owner, &[], "").ids;
    assert_eq!(page(&mut owner, &[("after-id", &all[20])], "").bodies, numbers(21..25));
    assert_eq!(page(&mut owner, &[("before-id", &all[2])], "").bodies, numbers(0..2));
    assert_eq!(page(&mut owner, &[("after-id", &all[4]), ("before-id", &all[9])], "<max>2</max>").bodies, numbers(5..7));
    // The form says what the result is, RSM which page of it: a client pages through a gap, and the count is the gap's.
    let gap = [("after-id", all[4].as_str()), ("before-id", all[9].as_str())];
    let first = page(&mut owner, &gap, "<max>2</max>");
    assert_eq!((first.set.child_text("count"), first.complete), ("4", false));
    assert_eq!(first.set.child("first").and_then(|f| f.attr("index")), Some("0"));
    let rest = page(&mut owner, &gap, &format!("<max>2</max><after>{}</after>", first.ids[1]));
    assert_eq!((rest.bodies, rest.set.child_text("count"), rest.complete), (numbers(7..9), "4", true));
    let last = page(&mut owner, &gap, "<max>2</max><before/>");
    assert_eq!((last.bodies, last.set.child_text("count")), (numbers(7..9), "4"));
    let ids = format!("{}</value><value>{}", all[7], all[3]);
    assert_eq!(page(&mut owner, &[("ids", &ids)], "").bodies, ["3", "7"]);
    let missing = format!("{}</value><value>12345", all[7]);
    for (field, value) in [("ids", missing.as_str()), ("before-id", "12345"), ("after-id", "unknown")] {
        assert_error(&ask(&mut owner, &[(field, value)], "", ""), "cancel", "item-not-found");
    }
}

#[test]
fn counting_needs_no_messages() {
    let Archive { mut owner, .. } = archive();
    let counted = page(&mut owner, &[], "<max>0</max>");
    assert_eq!((counted.bodies.len(), counted.set.child_text("count"), counted.complete), (0, "25", false));
}

#[test]
fn queries_with_faults_are_refused_and_do_no_harm() {
    let Archive { mut owner, .. } = archive();
    for set in [
        "<after>unknown</after>",
        "<before>1</before>",
        "<after>&apos; OR 1=1 --</after>",
        "<after>-1</after>",
        "<before>99999999999999999999999</before>",
        "<after>&quot;;DROP TABLE archive</after>",
    ] {
        assert_error(&ask(&mut owner, &[], set, ""), "cancel", "item-not-found");
    }
    for max in ["x", "-1", "", "1.5", "99999999999999999999999999"] {
        assert_error(&ask(&mut owner, &[], &format!("<max>{max}</max>"), ""), "modify", "bad-request");
    }
    assert_error(&ask(&mut owner, &[], "<max>2</max><index>0</index>", ""), "cancel", "feature-not-implemented");
    for (field, value) in [("start", "yesterday"), ("end", "2020-13-01T00:00:00Z"), ("with", "@@"), ("FORM_TYPE", "urn:example")]
    {
        assert_error(&ask(&mut owner, &[(field, value)], "", ""), "modify", "bad-request");
    }
    let unknown = ask(&mut owner, &[("{urn:example}mood", "x")], "", "");
    assert_eq!(unknown.condition(), Some("feature-not-implemented"), "§4.1.4: {unknown}");
    assert_eq!(page(&mut owner, &[], "<max>1</max>").set.child_text("count"), "25");
}

#[test]
fn a_page_has_a_greatest_size() {
    let (mut a, mut b) = (stage().online(), stage().online());
    let count = limits::PAGE_ITEMS + 1;
    let text: String = (0..count).map(|n| format!("<message to='{}' type='chat'><body>{n}</body></message>", b.jid)).collect();
    a.say(text);
    b.hear(body(&(count - 1).to_string()));
    let huge = page(&mut b, &[], "<max>100000</max>");
    assert_eq!((huge.bodies.len(), huge.complete), (limits::PAGE_ITEMS, false));
    let default = page(&mut b, &[], "");
    assert_eq!(default.bodies.len(), limits::PAGE_ITEMS_DEFAULT);
}

#[test]
fn the_form_and_the_ends_can_be_asked_for() {
    let Archive { mut owner, .. } = archive();
    let form = owner.get("<query xmlns='urn:xmpp:mam:2'/>");
    let fields: Vec<&str> = form.at("query/x").into_iter().flat_map(|x| &x.children).filter_map(|f| f.attr("var")).collect();
    for field in ["FORM_TYPE", "with", "start", "end", "before-id", "after-id", "ids"] {
        assert!(fields.contains(&field), "{field}: {form}");
    }
    let metadata = owner.get("<metadata xmlns='urn:xmpp:mam:2'/>");
    let all = page(&mut owner, &[], "").ids;
    let end = |name: &str| metadata.at("metadata").and_then(|m| m.child(name)).and_then(|e| e.attr("id"));
    assert_eq!((end("start"), end("end")), (all.first().map(String::as_str), all.last().map(String::as_str)));
    let empty = stage().online().get("<metadata xmlns='urn:xmpp:mam:2'/>");
    assert_eq!(empty.at("metadata").map(|m| m.children.len()), Some(0), "{empty}");
}

#[test]
fn only_conversation_is_archived() {
    let (mut a, mut b) = (stage().online(), stage().online());
    for (kind, content) in [
        ("headline", "<body>news</body>"),
        ("groupchat", "<body>room</body>"),
        ("chat", "<composing xmlns='http://jabber.org/protocol/chatstates'/>"),
        ("chat", "<body>secret</body><no-store xmlns='urn:xmpp:hints'/>"),
        ("normal", "<body>letter</body>"),
        ("chat", "<body>talk</body>"),
    ] {
        a.say(format!("<message to='{}' type='{kind}'>{content}</message>", b.jid));
    }
    b.hear(body("talk"));
    assert_eq!(page(&mut b, &[], "").bodies, ["letter", "talk"]);
}

#[test]
fn a_note_to_oneself_is_there_once() {
    let mut a = stage().online();
    let bare = a.bare.clone();
    a.chat(&bare, "note");
    a.hear(body("note"));
    assert_eq!(page(&mut a, &[], "").bodies, ["note"]);
}

#[test]
fn an_archive_is_its_owners() {
    let (mut a, b) = stage().friends();
    let error = a.ask("set", &b.bare, "<query xmlns='urn:xmpp:mam:2'/>");
    assert_eq!(error.attr("type"), Some("error"), "{error}");
    a.hears_no(|e| e.child("result").is_some());
    let prefs = "<prefs xmlns='urn:xmpp:mam:2' default='never'><always/><never/></prefs>";
    assert_eq!(a.ask("set", &b.bare, prefs).attr("type"), Some("error"));
}

#[test]
fn a_user_may_do_without_an_archive() {
    let (mut a, mut b) = (stage().online(), stage().online());
    let prefs = |default: &str| format!("<prefs xmlns='urn:xmpp:mam:2' default='{default}'><always/><never/></prefs>");
    let default = |answer: Element| answer.at("prefs").and_then(|p| p.attr("default")).map(str::to_owned);
    assert_eq!(default(b.get("<prefs xmlns='urn:xmpp:mam:2'/>")).as_deref(), Some("always"));
    assert_error(&b.ask("set", "", &prefs("sometimes")), "modify", "bad-request");
    assert_eq!(default(b.set(&prefs("never"))).as_deref(), Some("never"));
    a.chat(&b.jid, "off the record");
    b.hear(body("off the record"));
    assert_eq!(default(b.set(&prefs("always"))).as_deref(), Some("always"));
    a.chat(&b.jid, "on the record");
    b.hear(body("on the record"));
    assert_eq!(page(&mut b, &[], "").bodies, ["on the record"]);
    assert_eq!(page(&mut a, &[], "").bodies, ["off the record", "on the record"]);
}

#[test]
fn a_domain_may_do_without_archives() {
    let stage = Stage::open(&[("archive", false.into())], 3);
    let (mut a, b) = (stage.online(), stage.person());
    a.chat(&b.jid, "kept until read");
    a.heard();
    let mut b = b.online("desk");
    b.hear(body("kept until read"));
    assert_eq!(page(&mut b, &[], "").bodies, [] as [&str; 0]);
    assert_eq!(page(&mut a, &[], "").bodies, [] as [&str; 0]);
}

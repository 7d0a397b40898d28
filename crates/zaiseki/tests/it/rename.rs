//! A user gets another name while contacts are there.

use crate::people::cli;
use crate::support::*;

const MAM: &str = "urn:xmpp:mam:2";

/// Bodies of the archived messages with this address.
#[track_caller]
fn archived(session: &mut Session, with: &str) -> Vec<String> {
    let field = |var: &str, value: &str| format!("<field var='{var}'><value>{value}</value></field>");
    let form = format!("<x xmlns='jabber:x:data' type='submit'>{}{}</x>", field("FORM_TYPE", MAM), field("with", with));
    session.set(&format!("<query xmlns='{MAM}'>{form}</query>"));
    let results = session.heard();
    let body = |e: &Element| e.at("result/forwarded/message/body").map(|body| body.text.clone());
    results.iter().filter_map(body).collect()
}

/// Waits until the archive has so many messages.
#[track_caller]
fn archived_so_many(session: &mut Session, with: &str, count: usize) -> Vec<String> {
    let found = zaiseki_testkit::process::wait_for("the archive", PATIENCE, || {
        Some(archived(session, with)).filter(|found| found.len() == count)
    });
    found.unwrap_or_else(|error| panic!("{error:#}: {:?}", archived(session, with)))
}

#[test]
fn a_renamed_user_keeps_contacts_and_archive() {
    let person = stage().person();
    let (mut a, mut b) = (person.online("desk"), stage().online());
    befriend(&mut a, &mut b);
    b.set(&format!("<query xmlns='jabber:iq:roster'><item jid='{}' name='Anna'><group>同僚</group></item></query>", a.bare));
    b.chat(&a.jid, "before");
    a.hear(body("before"));
    a.chat(&b.jid, "yes");
    b.hear(body("yes"));
    archived_so_many(&mut b, &a.bare, 2);
    b.heard();
    let (old, name) = (a.bare.clone(), format!("{}new", person.name));
    let new = format!("{name}@{}", a.domain());
    assert_eq!(cli(stage(), &["user", "rename", &person.name, &name])["address"], new.as_str());
    // The session of the old address ends; the contact's list follows at once.
    assert_eq!(a.hear(|e| e.is("error")).condition(), Some("not-authorized"));
    b.hear(presence("unavailable", &a.jid));
    assert_eq!(b.pushed(&old).attr("subscription"), Some("remove"));
    let item = b.pushed(&new);
    assert_eq!((item.attr("subscription"), item.attr("name")), (Some("both"), Some("Anna")), "{item}");
    assert_eq!(item.child_text("group"), "同僚");
    // Presence and messages go on under the new address, and the subscription holds in both directions.
    let person = Person { name, jid: new.clone(), ..person };
    let mut a = person.online("desk");
    b.hear(presence("", &a.jid));
    a.hear(presence("", &b.jid));
    assert_eq!(a.contact(&b.bare).as_ref().and_then(|item| item.attr("subscription")), Some("both"));
    b.chat(&new, "after");
    a.hear(body("after"));
    // Both archives know all of it: the contact's under the new address.
    assert_eq!(archived_so_many(&mut b, &new, 3), ["before", "yes", "after"]);
    assert_eq!(archived(&mut b, &old), [] as [&str; 0]);
    let bare = b.bare.clone();
    assert_eq!(archived_so_many(&mut a, &bare, 3), ["before", "yes", "after"]);
}

#[test]
fn the_old_address_leads_to_the_new_one_until_it_is_taken() {
    let (person, mut b) = (stage().person(), stage().online());
    let name = format!("{}new", person.name);
    cli(stage(), &["user", "rename", &person.name, &name]);
    let moved = format!("xmpp:{name}@{}", b.domain());
    b.say(format!("<message to='{}' type='chat' id='m'><body>there?</body></message>", person.jid));
    let error = b.hear(error_for("m"));
    assert_error(&error, "cancel", "gone");
    assert_eq!(error.at("error/gone").map(|gone| gone.text.as_str()), Some(moved.as_str()));
    b.say(format!("<presence to='{}' type='subscribe' id='s'/>", person.jid));
    assert_error(&b.hear(error_for("s")), "cancel", "gone");
    assert_error(&b.ask("get", &person.jid, "<vCard xmlns='vcard-temp'/>"), "cancel", "gone");
    // Somebody else gets the name: it leads there.
    cli(stage(), &["user", "add", &person.name, "--no-password"]);
    b.chat(&person.jid, "who are you?");
    b.hears_no(|e| e.attr("type") == Some("error"));
    assert_eq!(cli(stage(), &["user", "show", &name])["name"], name.as_str());
}

#[test]
fn who_is_blocked_stays_blocked_under_another_name() {
    let person = stage().person();
    let (mut a, mut b) = (person.online("desk"), stage().online());
    b.get("<blocklist xmlns='urn:xmpp:blocking'/>");
    b.set(&format!("<block xmlns='urn:xmpp:blocking'><item jid='{}'/></block>", a.bare));
    a.heard();
    let name = format!("{}new", person.name);
    cli(stage(), &["user", "rename", &person.name, &name]);
    let new = format!("{name}@{}", b.domain());
    let pushed = b.hear(|e| e.at("block/item").is_some_and(|item| item.attr("jid") == Some(&*new)));
    assert_eq!(pushed.attr("type"), Some("set"));
    let mut a = Person { name, jid: new, ..person }.online("desk");
    a.say(format!("<message to='{}' type='chat' id='m'><body>let me in</body></message>", b.bare));
    assert_error(&a.hear(error_for("m")), "cancel", "service-unavailable");
}

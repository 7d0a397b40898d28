//! A user gets another name while contacts are there.

use crate::people::cli;
use crate::sign_in::{LDAP_PASSWORD, by_ldap, directory, person};
use crate::support::*;
use zaiseki_testkit::xmpp_client::{Account, Client, Mechanism, Security};

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
pub fn archived_so_many(session: &mut Session, with: &str, count: usize) -> Vec<String> {
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
    assert_eq!(a.hear(|e| e.is("error")).condition(), Some("reset"));
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

/// Two people of a directory get each other's user id between two synchronisations.
#[test]
fn people_who_exchange_their_user_ids_stay_who_they_are() {
    let slapd = directory();
    let stage = Stage::of(by_ldap(&slapd, 0));
    let endpoint = stage.node.endpoint(Security::StartTls).expect("an endpoint");
    let online = |user: &'static str, password| {
        let account = Account { user, password, mechanism: Mechanism::Plain };
        let client = Client::sign_in_to(&endpoint, account, "desk").expect("signed in");
        let mut session = Session::new(client, &format!("{user}@{}", stage.domain()), stage.domain());
        session.show("");
        session
    };
    let (mut anna, mut ben, mut local) = (online("anna", LDAP_PASSWORD), online("ben", LDAP_PASSWORD), online("local", PASSWORD));
    let (first, second) = (anna.bare.clone(), ben.bare.clone());
    for (friend, name) in [(&mut anna, "Anna"), (&mut ben, "Ben")] {
        befriend(&mut local, friend);
        local.set(&format!("<query xmlns='jabber:iq:roster'><item jid='{}' name='{name}'/></query>", friend.bare));
        local.chat(&friend.bare.clone(), name);
        friend.hear(body(name));
    }
    anna.chat(&second, "from Anna");
    ben.hear(body("from Anna"));
    archived_so_many(&mut local, &second, 1);
    let id = |name: &str| cli(&stage, &["user", "show", name])["id"].clone();
    let ids = (id("anna"), id("ben"));
    let rename = |from: &str, to: &str| {
        let from = person(from).dn();
        slapd.modify(&format!("dn: {from}\nchangetype: modrdn\nnewrdn: uid={to}\ndeleteoldrdn: 1\n\n")).expect("renamed");
    };
    rename("anna", "aside");
    rename("ben", "anna");
    rename("aside", "ben");
    let report = cli(&stage, &["directory", "sync", "tree"]);
    assert_eq!((&report["renamed"], &report["problems"]), (&2.into(), &0.into()), "{report}");
    assert_eq!((id("ben"), id("anna")), ids);

    // Their sessions end; their contact's client begins anew, with the right addresses.
    for session in [&mut anna, &mut ben, &mut local] {
        assert_eq!(session.hear(|e| e.is("error")).condition(), Some("reset"));
    }
    let mut local = online("local", PASSWORD);
    for (address, name) in [(&first, "Ben"), (&second, "Anna")] {
        let item = local.contact(address).expect("an item");
        assert_eq!((item.attr("name"), item.attr("subscription")), (Some(name), Some("both")), "{item}");
        assert_eq!(archived_so_many(&mut local, address, 1), [name]);
    }
    // Whoever is Anna has her archive and presence under the address that was Ben's.
    let (mut anna, mut ben) = (online("ben", LDAP_PASSWORD), online("anna", LDAP_PASSWORD));
    local.hear(presence("", &anna.jid));
    assert_eq!(archived_so_many(&mut anna, &first, 1), ["from Anna"]);
    assert_eq!(archived_so_many(&mut ben, &second, 1), ["from Anna"]);
    local.chat(&second, "for Anna");
    anna.hear(body("for Anna"));
}

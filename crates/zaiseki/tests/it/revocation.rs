//! Whoever may not sign in any more is out: sessions by every way in, and streams that could be resumed.

use crate::sign_in::{LDAP_PASSWORD, by_ldap, cli, directory, person};
use crate::support::*;
use crate::web_door::{Bosh, signed_in_websocket};
use std::time::{Duration, Instant};
use zaiseki_testkit::xmpp_client::{Account, Client, Mechanism, Security};

/// From the answer to the administrator until the last session is out.
const LIMIT: Duration = Duration::from_secs(2);

/// What an administrator does, and the way back.
struct Change {
    command: &'static [&'static str],
    input: &'static str,
    back: &'static [&'static str],
    /// The password afterwards.
    password: &'static str,
}

const CHANGES: [Change; 4] = [
    Change { command: &["disable"], input: "", back: &["enable"], password: PASSWORD },
    Change { command: &["im-disable"], input: "", back: &["im-enable"], password: PASSWORD },
    Change { command: &["set-password", "--password-stdin"], input: "another one now", back: &[], password: "another one now" },
    Change { command: &["remove"], input: "", back: &[], password: PASSWORD },
];

fn user(command: &[&str], name: &str, input: &str, stage: &Stage) {
    let arguments: Vec<&str> = ["user"].iter().chain(command).chain(&[name]).copied().collect();
    cli(&stage.node, &arguments, input);
}

#[test]
fn every_session_of_a_revoked_user_ends() {
    let stage = Stage::open(&[], CHANGES.len());
    for change in CHANGES {
        let (what, person) = (change.command[0], stage.person());
        let mut desk = person.online("desk");
        let mut phone = person.sign_in("phone");
        phone.client.enable_acks(true).expect("counted");
        let earlier = phone.client.cut().expect("a stream to resume");
        let (mut socket, _) = signed_in_websocket(&person);
        let (mut bosh, _) = Bosh::sign_in(&person);

        user(change.command, &person.name, change.input, &stage);
        let told = Instant::now();
        desk.client.expect_close().expect("closed");
        let error = desk.hear(|e| e.is("error"));
        assert_eq!(error.condition(), Some("not-authorized"), "{what}");
        assert!(socket.until("</stream:error>").contains("not-authorized"), "{what}");
        let last = bosh.say(b"");
        assert!(last.contains("terminate"), "{what}: {last}");
        assert!(told.elapsed() < LIMIT, "{what}: {:?}", told.elapsed());

        if !change.back.is_empty() {
            assert!(person.try_resume(&earlier).is_err(), "{what}: nobody is let in");
            user(change.back, &person.name, "", &stage);
        }
        let account = Account { password: change.password, ..person.account() };
        let resumed = Client::resume(&stage.node.endpoint(Security::Clear).expect("an endpoint"), account, &earlier);
        assert!(resumed.is_err(), "{what}: the stream is gone");
    }
}

#[test]
fn an_entry_that_is_gone_from_its_directory_ends_its_users_sessions() {
    let slapd = directory();
    let stage = Stage::of(by_ldap(&slapd, 8));
    let endpoint = stage.node.endpoint(Security::StartTls).expect("an endpoint");
    let account = |mechanism| Account { user: "anna", password: LDAP_PASSWORD, mechanism };
    let mut anna = Client::sign_in_to(&endpoint, account(Mechanism::Plain), "desk").expect("signed in");
    Client::sign_in_to(&endpoint, account(Mechanism::ScramSha1), "phone").expect("by kept keys");
    slapd.delete(&person("anna")).expect("deleted");
    cli(&stage.node, &["directory", "sync", "tree"], "");
    let told = Instant::now();
    anna.expect_close().expect("closed");
    assert!(told.elapsed() < LIMIT, "{:?}", told.elapsed());
    for mechanism in [Mechanism::Plain, Mechanism::ScramSha1] {
        assert!(Client::sign_in_to(&endpoint, account(mechanism), "desk").is_err(), "{mechanism:?}");
    }
}

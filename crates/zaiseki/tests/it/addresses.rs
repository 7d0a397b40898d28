//! Addresses by directory URI: the switch as a job, and what users and their contacts see of it.

use crate::people::cli;
use crate::rename::archived_so_many;
use crate::support::*;
use zaiseki_testkit::process::wait_for;
use zaiseki_testkit::xmpp_client::{Account, Client, Mechanism, Security};

/// The job that an answer names, once it has ended.
#[track_caller]
fn finished(stage: &Stage, job: &serde_json::Value) -> serde_json::Value {
    let id = job["id"].as_str().unwrap_or_else(|| panic!("{job}")).to_owned();
    let done = wait_for("the job", PATIENCE, || {
        let job = cli(stage, &["job", "show", &id]);
        matches!(job["state"].as_str(), Some("done" | "failed")).then_some(job)
    });
    done.expect("an end")
}

fn sign_in(stage: &Stage, name: &str, mechanism: Mechanism) -> Client {
    let endpoint = stage.node.endpoint(Security::StartTls).expect("an endpoint");
    let account = Account { mechanism, ..Account::new(name, PASSWORD) };
    Client::sign_in_to(&endpoint, account, "new").unwrap_or_else(|error| panic!("{name}: {error:#}"))
}

#[test]
fn contacts_and_archive_follow_and_both_names_sign_in() {
    let stage = Stage::open(&[], 3);
    let (mut a, mut b) = stage.friends();
    b.chat(&a.bare.clone(), "before");
    a.hear(body("before"));
    let name = |session: &Session| session.bare.split('@').next().unwrap_or_default().to_owned();
    let (a_id, b_id) = (name(&a), name(&b));
    let uri = format!("a.smith@{}", stage.domain());
    cli(&stage, &["user", "set-profile", &a_id, "--directory-uri", &uri]);
    let shown = cli(&stage, &["address-scheme", "show"]);
    assert_eq!((&shown["preview"]["changed"], &shown["preview"]["in_the_way"]), (&1.into(), &2.into()), "{shown}");
    let job = finished(&stage, &cli(&stage, &["address-scheme", "set", "directory-uri", "--accept"]));
    assert_eq!((&job["state"], &job["summary"]["changed"]), (&"done".into(), &1.into()), "{job}");

    // Whoever has another address is told so by the end of the stream; contacts have the new address at once.
    a.hear(|e| e.is("error"));
    assert_eq!(b.pushed(&uri).attr("subscription"), Some("both"));
    assert_eq!(cli(&stage, &["user", "show", &a_id])["address"], uri.as_str());
    for (name, mechanism) in [(a_id.as_str(), Mechanism::ScramSha256), ("a.smith", Mechanism::Plain), (&a_id, Mechanism::Plain)] {
        let client = sign_in(&stage, name, mechanism);
        assert_eq!(client.jid, format!("{uri}/new"), "{name}");
        client.close().expect("closed");
    }
    let mut a = Session::new(sign_in(&stage, "a.smith", Mechanism::ScramSha256), &uri, stage.domain());
    assert_eq!(a.contact(&b.bare).and_then(|item| item.attr("subscription").map(str::to_owned)).as_deref(), Some("both"));
    a.show("");
    b.hear(presence("", &a.jid));
    b.chat(&uri, "after");
    a.hear(body("after"));
    assert_eq!(archived_so_many(&mut b, &uri, 2), ["before", "after"]);

    // Another URI later is another address; without one the user id is.
    let newer = format!("anna.smith@{}", stage.domain());
    cli(&stage, &["user", "set-profile", &a_id, "--directory-uri", &newer]);
    assert_eq!(b.pushed(&newer).attr("subscription"), Some("both"));
    let back = finished(&stage, &cli(&stage, &["address-scheme", "set", "user-id"]));
    assert_eq!(back["summary"]["changed"], 1, "{back}");
    assert_eq!(b.pushed(&format!("{a_id}@{}", stage.domain())).attr("subscription"), Some("both"));
    assert_eq!(cli(&stage, &["user", "show", &b_id])["address"], format!("{b_id}@{}", stage.domain()).as_str());
}

//! Peers that vanish without a word: a cable is cut between two network namespaces. On loopback nobody can vanish, the
//! kernel answers for the dead.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use zaiseki_testkit::netns::{Cable, NEAR};
use zaiseki_testkit::node::NodeOptions;
use zaiseki_testkit::process::wait_for;
use zaiseki_testkit::xmpp_client::{Client, Endpoint, Resumption, Security};

use crate::support::*;

/// After this a silent peer counts as gone.
const PEER_TIMEOUT: u64 = 4;

/// A node at the near end, which its clients at the far end reach over the cable. `None`, and why: the test is skipped.
fn node_on_a_cable() -> Option<(Cable, Stage)> {
    let cable = match Cable::lay() {
        Ok(cable) => cable,
        Err(error) => {
            eprintln!("skipped, since a cable can't be cut: network namespaces need iproute2 and CAP_SYS_ADMIN: {error:#}");
            return None;
        }
    };
    let options = NodeOptions {
        more_c2s: vec![SocketAddr::from((NEAR, 0))],
        more_config: "[log]\nlevel = \"debug\"\n".to_owned(),
        ..NodeOptions::default()
    };
    let changes = [("connections.peer_timeout", PEER_TIMEOUT.into())];
    let stage = cable.near(|| Stage::open_with(options, &changes, 3)).expect("the near end");
    Some((cable, stage))
}

/// Where the far end finds the node.
fn over_the_cable(stage: &Stage) -> Endpoint {
    Endpoint { address: stage.node.more_c2s()[0], ..stage.node.endpoint(Security::StartTls).expect("an endpoint") }
}

fn sign_in(cable: &Cable, person: &Person<'_>) -> Session {
    let endpoint = over_the_cable(person.stage);
    let client = cable.far(|| Client::sign_in_to(&endpoint, person.account(), "desk")).expect("the far end").expect("signed in");
    Session::new(client, &person.jid, person.stage.domain())
}

#[test]
fn a_client_behind_a_cut_cable_is_gone_for_others() {
    let Some((cable, stage)) = node_on_a_cable() else { return };
    let person = stage.person();
    let mut lost = sign_in(&cable, &person);
    lost.show("");
    let mut friend = cable.near(|| stage.online()).expect("the near end");
    befriend(&mut friend, &mut lost);
    cable.cut().expect("a cut cable");
    let cut = Instant::now();
    friend.hear(presence("unavailable", &lost.jid));
    let noticed = cut.elapsed();
    // The client was heard last before the cut, and the kernel looks once in a second.
    let wanted = Duration::from_secs(PEER_TIMEOUT - 2)..Duration::from_secs(PEER_TIMEOUT + 4);
    assert!(wanted.contains(&noticed), "{noticed:?}");
    friend.chat(&person.jid, "when you are back");
    friend.heard();
    cable.mend().expect("a mended cable");
    let mut again = sign_in(&cable, &person);
    again.say("<presence/>");
    assert!(again.hear(body("when you are back")).child("delay").is_some());
}

#[test]
fn a_resumable_session_behind_a_cut_cable_loses_nothing() {
    let Some((cable, stage)) = node_on_a_cable() else { return };
    let person = stage.person();
    let mut lost = sign_in(&cable, &person);
    lost.show("");
    lost.client.enable_acks(true).expect("stream management");
    let mut friend = cable.near(|| stage.online()).expect("the near end");
    cable.cut().expect("a cut cable");
    // On its way when nobody knows yet: the time counts from here, and nothing acknowledges it.
    friend.chat(&lost.jid, "into the dark");
    friend.heard();
    wait_for("the node to notice", PATIENCE, || stage.node.log().contains("connection lost").then_some(())).expect("noticed");
    friend.chat(&lost.jid, "while you are away");
    friend.heard();
    let earlier: Resumption = lost.cut();
    cable.mend().expect("a mended cable");
    let endpoint = over_the_cable(&stage);
    let resumed = cable.far(|| Client::resume(&endpoint, person.account(), &earlier)).expect("the far end");
    let mut again = Session::new(resumed.expect("resumed").0, &person.jid, stage.domain());
    again.hear(body("into the dark"));
    again.hear(body("while you are away"));
    assert!(again.heard_messages().is_empty(), "each message comes once");
}

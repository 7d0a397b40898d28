//! A client that nobody here wrote, by every door: xmpp.js, driven by `tests/peers/npm/xmppjs.mjs`.

use std::path::Path;

use zaiseki_testkit::peers::{node_script, npm_packages};
use zaiseki_testkit::process::run;

use crate::support::{PASSWORD, Stage};

#[test]
fn xmppjs_does_its_daily_work_by_every_door() {
    let stage = Stage::open(&[], 2);
    let (one, two) = (stage.person(), stage.person());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/npm");
    npm_packages(&folder).expect("packages");
    let mut command = node_script(&folder.join("xmppjs.mjs"), &stage.node.data_dir().join("tls/ca.pem"));
    command.args([stage.node.c2s(), stage.node.c2s_tls(), stage.node.https()].map(|address| address.port().to_string()));
    command.args([&one.jid, &two.jid]).arg(PASSWORD);
    let said = run(&mut command).expect("xmpp.js");
    assert!(said.trim_end().ends_with("done"), "{said}");
}

//! BOSH (XEP-0124, XEP-0206) by a client that nobody here wrote: Strophe.js, driven by `tests/peers/npm/strophe.mjs`.

use std::path::Path;

use zaiseki_testkit::peers::{node_script, npm_packages};
use zaiseki_testkit::process::run;

use crate::support::{PASSWORD, Stage};

#[test]
fn strophe_talks_over_bosh() {
    let stage = Stage::open(&[], 2);
    let (one, two) = (stage.person(), stage.person());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/npm");
    npm_packages(&folder).expect("packages");
    let mut command = node_script(&folder.join("strophe.mjs"), &stage.node.data_dir().join("tls/ca.pem"));
    command.arg(stage.node.https().port().to_string()).args([&one.jid, &two.jid]).arg(PASSWORD);
    let said = run(&mut command).expect("Strophe.js");
    assert!(said.trim_end().ends_with("done"), "{said}");
}

//! A client that nobody here wrote: slixmpp, driven by `slixmpp_client.py`.

use super::support::{PASSWORD, Stage};
use std::path::Path;
use zaiseki_testkit::process::run;
use zaiseki_testkit::python::Python;

#[test]
fn slixmpp_does_its_daily_work() {
    let stage = Stage::open(&[], 2);
    let (one, two) = (stage.person(), stage.person());
    let python = Python::with("slixmpp", &["slixmpp==1.17.0"]).expect("slixmpp");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/slixmpp_client.py");
    let ca = stage.node.data_dir().join("tls/ca.pem");
    let mut command = python.command();
    command.arg(script).arg(stage.node.c2s().port().to_string()).arg(ca).args([&one.jid, &two.jid]).arg(PASSWORD);
    let said = run(&mut command).expect("slixmpp");
    assert!(said.trim_end().ends_with("done"), "{said}");
}

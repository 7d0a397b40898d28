//! A client that nobody here wrote: nbxmpp, the library of Gajim, from Debian, driven by `nbxmpp_client.py`.

use std::path::Path;
use std::process::Command;

use zaiseki_testkit::process::run;

use crate::support::{PASSWORD, Stage};

#[test]
fn nbxmpp_does_its_daily_work() {
    let stage = Stage::open(&[], 1);
    let person = stage.person();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/nbxmpp_client.py");
    let certificate = stage.node.data_dir().join("tls/server.pem");
    // Debian's own Python: the library and GLib's bindings come as packages for it.
    let mut command = Command::new("/usr/bin/python3");
    command.arg(script).arg(stage.node.c2s().port().to_string()).arg(certificate).arg(&person.jid).arg(PASSWORD);
    let said = run(&mut command).expect("nbxmpp (Debian: python3-nbxmpp)");
    assert!(said.trim_end().ends_with("done"), "{said}");
}

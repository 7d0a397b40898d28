//! What the tests need on the machine, and its installation on Debian when it is missing.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use crate::run;

/// Something the tests use: what it is for, how to see that it is there, and the Debian packages that bring it.
#[derive(Clone, Copy)]
pub struct Need {
    name: &'static str,
    present: fn() -> bool,
    packages: &'static [&'static str],
}

/// Node.js 18 or newer with npm: the browser parts and their test, and XMPP clients that the tests fetch (xmpp.js, Strophe.js).
pub const NODE: Need = Need {
    name: "Node.js with npm",
    present: || run::succeeds("node", &["--version"]) && run::succeeds("npm", &["--version"]),
    packages: &["nodejs", "npm"],
};

/// Python with virtual environments: real peers from PyPI (Radicale, exchangelib, slixmpp).
const PYTHON: Need = Need {
    name: "Python with venv",
    present: || run::succeeds("python3", &["-c", "import venv, ensurepip"]),
    packages: &["python3", "python3-venv"],
};

/// Gajim's library and GLib's bindings, for Debian's own Python: an XMPP client of the tests.
const NBXMPP: Need = Need {
    name: "nbxmpp",
    present: || run::succeeds("/usr/bin/python3", &["-c", "import gi; gi.require_version('Soup', '3.0'); import nbxmpp.client"]),
    packages: &["python3-nbxmpp"],
};

/// Chromium, headless: the chat page.
const CHROMIUM: Need = Need {
    name: "Chromium",
    present: || {
        let usual = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
        std::env::var_os("ZAISEKI_CHROMIUM").is_some() || usual.iter().any(|path| Path::new(path).exists())
    },
    packages: &["chromium"],
};

/// Japanese letters in screenshots.
const JAPANESE_FONT: Need = Need {
    name: "a Japanese font",
    present: || run::succeeds("sh", &["-c", "fc-list :lang=ja | grep -q ."]),
    packages: &["fontconfig", "fonts-noto-cjk"],
};

/// OpenLDAP's server and its tools: the directory that users are read from.
const SLAPD: Need = Need {
    name: "slapd with ldap-utils",
    present: || Path::new("/usr/sbin/slapd").exists() && run::succeeds("ldapmodify", &["-VV"]),
    packages: &["slapd", "ldap-utils"],
};

/// A syslog server with TLS: where alarms are sent.
const RSYSLOG: Need = Need {
    name: "rsyslog with TLS",
    present: || Path::new("/usr/sbin/rsyslogd").exists() && run::succeeds("sh", &["-c", "ls /usr/lib/*/rsyslog/lmnsd_ossl.so"]),
    packages: &["rsyslog", "rsyslog-openssl"],
};

/// The test authority of ACME's makers.
const PEBBLE: Need = Need {
    name: "Pebble",
    present: || Path::new("/usr/bin/pebble").exists() && Path::new("/usr/bin/pebble-challtestsrv").exists(),
    packages: &["pebble"],
};

/// The authority that signs certificates of the tests.
const OPENSSL: Need = Need { name: "openssl", present: || run::succeeds("openssl", &["version"]), packages: &["openssl"] };

/// A small DNS server: where the troubleshooter looks for SRV records.
const DNSMASQ: Need = Need { name: "dnsmasq", present: || Path::new("/usr/sbin/dnsmasq").exists(), packages: &["dnsmasq-base"] };

/// Everything that `cargo xtask test` needs.
pub const FOR_TESTS: &[Need] = &[NODE, PYTHON, NBXMPP, CHROMIUM, JAPANESE_FONT, SLAPD, RSYSLOG, OPENSSL, DNSMASQ, PEBBLE];

/// Installs those of `needs` that are missing, by apt-get (as root, else through sudo).
pub fn ensure(needs: &[Need]) -> Result<()> {
    let missing: Vec<&Need> = needs.iter().filter(|need| !(need.present)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.iter().map(|need| need.name).collect::<Vec<_>>().join(", ");
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.packages).copied().collect();
    if !run::succeeds("apt-get", &["--version"]) {
        bail!("missing: {names}. Install them (on Debian: {}) and try again", packages.join(" "));
    }
    eprintln!("xtask: missing: {names}; installing {}", packages.join(" "));
    run::status(apt_get(&["update"]))?;
    if packages.contains(&"slapd") {
        run::status(leave_unconfigured("slapd slapd/no_configuration boolean true"))?;
    }
    let mut install = apt_get(&["install", "--yes", "--no-install-recommends"]);
    install.args(&packages);
    run::status(install)?;
    match missing.iter().find(|need| !(need.present)()) {
        Some(need) => bail!("{} is still missing after the installation of {}", need.name, need.packages.join(" ")),
        None => Ok(()),
    }
}

fn apt_get(arguments: &[&str]) -> Command {
    let is_root = run::output("id", &["-u"], Path::new("/")).is_ok_and(|id| id.trim() == "0");
    let mut command = Command::new(if is_root { "env" } else { "sudo" });
    // A server that comes with a package is not to be started: the tests start their own (invoke-rc.d(8)).
    command.args(["DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1", "apt-get", "--quiet"]).args(arguments);
    command
}

/// Answers a question of a package beforehand (debconf-set-selections(1)).
fn leave_unconfigured(answer: &str) -> Command {
    let is_root = run::output("id", &["-u"], Path::new("/")).is_ok_and(|id| id.trim() == "0");
    let mut command = Command::new(if is_root { "env" } else { "sudo" });
    command.args(["sh", "-c", "echo \"$0\" | debconf-set-selections", answer]);
    command
}

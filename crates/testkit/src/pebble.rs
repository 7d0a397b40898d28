//! Pebble, the test authority of ACME's makers (Debian's package `pebble`), with a DNS server for which every name is this machine.

use crate::process::{Server, free_port};
use anyhow::Result;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use zaiseki_net::tls::{Paths, ensure_self_signed};

const PATIENCE: Duration = Duration::from_secs(60);

pub struct Pebble {
    _authority: Server,
    _dns: Server,
    port: u16,
    dir: tempfile::TempDir,
}

impl Pebble {
    /// It looks for challenges at that port of every name.
    pub fn start(http_port: u16) -> Result<Pebble> {
        Pebble::start_with(http_port, json!({ "externalAccountBindingRequired": false }))
    }

    /// The same, which wants to know whose account it is: a key identifier, and its HMAC key in base64url.
    pub fn start_bound(http_port: u16, key_id: &str, hmac_key: &str) -> Result<Pebble> {
        let keys = json!({ "externalAccountBindingRequired": true, "externalAccountMACKeys": { key_id: hmac_key } });
        Pebble::start_with(http_port, keys)
    }

    fn start_with(http_port: u16, binding: Value) -> Result<Pebble> {
        let (dir, port, dns_port) = (tempfile::tempdir()?, free_port()?, free_port()?);
        let file = |name: &str| dir.path().join(name);
        let mut command = Command::new("pebble-challtestsrv");
        let (dns, management) = (format!("127.0.0.1:{dns_port}"), format!("127.0.0.1:{}", free_port()?));
        command.args(["-dns01", &dns, "-management", &management, "-defaultIPv4", "127.0.0.1", "-defaultIPv6", ""]);
        command.args(["-http01", "", "-https01", "", "-tlsalpn01", ""]);
        let mut resolver = Server::start(&mut command, &file("dns.log"))?;
        resolver.wait_for_port(dns_port, PATIENCE)?;
        let Paths { certificate, key, .. } = ensure_self_signed(&file("tls"), &["127.0.0.1".to_owned()])?;
        let mut config = json!({"pebble": {
            "listenAddress": format!("127.0.0.1:{port}"), "managementListenAddress": format!("127.0.0.1:{}", free_port()?),
            "certificate": certificate, "privateKey": key, "httpPort": http_port, "tlsPort": free_port()?,
            "ocspResponderURL": "",
        }});
        for (key, value) in binding.as_object().into_iter().flatten() {
            config["pebble"][key] = value.clone();
        }
        std::fs::write(file("pebble.json"), config.to_string())?;
        let mut command = Command::new("pebble");
        command.arg("-config").arg(file("pebble.json")).args(["-strict", "-dnsserver", &dns]).env("PEBBLE_VA_NOSLEEP", "1");
        let mut server = Server::start(&mut command, &file("log"))?;
        server.wait_for_port(port, PATIENCE)?;
        Ok(Pebble { _authority: server, _dns: resolver, port, dir })
    }

    pub fn directory(&self) -> String {
        format!("https://127.0.0.1:{}/dir", self.port)
    }

    /// The certificate of the authority that its own HTTPS is by (PEM).
    pub fn ca(&self) -> PathBuf {
        Paths::of(&self.dir.path().join("tls")).ca
    }
}

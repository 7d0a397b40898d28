//! dnsmasq from Debian on loopback: a DNS server that knows what a test tells it.

use crate::process::{Server, free_port};
use anyhow::Result;
use std::process::Command;
use std::time::Duration;

const DNSMASQ: &str = "/usr/sbin/dnsmasq";

/// Runs until dropped.
pub struct Dns {
    _server: Server,
    _dir: tempfile::TempDir,
    port: u16,
}

impl Dns {
    /// `records`: options such as `--host-record=a.test,127.0.0.1` and `--srv-host=_x._tcp.test,a.test,5222`. It asks nobody else.
    pub fn start(records: &[String]) -> Result<Dns> {
        let (dir, port) = (tempfile::tempdir()?, free_port()?);
        let mut command = Command::new(DNSMASQ);
        command.args(["--no-daemon", "--conf-file=/dev/null", "--no-resolv", "--no-hosts", "--pid-file="]);
        command.args(["--listen-address=127.0.0.1", "--bind-interfaces", "--local=/test/"]);
        command.arg(format!("--port={port}")).args(records);
        let mut server = Server::start(&mut command, &dir.path().join("log"))?;
        server.wait_for_port(port, Duration::from_secs(20))?;
        Ok(Dns { _server: server, _dir: dir, port })
    }

    /// `address:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

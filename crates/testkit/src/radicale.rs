//! Radicale, a CalDAV server from PyPI, on loopback.

use crate::process::{Server, free_port};
use crate::python::Python;
use anyhow::Result;
use std::fmt::Write;
use std::time::Duration;

/// Runs until dropped. Each user owns `/NAME/`; the account `service` may read everything.
#[derive(Debug)]
pub struct Radicale {
    server: Server,
    _dir: tempfile::TempDir,
    port: u16,
}

impl Radicale {
    /// Starts it with these users (`service` is added); everybody's password is `password`.
    pub fn start(users: &[&str], password: &str) -> Result<Self> {
        let python = Python::with("radicale", &["radicale==3.9.0"])?;
        let dir = tempfile::tempdir()?;
        let port = free_port()?;
        let file = |name: &str| dir.path().join(name);
        let mut accounts = String::new();
        for user in users.iter().chain(&["service"]) {
            writeln!(accounts, "{user}:{password}")?;
        }
        std::fs::write(file("users"), accounts)?;
        std::fs::write(
            file("rights"),
            "[service]\nuser: service\ncollection: .*\npermissions: Rr\n\
             [root]\nuser: .+\ncollection:\npermissions: R\n\
             [owner]\nuser: .+\ncollection: {user}(/.*)?\npermissions: RWrw\n",
        )?;
        let config = format!(
            "[server]\nhosts = 127.0.0.1:{port}\n[auth]\ntype = htpasswd\nhtpasswd_filename = {users}\n\
             htpasswd_encryption = plain\ndelay = 0\n[rights]\ntype = from_file\nfile = {rights}\n\
             [storage]\nfilesystem_folder = {storage}\n",
            users = file("users").display(),
            rights = file("rights").display(),
            storage = file("storage").display(),
        );
        std::fs::write(file("config"), config)?;
        let mut command = python.command();
        command.args(["-m", "radicale", "--config"]).arg(file("config"));
        let mut server = Server::start(&mut command, &file("log"))?;
        server.wait_for_port(port, Duration::from_secs(60))?;
        Ok(Radicale { server, _dir: dir, port })
    }

    /// `http://127.0.0.1:PORT`
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What the server wrote to its log.
    pub fn output(&self) -> String {
        self.server.output()
    }
}

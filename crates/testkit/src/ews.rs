//! An Exchange Web Services server for tests (`ews/ews_server.py`), and exchangelib, the foreign client that proves it real.

use crate::process::{Server, free_port, run};
use crate::python::Python;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How the server behaves.
#[derive(Clone, Debug)]
pub struct Options {
    pub username: String,
    pub password: String,
    /// `NTLM`, `Basic`, in the order offered.
    pub schemes: Vec<&'static str>,
    /// Address to trouble: empty, `denied`, `merged` (only digits are shown) or `nodata`.
    pub mailboxes: BTreeMap<String, &'static str>,
    /// Certificate chain and key (PEM): then it speaks TLS.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// NTLM only with the channel binding of the TLS connection (Extended Protection).
    pub require_binding: bool,
}

impl Options {
    /// The account `EX\zaiseki`, password `s3cret`, both schemes, no TLS.
    pub fn new(mailboxes: &[(&str, &'static str)]) -> Self {
        Options {
            username: "zaiseki".to_owned(),
            password: "s3cret".to_owned(),
            schemes: vec!["NTLM", "Basic"],
            mailboxes: mailboxes.iter().map(|(address, trouble)| ((*address).to_owned(), *trouble)).collect(),
            tls: None,
            require_binding: false,
        }
    }
}

/// Runs until dropped.
#[derive(Debug)]
pub struct EwsServer {
    server: Server,
    python: Python,
    dir: tempfile::TempDir,
    scheme: &'static str,
    port: u16,
}

impl EwsServer {
    pub fn start(options: &Options) -> Result<Self> {
        let python = Python::with("ews", &["exchangelib==5.6.0", "pyspnego==0.12.4"])?;
        let dir = tempfile::tempdir()?;
        let port = free_port()?;
        let config = dir.path().join("options.json");
        std::fs::write(&config, options_json(options, port, dir.path()).to_string())?;
        let mut command = python.command();
        command.arg(script("ews_server.py")).arg(&config);
        let mut server = Server::start(&mut command, &dir.path().join("log"))?;
        server.wait_for_port(port, Duration::from_secs(60))?;
        let scheme = if options.tls.is_some() { "https" } else { "http" };
        Ok(EwsServer { server, python, dir, scheme, port })
    }

    /// The service's address.
    pub fn url(&self) -> String {
        format!("{}://127.0.0.1:{}/EWS/Exchange.asmx", self.scheme, self.port)
    }

    /// The address of one of the server's own pages, `log` or `control`.
    pub fn page(&self, name: &str) -> String {
        format!("{}://127.0.0.1:{}/{name}", self.scheme, self.port)
    }

    /// Lets exchangelib read `mailbox` between two instants (`2026-11-24T00:00:00Z`), after putting a set of events there when
    /// `create`; `auth` is `basic` or `ntlm`. Returns its JSON: `version`, `view` and `busy` (start, end, kind).
    pub fn exchangelib(&self, auth: &str, mailbox: &str, window: (&str, &str), create: bool) -> Result<Value> {
        let mut command = self.python.command();
        command.arg(script("exchangelib_client.py")).args([
            &self.url(),
            "EX\\zaiseki",
            "s3cret",
            auth,
            mailbox,
            window.0,
            window.1,
        ]);
        if create {
            command.arg("create");
        }
        let output = run(&mut command).with_context(|| format!("the server wrote: {}", self.server.output()))?;
        let line = output.lines().last().context("exchangelib printed nothing")?;
        serde_json::from_str(line).with_context(|| format!("exchangelib printed: {output}"))
    }

    /// What the server wrote to its log.
    pub fn output(&self) -> String {
        self.server.output()
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
}

fn options_json(options: &Options, port: u16, dir: &Path) -> Value {
    let (certificate, key) = options.tls.clone().unzip();
    json!({
        "port": port,
        "dir": dir,
        "username": options.username,
        "password": options.password,
        "schemes": options.schemes,
        "mailboxes": options.mailboxes,
        "certificate": certificate,
        "key": key,
        "require_binding": options.require_binding,
    })
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("ews").join(name)
}

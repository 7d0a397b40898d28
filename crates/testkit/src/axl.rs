//! A Unified CM for tests (`axl/axl_server.py`), and zeep, the foreign SOAP client that proves it real.

use crate::process::{Server, free_port, run};
use crate::python::Python;
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use zaiseki_net::tls::{Paths, ensure_self_signed};

pub const USERNAME: &str = "zaiseki-axl";
pub const PASSWORD: &str = "s3cret";
/// An account with the same password that may not use AXL.
pub const OUTSIDER: &str = "somebody";

/// How the server behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// The versions it speaks.
    pub versions: Vec<&'static str>,
    /// Tags and values of each user; `raw` stands for the whole element.
    pub users: Vec<Value>,
    /// Rows of an answer that it finds too long; 0 = none.
    pub max_rows: usize,
    /// Changes of one page of its queue.
    pub page_changes: usize,
}

impl Options {
    /// 12.0 to 15.0, no limits.
    pub fn new(users: Vec<Value>) -> Self {
        Options { versions: vec!["12.0", "12.5", "14.0", "15.0"], users, max_rows: 0, page_changes: 100 }
    }
}

/// A user who is enabled for IM and presence, and at home here.
pub fn person(userid: &str, first: &str, last: &str) -> Value {
    json!({
        "userid": userid, "firstName": first, "lastName": last, "displayName": format!("{last} {first}"),
        "mailid": format!("{userid}@example.test"), "status": "1", "homeCluster": "true", "imAndPresenceEnable": "true",
        "telephoneNumber": "03-1234-5678",
    })
}

/// Runs until dropped. It speaks TLS with a certificate for `127.0.0.1` by an authority of its own.
#[derive(Debug)]
pub struct AxlServer {
    server: Server,
    python: Python,
    dir: tempfile::TempDir,
    paths: Paths,
    port: u16,
}

impl AxlServer {
    pub fn start(options: &Options) -> Result<Self> {
        let python = Python::with("axl", &["zeep==4.3.3"])?;
        let dir = tempfile::tempdir()?;
        let paths = ensure_self_signed(dir.path(), &["127.0.0.1".to_owned()])?;
        let port = free_port()?;
        let config = dir.path().join("options.json");
        let text = json!({
            "port": port, "username": USERNAME, "password": PASSWORD, "outsiders": [OUTSIDER],
            "versions": options.versions, "users": options.users, "max_rows": options.max_rows,
            "page_changes": options.page_changes, "certificate": paths.certificate, "key": paths.key,
        });
        std::fs::write(&config, text.to_string())?;
        let mut command = python.command();
        command.arg(script("axl_server.py")).arg(&config);
        let mut server = Server::start(&mut command, &dir.path().join("log"))?;
        server.wait_for_port(port, Duration::from_secs(60))?;
        Ok(AxlServer { server, python, dir, paths, port })
    }

    /// `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The address of one of the server's own pages, `log` or `control`.
    pub fn page(&self, name: &str) -> String {
        format!("https://{}/{name}", self.address())
    }

    /// The authority that signed its certificate (PEM).
    pub fn ca(&self) -> Result<String> {
        std::fs::read_to_string(&self.paths.ca).context("the test server's authority")
    }

    /// Its certificate (PEM).
    pub fn certificate(&self) -> Result<String> {
        std::fs::read_to_string(&self.paths.certificate).context("the test server's certificate")
    }

    /// Changes the cluster while it runs; see the head of the script. For tests that have no HTTP client.
    pub fn control(&self, wish: &Value) -> Result<()> {
        let post = "import requests, sys; requests.post(sys.argv[1], data=sys.argv[2], verify=sys.argv[3]).raise_for_status()";
        let mut command = self.python.command();
        command.args(["-c", post, &self.page("control"), &wish.to_string()]).arg(&self.paths.ca);
        run(&mut command).map(drop).context("changing the test server")
    }

    /// Lets zeep ask everything in one version. Returns its JSON: `version`, `users`, `first`, `fault`, `changes`.
    pub fn zeep(&self, version: &str) -> Result<Value> {
        let mut command = self.python.command();
        let url = format!("https://{}/axl/", self.address());
        command.arg(script("zeep_client.py")).args([&url, USERNAME, PASSWORD, version]).arg(&self.paths.ca);
        let output = run(&mut command).with_context(|| format!("the server wrote: {}", self.output()))?;
        let line = output.lines().last().context("zeep printed nothing")?;
        serde_json::from_str(line).with_context(|| format!("zeep printed: {output}"))
    }

    /// What the server wrote to its log.
    pub fn output(&self) -> String {
        self.server.output()
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("axl").join(name)
}

/// A TLS connection on a blocking socket, for servers that answer by a script.
pub fn accept(
    config: &Arc<rustls::ServerConfig>,
    socket: TcpStream,
) -> std::io::Result<rustls::StreamOwned<rustls::ServerConnection, TcpStream>> {
    let connection = rustls::ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
    Ok(rustls::StreamOwned::new(connection, socket))
}

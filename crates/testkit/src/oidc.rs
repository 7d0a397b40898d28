//! OpenID providers on loopback, from PyPI: one that signs whatever a test wants, and one that signs people in.

use crate::process::{Server, free_port};
use crate::python::Python;
use anyhow::{Context, Result};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// Describes itself, shows its keys, and signs claims (`oidc/provider.py`). Runs until dropped.
#[derive(Debug)]
pub struct TokenMaker {
    _server: Server,
    _dir: tempfile::TempDir,
    port: u16,
}

impl TokenMaker {
    pub fn start() -> Result<TokenMaker> {
        let python = Python::with("joserfc", &["joserfc==1.8.0"])?;
        let (dir, port) = (tempfile::tempdir()?, free_port()?);
        let mut command = python.command();
        command.arg(script("provider.py")).arg(port.to_string());
        let mut server = Server::start(&mut command, &dir.path().join("log"))?;
        server.wait_for_port(port, PATIENCE)?;
        Ok(TokenMaker { _server: server, _dir: dir, port })
    }

    pub fn issuer(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// A token with these claims, by `RS256` or `ES256`.
    pub fn sign(&self, alg: &str, claims: &Value) -> Result<String> {
        let query: String = claims.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect();
        let answer = self.ask(&format!("/sign?alg={alg}&claims={query}"))?;
        Ok(answer["token"].as_str().context("a token")?.to_owned())
    }

    /// The next code is exchanged for an ID token with these claims, if the proof of it has this challenge (RFC 7636, S256).
    pub fn answer_next(&self, alg: &str, claims: &Value, challenge: &str) -> Result<()> {
        let query: String = claims.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect();
        self.ask(&format!("/next?alg={alg}&claims={query}&challenge={challenge}")).map(drop)
    }

    /// From now on it has other keys.
    pub fn rotate(&self) -> Result<()> {
        self.ask("/rotate").map(drop)
    }

    /// Whether it answers nobody but tests.
    pub fn set_down(&self, down: bool) -> Result<()> {
        self.ask(&format!("/down?is={down}")).map(drop)
    }

    /// How often its keys were asked for.
    pub fn asked(&self) -> Result<u64> {
        self.ask("/asked")?["asked"].as_u64().context("a number")
    }

    fn ask(&self, path: &str) -> Result<Value> {
        let mut socket = TcpStream::connect(("127.0.0.1", self.port))?;
        socket.set_read_timeout(Some(PATIENCE))?;
        write!(socket, "GET {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n")?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer)?;
        let (_, body) = answer.split_once("\r\n\r\n").context("an answer")?;
        Ok(serde_json::from_str(body)?)
    }
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("oidc").join(name)
}

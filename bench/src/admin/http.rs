//! One connection of a browser or script to the node: as much of HTTP/1.1 (RFC 9112) as the node's answers need.

use anyhow::{Context, Result, bail, ensure};
use rustls::pki_types::ServerName;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// Longest wait for one answer; a first synchronisation is one.
const PATIENCE: Duration = Duration::from_secs(600);

/// Stays connected, as browsers do.
pub struct Browser {
    io: BufReader<TlsStream<TcpStream>>,
    host: String,
    cookie: Option<String>,
}

pub struct Reply {
    pub body: String,
    /// From the first byte asked to the last one answered.
    pub took: Duration,
}

impl Browser {
    pub async fn connect(address: SocketAddr) -> Result<Browser> {
        let socket = TcpStream::connect(address).await?;
        socket.set_nodelay(true)?;
        let tls = crate::client::connector()?.connect(ServerName::try_from("localhost")?, socket).await?;
        Ok(Browser { io: BufReader::new(tls), host: format!("localhost:{}", address.port()), cookie: None })
    }

    /// Keeps the session's cookie of the answer.
    pub async fn sign_in(&mut self, name: &str, password: &str) -> Result<()> {
        let body = serde_json::json!({ "name": name, "password": password }).to_string();
        self.ask("POST", "/api/v1/session", &body).await?;
        ensure!(self.cookie.is_some(), "signed in without a cookie");
        Ok(())
    }

    pub async fn get(&mut self, path: &str) -> Result<Reply> {
        self.ask("GET", path, "").await
    }

    pub async fn post(&mut self, path: &str, body: &serde_json::Value) -> Result<Reply> {
        self.ask("POST", path, &body.to_string()).await
    }

    /// # Errors
    /// Anything but success.
    async fn ask(&mut self, method: &str, path: &str, body: &str) -> Result<Reply> {
        let cookie = self.cookie.as_ref().map(|cookie| format!("Cookie: {cookie}\r\n")).unwrap_or_default();
        let host = &self.host;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: https://{host}\r\nAccept-Language: ja\r\n{cookie}\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let began = Instant::now();
        let answered = tokio::time::timeout(PATIENCE, async {
            self.io.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await?;
            self.io.flush().await?;
            self.answer().await
        });
        let (status, body) = answered.await.context("no answer")?.with_context(|| format!("{method} {path}"))?;
        let took = began.elapsed();
        if !(200..300).contains(&status) {
            bail!("{method} {path}: {status} {}", body.chars().take(300).collect::<String>());
        }
        Ok(Reply { body, took })
    }

    async fn answer(&mut self) -> Result<(u16, String)> {
        let first = self.line().await?;
        let status = first.split(' ').nth(1).and_then(|code| code.parse().ok()).with_context(|| format!("no status: {first}"))?;
        let mut length = None;
        loop {
            let line = self.line().await?;
            let Some((name, value)) = line.split_once(':') else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = Some(value.trim().parse()?),
                "set-cookie" => self.cookie = value.split(';').next().map(|pair| pair.trim().to_owned()),
                _ => {}
            }
        }
        let mut body = vec![0; length.context("an answer without a length")?];
        self.io.read_exact(&mut body).await?;
        Ok((status, String::from_utf8(body)?))
    }

    async fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        ensure!(self.io.read_line(&mut line).await? > 0, "the connection was closed");
        Ok(line.trim_end().to_owned())
    }
}

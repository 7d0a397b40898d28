//! Whether clients get in: each listener of this node answers with TLS and the certificate in use.

use super::names::not_known;
use super::run::block_on;
use super::{Check, Finding};
use crate::app::App;
use crate::error::Result;
use crate::presented::{Listener, ListenerKind};
use crate::text::Text;
use std::io::{Error, ErrorKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use zaiseki_net::tls::{CertificateDer, shows};

/// Bytes of an answer before TLS.
const ANSWER_BYTES: usize = 16 * 1_024;

pub(super) const LISTENERS: Check = Check {
    section: "clients",
    id: "clients.listeners",
    title: || Text::new("Listeners", "待ち受け"),
    why: || Text::new("clients come in here", "クライアントの接続口です"),
    link: None,
    subjects,
    run: listener,
};

fn subject(listener: &Listener) -> String {
    format!("{} {}", listener.kind.as_str(), listener.address)
}

fn subjects(app: &App) -> Result<Vec<String>> {
    let mut all: Vec<String> = app.this_node().map(|node| node.listeners().iter().map(subject).collect()).unwrap_or_default();
    if all.is_empty() {
        all.push(String::new());
    }
    Ok(all)
}

fn listener(app: &App, wanted: &str) -> Result<Vec<Finding>> {
    let found = app.this_node().and_then(|node| Some((node, node.listeners().into_iter().find(|one| subject(one) == wanted)?)));
    let Some((node, listener)) = found else { return Ok(vec![not_known()]) };
    let Some(served) = app.served() else { return Ok(vec![not_known()]) };
    let leaf = served.live(listener.kind.purpose()).leaf();
    let done = block_on(answers(app.domain(), &node.name, listener, leaf))?;
    let todo = Text::new(
        "look whether its service runs (control center), at the log of the node, and at the firewall of this machine",
        "サービスの状態 (コントロールセンター)、ノードのログ、このマシンのファイアウォールを確認してください",
    );
    Ok(vec![match done {
        Ok(()) => Finding::passed(match listener.kind {
            ListenerKind::C2s => Text::new("offers STARTTLS and shows the certificate", "STARTTLS に応じ、証明書を提示します"),
            _ => Text::new("answers with TLS and shows the certificate", "TLS で応答し、証明書を提示します"),
        }),
        Err(error) => Finding::failed(Text::reason(error.to_string()), todo),
    }])
}

async fn answers(domain: &str, node: &str, listener: Listener, leaf: CertificateDer<'static>) -> Result<(), Error> {
    let mut stream = TcpStream::connect(listener.from_here()).await?;
    let name = match listener.kind {
        ListenerKind::C2s => {
            start_tls(&mut stream, domain).await?;
            domain
        }
        ListenerKind::C2sTls => domain,
        ListenerKind::Https | ListenerKind::Admin => node,
    };
    shows(stream, name, leaf).await
}

/// RFC 6120 §5.4.
async fn start_tls(stream: &mut TcpStream, domain: &str) -> Result<(), Error> {
    // A domain is prepared: nothing in it needs to be escaped.
    let header = format!(
        "<?xml version='1.0'?><stream:stream to='{domain}' version='1.0' xmlns='jabber:client' \
         xmlns:stream='http://etherx.jabber.org/streams'>"
    );
    stream.write_all(header.as_bytes()).await?;
    let features = until(stream, "</stream:features>").await?;
    if !features.contains("urn:ietf:params:xml:ns:xmpp-tls") {
        return Err(Error::new(ErrorKind::InvalidData, "STARTTLS is not offered"));
    }
    stream.write_all(b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>").await?;
    until(stream, "<proceed").await?;
    Ok(())
}

/// Reads to the end of what the answer ends with. Byte by byte: what comes after belongs to TLS.
async fn until(stream: &mut TcpStream, end: &str) -> Result<String, Error> {
    let mut said = Vec::new();
    while said.len() < ANSWER_BYTES {
        let mut byte = [0];
        stream.read_exact(&mut byte).await?;
        said.extend_from_slice(&byte);
        let text = String::from_utf8_lossy(&said);
        if text.contains(end) && text.ends_with('>') {
            return Ok(text.into_owned());
        }
    }
    Err(Error::new(ErrorKind::InvalidData, "the answer has no end"))
}

//! A server that answers by a script, and gateways that ask it.

use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What a scripted server does with one request, given its first line and body.
pub enum Reply {
    Text(String),
    /// `Content-Length` of this many bytes, and as many are sent as the client takes.
    Flood(usize),
    Hang,
}

pub fn http(status: &str, content_type: &str, body: &str) -> Reply {
    Reply::Text(format!("HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
}

pub struct Scripted {
    pub url: String,
    pub requests: Arc<AtomicUsize>,
}

/// Answers every request by the script.
pub async fn serve(script: impl Fn(&str, &str) -> Reply + Send + Sync + 'static) -> Scripted {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let (script, counter) = (Arc::new(script), Arc::clone(&requests));
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (script, counter) = (Arc::clone(&script), Arc::clone(&counter));
            tokio::spawn(async move { connection(socket, &*script, &counter).await });
        }
    });
    Scripted { url, requests }
}

async fn connection(socket: TcpStream, script: &(impl Fn(&str, &str) -> Reply + ?Sized), counter: &AtomicUsize) -> Option<()> {
    let mut socket = BufReader::new(socket);
    loop {
        let (mut first, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            if socket.read_line(&mut line).await.ok()? == 0 {
                return None;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if line == "\r\n" {
                break;
            }
            if first.is_empty() {
                first = line;
            }
        }
        let mut body = vec![0; length];
        socket.read_exact(&mut body).await.ok()?;
        counter.fetch_add(1, Ordering::SeqCst);
        match script(&first, &String::from_utf8_lossy(&body)) {
            Reply::Text(text) => socket.write_all(text.as_bytes()).await.ok()?,
            Reply::Hang => std::future::pending().await,
            Reply::Flood(bytes) => {
                let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {bytes}\r\n\r\n<a>");
                socket.write_all(head.as_bytes()).await.ok()?;
                let block = [b'x'; 65_536];
                for _ in 0..bytes / block.len() {
                    socket.write_all(&block).await.ok()?;
                }
            }
        }
    }
}

pub fn ews(url: &str) -> Value {
    json!({
        "kind": "ews", "url": format!("{url}/EWS/Exchange.asmx"), "auth": "basic", "username": "EX\\zaiseki",
        "server": { "allow_clear_text": true, "timeout_secs": 2 },
    })
}

pub fn caldav(url: &str) -> Value {
    json!({
        "kind": "caldav", "url": format!("{url}/{{user}}/"), "username": "service",
        "server": { "allow_clear_text": true, "timeout_secs": 2 },
    })
}

/// A multi-status about one resource which is a calendar.
pub const HOME: &str = "<d:multistatus xmlns:d='DAV:' xmlns:c='urn:ietf:params:xml:ns:caldav'><d:response><d:href>/hanako/</d:href>\
    <d:propstat><d:prop><d:resourcetype><d:collection/><c:calendar/></d:resourcetype></d:prop><d:status>HTTP/1.1 200 OK</d:status>\
    </d:propstat></d:response></d:multistatus>";

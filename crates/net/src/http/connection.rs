//! One HTTP/1.1 connection: resolve, judge the address, connect, TLS, then request after request.

use super::{Client, HttpError, Request, Response, origin};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use url::Url;

/// Response headers beyond this number end the exchange.
const MAX_HEADERS: usize = 100;

/// Open connection to one server; NTLM authenticates exactly this (MS-NTHT). Closed when dropped.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: AbortHandle,
    host: String,
    peer_leaf: Option<CertificateDer<'static>>,
    request_timeout: Duration,
    max_body: usize,
    pub(super) idle_since: Instant,
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Connection {
    pub(super) async fn open(client: &Client, url: &Url) -> Result<Connection, HttpError> {
        let host = url.host_str().unwrap_or_default().to_owned();
        let after = client.config.connect_timeout;
        match timeout(after, Connection::dial(client, url, &host)).await {
            Ok(result) => result,
            Err(_) => Err(HttpError::Timeout { host, after }),
        }
    }

    async fn dial(client: &Client, url: &Url, host: &str) -> Result<Connection, HttpError> {
        let tcp = connect_tcp(client, url, host).await?;
        if url.scheme() == "http" {
            return Connection::start(client, host, tcp, None).await;
        }
        let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())
            .map_err(|_| HttpError::Url { url: url.to_string(), why: "not a name a certificate can hold" })?;
        let tls = tokio_rustls::TlsConnector::from(client.tls()?)
            .connect(name, tcp)
            .await
            .map_err(|source| HttpError::Tls { host: host.to_owned(), source })?;
        let leaf = tls.get_ref().1.peer_certificates().and_then(|chain| chain.first()).map(|c| c.clone().into_owned());
        Connection::start(client, host, tls, leaf).await
    }

    async fn start<S>(client: &Client, host: &str, stream: S, leaf: Option<CertificateDer<'static>>) -> Result<Self, HttpError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let (sender, connection) = http1::Builder::new()
            .max_headers(MAX_HEADERS)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|source| HttpError::Broken { host: host.to_owned(), source })?;
        let driver = tokio::spawn(async move {
            // An error here also reaches the waiting request, where it is reported.
            let _ = connection.await;
        })
        .abort_handle();
        Ok(Connection {
            sender,
            driver,
            host: host.to_owned(),
            peer_leaf: leaf,
            request_timeout: client.config.request_timeout,
            max_body: client.config.max_body,
            idle_since: Instant::now(),
        })
    }

    /// The server's certificate (DER), for channel bindings; `None` without TLS.
    pub fn peer_leaf(&self) -> Option<&CertificateDer<'static>> {
        self.peer_leaf.as_ref()
    }

    /// Whether another request can be sent.
    pub fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Sends one request and reads the whole answer; redirects are answers like any other. The request must be for the
    /// server this connection was opened to.
    pub async fn send(&mut self, request: &Request) -> Result<Response, HttpError> {
        let after = self.request_timeout;
        match timeout(after, self.exchange(request)).await {
            Ok(result) => result,
            Err(_) => {
                self.driver.abort();
                Err(HttpError::Timeout { host: self.host.clone(), after })
            }
        }
    }

    async fn exchange(&mut self, request: &Request) -> Result<Response, HttpError> {
        let host = self.host.clone();
        let broken = |source| HttpError::Broken { host: host.clone(), source };
        self.sender.ready().await.map_err(broken)?;
        let answer = self.sender.send_request(wire_request(request)?).await.map_err(broken)?;
        let (head, body) = answer.into_parts();
        let body = self.read_body(body).await?;
        self.idle_since = Instant::now();
        Ok(Response { status: head.status, headers: head.headers, body, url: request.url.clone() })
    }

    async fn read_body(&mut self, mut body: Incoming) -> Result<Bytes, HttpError> {
        let mut out = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|source| HttpError::Broken { host: self.host.clone(), source })?;
            let Ok(data) = frame.into_data() else { continue };
            if out.len() + data.len() > self.max_body {
                self.driver.abort();
                return Err(HttpError::TooLarge { host: self.host.clone(), limit: self.max_body });
            }
            out.extend_from_slice(&data);
        }
        Ok(out.freeze())
    }
}

fn wire_request(request: &Request) -> Result<hyper::Request<Full<Bytes>>, HttpError> {
    let url = &request.url;
    let target = match url.query() {
        Some(query) => format!("{}?{query}", url.path()),
        None => url.path().to_owned(),
    };
    let host = match url.port() {
        Some(port) => format!("{}:{port}", url.host_str().unwrap_or_default()),
        None => url.host_str().unwrap_or_default().to_owned(),
    };
    let mut wire = hyper::Request::builder()
        .method(request.method.clone())
        .uri(target)
        .header("host", host)
        .header("accept-encoding", "identity")
        .body(Full::new(request.body.clone()))?;
    for (name, value) in &request.headers {
        wire.headers_mut().insert(name.clone(), value.clone());
    }
    Ok(wire)
}

async fn connect_tcp(client: &Client, url: &Url, host: &str) -> Result<TcpStream, HttpError> {
    let mut last = None;
    for address in resolve(client, url, host).await? {
        match TcpStream::connect(address).await {
            Ok(tcp) => {
                let _ = tcp.set_nodelay(true);
                return Ok(tcp);
            }
            Err(error) => last = Some(error),
        }
    }
    let source = last.unwrap_or_else(|| std::io::Error::other("the name has no address"));
    Err(HttpError::Connect { host: host.to_owned(), source })
}

/// All addresses of the server; one forbidden address among them refuses the whole name.
async fn resolve(client: &Client, url: &Url, host: &str) -> Result<Vec<SocketAddr>, HttpError> {
    let (_, _, port) = origin(url)?;
    let target = match &client.config.connect_to {
        Some(other) if other.parse::<SocketAddr>().is_ok() || has_port(other) => other.clone(),
        Some(other) => format!("{other}:{port}"),
        None => format!("{host}:{port}"),
    };
    let addresses: Vec<SocketAddr> = tokio::net::lookup_host(target.as_str())
        .await
        .map_err(|source| HttpError::Resolve { host: target.clone(), source })?
        .collect();
    match addresses.iter().find(|a| !client.config.policy.allows(a.ip())) {
        Some(bad) => Err(HttpError::Blocked { host: host.to_owned(), address: bad.ip() }),
        None => Ok(addresses),
    }
}

fn has_port(target: &str) -> bool {
    match target.rsplit_once(':') {
        Some((host, port)) => {
            !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) && (!host.contains(':') || host.ends_with(']'))
        }
        None => false,
    }
}

//! Guarded HTTP/1.1 client for servers that an administrator configured.
//!
//! Guards: the resolved address is judged by [`AddressPolicy`]; every wait has a time-out; an answer has a greatest
//! length; redirects are followed on the same server only; compressed answers are not asked for (no decompression bombs).
//! Written on hyper's connection level because NTLM needs to hold on to *its* connection, and channel bindings need the
//! certificate that connection showed.

mod connection;
mod error;
mod policy;

pub use connection::Connection;
pub use error::HttpError;
pub use hyper::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
pub use policy::{AddressPolicy, make_exceptions};
pub use url::Url;

use crate::tls;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// Redirects followed for one request.
const MAX_REDIRECTS: usize = 5;
/// Idle connections kept per server.
const MAX_IDLE: usize = 4;
/// An idle connection older than this is not used again (many servers close after a minute).
const IDLE_AGE: Duration = Duration::from_secs(30);

/// Whose certificates are believed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// The operating system's certificate authorities.
    #[default]
    Platform,
    /// Only these certificate authorities (PEM).
    Pem(String),
    /// Only a server that shows one of these very certificates (PEM), whatever their names and dates.
    Pinned(String),
}

#[derive(Clone, Debug)]
pub struct ClientConfig {
    pub policy: AddressPolicy,
    pub trust: Trust,
    /// Connect to this `host[:port]` (a load balancer) instead of the URL's host, which still names the TLS server and
    /// the `Host` header.
    pub connect_to: Option<String>,
    /// For name resolution, TCP and TLS together.
    pub connect_timeout: Duration,
    /// From sending a request to the last byte of its answer.
    pub request_timeout: Duration,
    /// Greatest body of an answer, in bytes.
    pub max_body: usize,
}

impl Default for ClientConfig {
    fn default() -> Self {
        ClientConfig {
            policy: AddressPolicy::default(),
            trust: Trust::Platform,
            connect_to: None,
            connect_timeout: Duration::from_secs(10),
            request_timeout: Duration::from_secs(60),
            max_body: 16 * 1024 * 1024,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Request {
    pub method: Method,
    pub url: Url,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Request {
    pub fn new(method: Method, url: Url, body: impl Into<Bytes>) -> Self {
        Request { method, url, headers: HeaderMap::new(), body: body.into() }
    }

    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

#[derive(Clone, Debug)]
pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Bytes,
    /// Where the answer came from, after redirects.
    pub url: Url,
}

impl Response {
    /// A header's text; `None` when absent or not ASCII.
    pub fn header(&self, name: HeaderName) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }
}

type Origin = (String, String, u16);

/// Cheap to share behind an `Arc`; keeps a few idle connections per server.
pub struct Client {
    config: ClientConfig,
    tls: OnceLock<Arc<rustls::ClientConfig>>,
    idle: Mutex<HashMap<Origin, Vec<Connection>>>,
}

impl Client {
    /// Fails when the given certificate authorities cannot be read.
    pub fn new(config: ClientConfig) -> Result<Self, HttpError> {
        let client = Client { config, tls: OnceLock::new(), idle: Mutex::default() };
        if client.config.trust != Trust::Platform {
            client.tls()?;
        }
        Ok(client)
    }

    /// Made when first needed: plain http works on machines without any certificate authorities.
    fn tls(&self) -> Result<Arc<rustls::ClientConfig>, HttpError> {
        if let Some(made) = self.tls.get() {
            return Ok(Arc::clone(made));
        }
        let made = match &self.config.trust {
            Trust::Platform => tls::client_config_platform(),
            Trust::Pem(pem) => tls::client_config_trusting(pem),
            Trust::Pinned(pem) => tls::client_config_pinned(pem),
        };
        let made = Arc::new(made.map_err(|error| HttpError::Trust(Box::new(error)))?);
        Ok(Arc::clone(self.tls.get_or_init(|| made)))
    }

    /// A fresh connection of the caller's own, outside the pool.
    pub async fn connect(&self, url: &Url) -> Result<Connection, HttpError> {
        origin(url)?;
        Connection::open(self, url).await
    }

    /// Sends and follows redirects on the same server (method and body stay, as WebDAV clients do).
    pub async fn send(&self, mut request: Request) -> Result<Response, HttpError> {
        for _ in 0..=MAX_REDIRECTS {
            let response = self.send_once(&request).await?;
            match redirect_target(&response)? {
                None => return Ok(response),
                Some(url) => request.url = url,
            }
        }
        Err(HttpError::TooManyRedirects { host: host_of(&request.url) })
    }

    async fn send_once(&self, request: &Request) -> Result<Response, HttpError> {
        let key = origin(&request.url)?;
        if let Some(mut kept) = self.take_idle(&key) {
            // The server may have closed it meanwhile: only then a new connection is tried. Callers send questions, which
            // may safely arrive twice.
            match kept.send(request).await {
                Err(HttpError::Broken { .. }) => {}
                other => return self.keep(key, kept, other),
            }
        }
        let mut connection = Connection::open(self, &request.url).await?;
        let result = connection.send(request).await;
        self.keep(key, connection, result)
    }

    fn take_idle(&self, key: &Origin) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let list = idle.get_mut(key)?;
        list.retain(|c| c.is_open() && c.idle_since.elapsed() < IDLE_AGE);
        list.pop()
    }

    fn keep(&self, key: Origin, connection: Connection, result: Result<Response, HttpError>) -> Result<Response, HttpError> {
        if result.is_ok() && connection.is_open() {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            let list = idle.entry(key).or_default();
            if list.len() < MAX_IDLE {
                list.push(connection);
            }
        }
        result
    }
}

/// Credentials of HTTP's `Basic` scheme (RFC 7617); `None` when the scheme cannot carry the name.
pub fn basic(username: &str, password: &str) -> Option<HeaderValue> {
    if username.contains(':') {
        return None;
    }
    let token = BASE64_STANDARD.encode(format!("{username}:{password}"));
    let mut value = HeaderValue::from_str(&format!("Basic {token}")).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Scheme, host and port: what makes two URLs the same server.
fn origin(url: &Url) -> Result<Origin, HttpError> {
    let bad = |why| HttpError::Url { url: without_secrets(url), why };
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("only http and https are known"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(bad("it may not hold a user name or password"));
    }
    let host = url.host_str().ok_or_else(|| bad("no host"))?;
    let port = url.port_or_known_default().ok_or_else(|| bad("no port"))?;
    Ok((url.scheme().to_owned(), host.to_owned(), port))
}

fn without_secrets(url: &Url) -> String {
    let mut shown = url.clone();
    let _ = shown.set_password(None);
    let _ = shown.set_username("");
    shown.to_string()
}

fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

/// Whether `to` is the server of `from`.
pub fn same_server(from: &Url, to: &Url) -> bool {
    matches!((origin(from), origin(to)), (Ok(a), Ok(b)) if a == b)
}

fn redirect_target(response: &Response) -> Result<Option<Url>, HttpError> {
    let redirects = matches!(response.status.as_u16(), 301 | 302 | 307 | 308);
    let Some(location) = response.header(header::LOCATION).filter(|_| redirects) else { return Ok(None) };
    let from = &response.url;
    let to = from.join(location).map_err(|_| HttpError::Url { url: location.to_owned(), why: "bad redirect" })?;
    if same_server(from, &to) {
        return Ok(Some(to));
    }
    Err(HttpError::RedirectElsewhere { host: host_of(from), to: without_secrets(&to) })
}

#[cfg(test)]
mod tests;

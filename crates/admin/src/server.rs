//! The HTTPS listener (and one without TLS): HTTP/1.1 with limits on everything a stranger can do to it.
//!
//! The certificate is exchanged behind the TLS configuration, see `zaiseki_net::tls::ReloadableCert`. Handlers find the
//! other end's address as axum's `ConnectInfo<SocketAddr>`, and the connection's place among the strangers of that address
//! as an extension, [`Stranger`], and the version of TLS as another.

use crate::body::{Counted, TimedBody};
use crate::stranger::Stranger;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tower::ServiceExt;
use zaiseki_model::live::TlsVersion;
use zaiseki_model::settings::Settings;
use zaiseki_net::gate::Gate;
use zaiseki_net::socket::guard;

/// Limits of the listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpLimits {
    /// Connections at once, WebSockets included; those beyond are closed at once.
    pub connections: usize,
    /// From TCP to a finished TLS handshake.
    pub handshake: Duration,
    /// From the beginning of a request, or the end of the one before, to the last byte of its headers.
    pub headers: Duration,
    /// For a request body to come whole.
    pub body: Duration,
    /// Bytes of a request's line and headers; at least 8,192.
    pub header_bytes: usize,
    /// Number of a request's headers.
    pub header_count: usize,
    /// For requests under way, after the word to stop.
    pub drain: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        HttpLimits {
            connections: 20_000,
            handshake: Duration::from_secs(10),
            headers: Duration::from_secs(20),
            body: Duration::from_secs(30),
            header_bytes: 32 * 1024,
            header_count: 64,
            drain: Duration::from_secs(5),
        }
    }
}

/// After an error of `accept` that is not about one connection (no file handles left).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves, in clear text without `tls`, until `stop` says true or its sender is gone, then lets requests under way end. `settings`: what a connection is
/// granted, as it is when the connection comes.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<ServerConfig>>,
    router: Router,
    limits: HttpLimits,
    settings: watch::Receiver<Arc<Settings>>,
    mut stop: watch::Receiver<bool>,
) {
    let door = Door { places: Arc::new(Semaphore::new(limits.connections)), gate: Arc::default(), settings };
    let server = Arc::new(Server { acceptor: tls.map(TlsAcceptor::from), router, limits, stop: stop.clone() });
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = stopped(&mut stop) => break,
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        let (tcp, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "an HTTPS connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some((place, stranger)) = door.admit(&tcp, peer) else { continue };
        let server = server.clone();
        connections.spawn(async move { server.connection(tcp, peer, place, stranger).await });
    }
    drop(listener);
    let drain = server.limits.drain;
    let _ = timeout(drain, async { while connections.join_next().await.is_some() {} }).await;
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Who may come in.
struct Door {
    places: Arc<Semaphore>,
    gate: Arc<Gate>,
    settings: watch::Receiver<Arc<Settings>>,
}

impl Door {
    /// The connection's places, among all and among those of its address. `None`: it is closed without a word.
    fn admit(&self, tcp: &TcpStream, peer: SocketAddr) -> Option<(OwnedSemaphorePermit, Stranger)> {
        let grants = self.settings.borrow().connections;
        let Ok(place) = self.places.clone().try_acquire_owned() else {
            tracing::debug!(%peer, "too many HTTPS connections");
            return None;
        };
        let Some(stranger) = self.gate.enter(peer.ip(), grants.strangers_per_address) else {
            tracing::debug!(%peer, "too many HTTPS connections of this address");
            return None;
        };
        match guard(tcp, grants.peer_timeout) {
            Ok(()) => Some((place, Stranger::new(stranger))),
            Err(error) => {
                tracing::debug!(%peer, %error, "lost as soon as accepted");
                None
            }
        }
    }
}

struct Server {
    acceptor: Option<TlsAcceptor>,
    router: Router,
    limits: HttpLimits,
    stop: watch::Receiver<bool>,
}

impl Server {
    async fn connection(&self, tcp: TcpStream, peer: SocketAddr, place: OwnedSemaphorePermit, stranger: Stranger) {
        let Some(acceptor) = &self.acceptor else {
            return self
                .exchange(Counted { stream: tcp, _place: place, _stranger: stranger.clone() }, peer, None, stranger)
                .await;
        };
        let stream = match timeout(self.limits.handshake, acceptor.accept(tcp)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return tracing::debug!(%peer, %error, "TLS handshake failed"),
            Err(_) => return tracing::debug!(%peer, "TLS handshake took too long"),
        };
        let tls = zaiseki_router::tls::version(stream.get_ref().1.protocol_version());
        self.exchange(Counted { stream, _place: place, _stranger: stranger.clone() }, peer, tls, stranger).await;
    }

    /// Request after request, until one end has enough.
    async fn exchange<S>(&self, stream: Counted<S>, peer: SocketAddr, tls: Option<TlsVersion>, stranger: Stranger)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let io = TokioIo::new(stream);
        let body_time = self.limits.body;
        let service = service_fn(|request: hyper::Request<Incoming>| {
            let mut request = request.map(|body| Body::new(TimedBody::new(body, body_time)));
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(stranger.clone());
            tls.map(|tls| request.extensions_mut().insert(tls));
            framed_once(self.router.clone(), request)
        });
        let mut builder = http1::Builder::new();
        builder
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.headers)
            .max_buf_size(self.limits.header_bytes)
            .max_headers(self.limits.header_count);
        let connection = builder.serve_connection(io, service).with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let mut stop = self.stop.clone();
        let outcome = tokio::select! {
            outcome = connection.as_mut() => outcome,
            () = stopped(&mut stop) => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = outcome {
            tracing::debug!(%peer, %error, "HTTP connection ended");
        }
    }
}

/// What follows a request with a transfer coding is never taken for another request: a proxy in front that goes by a length
/// beside it, and this server, which goes by the coding (RFC 9112 §6.3), cannot be made to disagree where the next begins
/// (§11.2).
async fn framed_once(router: Router, request: axum::extract::Request) -> Result<Response, Infallible> {
    let coded = request.headers().contains_key(header::TRANSFER_ENCODING);
    let mut response = router.oneshot(request).await?;
    if coded {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

#[cfg(test)]
mod tests;

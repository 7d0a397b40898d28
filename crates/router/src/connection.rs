//! The task of one TCP connection: the only owner of its socket.

use crate::client::{Client, Flow};
use crate::node::Node;
use crate::outbox::Flush;
use crate::tls::ServerTls;
use crate::tls_io::{Got, Io};
use bytes::BytesMut;
use rustls::{ProtocolVersion, ServerConfig, ServerConnection};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use zaiseki_model::live::{Carrier, TlsVersion, Transport};
use zaiseki_net::gate::Place;
use zaiseki_stream::c2s::TlsInfo;
use zaiseki_xmpp::stanza::StreamErrorCondition;

/// A client whose own output waits unread is not read from either.
const STOP_READING: usize = 512 * 1024;
/// How long the last bytes of a closing stream may take.
const CLOSE_TIME: Duration = Duration::from_secs(5);
/// How long a client that reads slowly may take to read why its session ended, when the listener stops.
const DRAIN_TIME: Duration = Duration::from_secs(4);

/// How connections of one listener begin.
#[derive(Clone)]
pub struct Entry {
    pub node: Arc<Node>,
    pub tls: Arc<ServerTls>,
    /// XEP-0368: TLS from the first byte.
    pub direct_tls: bool,
    /// Cancelled when the listener stops: those without a session are let go; the engine tells the others.
    pub stop: CancellationToken,
}

/// A connection that the listener let in.
pub struct Accepted {
    pub tcp: TcpStream,
    pub peer: SocketAddr,
    /// Its place among the strangers of its address, given back when its user has signed in.
    pub place: Place,
    /// From now to a bound session.
    pub sign_in_time: Duration,
}

/// Serves one connection until it ends.
pub async fn serve(entry: Entry, accepted: Accepted) {
    let Accepted { tcp, peer, place, sign_in_time } = accepted;
    let stop = entry.stop.clone();
    let mut connection = Connection::new(entry, tcp, peer);
    let end = match sign_in(&mut connection, sign_in_time, &stop).await {
        Ok(true) => {
            drop(place);
            Box::pin(until_drained(&mut connection, &stop)).await
        }
        other => other,
    };
    if let Err(error) = end {
        tracing::debug!(%peer, %error, "connection lost");
    }
    connection.finish().await;
}

/// True: a session is bound.
async fn sign_in(connection: &mut Connection, time: Duration, stop: &CancellationToken) -> io::Result<bool> {
    let why = tokio::select! {
        signed_in = connection.until_bound() => return signed_in,
        () = tokio::time::sleep(time) => (StreamErrorCondition::ConnectionTimeout, "sign-in took too long"),
        () = stop.cancelled() => (StreamErrorCondition::SystemShutdown, "the server is going down"),
    };
    connection.client.fail(why.0, why.1);
    Ok(false)
}

/// A bound session. When the listener stops the engine ends it; whoever does not read that is cut off.
async fn until_drained(connection: &mut Connection, stop: &CancellationToken) -> io::Result<bool> {
    let drained = async {
        stop.cancelled().await;
        tokio::time::sleep(DRAIN_TIME).await;
    };
    tokio::select! {
        end = connection.run() => end,
        () = drained => Err(io::Error::other("the client does not read that the server is going down")),
    }
}

struct Connection {
    io: Io,
    client: Client,
    tls: Arc<ServerTls>,
    input: BytesMut,
    /// What is being written, and how far.
    flush: Option<(Flush, usize)>,
    closing: bool,
}

impl Connection {
    fn new(entry: Entry, tcp: TcpStream, peer: SocketAddr) -> Self {
        let mut io = Io::new(tcp);
        if entry.direct_tls {
            match ServerConnection::new(entry.tls.config(true)) {
                Ok(tls) => io.start_tls(tls),
                Err(error) => tracing::error!(%error, "TLS can't start"),
            }
        }
        let transport = if entry.direct_tls { Transport::DirectTls } else { Transport::Tcp };
        let client = Client::new(entry.node, None, Carrier::new(transport, peer.ip()));
        Connection { io, client, tls: entry.tls, input: BytesMut::new(), flush: None, closing: false }
    }

    /// Everything up to a bound session. True: bound. False: ended before.
    async fn until_bound(&mut self) -> io::Result<bool> {
        if self.io.tls().is_some() && !self.handshake().await? {
            return Ok(false);
        }
        while !self.client.bound() {
            if !self.turn().await? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    async fn run(&mut self) -> io::Result<bool> {
        while self.turn().await? {}
        Ok(false)
    }

    /// One round: wait for something, read, write. False: the stream is over.
    async fn turn(&mut self) -> io::Result<bool> {
        self.write()?;
        if self.closing {
            return Ok(false);
        }
        let blocked = self.flush.is_some() || self.io.wants_write();
        let listen = self.client.outbox().len() < STOP_READING;
        let outbox = self.client.outbox().clone();
        tokio::select! {
            ready = self.io.readable(), if listen => {
                ready?;
                return self.read().await;
            }
            ready = self.io.writable(), if blocked => ready?,
            () = outbox.ready(), if !blocked => {}
        }
        Ok(true)
    }

    async fn read(&mut self) -> io::Result<bool> {
        match self.io.read(&mut self.input)? {
            Got::Nothing => return Ok(true),
            Got::End => return Ok(false),
            Got::Some => {}
        }
        let flow = self.client.feed(&mut self.input).await;
        if self.input.is_empty() {
            // An idle connection holds no buffer.
            self.input = BytesMut::new();
        }
        match flow {
            Flow::Continue => Ok(true),
            Flow::StartTls => self.start_tls().await,
            Flow::Close => {
                self.write()?;
                Ok(false)
            }
        }
    }

    async fn start_tls(&mut self) -> io::Result<bool> {
        while !self.client.outbox().is_empty() || self.flush.is_some() {
            self.write()?;
            if self.flush.is_some() {
                self.io.writable().await?;
            }
        }
        let config: Arc<ServerConfig> = self.tls.config(false);
        self.io.start_tls(ServerConnection::new(config).map_err(io::Error::other)?);
        self.handshake().await
    }

    /// False: the client left before it was done.
    async fn handshake(&mut self) -> io::Result<bool> {
        while self.io.handshaking() {
            self.io.flush_tls()?;
            if !self.io.handshaking() {
                break;
            }
            tokio::select! {
                ready = self.io.readable() => {
                    ready?;
                    if self.io.read(&mut self.input)? == Got::End {
                        return Ok(false);
                    }
                }
                ready = self.io.writable(), if self.io.wants_write() => ready?,
            }
        }
        self.io.flush_tls()?;
        self.client.node().traffic.tls_handshakes.add(1);
        self.client.secured(self.tls_info(), self.tls_version());
        // The client may have sent its first bytes along with its last handshake message.
        if !self.input.is_empty() {
            return Ok(self.client.feed(&mut self.input).await == Flow::Continue);
        }
        Ok(true)
    }

    fn tls_info(&self) -> TlsInfo {
        // RFC 9266 §4.2: with TLS 1.2 only under an extended master secret, of which rustls does not tell.
        let tls = self.io.tls().filter(|tls| tls.protocol_version() == Some(ProtocolVersion::TLSv1_3));
        let exporter = tls.and_then(|tls| tls.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", Some(b"")).ok());
        TlsInfo { exporter, end_point: self.tls.end_point_binding() }
    }

    fn tls_version(&self) -> Option<TlsVersion> {
        crate::tls::version(self.io.tls()?.protocol_version())
    }

    /// Writes as much as the socket takes; reports messages whose bytes left completely.
    fn write(&mut self) -> io::Result<()> {
        loop {
            if self.flush.is_none() && !self.next_flush()? {
                return self.io.flush_tls();
            }
            let Some((flush, done)) = &mut self.flush else { return Ok(()) };
            *done += self.io.write(&flush.bytes[*done..])?;
            if *done < flush.bytes.len() {
                return Ok(());
            }
            let Some((flush, _)) = self.flush.take() else { return Ok(()) };
            self.client.written(&flush.kept);
        }
    }

    /// Takes what the outbox holds. False: nothing.
    fn next_flush(&mut self) -> io::Result<bool> {
        let Some(mut flush) = self.client.take_output() else { return Ok(false) };
        if flush.overflow {
            return Err(io::Error::other("the client reads too slowly"));
        }
        if let Some(why) = flush.close.take() {
            self.client.closing(why);
            self.closing = true;
        }
        self.flush = Some((flush, 0));
        Ok(true)
    }

    /// Lets the last bytes out, for a short time, and tells the engine that the connection is gone.
    async fn finish(mut self) {
        self.client.lost();
        let _ = tokio::time::timeout(CLOSE_TIME, async {
            while self.write().is_ok() && (self.flush.is_some() || self.io.wants_write()) {
                if self.io.writable().await.is_err() {
                    return;
                }
            }
            self.io.close_notify();
        })
        .await;
    }
}

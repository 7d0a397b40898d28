//! XMPP over WebSocket (RFC 7395): one message, one element.

use super::carrier::stanzas;
use super::gate::Round;
use super::origin::is_allowed;
use crate::stranger::Stranger;
use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, Extension, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::BytesMut;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};
use zaiseki_model::limits;
use zaiseki_model::live::{Carrier, TlsVersion, Transport};
use zaiseki_model::settings::ConnectionSettings;
use zaiseki_router::client::{Client, Flow};
use zaiseki_router::node::Node;
use zaiseki_stream::c2s::TlsInfo;
use zaiseki_xmpp::stanza::StreamErrorCondition;

/// How long the goodbye of a closing WebSocket may take.
const CLOSE_TIME: Duration = Duration::from_secs(5);

/// `GET /xmpp-websocket`. Served over HTTPS only, so the stream counts as protected.
pub fn websocket_routes(node: Arc<Node>) -> Router {
    Router::new().route("/xmpp-websocket", get(upgrade)).with_state(node)
}

async fn upgrade(
    State(node): State<Arc<Node>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Extension(round): Extension<Round>,
    stranger: Option<Extension<Stranger>>,
    tls: Option<Extension<TlsVersion>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !is_allowed(&headers) {
        return (StatusCode::FORBIDDEN, "this page may not use the service").into_response();
    }
    let upgrade = upgrade.protocols(["xmpp"]);
    if upgrade.selected_protocol().is_none() {
        return (StatusCode::BAD_REQUEST, "the subprotocol is xmpp (RFC 7395)").into_response();
    }
    upgrade.max_message_size(limits::STANZA_BYTES).max_frame_size(limits::STANZA_BYTES).on_upgrade(move |socket| async move {
        let grants = node.connection_settings();
        let carrier = Carrier { tls: tls.map(|Extension(tls)| tls), ..Carrier::new(Transport::WebSocket, peer.ip()) };
        let client = Client::new(node, Some(TlsInfo::default()), carrier);
        Connection { socket, client, grants, round, heard: Instant::now(), pinged: None }.serve(stranger).await;
    })
}

struct Connection {
    socket: WebSocket,
    client: Client,
    grants: ConnectionSettings,
    round: Round,
    /// When the client said something last.
    heard: Instant,
    /// When it was asked whether it is there; it has said nothing since.
    pinged: Option<Instant>,
}

impl Connection {
    async fn serve(mut self, stranger: Option<Extension<Stranger>>) {
        let round = self.round.clone();
        tokio::select! {
            () = self.talk(stranger) => {}
            () = round.long_over() => {}
        }
        let _ = timeout(CLOSE_TIME, flush(&mut self.socket, &mut self.client)).await;
        self.client.lost();
        let _ = timeout(CLOSE_TIME, self.socket.send(Message::Close(None))).await;
    }

    async fn talk(&mut self, mut stranger: Option<Extension<Stranger>>) {
        let sign_in = self.heard + self.grants.sign_in_time;
        while !self.flush_in_time().await.is_none_or(|over| over) && self.turn(sign_in).await == Flow::Continue {
            if self.client.bound()
                && let Some(Extension(stranger)) = stranger.take()
            {
                stranger.is_known();
            }
        }
    }

    /// Waits for something to come, to send or to be over.
    async fn turn(&mut self, sign_in: Instant) -> Flow {
        let outbox = self.client.outbox().clone();
        let next_look = self.pinged.unwrap_or(self.heard) + self.grants.peer_timeout / 2;
        let message = tokio::select! {
            biased;
            message = self.socket.recv() => message,
            () = outbox.ready() => return Flow::Continue,
            () = sleep_until(next_look) => return self.look().await,
            () = sleep_until(sign_in), if !self.client.bound() => {
                self.client.fail(StreamErrorCondition::ConnectionTimeout, "sign-in took too long");
                return Flow::Close;
            }
            // The engine tells those who are bound.
            () = self.round.over(), if !self.client.bound() => {
                self.client.fail(StreamErrorCondition::SystemShutdown, "the server is going down");
                return Flow::Close;
            }
        };
        (self.heard, self.pinged) = (Instant::now(), None);
        match message {
            Some(Ok(Message::Text(text))) => feed(&mut self.client, &text).await,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Flow::Continue,
            // Binary messages are not allowed (RFC 7395 §3.2).
            Some(Ok(Message::Binary(_))) => {
                self.client.fail(StreamErrorCondition::BadFormat, "binary message");
                Flow::Close
            }
            Some(Err(error)) => {
                // Too long mostly; when the connection broke, nobody is there to read this.
                self.client.fail(StreamErrorCondition::PolicyViolation, &error.to_string());
                Flow::Close
            }
            Some(Ok(Message::Close(_))) | None => Flow::Close,
        }
    }

    /// Nothing was heard for long. Asks by a ping (RFC 6455 §5.5.2), since a reverse proxy between answers the network's
    /// probes whether the client is there or not; after a ping without an answer the client is gone.
    async fn look(&mut self) -> Flow {
        if self.pinged.is_some() {
            tracing::debug!("a web client answers no ping");
            return Flow::Close;
        }
        self.pinged = Some(Instant::now());
        match timeout(self.grants.peer_timeout, self.socket.send(Message::Ping(Default::default()))).await {
            Ok(Ok(())) => Flow::Continue,
            _ => Flow::Close,
        }
    }

    /// [`flush`], for as long as a client may take none of it.
    async fn flush_in_time(&mut self) -> Option<bool> {
        timeout(self.grants.peer_timeout, flush(&mut self.socket, &mut self.client)).await.ok().flatten()
    }
}

/// One message, which must not end in the middle of an element (RFC 7395 §3.3.3).
async fn feed(client: &mut Client, text: &str) -> Flow {
    let mut input = BytesMut::from(text.as_bytes());
    let flow = client.feed(&mut input).await;
    if flow == Flow::Continue && !input.is_empty() {
        client.fail(StreamErrorCondition::NotWellFormed, "a message holds whole elements");
        return Flow::Close;
    }
    flow
}

/// Sends what waits. `Some(true)`: the stream is over. `None`: the socket is gone, or its reader too slow.
async fn flush(socket: &mut WebSocket, client: &mut Client) -> Option<bool> {
    while let Some(mut flush) = client.take_output() {
        if flush.overflow {
            return None;
        }
        for stanza in stanzas(&flush) {
            let text = String::from_utf8(stanza).ok()?;
            socket.send(Message::Text(text.into())).await.ok()?;
        }
        client.written(&flush.kept);
        if let Some(why) = flush.close.take() {
            client.closing(why);
            Box::pin(self::flush(socket, client)).await?;
            return Some(true);
        }
    }
    Some(false)
}

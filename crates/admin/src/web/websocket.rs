//! XMPP over WebSocket (RFC 7395): one message, one element.

use super::carrier::stanzas;
use super::origin::is_allowed;
use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::BytesMut;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use zaiseki_model::limits;
use zaiseki_router::client::{Client, Flow};
use zaiseki_router::node::Node;
use zaiseki_stream::c2s::{Framing, TlsInfo};
use zaiseki_xmpp::stanza::StreamErrorCondition;

/// `GET /xmpp-websocket`. Served over HTTPS only, so the stream counts as protected.
pub fn websocket_routes(node: Arc<Node>) -> Router {
    Router::new().route("/xmpp-websocket", get(upgrade)).with_state(node)
}

async fn upgrade(
    State(node): State<Arc<Node>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
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
        let client = Client::new(node, Framing::WebSocket, Some(TlsInfo::default()), peer.ip());
        serve(socket, client).await;
    })
}

async fn serve(mut socket: WebSocket, mut client: Client) {
    let sign_in = tokio::time::sleep(Duration::from_secs(limits::SIGN_IN_SECS));
    tokio::pin!(sign_in);
    let outbox = client.outbox().clone();
    loop {
        if flush(&mut socket, &mut client).await.is_none_or(|over| over) {
            break;
        }
        let message = tokio::select! {
            message = socket.recv() => message,
            () = outbox.ready() => continue,
            () = &mut sign_in, if !client.bound() => {
                client.fail(StreamErrorCondition::ConnectionTimeout, "sign-in took too long");
                None
            }
        };
        let flow = match message {
            Some(Ok(Message::Text(text))) => feed(&mut client, &text).await,
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Flow::Continue,
            // Binary messages are not allowed (RFC 7395 §3.2).
            Some(Ok(Message::Binary(_))) => {
                client.fail(StreamErrorCondition::BadFormat, "binary message");
                Flow::Close
            }
            Some(Ok(Message::Close(_)) | Err(_)) | None => Flow::Close,
        };
        if flow != Flow::Continue {
            break;
        }
    }
    let _ = flush(&mut socket, &mut client).await;
    client.lost();
    let _ = socket.send(Message::Close(None)).await;
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

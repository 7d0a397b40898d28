//! Accepting connections.

use crate::connection::{Accepted, Entry, serve};
use crate::node::Node;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use zaiseki_net::gate::Gate;
use zaiseki_net::socket::guard;

/// The next number of a connection; used in logs only.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Counts live connections, and those of strangers by address.
#[derive(Default)]
pub struct Connections {
    count: AtomicU64,
    gate: Arc<Gate>,
}

impl Connections {
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }
}

struct Counted(Arc<Node>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Accepts clients until the entry's `stop`.
pub async fn listen(listener: TcpListener, entry: Entry) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = entry.stop.cancelled() => return,
        };
        match accepted {
            Ok((tcp, peer)) => start(&entry, tcp, peer),
            Err(error) => wait_after(&error).await,
        }
    }
}

fn start(entry: &Entry, tcp: TcpStream, peer: SocketAddr) {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let grants = entry.node.connection_settings();
    let connections = &entry.node.connections;
    // Refused without a word: a stream error would cost a TLS handshake first.
    let Some(place) = connections.gate.enter(peer.ip(), grants.strangers_per_address) else {
        return tracing::debug!(number, %peer, "too many connections of this address that have not signed in");
    };
    if let Err(error) = guard(&tcp, grants.peer_timeout) {
        return tracing::debug!(number, %peer, %error, "lost as soon as accepted");
    }
    tracing::trace!(number, %peer, "accepted");
    entry.node.traffic.connections.add(1);
    connections.count.fetch_add(1, Ordering::Relaxed);
    let counted = Counted(entry.node.clone());
    let entry = entry.clone();
    tokio::spawn(async move {
        let _counted = counted;
        serve(entry, Accepted { tcp, peer, place, sign_in_time: grants.sign_in_time }).await;
    });
}

/// Out of file descriptors, mostly: accepting at once again would only spin.
async fn wait_after(error: &io::Error) {
    tracing::warn!(%error, "can't accept a connection");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

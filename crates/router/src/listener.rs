//! Accepting connections.

use crate::connection::{Entry, serve};
use crate::node::Node;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// The next number of a connection; used in logs only.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Counts live connections.
#[derive(Default)]
pub struct Connections {
    count: AtomicU64,
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

/// Accepts clients until `stop`.
pub async fn listen(listener: TcpListener, entry: Entry, stop: CancellationToken) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => return,
        };
        match accepted {
            Ok((tcp, peer)) => start(&entry, tcp, peer),
            Err(error) => wait_after(&error).await,
        }
    }
}

fn start(entry: &Entry, tcp: tokio::net::TcpStream, peer: SocketAddr) {
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    tracing::trace!(number, %peer, "accepted");
    entry.node.traffic.connections.add(1);
    entry.node.connections.count.fetch_add(1, Ordering::Relaxed);
    let counted = Counted(entry.node.clone());
    let entry = entry.clone();
    tokio::spawn(async move {
        let _counted = counted;
        serve(entry, tcp, peer).await;
    });
}

/// Out of file descriptors, mostly: accepting at once again would only spin.
async fn wait_after(error: &io::Error) {
    tracing::warn!(%error, "can't accept a connection");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

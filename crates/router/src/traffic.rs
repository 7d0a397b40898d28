//! What connections count. Relaxed: nobody decides anything by these numbers.

use std::sync::atomic::{AtomicU64, Ordering};
use zaiseki_model::vitals::NodeCounts;

#[derive(Default)]
pub struct Traffic {
    pub(crate) received_bytes: Count,
    pub(crate) sent_bytes: Count,
    pub(crate) connections: Count,
    pub(crate) tls_handshakes: Count,
    pub(crate) sign_ins: Count,
    pub(crate) sign_ins_refused: Count,
}

#[derive(Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub fn add(&self, more: usize) {
        self.0.fetch_add(more as u64, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Traffic {
    /// Enters what connections know into the engine's counts.
    pub(crate) fn fill(&self, counts: NodeCounts, open: u64) -> NodeCounts {
        NodeCounts {
            received_bytes_total: self.received_bytes.get(),
            sent_bytes_total: self.sent_bytes.get(),
            connections_total: self.connections.get(),
            connections: open,
            tls_handshakes_total: self.tls_handshakes.get(),
            sign_ins_total: self.sign_ins.get(),
            sign_ins_refused_total: self.sign_ins_refused.get(),
            ..counts
        }
    }
}

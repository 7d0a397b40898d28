//! The write half of a connection: bytes gathered between two flushes, so that one write carries many stanzas.

use crate::engine::SessionId;
use crate::outlet::{Close, Outlet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use zaiseki_model::{MessageId, limits};

/// XEP-0198 §4: asks for an acknowledgement.
const ACK_REQUEST: &[u8] = b"<r xmlns='urn:xmpp:sm:3'/>";

/// Shared by the engine, which fills it, and the connection's task, which empties it.
pub struct Outbox {
    state: Mutex<State>,
    notify: Notify,
    /// WebSocket and BOSH need to know where a stanza ends.
    framed: bool,
}

#[derive(Default)]
struct State {
    bytes: Vec<u8>,
    /// Ends of stanzas within `bytes`, when framed.
    ends: Vec<usize>,
    kept: Vec<MessageId>,
    ack_wanted: bool,
    close: Option<Close>,
    overflow: bool,
    session: Option<SessionId>,
    abandoned: bool,
    /// The task was told, or is about to look.
    dirty: bool,
}

/// What the task writes next.
#[derive(Default)]
pub struct Flush {
    pub bytes: Vec<u8>,
    pub ends: Vec<usize>,
    /// Messages to report as written once `bytes` left.
    pub kept: Vec<MessageId>,
    /// The stream ends after `bytes`.
    pub close: Option<Close>,
    /// More waited than [`limits::OUTBOX_BYTES`]: the connection is cut.
    pub overflow: bool,
}

impl Outbox {
    pub fn new(framed: bool) -> Self {
        Outbox { state: Mutex::default(), notify: Notify::new(), framed }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic while holding the lock leaves whole stanzas or none: the state stays usable.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what waits; `spare` becomes the next buffer. `None`: nothing to do.
    pub fn take(&self, spare: Vec<u8>) -> Option<Flush> {
        let mut state = self.lock();
        state.dirty = false;
        if state.bytes.is_empty() && state.close.is_none() && !state.overflow && !state.ack_wanted {
            return None;
        }
        if std::mem::take(&mut state.ack_wanted) && state.close.is_none() {
            state.bytes.extend_from_slice(ACK_REQUEST);
            if self.framed {
                let end = state.bytes.len();
                state.ends.push(end);
            }
        }
        Some(Flush {
            bytes: std::mem::replace(&mut state.bytes, spare),
            ends: std::mem::take(&mut state.ends),
            kept: std::mem::take(&mut state.kept),
            close: state.close.take(),
            overflow: state.overflow,
        })
    }

    /// Waits until there is something to take.
    pub async fn ready(&self) {
        self.notify.notified().await;
    }

    /// The engine ended the stream: nothing more is taken from this connection.
    pub(crate) fn closing(&self) -> bool {
        self.lock().close.is_some()
    }

    /// Bytes waiting.
    pub fn len(&self) -> usize {
        self.lock().bytes.len()
    }

    /// A session is bound to this connection.
    pub(crate) fn note_session(&self, id: SessionId) {
        self.lock().session = Some(id);
    }

    /// The connection is gone. The session bound to it, whether or not its task came to know of it.
    pub(crate) fn abandon(&self) -> Option<SessionId> {
        let mut state = self.lock();
        state.abandoned = true;
        state.session
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Outlet for Outbox {
    fn push(&self, parts: &[&[u8]], kept: Option<MessageId>) -> bool {
        let mut state = self.lock();
        let more: usize = parts.iter().map(|p| p.len()).sum();
        if state.overflow || state.bytes.len() + more > limits::OUTBOX_BYTES {
            state.overflow = true;
        } else {
            state.bytes.reserve(more);
            parts.iter().for_each(|part| state.bytes.extend_from_slice(part));
            state.kept.extend(kept);
            if self.framed {
                let end = state.bytes.len();
                state.ends.push(end);
            }
        }
        !std::mem::replace(&mut state.dirty, true)
    }

    fn request_ack(&self) {
        self.lock().ack_wanted = true;
    }

    fn close(&self, why: Close) -> bool {
        let mut state = self.lock();
        state.close.get_or_insert(why);
        !std::mem::replace(&mut state.dirty, true)
    }

    fn abandoned(&self) -> bool {
        self.lock().abandoned
    }

    fn wake(&self) {
        self.notify.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stanzas_gather_and_only_the_first_wakes() {
        let outbox = Outbox::new(true);
        assert!(outbox.push(&[b"<a", b"/>"], None));
        assert!(!outbox.push(&[b"<b/>"], Some(MessageId(7))));
        let flush = outbox.take(Vec::new()).expect("something waits");
        assert_eq!((flush.bytes.as_slice(), flush.ends, flush.kept), (&b"<a/><b/>"[..], vec![4, 8], vec![MessageId(7)]));
        assert!(outbox.take(Vec::new()).is_none());
        assert!(outbox.push(&[b"<c/>"], None));
    }

    #[test]
    fn at_the_limit_all_is_well_and_one_byte_more_cuts() {
        let outbox = Outbox::new(false);
        let full = vec![b' '; limits::OUTBOX_BYTES];
        outbox.push(&[&full], None);
        outbox.push(&[b""], None);
        assert!(!outbox.lock().overflow);
        outbox.push(&[b" "], None);
        let flush = outbox.take(Vec::new()).expect("something waits");
        assert!(flush.overflow);
        assert_eq!(flush.bytes.len(), limits::OUTBOX_BYTES);
    }

    #[test]
    fn one_request_for_acknowledgement_per_flush() {
        let outbox = Outbox::new(false);
        outbox.push(&[b"<m/>"], None);
        outbox.request_ack();
        outbox.request_ack();
        let flush = outbox.take(Vec::new()).expect("something waits");
        assert_eq!(flush.bytes, [b"<m/>", ACK_REQUEST].concat());
    }
}

//! The batch that is being gathered while the writer is busy: what cancels out is never written.

use crate::words::{KeptMessage, Write};
use std::collections::{BTreeMap, HashMap};
use std::time::Instant;
use zaiseki_model::{MessageId, StreamToken, Timestamp, UserId};

/// Bytes counted for each write besides its stanza or document.
const WRITE_OVERHEAD: usize = 256;

/// Writes in order of submission. Public for the simulator, which stages as the writer does.
#[derive(Default)]
pub struct Batch {
    writes: BTreeMap<u64, Write>,
    next: u64,
    /// Where the staged messages that still have a pending part are.
    pending: HashMap<MessageId, u64>,
    /// Where the last count of a stream is, unless the stream was opened or closed after it.
    handled: HashMap<StreamToken, u64>,
    bytes: usize,
    /// When the batch stopped being empty, also of bare sequence numbers.
    pub(crate) since: Option<Instant>,
}

impl Batch {
    /// Adds a write, or lets it cancel or replace one that is staged.
    pub fn stage(&mut self, write: Write) {
        let settled = match &write {
            Write::Message(message) => nobody_keeps(message),
            Write::Release { user, id } => self.cancel(*user, *id),
            Write::StreamHandled { token, h, at } => self.raise(token, *h, *at),
            Write::StreamOpen { token, .. } | Write::StreamClose { token } => {
                self.handled.remove(token);
                false
            }
            _ => false,
        };
        if settled {
            return;
        }
        let place = self.next;
        self.next += 1;
        match &write {
            Write::Message(message) if message.pending.is_some() => self.pending.insert(message.id, place),
            Write::StreamHandled { token, .. } => self.handled.insert(*token, place),
            _ => None,
        };
        self.bytes += size(&write);
        self.writes.insert(place, write);
    }

    /// Takes the pending part off a staged message; false when there is none such.
    fn cancel(&mut self, user: UserId, id: MessageId) -> bool {
        let Some(place) = self.pending.get(&id).copied() else { return false };
        let Some(Write::Message(message)) = self.writes.get_mut(&place) else { return false };
        if message.pending != Some(user) {
            return false;
        }
        message.pending = None;
        self.pending.remove(&id);
        if nobody_keeps(message)
            && let Some(write) = self.writes.remove(&place)
        {
            self.bytes -= size(&write);
        }
        true
    }

    /// Puts a later count in the place of the staged one; false when there is none.
    fn raise(&mut self, token: &StreamToken, new: u32, new_at: Timestamp) -> bool {
        let staged = self.handled.get(token).and_then(|place| self.writes.get_mut(place));
        let Some(Write::StreamHandled { h, at, .. }) = staged else { return false };
        (*h, *at) = (new, new_at);
        true
    }

    pub(crate) fn len(&self) -> usize {
        self.writes.len()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// What is left to write, in order.
    pub fn writes(&self) -> impl Iterator<Item = &Write> {
        self.writes.values()
    }
}

fn nobody_keeps(message: &KeptMessage) -> bool {
    message.pending.is_none() && message.archive.iter().all(Option::is_none)
}

fn size(write: &Write) -> usize {
    WRITE_OVERHEAD
        + match write {
            Write::Message(message) => message.stanza.len(),
            Write::DocPut { value, .. } => value.len(),
            Write::RosterPut { item, .. } => item.pending_in.as_ref().map_or(0, |payload| payload.len()),
            _ => 0,
        }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::ArchiveCopy;
    use bytes::Bytes;

    const ANN: UserId = UserId([1; 16]);
    const BOB: UserId = UserId([2; 16]);
    const TOKEN: StreamToken = StreamToken([7; 16]);

    fn message(id: i64, archived: bool, pending: Option<UserId>) -> Write {
        let copy = archived.then(|| ArchiveCopy { owner: ANN, peer: "bob@example".to_owned() });
        let stanza = Bytes::from_static(b"<message xmlns='jabber:client'/>");
        Write::Message(KeptMessage { id: MessageId(id), stanza, archive: [copy, None], pending })
    }

    fn release(user: UserId, id: i64) -> Write {
        Write::Release { user, id: MessageId(id) }
    }

    fn staged(writes: impl IntoIterator<Item = Write>) -> Vec<Write> {
        let mut batch = Batch::default();
        writes.into_iter().for_each(|write| batch.stage(write));
        assert_eq!(batch.bytes(), batch.writes().map(size).sum::<usize>());
        assert_eq!(batch.len(), batch.writes().count());
        batch.writes().cloned().collect()
    }

    #[test]
    fn an_acknowledged_message_without_archive_is_not_written() {
        assert_eq!(staged([message(1, false, Some(BOB)), release(BOB, 1)]), []);
        assert_eq!(staged([message(1, false, None)]), []);
    }

    #[test]
    fn an_acknowledged_message_with_archive_loses_its_pending_part() {
        assert_eq!(staged([message(1, true, Some(BOB)), release(BOB, 1)]), [message(1, true, None)]);
    }

    #[test]
    fn the_release_of_something_else_is_kept() {
        let other_user = [message(1, false, Some(BOB)), release(ANN, 1)];
        assert_eq!(staged(other_user.clone()), other_user);
        let other_message = [message(1, false, Some(BOB)), release(BOB, 2)];
        assert_eq!(staged(other_message.clone()), other_message);
    }

    #[test]
    fn counts_of_a_stream_collapse_to_the_last() {
        let handled = |h: u32| Write::StreamHandled { token: TOKEN, h, at: Timestamp(i64::from(h)) };
        let other = Write::StreamHandled { token: StreamToken([8; 16]), h: 5, at: Timestamp::ZERO };
        let writes = [handled(1), message(1, true, None), other.clone(), handled(2), handled(3)];
        assert_eq!(staged(writes), [handled(3), message(1, true, None), other]);
    }

    #[test]
    fn counts_do_not_move_before_the_opening_of_their_stream() {
        let handled = |h| Write::StreamHandled { token: TOKEN, h, at: Timestamp::ZERO };
        let open = Write::StreamOpen { token: TOKEN, user: ANN, resource: "r".to_owned(), at: Timestamp::ZERO };
        let close = Write::StreamClose { token: TOKEN };
        let writes = [handled(1), close.clone(), open.clone(), handled(0), handled(2)];
        assert_eq!(staged(writes), [handled(1), close, open, handled(2)]);
    }
}

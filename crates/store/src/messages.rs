//! Messages: kept while in an archive or not yet acknowledged by their receiver.

use crate::database::Database;
use crate::error::{Doing, Result};
use crate::words::{KeptMessage, StoredMessage};
use bytes::Bytes;
use rusqlite::{Row, params};
use zaiseki_model::{MessageId, UserId, limits};

/// True in SQL for a row `message` whose receiver has yet to acknowledge it.
const STILL_PENDING: &str =
    "EXISTS (SELECT 1 FROM pending WHERE pending.user_key = message.receiver AND pending.id = message.id)";

impl Database {
    pub(crate) fn put_message(&self, message: &KeptMessage) -> Result<()> {
        let operation = "writing a message";
        let owner_a = self.put_copy(message, 0)?;
        let owner_b = self.put_copy(message, 1)?.filter(|b| owner_a != Some(*b));
        let receiver = match message.pending {
            Some(user) => self.key(user)?,
            None => None,
        };
        if owner_a.is_none() && owner_b.is_none() && receiver.is_none() {
            return Ok(());
        }
        let sql = "INSERT INTO message (id, owner_a, owner_b, receiver, stanza) VALUES (?1, ?2, ?3, ?4, ?5)
                   ON CONFLICT (id) DO NOTHING";
        self.run(operation, sql, params![message.id.0, owner_a, owner_b, receiver, &message.stanza[..]])?;
        if let Some(key) = receiver {
            let sql = "INSERT INTO pending (user_key, id) VALUES (?1, ?2) ON CONFLICT (user_key, id) DO NOTHING";
            self.run(operation, sql, params![key, message.id.0])?;
        }
        Ok(())
    }

    /// Writes one archive row; the key of its owner, if there is one.
    fn put_copy(&self, message: &KeptMessage, index: usize) -> Result<Option<i64>> {
        let Some(copy) = &message.archive[index] else { return Ok(None) };
        let Some(key) = self.key(copy.owner)? else { return Ok(None) };
        let sql = "INSERT INTO archive (owner, id, peer) VALUES (?1, ?2, ?3) ON CONFLICT (owner, id) DO NOTHING";
        self.run("writing an archive row", sql, params![key, message.id.0, copy.peer])?;
        Ok(Some(key))
    }

    pub(crate) fn release(&self, user: UserId, id: MessageId) -> Result<()> {
        let operation = "releasing a message";
        let Some(key) = self.key(user)? else { return Ok(()) };
        if self.run(operation, "DELETE FROM pending WHERE user_key = ?1 AND id = ?2", params![key, id.0])? > 0 {
            let sql = "DELETE FROM message WHERE id = ?1 AND owner_a IS NULL AND owner_b IS NULL";
            self.run(operation, sql, [id.0])?;
        }
        Ok(())
    }

    pub(crate) fn pending(&self, user: UserId, after: Option<MessageId>, limit: usize) -> Result<Vec<StoredMessage>> {
        let operation = "reading pending messages";
        let Some(key) = self.key(user)? else { return Ok(Vec::new()) };
        let sql = "SELECT p.id, m.stanza FROM pending p CROSS JOIN message m
                   WHERE p.user_key = ?1 AND p.id > ?2 AND m.id = p.id ORDER BY p.id LIMIT ?3";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let after = after.map_or(i64::MIN, |id| id.0);
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut rows = statement.query(params![key, after, limit]).doing(operation)?;
        let (mut messages, mut bytes) = (Vec::new(), 0);
        while let Some(row) = rows.next().doing(operation)? {
            let message = stored_message(row).doing(operation)?;
            bytes += message.stanza.len();
            messages.push(message);
            if bytes >= limits::PAGE_BYTES {
                break;
            }
        }
        Ok(messages)
    }

    /// Takes up to `limit` messages with ids below `before` out of all archives; how many were taken. Messages that
    /// still wait for their receiver stay deliverable. Call again until it returns 0.
    pub fn purge_archive(&mut self, before: MessageId, limit: usize) -> Result<u64> {
        let operation = "purging the archive";
        let tx = self.begin(operation)?;
        let sql = "SELECT id, owner_a, owner_b FROM message
                   WHERE id < ?1 AND (owner_a IS NOT NULL OR owner_b IS NOT NULL) ORDER BY id LIMIT ?2";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let row = |row: &Row<'_>| Ok((row.get(0)?, [row.get(1)?, row.get(2)?]));
        let rows = statement.query_map(params![before.0, limit], row).doing(operation)?;
        let rows: Vec<(i64, [Option<i64>; 2])> = rows.collect::<rusqlite::Result<_>>().doing(operation)?;
        for (id, owners) in &rows {
            for owner in owners.iter().flatten() {
                self.run(operation, "DELETE FROM archive WHERE owner = ?1 AND id = ?2", [owner, id])?;
            }
            self.run(operation, "UPDATE message SET owner_a = NULL, owner_b = NULL WHERE id = ?1", [id])?;
            self.drop_if_unused(*id)?;
        }
        tx.commit().doing(operation)?;
        Ok(rows.len() as u64)
    }

    /// The same for the archive of one user, whatever the other side keeps.
    pub fn purge_user_archive(&mut self, user: UserId, before: MessageId, limit: usize) -> Result<u64> {
        let operation = "purging a user's archive";
        let Some(key) = self.key(user)? else { return Ok(0) };
        let tx = self.begin(operation)?;
        let removed = self.empty_archive(key, before, limit)?;
        tx.commit().doing(operation)?;
        Ok(removed as u64)
    }

    /// Takes up to `limit` rows out of one archive; how many. Inside a transaction of the caller.
    pub(crate) fn empty_archive(&self, owner: i64, before: MessageId, limit: usize) -> Result<usize> {
        let operation = "emptying an archive";
        let sql = "SELECT id FROM archive WHERE owner = ?1 AND id < ?2 ORDER BY id LIMIT ?3";
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let ids = self.ids(operation, sql, params![owner, before.0, limit])?;
        for id in &ids {
            self.run(operation, "DELETE FROM archive WHERE owner = ?1 AND id = ?2", [owner, *id])?;
            let sql = "UPDATE message SET owner_a = CASE WHEN owner_a = ?1 THEN NULL ELSE owner_a END,
                       owner_b = CASE WHEN owner_b = ?1 THEN NULL ELSE owner_b END WHERE id = ?2";
            self.run(operation, sql, [owner, *id])?;
            self.drop_if_unused(*id)?;
        }
        Ok(ids.len())
    }

    /// Drops the pending rows of a user who goes, and the messages that nobody else keeps.
    pub(crate) fn drop_pending(&self, key: i64) -> Result<()> {
        let operation = "removing pending messages";
        let ids = self.ids(operation, "SELECT id FROM pending WHERE user_key = ?1", [key])?;
        self.run(operation, "DELETE FROM pending WHERE user_key = ?1", [key])?;
        ids.iter().try_for_each(|id| self.drop_if_unused(*id))
    }

    fn drop_if_unused(&self, id: i64) -> Result<()> {
        let sql = format!("DELETE FROM message WHERE id = ?1 AND owner_a IS NULL AND owner_b IS NULL AND NOT {STILL_PENDING}");
        self.run("removing a message", &sql, [id]).map(drop)
    }

    fn ids(&self, operation: &'static str, sql: &str, params: impl rusqlite::Params) -> Result<Vec<i64>> {
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let rows = statement.query_map(params, |row| row.get(0)).doing(operation)?;
        rows.collect::<rusqlite::Result<_>>().doing(operation)
    }
}

/// From the columns id, stanza.
pub(crate) fn stored_message(row: &Row<'_>) -> rusqlite::Result<StoredMessage> {
    Ok(StoredMessage { id: MessageId(row.get(0)?), stanza: Bytes::from(row.get::<_, Vec<u8>>(1)?) })
}

//! Resumable streams (XEP-0198) and when users were last seen.

use crate::database::Database;
use crate::error::{Doing, Result};
use crate::words::{LastSeen, StreamRow};
use rusqlite::{OptionalExtension, params};
use std::collections::HashSet;
use std::time::Duration;
use zaiseki_model::{StreamToken, Timestamp, UserId};

impl Database {
    pub(crate) fn open_stream(&self, token: &StreamToken, user: UserId, resource: &str, at: Timestamp) -> Result<()> {
        let Some(key) = self.key(user)? else { return Ok(()) };
        let sql = "INSERT INTO stream (token, user_key, resource, opened_at, used_at, h) VALUES (?1, ?2, ?3, ?4, ?4, 0)
                   ON CONFLICT (token) DO NOTHING";
        self.run("writing a stream", sql, params![token.0, key, resource, at.0]).map(drop)
    }

    pub(crate) fn stream_handled(&self, token: &StreamToken, h: u32, at: Timestamp) -> Result<()> {
        let sql = "UPDATE stream SET h = ?2, used_at = ?3 WHERE token = ?1";
        self.run("writing a stream's count", sql, params![token.0, h, at.0]).map(drop)
    }

    pub(crate) fn close_stream(&self, token: &StreamToken) -> Result<()> {
        self.run("removing a stream", "DELETE FROM stream WHERE token = ?1", [token.0]).map(drop)
    }

    pub(crate) fn stream(&self, token: &StreamToken) -> Result<Option<StreamRow>> {
        let operation = "reading a stream";
        let sql = "SELECT a.name, a.id, s.resource, s.h, s.opened_at
                   FROM stream s JOIN account a ON a.user_key = s.user_key WHERE s.token = ?1 AND a.domain = ?2";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let row = statement.query_row(params![token.0, self.domain], |row| {
            Ok(StreamRow {
                name: row.get(0)?,
                user: UserId(row.get(1)?),
                resource: row.get(2)?,
                h: row.get(3)?,
                opened_at: Timestamp(row.get(4)?),
            })
        });
        row.optional().doing(operation)
    }

    /// Removes streams that were not used for longer than `keep`, except those in `alive`; how many. A stream in `alive`
    /// counts as used now once it was silent for half of `keep`: after a crash its count is there for at least as long.
    pub fn purge_streams(&mut self, alive: &HashSet<StreamToken>, now: Timestamp, keep: Duration) -> Result<u64> {
        let operation = "removing old streams";
        let tx = self.begin(operation)?;
        let (silent, old) = (now - keep / 2, now - keep);
        let mut removed = 0;
        for (token, used_at) in self.streams_before(silent)? {
            if alive.contains(&token) {
                self.run(operation, "UPDATE stream SET used_at = ?2 WHERE token = ?1", params![token.0, now.0])?;
            } else if used_at < old {
                self.close_stream(&token)?;
                removed += 1;
            }
        }
        tx.commit().doing(operation)?;
        Ok(removed)
    }

    /// The streams last used before that time, and when that was.
    fn streams_before(&self, time: Timestamp) -> Result<Vec<(StreamToken, Timestamp)>> {
        let operation = "looking for old streams";
        let mut statement = self.conn.prepare_cached("SELECT token, used_at FROM stream WHERE used_at < ?1").doing(operation)?;
        let rows = statement.query_map([time.0], |row| Ok((StreamToken(row.get(0)?), Timestamp(row.get(1)?))));
        rows.doing(operation)?.collect::<rusqlite::Result<_>>().doing(operation)
    }

    pub(crate) fn put_last_seen(&self, user: UserId, at: Timestamp, status: &str) -> Result<()> {
        let Some(key) = self.key(user)? else { return Ok(()) };
        let sql = "INSERT INTO last_seen (user_key, at, status) VALUES (?1, ?2, ?3)
                   ON CONFLICT (user_key) DO UPDATE SET at = excluded.at, status = excluded.status";
        self.run("writing when a user was seen", sql, params![key, at.0, status]).map(drop)
    }

    pub(crate) fn last_seen(&self, user: UserId) -> Result<Option<LastSeen>> {
        let operation = "reading when a user was seen";
        let Some(key) = self.key(user)? else { return Ok(None) };
        let mut statement = self.conn.prepare_cached("SELECT at, status FROM last_seen WHERE user_key = ?1").doing(operation)?;
        let row = statement.query_row([key], |row| Ok(LastSeen { at: Timestamp(row.get(0)?), status: row.get(1)? }));
        row.optional().doing(operation)
    }
}

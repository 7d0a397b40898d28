//! Resumable streams (XEP-0198) and when users were last seen.

use crate::database::Database;
use crate::error::{Doing, Result};
use crate::words::{LastSeen, StreamRow};
use rusqlite::{OptionalExtension, params};
use zaiseki_model::{StreamToken, Timestamp, UserId};

impl Database {
    pub(crate) fn open_stream(&self, token: &StreamToken, user: UserId, resource: &str, at: Timestamp) -> Result<()> {
        let Some(key) = self.key(user)? else { return Ok(()) };
        let sql = "INSERT INTO stream (token, user_key, resource, opened_at, h) VALUES (?1, ?2, ?3, ?4, 0)
                   ON CONFLICT (token) DO NOTHING";
        self.run("writing a stream", sql, params![token.0, key, resource, at.0]).map(drop)
    }

    pub(crate) fn stream_handled(&self, token: &StreamToken, h: u32) -> Result<()> {
        self.run("writing a stream's count", "UPDATE stream SET h = ?2 WHERE token = ?1", params![token.0, h]).map(drop)
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

    /// Removes streams opened before that time. With the time of this start, called when the resumption time is over,
    /// it clears what earlier runs left behind; how many.
    pub fn purge_streams(&mut self, opened_before: Timestamp) -> Result<u64> {
        let sql = "DELETE FROM stream WHERE opened_at < ?1";
        Ok(self.run("removing old streams", sql, [opened_before.0])? as u64)
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

//! How administrators are signed in: sessions of browsers, and API tokens. Both are found by SHA-256 of what their holder
//! has, so that a copy of the database opens no door.

use crate::admins::{AdminRow, object};
use crate::audit::Audit;
use crate::database::Database;
use crate::error::{Doing, Result, StoreError};
use rusqlite::{OptionalExtension, Row, params};
use serde_json::{Value, json};
use zaiseki_model::{AdminId, Timestamp, TokenId};

/// SHA-256 of a session's or token's secret.
pub type Key = [u8; 32];

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    pub key: Key,
    pub admin: AdminId,
    pub created_at: Timestamp,
    pub used_at: Timestamp,
    /// The other end's IP address.
    pub address: String,
    /// What the browser calls itself.
    pub agent: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    pub id: TokenId,
    pub key: Key,
    pub admin: AdminId,
    /// Unique among the administrator's tokens.
    pub name: String,
    /// Words with blanks between them.
    pub scopes: String,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub used_at: Option<Timestamp>,
}

const SESSION: &str = "SELECT session_key, admin, created_at, used_at, address, agent FROM admin_session";
const TOKEN: &str = "SELECT id, token_key, admin, name, scopes, created_at, expires_at, used_at FROM api_token";

impl Database {
    /// Opens a session of `admin` in the place of `replaced`; the oldest ones beyond `limit` end. `by`: the way in, for the
    /// audit trail.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Stale`] when password, second factor, role or leave have changed since `admin` was read.
    pub fn open_session(
        &mut self,
        admin: &AdminRow,
        session: &SessionRow,
        replaced: Option<Key>,
        limit: usize,
        by: &str,
        audit: &Audit,
    ) -> Result<()> {
        let operation = "opening a session";
        let tx = self.begin(operation)?;
        let proven = |row: &AdminRow| (row.enabled, row.role.clone(), row.password.clone(), row.totp.clone());
        let now = self.admin(admin.id)?.ok_or_else(|| gone(admin.id))?;
        if proven(&now) != proven(admin) {
            return Err(StoreError::Stale { what: object(&now.name) });
        }
        if let Some(old) = replaced {
            self.run(operation, "DELETE FROM admin_session WHERE session_key = ?1", [old])?;
        }
        let sql = "INSERT INTO admin_session (session_key, admin, created_at, used_at, address, agent)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let SessionRow { key, admin: id, created_at, used_at, address, agent } = session;
        self.run(operation, sql, params![key, id.0, created_at.0, used_at.0, address, agent])?;
        let sql = "DELETE FROM admin_session WHERE admin = ?1 AND session_key NOT IN
                   (SELECT session_key FROM admin_session WHERE admin = ?1 ORDER BY used_at DESC, created_at DESC LIMIT ?2)";
        self.run(operation, sql, params![id.0, i64::try_from(limit).unwrap_or(i64::MAX)])?;
        self.run(operation, "UPDATE admin SET signed_in_at = ?2 WHERE id = ?1", params![id.0, created_at.0])?;
        let after = json!({"address": address, "by": by});
        self.write_audit(audit, "session.sign_in", &object(&now.name), None, Some(&after))?;
        tx.commit().doing(operation)
    }

    /// The session and whose it is.
    pub fn session(&self, key: Key) -> Result<Option<(SessionRow, AdminRow)>> {
        let operation = "reading a session";
        let mut statement = self.conn.prepare_cached(&format!("{SESSION} WHERE session_key = ?1")).doing(operation)?;
        let found = statement.query_row([key], session).optional().doing(operation)?;
        let Some(session) = found else { return Ok(None) };
        Ok(self.admin(session.admin)?.map(|admin| (session, admin)))
    }

    /// The administrator's sessions, last used first.
    pub fn sessions_of(&self, admin: AdminId) -> Result<Vec<SessionRow>> {
        let operation = "listing sessions";
        let sql = format!("{SESSION} WHERE admin = ?1 ORDER BY used_at DESC");
        let mut statement = self.conn.prepare_cached(&sql).doing(operation)?;
        let rows = statement.query_map([admin.0], session).doing(operation)?;
        rows.collect::<rusqlite::Result<_>>().doing(operation)
    }

    pub fn touch_session(&mut self, key: Key, at: Timestamp) -> Result<()> {
        let sql = "UPDATE admin_session SET used_at = ?2 WHERE session_key = ?1";
        self.run("noting the use of a session", sql, params![key, at.0]).map(drop)
    }

    /// Ends a session. False when there was none.
    pub fn close_session(&mut self, key: Key, action: &str, audit: &Audit) -> Result<bool> {
        let operation = "closing a session";
        let tx = self.begin(operation)?;
        let Some((session, admin)) = self.session(key)? else { return Ok(false) };
        self.run(operation, "DELETE FROM admin_session WHERE session_key = ?1", [key])?;
        let before = json!({"address": session.address});
        self.write_audit(audit, action, &object(&admin.name), Some(&before), None)?;
        tx.commit().doing(operation)?;
        Ok(true)
    }

    /// Takes out sessions that nobody used since, or that began before; how many.
    pub fn purge_sessions(&mut self, used_before: Timestamp, created_before: Timestamp) -> Result<u64> {
        let sql = "DELETE FROM admin_session WHERE used_at < ?1 OR created_at < ?2";
        Ok(self.run("purging sessions", sql, params![used_before.0, created_before.0])? as u64)
    }

    /// # Errors
    /// [`StoreError::Conflict`] when the administrator has one of that name; [`StoreError::Full`] beyond `limit`.
    pub fn create_token(&mut self, token: &TokenRow, limit: usize, audit: &Audit) -> Result<()> {
        let operation = "creating a token";
        let tx = self.begin(operation)?;
        let admin = self.admin(token.admin)?.ok_or_else(|| gone(token.admin))?;
        let others = self.tokens(Some(token.admin))?;
        if others.iter().any(|(other, _)| other.name == token.name) {
            return Err(StoreError::Conflict { what: format!("token {}", token.name) });
        }
        if others.len() >= limit {
            return Err(StoreError::Full { what: "tokens of one administrator", limit });
        }
        let sql = "INSERT INTO api_token (id, token_key, admin, name, scopes, created_at, expires_at)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let TokenRow { id, key, admin: owner, name, scopes, created_at, expires_at, .. } = token;
        let values = params![id.0, key, owner.0, name, scopes, created_at.0, expires_at.map(|at| at.0)];
        self.run(operation, sql, values)?;
        self.write_audit(audit, "token.create", &token_object(&admin, name), None, Some(&token_view(token)))?;
        tx.commit().doing(operation)
    }

    /// The token and whose it is.
    pub fn token_by_key(&self, key: Key) -> Result<Option<(TokenRow, AdminRow)>> {
        let operation = "reading a token";
        let mut statement = self.conn.prepare_cached(&format!("{TOKEN} WHERE token_key = ?1")).doing(operation)?;
        let found = statement.query_row([key], token).optional().doing(operation)?;
        let Some(token) = found else { return Ok(None) };
        Ok(self.admin(token.admin)?.map(|admin| (token, admin)))
    }

    /// Tokens with the names of their owners; of one administrator or of all.
    pub fn tokens(&self, of: Option<AdminId>) -> Result<Vec<(TokenRow, String)>> {
        let operation = "listing tokens";
        let sql = "SELECT t.id, token_key, admin, t.name, scopes, t.created_at, expires_at, used_at, a.name
                   FROM api_token t JOIN admin a ON a.id = t.admin WHERE ?1 IS NULL OR t.admin = ?1
                   ORDER BY a.name, t.name";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let rows = statement.query_map([of.map(|id| id.0)], |row| Ok((token(row)?, row.get(8)?))).doing(operation)?;
        rows.collect::<rusqlite::Result<_>>().doing(operation)
    }

    pub fn touch_token(&mut self, id: TokenId, at: Timestamp) -> Result<()> {
        let sql = "UPDATE api_token SET used_at = ?2 WHERE id = ?1";
        self.run("noting the use of a token", sql, params![id.0, at.0]).map(drop)
    }

    /// # Errors
    /// [`StoreError::NotFound`].
    pub fn remove_token(&mut self, id: TokenId, audit: &Audit) -> Result<()> {
        let operation = "removing a token";
        let tx = self.begin(operation)?;
        let missing = || StoreError::NotFound { what: format!("token {id}") };
        let mut statement = self.conn.prepare_cached(&format!("{TOKEN} WHERE id = ?1")).doing(operation)?;
        let before = statement.query_row([id.0], token).optional().doing(operation)?.ok_or_else(missing)?;
        let admin = self.admin(before.admin)?.ok_or_else(missing)?;
        self.run(operation, "DELETE FROM api_token WHERE id = ?1", [id.0])?;
        let object = token_object(&admin, &before.name);
        self.write_audit(audit, "token.remove", &object, Some(&token_view(&before)), None)?;
        tx.commit().doing(operation)
    }
}

fn gone(admin: AdminId) -> StoreError {
    StoreError::NotFound { what: format!("administrator {admin}") }
}

fn session(row: &Row<'_>) -> rusqlite::Result<SessionRow> {
    Ok(SessionRow {
        key: row.get(0)?,
        admin: AdminId(row.get(1)?),
        created_at: Timestamp(row.get(2)?),
        used_at: Timestamp(row.get(3)?),
        address: row.get(4)?,
        agent: row.get(5)?,
    })
}

fn token(row: &Row<'_>) -> rusqlite::Result<TokenRow> {
    Ok(TokenRow {
        id: TokenId(row.get(0)?),
        key: row.get(1)?,
        admin: AdminId(row.get(2)?),
        name: row.get(3)?,
        scopes: row.get(4)?,
        created_at: Timestamp(row.get(5)?),
        expires_at: row.get::<_, Option<i64>>(6)?.map(Timestamp),
        used_at: row.get::<_, Option<i64>>(7)?.map(Timestamp),
    })
}

fn token_object(admin: &AdminRow, name: &str) -> String {
    format!("token:{}/{name}", admin.name)
}

fn token_view(token: &TokenRow) -> Value {
    json!({"name": token.name, "scopes": token.scopes, "expires_at": token.expires_at.map(|at| at.secs())})
}

//! Giving a user another name: the same person with everything that hangs on it, under a new address.
//!
//! All in one transaction: the account's name, the address in the contact lists and block lists of others, and the other
//! side's address in the archives of those the user wrote with. The stanzas in the archives stay as they were sent.

use crate::audit::Audit;
use crate::database::Database;
use crate::error::{Doing, Result, StoreError};
use crate::users::object;
use rusqlite::{OptionalExtension, params};
use serde_json::json;
use zaiseki_model::{UserId, limits};

/// The version of a contact list grows when its owner sees a difference.
const ROSTER_VERSIONS: &str = "UPDATE account SET roster_version = roster_version + 1 WHERE user_key IN
     (SELECT user_key FROM roster WHERE jid = ?1 AND visible)";
/// What is left of somebody who had the new address before gives way.
const ROSTERS: &str = "UPDATE OR REPLACE roster SET jid = ?2 WHERE jid = ?1";

/// Whoever is blocked stays so, with each resource that was named.
const BLOCKED: [&str; 2] = [
    "UPDATE OR REPLACE doc SET doc_key = CAST(?2 AS BLOB) WHERE family = 2 AND doc_key = CAST(?1 AS BLOB)",
    "UPDATE OR REPLACE doc SET doc_key = CAST(?2 || substr(CAST(doc_key AS TEXT), length(?1) + 1) AS BLOB)
     WHERE family = 2 AND doc_key > CAST(?1 || '/' AS BLOB) AND doc_key < CAST(?1 || '0' AS BLOB)",
];

/// In whose archives the address may stand: of those with whom the user's own archive has messages, of those whose contact
/// lists name the user, and the user's own (messages to oneself). An index of the archive by address would cost each message.
const CORRESPONDENTS: &str = "SELECT user_key FROM account WHERE domain = ?2 AND name || '@' || domain IN
     (SELECT DISTINCT peer FROM archive WHERE owner = ?1)
     UNION SELECT user_key FROM roster WHERE jid = ?3 UNION SELECT ?1";

impl Database {
    /// Gives the user this localpart. The old one leads to the user until somebody else gets it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Conflict`] when another user has the name.
    pub fn rename_user(&mut self, user: UserId, name: &str, audit: &Audit) -> Result<()> {
        let operation = "renaming a user";
        let tx = self.begin(operation)?;
        if !self.rename_in(user, name, audit)? {
            return Err(StoreError::Conflict { what: format!("user {name}") });
        }
        tx.commit().doing(operation)
    }

    /// Within a transaction. False when another user has the name.
    pub(crate) fn rename_in(&self, user: UserId, name: &str, audit: &Audit) -> Result<bool> {
        let operation = "renaming a user";
        let before = self.existing_user(user)?;
        if before.name == name {
            return Ok(true);
        }
        if self.user_by_name(name)?.is_some() {
            return Ok(false);
        }
        let key = self.existing_key(user)?;
        let (old, new) = (format!("{}@{}", before.name, self.domain), format!("{name}@{}", self.domain));
        self.refile(key, &old, &new)?;
        self.run(operation, ROSTER_VERSIONS, [&old])?;
        for sql in [ROSTERS].into_iter().chain(BLOCKED) {
            self.run(operation, sql, [&old, &new])?;
        }
        self.run(operation, "UPDATE account SET name = ?2 WHERE user_key = ?1", params![key, name])?;
        self.refresh_search(key)?;
        self.note_alias(key, &before.name, name, audit)?;
        let (was, is) = (json!({"name": before.name}), json!({"name": name}));
        self.write_audit(audit, "user.rename", &object(&before.name), Some(&was), Some(&is))?;
        Ok(true)
    }

    /// Archives find the messages under the new address.
    fn refile(&self, key: i64, old: &str, new: &str) -> Result<()> {
        let operation = "refiling the archives of a renamed user";
        let mut statement = self.conn.prepare_cached(CORRESPONDENTS).doing(operation)?;
        let rows = statement.query_map(params![key, self.domain, old], |row| row.get(0)).doing(operation)?;
        let owners: Vec<i64> = rows.collect::<rusqlite::Result<_>>().doing(operation)?;
        for owner in owners {
            self.run(operation, "UPDATE archive SET peer = ?3 WHERE owner = ?1 AND peer = ?2", params![owner, old, new])?;
        }
        Ok(())
    }

    fn note_alias(&self, key: i64, old: &str, new: &str, audit: &Audit) -> Result<()> {
        let operation = "noting the earlier name of a user";
        self.forget_alias(new)?;
        let sql = "INSERT OR REPLACE INTO user_alias (domain, name, user_key, at) VALUES (?1, ?2, ?3, ?4)";
        self.run(operation, sql, params![self.domain, old, key, audit.at.0])?;
        let sql = "DELETE FROM user_alias WHERE user_key = ?1 AND (domain, name) NOT IN
                   (SELECT domain, name FROM user_alias WHERE user_key = ?1 ORDER BY at DESC, name LIMIT ?2)";
        self.run(operation, sql, params![key, limits::ALIASES_PER_USER as i64]).map(drop)
    }

    /// Somebody gets the name.
    pub(crate) fn forget_alias(&self, name: &str) -> Result<()> {
        let sql = "DELETE FROM user_alias WHERE domain = ?1 AND name = ?2";
        self.run("forgetting an earlier name", sql, params![self.domain, name]).map(drop)
    }

    /// Who had this name before and may be written to: the name of now.
    pub(crate) fn moved_to(&self, name: &str) -> Result<Option<String>> {
        let operation = "looking up an earlier name";
        let sql = "SELECT a.name FROM user_alias u JOIN account a ON a.user_key = u.user_key
                   WHERE u.domain = ?1 AND u.name = ?2 AND a.enabled AND a.im";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        statement.query_row([&self.domain, name], |row| row.get(0)).optional().doing(operation)
    }
}

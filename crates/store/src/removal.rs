//! Removing a user with everything that hangs on it. A big archive is emptied piece by piece.

use crate::audit::Audit;
use crate::database::Database;
use crate::error::{Doing, Result, StoreError};
use crate::users::{audit_view, object};
use rusqlite::OptionalExtension;
use zaiseki_model::{MessageId, UserId};

/// Archive rows that go in the transaction of the removal itself; the rest waits for [`Database::purge_removed`].
const AT_ONCE: usize = 5_000;

/// Everything with a `user_key` but messages, which others may keep too.
const OWNED: [&str; 15] = [
    "DELETE FROM account WHERE user_key = ?1",
    "DELETE FROM credentials WHERE user_key = ?1",
    "DELETE FROM roster WHERE user_key = ?1",
    "DELETE FROM doc WHERE user_key = ?1",
    "DELETE FROM stream WHERE user_key = ?1",
    "DELETE FROM last_seen WHERE user_key = ?1",
    "DELETE FROM calendar_user WHERE user_key = ?1",
    "DELETE FROM calendar_interval WHERE user_key = ?1",
    "DELETE FROM profile WHERE user_key = ?1",
    "DELETE FROM user_number WHERE user_key = ?1",
    "DELETE FROM user_device WHERE user_key = ?1",
    "DELETE FROM user_origin WHERE user_key = ?1",
    "DELETE FROM kept_keys WHERE user_key = ?1",
    "DELETE FROM user_alias WHERE user_key = ?1",
    "DELETE FROM user_search WHERE user_key = ?1",
];

/// Others keep the contact with its name and groups, if they see it at all, but neither subscription, request nor
/// pre-approval: somebody else may get the address. The version of their rosters grows when they see a difference.
const IN_OTHER_ROSTERS: [&str; 3] = [
    "UPDATE account SET roster_version = roster_version + 1 WHERE user_key IN
     (SELECT user_key FROM roster WHERE jid = ?1 AND visible AND (subscription <> 0 OR ask OR approved))",
    "DELETE FROM roster WHERE jid = ?1 AND NOT visible",
    "UPDATE roster SET subscription = 0, ask = FALSE, approved = FALSE, pending_in = NULL WHERE jid = ?1",
];

impl Database {
    /// Removes the user, and with it credentials, contacts, documents, pending messages, archive, and what ties others to
    /// the user. The router tells those who are online.
    pub fn remove_user(&mut self, user: UserId, audit: &Audit) -> Result<()> {
        let operation = "removing a user";
        let tx = self.begin(operation)?;
        if !self.remove_in(user, audit)? {
            return Err(StoreError::NotFound { what: format!("user {user}") });
        }
        tx.commit().doing(operation)?;
        self.forget_key(user);
        Ok(())
    }

    /// Within a transaction, after which [`Database::forget_key`] is due. False when there is no such user.
    pub(crate) fn remove_in(&self, user: UserId, audit: &Audit) -> Result<bool> {
        let operation = "removing a user";
        let Some(before) = self.user_by_id(user)? else { return Ok(false) };
        let key = self.existing_key(user)?;
        self.drop_pending(key)?;
        let sql = "SELECT name || '@' || domain FROM account WHERE user_key = ?1";
        let address: String = self.conn.query_row(sql, [key], |row| row.get(0)).doing(operation)?;
        for sql in IN_OTHER_ROSTERS {
            self.run(operation, sql, [&address])?;
        }
        for sql in OWNED {
            self.run(operation, sql, [key])?;
        }
        if self.empty_archive(key, MessageId(i64::MAX), AT_ONCE)? == AT_ONCE {
            self.run(operation, "INSERT INTO removed_user (user_key) VALUES (?1)", [key])?;
        }
        self.write_audit(audit, "user.remove", &object(&before.name), Some(&audit_view(&before)), None)?;
        Ok(true)
    }

    /// Takes up to `limit` messages out of the archives of removed users; how many. The retention task calls it until
    /// it returns 0.
    pub fn purge_removed(&mut self, limit: usize) -> Result<u64> {
        let operation = "emptying the archives of removed users";
        let tx = self.begin(operation)?;
        let mut removed = 0;
        while removed < limit {
            let sql = "SELECT user_key FROM removed_user ORDER BY user_key LIMIT 1";
            let key: Option<i64> = self.conn.query_row(sql, [], |row| row.get(0)).optional().doing(operation)?;
            let Some(key) = key else { break };
            let wanted = limit - removed;
            let emptied = self.empty_archive(key, MessageId(i64::MAX), wanted)?;
            if emptied < wanted {
                self.run(operation, "DELETE FROM removed_user WHERE user_key = ?1", [key])?;
            }
            removed += emptied;
        }
        tx.commit().doing(operation)?;
        Ok(removed as u64)
    }
}

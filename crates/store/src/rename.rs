//! Giving a user another name: the same person with everything that hangs on it, under a new address.
//!
//! All in one transaction: the account's name, the address in the contact lists and block lists of others, and the other
//! side's address in the archives of those the user wrote with. The stanzas in the archives stay as they were sent.

use crate::audit::Audit;
use crate::database::Database;
use crate::error::{Doing, Result, StoreError};
use crate::profiles::Person;
use crate::users::object;
use rusqlite::{OptionalExtension, params};
use serde_json::json;
use std::collections::HashSet;
use zaiseki_model::{User, UserId, limits};

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
    /// Gives the user this localpart, and the user id where that is something else. The old localpart leads to the user until
    /// somebody else gets it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::NameTaken`] when another user has the name.
    pub fn rename_user(&mut self, user: UserId, name: &str, user_id: Option<&str>, audit: &Audit) -> Result<()> {
        let operation = "renaming a user";
        let tx = self.begin(operation)?;
        if !self.rename_in(user, name, user_id, audit)? {
            return Err(self.name_taken(user, name, user_id)?);
        }
        tx.commit().doing(operation)
    }

    /// Which of the names another user goes by.
    pub(crate) fn name_taken(&self, user: UserId, name: &str, user_id: Option<&str>) -> Result<StoreError> {
        let taken = if self.is_called(user_id, user)? { user_id.unwrap_or(name) } else { name };
        Ok(StoreError::NameTaken { name: taken.to_owned() })
    }

    /// Within a transaction. False when another user goes by the name or by the user id.
    pub(crate) fn rename_in(&self, user: UserId, name: &str, user_id: Option<&str>, audit: &Audit) -> Result<bool> {
        let before = self.existing_user(user)?;
        if before.name == name && before.user_id.as_deref() == user_id {
            return Ok(true);
        }
        if self.is_called(Some(name), user)? || self.is_called(user_id, user)? {
            return Ok(false);
        }
        let key = self.existing_key(user)?;
        if before.name != name {
            self.readdress(key, &before.name, name)?;
            self.note_alias(key, &before.name, audit)?;
        }
        self.put_user_id(key, user_id)?;
        self.note_renaming(&before, name, user_id, audit)?;
        Ok(true)
    }

    /// Within a transaction; see [`Database::exchange_people`].
    pub(crate) fn exchange_names(&self, people: &[Person], audit: &Audit) -> Result<bool> {
        let Some(before) = people.iter().map(|person| self.person(person.user.id)).collect::<Result<Option<Vec<_>>>>()? else {
            return Ok(false);
        };
        let among = |user: UserId| people.iter().any(|person| person.user.id == user);
        let mut given = HashSet::new();
        for name in people.iter().flat_map(|person| person.user.names()) {
            let elsewhere = self.user_by_name(name)?.is_some_and(|owner| !among(owner.id));
            if elsewhere || !given.insert(name) {
                return Ok(false);
            }
        }
        for (before, person) in before.iter().zip(people) {
            let User { id, name, user_id, .. } = &person.user;
            for name in person.user.names() {
                self.make_way(name, *id)?;
            }
            let key = self.existing_key(*id)?;
            let now = self.existing_user(*id)?.name;
            if now != *name {
                self.readdress(key, &now, name)?;
            }
            if before.user.name != *name && !given.contains(before.user.name.as_str()) {
                self.note_alias(key, &before.user.name, audit)?;
            }
            self.put_user_id(key, user_id.as_deref())?;
            self.note_renaming(&before.user, name, user_id.as_deref(), audit)?;
            self.synchronised(before, person, audit)?;
        }
        Ok(true)
    }

    /// Whoever goes by the name gets one in which nobody can be in another's way: no localpart begins with a space.
    fn make_way(&self, name: &str, but: UserId) -> Result<()> {
        let Some(owner) = self.user_by_name(name)?.filter(|owner| owner.id != but) else { return Ok(()) };
        let key = self.existing_key(owner.id)?;
        self.readdress(key, &owner.name, &format!(" {}", owner.id))?;
        self.put_user_id(key, None)
    }

    fn put_user_id(&self, key: i64, user_id: Option<&str>) -> Result<()> {
        let sql = "UPDATE account SET user_id = ?2 WHERE user_key = ?1";
        self.run("renaming a user", sql, params![key, user_id])?;
        self.refresh_search(key)
    }

    fn note_renaming(&self, before: &User, name: &str, user_id: Option<&str>, audit: &Audit) -> Result<()> {
        let view = |name: &str, user_id: Option<&str>| match user_id {
            Some(user_id) => json!({"name": name, "user_id": user_id}),
            None => json!({ "name": name }),
        };
        let (was, is) = (view(&before.name, before.user_id.as_deref()), view(name, user_id));
        self.write_audit(audit, "user.rename", &object(&before.name), Some(&was), Some(&is))
    }

    /// The address with everything in which it stands.
    fn readdress(&self, key: i64, before: &str, name: &str) -> Result<()> {
        let operation = "renaming a user";
        let (old, new) = (format!("{before}@{}", self.domain), format!("{name}@{}", self.domain));
        self.refile(key, &old, &new)?;
        self.run(operation, ROSTER_VERSIONS, [&old])?;
        for sql in [ROSTERS].into_iter().chain(BLOCKED) {
            self.run(operation, sql, [&old, &new])?;
        }
        self.run(operation, "UPDATE account SET name = ?2 WHERE user_key = ?1", params![key, name])?;
        self.forget_alias(name)
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

    fn note_alias(&self, key: i64, old: &str, audit: &Audit) -> Result<()> {
        let operation = "noting the earlier name of a user";
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

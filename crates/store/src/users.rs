//! Users, the keys that prove who they are, and what their home needs to know of them.

use crate::audit::Audit;
use crate::database::Database;
use crate::error::{Doing, Result, StoreError};
use crate::profiles::Person;
use crate::words::UserData;
use rusqlite::{OptionalExtension, Row, params};
use serde_json::{Value, json};
use zaiseki_model::{Credentials, Profile, ScramKeys, User, UserId};

/// A user to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewUser {
    pub user: User,
    pub sha256: Option<ScramKeys>,
    pub sha1: Option<ScramKeys>,
    /// What is known beyond the account; its name, mail address and language are the account's.
    pub profile: Option<Box<Profile>>,
}

const COLUMNS: &str = "SELECT id, name, display_name, mail, telephone, language, enabled, calendar, user_key,
                       roster_version, im, user_id FROM account";
const NAMED: &str = "WHERE domain = ?1 AND name = ?2";
/// By address, or by the user id where that is something else; names and user ids are all different.
const CALLED: &str = "WHERE domain = ?1 AND (name = ?2 OR user_id = ?2)";
impl Database {
    /// # Errors
    /// [`StoreError::NameTaken`].
    pub fn create_user(&mut self, new: &NewUser, audit: &Audit) -> Result<()> {
        match self.create_many(std::slice::from_ref(new), audit)?.is_empty() {
            true => Ok(()),
            false => Err(self.name_taken(new.user.id, &new.user.name, new.user.user_id.as_deref())?),
        }
    }

    /// Makes many users in one transaction. Those whose name (or id) is taken are left out; their indexes are returned.
    pub fn create_many(&mut self, users: &[NewUser], audit: &Audit) -> Result<Vec<usize>> {
        let operation = "creating users";
        let tx = self.begin(operation)?;
        let mut taken = Vec::new();
        for (index, new) in users.iter().enumerate() {
            if !self.insert_user(new, None, audit)? {
                taken.push(index);
            }
        }
        tx.commit().doing(operation)?;
        Ok(taken)
    }

    /// False when the name or id is taken. `known`: what there is to write beyond the account, instead of the new user's profile.
    pub(crate) fn insert_user(&self, new: &NewUser, known: Option<&Person>, audit: &Audit) -> Result<bool> {
        let operation = "creating a user";
        let User { id, name, user_id, display_name, mail, telephone, language, enabled, calendar, im } = &new.user;
        if self.is_called(user_id.as_deref(), *id)? || self.is_called(Some(name), *id)? {
            return Ok(false);
        }
        let sql =
            "INSERT INTO account (id, name, display_name, mail, telephone, language, enabled, calendar, im, domain, user_id)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO NOTHING RETURNING user_key";
        let values = params![id.0, name, display_name, mail, telephone, language, enabled, calendar, im, self.domain, user_id];
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let key: Option<i64> = statement.query_row(values, |row| row.get(0)).optional().doing(operation)?;
        let Some(key) = key else { return Ok(false) };
        self.forget_alias(name)?;
        self.put_keys(key, new.sha256.as_ref(), new.sha1.as_ref())?;
        let person = new.profile.as_ref().map(|profile| Person::new(new.user.clone(), (**profile).clone()));
        if let Some(person) = known.or(person.as_ref()) {
            self.write_details(key, person)?;
        }
        self.refresh_search(key)?;
        self.write_audit(audit, "user.create", &object(name), None, Some(&audit_view(&new.user)))?;
        Ok(true)
    }

    /// Whether somebody else goes by the name, as address or as user id.
    pub(crate) fn is_called(&self, name: Option<&str>, but: UserId) -> Result<bool> {
        let Some(name) = name else { return Ok(false) };
        Ok(self.user_by_name(name)?.is_some_and(|user| user.id != but))
    }

    fn put_keys(&self, key: i64, sha256: Option<&ScramKeys>, sha1: Option<&ScramKeys>) -> Result<()> {
        let sql = "INSERT INTO credentials (user_key, sha256_salt, sha256_iterations, sha256_stored, sha256_server,
                   sha1_salt, sha1_iterations, sha1_stored, sha1_server) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
                   ON CONFLICT (user_key) DO UPDATE SET sha256_salt = excluded.sha256_salt,
                   sha256_iterations = excluded.sha256_iterations, sha256_stored = excluded.sha256_stored,
                   sha256_server = excluded.sha256_server, sha1_salt = excluded.sha1_salt,
                   sha1_iterations = excluded.sha1_iterations, sha1_stored = excluded.sha1_stored,
                   sha1_server = excluded.sha1_server";
        let values = params![
            key,
            sha256.map(|k| &k.salt),
            sha256.map(|k| k.iterations),
            sha256.map(|k| &k.stored_key),
            sha256.map(|k| &k.server_key),
            sha1.map(|k| &k.salt),
            sha1.map(|k| k.iterations),
            sha1.map(|k| &k.stored_key),
            sha1.map(|k| &k.server_key),
        ];
        self.run("writing credentials", sql, values).map(drop)
    }

    /// `name`: the localpart of the address, or the user id.
    pub fn user_by_name(&self, name: &str) -> Result<Option<User>> {
        let operation = "reading a user";
        let mut statement = self.conn.prepare_cached(&format!("{COLUMNS} {CALLED}")).doing(operation)?;
        statement.query_row([&self.domain, name], user).optional().doing(operation)
    }

    pub fn user_by_id(&self, id: UserId) -> Result<Option<User>> {
        let operation = "reading a user";
        let mut statement = self.conn.prepare_cached(&format!("{COLUMNS} WHERE id = ?1")).doing(operation)?;
        statement.query_row([id.0], user).optional().doing(operation)
    }

    pub(crate) fn existing_user(&self, id: UserId) -> Result<User> {
        self.user_by_id(id)?.ok_or_else(|| StoreError::NotFound { what: format!("user {id}") })
    }

    /// Domains that accounts were made for and this database was not opened for, with their accounts. Nobody of them can sign in.
    pub fn other_domains(&self) -> Result<Vec<(String, u64)>> {
        let operation = "counting accounts of other domains";
        let sql = "SELECT domain, count(*) FROM account WHERE domain <> ?1 GROUP BY domain ORDER BY domain";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let rows = statement.query_map([&self.domain], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())));
        rows.doing(operation)?.collect::<rusqlite::Result<_>>().doing(operation)
    }

    /// Replaces everything but the id; a new name is a new address for the same person, see [`Database::rename_user`].
    /// `seen`: the user when the change was decided.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Stale`]; [`StoreError::NameTaken`] when another user has the name.
    pub fn update_user(&mut self, seen: &User, user: &User, audit: &Audit) -> Result<()> {
        let operation = "updating a user";
        let tx = self.begin(operation)?;
        let before = self.existing_user(user.id)?;
        if before != *seen {
            return Err(StoreError::Stale { what: format!("user {}", before.name) });
        }
        if !self.rename_in(user.id, &user.name, user.user_id.as_deref(), audit)? {
            return Err(self.name_taken(user.id, &user.name, user.user_id.as_deref())?);
        }
        let sql = "UPDATE account SET display_name = ?2, mail = ?3, telephone = ?4, language = ?5,
                   enabled = ?6, calendar = ?7, im = ?8 WHERE id = ?1";
        let User { id, name: _, user_id: _, display_name, mail, telephone, language, enabled, calendar, im } = user;
        self.run(operation, sql, params![id.0, display_name, mail, telephone, language, enabled, calendar, im])?;
        let key = self.existing_key(user.id)?;
        self.drop_unfounded_keys(key)?;
        self.refresh_search(key)?;
        let (old, new) = (audit_view(&before), audit_view(user));
        self.write_audit(audit, "user.update", &object(&before.name), Some(&old), Some(&new))?;
        tx.commit().doing(operation)
    }

    /// Replaces the keys; the old ones are gone whether or not new ones are given for that mechanism.
    pub fn set_credentials(
        &mut self,
        user: UserId,
        sha256: Option<&ScramKeys>,
        sha1: Option<&ScramKeys>,
        audit: &Audit,
    ) -> Result<()> {
        let operation = "setting credentials";
        let tx = self.begin(operation)?;
        let before = self.existing_user(user)?;
        let key = self.existing_key(user)?;
        self.put_keys(key, sha256, sha1)?;
        self.drop_keys_of_user(key)?;
        self.write_audit(audit, "user.set_credentials", &object(&before.name), None, None)?;
        tx.commit().doing(operation)
    }

    pub fn set_enabled(&mut self, user: UserId, enabled: bool, audit: &Audit) -> Result<()> {
        let operation = "enabling or disabling a user";
        let tx = self.begin(operation)?;
        let before = self.existing_user(user)?;
        self.run(operation, "UPDATE account SET enabled = ?2 WHERE id = ?1", params![user.0, enabled])?;
        let key = self.existing_key(user)?;
        self.hold_disabled(key, !enabled)?;
        self.drop_unfounded_keys(key)?;
        self.refresh_search(key)?;
        let action = if enabled { "user.enable" } else { "user.disable" };
        let (old, new) = (json!({"enabled": before.enabled}), json!({"enabled": enabled}));
        self.write_audit(audit, action, &object(&before.name), Some(&old), Some(&new))?;
        tx.commit().doing(operation)
    }

    pub(crate) fn credentials(&self, name: &str) -> Result<Option<Credentials>> {
        let operation = "reading credentials";
        let sql = "SELECT a.id, a.enabled AND a.im, a.name, sha256_salt, sha256_iterations, sha256_stored, sha256_server,
                   sha1_salt, sha1_iterations, sha1_stored, sha1_server
                   FROM account a LEFT JOIN credentials c ON c.user_key = a.user_key
                   WHERE a.domain = ?1 AND (a.name = ?2 OR a.user_id = ?2)";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let row = statement.query_row([&self.domain, name], |row| {
            let (sha256, sha1) = (scram_keys(row, 3)?, scram_keys(row, 7)?);
            Ok(Credentials { user: UserId(row.get(0)?), enabled: row.get(1)?, name: row.get(2)?, sha256, sha1 })
        });
        row.optional().doing(operation)
    }

    pub(crate) fn user_data(&self, name: &str) -> Result<Option<UserData>> {
        let operation = "reading what a user's home needs";
        // One snapshot, so that the roster and its version belong together.
        let tx = self.conn.unchecked_transaction().doing(operation)?;
        let mut statement = self.conn.prepare_cached(&format!("{COLUMNS} {NAMED}")).doing(operation)?;
        let row = statement.query_row([&self.domain, name], |row| Ok((user(row)?, row.get(8)?, row.get(9)?)));
        let Some((user, key, version)) = row.optional().doing(operation)? else { return Ok(None) };
        let key: i64 = key;
        let docs = self.home_docs(key)?;
        let mut statement = self.conn.prepare_cached("SELECT count(*) FROM pending WHERE user_key = ?1").doing(operation)?;
        let pending: i64 = statement.query_row([key], |row| row.get(0)).doing(operation)?;
        let data = UserData {
            user,
            roster: self.roster(key)?,
            roster_version: i64::cast_unsigned(version),
            blocked: docs.blocked,
            preferences: docs.preferences,
            pep_nodes: docs.pep_nodes,
            pending: pending.unsigned_abs(),
        };
        tx.commit().doing(operation)?;
        Ok(Some(data))
    }
}

pub(crate) fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id: UserId(row.get(0)?),
        name: row.get(1)?,
        display_name: row.get(2)?,
        mail: row.get(3)?,
        telephone: row.get(4)?,
        language: row.get(5)?,
        enabled: row.get(6)?,
        calendar: row.get(7)?,
        im: row.get(10)?,
        user_id: row.get(11)?,
    })
}

/// From four columns; `None` when they are empty.
pub(crate) fn scram_keys(row: &Row<'_>, first: usize) -> rusqlite::Result<Option<ScramKeys>> {
    let Some(salt) = row.get(first)? else { return Ok(None) };
    let (iterations, stored_key, server_key) = (row.get(first + 1)?, row.get(first + 2)?, row.get(first + 3)?);
    Ok(Some(ScramKeys { salt, iterations, stored_key, server_key }))
}

pub(crate) fn object(name: &str) -> String {
    format!("user:{name}")
}

pub(crate) fn audit_view(user: &User) -> Value {
    json!({
        "id": user.id.to_string(), "name": user.name, "display_name": user.display_name, "mail": user.mail,
        "telephone": user.telephone, "language": user.language, "enabled": user.enabled, "calendar": user.calendar,
        "im": user.im, "user_id": user.user_id,
    })
}

//! Sign-in by others' word: where a user's password is checked, and the keys that are kept of one that was right.

use crate::database::Database;
use crate::directories::Directory;
use crate::error::{Doing, Result};
use crate::users::scram_keys;
use rusqlite::{OptionalExtension, params};
use zaiseki_model::{Credentials, DirectoryId, ScramKeys, Timestamp, UserId};

/// The kind of directory that passwords are checked with.
const LDAP: &str = "ldap";

/// Who wants to sign in, and who can tell whether it is so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInAccount {
    /// With the keys of the database.
    pub credentials: Credentials,
    /// The LDAP directory that the account comes from, and where its entry stands; `None` for all other accounts.
    pub entry: Option<(Directory, String)>,
}

/// Keys of a password that was right a moment ago.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptKeys {
    pub user: UserId,
    /// Whose word it was.
    pub directory: DirectoryId,
    pub place: String,
    pub at: Timestamp,
    pub sha256: ScramKeys,
    pub sha1: ScramKeys,
}

/// Whether the entry that took the password is still the user's, and the user may sign in.
const FOUNDED: &str = "EXISTS (SELECT 1 FROM account a JOIN user_origin o ON o.user_key = a.user_key
                       WHERE a.user_key = k.user_key AND a.enabled AND a.im AND o.directory = k.directory AND o.place = k.place)";

impl Database {
    /// `name`: the prepared localpart.
    pub fn sign_in_account(&self, name: &str) -> Result<Option<SignInAccount>> {
        let operation = "reading where a user's password is checked";
        let Some(credentials) = self.credentials(name)? else { return Ok(None) };
        let sql = "SELECT o.directory, o.place FROM account a JOIN user_origin o ON o.user_key = a.user_key WHERE a.id = ?1";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let origin = statement.query_row([credentials.user.0], |row| Ok((DirectoryId(row.get(0)?), row.get(1)?)));
        let Some((directory, place)) = origin.optional().doing(operation)? else {
            return Ok(Some(SignInAccount { credentials, entry: None }));
        };
        let entry = self.directory(directory)?.filter(|row| row.kind == LDAP).map(|row| (row, place));
        Ok(Some(SignInAccount { credentials, entry }))
    }

    /// As [`Database::credentials`], with the keys kept after `since` for whoever comes from an LDAP directory.
    pub(crate) fn kept_credentials(&self, name: &str, since: Timestamp) -> Result<Option<Credentials>> {
        let Some(account) = self.sign_in_account(name)? else { return Ok(None) };
        let mut credentials = account.credentials;
        if account.entry.is_some() {
            (credentials.sha256, credentials.sha1) = self.kept_keys(credentials.user, since)?.unzip();
        }
        Ok(Some(credentials))
    }

    fn kept_keys(&self, user: UserId, since: Timestamp) -> Result<Option<(ScramKeys, ScramKeys)>> {
        let operation = "reading kept keys";
        let Some(key) = self.key(user)? else { return Ok(None) };
        let sql = format!(
            "SELECT sha256_salt, sha256_iterations, sha256_stored, sha256_server,
             sha1_salt, sha1_iterations, sha1_stored, sha1_server
             FROM kept_keys k WHERE user_key = ?1 AND kept_at > ?2 AND {FOUNDED}"
        );
        let mut statement = self.conn.prepare_cached(&sql).doing(operation)?;
        let row = statement.query_row(params![key, since.0], |row| Ok(scram_keys(row, 0)?.zip(scram_keys(row, 4)?)));
        Ok(row.optional().doing(operation)?.flatten())
    }

    /// Keeps the keys in place of older ones, unless the user was disabled, moved or removed meanwhile; takes out those of
    /// everybody that were kept before `since`.
    pub fn keep_keys(&mut self, keys: &KeptKeys, since: Timestamp) -> Result<()> {
        let operation = "keeping keys";
        let tx = self.begin(operation)?;
        self.run(operation, "DELETE FROM kept_keys WHERE kept_at <= ?1", [since.0])?;
        if let Some(key) = self.key(keys.user)? {
            let KeptKeys { directory, place, at, sha256, sha1, .. } = keys;
            let sql = "INSERT OR REPLACE INTO kept_keys (user_key, directory, place, kept_at,
                       sha256_salt, sha256_iterations, sha256_stored, sha256_server,
                       sha1_salt, sha1_iterations, sha1_stored, sha1_server)
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
            let values = params![
                key,
                directory.0,
                place,
                at.0,
                sha256.salt,
                sha256.iterations,
                sha256.stored_key,
                sha256.server_key,
                sha1.salt,
                sha1.iterations,
                sha1.stored_key,
                sha1.server_key
            ];
            self.run(operation, sql, values)?;
            self.drop_unfounded_keys(key)?;
        }
        tx.commit().doing(operation)
    }

    /// Forgets all kept keys.
    pub fn drop_kept_keys(&mut self) -> Result<()> {
        self.run("dropping kept keys", "DELETE FROM kept_keys", []).map(drop)
    }

    /// Within the transaction that changed the account or its origin.
    pub(crate) fn drop_unfounded_keys(&self, user_key: i64) -> Result<()> {
        let sql = format!("DELETE FROM kept_keys AS k WHERE user_key = ?1 AND NOT {FOUNDED}");
        self.run("dropping kept keys", &sql, [user_key]).map(drop)
    }

    /// Within the transaction that gave the user other keys.
    pub(crate) fn drop_keys_of_user(&self, user_key: i64) -> Result<()> {
        self.run("dropping kept keys", "DELETE FROM kept_keys WHERE user_key = ?1", [user_key]).map(drop)
    }
}

//! Of what the addresses of users are made, for the whole cluster, and who would be in whose way.

use crate::audit::Audit;
use crate::database::Database;
use crate::error::{Doing, Result};
use rusqlite::params;
use serde_json::json;
use zaiseki_model::UserId;

const KEY: &str = "address_scheme";

/// What the address of a user can be made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressRow {
    pub user: UserId,
    /// The localpart of now.
    pub name: String,
    /// Where it is something else.
    pub user_id: Option<String>,
    /// Empty when there is none.
    pub directory_uri: String,
}

impl Database {
    /// `None` until somebody has chosen.
    pub fn address_scheme(&self) -> Result<Option<String>> {
        Ok(self.meta_get(KEY)?.and_then(|word| String::from_utf8(word).ok()))
    }

    /// Within a transaction. `unset`: what holds while nobody has chosen.
    pub(crate) fn put_address_scheme(&self, scheme: &str, unset: &str, audit: &Audit) -> Result<()> {
        let before = self.address_scheme()?;
        if before.as_deref() == Some(scheme) {
            return Ok(());
        }
        let sql = "INSERT INTO meta (meta_key, value) VALUES (?1, ?2)
                   ON CONFLICT (meta_key) DO UPDATE SET value = excluded.value";
        self.run("writing the address scheme", sql, params![KEY, scheme.as_bytes()])?;
        let (old, new) = (json!({ "scheme": before.as_deref().unwrap_or(unset) }), json!({ "scheme": scheme }));
        self.write_audit(audit, "address_scheme.set", "address-scheme", Some(&old), Some(&new))
    }

    /// Everybody of the served domain, by name; `after`: only names after this one, `limit` 0: all.
    pub fn address_rows(&self, after: &str, limit: usize) -> Result<Vec<AddressRow>> {
        let operation = "reading what addresses are made of";
        let sql = "SELECT a.id, a.name, a.user_id, coalesce(p.directory_uri, '') FROM account a
                   LEFT JOIN profile p ON p.user_key = a.user_key WHERE a.domain = ?1 AND a.name > ?2 ORDER BY a.name LIMIT ?3";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let limit = if limit == 0 { -1 } else { i64::try_from(limit).unwrap_or(-1) };
        let rows = statement.query_map(params![self.domain, after, limit], |row| {
            let (user, name, user_id) = (UserId(row.get(0)?), row.get(1)?, row.get(2)?);
            Ok(AddressRow { user, name, user_id, directory_uri: row.get(3)? })
        });
        rows.doing(operation)?.collect::<rusqlite::Result<_>>().doing(operation)
    }

    /// Whether several users of the served domain have this directory URI, ASCII letters in either case.
    pub fn shares_directory_uri(&self, uri: &str) -> Result<bool> {
        let operation = "looking for users of a directory URI";
        let sql = "SELECT count(*) > 1 FROM profile p JOIN account a ON a.user_key = p.user_key
                   WHERE a.domain = ?1 AND p.directory_uri <> '' AND lower(p.directory_uri) = lower(?2)";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        statement.query_row([&self.domain, uri], |row| row.get(0)).doing(operation)
    }
}

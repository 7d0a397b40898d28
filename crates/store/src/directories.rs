//! Directories: the configured sources of users, how their last synchronisation went, and what it could not do.

use crate::audit::Audit;
use crate::database::Database;
use crate::error::{Doing, Result, StoreError};
use rusqlite::{OptionalExtension, Row, params};
use serde_json::{Value, json};
use zaiseki_model::{DirectoryId, Timestamp};

/// One configured directory as stored. The store does not look into `config` and `secret`.
#[derive(Clone, PartialEq, Eq)]
pub struct Directory {
    pub id: DirectoryId,
    /// Unique.
    pub name: String,
    /// `ldap`, …
    pub kind: String,
    /// JSON.
    pub config: String,
    /// Sealed; `None` when the directory needs none.
    pub secret: Option<Vec<u8>>,
    pub enabled: bool,
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Directory { id, name, kind, enabled, .. } = self;
        let mut shown = f.debug_struct("Directory");
        shown.field("id", id).field("name", name).field("kind", kind).field("enabled", enabled).finish_non_exhaustive()
    }
}

/// How synchronisations of a directory ended. The store does not look into the JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryRun {
    pub ended_at: Timestamp,
    pub last: String,
    pub last_good: Option<String>,
}

/// An entry that made or changed no user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryProblem {
    /// A word for programs.
    pub code: String,
    pub key: Option<String>,
    pub place: String,
    /// The user id, as far as it is known.
    pub name: String,
    /// What was seen, in English: an attribute, another entry.
    pub detail: String,
}

const COLUMNS: &str = "SELECT id, name, kind, config, secret, enabled FROM directory";

/// Everything that goes with a directory, but for its users.
const OWNED: [&str; 6] = [
    "DELETE FROM directory WHERE id = ?1",
    "DELETE FROM directory_run WHERE directory = ?1",
    "DELETE FROM directory_problem WHERE directory = ?1",
    "DELETE FROM directory_ignored WHERE directory = ?1",
    "DELETE FROM user_origin WHERE directory = ?1",
    "DELETE FROM kept_keys WHERE directory = ?1",
];

impl Database {
    /// Adds a directory, or replaces the one with this id.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another directory has the name.
    pub fn put_directory(&mut self, directory: &Directory, audit: &Audit) -> Result<()> {
        let operation = "writing a directory";
        let tx = self.begin(operation)?;
        if self.directory_by_name(&directory.name)?.is_some_and(|other| other.id != directory.id) {
            return Err(StoreError::Conflict { what: format!("directory {}", directory.name) });
        }
        let before = self.directory(directory.id)?;
        let sql = "INSERT INTO directory (id, name, kind, config, secret, enabled) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                   ON CONFLICT (id) DO UPDATE SET name = excluded.name, kind = excluded.kind,
                   config = excluded.config, secret = excluded.secret, enabled = excluded.enabled";
        let Directory { id, name, kind, config, secret, enabled } = directory;
        self.run(operation, sql, params![id.0, name, kind, config, secret, enabled])?;
        // Whether its servers took a password says nothing of others.
        self.run(operation, "DELETE FROM kept_keys WHERE directory = ?1", [id.0])?;
        let (action, before) = match &before {
            Some(before) => ("directory.update", Some(audit_view(before))),
            None => ("directory.create", None),
        };
        self.write_audit(audit, action, &object(name), before.as_ref(), Some(&audit_view(directory)))?;
        tx.commit().doing(operation)
    }

    pub fn directory(&self, id: DirectoryId) -> Result<Option<Directory>> {
        let operation = "reading a directory";
        let mut statement = self.conn.prepare_cached(&format!("{COLUMNS} WHERE id = ?1")).doing(operation)?;
        statement.query_row([id.0], directory).optional().doing(operation)
    }

    pub fn directory_by_name(&self, name: &str) -> Result<Option<Directory>> {
        let operation = "reading a directory";
        let mut statement = self.conn.prepare_cached(&format!("{COLUMNS} WHERE name = ?1")).doing(operation)?;
        statement.query_row([name], directory).optional().doing(operation)
    }

    /// All directories, by name.
    pub fn directories(&self) -> Result<Vec<Directory>> {
        let operation = "reading the directories";
        let mut statement = self.conn.prepare_cached(&format!("{COLUMNS} ORDER BY name")).doing(operation)?;
        let rows = statement.query_map([], directory).doing(operation)?;
        rows.collect::<rusqlite::Result<_>>().doing(operation)
    }

    /// Removes a directory. Its users stay, as users of nobody's directory.
    pub fn remove_directory(&mut self, id: DirectoryId, audit: &Audit) -> Result<()> {
        let operation = "removing a directory";
        let tx = self.begin(operation)?;
        let before = self.directory(id)?.ok_or_else(|| StoreError::NotFound { what: format!("directory {id}") })?;
        for sql in OWNED {
            self.run(operation, sql, [id.0])?;
        }
        self.write_audit(audit, "directory.remove", &object(&before.name), Some(&audit_view(&before)), None)?;
        tx.commit().doing(operation)
    }

    pub fn directory_run(&self, id: DirectoryId) -> Result<Option<DirectoryRun>> {
        let operation = "reading how a directory was synchronised";
        let sql = "SELECT ended_at, last, last_good FROM directory_run WHERE directory = ?1";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let run =
            |row: &Row<'_>| Ok(DirectoryRun { ended_at: Timestamp(row.get(0)?), last: row.get(1)?, last_good: row.get(2)? });
        statement.query_row([id.0], run).optional().doing(operation)
    }

    /// Keeps how a synchronisation ended. `problems`: those of a good one replace those of the one before.
    pub fn put_directory_run(
        &mut self,
        id: DirectoryId,
        run: &DirectoryRun,
        problems: Option<&[DirectoryProblem]>,
    ) -> Result<()> {
        let operation = "writing how a directory was synchronised";
        let tx = self.begin(operation)?;
        let sql = "INSERT INTO directory_run (directory, ended_at, last, last_good) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (directory) DO UPDATE SET ended_at = excluded.ended_at, last = excluded.last,
                   last_good = coalesce(excluded.last_good, last_good)";
        self.run(operation, sql, params![id.0, run.ended_at.0, run.last, run.last_good])?;
        if let Some(problems) = problems {
            self.run(operation, "DELETE FROM directory_problem WHERE directory = ?1", [id.0])?;
            for (position, problem) in (0i64..).zip(problems) {
                self.put_problem(id, position, problem)?;
            }
        }
        tx.commit().doing(operation)
    }

    fn put_problem(&self, id: DirectoryId, position: i64, problem: &DirectoryProblem) -> Result<()> {
        let sql = "INSERT INTO directory_problem (directory, position, code, source_key, place, name, detail)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let DirectoryProblem { code, key, place, name, detail } = problem;
        self.run("writing a problem of a directory", sql, params![id.0, position, code, key, place, name, detail]).map(drop)
    }

    /// What the last good synchronisation could not do; `limit` 0 = all. `code`: only those.
    pub fn directory_problems(&self, id: DirectoryId, code: Option<&str>, limit: usize) -> Result<Vec<DirectoryProblem>> {
        let operation = "reading the problems of a directory";
        let sql = "SELECT code, source_key, place, name, detail FROM directory_problem
                   WHERE directory = ?1 AND (?2 IS NULL OR code = ?2) ORDER BY position LIMIT ?3";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let limit = if limit == 0 { i64::MAX } else { i64::try_from(limit).unwrap_or(i64::MAX) };
        let rows = statement.query_map(params![id.0, code, limit], |row| {
            let (code, key, place) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(DirectoryProblem { code, key, place, name: row.get(3)?, detail: row.get(4)? })
        });
        rows.doing(operation)?.collect::<rusqlite::Result<_>>().doing(operation)
    }

    /// Leaves entries (key, place) out of every later synchronisation, or takes them in again.
    pub fn ignore_entries(&mut self, id: DirectoryId, entries: &[(String, String)], ignore: bool, audit: &Audit) -> Result<()> {
        let operation = "leaving entries of a directory out";
        let tx = self.begin(operation)?;
        let before = self.directory(id)?.ok_or_else(|| StoreError::NotFound { what: format!("directory {id}") })?;
        for (key, place) in entries {
            self.run(operation, "DELETE FROM directory_ignored WHERE directory = ?1 AND source_key = ?2", params![id.0, key])?;
            if ignore {
                let sql = "INSERT INTO directory_ignored (directory, source_key, place) VALUES (?1, ?2, ?3)";
                self.run(operation, sql, params![id.0, key, place])?;
            }
            let action = if ignore { "directory.ignore_entry" } else { "directory.take_entry" };
            self.write_audit(audit, action, &object(&before.name), None, Some(&json!({"key": key, "place": place})))?;
        }
        tx.commit().doing(operation)
    }

    /// Entries that are left out: key, place.
    pub fn ignored_entries(&self, id: DirectoryId) -> Result<Vec<(String, String)>> {
        let operation = "reading which entries are left out";
        let sql = "SELECT source_key, place FROM directory_ignored WHERE directory = ?1 ORDER BY place";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let rows = statement.query_map([id.0], |row| Ok((row.get(0)?, row.get(1)?))).doing(operation)?;
        rows.collect::<rusqlite::Result<_>>().doing(operation)
    }
}

fn directory(row: &Row<'_>) -> rusqlite::Result<Directory> {
    let (id, name, kind) = (DirectoryId(row.get(0)?), row.get(1)?, row.get(2)?);
    Ok(Directory { id, name, kind, config: row.get(3)?, secret: row.get(4)?, enabled: row.get(5)? })
}

pub(crate) fn object(name: &str) -> String {
    format!("directory:{name}")
}

/// What the audit trail may show: all but the secret.
fn audit_view(directory: &Directory) -> Value {
    let config = serde_json::from_str(&directory.config).unwrap_or_else(|_| Value::String(directory.config.clone()));
    json!({
        "name": directory.name, "kind": directory.kind, "config": config,
        "secret": directory.secret.is_some(), "enabled": directory.enabled,
    })
}

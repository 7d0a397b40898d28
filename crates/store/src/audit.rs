//! Who changed what, written in the transaction of the change.

use crate::database::Database;
use crate::error::{Doing, Result};
use rusqlite::params;
use serde_json::Value;
use zaiseki_model::Timestamp;

/// Who makes a change, and when. Every function that changes configuration takes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// An administrator, `local:root` for the command line, `system` for a task.
    pub actor: String,
    pub at: Timestamp,
}

/// One line of the audit trail. It never holds a password, key or sealed secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    pub id: i64,
    pub at: Timestamp,
    pub actor: String,
    /// `user.create`, `gateway.remove`, …
    pub action: String,
    /// `user:NAME`, `gateway:NAME`, `setting:KEY`, …
    pub object: String,
    /// JSON.
    pub before: Option<String>,
    pub after: Option<String>,
}

impl Database {
    /// Adds a line for a change that happens elsewhere (a sign-in to the console, a certificate).
    pub fn audit_append(
        &mut self,
        audit: &Audit,
        action: &str,
        object: &str,
        before: Option<&Value>,
        after: Option<&Value>,
    ) -> Result<()> {
        self.write_audit(audit, action, object, before, after)
    }

    pub(crate) fn write_audit(
        &self,
        audit: &Audit,
        action: &str,
        object: &str,
        before: Option<&Value>,
        after: Option<&Value>,
    ) -> Result<()> {
        let sql = "INSERT INTO audit (at, actor, action, object, before_json, after_json)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let (before, after) = (before.map(Value::to_string), after.map(Value::to_string));
        self.run("writing the audit trail", sql, params![audit.at.0, audit.actor, action, object, before, after]).map(drop)
    }

    /// Newest first. `before`: only entries older than that id (for paging); `object`: only that object's.
    pub fn audit_list(&self, object: Option<&str>, before: Option<i64>, limit: usize) -> Result<Vec<AuditEntry>> {
        let operation = "reading the audit trail";
        let columns = "SELECT id, at, actor, action, object, before_json, after_json FROM audit";
        let sql = match object {
            Some(_) => format!("{columns} WHERE object = ?3 AND id < ?1 ORDER BY id DESC LIMIT ?2"),
            None => format!("{columns} WHERE id < ?1 AND ?3 IS NULL ORDER BY id DESC LIMIT ?2"),
        };
        let mut statement = self.conn.prepare_cached(&sql).doing(operation)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![before.unwrap_or(i64::MAX), limit, object], |row| {
            Ok(AuditEntry {
                id: row.get(0)?,
                at: Timestamp(row.get(1)?),
                actor: row.get(2)?,
                action: row.get(3)?,
                object: row.get(4)?,
                before: row.get(5)?,
                after: row.get(6)?,
            })
        });
        rows.doing(operation)?.collect::<rusqlite::Result<_>>().doing(operation)
    }

    /// Removes entries older than that time; how many.
    pub fn purge_audit(&mut self, before: Timestamp) -> Result<u64> {
        Ok(self.run("purging the audit trail", "DELETE FROM audit WHERE at < ?1", [before.0])? as u64)
    }
}

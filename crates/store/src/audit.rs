//! Who changed what, written in the transaction of the change.

use crate::database::Database;
use crate::error::{Doing, Result};
use rusqlite::{Row, params};
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

/// Which lines to read; what is `None` does not matter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    pub object: Option<String>,
    pub actor: Option<String>,
    /// An action (`user.create`), or what stands before its dot (`user`).
    pub action: Option<String>,
    /// From then on, and before then.
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    /// Older than the entry with this id: the last of the page before.
    pub before: Option<i64>,
    /// At most so many.
    pub limit: usize,
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
        self.audit_search(&AuditFilter { object: object.map(str::to_owned), before, limit, ..AuditFilter::default() })
    }

    /// Newest first.
    pub fn audit_search(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>> {
        let operation = "reading the audit trail";
        // The index to use differs, so there are two statements.
        let object = if filter.object.is_some() { "object = ?3" } else { "?3 IS NULL" };
        let sql = format!(
            "SELECT id, at, actor, action, object, before_json, after_json FROM audit
             WHERE id < ?1 AND {object} AND (?4 IS NULL OR actor = ?4)
             AND (?5 IS NULL OR action = ?5 OR substr(action, 1, length(?5) + 1) = ?5 || '.')
             AND (?6 IS NULL OR at >= ?6) AND (?7 IS NULL OR at < ?7) ORDER BY id DESC LIMIT ?2"
        );
        let mut statement = self.conn.prepare_cached(&sql).doing(operation)?;
        let AuditFilter { object, actor, action, from, to, before, limit } = filter;
        let limit = i64::try_from(*limit).unwrap_or(i64::MAX);
        let (from, to) = (from.map(|at| at.0), to.map(|at| at.0));
        let values = params![before.unwrap_or(i64::MAX), limit, object, actor, action, from, to];
        let rows = statement.query_map(values, entry).doing(operation)?;
        rows.collect::<rusqlite::Result<_>>().doing(operation)
    }

    /// Removes entries older than that time; how many.
    pub fn purge_audit(&mut self, before: Timestamp) -> Result<u64> {
        Ok(self.run("purging the audit trail", "DELETE FROM audit WHERE at < ?1", [before.0])? as u64)
    }
}

fn entry(row: &Row<'_>) -> rusqlite::Result<AuditEntry> {
    Ok(AuditEntry {
        id: row.get(0)?,
        at: Timestamp(row.get(1)?),
        actor: row.get(2)?,
        action: row.get(3)?,
        object: row.get(4)?,
        before: row.get(5)?,
        after: row.get(6)?,
    })
}

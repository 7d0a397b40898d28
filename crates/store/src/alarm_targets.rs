//! The places outside that alarms are sent to, as configured.

use crate::audit::Audit;
use crate::database::Database;
use crate::error::{Doing, Result, StoreError};
use rusqlite::{OptionalExtension, Row, params};
use serde_json::{Value, json};
use zaiseki_model::AlarmTargetId;
use zaiseki_model::alarm::Severity;
use zaiseki_model::limits::ALARM_TARGETS;

/// One target as stored. The store does not look into `config` and `secret`.
#[derive(Clone, PartialEq, Eq)]
pub struct AlarmTarget {
    pub id: AlarmTargetId,
    /// Unique.
    pub name: String,
    /// `syslog`, `mail`, `webhook`.
    pub kind: String,
    /// Alarms that are less bad are not sent.
    pub severity: Severity,
    /// JSON.
    pub config: String,
    /// Sealed; `None` when the target needs none.
    pub secret: Option<Vec<u8>>,
    pub enabled: bool,
}

impl std::fmt::Debug for AlarmTarget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AlarmTarget").field("id", &self.id).field("name", &self.name).finish_non_exhaustive()
    }
}

const COLUMNS: &str = "SELECT id, name, kind, severity, config, secret, enabled FROM alarm_target";

impl Database {
    /// Adds a target, or replaces the one with this id.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another one has the name, [`StoreError::Full`] when there are [`ALARM_TARGETS`].
    pub fn put_alarm_target(&mut self, target: &AlarmTarget, audit: &Audit) -> Result<()> {
        let operation = "writing an alarm target";
        let tx = self.begin(operation)?;
        let all = self.alarm_targets()?;
        if all.iter().any(|other| other.name == target.name && other.id != target.id) {
            return Err(StoreError::Conflict { what: format!("alarm target {}", target.name) });
        }
        let before = all.iter().find(|other| other.id == target.id).map(audit_view);
        if before.is_none() && all.len() >= ALARM_TARGETS {
            return Err(StoreError::Full { what: "alarm targets", limit: ALARM_TARGETS });
        }
        let sql =
            "INSERT INTO alarm_target (id, name, kind, severity, config, secret, enabled) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                   ON CONFLICT (id) DO UPDATE SET name = excluded.name, kind = excluded.kind, severity = excluded.severity,
                   config = excluded.config, secret = excluded.secret, enabled = excluded.enabled";
        let AlarmTarget { id, name, kind, severity, config, secret, enabled } = target;
        self.run(operation, sql, params![id.0, name, kind, severity.as_str(), config, secret, enabled])?;
        let action = if before.is_some() { "alarm-target.update" } else { "alarm-target.create" };
        self.write_audit(audit, action, &format!("alarm-target:{name}"), before.as_ref(), Some(&audit_view(target)))?;
        tx.commit().doing(operation)
    }

    /// All targets, by name.
    pub fn alarm_targets(&self) -> Result<Vec<AlarmTarget>> {
        let operation = "reading the alarm targets";
        let mut statement = self.conn.prepare_cached(&format!("{COLUMNS} ORDER BY name")).doing(operation)?;
        let rows = statement.query_map([], target).doing(operation)?;
        rows.map(|row| row.doing(operation)?).collect()
    }

    pub fn alarm_target(&self, name: &str) -> Result<Option<AlarmTarget>> {
        let operation = "reading an alarm target";
        let mut statement = self.conn.prepare_cached(&format!("{COLUMNS} WHERE name = ?1")).doing(operation)?;
        statement.query_row([name], target).optional().doing(operation)?.transpose()
    }

    pub fn remove_alarm_target(&mut self, id: AlarmTargetId, audit: &Audit) -> Result<()> {
        let operation = "removing an alarm target";
        let tx = self.begin(operation)?;
        let all = self.alarm_targets()?;
        let before = all.iter().find(|target| target.id == id);
        let before = before.ok_or_else(|| StoreError::NotFound { what: format!("alarm target {id}") })?;
        self.run(operation, "DELETE FROM alarm_target WHERE id = ?1", [id.0])?;
        let object = format!("alarm-target:{}", before.name);
        self.write_audit(audit, "alarm-target.remove", &object, Some(&audit_view(before)), None)?;
        tx.commit().doing(operation)
    }
}

fn target(row: &Row<'_>) -> rusqlite::Result<Result<AlarmTarget>> {
    let (id, word): (AlarmTargetId, String) = (AlarmTargetId(row.get(0)?), row.get(3)?);
    let Ok(severity) = word.parse() else {
        return Ok(Err(StoreError::Corrupt { what: format!("alarm target {id} with the severity \"{word}\"") }));
    };
    let (name, kind, config) = (row.get(1)?, row.get(2)?, row.get(4)?);
    Ok(Ok(AlarmTarget { id, name, kind, severity, config, secret: row.get(5)?, enabled: row.get(6)? }))
}

/// What the audit trail may show: all but the secret.
fn audit_view(target: &AlarmTarget) -> Value {
    let config = serde_json::from_str(&target.config).unwrap_or_else(|_| Value::String(target.config.clone()));
    json!({
        "name": target.name, "severity": target.severity.as_str(), "config": config,
        "secret": target.secret.is_some(), "enabled": target.enabled,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use zaiseki_model::Timestamp;

    fn new(name: &str) -> AlarmTarget {
        AlarmTarget {
            id: AlarmTargetId::generate(),
            name: name.to_owned(),
            kind: "syslog".to_owned(),
            severity: Severity::Warning,
            config: "{}".to_owned(),
            secret: Some(b"sealed".to_vec()),
            enabled: true,
        }
    }

    #[test]
    fn targets_come_change_and_go_up_to_their_limit() {
        let mut db = Database::open_in_memory("example.com").unwrap();
        let audit = Audit { actor: "tester".to_owned(), at: Timestamp(1) };
        let first = new("0");
        db.put_alarm_target(&first, &audit).unwrap();
        let changed = AlarmTarget { severity: Severity::Critical, enabled: false, ..first.clone() };
        db.put_alarm_target(&changed, &audit).unwrap();
        assert_eq!(db.alarm_target("0").unwrap(), Some(changed));
        assert!(matches!(db.put_alarm_target(&new("0"), &audit), Err(StoreError::Conflict { .. })));
        (1..ALARM_TARGETS).for_each(|n| db.put_alarm_target(&new(&n.to_string()), &audit).unwrap());
        assert!(matches!(db.put_alarm_target(&new("more"), &audit), Err(StoreError::Full { .. })));
        db.put_alarm_target(&first, &audit).unwrap();
        db.remove_alarm_target(first.id, &audit).unwrap();
        assert!(matches!(db.remove_alarm_target(first.id, &audit), Err(StoreError::NotFound { .. })));
        assert_eq!(db.alarm_targets().unwrap().len(), ALARM_TARGETS - 1);
        let trail = db.audit_list(Some("alarm-target:0"), None, 9).unwrap();
        assert_eq!(trail.len(), 4);
        assert!(trail.iter().all(|entry| !format!("{entry:?}").contains("sealed")));
    }
}

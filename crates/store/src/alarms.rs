//! Alarms: what is wrong now, and what was. The control plane holds the open ones in memory; these rows outlive it.

use crate::audit::Audit;
use crate::database::Database;
use crate::error::{Doing, Result, StoreError};
use rusqlite::{OptionalExtension, Row, params};
use serde_json::json;
use zaiseki_model::alarm::Severity;
use zaiseki_model::limits::ALARMS_KEPT;
use zaiseki_model::{AlarmId, Timestamp};

/// One alarm, from its being raised until it is cleared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmRow {
    pub id: AlarmId,
    /// Which one of the catalogue.
    pub kind: String,
    /// What it is about: the name of a gateway, of a directory, …
    pub subject: String,
    pub severity: Severity,
    pub raised_at: Timestamp,
    /// When it was last seen to hold, and how often it was.
    pub last_at: Timestamp,
    pub count: u64,
    /// What was seen last, English and Japanese.
    pub detail: (String, String),
    /// When, and by whom.
    pub acknowledged: Option<(Timestamp, String)>,
    pub cleared_at: Option<Timestamp>,
}

/// Which alarms to list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlarmFilter {
    /// Only those that are open, or those that are over.
    pub open: Option<bool>,
    /// Only one of the catalogue.
    pub kind: Option<String>,
    /// Raised before this one: the last of the page before.
    pub before: Option<AlarmId>,
    /// At most so many.
    pub limit: usize,
}

const COLUMNS: &str = "SELECT id, kind, subject, severity, raised_at, last_at, count, detail_en, detail_ja,
                       acknowledged_at, acknowledged_by, cleared_at FROM alarm";

impl Database {
    /// Writes alarms as they stand, all in one transaction, and forgets the oldest that are over when there are more than
    /// [`ALARMS_KEPT`]. Who has acknowledged one stays, whatever the row says: see [`Database::acknowledge_alarm`].
    pub fn put_alarms(&mut self, rows: &[AlarmRow]) -> Result<()> {
        let operation = "writing alarms";
        let tx = self.begin(operation)?;
        for row in rows {
            self.put_alarm(row)?;
        }
        let sql = "DELETE FROM alarm WHERE id IN (SELECT id FROM alarm WHERE cleared_at IS NOT NULL
                   ORDER BY cleared_at DESC, id DESC LIMIT -1 OFFSET ?1)";
        self.run(operation, sql, [ALARMS_KEPT as i64])?;
        tx.commit().doing(operation)
    }

    fn put_alarm(&self, row: &AlarmRow) -> Result<()> {
        let sql = "INSERT INTO alarm (id, kind, subject, severity, raised_at, last_at, count, detail_en, detail_ja, cleared_at)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                   ON CONFLICT (id) DO UPDATE SET severity = excluded.severity, last_at = excluded.last_at,
                   count = excluded.count, detail_en = excluded.detail_en, detail_ja = excluded.detail_ja,
                   cleared_at = coalesce(cleared_at, excluded.cleared_at)";
        let AlarmRow { id, kind, subject, severity, raised_at, last_at, count, detail: (en, ja), cleared_at, .. } = row;
        let (count, cleared) = (i64::try_from(*count).unwrap_or(i64::MAX), cleared_at.map(|at| at.0));
        let values = params![id.0, kind, subject, severity.as_str(), raised_at.0, last_at.0, count, en, ja, cleared];
        self.run("writing an alarm", sql, values).map(drop)
    }

    /// Writes the alarm as it stands, and that the actor has seen it; the first one who did stays.
    pub fn acknowledge_alarm(&mut self, row: &AlarmRow, audit: &Audit) -> Result<()> {
        let operation = "acknowledging an alarm";
        let tx = self.begin(operation)?;
        self.put_alarm(row)?;
        let sql = "UPDATE alarm SET acknowledged_at = ?2, acknowledged_by = ?3 WHERE id = ?1 AND acknowledged_at IS NULL";
        self.run(operation, sql, params![row.id.0, audit.at.0, audit.actor])?;
        let after = json!({"subject": row.subject, "severity": row.severity.as_str(), "raised": row.raised_at.0});
        self.write_audit(audit, "alarm.acknowledge", &format!("alarm:{}", row.kind), None, Some(&after))?;
        tx.commit().doing(operation)
    }

    pub fn alarm(&self, id: AlarmId) -> Result<Option<AlarmRow>> {
        let operation = "reading an alarm";
        let mut statement = self.conn.prepare_cached(&format!("{COLUMNS} WHERE id = ?1")).doing(operation)?;
        statement.query_row([id.0], alarm).optional().doing(operation)?.transpose()
    }

    /// Newest first.
    pub fn list_alarms(&self, filter: &AlarmFilter) -> Result<Vec<AlarmRow>> {
        let operation = "listing alarms";
        let sql = format!(
            "{COLUMNS} WHERE (?1 IS NULL OR (cleared_at IS NULL) = ?1) AND (?2 IS NULL OR kind = ?2)
             AND (?3 IS NULL OR id < ?3) ORDER BY id DESC LIMIT ?4"
        );
        let mut statement = self.conn.prepare_cached(&sql).doing(operation)?;
        let limit = i64::try_from(filter.limit).unwrap_or(i64::MAX);
        let values = params![filter.open, filter.kind, filter.before.map(|id| id.0), limit];
        let rows = statement.query_map(values, alarm).doing(operation)?;
        rows.map(|row| row.doing(operation)?).collect()
    }
}

fn alarm(row: &Row<'_>) -> rusqlite::Result<Result<AlarmRow>> {
    let (id, word): (AlarmId, String) = (AlarmId(row.get(0)?), row.get(3)?);
    let Ok(severity) = word.parse() else {
        return Ok(Err(StoreError::Corrupt { what: format!("alarm {id} with the severity \"{word}\"") }));
    };
    let acknowledged = match (row.get::<_, Option<i64>>(9)?, row.get::<_, Option<String>>(10)?) {
        (Some(at), Some(by)) => Some((Timestamp(at), by)),
        _ => None,
    };
    Ok(Ok(AlarmRow {
        id,
        kind: row.get(1)?,
        subject: row.get(2)?,
        severity,
        raised_at: Timestamp(row.get(4)?),
        last_at: Timestamp(row.get(5)?),
        count: row.get::<_, i64>(6)?.unsigned_abs(),
        detail: (row.get(7)?, row.get(8)?),
        acknowledged,
        cleared_at: row.get::<_, Option<i64>>(11)?.map(Timestamp),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::AuditFilter;

    fn row(at: i64, cleared: bool) -> AlarmRow {
        AlarmRow {
            id: AlarmId::generate(),
            kind: "gateway.down".to_owned(),
            subject: "mail".to_owned(),
            severity: Severity::Error,
            raised_at: Timestamp(at),
            last_at: Timestamp(at),
            count: 1,
            detail: ("no answer".to_owned(), "応答なし".to_owned()),
            acknowledged: None,
            cleared_at: cleared.then_some(Timestamp(at)),
        }
    }

    fn listed(db: &Database, open: Option<bool>) -> Vec<AlarmRow> {
        db.list_alarms(&AlarmFilter { open, limit: usize::MAX, ..AlarmFilter::default() }).unwrap()
    }

    #[test]
    fn an_alarm_is_written_acknowledged_and_over() {
        let mut db = Database::open_in_memory("example.com").unwrap();
        let first = row(1, false);
        db.put_alarms(std::slice::from_ref(&first)).unwrap();
        assert_eq!(db.alarm(first.id).unwrap(), Some(first.clone()));
        let audit = |actor: &str, at| Audit { actor: actor.to_owned(), at: Timestamp(at) };
        db.acknowledge_alarm(&first, &audit("admin:hanako", 5)).unwrap();
        db.acknowledge_alarm(&first, &audit("admin:taro", 6)).unwrap();
        // What is written later knows nothing of it, and does not take it away.
        let later = AlarmRow { count: 7, last_at: Timestamp(8), severity: Severity::Critical, ..first.clone() };
        db.put_alarms(&[later]).unwrap();
        let kept = db.alarm(first.id).unwrap().unwrap();
        assert_eq!((kept.count, kept.severity), (7, Severity::Critical));
        assert_eq!(kept.acknowledged, Some((Timestamp(5), "admin:hanako".to_owned())));
        db.put_alarms(&[AlarmRow { cleared_at: Some(Timestamp(9)), ..kept.clone() }]).unwrap();
        assert!(listed(&db, Some(true)).is_empty());
        assert_eq!(listed(&db, Some(false))[0].cleared_at, Some(Timestamp(9)));
        let trail = db.audit_search(&AuditFilter { action: Some("alarm".to_owned()), limit: 9, ..AuditFilter::default() });
        assert_eq!(trail.unwrap().len(), 2);
    }

    #[test]
    fn the_history_holds_its_limit_and_loses_the_oldest_one_past_it() {
        let mut db = Database::open_in_memory("example.com").unwrap();
        let open = row(0, false);
        let over: Vec<AlarmRow> = (1..=ALARMS_KEPT as i64).map(|at| row(at, true)).collect();
        db.put_alarms(std::slice::from_ref(&open)).unwrap();
        db.put_alarms(&over).unwrap();
        assert_eq!(listed(&db, Some(false)).len(), ALARMS_KEPT);
        let one_more = row(ALARMS_KEPT as i64 + 1, true);
        db.put_alarms(std::slice::from_ref(&one_more)).unwrap();
        let left = listed(&db, None);
        assert_eq!((left.len(), left[0].id), (ALARMS_KEPT + 1, one_more.id));
        assert!(db.alarm(over[0].id).unwrap().is_none() && db.alarm(open.id).unwrap().is_some());
    }

    #[test]
    fn pages_follow_each_other() {
        let mut db = Database::open_in_memory("example.com").unwrap();
        let rows: Vec<AlarmRow> = (0..5).map(|at| row(at, false)).collect();
        db.put_alarms(&rows).unwrap();
        let page = |before| db.list_alarms(&AlarmFilter { before, limit: 3, ..AlarmFilter::default() }).unwrap();
        let first = page(None);
        assert_eq!(first.iter().map(|row| row.id).collect::<Vec<_>>(), [rows[4].id, rows[3].id, rows[2].id]);
        assert_eq!(page(Some(first[2].id)).len(), 2);
        let other = AlarmFilter { kind: Some("disk.space".to_owned()), limit: 9, ..AlarmFilter::default() };
        assert!(db.list_alarms(&other).unwrap().is_empty());
    }
}

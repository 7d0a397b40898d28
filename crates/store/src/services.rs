//! Which services an administrator wants on a node.

use crate::audit::Audit;
use crate::database::Database;
use crate::error::{Doing, Result};
use rusqlite::{OptionalExtension, params};
use serde_json::json;

impl Database {
    /// Whether the service is wanted on the node; `None`: nobody has chosen yet.
    pub fn service_choice(&self, node: &str, service: &str) -> Result<Option<bool>> {
        let operation = "reading a service";
        let sql = "SELECT active FROM service WHERE node = ?1 AND service = ?2";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        statement.query_row([node, service], |row| row.get(0)).optional().doing(operation)
    }

    /// Chooses whether the service is wanted on the node from now on. `default`: what held before anybody chose.
    pub fn choose_service(&mut self, node: &str, service: &str, active: bool, default: bool, audit: &Audit) -> Result<()> {
        let operation = "writing a service";
        let tx = self.begin(operation)?;
        let before = self.service_choice(node, service)?.unwrap_or(default);
        let sql = "INSERT INTO service (node, service, active) VALUES (?1, ?2, ?3)
                   ON CONFLICT (node, service) DO UPDATE SET active = excluded.active";
        self.run(operation, sql, params![node, service, active])?;
        let action = if active { "service.activate" } else { "service.deactivate" };
        let view = |active| json!({"node": node, "active": active});
        self.write_audit(audit, action, &format!("service:{service}"), Some(&view(before)), Some(&view(active)))?;
        tx.commit().doing(operation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use zaiseki_model::Timestamp;

    #[test]
    fn a_choice_is_of_one_node_and_audited() {
        let dir = tempfile::tempdir().unwrap();
        let mut db = Database::open(&dir.path().join("db"), "example.com").unwrap();
        let audit = Audit { actor: "tester".to_owned(), at: Timestamp::ZERO };
        assert_eq!(db.service_choice("a", "jobs").unwrap(), None);
        db.choose_service("a", "jobs", false, true, &audit).unwrap();
        assert_eq!((db.service_choice("a", "jobs").unwrap(), db.service_choice("b", "jobs").unwrap()), (Some(false), None));
        db.choose_service("a", "jobs", true, true, &audit).unwrap();
        assert_eq!(db.service_choice("a", "jobs").unwrap(), Some(true));
        let trail = db.audit_list(Some("service:jobs"), None, 9).unwrap();
        let actions: Vec<&str> = trail.iter().map(|entry| entry.action.as_str()).collect();
        assert_eq!(actions, ["service.activate", "service.deactivate"]);
        assert_eq!(trail[1].before.as_deref(), Some("{\"active\":true,\"node\":\"a\"}"));
    }
}

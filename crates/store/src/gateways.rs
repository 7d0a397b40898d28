//! Presence gateways: the configured calendar services.

use crate::audit::Audit;
use crate::database::Database;
use crate::error::{Doing, Result, StoreError};
use rusqlite::{OptionalExtension, Row, params};
use serde_json::{Value, json};
use zaiseki_model::GatewayId;

/// One configured gateway as stored. The store does not look into `config` and `secret`.
#[derive(Clone, PartialEq, Eq)]
pub struct Gateway {
    pub id: GatewayId,
    /// Unique.
    pub name: String,
    /// `ews`, `caldav`, …
    pub kind: String,
    /// JSON.
    pub config: String,
    /// Sealed; `None` when the gateway needs none.
    pub secret: Option<Vec<u8>>,
    pub enabled: bool,
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway")
            .field("id", &self.id)
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("enabled", &self.enabled)
            .finish_non_exhaustive()
    }
}

const COLUMNS: &str = "SELECT id, name, kind, config, secret, enabled FROM gateway";

impl Database {
    /// Adds a gateway, or replaces the one with this id.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when another gateway has the name.
    pub fn put_gateway(&mut self, gateway: &Gateway, audit: &Audit) -> Result<()> {
        let operation = "writing a gateway";
        let tx = self.begin(operation)?;
        if self.gateway_by_name(&gateway.name)?.is_some_and(|other| other.id != gateway.id) {
            return Err(StoreError::Conflict { what: format!("gateway {}", gateway.name) });
        }
        let before = self.gateway(gateway.id)?;
        let sql = "INSERT INTO gateway (id, name, kind, config, secret, enabled) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
                   ON CONFLICT (id) DO UPDATE SET name = excluded.name, kind = excluded.kind,
                   config = excluded.config, secret = excluded.secret, enabled = excluded.enabled";
        let Gateway { id, name, kind, config, secret, enabled } = gateway;
        self.run(operation, sql, params![id.0, name, kind, config, secret, enabled])?;
        let (action, before) = match &before {
            Some(before) => ("gateway.update", Some(audit_view(before))),
            None => ("gateway.create", None),
        };
        self.write_audit(audit, action, &format!("gateway:{name}"), before.as_ref(), Some(&audit_view(gateway)))?;
        tx.commit().doing(operation)
    }

    pub fn gateway(&self, id: GatewayId) -> Result<Option<Gateway>> {
        let operation = "reading a gateway";
        let mut statement = self.conn.prepare_cached(&format!("{COLUMNS} WHERE id = ?1")).doing(operation)?;
        statement.query_row([id.0], gateway).optional().doing(operation)
    }

    pub fn gateway_by_name(&self, name: &str) -> Result<Option<Gateway>> {
        let operation = "reading a gateway";
        let mut statement = self.conn.prepare_cached(&format!("{COLUMNS} WHERE name = ?1")).doing(operation)?;
        statement.query_row([name], gateway).optional().doing(operation)
    }

    /// All gateways, by name.
    pub fn gateways(&self) -> Result<Vec<Gateway>> {
        let operation = "reading the gateways";
        let mut statement = self.conn.prepare_cached(&format!("{COLUMNS} ORDER BY name")).doing(operation)?;
        let rows = statement.query_map([], gateway).doing(operation)?;
        rows.collect::<rusqlite::Result<_>>().doing(operation)
    }

    /// Removes a gateway with its health and everything it fetched.
    pub fn remove_gateway(&mut self, id: GatewayId, audit: &Audit) -> Result<()> {
        let operation = "removing a gateway";
        let tx = self.begin(operation)?;
        let before = self.gateway(id)?.ok_or_else(|| StoreError::NotFound { what: format!("gateway {id}") })?;
        self.run(operation, "DELETE FROM gateway WHERE id = ?1", [id.0])?;
        self.run(operation, "DELETE FROM gateway_health WHERE gateway = ?1", [id.0])?;
        self.run(operation, "DELETE FROM calendar_interval WHERE gateway = ?1", [id.0])?;
        self.run(operation, "DELETE FROM calendar_user WHERE gateway = ?1", [id.0])?;
        let object = format!("gateway:{}", before.name);
        self.write_audit(audit, "gateway.remove", &object, Some(&audit_view(&before)), None)?;
        tx.commit().doing(operation)
    }
}

fn gateway(row: &Row<'_>) -> rusqlite::Result<Gateway> {
    Ok(Gateway {
        id: GatewayId(row.get(0)?),
        name: row.get(1)?,
        kind: row.get(2)?,
        config: row.get(3)?,
        secret: row.get(4)?,
        enabled: row.get(5)?,
    })
}

/// What the audit trail may show: all but the secret.
fn audit_view(gateway: &Gateway) -> Value {
    let config = serde_json::from_str(&gateway.config).unwrap_or_else(|_| Value::String(gateway.config.clone()));
    json!({
        "name": gateway.name, "kind": gateway.kind, "config": config,
        "secret": gateway.secret.is_some(), "enabled": gateway.enabled,
    })
}

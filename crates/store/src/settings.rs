//! Settings of the domain and the node's own keys and values.

use crate::audit::Audit;
use crate::database::Database;
use crate::error::{Doing, Result, StoreError};
use rusqlite::{OptionalExtension, params};
use serde_json::Value;

impl Database {
    /// The JSON text of a setting; `None` when it was never set.
    pub fn setting(&self, key: &str) -> Result<Option<String>> {
        let operation = "reading a setting";
        let mut statement = self.conn.prepare_cached("SELECT value FROM setting WHERE setting_key = ?1").doing(operation)?;
        statement.query_row([key], |row| row.get(0)).optional().doing(operation)
    }

    /// All settings that were set, as (key, JSON text), by key.
    pub fn settings(&self) -> Result<Vec<(String, String)>> {
        let operation = "reading the settings";
        let sql = "SELECT setting_key, value FROM setting ORDER BY setting_key";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).doing(operation)?;
        rows.collect::<rusqlite::Result<_>>().doing(operation)
    }

    /// Sets settings together, all or none. `None` as value takes a setting back to its default.
    pub fn put_settings(&mut self, changes: &[(String, Option<Value>)], audit: &Audit) -> Result<()> {
        let operation = "writing settings";
        let tx = self.begin(operation)?;
        for (key, value) in changes {
            let before = self.setting(key)?.map(|text| json_of(key, &text)).transpose()?;
            match value {
                Some(value) => {
                    let sql = "INSERT INTO setting (setting_key, value) VALUES (?1, ?2)
                               ON CONFLICT (setting_key) DO UPDATE SET value = excluded.value";
                    self.run(operation, sql, params![key, value.to_string()])?;
                }
                None => drop(self.run(operation, "DELETE FROM setting WHERE setting_key = ?1", [key])?),
            }
            self.write_audit(audit, "setting.put", &format!("setting:{key}"), before.as_ref(), value.as_ref())?;
        }
        tx.commit().doing(operation)
    }

    /// A value of the node itself (server secrets, identity), which no administrator sees.
    pub fn meta_get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let operation = "reading a node value";
        let mut statement = self.conn.prepare_cached("SELECT value FROM meta WHERE meta_key = ?1").doing(operation)?;
        statement.query_row([key], |row| row.get(0)).optional().doing(operation)
    }

    pub fn meta_put(&mut self, key: &str, value: &[u8]) -> Result<()> {
        self.write_meta(key, value)
    }

    /// The same within a transaction.
    pub(crate) fn write_meta(&self, key: &str, value: &[u8]) -> Result<()> {
        let sql = "INSERT INTO meta (meta_key, value) VALUES (?1, ?2)
                   ON CONFLICT (meta_key) DO UPDATE SET value = excluded.value";
        self.run("writing a node value", sql, params![key, value]).map(drop)
    }
}

fn json_of(key: &str, text: &str) -> Result<Value> {
    serde_json::from_str(text).map_err(|_| StoreError::Corrupt { what: format!("the setting {key}") })
}

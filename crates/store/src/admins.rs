//! Administrators. Every change says what becomes of the sessions that are open, and never leaves the node without anybody
//! who may administer it.

use crate::audit::Audit;
use crate::database::Database;
use crate::error::{Doing, Result, StoreError};
use rusqlite::{OptionalExtension, Row, params};
use serde_json::{Value, json};
use zaiseki_model::{AdminId, Timestamp};

/// The word in `role` whose holders may do everything.
pub const ADMINISTRATOR: &str = "administrator";
/// Where the hash of the set-up link's token is kept.
pub const SETUP_KEY: &str = "setup-link";

/// One administrator as stored.
#[derive(Clone, PartialEq, Eq)]
pub struct AdminRow {
    pub id: AdminId,
    /// Unique.
    pub name: String,
    pub role: String,
    pub enabled: bool,
    /// Argon2id in PHC form; `None`: no sign-in by password.
    pub password: Option<String>,
    /// Sealed; `None`: no second factor.
    pub totp: Option<Vec<u8>>,
    /// SHA-256 of each recovery code that is not used yet.
    pub recovery: Vec<[u8; 32]>,
    pub created_at: Timestamp,
    pub signed_in_at: Option<Timestamp>,
}

impl std::fmt::Debug for AdminRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdminRow").field("name", &self.name).field("role", &self.role).finish_non_exhaustive()
    }
}

/// Which sessions of the administrator survive a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sessions {
    Keep,
    EndAll,
    /// All but the one that makes the change.
    EndOthers([u8; 32]),
}

const COLUMNS: &str = "SELECT id, name, role, enabled, password, totp, recovery, created_at, signed_in_at FROM admin";

impl Database {
    /// # Errors
    /// [`StoreError::Conflict`] when the name is taken.
    pub fn create_admin(&mut self, admin: &AdminRow, audit: &Audit) -> Result<()> {
        let operation = "creating an administrator";
        let tx = self.begin(operation)?;
        self.insert_admin(admin, "admin.create", audit)?;
        tx.commit().doing(operation)
    }

    /// Makes the first administrator for whoever holds the set-up link, which is used up by that. False when the link is
    /// not (any more) the one with that hash.
    pub fn create_first_admin(&mut self, admin: &AdminRow, link: &[u8], audit: &Audit) -> Result<bool> {
        let operation = "creating the first administrator";
        let tx = self.begin(operation)?;
        let used = self.run(operation, "DELETE FROM meta WHERE meta_key = ?1 AND value = ?2", params![SETUP_KEY, link])?;
        if used == 0 || self.administrators()? > 0 {
            return Ok(false);
        }
        self.insert_admin(admin, "admin.set_up", audit)?;
        tx.commit().doing(operation)?;
        Ok(true)
    }

    pub(crate) fn insert_admin(&self, admin: &AdminRow, action: &str, audit: &Audit) -> Result<()> {
        if self.admin_by_name(&admin.name)?.is_some() {
            return Err(StoreError::Conflict { what: format!("administrator {}", admin.name) });
        }
        let sql = "INSERT INTO admin (id, name, role, enabled, password, totp, totp_step, recovery, created_at)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?8)";
        let AdminRow { id, name, role, enabled, password, totp, recovery, created_at, .. } = admin;
        let values = params![id.0, name, role, enabled, password, totp, recovery.concat(), created_at.0];
        self.run("creating an administrator", sql, values)?;
        self.write_audit(audit, action, &object(name), None, Some(&audit_view(admin)))
    }

    /// Replaces everything but id and times. `seen`: as it was when the change was decided. `action` names the change in the
    /// audit trail. With a password, or the right to sign in, go the API tokens that were made under it.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Stale`]; [`StoreError::Conflict`] when the name is taken;
    /// [`StoreError::LastAdministrator`].
    pub fn update_admin(
        &mut self,
        seen: &AdminRow,
        admin: &AdminRow,
        sessions: Sessions,
        action: &str,
        audit: &Audit,
    ) -> Result<()> {
        let operation = "changing an administrator";
        let tx = self.begin(operation)?;
        let before = self.unchanged_admin(seen)?;
        if self.admin_by_name(&admin.name)?.is_some_and(|other| other.id != admin.id) {
            return Err(StoreError::Conflict { what: format!("administrator {}", admin.name) });
        }
        let sql = "UPDATE admin SET name = ?2, role = ?3, enabled = ?4, password = ?5, totp = ?6, recovery = ?7 WHERE id = ?1";
        let AdminRow { id, name, role, enabled, password, totp, recovery, .. } = admin;
        self.run(operation, sql, params![id.0, name, role, enabled, password, totp, recovery.concat()])?;
        self.keep_one(&before)?;
        match sessions {
            Sessions::Keep => {}
            Sessions::EndAll => drop(self.run(operation, "DELETE FROM admin_session WHERE admin = ?1", [id.0])?),
            Sessions::EndOthers(key) => {
                let sql = "DELETE FROM admin_session WHERE admin = ?1 AND session_key <> ?2";
                self.run(operation, sql, params![id.0, key])?;
            }
        }
        if before.password != *password || (before.enabled && !enabled) {
            self.run(operation, "DELETE FROM api_token WHERE admin = ?1", [id.0])?;
        }
        self.write_audit(audit, action, &object(name), Some(&audit_view(&before)), Some(&audit_view(admin)))?;
        tx.commit().doing(operation)
    }

    /// Removes an administrator with sessions and tokens.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::LastAdministrator`].
    pub fn remove_admin(&mut self, id: AdminId, audit: &Audit) -> Result<()> {
        let operation = "removing an administrator";
        let tx = self.begin(operation)?;
        let before = self.existing_admin(id)?;
        self.run(operation, "DELETE FROM admin WHERE id = ?1", [id.0])?;
        self.keep_one(&before)?;
        self.run(operation, "DELETE FROM admin_session WHERE admin = ?1", [id.0])?;
        self.run(operation, "DELETE FROM api_token WHERE admin = ?1", [id.0])?;
        self.forget_identity(id)?;
        self.write_audit(audit, "admin.remove", &object(&before.name), Some(&audit_view(&before)), None)?;
        tx.commit().doing(operation)
    }

    /// The change of `before`, already made in this transaction, must not have taken the last one.
    pub(crate) fn keep_one(&self, before: &AdminRow) -> Result<()> {
        let counted = before.enabled && before.role == ADMINISTRATOR;
        if counted && self.administrators_of(self.only_issuer()?)? == 0 { Err(StoreError::LastAdministrator) } else { Ok(()) }
    }

    /// How many may sign in and do everything.
    pub fn administrators(&self) -> Result<u64> {
        self.administrators_of(None)
    }

    /// Of them those who are known at the issuer, if one is given.
    fn administrators_of(&self, issuer: Option<String>) -> Result<u64> {
        let operation = "counting administrators";
        let sql = "SELECT count(*) FROM admin a WHERE enabled AND role = ?1 AND (?2 IS NULL
                   OR EXISTS (SELECT 1 FROM admin_identity i WHERE i.admin = a.id AND i.issuer = ?2))";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let count: i64 = statement.query_row(params![ADMINISTRATOR, issuer], |row| row.get(0)).doing(operation)?;
        Ok(count.unsigned_abs())
    }

    /// All, by name.
    pub fn admins(&self) -> Result<Vec<AdminRow>> {
        let operation = "listing administrators";
        let mut statement = self.conn.prepare_cached(&format!("{COLUMNS} ORDER BY name")).doing(operation)?;
        let rows = statement.query_map([], admin).doing(operation)?;
        rows.collect::<rusqlite::Result<_>>().doing(operation)
    }

    pub fn admin(&self, id: AdminId) -> Result<Option<AdminRow>> {
        let operation = "reading an administrator";
        let mut statement = self.conn.prepare_cached(&format!("{COLUMNS} WHERE id = ?1")).doing(operation)?;
        statement.query_row([id.0], admin).optional().doing(operation)
    }

    pub fn admin_by_name(&self, name: &str) -> Result<Option<AdminRow>> {
        let operation = "reading an administrator";
        let mut statement = self.conn.prepare_cached(&format!("{COLUMNS} WHERE name = ?1")).doing(operation)?;
        statement.query_row([name], admin).optional().doing(operation)
    }

    /// As stored, if nothing but the time of sign-in differs from what was seen.
    fn unchanged_admin(&self, seen: &AdminRow) -> Result<AdminRow> {
        let now = self.existing_admin(seen.id)?;
        let same = AdminRow { signed_in_at: seen.signed_in_at, ..now.clone() } == *seen;
        if same { Ok(now) } else { Err(StoreError::Stale { what: format!("administrator {}", now.name) }) }
    }

    fn existing_admin(&self, id: AdminId) -> Result<AdminRow> {
        self.admin(id)?.ok_or_else(|| StoreError::NotFound { what: format!("administrator {id}") })
    }

    /// Notes that the code of that time step was used. False when it, or a later one, was used before.
    pub fn use_totp_step(&mut self, id: AdminId, step: i64) -> Result<bool> {
        let sql = "UPDATE admin SET totp_step = ?2 WHERE id = ?1 AND totp_step < ?2";
        Ok(self.run("using a code", sql, params![id.0, step])? == 1)
    }

    /// Uses up a recovery code, by its SHA-256. False when it is none.
    pub fn use_recovery_code(&mut self, id: AdminId, code: &[u8; 32], audit: &Audit) -> Result<bool> {
        let operation = "using a recovery code";
        let tx = self.begin(operation)?;
        let mut admin = self.existing_admin(id)?;
        let Some(at) = admin.recovery.iter().position(|known| known == code) else { return Ok(false) };
        admin.recovery.remove(at);
        self.run(operation, "UPDATE admin SET recovery = ?2 WHERE id = ?1", params![id.0, admin.recovery.concat()])?;
        let left = json!({"recovery_codes": admin.recovery.len()});
        self.write_audit(audit, "admin.use_recovery_code", &object(&admin.name), None, Some(&left))?;
        tx.commit().doing(operation)?;
        Ok(true)
    }
}

pub(crate) fn admin(row: &Row<'_>) -> rusqlite::Result<AdminRow> {
    let recovery: Vec<u8> = row.get(6)?;
    Ok(AdminRow {
        id: AdminId(row.get(0)?),
        name: row.get(1)?,
        role: row.get(2)?,
        enabled: row.get(3)?,
        password: row.get(4)?,
        totp: row.get(5)?,
        recovery: recovery.as_chunks().0.to_vec(),
        created_at: Timestamp(row.get(7)?),
        signed_in_at: row.get::<_, Option<i64>>(8)?.map(Timestamp),
    })
}

pub(crate) fn object(name: &str) -> String {
    format!("admin:{name}")
}

/// What the audit trail may show.
fn audit_view(admin: &AdminRow) -> Value {
    json!({
        "name": admin.name, "role": admin.role, "enabled": admin.enabled, "password": admin.password.is_some(),
        "totp": admin.totp.is_some(), "recovery_codes": admin.recovery.len(),
    })
}

//! Administrators who sign in by an OpenID provider: how it is configured, and who is who there.

use crate::admins::{AdminRow, object};
use crate::audit::Audit;
use crate::database::Database;
use crate::error::{Doing, Result, StoreError};
use rusqlite::{OptionalExtension, Row, params};
use serde_json::{Value, json};
use zaiseki_model::{AdminId, Timestamp};

/// Where the configuration and the sealed secret of the client are kept.
const CONFIG: &str = "admin-provider";
const SECRET: &str = "admin-provider-secret";

/// Who an administrator is at a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub admin: AdminId,
    pub issuer: String,
    /// Never given to somebody else by the provider (OpenID Connect Core 1.0 §2).
    pub subject: String,
    /// The provider's word made the account, and says its role.
    pub managed: bool,
    pub linked_at: Timestamp,
}

const COLUMNS: &str = "SELECT admin, issuer, subject, managed, linked_at FROM admin_identity";

impl Database {
    /// The configuration (JSON) and the sealed secret, as far as there are any.
    pub fn admin_provider(&self) -> Result<(Option<String>, Option<Vec<u8>>)> {
        let config = self.meta_get(CONFIG)?.map(String::from_utf8).transpose();
        let config = config.map_err(|_| StoreError::Corrupt { what: "the administrators' provider".to_owned() })?;
        Ok((config, self.meta_get(SECRET)?))
    }

    /// The issuer at which administrators sign in where passwords are not taken.
    pub(crate) fn only_issuer(&self) -> Result<Option<String>> {
        let Some(config) = self.admin_provider()?.0 else { return Ok(None) };
        let config: Value = serde_json::from_str(&config).unwrap_or_default();
        let issuer = || config["issuer"].as_str().unwrap_or_default().to_owned();
        Ok((config["local_sign_in"] == false).then(issuer))
    }

    /// Replaces both. `before` and `after` are what the audit trail shows.
    pub fn put_admin_provider(
        &mut self,
        config: &str,
        secret: Option<&[u8]>,
        (before, after): (&Value, &Value),
        audit: &Audit,
    ) -> Result<()> {
        let operation = "changing the administrators' provider";
        let tx = self.begin(operation)?;
        self.write_meta(CONFIG, config.as_bytes())?;
        match secret {
            Some(secret) => self.write_meta(SECRET, secret)?,
            None => drop(self.run(operation, "DELETE FROM meta WHERE meta_key = ?1", [SECRET])?),
        }
        self.write_audit(audit, "admin-provider.put", "admin-provider", Some(before), Some(after))?;
        tx.commit().doing(operation)
    }

    /// Whose account the subject of the issuer is.
    pub fn admin_by_identity(&self, issuer: &str, subject: &str) -> Result<Option<(AdminRow, Identity)>> {
        let operation = "reading an identity";
        let sql = format!("{COLUMNS} WHERE issuer = ?1 AND subject = ?2");
        let mut statement = self.conn.prepare_cached(&sql).doing(operation)?;
        let found = statement.query_row([issuer, subject], identity).optional().doing(operation)?;
        let Some(identity) = found else { return Ok(None) };
        Ok(self.admin(identity.admin)?.map(|admin| (admin, identity)))
    }

    pub fn identities(&self) -> Result<Vec<Identity>> {
        let operation = "listing identities";
        let mut statement = self.conn.prepare_cached(COLUMNS).doing(operation)?;
        let rows = statement.query_map([], identity).doing(operation)?;
        rows.collect::<rusqlite::Result<_>>().doing(operation)
    }

    /// Makes an account for somebody whom the provider knows.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the name or the identity is taken.
    pub fn create_admin_of(&mut self, admin: &AdminRow, identity: &Identity, audit: &Audit) -> Result<()> {
        let operation = "creating an administrator of a provider";
        let tx = self.begin(operation)?;
        self.insert_admin(admin, "admin.create_by_provider", audit)?;
        self.insert_identity(identity, &admin.name)?;
        tx.commit().doing(operation)
    }

    /// Says who an administrator is at the provider.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when either of them is linked already.
    pub fn link_admin(&mut self, admin: &AdminRow, identity: &Identity, audit: &Audit) -> Result<()> {
        let operation = "linking an administrator";
        let tx = self.begin(operation)?;
        self.insert_identity(identity, &admin.name)?;
        let after = json!({"issuer": identity.issuer, "subject": identity.subject});
        self.write_audit(audit, "admin.link", &object(&admin.name), None, Some(&after))?;
        tx.commit().doing(operation)
    }

    fn insert_identity(&self, identity: &Identity, name: &str) -> Result<()> {
        let sql = "INSERT INTO admin_identity (issuer, subject, admin, managed, linked_at) VALUES (?1, ?2, ?3, ?4, ?5)
                   ON CONFLICT DO NOTHING";
        let Identity { admin, issuer, subject, managed, linked_at } = identity;
        match self.run("writing an identity", sql, params![issuer, subject, admin.0, managed, linked_at.0])? {
            1 => Ok(()),
            _ => Err(StoreError::Conflict { what: format!("the identity of administrator {name}") }),
        }
    }

    /// Forgets who the administrator is at the provider, and ends the sessions. False when nobody had said so.
    ///
    /// # Errors
    /// [`StoreError::LastAdministrator`] when nobody else could get in.
    pub fn unlink_admin(&mut self, admin: &AdminRow, audit: &Audit) -> Result<bool> {
        let operation = "unlinking an administrator";
        let tx = self.begin(operation)?;
        let sql = format!("{COLUMNS} WHERE admin = ?1");
        let found = self.conn.query_row(&sql, [admin.id.0], identity).optional().doing(operation)?;
        let Some(before) = found else { return Ok(false) };
        self.forget_identity(admin.id)?;
        if let Some(admin) = self.admin(admin.id)? {
            self.keep_one(&admin)?;
        }
        self.run(operation, "DELETE FROM admin_session WHERE admin = ?1", [admin.id.0])?;
        let before = json!({"issuer": before.issuer, "subject": before.subject});
        self.write_audit(audit, "admin.unlink", &object(&admin.name), Some(&before), None)?;
        tx.commit().doing(operation)?;
        Ok(true)
    }

    pub(crate) fn forget_identity(&self, admin: AdminId) -> Result<()> {
        self.run("forgetting an identity", "DELETE FROM admin_identity WHERE admin = ?1", [admin.0]).map(drop)
    }
}

fn identity(row: &Row<'_>) -> rusqlite::Result<Identity> {
    Ok(Identity {
        admin: AdminId(row.get(0)?),
        issuer: row.get(1)?,
        subject: row.get(2)?,
        managed: row.get(3)?,
        linked_at: Timestamp(row.get(4)?),
    })
}

//! Certificates that the node shows in place of its own, signing requests, authorities that are believed, and ACME.

use crate::audit::Audit;
use crate::database::Database;
use crate::error::{Doing, Result, StoreError};
use rusqlite::{OptionalExtension, params};
use serde_json::{Value, json};
use zaiseki_model::Timestamp;
use zaiseki_model::limits::TRUSTED_AUTHORITIES;

/// A chain with its key. The store does not look into either.
#[derive(Clone, PartialEq, Eq)]
pub struct CertificateRow {
    /// `xmpp`, `web`.
    pub purpose: String,
    /// `own-authority`, `imported`, `acme`.
    pub source: String,
    /// PEM, leaf first.
    pub chain: String,
    /// Sealed.
    pub key: Vec<u8>,
    pub changed_at: Timestamp,
}

/// A signing request that waits for its certificate.
#[derive(Clone, PartialEq, Eq)]
pub struct RequestRow {
    pub purpose: String,
    /// PEM.
    pub request: String,
    /// Sealed.
    pub key: Vec<u8>,
    pub created_at: Timestamp,
}

/// An authority that is believed besides the operating system's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorityRow {
    /// SHA-256.
    pub fingerprint: String,
    /// Unique.
    pub name: String,
    /// DER.
    pub certificate: Vec<u8>,
    pub added_at: Timestamp,
}

impl std::fmt::Debug for CertificateRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CertificateRow").field("purpose", &self.purpose).field("source", &self.source).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for RequestRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestRow").field("purpose", &self.purpose).finish_non_exhaustive()
    }
}

/// What stands in the audit trail: facts of the certificate before and after, never a key.
#[derive(Clone, Debug)]
pub struct CertificateChange {
    /// `certificate.import`
    pub action: &'static str,
    pub before: Value,
    pub after: Value,
    pub audit: Audit,
}

impl Database {
    pub fn certificate(&self, purpose: &str) -> Result<Option<CertificateRow>> {
        let operation = "reading a certificate";
        let sql = "SELECT purpose, source, chain, key, changed_at FROM certificate WHERE purpose = ?1";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let row = statement.query_row([purpose], |row| {
            let (purpose, source, chain, key) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
            Ok(CertificateRow { purpose, source, chain, key, changed_at: Timestamp(row.get(4)?) })
        });
        row.optional().doing(operation)
    }

    /// Puts it in the place of what there was; `answers`: it came for the signing request of that purpose, which is done with.
    pub fn put_certificate(&mut self, row: &CertificateRow, answers: bool, change: &CertificateChange) -> Result<()> {
        let operation = "writing a certificate";
        let tx = self.begin(operation)?;
        let CertificateRow { purpose, source, chain, key, changed_at } = row;
        let sql = "INSERT INTO certificate (purpose, source, chain, key, changed_at) VALUES (?1, ?2, ?3, ?4, ?5)
                   ON CONFLICT (purpose) DO UPDATE SET source = excluded.source, chain = excluded.chain, key = excluded.key,
                   changed_at = excluded.changed_at";
        self.run(operation, sql, params![purpose, source, chain, key, changed_at.0])?;
        if answers {
            self.run(operation, "DELETE FROM certificate_request WHERE purpose = ?1", [purpose])?;
        }
        self.write_change(purpose, change)?;
        tx.commit().doing(operation)
    }

    /// The node's own holds again.
    pub fn remove_certificate(&mut self, purpose: &str, change: &CertificateChange) -> Result<()> {
        let operation = "removing a certificate";
        let tx = self.begin(operation)?;
        if self.run(operation, "DELETE FROM certificate WHERE purpose = ?1", [purpose])? == 0 {
            return Err(StoreError::NotFound { what: format!("a certificate for {purpose} besides the node's own") });
        }
        self.write_change(purpose, change)?;
        tx.commit().doing(operation)
    }

    pub fn certificate_request(&self, purpose: &str) -> Result<Option<RequestRow>> {
        let operation = "reading a signing request";
        let sql = "SELECT purpose, request, key, created_at FROM certificate_request WHERE purpose = ?1";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let row = statement.query_row([purpose], |row| {
            let (purpose, request, key) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(RequestRow { purpose, request, key, created_at: Timestamp(row.get(3)?) })
        });
        row.optional().doing(operation)
    }

    /// In place of an earlier one, whose key goes.
    pub fn put_certificate_request(&mut self, row: &RequestRow, change: &CertificateChange) -> Result<()> {
        let operation = "writing a signing request";
        let tx = self.begin(operation)?;
        let RequestRow { purpose, request, key, created_at } = row;
        let sql = "INSERT INTO certificate_request (purpose, request, key, created_at) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (purpose) DO UPDATE SET request = excluded.request, key = excluded.key,
                   created_at = excluded.created_at";
        self.run(operation, sql, params![purpose, request, key, created_at.0])?;
        self.write_change(purpose, change)?;
        tx.commit().doing(operation)
    }

    pub fn remove_certificate_request(&mut self, purpose: &str, change: &CertificateChange) -> Result<()> {
        let operation = "removing a signing request";
        let tx = self.begin(operation)?;
        if self.run(operation, "DELETE FROM certificate_request WHERE purpose = ?1", [purpose])? == 0 {
            return Err(StoreError::NotFound { what: format!("a signing request for {purpose}") });
        }
        self.write_change(purpose, change)?;
        tx.commit().doing(operation)
    }

    fn write_change(&self, purpose: &str, change: &CertificateChange) -> Result<()> {
        let given = |value: &Value| (!value.is_null()).then(|| value.clone());
        let (before, after) = (given(&change.before), given(&change.after));
        self.write_audit(&change.audit, change.action, &format!("certificate:{purpose}"), before.as_ref(), after.as_ref())
    }

    /// By name.
    pub fn trusted_authorities(&self) -> Result<Vec<AuthorityRow>> {
        let operation = "reading the trusted authorities";
        let sql = "SELECT fingerprint, name, certificate, added_at FROM trusted_authority ORDER BY name";
        let mut statement = self.conn.prepare_cached(sql).doing(operation)?;
        let rows = statement.query_map([], |row| {
            let (fingerprint, name, certificate) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok(AuthorityRow { fingerprint, name, certificate, added_at: Timestamp(row.get(3)?) })
        });
        rows.doing(operation)?.collect::<rusqlite::Result<_>>().doing(operation)
    }

    /// # Errors
    /// [`StoreError::Conflict`] when the certificate or the name is there, [`StoreError::Full`] at [`TRUSTED_AUTHORITIES`].
    pub fn add_trusted_authority(&mut self, row: &AuthorityRow, about: &Value, audit: &Audit) -> Result<()> {
        let operation = "writing a trusted authority";
        let tx = self.begin(operation)?;
        let all = self.trusted_authorities()?;
        if let Some(other) = all.iter().find(|other| other.fingerprint == row.fingerprint || other.name == row.name) {
            return Err(StoreError::Conflict { what: format!("the trusted authority {}", other.name) });
        }
        if all.len() >= TRUSTED_AUTHORITIES {
            return Err(StoreError::Full { what: "trusted authorities", limit: TRUSTED_AUTHORITIES });
        }
        let AuthorityRow { fingerprint, name, certificate, added_at } = row;
        let sql = "INSERT INTO trusted_authority (fingerprint, name, certificate, added_at) VALUES (?1, ?2, ?3, ?4)";
        self.run(operation, sql, params![fingerprint, name, certificate, added_at.0])?;
        self.write_audit(audit, "trust.add", &format!("trust:{name}"), None, Some(about))?;
        tx.commit().doing(operation)
    }

    pub fn remove_trusted_authority(&mut self, name: &str, audit: &Audit) -> Result<()> {
        let operation = "removing a trusted authority";
        let tx = self.begin(operation)?;
        let found = self.trusted_authorities()?.into_iter().find(|row| row.name == name);
        let Some(row) = found else { return Err(StoreError::NotFound { what: format!("the trusted authority {name}") }) };
        self.run(operation, "DELETE FROM trusted_authority WHERE fingerprint = ?1", [&row.fingerprint])?;
        let before = json!({"name": row.name, "fingerprint": row.fingerprint});
        self.write_audit(audit, "trust.remove", &format!("trust:{name}"), Some(&before), None)?;
        tx.commit().doing(operation)
    }
}

/// What is kept of ACME. The store does not look into it.
#[derive(Clone, PartialEq, Eq)]
pub struct AcmeRow {
    /// JSON.
    pub config: String,
    /// Sealed; `None` before the authority knows the node.
    pub account: Option<Vec<u8>>,
    /// JSON.
    pub state: String,
    /// Sealed: what the authority is shown of an account of its own, where it wants that.
    pub binding: Option<Vec<u8>>,
}

/// What becomes of the account with the authority.
#[derive(Clone, Copy)]
pub enum AcmeAccount<'a> {
    Keep,
    /// The one that there was is forgotten. `binding`: sealed, for the new one.
    New {
        binding: Option<&'a [u8]>,
    },
}

impl Database {
    pub fn acme(&self) -> Result<Option<AcmeRow>> {
        let operation = "reading ACME";
        let mut statement = self.conn.prepare_cached("SELECT config, account, state, binding FROM acme").doing(operation)?;
        let row = statement
            .query_row([], |row| {
                Ok(AcmeRow { config: row.get(0)?, account: row.get(1)?, state: row.get(2)?, binding: row.get(3)? })
            })
            .optional();
        row.doing(operation)
    }

    pub fn put_acme(
        &mut self,
        config: &str,
        state: &str,
        account: AcmeAccount<'_>,
        before: Option<&Value>,
        audit: &Audit,
    ) -> Result<()> {
        let operation = "writing ACME";
        let tx = self.begin(operation)?;
        let sql = "INSERT INTO acme (only, config, state, binding) VALUES (1, ?1, ?2, ?4)
                   ON CONFLICT (only) DO UPDATE SET config = excluded.config, state = excluded.state,
                   account = CASE WHEN ?3 THEN account END, binding = CASE WHEN ?3 THEN binding ELSE excluded.binding END";
        let (keeps, binding) = match account {
            AcmeAccount::Keep => (true, None),
            AcmeAccount::New { binding } => (false, binding),
        };
        self.run(operation, sql, params![config, state, keeps, binding])?;
        let after = serde_json::from_str(config).unwrap_or(Value::Null);
        self.write_audit(audit, "acme.set", "acme", before, Some(&after))?;
        tx.commit().doing(operation)
    }

    /// A certificate is to be ordered.
    pub fn ask_acme(&mut self, state: &str, audit: &Audit) -> Result<()> {
        let operation = "writing ACME";
        let tx = self.begin(operation)?;
        if self.run(operation, "UPDATE acme SET state = ?1", [state])? == 0 {
            return Err(StoreError::NotFound { what: "a setting of ACME".to_owned() });
        }
        self.write_audit(audit, "acme.order", "acme", None, None)?;
        tx.commit().doing(operation)
    }

    /// How the last order went; the settings may have gone meanwhile.
    pub fn put_acme_state(&mut self, state: &str) -> Result<()> {
        self.run("writing ACME", "UPDATE acme SET state = ?1", [state]).map(drop)
    }

    /// The authority knows the node now.
    pub fn put_acme_account(&mut self, account: &[u8]) -> Result<()> {
        self.run("writing ACME", "UPDATE acme SET account = ?1", [account]).map(drop)
    }

    pub fn remove_acme(&mut self, before: Option<&Value>, audit: &Audit) -> Result<()> {
        let operation = "removing ACME";
        let tx = self.begin(operation)?;
        if self.run(operation, "DELETE FROM acme", [])? == 0 {
            return Err(StoreError::NotFound { what: "a setting of ACME".to_owned() });
        }
        self.write_audit(audit, "acme.remove", "acme", before, None)?;
        tx.commit().doing(operation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audit() -> Audit {
        Audit { actor: "tester".to_owned(), at: Timestamp(1) }
    }

    fn change(action: &'static str) -> CertificateChange {
        CertificateChange { action, before: Value::Null, after: json!({"names": ["a"]}), audit: audit() }
    }

    #[test]
    fn certificates_and_requests_come_and_go_and_leave_no_key_in_the_trail() {
        let mut db = Database::open_in_memory("example.com").unwrap();
        let (purpose, text) = ("web".to_owned(), "PEM".to_owned());
        let request =
            RequestRow { purpose: purpose.clone(), request: text.clone(), key: b"sealed".to_vec(), created_at: Timestamp(2) };
        db.put_certificate_request(&request, &change("certificate.request")).unwrap();
        assert_eq!(db.certificate_request("web").unwrap(), Some(request));
        let (source, key) = ("imported".to_owned(), b"sealed".to_vec());
        let row = CertificateRow { purpose, source, chain: text, key, changed_at: Timestamp(3) };
        db.put_certificate(&row, true, &change("certificate.import")).unwrap();
        assert_eq!((db.certificate("web").unwrap(), db.certificate("xmpp").unwrap()), (Some(row), None));
        assert_eq!(db.certificate_request("web").unwrap(), None);
        let gone = db.remove_certificate_request("web", &change("x")).unwrap_err();
        assert!(matches!(gone, StoreError::NotFound { .. }));
        db.remove_certificate("web", &change("certificate.remove")).unwrap();
        assert!(matches!(db.remove_certificate("web", &change("x")).unwrap_err(), StoreError::NotFound { .. }));
        let trail = db.audit_list(Some("certificate:web"), None, 9).unwrap();
        let actions: Vec<&str> = trail.iter().map(|entry| entry.action.as_str()).collect();
        assert_eq!(actions, ["certificate.remove", "certificate.import", "certificate.request"]);
        assert!(!format!("{trail:?}").contains("sealed"));
    }

    #[test]
    fn an_account_stays_with_its_authority() {
        let mut db = Database::open_in_memory("example.com").unwrap();
        let gone = |error: StoreError| matches!(error, StoreError::NotFound { .. });
        assert!(gone(db.ask_acme("{}", &audit()).unwrap_err()) && gone(db.remove_acme(None, &audit()).unwrap_err()));
        db.put_acme("{\"a\":1}", "{}", AcmeAccount::New { binding: Some(b"bound") }, None, &audit()).unwrap();
        db.put_acme_account(b"sealed").unwrap();
        let account = |db: &Database| db.acme().unwrap().unwrap().account;
        let binding = |db: &Database| db.acme().unwrap().unwrap().binding;
        db.put_acme("{\"a\":2}", "{}", AcmeAccount::Keep, None, &audit()).unwrap();
        assert_eq!((account(&db).as_deref(), binding(&db).as_deref()), (Some(&b"sealed"[..]), Some(&b"bound"[..])));
        db.put_acme("{\"a\":3}", "{}", AcmeAccount::New { binding: None }, None, &audit()).unwrap();
        assert_eq!((account(&db), binding(&db)), (None, None));
        db.ask_acme("{\"s\":1}", &audit()).unwrap();
        assert_eq!(db.acme().unwrap().unwrap().state, "{\"s\":1}");
        db.remove_acme(Some(&json!({"a": 3})), &audit()).unwrap();
        db.put_acme_state("{}").unwrap();
        assert!(db.acme().unwrap().is_none(), "an order that ends later brings nothing back");
        let trail = db.audit_list(Some("acme"), None, 9).unwrap();
        assert!(trail.len() == 5 && !format!("{trail:?}").contains("sealed"));
    }

    #[test]
    fn authorities_are_taken_to_their_number_and_not_one_more() {
        let mut db = Database::open_in_memory("example.com").unwrap();
        let row = |n: usize| AuthorityRow {
            fingerprint: format!("f{n}"),
            name: format!("n{n:03}"),
            certificate: vec![1],
            added_at: Timestamp(1),
        };
        (0..TRUSTED_AUTHORITIES).for_each(|n| db.add_trusted_authority(&row(n), &json!({}), &audit()).unwrap());
        let add = |db: &mut Database, row| db.add_trusted_authority(&row, &json!({}), &audit()).unwrap_err();
        assert!(matches!(add(&mut db, row(TRUSTED_AUTHORITIES)), StoreError::Full { .. }));
        assert!(matches!(add(&mut db, AuthorityRow { name: "other".to_owned(), ..row(3) }), StoreError::Conflict { .. }));
        db.remove_trusted_authority("n001", &audit()).unwrap();
        assert!(matches!(db.remove_trusted_authority("n001", &audit()), Err(StoreError::NotFound { .. })));
        assert_eq!(db.trusted_authorities().unwrap().len(), TRUSTED_AUTHORITIES - 1);
    }
}

//! Passwords, by a bind to the directory that the user comes from.

use super::SignInAgent;
use crate::directory::{DirectoryService, StoredDirectory};
use crate::error::{ControlError, Result};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use zaiseki_directory::Binder;
use zaiseki_model::sign_in::Verdict;
use zaiseki_model::{Credentials, DirectoryId, Timestamp};
use zaiseki_store::{Directory, KeptKeys, SignInAccount};
use zaiseki_stream::sasl::scram::made_up_salt;
use zaiseki_stream::sasl::{DEFAULT_ITERATIONS, new_keys, verify_password};

/// Clients by directory, each with the configuration it was made from.
#[derive(Default)]
pub(super) struct Binders(Mutex<HashMap<DirectoryId, (String, Arc<Binder>)>>);

impl Binders {
    fn of(&self, row: &Directory) -> Result<Option<Arc<Binder>>> {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, binder)) = made.get(&row.id).filter(|(config, _)| *config == row.config) {
            return Ok(Some(binder.clone()));
        }
        let Some(binder) = binder(row)?.map(Arc::new) else { return Ok(None) };
        made.insert(row.id, (row.config.clone(), binder.clone()));
        Ok(Some(binder))
    }
}

/// `None` for a directory that is not LDAP.
fn binder(row: &Directory) -> Result<Option<Binder>> {
    let DirectoryService::Ldap(config) = StoredDirectory::from_row(row)?.service else { return Ok(None) };
    let made = Binder::new(&config).map_err(|why| ControlError::invalid("ca", why.to_string(), why.to_string()))?;
    Ok(Some(made))
}

/// Whom to ask about a password, and about which entry.
struct Asked {
    binder: Arc<Binder>,
    directory: DirectoryId,
    name: String,
    dn: String,
}

/// What is known before a directory is asked.
struct Known {
    account: Option<SignInAccount>,
    /// `None` when no LDAP directory is configured.
    asked: Option<Asked>,
    /// The password is right by the keys of the database, for an account of no LDAP directory.
    right_here: bool,
}

impl SignInAgent {
    pub(super) async fn password(&self, local: String, password: String) -> Result<Verdict> {
        let (name, typed) = (local.clone(), password.clone());
        let known = self.blocking(move |inner| inner.known(&name, &typed)).await?;
        if let Some(account) = known.account.as_ref().filter(|_| known.right_here) {
            return Ok(verdict(&account.credentials, local));
        }
        let Some(asked) = known.asked else { return Ok(Verdict::Refused) };
        let Ok(_turn) = self.0.turns.acquire().await else { return Ok(Verdict::Unavailable) };
        match asked.binder.check(&asked.dn, &password).await {
            Ok(true) => {}
            Ok(false) => return Ok(Verdict::Refused),
            Err(why) => {
                tracing::warn!(directory = asked.name, error = %why, "a directory cannot say whether a password is right");
                return Ok(Verdict::Unavailable);
            }
        }
        match known.account.filter(|account| account.entry.is_some()) {
            Some(account) => self.taken(account.credentials, local, asked, password).await,
            None => Ok(Verdict::Refused),
        }
    }

    /// The directory took the password.
    async fn taken(&self, credentials: Credentials, local: String, asked: Asked, password: String) -> Result<Verdict> {
        let keep = self.0.app.settings().borrow().sign_in.keep_keys;
        if !keep.is_zero() && credentials.enabled {
            let (user, name) = (credentials.user, local.clone());
            self.blocking(move |inner| {
                let salt = made_up_salt(&name, &inner.server_secret);
                // A password that no SCRAM client could send has no keys.
                let Ok((sha256, sha1)) = new_keys(&password, salt, DEFAULT_ITERATIONS) else { return Ok(()) };
                let at = Timestamp::now();
                let keys = KeptKeys { user, directory: asked.directory, place: asked.dn, at, sha256, sha1 };
                Ok(inner.app.store().call(move |db| db.keep_keys(&keys, at - keep))?)
            })
            .await?;
        }
        Ok(verdict(&credentials, local))
    }
}

fn verdict(credentials: &Credentials, claimed: String) -> Verdict {
    Verdict::User { user: credentials.user, claimed, local: credentials.name.clone(), enabled: credentials.enabled }
}

impl super::Inner {
    fn known(&self, local: &str, password: &str) -> Result<Known> {
        let name = local.to_owned();
        let account = self.app.store().query(move |db| db.sign_in_account(&name))?;
        if let Some((row, place)) = account.as_ref().and_then(|account| account.entry.clone()) {
            let asked = self.binders.of(&row)?.map(|binder| Asked { binder, directory: row.id, name: row.name, dn: place });
            return Ok(Known { account, asked, right_here: false });
        }
        let right_here = account.as_ref().is_some_and(|account| verify_password(&account.credentials, password));
        let asked = if right_here { None } else { self.decoy(local)? };
        Ok(Known { account, asked, right_here })
    }

    /// A question about an entry that there is not, to one of the LDAP directories: for the same name always the same one.
    fn decoy(&self, local: &str) -> Result<Option<Asked>> {
        let rows = self.app.store().query(|db| db.directories())?;
        let mut salt = made_up_salt(local, &self.server_secret).into_iter();
        let rows: Vec<Directory> = rows.into_iter().filter(|row| row.kind == "ldap").collect();
        let Some(row) = rows.get(usize::from(salt.next().unwrap_or_default()) % rows.len().max(1)) else { return Ok(None) };
        let DirectoryService::Ldap(config) = StoredDirectory::from_row(row)?.service else { return Ok(None) };
        let nobody: String = salt.map(|byte| format!("{byte:02x}")).collect();
        let dn = format!("cn={nobody},{}", config.base);
        let binder = self.binders.of(row)?;
        Ok(binder.map(|binder| Asked { binder, directory: row.id, name: row.name.clone(), dn }))
    }
}

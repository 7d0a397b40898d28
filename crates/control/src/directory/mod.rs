//! Directories at work: reading users from a source outside, planning what changes, carrying it out.
//!
//! **Complete or nothing.** A source gives a whole answer or an error ([`zaiseki_model::directory::Sweep`]). What changes is
//! a pure function of what is known and that answer ([`plan`]), carried out in transactions of some hundred users with an
//! audit row each. Stopped in the middle, the next synchronisation goes on from what is there.
//!
//! **Gone is not deleted.** An entry that is gone takes its user's right to sign in at once, and the account with everything
//! in it only after the directory's grace period. When an unlikely part of all entries is gone, nothing of that happens
//! ([`rules::SyncRules::brake_percent`]).

pub mod agent;
mod candidate;
mod names;
mod order;
pub mod plan;
pub mod report;
pub mod rules;
pub mod state;
pub mod sync;
pub(crate) mod texts;

use crate::error::{ControlError, Result};
use crate::reasons;
use rules::SyncRules;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zaiseki_axl::AxlConfig;
use zaiseki_directory::{LdapConfig, Security};
use zaiseki_model::directory::{UserSource, UserSourceError};
use zaiseki_store::{Directory, StoreError};

/// Where users come from, with `"kind": "ldap" | "unified-cm"`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum DirectoryService {
    Ldap(LdapConfig),
    UnifiedCm(AxlConfig),
}

impl DirectoryService {
    /// Whether a password kept for `self` would, under `new`, reach a server it did not reach before, or travel or be given
    /// away with less protection.
    pub(crate) fn reveals_more_in(&self, new: &DirectoryService) -> bool {
        match (self, new) {
            (DirectoryService::Ldap(old), DirectoryService::Ldap(new)) => {
                let in_clear = new.security == Security::None && old.security != Security::None;
                let trusting = new.security != Security::None && new.ca != old.ca;
                let following = new.follow_referrals && !old.follow_referrals;
                elsewhere(&old.servers, &new.servers) || in_clear || trusting || following
            }
            (DirectoryService::UnifiedCm(old), DirectoryService::UnifiedCm(new)) => {
                elsewhere(&old.servers, &new.servers) || (&new.ca, &new.certificate) != (&old.ca, &old.certificate)
            }
            _ => true,
        }
    }
}

fn elsewhere(old: &[String], new: &[String]) -> bool {
    new.iter().any(|server| !old.contains(server))
}

/// The JSON of a directory's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredDirectory {
    pub service: DirectoryService,
    pub sync: SyncRules,
}

impl StoredDirectory {
    pub fn from_row(row: &Directory) -> Result<Self, StoreError> {
        serde_json::from_str(&row.config)
            .map_err(|_| StoreError::Corrupt { what: format!("the configuration of directory {}", row.name) })
    }

    pub fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }

    pub fn kind(&self) -> &'static str {
        match self.service {
            DirectoryService::Ldap(_) => "ldap",
            DirectoryService::UnifiedCm(_) => "unified-cm",
        }
    }

    /// The client; nothing is connected yet.
    pub fn open(&self, secret: &str) -> Result<Box<dyn UserSource>> {
        let opened: std::result::Result<Box<dyn UserSource>, UserSourceError> = match &self.service {
            DirectoryService::Ldap(config) => zaiseki_directory::open(config, secret).map(|source| Box::new(source) as _),
            DirectoryService::UnifiedCm(config) => zaiseki_axl::open(config, secret).map(|source| Box::new(source) as _),
        };
        match opened {
            Ok(source) => Ok(source),
            Err(UserSourceError::Config { key, why }) => {
                Err(ControlError::invalid(key, format!("{key}: {why}"), format!("{key} の値を使えません: {}", reasons::ja(&why))))
            }
            Err(other) => Err(ControlError::invalid("config", other.to_string(), other.to_string())),
        }
    }
}

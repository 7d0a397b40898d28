//! Presence gateways at work: what is configured, who is asked, what became of it.
//!
//! **Who is asked where.** A user takes part while enabled and not opted out (`calendar`). Every enabled gateway is asked
//! about every such user whose address its configuration can form: one that uses `{mail}` needs the user's mail address. A
//! gateway that knows no such mailbox is asked about that user once an hour only. What several gateways say of one user is
//! merged, so that nobody has to write down who has the mailbox where.

mod backoff;
mod book;
mod poll;
pub mod state;
pub(crate) mod texts;
pub mod worker;

use serde::{Deserialize, Serialize};
use zaiseki_calendar::{GatewayConfig, Mailbox};
use zaiseki_model::User;
use zaiseki_store::{Gateway, StoreError};
use zaiseki_xmpp::jid;

/// The JSON of a gateway's row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StoredConfig {
    pub service: GatewayConfig,
    pub poll_secs: u32,
}

impl StoredConfig {
    pub fn from_row(row: &Gateway) -> Result<Self, StoreError> {
        serde_json::from_str(&row.config)
            .map_err(|_| StoreError::Corrupt { what: format!("the configuration of gateway {}", row.name) })
    }

    pub fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }

    pub fn kind(&self) -> &'static str {
        match self.service {
            GatewayConfig::Ews(_) => "ews",
            GatewayConfig::Caldav(_) => "caldav",
        }
    }
}

/// How the gateway is to name the user; `None` when it can't.
pub(crate) fn mailbox(config: &GatewayConfig, user: &User) -> Option<Mailbox> {
    let needs_mail = match config {
        GatewayConfig::Ews(ews) => ews.mailbox.contains("{mail}"),
        GatewayConfig::Caldav(caldav) => caldav.url.contains("{mail}") || caldav.username.contains("{mail}"),
    };
    if needs_mail && user.mail.is_empty() {
        return None;
    }
    Some(Mailbox { user: user.id, name: jid::unescape_local(&user.name), address: user.mail.clone() })
}

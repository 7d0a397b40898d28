//! What each gateway is doing now, for people who look, and the bell that makes it poll at once.

use crate::text::Text;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;
use utoipa::ToSchema;
use zaiseki_model::GatewayId;

/// Users named one by one in a status; of the others only the number.
pub const PROBLEMS_TOLD: usize = 100;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum GatewayState {
    /// Not yet polled since the node started.
    #[default]
    Starting,
    Up {
        /// XEP-0082 form of time.
        since: String,
    },
    Down {
        since: String,
        reason: Text,
    },
}

/// What came of the last poll.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GatewayStatus {
    #[serde(flatten)]
    pub state: GatewayState,
    /// Polls since the node started.
    pub polls: u64,
    /// When the last one ended, and when the next is due (XEP-0082 form of time).
    pub last_poll: Option<String>,
    pub next_poll: Option<String>,
    /// Users whom the gateway serves, of those read, and those who could not be read.
    pub users: usize,
    pub read: usize,
    pub failed: usize,
    /// Users of whom it knows no calendar. They are asked about again once an hour, when their address changes, and on *refresh*.
    #[serde(default)]
    pub unknown: usize,
    /// Events left out because they could not be understood.
    pub skipped_events: usize,
    /// Who and why; at most 100.
    pub problems: Vec<UserProblem>,
}

/// Something about one user's calendar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UserProblem {
    pub user: String,
    pub reason: Text,
}

/// The statuses of all gateways that are polled.
#[derive(Default)]
pub struct GatewayStates(Mutex<HashMap<GatewayId, Entry>>);

#[derive(Default)]
struct Entry {
    status: GatewayStatus,
    bell: Arc<Notify>,
}

impl GatewayStates {
    pub fn get(&self, id: GatewayId) -> Option<GatewayStatus> {
        self.lock().get(&id).map(|entry| entry.status.clone())
    }

    /// Makes the gateway poll now; nothing happens when it is not running.
    pub fn wake(&self, id: GatewayId) {
        if let Some(entry) = self.lock().get(&id) {
            entry.bell.notify_one();
        }
    }

    /// Begins to keep the status of a gateway; the bell rings for it.
    pub(super) fn start(&self, id: GatewayId) -> Arc<Notify> {
        self.lock().entry(id).or_default().bell.clone()
    }

    pub(super) fn update(&self, id: GatewayId, change: impl FnOnce(&mut GatewayStatus)) {
        if let Some(entry) = self.lock().get_mut(&id) {
            change(&mut entry.status);
        }
    }

    pub(super) fn stop(&self, id: GatewayId) {
        self.lock().remove(&id);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<GatewayId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

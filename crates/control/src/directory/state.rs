//! Which directories are being synchronised, and how far they are.

use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use utoipa::ToSchema;
use zaiseki_model::DirectoryId;

/// A synchronisation under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = SyncRunning)]
pub struct Running {
    /// XEP-0082 form of time.
    pub since: String,
    /// Entries read so far.
    pub read: usize,
    /// Users changed so far, of how many; 0 of 0 until the source has answered.
    pub applied: usize,
    pub steps: usize,
}

/// One at a time for each directory.
#[derive(Clone, Default)]
pub struct DirectoryStates(Arc<Mutex<HashMap<DirectoryId, Running>>>);

impl DirectoryStates {
    pub fn get(&self, id: DirectoryId) -> Option<Running> {
        self.lock().get(&id).cloned()
    }

    /// `None` when one is under way. It ends when the returned value is dropped.
    pub(super) fn begin(&self, id: DirectoryId, since: String) -> Option<Turn> {
        let mut all = self.lock();
        if all.contains_key(&id) {
            return None;
        }
        all.insert(id, Running { since, read: 0, applied: 0, steps: 0 });
        Some(Turn { states: self.clone(), id })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<DirectoryId, Running>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) struct Turn {
    states: DirectoryStates,
    id: DirectoryId,
}

impl Turn {
    pub fn update(&self, change: impl FnOnce(&mut Running)) {
        if let Some(running) = self.states.lock().get_mut(&self.id) {
            change(running);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.states.lock().remove(&self.id);
    }
}

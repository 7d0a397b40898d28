//! Which directories are being synchronised, how far they are, and what their last dry runs found.

use super::report::Preview;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use utoipa::ToSchema;
use zaiseki_model::{DirectoryId, Timestamp};

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
pub struct DirectoryStates(Arc<Mutex<All>>);

#[derive(Default)]
struct All {
    running: HashMap<DirectoryId, Running>,
    /// In memory only: whoever starts the node anew runs them anew.
    previews: HashMap<DirectoryId, Arc<Preview>>,
    looks: HashMap<DirectoryId, Option<Look>>,
}

/// How far the changes of a directory are known, where its source can tell them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// Where the next look goes on from.
    pub cursor: String,
    /// When the last one ended.
    pub at: Timestamp,
}

impl DirectoryStates {
    pub fn get(&self, id: DirectoryId) -> Option<Running> {
        self.lock().running.get(&id).cloned()
    }

    /// What the last dry run found; `None` when nothing was asked since the last real one.
    pub fn preview(&self, id: DirectoryId) -> Option<Arc<Preview>> {
        self.lock().previews.get(&id).cloned()
    }

    pub(super) fn keep(&self, id: DirectoryId, preview: Preview) {
        self.lock().previews.insert(id, Arc::new(preview));
    }

    /// What a dry run found is no longer so.
    pub(crate) fn forget(&self, id: DirectoryId) {
        self.lock().previews.remove(&id);
    }

    /// The last look at changes, or the complete answer that it goes on from; `Some(None)`: changes cannot be told until the next
    /// complete answer. `None`: nothing was asked since the node started.
    pub(crate) fn look(&self, id: DirectoryId) -> Option<Option<Look>> {
        self.lock().looks.get(&id).cloned()
    }

    pub(super) fn looked(&self, id: DirectoryId, look: Option<Look>) {
        self.lock().looks.insert(id, look);
    }

    /// `None` when one is under way. It ends when the returned value is dropped.
    pub(crate) fn begin(&self, id: DirectoryId, since: String) -> Option<Turn> {
        let mut all = self.lock();
        if all.running.contains_key(&id) {
            return None;
        }
        all.running.insert(id, Running { since, read: 0, applied: 0, steps: 0 });
        Some(Turn { states: self.clone(), id })
    }

    fn lock(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) struct Turn {
    states: DirectoryStates,
    id: DirectoryId,
}

impl Turn {
    pub fn update(&self, change: impl FnOnce(&mut Running)) {
        if let Some(running) = self.states.lock().running.get_mut(&self.id) {
            change(running);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.states.lock().running.remove(&self.id);
    }
}

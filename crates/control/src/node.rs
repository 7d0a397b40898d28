//! What this node knows of itself: its name, and where it listens.

use crate::bootstrap::{Bootstrap, Restarter};
use crate::text::Text;
use serde::{Deserialize, Serialize};
use std::sync::{Mutex, OnceLock, PoisonError};
use utoipa::ToSchema;

/// A way into the node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Door {
    /// `clients`, `clients-tls`, `web`, `console`, `api`, `metrics`.
    pub name: String,
    pub title: Text,
    /// `address:port`; several doors may share one.
    pub addresses: Vec<String>,
    /// Networks that may come in; empty: every network.
    pub allow: Vec<String>,
    /// The service that opens and closes it; `null`: it is open while the node runs.
    pub service: Option<String>,
}

/// Filled by the binary as the node starts.
#[derive(Default)]
pub struct LocalNode {
    name: OnceLock<String>,
    doors: Mutex<Vec<Door>>,
    bootstrap: OnceLock<Bootstrap>,
    restarter: OnceLock<Box<dyn Restarter>>,
}

impl LocalNode {
    /// Once, before services are asked for.
    pub fn set_name(&self, name: &str) {
        let _ = self.name.set(name.to_owned());
    }

    /// The name of the configuration file; empty where nobody has set one.
    pub fn name(&self) -> &str {
        self.name.get().map_or("", String::as_str)
    }

    /// Once, as the process starts.
    pub fn set_bootstrap(&self, bootstrap: Bootstrap) {
        let _ = self.bootstrap.set(bootstrap);
    }

    /// What the process was started with; `None` where nobody has said so.
    pub fn bootstrap(&self) -> Option<&Bootstrap> {
        self.bootstrap.get()
    }

    /// Once, by a process that can begin anew in place.
    pub fn set_restarter(&self, restarter: impl Restarter + 'static) {
        let _ = self.restarter.set(Box::new(restarter));
    }

    /// `None` where no node runs.
    pub(crate) fn restarter(&self) -> Option<&dyn Restarter> {
        self.restarter.get().map(|restarter| &**restarter)
    }

    /// The door is no more.
    pub fn remove_door(&self, name: &str) {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner).retain(|door| door.name != name);
    }

    /// A door was opened, or opened anew at these addresses.
    pub fn set_door(&self, door: Door) {
        let mut doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
        match doors.iter_mut().find(|other| other.name == door.name) {
            Some(other) => *other = door,
            None => doors.push(door),
        }
    }

    /// In the order in which they were opened first.
    pub fn doors(&self) -> Vec<Door> {
        self.doors.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

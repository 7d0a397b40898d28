//! The control plane: users, settings, presence gateways, retention.
//!
//! Everything an administrator can do is a plain function under [`app`], called alike by the REST API, the command line
//! and bulk rows. A function checks its input, writes the store and the audit trail in one transaction, and wakes the
//! background task that carries the change out. The functions block on the database: async callers use a blocking thread.
//!
//! Background tasks take no input: they read what is wanted from the store, on a timer and when woken.

pub mod access;
pub mod alarms;
pub mod app;
pub mod bootstrap;
pub mod certificates;
pub mod checks;
pub mod credentials;
pub mod directory;
pub mod effect;
mod error;
pub mod gateway;
pub mod jobs;
pub mod node;
pub mod presented;
mod reasons;
pub mod recent_log;
mod redact;
pub mod seal;
pub mod services;
pub mod sign_in;
mod text;
pub mod vitals;

pub use app::{App, UserChange, UserChanged};
pub use error::{ControlError, Result};
pub use text::{Lang, Text};

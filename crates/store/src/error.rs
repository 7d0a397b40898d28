//! The one error type of this crate.

use std::path::PathBuf;

pub type Result<T> = std::result::Result<T, StoreError>;

/// What can go wrong. The text names the operation; the cause is kept as `source`.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("the database {path} cannot be opened")]
    Open { path: PathBuf, source: rusqlite::Error },
    #[error("the database file {path} cannot be made")]
    Create { path: PathBuf, source: std::io::Error },
    #[error("database error while {operation}: {source}")]
    Sql { operation: &'static str, source: rusqlite::Error },
    /// Something with this name or id exists already.
    #[error("{what} exists already")]
    Conflict { what: String },
    /// Another user goes by the name, as address or as user id.
    #[error("the user {name} exists already")]
    NameTaken { name: String },
    #[error("{what} does not exist")]
    NotFound { what: String },
    /// It is not any more as whoever changes it has seen it.
    #[error("{what} has been changed meanwhile")]
    Stale { what: String },
    /// Nobody would be left who may administer the node.
    #[error("this is the last administrator")]
    LastAdministrator,
    #[error("there are {limit} {what} already")]
    Full { what: &'static str, limit: usize },
    #[error("{what} has ended already")]
    Ended { what: String },
    /// A later release has changed the tables.
    #[error("the database has schema version {found}, this release knows {known}: start the newer release again")]
    NewerSchema { found: i64, known: i64 },
    #[error("the database holds {what} that cannot be read")]
    Corrupt { what: String },
    /// The disk does not take writes at the moment; the text is the cause.
    #[error("the database cannot be written at the moment: {0}")]
    Unavailable(String),
    #[error("the database is closed")]
    Closed,
    #[error("a database thread cannot be started: {0}")]
    Thread(std::io::Error),
}

impl StoreError {
    /// The message with all its causes, on one line.
    pub fn full_text(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let part = error.to_string();
            if !text.contains(&part) {
                text.push_str(": ");
                text.push_str(&part);
            }
            cause = error.source();
        }
        text
    }
}

/// Names what was being done when SQLite refused.
pub(crate) trait Doing<T> {
    fn doing(self, operation: &'static str) -> Result<T>;
}

impl<T> Doing<T> for rusqlite::Result<T> {
    fn doing(self, operation: &'static str) -> Result<T> {
        self.map_err(|source| StoreError::Sql { operation, source })
    }
}

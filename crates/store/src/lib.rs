//! The database: SQLite with write-ahead log and `synchronous=FULL`, so that a commit is an fsync.
//!
//! Two layers. [`Database`] is one connection: synchronous, deterministic, without clock or dice; the simulator and tests
//! use it directly. [`Store`] puts one writer thread with group commit and several reader threads around it.
//!
//! Data plane: [`Write`]s are applied by [`Database::commit`] in one transaction, [`Read`]s answer with a [`Reply`].
//! Control plane: typed functions on [`Database`], one file per table family; each function that changes configuration
//! writes its audit row in the same transaction (see [`Audit`]).
//!
//! Tables refer to a user by a small integer that never leaves this crate and is never used twice; outside, a user is
//! its [`UserId`](zaiseki_model::UserId). A write for a user who was removed meanwhile is dropped, never an error:
//! a batch may fail only for reasons that pass (disk full, I/O).

mod addresses;
mod admin_access;
mod admin_identity;
mod admins;
mod alarm_targets;
mod alarms;
mod archive;
mod audit;
mod calendar;
mod certificates;
mod database;
mod directories;
mod docs;
mod error;
mod gateways;
mod health;
mod jobs;
mod messages;
mod migrate;
mod people;
mod profiles;
mod readers;
mod removal;
mod rename;
mod roles;
mod roster;
mod search;
mod services;
mod settings;
mod sign_in;
mod staging;
mod store;
mod streams;
mod user_list;
mod users;
mod words;
mod writer;

pub use addresses::AddressRow;
pub use admin_access::{Key, SessionRow, TokenRow};
pub use admin_identity::Identity;
pub use admins::{ADMINISTRATOR, AdminRow, SETUP_KEY, Sessions};
pub use alarm_targets::AlarmTarget;
pub use alarms::{AlarmFilter, AlarmRow};
pub use audit::{Audit, AuditEntry, AuditFilter};
pub use calendar::{CalendarRow, GatewayHealth};
pub use certificates::{AcmeAccount, AcmeRow, AuthorityRow, CertificateChange, CertificateRow, RequestRow};
pub use database::Database;
pub use directories::{Directory, DirectoryProblem, DirectoryRun};
pub use error::{Result, StoreError};
pub use gateways::Gateway;
pub use health::FileFacts;
pub use jobs::{Job, JobFilter, JobLine, JobLogEntry, JobProgress, JobState, JobStep, JobWork, NewJob};
pub use people::{Duplicate, PersonChange, UniqueField};
pub use profiles::{Held, Origin, Outsider, Person};
pub use roles::Lease;
pub use search::{FoundPeople, FoundPerson, SearchQuery};
pub use sign_in::{KeptKeys, SignInAccount};
pub use staging::Batch;
pub use store::{Durable, Options, Store, StoreCounts};
pub use user_list::UserFilter;
pub use users::NewUser;
pub use words::{
    ArchiveCopy, ArchiveQuery, Doc, DocPage, DocQuery, Family, KeptMessage, LastSeen, Page, Read, Reply, StanzaFilter,
    StoredMessage, StreamRow, UserData, Write,
};

//! Product words shared by every floor above: ids, time, users, sign-in, rosters, presence facts, settings, limits.
//!
//! Nothing here does input or output. Time is always passed in (see [`time`]).

pub mod alarm;
pub mod calendar;
pub mod directory;
pub mod envelope;
pub mod fact;
pub mod ids;
pub mod limits;
pub mod live;
pub mod precedence;
pub mod roster;
pub mod search;
pub mod settings;
pub mod sign_in;
pub mod telephone;
pub mod time;
pub mod trace;
pub mod user;
pub mod vitals;

pub use alarm::Severity;
pub use calendar::{BusyInterval, BusyKind};
pub use directory::{Device, Number, NumberKind, Profile};
pub use envelope::Envelope;
pub use fact::{FactSource, PresenceFact};
pub use ids::{
    AdminId, AlarmId, AlarmTargetId, DirectoryId, GatewayId, JobId, MessageId, MessageIds, StreamToken, TokenId, UserId,
};
pub use roster::{RosterItem, Subscription};
pub use time::Timestamp;
pub use user::{Credentials, Language, ScramKeys, User};

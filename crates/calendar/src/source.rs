//! What every calendar service looks like to the gateway worker.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use zaiseki_model::{BusyInterval, Timestamp, UserId};
use zaiseki_net::http::HttpError;

pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// One user as the calendar service knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    pub user: UserId,
    /// The user id (localpart): what `{user}` in templates stands for.
    pub name: String,
    /// The mail address: what `{mail}` in templates stands for.
    pub address: String,
}

impl Mailbox {
    /// Fills a template: `{user}`, `{mail}`.
    pub fn fill(&self, template: &str) -> String {
        template.replace("{user}", &self.name).replace("{mail}", &self.address)
    }

    /// False when the template needs something this user does not have, such as a mail address.
    pub fn can_fill(&self, template: &str) -> bool {
        !(self.name.is_empty() && template.contains("{user}") || self.address.is_empty() && template.contains("{mail}"))
    }
}

/// The time asked about, half-open. Servers allow at most 42 days (EWS); the worker asks for about a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub start: Timestamp,
    pub end: Timestamp,
}

/// The answer about one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserCalendar {
    pub user: UserId,
    /// Ordered by start, within the window, without `Free` and `NoData`; they may overlap (see [`crate::busy::arrange`]).
    pub result: Result<Vec<BusyInterval>, UserError>,
    /// What was left out of `result`, one line each: the event's identifier (never its subject) and why.
    pub skipped: Vec<String>,
}

/// Why one user's calendar could not be read. The others' answers stand; what was known of this user stays.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserError {
    #[error("the calendar server knows no such mailbox or calendar")]
    NotFound,
    #[error("the service account may not see this calendar ({0})")]
    NoAccess(String),
    #[error("the calendar server has no data for this user at the moment")]
    NoData,
    #[error("the answer about this user is not understood ({0})")]
    Malformed(String),
    #[error("the calendar server could not answer for this user ({0})")]
    Server(String),
}

/// Why a calendar service as a whole gave no answer. What was known of its users stays for a bounded time.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("the gateway's setting {key} is not usable: {why}")]
    Config { key: &'static str, why: String },
    #[error("{operation} failed")]
    Http { operation: &'static str, source: HttpError },
    #[error("the calendar server refused the account: {why}")]
    Auth { why: String },
    #[error("the calendar server is busy; it wants to be left alone for {} s", retry_after.as_secs())]
    Busy { retry_after: Duration },
    #[error("{operation}: the calendar server refused ({code}): {message}")]
    Refused { operation: &'static str, code: String, message: String },
    #[error("{operation}: the answer is not understood: {why}")]
    Malformed { operation: &'static str, why: String },
}

/// One line of a gateway's self-test.
#[derive(Debug)]
pub struct Finding {
    /// Stable name: `connect`, `tls`, `sign-in`, `permission`.
    pub name: &'static str,
    pub seen: Seen,
}

/// What a step of the self-test saw; the control plane says it in words, and what to do.
#[derive(Debug)]
pub enum Seen {
    /// The server takes connections.
    Answers { host: String },
    /// Its certificate is trusted; SHA-256.
    Trusted { fingerprint: String },
    /// The account is accepted.
    Accepted,
    /// A calendar was read, with so many busy times.
    Read { busy_times: usize },
    /// Nobody was named to try it with.
    NotTried,
    /// No connection, or no TLS.
    NoConnection(HttpError),
    /// The service gave no answer.
    NoAnswer(SourceError),
    /// The service answers, and did not give this calendar.
    NoCalendar(UserError),
}

impl Finding {
    pub fn passed(&self) -> bool {
        match self.seen {
            Seen::Answers { .. } | Seen::Trusted { .. } | Seen::Accepted | Seen::Read { .. } => true,
            Seen::NotTried | Seen::NoConnection(_) | Seen::NoAnswer(_) | Seen::NoCalendar(_) => false,
        }
    }
}

/// A calendar service. Implementations keep connections and discovered addresses, and never loop on a refused account.
pub trait Source: Send + Sync {
    /// Asks about all `users`; one answer per user, in their order.
    fn fetch<'a>(&'a self, users: &'a [Mailbox], window: Window) -> BoxFuture<'a, Result<Vec<UserCalendar>, SourceError>>;

    /// Tries connection, TLS, sign-in and, given a mailbox, the permission to read it. Ends at the first failure.
    fn test<'a>(&'a self, probe: Option<&'a Mailbox>) -> BoxFuture<'a, Vec<Finding>>;
}

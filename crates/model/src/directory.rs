//! What a directory outside (LDAP, Unified CM) says of people, and how it is asked.
//!
//! A [`Sweep`] exists only when the answer was complete: a source that stops in the middle gives an error, so nothing can
//! be taken for deleted because it was not heard of.

use crate::user::Language;
use std::future::Future;
use std::pin::Pin;

pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Who a person is and how they are reached. Empty text: not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    pub display_name: String,
    pub given_name: String,
    pub family_name: String,
    /// The reading of a Japanese name, in kana.
    pub phonetic_name: String,
    pub mail: String,
    /// `user@domain` without a scheme.
    pub directory_uri: String,
    pub department: String,
    pub title: String,
    /// Lower-case BCP 47 tag; `None` = the domain's.
    pub language: Option<Language>,
    pub numbers: Vec<Number>,
}

/// A telephone number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Number {
    pub kind: NumberKind,
    /// E.164 with `+`, such as `+81312345678` (see [`crate::telephone::e164`]).
    pub number: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NumberKind {
    Work,
    Mobile,
    Home,
}

impl NumberKind {
    pub const ALL: [NumberKind; 3] = [NumberKind::Work, NumberKind::Mobile, NumberKind::Home];

    pub fn as_str(self) -> &'static str {
        match self {
            NumberKind::Work => "work",
            NumberKind::Mobile => "mobile",
            NumberKind::Home => "home",
        }
    }

    pub fn parse(text: &str) -> Option<NumberKind> {
        NumberKind::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A phone or client that belongs to a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Unique among the user's devices: `SEP001122334455`, `CSFHANAKO`.
    pub name: String,
    /// The model of phone or kind of client, as its source names it.
    pub kind: String,
    /// The line (directory number) on it; empty when it has none.
    pub line: String,
}

/// One user as a source describes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceUser {
    /// What the source never changes and never gives to another: entryUUID, objectGUID, pkid. Unique within a sweep.
    pub key: String,
    /// Where the entry stands, for people: a DN. Changes when the user moves.
    pub place: String,
    /// The user id as the source writes it.
    pub name: String,
    /// False when the source says that the account is locked or disabled.
    pub enabled: bool,
    pub profile: Profile,
    /// `None`: the source knows nothing of devices; those that are known stay.
    pub devices: Option<Vec<Device>>,
}

/// An entry that could not be used. It is not taken for deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skipped {
    /// As [`SourceUser::key`], when that much could be read.
    pub key: Option<String>,
    pub place: String,
    pub why: Unfit,
}

/// Why an entry cannot be a user. Each names the attribute, but for the last, which says why the user id is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("it has no {0}")]
    Without(String),
    #[error("it has no (single) value of {0}")]
    NotOne(String),
    #[error("it says nothing about {0}")]
    Silent(String),
    #[error("its {0} is not understood")]
    Unclear(String),
    #[error("its {0} stands at another one too")]
    Twice(String),
    #[error("its user id cannot be part of an address: {0}")]
    UserId(String),
}

impl Unfit {
    /// For the database: code and detail, with a blank between them.
    pub fn to_line(&self) -> String {
        let (code, detail) = match self {
            Unfit::Without(it) => ("without", it),
            Unfit::NotOne(it) => ("not-one", it),
            Unfit::Silent(it) => ("silent", it),
            Unfit::Unclear(it) => ("unclear", it),
            Unfit::Twice(it) => ("twice", it),
            Unfit::UserId(it) => ("user-id", it),
        };
        format!("{code} {detail}")
    }

    /// What [`Unfit::to_line`] wrote.
    pub fn parse(line: &str) -> Option<Unfit> {
        let (code, detail) = line.split_once(' ')?;
        let detail = detail.to_owned();
        match code {
            "without" => Some(Unfit::Without(detail)),
            "not-one" => Some(Unfit::NotOne(detail)),
            "silent" => Some(Unfit::Silent(detail)),
            "unclear" => Some(Unfit::Unclear(detail)),
            "twice" => Some(Unfit::Twice(detail)),
            "user-id" => Some(Unfit::UserId(detail)),
            _ => None,
        }
    }
}

/// A complete answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    pub users: Vec<SourceUser>,
    pub skipped: Vec<Skipped>,
    /// Referrals to other servers that were not followed.
    pub referrals: u64,
    /// Which server answered.
    pub server: String,
    /// Servers that were tried before it, and why they did not answer.
    pub passed_over: Vec<UserSourceError>,
    /// Where [`UserSource::changes`] goes on from; `None`: this source cannot tell changes.
    pub cursor: Option<String>,
}

/// What changed since a cursor; of everybody else nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// As they are now.
    pub users: Vec<SourceUser>,
    /// Changed, but not usable.
    pub skipped: Vec<Skipped>,
    /// [`SourceUser::key`] of those who are no longer there, or no longer among those who are read.
    pub gone: Vec<String>,
    /// Where to go on from.
    pub cursor: String,
    pub server: String,
}

/// Why there is no (complete) answer. What is known of the source's users stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UserSourceError {
    #[error("the setting {key} is not usable: {why}")]
    Config { key: &'static str, why: String },
    /// Every server, and why.
    #[error("no server could be reached: {}", list(.0))]
    Unreachable(Vec<NotReached>),
    #[error("{server} refused the account: {why}")]
    Auth { server: String, why: String },
    #[error("{server} refused: {why}")]
    Refused { server: String, why: String },
    /// The answer had begun.
    #[error("the answer of {server} is incomplete: {why}")]
    Incomplete { server: String, why: String },
    #[error("the answer of {server} is not understood: {why}")]
    Malformed { server: String, why: String },
    #[error("{server} has more than {limit} entries for this directory")]
    TooMany { server: String, limit: usize },
}

fn list(servers: &[NotReached]) -> String {
    servers.iter().map(NotReached::to_string).collect::<Vec<_>>().join("; ")
}

/// Why a server gave no answer at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{server}: {cause}{}", because(.why))]
pub struct NotReached {
    pub server: String,
    pub cause: Cause,
    /// What the system or the other side said; empty when the cause says it all.
    pub why: String,
}

fn because(why: &str) -> String {
    if why.is_empty() { String::new() } else { format!(": {why}") }
}

/// What stood between us and a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    #[error("this is no usable address")]
    Address,
    #[error("the name cannot be resolved")]
    Name,
    #[error("the address may not be reached")]
    Blocked,
    #[error("no connection")]
    NoConnection,
    #[error("no answer in time")]
    Silent,
    #[error("the server refuses StartTLS")]
    StartTls,
    #[error("TLS failed")]
    Tls,
    #[error("the trusted certificates cannot be used")]
    Trust,
    #[error("the connection broke")]
    Broken,
    #[error("the server is too busy")]
    Busy,
    /// An answer that is of no use: a redirection, one that is too long.
    #[error("the answer cannot be used")]
    Answer,
}

impl Cause {
    /// Whether the server was reached, and TLS is what failed.
    pub fn is_tls(self) -> bool {
        matches!(self, Cause::StartTls | Cause::Tls | Cause::Trust)
    }
}

/// One line of a source's self-test.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFinding {
    /// Stable name: `connect`, `tls`, `sign-in`, `base`, `users`.
    pub name: &'static str,
    /// The server it is about.
    pub server: String,
    pub seen: SourceSeen,
}

impl SourceFinding {
    pub fn passed(&self) -> bool {
        use SourceSeen as S;
        !matches!(self.seen, S::NobodyMatches | S::NobodyVisible | S::Unusable(_) | S::NotReached(_) | S::Failed(_))
    }
}

/// What a step of a self-test saw. What to do about it follows from the step; the control plane says both in each language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceSeen {
    Connected,
    /// The server's certificate is believed.
    Trusted,
    /// As whom one may read; empty for anonymous access.
    Account(String),
    /// What the server says it is.
    Product(String),
    /// The search base is there.
    Base(String),
    /// User ids of the first ones.
    Users(Vec<String>),
    /// The first so many are none whom this directory reads, which may well be.
    Others(usize),
    NobodyMatches,
    /// There are no users, or the account may not see them.
    NobodyVisible,
    /// The first ones cannot be users.
    Unusable(Skipped),
    NotReached(NotReached),
    Failed(UserSourceError),
}

/// Is told how many entries were read so far.
pub type Progress<'a> = &'a (dyn Fn(usize) + Send + Sync);

/// A directory outside. Implementations try each configured server, and never repeat a refused account.
pub trait UserSource: Send + Sync {
    /// Reads every user.
    fn read<'a>(&'a self, progress: Progress<'a>) -> BoxFuture<'a, Result<Sweep, UserSourceError>>;

    /// What changed since [`Sweep::cursor`] or [`Delta::cursor`]; `None`: the source cannot say (any more), read everything.
    fn changes<'a>(&'a self, _cursor: &'a str) -> BoxFuture<'a, Result<Option<Delta>, UserSourceError>> {
        Box::pin(async { Ok(None) })
    }

    /// Tries every server: connection, TLS, sign-in, search base, first users. Goes on with the next server after a
    /// failure.
    fn test(&self) -> BoxFuture<'_, Vec<SourceFinding>>;
}

//! What the data plane knows of a user at this moment. The control plane asks for it through a [`DataPlane`] and shows it;
//! nothing of it is kept.

use crate::ids::GatewayId;
use crate::precedence::{Level, Step};
use crate::roster::Subscription;
use crate::settings::Show;
use crate::time::Timestamp;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// What carries a client's stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Transport {
    Tcp,
    /// XEP-0368: TLS from the first byte.
    DirectTls,
    WebSocket,
    Bosh,
}

impl Transport {
    /// Those of the service *client connections*, and of *web clients*.
    pub const SOCKETS: [Transport; 2] = [Transport::Tcp, Transport::DirectTls];
    pub const WEB: [Transport; 2] = [Transport::WebSocket, Transport::Bosh];

    /// A word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Transport::Tcp => "tcp",
            Transport::DirectTls => "direct-tls",
            Transport::WebSocket => "websocket",
            Transport::Bosh => "bosh",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TlsVersion {
    Tls12,
    Tls13,
}

impl TlsVersion {
    pub fn as_str(self) -> &'static str {
        match self {
            TlsVersion::Tls12 => "TLS 1.2",
            TlsVersion::Tls13 => "TLS 1.3",
        }
    }
}

/// How a client is connected and how it signed in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Carrier {
    pub transport: Transport,
    /// `None`: in clear text.
    pub tls: Option<TlsVersion>,
    /// The other end of the connection: the client, or a proxy before us.
    pub peer: IpAddr,
    /// The SASL mechanism; empty before sign-in.
    pub mechanism: &'static str,
}

impl Carrier {
    pub fn new(transport: Transport, peer: IpAddr) -> Self {
        Carrier { transport, tls: None, peer, mechanism: "" }
    }

    /// A connection within this process or machine.
    pub fn local() -> Self {
        Carrier::new(Transport::Tcp, Ipv4Addr::LOCALHOST.into())
    }
}

/// What a client says it is, in its entity capabilities (XEP-0115, with the form of XEP-0232).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Software {
    pub name: String,
    /// Empty when the client does not say.
    pub version: String,
}

/// One bound resource.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LiveSession {
    /// Names the session for ever, unlike its resource.
    pub id: String,
    pub resource: String,
    pub carrier: Carrier,
    pub since: Timestamp,
    pub management: Management,
    pub software: Option<Arc<Software>>,
    /// `None` until the initial presence and after unavailable.
    pub presence: Option<LivePresence>,
    /// The client said that nobody looks at it (XEP-0352).
    pub inactive: bool,
    /// Stanzas that the client has not acknowledged; without stream management, kept messages that wait to be written.
    pub queued: usize,
}

/// Stream management (XEP-0198) of a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Management {
    Off,
    /// Acknowledged, and not to be resumed.
    On,
    Resumable,
    /// The connection was cut at the first time; until the second one it may come back.
    Detached {
        since: Timestamp,
        until: Timestamp,
    },
}

/// What a presence says.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Said {
    /// `None`: plainly available.
    pub show: Option<Show>,
    /// Language (`None`: none of its own) and text.
    pub statuses: Vec<(Option<String>, String)>,
}

/// The presence of one available resource.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LivePresence {
    pub priority: i8,
    /// By the client.
    pub own: Said,
    /// By the table of precedence: what others see.
    pub seen: Said,
    /// When the user last made an explicit choice with it.
    pub chosen_at: Option<Timestamp>,
    /// How the table was worked off.
    pub steps: Vec<Step>,
}

/// What the calendar says of a user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LiveCalendar {
    pub gateway: GatewayId,
    /// What holds now, the highest level first.
    pub facts: Vec<LiveFact>,
    /// When it may change.
    pub next_change: Option<Timestamp>,
    /// Past this the calendar counts for nothing, unless its server has answered again.
    pub valid_until: Option<Timestamp>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LiveFact {
    pub level: Level,
    pub since: Timestamp,
    /// `None` where a higher one hides it.
    pub until: Option<Timestamp>,
}

/// Everything about one user.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LiveUser {
    /// By the time they were bound.
    pub sessions: Vec<LiveSession>,
    pub calendar: Option<LiveCalendar>,
    /// What is seen of a user without an available resource; `None` when there is one.
    pub absent: Option<Absent>,
}

/// A user without an available resource, as others see it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Absent {
    /// `None`: offline.
    pub seen: Option<Said>,
    pub steps: Vec<Step>,
}

/// Whether the presence of one user reaches another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Access {
    /// It is the user's own.
    Own,
    Granted,
    /// The viewer has blocked the other (XEP-0191).
    BlockedByViewer,
    /// The other has blocked the viewer.
    BlockedByOther,
    /// The other has not let the viewer see it.
    NotSubscribed,
}

impl Access {
    pub fn allows(self) -> bool {
        matches!(self, Access::Own | Access::Granted)
    }

    /// A word for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Access::Own => "own",
            Access::Granted => "granted",
            Access::BlockedByViewer => "blocked-by-viewer",
            Access::BlockedByOther => "blocked-by-other",
            Access::NotSubscribed => "not-subscribed",
        }
    }
}

/// What one user's contact list says of another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct RosterSide {
    pub subscription: Subscription,
    /// A request of the owner waits for the other's answer.
    pub ask: bool,
    /// A request of the other waits for the owner's answer.
    pub asked: bool,
    pub approved: bool,
}

/// What one user sees of another, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sight {
    pub access: Access,
    /// The viewer's contact list about the other, and the other's about the viewer; `None`: not in it.
    pub viewers_side: Option<RosterSide>,
    pub others_side: Option<RosterSide>,
    /// The viewer has a resource that presence is sent to.
    pub viewer_online: bool,
    pub other: LiveUser,
    /// Resources of the other that sent the viewer presence directly (RFC 6121 §4.6), and what it says there.
    pub directed: Vec<(String, Said)>,
}

/// Runs with the answer: `None` when one of the two is no active user, or the database does not answer.
pub type SightDone = Box<dyn FnOnce(Option<Sight>) + Send>;

/// The data plane, as the control plane may ask it. Users go by their localparts.
pub trait DataPlane: Send + Sync {
    fn user(&self, name: &str) -> LiveUser;

    /// Ends a session by its [`LiveSession::id`]: a stream error tells the client. False: there is no such session.
    fn end_session(&self, name: &str, session: &str) -> bool;

    /// What `viewer` sees of `other`. Homes may have to be read first.
    fn sight(&self, viewer: &str, other: &str, done: SightDone);
}

//! The server's half of a client-to-server stream, from the first byte to a bound session (RFC 6120 §4–§7), over TCP,
//! WebSocket (RFC 7395) and BOSH (XEP-0206).
//!
//! ```text
//! Opening ─header─> Negotiating ─SASL─> Opening (as the user) ─header─> Authenticated ─bind/resume─> Bound ──> Closed
//!    ^──STARTTLS─────────┘
//! ```
//!
//! The shell cuts frames out of the byte stream, feeds each to [`C2s::frame`], sends what was appended to `out` and acts
//! on the [`Step`]. Steps that ask something ([`Step::FindCredentials`], [`Step::CheckPassword`], [`Step::Verify`],
//! [`Step::Bind`], [`Step::Resume`], [`Step::StartTls`]) are answered by the method each names; until then no frame may be fed
//! ([`C2s::is_waiting`]). With [`Framing::WebSocket`] one message carries one element: [`messages`] takes `out` apart.

mod auth;
mod bind;
mod open;
mod write;

pub use open::Opening;
pub use write::messages;

use crate::sasl::{Authenticated, Offers, Secret};
use crate::sm::TooHigh;
use auth::Auth;
use std::sync::Arc;
use zaiseki_model::Credentials;
use zaiseki_model::sign_in::Proof;
use zaiseki_xmpp::jid::BareJid;
use zaiseki_xmpp::ns;
use zaiseki_xmpp::stanza::StreamErrorCondition;
use zaiseki_xmpp::xml::XmlError;
use zaiseki_xmpp::xml::element::Element;
use zaiseki_xmpp::xml::framer::{FrameKind, Stanza};

/// How frames travel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Framing {
    /// One XML document: `<stream:stream>` … `</stream:stream>`.
    Tcp,
    /// RFC 7395: every message is one element that declares its own namespaces; `<open/>` and `<close/>`.
    WebSocket,
    /// XEP-0206: elements inside `<body/>`. The HTTP part makes the bodies and calls [`C2s::open`] for the session
    /// request and for `xmpp:restart`.
    Bosh,
}

/// Channel binding data of the TLS connection that carries the stream.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TlsInfo {
    /// `tls-exporter` (RFC 9266): 32 bytes for the label `EXPORTER-Channel-Binding` and an empty context.
    pub exporter: Option<[u8; 32]>,
    /// `tls-server-end-point` (RFC 5929 §4): the hash of our certificate.
    pub end_point: Option<Vec<u8>>,
}

impl TlsInfo {
    /// Whether any type of channel binding works here.
    pub fn can_bind(&self) -> bool {
        self.exporter.is_some() || self.end_point.is_some()
    }

    /// The data of a channel binding type, by its registered name.
    pub fn binding(&self, name: &str) -> Option<&[u8]> {
        match name {
            "tls-exporter" => self.exporter.as_ref().map(<[u8; 32]>::as_slice),
            "tls-server-end-point" => self.end_point.as_deref(),
            _ => None,
        }
    }
}

/// What all streams of a listener share.
#[derive(Clone, Debug)]
pub struct C2sConfig {
    /// The domain served, without a localpart.
    pub domain: BareJid,
    /// Random and always the same, also after a restart: salts of unknown users come from it.
    pub server_secret: [u8; 32],
    /// Allow sign-in without TLS for peers on a loopback address.
    pub clear_text_auth: bool,
    /// STARTTLS is possible on this listener.
    pub starttls: bool,
    /// Offer stream management.
    pub sm: bool,
    /// Further stream features for signed-in clients: entity capabilities, client state indication, roster versioning, …
    pub extra_features: Vec<Element>,
    /// Failed sign-ins until the stream is closed (RFC 6120 §6.4.5); 0 counts as 1.
    pub max_auth_tries: u8,
}

/// How far a stream is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// The stream header is due, the first one or the one after STARTTLS.
    Opening,
    /// TLS and sign-in.
    Negotiating,
    /// Signed in, no resource yet.
    Authenticated,
    Bound,
    Closed,
}

/// What the shell has to do, after it sent what was appended to `out`.
#[derive(PartialEq, Eq)]
pub enum Step {
    /// Read on.
    More,
    /// `<proceed/>` is in `out`. Throw away everything already read (it came in clear text), send `out`, do the TLS
    /// handshake, reset the framer, call [`C2s::seed`] and [`C2s::tls_done`].
    StartTls,
    /// Look up the user with this prepared localpart, then call [`C2s::credentials`] or [`C2s::auth_unavailable`].
    FindCredentials { local: String },
    /// Call [`crate::sasl::verify_password`] where it holds up nobody, then [`C2s::password_checked`]. For an unknown
    /// user the credentials are made up, so that the check takes as long.
    CheckPassword { credentials: Credentials, password: Secret },
    /// Have the proof judged elsewhere, then call [`C2s::verified`] or [`C2s::auth_unavailable`].
    Verify(Proof),
    /// Somebody failed to sign in and was told so. Count it against this account and the peer's address; `local` is empty
    /// when the name can't be one. The stream may be [`Phase::Closed`] now (too many tries).
    AuthFailed { local: String },
    /// The client signed in and starts a new stream: reset the framer and call [`C2s::seed`].
    Authenticated,
    /// Give the session a resource (`None`: one of the server's choice), then call [`C2s::bound`].
    Bind { resource: Option<String> },
    /// Resume the stream with this token, then call [`C2s::resumed`] or [`C2s::resume_failed`]. `h`: what the client
    /// handled.
    Resume { token: String, h: u32 },
    /// The session request of RFC 3921 §3 was answered. Never while stream management counts stanzas.
    Session,
    /// The frame is for the session: a stanza, or an element of stream management or client state indication.
    Deliver,
    /// The stream is over: send `out`, then close the connection.
    Close,
}

/// The state machine. One per connection.
pub struct C2s {
    cfg: Arc<C2sConfig>,
    framing: Framing,
    state: State,
    secure: bool,
    loopback: bool,
    /// Our header of the current stream went out.
    opened: bool,
    /// Stream management was asked for.
    managed: bool,
    tries: u8,
    nonce: [u8; 18],
    offers: Offers,
    /// Needed until sign-in only.
    tls: Option<Box<TlsInfo>>,
    stream_id: String,
    lang: Option<Box<str>>,
    user: Option<Box<Authenticated>>,
}

enum State {
    /// A stream header is due.
    Opening,
    Negotiating(Box<Auth>),
    StartingTls,
    Unbound,
    /// The id of the request.
    Binding(Option<String>),
    Resuming,
    Bound,
    Closed,
}

impl C2s {
    /// `tls`: the connection is under TLS already. `loopback`: the peer's address is one. `stream_id` and `nonce`:
    /// random, unguessable, used once.
    pub fn new(
        cfg: Arc<C2sConfig>,
        framing: Framing,
        tls: Option<TlsInfo>,
        loopback: bool,
        stream_id: String,
        nonce: [u8; 18],
    ) -> Self {
        C2s {
            cfg,
            framing,
            state: State::Opening,
            secure: tls.is_some(),
            loopback,
            opened: false,
            managed: false,
            tries: 0,
            nonce,
            offers: Offers::default(),
            tls: tls.map(Box::new),
            stream_id,
            lang: None,
            user: None,
        }
    }

    /// With other mechanisms than those of the database's own keys; before the first frame.
    pub fn offering(mut self, offers: Offers) -> Self {
        self.offers = offers;
        self
    }

    /// What this stream offers.
    pub fn offered(&self) -> &Offers {
        &self.offers
    }

    /// Fresh randomness for the next stream on the same connection (RFC 6120 §4.3.3: a new id).
    pub fn seed(&mut self, stream_id: String, nonce: [u8; 18]) {
        self.stream_id = stream_id;
        self.nonce = nonce;
    }

    /// Takes one frame; appends what is to be sent to `out`.
    pub fn frame(&mut self, kind: FrameKind, stanza: &Stanza, out: &mut Vec<u8>) -> Step {
        if matches!(self.state, State::Bound) && kind == FrameKind::Stanza {
            return self.bound_frame(stanza, out);
        }
        if matches!(self.state, State::Closed) {
            return Step::Close;
        }
        match self.stream_level(kind, stanza) {
            StreamLevel::Open => self.open_stanza(stanza, out),
            StreamLevel::Close => self.peer_closed(out),
            StreamLevel::Element => self.element(stanza, out),
        }
    }

    fn element(&mut self, stanza: &Stanza, out: &mut Vec<u8>) -> Step {
        match self.state {
            State::Opening => self.not_opened(stanza, out),
            State::Negotiating(_) => self.negotiate(stanza, out),
            State::Unbound => self.unbound_frame(stanza, out),
            State::Bound => self.bound_frame(stanza, out),
            State::Closed => Step::Close,
            State::StartingTls | State::Binding(_) | State::Resuming => {
                self.fail(StreamErrorCondition::PolicyViolation, Some("wait for the answer"), out)
            }
        }
    }

    fn stream_level(&self, kind: FrameKind, stanza: &Stanza) -> StreamLevel {
        match (kind, self.framing) {
            (FrameKind::Header, _) => StreamLevel::Open,
            (FrameKind::Close, _) => StreamLevel::Close,
            (_, Framing::WebSocket) if stanza.name() == "open" => StreamLevel::Open,
            (_, Framing::WebSocket) if stanza.name() == "close" && stanza.ns() == ns::FRAMING => StreamLevel::Close,
            _ if stanza.name() == "error" && stanza.ns() == ns::STREAMS => StreamLevel::Close,
            _ => StreamLevel::Element,
        }
    }

    fn peer_closed(&mut self, out: &mut Vec<u8>) -> Step {
        self.close(out);
        Step::Close
    }

    /// The TLS handshake is done: the one that [`Step::StartTls`] asked for, or the one before the first byte (XEP-0368).
    pub fn tls_done(&mut self, tls: TlsInfo) {
        let from_the_first_byte = matches!(self.state, State::Opening) && !self.opened;
        if from_the_first_byte || matches!(self.state, State::StartingTls) {
            self.tls = Some(Box::new(tls));
            self.secure = true;
            self.restart();
        }
    }

    /// A new stream begins on the same connection (RFC 6120 §4.3.3).
    fn restart(&mut self) {
        self.state = State::Opening;
        self.opened = false;
    }

    /// The received bytes are no XML that we take: tells the client why and closes.
    pub fn xml_error(&mut self, error: &XmlError, out: &mut Vec<u8>) {
        self.stream_error(error.condition(), Some(&error.to_string()), out);
    }

    /// Writes a stream error and closes. Opens the stream first when our header is not out yet (RFC 6120 §4.9.1.2).
    pub fn stream_error(&mut self, condition: StreamErrorCondition, text: Option<&str>, out: &mut Vec<u8>) {
        self.stream_error_with(condition, text, &[], out);
    }

    /// The stream error for an acknowledgement of what was never sent (XEP-0198 §8).
    pub fn handled_count_too_high(&mut self, error: TooHigh, out: &mut Vec<u8>) {
        let app = crate::sm::write_too_high(error);
        self.stream_error_with(StreamErrorCondition::UndefinedCondition, Some(&error.to_string()), &app, out);
    }

    fn stream_error_with(&mut self, condition: StreamErrorCondition, text: Option<&str>, app: &[u8], out: &mut Vec<u8>) {
        if matches!(self.state, State::Closed) {
            return;
        }
        if !self.opened {
            self.write_header(None, out);
        }
        self.write_stream_error(condition, text, app, out);
        self.close(out);
    }

    /// [`C2s::stream_error`] as a step.
    fn fail(&mut self, condition: StreamErrorCondition, text: Option<&str>, out: &mut Vec<u8>) -> Step {
        self.stream_error(condition, text, out);
        Step::Close
    }

    /// Closes our direction of the stream, once. Nothing is written when it was never opened.
    pub fn close(&mut self, out: &mut Vec<u8>) {
        if !matches!(self.state, State::Closed) && self.opened {
            self.write_close(out);
        }
        self.state = State::Closed;
    }

    pub fn phase(&self) -> Phase {
        match (&self.state, &self.user) {
            (State::Closed, _) => Phase::Closed,
            (State::Bound, _) => Phase::Bound,
            (_, Some(_)) => Phase::Authenticated,
            (State::Opening, None) => Phase::Opening,
            (_, None) => Phase::Negotiating,
        }
    }

    /// A question of ours is open; frames have to wait for its answer.
    pub fn is_waiting(&self) -> bool {
        match &self.state {
            State::Negotiating(auth) => auth.is_waiting(),
            State::StartingTls | State::Binding(_) | State::Resuming => true,
            State::Opening | State::Unbound | State::Bound | State::Closed => false,
        }
    }

    /// The stream is protected by TLS.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The language of the client's stream header: for its stanzas that name none (RFC 6120 §4.7.4).
    pub fn peer_lang(&self) -> Option<&str> {
        self.lang.as_deref()
    }

    /// Who signed in.
    pub fn user(&self) -> Option<&Authenticated> {
        self.user.as_deref()
    }
}

enum StreamLevel {
    Open,
    Close,
    Element,
}

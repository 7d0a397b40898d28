//! One client's stream, whatever carries it (TCP, WebSocket, BOSH): bytes in, frames to the negotiation, stanzas to the
//! engine. The only place where the pure stream machine meets the node.

mod sign_in;

use crate::engine::{BindRequest, ResumeRequest, Resumed, SessionId};
use crate::node::Node;
use crate::outbox::{Flush, Outbox};
use crate::outlet::{Close, Outlet};
use bytes::{Buf, BytesMut};
use smallvec::SmallVec;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::oneshot;
use zaiseki_model::live::{Carrier, TlsVersion, Transport};
use zaiseki_model::{Timestamp, limits};
use zaiseki_stream::c2s::{C2s, Framing, Opening, Phase, Step, TlsInfo, messages};
use zaiseki_stream::sm::{self, Enable, Request, TooHigh};
use zaiseki_xmpp::ns;
use zaiseki_xmpp::stanza::{Condition, StanzaError};
use zaiseki_xmpp::xml::XmlError;
use zaiseki_xmpp::xml::framer::{Frame, FrameKind, Framer, Limits, Mode, Stanza};

/// What the carrier of the stream does next.
#[derive(Debug, PartialEq, Eq)]
pub enum Flow {
    Continue,
    /// Negotiate TLS now, then call [`Client::secured`]. Bytes that came behind `<starttls/>` were thrown away.
    StartTls,
    /// Write what waits, then end.
    Close,
}

/// The frames of one read, handled under one lock.
type Batch = SmallVec<[Stanza; 8]>;

pub struct Client {
    node: Arc<Node>,
    c2s: C2s,
    framer: Framer,
    outbox: Arc<Outbox>,
    session: Option<SessionId>,
    /// When the proof was begun that signed the user in.
    proving_since: Timestamp,
    /// Whose sign-in it is, as far as known: failures count against that.
    proving: String,
    carrier: Carrier,
    framing: Framing,
    closed: bool,
    /// The client went away in the middle of its session.
    lost: bool,
}

impl Client {
    /// `carrier`: what is known of the connection so far.
    pub fn new(node: Arc<Node>, tls: Option<TlsInfo>, carrier: Carrier) -> Self {
        let framing = framing_of(carrier.transport);
        let mode = if framing == Framing::Tcp { Mode::Stream } else { Mode::Document };
        let outbox = Arc::new(Outbox::new(framing != Framing::Tcp));
        let (id, nonce) = fresh();
        let c2s = C2s::new(node.c2s.clone(), framing, tls, carrier.peer.is_loopback(), id, nonce).offering(node.offers());
        Client {
            framer: Framer::new(mode, limits_before_auth()),
            node,
            c2s,
            outbox,
            session: None,
            proving_since: Timestamp::ZERO,
            proving: String::new(),
            carrier,
            framing,
            closed: false,
            lost: false,
        }
    }

    pub fn outbox(&self) -> &Arc<Outbox> {
        &self.outbox
    }

    /// What the carrier writes next; `None`: nothing waits.
    pub fn take_output(&self) -> Option<Flush> {
        let flush = self.outbox.take(Vec::new())?;
        self.node.traffic.sent_bytes.add(flush.bytes.len());
        Some(flush)
    }

    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// A session is bound: the time limit for signing in is met.
    pub fn bound(&self) -> bool {
        self.session.is_some()
    }

    /// The handshake after `<starttls/>` is done.
    pub fn secured(&mut self, tls: TlsInfo, version: Option<TlsVersion>) {
        self.carrier.tls = version;
        self.framer.reset();
        self.reseed();
        self.c2s.tls_done(tls);
    }

    fn reseed(&mut self) {
        let (id, nonce) = fresh();
        self.c2s.seed(id, nonce);
    }

    /// Opens or restarts the stream of a BOSH session, whose headers are attributes of its `<body/>` (XEP-0206 §3, §6).
    pub fn open(&mut self, header: &Opening<'_>) -> Flow {
        let mut out = Vec::new();
        let step = self.c2s.open(header, &mut out);
        self.push(&mut out);
        if step == Step::Close { self.close() } else { Flow::Continue }
    }

    /// After sign-in over BOSH: the next [`Client::open`] begins the user's stream.
    pub fn restarted(&mut self) {
        self.framer.reset();
    }

    /// The client says goodbye without a stream to close (BOSH `terminate`).
    pub fn leave(&mut self) {
        self.end_session();
        self.closed = true;
    }

    /// The domain served.
    pub fn domain(&self) -> &str {
        self.node.c2s.domain.as_str()
    }

    /// Handles all complete frames in `input` and removes them from it.
    pub async fn feed(&mut self, input: &mut BytesMut) -> Flow {
        let before = input.len();
        let flow = self.feed_frames(input).await;
        self.node.traffic.received_bytes.add(before.saturating_sub(input.len()));
        flow
    }

    async fn feed_frames(&mut self, input: &mut BytesMut) -> Flow {
        let mut batch = Batch::new();
        let flow = loop {
            if self.closed {
                break Flow::Close;
            }
            // Keepalives are neither kept nor counted (RFC 6120 §4.6.1).
            input.advance(self.framer.skip_whitespace(input));
            let frame = match self.framer.next(input) {
                Ok(Some(frame)) => frame,
                Ok(None) => break Flow::Continue,
                Err(error) => {
                    self.hand_over(&mut batch);
                    self.refuse(&error);
                    break Flow::Close;
                }
            };
            let (kind, stanza) = cut(input, frame);
            if self.session.is_some() && kind == FrameKind::Stanza && !is_about_the_stream(&stanza) {
                batch.push(stanza);
                continue;
            }
            self.hand_over(&mut batch);
            match self.negotiate(kind, stanza).await {
                Flow::Continue => {}
                flow => {
                    if flow == Flow::StartTls {
                        // CVE-2011-0411: what was sent in clear behind the command is not obeyed.
                        input.clear();
                    }
                    break flow;
                }
            }
        };
        self.hand_over(&mut batch);
        if self.closed { Flow::Close } else { flow }
    }

    /// Stanzas and nonzas of a bound session go to the engine under one lock.
    fn hand_over(&mut self, batch: &mut Batch) {
        let Some(session) = self.session.filter(|_| !batch.is_empty()) else { return };
        let frames = std::mem::take(batch);
        let outbox = &self.outbox;
        self.node.with(|engine, now| {
            // The session may have moved to another connection, where the client says this again.
            if outbox.closing() {
                return;
            }
            for frame in frames {
                if frame.ns() == ns::CLIENT {
                    engine.stanza(now, session, frame);
                } else {
                    nonza(engine, now, session, &frame);
                }
            }
        });
    }

    async fn negotiate(&mut self, kind: FrameKind, stanza: Stanza) -> Flow {
        let mut out = Vec::new();
        let mut step = self.c2s.frame(kind, &stanza, &mut out);
        loop {
            self.push(&mut out);
            step = match step {
                Step::More | Step::Session | Step::Deliver => return Flow::Continue,
                Step::StartTls => return Flow::StartTls,
                Step::Close => {
                    self.end_session();
                    return self.close();
                }
                Step::Authenticated => {
                    self.restart();
                    return Flow::Continue;
                }
                Step::FindCredentials { local } => self.find_credentials(local, &mut out).await,
                Step::CheckPassword { credentials, password } => self.check_password(credentials, password, &mut out).await,
                Step::Verify(proof) => self.verify(proof, &mut out).await,
                Step::AuthFailed { local } => {
                    self.count_failure(&local);
                    // The last try allowed: the stream error is out, and nobody waits for the client to hang up.
                    return if self.c2s.phase() == Phase::Closed { self.close() } else { Flow::Continue };
                }
                Step::Bind { resource } => {
                    self.bind(resource, &mut out).await;
                    self.push(&mut out);
                    return Flow::Continue;
                }
                Step::Resume { token, h } => {
                    self.resume(&token, h, &mut out).await;
                    self.push(&mut out);
                    return Flow::Continue;
                }
            };
        }
    }

    /// After sign-in the stream starts anew, with the wider limits of somebody known.
    fn restart(&mut self) {
        if let Some(user) = self.c2s.user() {
            tracing::debug!(user = user.local(), mechanism = user.mechanism().as_str(), peer = %self.carrier.peer, "signed in");
            self.node.traffic.sign_ins.add(1);
            let mut throttle = self.node.throttle.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Timestamp::now();
            throttle.succeeded(now, user.local(), self.carrier.peer);
            if self.proving != user.local() && !self.proving.is_empty() {
                throttle.succeeded(now, &self.proving, self.carrier.peer);
            }
            self.carrier.mechanism = user.mechanism().as_str();
        }
        self.framer.reset();
        self.framer.set_limits(limits_after_auth());
        self.reseed();
    }

    async fn bind(&mut self, resource: Option<String>, out: &mut Vec<u8>) {
        let Some(user) = self.c2s.user() else { return };
        let (tx, rx) = oneshot::channel();
        let outbox = self.outbox.clone();
        let request = BindRequest {
            user: user.user(),
            name: user.local().to_owned(),
            resource,
            lang: self.c2s.peer_lang().map(Into::into),
            carrier: self.carrier,
            outlet: self.outbox.clone(),
            done: Box::new(move |result| {
                if let Ok((session, _)) = &result {
                    outbox.note_session(*session);
                }
                let _ = tx.send(result);
            }),
        };
        let proven = self.proving_since;
        self.node.with(|engine, now| match engine.revoked_since(&request.name, proven) {
            true => (request.done)(Err(StanzaError::new(Condition::NotAllowed))),
            false => engine.bind(now, request),
        });
        let result = match rx.await {
            Ok(Ok((session, jid))) => {
                self.session = Some(session);
                Ok(jid)
            }
            Ok(Err(error)) => Err(error),
            Err(_) => Err(StanzaError::new(Condition::InternalServerError)),
        };
        self.c2s.bound(result, out);
    }

    async fn resume(&mut self, token: &str, h: u32, out: &mut Vec<u8>) {
        let Some((user, name)) = self.c2s.user().map(|u| (u.user(), u.local().to_owned())) else { return };
        let (tx, rx) = oneshot::channel();
        let outbox = self.outbox.clone();
        let request = ResumeRequest {
            user,
            token: token.parse().ok(),
            h,
            carrier: self.carrier,
            outlet: self.outbox.clone(),
            done: Box::new(move |result| {
                if let Resumed::Session(session) = &result {
                    outbox.note_session(*session);
                }
                let _ = tx.send(result);
            }),
        };
        let proven = self.proving_since;
        self.node.with(|engine, now| match engine.revoked_since(&name, proven) {
            true => (request.done)(Resumed::Failed { h: None }),
            false => engine.resume(now, request),
        });
        match rx.await {
            Ok(Resumed::Session(session)) => {
                self.session = Some(session);
                self.c2s.resumed();
            }
            Ok(Resumed::Failed { h }) => self.c2s.resume_failed(h, out),
            Err(_) => self.c2s.resume_failed(None, out),
        }
    }

    fn push(&self, out: &mut Vec<u8>) {
        if !out.is_empty() {
            // The task that reads is the one that writes: nobody to wake.
            if self.framing != Framing::WebSocket {
                self.outbox.push(&[out], None);
            } else {
                messages(out).for_each(|message| {
                    self.outbox.push(&[message], None);
                });
            }
            out.clear();
        }
    }

    /// The client's XML is none that we take: says why and ends the stream.
    pub fn refuse(&mut self, error: &XmlError) {
        tracing::debug!(peer = %self.carrier.peer, %error, "the client's XML is refused");
        let mut out = Vec::new();
        self.c2s.xml_error(error, &mut out);
        self.push(&mut out);
        self.closed = true;
    }

    /// The engine ends the stream: writes why.
    pub fn closing(&mut self, why: Close) {
        let mut out = Vec::new();
        match why {
            Close::Error(condition, text) => {
                tracing::debug!(peer = %self.carrier.peer, condition = condition.as_str(), text, "the stream ends");
                self.c2s.stream_error(condition, Some(&text), &mut out);
            }
            Close::HandledCountTooHigh { h, sent } => self.c2s.handled_count_too_high(TooHigh { h, sent }, &mut out),
            Close::Replaced => self.c2s.close(&mut out),
        }
        self.push(&mut out);
        self.session = None;
        self.closed = true;
    }

    /// Ends the stream with an error from the carrier's side (time-out, shutdown).
    pub fn fail(&mut self, condition: zaiseki_xmpp::stanza::StreamErrorCondition, text: &str) {
        let mut out = Vec::new();
        self.c2s.stream_error(condition, Some(text), &mut out);
        self.push(&mut out);
        self.closed = true;
    }

    fn close(&mut self) -> Flow {
        let mut out = Vec::new();
        self.c2s.close(&mut out);
        self.push(&mut out);
        self.closed = true;
        Flow::Close
    }

    /// The client said goodbye: the session ends with the stream.
    fn end_session(&mut self) {
        if let Some(session) = self.session.take() {
            let outbox = &self.outbox;
            self.node.with(|engine, now| {
                if !outbox.closing() {
                    engine.closed(now, session);
                }
            });
        }
    }

    /// Bytes of these messages left. Behind the end of the stream they count too, unless the client was lost: then
    /// nobody reads them.
    pub fn written(&self, kept: &[zaiseki_model::MessageId]) {
        if kept.is_empty() || self.lost {
            return;
        }
        match (self.session, self.c2s.user()) {
            (Some(session), _) => self.node.with(|engine, now| engine.written(now, session, kept)),
            (None, Some(user)) => self.node.with(|engine, now| engine.written_late(now, user.local(), kept)),
            (None, None) => {}
        }
    }

    /// The carrier lost the client, perhaps while a session was being bound: it does not stay behind.
    pub fn lost(&mut self) {
        self.lost = self.session.take().is_some();
        if self.c2s.user().is_none() {
            return;
        }
        let outlet: Arc<dyn Outlet> = self.outbox.clone();
        self.node.with(|engine, now| {
            if let Some(session) = self.outbox.abandon() {
                engine.cut(now, session, &outlet);
            }
        });
    }
}

/// A stream error of the client, or `<open/>` and `<close/>` of a WebSocket (RFC 7395 §3.4, §3.6): the engine knows stanzas
/// and nonzas only.
fn is_about_the_stream(stanza: &Stanza) -> bool {
    matches!(stanza.ns(), ns::STREAMS | ns::FRAMING)
}

/// Stream management and client state of a bound session.
fn nonza(engine: &mut crate::engine::Engine, now: Timestamp, session: SessionId, frame: &Stanza) {
    match (frame.ns(), frame.name()) {
        (ns::CSI, "active") => engine.set_active(now, session, true),
        (ns::CSI, "inactive") => engine.set_active(now, session, false),
        (ns::SM, _) => match sm::parse(frame) {
            Some(Request::Enable(Enable { resume, max })) => {
                let max = max.map(|seconds| Duration::from_secs(u64::from(seconds)));
                engine.enable_management(now, session, resume, max);
            }
            Some(Request::AckRequest) => engine.ack_requested(now, session),
            Some(Request::Ack(h)) => engine.acknowledged(now, session, h),
            Some(Request::Resume(_)) | None => engine.unexpected_nonza(now, session),
        },
        _ => engine.unsupported_nonza(now, session),
    }
}

fn framing_of(transport: Transport) -> Framing {
    match transport {
        Transport::Tcp | Transport::DirectTls => Framing::Tcp,
        Transport::WebSocket => Framing::WebSocket,
        Transport::Bosh => Framing::Bosh,
    }
}

/// Splits one frame off the input without copying it.
fn cut(input: &mut BytesMut, frame: Frame) -> (FrameKind, Stanza) {
    let mut bytes = input.split_to(frame.end).freeze();
    let _ = bytes.split_to(frame.start);
    (frame.kind, Stanza::new(bytes, frame.head))
}

fn limits_before_auth() -> Limits {
    Limits { stanza_bytes: limits::STANZA_BYTES_BEFORE_AUTH, ..limits_after_auth() }
}

fn limits_after_auth() -> Limits {
    Limits {
        stanza_bytes: limits::STANZA_BYTES,
        depth: limits::STANZA_DEPTH,
        attributes: limits::ELEMENT_ATTRIBUTES,
        name_bytes: limits::NAME_BYTES,
    }
}

/// A stream id and a nonce from the operating system's generator.
fn fresh() -> (String, [u8; 18]) {
    use base64::Engine as _;
    let mut nonce = [0; 18];
    let mut id = [0; 15];
    crate::random::fill(&mut nonce);
    crate::random::fill(&mut id);
    (base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(id), nonce)
}

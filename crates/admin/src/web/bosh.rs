//! XMPP over BOSH (XEP-0124 1.11, XEP-0206 1.4): long-polled HTTP for clients without WebSocket. Each session is a task;
//! requests come to it in any order and are worked off by `rid`.

use super::carrier::stanzas;
use super::gate::Round;
use super::origin::is_allowed;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Extension, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::BytesMut;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use zaiseki_model::limits;
use zaiseki_model::live::{Carrier, TlsVersion, Transport};
use zaiseki_net::gate::{Gate, Place};
use zaiseki_router::client::{Client, Flow};
use zaiseki_router::node::Node;
use zaiseki_stream::c2s::{Opening, TlsInfo};
use zaiseki_xmpp::stanza::StreamErrorCondition;
use zaiseki_xmpp::xml::XmlError;
use zaiseki_xmpp::xml::escape::push_attr;
use zaiseki_xmpp::xml::framer::{Limits, Stanza, frame_one};

const NS: &str = "http://jabber.org/protocol/httpbind";
/// Requests a client may have open at once (`requests`); one of them waits (`hold`).
const REQUESTS: u64 = 2;
/// The longest a request is held, in seconds.
const WAIT: u64 = 60;
/// A session without a request for this long is over (`inactivity`), in seconds.
const INACTIVITY: u64 = 60;
/// Sessions at once; each is a small task.
const SESSIONS: usize = 20_000;

const STREAM_ERROR: &[u8] = b"<stream:error";
/// XEP-0124 §17.2: the body that ends the session holds the stream error which is the reason.
const ENDED_BY_ERROR: &str = " type='terminate' condition='remote-stream-error' xmlns:stream='http://etherx.jabber.org/streams'";

/// One request, parsed.
struct Call {
    rid: u64,
    body: Stanza,
    /// What is wrong behind the body's start tag, of which `body` is made then.
    fault: Option<XmlError>,
    answer: oneshot::Sender<Vec<u8>>,
}

type Sessions = Arc<Mutex<HashMap<String, mpsc::Sender<Call>>>>;

#[derive(Clone)]
struct Bosh {
    node: Arc<Node>,
    sessions: Sessions,
    /// Sessions of each address that have not signed in.
    gate: Arc<Gate>,
}

/// `POST /http-bind`.
pub fn bosh_routes(node: Arc<Node>) -> Router {
    let state = Bosh { node, sessions: Sessions::default(), gate: Arc::default() };
    Router::new().route("/http-bind", post(request)).layer(DefaultBodyLimit::max(limits::STANZA_BYTES)).with_state(state)
}

async fn request(
    State(bosh): State<Bosh>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    tls: Option<Extension<TlsVersion>>,
    Extension(round): Extension<Round>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !is_allowed(&headers) {
        return (StatusCode::FORBIDDEN, "this page may not use the service").into_response();
    }
    let Some((rid, stanza, fault)) = parse(&body) else { return terminated("bad-request") };
    let (answer, waiting) = oneshot::channel();
    let sid = stanza.attr("sid").map(|sid| sid.into_owned());
    let call = Call { rid, body: stanza, fault, answer };
    let session = match sid {
        Some(sid) => bosh.sessions.lock().unwrap_or_else(PoisonError::into_inner).get(&sid).cloned(),
        None => {
            let carrier = Carrier { tls: tls.map(|Extension(tls)| tls), ..Carrier::new(Transport::Bosh, peer.ip()) };
            match start(&bosh, round, carrier, &call) {
                Some(session) => Some(session),
                None => return terminated("policy-violation"),
            }
        }
    };
    let Some(session) = session else { return terminated("item-not-found") };
    match (session.send(call).await.is_ok(), waiting.await) {
        (true, Ok(body)) => xml(body),
        _ => terminated("item-not-found"),
    }
}

fn parse(body: &Bytes) -> Option<(u64, Stanza, Option<XmlError>)> {
    let (stanza, fault) = match element(body) {
        Ok(stanza) => {
            let fault = has_text(&stanza).then_some(XmlError::NotWellFormed("text between stanzas", 0));
            (stanza, fault)
        }
        Err(fault) => (element(&start_tag(body)?).ok()?, Some(fault)),
    };
    if stanza.name() != "body" || stanza.ns() != NS {
        return None;
    }
    // §14.1: below 2^53, with room to grow.
    let rid = stanza.attr("rid")?.parse().ok().filter(|rid| *rid < (1 << 53))?;
    Some((rid, stanza, fault))
}

fn element(bytes: &Bytes) -> Result<Stanza, XmlError> {
    let limits = Limits { stanza_bytes: limits::STANZA_BYTES, depth: limits::STANZA_DEPTH + 1, ..Limits::default() };
    let frame = frame_one(bytes, limits)?;
    Ok(Stanza::new(bytes.slice(frame.start..frame.end), frame.head))
}

/// Text between stanzas, where a stream has none but white space (RFC 6120 §11.7).
fn has_text(body: &Stanza) -> bool {
    let mut stanzas = body.children().map(|child| child.range_in_body());
    let mut end = 0;
    loop {
        let next = stanzas.next();
        let start = next.as_ref().map_or(body.body().len(), |range| range.start);
        if !body.body()[end..start].trim_ascii().is_empty() {
            return true;
        }
        let Some(range) = next else { return false };
        end = range.end;
    }
}

/// The start tag of a body whose content can't be read, as an element without content: it names the session whose stream
/// has the fault.
fn start_tag(body: &[u8]) -> Option<Bytes> {
    let end = body.iter().position(|b| *b == b'>')?;
    Some([&body[..end], b"/>"].concat().into())
}

fn xml(body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "text/xml; charset=utf-8")], body).into_response()
}

/// §17.2: the session, if there was one, is over.
fn terminated(condition: &str) -> Response {
    xml(format!("<body xmlns='{NS}' type='terminate' condition='{condition}'/>").into_bytes())
}

/// A new session. `None`: there are too many, of all or of this address.
fn start(bosh: &Bosh, round: Round, carrier: Carrier, call: &Call) -> Option<mpsc::Sender<Call>> {
    let grants = bosh.node.connection_settings();
    let place = bosh.gate.enter(carrier.peer, grants.strangers_per_address)?;
    let sid = zaiseki_router::random::token();
    let (tx, rx) = mpsc::channel(REQUESTS as usize + 1);
    {
        let mut sessions = bosh.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= SESSIONS {
            return None;
        }
        sessions.insert(sid.clone(), tx.clone());
    }
    let client = Client::new(bosh.node.clone(), Some(TlsInfo::default()), carrier);
    let session = Session::new(sid.clone(), client, call);
    let sessions = bosh.sessions.clone();
    tokio::spawn(async move {
        session.run(rx, place, Instant::now() + grants.sign_in_time, round).await;
        sessions.lock().unwrap_or_else(PoisonError::into_inner).remove(&sid);
    });
    Some(tx)
}

struct Session {
    sid: String,
    client: Client,
    wait: Duration,
    /// The `rid` to be worked off next.
    next: u64,
    /// Requests that came before their turn.
    early: BTreeMap<u64, Call>,
    /// Requests that wait for something to say, with their time-out.
    held: VecDeque<(u64, Instant, oneshot::Sender<Vec<u8>>)>,
    /// The last answers, for a client that asks again (§14.3).
    answered: VecDeque<(u64, Vec<u8>)>,
    /// Since when no request has been held.
    idle_since: Instant,
    fresh: bool,
    over: bool,
}

impl Session {
    fn new(sid: String, client: Client, call: &Call) -> Self {
        let asked = call.body.attr("wait").and_then(|w| w.parse().ok()).unwrap_or(WAIT);
        Session {
            sid,
            client,
            wait: Duration::from_secs(asked.min(WAIT)),
            next: call.rid,
            early: BTreeMap::new(),
            held: VecDeque::new(),
            answered: VecDeque::new(),
            idle_since: Instant::now(),
            fresh: true,
            over: false,
        }
    }

    /// `stranger`: the session's place until it has signed in, which it must have by `sign_in`. `round`: when the service for
    /// web clients stops.
    async fn run(mut self, mut calls: mpsc::Receiver<Call>, stranger: Place, sign_in: Instant, round: Round) {
        let outbox = self.client.outbox().clone();
        let mut over = std::pin::pin!(round.over());
        let mut stranger = Some(stranger);
        while !self.over {
            let mut deadline = match self.held.front() {
                Some((_, until, _)) => *until,
                None => self.idle_since + Duration::from_secs(INACTIVITY),
            };
            if self.client.bound() {
                drop(stranger.take());
            } else {
                deadline = deadline.min(sign_in);
            }
            tokio::select! {
                call = calls.recv() => match call {
                    Some(call) => self.take(call).await,
                    None => break,
                },
                () = outbox.ready(), if !self.held.is_empty() => self.speak(),
                () = tokio::time::sleep_until(deadline) => self.timeout(sign_in),
                () = &mut over => self.shut_down(),
            }
        }
        self.client.lost();
    }

    /// The engine has told those who are bound: the word waits in the outbox. Who has no request open cannot be told.
    fn shut_down(&mut self) {
        if !self.client.bound() {
            self.client.fail(StreamErrorCondition::SystemShutdown, "the server is going down");
        }
        self.over = true;
        self.speak();
    }

    fn timeout(&mut self, sign_in: Instant) {
        if !self.client.bound() && Instant::now() >= sign_in {
            self.client.fail(StreamErrorCondition::ConnectionTimeout, "sign-in took too long");
            self.over = true;
            return self.speak();
        }
        if self.held.is_empty() {
            // Nobody waits who could be told.
            self.over = true;
            return;
        }
        if let Some((rid, _, answer)) = self.held.pop_front() {
            self.answer(rid, answer, Vec::new(), "");
        }
    }

    async fn take(&mut self, call: Call) {
        if let Some((_, body)) = self.answered.iter().find(|(rid, _)| *rid == call.rid) {
            let _ = call.answer.send(body.clone());
            return;
        }
        if call.rid < self.next || call.rid >= self.next + REQUESTS {
            let _ = call.answer.send(format!("<body xmlns='{NS}' type='terminate' condition='item-not-found'/>").into_bytes());
            return self.end("item-not-found");
        }
        self.early.insert(call.rid, call);
        while let Some(call) = self.early.remove(&self.next) {
            self.next += 1;
            self.work(call).await;
        }
        self.speak();
    }

    async fn work(&mut self, call: Call) {
        let Call { rid, body, fault, answer } = call;
        self.held.push_back((rid, Instant::now() + self.wait, answer));
        if let Some(fault) = fault {
            self.client.refuse(&fault);
            self.over = true;
            return;
        }
        // The first request opens the stream; its answer carries the session's parameters (§7.2).
        let opens = std::mem::take(&mut self.fresh);
        let restart = body.raw_attrs().any(|(name, value)| name.ends_with(b":restart") && value == b"true");
        if opens || restart {
            let opening =
                Opening { to: body.attr("to"), from: body.attr("from"), version: Some("1.0".into()), lang: body.lang() };
            if restart {
                self.client.restarted();
            }
            if self.client.open(&opening) == Flow::Close {
                self.over = true;
            }
        }
        for child in body.children() {
            if self.client.feed(&mut BytesMut::from(child.bytes())).await == Flow::Close {
                self.over = true;
            }
        }
        if body.attr("type").as_deref() == Some("terminate") {
            self.client.leave();
            self.end("");
        }
    }

    /// Answers what can be answered: the oldest request, when there is something to say or more than one is held.
    fn speak(&mut self) {
        while let Some(mut flush) = (!self.held.is_empty()).then(|| self.client.take_output()).flatten() {
            let mut payload: Vec<u8> = stanzas(&flush).concat();
            if let Some(why) = flush.close.take() {
                self.client.closing(why);
                if let Some(last) = self.client.take_output() {
                    payload.extend(stanzas(&last).concat());
                }
                self.over = true;
            }
            self.over |= flush.overflow;
            let Some((rid, _, answer)) = self.held.pop_front() else { break };
            let end = match self.over {
                true if payload.windows(STREAM_ERROR.len()).any(|part| part == STREAM_ERROR) => ENDED_BY_ERROR,
                true => " type='terminate'",
                false => "",
            };
            self.answer(rid, answer, payload, end);
            self.client.written(&flush.kept);
        }
        while self.held.len() > 1 {
            if let Some((rid, _, answer)) = self.held.pop_front() {
                self.answer(rid, answer, Vec::new(), "");
            }
        }
        if self.over {
            self.end("");
        }
    }

    fn answer(&mut self, rid: u64, to: oneshot::Sender<Vec<u8>>, payload: Vec<u8>, attributes: &str) {
        let mut body = format!("<body xmlns='{NS}'{attributes}").into_bytes();
        if self.answered.is_empty() && attributes.is_empty() {
            self.push_parameters(&mut body);
        }
        body.push(b'>');
        body.extend_from_slice(&payload);
        body.extend_from_slice(b"</body>");
        let _ = to.send(body.clone());
        self.answered.push_back((rid, body));
        if self.answered.len() > REQUESTS as usize {
            self.answered.pop_front();
        }
        self.idle_since = Instant::now();
    }

    fn push_parameters(&self, body: &mut Vec<u8>) {
        let domain = self.client.domain();
        let numbers = format!(
            " sid='{}' wait='{}' requests='{REQUESTS}' hold='1' inactivity='{INACTIVITY}' polling='2' ver='1.11' secure='true' \
             xmlns:xmpp='urn:xmpp:xbosh' xmpp:version='1.0' xmpp:restartlogic='true' from='",
            self.sid,
            self.wait.as_secs()
        );
        body.extend_from_slice(numbers.as_bytes());
        push_attr(body, domain);
        body.push(b'\'');
    }

    /// The session ends: whoever still waits is told.
    fn end(&mut self, condition: &str) {
        self.over = true;
        let attributes = match condition {
            "" => " type='terminate'".to_owned(),
            condition => format!(" type='terminate' condition='{condition}'"),
        };
        while let Some((rid, _, answer)) = self.held.pop_front() {
            self.answer(rid, answer, Vec::new(), &attributes);
        }
    }
}

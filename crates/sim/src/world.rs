//! One node, its disk, its clients and the wires between them, on one thread and one clock.
//!
//! Everything that takes time is an event with a moment; the dice decide how long it takes. Wires keep their order,
//! as TCP does.

use crate::client::{Client, Moment, Phase, Up};
use crate::dice::Dice;
use crate::disk::Disk;
use crate::fault::Fault;
use crate::log::{Log, Promise};
use crate::pipe::Pipe;
use crate::plan::Plan;
use crate::text;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use zaiseki_model::settings::Settings;
use zaiseki_model::{MessageId, MessageIds, PresenceFact, Timestamp};
use zaiseki_router::engine::{BindRequest, Engine, EngineConfig, ResumeRequest, Resumed, SessionId};
use zaiseki_router::outlet::Outlet;
use zaiseki_store::{Reply, StoreError};
use zaiseki_stream::sm;
use zaiseki_xmpp::jid::BareJid;
use zaiseki_xmpp::ns;

/// Something that happens at its moment. The number is the server's life it belongs to.
pub(crate) enum Event {
    /// A client does what comes to its mind.
    Act(usize),
    /// The next of a client's words reaches the server.
    Up(usize),
    /// The next of the server's words reaches a client.
    Down(usize),
    Commit(u32),
    Durable(u32, u64),
    Reply(u32, u64, Box<Result<Reply, StoreError>>),
    Tick(u32),
    Crash,
    Restart,
    Fact(usize),
}

pub(crate) enum Down {
    /// With the message that counts as handed over when this leaves, on a session without stream management.
    Frame(Vec<u8>, Option<MessageId>),
    Gone,
}

/// One connection.
pub(crate) struct Conn {
    pub client: usize,
    pub pipe: Arc<Pipe>,
    pub session: Option<SessionId>,
    /// Bind or resume is under way: what follows waits.
    pub busy: bool,
    pub up: VecDeque<Up>,
    pub down: VecDeque<Down>,
    up_at: Timestamp,
    down_at: Timestamp,
    /// Whether each side still listens.
    pub client_open: bool,
    pub server_open: bool,
    /// The life of the server it belongs to.
    epoch: u32,
}

enum Outcome {
    Bound(Option<SessionId>),
    Resumed(Resumed),
}

type Outcomes = Arc<Mutex<Vec<(usize, Outcome)>>>;

/// The whole of a run.
pub struct World {
    pub(crate) plan: Plan,
    pub(crate) dice: Dice,
    pub(crate) now: Timestamp,
    pub(crate) epoch: u32,
    pub(crate) engine: Option<Engine>,
    pub(crate) disk: Disk,
    pub(crate) clients: Vec<Client>,
    pub(crate) conns: Vec<Conn>,
    pub(crate) facts: BTreeMap<usize, PresenceFact>,
    pub(crate) log: Log,
    /// The faults are over: clients only see to what is still open.
    pub(crate) healing: bool,
    /// Presence of users in meetings that left the server: user, when, whether it showed the meeting.
    pub(crate) shown: Vec<(usize, Timestamp, bool)>,
    queue: BTreeMap<(Timestamp, u64), Event>,
    order: u64,
    armed: Option<Timestamp>,
    outcomes: Outcomes,
    pub(crate) fault: Fault,
    /// Print what happens.
    pub(crate) trace: bool,
    counted: u64,
    pub(crate) steps: u64,
}

impl World {
    /// # Errors
    /// The database can't be made.
    pub fn new(seed: u64, fault: Fault) -> Result<Self, StoreError> {
        let mut dice = Dice::new(seed);
        let plan = Plan::throw(&mut dice);
        let disk = Disk::new(&plan.accounts(), fault)?;
        let clients = plan.clients(&mut dice);
        let mut world = World {
            dice,
            now: Timestamp::from_secs(1_800_000_000),
            epoch: 0,
            engine: None,
            disk,
            clients,
            conns: Vec::new(),
            facts: BTreeMap::new(),
            log: Log { archives: vec![Vec::new(); plan.users], ..Log::default() },
            healing: false,
            shown: Vec::new(),
            queue: BTreeMap::new(),
            order: 0,
            armed: None,
            outcomes: Outcomes::default(),
            fault,
            trace: false,
            counted: 0,
            steps: 0,
            plan,
        };
        world.start()?;
        world.schedule_life();
        Ok(world)
    }

    pub(crate) fn at(&mut self, when: Timestamp, event: Event) {
        self.order += 1;
        self.queue.insert((when.max(self.now), self.order), event);
    }

    pub(crate) fn soon(&mut self, event: Event) {
        let when = self.now + self.dice.delay();
        self.at(when, event);
    }

    /// The next event, if it comes before `end`; else the clock moves to `end`.
    pub(crate) fn step(&mut self, end: Timestamp) -> Result<bool, StoreError> {
        let next = self.queue.first_key_value().map(|((at, _), _)| *at).filter(|at| *at <= end);
        let Some((at, event)) = next.and_then(|at| Some((at, self.queue.pop_first()?.1))) else {
            self.now = end;
            return Ok(false);
        };
        self.now = at;
        self.steps += 1;
        self.happen(event)?;
        self.carry_out();
        Ok(true)
    }

    /// Runs everything up to a moment.
    pub(crate) fn run_until(&mut self, end: Timestamp) -> Result<(), StoreError> {
        while self.step(end)? {}
        Ok(())
    }

    fn happen(&mut self, event: Event) -> Result<(), StoreError> {
        let (epoch, now) = (self.epoch, self.now);
        match event {
            Event::Act(client) => self.act(client),
            Event::Up(conn) => self.up(conn),
            Event::Down(conn) => self.down(conn),
            Event::Commit(of) if of == epoch => {
                if let Some(upto) = self.disk.finish()? {
                    self.soon(Event::Durable(epoch, upto));
                }
            }
            Event::Durable(of, upto) if of == epoch => self.engine.iter_mut().for_each(|e| e.durable(now, upto)),
            Event::Reply(of, token, reply) if of == epoch => {
                if let Some(engine) = &mut self.engine {
                    engine.read_done(now, token, *reply);
                }
            }
            Event::Tick(of) if of == epoch => {
                self.armed = None;
                self.engine.iter_mut().for_each(|e| e.timeout(now));
            }
            Event::Crash => self.crash()?,
            Event::Restart => self.start()?,
            Event::Fact(user) => self.new_fact(user),
            // Of a life that is over.
            Event::Commit(_) | Event::Durable(..) | Event::Reply(..) | Event::Tick(_) => {}
        }
        Ok(())
    }

    /// A new life of the server.
    fn start(&mut self) -> Result<(), StoreError> {
        let mut dice = Dice::new(self.dice.bits());
        let config = EngineConfig {
            domain: BareJid::new(None, text::DOMAIN).map_err(|e| StoreError::NotFound { what: e.to_string() })?,
            ids: MessageIds::new(1, self.disk.database.max_message_id()?),
            settings: Arc::new(Settings {
                archive: self.plan.archive,
                auto_authorize: self.plan.auto_authorize,
                resume_time: self.plan.resume_time,
                ..Settings::default()
            }),
            random: Box::new(move |out| dice.fill(out)),
        };
        let mut engine = Engine::new(config);
        for fact in self.facts.values() {
            engine.fact(self.now, fact.clone());
        }
        self.engine = Some(engine);
        self.armed = None;
        Ok(())
    }

    /// The process ends: by `kill -9`, or in order.
    fn crash(&mut self) -> Result<(), StoreError> {
        if self.engine.is_none() {
            return Ok(());
        }
        if self.trace {
            println!("{:?} the server ends", self.now);
        }
        if self.dice.chance(25) {
            self.engine.iter_mut().for_each(|e| e.drain(self.now));
            self.carry_out();
            while self.disk.finish()?.is_some() || self.disk.begin() {}
        }
        let came_through = self.dice.chance(50);
        self.disk.crash(came_through)?;
        self.engine = None;
        self.epoch += 1;
        for conn in 0..self.conns.len() {
            self.lose_server(conn);
        }
        let pause = self.dice.millis(1, 800);
        self.at(self.now + pause, Event::Restart);
        Ok(())
    }

    /// What was written may still arrive, in part.
    fn lose_server(&mut self, conn: usize) {
        if !self.conns[conn].server_open {
            return;
        }
        let arrives = self.dice.below(self.conns[conn].down.len() + 1);
        let conn_ref = &mut self.conns[conn];
        conn_ref.server_open = false;
        conn_ref.up.clear();
        conn_ref.down.truncate(arrives);
        self.send_down(conn, Down::Gone);
    }

    pub(crate) fn connect(&mut self, client: usize) {
        if self.engine.is_none() {
            return;
        }
        let conn = self.conns.len();
        self.conns.push(Conn {
            client,
            pipe: Arc::default(),
            session: None,
            busy: false,
            up: VecDeque::new(),
            down: VecDeque::new(),
            up_at: self.now,
            down_at: self.now,
            client_open: true,
            server_open: true,
            epoch: self.epoch,
        });
        let first = self.clients[client].connect(conn);
        self.send_up(conn, [first]);
    }

    pub(crate) fn send_up(&mut self, conn: usize, words: impl IntoIterator<Item = Up>) {
        for word in words {
            let when = self.conns[conn].up_at.max(self.now + self.dice.delay());
            self.conns[conn].up_at = when;
            self.conns[conn].up.push_back(word);
            self.at(when, Event::Up(conn));
        }
    }

    pub(crate) fn send_down(&mut self, conn: usize, word: Down) {
        let when = self.conns[conn].down_at.max(self.now + self.dice.delay());
        self.conns[conn].down_at = when;
        self.conns[conn].down.push_back(word);
        self.at(when, Event::Down(conn));
    }

    /// The client's side of the connection is lost; some of its words are still on the way.
    pub(crate) fn cut(&mut self, client: usize) {
        let Some(conn) = self.clients[client].conn else { return };
        self.clients[client].disconnected();
        self.conns[conn].client_open = false;
        let arrives = self.dice.below(self.conns[conn].up.len() + 1);
        self.conns[conn].up.truncate(arrives);
        let notices = if self.dice.chance(50) { self.dice.millis(0, 20) } else { self.dice.millis(20, 3_000) };
        self.conns[conn].up_at = self.conns[conn].up_at.max(self.now + notices);
        self.send_up(conn, [Up::Gone]);
    }

    /// A client leaves by the book.
    pub(crate) fn leave(&mut self, client: usize) {
        let Some(conn) = self.clients[client].conn else { return };
        self.send_up(conn, [Up::Close]);
        self.conns[conn].client_open = false;
        self.clients[client].disconnected();
        self.clients[client].stream = None;
        self.clients[client].seen.clear();
    }

    /// The server reads: one of the client's words, or all that came together.
    fn up(&mut self, conn: usize) {
        if self.conns[conn].busy && self.conns[conn].server_open {
            return self.at(self.now + Duration::from_millis(1), Event::Up(conn));
        }
        let (now, open) = (self.now, self.conns[conn].server_open);
        let Some(word) = self.conns[conn].up.pop_front() else { return };
        match &word {
            Up::Frame(bytes) => self.tell_tale(conn, "says", bytes),
            word => self.tell_tale(conn, "does", format!("{word:?}").as_bytes()),
        }
        let Some(engine) = self.engine.as_mut().filter(|_| open) else { return };
        let this = &mut self.conns[conn];
        match (word, this.session) {
            (Up::Bind, _) => {
                this.busy = true;
                let client = &self.clients[this.client];
                engine.bind(now, bind_request(client, this.pipe.clone(), conn, &self.outcomes));
            }
            (Up::Resume { token, h }, _) => {
                this.busy = true;
                let user = crate::plan::user_id(self.clients[this.client].user);
                let outcomes = self.outcomes.clone();
                let done = Box::new(move |resumed| put(&outcomes, conn, Outcome::Resumed(resumed)));
                let (token, outlet, carrier) = (token.parse().ok(), this.pipe.clone(), zaiseki_model::live::Carrier::local());
                engine.resume(now, ResumeRequest { user, token, h, carrier, outlet, done });
            }
            (Up::Frame(bytes), Some(session)) => self.frame(conn, session, &bytes),
            (Up::Close, session) => {
                this.server_open = false;
                session.into_iter().for_each(|session| engine.closed(now, session));
            }
            (Up::Gone, session) => {
                this.server_open = false;
                let outlet: Arc<dyn Outlet> = this.pipe.clone();
                session.into_iter().for_each(|session| engine.cut(now, session, &outlet));
            }
            (Up::Frame(_), None) => {}
        }
    }

    /// The part of the client's stream that the session hears (as `router/client` hands it over).
    fn frame(&mut self, conn: usize, session: SessionId, bytes: &[u8]) {
        let (Some(engine), Some(frame), now) = (&mut self.engine, text::stanza(bytes), self.now) else { return };
        if frame.ns() == ns::CLIENT {
            return engine.stanza(now, session, frame);
        }
        match sm::parse(&frame) {
            Some(sm::Request::Enable(enable)) => {
                let max = enable.max.map(|seconds| Duration::from_secs(u64::from(seconds)));
                engine.enable_management(now, session, enable.resume, max);
            }
            Some(sm::Request::AckRequest) if self.fault == Fault::AckEarly => {
                let sent = self.clients[self.conns[conn].client].stream.as_ref().map_or(0, |s| s.sent.len());
                let waiting = self.conns[conn].up.iter().filter(|up| matches!(up, Up::Frame(b) if !is_nonza(b))).count();
                self.conns[conn].pipe.push(&[&sm::write_a((sent - waiting) as u32)], None);
            }
            Some(sm::Request::AckRequest) => engine.ack_requested(now, session),
            Some(sm::Request::Ack(h)) => engine.acknowledged(now, session, h),
            Some(sm::Request::Resume(_)) | None => engine.unexpected_nonza(now, session),
        }
    }

    fn down(&mut self, conn: usize) {
        if !self.conns[conn].client_open {
            return;
        }
        let Some(word) = self.conns[conn].down.pop_front() else { return };
        let client = self.conns[conn].client;
        match word {
            Down::Gone => {
                self.conns[conn].client_open = false;
                self.clients[client].disconnected();
            }
            Down::Frame(bytes, kept) => {
                let (moment, mut out) = (Moment { now: self.now, epoch: self.conns[conn].epoch, conn }, Vec::new());
                self.log.digest(client, self.now, &bytes);
                self.tell_tale(conn, "hears", &bytes);
                self.written(conn, kept);
                self.clients[client].hear(&bytes, &mut self.log, moment, &mut out);
                self.send_up(conn, out);
            }
        }
    }

    fn written(&mut self, conn: usize, kept: Option<MessageId>) {
        let (now, session) = (self.now, self.conns[conn].session.filter(|_| self.conns[conn].server_open));
        if let (Some(engine), Some(session), Some(kept)) = (&mut self.engine, session, kept) {
            engine.written(now, session, &[kept]);
        }
    }

    /// A line of the trace, for people.
    fn tell_tale(&self, conn: usize, verb: &str, bytes: &[u8]) {
        if self.trace {
            let who = self.clients[self.conns[conn].client].address();
            println!("{:?} {who} ({conn}) {verb} {}", self.now, String::from_utf8_lossy(bytes));
        }
    }

    /// What the engine wants done after a call.
    pub(crate) fn carry_out(&mut self) {
        let epoch = self.epoch;
        if let Some(engine) = &mut self.engine {
            let effects = engine.take_effects();
            if !effects.writes.is_empty() {
                self.disk.submit(effects.seq, effects.writes);
            }
            effects.reads.into_iter().for_each(|read| self.disk.read(read));
        }
        if self.disk.begin() {
            self.soon(Event::Commit(epoch));
        }
        for (token, reply) in self.disk.answer_reads() {
            self.soon(Event::Reply(epoch, token, Box::new(reply)));
        }
        self.settle_outcomes();
        self.flush_pipes();
        let next = self.engine.as_ref().and_then(Engine::next_timeout);
        if let Some(next) = next.filter(|next| self.armed.is_none_or(|at| *next < at)) {
            self.armed = Some(next);
            self.at(next, Event::Tick(epoch));
        }
    }

    fn settle_outcomes(&mut self) {
        let outcomes = std::mem::take(&mut *self.outcomes.lock().unwrap_or_else(PoisonError::into_inner));
        for (conn, outcome) in outcomes {
            if !self.conns[conn].server_open {
                continue;
            }
            self.conns[conn].busy = false;
            match outcome {
                Outcome::Bound(Some(session)) => {
                    self.conns[conn].session = Some(session);
                    self.send_down(conn, Down::Frame(text::BOUND.to_vec(), None));
                }
                Outcome::Bound(None) => self.log.broken(Promise::Accepted, self.now, "bind refused".to_owned()),
                Outcome::Resumed(Resumed::Session(session)) => self.conns[conn].session = Some(session),
                Outcome::Resumed(Resumed::Failed { h }) => {
                    let failed = sm::write_failed("item-not-found", h);
                    self.check_ack(conn, &failed);
                    self.send_down(conn, Down::Frame(failed, None));
                }
            }
        }
    }

    /// Brings what the engine queued onto the wires.
    fn flush_pipes(&mut self) {
        for conn in 0..self.conns.len() {
            if !self.conns[conn].server_open {
                continue;
            }
            let mut queued = self.conns[conn].pipe.take();
            self.spoil(&mut queued.stanzas);
            for (stanza, kept) in queued.stanzas {
                self.check_ack(conn, &stanza);
                self.note_meeting(&stanza);
                self.send_down(conn, Down::Frame(stanza, kept));
            }
            if queued.ack_wanted {
                self.send_down(conn, Down::Frame(sm::write_r(), None));
            }
            if queued.close.is_some() {
                self.conns[conn].server_open = false;
                self.send_down(conn, Down::Gone);
            }
        }
    }

    /// The defects of mutation checks that live on the wire.
    fn spoil(&mut self, stanzas: &mut Vec<(Vec<u8>, Option<MessageId>)>) {
        let is = |stanza: &(Vec<u8>, _), name: &[u8]| stanza.0.starts_with(name);
        match self.fault {
            Fault::SendTwice => {
                let Some(at) = stanzas.iter().position(|s| is(s, b"<message")) else { return };
                self.counted += 1;
                if self.counted.is_multiple_of(10) {
                    stanzas.insert(at, stanzas[at].clone());
                }
            }
            Fault::Reorder => {
                let messages: Vec<usize> = (0..stanzas.len()).filter(|&i| is(&stanzas[i], b"<message")).collect();
                messages.windows(2).for_each(|pair| stanzas.swap(pair[0], pair[1]));
            }
            Fault::LosePresence => stanzas.retain(|stanza| {
                self.counted += u64::from(is(stanza, b"<presence"));
                !is(stanza, b"<presence") || !self.counted.is_multiple_of(7)
            }),
            Fault::None | Fault::AckEarly | Fault::DropWrite => {}
        }
    }

    /// Whether everybody who should be is online, and nothing is under way.
    pub(crate) fn at_rest(&self) -> bool {
        let wires = self.conns.iter().all(|c| !(c.client_open && c.server_open) || (c.up.is_empty() && c.down.is_empty()));
        let replies = self.queue.values().any(|event| matches!(event, Event::Reply(..) | Event::Durable(..)));
        let clients = self.clients.iter().all(|c| c.quiet() || (c.phase == Phase::Down && self.plan.stays_away(c.index)));
        wires && !replies && clients && self.disk.idle()
    }
}

fn is_nonza(bytes: &[u8]) -> bool {
    text::stanza(bytes).is_some_and(|s| s.ns() == ns::SM)
}

fn put(outcomes: &Outcomes, conn: usize, outcome: Outcome) {
    outcomes.lock().unwrap_or_else(PoisonError::into_inner).push((conn, outcome));
}

fn bind_request(client: &Client, pipe: Arc<Pipe>, conn: usize, outcomes: &Outcomes) -> BindRequest {
    let outcomes = outcomes.clone();
    BindRequest {
        user: crate::plan::user_id(client.user),
        name: format!("u{}", client.user),
        resource: Some(client.resource.clone()),
        lang: None,
        carrier: zaiseki_model::live::Carrier::local(),
        outlet: pipe,
        done: Box::new(move |result| put(&outcomes, conn, Outcome::Bound(result.ok().map(|(session, _)| session)))),
    }
}

//! What clients, calendars and fate do during a run.

use crate::client::{Phase, Said, Seen, Up};
use crate::text;
use crate::world::{Event, World};
use std::time::Duration;
use zaiseki_model::{BusyInterval, BusyKind, FactSource, GatewayId, PresenceFact, Timestamp};

/// The calendar gateway of all users.
const GATEWAY: FactSource = FactSource::Gateway(GatewayId([9; 16]));

impl World {
    pub(crate) fn schedule_life(&mut self) {
        for client in 0..self.clients.len() {
            let when = self.now + self.dice.millis(0, 500);
            self.at(when, Event::Act(client));
        }
        let work = self.plan.work.as_millis() as usize;
        for _ in 0..self.plan.crashes {
            let when = self.now + self.dice.millis(0, work);
            self.at(when, Event::Crash);
        }
        for _ in 0..self.plan.users {
            let (user, when) = (self.dice.below(self.plan.users), self.now + self.dice.millis(0, work));
            self.at(when, Event::Fact(user));
        }
    }

    pub(crate) fn act(&mut self, client: usize) {
        let pause = match self.clients[client].phase {
            Phase::Down => {
                if self.wants_online(client) {
                    self.connect(client);
                }
                self.dice.millis(1, 300)
            }
            Phase::Online if self.healing => self.settle(client),
            Phase::Online => self.work(client),
            _ if !self.healing && self.dice.chance(5) => {
                self.cut(client);
                self.dice.millis(1, 200)
            }
            _ => self.dice.millis(1, 100),
        };
        self.at(self.now + pause, Event::Act(client));
    }

    fn wants_online(&self, client: usize) -> bool {
        let this = &self.clients[client];
        !(self.healing && self.plan.stays_away(client)) || this.stream.is_some() || !this.todo.is_empty()
    }

    /// After the trouble: asks for what is not acknowledged, and leaves if it shall not be there in the end.
    fn settle(&mut self, client: usize) -> Duration {
        if !self.clients[client].quiet() {
            self.ask(client);
        } else if self.plan.stays_away(client) {
            self.leave(client);
        }
        self.dice.millis(200, 500)
    }

    fn work(&mut self, client: usize) -> Duration {
        match self.dice.below(100) {
            0..=54 => self.chat(client),
            55..=64 => self.change_presence(client),
            65..=74 => self.subscribe(client),
            75..=80 => {
                self.cut(client);
                return self.away();
            }
            81..=84 if self.clients[client].quiet() => {
                self.leave(client);
                return self.away();
            }
            _ => self.ask(client),
        }
        self.dice.millis(5, 500)
    }

    /// Mostly a moment, sometimes longer than a stream can be resumed.
    fn away(&mut self) -> Duration {
        let limit = self.plan.resume_time.as_millis() as usize;
        if self.dice.chance(70) { self.dice.millis(1, 400) } else { self.dice.millis(400, 2 * limit) }
    }

    fn ask(&mut self, client: usize) {
        if let Some(conn) = self.clients[client].conn {
            self.send_up(conn, [Up::Frame(text::nonza("r", ""))]);
        }
    }

    fn tell(&mut self, client: usize, words: Vec<Up>) {
        if let Some(conn) = self.clients[client].conn {
            self.send_up(conn, words);
        }
    }

    fn chat(&mut self, client: usize) {
        let other = self.other_user(client);
        let mut out = Vec::new();
        for _ in 0..1 + self.dice.below(4) {
            let to =
                if self.dice.chance(15) { format!("{}/r{}", text::bare(other), self.dice.below(3)) } else { text::bare(other) };
            let index = self.log.compose(client, other, to.clone());
            let bytes = text::chat(&to, &self.log.messages[index].origin);
            self.clients[client].say(Said { bytes, message: Some(index), again: true }, &mut out);
        }
        if self.dice.chance(60) {
            out.push(Up::Frame(text::nonza("r", "")));
        }
        self.tell(client, out);
    }

    fn other_user(&mut self, client: usize) -> usize {
        let own = self.clients[client].user;
        (own + 1 + self.dice.below(self.plan.users - 1)) % self.plan.users
    }

    pub(crate) fn change_presence(&mut self, client: usize) {
        let show = ["", "away", "dnd", "xa", "chat"][self.dice.below(5)];
        self.say_presence(client, show);
    }

    pub(crate) fn say_presence(&mut self, client: usize, show: &str) {
        let status = format!("says {}", self.dice.below(1_000_000));
        self.clients[client].own = Seen { show: show.to_owned(), status };
        let mut out = Vec::new();
        self.clients[client].say_presence(&mut out);
        self.tell(client, out);
    }

    fn subscribe(&mut self, client: usize) {
        let to = text::bare(self.other_user(client));
        let type_ = match self.dice.below(10) {
            0..=5 => "subscribe",
            6 => "subscribed",
            7 | 8 => "unsubscribe",
            _ => "unsubscribed",
        };
        let mut out = Vec::new();
        self.clients[client].say(Said { bytes: text::subscription(type_, &to), message: None, again: true }, &mut out);
        self.tell(client, out);
    }

    /// The calendar gateway learns something new about a user.
    pub(crate) fn new_fact(&mut self, user: usize) {
        let start = self.now + self.dice.millis(0, 2_000);
        let end = start + self.dice.millis(100, 4_000);
        let kind = if self.dice.chance(30) { BusyKind::OutOfOffice } else { BusyKind::Busy };
        let intervals = vec![BusyInterval { start, end, kind }];
        let source = (!self.dice.chance(15)).then_some(GATEWAY);
        self.set_fact(user, source, intervals);
        if !self.healing {
            let again = self.now + self.dice.millis(500, 5_000);
            self.at(again, Event::Fact(user));
        }
    }

    pub(crate) fn set_meeting(&mut self, user: usize, start: Timestamp, end: Timestamp) {
        self.set_fact(user, Some(GATEWAY), vec![BusyInterval { start, end, kind: BusyKind::Busy }]);
    }

    pub(crate) fn set_no_meeting(&mut self, user: usize) {
        self.set_fact(user, None, Vec::new());
    }

    fn set_fact(&mut self, user: usize, source: Option<FactSource>, intervals: Vec<BusyInterval>) {
        let name = format!("u{user}");
        let fact = PresenceFact { user: crate::plan::user_id(user), name, source, intervals, valid_until: Timestamp::MAX };
        self.facts.insert(user, fact.clone());
        let now = self.now;
        if let Some(engine) = &mut self.engine {
            engine.fact(now, fact);
        }
    }
}

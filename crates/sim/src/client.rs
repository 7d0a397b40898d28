//! A simulated client: resumes, acknowledges, sends again what was not acknowledged, and notes what it sees.

use crate::log::{Archived, Log, Promise, Receipt};
use crate::text;
use std::collections::{BTreeMap, VecDeque};
use zaiseki_model::Timestamp;
use zaiseki_xmpp::ns;
use zaiseki_xmpp::xml::element::Element;

/// What a client gives to its connection.
#[derive(Clone, Debug)]
pub enum Up {
    Bind,
    Resume {
        token: String,
        h: u32,
    },
    Frame(Vec<u8>),
    /// The stream is closed by the book.
    Close,
    /// The server notices that the connection is lost.
    Gone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    Down,
    Resuming,
    Binding,
    Enabling,
    Online,
}

/// A stanza of the client's.
#[derive(Clone, Debug)]
pub struct Said {
    pub bytes: Vec<u8>,
    /// The message it carries.
    pub message: Option<usize>,
    /// Worth saying again on a new stream.
    pub again: bool,
}

/// One XEP-0198 stream, resumptions included.
pub struct Stream {
    pub name: u64,
    pub token: String,
    /// Stanzas handled from the server.
    pub handled: u32,
    /// The messages among the stanzas sent, in the order of the count.
    pub sent: Vec<Option<usize>>,
    pub acked: usize,
    pub unacked: VecDeque<Said>,
}

/// Somebody's presence as seen: `<show/>`, and the first `<status/>`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Seen {
    pub show: String,
    pub status: String,
}

/// How far the reading of the archive got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    No,
    Asked,
    Done,
}

pub struct Client {
    pub index: usize,
    pub user: usize,
    pub resource: String,
    pub priority: i8,
    pub phase: Phase,
    pub conn: Option<usize>,
    pub stream: Option<Stream>,
    /// Waits for a stream.
    pub todo: VecDeque<Said>,
    pub own: Seen,
    /// By full address.
    pub seen: BTreeMap<String, Seen>,
    pub reading: Reading,
    /// Answers requests for a subscription (and does not only watch them).
    pub grants: bool,
    streams: u64,
    ids: u64,
}

/// Names of connections that have no stream yet begin here.
const NO_STREAM: u64 = 1 << 40;

/// When something reaches a client, and in which life of the server.
#[derive(Clone, Copy)]
pub struct Moment {
    pub now: Timestamp,
    pub epoch: u32,
    pub conn: usize,
}

impl Client {
    pub fn new(index: usize, user: usize, resource: String, priority: i8, grants: bool) -> Self {
        Client {
            index,
            user,
            resource,
            priority,
            phase: Phase::Down,
            conn: None,
            stream: None,
            todo: VecDeque::new(),
            own: Seen { show: String::new(), status: "here".to_owned() },
            seen: BTreeMap::new(),
            reading: Reading::No,
            grants,
            streams: 0,
            ids: 0,
        }
    }

    pub fn address(&self) -> String {
        format!("{}/{}", text::bare(self.user), self.resource)
    }

    /// The first words on a new connection.
    pub fn connect(&mut self, conn: usize) -> Up {
        self.conn = Some(conn);
        match &self.stream {
            Some(stream) => {
                self.phase = Phase::Resuming;
                Up::Resume { token: stream.token.clone(), h: stream.handled }
            }
            None => {
                self.phase = Phase::Binding;
                Up::Bind
            }
        }
    }

    pub fn disconnected(&mut self) {
        self.phase = Phase::Down;
        self.conn = None;
    }

    /// Nothing of the client's waits for the server.
    pub fn quiet(&self) -> bool {
        self.phase == Phase::Online && self.todo.is_empty() && self.stream.as_ref().is_some_and(|s| s.unacked.is_empty())
    }

    pub fn id(&mut self) -> String {
        self.ids += 1;
        format!("q{}-{}", self.index, self.ids)
    }

    /// Says a stanza now, or once there is a stream.
    pub fn say(&mut self, said: Said, out: &mut Vec<Up>) {
        match self.stream.as_mut().filter(|_| self.phase == Phase::Online) {
            Some(stream) => {
                out.push(Up::Frame(said.bytes.clone()));
                stream.sent.push(said.message);
                stream.unacked.push_back(said);
            }
            None if said.again => self.todo.push_back(said),
            None => {}
        }
    }

    pub fn say_once(&mut self, bytes: Vec<u8>, out: &mut Vec<Up>) {
        self.say(Said { bytes, message: None, again: false }, out);
    }

    pub fn say_presence(&mut self, out: &mut Vec<Up>) {
        let show = Some(self.own.show.as_str()).filter(|show| !show.is_empty());
        let bytes = text::presence(self.priority, show, &self.own.status);
        self.say_once(bytes, out);
    }

    /// Something came from the server.
    pub fn hear(&mut self, bytes: &[u8], log: &mut Log, moment: Moment, out: &mut Vec<Up>) {
        let Some(element) = text::element(bytes) else {
            return log.broken(Promise::Accepted, moment.now, format!("not XML: {}", String::from_utf8_lossy(bytes)));
        };
        match element.ns() {
            ns::SM => self.hear_management(&element, log, out),
            text::SIM => {
                self.phase = Phase::Enabling;
                out.push(Up::Frame(text::nonza("enable", " resume='true'")));
            }
            _ => {
                if let Some(stream) = self.stream.as_mut().filter(|_| self.phase == Phase::Online) {
                    stream.handled += 1;
                }
                self.hear_stanza(&element, log, moment, out);
            }
        }
    }

    fn hear_management(&mut self, element: &Element, log: &mut Log, out: &mut Vec<Up>) {
        let h = element.attr("h").and_then(|h| h.parse().ok());
        if let Some(h) = h {
            self.acknowledged(h, log);
        }
        match element.name() {
            "enabled" => self.enabled(element.attr("id").unwrap_or_default(), out),
            "resumed" => self.resumed(out),
            "failed" => {
                self.phase = Phase::Binding;
                out.push(Up::Bind);
            }
            "r" => {
                let h = self.stream.as_ref().map_or(0, |s| s.handled);
                out.push(Up::Frame(text::nonza("a", &format!(" h='{h}'"))));
            }
            _ => {}
        }
    }

    /// The server has everything up to `h`.
    fn acknowledged(&mut self, h: usize, log: &mut Log) {
        let Some(stream) = &mut self.stream else { return };
        while stream.acked < h {
            let Some(said) = stream.unacked.pop_front() else { return };
            stream.acked += 1;
            if let Some(message) = said.message {
                log.messages[message].acked = true;
            }
        }
    }

    /// A new stream begins; what the old one never acknowledged is said again, before everything else.
    fn enabled(&mut self, token: &str, out: &mut Vec<Up>) {
        let unacked = self.stream.take().map(|old| old.unacked).unwrap_or_default();
        let again = unacked.into_iter().filter(|said| said.again);
        let todo: VecDeque<Said> = again.chain(std::mem::take(&mut self.todo)).collect();
        self.streams += 1;
        let name = self.index as u64 * 100_000 + self.streams;
        let (sent, unacked) = (Vec::new(), VecDeque::new());
        self.stream = Some(Stream { name, token: token.to_owned(), handled: 0, sent, acked: 0, unacked });
        self.seen.clear();
        self.phase = Phase::Online;
        let id = self.id();
        self.say_once(text::roster_get(&id), out);
        self.say_presence(out);
        todo.into_iter().for_each(|said| self.say(said, out));
    }

    fn resumed(&mut self, out: &mut Vec<Up>) {
        self.phase = Phase::Online;
        if let Some(stream) = &self.stream {
            out.extend(stream.unacked.iter().map(|said| Up::Frame(said.bytes.clone())));
        }
        std::mem::take(&mut self.todo).into_iter().for_each(|said| self.say(said, out));
    }

    fn hear_stanza(&mut self, element: &Element, log: &mut Log, moment: Moment, out: &mut Vec<Up>) {
        match (element.name(), element.attr("type")) {
            ("message", Some("error")) => log.broken(Promise::Accepted, moment.now, format!("bounced: {element}")),
            ("message", _) => self.hear_message(element, log, moment),
            ("presence", type_) => self.hear_presence(element, type_, out),
            ("iq", Some("set")) => self.say_once(text::result(element.attr("id").unwrap_or_default()), out),
            ("iq", Some("result")) => self.hear_result(element, out),
            ("iq", _) => log.broken(Promise::Accepted, moment.now, format!("refused: {element}")),
            _ => {}
        }
    }

    fn hear_message(&mut self, element: &Element, log: &mut Log, moment: Moment) {
        if let Some(result) = element.child("result", ns::MAM) {
            let inner = result.child("forwarded", ns::FORWARD).and_then(|f| f.child("message", ns::CLIENT));
            let origin = inner.and_then(text::origin_of).unwrap_or_default();
            let id = result.attr("id").unwrap_or_default().to_owned();
            return log.archives[self.user].push(Archived { id, origin });
        }
        let Some(index) = text::origin_of(element).and_then(|origin| log.index_of(&origin)) else {
            return log.broken(Promise::Delivered, moment.now, format!("a message nobody sent: {element}"));
        };
        let receipt = Receipt {
            client: self.index,
            // Before stream management is on, the connection is all there is.
            stream: self
                .stream
                .as_ref()
                .filter(|_| self.phase == Phase::Online)
                .map_or(NO_STREAM + moment.conn as u64, |s| s.name),
            stanza_id: element.child("stanza-id", ns::SID).and_then(|e| e.attr("id")).map(str::to_owned),
            early: self.phase != Phase::Online || !self.seen.contains_key(&self.address()),
            delayed: element.has_child("delay", ns::DELAY),
            epoch: moment.epoch,
            place: log.receipts,
        };
        log.receipts += 1;
        if log.messages[index].to != self.user {
            log.broken(Promise::Delivered, moment.now, format!("m{index} went astray to {}", self.address()));
        }
        log.messages[index].receipts.push(receipt);
    }

    fn hear_presence(&mut self, element: &Element, type_: Option<&str>, out: &mut Vec<Up>) {
        let from = element.attr("from").unwrap_or_default();
        match type_ {
            None => {
                let text = |name| element.child(name, ns::CLIENT).map(Element::text).unwrap_or_default();
                self.seen.insert(from.to_owned(), Seen { show: text("show"), status: text("status") });
            }
            Some("unavailable") => {
                let whole = format!("{from}/");
                self.seen.retain(|known, _| known != from && !known.starts_with(&whole));
            }
            Some("subscribe") if self.grants => {
                let bytes = text::subscription("subscribed", from);
                self.say(Said { bytes, message: None, again: true }, out);
            }
            _ => {}
        }
    }

    fn hear_result(&mut self, element: &Element, out: &mut Vec<Up>) {
        let Some(fin) = element.child("fin", ns::MAM) else { return };
        let last = fin.child("set", ns::RSM).and_then(|set| set.child("last", ns::RSM)).map(Element::text);
        match last {
            Some(last) if fin.attr("complete") != Some("true") => self.read_archive(Some(&last), out),
            _ => self.reading = Reading::Done,
        }
    }

    /// Asks for a page of the own archive.
    pub fn read_archive(&mut self, after: Option<&str>, out: &mut Vec<Up>) {
        self.reading = Reading::Asked;
        let id = self.id();
        self.say_once(text::archive_query(&id, after), out);
    }
}

//! Stream management (XEP-0198): what waits for the client's acknowledgement, and the elements of the protocol.
//! Pure bookkeeping; who handles, keeps and resumes is the session's business.

use std::collections::VecDeque;
use zaiseki_model::limits::{UNACKED_BYTES, UNACKED_STANZAS};
use zaiseki_xmpp::ns;
use zaiseki_xmpp::xml::escape::push_attr;
use zaiseki_xmpp::xml::framer::Stanza;

/// How many bytes something counts for in [`Outgoing`].
pub trait Weight {
    fn weight(&self) -> usize;
}

impl Weight for Vec<u8> {
    fn weight(&self) -> usize {
        self.len()
    }
}

/// More stanzas or bytes wait than [`UNACKED_STANZAS`] or [`UNACKED_BYTES`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("too much waits for the client's acknowledgement")]
pub struct Full;

/// The client acknowledged what it was not sent (XEP-0198 §8).
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the client acknowledged {h} stanzas, {sent} were sent")]
pub struct TooHigh {
    /// The count the client named.
    pub h: u32,
    /// How many stanzas it was sent, modulo 2^32.
    pub sent: u32,
}

/// Stanzas sent and not yet acknowledged, oldest first. Counts run modulo 2^32 (XEP-0198 §4).
#[derive(Clone, Debug)]
pub struct Outgoing<T> {
    queue: VecDeque<T>,
    bytes: usize,
    acked: u32,
}

impl<T> Default for Outgoing<T> {
    fn default() -> Self {
        Outgoing { queue: VecDeque::new(), bytes: 0, acked: 0 }
    }
}

impl<T: Weight> Outgoing<T> {
    /// Counts a stanza as sent. When the limit is reached nothing is kept, and the stream should be given up.
    pub fn push(&mut self, item: T) -> Result<(), Full> {
        let bytes = self.bytes.saturating_add(item.weight());
        if self.queue.len() >= UNACKED_STANZAS || bytes > UNACKED_BYTES {
            return Err(Full);
        }
        self.bytes = bytes;
        self.queue.push_back(item);
        Ok(())
    }

    /// The client has everything up to `h`: returns what that releases, oldest first.
    ///
    /// [`TooHigh`] when `h` lies beyond what was sent. A count lower than one given before looks the same modulo 2^32:
    /// what it takes back is no longer here.
    pub fn ack(&mut self, h: u32) -> Result<Vec<T>, TooHigh> {
        let count = h.wrapping_sub(self.acked) as usize;
        if count > self.queue.len() {
            return Err(TooHigh { h, sent: self.sent() });
        }
        self.acked = h;
        let released: Vec<T> = self.queue.drain(..count).collect();
        self.bytes -= released.iter().map(Weight::weight).sum::<usize>();
        if self.queue.is_empty() {
            // Most streams are idle most of the time.
            self.queue = VecDeque::new();
        }
        Ok(released)
    }
}

impl<T> Outgoing<T> {
    /// What is not yet acknowledged, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.queue.iter()
    }

    /// [`Outgoing::iter`], to change what does not touch an item's weight.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.queue.iter_mut()
    }

    pub fn len(&self) -> usize {
        self.queue.len()
    }

    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The weight of everything that waits.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Stanzas sent so far, modulo 2^32.
    pub fn sent(&self) -> u32 {
        self.acked.wrapping_add(self.queue.len() as u32)
    }
}

impl<T> IntoIterator for Outgoing<T> {
    type Item = T;
    type IntoIter = std::collections::vec_deque::IntoIter<T>;
    fn into_iter(self) -> Self::IntoIter {
        self.queue.into_iter()
    }
}

/// `<enable/>` (§3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Enable {
    /// The client wants to be able to resume.
    pub resume: bool,
    /// For how many seconds at most; `None`: as long as the server likes.
    pub max: Option<u32>,
}

/// `<resume/>` (§5).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resume {
    /// The id that `<enabled/>` named.
    pub previd: String,
    /// What the client handled.
    pub h: u32,
}

/// What a client says about stream management.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Request {
    Enable(Enable),
    Resume(Resume),
    /// `<r/>`
    AckRequest,
    /// `<a h=''/>`
    Ack(u32),
}

/// Reads a top-level element in the namespace of XEP-0198. `None`: it is of another namespace, unknown, or its
/// attributes are wrong.
pub fn parse(element: &Stanza) -> Option<Request> {
    if element.ns() != ns::SM {
        return None;
    }
    match element.name() {
        "enable" => parse_enable(element).map(Request::Enable),
        "resume" => parse_resume(element).map(Request::Resume),
        "r" => Some(Request::AckRequest),
        "a" => parse_a(element).map(Request::Ack),
        _ => None,
    }
}

/// The attributes of `<enable/>`. A `max` that is no number is taken as absent: it is only a wish.
pub fn parse_enable(element: &Stanza) -> Option<Enable> {
    let resume = match element.attr("resume").as_deref() {
        None | Some("false" | "0") => false,
        Some("true" | "1") => true,
        Some(_) => return None,
    };
    Some(Enable { resume, max: number(element, "max") })
}

/// The attributes of `<resume/>`; both are required.
pub fn parse_resume(element: &Stanza) -> Option<Resume> {
    Some(Resume { previd: element.attr("previd")?.into_owned(), h: number(element, "h")? })
}

/// The attribute of `<a/>`.
pub fn parse_a(element: &Stanza) -> Option<u32> {
    number(element, "h")
}

/// `xs:unsignedInt` without a sign.
fn number(element: &Stanza, name: &str) -> Option<u32> {
    element.attr(name).filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()
}

/// `<enabled/>`. `id`: the token to resume by, absent when the stream can't be resumed; `max`: seconds.
pub fn write_enabled(id: Option<&str>, max: Option<u64>) -> Vec<u8> {
    let mut out = open("enabled");
    if let Some(id) = id {
        attribute(&mut out, "id", id);
        attribute(&mut out, "resume", "true");
    }
    if let Some(max) = max {
        attribute(&mut out, "max", &max.to_string());
    }
    empty(out)
}

/// `<resumed/>`: `h` is what the server handled of the earlier stream.
pub fn write_resumed(previd: &str, h: u32) -> Vec<u8> {
    let mut out = open("resumed");
    attribute(&mut out, "previd", previd);
    attribute(&mut out, "h", &h.to_string());
    empty(out)
}

/// `<failed/>`. `condition`: the name of a defined stanza error condition (RFC 6120 §8.3.3); `h` where it is known (§5).
pub fn write_failed(condition: &str, h: Option<u32>) -> Vec<u8> {
    let mut out = open("failed");
    if let Some(h) = h {
        attribute(&mut out, "h", &h.to_string());
    }
    out.push(b'>');
    out.extend_from_slice(format!("<{condition} xmlns='{}'/></failed>", ns::STANZAS).as_bytes());
    out
}

/// `<a/>`: `h` is what the server handled.
pub fn write_a(h: u32) -> Vec<u8> {
    let mut out = open("a");
    attribute(&mut out, "h", &h.to_string());
    empty(out)
}

/// `<r/>`.
pub fn write_r() -> Vec<u8> {
    empty(open("r"))
}

/// The application-specific condition of the stream error that answers [`TooHigh`] (§8).
pub fn write_too_high(error: TooHigh) -> Vec<u8> {
    let mut out = open("handled-count-too-high");
    attribute(&mut out, "h", &error.h.to_string());
    attribute(&mut out, "send-count", &error.sent.to_string());
    empty(out)
}

fn open(name: &str) -> Vec<u8> {
    format!("<{name} xmlns='{}'", ns::SM).into_bytes()
}

fn attribute(out: &mut Vec<u8>, name: &str, value: &str) {
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"='");
    push_attr(out, value);
    out.push(b'\'');
}

fn empty(mut out: Vec<u8>) -> Vec<u8> {
    out.extend_from_slice(b"/>");
    out
}

#[cfg(test)]
mod tests;

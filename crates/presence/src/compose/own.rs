//! A client's own presence: its bytes, what of them the rules look at, and when the user last made a choice.

use super::Level;
use crate::PresenceError;
use crate::availability::{parse_priority, parse_show};
use bytes::Bytes;
use std::ops::Range;
use zaiseki_model::Timestamp;
use zaiseki_model::settings::Show;
use zaiseki_xmpp::ns::{CLIENT, IDLE};
use zaiseki_xmpp::xml::framer::{Limits, Stanza, stanza_from_bytes};
use zaiseki_xmpp::{Element, XmlError};

/// One `<status/>` with a text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Status {
    /// `xml:lang`; `None` = none of its own.
    pub lang: Option<String>,
    /// Without surrounding white space; never empty.
    pub text: String,
}

impl Status {
    /// Whether the text is marked as being in `language` (BCP 47 tags, case does not matter).
    pub fn is_in(&self, language: &str) -> bool {
        self.lang.as_deref().is_some_and(|lang| lang.eq_ignore_ascii_case(language))
    }
}

/// What a user chooses by hand: availability and texts.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
struct Choice {
    show: Option<Show>,
    statuses: Vec<Status>,
}

/// The latest available presence of one resource.
#[derive(Clone, Debug)]
pub struct OwnPresence {
    body: Bytes,
    said: Choice,
    priority: i8,
    idle: bool,
    /// Where in `body` the `<show/>` and `<status/>` children are, in order.
    spoken: Vec<Range<usize>>,
    /// The latest presence that was no automatic one.
    chosen: Choice,
    chosen_at: Option<Timestamp>,
}

impl OwnPresence {
    /// Reads `body`, the raw children of an available `<presence/>` that came at `now` from the resource whose
    /// presence was `previous`.
    ///
    /// It is an *explicit choice* of the user if `<show/>` or the texts differ from the user's latest choice, except
    /// - the first presence of a resource, since signing in says nothing about the meeting,
    /// - one with `<idle/>` (XEP-0319), which the client sends by itself,
    /// - `away` or `xa` with unchanged texts, which clients without XEP-0319 send by themselves.
    ///
    /// Coming back from such an automatic presence to the latest choice is none either.
    ///
    /// # Errors
    /// Not well formed; two `<show/>` or two `<priority/>`; a value of either that RFC 6121 §4.7.2 does not allow.
    pub fn parse(body: Bytes, previous: Option<&OwnPresence>, now: Timestamp) -> Result<Self, PresenceError> {
        let stanza = wrap(&body)?;
        let (mut show, mut priority, mut idle) = (None, None, false);
        let (mut statuses, mut spoken) = (Vec::new(), Vec::new());
        for child in stanza.children() {
            match (child.name(), child.ns()) {
                ("show", CLIENT) => {
                    once(&mut show, "show", child.element()?.text())?;
                    spoken.push(child.range_in_body());
                }
                ("status", CLIENT) => {
                    statuses.extend(status(&child.element()?));
                    spoken.push(child.range_in_body());
                }
                ("priority", CLIENT) => once(&mut priority, "priority", child.element()?.text())?,
                ("idle", IDLE) => idle = true,
                _ => {}
            }
        }
        let said = Choice { show: parse_show(show.as_deref())?, statuses };
        let (chosen, chosen_at) = choice(&said, idle, previous, now);
        let priority = parse_priority(priority.as_deref())?;
        // Shares the wrapped copy, so that a presence kept for hours does not keep a read buffer alive.
        Ok(OwnPresence { body: stanza.body_bytes(), said, priority, idle, spoken, chosen, chosen_at })
    }

    /// Reads the content of a presence that is directed at somebody (RFC 6121 §4.6), by a resource whose broadcast
    /// presence is `broadcast`. It is no choice of its own: what the user chose for all counts for this one too.
    ///
    /// # Errors
    /// As [`OwnPresence::parse`].
    pub fn directed(body: Bytes, broadcast: Option<&OwnPresence>) -> Result<Self, PresenceError> {
        let own = Self::parse(body, None, Timestamp::ZERO)?;
        Ok(OwnPresence { chosen_at: broadcast.and_then(OwnPresence::chosen_at), ..own })
    }

    /// The client's bytes.
    pub fn body(&self) -> Bytes {
        self.body.clone()
    }

    /// As [`parse_priority`].
    pub fn priority(&self) -> i8 {
        self.priority
    }

    /// `None`: plainly available.
    pub fn show(&self) -> Option<Show> {
        self.said.show
    }

    /// The user's texts, in order.
    pub fn statuses(&self) -> &[Status] {
        &self.said.statuses
    }

    /// When the user last made an explicit choice with this resource.
    pub fn chosen_at(&self) -> Option<Timestamp> {
        self.chosen_at
    }

    /// The level the client's own words stand for.
    pub fn level(&self) -> Level {
        match self.said.show {
            Some(Show::Dnd) => Level::DoNotDisturb,
            Some(Show::Away | Show::Xa) => Level::Away,
            Some(Show::Chat) | None if self.idle => Level::Idle,
            Some(Show::Chat) | None => Level::Available,
        }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.body
    }

    pub(super) fn spoken(&self) -> &[Range<usize>] {
        &self.spoken
    }
}

/// The children of a presence stanza as a stanza, so that they can be walked.
pub(super) fn wrap(body: &[u8]) -> Result<Stanza, XmlError> {
    let wrapped = [&b"<presence xmlns='jabber:client'>"[..], body, b"</presence>"].concat();
    stanza_from_bytes(wrapped.into(), Limits::default())
}

fn once(slot: &mut Option<String>, name: &'static str, text: String) -> Result<(), PresenceError> {
    slot.replace(text).map_or(Ok(()), |_| Err(PresenceError::Twice(name)))
}

fn status(element: &Element) -> Option<Status> {
    let text = element.text().trim().to_owned();
    (!text.is_empty()).then(|| Status { lang: element.lang().map(str::to_owned), text })
}

fn choice(said: &Choice, idle: bool, previous: Option<&OwnPresence>, now: Timestamp) -> (Choice, Option<Timestamp>) {
    let Some(previous) = previous else {
        // Who signs in idle comes back to being plainly available.
        let show = said.show.filter(|_| !idle);
        return (Choice { show, statuses: said.statuses.clone() }, None);
    };
    let chosen = &previous.chosen;
    let by_itself = idle || (matches!(said.show, Some(Show::Away | Show::Xa)) && said.statuses == chosen.statuses);
    if by_itself || said == chosen { (chosen.clone(), previous.chosen_at) } else { (said.clone(), Some(now)) }
}

//! What others see of a user: the client's presence and the calendar, put together by one table of precedence.
//!
//! | Rank | Level | From |
//! |---|---|---|
//! | 1 | offline | no available resource |
//! | 2 | do not disturb | the client's `<show>dnd</show>` |
//! | 3 | out of office | calendar |
//! | 4 | on a call | phone (later) |
//! | 5 | in a meeting | calendar |
//! | 6 | away | the client's `away` or `xa` |
//! | 7 | idle | the client's XEP-0319 `<idle/>` |
//! | 8 | available | the client |
//!
//! The highest wins, for each resource by itself. A calendar level that wins replaces `<show/>` and `<status/>` and
//! nothing else: all other children of the presence keep their bytes and their order, so capabilities, avatar hash,
//! priority and idle time are those of the client. When the calendar level ends, the client's own bytes are back.
//!
//! There is one `<status xml:lang='…'>` per language of the labels, the user's language first, the others in
//! alphabetical order: the label, and after " – " the user's own text in that language, else the user's text without a
//! language. The user's texts in further languages follow as they are.
//!
//! An explicit choice made during a calendar level wins until the calendar entry ends during which it was made
//! (setting `explicit_choice_wins`); what counts as a choice says [`OwnPresence::parse`].

mod claims;
mod judge;
mod own;
mod timeline;

pub use claims::{is_meeting_activity, meeting_activity, strip_claims};
pub use judge::judge;
pub use own::{OwnPresence, Status};
pub use timeline::{Current, Timeline};
pub use zaiseki_model::precedence::Level;

use bytes::Bytes;
use std::collections::BTreeMap;
use zaiseki_model::Timestamp;
use zaiseki_model::precedence::winner;
use zaiseki_model::settings::{CalendarSettings, Show};
use zaiseki_model::user::Language;
use zaiseki_xmpp::xml::escape::{push_attr, push_text};

/// What a calendar can say of somebody's presence.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum FactKind {
    OutOfOffice,
    Meeting,
}

impl FactKind {
    /// Its place in the table of precedence.
    pub fn level(self) -> Level {
        match self {
            FactKind::OutOfOffice => Level::OutOfOffice,
            FactKind::Meeting => Level::InMeeting,
        }
    }

    /// The kind that stands at this place.
    fn at(level: Level) -> Option<FactKind> {
        [FactKind::OutOfOffice, FactKind::Meeting].into_iter().find(|kind| kind.level() == level)
    }

    /// The `<show/>` others see.
    pub fn show(self, settings: &CalendarSettings) -> Show {
        match self {
            FactKind::OutOfOffice => settings.away_show,
            FactKind::Meeting => settings.meeting_show,
        }
    }

    /// The label per language.
    pub fn labels(self, settings: &CalendarSettings) -> &BTreeMap<Language, String> {
        match self {
            FactKind::OutOfOffice => &settings.away_labels,
            FactKind::Meeting => &settings.meeting_labels,
        }
    }
}

/// The presence others see.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Composed {
    /// The children of `<presence/>`.
    pub body: Bytes,
    /// What the calendar contributed.
    pub label: Option<FactKind>,
    /// Whether `body` differs from the client's own.
    pub changed: bool,
}

/// Composes one available resource. `current`: what the calendar says now. `language`: the user's. When the calendar
/// adds nothing, the body is the client's, shared and not copied.
pub fn compose(own: &OwnPresence, current: Option<&Current>, settings: &CalendarSettings, language: &str) -> Composed {
    // Most of the time there is no calendar to ask.
    match current.and_then(|current| FactKind::at(winner(&judge(Some(own), Some(current), settings))?)) {
        None => Composed { body: own.body(), label: None, changed: false },
        Some(kind) => {
            let body = write(Some(own), kind, settings, language);
            Composed { changed: body != own.body(), body, label: Some(kind) }
        }
    }
}

/// Composes a user without any available resource: offline, and `None`, unless the setting `show_offline` wants the
/// calendar shown all the same.
pub fn compose_offline(current: Option<&Current>, settings: &CalendarSettings, language: &str) -> Option<Bytes> {
    let kind = FactKind::at(winner(&judge(None, current, settings))?)?;
    Some(write(None, kind, settings, language))
}

/// What the calendar says of a user once the explicit choices of this resource are taken into account, whatever rank its
/// own words have: `None` when the user has overruled all of it. The XEP-0108 activity follows this.
pub fn left_of(own: &OwnPresence, current: &Current, settings: &CalendarSettings) -> Option<FactKind> {
    current.claims().find(|(_, since)| overruling(own, *since, settings).is_none()).map(|(kind, _)| kind)
}

/// The explicit choice that overrules what the calendar has said since then.
fn overruling(own: &OwnPresence, since: Timestamp, settings: &CalendarSettings) -> Option<Timestamp> {
    own.chosen_at().filter(|chosen| settings.explicit_choice_wins && since <= *chosen)
}

fn write(own: Option<&OwnPresence>, kind: FactKind, settings: &CalendarSettings, language: &str) -> Bytes {
    let (body, spoken) = own.map_or((&b""[..], &[][..]), |own| (own.bytes(), own.spoken()));
    let statuses = own.map_or(&[][..], OwnPresence::statuses);
    let mut out = Vec::with_capacity(body.len() + 192);
    let start = spoken.first().map_or(0, |range| range.start);
    out.extend_from_slice(&body[..start]);
    push_show(&mut out, kind.show(settings));
    push_statuses(&mut out, kind.labels(settings), language, statuses);
    let mut at = start;
    for range in spoken {
        out.extend_from_slice(&body[at..range.start]);
        at = range.end;
    }
    out.extend_from_slice(&body[at..]);
    out.into()
}

fn push_show(out: &mut Vec<u8>, show: Show) {
    out.extend_from_slice(b"<show>");
    out.extend_from_slice(show.as_str().as_bytes());
    out.extend_from_slice(b"</show>");
}

fn push_statuses(out: &mut Vec<u8>, labels: &BTreeMap<Language, String>, language: &str, own: &[Status]) {
    let text_in = |language: &str| own.iter().find(|s| s.is_in(language)).or_else(|| own.iter().find(|s| s.lang.is_none()));
    for (language, label) in in_order(labels, language) {
        match text_in(language) {
            Some(status) => push_status(out, language, &[label, " – ", &status.text]),
            None => push_status(out, language, &[label]),
        }
    }
    for status in own {
        if let Some(lang) = &status.lang
            && !labels.keys().any(|language| status.is_in(language))
        {
            push_status(out, lang, &[&status.text]);
        }
    }
}

fn push_status(out: &mut Vec<u8>, language: &str, text: &[&str]) {
    out.extend_from_slice(b"<status xml:lang='");
    push_attr(out, language);
    out.extend_from_slice(b"'>");
    for part in text {
        push_text(out, part);
    }
    out.extend_from_slice(b"</status>");
}

/// The labels, that of the user's language first: the same tag, else the same primary language (`en` for `en-gb`).
fn in_order<'a>(labels: &'a BTreeMap<Language, String>, language: &str) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
    let primary = language.split('-').next().unwrap_or(language);
    let same = |tag: &&str| labels.keys().any(|l| l.eq_ignore_ascii_case(tag));
    let first = [language, primary].into_iter().find(same).unwrap_or_default().to_ascii_lowercase();
    let is_first = move |l: &str| l.eq_ignore_ascii_case(&first);
    let mut all: Vec<(&str, &str)> = labels.iter().map(|(l, text)| (l.as_str(), text.as_str())).collect();
    all.sort_by_key(|(l, _)| !is_first(l));
    all.into_iter()
}

#[cfg(test)]
mod tests;

//! One user's calendar as the engine asks it: what holds now, and when to ask again.

use super::FactKind;
use zaiseki_model::settings::CalendarSettings;
use zaiseki_model::{BusyInterval, BusyKind, PresenceFact, Timestamp};

/// What the calendar says at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Current {
    /// The highest kind by the table of precedence.
    pub kind: FactKind,
    /// Start of the calendar entry; of overlapping ones of this kind, the one that began first.
    pub since: Timestamp,
    /// When that entry ends, or the fact expires.
    pub until: Timestamp,
    /// Start of a meeting that goes on while its user is out of office: it shows when the user overrules the absence.
    pub beneath: Option<Timestamp>,
}

impl Current {
    /// Everything the calendar claims, the highest first, with its start.
    pub(super) fn claims(&self) -> impl Iterator<Item = (FactKind, Timestamp)> + use<> {
        let beneath = self.beneath.map(|since| (FactKind::Meeting, since));
        std::iter::once((self.kind, self.since)).chain(beneath)
    }
}

/// The busy times of one user, from the latest [`PresenceFact`].
#[derive(Clone, Debug)]
pub struct Timeline {
    /// By start; may overlap.
    intervals: Vec<BusyInterval>,
    valid_until: Timestamp,
}

impl Timeline {
    /// Takes the intervals in any order; empty ones count for nothing.
    pub fn new(fact: PresenceFact) -> Self {
        let mut intervals = fact.intervals;
        intervals.retain(|i| i.start < i.end);
        intervals.sort_by_key(|i| (i.start, std::cmp::Reverse(i.end)));
        Timeline { intervals, valid_until: fact.valid_until }
    }

    /// What holds at `now`; `None`: nothing, or the fact has expired.
    ///
    /// `Busy` is a meeting and `OutOfOffice` an absence; `WorkingElsewhere` is an absence if the setting says so; the
    /// other kinds change no presence.
    pub fn state_at(&self, now: Timestamp, settings: &CalendarSettings) -> Option<Current> {
        let find = |kind| {
            let mut holding = self.holding(now).filter(|i| kind_of(i.kind, settings) == Some(kind));
            holding.next().map(|i| (i.start, i.end.min(self.valid_until)))
        };
        let meeting = find(FactKind::Meeting);
        match find(FactKind::OutOfOffice) {
            Some((since, until)) => {
                let beneath = meeting.map(|(since, _)| since);
                Some(Current { kind: FactKind::OutOfOffice, since, until, beneath })
            }
            None => meeting.map(|(since, until)| Current { kind: FactKind::Meeting, since, until, beneath: None }),
        }
    }

    /// The next moment after `now` at which [`state_at`](Self::state_at) may answer differently. Where one meeting
    /// follows another without a gap, that moment is one too, but what others see stays the same.
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        if now >= self.valid_until {
            return None;
        }
        let bounds = self.intervals.iter().flat_map(|i| [i.start, i.end]);
        bounds.filter(|t| *t > now).min().map(|t| t.min(self.valid_until))
    }

    /// Past this the fact counts for nothing.
    pub fn valid_until(&self) -> Timestamp {
        self.valid_until
    }

    fn holding(&self, now: Timestamp) -> impl Iterator<Item = &BusyInterval> {
        let valid = now < self.valid_until;
        self.intervals.iter().take_while(move |i| valid && i.start <= now).filter(move |i| now < i.end)
    }
}

fn kind_of(kind: BusyKind, settings: &CalendarSettings) -> Option<FactKind> {
    match kind {
        BusyKind::Busy => Some(FactKind::Meeting),
        BusyKind::OutOfOffice => Some(FactKind::OutOfOffice),
        BusyKind::WorkingElsewhere => settings.elsewhere_is_away.then_some(FactKind::OutOfOffice),
        BusyKind::Free | BusyKind::Tentative | BusyKind::NoData => None,
    }
}

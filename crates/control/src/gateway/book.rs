//! What all gateways said of all users, and what of it the data plane and the database have yet to learn. Pure.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;
use zaiseki_calendar::{Window, busy};
use zaiseki_model::settings::CalendarSettings;
use zaiseki_model::{BusyInterval, BusyKind, FactSource, GatewayId, PresenceFact, Timestamp, UserId};
use zaiseki_store::CalendarRow;

/// Everything that is known of calendars.
#[derive(Default)]
pub struct Book {
    users: HashMap<UserId, Known>,
    /// Who takes part. An answer about anybody else came too late.
    gateways: HashSet<GatewayId>,
    people: HashSet<UserId>,
    /// Of whom a gateway knows no calendar: it does not speak for them.
    strangers: HashSet<(UserId, GatewayId)>,
    /// Whose fact may differ from the one sent.
    touched: HashSet<UserId>,
}

struct Known {
    name: String,
    answers: BTreeMap<GatewayId, Answer>,
    sent: Option<PresenceFact>,
}

struct Answer {
    intervals: Vec<BusyInterval>,
    fetched_at: Timestamp,
    /// The `fetched_at` in the database; `None` when its intervals differ from ours.
    written_at: Option<Timestamp>,
}

/// The `fetched_at` of a gateway that has not answered yet.
const NEVER: Timestamp = Timestamp::ZERO;

/// Meetings that go on past the window's beginning get this start from what was known before: from the one with the same
/// end, or, when the end was moved, from any that went on then.
fn keep_start(before: &[BusyInterval], now: &mut [BusyInterval], window: Window) {
    for entry in now.iter_mut().filter(|entry| entry.start == window.start) {
        let earlier = |old: &&BusyInterval| old.kind == entry.kind && old.start < entry.start && old.end >= entry.start;
        let mut known = before.iter().filter(earlier);
        let same = known.clone().find(|old| old.end == entry.end);
        if let Some(old) = same.or_else(|| known.next()) {
            entry.start = old.start;
        }
    }
    now.sort_by_key(busy::order);
}

/// The part of the outage time after which an unchanged answer is told again, so that it does not run out.
fn freshness(outage: Duration) -> Duration {
    outage / 20
}

impl Book {
    /// What the database holds of these gateways.
    pub fn load(rows: Vec<CalendarRow>, gateways: &HashSet<GatewayId>) -> Book {
        let mut book = Book::default();
        for row in rows {
            // Never fetched: nothing is known.
            if row.fetched_at == NEVER || !gateways.contains(&row.gateway) {
                continue;
            }
            let answer = Answer { intervals: row.intervals, fetched_at: row.fetched_at, written_at: Some(row.fetched_at) };
            book.known(row.user, &row.name).answers.insert(row.gateway, answer);
        }
        book
    }

    fn known(&mut self, user: UserId, name: &str) -> &mut Known {
        self.touched.insert(user);
        let new = || Known { name: String::new(), answers: BTreeMap::new(), sent: None };
        let known = self.users.entry(user).or_insert_with(new);
        name.clone_into(&mut known.name);
        known
    }

    /// A gateway was asked about a user at `fetched_at` and this is what it said.
    pub fn answered(
        &mut self,
        gateway: GatewayId,
        (user, name): (UserId, &str),
        mut intervals: Vec<BusyInterval>,
        window: Window,
        fetched_at: Timestamp,
    ) {
        if !self.gateways.contains(&gateway) || !self.people.contains(&user) {
            return;
        }
        self.strangers.remove(&(user, gateway));
        let known = self.known(user, name);
        let before = known.answers.remove(&gateway);
        let old = before.as_ref().map_or(&[][..], |answer| &answer.intervals);
        keep_start(old, &mut intervals, window);
        let written_at = before.filter(|answer| answer.intervals == intervals).and_then(|answer| answer.written_at);
        known.answers.insert(gateway, Answer { intervals, fetched_at, written_at });
    }

    /// What the database does not know yet of this gateway, or knows with a time so old that after a restart it would run
    /// out too early.
    pub fn unwritten(&self, gateway: GatewayId, outage: Duration) -> Vec<(UserId, Vec<BusyInterval>)> {
        let due =
            |answer: &&Answer| answer.written_at.is_none_or(|written| answer.fetched_at.since(written) >= freshness(outage));
        let of_user = |(user, known): (&UserId, &Known)| {
            known.answers.get(&gateway).filter(due).map(|answer| (*user, answer.intervals.clone()))
        };
        self.users.iter().filter_map(of_user).collect()
    }

    /// They are in the database now.
    pub fn written(&mut self, gateway: GatewayId, users: &[(UserId, Vec<BusyInterval>)]) {
        for (user, intervals) in users {
            let answer = self.users.get_mut(user).and_then(|known| known.answers.get_mut(&gateway));
            if let Some(answer) = answer.filter(|answer| answer.intervals == *intervals) {
                answer.written_at = Some(answer.fetched_at);
            }
        }
    }

    /// These gateways take part; what others said is forgotten.
    pub fn keep_gateways(&mut self, keep: &HashSet<GatewayId>) {
        self.gateways.clone_from(keep);
        self.strangers.retain(|(_, gateway)| keep.contains(gateway));
        for (user, known) in &mut self.users {
            let before = known.answers.len();
            known.answers.retain(|gateway, _| keep.contains(gateway));
            if known.answers.len() != before {
                self.touched.insert(*user);
            }
        }
    }

    /// These users take part; others are forgotten. Returns what the database is to forget.
    pub fn keep_users(&mut self, keep: HashSet<UserId>) -> Vec<(UserId, GatewayId)> {
        self.people = keep;
        self.strangers.retain(|(user, _)| self.people.contains(user));
        let mut forgotten = Vec::new();
        for (user, known) in self.users.iter_mut().filter(|(user, _)| !self.people.contains(*user)) {
            forgotten.extend(known.answers.keys().map(|gateway| (*user, *gateway)));
            known.answers.clear();
            self.touched.insert(*user);
        }
        forgotten
    }

    /// A gateway is to be asked about these users. It speaks for them from now on, and not from its first answer on: while it
    /// is down from the beginning, their clients' own claims count for nothing all the same (requirement C7).
    pub fn serve<'a>(&mut self, gateway: GatewayId, users: impl Iterator<Item = (UserId, &'a str)>) {
        for (user, name) in users {
            let known = self.users.get(&user).is_some_and(|known| known.answers.contains_key(&gateway));
            let takes_part = self.gateways.contains(&gateway) && self.people.contains(&user);
            if takes_part && !known && !self.strangers.contains(&(user, gateway)) {
                let nothing = Answer { intervals: Vec::new(), fetched_at: NEVER, written_at: Some(NEVER) };
                self.known(user, name).answers.insert(gateway, nothing);
            }
        }
    }

    /// The gateway knows no calendar of this user. What it said earlier stays for its time.
    pub fn stranger(&mut self, gateway: GatewayId, user: UserId, now: Timestamp, outage: Duration) {
        self.strangers.insert((user, gateway));
        let Some(known) = self.users.get_mut(&user) else { return };
        if known.answers.get(&gateway).is_some_and(|answer| answer.fetched_at + outage <= now) {
            known.answers.remove(&gateway);
            self.touched.insert(user);
        }
    }

    /// Looks at every fact again: the settings changed.
    pub fn touch_all(&mut self) {
        self.touched.extend(self.users.keys());
    }

    /// What counts as sent may not have arrived: everything is told again.
    pub fn doubt(&mut self) {
        for known in self.users.values_mut() {
            if let Some(sent) = &mut known.sent {
                sent.valid_until = Timestamp::ZERO;
            }
        }
        self.touch_all();
    }

    /// The facts that the data plane does not have yet. They count as sent.
    pub fn due(&mut self, settings: &CalendarSettings) -> Vec<PresenceFact> {
        let mut due = Vec::new();
        for user in std::mem::take(&mut self.touched) {
            let Some(known) = self.users.get_mut(&user) else { continue };
            let fact = fact(user, known, settings);
            if differs(known.sent.as_ref(), &fact, settings.outage) {
                due.push(fact.clone());
                known.sent = Some(fact);
            }
            if known.answers.is_empty() {
                self.users.remove(&user);
            }
        }
        due.sort_by(|a, b| a.name.cmp(&b.name));
        due
    }
}

/// Whether the data plane should hear of it. A user of whom it never heard needs no word that there is nothing.
fn differs(sent: Option<&PresenceFact>, fact: &PresenceFact, outage: Duration) -> bool {
    let Some(sent) = sent else { return fact.source.is_some() };
    let same = sent.source == fact.source && sent.intervals == fact.intervals && sent.name == fact.name;
    let lasts = fact.valid_until.since(sent.valid_until) < freshness(outage) && sent.valid_until <= fact.valid_until;
    !(same && (lasts || fact.source.is_none()))
}

/// One user's answers of all gateways as one claim.
fn fact(user: UserId, known: &Known, settings: &CalendarSettings) -> PresenceFact {
    let until = |answer: &Answer| if answer.fetched_at == NEVER { NEVER } else { answer.fetched_at + settings.outage };
    let valid_until = known.answers.values().map(until).max().unwrap_or(Timestamp::ZERO);
    let whole = Window { start: Timestamp::ZERO, end: Timestamp::MAX };
    let shown: Vec<BusyInterval> = match known.answers.len() {
        // The data plane itself lets the only answer run out.
        1 => known.answers.values().flat_map(|answer| &answer.intervals).filter_map(|i| shown(i, settings)).collect(),
        _ => known.answers.values().flat_map(|answer| bounded(answer, until(answer), settings)).collect(),
    };
    PresenceFact {
        user,
        name: known.name.clone(),
        source: known.answers.keys().next().map(|gateway| FactSource::Gateway(*gateway)),
        intervals: busy::arrange(&shown, whole),
        valid_until,
    }
}

/// What counts of an answer, up to the time when that gateway's word runs out.
fn bounded(answer: &Answer, until: Timestamp, settings: &CalendarSettings) -> Vec<BusyInterval> {
    let cut = |i: BusyInterval| BusyInterval { end: i.end.min(until), ..i };
    answer.intervals.iter().filter_map(|i| shown(i, settings)).map(cut).filter(|i| i.start < i.end).collect()
}

/// Busy and out of office show (requirement C3), working elsewhere by setting.
fn shown(interval: &BusyInterval, settings: &CalendarSettings) -> Option<BusyInterval> {
    let kind = match interval.kind {
        BusyKind::Busy => BusyKind::Busy,
        BusyKind::OutOfOffice => BusyKind::OutOfOffice,
        BusyKind::WorkingElsewhere if settings.elsewhere_is_away => BusyKind::OutOfOffice,
        BusyKind::WorkingElsewhere | BusyKind::Free | BusyKind::Tentative | BusyKind::NoData => return None,
    };
    Some(BusyInterval { kind, ..*interval })
}

#[cfg(test)]
#[path = "book_tests.rs"]
mod tests;

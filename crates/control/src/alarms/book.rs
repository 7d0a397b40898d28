//! Which alarms are open, and which rows are not in the database yet.

use super::catalogue::{self, AlarmKind};
use crate::text::Text;
use std::collections::BTreeMap;
use zaiseki_model::limits::{ALARM_DETAIL_CHARS, ALARM_SUBJECT_CHARS, ALARMS_KEPT, ALARMS_OPEN};
use zaiseki_model::{AlarmId, Severity, Timestamp};
use zaiseki_store::{AlarmRow, Audit};

/// What became of an alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Raised,
    /// It was open already, and has become worse.
    Worse,
    Cleared,
}

impl Change {
    pub fn as_str(self) -> &'static str {
        match self {
            Change::Raised => "raised",
            Change::Worse => "worse",
            Change::Cleared => "cleared",
        }
    }
}

/// Something that places outside are told of.
#[derive(Clone, Debug)]
pub struct AlarmEvent {
    pub change: Change,
    pub kind: &'static AlarmKind,
    /// As it stands after the change.
    pub row: AlarmRow,
}

type Key = (&'static str, String);

#[derive(Default)]
pub(super) struct Book {
    open: BTreeMap<Key, (&'static AlarmKind, AlarmRow)>,
    unwritten: BTreeMap<AlarmId, AlarmRow>,
}

impl Book {
    /// The rows are the open ones of the database. What the catalogue does not know any more is over.
    pub fn of(rows: Vec<AlarmRow>, now: Timestamp) -> Book {
        let mut book = Book::default();
        for row in rows {
            let kind = catalogue::find(&row.kind);
            match kind.filter(|kind| !book.open.contains_key(&(kind.id, row.subject.clone()))) {
                Some(kind) => drop(book.open.insert((kind.id, row.subject.clone()), (kind, row))),
                None => drop(book.unwritten.insert(row.id, AlarmRow { cleared_at: Some(now), ..row })),
            }
        }
        book
    }

    /// `None`: it was open already, as bad as now.
    pub fn raise(
        &mut self,
        kind: &'static AlarmKind,
        severity: Severity,
        subject: &str,
        detail: &Text,
        now: Timestamp,
    ) -> Option<AlarmEvent> {
        let key = (kind.id, cut(subject, ALARM_SUBJECT_CHARS));
        let detail = (cut(&detail.en, ALARM_DETAIL_CHARS), cut(&detail.ja, ALARM_DETAIL_CHARS));
        if let Some((_, row)) = self.open.get_mut(&key) {
            let worse = severity > row.severity;
            (row.severity, row.detail, row.last_at, row.count) = (severity, detail, now, row.count.saturating_add(1));
            let row = row.clone();
            self.note(row.clone());
            return worse.then_some(AlarmEvent { change: Change::Worse, kind, row });
        }
        if self.open.len() >= ALARMS_OPEN {
            tracing::error!(
                alarm = kind.id,
                subject,
                detail = detail.0,
                "too many alarms are open: this one is only written here"
            );
            return None;
        }
        let row = AlarmRow {
            id: AlarmId::generate(),
            kind: kind.id.to_owned(),
            subject: key.1.clone(),
            severity,
            raised_at: now,
            last_at: now,
            count: 1,
            detail,
            acknowledged: None,
            cleared_at: None,
        };
        self.open.insert(key, (kind, row.clone()));
        self.note(row.clone());
        Some(AlarmEvent { change: Change::Raised, kind, row })
    }

    pub fn clear(&mut self, kind: &'static AlarmKind, subject: &str, now: Timestamp) -> Option<AlarmEvent> {
        let (kind, row) = self.open.remove(&(kind.id, cut(subject, ALARM_SUBJECT_CHARS)))?;
        let row = AlarmRow { cleared_at: Some(now), ..row };
        self.note(row.clone());
        Some(AlarmEvent { change: Change::Cleared, kind, row })
    }

    pub fn acknowledge(&mut self, id: AlarmId, audit: &Audit) -> Option<AlarmEvent> {
        let (kind, row) = self.open.values_mut().find(|(_, row)| row.id == id)?;
        row.acknowledged.get_or_insert_with(|| (audit.at, audit.actor.clone()));
        let (kind, subject) = (*kind, row.subject.clone());
        kind.lasts.and_then(|_| self.clear(kind, &subject, audit.at))
    }

    /// What has only happened is not shown for ever.
    pub fn expire(&mut self, now: Timestamp) -> Vec<AlarmEvent> {
        let old = |(kind, row): &&(&'static AlarmKind, AlarmRow)| kind.lasts.is_some_and(|lasts| row.last_at + lasts <= now);
        let over: Vec<_> = self.open.values().filter(old).map(|(kind, row)| (*kind, row.subject.clone())).collect();
        over.into_iter().filter_map(|(kind, subject)| self.clear(kind, &subject, now)).collect()
    }

    pub fn subjects(&self, kind: &'static AlarmKind) -> Vec<String> {
        self.open.keys().filter(|(id, _)| *id == kind.id).map(|(_, subject)| subject.clone()).collect()
    }

    pub fn open(&self) -> Vec<AlarmRow> {
        let mut rows: Vec<AlarmRow> = self.open.values().map(|(_, row)| row.clone()).collect();
        rows.sort_by_key(|row| (std::cmp::Reverse(row.severity), std::cmp::Reverse(row.id)));
        rows
    }

    fn note(&mut self, row: AlarmRow) {
        self.unwritten.insert(row.id, row);
        // While the database takes nothing, what is over has no claim to more room than it would have there.
        if self.unwritten.len() > ALARMS_OPEN + ALARMS_KEPT
            && let Some(id) = self.unwritten.iter().find(|(_, row)| row.cleared_at.is_some()).map(|(id, _)| *id)
        {
            self.unwritten.remove(&id);
        }
    }

    pub fn take_unwritten(&mut self) -> Vec<AlarmRow> {
        std::mem::take(&mut self.unwritten).into_values().collect()
    }

    /// The write failed. What has changed meanwhile is newer.
    pub fn still_unwritten(&mut self, rows: Vec<AlarmRow>) {
        for row in rows {
            self.unwritten.entry(row.id).or_insert(row);
        }
    }
}

fn cut(text: &str, chars: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(chars).collect()
}

#[cfg(test)]
#[path = "book_tests.rs"]
mod tests;

//! When a directory is synchronised, and how carefully.

use crate::error::{ControlError, Result};
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;
use std::time::Duration;
use utoipa::ToSchema;
use zaiseki_model::Timestamp;

/// Minutes from one synchronisation to the next.
pub const EVERY_MINUTES: RangeInclusive<u32> = 5..=43_200;
/// Minutes between two looks at what has changed; 0: none.
pub const CHANGES_MINUTES: RangeInclusive<u32> = 0..=1_440;
/// Hours an entry may be gone before its user is removed.
pub const GRACE_HOURS: RangeInclusive<u32> = 0..=8_760;
/// Below so many users the brake is off: in a handful of people half may well leave.
pub const BRAKE_FROM: usize = 20;
/// After a failure the next try comes no later than this.
const RETRY: Duration = Duration::from_secs(15 * 60);
const DAY_SECS: i64 = 86_400;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SyncRules {
    /// 5 to 43,200.
    pub every_minutes: u32,
    /// A time of day (UTC, `HH:MM`) at which one of them falls.
    pub at: String,
    /// Where the source can tell what has changed (Unified CM), it is asked for that so often between two synchronisations:
    /// 0 to 1,440; 0 = never.
    pub changes_minutes: u32,
    /// 0 to 8,760.
    pub grace_hours: u32,
    /// New users are enabled for IM and presence.
    pub enable_new: bool,
    /// An account of the built-in directory with the user id of a new entry becomes that entry's.
    pub adopt: bool,
    /// When more than this part of all users would be gone at once, nobody is taken for gone. 1 to 100; 100 = off.
    pub brake_percent: u32,
}

impl Default for SyncRules {
    fn default() -> Self {
        let at = "18:00".to_owned();
        let (every_minutes, changes_minutes, grace_hours) = (1_440, 5, 24);
        SyncRules { every_minutes, at, changes_minutes, grace_hours, enable_new: true, adopt: false, brake_percent: 50 }
    }
}

impl SyncRules {
    pub fn check(&self) -> Result<()> {
        in_range("sync.every_minutes", self.every_minutes, EVERY_MINUTES)?;
        in_range("sync.changes_minutes", self.changes_minutes, CHANGES_MINUTES)?;
        in_range("sync.grace_hours", self.grace_hours, GRACE_HOURS)?;
        in_range("sync.brake_percent", self.brake_percent, 1..=100)?;
        if seconds_of_day(&self.at).is_none() {
            let en = "must be a time of day such as 18:00 (UTC)";
            return Err(ControlError::invalid("sync.at", en, "18:00 のような時刻 (UTC) を指定してください"));
        }
        Ok(())
    }

    pub fn grace(&self) -> Duration {
        Duration::from_secs(u64::from(self.grace_hours) * 3_600)
    }

    /// When to look at changes again after the last look; `None`: never.
    pub fn next_look(&self, last: Timestamp) -> Option<Timestamp> {
        (self.changes_minutes > 0).then(|| last + Duration::from_secs(u64::from(self.changes_minutes) * 60))
    }

    /// When the next synchronisation is due after one that ended at `ended` (or after the directory was made, when there was
    /// none). A failed one is tried again sooner.
    pub fn next_due(&self, ended: Timestamp, failed: bool) -> Timestamp {
        let every = i64::from(self.every_minutes.max(*EVERY_MINUTES.start())) * 60;
        let anchor = seconds_of_day(&self.at).unwrap_or(0);
        let since_anchor = ended.secs() - anchor;
        // Slots are counted from the anchor of the day; one per day begins anew there when days do not divide evenly.
        let slot = if every >= DAY_SECS || DAY_SECS % every == 0 {
            since_anchor.div_euclid(every) + 1
        } else {
            let day = since_anchor.div_euclid(DAY_SECS) * DAY_SECS;
            let next = day + (since_anchor.rem_euclid(DAY_SECS) / every + 1) * every;
            return self.sooner(Timestamp::from_secs(anchor + next.min(day + DAY_SECS)), ended, failed);
        };
        self.sooner(Timestamp::from_secs(anchor + slot * every), ended, failed)
    }

    fn sooner(&self, due: Timestamp, ended: Timestamp, failed: bool) -> Timestamp {
        if failed { due.min(ended + RETRY) } else { due }
    }
}

fn in_range(field: &'static str, value: u32, range: RangeInclusive<u32>) -> Result<()> {
    if range.contains(&value) {
        return Ok(());
    }
    let (from, to) = range.into_inner();
    let (en, ja) = (format!("must be {from} to {to}"), format!("{from} から {to} までの値を指定してください"));
    Err(ControlError::invalid(field, en, ja))
}

fn seconds_of_day(text: &str) -> Option<i64> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str, below: i64| {
        let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
        text.parse::<i64>().ok().filter(|n| digits && *n < below)
    };
    Some(number(hours, 24)? * 3_600 + number(minutes, 60)? * 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Timestamp = Timestamp::from_secs(1_700_006_400); // 2023-11-15T00:00:00Z

    fn due(every_minutes: u32, at: &str, ended_minute: i64, failed: bool) -> i64 {
        let rules = SyncRules { every_minutes, at: at.to_owned(), ..SyncRules::default() };
        let ended = Timestamp::from_secs(DAY.secs() + ended_minute * 60);
        (rules.next_due(ended, failed).secs() - DAY.secs()) / 60
    }

    #[test]
    fn slots_are_counted_from_the_time_of_day() {
        assert_eq!(due(1_440, "18:00", 0, false), 18 * 60);
        assert_eq!(due(1_440, "18:00", 18 * 60, false), 18 * 60 + 1_440);
        assert_eq!(due(1_440, "18:00", 18 * 60 - 1, false), 18 * 60);
        assert_eq!(due(360, "01:30", 100, false), 90 + 360);
        // 7 hours do not divide the day: it begins anew at 02:00.
        assert_eq!(due(420, "02:00", 120 + 3 * 420, false), 120 + 1_440);
        assert_eq!(due(420, "02:00", 120, false), 120 + 420);
    }

    #[test]
    fn after_a_failure_the_wait_is_short() {
        assert_eq!(due(1_440, "18:00", 0, true), 15);
        assert_eq!(due(5, "00:00", 1, true), 5);
    }

    #[test]
    fn the_ranges_hold_one_step_past_them() {
        let check = |change: fn(&mut SyncRules)| {
            let mut rules = SyncRules::default();
            change(&mut rules);
            rules.check().map_err(|error| error.field().unwrap_or_default())
        };
        assert!(check(|_| {}).is_ok());
        assert!(check(|r| (r.every_minutes, r.grace_hours, r.brake_percent) = (5, 0, 1)).is_ok());
        assert!(check(|r| r.changes_minutes = 0).is_ok() && check(|r| r.changes_minutes = 1_440).is_ok());
        assert_eq!(check(|r| r.changes_minutes = 1_441), Err("sync.changes_minutes"));
        assert!(check(|r| (r.every_minutes, r.grace_hours, r.brake_percent) = (43_200, 8_760, 100)).is_ok());
        assert_eq!(check(|r| r.every_minutes = 4), Err("sync.every_minutes"));
        assert_eq!(check(|r| r.every_minutes = 43_201), Err("sync.every_minutes"));
        assert_eq!(check(|r| r.grace_hours = 8_761), Err("sync.grace_hours"));
        assert_eq!(check(|r| r.brake_percent = 0), Err("sync.brake_percent"));
        assert_eq!(check(|r| r.brake_percent = 101), Err("sync.brake_percent"));
        assert_eq!(check(|r| r.at = "24:00".to_owned()), Err("sync.at"));
        assert_eq!(check(|r| r.at = "1:00".to_owned()), Err("sync.at"));
        assert_eq!(check(|r| r.at = "+1:00".to_owned()), Err("sync.at"));
    }
}

//! How long to wait for the next poll.

use std::time::Duration;
use zaiseki_calendar::SourceError;

/// Nobody makes a gateway poll more often than this.
pub const MIN_GAP: Duration = Duration::from_secs(1);
/// Longest wait after failures that pass by themselves.
const LONGEST: Duration = Duration::from_secs(300);
/// After a refused account: seldom enough that the directory does not lock it (often five tries in half an hour).
const REFUSED: [Duration; 2] = [Duration::from_secs(300), Duration::from_secs(900)];
/// A server that wants to be left alone for longer is asked again all the same.
const LONGEST_BUSY: Duration = Duration::from_secs(3_600);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// The next poll is due after this.
    pub next: Duration,
    /// Not even an administrator makes it earlier than this.
    pub least: Duration,
}

/// After success.
pub fn after_success(poll: Duration) -> Pause {
    Pause { next: poll, least: MIN_GAP }
}

/// After a failure; `failures` counts it and those directly before it.
pub fn after_failure(error: &SourceError, poll: Duration, failures: u32) -> Pause {
    match error {
        SourceError::Busy { retry_after } => {
            let least = (*retry_after).clamp(MIN_GAP, LONGEST_BUSY);
            Pause { next: poll.max(least), least }
        }
        SourceError::Auth { .. } => {
            let step = REFUSED[if failures > 1 { 1 } else { 0 }];
            Pause { next: poll.max(step), least: MIN_GAP }
        }
        SourceError::Config { .. } => Pause { next: poll.max(LONGEST), least: MIN_GAP },
        SourceError::Http { .. } | SourceError::Refused { .. } | SourceError::Malformed { .. } => {
            unreachable_server(poll, failures)
        }
    }
}

/// After a failure that has nothing to say about when it ends: doubling from the poll time.
pub fn unreachable_server(poll: Duration, failures: u32) -> Pause {
    let doubled = poll.saturating_mul(1 << failures.saturating_sub(1).min(16));
    Pause { next: doubled.min(LONGEST).max(poll), least: MIN_GAP }
}

/// Up to a tenth more, so that gateways do not all ask in the same second. `dice`: any byte.
pub fn spread(wait: Duration, dice: u8) -> Duration {
    wait + wait / 10 * u32::from(dice) / 255
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLL: Duration = Duration::from_secs(60);

    fn secs(pause: Pause) -> (u64, u64) {
        (pause.next.as_secs(), pause.least.as_secs())
    }

    #[test]
    fn failures_double_the_wait_up_to_a_bound() {
        let waits: Vec<u64> = (1..6).map(|failures| unreachable_server(POLL, failures).next.as_secs()).collect();
        assert_eq!(waits, [60, 120, 240, 300, 300]);
        assert_eq!(unreachable_server(Duration::from_secs(600), 3).next.as_secs(), 600);
        assert_eq!(unreachable_server(POLL, u32::MAX).next.as_secs(), 300);
    }

    #[test]
    fn a_busy_server_is_left_alone_as_long_as_it_wants() {
        let busy = |secs| SourceError::Busy { retry_after: Duration::from_secs(secs) };
        assert_eq!(secs(after_failure(&busy(200), POLL, 1)), (200, 200));
        assert_eq!(secs(after_failure(&busy(10), POLL, 1)), (60, 10));
        assert_eq!(secs(after_failure(&busy(1_000_000), POLL, 1)), (3_600, 3_600));
    }

    #[test]
    fn a_refused_account_is_tried_seldom() {
        let auth = SourceError::Auth { why: "401".to_owned() };
        assert_eq!(secs(after_failure(&auth, POLL, 1)), (300, 1));
        assert_eq!(secs(after_failure(&auth, POLL, 2)), (900, 1));
    }

    #[test]
    fn spreading_adds_a_tenth_at_most() {
        assert_eq!(spread(POLL, 0), POLL);
        assert_eq!(spread(POLL, 255), Duration::from_secs(66));
    }
}

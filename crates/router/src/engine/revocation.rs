//! Who was revoked lately: whoever proved who they are before that, and has no session yet, gets none.

use std::collections::HashMap;
use std::time::Duration;
use zaiseki_model::Timestamp;

/// Signing in never takes longer (the setting's greatest value).
const MEMORY: Duration = Duration::from_secs(3_600);
/// Users remembered. Beyond it everybody counts as revoked, and signs in again.
const REMEMBERED: usize = 100_000;

#[derive(Default)]
pub(super) struct Revocations {
    users: HashMap<Box<str>, Timestamp>,
    /// Of everybody.
    all: Option<Timestamp>,
}

impl Revocations {
    pub fn note(&mut self, now: Timestamp, name: &str) {
        if self.users.len() >= REMEMBERED {
            self.users.retain(|_, at| now.since(*at) < MEMORY);
            if self.users.len() >= REMEMBERED {
                self.users.clear();
                self.all = Some(now);
            }
        }
        self.users.insert(name.into(), now);
    }

    /// Whether what `name` proved at `proven` counts no more.
    pub fn after(&self, name: &str, proven: Timestamp) -> bool {
        let own = self.users.get(name).is_some_and(|at| *at >= proven);
        own || self.all.is_some_and(|at| at >= proven)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revocation_counts_against_what_was_proven_before() {
        let mut revocations = Revocations::default();
        let then = Timestamp::from_secs(10);
        revocations.note(then, "mika");
        assert!(revocations.after("mika", then) && revocations.after("mika", Timestamp::from_secs(9)));
        assert!(!revocations.after("mika", Timestamp::from_secs(11)) && !revocations.after("ken", then));
    }

    #[test]
    fn beyond_the_limit_everybody_is_revoked() {
        let mut revocations = Revocations::default();
        let then = Timestamp::from_secs(10);
        (0..REMEMBERED).for_each(|n| revocations.note(then, &n.to_string()));
        assert!(!revocations.after("somebody", then), "at the limit");
        revocations.note(then, "one more");
        assert!(revocations.after("somebody", then) && revocations.after("one more", then));
        assert!(!revocations.after("somebody", Timestamp::from_secs(11)));
        // What is old enough makes room.
        let mut revocations = Revocations::default();
        (0..REMEMBERED).for_each(|n| revocations.note(then, &n.to_string()));
        revocations.note(then + MEMORY, "one more");
        assert!(!revocations.after("somebody", then));
    }
}

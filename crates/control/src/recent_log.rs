//! The last lines of the log, kept in memory for the support bundle.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use zaiseki_model::Timestamp;
use zaiseki_model::limits::{LOG_LINE_CHARS, LOG_LINES_KEPT};

/// One event of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEvent {
    pub at: Timestamp,
    /// `ERROR`, `WARN`, …
    pub level: &'static str,
    /// The part of the program that said it.
    pub target: String,
    /// The message, and its fields as `name=value`.
    pub text: String,
}

/// A ring of [`LOG_LINES_KEPT`] events.
#[derive(Debug, Default)]
pub struct RecentLog(Mutex<VecDeque<LogEvent>>);

impl RecentLog {
    /// Adds an event; its text is cut at [`LOG_LINE_CHARS`], and the oldest event makes room.
    pub fn push(&self, mut event: LogEvent) {
        if let Some((end, _)) = event.text.char_indices().nth(LOG_LINE_CHARS) {
            event.text.truncate(end);
            event.text.push('…');
        }
        let mut ring = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if ring.len() >= LOG_LINES_KEPT {
            ring.pop_front();
        }
        ring.push_back(event);
    }

    /// Oldest first.
    pub fn events(&self) -> Vec<LogEvent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: impl Into<String>) -> LogEvent {
        LogEvent { at: Timestamp::from_secs(0), level: "INFO", target: "zaiseki".to_owned(), text: text.into() }
    }

    #[test]
    fn the_ring_holds_its_limit_and_loses_the_oldest_one_past_it() {
        let log = RecentLog::default();
        (0..LOG_LINES_KEPT).for_each(|n| log.push(event(n.to_string())));
        assert_eq!((log.events().len(), log.events()[0].text.as_str()), (LOG_LINES_KEPT, "0"));
        log.push(event("one more"));
        assert_eq!((log.events().len(), log.events()[0].text.as_str()), (LOG_LINES_KEPT, "1"));
    }

    #[test]
    fn a_line_is_kept_to_its_limit_and_cut_one_past_it() {
        let log = RecentLog::default();
        log.push(event("花".repeat(LOG_LINE_CHARS)));
        log.push(event("花".repeat(LOG_LINE_CHARS + 1)));
        let chars: Vec<usize> = log.events().iter().map(|event| event.text.chars().filter(|c| *c == '花').count()).collect();
        assert_eq!(chars, [LOG_LINE_CHARS; 2]);
        assert!(!log.events()[0].text.ends_with('…') && log.events()[1].text.ends_with('…'));
    }
}

//! How the node is doing, second by second, for the ten minutes that the console draws; and what a scrape reads.

pub mod metrics;
pub mod otlp;
mod process;
pub mod spans;
pub mod traces;

pub use process::ProcessCounts;

use crate::app::App;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use zaiseki_model::Timestamp;
use zaiseki_model::limits::VITALS_KEPT;
use zaiseki_model::vitals::NodeCounts;
use zaiseki_store::StoreCounts;

/// Between two samples.
const EVERY: Duration = Duration::from_secs(1);

/// Asks the data plane for its counts; must not block for long.
pub type Probe = Box<dyn Fn() -> NodeCounts + Send + Sync>;

/// Everything counted at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    pub at: Timestamp,
    pub node: NodeCounts,
    pub store: StoreCounts,
}

/// The samples of the last minutes.
#[derive(Default)]
pub struct Vitals {
    probe: OnceLock<Probe>,
    ring: Mutex<VecDeque<Sample>>,
}

impl Vitals {
    /// Joins the data plane; once, before [`run`]. Without one its counts stay 0.
    pub fn attach(&self, probe: impl Fn() -> NodeCounts + Send + Sync + 'static) {
        let _ = self.probe.set(Box::new(probe));
    }

    /// The data plane now.
    pub fn node(&self) -> NodeCounts {
        self.probe.get().map(|probe| probe()).unwrap_or_default()
    }

    /// The newest sample, and those before it, oldest first.
    pub fn samples(&self) -> Vec<Sample> {
        self.lock().iter().copied().collect()
    }

    /// Adds a sample; the oldest goes when there are [`VITALS_KEPT`].
    fn push(&self, sample: Sample) {
        let mut ring = self.lock();
        if ring.len() >= VITALS_KEPT {
            ring.pop_front();
        }
        ring.push_back(sample);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Sample>> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How much a count grows in a second, from sample to sample; one value less than there are samples.
pub fn rate(samples: &[Sample], count: impl Fn(&Sample) -> u64) -> Vec<f64> {
    let step = |pair: &[Sample]| {
        let seconds = pair[1].at.since(pair[0].at).as_secs_f64();
        let more = count(&pair[1]).saturating_sub(count(&pair[0])) as f64;
        if seconds > 0.0 { more / seconds } else { 0.0 }
    };
    samples.windows(2).map(step).collect()
}

/// At most `points` values, each the mean of its neighbours, so that a line on a page stays a line.
pub fn thinned(values: &[f64], points: usize) -> Vec<f64> {
    let size = values.len().div_ceil(points.max(1)).max(1);
    values.chunks(size).map(|chunk| chunk.iter().sum::<f64>() / chunk.len() as f64).collect()
}

/// Takes a sample every second. Ends with its caller.
pub async fn run(app: App) {
    let mut clock = tokio::time::interval(EVERY);
    // A machine that slept does not need the samples of the night.
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        let vitals = app.vitals();
        vitals.push(Sample { at: Timestamp::now(), node: vitals.node(), store: app.store().counts() });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(second: i64, messages: u64) -> Sample {
        let node = NodeCounts { messages_total: messages, ..NodeCounts::default() };
        Sample { at: Timestamp::from_secs(second), node, store: StoreCounts::default() }
    }

    #[test]
    fn rates_are_per_second_whatever_lies_between_two_samples() {
        let samples = [sample(10, 100), sample(11, 150), sample(13, 170), sample(13, 171), sample(14, 0)];
        assert_eq!(rate(&samples, |sample| sample.node.messages_total), [50.0, 10.0, 0.0, 0.0]);
        assert!(rate(&samples[..1], |sample| sample.node.messages_total).is_empty());
    }

    #[test]
    fn the_ring_holds_its_limit_and_loses_the_oldest_one_past_it() {
        let vitals = Vitals::default();
        let second = |n: usize| n as i64;
        (0..VITALS_KEPT).for_each(|n| vitals.push(sample(second(n), 0)));
        assert_eq!((vitals.samples().len(), vitals.samples()[0].at), (VITALS_KEPT, Timestamp::from_secs(0)));
        vitals.push(sample(second(VITALS_KEPT), 0));
        assert_eq!((vitals.samples().len(), vitals.samples()[0].at), (VITALS_KEPT, Timestamp::from_secs(1)));
    }

    #[test]
    fn long_lines_are_thinned_by_their_means() {
        assert_eq!(thinned(&[1.0, 3.0, 5.0, 7.0, 9.0], 3), [2.0, 6.0, 9.0]);
        assert_eq!(thinned(&[1.0], 3), [1.0]);
        assert!(thinned(&[], 3).is_empty());
    }
}

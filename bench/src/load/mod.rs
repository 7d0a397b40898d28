//! The scenarios. Each checks that the server did its work correctly and returns what it cost.

pub mod archive;
pub mod chat;
pub mod idle;
pub mod presence;
pub mod sign_in;
pub mod storm;

use crate::client::{Account, Session, Target};
use crate::measure::{Calibrator, Meter, Usage, percentile};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// A running server with its users, and how big the run is to be.
pub struct Bench<'a> {
    pub target: Target,
    pub accounts: Vec<Arc<Account>>,
    pub contacts: usize,
    /// The server's first process.
    pub pid: u32,
    pub calibrator: &'a Calibrator,
    /// How long scenarios that go by time send.
    pub span: Duration,
}

impl Bench<'_> {
    pub fn meter(&self) -> Result<Meter<'_>> {
        Meter::start(self.pid, self.calibrator)
    }
}

/// What one run of a scenario yields.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Figures {
    /// Server processor seconds per unit of work as charged by the kernel; KiB per connection for memory rows.
    pub raw: f64,
    /// The same on an undisturbed core; for memory rows equal to `raw`.
    pub corrected: f64,
    pub slowdown: f64,
    pub units: u64,
    pub per_second: f64,
    /// Milliseconds; `None` where a scenario measures none.
    pub p50_ms: Option<f64>,
    pub p99_ms: Option<f64>,
    /// Anything else worth knowing, by name.
    pub notes: Vec<(String, f64)>,
}

impl Figures {
    /// Figures of work that cost processor time; `latencies` in seconds.
    pub fn of_work(usage: Usage, units: u64, latencies: &mut [f64]) -> Figures {
        let raw = usage.cpu / units.max(1) as f64;
        let quantile = |values: &mut [f64], p| (!values.is_empty()).then(|| percentile(values, p) * 1e3);
        Figures {
            raw,
            corrected: raw / usage.slowdown,
            slowdown: usage.slowdown,
            units,
            per_second: units as f64 / usage.wall,
            p50_ms: quantile(latencies, 50.0),
            p99_ms: quantile(latencies, 99.0),
            notes: Vec::new(),
        }
    }

    pub fn note(mut self, name: &str, value: f64) -> Figures {
        self.notes.push((name.to_owned(), value));
        self
    }
}

/// Runs `work` for every item on the runtime's threads, at most `at_once` at a time; the results in order.
///
/// # Errors
/// The first error; the rest is given up.
pub async fn each<T, R, F, W>(items: Vec<T>, at_once: usize, mut work: F) -> Result<Vec<R>>
where
    T: Send + 'static,
    R: Send + 'static,
    W: Future<Output = Result<R>> + Send + 'static,
    F: FnMut(T, usize) -> W,
{
    let gate = Arc::new(Semaphore::new(at_once.max(1)));
    let mut tasks = JoinSet::new();
    let mut results: Vec<Option<R>> = Vec::new();
    results.resize_with(items.len(), || None);
    for (i, item) in items.into_iter().enumerate() {
        let (gate, future) = (gate.clone(), work(item, i));
        tasks.spawn(async move {
            let _turn = gate.acquire_owned().await?;
            future.await.map(|r| (i, r))
        });
    }
    while let Some(done) = tasks.join_next().await {
        let (i, result) = done??;
        results[i] = Some(result);
    }
    Ok(results.into_iter().flatten().collect())
}

/// The contacts of user `i` of `users`: the `contacts` nearest on a ring.
pub fn ring(i: usize, users: usize, contacts: usize) -> impl Iterator<Item = usize> {
    (1..=contacts / 2).flat_map(move |d| [(i + d) % users, (i + users - d) % users])
}

/// Signs everybody in and makes them available, 32 at a time.
async fn available(target: &Target, accounts: &[Arc<Account>], tls: bool) -> Result<Vec<Session>> {
    each(accounts.to_vec(), 32, |account, _| {
        let target = target.clone();
        async move {
            let mut session = Session::sign_in(&target, &account, tls).await?;
            session.become_available().await?;
            Ok(session)
        }
    })
    .await
}

async fn close_all(sessions: Vec<Session>) -> Result<()> {
    each(sessions, 64, |session, _| session.close(|_| Ok(()))).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_is_mutual() {
        for i in 0..10 {
            let mine: Vec<usize> = ring(i, 10, 4).collect();
            assert_eq!(mine.len(), 4);
            assert!(!mine.contains(&i));
            assert!(mine.iter().all(|&other| ring(other, 10, 4).any(|x| x == i)));
        }
    }

    #[test]
    fn figures_divide_by_units_and_slowdown() {
        let usage = Usage { cpu: 3.0, slowdown: 1.5, wall: 2.0 };
        let figures = Figures::of_work(usage, 1000, &mut [0.001, 0.002]);
        assert!((figures.raw - 0.003).abs() < 1e-12 && (figures.corrected - 0.002).abs() < 1e-12);
        assert!((figures.per_second - 500.0).abs() < 1e-9);
        assert_eq!(figures.p99_ms, Some(2.0));
    }

    #[tokio::test]
    async fn each_keeps_order_and_reports_errors() {
        let twice = each(vec![1, 2, 3], 2, |n, _| async move { Ok(n * 2) }).await.unwrap();
        assert_eq!(twice, [2, 4, 6]);
        let failed = each(vec![1, 2], 2, |n, _| async move { if n == 2 { anyhow::bail!("two") } else { Ok(n) } }).await;
        assert_eq!(failed.unwrap_err().to_string(), "two");
    }
}

//! Idle connections: everybody signed in and available, nobody says anything. Unit: KiB of resident memory that one
//! connection added to the server, once the server has come to rest. Needs a server started for this run.

use super::{Bench, Figures, available, close_all};
use crate::measure::{resident_kib, settle};
use anyhow::Result;
use std::time::{Duration, Instant};

/// Sign-ins before the first look, so that code and pools that the first user brings in are not counted.
const WARM_UP: usize = 50;

pub async fn run(bench: &Bench<'_>, tls: bool) -> Result<Figures> {
    let warm = &bench.accounts[..WARM_UP.min(bench.accounts.len())];
    close_all(available(&bench.target, warm, tls).await?).await?;
    settle(bench.pid, Duration::from_secs(20)).await?;
    let before = resident_kib(bench.pid)?;

    let meter = bench.meter()?;
    let begin = Instant::now();
    let sessions = available(&bench.target, &bench.accounts, tls).await?;
    let connected = begin.elapsed();
    let settled = settle(bench.pid, Duration::from_secs(90)).await?;
    let after = resident_kib(bench.pid)?;
    let usage = meter.stop()?;

    let count = sessions.len() as u64;
    let each = after.saturating_sub(before) as f64 / count as f64;
    close_all(sessions).await?;
    let mut figures = Figures::of_work(usage, count, &mut []);
    (figures.raw, figures.corrected) = (each, each);
    figures.per_second = count as f64 / connected.as_secs_f64();
    Ok(figures.note("resident KiB before", before as f64).note("seconds to rest", settled.as_secs_f64()))
}

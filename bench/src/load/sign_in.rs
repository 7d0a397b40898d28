//! Sign-in: connect with TLS, SCRAM, bind, close the stream again. Unit: one session made and closed.

use super::{Bench, Figures, each};
use crate::client::Session;
use anyhow::Result;
use std::time::{Duration, Instant};

/// Sign-ins in progress at any time: enough to keep a server busy that takes 100 ms to answer the end of a stream, as
/// ejabberd does.
const AT_ONCE: usize = 64;

pub async fn run(bench: &Bench<'_>) -> Result<Figures> {
    // Everybody once before the clock starts: the client derives its SCRAM keys.
    round(bench, Duration::ZERO).await?;
    let meter = bench.meter()?;
    let mut latencies = round(bench, bench.span).await?;
    let usage = meter.stop()?;
    Ok(Figures::of_work(usage, latencies.len() as u64, &mut latencies))
}

/// Each of [`AT_ONCE`] workers signs its own users in one after the other: all of them once, and then on until `span`
/// is over. Returns the seconds to the bound session of each.
async fn round(bench: &Bench<'_>, span: Duration) -> Result<Vec<f64>> {
    let until = Instant::now() + span;
    let workers: Vec<usize> = (0..AT_ONCE.min(bench.accounts.len())).collect();
    let all = each(workers, AT_ONCE, |worker, _| {
        let (target, accounts) = (bench.target.clone(), bench.accounts.clone());
        async move {
            let mut latencies = Vec::new();
            loop {
                for account in accounts.iter().skip(worker).step_by(AT_ONCE) {
                    let begin = Instant::now();
                    let session = Session::sign_in(&target, account, true).await?;
                    latencies.push(begin.elapsed().as_secs_f64());
                    session.close(|_| Ok(())).await?;
                    if !span.is_zero() && Instant::now() >= until {
                        return Ok(latencies);
                    }
                }
                if span.is_zero() {
                    return Ok(latencies);
                }
            }
        }
    })
    .await?;
    Ok(all.concat())
}

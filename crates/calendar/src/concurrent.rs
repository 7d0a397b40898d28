//! A bounded number of requests at a time.

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::task::JoinSet;

/// Runs `work` for every item, at most `limit` at once; results in the order of the items. After a result for which `last` holds
/// no further item is begun; these yield `None`, as does an item whose task died (a bug, seen in the log as a panic). Dropping the
/// future stops everything.
pub async fn map<T, R, F, W>(items: Vec<T>, limit: usize, last: impl Fn(&R) -> bool, work: F) -> Vec<Option<R>>
where
    F: Fn(T) -> W,
    W: Future<Output = R> + Send + 'static,
    R: Send + 'static,
{
    let mut out: Vec<Option<R>> = Vec::new();
    out.resize_with(items.len(), || None);
    let mut waiting = items.into_iter().enumerate();
    let mut running = JoinSet::new();
    let mut ended = false;
    loop {
        while !ended
            && running.len() < limit
            && let Some((index, item)) = waiting.next()
        {
            let future = work(item);
            running.spawn(async move { (index, future.await) });
        }
        match running.join_next().await {
            Some(Ok((index, result))) => {
                ended |= last(&result);
                out[index] = Some(result);
            }
            Some(Err(_)) => {}
            None => return out,
        }
    }
}

/// Failures in a row after which nobody is asked any more.
const MAX_FAILURES: u32 = 4;

/// Counts failures in a row of one round, so that a dead server does not cost one time-out per user.
#[derive(Default)]
pub struct Patience(AtomicU32);

impl Patience {
    /// Always false: the round goes on.
    pub fn success(&self) -> bool {
        if !self.is_lost() {
            self.0.store(0, Ordering::Relaxed);
        }
        false
    }

    /// True when the round is to end.
    pub fn failure(&self) -> bool {
        self.0.fetch_add(1, Ordering::Relaxed) + 1 >= MAX_FAILURES
    }

    pub fn is_lost(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= MAX_FAILURES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    #[tokio::test]
    async fn order_is_kept_and_the_limit_holds() {
        let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let results = map(
            (0..20usize).collect(),
            3,
            |_| false,
            |i| {
                let (now, most) = (Arc::clone(&now), Arc::clone(&most));
                async move {
                    most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                    now.fetch_sub(1, Ordering::SeqCst);
                    i * 2
                }
            },
        )
        .await;
        assert_eq!(results, (0..20).map(|i| Some(i * 2)).collect::<Vec<_>>());
        assert_eq!(most.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn nothing_is_begun_after_the_last() {
        let results = map((0..20usize).collect(), 1, |i| *i == 4, |i| async move { i }).await;
        assert_eq!(results.iter().flatten().count(), 5);
    }
}

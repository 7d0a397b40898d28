//! Presence fan-out: everybody changes their status in rounds, every contact must see every change exactly once. Unit:
//! one presence delivered to one contact.

use super::{Bench, Figures, available, each, ring};
use crate::client::{Kind, PATIENCE, Session};
use crate::measure::{Usage, settle};
use crate::people;
use crate::xml::{self, Piece};
use anyhow::{Context, Result, ensure};
use std::collections::HashMap;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, watch};

/// Changes of each user between two looks at the clock.
const ROUNDS: u64 = 3;

/// What the tasks of all users share.
struct Shared {
    begin: Instant,
    /// Microseconds since `begin` at which each user sent the current round's change.
    sent_at: Vec<AtomicU64>,
    delivered: AtomicU64,
    wanted: AtomicU64,
    whole: Notify,
}

pub async fn run(bench: &Bench<'_>) -> Result<Figures> {
    let (users, contacts) = (bench.accounts.len(), bench.contacts);
    let sessions = available(&bench.target, &bench.accounts, true).await?;
    settle(bench.pid, Duration::from_secs(30)).await?;
    let shared = Arc::new(Shared {
        begin: Instant::now(),
        sent_at: (0..users).map(|_| AtomicU64::new(0)).collect(),
        delivered: AtomicU64::new(0),
        wanted: AtomicU64::new(0),
        whole: Notify::new(),
    });
    let (round, rounds) = watch::channel(0);
    let each_round = (users * contacts) as u64;
    let crowd = tokio::spawn(each(sessions, users, {
        let shared = shared.clone();
        move |session, i| Watcher::new(session, i, ring(i, users, contacts)).run(shared.clone(), rounds.clone())
    }));
    // The first round warms up.
    let driven = async {
        next_round(&shared, &round, each_round).await?;
        let (meter, begin) = (bench.meter()?, Instant::now());
        for _ in 0..ROUNDS {
            next_round(&shared, &round, each_round).await?;
        }
        let wall = begin.elapsed().as_secs_f64();
        settle(bench.pid, Duration::from_secs(5)).await?;
        anyhow::Ok(Usage { wall, ..meter.stop()? })
    };
    tokio::pin!(crowd);
    let usage = tokio::select! {
        usage = driven => usage?,
        early = &mut crowd => anyhow::bail!("somebody left: {:?}", early?.err()),
    };
    drop(round);
    let mut latencies = crowd.await??.concat();
    ensure!(latencies.len() as u64 == each_round * (ROUNDS + 1), "{} deliveries", latencies.len());
    let updates = shared.wanted.load(Ordering::SeqCst) - each_round;
    Ok(Figures::of_work(usage, updates, &mut latencies))
}

async fn next_round(shared: &Shared, round: &watch::Sender<u64>, deliveries: u64) -> Result<()> {
    let wanted = shared.wanted.fetch_add(deliveries, Ordering::SeqCst) + deliveries;
    let whole = shared.whole.notified();
    round.send_modify(|r| *r += 1);
    let done = tokio::time::timeout(PATIENCE, whole).await;
    let seen = shared.delivered.load(Ordering::SeqCst);
    done.with_context(|| format!("{seen} of {wanted} presences delivered"))?;
    Ok(())
}

struct Watcher {
    session: Session,
    number: usize,
    /// Contact → last round seen.
    seen: HashMap<usize, u64>,
    latencies: Vec<f64>,
}

impl Watcher {
    fn new(session: Session, number: usize, contacts: impl Iterator<Item = usize>) -> Watcher {
        Watcher { session, number, seen: contacts.map(|c| (c, 0)).collect(), latencies: Vec::new() }
    }

    /// Until the rounds are over (their sender is dropped).
    async fn run(mut self, shared: Arc<Shared>, mut rounds: watch::Receiver<u64>) -> Result<Vec<f64>> {
        loop {
            self.take(&shared)?;
            tokio::select! {
                filled = self.session.fill() => filled?,
                changed = rounds.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    let round = *rounds.borrow_and_update();
                    shared.sent_at[self.number].store(shared.begin.elapsed().as_micros() as u64, Ordering::SeqCst);
                    write!(self.session.out, "<presence><status>{round}</status></presence>")?;
                    self.session.flush().await?;
                }
            }
        }
        // Contacts go offline meanwhile; a change that comes now comes a second time.
        let none = |element: &[u8]| {
            ensure!(Kind::of(element) != Kind::Presence || is_unavailable(element), "late: {}", xml::shown(element));
            Ok(())
        };
        self.session.close(none).await?;
        Ok(self.latencies)
    }

    fn take(&mut self, shared: &Shared) -> Result<()> {
        while let Some(piece) = self.session.splitter.next()? {
            let Piece::Element(element) = piece else { anyhow::bail!("the stream of {} ended", self.session.jid) };
            if Kind::of(element) != Kind::Presence || is_unavailable(element) {
                continue;
            }
            let Some(round) = xml::text(element, "status").and_then(|s| std::str::from_utf8(s).ok()?.parse::<u64>().ok()) else {
                // Initial presence.
                continue;
            };
            let from = xml::attr(element, "from").and_then(people::number).context("presence from nobody")?;
            if from == self.number {
                continue;
            }
            let last = self.seen.get_mut(&from).with_context(|| format!("u{from} is no contact of {}", self.session.jid))?;
            ensure!(round == *last + 1, "change {round} of u{from} after {last} at {}", self.session.jid);
            *last = round;
            let sent = shared.sent_at[from].load(Ordering::SeqCst);
            self.latencies.push((shared.begin.elapsed().as_micros() as u64).saturating_sub(sent) as f64 * 1e-6);
            if shared.delivered.fetch_add(1, Ordering::SeqCst) + 1 == shared.wanted.load(Ordering::SeqCst) {
                shared.whole.notify_waiters();
            }
        }
        Ok(())
    }
}

fn is_unavailable(element: &[u8]) -> bool {
    xml::attr(element, "type") == Some(b"unavailable")
}

//! Nine o'clock: everybody signs in over TLS, asks for the roster, becomes available and sees all contacts. Unit: one
//! user fully online. The work that the server still does after the last contact was seen counts too.

use super::{Bench, Figures, each, ring};
use crate::client::{Account, Kind, PATIENCE, Session, Target};
use crate::measure::settle;
use crate::people;
use crate::xml::{self, Piece};
use anyhow::{Context, Result, ensure};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, watch};

/// Sign-ins in progress at any time; those online wait for their contacts besides.
const AT_ONCE: usize = 100;

pub async fn run(bench: &Bench<'_>) -> Result<Figures> {
    let (users, contacts) = (bench.accounts.len(), bench.contacts);
    let gate = Arc::new(Semaphore::new(AT_ONCE));
    let (online, mut onlines) = watch::channel(0usize);
    let (over, end) = watch::channel(false);
    let online = Arc::new(online);
    let meter = bench.meter()?;
    let begin = Instant::now();
    let crowd = tokio::spawn(each(bench.accounts.clone(), users, {
        let target = bench.target.clone();
        move |account, i| {
            let (target, gate, online, end) = (target.clone(), gate.clone(), online.clone(), end.clone());
            let wanted = ring(i, users, contacts).collect();
            async move {
                let mut user = Arrival::sign_in(&target, &account, wanted, &gate).await?;
                user.see_all().await?;
                let took = begin.elapsed().as_secs_f64();
                online.send_modify(|n| *n += 1);
                Ok((took, user.stay(end).await?))
            }
        }
    }));
    tokio::pin!(crowd);
    tokio::select! {
        all = tokio::time::timeout(PATIENCE * 4, onlines.wait_for(|n| *n == users)) => { all.context("not everybody came online")??; }
        early = &mut crowd => anyhow::bail!("somebody failed: {:?}", early?.err()),
    }
    let wall = begin.elapsed().as_secs_f64();
    let rest = settle(bench.pid, Duration::from_secs(60)).await?;
    let usage = meter.stop()?;
    over.send_replace(true);
    let (mut times, presences): (Vec<f64>, Vec<usize>) = crowd.await??.into_iter().unzip();
    settle(bench.pid, Duration::from_secs(60)).await?;
    let mut figures = Figures::of_work(usage, users as u64, &mut times);
    figures.per_second = users as f64 / wall;
    let each_user = presences.iter().sum::<usize>() as f64 / users as f64;
    Ok(figures.note("presences received per user", each_user).note("seconds to rest", rest.as_secs_f64()))
}

struct Arrival {
    session: Session,
    /// Contacts not seen yet.
    wanted: HashSet<usize>,
    contacts: usize,
    roster: bool,
    /// Presences of contacts received, repeated ones too.
    presences: usize,
}

impl Arrival {
    async fn sign_in(target: &Target, account: &Account, wanted: HashSet<usize>, gate: &Semaphore) -> Result<Arrival> {
        let turn = gate.acquire().await?;
        let mut session = Session::sign_in(target, account, true).await?;
        drop(turn);
        session.out.extend_from_slice(b"<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq><presence/>");
        session.flush().await?;
        Ok(Arrival { session, contacts: wanted.len(), wanted, roster: false, presences: 0 })
    }

    async fn see_all(&mut self) -> Result<()> {
        while !(self.roster && self.wanted.is_empty()) {
            let filled = tokio::time::timeout(PATIENCE * 4, self.session.fill()).await;
            filled.with_context(|| format!("{} waits for {} contacts", self.session.jid, self.wanted.len()))??;
            self.take()?;
        }
        Ok(())
    }

    /// Reads on until the storm is over, then leaves. Returns how many presences of contacts came.
    async fn stay(mut self, mut end: watch::Receiver<bool>) -> Result<usize> {
        loop {
            tokio::select! {
                over = end.wait_for(|over| *over) => { over?; break; }
                filled = self.session.fill() => { filled?; self.take()?; }
            }
        }
        self.session.close(|_| Ok(())).await?;
        Ok(self.presences)
    }

    fn take(&mut self) -> Result<()> {
        while let Some(piece) = self.session.splitter.next()? {
            let Piece::Element(element) = piece else { anyhow::bail!("the stream of {} ended", self.session.jid) };
            match Kind::of(element) {
                Kind::Iq if xml::attr(element, "id") == Some(b"roster") => {
                    let items = memchr::memmem::find_iter(element, b"<item").count();
                    ensure!(items == self.contacts, "{items} of {} contacts: {}", self.contacts, xml::shown(element));
                    self.roster = true;
                }
                Kind::Presence if xml::attr(element, "type").is_none() => {
                    let from = xml::attr(element, "from").context("presence from nobody")?;
                    if from != self.session.jid.as_bytes() {
                        self.presences += 1;
                        self.wanted.remove(&people::number(from).context("presence from a stranger")?);
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

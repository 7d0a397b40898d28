//! One-to-one chat: each pair's sender keeps a window of messages on their way to the receiver. Unit: one message
//! delivered. Each message must arrive exactly once and in order, with the sender's full JID.

use super::{Bench, Figures, available, each};
use crate::client::{Kind, PATIENCE, RESOURCE, Session};
use crate::people;
use crate::xml::{self, Piece};
use anyhow::{Context, Result, ensure};
use std::collections::VecDeque;
use std::io::Write as _;
use std::time::{Duration, Instant};

/// How pairs chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    pub tls: bool,
    /// Messages on their way per pair.
    pub window: u64,
    /// Both sides use stream management; all acknowledgements must come before the run ends.
    pub managed: bool,
    /// A message counts as on its way until it is acknowledged to its sender too.
    pub until_acked: bool,
}

/// Bytes of a message's body.
const BODY_BYTES: usize = 100;

pub async fn run(bench: &Bench<'_>, style: Style) -> Result<Figures> {
    let lanes = open(bench, style).await?;
    let far = u64::MAX;
    let mut lanes = go(lanes, bench.span / 5, far).await?;
    let warm_up: u64 = lanes.iter().map(|l| l.delivered).sum();
    lanes.iter_mut().for_each(|l| l.latencies.clear());
    let meter = bench.meter()?;
    let mut lanes = go(lanes, bench.span, far).await?;
    let usage = meter.stop()?;
    let units = lanes.iter().map(|l| l.delivered).sum::<u64>() - warm_up;
    let mut latencies = lanes.iter_mut().flat_map(|l| l.latencies.drain(..)).map(f64::from).collect::<Vec<_>>();
    close(lanes).await?;
    Ok(Figures::of_work(usage, units, &mut latencies))
}

/// Sends `messages` from each even user to the odd one after it.
pub async fn fill(bench: &Bench<'_>, style: Style, messages: u64) -> Result<()> {
    let lanes = open(bench, style).await?;
    close(go(lanes, PATIENCE, messages).await?).await
}

async fn open(bench: &Bench<'_>, style: Style) -> Result<Vec<Lane>> {
    let mut sessions = available(&bench.target, &bench.accounts, style.tls).await?;
    if style.managed {
        sessions = each(sessions, 32, |mut session, _| async move {
            session.enable_management().await?;
            Ok(session)
        })
        .await?;
    }
    let mut lanes = Vec::new();
    let mut rest = sessions.into_iter();
    while let (Some(a), Some(b)) = (rest.next(), rest.next()) {
        lanes.push(Lane::new(a, b, style));
    }
    Ok(lanes)
}

async fn go(lanes: Vec<Lane>, span: Duration, most: u64) -> Result<Vec<Lane>> {
    let (count, until) = (lanes.len(), Instant::now() + span);
    each(lanes, count, |mut lane, _| async move {
        let limit = until.saturating_duration_since(Instant::now()) + PATIENCE;
        let done = tokio::time::timeout(limit, lane.run(until, most)).await;
        done.context("no progress").flatten().with_context(|| lane.state())?;
        Ok(lane)
    })
    .await
}

async fn close(lanes: Vec<Lane>) -> Result<()> {
    each(lanes, 64, |lane, _| async move {
        let nothing_more = |element: &[u8]| {
            ensure!(Kind::of(element) != Kind::Message, "a message too many: {}", xml::shown(element));
            Ok(())
        };
        lane.a.close(nothing_more).await?;
        lane.b.close(nothing_more).await
    })
    .await
    .map(drop)
}

/// One pair, driven by one task.
struct Lane {
    a: Session,
    b: Session,
    style: Style,
    sent: u64,
    delivered: u64,
    acked: u64,
    /// An `<r/>` is not answered yet.
    asked: bool,
    /// When the messages on their way were sent.
    times: VecDeque<Instant>,
    /// Seconds.
    latencies: Vec<f32>,
}

impl Lane {
    fn new(a: Session, b: Session, style: Style) -> Lane {
        let (times, latencies) = (VecDeque::new(), Vec::new());
        Lane { a, b, style, sent: 0, delivered: 0, acked: 0, asked: false, times, latencies }
    }

    fn state(&self) -> String {
        format!("{}: {} sent, {} delivered, {} acknowledged", self.a.jid, self.sent, self.delivered, self.acked)
    }

    /// Sends until `until` or until `most` messages were sent, then waits for what is on its way.
    async fn run(&mut self, until: Instant, most: u64) -> Result<()> {
        let last = self.sent.saturating_add(most);
        loop {
            let open = self.sent < last && Instant::now() < until;
            if open {
                self.top_up(last)?;
            }
            let all_acked = !self.style.managed || self.acked == self.sent;
            if !open && self.delivered == self.sent && all_acked {
                return Ok(());
            }
            self.ask(open);
            self.a.flush().await?;
            tokio::select! {
                filled = self.b.fill() => { filled?; self.receive()?; self.b.flush().await?; }
                filled = self.a.fill() => { filled?; self.hear()?; }
            }
        }
    }

    fn settled(&self) -> u64 {
        if self.style.until_acked { self.delivered.min(self.acked) } else { self.delivered }
    }

    fn top_up(&mut self, last: u64) -> Result<()> {
        let end = last.min(self.settled() + self.style.window);
        let now = Instant::now();
        while self.sent < end {
            write!(
                self.a.out,
                "<message to='{}' type='chat' id='m{}'><body>{:010} {:.<width$}</body></message>",
                self.b.jid,
                self.sent,
                self.sent,
                "Shall we meet at noon?",
                width = BODY_BYTES - 11
            )?;
            self.times.push_back(now);
            self.sent += 1;
        }
        Ok(())
    }

    /// Asks for an acknowledgement when half a window waits for one, or when nothing more will be sent.
    fn ask(&mut self, open: bool) {
        let enough = if open { (self.style.window / 2).max(1) } else { 1 };
        if self.style.managed && !self.asked && self.sent - self.acked >= enough {
            self.a.out.extend_from_slice(b"<r xmlns='urn:xmpp:sm:3'/>");
            self.asked = true;
        }
    }

    /// What came to the receiver.
    fn receive(&mut self) -> Result<()> {
        let now = Instant::now();
        while let Some(piece) = self.b.splitter.next()? {
            let Piece::Element(element) = piece else { anyhow::bail!("the stream of {} ended", self.b.jid) };
            match Kind::of(element) {
                Kind::Message => {
                    check(element, &self.a.jid, self.delivered)?;
                    self.delivered += 1;
                    self.b.inbound = self.b.inbound.wrapping_add(1);
                    let sent = self.times.pop_front().context("a message that was not sent")?;
                    self.latencies.push((now - sent).as_secs_f32());
                }
                Kind::Presence | Kind::Iq => self.b.inbound = self.b.inbound.wrapping_add(1),
                Kind::AckRequest => write!(self.b.out, "<a xmlns='urn:xmpp:sm:3' h='{}'/>", self.b.inbound)?,
                Kind::Ack => {}
                Kind::Other => anyhow::bail!("unexpected: {}", xml::shown(element)),
            }
        }
        Ok(())
    }

    /// What came to the sender.
    fn hear(&mut self) -> Result<()> {
        while let Some(piece) = self.a.splitter.next()? {
            let Piece::Element(element) = piece else { anyhow::bail!("the stream of {} ended", self.a.jid) };
            match Kind::of(element) {
                Kind::Ack => {
                    let h = xml::attr(element, "h").and_then(|h| std::str::from_utf8(h).ok()?.parse::<u64>().ok());
                    let h = h.context("an acknowledgement without a number")?;
                    ensure!(h >= self.acked && h <= self.sent, "acknowledged {h}: {}", self.state());
                    self.acked = h;
                    self.asked = false;
                }
                Kind::Presence | Kind::Iq => self.a.inbound = self.a.inbound.wrapping_add(1),
                Kind::AckRequest => write!(self.a.out, "<a xmlns='urn:xmpp:sm:3' h='{}'/>", self.a.inbound)?,
                Kind::Message | Kind::Other => anyhow::bail!("unexpected: {}", xml::shown(element)),
            }
        }
        Ok(())
    }
}

/// The number in the body of a message made here.
pub fn sequence(element: &[u8]) -> Option<u64> {
    std::str::from_utf8(xml::text(element, "body")?.get(..10)?).ok()?.parse().ok()
}

fn check(element: &[u8], from: &str, expected: u64) -> Result<()> {
    let right = xml::attr(element, "from") == Some(from.as_bytes())
        && xml::attr(element, "type") == Some(b"chat")
        && sequence(element) == Some(expected);
    ensure!(right, "message {expected} of {from} expected, came {}", xml::shown(element));
    Ok(())
}

/// Full JID of user number `i`.
pub fn full_jid(i: usize, domain: &str) -> String {
    format!("{}@{domain}/{RESOURCE}", people::name(i))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_checked_for_order_sender_and_kind() {
        let good =
            b"<message from='u00000@d/bench' to='u00001@d/bench' type='chat' id='m7'><body>0000000007 Shall</body></message>";
        assert!(check(good, "u00000@d/bench", 7).is_ok());
        assert!(check(good, "u00000@d/bench", 8).is_err());
        assert!(check(good, "u00002@d/bench", 7).is_err());
        let error = String::from_utf8_lossy(good).replace("'chat'", "'error'");
        assert!(check(error.as_bytes(), "u00000@d/bench", 7).is_err());
    }
}

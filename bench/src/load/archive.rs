//! Reading the archive (XEP-0313): receivers page through all their messages, 50 at a time (XEP-0059). Unit: one page.
//! Each page must be whole and in order, and the last one must say that it is the last.

use super::chat::{self, Style};
use super::{Bench, Figures, available, close_all, each};
use crate::client::{Kind, Session};
use crate::xml;
use anyhow::{Context, Result, ensure};
use std::io::Write as _;
use std::time::Instant;

/// Messages in the archive of each reader.
const MESSAGES: u64 = 500;
const PAGE: u64 = 50;
/// How often each reader reads it all.
const PASSES: usize = 3;

/// Fills the archives; once per server.
pub async fn prepare(bench: &Bench<'_>) -> Result<()> {
    chat::fill(bench, Style { tls: true, window: 8, managed: true, until_acked: true }, MESSAGES).await
}

pub async fn run(bench: &Bench<'_>) -> Result<Figures> {
    let receivers: Vec<_> = bench.accounts.iter().skip(1).step_by(2).cloned().collect();
    let sessions = available(&bench.target, &receivers, true).await?;
    let count = sessions.len();
    let meter = bench.meter()?;
    let domain = bench.target.domain.clone();
    let read = each(sessions, count, |mut session, i| {
        let sender = chat::full_jid(2 * i, &domain);
        async move {
            let mut latencies = Vec::new();
            for _ in 0..PASSES {
                read_all(&mut session, &sender, &mut latencies).await?;
            }
            Ok((session, latencies))
        }
    })
    .await?;
    let usage = meter.stop()?;
    let (sessions, latencies): (Vec<_>, Vec<_>) = read.into_iter().unzip();
    close_all(sessions).await?;
    let mut latencies = latencies.concat();
    Ok(Figures::of_work(usage, latencies.len() as u64, &mut latencies))
}

async fn read_all(session: &mut Session, sender: &str, latencies: &mut Vec<f64>) -> Result<()> {
    let mut after = String::new();
    for page in 0..MESSAGES / PAGE {
        write!(
            session.out,
            "<iq type='set' id='p{page}'><query xmlns='urn:xmpp:mam:2' queryid='q{page}'>\
             <set xmlns='http://jabber.org/protocol/rsm'><max>{PAGE}</max>{after}</set></query></iq>"
        )?;
        let begin = Instant::now();
        session.flush().await?;
        let fin = read_page(session, sender, page * PAGE).await?;
        latencies.push(begin.elapsed().as_secs_f64());
        ensure!(
            xml::attr(&fin, "type") == Some(b"result") && xml::find_tag(&fin, "fin").is_some(),
            "page {page}: {}",
            xml::shown(&fin)
        );
        let last = xml::text(&fin, "last").with_context(|| format!("page {page} names no last: {}", xml::shown(&fin)))?;
        after = format!("<after>{}</after>", String::from_utf8_lossy(last));
        let at = xml::find_tag(&fin, "fin").context("no fin")?;
        let complete = xml::attr(&fin[at..], "complete") == Some(b"true");
        ensure!(complete == (page + 1 == MESSAGES / PAGE), "page {page}: {}", xml::shown(&fin));
    }
    Ok(())
}

/// Reads the results of one page, which begins with message number `first`, and returns the final answer.
async fn read_page(session: &mut Session, sender: &str, first: u64) -> Result<Vec<u8>> {
    let mut next = first;
    loop {
        let element = session.element().await?;
        match Kind::of(&element) {
            Kind::Message if xml::find_tag(&element, "result").is_some() => {
                let inner = xml::find_tag(&element, "forwarded").and_then(|at| inner_message(&element[at..]));
                let inner = inner.with_context(|| format!("no message in {}", xml::shown(&element)))?;
                let right = chat::sequence(inner) == Some(next) && xml::attr(inner, "from") == Some(sender.as_bytes());
                ensure!(right, "message {next} of {sender} expected, came {}", xml::shown(&element));
                next += 1;
            }
            Kind::Iq => {
                ensure!(next == first + PAGE, "{} of {PAGE} messages: {}", next - first, xml::shown(&element));
                return Ok(element);
            }
            _ => {}
        }
    }
}

fn inner_message(forwarded: &[u8]) -> Option<&[u8]> {
    Some(&forwarded[xml::find_tag(forwarded, "message")?..])
}

//! Spans of what the node does for administrators and in the background, kept until they go to the collector
//! ([`super::traces`]).
//!
//! A request that is part of a trace already (W3C Trace Context, `traceparent`) belongs to it, and is kept if that trace is;
//! of the others the setting `telemetry.traces_percent` says how many. A span holds a route, never a path; a role, never a
//! name; no body and no token.

use crate::app::App;
use std::collections::VecDeque;
use std::fmt::{Display, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;
use zaiseki_model::Timestamp;
use zaiseki_model::limits::{SPANS_PER_BATCH, SPANS_WAITING};

/// What kind of work (`SpanKind` of OTLP).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    Internal = 1,
    /// A request that is answered here.
    Server = 2,
    /// A request to a server elsewhere.
    Client = 3,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attribute {
    Text(String),
    Number(i64),
    Bool(bool),
}

/// Where a span belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    trace: [u8; 16],
    span: [u8; 8],
    sampled: bool,
}

impl Parent {
    /// Reads a `traceparent` header (W3C Trace Context §3.2). `None`: it is none, and begins no trace.
    pub fn parse(header: &str) -> Option<Parent> {
        let mut parts = header.trim().split('-');
        let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        // Version 00 ends here; later ones may go on, and 255 is none.
        if version == "ff" || unhex::<1>(version)? == [0] && parts.next().is_some() {
            return None;
        }
        let (trace, span, [flags]) = (unhex::<16>(trace)?, unhex::<8>(span)?, unhex::<1>(flags)?);
        (trace != [0; 16] && span != [0; 8]).then_some(Parent { trace, span, sampled: flags & 1 == 1 })
    }
}

/// Lower case only, as the specification has it.
fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let bytes = text.as_bytes();
    if bytes.len() != 2 * N {
        return None;
    }
    let mut out = [0; N];
    for (place, pair) in out.iter_mut().zip(bytes.chunks_exact(2)) {
        *place = (digit(*pair.first()?)? << 4) | digit(*pair.get(1)?)?;
    }
    Some(out)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A span that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    pub trace: [u8; 16],
    pub id: [u8; 8],
    pub parent: Option<[u8; 8]>,
    pub name: String,
    pub kind: SpanKind,
    pub start: Timestamp,
    pub end: Timestamp,
    pub attributes: Vec<(&'static str, Attribute)>,
    pub failed: bool,
}

/// A span of work under way. It ends when it is dropped.
pub struct Open {
    app: App,
    began: Instant,
    span: Span,
}

impl Open {
    pub fn text(&mut self, key: &'static str, value: impl Display) {
        self.span.attributes.push((key, Attribute::Text(value.to_string())));
    }

    pub fn number(&mut self, key: &'static str, value: usize) {
        self.span.attributes.push((key, Attribute::Number(i64::try_from(value).unwrap_or(i64::MAX))));
    }

    pub fn bool(&mut self, key: &'static str, value: bool) {
        self.span.attributes.push((key, Attribute::Bool(value)));
    }

    pub fn failed(&mut self, failed: bool) {
        self.span.failed = failed;
    }

    /// For spans of parts of this work.
    pub fn context(&self) -> Parent {
        Parent { trace: self.span.trace, span: self.span.id, sampled: true }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.span.end = self.span.start + self.began.elapsed();
        self.app.spans().keep(self.span.clone());
    }
}

/// Begins a span; `None` when it is not to be kept.
pub fn begin(app: &App, name: impl Into<String>, kind: SpanKind, parent: Option<Parent>) -> Option<Open> {
    if !app.spans().on.load(Ordering::Relaxed) {
        return None;
    }
    let mut random = [0; 24];
    // Without random numbers there is no trace, and the work goes on.
    aws_lc_rs::rand::fill(&mut random).ok()?;
    let (trace, id) = random.split_at(16);
    let (fresh, id) = (trace.try_into().ok()?, id.try_into().ok()?);
    let percent = app.settings_sender().borrow().telemetry.traces_percent;
    let (trace, sampled) = match parent {
        Some(parent) => (parent.trace, percent > 0 && parent.sampled),
        None => (fresh, chosen(fresh, percent)),
    };
    let start = Timestamp::now();
    let parent = parent.map(|parent| parent.span);
    let span = Span { trace, id, parent, name: name.into(), kind, start, end: start, attributes: Vec::new(), failed: false };
    sampled.then(|| Open { app: app.clone(), began: Instant::now(), span })
}

/// Whether a new trace is among the so many of a hundred: by its number, which is random.
fn chosen(trace: [u8; 16], percent: u32) -> bool {
    let (_, low) = trace.split_at(8);
    let low = low.iter().fold(0_u64, |number, byte| (number << 8) | u64::from(*byte));
    u128::from(low) * 100 < u128::from(percent) << 64
}

/// The spans that wait for the collector.
#[derive(Default)]
pub struct Spans {
    /// Whether anybody wants them.
    on: AtomicBool,
    queue: Mutex<VecDeque<Span>>,
    batch: Notify,
    sent: AtomicU64,
    dropped: AtomicU64,
}

impl Spans {
    /// Whether spans are made from now on; what waits goes when they are not.
    pub fn switch(&self, on: bool) {
        self.on.store(on, Ordering::Relaxed);
        if !on {
            self.lock().clear();
        }
    }

    /// Up to so many, the oldest first.
    pub fn take(&self, most: usize) -> Vec<Span> {
        let mut queue = self.lock();
        let count = most.min(queue.len());
        queue.drain(..count).collect()
    }

    /// One past the limit is dropped and counted: whoever works does not wait.
    fn keep(&self, span: Span) {
        let mut queue = self.lock();
        if queue.len() >= SPANS_WAITING {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        queue.push_back(span);
        if queue.len() >= SPANS_PER_BATCH {
            self.batch.notify_one();
        }
    }

    /// Until there is a full batch.
    pub(super) async fn full(&self) {
        self.batch.notified().await;
    }

    pub(super) fn count_sent(&self, spans: usize) {
        self.sent.fetch_add(spans as u64, Ordering::Relaxed);
    }

    pub(super) fn count_dropped(&self, spans: usize) {
        self.dropped.fetch_add(spans as u64, Ordering::Relaxed);
    }

    /// Sent, and dropped.
    pub fn counts(&self) -> (u64, u64) {
        (self.sent.load(Ordering::Relaxed), self.dropped.load(Ordering::Relaxed))
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Span>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "spans_tests.rs"]
mod tests;

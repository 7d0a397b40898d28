//! Cuts a byte stream into XML frames: the stream header, stanzas, the closing tag.

use super::XmlError;
use super::chars::{SPACE, has};
pub use super::head::{AttrSpan, Child, ChildSpan, Head, NsSpan, Span, Stanza, push_raw_attr};
use super::header::{self, Unusual};
use super::scan::{Place, Scan, Sink};
use super::scope::{Opened, Outside, Resolved, local_of};
use super::slow;
use super::tag::{Name, Stop, end_tag};
use bytes::Bytes;
use std::sync::Arc;

/// What one element may cost. Exactly the limit is allowed, one more is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes from `<` to `>` of one frame. At most 1 GiB counts.
    pub stanza_bytes: usize,
    /// Nested elements; the frame's own counts as one.
    pub depth: usize,
    /// Attributes of one element, namespace declarations included.
    pub attributes: usize,
    /// Bytes of a qualified name, and of a namespace's name.
    pub name_bytes: usize,
}

impl Default for Limits {
    /// Generous: for bytes that come from ourselves.
    fn default() -> Self {
        Limits { stanza_bytes: 16 << 20, depth: 256, attributes: 256, name_bytes: 1024 }
    }
}

/// Spans have 32 bits; this leaves room.
const MAX_STANZA_BYTES: usize = 1 << 30;

/// What the bytes are a sequence of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// RFC 6120 §4: a stream header, then stanzas, then the end tag.
    Stream,
    /// Every frame is one complete element, with an XML declaration or without: WebSocket messages (RFC 7395), BOSH bodies.
    /// Unprefixed elements without `xmlns` are taken to be in `jabber:client`.
    Document,
}

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameKind {
    /// The start tag of a stream.
    Header,
    /// A complete element.
    Stanza,
    /// The end tag of a stream.
    Close,
}

/// One frame found in a buffer.
#[derive(Clone, Debug)]
pub struct Frame {
    pub kind: FrameKind,
    /// The `<` in the buffer, after white space and XML declaration.
    pub start: usize,
    /// Consume the buffer up to here.
    pub end: usize,
    /// Spans relative to `start`. Empty for [`FrameKind::Close`].
    pub head: Arc<Head>,
}

impl Frame {
    /// The view over the frame; `buf` is the buffer it was found in.
    pub fn stanza(self, buf: &[u8]) -> Stanza {
        let bytes = match self.head.rewritten {
            Some(_) => Bytes::new(),
            None => Bytes::copy_from_slice(&buf[self.start..self.end]),
        };
        Stanza::new(bytes, self.head)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Header,
    Content,
    Closed,
}

/// Finds frames. Idle, it holds a few dozen bytes and no heap (unless the stream header was an unusual one).
pub struct Framer {
    mode: Mode,
    phase: Phase,
    limits: Limits,
    default: NsSpan,
    stream_prefix: bool,
    unusual: Option<Box<Unusual>>,
    progress: Option<Box<Progress>>,
}

/// A frame of which not all bytes have come.
struct Progress {
    /// Where it begins in the buffer.
    start: usize,
    scan: Scan,
    sink: HeadSink,
}

impl Framer {
    pub fn new(mode: Mode, limits: Limits) -> Self {
        let mut framer = Framer {
            mode,
            phase: Phase::Header,
            limits,
            default: NsSpan::Client,
            stream_prefix: false,
            unusual: None,
            progress: None,
        };
        framer.set_limits(limits);
        framer
    }

    /// Other limits from the next call on.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = Limits { stanza_bytes: limits.stanza_bytes.min(MAX_STANZA_BYTES), ..limits };
    }

    /// Stream restart: a header comes next. Bytes not consumed are looked at afresh.
    pub fn reset(&mut self) {
        *self = Framer::new(self.mode, self.limits);
    }

    /// Bytes of white space at the start of `buf` that may be dropped: a keepalive (RFC 6120 §4.6.1). 0 while a frame
    /// is incomplete, since then nothing may be dropped.
    pub fn skip_whitespace(&mut self, buf: &[u8]) -> usize {
        if self.progress.is_some() { 0 } else { spaces(buf) }
    }

    /// The next frame in `buf`; `None`: more bytes are needed. `buf` holds all bytes not consumed yet and keeps beginning
    /// at the same byte until a frame, or white space, is consumed. What was scanned in an earlier call is not scanned again.
    /// After an error the stream is lost.
    pub fn next(&mut self, buf: &[u8]) -> Result<Option<Frame>, XmlError> {
        if let Some(mut progress) = self.progress.take() {
            let Some(len) = self.advance(&mut progress, buf)? else {
                self.progress = Some(progress);
                return Ok(None);
            };
            let Progress { start, scan, sink } = *progress;
            return self.finish(&buf[start..start + len], start, scan.scope.must_rewrite, sink.head).map(Some);
        }
        let Some(start) = self.begin(buf)? else { return Ok(None) };
        if self.mode == Mode::Stream && self.phase == Phase::Content && buf[start + 1] == b'/' {
            return self.close(buf, start);
        }
        let mut progress = Progress { start, scan: Scan::new(self.expects_header()), sink: HeadSink::default() };
        match self.advance(&mut progress, buf)? {
            Some(len) => {
                let Progress { start, scan, sink } = progress;
                self.finish(&buf[start..start + len], start, scan.scope.must_rewrite, sink.head).map(Some)
            }
            None => {
                self.progress = Some(Box::new(progress));
                Ok(None)
            }
        }
    }

    fn expects_header(&self) -> bool {
        self.mode == Mode::Stream && self.phase == Phase::Header
    }

    /// Where the next frame begins, once enough is there to tell.
    fn begin(&self, buf: &[u8]) -> Result<Option<usize>, XmlError> {
        let start = spaces(buf);
        let incomplete = || if start > self.limits.stanza_bytes { Err(XmlError::TooLong) } else { Ok(None) };
        match buf.get(start) {
            None => return incomplete(),
            Some(_) if self.phase == Phase::Closed => {
                return Err(XmlError::NotWellFormed("bytes after the end of the stream", start));
            }
            Some(b'<') => {}
            // How UTF-16 begins; never a byte of UTF-8.
            Some(0xFE | 0xFF) => return Err(XmlError::BadEncoding),
            Some(_) => return Err(XmlError::NotWellFormed("text outside of an element", start)),
        }
        if buf.len() == start + 1 {
            return incomplete();
        }
        if self.mode == Mode::Stream && self.phase == Phase::Content {
            return Ok(Some(start));
        }
        if buf[start + 1] == 0 {
            return Err(XmlError::BadEncoding);
        }
        match header::skip_declaration(&buf[start..])?.map(|skipped| start + skipped) {
            Some(tag) if tag + 1 < buf.len() && buf[tag] == b'<' => Ok(Some(tag)),
            Some(tag) if tag < buf.len() && buf[tag] != b'<' => Err(XmlError::NotWellFormed("text outside of an element", tag)),
            _ if buf.len() - start > self.limits.stanza_bytes => Err(XmlError::TooLong),
            _ => Ok(None),
        }
    }

    /// Scans on; gives the frame's length once it is complete.
    fn advance(&self, progress: &mut Progress, buf: &[u8]) -> Result<Option<usize>, XmlError> {
        let outside = Outside {
            default: if self.expects_header() { NsSpan::None } else { self.default },
            stream_prefix: self.stream_prefix,
            outer: self.unusual.as_ref().map_or(&[], |u| &u.prefixes),
            canonical: false,
        };
        progress.scan.run(&buf[progress.start..], &self.limits, &outside, &mut progress.sink)
    }

    #[inline]
    fn finish(&mut self, bytes: &[u8], start: usize, must_rewrite: bool, head: Head) -> Result<Frame, XmlError> {
        let end = start + bytes.len();
        if self.expects_header() {
            self.take_header(bytes, &head)?;
            return Ok(Frame { kind: FrameKind::Header, start, end, head: Arc::new(head) });
        }
        let head = if must_rewrite { self.rewrite(bytes)? } else { head };
        Ok(Frame { kind: FrameKind::Stanza, start, end, head: Arc::new(head) })
    }

    fn take_header(&mut self, tag: &[u8], head: &Head) -> Result<(), XmlError> {
        if tag.ends_with(b"/>") {
            return Err(XmlError::NotAStream);
        }
        let declared = header::declarations(tag, head)?;
        self.default = declared.default;
        self.stream_prefix = declared.stream_prefix;
        self.unusual = declared.unusual;
        self.phase = Phase::Content;
        Ok(())
    }

    /// The slow path: the same element in bytes that lean on nothing but the content namespace.
    fn rewrite(&self, bytes: &[u8]) -> Result<Head, XmlError> {
        let (default, prefixes) = match &self.unusual {
            Some(unusual) => (unusual.default.as_str(), unusual.prefixes.as_slice()),
            None => (self.default.inherited_name(), [].as_slice()),
        };
        let inherited = self.default.inherited_name();
        let rewritten = slow::rewrite(bytes, default, prefixes, self.stream_prefix, inherited, self.limits.stanza_bytes)?;
        let outside = Outside { default: self.default, stream_prefix: false, outer: &[], canonical: true };
        let (mut scan, mut sink) = (Scan::new(false), HeadSink::default());
        // Written names have other prefixes and references than those that were counted before.
        let limits = Limits { name_bytes: usize::MAX, attributes: usize::MAX, ..self.limits };
        match scan.run(&rewritten, &limits, &outside, &mut sink)? {
            Some(len) if len == rewritten.len() => {}
            _ => return Err(XmlError::TooLong),
        }
        Ok(Head { rewritten: Some(Bytes::from(rewritten)), ..sink.head })
    }

    fn close(&mut self, buf: &[u8], start: usize) -> Result<Option<Frame>, XmlError> {
        let name = self.unusual.as_ref().map_or(&b"stream:stream"[..], |u| &u.name);
        match end_tag(buf, start, name) {
            Ok(end) => {
                self.phase = Phase::Closed;
                Ok(Some(Frame { kind: FrameKind::Close, start, end, head: Arc::default() }))
            }
            Err(Stop::More) if buf.len() - start >= self.limits.stanza_bytes => Err(XmlError::TooLong),
            Err(Stop::More) => Ok(None),
            Err(Stop::Error(error)) => Err(error),
        }
    }
}

fn spaces(buf: &[u8]) -> usize {
    buf.iter().take_while(|&&b| has(b, SPACE)).count()
}

/// Parses exactly one element (white space around it is allowed), as a frame of [`Mode::Document`].
pub fn frame_one(bytes: &[u8], limits: Limits) -> Result<Frame, XmlError> {
    match Framer::new(Mode::Document, limits).next(bytes)? {
        Some(frame) if spaces(&bytes[frame.end..]) == bytes.len() - frame.end => Ok(frame),
        Some(frame) => Err(XmlError::NotWellFormed("bytes after the element", frame.end)),
        None => Err(XmlError::NotWellFormed("the element is not complete", bytes.len())),
    }
}

/// As [`frame_one`], as a stanza that shares the bytes.
pub fn stanza_from_bytes(bytes: Bytes, limits: Limits) -> Result<Stanza, XmlError> {
    let frame = frame_one(&bytes, limits)?;
    Ok(Stanza::new(bytes.slice(frame.start..frame.end), frame.head))
}

/// Collects the head of a frame.
#[derive(Default)]
struct HeadSink {
    head: Head,
}

impl Sink for HeadSink {
    fn open(&mut self, at: &Place<'_>, name: Name, opened: &Opened, end: usize) {
        let local = local_of(name.span, name.prefix);
        let ns = match opened.ns {
            Resolved::Here(ns) => ns,
            // Such a frame is rewritten, and its head with it.
            Resolved::Outer(_) => NsSpan::None,
        };
        match at.depth {
            0 => {
                self.head.name = local;
                self.head.ns = ns;
                self.head.attrs.clone_from(at.attrs);
                self.head.body = Span::new(end, end);
            }
            1 => self.head.children.push(ChildSpan { span: Span::new(at.start, end), name: local, ns }),
            _ => {}
        }
    }

    fn close(&mut self, depth: u32, start: usize, end: usize) {
        match depth {
            0 => self.head.body.end = start as u32,
            1 => {
                if let Some(child) = self.head.children.last_mut() {
                    child.span.end = end as u32;
                }
            }
            _ => {}
        }
    }
}

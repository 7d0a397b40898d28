//! The scanner: one pass over one element, resumable at any byte, telling a [`Sink`] what it passes.
//!
//! Text is left at any byte; a tag is parsed once it is complete, its end being looked for without ever looking at
//! a byte twice. So the cost is linear in the bytes however they are dealt out.

use super::XmlError;
use super::chars;
use super::framer::Limits;
use super::head::{NsSpan, Span};
use super::scope::{Opened, Outside, Scope};
use super::tag::{Attrs, Name, Stop, end_tag, reference, start_tag};
use memchr::{memchr, memchr3, memmem};
use smallvec::SmallVec;

const CDATA: &[u8] = b"<![CDATA[";

/// What the scanner has found. Offsets count from the start of the element.
pub(super) trait Sink {
    /// A start tag; `end` is the byte after its `>`. For an unprefixed element deeper than 1, `opened.ns` says nothing: the
    /// default namespace is tracked only as deep as the framer needs it.
    fn open(&mut self, at: &Place<'_>, name: Name, opened: &Opened, end: usize);
    /// Character data with its references, up to the next markup; never empty.
    fn text(&mut self, _buf: &[u8], _raw: Span) {}
    /// The inside of a CDATA section.
    fn cdata(&mut self, _buf: &[u8], _raw: Span) {}
    /// The element at `depth` ends. `start..end` is its end tag; empty for `<a/>`.
    fn close(&mut self, depth: u32, start: usize, end: usize);
}

/// Where an element opens.
pub(super) struct Place<'a> {
    pub(super) buf: &'a [u8],
    pub(super) start: usize,
    /// 0 is the scanned element itself.
    pub(super) depth: u32,
    pub(super) attrs: &'a Attrs,
    pub(super) scope: &'a Scope,
    pub(super) outside: &'a Outside<'a>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Text,
    /// At a `<`.
    Markup,
    /// Inside a CDATA section that began at `run`.
    Cdata,
}

/// Progress through one element.
pub(super) struct Scan {
    stage: Stage,
    /// The next byte to look at.
    pos: usize,
    /// Where the current run of text or CDATA begins.
    run: usize,
    /// Where a `]]>` could begin: after the last reference or markup.
    literal: usize,
    /// How far the end of an incomplete tag was looked for, and the quote that is open there (0: none).
    looked: usize,
    quote: u8,
    stack: SmallVec<[Span; 8]>,
    root_default: NsSpan,
    only_head: bool,
    attrs: Attrs,
    pub(super) scope: Scope,
}

impl Scan {
    /// For an element whose `<` is at byte 0; `only_head`: the scan ends behind its start tag.
    pub(super) fn new(only_head: bool) -> Self {
        Scan {
            stage: Stage::Markup,
            pos: 0,
            run: 0,
            literal: 0,
            looked: 0,
            quote: 0,
            stack: SmallVec::new(),
            root_default: NsSpan::None,
            only_head,
            attrs: Attrs::new(),
            scope: Scope::default(),
        }
    }

    /// Goes on through `buf`, which holds the element from its first byte. `None`: more bytes are needed; `Some`: the
    /// byte after the element, all of it proved well formed.
    pub(super) fn run<S: Sink>(
        &mut self,
        buf: &[u8],
        limits: &Limits,
        outside: &Outside<'_>,
        sink: &mut S,
    ) -> Result<Option<usize>, XmlError> {
        loop {
            let complete = match self.stage {
                Stage::Text => self.text(buf, sink),
                Stage::Markup => self.markup(buf, limits, outside, sink),
                Stage::Cdata => self.cdata(buf, sink),
            };
            match complete {
                Ok(()) if self.stack.is_empty() || self.only_head => break,
                Ok(()) => {}
                Err(Stop::More) if buf.len() >= limits.stanza_bytes => return Err(XmlError::TooLong),
                Err(Stop::More) => return Ok(None),
                Err(Stop::Error(error)) => return Err(error),
            }
        }
        if self.pos > limits.stanza_bytes {
            return Err(XmlError::TooLong);
        }
        chars::check(&buf[..self.pos])?;
        Ok(Some(self.pos))
    }

    /// Moves to the next `<`.
    fn text<S: Sink>(&mut self, buf: &[u8], sink: &mut S) -> Result<(), Stop> {
        loop {
            let Some(found) = memchr3(b'<', b'&', b'>', &buf[self.pos..]) else {
                self.pos = buf.len();
                return Err(Stop::More);
            };
            self.pos += found;
            match buf[self.pos] {
                b'<' => break,
                b'&' => {
                    self.pos = reference(buf, self.pos)?;
                    self.literal = self.pos;
                }
                _ if buf[self.literal..self.pos].ends_with(b"]]") => {
                    return Err(XmlError::NotWellFormed("']]>' in text", self.pos).into());
                }
                _ => self.pos += 1,
            }
        }
        if self.pos > self.run {
            sink.text(buf, Span::new(self.run, self.pos));
        }
        self.stage = Stage::Markup;
        Ok(())
    }

    /// Moves behind the CDATA section.
    fn cdata<S: Sink>(&mut self, buf: &[u8], sink: &mut S) -> Result<(), Stop> {
        let Some(found) = memmem::find(&buf[self.pos..], b"]]>") else {
            self.pos = self.pos.max(buf.len().saturating_sub(2));
            return Err(Stop::More);
        };
        sink.cdata(buf, Span::new(self.run, self.pos + found));
        self.begin_text(self.pos + found + 3);
        Ok(())
    }

    fn begin_text(&mut self, at: usize) {
        (self.stage, self.pos, self.run, self.literal) = (Stage::Text, at, at, at);
    }

    fn markup<S: Sink>(&mut self, buf: &[u8], limits: &Limits, outside: &Outside<'_>, sink: &mut S) -> Result<(), Stop> {
        if self.looked > 0 && !self.tag_ends(buf) {
            return Err(Stop::More);
        }
        let tag = match buf.get(self.pos + 1) {
            None => return Err(Stop::More),
            Some(b'/') => self.end(buf, sink),
            Some(b'!') => self.bang(buf),
            Some(b'?') => Err(XmlError::Restricted("a processing instruction is").into()),
            Some(_) => self.start(buf, limits, outside, sink),
        };
        match tag {
            // What begins with `<!` is known after nine bytes, and does not end like a tag.
            Err(Stop::More) if self.looked == 0 && buf[self.pos + 1] != b'!' => {
                self.looked = self.pos + 1;
                self.tag_ends(buf);
            }
            Err(_) => {}
            Ok(()) => (self.looked, self.quote) = (0, 0),
        }
        tag
    }

    /// Looks for the `>` that ends the tag, outside of quotes, in the bytes not yet looked at.
    fn tag_ends(&mut self, buf: &[u8]) -> bool {
        loop {
            let rest = &buf[self.looked..];
            let found = match self.quote {
                0 => memchr3(b'>', b'\'', b'"', rest),
                quote => memchr(quote, rest),
            };
            let Some(found) = found else {
                self.looked = buf.len();
                return false;
            };
            match (self.quote, rest[found]) {
                (0, b'>') => {
                    self.looked += found;
                    return true;
                }
                (0, quote) => self.quote = quote,
                _ => self.quote = 0,
            }
            self.looked += found + 1;
        }
    }

    fn start<S: Sink>(&mut self, buf: &[u8], limits: &Limits, outside: &Outside<'_>, sink: &mut S) -> Result<(), Stop> {
        self.attrs.clear();
        let tag = start_tag(buf, self.pos, limits, &mut self.attrs)?;
        if self.stack.len() >= limits.depth {
            return Err(XmlError::TooDeep.into());
        }
        let depth = self.stack.len() as u32;
        let default = if depth == 0 { outside.default } else { self.root_default };
        let opened = self.scope.open(buf, tag.name, &self.attrs, depth, default, outside)?;
        if depth == 0 {
            self.root_default = opened.default.unwrap_or(default);
        }
        let place = Place { buf, start: self.pos, depth, attrs: &self.attrs, scope: &self.scope, outside };
        sink.open(&place, tag.name, &opened, tag.end);
        if tag.empty {
            sink.close(depth, tag.end, tag.end);
            self.scope.close(depth);
        } else {
            self.stack.push(tag.name.span);
        }
        self.begin_text(tag.end);
        Ok(())
    }

    fn end<S: Sink>(&mut self, buf: &[u8], sink: &mut S) -> Result<(), Stop> {
        let Some(name) = self.stack.last() else {
            return Err(XmlError::NotWellFormed("end tag without a start tag", self.pos).into());
        };
        let end = end_tag(buf, self.pos, name.of(buf))?;
        self.stack.pop();
        let depth = self.stack.len() as u32;
        sink.close(depth, self.pos, end);
        self.scope.close(depth);
        self.begin_text(end);
        Ok(())
    }

    /// `<!`: only a CDATA section is allowed, and only inside an element.
    fn bang(&mut self, buf: &[u8]) -> Result<(), Stop> {
        let rest = &buf[self.pos..];
        match rest.get(2) {
            None => Err(Stop::More),
            Some(b'[') if self.stack.is_empty() => Err(XmlError::NotWellFormed("text outside of an element", self.pos).into()),
            Some(b'[') if rest.starts_with(CDATA) => {
                self.run = self.pos + CDATA.len();
                self.pos = self.run;
                self.stage = Stage::Cdata;
                Ok(())
            }
            Some(b'[') if CDATA.starts_with(rest) => Err(Stop::More),
            Some(b'-') => Err(XmlError::Restricted("a comment is").into()),
            Some(_) => Err(XmlError::Restricted("a document type declaration is").into()),
        }
    }
}

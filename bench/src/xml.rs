//! Cuts a server's byte stream into top-level elements by counting depth, and looks into them by plain search.
//!
//! This is a client's reader for a load program: it trusts the server to send well-formed XML and never builds a tree.

use anyhow::{Result, bail};
use memchr::memmem;

/// What stands next in the stream.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// The opening tag of the stream itself.
    Open(&'a [u8]),
    /// One whole child of the stream.
    Element(&'a [u8]),
    /// The closing tag of the stream.
    Close,
}

/// Bytes of one element that is still incomplete before we give up on the server.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// Incremental splitter: bytes go into [`Splitter::space`], pieces come out of [`Splitter::next`].
#[derive(Default)]
pub struct Splitter {
    buf: Vec<u8>,
    /// Start of the piece being read; everything before it was handed out.
    start: usize,
    /// Everything before this was scanned.
    scan: usize,
    depth: u32,
}

impl Splitter {
    /// The buffer to append received bytes to. What was handed out is forgotten first.
    pub fn space(&mut self) -> &mut Vec<u8> {
        if self.start > 0 {
            self.buf.drain(..self.start);
            self.scan -= self.start;
            self.start = 0;
        }
        &mut self.buf
    }

    /// Begins a new stream on the same connection (after SASL success, RFC 6120 §6.4.6).
    pub fn restart(&mut self) {
        self.start = self.scan;
        self.depth = 0;
    }

    /// The next piece, or `None` when more bytes are needed.
    ///
    /// # Errors
    /// An element above 16 MiB, or closing tags without an opening one.
    pub fn next(&mut self) -> Result<Option<Piece<'_>>> {
        loop {
            let Some(tag) = self.next_tag()? else { return Ok(None) };
            let end = self.scan;
            match (tag, self.depth) {
                (Tag::Other, _) => {
                    if self.depth <= 1 {
                        self.start = end;
                    }
                }
                (Tag::Opens, 0) => {
                    self.depth = 1;
                    return Ok(Some(Piece::Open(self.hand_out(end))));
                }
                (Tag::Opens, _) => self.depth += 1,
                (Tag::Empty, 1) => return Ok(Some(Piece::Element(self.hand_out(end)))),
                (Tag::Empty, 0) => bail!("the server sent an empty stream"),
                (Tag::Empty, _) => {}
                (Tag::Closes, 0) => bail!("the server closed an element that was not open"),
                (Tag::Closes, 1) => {
                    self.depth = 0;
                    self.start = end;
                    return Ok(Some(Piece::Close));
                }
                (Tag::Closes, 2) => {
                    self.depth = 1;
                    return Ok(Some(Piece::Element(self.hand_out(end))));
                }
                (Tag::Closes, _) => self.depth -= 1,
            }
        }
    }

    fn hand_out(&mut self, end: usize) -> &[u8] {
        let from = self.start;
        self.start = end;
        &self.buf[from..end]
    }

    /// Moves `scan` behind the next tag; text before it is skipped (and dropped between elements).
    fn next_tag(&mut self) -> Result<Option<Tag>> {
        let Some(at) = memchr::memchr(b'<', &self.buf[self.scan..]) else {
            self.scan = self.buf.len();
            return Ok(None);
        };
        self.scan += at;
        if self.depth <= 1 {
            self.start = self.scan;
        }
        let Some((tag, length)) = read_tag(&self.buf[self.scan..]) else {
            if self.buf.len() - self.start > MOST_BYTES {
                bail!("an element of more than {MOST_BYTES} bytes");
            }
            return Ok(None);
        };
        self.scan += length;
        Ok(Some(tag))
    }
}

enum Tag {
    Opens,
    Empty,
    Closes,
    /// XML declaration, CDATA section.
    Other,
}

/// Kind and length of the tag at the start of `bytes`; `None` when it is incomplete.
fn read_tag(bytes: &[u8]) -> Option<(Tag, usize)> {
    const CDATA: &[u8] = b"<![CDATA[";
    match bytes.get(1)? {
        b'?' => Some((Tag::Other, memmem::find(bytes, b"?>")? + 2)),
        b'!' if bytes.len() < CDATA.len() => None,
        b'!' => Some((Tag::Other, memmem::find(bytes, b"]]>")? + 3)),
        b'/' => Some((Tag::Closes, memchr::memchr(b'>', bytes)? + 1)),
        _ => {
            let end = head_end(bytes)?;
            Some((if bytes[end - 1] == b'/' { Tag::Empty } else { Tag::Opens }, end + 1))
        }
    }
}

/// Position of the `>` that ends the tag at the start of `bytes`; one inside a quoted value does not count.
fn head_end(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr::memchr3(b'>', b'"', b'\'', &bytes[at..])?;
        match bytes[at] {
            b'>' => return Some(at),
            quote => at += 1 + memchr::memchr(quote, &bytes[at + 1..])? + 1,
        }
    }
}

/// Value of an attribute of the outermost element, as written (not unescaped).
pub fn attr<'a>(element: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut rest = &element[..head_end(element)?];
    loop {
        let equals = memchr::memchr(b'=', rest)?;
        let quote = *rest.get(equals + 1)?;
        let value = equals + 2;
        let length = memchr::memchr(quote, rest.get(value..)?)?;
        let key = rest[..equals].rsplit(u8::is_ascii_whitespace).next()?;
        if key == name.as_bytes() {
            return Some(&rest[value..value + length]);
        }
        rest = &rest[value + length + 1..];
    }
}

/// Text directly behind the first start tag with this name, up to the next `<`.
pub fn text<'a>(element: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let at = find_tag(element, name)?;
    let begin = at + head_end(&element[at..])? + 1;
    let length = memchr::memchr(b'<', &element[begin..])?;
    Some(&element[begin..begin + length])
}

/// Position of the first start tag with this name (prefix included, if any).
pub fn find_tag(element: &[u8], name: &str) -> Option<usize> {
    memchr::memchr_iter(b'<', element).find(|&at| is_named(&element[at..], name))
}

/// Whether the tag at the start of `bytes` has this name.
pub fn is_named(bytes: &[u8], name: &str) -> bool {
    let after = 1 + name.len();
    bytes.len() > after
        && &bytes[1..after] == name.as_bytes()
        && matches!(bytes[after], b' ' | b'>' | b'/' | b'\t' | b'\n' | b'\r')
}

/// For messages to the person who runs the benchmark.
pub fn shown(bytes: &[u8]) -> String {
    let mut text: String = String::from_utf8_lossy(bytes).chars().take(400).collect();
    if text.len() < bytes.len() {
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "<?xml version='1.0'?><stream:stream a='x>y' b=\"1\"><features><m>P</m><x/></features> \n\
        <presence from='a/b'/><message><body>1 &lt; 2</body><![CDATA[</message>]]></message></stream:stream>";

    fn collect(step: usize) -> Vec<String> {
        let mut splitter = Splitter::default();
        let mut out = Vec::new();
        for part in STREAM.as_bytes().chunks(step) {
            splitter.space().extend_from_slice(part);
            while let Some(piece) = splitter.next().unwrap() {
                out.push(match piece {
                    Piece::Open(tag) => format!("open {}", shown(tag)),
                    Piece::Element(e) => shown(e),
                    Piece::Close => "close".to_owned(),
                });
            }
        }
        out
    }

    #[test]
    fn splits_the_same_whatever_the_reads_are() {
        let whole = collect(STREAM.len());
        assert_eq!(
            whole,
            [
                "open <stream:stream a='x>y' b=\"1\">",
                "<features><m>P</m><x/></features>",
                "<presence from='a/b'/>",
                "<message><body>1 &lt; 2</body><![CDATA[</message>]]></message>",
                "close",
            ]
        );
        for step in 1..40 {
            assert_eq!(collect(step), whole, "reads of {step} bytes");
        }
    }

    #[test]
    fn restart_reads_a_second_stream() {
        let mut splitter = Splitter::default();
        splitter.space().extend_from_slice(b"<s:s><success/>");
        assert_eq!(splitter.next().unwrap(), Some(Piece::Open(b"<s:s>")));
        assert_eq!(splitter.next().unwrap(), Some(Piece::Element(b"<success/>")));
        splitter.restart();
        splitter.space().extend_from_slice(b"<s:s><features/>");
        assert_eq!(splitter.next().unwrap(), Some(Piece::Open(b"<s:s>")));
        assert_eq!(splitter.next().unwrap(), Some(Piece::Element(b"<features/>")));
        assert_eq!(splitter.next().unwrap(), None);
    }

    #[test]
    fn refuses_a_stray_closing_tag() {
        let mut splitter = Splitter::default();
        splitter.space().extend_from_slice(b"</a>");
        assert!(splitter.next().is_err());
    }

    #[test]
    fn attributes_and_text() {
        let element = b"<iq id=\"7\" xml:id='no' to='a=b' type='result'><q id='inner'><first index='0'>abc</first><e/></q></iq>";
        assert_eq!(attr(element, "id"), Some(&b"7"[..]));
        assert_eq!(attr(element, "to"), Some(&b"a=b"[..]));
        assert_eq!(attr(element, "type"), Some(&b"result"[..]));
        assert_eq!(attr(element, "from"), None);
        assert_eq!(text(element, "first"), Some(&b"abc"[..]));
        assert_eq!(text(element, "firs"), None);
        assert!(find_tag(element, "e").is_some());
    }
}

//! One start tag, end tag or reference, read byte by byte.

use super::XmlError;
use super::chars::{CLASS, IN_VALUE, LOOK, NAME, NAME_START, SPACE, has, is_name};
use super::escape::{REFERENCE_BYTES, resolve, unescape_attr};
use super::framer::Limits;
use super::head::{AttrSpan, Span};
use super::scope::declared;
use smallvec::SmallVec;

pub(super) type Attrs = SmallVec<[AttrSpan; 8]>;

/// Why reading stops early.
pub(super) enum Stop {
    /// The bytes end before the tag does.
    More,
    Error(XmlError),
}

impl From<XmlError> for Stop {
    fn from(error: XmlError) -> Self {
        Stop::Error(error)
    }
}

fn bad<T>(rule: &'static str, at: usize) -> Result<T, Stop> {
    Err(Stop::Error(XmlError::NotWellFormed(rule, at)))
}

/// A qualified name: where it is, and how many of its bytes are prefix (0: none; the colon comes after them).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) span: Span,
    pub(super) prefix: u16,
}

pub(super) struct StartTag {
    pub(super) name: Name,
    pub(super) empty: bool,
    /// The byte after `>`.
    pub(super) end: usize,
}

/// Reads the start tag at `at` (which holds `<`); its attributes go to `attrs`.
pub(super) fn start_tag(buf: &[u8], at: usize, limits: &Limits, attrs: &mut Attrs) -> Result<StartTag, Stop> {
    let mut c = Cursor { buf, pos: at + 1 };
    let name = c.name(limits)?;
    loop {
        let spaced = c.space();
        match c.peek()? {
            b'>' => return Ok(StartTag { name, empty: false, end: c.pos + 1 }),
            b'/' => {
                c.pos += 1;
                c.expect(b'>', "'>' must follow '/'")?;
                return Ok(StartTag { name, empty: true, end: c.pos });
            }
            _ if !spaced => return bad("white space missing before an attribute", c.pos),
            _ => {
                let attr = c.attribute(limits)?;
                add(buf, attrs, attr, limits)?;
            }
        }
    }
}

#[inline]
fn add(buf: &[u8], attrs: &mut Attrs, attr: AttrSpan, limits: &Limits) -> Result<(), Stop> {
    if attrs.len() >= limits.attributes {
        return Err(Stop::Error(XmlError::TooManyAttributes));
    }
    if attr.value.len() > limits.name_bytes && declared(buf, &attr).is_some() {
        // Escaped it may be longer: what counts is the name itself, which no rewriting changes.
        let name = unescape_attr(attr.value.of(buf))?;
        if name.len() > limits.name_bytes {
            return Err(Stop::Error(XmlError::NameTooLong));
        }
    }
    let name = attr.name.of(buf);
    if attrs.iter().any(|a| a.name.len() == attr.name.len() && a.name.of(buf) == name) {
        return bad("attribute given twice", attr.name.start as usize);
    }
    attrs.push(attr);
    Ok(())
}

/// Reads the end tag at `at` (which holds `</`), which must close `name`; gives the byte after `>`.
pub(super) fn end_tag(buf: &[u8], at: usize, name: &[u8]) -> Result<usize, Stop> {
    let rest = &buf[at + 2..];
    if rest.len() < name.len() {
        return if name.starts_with(rest) { Err(Stop::More) } else { bad("end tag does not match", at) };
    }
    let mut c = Cursor { buf, pos: at + 2 + name.len() };
    if !rest.starts_with(name) || has(c.peek()?, NAME) {
        return bad("end tag does not match", at);
    }
    c.space();
    c.expect(b'>', "'>' expected in an end tag")?;
    Ok(c.pos)
}

/// The byte after the reference at `at` (which holds `&`).
pub(super) fn reference(buf: &[u8], at: usize) -> Result<usize, Stop> {
    let window = &buf[at + 1..buf.len().min(at + REFERENCE_BYTES)];
    let end = window.iter().position(|b| !b.is_ascii_alphanumeric() && *b != b'#');
    match end {
        Some(end) if window[end] == b';' && resolve(&window[..end]).is_some() => Ok(at + end + 2),
        None if window.len() < REFERENCE_BYTES - 1 => Err(Stop::More),
        _ => bad("unknown reference", at),
    }
}

pub(super) struct Cursor<'a> {
    pub(super) buf: &'a [u8],
    pub(super) pos: usize,
}

impl Cursor<'_> {
    #[inline]
    pub(super) fn peek(&self) -> Result<u8, Stop> {
        self.buf.get(self.pos).copied().ok_or(Stop::More)
    }

    /// Skips white space; says whether there was any.
    #[inline]
    pub(super) fn space(&mut self) -> bool {
        let start = self.pos;
        while self.buf.get(self.pos).is_some_and(|&b| has(b, SPACE)) {
            self.pos += 1;
        }
        self.pos > start
    }

    #[inline]
    pub(super) fn expect(&mut self, byte: u8, rule: &'static str) -> Result<(), Stop> {
        if self.peek()? != byte {
            return bad(rule, self.pos);
        }
        self.pos += 1;
        Ok(())
    }

    #[inline]
    fn name(&mut self, limits: &Limits) -> Result<Name, Stop> {
        let start = self.pos;
        let mut seen = 0;
        for &b in &self.buf[start..] {
            let class = CLASS[b as usize];
            if class & NAME == 0 {
                break;
            }
            seen |= class;
            self.pos += 1;
        }
        if self.pos - start > limits.name_bytes {
            return Err(Stop::Error(XmlError::NameTooLong));
        }
        if self.pos == self.buf.len() {
            return Err(Stop::More);
        }
        let span = Span::new(start, self.pos);
        if self.pos == start || !has(self.buf[start], NAME_START) {
            return bad("a name was expected", start);
        }
        let prefix = if seen & LOOK != 0 { look(span.of(self.buf), start)? } else { 0 };
        Ok(Name { span, prefix })
    }

    #[inline]
    fn attribute(&mut self, limits: &Limits) -> Result<AttrSpan, Stop> {
        let name = self.name(limits)?;
        self.space();
        self.expect(b'=', "'=' expected after an attribute's name")?;
        self.space();
        let quote = self.peek()?;
        if quote != b'\'' && quote != b'"' {
            return bad("a quote was expected", self.pos);
        }
        self.pos += 1;
        let start = self.pos;
        let plain = self.value(quote)?;
        let value = Span::new(start, self.pos);
        self.pos += 1;
        Ok(AttrSpan { name: name.span, value, prefix: name.prefix, plain })
    }

    /// Moves to the closing quote. True: the value needs no unescaping.
    #[inline]
    fn value(&mut self, quote: u8) -> Result<bool, Stop> {
        let mut plain = true;
        loop {
            let Some(found) = self.buf[self.pos..].iter().position(|&b| has(b, IN_VALUE)) else { return Err(Stop::More) };
            self.pos += found;
            match self.buf[self.pos] {
                b if b == quote => return Ok(plain),
                b'<' => return bad("'<' in an attribute value", self.pos),
                b'&' => {
                    self.pos = reference(self.buf, self.pos)?;
                    plain = false;
                }
                b'\r' => {
                    self.pos += 1;
                    // A lone CR is legal XML, but readers disagree about it (rxml refuses it).
                    if self.peek()? != b'\n' {
                        return bad("lone CR in an attribute value", self.pos);
                    }
                    plain = false;
                }
                b'\t' | b'\n' => {
                    self.pos += 1;
                    plain = false;
                }
                _ => self.pos += 1,
            }
        }
    }
}

/// A closer look at a name with a colon or with non-ASCII characters; gives the length of its prefix.
fn look(name: &[u8], at: usize) -> Result<u16, Stop> {
    let name = std::str::from_utf8(name).map_err(|_| XmlError::BadEncoding)?;
    let (prefix, local) = match name.split_once(':') {
        Some((prefix, local)) => (Some(prefix), local),
        None => (None, name),
    };
    if !is_name(local) || prefix.is_some_and(|p| !is_name(p)) {
        return bad("malformed name", at);
    }
    // Limits on names are far below this.
    u16::try_from(prefix.map_or(0, str::len)).map_err(|_| Stop::Error(XmlError::NameTooLong))
}

//! What is known of a frame after one pass: spans into its bytes, and the view over both.

use super::XmlError;
use super::element::Element;
use super::escape::unescape_attr;
use super::framer::Limits;
use super::tree;
use crate::ns;
use crate::stanza::StanzaKind;
use bytes::Bytes;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A range of bytes, relative to the start of the frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// Frames are far shorter than 4 GiB; the framer's limits see to it.
    #[inline]
    pub(super) fn new(start: usize, end: usize) -> Self {
        Span { start: start as u32, end: end as u32 }
    }

    /// In bytes.
    #[inline]
    pub fn len(self) -> usize {
        (self.end - self.start) as usize
    }

    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// The bytes themselves.
    #[inline]
    pub fn of(self, frame: &[u8]) -> &[u8] {
        &frame[self.start as usize..self.end as usize]
    }
}

/// An attribute as written, namespace declarations included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttrSpan {
    /// The qualified name.
    pub name: Span,
    /// What stands between the quotes.
    pub value: Span,
    /// Bytes of the prefix; 0: no prefix.
    pub prefix: u16,
    /// The value holds no reference and no white space but spaces: it means what it says.
    pub plain: bool,
}

/// Where the name of a namespace is to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NsSpan {
    /// No namespace.
    None,
    /// Inherited from the stream: `jabber:client`.
    Client,
    /// Inherited from the stream: `jabber:server`.
    Server,
    /// The `stream:` prefix.
    Streams,
    /// The `xml:` prefix.
    Xml,
    /// Declared in the frame. Needs no unescaping to be compared with names that need no escaping.
    Declared(Span),
}

impl NsSpan {
    fn of(self, frame: &[u8]) -> &str {
        match self {
            NsSpan::None => "",
            NsSpan::Client => ns::CLIENT,
            NsSpan::Server => ns::SERVER,
            NsSpan::Streams => ns::STREAMS,
            NsSpan::Xml => ns::XML,
            NsSpan::Declared(span) => text(span.of(frame)),
        }
    }
}

/// A direct child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChildSpan {
    /// From `<` to the byte after `>`.
    pub span: Span,
    /// The local name.
    pub name: Span,
    pub ns: NsSpan,
}

/// The parsed start tag of a frame, and where its children are.
#[derive(Clone, Debug)]
pub struct Head {
    /// The local name.
    pub name: Span,
    pub ns: NsSpan,
    pub attrs: SmallVec<[AttrSpan; 8]>,
    /// Between start tag and end tag; empty when there is no end tag.
    pub body: Span,
    pub children: SmallVec<[ChildSpan; 4]>,
    /// The same element in bytes that can move to any stream; spans refer to these if present (see [`super::slow`]).
    pub rewritten: Option<Bytes>,
}

impl Default for Head {
    fn default() -> Self {
        Head {
            name: Span::default(),
            ns: NsSpan::None,
            attrs: SmallVec::new(),
            body: Span::default(),
            children: SmallVec::new(),
            rewritten: None,
        }
    }
}

/// For what the framer has let through within its own limits. The slow path may have added declarations.
const PROVED: Limits = Limits { stanza_bytes: usize::MAX, depth: usize::MAX, attributes: usize::MAX, name_bytes: usize::MAX };

/// The framer has proved these bytes UTF-8 and cut them at ASCII characters.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

/// One complete element with its parsed head: a stanza, or anything else at the top level of a stream.
#[derive(Clone)]
pub struct Stanza {
    bytes: Bytes,
    head: Arc<Head>,
}

impl Stanza {
    /// `bytes`: exactly the frame that `head` came with, `buf[frame.start..frame.end]`.
    pub fn new(bytes: Bytes, head: Arc<Head>) -> Self {
        let bytes = head.rewritten.clone().unwrap_or(bytes);
        Stanza { bytes, head }
    }

    /// The local name of the element.
    pub fn name(&self) -> &str {
        text(self.head.name.of(&self.bytes))
    }

    /// The namespace of the element; empty: none.
    pub fn ns(&self) -> &str {
        self.head.ns.of(&self.bytes)
    }

    /// Whether the element has this local name and namespace.
    pub fn is(&self, name: &str, ns: &str) -> bool {
        self.name() == name && self.ns() == ns
    }

    /// Which stanza this is; `None` for anything else at the top level of a stream.
    pub fn kind(&self) -> Option<StanzaKind> {
        let content = matches!(self.head.ns, NsSpan::Client | NsSpan::Server) || [ns::CLIENT, ns::SERVER].contains(&self.ns());
        if content { StanzaKind::parse(self.name()) } else { None }
    }

    /// An attribute without prefix, unescaped and normalised.
    pub fn attr(&self, name: &str) -> Option<Cow<'_, str>> {
        self.qualified(name.as_bytes())
    }

    /// The element's own `xml:lang`.
    pub fn lang(&self) -> Option<Cow<'_, str>> {
        self.qualified(b"xml:lang")
    }

    fn qualified(&self, name: &[u8]) -> Option<Cow<'_, str>> {
        let attr = self.head.attrs.iter().find(|a| a.name.of(&self.bytes) == name)?;
        let raw = attr.value.of(&self.bytes);
        if attr.plain { Some(Cow::Borrowed(text(raw))) } else { unescape_attr(raw).ok() }
    }

    /// Qualified name and raw value of every attribute, namespace declarations included, as written. A value may hold
    /// one kind of quote: [`push_raw_attr`] copies it safely.
    pub fn raw_attrs(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.head.attrs.iter().map(|a| (a.name.of(&self.bytes), a.value.of(&self.bytes)))
    }

    /// Appends the attributes that are in a namespace, as written, and the declarations that bind their prefixes; not
    /// `xml:lang`, which a stanza has besides. With them a start tag can be written anew in another place.
    pub fn push_namespaced_attrs(&self, out: &mut Vec<u8>) {
        let attrs = || self.head.attrs.iter().filter(|a| a.prefix > 0);
        let parts = |a: &AttrSpan| {
            let (prefix, local) = a.name.of(&self.bytes).split_at(usize::from(a.prefix));
            (prefix, &local[1..])
        };
        for attr in attrs() {
            let carried = match parts(attr) {
                (b"xml", local) => local != b"lang",
                (b"xmlns", bound) => bound != b"xml" && attrs().any(|a| parts(a).0 == bound),
                _ => true,
            };
            if carried {
                push_raw_attr(out, attr.name.of(&self.bytes), attr.value.of(&self.bytes));
            }
        }
    }

    /// What stands between start and end tag, as written. Every prefix in it is bound in it.
    pub fn body(&self) -> &[u8] {
        self.head.body.of(&self.bytes)
    }

    /// As [`body`](Self::body), sharing the memory.
    pub fn body_bytes(&self) -> Bytes {
        self.bytes.slice(self.head.body.start as usize..self.head.body.end as usize)
    }

    /// The whole element as written (or as rewritten by the slow path).
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The spans behind this view.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// Direct children, in order.
    pub fn children(&self) -> impl Iterator<Item = Child<'_>> {
        self.head.children.iter().map(|span| Child { stanza: self, span })
    }

    /// The first direct child with this name and namespace.
    pub fn child(&self, name: &str, ns: &str) -> Option<Child<'_>> {
        self.children().find(|c| c.name() == name && c.ns() == ns)
    }

    /// Whether there is such a child.
    pub fn has_child(&self, name: &str, ns: &str) -> bool {
        self.child(name, ns).is_some()
    }

    /// The whole element as a tree.
    pub fn element(&self) -> Result<Element, XmlError> {
        tree::parse(&self.bytes, self.inherited(), self.head.ns == NsSpan::Streams, &PROVED)
    }

    /// The default namespace around the element. In the tree, what a stream inherits is always written out.
    fn inherited(&self) -> &str {
        match self.head.ns {
            NsSpan::Server => ns::SERVER,
            _ => ns::CLIENT,
        }
    }

    /// The default namespace in force for children.
    fn inner_default(&self) -> Cow<'_, str> {
        self.qualified(b"xmlns").unwrap_or(Cow::Borrowed(self.inherited()))
    }
}

impl fmt::Debug for Stanza {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stanza").field(&String::from_utf8_lossy(&self.bytes)).finish()
    }
}

impl PartialEq for Stanza {
    /// By bytes: the head follows from them.
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

/// A direct child of a [`Stanza`].
#[derive(Clone, Copy)]
pub struct Child<'a> {
    stanza: &'a Stanza,
    span: &'a ChildSpan,
}

impl<'a> Child<'a> {
    /// The local name.
    pub fn name(&self) -> &'a str {
        text(self.span.name.of(&self.stanza.bytes))
    }

    /// The namespace; empty: none.
    pub fn ns(&self) -> &'a str {
        self.span.ns.of(&self.stanza.bytes)
    }

    /// The child as written, tags included. Its default namespace may be inherited from the stanza.
    pub fn bytes(&self) -> &'a [u8] {
        self.span.span.of(&self.stanza.bytes)
    }

    /// As [`bytes`](Self::bytes), sharing the memory.
    pub fn to_bytes(&self) -> Bytes {
        self.stanza.bytes.slice_ref(self.bytes())
    }

    /// Where the child stands in [`Stanza::body`].
    pub fn range_in_body(&self) -> std::ops::Range<usize> {
        let body = self.stanza.head.body.start;
        (self.span.span.start - body) as usize..(self.span.span.end - body) as usize
    }

    /// The child as a tree.
    pub fn element(&self) -> Result<Element, XmlError> {
        tree::parse(self.bytes(), &self.stanza.inner_default(), self.stanza.head.ns == NsSpan::Streams, &PROVED)
    }
}

/// Appends ` name='value'` with the quote that `value`, as written, does not hold.
pub fn push_raw_attr(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    let quote = if value.contains(&b'\'') { b'"' } else { b'\'' };
    out.push(b' ');
    out.extend_from_slice(name);
    out.extend_from_slice(&[b'=', quote]);
    out.extend_from_slice(value);
    out.push(quote);
}

impl NsSpan {
    /// The name of an inherited namespace; empty for none, and for those that stand in the frame.
    pub(super) fn inherited_name(self) -> &'static str {
        match self {
            NsSpan::Client => ns::CLIENT,
            NsSpan::Server => ns::SERVER,
            NsSpan::Streams => ns::STREAMS,
            NsSpan::Xml => ns::XML,
            NsSpan::None | NsSpan::Declared(_) => "",
        }
    }
}

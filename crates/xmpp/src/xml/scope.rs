//! Namespace declarations in force at a point of a frame (Namespaces in XML 1.0).

use super::XmlError;
use super::chars::{NAME, has};
use super::escape::unescape_attr;
use super::head::{AttrSpan, NsSpan, Span};
use super::tag::{Attrs, Name};
use crate::ns;
use smallvec::SmallVec;

/// What surrounds a frame: the stream header's declarations, or nothing.
#[derive(Clone, Copy)]
pub(super) struct Outside<'a> {
    /// The default namespace; [`NsSpan::None`]: another than the content namespaces (see `outer`).
    pub(super) default: NsSpan,
    /// The prefix `stream` is bound to the streams namespace.
    pub(super) stream_prefix: bool,
    /// Declarations that a frame may lean on only by being rewritten.
    pub(super) outer: &'a [(String, String)],
    /// References in namespace names are taken as they are: the bytes come from our own writer.
    pub(super) canonical: bool,
}

#[derive(Clone, Copy)]
struct Binding {
    prefix: Span,
    value: Span,
    depth: u32,
}

/// A namespace prefix, resolved.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Resolved {
    Here(NsSpan),
    /// Bound by the stream header under that index of [`Outside::outer`].
    Outer(usize),
}

/// The prefixes declared by the open elements of a frame.
#[derive(Default)]
pub(super) struct Scope {
    bindings: SmallVec<[Binding; 2]>,
    /// The frame leans on what its body cannot take along.
    pub(super) must_rewrite: bool,
}

/// What an element's own tag says about namespaces.
pub(super) struct Opened {
    pub(super) ns: Resolved,
    /// The tag's own `xmlns`.
    pub(super) default: Option<NsSpan>,
}

impl Scope {
    /// Takes in the declarations of a start tag at `depth` (0: the frame's own), resolves its prefixes, refuses what is not
    /// namespace-well-formed. `default` is the default namespace around the element.
    pub(super) fn open(
        &mut self,
        buf: &[u8],
        name: Name,
        attrs: &Attrs,
        depth: u32,
        default: NsSpan,
        outside: &Outside<'_>,
    ) -> Result<Opened, XmlError> {
        let mut own = None;
        let mut prefixed = 0;
        for attr in attrs {
            match declared(buf, attr) {
                Some(prefix) => {
                    check_declaration(buf, prefix, attr)?;
                    self.must_rewrite |= !attr.plain && !outside.canonical;
                    if prefix.is_empty() {
                        own = Some(if attr.value.is_empty() { NsSpan::None } else { NsSpan::Declared(attr.value) });
                    } else {
                        self.bindings.push(Binding { prefix, value: attr.value, depth });
                    }
                }
                None => prefixed += usize::from(attr.prefix > 0),
            }
        }
        if prefixed > 0 {
            self.resolve_attributes(buf, attrs, depth, outside, prefixed > 1)?;
        }
        let ns = match name.prefix {
            0 => Resolved::Here(own.unwrap_or(default)),
            len => self.resolve(buf, prefix_of(name.span, len), depth, depth == 0, outside)?,
        };
        if depth == 0 && name.prefix == 0 && own.is_none() && default == NsSpan::None && !outside.canonical {
            self.must_rewrite = true;
        }
        Ok(Opened { ns, default: own })
    }

    /// Forgets the declarations of the element at `depth`.
    pub(super) fn close(&mut self, depth: u32) {
        while self.bindings.last().is_some_and(|b| b.depth >= depth) {
            self.bindings.pop();
        }
    }

    /// The namespace that a prefix stands for, and the depth of the element that declares it, if one does.
    pub(super) fn lookup(&self, buf: &[u8], prefix: Span, outside: &Outside<'_>) -> Option<(Resolved, Option<u32>)> {
        let text = prefix.of(buf);
        if text == b"xml" {
            return Some((Resolved::Here(NsSpan::Xml), None));
        }
        if let Some(binding) = self.bindings.iter().rev().find(|b| b.prefix.of(buf) == text) {
            return Some((Resolved::Here(NsSpan::Declared(binding.value)), Some(binding.depth)));
        }
        if outside.stream_prefix && text == b"stream" {
            return Some((Resolved::Here(NsSpan::Streams), None));
        }
        let index = outside.outer.iter().position(|(p, _)| p.as_bytes() == text)?;
        Some((Resolved::Outer(index), None))
    }

    /// As [`lookup`](Self::lookup); notes when the frame leans on what its body cannot take along. `of_root`: the prefix
    /// is that of the frame's own element.
    fn resolve(
        &mut self,
        buf: &[u8],
        prefix: Span,
        depth: u32,
        of_root: bool,
        outside: &Outside<'_>,
    ) -> Result<Resolved, XmlError> {
        let (ns, declared_at) = self
            .lookup(buf, prefix, outside)
            .ok_or(XmlError::NotWellFormed("undeclared namespace prefix", prefix.start as usize))?;
        self.must_rewrite |= match (ns, declared_at) {
            (Resolved::Here(NsSpan::Xml), _) => false,
            (Resolved::Here(NsSpan::Streams), _) => !of_root,
            (Resolved::Outer(_), _) => true,
            // The frame's own tag is written anew when it is routed, so its body must not need that tag's prefixes.
            (_, declared_at) => of_root || (declared_at == Some(0) && depth > 0),
        };
        Ok(ns)
    }

    /// Every prefix must be declared, and no two attributes may have the same namespace and local name.
    fn resolve_attributes(
        &mut self,
        buf: &[u8],
        attrs: &Attrs,
        depth: u32,
        outside: &Outside<'_>,
        several: bool,
    ) -> Result<(), XmlError> {
        let mut seen: SmallVec<[(&[u8], Resolved); 8]> = SmallVec::new();
        for attr in attrs.iter().filter(|a| a.prefix > 0 && declared(buf, a).is_none()) {
            let ns = self.resolve(buf, prefix_of(attr.name, attr.prefix), depth, false, outside)?;
            if !several {
                return Ok(());
            }
            let local = local_of(attr.name, attr.prefix).of(buf);
            if seen.iter().any(|&(l, n)| l == local && same(buf, n, ns, outside)) {
                return Err(XmlError::NotWellFormed("attribute given twice", attr.name.start as usize));
            }
            seen.push((local, ns));
        }
        Ok(())
    }
}

/// The name of a resolved namespace.
pub(super) fn name_of(buf: &[u8], ns: Resolved, outside: &Outside<'_>) -> String {
    match ns {
        Resolved::Outer(index) => outside.outer[index].1.clone(),
        Resolved::Here(NsSpan::None) => String::new(),
        Resolved::Here(NsSpan::Client) => ns::CLIENT.to_owned(),
        Resolved::Here(NsSpan::Server) => ns::SERVER.to_owned(),
        Resolved::Here(NsSpan::Streams) => ns::STREAMS.to_owned(),
        Resolved::Here(NsSpan::Xml) => ns::XML.to_owned(),
        Resolved::Here(NsSpan::Declared(span)) => unescape_attr(span.of(buf)).map(|s| s.into_owned()).unwrap_or_default(),
    }
}

fn same(buf: &[u8], a: Resolved, b: Resolved, outside: &Outside<'_>) -> bool {
    a == b || name_of(buf, a, outside) == name_of(buf, b, outside)
}

/// The bytes before the colon.
#[inline]
pub(super) fn prefix_of(name: Span, prefix: u16) -> Span {
    Span { start: name.start, end: name.start + u32::from(prefix) }
}

/// The bytes after the colon, or all of them.
#[inline]
pub(super) fn local_of(name: Span, prefix: u16) -> Span {
    let skip = if prefix > 0 { u32::from(prefix) + 1 } else { 0 };
    Span { start: name.start + skip, end: name.end }
}

/// The prefix that a namespace declaration declares (empty: the default); `None` for other attributes.
#[inline]
pub(super) fn declared(buf: &[u8], attr: &AttrSpan) -> Option<Span> {
    let name = attr.name.of(buf);
    if !name.starts_with(b"xmlns") {
        return None;
    }
    match name.get(5) {
        None => Some(Span { start: attr.name.end, end: attr.name.end }),
        Some(b':') => Some(Span { start: attr.name.start + 6, end: attr.name.end }),
        Some(&b) => {
            debug_assert!(has(b, NAME));
            None
        }
    }
}

/// Namespaces in XML 1.0 §3 (reserved prefixes and names) and §5 (no undeclaring of prefixes).
fn check_declaration(buf: &[u8], prefix: Span, attr: &AttrSpan) -> Result<(), XmlError> {
    let bad = |rule| Err(XmlError::NotWellFormed(rule, attr.name.start as usize));
    let raw = attr.value.of(buf);
    let unescaped = if attr.plain { None } else { Some(unescape_attr(raw)?) };
    let value = unescaped.as_ref().map_or(raw, |text| text.as_bytes());
    match prefix.of(buf) {
        b"xmlns" => bad("the prefix 'xmlns' cannot be declared"),
        b"xml" if value == ns::XML.as_bytes() => Ok(()),
        b"xml" => bad("the prefix 'xml' cannot be bound anew"),
        _ if value == ns::XML.as_bytes() || value == ns::XMLNS.as_bytes() => bad("a reserved namespace cannot be bound"),
        p if !p.is_empty() && value.is_empty() => bad("a prefix cannot be bound to nothing"),
        _ => Ok(()),
    }
}

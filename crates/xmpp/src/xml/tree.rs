//! Builds [`Element`] trees with the framer's own scanner, so that both agree on every byte.

use super::XmlError;
use super::chars;
use super::element::{Attribute, Element};
use super::escape::{unescape, unescape_attr};
use super::framer::Limits;
use super::head::{AttrSpan, NsSpan, Span};
use super::scan::{Place, Scan, Sink};
use super::scope::{Opened, Outside, Resolved, declared, local_of, name_of, prefix_of};
use super::tag::Name;
use std::collections::HashMap;
use std::sync::Arc;

/// Parses one element with nothing but white space around it. `default`: the default namespace around it;
/// `stream_prefix`: the prefix `stream` is bound outside.
pub(super) fn parse(bytes: &[u8], default: &str, stream_prefix: bool, limits: &Limits) -> Result<Element, XmlError> {
    chars::check(bytes)?;
    let bytes = bytes.trim_ascii();
    if bytes.first() != Some(&b'<') {
        return Err(XmlError::NotWellFormed("an element was expected", 0));
    }
    let outside = Outside { default: NsSpan::Client, stream_prefix, outer: &[], canonical: true };
    let mut sink = TreeSink { open: Vec::new(), done: None, names: HashMap::new(), outer: Arc::from(default) };
    let end = Scan::new(false).run(bytes, limits, &outside, &mut sink)?;
    match (end, sink.done) {
        (Some(end), Some(element)) if end == bytes.len() => Ok(element),
        (Some(end), _) => Err(XmlError::NotWellFormed("bytes after the element", end)),
        (None, _) => Err(XmlError::NotWellFormed("the element is not complete", bytes.len())),
    }
}

struct TreeSink {
    /// Open elements with the default namespace inside them.
    open: Vec<(Element, Arc<str>)>,
    done: Option<Element>,
    /// By the place of the declaration: however often a namespace is used, its name is kept once.
    names: HashMap<u32, Arc<str>>,
    outer: Arc<str>,
}

impl TreeSink {
    fn name(&mut self, buf: &[u8], ns: NsSpan, outside: &Outside<'_>) -> Arc<str> {
        let make = || Arc::from(name_of(buf, Resolved::Here(ns), outside));
        match ns {
            NsSpan::Declared(span) => self.names.entry(span.start).or_insert_with(make).clone(),
            _ => make(),
        }
    }

    fn attribute(&mut self, at: &Place<'_>, attr: &AttrSpan) -> Attribute {
        let ns = (attr.prefix > 0).then(|| at.scope.lookup(at.buf, prefix_of(attr.name, attr.prefix), at.outside));
        let ns = match ns.flatten() {
            Some((Resolved::Here(ns), _)) if ns != NsSpan::Xml => Some(self.name(at.buf, ns, at.outside)),
            _ => None,
        };
        let value = unescape_attr(attr.value.of(at.buf)).unwrap_or_default().into_owned();
        Attribute { name: text(at.buf, attr.name), ns, value }
    }

    fn push_text(&mut self, text: &str) {
        if let Some((parent, _)) = self.open.last_mut() {
            parent.push_text(text);
        }
    }
}

/// The whole input has been proved UTF-8 before.
fn text(buf: &[u8], span: Span) -> String {
    String::from_utf8_lossy(span.of(buf)).into_owned()
}

impl Sink for TreeSink {
    fn open(&mut self, at: &Place<'_>, name: Name, opened: &Opened, _end: usize) {
        let inherited = self.open.last().map_or_else(|| self.outer.clone(), |(_, default)| default.clone());
        let default = opened.default.map_or(inherited, |ns| self.name(at.buf, ns, at.outside));
        let ns = match opened.ns {
            Resolved::Here(ns) if name.prefix > 0 => self.name(at.buf, ns, at.outside),
            _ => default.clone(),
        };
        let mut element = Element::with_shared_ns(text(at.buf, local_of(name.span, name.prefix)), ns);
        for attr in at.attrs.iter().filter(|a| declared(at.buf, a).is_none()) {
            let attribute = self.attribute(at, attr);
            element.push_attribute(attribute);
        }
        self.open.push((element, default));
    }

    fn text(&mut self, buf: &[u8], raw: Span) {
        self.push_text(&unescape(raw.of(buf)).unwrap_or_default());
    }

    fn cdata(&mut self, buf: &[u8], raw: Span) {
        let raw = text(buf, raw);
        // Line ends are normalised in CDATA too (XML 1.0 §2.11), references are not known.
        self.push_text(&if raw.contains('\r') { raw.replace("\r\n", "\n").replace('\r', "\n") } else { raw });
    }

    fn close(&mut self, _depth: u32, _start: usize, _end: usize) {
        if let Some((element, _)) = self.open.pop() {
            match self.open.last_mut() {
                Some((parent, _)) => parent.push(element),
                None => self.done = Some(element),
            }
        }
    }
}

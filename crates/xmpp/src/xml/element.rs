//! A small owned tree, namespaces resolved. For payloads that a handler reads or makes; never on the forwarding path.

use super::escape::{push_attr, push_text};
use super::framer::Limits;
use super::{XmlError, tree};
use crate::ns;
use std::fmt;
use std::sync::Arc;

/// An element with its attributes and content.
#[derive(Clone, PartialEq, Eq)]
pub struct Element {
    name: String,
    ns: Arc<str>,
    attrs: Vec<Attribute>,
    nodes: Vec<Node>,
}

/// What an element holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Node {
    Element(Element),
    /// Unescaped; never empty, never next to another text.
    Text(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Attribute {
    /// Qualified, as written.
    pub(super) name: String,
    /// The namespace of the prefix, unless there is none or it is `xml`.
    pub(super) ns: Option<Arc<str>>,
    pub(super) value: String,
}

impl Element {
    /// Parses one element (white space around it is allowed), with the framer's strictness and [`super::framer::Limits::default`].
    /// Where no `xmlns` is in force the namespace is `jabber:client`.
    pub fn parse(bytes: &[u8]) -> Result<Self, XmlError> {
        tree::parse(bytes, ns::CLIENT, false, &Limits::default())
    }

    /// As [`parse`](Self::parse), with another default namespace around the element.
    pub fn parse_in(bytes: &[u8], default_ns: &str) -> Result<Self, XmlError> {
        tree::parse(bytes, default_ns, false, &Limits::default())
    }

    /// An empty element. `name` is a local name, `ns` the namespace, empty for none.
    pub fn new(name: &str, ns: &str) -> Self {
        Self::with_shared_ns(name.to_owned(), Arc::from(ns))
    }

    pub(super) fn with_shared_ns(name: String, ns: Arc<str>) -> Self {
        Element { name, ns, attrs: Vec::new(), nodes: Vec::new() }
    }

    /// The local name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The namespace; empty: none.
    pub fn ns(&self) -> &str {
        &self.ns
    }

    /// Whether the element has this local name and namespace.
    pub fn is(&self, name: &str, ns: &str) -> bool {
        self.name == name && &*self.ns == ns
    }

    /// An attribute's value; `name` is qualified: `to`, `xml:lang`.
    pub fn attr(&self, name: &str) -> Option<&str> {
        self.attrs.iter().find(|a| a.name == name).map(|a| a.value.as_str())
    }

    /// The element's own `xml:lang`.
    pub fn lang(&self) -> Option<&str> {
        self.attr("xml:lang")
    }

    /// Qualified names and values of all attributes, in order; no namespace declarations.
    pub fn attrs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.attrs.iter().map(|a| (a.name.as_str(), a.value.as_str()))
    }

    /// Sets an attribute. `name` has no prefix but `xml:`.
    pub fn set_attr(&mut self, name: &str, value: impl Into<String>) {
        match self.attrs.iter_mut().find(|a| a.name == name) {
            Some(attr) => attr.value = value.into(),
            None => self.attrs.push(Attribute { name: name.to_owned(), ns: None, value: value.into() }),
        }
    }

    /// As [`set_attr`](Self::set_attr), for chains.
    pub fn with_attr(mut self, name: &str, value: impl Into<String>) -> Self {
        self.set_attr(name, value);
        self
    }

    /// Removes an attribute; gives its value.
    pub fn remove_attr(&mut self, name: &str) -> Option<String> {
        let index = self.attrs.iter().position(|a| a.name == name)?;
        Some(self.attrs.remove(index).value)
    }

    pub(super) fn push_attribute(&mut self, attribute: Attribute) {
        self.attrs.push(attribute);
    }

    /// The element's own text, without that of its children.
    pub fn text(&self) -> String {
        self.nodes.iter().filter_map(|n| if let Node::Text(t) = n { Some(t.as_str()) } else { None }).collect()
    }

    /// Child elements, in order.
    pub fn children(&self) -> impl Iterator<Item = &Element> {
        self.nodes.iter().filter_map(|n| if let Node::Element(e) = n { Some(e) } else { None })
    }

    /// Child elements, to change them.
    pub fn children_mut(&mut self) -> impl Iterator<Item = &mut Element> {
        self.nodes.iter_mut().filter_map(|n| if let Node::Element(e) = n { Some(e) } else { None })
    }

    /// The first child with this name and namespace.
    pub fn child(&self, name: &str, ns: &str) -> Option<&Element> {
        self.children().find(|c| c.is(name, ns))
    }

    /// Whether there is such a child.
    pub fn has_child(&self, name: &str, ns: &str) -> bool {
        self.child(name, ns).is_some()
    }

    /// Children and texts, in order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Keeps the children for which `keep` holds, and all text.
    pub fn retain_children(&mut self, mut keep: impl FnMut(&Element) -> bool) {
        let nodes = std::mem::take(&mut self.nodes);
        for node in nodes {
            match node {
                Node::Element(e) if !keep(&e) => {}
                Node::Element(e) => self.push(e),
                Node::Text(t) => self.push_text(&t),
            }
        }
    }

    /// Adds a child at the end.
    pub fn push(&mut self, child: Element) {
        self.nodes.push(Node::Element(child));
    }

    /// As [`push`](Self::push), for chains.
    pub fn with_child(mut self, child: Element) -> Self {
        self.push(child);
        self
    }

    /// Adds text (not escaped) at the end.
    pub fn push_text(&mut self, text: &str) {
        match self.nodes.last_mut() {
            _ if text.is_empty() => {}
            Some(Node::Text(last)) => last.push_str(text),
            _ => self.nodes.push(Node::Text(text.to_owned())),
        }
    }

    /// As [`push_text`](Self::push_text), for chains.
    pub fn with_text(mut self, text: &str) -> Self {
        self.push_text(text);
        self
    }

    /// As XML that stands in a `jabber:client` stream: `xmlns` is written only where it differs from that.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write(&mut out, ns::CLIENT);
        out
    }

    /// Appends the element, to stand where the default namespace is `parent_ns`; `xmlns` is declared only where it changes.
    pub fn write(&self, out: &mut Vec<u8>, parent_ns: &str) {
        self.write_within(out, parent_ns, usize::MAX);
    }

    /// As [`write`](Self::write); gives up, with false, soon after `out` is longer than `max` bytes.
    pub fn write_within(&self, out: &mut Vec<u8>, parent_ns: &str, max: usize) -> bool {
        out.push(b'<');
        self.write_name(out);
        // The `xml` namespace cannot be a default (Namespaces in XML 1.0 §3): its elements keep the prefix.
        let inner_ns = if &*self.ns == ns::XML { parent_ns } else { &self.ns };
        if inner_ns != parent_ns {
            push_attribute(out, "xmlns", inner_ns);
        }
        self.write_attributes(out);
        if self.nodes.is_empty() {
            out.extend_from_slice(b"/>");
            return out.len() <= max;
        }
        out.push(b'>');
        for node in &self.nodes {
            match node {
                Node::Text(text) => push_text(out, text),
                Node::Element(child) => {
                    if !child.write_within(out, inner_ns, max) {
                        return false;
                    }
                }
            }
        }
        out.extend_from_slice(b"</");
        self.write_name(out);
        out.push(b'>');
        out.len() <= max
    }

    fn write_name(&self, out: &mut Vec<u8>) {
        if &*self.ns == ns::XML {
            out.extend_from_slice(b"xml:");
        }
        out.extend_from_slice(self.name.as_bytes());
    }

    fn write_attributes(&self, out: &mut Vec<u8>) {
        for (i, attr) in self.attrs.iter().enumerate() {
            if let (Some(ns), Some(prefix)) = (&attr.ns, prefix(&attr.name)) {
                let known = self.attrs[..i].iter().any(|a| a.ns.is_some() && self::prefix(&a.name) == Some(prefix));
                if !known {
                    push_attribute(out, &format!("xmlns:{prefix}"), ns);
                }
            }
            push_attribute(out, &attr.name, &attr.value);
        }
    }
}

fn prefix(name: &str) -> Option<&str> {
    name.split_once(':').map(|(prefix, _)| prefix)
}

fn push_attribute(out: &mut Vec<u8>, name: &str, value: &str) {
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"='");
    push_attr(out, value);
    out.push(b'\'');
}

impl fmt::Display for Element {
    /// The XML of [`to_bytes`](Self::to_bytes).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.to_bytes()))
    }
}

impl fmt::Debug for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

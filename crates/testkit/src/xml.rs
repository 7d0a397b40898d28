//! An XML tree for tests to look at, read by a parser that is not the product's own.

use std::fmt;

use anyhow::{Result, bail};
use rxml::error::EndOrError;
use rxml::{Event, Parse, Parser};

/// An element with its namespace resolved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// Local name.
    pub name: String,
    /// Namespace URI; empty for none.
    pub ns: String,
    /// Local name (`xml:lang` keeps its prefix) and value, in no particular order; namespace declarations are left out.
    pub attrs: Vec<(String, String)>,
    /// Child elements in order.
    pub children: Vec<Element>,
    /// The text directly inside, joined.
    pub text: String,
}

const XML_NS: &str = "http://www.w3.org/XML/1998/namespace";

impl Element {
    /// The value of an attribute.
    pub fn attr(&self, name: &str) -> Option<&str> {
        self.attrs.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Whether it has this local name, in any namespace.
    pub fn is(&self, name: &str) -> bool {
        self.name == name
    }

    /// The first child of this local name.
    pub fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.is(name))
    }

    /// The first child of this local name and namespace.
    pub fn child_ns(&self, name: &str, ns: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.is(name) && child.ns == ns)
    }

    /// The first descendant at the end of a path of local names, `"query/item"`.
    pub fn at(&self, path: &str) -> Option<&Element> {
        path.split('/').try_fold(self, |element, name| element.child(name))
    }

    /// The text of the first child of this local name; empty when there is none.
    pub fn child_text(&self, name: &str) -> &str {
        self.child(name).map_or("", |child| child.text.as_str())
    }

    /// The name of the defined condition inside a child `<error/>` (RFC 6120 §8.3), or of a stream or SASL error.
    pub fn condition(&self) -> Option<&str> {
        let holder = self.child("error").unwrap_or(self);
        holder.children.iter().map(|child| child.name.as_str()).find(|name| *name != "text")
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{} xmlns={:?}", self.name, self.ns)?;
        for (name, value) in &self.attrs {
            write!(f, " {name}={value:?}")?;
        }
        write!(f, ">{}", self.text)?;
        self.children.iter().try_for_each(|child| child.fmt(f))?;
        write!(f, "</{}>", self.name)
    }
}

/// What a stream of XML brought.
#[derive(Debug, PartialEq, Eq)]
pub enum Incoming {
    /// The root opened; it has no children yet.
    Open(Element),
    /// A whole child of the root.
    Child(Element),
    /// The root closed.
    Close,
}

/// Reads a document that arrives in pieces: the root, its children one by one, its end.
#[derive(Default)]
pub struct StreamReader {
    parser: Parser,
    /// The elements that are open, the root not included.
    open: Vec<Element>,
    has_root: bool,
}

impl StreamReader {
    /// Takes bytes off the front of `bytes`; `None` when it has used them all and needs more. Anything that is not
    /// restricted, namespaced, well-formed XML is an error.
    pub fn next(&mut self, bytes: &mut &[u8]) -> Result<Option<Incoming>> {
        loop {
            let event = match self.parser.parse(bytes, false) {
                Ok(Some(event)) => event,
                Ok(None) | Err(EndOrError::NeedMoreData) => return Ok(None),
                Err(EndOrError::Error(error)) => bail!("the peer's XML is broken: {error}"),
            };
            if let Some(incoming) = self.take(event) {
                return Ok(Some(incoming));
            }
        }
    }

    fn take(&mut self, event: Event) -> Option<Incoming> {
        match event {
            Event::StartElement(_, (ns, name), attrs) => {
                let attrs = attrs.into_iter().map(|((ns, name), value)| (attr_name(&ns, &name), value)).collect();
                let element = Element { name: name.to_string(), ns: ns.to_string(), attrs, ..Element::default() };
                if !self.has_root {
                    self.has_root = true;
                    return Some(Incoming::Open(element));
                }
                self.open.push(element);
                None
            }
            Event::Text(_, text) => {
                if let Some(element) = self.open.last_mut() {
                    element.text.push_str(&text);
                }
                None
            }
            Event::EndElement(_) => self.close(),
            Event::XmlDeclaration(..) => None,
        }
    }

    fn close(&mut self) -> Option<Incoming> {
        let Some(element) = self.open.pop() else { return Some(Incoming::Close) };
        match self.open.last_mut() {
            Some(parent) => {
                parent.children.push(element);
                None
            }
            None => Some(Incoming::Child(element)),
        }
    }
}

fn attr_name(ns: &str, name: &str) -> String {
    if ns == XML_NS { format!("xml:{name}") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(reader: &mut StreamReader, text: &str) -> Vec<Incoming> {
        let mut bytes = text.as_bytes();
        std::iter::from_fn(|| reader.next(&mut bytes).unwrap()).collect()
    }

    #[test]
    fn children_arrive_whole_however_they_are_cut() {
        let mut reader = StreamReader::default();
        let opened = read(&mut reader, "<?xml version='1.0'?><s:stream xmlns='jabber:client' xmlns:s='urn:s' id='1'>");
        assert!(matches!(&opened[..], [Incoming::Open(root)] if root.name == "stream" && root.attr("id") == Some("1")));
        assert!(read(&mut reader, "<message to='a&amp;b' xml:lang='ja'><bo").is_empty());
        let [Incoming::Child(message)] = &read(&mut reader, "dy>1 &lt; 2</body></message>")[..] else { panic!() };
        assert_eq!((message.attr("to"), message.attr("xml:lang")), (Some("a&b"), Some("ja")));
        assert_eq!(message.child_text("body"), "1 < 2");
        assert_eq!(message.ns, "jabber:client");
        assert_eq!(read(&mut reader, "</s:stream>"), [Incoming::Close]);
    }

    #[test]
    fn broken_xml_is_an_error() {
        let mut bytes = &b"<a><b></a>"[..];
        let mut reader = StreamReader::default();
        let results: Vec<_> = (0..3).map(|_| reader.next(&mut bytes)).collect();
        assert!(results.iter().any(Result::is_err));
    }

    #[test]
    fn paths_and_conditions() {
        let mut reader = StreamReader::default();
        let text = "<r><iq type='error'><q xmlns='u'><item/></q><error><text>?</text><gone/></error></iq>";
        let Incoming::Child(iq) = read(&mut reader, text).pop().unwrap() else { panic!() };
        assert!(iq.at("q/item").is_some() && iq.at("q/none").is_none());
        assert_eq!(iq.condition(), Some("gone"));
        assert!(iq.child_ns("q", "u").is_some() && iq.child_ns("q", "v").is_none());
    }
}

//! A small tree of an XML answer (SOAP, WebDAV). Document types and undeclared entities are refused, so nothing can grow
//! while it is read; characters that XML forbids but Exchange sends as references are dropped.

use quick_xml::XmlVersion;
use quick_xml::escape::resolve_predefined_entity;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::name::{Namespace, ResolveResult};
use quick_xml::reader::NsReader;

/// Nesting of elements.
const MAX_DEPTH: usize = 64;
/// Elements of one document.
const MAX_ELEMENTS: usize = 300_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// One of the namespaces the reader knows; empty for every other and for none.
    pub ns: &'static str,
    pub name: String,
    /// Local name and value.
    pub attributes: Vec<(String, String)>,
    /// All character data directly inside.
    pub text: String,
    pub children: Vec<Element>,
}

impl Element {
    pub fn is(&self, ns: &str, name: &str) -> bool {
        self.ns == ns && self.name == name
    }

    pub fn child(&self, ns: &str, name: &str) -> Option<&Element> {
        self.children.iter().find(|c| c.is(ns, name))
    }

    /// The text of a child, trimmed.
    pub fn child_text(&self, ns: &str, name: &str) -> Option<&str> {
        self.child(ns, name).map(|c| c.text.trim())
    }

    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The first element of that name at any depth, itself included.
    pub fn find(&self, ns: &str, name: &str) -> Option<&Element> {
        if self.is(ns, name) {
            return Some(self);
        }
        self.children.iter().find_map(|c| c.find(ns, name))
    }
}

/// Reads a whole document whose elements may be in the namespaces `known`. The error says what is wrong, for the
/// administrator.
pub fn parse(body: &[u8], known: &[&'static str]) -> Result<Element, String> {
    let text = String::from_utf8_lossy(body);
    let text = text.trim_start_matches('\u{feff}');
    if !text.trim_start().starts_with('<') {
        return Err("it is not XML".to_owned());
    }
    let mut reader = NsReader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut builder = Builder::default();
    loop {
        let (ns, event) = reader.read_resolved_event().map_err(|e| format!("it is not well-formed XML: {e}"))?;
        let ns = match ns {
            ResolveResult::Bound(Namespace(uri)) => known.iter().copied().find(|ns| *ns == uri).unwrap_or_default(),
            _ => "",
        };
        if !builder.take(ns, event)? {
            return builder.finish();
        }
    }
}

#[derive(Default)]
struct Builder {
    open: Vec<Element>,
    root: Option<Element>,
    count: usize,
}

impl Builder {
    /// False at the end of the document.
    fn take(&mut self, ns: &'static str, event: Event<'_>) -> Result<bool, String> {
        match event {
            Event::Start(start) => self.start(ns, &start)?,
            Event::End(_) => self.end(),
            Event::Text(text) => self.append(&text.xml10_content()),
            Event::CData(data) => self.append(&data.xml10_content()),
            Event::GeneralRef(reference) => self.reference(&reference)?,
            Event::DocType(_) => return Err("it has a document type, which is refused".to_owned()),
            Event::Eof => return Ok(false),
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
        Ok(true)
    }

    fn start(&mut self, ns: &'static str, start: &BytesStart<'_>) -> Result<(), String> {
        self.count += 1;
        if self.open.len() >= MAX_DEPTH {
            return Err(format!("its elements are nested deeper than {MAX_DEPTH}"));
        }
        if self.count > MAX_ELEMENTS {
            return Err(format!("it has more than {MAX_ELEMENTS} elements"));
        }
        if self.open.is_empty() && self.root.is_some() {
            return Err("it has a second root element".to_owned());
        }
        let name = start.local_name().as_ref().to_owned();
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|e| format!("bad attribute: {e}"))?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|e| format!("bad attribute: {e}"))?;
            attributes.push((attribute.key.local_name().as_ref().to_owned(), value.into_owned()));
        }
        self.open.push(Element { ns, name, attributes, text: String::new(), children: Vec::new() });
        Ok(())
    }

    fn end(&mut self) {
        let Some(element) = self.open.pop() else { return };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
    }

    fn append(&mut self, text: &str) {
        if let Some(element) = self.open.last_mut() {
            element.text.push_str(text);
        }
    }

    fn reference(&mut self, reference: &BytesRef<'_>) -> Result<(), String> {
        if reference.is_char_ref() {
            // A reference to a forbidden character yields an error: it is left out, the rest of the text stays.
            if let Ok(Some(c)) = reference.resolve_char_ref()
                && is_xml_char(c)
            {
                self.append(c.encode_utf8(&mut [0; 4]));
            }
            return Ok(());
        }
        let name = reference.xml10_content();
        match resolve_predefined_entity(&name) {
            Some(text) => self.append(text),
            None => return Err(format!("it uses the undeclared entity {name}")),
        }
        Ok(())
    }

    fn finish(self) -> Result<Element, String> {
        if !self.open.is_empty() {
            return Err("it ends too early".to_owned());
        }
        self.root.ok_or_else(|| "it is empty".to_owned())
    }
}

/// XML 1.0 §2.2.
fn is_xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

/// Text as element content or attribute value; forbidden characters are left out.
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().filter(|c| is_xml_char(*c)) {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(body: &[u8]) -> Result<Element, String> {
        super::parse(body, &["DAV:"])
    }

    #[test]
    fn a_document_becomes_a_tree() {
        let root = parse(b"<?xml version='1.0'?><a xmlns='DAV:' b='1 &lt; 2'>x &amp;&#x1;&#65;<![CDATA[<y>]]><c/></a>").unwrap();
        assert!(root.is("DAV:", "a") && root.child("DAV:", "c").is_some());
        assert_eq!(root.text, "x &A<y>");
        assert_eq!(root.attribute("b"), Some("1 < 2"));
        assert_eq!(parse(b"<x:a xmlns:x='urn:other'/>").unwrap().ns, "");
    }

    #[test]
    fn what_could_grow_or_is_cut_off_is_refused() {
        let bomb = b"<!DOCTYPE a [<!ENTITY b 'bbbb'><!ENTITY c '&b;&b;'>]><a>&c;</a>";
        assert!(parse(bomb).unwrap_err().contains("document type"));
        assert!(parse(b"<a>&c;</a>").unwrap_err().contains("undeclared"));
        assert!(parse(b"<a><b></b>").unwrap_err().contains("too early"));
        assert!(parse(b"hello").unwrap_err().contains("not XML"));
        let nested = |n: usize| format!("{}{}", "<a>".repeat(n), "</a>".repeat(n));
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        assert!(parse(nested(MAX_DEPTH + 1).as_bytes()).unwrap_err().contains("deeper"));
        let wide = |n: usize| format!("<a>{}</a>", "<b/>".repeat(n - 1));
        assert!(parse(wide(MAX_ELEMENTS).as_bytes()).is_ok());
        assert!(parse(wide(MAX_ELEMENTS + 1).as_bytes()).unwrap_err().contains("elements"));
    }

    proptest! {
        #[test]
        fn garbage_never_panics(body in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&body);
        }

        #[test]
        fn nearly_xml_never_panics(text in "(<[a-b:]{0,3}( xmlns(:a)?='DAV:')?/?>|</[a-b]>|&[#x0-9a-z]{0,4};|<!\\[CDATA\\[|]]>|<!--|[ab ]){0,30}") {
            let _ = parse(text.as_bytes());
        }

        #[test]
        fn escaped_text_reads_back(text in "\\PC{0,40}") {
            prop_assert_eq!(parse(format!("<a>{}</a>", escape(&text)).as_bytes()).unwrap().text, text);
        }
    }
}

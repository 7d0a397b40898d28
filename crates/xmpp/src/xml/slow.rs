//! The slow path: rewrites an element whose bytes lean on declarations of the stream header, on prefixes of its own
//! start tag, or on references in namespace names. rxml reads it, [`Element`] writes it with nothing inherited but the
//! content namespace.

use super::XmlError;
use super::element::{Attribute, Element};
use crate::ns;
use rxml::error::EndOrError;
use rxml::parser::{Options, WithOptions};
use rxml::{Event, Parse, Parser};
use std::sync::Arc;

/// `frame`: one element that the framer has proved well formed in its place; `default`, `prefixes`: what the stream
/// header declares, besides the prefix `stream` if `stream_prefix`. The result stands where `inherited` is the default
/// namespace, and has at most `max` bytes.
pub(super) fn rewrite(
    frame: &[u8],
    default: &str,
    prefixes: &[(String, String)],
    stream_prefix: bool,
    inherited: &str,
    max: usize,
) -> Result<Vec<u8>, XmlError> {
    let mut around = around(default, prefixes, stream_prefix);
    let longest_token = frame.len().max(around.len());
    let options = Options { max_token_length: longest_token + 1, ..Options::default() };
    let mut parser = Parser::with_options(options);
    let mut builder = Builder { open: Vec::new(), depth: 0, done: None };
    around.extend_from_slice(frame);
    let mut rest = around.as_slice();
    while builder.done.is_none() {
        match parser.parse(&mut rest, false) {
            Ok(Some(event)) => builder.take(event),
            Ok(None) | Err(EndOrError::NeedMoreData) => return Err(DISAGREE),
            Err(EndOrError::Error(_)) => return Err(DISAGREE),
        }
    }
    let mut out = Vec::with_capacity(frame.len() + 64);
    match builder.done {
        Some(element) if element.write_within(&mut out, inherited, max) => Ok(out),
        _ => Err(XmlError::TooLong),
    }
}

/// Two readers that see different things: nothing good can come of passing that on.
const DISAGREE: XmlError = XmlError::NotWellFormed("ambiguous XML", 0);

/// A start tag that declares what the stream header declares.
fn around(default: &str, prefixes: &[(String, String)], stream_prefix: bool) -> Vec<u8> {
    let mut tag = b"<stream".to_vec();
    let stream = ("stream".to_owned(), ns::STREAMS.to_owned());
    let mut declare = |name: &str, value: &str| {
        tag.extend_from_slice(format!(" {name}='").as_bytes());
        super::escape::push_attr(&mut tag, value);
        tag.push(b'\'');
    };
    declare("xmlns", default);
    for (prefix, name) in prefixes.iter().chain(stream_prefix.then_some(&stream)) {
        declare(&format!("xmlns:{prefix}"), name);
    }
    tag.push(b'>');
    tag
}

struct Builder {
    open: Vec<Element>,
    depth: usize,
    done: Option<Element>,
}

impl Builder {
    fn take(&mut self, event: Event) {
        match event {
            Event::XmlDeclaration(..) => {}
            Event::StartElement(_, (ns, name), attrs) => {
                self.depth += 1;
                if self.depth > 1 {
                    self.open.push(element(&name, &ns, attrs));
                }
            }
            Event::Text(_, text) => {
                if let Some(parent) = self.open.last_mut() {
                    parent.push_text(&text);
                }
            }
            Event::EndElement(_) => {
                self.depth -= 1;
                if let Some(element) = self.open.pop() {
                    match self.open.last_mut() {
                        Some(parent) => parent.push(element),
                        None => self.done = Some(element),
                    }
                }
            }
        }
    }
}

/// Prefixes of attributes are not told; new ones are made up.
fn element(name: &str, ns: &str, attrs: rxml::AttrMap) -> Element {
    let mut element = Element::new(name, ns);
    for (i, ((ns, name), value)) in attrs.into_iter().enumerate() {
        let attribute = match ns.as_str() {
            "" => Attribute { name: name.to_string(), ns: None, value },
            ns::XML => Attribute { name: format!("xml:{name}"), ns: None, value },
            ns => Attribute { name: format!("ns{i}:{name}"), ns: Some(Arc::from(ns)), value },
        };
        element.push_attribute(attribute);
    }
    element
}

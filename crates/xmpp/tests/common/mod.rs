//! What the tests of the framer and the fuzz targets share: inputs, a driver, rxml as the oracle, and what must hold.
#![allow(dead_code)]

use std::iter::empty;

use rxml::{Event, Parse, Parser};
use zaiseki_xmpp::XmlError;
use zaiseki_xmpp::xml::element::Element;
use zaiseki_xmpp::xml::framer::{Frame, FrameKind, Framer, Limits, Mode, Stanza, frame_one};

pub const HEADER: &str = "<stream:stream to='example.com' version='1.0' xml:lang='en' xmlns='jabber:client' \
                          xmlns:stream='http://etherx.jabber.org/streams'>";

/// Elements that may stand at the top of a client stream.
pub const STANZAS: &[&str] = &[
    "<presence/>",
    "<message to='juliet@example.com/balcony' from=\"romeo@example.net/x\" id='ktx72v49' type='chat' xml:lang='en'>\
     <body>Art thou not Romeo, &amp; a Montague?</body><active xmlns='http://jabber.org/protocol/chatstates'/></message>",
    "<iq type='get' id='1'><query xmlns='jabber:iq:roster' ver=''/></iq>",
    "<message><body>日本語　テスト！😀</body><x:y xmlns:x='urn:x' x:a='1' a=\"2\">t<x:z/></x:y></message>",
    "<message><body><![CDATA[a ]] > <b> & ]]>b]] &gt;c</body></message >",
    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>AGp1bGlldAByMG0zMG15cjBtMzA=</auth>",
    "<message a='&#x9;&#10;\t\n x' b='\"'><a><b><c xmlns=''><d xmlns='urn:d'/></c></b></a>\r\n</message>",
    "<stream:error><not-well-formed xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
    "<é:ü xmlns:é='urn:é' ö='ä'><é:ß/></é:ü>",
    "<message xmlns:p='urn:p' p:a='x'><body>y</body></message>",
    "<message xmlns:p='urn:p'><p:body>y</p:body></message>",
    "<message><x xmlns='urn:&#x61;'/></message>",
];

/// What mutations insert.
pub const TOKENS: &[&str] = &[
    "<",
    ">",
    "/>",
    "</",
    "'",
    "\"",
    "=",
    "&",
    ";",
    "&amp;",
    "&#",
    "&#x",
    "&#x41;",
    "&#0;",
    "&#xFFFF;",
    "&nbsp;",
    "]]>",
    "]]",
    "<![CDATA[",
    "<!--",
    "-->",
    "<?x?>",
    "<!DOCTYPE x>",
    " ",
    "\t",
    "\r",
    "\n",
    "\r\n",
    "\u{0}",
    "\u{1}",
    "\u{7f}",
    "\u{fffe}",
    "\u{ffff}",
    "\u{b7}",
    "\u{37e}",
    "é",
    "日",
    "😀",
    ":",
    "a:",
    ":a",
    "xmlns",
    "xmlns:",
    " xmlns='urn:x'",
    " xmlns=''",
    " xmlns:p='urn:x'",
    " xmlns:p=''",
    " xmlns:q='urn:x'",
    " p:a='1'",
    " q:a='1'",
    " a='1'",
    " xml:lang='x'",
    " xmlns:xml='http://www.w3.org/XML/1998/namespace'",
    " xmlns:xml='u'",
    " xmlns:x='http://www.w3.org/XML/1998/namespace'",
    " xmlns:xmlns='u'",
    " xmlns='http://www.w3.org/2000/xmlns/'",
    "<a>",
    "</a>",
    "<a/>",
    "<p:a/>",
    "<xmlns:a/>",
    "<xml:a/>",
    "<stream:a/>",
    "</message>",
    "</stream:stream>",
    "-",
    ".",
    "1",
    "_",
    "\u{feff}",
];

/// A stream after its header.
pub fn opened(limits: Limits) -> Framer {
    let mut framer = Framer::new(Mode::Stream, limits);
    let frame = framer.next(HEADER.as_bytes()).unwrap().unwrap();
    assert_eq!((frame.kind, frame.start, frame.end), (FrameKind::Header, 0, HEADER.len()));
    framer
}

/// All frames of `input`, dealt out in pieces that end at `cuts`, and how it ended.
pub fn frames(framer: &mut Framer, input: &[u8], cuts: impl Iterator<Item = usize>) -> (Vec<(Frame, Stanza)>, Option<XmlError>) {
    let mut found = Vec::new();
    let mut consumed = 0;
    for cut in cuts.chain([input.len()]) {
        loop {
            consumed += framer.skip_whitespace(&input[consumed..cut]);
            let buf = &input[consumed..cut];
            match framer.next(buf) {
                Ok(Some(frame)) => {
                    let stanza = frame.clone().stanza(buf);
                    let (start, end) = (consumed + frame.start, consumed + frame.end);
                    consumed = end;
                    found.push((Frame { start, end, ..frame }, stanza));
                }
                Ok(None) => break,
                Err(error) => return (found, Some(error)),
            }
        }
    }
    (found, None)
}

/// What can be compared of frames.
pub fn summary(frames: &[(Frame, Stanza)]) -> Vec<String> {
    frames.iter().map(|(f, s)| format!("{:?} {}..{} {s:?} {:?}", f.kind, f.start, f.end, s.head())).collect()
}

/// The events that rxml sees in one element standing in an open client stream, and the byte after the element.
/// `None`: rxml refuses it, or it is not complete.
pub fn oracle(element: &[u8]) -> Option<(Vec<String>, usize)> {
    let mut parser = Parser::new();
    let mut input = HEADER.as_bytes().to_vec();
    input.extend_from_slice(element);
    let mut rest = input.as_slice();
    let (mut seen, mut depth) = (Vec::<String>::new(), 0);
    // Lengths of events leave out empty CDATA sections; what is left of the input does not.
    while let Ok(Some(event)) = parser.parse(&mut rest, false) {
        match event {
            Event::XmlDeclaration(..) => return None,
            Event::StartElement(_, (ns, name), attrs) => {
                depth += 1;
                let attrs: Vec<_> = attrs.iter().map(|((ns, name), value)| format!("{{{ns}}}{name}={value:?}")).collect();
                seen.push(format!("<{{{ns}}}{name} {}", attrs.join(" ")));
            }
            Event::Text(_, text) => match seen.last_mut() {
                Some(last) if last.starts_with('"') => last.push_str(&text),
                _ => seen.push(format!("\"{text}")),
            },
            Event::EndElement(_) => {
                depth -= 1;
                seen.push("/".to_owned());
                if depth <= 1 {
                    return (depth == 1).then(|| (seen.split_off(1), input.len() - rest.len() - HEADER.len()));
                }
            }
        }
    }
    None
}

/// Where we are stricter than rxml, on purpose: our limits; a second default declaration and the names of XML itself as
/// default, which it misses; a lone CR in an attribute, which it refuses only before certain bytes; text at the top of a stream.
fn stricter(error: XmlError) -> bool {
    use XmlError::{NameTooLong, NotWellFormed, TooDeep, TooLong, TooManyAttributes};
    match error {
        NameTooLong | TooDeep | TooLong | TooManyAttributes => true,
        NotWellFormed(rule, _) => [
            "attribute given twice",
            "lone CR in an attribute value",
            "a reserved namespace cannot be bound",
            "text outside of an element",
        ]
        .contains(&rule),
        _ => false,
    }
}

/// Whatever the framer accepts in an open stream, rxml accepts, ends at the same byte and reads the same, also after the
/// stanza was rewritten or went through the tree.
pub fn accepted_by_oracle(bytes: &[u8]) {
    if bytes.first() != Some(&b'<') {
        return;
    }
    let (found, error) = frames(&mut opened(Limits::default()), bytes, empty());
    let shown = || String::from_utf8_lossy(bytes).into_owned();
    match (found.first(), oracle(bytes)) {
        (Some((frame, stanza)), expected) if frame.kind == FrameKind::Stanza => {
            let Some((events, end)) = expected else { panic!("rxml refuses {:?}", shown()) };
            assert_eq!(frame.end, end, "{:?}", shown());
            // rxml leaves a CR behind `]` in a CDATA section as it is (XML 1.0 §2.11 wants LF).
            if bytes.windows(2).any(|w| w == b"]\r") {
                return;
            }
            assert_eq!(oracle(stanza.bytes()).map(|o| o.0).as_ref(), Some(&events), "{:?} {stanza:?}", shown());
            let tree = stanza.element().expect("the tree takes what the framer takes");
            assert_eq!(oracle(&tree.to_bytes()).map(|o| o.0).as_ref(), Some(&events), "{:?} {tree:?}", shown());
        }
        (None, Some(_)) => {
            let error = error.expect("rxml finds an element where we wait for more");
            assert!(stricter(error), "{error}, but rxml accepts {:?}", shown());
        }
        _ => {}
    }
}

/// However the bytes of a stream are dealt out, the same frames come of them.
pub fn same_when_split(input: &[u8], cuts: &[usize]) {
    let new = || Framer::new(Mode::Stream, Limits::default());
    let (whole, whole_error) = frames(&mut new(), input, empty());
    let (found, error) = frames(&mut new(), input, cuts.iter().copied());
    assert_eq!(summary(&found), summary(&whole));
    // An error may show only later, never otherwise.
    assert!(error.is_none() || error == whole_error, "{error:?} {whole_error:?}");
}

/// The tree takes exactly what the framer takes as a document, and writing inverts parsing.
pub fn tree_agrees(bytes: &[u8]) {
    let framed = frame_one(bytes, Limits::default());
    match Element::parse(bytes) {
        Ok(tree) => {
            let again = Element::parse(&tree.to_bytes());
            assert_eq!(again.as_ref(), Ok(&tree));
            let stanza = framed.expect("the framer takes what the tree takes").stanza(bytes);
            let escaped = ['&', '\'', '"', '<', '>', '\t', '\n', '\r'];
            assert!(stanza.is(tree.name(), tree.ns()) || tree.ns().contains(escaped), "{stanza:?} {tree:?}");
            assert_eq!(stanza.children().count(), tree.children().count());
        }
        // A declaration is not part of an element.
        Err(error) => assert!(framed.is_err() || bytes.trim_ascii_start().starts_with(b"<?xml"), "{error}"),
    }
}

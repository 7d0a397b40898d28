//! The framer: what it refuses, what it finds, its limits, its resumption.

mod common;

use common::{HEADER, STANZAS, frames, opened, summary};
use std::iter::empty;
use zaiseki_xmpp::XmlError;
use zaiseki_xmpp::ns;
use zaiseki_xmpp::stanza::{StanzaKind, StreamErrorCondition};
use zaiseki_xmpp::xml::element::Element;
use zaiseki_xmpp::xml::framer::{FrameKind, Framer, Limits, Mode, NsSpan, Stanza, frame_one, push_raw_attr};

fn one(text: &str) -> Stanza {
    let (found, error) = frames(&mut opened(Limits::default()), text.as_bytes(), empty());
    assert_eq!((found.len(), error), (1, None), "{text}");
    found.into_iter().next().unwrap().1
}

fn refusal(bytes: &[u8]) -> XmlError {
    let (found, error) = frames(&mut opened(Limits::default()), bytes, empty());
    assert!(found.is_empty(), "{:?}", String::from_utf8_lossy(bytes));
    error.unwrap_or_else(|| panic!("not refused: {:?}", String::from_utf8_lossy(bytes)))
}

/// What is not well-formed, or not by Namespaces in XML.
const MALFORMED: &[&str] = &[
    // Prefixes and namespaces.
    "<p:a/>",
    "<a p:b='1'/>",
    "<a><p:b/></a>",
    "<a xmlns:p='u'/><p:b/>",
    "<xmlns:a/>",
    "<a xmlns:xmlns='u'/>",
    "<a xmlns:p=''/>",
    "<a xmlns:xml='urn:x'/>",
    "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>",
    "<a xmlns='http://www.w3.org/XML/1998/namespace'/>",
    "<a xmlns='http://www.w3.org/2000/xmlns/'/>",
    "<a xmlns:p='http://www.w3.org/2000/xmlns&#x2f;'/>",
    "<a:b:c xmlns:a='u'/>",
    "<:a/>",
    "<a:/>",
    "<a:1 xmlns:a='u'/>",
    "<a x::y='1'/>",
    "<a xmlns:='u'/>",
    // Attributes.
    "<a b='1' b='2'/>",
    "<a xmlns='u' xmlns='v'/>",
    "<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>",
    "<a xmlns:p='u' xmlns:q='&#117;' p:b='1' q:b='2'/>",
    "<a b='<'/>",
    "<a b='1'c='2'/>",
    "<a b/>",
    "<a b=1/>",
    "<a b='1/>\n</a>",
    "<a b='\r'/>",
    "<a b='&'/>",
    "<a b='&x;'/>",
    // Names and tags.
    "< a/>",
    "<1a/>",
    "<-a/>",
    "<a / >",
    "<a/ >",
    "<a></b>",
    "<a></ab>",
    "<ab></a>",
    "<a></a b>",
    "<a></ a>",
    "<a></a/>",
    "</a>",
    "<a é=×/>",
    "<×/>",
    "<a\u{37e}/>",
    "<\u{feff}a/>",
    "<a><é></é×></a>",
    "<>",
    "<a<b/>",
    "<a\u{b7}/><\u{b7}/>",
    // Text.
    "<a>&x;</a>",
    "<a>&nbsp;</a>",
    "<a>&#0;</a>",
    "<a>&#x1F;</a>",
    "<a>&#xD800;</a>",
    "<a>&#xFFFE;</a>",
    "<a>&#x110000;</a>",
    "<a>&#+65;</a>",
    "<a>&#x+82;</a>",
    "<a>&#;</a>",
    "<a>&;</a>",
    "<a>& b</a>",
    "<a>&amp</a>........",
    "<a>]]></a>",
    "<a>]]]></a>",
    "<a>b<![CDATA[]]>]]></a>",
    "<a>\u{1}</a>",
    "<a>\u{ffff}</a>",
    "<a>\u{fffe}</a>",
    "<a><![CDATA[\u{ffff}]]></a>",
    "<a><![CDATA[\u{0}]]></a>",
    "<a b='\u{ffff}'/>",
    "<a b='\u{1b}'/>",
    "<\u{1}/>",
    // Around.
    "hello",
    "&amp;",
    "<![CDATA[a]]>",
    "\u{feff}<a/>",
];

/// Every row of the table of refusals, and what the other readings of "well formed" add.
#[test]
fn malformed_is_refused() {
    for text in MALFORMED {
        let (_, error) = frames(&mut opened(Limits::default()), text.as_bytes(), empty());
        assert!(matches!(error, Some(XmlError::NotWellFormed(..))), "{text:?}: {error:?}");
    }
}

#[test]
fn restricted_xml_is_refused() {
    for text in [
        "<!DOCTYPE a>",
        "<a><!DOCTYPE b></a>",
        "<!-- -->",
        "<a><!-- b --></a>",
        "<?php?>",
        "<a><?b?></a>",
        "<a><!ENTITY b 'c'></a>",
        "<?xml version='1.0'?><a/>",
        "<a><![INCLUDE[b]]></a>",
    ] {
        assert!(matches!(refusal(text.as_bytes()), XmlError::Restricted(_)), "{text}");
    }
}

#[test]
fn what_is_not_utf_8_is_refused() {
    for bytes in [
        &b"<a>\xff</a>"[..],
        b"<a>\xc0\xaf</a>",
        b"<a>\xe0\x80\xaf</a>",
        b"<a>\xed\xa0\x80</a>",
        b"<a>\xf4\x90\x80\x80</a>",
        b"<a>\xe3\x81</a>",
        b"<a b='\xff'/>",
        b"<a\xff/>",
        b"<\xc3/>",
        b"<a \xe3\x81='b'/>",
        b"\xff\xfe<\0a\0",
        b"\xfe\xff\0<",
        b"<a><![CDATA[\x80]]></a>",
    ] {
        assert_eq!(refusal(bytes), XmlError::BadEncoding, "{}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn what_is_allowed() {
    for text in STANZAS {
        one(text);
    }
    for text in [
        "<a >\n</a\t>",
        "<a\r\nb\n=\t'c'\n/>",
        "<a b='>' c=']]>'/>",
        "<a>> ]] ]> ]]&gt;</a>",
        "<a>\r \r\n</a>",
        "<a b='\r\n'/>",
        "<a xmlns:xml='http://www.w3.org/XML/1998/namespace'/>",
        "<a.b-c_d1 _e.='1'/>",
        "<a\u{b7}b/>",
        "<a xmlns:p='u' xmlns:q='v' p:b='1' q:b='2' b='3'/>",
        "<a><b xmlns:p='u'/><b xmlns:p='v'><p:c/></b></a>",
        "<a><![CDATA[]]></a>",
        "<a><![CDATA[]]]]><![CDATA[>]]></a>",
        "<a>&#xD;&#9;&#1114111;</a>",
        "<a>\u{7f}\u{fffd}\u{10ffff}</a>",
        "<xmlnsa/>",
        "<a xmlnsa='1'/>",
    ] {
        one(text);
    }
}

#[test]
fn the_head_of_a_message() {
    let stanza = one(STANZAS[1]);
    assert!(stanza.is("message", ns::CLIENT));
    assert_eq!(stanza.kind(), Some(StanzaKind::Message));
    assert_eq!(one("<message xmlns='urn:x'/>").kind(), None);
    assert_eq!(stanza.head().ns, NsSpan::Client);
    assert_eq!(stanza.attr("to").as_deref(), Some("juliet@example.com/balcony"));
    assert_eq!(stanza.attr("from").as_deref(), Some("romeo@example.net/x"));
    assert_eq!((stanza.attr("lang"), stanza.lang().as_deref()), (None, Some("en")));
    let children: Vec<_> = stanza.children().map(|c| (c.name(), c.ns())).collect();
    assert_eq!(children, [("body", ns::CLIENT), ("active", ns::CHAT_STATES)]);
    assert!(stanza.has_child("active", ns::CHAT_STATES) && !stanza.has_child("active", ns::CLIENT));
    let body = stanza.child("body", ns::CLIENT).unwrap();
    assert_eq!(body.bytes(), b"<body>Art thou not Romeo, &amp; a Montague?</body>");
    assert_eq!(&stanza.body()[body.range_in_body()], body.bytes());
    assert_eq!(body.to_bytes(), body.bytes());
    assert_eq!(body.element().unwrap().text(), "Art thou not Romeo, & a Montague?");
    assert!(stanza.body().ends_with(b"chatstates'/>") && stanza.body_bytes() == stanza.body());
    assert_eq!(stanza.element().unwrap(), Element::parse(stanza.bytes()).unwrap());
}

#[test]
fn attributes_are_normalised_and_can_be_copied() {
    let stanza = one("<a b='&#x9;&#10;\t\n\r\n x&quot;' c=\"it's\" d=''/>");
    assert_eq!(stanza.attr("b").as_deref(), Some("\t\n    x\""));
    assert_eq!(stanza.attr("d").as_deref(), Some(""));
    let mut copy = b"<a".to_vec();
    stanza.raw_attrs().for_each(|(name, value)| push_raw_attr(&mut copy, name, value));
    copy.extend_from_slice(b"/>");
    assert_eq!(one(std::str::from_utf8(&copy).unwrap()).element(), stanza.element());
}

/// XML 1.0 §2.11, in text and in CDATA sections; what a reference stands for stays.
#[test]
fn line_ends_become_line_feeds() {
    for text in ["<a>]\r\nb\rc&#xD;</a>", "<a><![CDATA[]\r\nb\rc]]>&#13;</a>", "<a>]<![CDATA[\r\nb]]>\rc&#xd;</a>"] {
        assert_eq!(one(text).element().unwrap().text(), "]\nb\nc\r", "{text:?}");
    }
}

#[test]
fn a_stream_from_header_to_end_tag() {
    let input = format!("<?xml version='1.0' encoding='utf-8'?>\n{HEADER}\n <presence/>\n\n<iq/> </stream:stream> \n");
    let mut framer = Framer::new(Mode::Stream, Limits::default());
    let (found, error) = frames(&mut framer, input.as_bytes(), empty());
    let kinds: Vec<_> = found.iter().map(|(f, _)| f.kind).collect();
    assert_eq!(kinds, [FrameKind::Header, FrameKind::Stanza, FrameKind::Stanza, FrameKind::Close]);
    assert_eq!(error, None);
    let header = &found[0].1;
    assert!(header.is("stream", ns::STREAMS));
    assert_eq!(
        (header.attr("to").as_deref(), header.lang().as_deref(), header.attr("xmlns").as_deref()),
        (Some("example.com"), Some("en"), Some(ns::CLIENT))
    );
    assert!(framer.next(b"<a/>").is_err());
    framer.reset();
    assert_eq!(framer.next(HEADER.as_bytes()).unwrap().unwrap().kind, FrameKind::Header);
}

#[test]
fn stream_headers_that_are_refused() {
    let streams = ns::STREAMS;
    for (text, error) in [
        ("hello", XmlError::NotWellFormed("text outside of an element", 0)),
        ("<?xml version='1.1'?>", XmlError::NotWellFormed("malformed XML declaration", 0)),
        ("<?xml encoding='UTF-8'?>", XmlError::NotWellFormed("malformed XML declaration", 0)),
        ("<?xml version='1.0' encoding='UTF-16'?>", XmlError::UnsupportedEncoding),
        ("<?xml version='1.0'encoding='UTF-8'?>", XmlError::NotWellFormed("malformed XML declaration", 0)),
        ("<?xml version='1.0' standalone='maybe'?>", XmlError::NotWellFormed("malformed XML declaration", 0)),
        ("<?xml-stylesheet ?>", XmlError::Restricted("a processing instruction is")),
        ("<?php ?>", XmlError::Restricted("a processing instruction is")),
        ("<!DOCTYPE a []>", XmlError::Restricted("a document type declaration is")),
        ("<!-- -->", XmlError::Restricted("a comment is")),
        ("<message xmlns='jabber:client'/>", XmlError::NotAStream),
        ("<stream xmlns='jabber:client'>", XmlError::BadNamespacePrefix),
        ("<stream:stream xmlns:stream='urn:x' xmlns='jabber:client'>", XmlError::InvalidNamespace),
        (&format!("<stream:stream xmlns:stream='{streams}' xmlns='jabber:client'/>"), XmlError::NotAStream),
        ("<\0?\0", XmlError::BadEncoding),
    ] {
        let (_, got) = frames(&mut Framer::new(Mode::Stream, Limits::default()), text.as_bytes(), empty());
        assert_eq!(got, Some(error), "{text}");
    }
    let (_, undeclared) =
        frames(&mut Framer::new(Mode::Stream, Limits::default()), b"<stream:stream xmlns='jabber:client'>", empty());
    assert!(matches!(undeclared, Some(XmlError::NotWellFormed(..))));
    let endless = format!("<?xml version='1.0' {}", " ".repeat(300));
    assert!(Framer::new(Mode::Stream, Limits::default()).next(endless.as_bytes()).is_err());
}

/// RFC 6120 §4.8.5 allows other prefixes; what leans on the header is rewritten.
#[test]
fn unusual_headers_take_the_slow_path() {
    let input = format!("<s xmlns='{0}' xmlns:s='{0}'></s>", ns::STREAMS)
        .replace("<s ", "<s:stream xmlns:c='jabber:client' xmlns:x=\"urn:'x\" ")
        .replace("></s>", ">")
        + "<c:message to='a&apos;b' x:y='z' xml:lang='en'><c:body x:w='1'>a&lt;b</c:body><x:e><plain/></x:e></c:message>\
           <s:error/><plain xmlns='jabber:client'/></s:stream>";
    let (found, error) = frames(&mut Framer::new(Mode::Stream, Limits::default()), input.as_bytes(), empty());
    assert_eq!((found.len(), error), (5, None));
    let message = &found[1].1;
    assert!(message.is("message", ns::CLIENT), "{message:?}");
    assert_eq!((message.attr("to").as_deref(), message.lang().as_deref()), (Some("a'b"), Some("en")));
    assert!(message.has_child("body", ns::CLIENT) && message.has_child("e", "urn:&apos;x"));
    let tree = message.child("e", "urn:&apos;x").unwrap().element().unwrap();
    assert!(tree.is("e", "urn:'x") && tree.has_child("plain", ns::STREAMS));
    assert_eq!(message.child("body", ns::CLIENT).unwrap().element().unwrap().text(), "a<b");
    assert!(found[2].1.is("error", ns::STREAMS) && found[3].1.is("plain", ns::CLIENT));
    assert_eq!(found[4].0.kind, FrameKind::Close);
}

#[test]
fn dialback_takes_the_slow_path() {
    let header =
        format!("<stream:stream xmlns='jabber:server' xmlns:db='jabber:server:dialback' xmlns:stream='{}'>", ns::STREAMS);
    let input = header + "<db:result to='a' from='b'>key</db:result><message to='a'><body/></message>";
    let (found, error) = frames(&mut Framer::new(Mode::Stream, Limits::default()), input.as_bytes(), empty());
    assert_eq!((found.len(), error), (3, None));
    assert!(found[1].1.is("result", ns::DIALBACK));
    assert_eq!(found[1].1.element().unwrap().text(), "key");
    assert_eq!((found[2].1.ns(), found[2].1.head().rewritten.is_none()), (ns::SERVER, true));
    assert!(found[2].1.has_child("body", ns::SERVER));
}

/// A long namespace that is declared once and used often must not be written out often.
#[test]
fn rewriting_stays_within_the_limit_of_a_stanza() {
    let name = "n".repeat(250);
    let input = |uses: usize| format!("<message xmlns:p='{name}'>{}</message>", "<p:a/>".repeat(uses));
    let mut framer = opened_within(Limits { stanza_bytes: 64 * 1024, name_bytes: 256, ..Limits::default() });
    assert!(framer.next(input(10).as_bytes()).unwrap().is_some());
    assert_eq!(framer.next(input(1_000).as_bytes()).unwrap_err(), XmlError::TooLong);
}

#[test]
fn errors_name_their_stream_condition() {
    use StreamErrorCondition as C;
    for (bytes, condition) in [
        (&b"<a></b>"[..], C::NotWellFormed),
        (b"<p:a/>", C::NotWellFormed),
        (b"<!-- -->", C::RestrictedXml),
        (b"<a>\xff</a>", C::UnsupportedEncoding),
    ] {
        assert_eq!(refusal(bytes).condition(), condition);
    }
    assert_eq!(XmlError::TooLong.condition(), C::PolicyViolation);
}

/// Nobody may hide a namespace from the router behind a reference or a prefix of the stanza's own tag.
#[test]
fn namespaces_cannot_be_hidden() {
    for text in [
        "<message><stanza-id xmlns='urn:xmpp:sid&#58;0'/></message>",
        "<message xmlns:s='urn:xmpp:sid:0'><s:stanza-id/></message>",
        "<message><s:stanza-id xmlns:s='urn:xmpp:sid&#x3a;0'/></message>",
        "<message><s:stanza-id xmlns:s='urn:xmpp:sid:0'/></message>",
        "<c:message xmlns:c='jabber:client' xmlns='urn:xmpp:sid:0'><stanza-id/></c:message>",
    ] {
        let stanza = one(text);
        assert!(stanza.is("message", ns::CLIENT) && stanza.has_child("stanza-id", ns::SID), "{stanza:?}");
        let moved = [b"<message>", stanza.body(), b"</message>"].concat();
        assert!(Element::parse(&moved).unwrap().has_child("stanza-id", ns::SID), "{stanza:?}");
    }
}

#[test]
fn documents_stand_alone() {
    let stanza = |text: &str| frame_one(text.as_bytes(), Limits::default()).map(|f| f.stanza(text.as_bytes()));
    assert!(stanza("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='x'/>").unwrap().is("open", ns::FRAMING));
    assert!(stanza(" <?xml version='1.0'?> <message/> ").unwrap().is("message", ns::CLIENT));
    for text in ["", "<a>", "<a/><b/>", "<a/>x", "<stream:error/>", "</a>"] {
        assert!(stanza(text).is_err(), "{text}");
    }
    let bosh = stanza("<body xmlns='http://jabber.org/protocol/httpbind'><message xmlns='jabber:client'/><b/></body>").unwrap();
    let children: Vec<_> = bosh.children().map(|c| (c.name(), c.ns())).collect();
    assert_eq!(children, [("message", ns::CLIENT), ("b", ns::HTTP_BIND)]);
    assert!(bosh.children().nth(1).unwrap().element().unwrap().is("b", ns::HTTP_BIND));
    let mut framer = Framer::new(Mode::Document, Limits::default());
    let (found, error) = frames(&mut framer, b"<a/> <b/>", empty());
    assert_eq!((found.len(), error), (2, None));
}

#[test]
fn limits_hold_at_and_one_past() {
    let limits = Limits { stanza_bytes: 200, depth: 3, attributes: 2, name_bytes: 12 };
    let verdict = |text: String| {
        let (found, error) = frames(&mut opened_within(limits), text.as_bytes(), empty());
        error.map_or(Ok(found.len()), Err)
    };
    let fill = |n: usize| format!("<a>{}</a>", "x".repeat(n - 7));
    assert_eq!(verdict(fill(200)), Ok(1));
    assert_eq!(verdict(fill(201)), Err(XmlError::TooLong));
    assert_eq!(verdict("<a><b><c/></b></a>".into()), Ok(1));
    assert_eq!(verdict("<a><b><c><d/></c></b></a>".into()), Err(XmlError::TooDeep));
    assert_eq!(verdict("<a b='' c=''/>".into()), Ok(1));
    assert_eq!(verdict("<a b='' c='' d=''/>".into()), Err(XmlError::TooManyAttributes));
    let n12 = "n".repeat(12);
    assert_eq!(verdict(format!("<{n12} {n12}='' xmlns='{n12}'/>")), Ok(1));
    for text in [format!("<{n12}n/>"), format!("<a {n12}n=''/>"), format!("<a xmlns='{n12}n'/>"), format!("<{n12}n")] {
        assert_eq!(verdict(text), Err(XmlError::NameTooLong));
    }
}

fn opened_within(limits: Limits) -> Framer {
    let mut framer = opened(Limits::default());
    framer.set_limits(limits);
    framer
}

#[test]
fn what_never_ends_is_refused_at_the_limit() {
    let limits = Limits { stanza_bytes: 1000, ..Limits::default() };
    let endless = format!("<?xml version='1.0'?>{}", " ".repeat(2000));
    let mut framer = Framer::new(Mode::Stream, limits);
    let error = (1..endless.len()).find_map(|len| framer.next(&endless.as_bytes()[..len]).err());
    assert_eq!(error, Some(XmlError::TooLong));
    for start in ["<a b='", "<a>", "<a><![CDATA[", "<a ", "<a></a ", "<a b='x' ", " ", "</stream:stream "] {
        let input = format!("{start}{}", if start.contains("=' ") { "y" } else { " " }.repeat(2000));
        let mut framer = opened_within(limits);
        let error = (1..input.len()).find_map(|len| framer.next(&input.as_bytes()[..len]).err());
        assert_eq!(error, Some(XmlError::TooLong), "{start}");
    }
}

#[test]
fn twenty_thousand_levels_cost_nothing() {
    let limits = Limits { depth: 64, ..Limits::default() };
    let mut framer = opened_within(limits);
    assert_eq!(framer.next("<a>".repeat(20_000).as_bytes()).unwrap_err(), XmlError::TooDeep);
    assert_eq!(Element::parse("<a>".repeat(20_000).as_bytes()), Err(XmlError::TooDeep));
}

/// Byte by byte, 100,000 bytes cost 100,000 short looks, not 5,000,000,000.
#[test]
fn no_byte_is_scanned_twice() {
    let start = std::time::Instant::now();
    for (open, close) in [("<a b='", "'/>"), ("<a>", "</a>"), ("<a><![CDATA[", "]]></a>"), ("<a ", "/>"), ("<a></a", ">")] {
        let filler = if open.ends_with(['\'', '>', '[']) { "x" } else { " " };
        let input = format!("{open}{}{close}", filler.repeat(100_000));
        let mut framer = opened(Limits::default());
        for len in 1..input.len() {
            assert!(framer.next(&input.as_bytes()[..len]).unwrap().is_none());
        }
        assert_eq!(framer.next(input.as_bytes()).unwrap().unwrap().end, input.len());
    }
    assert!(start.elapsed().as_secs() < 30, "{:?}", start.elapsed());
}

#[test]
fn idle_state_is_small() {
    assert!(std::mem::size_of::<Framer>() < 200, "{}", std::mem::size_of::<Framer>());
}

/// Every split into two, and byte by byte.
#[test]
fn split_anywhere_gives_the_same_frames() {
    let input = format!("<?xml version='1.0'?> {HEADER}{}</stream:stream>", STANZAS.join("\n "));
    let input = input.as_bytes();
    let new = || Framer::new(Mode::Stream, Limits::default());
    let (whole, error) = frames(&mut new(), input, empty());
    assert_eq!((whole.len(), error), (STANZAS.len() + 2, None));
    let whole = summary(&whole);
    for cut in 0..input.len() {
        let (found, error) = frames(&mut new(), input, [cut].into_iter());
        assert_eq!((summary(&found), error), (whole.clone(), None), "cut at {cut}");
    }
    let (found, error) = frames(&mut new(), input, 0..input.len());
    assert_eq!((summary(&found), error), (whole, None));
}

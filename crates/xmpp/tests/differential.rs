//! The framer and the tree against rxml: whatever we accept, rxml accepts, ends at the same byte and means the same.

mod common;

use common::{HEADER, STANZAS, TOKENS};
use proptest::prelude::*;
use zaiseki_xmpp::xml::element::Element;

#[derive(Clone, Debug)]
enum Edit {
    Insert(usize, usize),
    Replace(usize, u8),
    Remove(usize, usize),
    Repeat(usize, usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<u16>().prop_map(usize::from);
    prop_oneof![
        4 => (at.clone(), 0..TOKENS.len()).prop_map(|(at, t)| Edit::Insert(at, t)),
        1 => (at.clone(), any::<u8>()).prop_map(|(at, b)| Edit::Replace(at, b)),
        1 => (at.clone(), 1..6usize).prop_map(|(at, n)| Edit::Remove(at, n)),
        1 => (at, 1..30usize).prop_map(|(at, n)| Edit::Repeat(at, n)),
    ]
}

/// Bytes that a failing test prints as text.
#[derive(Clone)]
struct Input(Vec<u8>);

impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

fn mutated() -> impl Strategy<Value = Input> {
    (0..STANZAS.len(), prop::collection::vec(edit(), 0..4)).prop_map(|(base, edits)| {
        let mut bytes = STANZAS[base].as_bytes().to_vec();
        edits.iter().for_each(|e| apply(&mut bytes, e));
        Input(bytes)
    })
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn apply(bytes: &mut Vec<u8>, edit: &Edit) {
    let range = |at: usize, n: usize, len: usize| (at % (len + 1), (at % (len + 1) + n).min(len));
    let len = bytes.len();
    match *edit {
        Edit::Insert(at, token) => {
            let at = at % (len + 1);
            bytes.splice(at..at, TOKENS[token].bytes());
        }
        Edit::Replace(at, byte) if len > 0 => bytes[at % len] = byte,
        Edit::Replace(..) => {}
        Edit::Remove(at, n) => {
            let (start, end) = range(at, n, len);
            bytes.drain(start..end);
        }
        Edit::Repeat(at, n) => {
            let (start, end) = range(at, n, len);
            let piece = bytes[start..end].to_vec();
            bytes.splice(start..start, piece);
        }
    }
}

proptest! {
    #![proptest_config(config(5_000))]

    #[test]
    fn what_we_accept_rxml_accepts(Input(bytes) in mutated()) {
        common::accepted_by_oracle(&bytes);
    }

    #[test]
    fn splits_do_not_matter(Input(bytes) in mutated(), Input(more) in mutated(), cuts in prop::collection::btree_set(0..300usize, 0..6)) {
        let input = [HEADER.as_bytes(), &bytes, &more].concat();
        let cuts: Vec<usize> = cuts.into_iter().map(|c| (c + HEADER.len() / 2).min(input.len())).collect();
        common::same_when_split(&input, &cuts);
        common::same_when_split(&input, &(0..input.len()).collect::<Vec<_>>());
    }

    #[test]
    fn tree_and_framer_agree(Input(bytes) in mutated()) {
        common::tree_agrees(&bytes);
    }
}

fn element() -> impl Strategy<Value = Element> {
    let name = "[a-zé_][a-z0-9.é-]{0,6}";
    let ns = prop_oneof![Just(String::new()), Just("jabber:client".to_owned()), "urn:[a-z&<>'\"]{1,4}"];
    let text = "[\\t\\n\\r -\\u{D7FF}\\u{E000}-\\u{FFFD}\\u{10000}-\\u{10FFFF}]{0,12}";
    let attrs = prop::collection::btree_map(prop_oneof![4 => name, 1 => Just("xml:lang".to_owned())], text, 0..4)
        .prop_map(|m| m.into_iter().filter(|(n, _)| !n.starts_with("xmlns")).collect::<Vec<_>>());
    let leaf = (name, ns.clone(), attrs.clone())
        .prop_map(|(n, ns, attrs)| attrs.into_iter().fold(Element::new(&n, &ns), |e, (name, value)| e.with_attr(&name, value)));
    leaf.clone().prop_recursive(4, 24, 4, move |inner| {
        (leaf.clone(), prop::collection::vec(prop_oneof![inner.prop_map(Ok), text.prop_map(Err)], 0..4)).prop_map(
            |(e, content)| {
                content.into_iter().fold(e, |e, node| match node {
                    Ok(child) => e.with_child(child),
                    Err(text) => e.with_text(&text),
                })
            },
        )
    })
}

proptest! {
    #![proptest_config(config(500))]

    #[test]
    fn parse_inverts_write(e in element()) {
        prop_assert_eq!(&Element::parse(&e.to_bytes()).unwrap(), &e);
        let mut inside = Vec::new();
        e.write(&mut inside, "urn:outer");
        prop_assert_eq!(&Element::parse_in(&inside, "urn:outer").unwrap(), &e);
    }
}

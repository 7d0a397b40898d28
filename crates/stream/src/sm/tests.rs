use super::*;
use proptest::prelude::*;
use zaiseki_xmpp::xml::framer::{Limits, frame_one};

impl Weight for u32 {
    fn weight(&self) -> usize {
        4
    }
}

fn element(text: &str) -> Stanza {
    frame_one(text.as_bytes(), Limits::default()).unwrap().stanza(text.as_bytes())
}

fn read(rest: &str) -> Option<Request> {
    parse(&element(&rest.replacen(' ', " xmlns='urn:xmpp:sm:3' ", 1)))
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[test]
fn acknowledged_stanzas_are_released_in_order() {
    let mut out = Outgoing::default();
    (1..=5u32).for_each(|n| out.push(n).unwrap());
    assert_eq!((out.len(), out.bytes(), out.sent()), (5, 20, 5));
    assert_eq!(out.ack(2), Ok(vec![1, 2]));
    assert_eq!(out.ack(2), Ok(vec![]));
    assert_eq!(out.iter().copied().collect::<Vec<_>>(), [3, 4, 5]);
    assert_eq!((out.len(), out.bytes(), out.sent()), (3, 12, 5));
    assert_eq!(out.ack(5), Ok(vec![3, 4, 5]));
    assert!(out.is_empty());
}

#[test]
fn a_count_outside_what_was_sent_changes_nothing() {
    let mut out = Outgoing::default();
    (1..=3u32).for_each(|n| out.push(n).unwrap());
    assert_eq!(out.ack(4), Err(TooHigh { h: 4, sent: 3 }));
    assert_eq!(out.ack(1), Ok(vec![1]));
    assert_eq!(out.ack(0), Err(TooHigh { h: 0, sent: 3 }));
    assert_eq!(out.into_iter().collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn counts_run_over_the_end_of_32_bits() {
    let mut out = Outgoing { acked: u32::MAX - 1, ..Outgoing::default() };
    (1..=4u32).for_each(|n| out.push(n).unwrap());
    assert_eq!(out.sent(), 2);
    assert_eq!(out.ack(u32::MAX), Ok(vec![1]));
    assert_eq!(out.ack(3), Err(TooHigh { h: 3, sent: 2 }));
    assert_eq!(out.ack(1), Ok(vec![2, 3]));
    assert_eq!(out.ack(2), Ok(vec![4]));
}

#[test]
fn the_queue_has_a_longest_length() {
    let mut out = Outgoing::default();
    (0..UNACKED_STANZAS as u32).for_each(|n| out.push(n).unwrap());
    assert_eq!(out.push(0), Err(Full));
    assert_eq!((out.len(), out.sent()), (UNACKED_STANZAS, UNACKED_STANZAS as u32));
    out.ack(1).unwrap();
    assert_eq!(out.push(0), Ok(()));
}

#[test]
fn the_queue_has_a_greatest_weight() {
    let mut out = Outgoing::default();
    out.push(vec![0u8; UNACKED_BYTES - 1]).unwrap();
    assert_eq!(out.push(vec![0; 2]), Err(Full));
    assert_eq!(out.push(vec![0; 1]), Ok(()));
    assert_eq!(out.bytes(), UNACKED_BYTES);
}

#[test]
fn requests_are_read() {
    let enable = |resume, max| Some(Request::Enable(Enable { resume, max }));
    assert_eq!(read("<enable />"), enable(false, None));
    assert_eq!(read("<enable resume='true' max='300'/>"), enable(true, Some(300)));
    assert_eq!(read("<enable resume='1' max='-3'/>"), enable(true, None));
    assert_eq!(read("<enable resume='perhaps'/>"), None);
    let resume = Resume { previd: "a'b".to_owned(), h: u32::MAX };
    assert_eq!(read("<resume previd='a&apos;b' h='4294967295'/>"), Some(Request::Resume(resume)));
    for bad in ["<resume h='1'/>", "<resume previd='x'/>", "<resume previd='x' h='4294967296'/>", "<resume previd='x' h='+1'/>"] {
        assert_eq!(read(bad), None, "{bad}");
    }
    assert_eq!(read("<r />"), Some(Request::AckRequest));
    assert_eq!(read("<a h='7'/>"), Some(Request::Ack(7)));
    for bad in ["<a />", "<a h=''/>", "<a h='x'/>", "<other />"] {
        assert_eq!(read(bad), None, "{bad}");
    }
    assert_eq!(parse(&element("<r xmlns='urn:xmpp:sm:2'/>")), None);
}

#[test]
fn answers_are_written() {
    assert_eq!(text(write_enabled(None, None)), "<enabled xmlns='urn:xmpp:sm:3'/>");
    assert_eq!(
        text(write_enabled(Some("i'd"), Some(600))),
        "<enabled xmlns='urn:xmpp:sm:3' id='i&apos;d' resume='true' max='600'/>"
    );
    assert_eq!(text(write_resumed("id", 5)), "<resumed xmlns='urn:xmpp:sm:3' previd='id' h='5'/>");
    let failed = "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>";
    assert_eq!(text(write_failed("item-not-found", None)), format!("<failed xmlns='urn:xmpp:sm:3'>{failed}"));
    assert_eq!(text(write_failed("item-not-found", Some(9))), format!("<failed xmlns='urn:xmpp:sm:3' h='9'>{failed}"));
    assert_eq!(text(write_a(3)), "<a xmlns='urn:xmpp:sm:3' h='3'/>");
    assert_eq!(text(write_r()), "<r xmlns='urn:xmpp:sm:3'/>");
    let too_high = TooHigh { h: 10, sent: 8 };
    assert_eq!(text(write_too_high(too_high)), "<handled-count-too-high xmlns='urn:xmpp:sm:3' h='10' send-count='8'/>");
}

proptest! {
    /// Against the plain model: a list of everything ever sent.
    #[test]
    fn every_stanza_is_released_once_and_in_order(start in any::<u32>(), steps in prop::collection::vec((0u32..20, any::<u32>()), 0..60)) {
        let mut out = Outgoing { acked: start, ..Outgoing::default() };
        let (mut sent, mut released) = (0u32, 0u32);
        for (pushes, ack) in steps {
            for _ in 0..pushes {
                out.push(sent).unwrap();
                sent += 1;
            }
            let upto = released + ack % (sent - released + 1);
            let got = out.ack(start.wrapping_add(upto)).unwrap();
            prop_assert_eq!(got, (released..upto).collect::<Vec<_>>());
            released = upto;
            prop_assert!(out.ack(start.wrapping_add(sent + 1)).is_err());
        }
        prop_assert_eq!(out.sent(), start.wrapping_add(sent));
        prop_assert_eq!(out.into_iter().collect::<Vec<_>>(), (released..sent).collect::<Vec<_>>());
    }
}

//! Nanoseconds per operation: `cargo run --release -p zaiseki-xmpp --example framer_speed [PART OF A NAME]`.

use std::hint::black_box;
use std::time::{Duration, Instant};
use zaiseki_xmpp::jid::Jid;
use zaiseki_xmpp::xml::element::Element;
use zaiseki_xmpp::xml::framer::{Framer, Limits, Mode, Stanza};

const HEADER: &str = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
const MESSAGE: &str = "<message to='juliet@capulet.example/balcony' from='romeo@montague.example/orchard' type='chat' id='b0f1c9e2'>\
    <body>Wherefore art thou, Romeo &amp; Juliet? A text of about one hundred bytes in all, as people write.</body>\
    <active xmlns='http://jabber.org/protocol/chatstates'/></message>";

fn main() {
    let bytes = bytes::Bytes::from_static(MESSAGE.as_bytes());
    let mut framer = Framer::new(Mode::Stream, Limits::default());
    framer.next(HEADER.as_bytes()).expect("the header is well formed");
    println!("{} bytes", bytes.len());
    report("framer alone", || framer.next(&bytes).expect("well formed").map(|f| f.end));
    report("framer + Stanza::new + 3 attributes", || {
        let frame = framer.next(&bytes).expect("well formed").expect("complete");
        let stanza = Stanza::new(bytes.slice(frame.start..frame.end), frame.head);
        (stanza.attr("to").map(|a| a.len()), stanza.attr("type").map(|a| a.len()), stanza.attr("id").map(|a| a.len()))
    });
    report("Element::parse", || Element::parse(&bytes).is_ok());
    report("Jid::parse, ASCII", || Jid::parse(black_box("juliet@capulet.example/balcony")).is_ok());
    report("Jid::parse, upper case", || Jid::parse(black_box("Juliet@Capulet.example/balcony")).is_ok());
    report("Jid::parse, non-ASCII", || Jid::parse(black_box("田中@例え.jp/携帯")).is_ok());
}

/// The fastest of many short runs: what the machine's other work does not disturb.
fn report<T>(name: &str, mut operation: impl FnMut() -> T) {
    const REPEATS: u32 = 1_000;
    if std::env::args().nth(1).is_some_and(|part| !name.contains(&part)) {
        return;
    }
    let run = |operation: &mut dyn FnMut() -> T| {
        let start = Instant::now();
        (0..REPEATS).for_each(|_| {
            black_box(operation());
        });
        start.elapsed()
    };
    let best = (0..1_000).map(|_| run(&mut operation)).min().unwrap_or(Duration::ZERO);
    println!("{:>7} ns  {name}", best.as_nanos() / u128::from(REPEATS));
}

//! One element in an open stream against rxml, then a whole stream in pieces against the same in one piece.
#![no_main]

#[path = "../../crates/xmpp/tests/common/mod.rs"]
mod common;

libfuzzer_sys::fuzz_target!(|input: (u8, u8, &[u8])| {
    let (one, step, bytes) = input;
    common::accepted_by_oracle(bytes);
    let stream = [common::HEADER.as_bytes(), bytes].concat();
    let step = usize::from(step).max(1);
    let cuts: Vec<usize> = (usize::from(one)..stream.len()).step_by(step).collect();
    common::same_when_split(&stream, &cuts);
    common::same_when_split(bytes, &(usize::from(one % 8)..bytes.len()).step_by(step).collect::<Vec<_>>());
});

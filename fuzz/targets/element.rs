//! The tree against the framer, and against itself once written.
#![no_main]

#[path = "../../crates/xmpp/tests/common/mod.rs"]
mod common;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| common::tree_agrees(bytes));

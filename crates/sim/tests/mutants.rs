//! The checker sees what it is there for: each deliberate defect breaks the promise it should, within a few seeds.

use std::collections::BTreeMap;
use zaiseki_sim::{Fault, Promise, run};

/// How often each promise was broken in the first seeds.
fn broken(fault: Fault) -> BTreeMap<Promise, usize> {
    let mut counts = BTreeMap::new();
    for seed in 0..12 {
        let summary = run(seed, fault).expect("a database in memory works");
        summary.violations.iter().for_each(|violation| *counts.entry(violation.promise).or_default() += 1);
    }
    counts
}

fn is_caught(fault: Fault, promises: &[Promise]) {
    let counts = broken(fault);
    for promise in promises {
        assert!(counts.contains_key(promise), "{fault:?} should break {promise:?}; broken: {counts:?}");
    }
}

#[test]
fn an_acknowledgement_before_the_disk() {
    is_caught(Fault::AckEarly, &[Promise::AckIsKept, Promise::Delivered, Promise::Archived]);
}

#[test]
fn a_write_that_never_comes_to_the_disk() {
    is_caught(Fault::DropWrite, &[Promise::AckIsKept, Promise::Archived]);
}

#[test]
fn a_message_sent_twice() {
    is_caught(Fault::SendTwice, &[Promise::Once]);
}

#[test]
fn messages_out_of_order() {
    is_caught(Fault::Reorder, &[Promise::Order]);
}

#[test]
fn presence_that_never_leaves() {
    is_caught(Fault::LosePresence, &[Promise::Presence]);
}

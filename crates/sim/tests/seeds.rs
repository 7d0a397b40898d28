//! A few hundred seeds on every run of the tests; `cargo run -p zaiseki-sim -- --seeds N` runs more.

use zaiseki_sim::{Fault, run};

const SEEDS: u64 = 300;

fn clean(seeds: impl Iterator<Item = u64>) {
    for seed in seeds {
        let summary = run(seed, Fault::None).expect("a database in memory works");
        assert!(summary.messages > 0 && summary.deliveries >= summary.messages, "seed {seed}: nothing happened: {summary:?}");
        let texts: Vec<String> = summary.violations.iter().map(ToString::to_string).collect();
        assert!(texts.is_empty(), "seed {seed} (run it with --from {seed} --seeds 1 --trace):\n{}", texts.join("\n"));
    }
}

#[test]
fn even_seeds_keep_every_promise() {
    clean((0..SEEDS).filter(|seed| seed % 2 == 0));
}

#[test]
fn odd_seeds_keep_every_promise() {
    clean((0..SEEDS).filter(|seed| seed % 2 == 1));
}

#[test]
fn a_seed_is_a_whole_run() {
    for seed in 0..5 {
        let first = run(seed, Fault::None).expect("a database in memory works");
        let second = run(seed, Fault::None).expect("a database in memory works");
        assert_eq!(first, second, "seed {seed}");
    }
}

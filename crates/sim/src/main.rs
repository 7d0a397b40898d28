//! `cargo run -p zaiseki-sim -- --seeds N [--from S] [--trace]`: runs seeds and prints those that break a promise.

use std::process::ExitCode;
use zaiseki_sim::{Fault, watch};

struct Arguments {
    seeds: u64,
    from: u64,
    trace: bool,
}

fn arguments() -> Result<Arguments, String> {
    let mut arguments = Arguments { seeds: 1_000, from: 0, trace: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let slot = match word.as_str() {
            "--seeds" => &mut arguments.seeds,
            "--from" => &mut arguments.from,
            "--trace" => {
                arguments.trace = true;
                continue;
            }
            _ => return Err(format!("unknown argument {word}; known: --seeds N, --from S, --trace")),
        };
        let value = words.next().ok_or_else(|| format!("{word} wants a number"))?;
        *slot = value.parse().map_err(|_| format!("{word}: {value} is no number"))?;
    }
    Ok(arguments)
}

fn main() -> ExitCode {
    let arguments = match arguments() {
        Ok(arguments) => arguments,
        Err(text) => {
            eprintln!("{text}");
            return ExitCode::from(64);
        }
    };
    let (mut failed, mut messages, mut steps, mut crashes) = (0, 0, 0, 0);
    for seed in arguments.from..arguments.from.saturating_add(arguments.seeds) {
        match watch(seed, Fault::None, arguments.trace) {
            Ok(summary) => {
                messages += summary.messages;
                steps += summary.steps;
                crashes += summary.crashes;
                failed += u32::from(!summary.violations.is_empty());
                summary.violations.iter().take(5).for_each(|violation| println!("seed {seed}: {violation}"));
            }
            Err(error) => {
                failed += 1;
                println!("seed {seed}: {error}");
            }
        }
    }
    println!("{} seeds, {messages} messages, {crashes} crashes, {steps} steps: {failed} seeds failed", arguments.seeds);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

//! Everything that parses what others send, under inputs that others would not send. This is the short form: good inputs, changed at random, for
//! each target; `PROPTEST_CASES=100000 cargo test --test fuzz` tries for longer; `.ci/fuzz` lets coverage choose the inputs.

mod mutation;
mod targets;

use mutation::{changed, changes};
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use std::panic::{AssertUnwindSafe, catch_unwind};
use targets::{FuzzTarget, TARGETS};

/// Inputs for a target at least: those that cost a connection are fewer.
const CASES: u32 = 1_500;
const CASES_OVER_SOCKETS: u32 = 150;

/// Runs a target on its seeds and on changed seeds. Returns the input that fails, in a form that can be pasted into a
/// test.
fn search(target: &FuzzTarget) -> Result<(), String> {
    let seeds = (target.seeds)();
    let at_least = if target.is_over_sockets { CASES_OVER_SOCKETS } else { CASES };
    let cases = Config::default().cases.max(at_least);
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let run = |input: &[u8]| catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_ok();
    for seed in &seeds {
        if !run(seed) {
            return Err(format!("{} fails on its own seed {}", target.name, seed.escape_ascii()));
        }
    }
    TestRunner::new(config)
        .run(&(0..seeds.len(), changes()), |(which, changes)| {
            let input = changed(seeds[which].clone(), &changes, &seeds);
            if run(&input) { Ok(()) } else { Err(TestCaseError::fail(input.escape_ascii().to_string())) }
        })
        .map_err(|error| format!("{}: {error}", target.name))
}

#[test]
fn no_input_makes_a_parser_panic_or_break_its_promise() {
    let failed: Vec<String> = TARGETS.iter().filter_map(|target| search(target).err()).collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

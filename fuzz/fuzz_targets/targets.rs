//! One program for all targets: CROW_FUZZ_TARGET names one of tests/fuzz/targets.rs, CROW_FUZZ_SEEDS a folder to which its good inputs are written
//! first.

#![no_main]

use libfuzzer_sys::fuzz_target;
use std::path::Path;
use std::sync::LazyLock;

#[path = "../../tests/fuzz/targets.rs"]
mod targets;

static TARGET: LazyLock<&targets::FuzzTarget> = LazyLock::new(|| {
    let name = std::env::var("CROW_FUZZ_TARGET").expect("CROW_FUZZ_TARGET names a target");
    targets::TARGETS.iter().find(|target| target.name == name).expect("a target of that name")
});

fuzz_target!(
    init: {
        if let Some(folder) = std::env::var_os("CROW_FUZZ_SEEDS") {
            for (number, seed) in (TARGET.seeds)().iter().enumerate() {
                std::fs::write(Path::new(&folder).join(format!("seed-{number}")), seed).expect("written");
            }
        }
    },
    |input: &[u8]| (TARGET.run)(input)
);

//! The long forms of the tests of crashes: `cargo bench --bench campaign -- k1 100` kills the real binary a hundred times during 10,000
//! deliveries, `-- k2 2000` takes its power two thousand times. A second number is the seed. Each prints its figures and ends with 1 if
//! something was not as it must be.

use kills::Plan;
use std::process::ExitCode;

#[path = "../tests/it/storage/disk.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod disk;
#[path = "../tests/it/storage/kills.rs"]
mod kills;
#[path = "../tests/it/storage/ledger.rs"]
mod ledger;
#[path = "../tests/it/storage/power.rs"]
mod power;
#[path = "../tests/it/storage/process.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod process;

/// Deliveries during which it is killed.
const DELIVERIES: u64 = 10_000;

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let number = |position: usize| arguments.get(position).and_then(|text| text.parse().ok());
    let (n, seed) = (number(1), number(2).unwrap_or(1));
    let (report, holds) = match arguments.first().map(String::as_str) {
        Some("k1") => {
            let report = kills::run(Plan { n_kills: n.unwrap_or(100), n_deliveries: DELIVERIES, seed }).await;
            (report.to_string(), report.holds())
        }
        Some("k2") => {
            let report = power::run(n.unwrap_or(2_000), seed).await;
            (report.to_string(), report.holds())
        }
        // Nothing was asked for: all benchmarks are run, and this is none.
        None => return ExitCode::SUCCESS,
        Some(other) => (format!("there is no {other}: k1 or k2, how often, and a seed"), false),
    };
    say(&report);
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
fn say(text: &str) {
    println!("{text}");
}

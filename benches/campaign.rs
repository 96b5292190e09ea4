//! The long forms of the tests of crashes: `cargo bench --bench campaign -- k1 100` kills the real binary a hundred times
//! during 10,000 deliveries, `-- k2 2000` takes its power two thousand times; a second number is the seed. `-- k9 600`
//! takes its network, its descriptors and its disk away for ten minutes, `-- faults 1800` injects random faults under
//! load for half an hour, `-- k10 1000000` lets it forget a million old rows of each log while others write, and
//! `-- soak 3600` runs the demo at 30-fold speed for an hour, with flat memory and files. Each prints its figures and
//! ends with 1 if something was not as it must be.

use crow::clock::RuntimeEnv;
use kills::Plan;
use std::process::ExitCode;
use std::time::Duration;

#[path = "../tests/it/storage/chaos.rs"]
mod chaos;
#[path = "../tests/it/storage/disk.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod disk;
#[path = "../tests/it/storage/kills.rs"]
mod kills;
#[path = "../tests/it/storage/ledger.rs"]
mod ledger;
#[path = "../tests/it/storage/outages.rs"]
mod outages;
#[path = "../tests/it/storage/power.rs"]
mod power;
#[path = "../tests/it/storage/process.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod process;
#[path = "../tests/it/storage/purge.rs"]
mod purge;
#[path = "../tests/it/storage/scene.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod scene;
#[path = "../tests/it/storage/soak.rs"]
mod soak;

/// Number of deliveries during which the platform is killed.
const DELIVERIES: u64 = 10_000;
/// The longest that a random fault lasts.
const MAX_FAULT: Duration = Duration::from_secs(5);

/// Samples every minute, or twenty times in a soak that takes less than twenty minutes.
fn soak_plan(lasting: Duration) -> soak::SoakPlan {
    let interval = (lasting / 20).clamp(Duration::from_millis(100), Duration::from_secs(60));
    let n_samples = usize::try_from(lasting.as_millis() / interval.as_millis()).unwrap_or(usize::MAX);
    soak::SoakPlan { n_samples: n_samples.max(8), interval }
}

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
        Some("k9") => {
            let lasting = Duration::from_secs(n.unwrap_or(600));
            let [network, descriptors, disk] = outages::FAULTS
                .map(|fault| outages::run(fault, async move |_| RuntimeEnv::real().sleep(lasting).await));
            let (network, descriptors, disk) = tokio::join!(network, descriptors, disk);
            let reports = [network, descriptors, disk];
            let lines: Vec<String> = reports.iter().map(ToString::to_string).collect();
            (lines.join("\n"), reports.iter().all(outages::Report::holds))
        }
        Some("k10") => {
            let report = purge::run(n.unwrap_or(1_000_000)).await;
            (report.to_string(), report.holds())
        }
        Some("faults") => {
            let lasting = Duration::from_secs(n.unwrap_or(1_800));
            let report = chaos::run(chaos::ChaosPlan { lasting, max_fault: MAX_FAULT, seed }).await;
            (report.to_string(), report.holds())
        }
        Some("soak") => {
            let report = soak::run(soak_plan(Duration::from_secs(n.unwrap_or(3_600))), say).await;
            (report.to_string(), report.holds())
        }
        // Nothing was asked for: all benchmarks are run, and this is none.
        None => return ExitCode::SUCCESS,
        Some(other) => (
            format!(
                "there is no {other}: k1, k2, k9, k10, faults or soak, how often, how long or how much, and a seed"
            ),
            false,
        ),
    };
    say(&report);
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
fn say(text: &str) {
    println!("{text}");
}

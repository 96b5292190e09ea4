//! What is stored stays: kills, losses of power, full disks, damaged files, second instances, backups, keys.

mod chaos;
mod continuity;
mod cuts;
mod damage;
mod disk;
mod faults;
mod forgery;
mod full;
mod instances;
mod kills;
mod ledger;
mod outages;
mod power;
mod privacy;
pub(crate) mod process;
mod purge;
mod scene;
mod small;
mod upgrade;
mod upkeep;

use chaos::ChaosPlan;
use kills::Plan;
use std::time::Duration;

/// The short forms; `cargo bench --bench campaign` runs the long ones.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k1_kills_lose_nothing_and_send_twice_only_what_was_under_way() {
    let report = kills::run(Plan { n_kills: 10, n_deliveries: 2_000, seed: 1 }).await;
    assert!(report.holds(), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k2_a_loss_of_power_takes_nothing_that_was_acknowledged() {
    let report = power::run(60, 1).await;
    assert!(report.holds(), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k9_an_outage_counts_against_nobody_fills_no_log_and_is_soon_forgotten() {
    // As long as it takes for three attempts in a row and one probe to fail, or for some writes.
    let run = |fault| {
        outages::run(fault, async |shim| {
            while shim.n_failed() < 8 {
                tokio::task::yield_now().await;
            }
        })
    };
    let [network, descriptors, disk] = outages::FAULTS.map(run);
    let (network, descriptors, disk) = tokio::join!(network, descriptors, disk);
    for report in [network, descriptors, disk] {
        assert!(report.holds(), "{report}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k10_what_is_old_is_forgotten_while_others_write() {
    let report = purge::run(3_000).await;
    assert!(report.holds(), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn faults_of_every_kind_under_load_lose_nothing_and_panic_nowhere() {
    let report =
        chaos::run(ChaosPlan { lasting: Duration::ZERO, max_fault: Duration::from_millis(300), seed: 1 }).await;
    assert!(report.holds(), "{report}");
}

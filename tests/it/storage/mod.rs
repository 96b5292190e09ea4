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
mod soak;
mod upgrade;
mod upkeep;

use chaos::ChaosPlan;
use kills::Plan;
use std::time::Duration;

/// The short forms; `cargo bench --bench campaign` runs the long ones.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k1_kills_lose_no_event_and_repeat_only_deliveries_in_flight() {
    let report = kills::run(Plan { n_kills: 10, n_deliveries: 2_000, seed: 1 }).await;
    assert!(report.holds(), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k2_a_power_loss_loses_no_acknowledged_event() {
    let report = power::run(60, 1).await;
    assert!(report.holds(), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn k9_an_outage_counts_against_no_subscription_fills_no_log_and_is_recovered_from() {
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
async fn k10_old_rows_are_deleted_while_others_write() {
    let report = purge::run(3_000).await;
    assert!(report.holds(), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_faults_under_load_lose_nothing_and_cause_no_panic() {
    let report =
        chaos::run(ChaosPlan { lasting: Duration::ZERO, max_fault: Duration::from_millis(300), seed: 1 }).await;
    assert!(report.holds(), "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demo_at_thirty_fold_speed_is_sampled_and_stays_small() {
    let report = soak::run(soak::SoakPlan { n_samples: 8, interval: Duration::ZERO }, |_| ()).await;
    assert!(report.holds(), "{report}");
}

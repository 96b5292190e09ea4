//! What is stored stays: kills, losses of power, full disks, damaged files, second instances, backups, keys.

mod cuts;
mod damage;
mod disk;
mod faults;
mod instances;
mod kills;
mod ledger;
mod power;
pub(crate) mod process;
mod upkeep;

use kills::Plan;

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

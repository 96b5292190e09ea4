//! K9: the real binary without a network, without descriptors, or without a disk, for a while.

use super::disk::Shim;
use super::process::lead;
use super::scene::Scene;
use crow::clock::RuntimeEnv;
use crow::wire::changes;
use std::fmt;
use std::time::Duration;

/// Faults of the network, descriptors and disk, by the error codes that the preloaded library returns.
pub(crate) const FAULTS: [&str; 3] = ["ENETUNREACH", "EMFILE", "ENOSPC"];
/// Subscriptions, and events for each.
const SUBSCRIPTIONS: i64 = 3;
const EVENTS: u64 = 20;
/// Lines that may be logged.
const LINES: usize = 100;
/// Maximum CPU time: seconds regardless of the duration, and a share of the duration.
const USED: (f64, f64) = (5.0, 0.05);
/// Within this, everything is delivered when what was gone is back.
const RECOVERED: Duration = Duration::from_secs(15);
/// Maximum time that a run waits for recovery.
const PATIENCE: Duration = Duration::from_secs(60);
/// Ticks of a process's time in a second.
const TICKS: f64 = 100.0;

/// Result of a run.
#[derive(Debug)]
pub(crate) struct Report {
    fault: &'static str,
    lasted: Duration,
    n_lines: usize,
    /// Seconds of a core.
    used: f64,
    /// Highest number of failures in a row that the outage left.
    streak: u64,
    recovered_in: Duration,
    /// Requests that came, of those that should.
    n_arrived: (u64, u64),
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (came, should) = self.n_arrived;
        write!(
            f,
            "K9, {} for {:.0} s: {} lines logged, {:.2} s of a core used, streaks up to {}, {came} of {should} requests, recovered in {:.1} s",
            self.fault,
            self.lasted.as_secs_f64(),
            self.n_lines,
            self.used,
            self.streak,
            self.recovered_in.as_secs_f64()
        )
    }
}

impl Report {
    /// Checks whether the run met every requirement.
    pub(crate) fn holds(&self) -> bool {
        let (came, should) = self.n_arrived;
        let may_use = USED.0.max(self.lasted.as_secs_f64() * USED.1);
        let is_quiet = self.n_lines <= LINES && self.used <= may_use;
        is_quiet && self.streak == 0 && came == should && self.recovered_in <= RECOVERED
    }
}

/// Takes something away for as long as `lasting` takes.
pub(crate) async fn run(fault: &'static str, lasting: impl AsyncFnOnce(&Shim)) -> Report {
    let scene = Scene::start(SUBSCRIPTIONS).await;
    let Scene { shim, ledger, serving, company, .. } = &scene;
    let (operator, ambient) = (serving.operator(), RuntimeEnv::real());
    let is_disk = fault == "ENOSPC";
    if is_disk {
        // Nothing can be emitted then; what was before must be under way.
        ledger.hold();
        operator.change(&changes::EMIT_EVENT, &lead(*company)).await.expect("an event");
        patiently("requests", ledger.arrived(SUBSCRIPTIONS.unsigned_abs())).await;
    }
    let (before, watch) = (serving.used(), ambient.stopwatch());
    shim.fail(fault);
    ledger.go_on();
    let n_events = if is_disk { 1 } else { EVENTS };
    for _ in 0..if is_disk { 0 } else { EVENTS } {
        operator.change(&changes::EMIT_EVENT, &lead(*company)).await.expect("an event");
    }
    lasting(shim).await;
    let (lasted, used) = (watch.elapsed(), serving.used() - before);
    let streak = async || {
        let rows = operator.overview(10).await.expect("reads go on").subscriptions.items;
        rows.iter().map(|row| u64::from(row.failures_in_a_row())).max().unwrap_or(0)
    };
    let during = streak().await;
    shim.mend();
    let watch = ambient.stopwatch();
    let should = n_events * SUBSCRIPTIONS.unsigned_abs();
    patiently("recovery", async {
        ledger.arrived(should).await;
        while operator.attempts(None, 100).await.expect("a page").items.len() as u64 != should {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let recovered_in = watch.elapsed();
    let n_arrived = (ledger.n_arrived(), should);
    let streak = during.max(streak().await);
    Report { fault, lasted, n_lines: serving.n_logged(), used: used / TICKS, streak, recovered_in, n_arrived }
}

async fn patiently(what: &str, work: impl Future<Output = ()>) {
    assert!(RuntimeEnv::real().timeout(PATIENCE, work).await.is_some(), "waited too long: {what}");
}

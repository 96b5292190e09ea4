//! Random faults under load: the real binary takes events without a pause, and again and again its disk, descriptors, memory, network, clock or
//! process fails for a while. The receiver's ledger is held against what was acknowledged.

use super::disk::Shim;
use super::ledger::Ledger;
use super::process::{Serving, lead, subscription};
use crow::client::connection::PlatformClient;
use crow::clock::RuntimeEnv;
use crow::domain::ids::CompanyId;
use crow::domain::time::Timestamp;
use crow::wire::changes;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Subscriptions; each gets every event.
const SUBSCRIPTIONS: i64 = 4;
/// Tasks that emit events, and the pause of each between two.
const EMITTERS: usize = 2;
const EMIT_INTERVAL: Duration = Duration::from_millis(50);
/// Within this after a fault has ended, events are taken again.
const RECOVERY_LIMIT: Duration = Duration::from_secs(15);
/// Within this after the last fault, everything that was acknowledged has arrived.
const DRAIN_LIMIT: Duration = Duration::from_secs(60);
/// Maximum number of attempts that this load has in flight, each of which a kill or a step of the clock may repeat.
const MAX_IN_FLIGHT: u64 = 144;
/// Resident memory of the platform at most.
const MAX_RESIDENT: u64 = 150 << 20;
/// The pause between two looks at a condition.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// One way to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum ChaosFault {
    /// Changes of files or connections fail with this error.
    System(&'static str),
    /// The process may open a few more descriptors and then no more.
    FewDescriptors,
    /// The process may allocate a few more MiB and then no more.
    LittleMemory,
    /// The wall clock is off by so many seconds, and right again afterwards.
    Clock(i64),
    /// `kill -9`.
    Kill,
    /// SIGTERM.
    Terminate,
    /// SIGSTOP, later SIGCONT.
    Stop,
}

use ChaosFault::{Clock, FewDescriptors, Kill, LittleMemory, Stop, System, Terminate};

const FAULTS: [ChaosFault; 15] = [
    System("ENOSPC"),
    System("EIO"),
    System("EROFS"),
    System("TIGHT"),
    System("ENETUNREACH"),
    System("EMFILE"),
    FewDescriptors,
    LittleMemory,
    Clock(300),
    Clock(-300),
    Clock(86_400),
    Clock(-86_400),
    Kill,
    Terminate,
    Stop,
];

impl fmt::Display for ChaosFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            System(error) => f.write_str(error),
            FewDescriptors => f.write_str("few descriptors"),
            LittleMemory => f.write_str("little memory"),
            Clock(seconds) => write!(f, "clock {seconds:+} s"),
            Kill => f.write_str("kill -9"),
            Terminate => f.write_str("SIGTERM"),
            Stop => f.write_str("SIGSTOP"),
        }
    }
}

/// Plan of a run: duration of the faults, and the seed of their order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChaosPlan {
    /// The campaign ends after the first whole round of faults at which this has passed; zero: one round.
    pub(crate) lasting: Duration,
    /// The longest that one fault lasts.
    pub(crate) max_fault: Duration,
    pub(crate) seed: u64,
}

/// Result of a run.
#[derive(Debug, Default)]
pub(crate) struct ChaosReport {
    seed: u64,
    lasted: Duration,
    n_by_fault: BTreeMap<String, u64>,
    n_acknowledged: u64,
    n_delivered: u64,
    n_lost: u64,
    n_duplicates: u64,
    max_duplicates: u64,
    n_panics: u64,
    /// Ends of the process that no fault explains.
    n_unexplained_ends: u64,
    slowest_recovery: (Duration, String),
    /// Resident bytes after the first round, at the end, and at most.
    resident: (u64, u64, u64),
}

impl fmt::Display for ChaosReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n_faults: u64 = self.n_by_fault.values().sum();
        let (first, last, most) = self.resident;
        let (slowest, fault) = &self.slowest_recovery;
        writeln!(
            f,
            "faults, seed {}: {n_faults} in {:.0} s: {} events acknowledged, {} deliveries, {} lost, {} duplicates (at most {}), {} panics, {} \
             unexplained ends, slowest recovery {:.1} s ({fault}), resident {} MiB after the first round, {} at the end, {} at most",
            self.seed,
            self.lasted.as_secs_f64(),
            self.n_acknowledged,
            self.n_delivered,
            self.n_lost,
            self.n_duplicates,
            self.max_duplicates,
            self.n_panics,
            self.n_unexplained_ends,
            slowest.as_secs_f64(),
            first >> 20,
            last >> 20,
            most >> 20
        )?;
        let each: Vec<String> = self.n_by_fault.iter().map(|(fault, n)| format!("{fault} x{n}")).collect();
        f.write_str(&each.join(", "))
    }
}

impl ChaosReport {
    /// Checks whether the run met every requirement.
    pub(crate) fn holds(&self) -> bool {
        let is_quick = self.slowest_recovery.0 <= RECOVERY_LIMIT;
        let is_whole = self.n_lost == 0 && self.n_duplicates <= self.max_duplicates && self.n_acknowledged > 0;
        is_quick && is_whole && self.n_panics == 0 && self.n_unexplained_ends == 0 && self.resident.2 <= MAX_RESIDENT
    }
}

/// Platform under faults, with the record of published and acknowledged events.
struct ChaosScene {
    home: TempDir,
    shim: Shim,
    serving: Serving,
    bind: String,
    report: ChaosReport,
}

impl ChaosScene {
    fn dir(&self) -> PathBuf {
        self.home.path().join("data")
    }

    /// Starts the process again on the same address.
    fn restart(&mut self) {
        let next = Serving::under(&self.dir(), &self.bind, |command| self.shim.under(command));
        let last = std::mem::replace(&mut self.serving, next);
        self.report.n_panics += last.n_panicked();
    }

    /// Injects one fault for `lasting`, ends it, and waits until the platform accepts an event again.
    async fn suffer(&mut self, fault: ChaosFault, lasting: Duration, company: CompanyId) {
        let ambient = RuntimeEnv::real();
        *self.report.n_by_fault.entry(fault.to_string()).or_default() += 1;
        let pid = self.serving.id();
        self.report.resident.2 = self.report.resident.2.max(self.serving.resident());
        let mut may_end = false;
        match fault {
            System(error) => {
                self.shim.fail(error);
                ambient.sleep(lasting).await;
                self.shim.mend();
            }
            FewDescriptors => {
                prlimit(pid, &format!("--nofile={}:", self.serving.n_descriptors() + 3));
                ambient.sleep(lasting).await;
                prlimit(pid, "--nofile=1024:");
            }
            LittleMemory => {
                prlimit(pid, &format!("--as={}:", self.serving.address_space() + (4 << 20)));
                ambient.sleep(lasting).await;
                prlimit(pid, "--as=unlimited:");
                may_end = true;
            }
            Clock(seconds) => {
                self.shim.set_clock(seconds);
                ambient.sleep(lasting).await;
                self.shim.set_clock(0);
            }
            Kill => {
                self.serving.signal("-KILL");
                may_end = true;
            }
            Terminate => {
                self.serving.signal("-TERM");
                may_end = true;
                self.serving.wait();
            }
            Stop => {
                self.serving.signal("-STOP");
                ambient.sleep(lasting).await;
                self.serving.signal("-CONT");
            }
        }
        if matches!(fault, Kill | LittleMemory | Clock(_) | Stop) {
            self.report.max_duplicates += MAX_IN_FLIGHT;
        }
        let watch = ambient.stopwatch();
        while self.serving.operator().change(&changes::EMIT_EVENT, &lead(company)).await.is_err() {
            if self.serving.has_ended() {
                self.report.n_unexplained_ends += u64::from(!may_end);
                self.restart();
            }
            if watch.elapsed() > RECOVERY_LIMIT {
                break;
            }
            ambient.sleep(POLL_INTERVAL).await;
        }
        if watch.elapsed() > self.report.slowest_recovery.0 {
            self.report.slowest_recovery = (watch.elapsed(), fault.to_string());
        }
    }
}

fn prlimit(pid: u32, limit: &str) {
    // The process may have ended meanwhile; the next call to it tells.
    let _ =
        Command::new("prlimit").args(["--pid", &pid.to_string(), limit]).stderr(std::process::Stdio::null()).status();
}

/// Runs the campaign.
pub(crate) async fn run(plan: ChaosPlan) -> ChaosReport {
    let (ambient, dice) = (RuntimeEnv::real(), RuntimeEnv::scripted(Timestamp::default(), plan.seed));
    let home = TempDir::new().expect("a directory");
    let dir = home.path().join("data");
    let shim = Shim::build(home.path(), &dir);
    let ledger = Ledger::start().await;
    let serving = Serving::with(&dir, |command| shim.under(command));
    let (company, partner) = serving.company().await;
    for number in 1..=SUBSCRIPTIONS {
        partner.create_subscription(&subscription(&ledger.url(number))).await.expect("a subscription");
    }
    let bind = serving.address.trim_start_matches("http://").to_owned();
    let acknowledged = Arc::new(watch::Sender::<Vec<i64>>::default());
    let mut emitters = JoinSet::new();
    for _ in 0..EMITTERS {
        emitters.spawn(emit(serving.operator(), company.id, Arc::clone(&acknowledged)));
    }
    let mut scene =
        ChaosScene { home, shim, serving, bind, report: ChaosReport { seed: plan.seed, ..ChaosReport::default() } };
    let watch = ambient.stopwatch();
    loop {
        let mut faults = FAULTS.to_vec();
        while !faults.is_empty() {
            let fault = faults.swap_remove(dice.random_below(faults.len()));
            let millis = usize::try_from(plan.max_fault.as_millis()).expect("small");
            scene.suffer(fault, Duration::from_millis(50 + dice.random_below(millis) as u64), company.id).await;
        }
        if scene.report.resident.0 == 0 {
            scene.report.resident.0 = scene.serving.resident();
        }
        if watch.elapsed() >= plan.lasting {
            break;
        }
    }
    emitters.shutdown().await;
    let acknowledged = acknowledged.borrow().clone();
    let missing = || {
        let counts = ledger.counts();
        let is_missing = |event: &&i64| (1..=SUBSCRIPTIONS).any(|number| !counts.contains_key(&(number, **event)));
        acknowledged.iter().filter(is_missing).count() as u64
    };
    let drain = ambient.stopwatch();
    while missing() > 0 && drain.elapsed() < DRAIN_LIMIT {
        ambient.sleep(POLL_INTERVAL * 20).await;
    }
    let counts = ledger.counts();
    let resident = scene.serving.resident();
    let ChaosScene { mut report, serving, home: _home, .. } = scene;
    report.lasted = watch.elapsed();
    report.n_lost = missing();
    report.n_acknowledged = acknowledged.len() as u64;
    report.n_delivered = counts.len() as u64;
    report.n_duplicates = counts.values().map(|n| n - 1).sum();
    report.n_panics += serving.n_panicked();
    report.resident.1 = resident;
    report.resident.2 = report.resident.2.max(resident);
    report
}

/// Emits for ever, and writes down what was acknowledged.
async fn emit(operator: PlatformClient, company: CompanyId, acknowledged: Arc<watch::Sender<Vec<i64>>>) {
    loop {
        if let Ok(event) = operator.change(&changes::EMIT_EVENT, &lead(company)).await {
            acknowledged.send_modify(|ids| ids.push(event.id.0));
        }
        RuntimeEnv::real().sleep(EMIT_INTERVAL).await;
    }
}

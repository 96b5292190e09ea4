//! K1: `kill -9` of the real binary while it delivers, at random points. The receiver's ledger is held against the database.

use super::ledger::Ledger;
use super::process::{Serving, lead, subscription};
use crow::client::connection::PlatformClient;
use crow::clock::{RuntimeEnv, Stopwatch};
use crow::domain::ids::CompanyId;
use crow::domain::time::Timestamp;
use crow::wire::changes;
use rusqlite::{Connection, OpenFlags};
use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// Subscriptions; each gets every event.
const SUBSCRIPTIONS: i64 = 8;
/// Number of tasks that emit events at the same time.
const EMITTERS: usize = 4;
/// Within this, what a killed process had claimed must be settled by the next one.
const RESOLVED: Duration = Duration::from_secs(15);
/// Maximum time that a run waits for the next thousand deliveries.
const PATIENCE: Duration = Duration::from_secs(60);

/// Extent of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) n_kills: u64,
    pub(crate) n_deliveries: u64,
    pub(crate) seed: u64,
}

/// Result of a run.
#[derive(Debug)]
pub(crate) struct Report {
    plan: Plan,
    n_events: u64,
    /// Events that were acknowledged and are not in the database, or were not delivered to everybody.
    n_lost: u64,
    /// Requests for a delivery beyond its first.
    n_duplicates: u64,
    /// Repeated deliveries that no kill explains, because none of their attempts was in flight.
    n_unexplained: u64,
    /// Sum of the deliveries in flight at the kills.
    n_in_flight: u64,
    /// Deliveries that are in another state than `succeeded` at the end.
    n_stuck: u64,
    /// Longest time from a start until all claims of the killed process were settled.
    slowest: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { n_kills, n_deliveries, seed } = self.plan;
        write!(
            f,
            "K1, seed {seed}: {n_kills} kills during {n_deliveries} deliveries of {} events: {} lost, {} stuck, {} duplicates ({} under way at \
             the kills, {} duplicates unexplained by that), claims settled at most {:.1} s after a start",
            self.n_events,
            self.n_lost,
            self.n_stuck,
            self.n_duplicates,
            self.n_in_flight,
            self.n_unexplained,
            self.slowest.as_secs_f64()
        )
    }
}

impl Report {
    /// Checks whether the run met every requirement.
    pub(crate) fn holds(&self) -> bool {
        self.n_lost == 0 && self.n_stuck == 0 && self.n_unexplained == 0 && self.slowest <= RESOLVED
    }
}

/// A claim that a killed process left behind.
struct Claim {
    delivery: i64,
    subscription: i64,
    event: i64,
    lease: String,
}

/// Number of events that may be emitted, and the acknowledged ones.
struct Emission {
    acknowledged: watch::Sender<Vec<i64>>,
    allowed: Semaphore,
    is_up: watch::Sender<bool>,
}

pub(crate) async fn run(plan: Plan) -> Report {
    let home = TempDir::new().expect("a directory");
    let dir = home.path().join("data");
    let ledger = Ledger::start().await;
    let dice = RuntimeEnv::scripted(Timestamp::default(), plan.seed);
    let mut serving = Serving::start(&dir);
    let bind = serving.address.trim_start_matches("http://").to_owned();
    let (company, partner) = serving.company().await;
    for number in 1..=SUBSCRIPTIONS {
        partner.create_subscription(&subscription(&ledger.url(number))).await.expect("a subscription");
    }
    let n_events = plan.n_deliveries / SUBSCRIPTIONS.unsigned_abs();
    let emission = Arc::new(Emission {
        acknowledged: watch::Sender::default(),
        allowed: Semaphore::new(0),
        is_up: watch::Sender::new(true),
    });
    let mut emitters = JoinSet::new();
    for _ in 0..EMITTERS {
        emitters.spawn(emit(serving.operator(), company.id, Arc::clone(&emission)));
    }
    let (mut explained, mut n_in_flight, mut slowest) = (HashMap::<(i64, i64), u64>::new(), 0, Duration::ZERO);
    let turns = plan.n_kills + 1;
    for kill in 0..plan.n_kills {
        let n = n_events * (kill + 1) / turns - n_events * kill / turns;
        let point = ledger.n_arrived() + 1 + dice.random_below(usize::try_from(n * 7).expect("small").max(1)) as u64;
        emission.allowed.add_permits(usize::try_from(n).expect("small"));
        patiently("requests before a kill", ledger.arrived(point)).await;
        emission.is_up.send_replace(false);
        serving.kill();
        let claims = claims(&dir);
        n_in_flight += claims.len() as u64;
        for claim in &claims {
            *explained.entry((claim.subscription, claim.event)).or_default() += 1;
        }
        serving = Serving::at(&dir, &bind);
        emission.is_up.send_replace(true);
        slowest = slowest.max(settled(&dir, &claims).await);
    }
    emission.allowed.add_permits(usize::try_from(n_events - n_events * plan.n_kills / turns).expect("small"));
    let mut acknowledged = emission.acknowledged.subscribe();
    let all = acknowledged.wait_for(|ids| ids.len() as u64 >= n_events);
    drop(patiently("everything is emitted", all).await.expect("it stays open"));
    emitters.abort_all();
    let database = live(&dir);
    let n_stuck = finished(&database).await;
    drop(serving);
    let counts = ledger.counts();
    let acknowledged = emission.acknowledged.borrow().clone();
    let is_lost = |event: &&i64| (1..=SUBSCRIPTIONS).any(|number| !counts.contains_key(&(number, **event)));
    let beyond =
        |(place, n): (&(i64, i64), &u64)| (n - 1, (n - 1).saturating_sub(explained.get(place).copied().unwrap_or(0)));
    let (n_duplicates, n_unexplained) =
        counts.iter().map(beyond).fold((0, 0), |sum, (all, unexplained)| (sum.0 + all, sum.1 + unexplained));
    let n_lost = acknowledged.iter().filter(is_lost).count() as u64;
    Report { plan, n_events, n_lost, n_duplicates, n_unexplained, n_in_flight, n_stuck, slowest }
}

/// Emits the permitted events in an endless loop and retries without an answer; an unanswered event may or may not
/// exist.
async fn emit(operator: PlatformClient, company: CompanyId, emission: Arc<Emission>) {
    let mut up = emission.is_up.subscribe();
    loop {
        emission.allowed.acquire().await.expect("it stays open").forget();
        let id = loop {
            match operator.change(&changes::EMIT_EVENT, &lead(company)).await {
                Ok(event) => break event.id.0,
                Err(_) => drop(up.wait_for(|is_up| *is_up).await.expect("it stays open")),
            }
        };
        emission.acknowledged.send_modify(|ids| ids.push(id));
    }
}

/// Reads the claims of the killed process from a copy, so that the next process finds the files unchanged.
fn claims(dir: &Path) -> Vec<Claim> {
    let copy = TempDir::new().expect("a directory");
    for name in ["platform.db", "platform.db-wal"] {
        if dir.join(name).exists() {
            std::fs::copy(dir.join(name), copy.path().join(name)).expect("copied");
        }
    }
    let database = Connection::open(copy.path().join("platform.db")).expect("a database");
    let mut statement = database
        .prepare(
            "SELECT id, d.subscription_id, event_id, token FROM leases l JOIN deliveries d ON d.id = l.delivery_id",
        )
        .expect("a statement");
    let claims = statement.query_map([], |row| {
        Ok(Claim { delivery: row.get(0)?, subscription: row.get(1)?, event: row.get(2)?, lease: row.get(3)? })
    });
    claims.expect("rows").collect::<Result<_, _>>().expect("claims")
}

fn live(dir: &Path) -> Connection {
    let database =
        Connection::open_with_flags(dir.join("platform.db"), OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a database");
    database.busy_timeout(Duration::from_secs(5)).expect("set");
    database
}

/// Waits until each of the claims was succeeded by an end of its delivery. How long that took.
async fn settled(dir: &Path, claims: &[Claim]) -> Duration {
    let database = live(dir);
    let watch: Stopwatch = RuntimeEnv::real().stopwatch();
    for claim in claims {
        let sql =
            "SELECT state = 'succeeded' AND NOT EXISTS (SELECT 1 FROM leases WHERE delivery_id = ?1 AND token = ?2)
                   FROM deliveries WHERE id = ?1";
        let is_settled =
            || database.query_row(sql, (claim.delivery, &claim.lease), |row| row.get::<_, bool>(0)).expect("a row");
        while !is_settled() && watch.elapsed() <= RESOLVED {
            RuntimeEnv::real().sleep(Duration::from_millis(2)).await;
        }
        if watch.elapsed() > RESOLVED {
            break;
        }
    }
    watch.elapsed()
}

/// Waits until every delivery has succeeded, for as long as their number falls. How many have not.
async fn finished(database: &Connection) -> u64 {
    let sql = "SELECT count(*) FROM deliveries WHERE state <> 'succeeded'";
    let left = || database.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a number");
    let (mut lowest, mut watch) = (left(), RuntimeEnv::real().stopwatch());
    while lowest > 0 && watch.elapsed() < RESOLVED {
        RuntimeEnv::real().sleep(Duration::from_millis(20)).await;
        let n = left();
        if n < lowest {
            (lowest, watch) = (n, RuntimeEnv::real().stopwatch());
        }
    }
    lowest.unsigned_abs()
}

async fn patiently<T>(what: &str, work: impl Future<Output = T>) -> T {
    RuntimeEnv::real().timeout(PATIENCE, work).await.unwrap_or_else(|| panic!("waited too long: {what}"))
}

//! K2: a loss of power at a random moment. What was acknowledged before is there afterwards, whole, and everything opens.

use super::disk::{Change, Shim, image};
use super::ledger::Ledger;
use super::process::{Serving, crow, done, ended, lead, subscription};
use crow::clock::RuntimeEnv;
use crow::domain::time::Timestamp;
use crow::wire::changes;
use rusqlite::Connection;
use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use tokio::task::JoinSet;

/// Subscriptions; each has a delivery of every event.
const SUBSCRIPTIONS: i64 = 3;
/// Number of tasks that emit at the same time, so that commits have several writes.
const EMITTERS: usize = 6;
/// Number of events that each task emits.
const EACH: usize = 25;

/// Result of a run.
#[derive(Debug, Default)]
pub(crate) struct Report {
    n_losses: u64,
    n_acknowledged: usize,
    n_changes: usize,
    /// Faults found, each with the power loss before it.
    faults: Vec<String>,
}

impl Report {
    /// Checks whether the run met every requirement.
    pub(crate) fn holds(&self) -> bool {
        self.faults.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "K2: {} losses of power among {} changes of files, {} acknowledged events: {} faults",
            self.n_losses,
            self.n_changes,
            self.n_acknowledged,
            self.faults.len()
        )?;
        self.faults.iter().take(10).try_for_each(|fault| write!(f, "\n  {fault}"))
    }
}

/// An event that was answered, and how far the record was then.
type Acknowledged = (i64, usize);

/// Creates a platform, publishes events, kills the platform and changes its key; then loses power `n` times at random
/// points of the recorded changes.
pub(crate) async fn run(n: u64, seed: u64) -> Report {
    let home = TempDir::new().expect("a directory");
    let dir = home.path().join("data");
    let shim = Arc::new(Shim::build(home.path(), &dir));
    let serving = Serving::with(&dir, |command| shim.record(command));
    let founded_at = shim.position();
    let acknowledged = work(&serving, &shim).await;
    serving.kill();
    let mut rekey = crow(&["db", "rekey"], &dir);
    shim.record(&mut rekey);
    done(&mut rekey);
    let changes = shim.changes();
    let last = changes.last().map_or(0, |change| change.end);
    let mut report =
        Report { n_losses: n, n_acknowledged: acknowledged.len(), n_changes: changes.len(), ..Report::default() };
    for loss in 0..n {
        let dice = RuntimeEnv::scripted(Timestamp::default(), seed.wrapping_mul(1_000_003).wrapping_add(loss));
        let at = moment(&changes, &dice);
        if let Err(fault) = judge(&changes, at, founded_at, &acknowledged, &dice) {
            report.faults.push(format!("loss {loss} at {at} of {last}: {fault}"));
        }
    }
    report
}

/// Emits from several sides at once. Everything that was acknowledged.
async fn work(serving: &Serving, shim: &Arc<Shim>) -> Vec<Acknowledged> {
    let ledger = Ledger::start().await;
    let (company, partner) = serving.company().await;
    for number in 1..=SUBSCRIPTIONS {
        partner.create_subscription(&subscription(&ledger.url(number))).await.expect("a subscription");
    }
    let acknowledged = Arc::<Mutex<Vec<Acknowledged>>>::default();
    let mut emitters = JoinSet::new();
    for _ in 0..EMITTERS {
        let (operator, shim, acknowledged) = (serving.operator(), Arc::clone(shim), Arc::clone(&acknowledged));
        emitters.spawn(async move {
            for _ in 0..EACH {
                let event = operator.change(&changes::EMIT_EVENT, &lead(company.id)).await.expect("an event");
                acknowledged.lock().expect("not poisoned").push((event.id.0, shim.position()));
            }
        });
    }
    emitters.join_all().await;
    acknowledged.lock().expect("not poisoned").clone()
}

/// Somewhere in the record, between two changes.
fn moment(changes: &[Change], dice: &RuntimeEnv) -> usize {
    changes[dice.random_below(changes.len())].end
}

/// Loses power, and looks at what is left.
fn judge(
    changes: &[Change],
    at: usize,
    founded_at: usize,
    acknowledged: &[Acknowledged],
    dice: &RuntimeEnv,
) -> Result<(), String> {
    let home = TempDir::new().expect("a directory");
    image(changes, at, home.path(), dice);
    if at < founded_at {
        // Nothing was promised yet but that it starts.
        return Serving::attempt(home.path()).map(drop);
    }
    let verified = ended(&mut crow(&["db", "verify"], home.path()));
    if !verified.status.success() {
        return Err(format!("{verified:?}"));
    }
    kept(home.path(), acknowledged.iter().filter(|(_, position)| *position <= at)).map_err(|error| error.to_string())?
}

/// Every acknowledged event is there with all its deliveries.
fn kept<'a>(
    dir: &Path,
    mut acknowledged: impl Iterator<Item = &'a Acknowledged>,
) -> rusqlite::Result<Result<(), String>> {
    let database = Connection::open(dir.join("platform.db"))?;
    let mut statement = database.prepare(
        "SELECT (SELECT count(*) FROM events WHERE id = ?1), (SELECT count(*) FROM deliveries WHERE event_id = ?1)",
    )?;
    acknowledged
        .try_for_each(|(event, _)| {
            match statement.query_row([event], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))) {
                Ok((1, SUBSCRIPTIONS)) => Ok(()),
                Ok((n, n_deliveries)) => {
                    Err(Ok(Err(format!("event {event} was acknowledged: {n} of it, {n_deliveries} deliveries"))))
                }
                Err(error) => Err(Err(error)),
            }
        })
        .map_or_else(|fault| fault, |()| Ok(Ok(())))
}

//! K10: much that is old is forgotten while others write.

use super::process::{Serving, lead, subscription};
use crow::clock::RuntimeEnv;
use crow::domain::ids::CompanyId;
use crow::wire::changes;
use crow::wire::subscriptions::DisableSubscription;
use rusqlite::{Connection, params};
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tempfile::TempDir;

/// Bytes that the write-ahead log may come to.
const LOG: u64 = 256 << 20;
/// Ages of the rows that are deleted and of those that are kept.
const OLD: Duration = Duration::from_secs(100 * 86_400);
const KEEP: &str = "90d";
/// Maximum time to delete a slice, per row; far more than needed.
const PATIENCE_PER_ROW: Duration = Duration::from_millis(20);

/// Result of a run.
#[derive(Debug)]
pub(crate) struct Report {
    n_rows: u64,
    took: Duration,
    /// Events that were emitted meanwhile, and what 99 in a hundred of these calls took at most.
    n_calls: usize,
    p99: Duration,
    longest_log: u64,
    /// Old rows that are still there, and new ones that are not.
    n_wrong: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "K10: {} attempts, deliveries and events each forgotten in {:.0} s, beside {} writes with p99 {:.1} ms; the log was at most {} MiB; {} rows wrong",
            self.n_rows,
            self.took.as_secs_f64(),
            self.n_calls,
            self.p99.as_secs_f64() * 1_000.0,
            self.longest_log >> 20,
            self.n_wrong
        )
    }
}

impl Report {
    /// Checks whether the run met every requirement.
    pub(crate) fn holds(&self) -> bool {
        self.n_wrong == 0 && self.longest_log <= LOG && self.n_calls > 0
    }
}

/// Forgets `n_rows` of each log.
pub(crate) async fn run(n_rows: u64) -> Report {
    let home = TempDir::new().expect("a directory");
    let dir = home.path().join("data");
    let serving = Serving::start(&dir);
    let (company, partner) = serving.company().await;
    // Events emitted meanwhile have no subscription: the test is about the database alone.
    let nobody = partner.create_subscription(&subscription("http://127.0.0.1:9/")).await.expect("a subscription");
    serving
        .operator()
        .change(changes::DISABLE_SUBSCRIPTION.at(nobody.subscription.id), &DisableSubscription::default())
        .await
        .expect("disabled");
    serving.stop();
    fill(&dir, i64::try_from(n_rows).expect("few"));
    let serving = Serving::with(&dir, |command| {
        command.args(["--keep", KEEP]);
    });
    let (ambient, stop) = (RuntimeEnv::real(), Arc::new(AtomicBool::new(false)));
    let watch = ambient.stopwatch();
    let emitting = tokio::spawn(emit(serving.operator(), company.id, Arc::clone(&stop)));
    let database = Connection::open(dir.join("platform.db")).expect("a database");
    let count = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a count");
    let mut longest_log = 0;
    let limit = PATIENCE_PER_ROW * u32::try_from(n_rows).expect("few") + Duration::from_secs(60);
    let gone = ambient.timeout(limit, async {
        while count("SELECT count(*) FROM (SELECT 1 FROM events WHERE kind = 'client.created' LIMIT 1)") > 0 {
            longest_log = longest_log.max(std::fs::metadata(serving.log()).map_or(0, |file| file.len()));
            ambient.sleep(Duration::from_millis(100)).await;
        }
    });
    assert!(gone.await.is_some(), "waited too long: old rows are still there");
    let took = watch.elapsed();
    stop.store(true, Ordering::Relaxed);
    let mut calls = emitting.await.expect("no write is refused");
    calls.sort_unstable();
    let left = ["attempts", "deliveries"].map(|table| {
        count(&format!(
            "SELECT count(*) FROM {table} WHERE event_id IN (SELECT id FROM events WHERE kind = 'client.created')"
        ))
    });
    let n_calls = i64::try_from(calls.len()).expect("few");
    let n_missing = n_calls.abs_diff(count("SELECT count(*) FROM events"));
    Report {
        n_rows,
        took,
        n_calls: calls.len(),
        p99: calls.get(calls.len() * 99 / 100).copied().unwrap_or_default(),
        longest_log,
        n_wrong: left.iter().sum::<i64>().unsigned_abs() + n_missing,
    }
}

/// Old events, each delivered in one attempt.
fn fill(dir: &Path, n: i64) {
    let mut database = Connection::open(dir.join("platform.db")).expect("a database");
    let at = RuntimeEnv::real().now().minus(OLD).millis();
    let body = "x".repeat(400);
    let transaction = database.transaction().expect("a transaction");
    for id in 1..=n {
        let run = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
            transaction.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).expect("inserted");
        };
        run(
            "INSERT INTO events (id, company_id, kind, created_at, body) VALUES (?1, 1, 'client.created', ?2, ?3)",
            params![id, at, body.as_bytes()],
        );
        run(
            "INSERT INTO deliveries (id, event_id, subscription_id, company_id, kind, state, n_attempts, retry_base_ms, created_at)
             VALUES (?1, ?1, 1, 1, 'scheduled', 'succeeded', 1, 1000, ?2)",
            params![id, at],
        );
        run(
            "INSERT INTO attempts (company_id, subscription_id, target_url, delivery_id, event_id, event_type, kind, number, started_at,
                 elapsed_ms, status, request_headers, response_headers, response_body, n_response_bytes)
             VALUES (1, 1, 'http://127.0.0.1:9/', ?1, ?1, 'client.created', 'scheduled', 1, ?2, 5, 200, '[]', '[]', x'', 0)",
            params![id, at],
        );
    }
    transaction.execute("UPDATE counters SET value = ?1 WHERE name = 'event'", [n]).expect("counted");
    transaction.commit().expect("committed");
}

/// Emits events one after the other until `stop` is set. Returns the duration of each call.
async fn emit(
    operator: crow::client::connection::PlatformClient,
    company: CompanyId,
    stop: Arc<AtomicBool>,
) -> Vec<Duration> {
    let mut calls = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let watch = RuntimeEnv::real().stopwatch();
        operator.change(&changes::EMIT_EVENT, &lead(company)).await.expect("no write is refused");
        calls.push(watch.elapsed());
    }
    calls
}

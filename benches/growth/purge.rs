//! Purge of the oldest rows of a filled directory, while others write.

use crate::figures::{Figure, Unit};
use crate::process::{Serving, lead};
use crow::clock::RuntimeEnv;
use crow::domain::ids::CompanyId;
use crow::wire::changes;
use rusqlite::Connection;
use std::path::Path;
use std::time::Duration;

/// Oldest attempts that are purged, with their deliveries, events and the requests of their time: in the smallest
/// directory, deliveries after these are on hold, and are kept.
const ATTEMPTS: i64 = 2_000;
/// Events at the end of these that may be too young, because time passes.
const MARGIN: i64 = 20;
/// Maximum time of a purge.
const PATIENCE: Duration = Duration::from_secs(120);

/// Purges a slice and returns rows a second and the durations of writes meanwhile.
pub(crate) async fn measure(dir: &Path) -> Vec<Figure> {
    let ambient = RuntimeEnv::real();
    let database = Connection::open(dir.join("platform.db")).expect("a database");
    let number = |sql: &str, of: i64| database.query_row(sql, [of], |row| row.get::<_, i64>(0)).expect("a number");
    let (cut, event) = (
        number("SELECT started_at FROM attempts WHERE id = ?1", ATTEMPTS),
        number("SELECT event_id FROM attempts WHERE id = ?1", ATTEMPTS) - MARGIN,
    );
    let n_rows = number("SELECT count(*) FROM attempts WHERE event_id <= ?1 AND id <= 4000", event)
        + number("SELECT count(*) FROM deliveries WHERE event_id <= ?1", event)
        + 2 * event;
    let age = (ambient.now().millis() - cut) / 1_000;
    let serving = Serving::with(dir, |command| {
        command.args(["--keep", &format!("{age}s")]);
    });
    let (watch, operator) = (ambient.stopwatch(), serving.operator());
    let mut calls = Vec::new();
    let purged = ambient.timeout(PATIENCE, async {
        while number("SELECT EXISTS (SELECT 1 FROM events WHERE id <= ?1)", event) == 1 {
            let call = ambient.stopwatch();
            operator.change(&changes::EMIT_EVENT, &lead(CompanyId(1))).await.expect("no write is refused");
            calls.push(call.elapsed());
        }
    });
    assert!(purged.await.is_some(), "not purged within {PATIENCE:?}");
    let rows = f64::from(u32::try_from(n_rows).expect("few")) / watch.elapsed().as_secs_f64();
    serving.stop();
    let longest = calls.iter().max().copied().unwrap_or_default();
    vec![
        Figure::new("purge of the oldest rows", Unit::PerSecond, vec![rows]),
        Figure::millis("other writes meanwhile", &calls),
        Figure::millis("longest write meanwhile", &[longest]),
    ]
}

//! L1: callers without a key at full speed.

use super::{connect, database_size, exchange, flood_time, resident, say};
use crate::storage::process::Serving;
use crow::clock::RuntimeEnv;
use crow::wire::log::RequestQuery;
use std::time::Duration;
use tempfile::TempDir;
use tokio::task::JoinSet;

/// Requests that are sent at once.
const BATCH: usize = 20;
/// Maximum growth of the database, in bytes; the memory has a limit of its own.
const MAX_DATABASE_GROWTH: i64 = 1 << 20;
const MAX_MEMORY_GROWTH_KIB: i64 = 32 << 10;

/// Requests of a flood, each with the expected status.
fn kinds() -> Vec<(u16, String)> {
    let unknown = format!("wlcro_live_1_{}", "A".repeat(43));
    let long = "A".repeat(40_000);
    let request =
        |method: &str, path: &str, header: &str| format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}\r\n");
    vec![
        (501, request(&long, "/api/v1/events", "")),
        (404, request("GET", &format!("/api/v1/{}", "x".repeat(2_000)), "")),
        (
            401,
            request("GET", "/api/v1/events", &format!("X-Api-Key: {unknown}\r\nX-Request-Id: {}\r\n", "r".repeat(64))),
        ),
        (
            401,
            request(
                "GET",
                "/api/v1/events",
                &format!("X-Api-Key: {}\r\nUser-Agent: {}\r\n", "k".repeat(2_000), "u".repeat(8_000)),
            ),
        ),
        (405, request("PUT", "/api/v1/events", "")),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn l1_an_anonymous_flood_fills_neither_disk_nor_memory_and_hides_no_partner() {
    let home = TempDir::new().expect("a directory");
    let serving = Serving::start(home.path());
    let (_, partner) = serving.company().await;
    partner.events(None, 1).await.expect("an answer");
    let (size, memory) = (database_size(home.path()), resident(&serving));
    let ambient = RuntimeEnv::real();
    let mut flood = JoinSet::new();
    for (status, request) in kinds() {
        let (mut stream, ambient) = (connect(&serving).await, ambient.clone());
        flood.spawn(async move {
            let (batch, mut n) = (request.repeat(BATCH), 0);
            let watch = ambient.stopwatch();
            while watch.elapsed() < flood_time() {
                let statuses = exchange(&mut stream, batch.as_bytes(), BATCH).await.expect("answers");
                assert_eq!(statuses, [status; BATCH]);
                n += BATCH as u64;
            }
            (status, n)
        });
    }
    let mut n_polls = 1;
    let mut most_memory = memory;
    let watch = ambient.stopwatch();
    while watch.elapsed() < flood_time() {
        partner.events(None, 1).await.expect("an answer");
        n_polls += 1;
        most_memory = most_memory.max(resident(&serving));
        ambient.sleep(Duration::from_millis(10)).await;
    }
    let sent = flood.join_all().await;
    let n_sent: u64 = sent.iter().map(|(_, n)| n).sum();
    // Written down by the next round of the clerk.
    let operator = serving.operator();
    let log = loop {
        let log = operator.log_page(&RequestQuery::default(), None, 200).await.expect("the log");
        let n_counted: u64 = log.last_hour.iter().map(|of| of.n).sum();
        assert!(n_counted <= n_sent + n_polls, "nothing is counted twice");
        if n_counted == n_sent + n_polls {
            break log;
        }
        tokio::task::yield_now().await;
    };
    let database = rusqlite::Connection::open(home.path().join("platform.db")).expect("a database");
    let count = |condition: &str| -> u64 {
        let sql = format!("SELECT count(*) FROM requests WHERE {condition}");
        database.query_row(&sql, [], |row| row.get::<_, i64>(0)).expect("a number").unsigned_abs()
    };
    let n_rows = count("key_id IS NULL");
    let grown = (database_size(home.path()) - size, most_memory.max(resident(&serving)) - memory);
    let figures = format!("{n_sent} sent, {n_rows} rows; database + {} KiB, memory + {} KiB", grown.0 >> 10, grown.1);
    say(&format!("L1: {figures}"));
    assert_eq!(count("key_id IS NOT NULL"), n_polls, "each call of the partner has its row");
    assert!(n_sent > n_rows * 2, "{figures}: too few to show anything");
    assert_eq!(log.unlogged.iter().map(|of| of.n).sum::<u64>(), n_sent - n_rows, "what has no row is told");
    assert_eq!(count("method NOT IN ('GET', 'PUT', 'OTHER')"), 0);
    assert!(grown.0 <= MAX_DATABASE_GROWTH && grown.1 <= MAX_MEMORY_GROWTH_KIB, "{figures}");
}

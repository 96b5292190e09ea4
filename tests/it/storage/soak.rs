//! Soak: the demo runs at 30-fold speed, and memory, files and descriptors are looked at again and again. Memory must
//! not grow with what is stored, and a row must not take more and more space.

use super::process::{ANY, Serving, crow};
use crow::clock::RuntimeEnv;
use rusqlite::Connection;
use std::fmt;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// Speed of the simulated company.
const SPEED: &str = "30";
/// Lines of samples that are printed together.
const LINES: usize = 10;
/// Growth of memory from the second quarter to the last: a share, and bytes.
const MEMORY_GROWTH: (f64, u64) = (0.05, 2 << 20);
/// A shorter run does not get past the time in which caches fill, and is held against a fixed limit.
const MIN_JUDGED: Duration = Duration::from_secs(600);
const MAX_RESIDENT: u64 = 150 << 20;
/// Growth of the bytes for each row from the second quarter to the last: a share, and bytes of the file.
const ROW_GROWTH: (f64, u64) = (0.2, 4 << 20);
/// Bytes that the write-ahead log may come to.
const MAX_LOG: u64 = 256 << 20;
/// Descriptors by which the last quarter may exceed the second.
const DESCRIPTOR_GROWTH: usize = 32;
/// Maximum time without an attempt, and the pause between two looks.
const PATIENCE: Duration = Duration::from_secs(60);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Plan of a run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SoakPlan {
    pub(crate) n_samples: usize,
    /// Time between two samples. The platform makes at least one attempt between them, however short it is.
    pub(crate) interval: Duration,
}

/// State of the platform at one time.
#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Duration,
    resident: u64,
    /// Bytes of the database and of its write-ahead log.
    file: u64,
    log: u64,
    n_descriptors: usize,
    /// Rows of attempts, deliveries, events, requests and the audit trail.
    rows: [u64; 5],
}

impl Sample {
    fn take(serving: &Serving, database: &Connection, at: Duration) -> Self {
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len());
        let rows = ["attempts", "deliveries", "events", "requests", "audit"].map(|table| {
            let last = format!("SELECT coalesce(max(id), 0) FROM {table}");
            database.query_row(&last, [], |row| row.get::<_, i64>(0)).expect("a number").unsigned_abs()
        });
        Self {
            at,
            resident: serving.resident(),
            file: size(&serving.data_dir().join("platform.db")),
            log: size(&serving.log()),
            n_descriptors: serving.n_descriptors(),
            rows,
        }
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [attempts, deliveries, events, requests, audit] = self.rows;
        write!(
            f,
            "{:5.0} s: memory {:.1} MiB, database {:.1} MiB, its log {:.1} MiB, {} descriptors; {attempts} attempts, {deliveries} deliveries, {events} events, {requests} requests, {audit} audit rows",
            self.at.as_secs_f64(),
            mib(self.resident),
            mib(self.file),
            mib(self.log),
            self.n_descriptors
        )
    }
}

/// Medians of a quarter of the samples.
#[derive(Debug, Clone, Copy)]
struct Quarter {
    resident: u64,
    n_descriptors: usize,
    /// Size of the file and number of rows at its end.
    file: u64,
    n_rows: u64,
}

impl Quarter {
    fn of(samples: &[Sample]) -> Self {
        let mut resident: Vec<u64> = samples.iter().map(|sample| sample.resident).collect();
        let mut descriptors: Vec<usize> = samples.iter().map(|sample| sample.n_descriptors).collect();
        resident.sort_unstable();
        descriptors.sort_unstable();
        let last = samples.last();
        Self {
            resident: resident.get(resident.len() / 2).copied().unwrap_or_default(),
            n_descriptors: descriptors.get(descriptors.len() / 2).copied().unwrap_or_default(),
            file: last.map_or(0, |sample| sample.file),
            n_rows: last.map_or(0, |sample| sample.rows.iter().sum()),
        }
    }

    fn bytes_per_row(&self) -> f64 {
        as_float(self.file) / as_float(self.n_rows.max(1))
    }
}

/// Result of a run.
#[derive(Debug)]
pub(crate) struct Report {
    lasted: Duration,
    second: Quarter,
    last: Quarter,
    /// Largest write-ahead log.
    max_log: u64,
    n_panicked: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { second, last, .. } = self;
        write!(
            f,
            "soak of {:.0} s: memory {:.1} MiB in the second quarter, {:.1} MiB in the last; {:.0} and {:.0} bytes of database a row, {} rows; write-ahead log at most {:.1} MiB; {} and {} descriptors; {} panics",
            self.lasted.as_secs_f64(),
            mib(second.resident),
            mib(last.resident),
            second.bytes_per_row(),
            last.bytes_per_row(),
            last.n_rows,
            mib(self.max_log),
            second.n_descriptors,
            last.n_descriptors,
            self.n_panicked
        )
    }
}

impl Report {
    /// Checks whether the run met every requirement.
    pub(crate) fn holds(&self) -> bool {
        let Self { second, last, .. } = self;
        let allowed = if self.lasted < MIN_JUDGED {
            as_float(MAX_RESIDENT)
        } else {
            as_float(second.resident) * (1.0 + MEMORY_GROWTH.0) + as_float(MEMORY_GROWTH.1)
        };
        let file = second.bytes_per_row() * (1.0 + ROW_GROWTH.0) * as_float(last.n_rows) + as_float(ROW_GROWTH.1);
        let is_small = as_float(last.resident) <= allowed && as_float(last.file) <= file && self.max_log <= MAX_LOG;
        is_small && last.n_descriptors <= second.n_descriptors + DESCRIPTOR_GROWTH && self.n_panicked == 0
    }
}

/// Runs the demo and takes samples; `tell` gets ten of them at a time.
pub(crate) async fn run(plan: SoakPlan, tell: impl Fn(&str)) -> Report {
    let home = TempDir::new().expect("a directory");
    let dir = home.path().join("data");
    let command = crow(&["demo", "--headless", "--speed", SPEED, "--seed", "1", "--bind", ANY], &dir);
    let serving = Serving::begin(&dir, command).unwrap_or_else(|why| panic!("the demo does not start: {why}"));
    let database = Connection::open(dir.join("platform.db")).expect("a database");
    let ambient = RuntimeEnv::real();
    let watch = ambient.stopwatch();
    let mut samples = Vec::new();
    for n in 1..=plan.n_samples {
        let due = plan.interval * u32::try_from(n).expect("few");
        ambient.sleep(due.saturating_sub(watch.elapsed())).await;
        let before = samples.last().map_or(0, |sample: &Sample| sample.rows[0]);
        let next = ambient.timeout(PATIENCE, async {
            loop {
                let sample = Sample::take(&serving, &database, watch.elapsed());
                if sample.rows[0] > before {
                    return sample;
                }
                ambient.sleep(POLL_INTERVAL).await;
            }
        });
        samples.push(next.await.expect("attempts go on"));
        if n % LINES == 0 || n == plan.n_samples {
            let lines: Vec<String> = samples[(n - 1) / LINES * LINES..].iter().map(ToString::to_string).collect();
            tell(&lines.join("\n"));
        }
    }
    let n_panicked = serving.n_panicked();
    let lasted = watch.elapsed();
    drop(database);
    serving.stop();
    let quarter = samples.len() / 4;
    Report {
        lasted,
        second: Quarter::of(&samples[quarter..2 * quarter]),
        last: Quarter::of(&samples[3 * quarter..]),
        max_log: samples.iter().map(|sample| sample.log).max().unwrap_or_default(),
        n_panicked,
    }
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
const fn as_float(n: u64) -> f64 {
    n as f64
}

fn mib(n_bytes: u64) -> f64 {
    as_float(n_bytes) / 1_048_576.0
}

//! What a filled directory costs: the real binary is started on it and asked over loopback.

use crate::figures::{Figure, Unit};
use crate::frames::frame_times;
use crate::http::Caller;
use crate::process::Serving;
use crate::receiver::Receiver;
use crate::seed::Seeded;
use crow::clock::RuntimeEnv;
use crow::sync::snapshot::Snapshot;
use crow::wire::paths;
use rusqlite::{Connection, params};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

/// Repetitions: of starts, of calls, of diagnoses, of frames, of backlogs.
const STARTS: usize = 7;
const CALLS: usize = 300;
const DIAGNOSES: usize = 11;
const FRAMES: usize = 1_000;
const BACKLOGS: usize = 3;
/// Deliveries of a backlog, and subscriptions that they go to.
const BACKLOG: usize = 2_000;
const BACKLOG_SUBSCRIPTIONS: usize = 16;
/// Rows of a page, and of the lists of an overview.
const PAGE: usize = 100;
const OVERVIEW_ROWS: u32 = 200;
/// Maximum time until a backlog is delivered.
const PATIENCE: Duration = Duration::from_secs(120);

/// Directory that is measured.
pub(crate) struct Subject<'a> {
    pub(crate) dir: &'a Path,
    pub(crate) seeded: Seeded,
    pub(crate) receiver: &'a Receiver,
}

impl Subject<'_> {
    /// Measures everything but the purge, which comes last.
    pub(crate) async fn measure(&self) -> Vec<Figure> {
        let ambient = RuntimeEnv::real();
        // The first start after the bulk fill takes the numbers over.
        Serving::start(self.dir).stop();
        let mut figures = vec![self.starts(&ambient).await];
        let serving = Serving::start(self.dir);
        figures.extend(self.calls(&serving).await);
        figures.extend(self.diagnoses(&serving, &ambient));
        figures.push(frames(&serving, &ambient).await);
        let resident = serving.resident();
        serving.stop();
        figures.push(self.backlogs(&ambient).await);
        let mib = |bytes: u64| vec![f64::from(u32::try_from(bytes >> 10).unwrap_or(u32::MAX)) / 1_024.0];
        figures.push(Figure::new("memory of the platform", Unit::Stored("MiB"), mib(resident)));
        let file = std::fs::metadata(self.dir.join("platform.db")).expect("the database").len();
        figures.push(Figure::new("database file", Unit::Stored("MiB"), mib(file)));
        figures
    }

    /// From the start of the process until it is ready.
    async fn starts(&self, ambient: &RuntimeEnv) -> Figure {
        let mut took = Vec::new();
        for _ in 0..STARTS {
            let watch = ambient.stopwatch();
            let serving = Serving::start(self.dir);
            Caller::new(&serving).get(paths::READYZ).await;
            took.push(watch.elapsed());
            serving.stop();
        }
        Figure::millis("start until ready", &took)
    }

    async fn calls(&self, serving: &Serving) -> Vec<Figure> {
        let mut caller = Caller::new(serving);
        let attempts = format!("{}?limit={PAGE}", paths::ATTEMPTS);
        let middle = caller.older_than(&attempts, self.seeded.n_attempts / 2).await;
        let (flaky, healthy) = (self.seeded.flaky, self.seeded.healthy);
        let overview = format!("{}?rows={OVERVIEW_ROWS}", paths::OVERVIEW);
        vec![
            caller.repeat("first page of attempts", CALLS, |_| attempts.clone()).await,
            caller.follow("next pages from the middle, by cursor", CALLS, &attempts, &middle).await,
            caller
                .repeat("attempts of a subscription with a frequent status", CALLS, |_| {
                    format!("{}?limit=10&subscription={flaky}&status=503", paths::ATTEMPTS)
                })
                .await,
            caller
                .repeat("attempts of a subscription with a rare status", CALLS, |_| {
                    format!("{attempts}&subscription={healthy}&status=503")
                })
                .await,
            caller
                .repeat("attempts with a status, of all", CALLS, |_| format!("{}?limit=50&status=503", paths::ATTEMPTS))
                .await,
            caller
                .repeat("attempts of an event", CALLS, |n| {
                    let step = self.seeded.n_events / i64::try_from(CALLS).unwrap_or(1);
                    format!("{attempts}&event={}", 1 + step * i64::try_from(n).unwrap_or(0))
                })
                .await,
            caller
                .repeat("attempts with a text in the error", CALLS, |_| {
                    format!("{}?limit=10&q=connection%20refused", paths::ATTEMPTS)
                })
                .await,
            caller.repeat("`/overview`", CALLS, |_| overview.clone()).await,
            caller.repeat("`/metrics`", CALLS, |_| paths::METRICS.to_owned()).await,
        ]
    }

    /// Runs `crow diagnose` as a process, of everything and of one subscription.
    fn diagnoses(&self, serving: &Serving, ambient: &RuntimeEnv) -> [Figure; 2] {
        let everything: [String; 0] = [];
        let about = ["--subscription".to_owned(), self.seeded.flaky.to_string()];
        [("`crow diagnose`", everything.as_slice()), ("`crow diagnose --subscription`", about.as_slice())].map(
            |(name, about)| {
                let took: Vec<Duration> = (0..DIAGNOSES)
                    .map(|_| {
                        let mut command = Command::new(env!("CARGO_BIN_EXE_crow"));
                        command.args(["diagnose", "--json", "--url", &serving.address, "--token-file"]);
                        command.arg(self.dir.join("operator.token")).args(about).env("HOME", self.dir);
                        command.stdin(Stdio::null());
                        let watch = ambient.stopwatch();
                        let output = command.output().expect("the binary runs");
                        let took = watch.elapsed();
                        assert!(
                            output.status.code().is_some_and(|code| code <= 2) && !output.stdout.is_empty(),
                            "{output:?}"
                        );
                        took
                    })
                    .collect();
                Figure::millis(name, &took)
            },
        )
    }

    /// Deliveries a second of a fresh backlog, from the first arrival until all are stored as delivered.
    async fn backlogs(&self, ambient: &RuntimeEnv) -> Figure {
        let mut rates = Vec::new();
        for _ in 0..BACKLOGS {
            // A platform that was killed takes up any rows that it finds; one that stopped would leave a gap in its numbers.
            Serving::start(self.dir).kill();
            add_backlog(self.dir, ambient);
            self.receiver.arrivals();
            let serving = Serving::start(self.dir);
            let database = Connection::open(self.dir.join("platform.db")).expect("a database");
            let mut waiting = database
                .prepare("SELECT EXISTS (SELECT 1 FROM deliveries WHERE state = 'pending')")
                .expect("a statement");
            let delivered = ambient.timeout(PATIENCE, async {
                while waiting.query_row([], |row| row.get::<_, bool>(0)).expect("an answer") {
                    ambient.sleep(Duration::from_millis(1)).await;
                }
            });
            assert!(delivered.await.is_some(), "the backlog was not delivered within {PATIENCE:?}");
            let end = self.receiver.clock.elapsed();
            let arrivals = self.receiver.arrivals();
            assert_eq!(arrivals.len(), BACKLOG, "every event arrived");
            let begin = arrivals.into_values().min().unwrap_or_default();
            let n = u32::try_from(BACKLOG).expect("few");
            rates.push(f64::from(n) / end.saturating_sub(begin).as_secs_f64());
            serving.stop();
        }
        Figure::new("deliveries of a backlog of 2,000", Unit::PerSecond, rates)
    }
}

/// Frames of the dashboard on what the platform answers.
async fn frames(serving: &Serving, ambient: &RuntimeEnv) -> Figure {
    let overview = serving.operator().overview(OVERVIEW_ROWS).await.expect("an overview");
    let picture = Arc::new(Snapshot::default().after_overview(overview, ambient.now()));
    Figure::millis("frame of 200x60 on it", &frame_times(&picture, ambient, (200, 60), "", FRAMES))
}

/// Adds events with deliveries that are due, while no platform runs.
fn add_backlog(dir: &Path, ambient: &RuntimeEnv) {
    let mut database = Connection::open(dir.join("platform.db")).expect("a database");
    let transaction = database.transaction().expect("a transaction");
    let targets: Vec<(i64, i64)> = {
        // The first subscription of each company.
        let mut first = transaction
            .prepare("SELECT min(id), company_id FROM subscriptions WHERE disabled_reason IS NULL GROUP BY 2 ORDER BY 2 LIMIT ?1")
            .expect("a statement");
        let limit = i64::try_from(BACKLOG_SUBSCRIPTIONS).expect("few");
        let rows = first.query_map([limit], |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
        rows.collect::<Result<_, _>>().expect("subscriptions")
    };
    let now = ambient.now().millis();
    let last: i64 = transaction
        .query_row("SELECT value FROM counters WHERE name = 'event'", [], |row| row.get(0))
        .expect("a number");
    let run = |sql: &str, values: &[&dyn rusqlite::ToSql]| {
        transaction.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).expect("written");
    };
    let body = br#"{"type":"lead.created","payload":{"client_id":1,"status":"Lead - New"}}"#.as_slice();
    let n_body = i64::try_from(body.len()).expect("few");
    for (event, (subscription, company)) in (last + 1..).zip(targets.iter().cycle()).take(BACKLOG) {
        run(
            "INSERT INTO events (id, company_id, kind, created_at, body) VALUES (?1, ?2, 'lead.created', ?3, ?4)",
            params![event, company, now, body],
        );
        run(
            "INSERT INTO deliveries (event_id, subscription_id, company_id, kind, state, retry_base_ms, due_at, created_at)
             VALUES (?1, ?2, ?3, 'scheduled', 'pending', 1000, ?4, ?4)",
            params![event, subscription, company, now],
        );
        run(
            "INSERT INTO delivery_counts (subscription_id, state, n) VALUES (?1, 'pending', 1) ON CONFLICT DO UPDATE SET n = n + 1",
            params![subscription],
        );
        run(
            "UPDATE company_event_sizes SET n_bytes = n_bytes + 128 + ?2 WHERE company_id = ?1",
            params![company, n_body],
        );
        run("UPDATE counters SET value = ?1 WHERE name = 'event'", params![event]);
    }
    transaction.commit().expect("committed");
}

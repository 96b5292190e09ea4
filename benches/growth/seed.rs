//! Fills a data directory in bulk. The platform makes the schema, companies, keys and subscriptions; their history is
//! written as the platform would have written it: events, deliveries, attempts, requests, audit rows and all counters.
//!
//! Every directory has the same last day, whatever its size, so that sizes differ in what is stored and not in what is
//! going on; the rest is spread over the retention before.

use crate::process::{Serving, done};
use crate::settings::engine_settings;
use crow::clock::RuntimeEnv;
use crow::domain::audit::AuditKey;
use crow::domain::event::EventType;
use crow::domain::ids::SubscriptionId;
use crow::domain::latency;
use crow::domain::target::TargetPolicy;
use crow::engine::handle::Engine;
use crow::wire::subscriptions::NewSubscription;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::fs::File;
use std::path::Path;
use std::time::Duration;
use tokio::sync::watch;

/// Companies, and subscriptions of each to every type of event.
const COMPANIES: i64 = 20;
const SUBSCRIPTIONS: i64 = 3;
/// Events that are written with one run of the block script.
const BLOCK: i64 = 2_000;
/// Attempts for a thousand events: some are repeated, some are missed.
const ATTEMPTS_PER_1000: i64 = 3_098;
/// Ends of the parts of the history before the present, in milliseconds, and events in each part; the first part takes
/// what is left. Its begin is inside the default retention of 90 days.
const DAY_MS: i64 = 86_400_000;
const BEGIN_MS: i64 = 89 * DAY_MS;
const LAST_DAY: (i64, i64) = (DAY_MS, 400);
const LAST_HOURS: (i64, i64) = (DAY_MS / 12, 1_200);
/// A round in which nothing happens, because there are not as many.
const NEVER: i64 = 1 << 40;
/// Longest duration of an attempt.
const MAX_ELAPSED_MS: i64 = 10_000;
/// Target on which nothing listens.
const REFUSING: &str = "http://127.0.0.1:9/hook";

/// What a filled directory has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seeded {
    pub(crate) n_attempts: i64,
    pub(crate) n_events: i64,
    /// Subscription of which every fifth event fails at first.
    pub(crate) flaky: SubscriptionId,
    /// Subscription that nearly always succeeds.
    pub(crate) healthy: SubscriptionId,
    /// Time that filling took.
    pub(crate) took: Duration,
}

/// How a subscription fails: in every `period`th round `n_at_once` attempts of a delivery.
struct Fault {
    period: i64,
    n_at_once: i64,
    trips: bool,
}

/// Faults by the number of the company, from 0, and of its subscription. Of the 60 subscriptions, 50 seldom fail.
const fn fault(company: i64, place: i64) -> Fault {
    match (place, company) {
        (2, 10..=13) => Fault { period: 5, n_at_once: 2, trips: false },
        (2, 14..=16) => Fault { period: 40, n_at_once: 11, trips: false },
        (2, 17..) => Fault { period: NEVER, n_at_once: 1, trips: true },
        _ => Fault { period: 97, n_at_once: 1, trips: false },
    }
}

/// Part of the history: events between two times.
struct Part {
    begins: i64,
    ends: i64,
    n_events: i64,
}

/// Fills `dir` with about `n_attempts` attempts to `receiver`.
pub(crate) async fn fill(dir: &Path, receiver: &str, n_attempts: i64) -> Seeded {
    let ambient = RuntimeEnv::real();
    let watch = ambient.stopwatch();
    found(dir, receiver).await;
    let key = audit_key(dir, &ambient).await;
    let mut database = Connection::open(dir.join("platform.db")).expect("a database");
    database.execute_batch(include_str!("seed_begin.sql")).expect("tables for the blocks");
    let n_events = (n_attempts * 1_000 / ATTEMPTS_PER_1000).max(LAST_DAY.1 + LAST_HOURS.1 + BLOCK / 2);
    describe(&database, n_events);
    let now = ambient.now().millis();
    let begins = [now - BEGIN_MS, now - LAST_DAY.0, now - LAST_HOURS.0, now];
    let counts = [n_events - LAST_DAY.1 - LAST_HOURS.1, LAST_DAY.1, LAST_HOURS.1];
    let mut trail = Trail::read(&database, key);
    let mut first_event = 1;
    for (n, n_events) in counts.into_iter().enumerate() {
        let part = Part { begins: begins[n], ends: begins[n + 1], n_events };
        first_event = write_part(&mut database, &mut trail, first_event, &part);
    }
    trail.end(&database);
    database.execute_batch(include_str!("seed_end.sql")).expect("the end");
    let count = |sql: &str| database.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("a count");
    let seeded = Seeded {
        n_attempts: count("SELECT max(id) FROM attempts"),
        n_events,
        flaky: SubscriptionId(count("SELECT subscription_id FROM target WHERE n_at_once = 2 LIMIT 1")),
        healthy: SubscriptionId(count("SELECT subscription_id FROM target WHERE place = 1 LIMIT 1")),
        took: watch.elapsed(),
    };
    drop(database);
    // Otherwise the system writes the file while it is measured.
    File::open(dir.join("platform.db")).and_then(|file| file.sync_all()).expect("synced");
    Seeded { took: watch.elapsed(), ..seeded }
}

/// Makes companies, keys and subscriptions through the platform.
async fn found(dir: &Path, receiver: &str) {
    let serving = Serving::start(dir);
    for company in 0..COMPANIES {
        let (_, partner) = serving.company().await;
        for place in 0..SUBSCRIPTIONS {
            let Fault { n_at_once, trips, .. } = fault(company, place);
            let target = if trips || n_at_once > 2 { REFUSING } else { receiver };
            let new = NewSubscription::new(target, EventType::ALL.map(EventType::name));
            partner.create_subscription(&new).await.expect("a subscription");
        }
    }
    serving.stop();
}

/// Key that chains the audit trail.
async fn audit_key(dir: &Path, ambient: &RuntimeEnv) -> AuditKey {
    let engine = Engine::open(engine_settings(dir, TargetPolicy::Private), ambient.clone()).await.expect("it opens");
    let key = engine.audit_key();
    // A run that ends at once closes the database.
    engine.run(watch::channel(true).1).await;
    key
}

/// Writes what blocks are made from: types of events, latency bins, and the subscriptions with their faults.
fn describe(database: &Connection, n_events: i64) {
    let mut kind = database.prepare("INSERT INTO kind VALUES (?1, ?2)").expect("a statement");
    for (id, of) in (0_i64..).zip(EventType::ALL) {
        kind.execute(params![id, of.name()]).expect("inserted");
    }
    let mut bin = database.prepare("INSERT INTO latency_bin VALUES (?1, ?2)").expect("a statement");
    for ms in 0..=MAX_ELAPSED_MS {
        bin.execute(params![ms, i64::try_from(latency::bin_index(ms.unsigned_abs())).expect("few")]).expect("inserted");
    }
    // Trips lie in the first part, so that as many events were missed in the last day, whatever the size.
    let n_rounds = (n_events - LAST_DAY.1 - LAST_HOURS.1) / COMPANIES;
    let mut target = database
        .prepare(
            "INSERT INTO target SELECT ?1, ?2, s.company_id, k.id, s.id, s.target_url, ?4, ?5, ?6
             FROM subscriptions s JOIN keys k ON k.company_id = s.company_id WHERE s.id = ?3",
        )
        .expect("a statement");
    for (company, place) in (0..COMPANIES).flat_map(|company| (0..SUBSCRIPTIONS).map(move |place| (company, place))) {
        let Fault { period, n_at_once, trips } = fault(company, place);
        let trips_in = if trips { (n_rounds * 7 / 10).max(20) } else { NEVER };
        let id = company * SUBSCRIPTIONS + place + 1;
        let n = target.execute(params![company, place, id, period, n_at_once, trips_in]).expect("inserted");
        assert_eq!(n, 1, "subscription {id} is there");
    }
}

/// Writes the events of a part, block by block. Returns the number of the next event.
fn write_part(database: &mut Connection, trail: &mut Trail, mut first_event: i64, part: &Part) -> i64 {
    let mut n_written = 0;
    while n_written < part.n_events {
        let n = BLOCK.min(part.n_events - n_written);
        let at = |n: i64| part.begins + (part.ends - part.begins) * n / part.n_events;
        let transaction = database.transaction().expect("a transaction");
        transaction.execute("DELETE FROM block", []).expect("deleted");
        transaction
            .execute(
                "INSERT INTO block VALUES (?1, ?2, (SELECT coalesce(max(id), 0) FROM attempts), (SELECT coalesce(max(id), 0) FROM requests), ?3, ?4, ?5)",
                params![first_event, (first_event - 1) * SUBSCRIPTIONS + 1, n, at(n_written), at(n_written + n)],
            )
            .expect("inserted");
        transaction.execute_batch(include_str!("seed.sql")).expect("a block");
        trail.append(&transaction);
        transaction.commit().expect("committed");
        n_written += n;
        first_event += n;
    }
    first_event
}

/// Audit trail: one row for each published event, chained as the platform chains them.
struct Trail {
    key: AuditKey,
    sequence: i64,
    mac: Vec<u8>,
}

impl Trail {
    fn read(database: &Connection, key: AuditKey) -> Self {
        let last = database
            .query_row("SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1", [], |row| Ok((row.get(0)?, row.get(1)?)))
            .optional()
            .expect("a row");
        let (sequence, mac) = last.unwrap_or_default();
        Self { key, sequence, mac }
    }

    /// Appends the publications of a block.
    fn append(&mut self, database: &Connection) {
        let mut insert = database
            .prepare_cached("INSERT INTO audit (id, at, actor, action, subject, after, request_id, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")
            .expect("a statement");
        let mut events = database
            .prepare_cached("SELECT event, kind, at FROM plan WHERE place = 0 ORDER BY event")
            .expect("a statement");
        let mut rows = events.query([]).expect("rows");
        while let Some(row) = rows.next().expect("a row") {
            let (event, kind, at): (i64, String, i64) =
                (row.get(0).expect("a number"), row.get(1).expect("a name"), row.get(2).expect("a time"));
            let (subject, request) = (format!("event {event}"), format!("req_{event:026}"));
            self.sequence += 1;
            let mut entry = at.to_be_bytes().to_vec();
            for field in [Some("admin"), Some("publish"), Some(&*subject), None, Some(&*kind), None, Some(&*request)] {
                entry.extend(field.map_or(u64::MAX, |text| text.len() as u64).to_be_bytes());
                entry.extend(field.unwrap_or_default().as_bytes());
            }
            self.mac = self.key.mac("audit row", &[&self.mac, &self.sequence.to_be_bytes(), &entry]).to_vec();
            insert
                .execute(params![self.sequence, at, "admin", "publish", subject, kind, request, self.mac])
                .expect("inserted");
        }
    }

    /// Stores the end of the chain.
    fn end(&self, database: &Connection) {
        let sequence = self.sequence.to_be_bytes();
        let sealed = self.key.mac("audit head", &[&sequence, &self.mac]);
        let head = [sequence.as_slice(), &self.mac, &sealed].concat();
        let n = database.execute("UPDATE platform_values SET value = ?1 WHERE name = 'audit head'", [head]);
        assert_eq!(n.expect("updated"), 1, "the trail has a head");
    }
}

/// Verifies a filled directory as an operator would, and compares all counters with a scan of what they count.
pub(crate) fn verify(dir: &Path) {
    let said = done(&mut crate::process::crow(&["db", "verify"], dir));
    assert!(said.lines().all(|line| line.starts_with("ok ")), "{said}");
    let database = Connection::open(dir.join("platform.db")).expect("a database");
    let mut check = database.prepare(include_str!("seed_check.sql")).expect("a statement");
    let faults: Vec<String> =
        check.query_map([], |row| row.get(0)).expect("rows").collect::<Result<_, _>>().expect("names");
    assert!(faults.is_empty(), "counters differ from the rows that they count: {faults:?}");
}

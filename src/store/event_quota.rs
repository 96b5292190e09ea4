//! Event quota: the size of each company's stored events, and how it is reduced: the oldest events whose deliveries have
//! ended are deleted with these deliveries and their attempts, in slices small enough that no write waits long.

use super::deliveries::{IS_ENDED, IS_LEASED};
use super::{Error, count};
use crate::domain::ids::{CompanyId, EventId};
use crate::domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::collections::BTreeMap;

/// Bytes that an event counts with beside its envelope.
const ROW_BYTES: u64 = 128;
/// Maximum number of events examined in one slice.
const MAX_EXAMINED_PER_SLICE: u32 = 500;
/// Maximum number of events deleted in one slice.
const MAX_DELETED_PER_SLICE: usize = 100;
/// Number of deleted rows of all kinds after which a slice ends.
const MAX_ROWS_PER_SLICE: usize = 1_000;

/// Returns the number of bytes that an event with an envelope of `n_body` bytes counts with.
pub(super) const fn event_bytes(n_body: usize) -> u64 {
    n_body as u64 + ROW_BYTES
}

/// Adds bytes to the events of a company.
pub(super) fn add(connection: &Connection, company: CompanyId, n_bytes: u64) -> Result<(), Error> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO company_event_sizes (company_id, n_bytes) VALUES (?1, ?2)
         ON CONFLICT DO UPDATE SET n_bytes = n_bytes + excluded.n_bytes",
    )?;
    statement.execute(params![company.0, i64::try_from(n_bytes).unwrap_or(i64::MAX)])?;
    Ok(())
}

/// Deletes events by a statement that begins with `DELETE FROM events`, and counts them. Returns their number.
pub(super) fn delete(connection: &Connection, sql: &str, parameters: impl rusqlite::Params) -> Result<usize, Error> {
    let mut statement = connection.prepare_cached(&format!("{sql} RETURNING company_id, octet_length(body)"))?;
    let mut rows = statement.query(parameters)?;
    let (mut n, mut sizes) = (0, BTreeMap::<i64, u64>::new());
    while let Some(row) = rows.next()? {
        *sizes.entry(row.get(0)?).or_default() += count(row, 1)? + ROW_BYTES;
        n += 1;
    }
    let mut counted =
        connection.prepare_cached("UPDATE company_event_sizes SET n_bytes = n_bytes - ?2 WHERE company_id = ?1")?;
    for (company, n_bytes) in sizes {
        counted.execute(params![company, i64::try_from(n_bytes).unwrap_or(i64::MAX)])?;
    }
    Ok(n)
}

/// Returns the companies whose events have more than `n_bytes` bytes, ascending.
pub(crate) fn companies_above(connection: &Connection, n_bytes: u64) -> Result<Vec<CompanyId>, Error> {
    let mut statement = connection
        .prepare_cached("SELECT company_id FROM company_event_sizes WHERE n_bytes > ?1 ORDER BY company_id")?;
    let n_bytes = i64::try_from(n_bytes).unwrap_or(i64::MAX);
    let found = statement.query_map([n_bytes], |row| row.get(0).map(CompanyId))?;
    Ok(found.collect::<Result<_, _>>()?)
}

/// Events of a company that can be deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EndedEvents {
    pub(crate) ids: Vec<EventId>,
    /// Last event examined; `None` if no older events follow.
    pub(crate) last_examined: Option<EventId>,
}

/// Finds the oldest events of a company after `after` that were published before `before` and whose deliveries have
/// all ended.
pub(crate) fn ended_events(
    connection: &Connection,
    of: CompanyId,
    after: EventId,
    before: Timestamp,
) -> Result<EndedEvents, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT id, created_at FROM events INDEXED BY events_company WHERE company_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
    )?;
    let replays = open_replays(connection)?;
    let mut rows = statement.query(params![of.0, after.0, MAX_EXAMINED_PER_SLICE])?;
    let (mut ids, mut last, mut n) = (Vec::new(), None, 0);
    while let Some(row) = rows.next()? {
        let (id, created_at): (i64, i64) = (row.get(0)?, row.get(1)?);
        if created_at >= before.millis() {
            return Ok(EndedEvents { ids, last_examined: None });
        }
        (last, n) = (Some(EventId(id)), n + 1);
        if is_ended(connection, EventId(id), &replays)? {
            ids.push(EventId(id));
        }
        if ids.len() == MAX_DELETED_PER_SLICE {
            return Ok(EndedEvents { ids, last_examined: last });
        }
    }
    Ok(EndedEvents { ids, last_examined: last.filter(|_| n == MAX_EXAMINED_PER_SLICE) })
}

/// Deletes events of a company with their deliveries and attempts, in the given order, until the company's events have
/// `n_bytes` bytes at most. An event with a delivery that can be attempted again is kept. Returns the number of deleted
/// events.
pub(crate) fn delete_ended(
    connection: &Connection,
    of: CompanyId,
    ids: &[EventId],
    n_bytes: u64,
) -> Result<usize, Error> {
    let replays = open_replays(connection)?;
    let (mut n, mut n_rows) = (0, 0);
    for id in ids {
        if n_rows >= MAX_ROWS_PER_SLICE || size(connection, of)? <= n_bytes {
            break;
        }
        if !is_ended(connection, *id, &replays)? {
            continue;
        }
        n_rows += connection
            .prepare_cached(
                "DELETE FROM attempts WHERE delivery_id IN (SELECT id FROM deliveries WHERE event_id = ?1)",
            )?
            .execute([id.0])?;
        n_rows += connection.prepare_cached("DELETE FROM deliveries WHERE event_id = ?1")?.execute([id.0])?;
        n += delete(connection, "DELETE FROM events WHERE id = ?1 AND company_id = ?2", params![id.0, of.0])?;
        n_rows += 1;
    }
    Ok(n)
}

/// Bytes of a company's events.
pub(super) fn size(connection: &Connection, of: CompanyId) -> Result<u64, Error> {
    let mut statement = connection.prepare_cached("SELECT n_bytes FROM company_event_sizes WHERE company_id = ?1")?;
    Ok(statement.query_row([of.0], |row| count(row, 0)).optional()?.unwrap_or(0))
}

/// Replays that may still enqueue deliveries.
fn open_replays(connection: &Connection) -> Result<Vec<i64>, Error> {
    let mut statement = connection.prepare_cached("SELECT id FROM replays WHERE ended_at IS NULL")?;
    Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Whether every delivery of an event has ended, and none is to be attempted again by a resend or one of these replays.
fn is_ended(connection: &Connection, event: EventId, replays: &[i64]) -> Result<bool, Error> {
    let mut waiting = connection.prepare_cached(&format!(
        "SELECT EXISTS (SELECT 1 FROM deliveries WHERE event_id = ?1 AND (NOT {IS_ENDED}
             OR {IS_LEASED} OR EXISTS (SELECT 1 FROM resends r WHERE r.delivery_id = deliveries.id)))"
    ))?;
    if waiting.query_row([event.0], |row| row.get(0))? {
        return Ok(false);
    }
    let mut selected = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM deliveries d CROSS JOIN replay_items i ON i.replay_id = ?2 AND i.delivery_id = d.id WHERE d.event_id = ?1)",
    )?;
    for replay in replays {
        if selected.query_row(params![event.0, replay], |row| row.get(0))? {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::{Event, EventType};
    use crate::store::publication_rows::publish_alone;
    use crate::store::slice_size::SliceSize;
    use crate::store::{maintenance, open_in_memory, retention};
    use proptest::prelude::*;

    const HOUR_MS: i64 = 3_600_000;

    /// Step of a history of two companies with events.
    #[derive(Debug, Clone)]
    enum Step {
        /// An event of a company, with an envelope of so many bytes, and deliveries in these states.
        Publish(i64, usize, Vec<&'static str>),
        /// A delivery ends or waits again: the nth, in this state.
        Move(usize, &'static str),
        /// The nth delivery is leased, to be resent, or selected by an open replay.
        Hold(usize, &'static str),
        /// So much time passes.
        Wait(i64),
        /// Events older than so many hours are deleted.
        Expire(i64),
        /// The events of a company are reduced to so many bytes.
        Shrink(i64, u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let state = prop_oneof![
            3 => Just("succeeded"), 1 => Just("exhausted"), 1 => Just("cancelled"), 1 => Just("pending"), 1 => Just("missed"), 1 => Just("on_hold")
        ];
        let hold = prop_oneof![Just("leases"), Just("resends"), Just("replay_items")];
        prop_oneof![
            8 => (1_i64..=2, 0_usize..3_000, proptest::collection::vec(state.clone(), 0..4)).prop_map(|(company, n, states)| Step::Publish(company, n, states)),
            4 => (0_usize..40, state).prop_map(|(n, state)| Step::Move(n, state)),
            1 => (0_usize..40, hold).prop_map(|(n, table)| Step::Hold(n, table)),
            4 => (0_i64..HOUR_MS).prop_map(Step::Wait),
            1 => (1_i64..6).prop_map(Step::Expire),
            4 => (1_i64..=2, 0_u64..20_000).prop_map(|(company, n)| Step::Shrink(company, n)),
        ]
    }

    struct Bench {
        connection: Connection,
        now: i64,
    }

    impl Bench {
        fn new() -> Self {
            let connection = open_in_memory().expect("a database");
            let insert = "INSERT INTO companies (name, created_at) VALUES ('Beta', 0);
                 INSERT INTO subscriptions (company_id, target_url, event_types, secret, created_at, updated_at)
                 VALUES (1, '', '', x'', 0, 0), (2, '', '', x'', 0, 0);
                 INSERT INTO replays (subscription_id, company_id, state, since_at, until_at, states, per_second, requested_by, created_at)
                 VALUES (1, 1, 'paused', 0, 0, '', 1, '', 0)";
            connection.execute_batch(insert).expect("filled");
            Self { connection, now: 0 }
        }

        fn run(&self, sql: &str, parameters: impl rusqlite::Params) {
            self.connection.execute(sql, parameters).expect("written");
        }

        fn numbers(&self, sql: &str, parameters: impl rusqlite::Params) -> Vec<i64> {
            let mut statement = self.connection.prepare(sql).expect("a statement");
            statement.query_map(parameters, |row| row.get(0)).expect("rows").collect::<Result<_, _>>().expect("numbers")
        }

        fn publish(&self, company: i64, n: usize, states: &[&str]) {
            let (now, company_id) = (self.now, CompanyId(company));
            let published = publish_alone(&self.connection, |publication| {
                let event = Event {
                    id: publication.next_event()?,
                    company: company_id,
                    kind: EventType::LeadCreated,
                    created_at: Timestamp::from_millis(now),
                    body: vec![b'x'; n],
                };
                publication.insert_event(&event)?;
                publication.count_event(company_id, n).map(|n_bytes| (event, n_bytes))
            });
            let ((event, n_bytes), _) = published.expect("inserted");
            assert_eq!(n_bytes, self.scanned(company), "the new size is returned");
            for state in states {
                self.run(
                    "INSERT INTO deliveries (event_id, subscription_id, company_id, kind, state, retry_base_ms, due_at, created_at)
                     VALUES (?1, ?2, ?2, 'scheduled', ?3, 1, CASE WHEN ?3 = 'pending' THEN 1 END, ?4)",
                    params![event.id.0, company, state, self.now],
                );
                self.run(
                    "INSERT INTO attempts (company_id, subscription_id, target_url, event_type, kind, number, started_at, elapsed_ms,
                         delivery_id, event_id, request_headers, response_headers, response_body, n_response_bytes)
                     VALUES (?2, ?2, '', 'lead.created', 'scheduled', 1, 0, 1, last_insert_rowid(), ?1, '[]', '[]', x'', 0)",
                    params![event.id.0, company],
                );
            }
        }

        /// The nth delivery, if there are any.
        fn delivery(&self, n: usize) -> Option<i64> {
            let ids = self.numbers("SELECT id FROM deliveries ORDER BY id", []);
            (!ids.is_empty()).then(|| ids[n % ids.len()])
        }

        fn hold(&self, delivery: i64, table: &str) {
            self.run(
                match table {
                    "leases" => "INSERT OR IGNORE INTO leases (delivery_id, subscription_id, token, until) VALUES (?1, 1, '', 0)",
                    "resends" => "INSERT OR IGNORE INTO resends (delivery_id, requested_at) VALUES (?1, 0)",
                    _ => "INSERT OR IGNORE INTO replay_items (replay_id, delivery_id, state) VALUES (1, ?1, 'exhausted')",
                },
                [delivery],
            );
        }

        fn scanned(&self, company: i64) -> u64 {
            let sql = "SELECT coalesce(sum(octet_length(body) + 128), 0) FROM events WHERE company_id = ?1";
            self.numbers(sql, [company])[0].unsigned_abs()
        }

        /// Events of a company that may go, oldest first.
        fn ended(&self, company: i64) -> Vec<i64> {
            let sql = "SELECT id FROM events e WHERE company_id = ?1 AND created_at < ?2 AND NOT EXISTS (
                    SELECT 1 FROM deliveries d WHERE d.event_id = e.id AND (d.state IN ('pending', 'missed', 'on_hold')
                        OR d.id IN (SELECT delivery_id FROM leases) OR d.id IN (SELECT delivery_id FROM resends)
                        OR d.id IN (SELECT delivery_id FROM replay_items))) ORDER BY id";
            self.numbers(sql, params![company, self.now - HOUR_MS])
        }

        fn events(&self, company: i64) -> Vec<i64> {
            self.numbers("SELECT id FROM events WHERE company_id = ?1 ORDER BY id", [company])
        }

        /// Reduces the events of a company as the engine does.
        fn shrink(&self, company: i64, n_bytes: u64) {
            let (mut after, before) = (EventId(0), Timestamp::from_millis(self.now - HOUR_MS));
            while companies_above(&self.connection, n_bytes).expect("read").contains(&CompanyId(company)) {
                let found = ended_events(&self.connection, CompanyId(company), after, before).expect("read");
                delete_ended(&self.connection, CompanyId(company), &found.ids, n_bytes).expect("deleted");
                let Some(last) = found.last_examined else { break };
                after = last;
            }
        }

        fn check(&self) {
            for company in [1, 2] {
                assert_eq!(size(&self.connection, CompanyId(company)).expect("read"), self.scanned(company));
            }
            let orphans = "SELECT id FROM deliveries WHERE event_id NOT IN (SELECT id FROM events)
                 UNION ALL SELECT id FROM attempts WHERE event_id NOT IN (SELECT id FROM events)";
            assert_eq!(self.numbers(orphans, []), Vec::<i64>::new());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn f1_stored_events_are_counted_and_only_the_oldest_that_ended_go(steps in proptest::collection::vec(step(), 1..80)) {
            let mut bench = Bench::new();
            for step in steps {
                match step {
                    Step::Publish(company, n, states) => bench.publish(company, n, &states),
                    Step::Move(n, state) => {
                        if let Some(id) = bench.delivery(n) {
                            let sql = "UPDATE deliveries SET state = ?2, due_at = CASE WHEN ?2 = 'pending' THEN 1 END WHERE id = ?1";
                            bench.run(sql, params![id, state]);
                        }
                    }
                    Step::Hold(n, table) => {
                        if let Some(id) = bench.delivery(n) {
                            bench.hold(id, table);
                        }
                    }
                    Step::Wait(ms) => bench.now += ms,
                    Step::Expire(hours) => {
                        bench.run("DELETE FROM attempts WHERE delivery_id NOT IN (SELECT delivery_id FROM resends)", []);
                        let before = Timestamp::from_millis(bench.now - hours * HOUR_MS);
                        retention::delete_deliveries(&bench.connection, 0, before, SliceSize::FIRST).expect("deleted");
                        retention::delete_events(&bench.connection, 0, before, SliceSize::FIRST).expect("deleted");
                    }
                    Step::Shrink(company, n_bytes) => {
                        let (mine, others) = (bench.events(company), bench.events(3 - company));
                        let may_go = bench.ended(company);
                        bench.shrink(company, n_bytes);
                        let left = bench.events(company);
                        let gone: Vec<i64> = mine.into_iter().filter(|id| !left.contains(id)).collect();
                        prop_assert_eq!(&gone[..], &may_go[..gone.len()], "the oldest that ended");
                        let n_left = bench.scanned(company);
                        prop_assert!(n_left <= n_bytes || gone.len() == may_go.len(), "{} bytes of {}", n_left, n_bytes);
                        prop_assert!(gone.is_empty() || n_left + 3_000 + ROW_BYTES > n_bytes, "no more than needed");
                        prop_assert_eq!(bench.events(3 - company), others);
                    }
                }
                bench.check();
            }
            let wrong = maintenance::invariant_violations(&bench.connection).expect("read");
            prop_assert!(!wrong.iter().any(|line| line.contains("counted")), "{:?}", wrong);
            bench.run("UPDATE company_event_sizes SET n_bytes = n_bytes + 1", []);
            let wrong = maintenance::invariant_violations(&bench.connection).expect("read");
            let is_counted = !bench.numbers("SELECT company_id FROM company_event_sizes", []).is_empty();
            prop_assert_eq!(wrong.iter().any(|line| line.contains("counted")), is_counted, "a wrong count is named");
        }
    }

    #[test]
    fn f1_events_that_cannot_go_are_passed_slice_by_slice() {
        let bench = Bench::new();
        for _ in 0..MAX_EXAMINED_PER_SLICE + 10 {
            bench.publish(1, 10, &["missed"]);
        }
        bench.publish(1, 10, &[]);
        let find =
            |after| ended_events(&bench.connection, CompanyId(1), after, Timestamp::from_millis(1)).expect("read");
        let first = find(EventId(0));
        assert_eq!(first, EndedEvents { ids: Vec::new(), last_examined: Some(EventId(MAX_EXAMINED_PER_SLICE.into())) });
        let second = find(EventId(MAX_EXAMINED_PER_SLICE.into()));
        let last = EventId(i64::from(MAX_EXAMINED_PER_SLICE) + 11);
        assert_eq!(second, EndedEvents { ids: vec![last], last_examined: None });
        // What was published at the time or later is too young.
        let young = ended_events(&bench.connection, CompanyId(1), EventId(0), Timestamp::from_millis(0)).expect("read");
        assert_eq!(young, EndedEvents { ids: Vec::new(), last_examined: None });
    }
}

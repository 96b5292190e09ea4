//! Log quota: the size of each company's delivery log, and how it is reduced: first headers and bodies of the oldest
//! attempts, then the attempts themselves. Both are deleted in slices small enough that no write waits long.

use super::{Error, count};
use crate::domain::ids::CompanyId;
use crate::domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use std::collections::BTreeMap;

/// Maximum number of attempts reduced in one slice.
const MAX_ATTEMPTS_PER_SLICE: usize = 500;

/// Bytes of an attempt beside its texts and bodies, as the generated column `n_log_bytes` counts them.
const ATTEMPT_ROW_BYTES: usize = 256;

/// Bytes that a transaction adds to the logs of companies. [`Self::commit`] writes each company's counter once; a
/// trigger would write it for every attempt and open a savepoint each time, on the path that limits deliveries.
#[derive(Debug, Default)]
#[must_use = "the counters stay behind until `commit`"]
pub(crate) struct LogGrowth(BTreeMap<CompanyId, usize>);

impl LogGrowth {
    /// Adds an inserted attempt of which texts and bodies have `n_content_bytes` bytes.
    pub(super) fn add_attempt(&mut self, of: CompanyId, n_content_bytes: usize) {
        *self.0.entry(of).or_default() += ATTEMPT_ROW_BYTES + n_content_bytes;
    }

    /// Adds the bytes to the counters of their companies.
    pub(crate) fn commit(self, connection: &Connection) -> Result<(), Error> {
        let mut add = connection.prepare_cached(
            "INSERT INTO company_log_sizes (company_id, n_bytes) VALUES (?1, ?2)
             ON CONFLICT DO UPDATE SET n_bytes = n_bytes + excluded.n_bytes",
        )?;
        for (company, n_bytes) in self.0 {
            add.execute(params![company.0, i64::try_from(n_bytes).unwrap_or(i64::MAX)])?;
        }
        Ok(())
    }
}

/// Returns the next company after `last` whose log exceeds `quota` bytes, wrapping around to the first.
pub(crate) fn next_over_quota(
    connection: &Connection,
    quota: u64,
    last: CompanyId,
) -> Result<Option<CompanyId>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT company_id FROM company_log_sizes WHERE n_bytes > ?1 ORDER BY company_id <= ?2, company_id LIMIT 1",
    )?;
    let quota = i64::try_from(quota).unwrap_or(i64::MAX);
    Ok(statement.query_row(params![quota, last.0], |row| row.get(0).map(CompanyId)).optional()?)
}

/// Reduces a company's log by one slice, or less if that suffices for `quota`. Attempts are deleted instead of headers
/// and bodies once none of these are left, or once attempts without them make up half of the log. Returns the number of
/// attempts changed or deleted.
pub(crate) fn shrink(connection: &Connection, of: CompanyId, quota: u64, now: Timestamp) -> Result<usize, Error> {
    let Some((n_bytes, n_shed_bytes, shed_through)) = log_size(connection, of)?.filter(|usage| usage.0 > quota) else {
        return Ok(0);
    };
    // Attempts without content take space too: once they are half of the log, whole attempts are deleted.
    let whole = if n_shed_bytes * 2 <= n_bytes { oldest_attempts(connection, of, shed_through)? } else { Vec::new() };
    let is_shed = !whole.is_empty();
    let mut n_changed = 0;
    for id in if is_shed { whole } else { oldest_attempts(connection, of, 0)? } {
        if log_size(connection, of)?.is_none_or(|usage| usage.0 <= quota) {
            break;
        }
        if is_shed {
            drop_content(connection, of, id, now)?;
        } else {
            connection.prepare_cached("DELETE FROM attempts WHERE id = ?1")?.execute([id])?;
        }
        n_changed += 1;
    }
    Ok(n_changed)
}

/// Size of a company's log, size of its attempts without headers and bodies, and the id of the last of these.
fn log_size(connection: &Connection, of: CompanyId) -> Result<Option<(u64, u64, i64)>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT n_bytes, n_stripped_bytes, stripped_through_id FROM company_log_sizes WHERE company_id = ?1",
    )?;
    let read =
        |row: &Row<'_>| Ok((count(row, "n_bytes")?, count(row, "n_stripped_bytes")?, row.get("stripped_through_id")?));
    Ok(statement.query_row([of.0], read).optional()?)
}

/// Deletes headers and bodies of an attempt.
fn drop_content(connection: &Connection, of: CompanyId, id: i64, now: Timestamp) -> Result<(), Error> {
    connection
        .prepare_cached(
            "UPDATE attempts SET request_headers = '[]', request_body = NULL, response_headers = '[]', response_body = x'', stripped_at = ?2
             WHERE id = ?1",
        )?
        .execute(params![id, now.millis()])?;
    connection
        .prepare_cached("UPDATE company_log_sizes SET stripped_through_id = ?2 WHERE company_id = ?1")?
        .execute([of.0, id])?;
    Ok(())
}

/// Lists the oldest attempts of a company after `after`, ascending, at most one slice: merged from its subscriptions,
/// which have an index each.
fn oldest_attempts(connection: &Connection, of: CompanyId, after: i64) -> Result<Vec<i64>, Error> {
    let mut subscriptions = connection.prepare_cached("SELECT id FROM subscriptions WHERE company_id = ?1")?;
    let mut attempts = connection.prepare_cached(
        "SELECT id FROM attempts INDEXED BY attempts_subscription WHERE subscription_id = ?1 AND id > ?2 AND id < ?3 ORDER BY id LIMIT ?4",
    )?;
    let limit = i64::try_from(MAX_ATTEMPTS_PER_SLICE).unwrap_or(i64::MAX);
    let mut ids: Vec<i64> = Vec::new();
    let mut below = i64::MAX;
    let mut rows = subscriptions.query([of.0])?;
    while let Some(row) = rows.next()? {
        let subscription: i64 = row.get(0)?;
        let found = attempts.query_map([subscription, after, below, limit], |row| row.get(0))?;
        for id in found {
            ids.push(id?);
        }
        if ids.len() >= MAX_ATTEMPTS_PER_SLICE {
            ids.sort_unstable();
            ids.truncate(MAX_ATTEMPTS_PER_SLICE);
            below = ids.last().copied().unwrap_or(below);
        }
    }
    ids.sort_unstable();
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::attempt::{Attempt, AttemptResult, AttemptSubject, HttpExchange};
    use crate::domain::delivery::{AttemptKind, AttemptOutcome, FailureKind};
    use crate::domain::event::EventType;
    use crate::domain::ids::{AttemptId, SubscriptionId};
    use crate::store::attempts::{self, EncodedExchange, NewAttempt};
    use proptest::prelude::*;

    /// The bytes of the largest attempt there can be here.
    const LARGEST: u64 = 20_500;
    const NOW: Timestamp = Timestamp::from_millis(1);

    /// A database with three subscriptions of one company and one of another.
    fn filled(attempts: &[(i64, usize)]) -> Connection {
        let connection = super::super::open_in_memory().expect("a database");
        let setup = "INSERT INTO companies (name, created_at) VALUES ('Beta', 0);
             INSERT INTO subscriptions (company_id, target_url, event_types, secret, created_at, updated_at)
             VALUES (1, '', '', x'', 0, 0), (1, '', '', x'', 0, 0), (1, '', '', x'', 0, 0), (2, '', '', x'', 0, 0)";
        connection.execute_batch(setup).expect("filled");
        let mut growth = LogGrowth::default();
        for (n, (subscription, n_bytes)) in attempts.iter().enumerate() {
            let company = CompanyId(if *subscription == 4 { 2 } else { 1 });
            insert(&connection, (company, SubscriptionId(*subscription)), (*n_bytes, n), &mut growth);
        }
        growth.commit(&connection).expect("counted");
        connection
    }

    /// An attempt with a response of so many bytes; each `n` has other parts and texts.
    fn insert(
        connection: &Connection,
        (company, subscription): (CompanyId, SubscriptionId),
        (n_bytes, n): (usize, usize),
        growth: &mut LogGrowth,
    ) {
        let outcome = match n % 3 {
            0 => AttemptOutcome::Answered { status: 200, retry_after: None },
            1 => AttemptOutcome::Answered { status: 500, retry_after: None },
            _ => AttemptOutcome::Unanswered(FailureKind::Timeout),
        };
        let attempt = Attempt {
            id: AttemptId(0),
            subject: AttemptSubject {
                company,
                subscription,
                target_url: format!("https://example.com/{}", "é".repeat(n % 7)),
                delivery: None,
                event_type: EventType::ALL[0],
            },
            kind: AttemptKind::Scheduled,
            number: 1,
            started_at: NOW,
            result: AttemptResult {
                outcome,
                error: (n % 3 == 2).then(|| "höchstens 10 s\0".to_owned()),
                elapsed_ms: 1,
            },
        };
        let exchange = HttpExchange {
            response_headers: vec![("x".to_owned(), String::new()); n % 2],
            response_body: vec![0xff; n_bytes],
            ..HttpExchange::default()
        };
        let body = (n.is_multiple_of(4)).then_some([0; 11].as_slice());
        let headers = serde_json::to_string(&[("é", "\"\u{1}".repeat(n % 5))]).expect("JSON");
        let exchange = EncodedExchange::new(headers, exchange);
        attempts::insert(connection, &[NewAttempt::of(&attempt, &exchange, body)], growth).expect("inserted");
    }

    fn numbers(connection: &Connection, sql: &str) -> Vec<i64> {
        let mut statement = connection.prepare(sql).expect("a statement");
        statement.query_map([], |row| row.get(0)).expect("rows").collect::<Result<_, _>>().expect("numbers")
    }

    /// The counters are what a scan would say.
    fn check(connection: &Connection) {
        for company in [1, 2] {
            let scanned = format!(
                "SELECT coalesce(sum(n_log_bytes), 0) FROM attempts WHERE company_id = {company}
                 UNION ALL SELECT coalesce(sum(n_log_bytes), 0) FROM attempts WHERE company_id = {company} AND stripped_at IS NOT NULL"
            );
            let kept = format!(
                "SELECT coalesce(max(n_bytes), 0) FROM company_log_sizes WHERE company_id = {company}
                 UNION ALL SELECT coalesce(max(n_stripped_bytes), 0) FROM company_log_sizes WHERE company_id = {company}"
            );
            assert_eq!(numbers(connection, &scanned), numbers(connection, &kept), "company {company}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(12))]

        #[test]
        fn f1_a_log_above_its_quota_gives_up_the_oldest_first_and_no_other_companys(
            attempts in proptest::collection::vec((1_i64..=4, prop_oneof![Just(0_usize), 0_usize..20_000]), 1..1_500),
            quota in 0_u64..2_000_000,
        ) {
            let connection = filled(&attempts);
            check(&connection);
            let of_other = "SELECT id FROM attempts WHERE company_id = 2 AND stripped_at IS NULL";
            let others = numbers(&connection, of_other);
            let mine = numbers(&connection, "SELECT id FROM attempts WHERE company_id = 1");
            let mut is_less = false;
            while shrink(&connection, CompanyId(1), quota, NOW).expect("shrunk") > 0 {
                is_less = true;
                check(&connection);
                let left = numbers(&connection, "SELECT id FROM attempts WHERE company_id = 1");
                prop_assert_eq!(&left, &mine[mine.len() - left.len()..], "what goes is the oldest");
                let shed = numbers(&connection, "SELECT id FROM attempts WHERE company_id = 1 AND stripped_at IS NOT NULL");
                prop_assert_eq!(&shed, &left[..shed.len()], "what gives up its body is the oldest");
            }
            let n_bytes = numbers(&connection, "SELECT n_bytes FROM company_log_sizes WHERE company_id = 1");
            prop_assert!(n_bytes.iter().all(|n| u64::try_from(*n).is_ok_and(|n| n <= quota)), "{:?}", n_bytes);
            let is_more_than_needed = n_bytes.iter().any(|n| u64::try_from(*n).is_ok_and(|n| n + LARGEST <= quota));
            prop_assert!(!is_less || !is_more_than_needed, "{:?} of {}", n_bytes, quota);
            prop_assert_eq!(numbers(&connection, of_other), others);
        }
    }

    #[test]
    fn f1_companies_above_their_quota_take_turns() {
        let connection = filled(&[(1, 9_000), (4, 9_000)]);
        let next =
            |quota, last| next_over_quota(&connection, quota, CompanyId(last)).expect("read").map(|company| company.0);
        assert_eq!([next(100, 0), next(100, 1), next(100, 2), next(10_000, 0)], [Some(1), Some(2), Some(1), None]);
    }
}

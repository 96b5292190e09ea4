//! Request counters: by status and code, by key and route, by key and caller. Written together with the request log and
//! read without scanning the log.

use super::{Error, count, time};
use crate::domain::delivery::DeliveryState;
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::log::LoggedRequest;
use crate::domain::time::{MINUTE_MS, Timestamp};
use rusqlite::{Connection, OptionalExtension as _, params};
use std::collections::HashMap;

/// Width of a time slot of the counters per key, in milliseconds.
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// Maximum number of callers of a key that are counted separately in a day.
pub(crate) const MAX_CALLERS_PER_DAY: i64 = 50;
/// Name under which all further callers are counted.
const OTHER_CALLERS: &str = "(others)";

/// Requests of a key to one route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteUsage {
    /// Key that made the requests.
    pub key: KeyId,
    /// HTTP method of the route.
    pub method: String,
    /// Path template of the route.
    pub route: String,
    /// Number of all requests to the route.
    pub n: u64,
    /// Number of requests not answered with 401, 403 or 429.
    pub n_used: u64,
}

/// Requests of a key from one address with one user agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallerUsage {
    /// Key that made the requests.
    pub key: KeyId,
    /// Network address of the caller.
    pub address: String,
    /// User agent that the caller sent.
    pub agent: String,
    /// Number of requests from the caller.
    pub n: u64,
    /// Time of the latest request.
    pub last_at: Timestamp,
}

/// Number of requests answered with one status and problem code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusCodeCount {
    /// HTTP status of the answers.
    pub status: u16,
    /// Problem code; `None` for answers that are no problem.
    pub code: Option<String>,
    /// Number of requests so answered.
    pub n: u64,
}

/// Adds requests to the counters; each request comes with the number of equal ones it represents. Counters are summed
/// in memory first.
pub(crate) fn add(connection: &Connection, requests: &[(&LoggedRequest, u64)]) -> Result<(), Error> {
    let mut answers: HashMap<(Timestamp, u16, &str), i64> = HashMap::new();
    let mut routes: HashMap<(KeyId, Timestamp, &str, &str), (i64, i64)> = HashMap::new();
    let mut callers: HashMap<(KeyId, Timestamp, &str, &str), (i64, Timestamp)> = HashMap::new();
    for (request, n) in requests {
        let n = i64::try_from(*n).unwrap_or(i64::MAX);
        let code = request.code.as_deref().unwrap_or_default();
        *answers.entry((request.at.floor_to(MINUTE_MS), request.status, code)).or_default() += n;
        let Some((key, _)) = request.caller else { continue };
        let day = request.at.floor_to(DAY_MS);
        let route = routes.entry((key, day, &request.method, &request.route)).or_default();
        *route = (route.0 + n, route.1 + if matches!(request.status, 401 | 403 | 429) { 0 } else { n });
        let (address, agent) =
            (request.address.as_deref().unwrap_or_default(), request.user_agent.as_deref().unwrap_or_default());
        let caller = callers.entry((key, day, address, agent)).or_default();
        *caller = (caller.0 + n, caller.1.max(request.at));
    }
    let mut answer = connection.prepare_cached(
        "INSERT INTO request_minutes (slot_at, status, code, n) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE SET n = n + ?4",
    )?;
    for ((slot, status, code), n) in answers {
        answer.execute(params![slot.millis(), status, code, n])?;
    }
    let mut route = connection.prepare_cached(
        "INSERT INTO key_routes (key_id, day_at, method, route, n, n_used) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO UPDATE SET n = n + ?5, n_used = n_used + ?6",
    )?;
    for ((key, day, method, path), (n, n_used)) in routes {
        route.execute(params![key.0, day.millis(), method, path, n, n_used])?;
    }
    // A fixed order makes it deterministic which callers are counted separately.
    let mut callers: Vec<_> = callers.into_iter().collect();
    callers.sort_unstable();
    for ((key, day, address, agent), (n, last_at)) in callers {
        add_caller(connection, (key, day), (address, agent), n, last_at)?;
    }
    Ok(())
}

/// Adds requests of one caller of a key on one day.
fn add_caller(
    connection: &Connection,
    (key, day): (KeyId, Timestamp),
    (address, agent): (&str, &str),
    n: i64,
    last_at: Timestamp,
) -> Result<(), Error> {
    let n_known = connection
        .prepare_cached(
            "UPDATE key_callers SET n = n + ?6, last_at = max(last_at, ?5) WHERE key_id = ?1 AND day_at = ?2 AND address = ?3 AND user_agent = ?4",
        )?
        .execute(params![key.0, day.millis(), address, agent, last_at.millis(), n])?;
    if n_known > 0 {
        return Ok(());
    }
    let n_callers: i64 = connection
        .prepare_cached("SELECT count(*) FROM key_callers WHERE key_id = ?1 AND day_at = ?2")?
        .query_row(params![key.0, day.millis()], |row| row.get(0))?;
    let (address, agent) =
        if n_callers < MAX_CALLERS_PER_DAY { (address, agent) } else { (OTHER_CALLERS, OTHER_CALLERS) };
    connection
        .prepare_cached(
            "INSERT INTO key_callers (key_id, day_at, address, user_agent, n, last_at) VALUES (?1, ?2, ?3, ?4, ?6, ?5)
             ON CONFLICT DO UPDATE SET n = n + ?6, last_at = max(last_at, ?5)",
        )?
        .execute(params![key.0, day.millis(), address, agent, last_at.millis(), n])?;
    Ok(())
}

/// Sums the routes of one key or of all, from the day of `since` on, busiest first.
pub(crate) fn routes(connection: &Connection, key: Option<KeyId>, since: Timestamp) -> Result<Vec<RouteUsage>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT key_id, method, route, sum(n) AS n, sum(n_used) AS n_used
         FROM keys k CROSS JOIN key_routes r ON r.key_id = k.id AND r.day_at >= ?2 WHERE ?1 IS NULL OR k.id = ?1
         GROUP BY 1, 2, 3 ORDER BY n DESC, route, method",
    )?;
    let rows = statement.query_map(params![key.map(|id| id.0), since.floor_to(DAY_MS).millis()], |row| {
        Ok(RouteUsage {
            key: KeyId(row.get("key_id")?),
            method: row.get("method")?,
            route: row.get("route")?,
            n: count(row, "n")?,
            n_used: count(row, "n_used")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Sums the callers of all keys, from the day of `since` on, busiest first.
pub(crate) fn callers(connection: &Connection, since: Timestamp) -> Result<Vec<CallerUsage>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT key_id, address, user_agent, sum(n) AS n, max(last_at) AS last_at
         FROM keys k CROSS JOIN key_callers c ON c.key_id = k.id AND c.day_at >= ?1
         GROUP BY 1, 2, 3 ORDER BY n DESC, address, user_agent",
    )?;
    let rows = statement.query_map([since.floor_to(DAY_MS).millis()], |row| {
        Ok(CallerUsage {
            key: KeyId(row.get("key_id")?),
            address: row.get("address")?,
            agent: row.get("user_agent")?,
            n: count(row, "n")?,
            last_at: time(row, "last_at")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Counts requests by status and code, from the minute of `since` on, most frequent first.
pub(crate) fn codes(connection: &Connection, since: Timestamp) -> Result<Vec<StatusCodeCount>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT status, nullif(code, '') AS code, sum(n) AS n FROM request_minutes WHERE slot_at >= ?1
         GROUP BY 1, 2 ORDER BY n DESC, status, code",
    )?;
    let rows = statement.query_map([since.floor_to(MINUTE_MS).millis()], |row| {
        Ok(StatusCodeCount { status: row.get("status")?, code: row.get("code")?, n: count(row, "n")? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// First day for which a key has counters.
pub(crate) fn counted_since(connection: &Connection, key: KeyId) -> Result<Option<Timestamp>, Error> {
    Ok(connection
        .prepare_cached("SELECT min(day_at) AS day_at FROM key_routes WHERE key_id = ?1")?
        .query_row([key.0], |row| super::optional_time(row, "day_at"))
        .optional()?
        .flatten())
}

/// Row counts of the database from maintained numbers.
#[derive(Debug, Clone)]
pub(crate) struct DatabaseCounts {
    /// Last assigned id, by table.
    pub(crate) last_ids: HashMap<String, u64>,
    /// Last assigned number of an event.
    pub(crate) n_events: u64,
    /// Number of unfinished deliveries, by state.
    pub(crate) waiting: [(DeliveryState, u64); 4],
    /// Number of enabled subscriptions; deleted ones are not counted in any of the three.
    pub(crate) n_enabled: u64,
    pub(crate) n_off: u64,
    pub(crate) n_tripped: u64,
    /// Highest number of failures in a row of an enabled subscription.
    pub(crate) max_failures_in_a_row: u64,
}

/// Maximum number of rows that [`count_missed`] counts of each kind.
pub(crate) const MAX_MISSED: u64 = 10_000;

/// Counts the missed and the exhausted deliveries created since `since`, of subscriptions that are not deleted, each
/// up to [`MAX_MISSED`].
pub(crate) fn count_missed(connection: &Connection, since: Timestamp) -> Result<(u64, u64), Error> {
    let of = |state: &str| {
        // The state is part of the SQL text: bound as a parameter, SQLite would not use the partial index.
        let sql = format!(
            "SELECT count(*) AS n FROM (SELECT 1 FROM subscriptions s JOIN deliveries d
                 ON d.subscription_id = s.id AND d.state = '{state}' AND d.created_at >= ?1
             WHERE s.deleted_at IS NULL LIMIT {MAX_MISSED})"
        );
        connection.prepare_cached(&sql)?.query_row([since.millis()], |row| count(row, "n"))
    };
    Ok((of("missed")?, of("exhausted")?))
}

/// Lists the first `limit` subscriptions that the breaker disabled, with their companies.
pub(crate) fn tripped(connection: &Connection, limit: usize) -> Result<Vec<(SubscriptionId, CompanyId)>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT id, company_id FROM subscriptions WHERE deleted_at IS NULL AND disabled_reason = 'circuit_breaker' ORDER BY id LIMIT ?1",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map([limit], |row| Ok((SubscriptionId(row.get(0)?), CompanyId(row.get(1)?))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Number of deliveries in a state. The join begins with the leases, as in [`super::deliveries::BACKLOG`].
const COUNT_BY_STATE: &str = "SELECT CASE ?1 WHEN 'in_flight' THEN (SELECT count(*) FROM leases)
     ELSE (SELECT coalesce(sum(n), 0) FROM delivery_counts WHERE state = ?1)
         - (SELECT count(*) FROM leases l CROSS JOIN deliveries d ON d.id = l.delivery_id WHERE d.state = ?1) END AS n";

/// Counts events, deliveries and subscriptions without scanning the logs.
pub(crate) fn counts(connection: &Connection) -> Result<DatabaseCounts, Error> {
    let mut statement = connection.prepare_cached("SELECT name, seq FROM sqlite_sequence")?;
    let given = statement.query_map([], |row| Ok((row.get("name")?, count(row, "seq")?)))?.collect::<Result<_, _>>()?;
    let mut waiting = [DeliveryState::Pending, DeliveryState::InFlight, DeliveryState::OnHold, DeliveryState::Missed]
        .map(|state| (state, 0));
    for (state, n) in &mut waiting {
        let mut sum = connection.prepare_cached(COUNT_BY_STATE)?;
        *n = sum.query_row([state.name()], |row| count(row, "n"))?;
    }
    let mut statement = connection.prepare_cached(
        "SELECT (SELECT value FROM counters WHERE name = 'event') AS events,
             count(*) FILTER (WHERE disabled_reason IS NULL) AS enabled,
             count(*) FILTER (WHERE disabled_reason IS NOT NULL AND disabled_reason <> 'circuit_breaker') AS off,
             count(*) FILTER (WHERE disabled_reason = 'circuit_breaker') AS tripped,
             coalesce(max(n_consecutive_failures) FILTER (WHERE disabled_reason IS NULL), 0) AS failures
         FROM subscriptions WHERE deleted_at IS NULL",
    )?;
    Ok(statement.query_row([], |row| {
        Ok(DatabaseCounts {
            last_ids: given,
            n_events: count(row, "events")?,
            waiting,
            n_enabled: count(row, "enabled")?,
            n_off: count(row, "off")?,
            n_tripped: count(row, "tripped")?,
            max_failures_in_a_row: count(row, "failures")?,
        })
    })?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{deliveries, open_in_memory};

    #[test]
    fn unfinished_deliveries_are_counted_without_a_scan_of_all_deliveries() {
        let connection = open_in_memory().unwrap();
        connection
            .execute_batch(
                "INSERT INTO events (id, company_id, kind, created_at, body) VALUES (1, 1, 'lead.created', 0, x'7b7d');
                 INSERT INTO subscriptions (company_id, target_url, event_types, secret, created_at, updated_at) VALUES (1, 'a', '', x'', 0, 0);
                 WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
                 INSERT INTO deliveries (event_id, subscription_id, company_id, kind, state, retry_base_ms, created_at)
                 SELECT 1, 1, 1, 'scheduled', 'succeeded', 1, i FROM n;
                 ANALYZE;",
            )
            .unwrap();
        // A database is analyzed when it is closed, and then has no leases.
        for sql in [deliveries::BACKLOG, COUNT_BY_STATE] {
            let mut plan = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            let steps: Vec<String> = plan.query_map([1], |row| row.get(3)).unwrap().collect::<Result<_, _>>().unwrap();
            let is_by_number = |step: &String| step.starts_with("SEARCH d USING INTEGER PRIMARY KEY");
            let is_scan = |step: &String| step == "SCAN d" || step.starts_with("SCAN d ");
            assert!(steps.iter().any(is_by_number) && !steps.iter().any(is_scan), "{steps:?}");
        }
    }
}

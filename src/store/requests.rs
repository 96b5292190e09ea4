//! Request log of the Integration API, and request counters per key.

use super::scan::{Log, wanted};
use super::{Error, time, usage};
use crate::domain::ids::{CompanyId, KeyId};
use crate::domain::log::{Claimed, Page, Request, RequestFilter, Span};
use crate::domain::time::Timestamp;
use rusqlite::{Connection, Row, named_params, params};
use std::collections::HashMap;

/// Width of a time slot of the counters per key, in milliseconds.
const SLOT_MS: i64 = 10_000;

/// A row of the request log.
#[derive(Debug, Clone)]
pub struct Logged {
    /// Number of the row, increasing.
    pub id: i64,
    /// Request as it was logged.
    pub request: Request,
}

/// Numbers of requests of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// Number of all requests of the key.
    pub n: u64,
    /// Number of requests answered with 4xx.
    pub n_client_errors: u64,
    /// Number of requests answered with 429.
    pub n_limited: u64,
    /// Number of requests answered with 5xx.
    pub n_server_errors: u64,
}

/// SQL expression for the size of a row, as the log limit counts it: its texts plus a constant for the rest.
const ROW_BYTES: &str =
    "100 + octet_length(method) + octet_length(route) + coalesce(octet_length(code), 0) + octet_length(request_id)
    + coalesce(octet_length(detail), 0) + coalesce(octet_length(claimed_last4), 0) + coalesce(octet_length(query), 0)
    + coalesce(octet_length(address), 0) + coalesce(octet_length(agent), 0)";
/// Maximum number of oldest rows deleted at once.
const SLICE: u32 = 500;

/// Inserts rows into the request log.
pub(crate) fn insert<'a>(connection: &Connection, rows: impl Iterator<Item = &'a Request>) -> Result<(), Error> {
    let mut n_bytes = 0;
    let mut log = connection.prepare_cached(&format!(
        "INSERT INTO requests (at, key_id, company_id, method, route, status, code, request_id, elapsed_ms, detail, claimed_company, claimed_last4,
             query, address, agent)
         VALUES (:at, :key, :company, :method, :route, :status, :code, :id, :elapsed, :detail, :claimed, :last4, :query, :address, :agent)
         RETURNING {ROW_BYTES}",
    ))?;
    for row in rows {
        let values = named_params! {
            ":at": row.at.millis(), ":key": row.caller.map(|(key, _)| key.0), ":company": row.caller.map(|(_, company)| company.0),
            ":method": row.method, ":route": row.route, ":status": row.status, ":code": row.code,
            ":id": row.request_id, ":elapsed": i64::try_from(row.elapsed_ms).unwrap_or(i64::MAX),
            ":detail": row.detail, ":claimed": row.claimed.as_ref().map(|of| of.company.0),
            ":last4": row.claimed.as_ref().map(|of| of.last4.as_str()), ":query": row.query, ":address": row.address,
            ":agent": row.agent,
        };
        n_bytes += log.query_row(values, |row| row.get::<_, i64>(0))?;
    }
    weigh(connection, n_bytes)
}

/// Computes the size of the log where an earlier version did not count it. Reads the whole log once.
pub(crate) fn measure(connection: &Connection) -> Result<(), Error> {
    connection.execute(
        &format!("INSERT OR IGNORE INTO counters (name, value) SELECT 'request_log_bytes', coalesce((SELECT sum({ROW_BYTES}) FROM requests), 0)
             WHERE NOT EXISTS (SELECT 1 FROM counters WHERE name = 'request_log_bytes')"),
        [],
    )?;
    Ok(())
}

/// Adds to the stored size of the log.
fn weigh(connection: &Connection, n_bytes: i64) -> Result<(), Error> {
    if n_bytes != 0 {
        connection
            .prepare_cached("UPDATE counters SET value = max(0, value + ?1) WHERE name = 'request_log_bytes'")?
            .execute([n_bytes])?;
    }
    Ok(())
}

/// Deletes a slice of the oldest rows if the log exceeds `limit` bytes. Returns the number deleted; 0 if the log is
/// within the limit.
pub(crate) fn shorten(connection: &Connection, limit: u64) -> Result<usize, Error> {
    let n_bytes = connection
        .prepare_cached("SELECT value FROM counters WHERE name = 'request_log_bytes'")?
        .query_row([], |row| super::count(row, "value"))?;
    if n_bytes <= limit { Ok(0) } else { forget(connection, Timestamp::from_millis(i64::MAX)) }
}

/// Deletes a slice of the oldest rows before `before`. Returns the number deleted; 0 if none are left.
pub(crate) fn forget(connection: &Connection, before: Timestamp) -> Result<usize, Error> {
    let mut delete = connection.prepare_cached(&format!(
        "DELETE FROM requests WHERE id IN (SELECT id FROM requests ORDER BY id LIMIT {SLICE}) AND at < ?1 RETURNING {ROW_BYTES}"
    ))?;
    let deleted: Vec<i64> = delete.query_map([before.millis()], |row| row.get(0))?.collect::<Result<_, _>>()?;
    weigh(connection, -deleted.iter().sum::<i64>())?;
    Ok(deleted.len())
}

/// Adds requests to the counters; each request comes with the number of equal ones it represents. Counters are summed
/// in memory first, so that each row is written once.
pub(crate) fn count<'a>(
    connection: &Connection,
    requests: impl Iterator<Item = (&'a Request, u64)>,
) -> Result<(), Error> {
    let requests: Vec<(&Request, u64)> = requests.collect();
    let mut slots: HashMap<(Timestamp, KeyId), Usage> = HashMap::new();
    for (request, n) in &requests {
        if let Some((key, _)) = request.caller {
            let counts = |is_one: bool| if is_one { *n } else { 0 };
            let usage = slots.entry((request.at.slot(SLOT_MS), key)).or_default();
            usage.n += n;
            usage.n_client_errors += counts((400..500).contains(&request.status));
            usage.n_limited += counts(request.status == 429);
            usage.n_server_errors += counts(request.status >= 500);
        }
    }
    let mut count = connection.prepare_cached(
        "INSERT INTO key_slots (slot_at, key_id, n, n_client_errors, n_limited, n_server_errors) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO UPDATE SET n = n + ?3, n_client_errors = n_client_errors + ?4, n_limited = n_limited + ?5,
             n_server_errors = n_server_errors + ?6",
    )?;
    for ((slot, key), usage) in slots {
        let [n, client, limited, server] = [usage.n, usage.n_client_errors, usage.n_limited, usage.n_server_errors]
            .map(|n| i64::try_from(n).unwrap_or(i64::MAX));
        count.execute(params![slot.millis(), key.0, n, client, limited, server])?;
    }
    usage::note(connection, &requests)
}

/// Sums the requests per key over the last minute: the current slot and the five before it.
pub(crate) fn last_minute(connection: &Connection, now: Timestamp) -> Result<Vec<(KeyId, Usage)>, Error> {
    let since = Timestamp::from_millis(now.millis() - 60_000 + SLOT_MS).slot(SLOT_MS);
    let mut statement = connection.prepare_cached(
        "SELECT key_id, sum(n) AS n, sum(n_client_errors) AS client, sum(n_limited) AS limited, sum(n_server_errors) AS server
         FROM key_slots WHERE slot_at >= ?1 GROUP BY key_id",
    )?;
    let rows = statement.query_map([since.millis()], |row| {
        let usage = Usage {
            n: super::count(row, "n")?,
            n_client_errors: super::count(row, "client")?,
            n_limited: super::count(row, "limited")?,
            n_server_errors: super::count(row, "server")?,
        };
        Ok((KeyId(row.get("key_id")?), usage))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Returns a page of requests that match a filter, newest first.
pub(crate) fn list(connection: &Connection, of: &RequestFilter, span: &Span) -> Result<Page<Logged>, Error> {
    let mut sift = Vec::new();
    wanted(&mut sift, "key_id = ?", of.key.map(|id| id.0));
    wanted(&mut sift, "company_id = ?", of.company.map(|id| id.0));
    wanted(&mut sift, "status = ?", of.status.map(i64::from));
    wanted(&mut sift, "status / 100 = ?", of.class.map(i64::from));
    wanted(&mut sift, "code = ?", of.code.clone());
    wanted(&mut sift, "address = ?", of.address.clone());
    let log = Log { table: "requests", columns: "*", computed: "", time: "at", seek: Vec::new(), sift };
    log.page(connection, span, read, |logged| logged.id)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Logged> {
    let key: Option<i64> = row.get("key_id")?;
    let company: Option<i64> = row.get("company_id")?;
    let claimed: Option<i64> = row.get("claimed_company")?;
    let claimed = claimed.map(CompanyId).zip(row.get("claimed_last4")?);
    let request = Request {
        at: time(row, "at")?,
        caller: key.map(KeyId).zip(company.map(CompanyId)),
        method: row.get("method")?,
        route: row.get("route")?,
        status: row.get("status")?,
        code: row.get("code")?,
        detail: row.get("detail")?,
        claimed: claimed.map(|(company, last4)| Claimed { company, last4 }),
        request_id: row.get("request_id")?,
        elapsed_ms: super::count(row, "elapsed_ms")?,
        query: row.get("query")?,
        address: row.get("address")?,
        agent: row.get("agent")?,
    };
    Ok(Logged { id: row.get("id")?, request })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_is_cut_to_its_limit_oldest_first_and_its_bytes_are_always_known() {
        let connection = crate::store::blank().unwrap();
        let stored = || -> i64 {
            let sql = format!("SELECT coalesce(sum({ROW_BYTES}), 0) FROM requests");
            connection.query_row(&sql, [], |row| row.get(0)).unwrap()
        };
        let known = || -> i64 {
            let sql = "SELECT value FROM counters WHERE name = 'request_log_bytes'";
            connection.query_row(sql, [], |row| row.get(0)).unwrap()
        };
        let row = |n: i64| Request {
            at: Timestamp::from_millis(n),
            caller: (n % 2 == 0).then_some((KeyId(1), CompanyId(1))),
            method: "GET".to_owned(),
            route: "/api/v1/events".to_owned(),
            status: 200,
            code: (n % 3 == 0).then(|| "not_found".to_owned()),
            detail: Some("ä".repeat(usize::try_from(n % 50).unwrap())),
            claimed: None,
            request_id: format!("req_{n}"),
            elapsed_ms: 1,
            query: (n % 5 == 0).then(|| "email=…&limit=3".to_owned()),
            address: None,
            agent: None,
        };
        let rows: Vec<Request> = (0..4_000).map(row).collect();
        // As an earlier version left it: rows, and nothing that knows their bytes.
        connection.execute("DELETE FROM counters WHERE name = 'request_log_bytes'", []).unwrap();
        insert(&connection, rows[..1_000].iter()).unwrap();
        measure(&connection).unwrap();
        assert_eq!((known(), stored() > 100_000), (stored(), true));
        insert(&connection, rows[1_000..].iter()).unwrap();
        measure(&connection).unwrap();
        assert_eq!(known(), stored());
        while shorten(&connection, 200_000).unwrap() > 0 {}
        assert_eq!(known(), stored());
        assert!((100_000..=200_000).contains(&known()), "{}", known());
        let oldest: i64 = connection.query_row("SELECT min(at) FROM requests", [], |row| row.get(0)).unwrap();
        let n: i64 = connection.query_row("SELECT count(*) FROM requests", [], |row| row.get(0)).unwrap();
        assert_eq!(oldest + n, 4_000, "what is left is the newest part");
        while forget(&connection, Timestamp::from_millis(4_000)).unwrap() > 0 {}
        assert_eq!((known(), stored()), (0, 0));
    }
}

//! Request log of the Integration API, and request counters per key.

use super::paging::{PagedQuery, add_condition};
use super::slice_size::SliceSize;
use super::{Error, time, usage};
use crate::domain::ids::{CompanyId, KeyId};
use crate::domain::log::{LoggedRequest, PageSpec, RejectedKey, RequestFilter, RowPage};
use crate::domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};
use std::collections::HashMap;

/// Deletes the oldest requests. By a range of ids, since the planner may look for a list of ids by reading the whole table.
pub(super) const DELETE_OLDEST: &str =
    "DELETE FROM requests WHERE id <= (SELECT max(id) FROM (SELECT id FROM requests ORDER BY id LIMIT ?2)) AND at < ?1";
/// Deletes the oldest requests of one company, or those without a key, likewise.
pub(super) const DELETE_OLDEST_OF_COMPANY: &str = "DELETE FROM requests INDEXED BY requests_company WHERE company_id IS ?1 AND id <=
     (SELECT max(id) FROM (SELECT id FROM requests INDEXED BY requests_company WHERE company_id IS ?1 ORDER BY id LIMIT ?2))";

/// Width of a time slot of the counters per key, in milliseconds.
const SLOT_WIDTH_MS: i64 = 10_000;

/// A row of the request log.
#[derive(Debug, Clone)]
pub struct StoredRequest {
    /// Number of the row, increasing.
    pub id: i64,
    /// Request as it was logged.
    pub request: LoggedRequest,
}

/// Numbers of requests of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KeyRequestCounts {
    /// Number of all requests of the key.
    pub n: u64,
    /// Number of requests answered with 4xx.
    pub n_client_errors: u64,
    /// Number of requests answered with 429.
    pub n_limited: u64,
    /// Number of requests answered with 5xx.
    pub n_server_errors: u64,
}

/// Inserts rows into the request log, and counts their bytes per company: 100 for each row and its texts.
pub(crate) fn insert<'a>(connection: &Connection, rows: impl Iterator<Item = &'a LoggedRequest>) -> Result<(), Error> {
    let mut log = connection.prepare_cached(
        "INSERT INTO requests (at, key_id, company_id, method, route, status, code, request_id, elapsed_ms, detail, reason, claimed_company_id,
             claimed_last4, query, address, user_agent, answer_headers, problem_members)
         VALUES (:at, :key, :company, :method, :route, :status, :code, :id, :elapsed, :detail, :reason, :claimed, :last4, :query, :address, :agent, :headers, :members)",
    )?;
    let mut first = None;
    for row in rows {
        let values = named_params! {
            ":at": row.at.millis(), ":key": row.caller.map(|(key, _)| key.0), ":company": row.caller.map(|(_, company)| company.0),
            ":method": row.method, ":route": row.route, ":status": row.status, ":code": row.code,
            ":id": row.request_id, ":elapsed": i64::try_from(row.elapsed_ms).unwrap_or(i64::MAX),
            ":detail": row.detail, ":reason": row.reason, ":claimed": row.rejected_key.as_ref().map(|of| of.company.0),
            ":last4": row.rejected_key.as_ref().map(|of| of.last4.as_str()), ":query": row.query, ":address": row.address,
            ":agent": row.user_agent, ":headers": row.answer_headers, ":members": row.problem_members,
        };
        log.execute(values)?;
        first.get_or_insert_with(|| connection.last_insert_rowid());
    }
    let Some(first) = first else { return Ok(()) };
    let mut count = connection.prepare_cached(
        "INSERT INTO request_log_sizes (company_id, n_bytes)
         SELECT coalesce(company_id, 0), sum(100 + octet_length(concat(
             method, route, code, request_id, detail, reason, claimed_last4, query, address, user_agent, answer_headers, problem_members)))
         FROM requests NOT INDEXED WHERE id >= ?1 GROUP BY 1
         ON CONFLICT DO UPDATE SET n_bytes = n_bytes + excluded.n_bytes",
    )?;
    count.execute([first])?;
    Ok(())
}

/// Deletes a slice of rows if the log exceeds `limit` bytes: the oldest rows of requests without a key, or, if there are
/// none, the oldest rows of the company with the most bytes. Returns the number deleted; 0 if the log is within the
/// limit. A trigger keeps the number of bytes per company.
pub(crate) fn delete_over_limit(connection: &Connection, limit: u64, size: SliceSize) -> Result<usize, Error> {
    let n_bytes = connection
        .prepare_cached("SELECT coalesce(sum(n_bytes), 0) AS n_bytes FROM request_log_sizes")?
        .query_row([], |row| super::count(row, "n_bytes"))?;
    if n_bytes <= limit {
        return Ok(0);
    }
    let mut first = connection.prepare_cached(
        "SELECT nullif(company_id, 0) FROM request_log_sizes WHERE n_bytes > 0 ORDER BY company_id <> 0, n_bytes DESC LIMIT 1",
    )?;
    let of: Option<i64> = first.query_row([], |row| row.get(0)).optional()?.flatten();
    Ok(connection.prepare_cached(DELETE_OLDEST_OF_COMPANY)?.execute((of, size.n_rows()))?)
}

/// Deletes a slice of the oldest rows before `before`. Returns the number deleted; 0 if none are left.
pub(crate) fn delete_before(connection: &Connection, before: Timestamp, size: SliceSize) -> Result<usize, Error> {
    Ok(connection.prepare_cached(DELETE_OLDEST)?.execute((before.millis(), size.n_rows()))?)
}

/// Adds requests to the counters; each request comes with the number of equal ones it represents. Counters are summed
/// in memory first, so that each row is written once.
pub(crate) fn add_to_counters<'a>(
    connection: &Connection,
    requests: impl Iterator<Item = (&'a LoggedRequest, u64)>,
) -> Result<(), Error> {
    let requests: Vec<(&LoggedRequest, u64)> = requests.collect();
    let mut slots: HashMap<(Timestamp, KeyId), KeyRequestCounts> = HashMap::new();
    for (request, n) in &requests {
        if let Some((key, _)) = request.caller {
            let counts = |is_one: bool| if is_one { *n } else { 0 };
            let usage = slots.entry((request.at.floor_to(SLOT_WIDTH_MS), key)).or_default();
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
    usage::add(connection, &requests)
}

/// Sums the requests per key over the last minute: the current slot and the five before it.
pub(crate) fn last_minute(connection: &Connection, now: Timestamp) -> Result<Vec<(KeyId, KeyRequestCounts)>, Error> {
    let since = Timestamp::from_millis(now.millis() - 60_000 + SLOT_WIDTH_MS).floor_to(SLOT_WIDTH_MS);
    let mut statement = connection.prepare_cached(
        "SELECT key_id, sum(n) AS n, sum(n_client_errors) AS client, sum(n_limited) AS limited, sum(n_server_errors) AS server
         FROM key_slots WHERE slot_at >= ?1 GROUP BY key_id",
    )?;
    let rows = statement.query_map([since.millis()], |row| {
        let usage = KeyRequestCounts {
            n: super::count(row, "n")?,
            n_client_errors: super::count(row, "client")?,
            n_limited: super::count(row, "limited")?,
            n_server_errors: super::count(row, "server")?,
        };
        Ok((KeyId(row.get("key_id")?), usage))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Calls of one system that were refused with 401 for the same reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedCaller {
    /// Problem code of the answers.
    pub code: String,
    /// Company and last four characters that the key claimed, if it could be read.
    pub claimed: Option<RejectedKey>,
    /// Number of the calls.
    pub n: u64,
}

/// Newest rows of the log that are searched for refused callers.
const MAX_SEARCHED_ROWS: u32 = 2_000;

/// Lists the callers that were refused with 401 since a time, at least `min` times each, among the newest rows.
pub(crate) fn refused_callers(
    connection: &Connection,
    since: Timestamp,
    min: u64,
) -> Result<Vec<RefusedCaller>, Error> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT code, claimed_company_id, claimed_last4, count(*) AS n
         FROM (SELECT * FROM requests ORDER BY id DESC LIMIT {MAX_SEARCHED_ROWS})
         WHERE at >= ?1 AND status = 401 AND code IN ('missing_key', 'malformed_key', 'unknown_key', 'revoked_key')
         GROUP BY code, claimed_company_id, claimed_last4, address, user_agent
         HAVING count(*) >= ?2 ORDER BY n DESC, code, claimed_company_id, claimed_last4"
    ))?;
    let min = i64::try_from(min).unwrap_or(i64::MAX);
    let rows = statement.query_map(params![since.millis(), min], |row| {
        let company: Option<i64> = row.get("claimed_company_id")?;
        let claimed = company.map(CompanyId).zip(row.get("claimed_last4")?);
        Ok(RefusedCaller {
            code: row.get("code")?,
            claimed: claimed.map(|(company, last4)| RejectedKey { company, last4 }),
            n: super::count(row, "n")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Returns a page of requests that match a filter, newest first.
pub(crate) fn list(
    connection: &Connection,
    of: &RequestFilter,
    span: &PageSpec,
) -> Result<RowPage<StoredRequest>, Error> {
    let mut sift = Vec::new();
    add_condition(&mut sift, "key_id = ?", of.key.map(|id| id.0));
    add_condition(&mut sift, "company_id = ?", of.company.map(|id| id.0));
    add_condition(&mut sift, "status = ?", of.status.map(i64::from));
    add_condition(&mut sift, "status / 100 = ?", of.class.map(i64::from));
    add_condition(&mut sift, "code = ?", of.code.clone());
    add_condition(&mut sift, "address = ?", of.address.clone());
    let log = PagedQuery {
        table: "requests",
        columns: "*",
        computed: "",
        time: "at",
        index_conditions: Vec::new(),
        row_conditions: sift,
    };
    log.page(connection, span, read, |logged| logged.id)
}

fn read(row: &Row<'_>) -> rusqlite::Result<StoredRequest> {
    let key: Option<i64> = row.get("key_id")?;
    let company: Option<i64> = row.get("company_id")?;
    let claimed: Option<i64> = row.get("claimed_company_id")?;
    let claimed = claimed.map(CompanyId).zip(row.get("claimed_last4")?);
    let request = LoggedRequest {
        at: time(row, "at")?,
        caller: key.map(KeyId).zip(company.map(CompanyId)),
        method: row.get("method")?,
        route: row.get("route")?,
        status: row.get("status")?,
        code: row.get("code")?,
        detail: row.get("detail")?,
        reason: row.get("reason")?,
        rejected_key: claimed.map(|(company, last4)| RejectedKey { company, last4 }),
        request_id: row.get("request_id")?,
        elapsed_ms: super::count(row, "elapsed_ms")?,
        query: row.get("query")?,
        address: row.get("address")?,
        user_agent: row.get("user_agent")?,
        answer_headers: row.get("answer_headers")?,
        problem_members: row.get("problem_members")?,
    };
    Ok(StoredRequest { id: row.get("id")?, request })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Bytes of a row as the limit counts them: its texts, and 100.
    const STORED: &str = "100 + octet_length(concat(method, route, code, request_id, detail, reason, claimed_last4, query, address, user_agent, answer_headers, problem_members))";

    fn row(n: i64, company: Option<i64>) -> LoggedRequest {
        LoggedRequest {
            at: Timestamp::from_millis(n),
            caller: company.map(|of| (KeyId(of), CompanyId(of))),
            method: "GET".to_owned(),
            route: "/api/v1/events".to_owned(),
            status: 200,
            code: (n % 3 == 0).then(|| "not_found".to_owned()),
            detail: Some("ä".repeat(usize::try_from(n % 50).unwrap())),
            reason: (n % 7 == 0).then(|| "length".to_owned()),
            rejected_key: None,
            request_id: format!("req_{n}"),
            elapsed_ms: 1,
            query: (n % 5 == 0).then(|| "email=…&limit=3".to_owned()),
            address: None,
            user_agent: None,
            answer_headers: (n % 3 == 0).then(|| "Retry-After: 1".to_owned()),
            problem_members: (n % 4 == 0).then(|| "{\"limit\":20}".to_owned()),
        }
    }

    /// Bytes and rows of each company that has any, by a scan of the rows; 0 means no company.
    fn stored(connection: &Connection) -> BTreeMap<i64, (i64, i64)> {
        let sql = format!("SELECT coalesce(company_id, 0), sum({STORED}), count(*) FROM requests GROUP BY 1");
        let mut statement = connection.prepare(&sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    fn known(connection: &Connection) -> BTreeMap<i64, i64> {
        let mut statement =
            connection.prepare("SELECT company_id, n_bytes FROM request_log_sizes WHERE n_bytes <> 0").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }

    fn total(connection: &Connection) -> i64 {
        stored(connection).values().map(|of| of.0).sum()
    }

    fn check(connection: &Connection) {
        let bytes: BTreeMap<i64, i64> = stored(connection).into_iter().map(|(company, of)| (company, of.0)).collect();
        assert_eq!(known(connection), bytes);
    }

    fn oldest(connection: &Connection) -> i64 {
        connection.query_row("SELECT min(at) FROM requests", [], |row| row.get(0)).unwrap()
    }

    #[test]
    fn rows_of_one_company_are_cut_to_the_limit_oldest_first_and_their_bytes_are_always_known() {
        let connection = crate::store::open_in_memory().unwrap();
        let rows: Vec<LoggedRequest> = (0..4_000).map(|n| row(n, Some(1))).collect();
        insert(&connection, rows.iter()).unwrap();
        check(&connection);
        while delete_over_limit(&connection, 200_000, SliceSize::FIRST).unwrap() > 0 {}
        check(&connection);
        assert!((100_000..=200_000).contains(&total(&connection)), "{}", total(&connection));
        assert_eq!(oldest(&connection) + stored(&connection)[&1].1, 4_000, "what is left is the newest part");
        while delete_before(&connection, Timestamp::from_millis(4_000), SliceSize::FIRST).unwrap() > 0 {}
        assert_eq!((known(&connection), total(&connection)), (BTreeMap::new(), 0));
    }

    #[test]
    fn rows_of_an_earlier_version_are_counted_when_its_database_is_brought_up_to_date() {
        let connection = Connection::open_in_memory().unwrap();
        let (old, new) = crate::store::MIGRATIONS.split_at(15);
        connection.execute_batch(&old.concat()).unwrap();
        let earlier =
            "INSERT INTO requests (at, company_id, method, route, status, request_id, elapsed_ms, detail, agent)
             VALUES (?1, nullif(?1 % 3, 0), 'GET', '/api/v1/events', 200, 'req_' || ?1, 1, 'ä', 'agent/' || ?1)";
        for n in 0..100 {
            connection.execute(earlier, [n]).unwrap();
        }
        connection.execute_batch(&new.concat()).unwrap();
        check(&connection);
        assert_eq!(known(&connection).len(), 3);
        let named = LoggedRequest { user_agent: Some("agent/100".to_owned()), ..row(100, Some(1)) };
        insert(&connection, [named].iter()).unwrap();
        check(&connection);
        while delete_before(&connection, Timestamp::from_millis(50), SliceSize::FIRST).unwrap() > 0 {}
        check(&connection);
        assert_eq!(oldest(&connection), 50);
    }

    #[test]
    fn a_flood_without_a_key_takes_no_room_from_partners_and_a_busy_partner_none_from_a_quiet_one() {
        let connection = crate::store::open_in_memory().unwrap();
        insert(&connection, [row(0, Some(2))].iter()).unwrap();
        let busy: Vec<LoggedRequest> = (1..1_001).map(|n| row(n, Some(1))).collect();
        insert(&connection, busy.iter()).unwrap();
        let flood: Vec<LoggedRequest> = (1_001..9_001).map(|n| row(n, None)).collect();
        insert(&connection, flood.iter()).unwrap();
        while delete_over_limit(&connection, 300_000, SliceSize::FIRST).unwrap() > 0 {}
        check(&connection);
        let left = stored(&connection);
        assert_eq!((left[&2].1, left[&1].1), (1, 1_000), "partners lose nothing to those without a key");
        assert!(left[&0].1 < 8_000 && total(&connection) <= 300_000);
        while delete_over_limit(&connection, 100_000, SliceSize::FIRST).unwrap() > 0 {}
        check(&connection);
        let left = stored(&connection);
        assert_eq!((left.get(&0), left[&2].1), (None, 1), "a partner loses nothing to another one with more");
        assert!(left[&1].1 < 1_000 && total(&connection) <= 100_000);
    }
}

//! The log of requests to the Integration API, and its counters per key.

use super::scan::{Log, wanted};
use super::{Error, count, time, usage};
use crate::domain::ids::{CompanyId, KeyId};
use crate::domain::log::{Claimed, Page, Request, RequestFilter, Span};
use crate::domain::time::Timestamp;
use rusqlite::{Connection, Row, named_params, params};
use std::collections::HashMap;

/// The width of a slot of the counters.
const SLOT_MS: i64 = 10_000;

/// A request with its place in the log.
#[derive(Debug, Clone)]
pub struct Logged {
    /// Its place.
    pub id: i64,
    /// The request, without who called.
    pub request: Request,
}

/// Requests of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// All.
    pub n: u64,
    /// Answered 4xx.
    pub n_client_errors: u64,
    /// Answered 429.
    pub n_limited: u64,
    /// Answered 5xx.
    pub n_server_errors: u64,
}

/// Logs and counts requests. Counters of many requests are summed up first, so that each is written once.
pub(crate) fn insert(connection: &Connection, requests: &[Request]) -> Result<(), Error> {
    let mut log = connection.prepare_cached(
        "INSERT INTO requests (at, key_id, company_id, method, route, status, code, request_id, elapsed_ms, detail, claimed_company, claimed_last4)
         VALUES (:at, :key, :company, :method, :route, :status, :code, :id, :elapsed, :detail, :claimed, :last4)",
    )?;
    let mut slots: HashMap<(Timestamp, KeyId), Usage> = HashMap::new();
    for request in requests {
        log.execute(named_params! {
            ":at": request.at.millis(), ":key": request.caller.map(|(key, _)| key.0), ":company": request.caller.map(|(_, company)| company.0),
            ":method": request.method, ":route": request.route, ":status": request.status, ":code": request.code,
            ":id": request.request_id, ":elapsed": i64::try_from(request.elapsed_ms).unwrap_or(i64::MAX),
            ":detail": request.detail, ":claimed": request.claimed.as_ref().map(|of| of.company.0),
            ":last4": request.claimed.as_ref().map(|of| of.last4.as_str()),
        })?;
        if let Some((key, _)) = request.caller {
            let usage = slots.entry((request.at.slot(SLOT_MS), key)).or_default();
            usage.n += 1;
            usage.n_client_errors += u64::from((400..500).contains(&request.status));
            usage.n_limited += u64::from(request.status == 429);
            usage.n_server_errors += u64::from(request.status >= 500);
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
    usage::note(connection, requests)
}

/// Requests per key in the last minute: the six latest complete slots' worth, ending now.
pub(crate) fn last_minute(connection: &Connection, now: Timestamp) -> Result<Vec<(KeyId, Usage)>, Error> {
    let since = Timestamp::from_millis(now.millis() - 60_000 + SLOT_MS).slot(SLOT_MS);
    let mut statement = connection.prepare_cached(
        "SELECT key_id, sum(n) AS n, sum(n_client_errors) AS client, sum(n_limited) AS limited, sum(n_server_errors) AS server
         FROM key_slots WHERE slot_at >= ?1 GROUP BY key_id",
    )?;
    let rows = statement.query_map([since.millis()], |row| {
        let usage = Usage {
            n: count(row, "n")?,
            n_client_errors: count(row, "client")?,
            n_limited: count(row, "limited")?,
            n_server_errors: count(row, "server")?,
        };
        Ok((KeyId(row.get("key_id")?), usage))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A page of requests, newest first.
pub(crate) fn list(connection: &Connection, of: &RequestFilter, span: &Span) -> Result<Page<Logged>, Error> {
    let mut sift = Vec::new();
    wanted(&mut sift, "key_id = ?", of.key.map(|id| id.0));
    wanted(&mut sift, "company_id = ?", of.company.map(|id| id.0));
    wanted(&mut sift, "status = ?", of.status.map(i64::from));
    wanted(&mut sift, "code = ?", of.code.clone());
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
        elapsed_ms: count(row, "elapsed_ms")?,
        address: None,
        agent: None,
    };
    Ok(Logged { id: row.get("id")?, request })
}

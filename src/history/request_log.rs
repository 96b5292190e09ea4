//! The request log of the history: calls of crow itself, and calls of others that `crow relay` reported.

use super::pages::{count_column, millis, read_page};
use super::{HistoryError, PlatformHistory};
use crate::database::options::JobPriority;
use crate::domain::ids::{CompanyId, KeyId};
use crate::domain::log::{PageSpec, RowPage};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::wire::calls::RelayFailure;
use crate::wire::log::RequestQuery;
use crate::wire::requests::{ProblemCodeCount, RequestRow};
use crate::wire::stats::RequestPoint;
use rusqlite::types::ToSql;
use rusqlite::{Row, params};
use serde_json::Value;
use std::time::Duration;

/// Period over which status codes are counted, in milliseconds.
const HOUR_MS: i64 = 3_600_000;
/// Status of a call whose key the platform did not accept.
const UNAUTHORIZED: u16 = 401;

impl PlatformHistory {
    /// Returns a page of the request log, and the counts of the last hour by status and code.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be read.
    pub async fn request_page(
        &self,
        query: RequestQuery,
        spec: PageSpec,
        now: Timestamp,
    ) -> Result<(RowPage<RequestRow>, Vec<ProblemCodeCount>), HistoryError> {
        let sql = "SELECT r.*, (SELECT count(*) FROM keys o WHERE o.name <= r.key) AS number FROM logged_requests r
                   WHERE (:company IS NULL OR r.company = :company)
                   AND (:key IS NULL OR (SELECT count(*) FROM keys o WHERE o.name <= r.key) = :key)
                   AND (:status IS NULL OR r.status = :status) AND (:class IS NULL OR r.status / 100 = :class)
                   AND (:code IS NULL OR r.code = :code) AND (:caller IS NULL OR r.address = :caller)
                   AND (:since IS NULL OR r.at >= :since) AND (:until IS NULL OR r.at < :until)";
        self.database
            .read(JobPriority::Low, move |connection| {
                let (since, until) = (millis(spec.since), millis(spec.until));
                let class = query.class.as_ref().and_then(|class| class.strip_suffix("xx")?.parse::<u16>().ok());
                let filters: [(&str, &dyn ToSql); 8] = [
                    (":company", &query.company),
                    (":key", &query.key),
                    (":status", &query.status),
                    (":class", &class),
                    (":code", &query.code),
                    (":caller", &query.caller),
                    (":since", &since),
                    (":until", &until),
                ];
                let rows = read_page(connection, sql, &filters, &spec, request)?;
                let mut statement = connection.prepare_cached(
                    "SELECT status, code, count(*) AS n FROM (
                     SELECT status, code FROM calls WHERE at > ?1 AND elapsed_ms IS NOT NULL
                     UNION ALL SELECT status, code FROM relayed_calls WHERE at > ?1)
                     GROUP BY 1, 2 ORDER BY n DESC",
                )?;
                let hour = statement.query_map([now.millis() - HOUR_MS], |row| {
                    let code = row.get::<_, Option<String>>(1)?.map(Untrusted::new);
                    Ok(ProblemCodeCount { status: row.get(0)?, code, n: count_column(row, 2)? })
                })?;
                Ok((rows, hour.collect::<Result<_, _>>()?))
            })
            .await
    }

    /// Counts the calls of the log in each of `n` slots of `width`, from `since` on: all, and those answered 4xx, 429
    /// and 5xx.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be read.
    pub async fn call_series(
        &self,
        since: Timestamp,
        width: Duration,
        n: usize,
    ) -> Result<Vec<RequestPoint>, HistoryError> {
        let width_ms = i64::try_from(width.as_millis()).unwrap_or(i64::MAX);
        let sql = "SELECT (at - ?1) / ?2 AS slot, count(*), count(*) FILTER (WHERE status BETWEEN 400 AND 499),
                   count(*) FILTER (WHERE status = 429), count(*) FILTER (WHERE status >= 500) FROM (
                   SELECT at, status FROM calls WHERE at >= ?1 AND at < ?3 AND elapsed_ms IS NOT NULL
                   UNION ALL SELECT at, status FROM relayed_calls WHERE at >= ?1 AND at < ?3) GROUP BY slot";
        let until = since.millis().saturating_add(width_ms.saturating_mul(i64::try_from(n).unwrap_or(i64::MAX)));
        self.database
            .read(JobPriority::Low, move |connection| {
                let empty = |slot: usize| RequestPoint {
                    utc: since.plus(width * u32::try_from(slot).unwrap_or(u32::MAX)),
                    n: 0,
                    n_client_errors: 0,
                    n_limited: 0,
                    n_server_errors: 0,
                };
                let mut points: Vec<RequestPoint> = (0..n).map(empty).collect();
                let mut statement = connection.prepare_cached(sql)?;
                let mut rows = statement.query(params![since.millis(), width_ms, until])?;
                while let Some(row) = rows.next()? {
                    let slot: i64 = row.get(0)?;
                    if let Some(point) = usize::try_from(slot).ok().and_then(|slot| points.get_mut(slot)) {
                        point.n = count_column(row, 1)?;
                        point.n_client_errors = count_column(row, 2)?;
                        point.n_limited = count_column(row, 3)?;
                        point.n_server_errors = count_column(row, 4)?;
                    }
                }
                Ok(points)
            })
            .await
    }
}

fn request(row: &Row<'_>) -> rusqlite::Result<(i64, RequestRow)> {
    let id: i64 = row.get("id")?;
    let text = |name: &str| -> rusqlite::Result<Option<Untrusted>> {
        Ok(row.get::<_, Option<String>>(name)?.map(Untrusted::new))
    };
    let status: Option<u16> = row.get("status")?;
    let (company, last4) = (row.get::<_, Option<i64>>("company")?.map(CompanyId), text("last4")?);
    let is_relayed: bool = row.get("is_relayed")?;
    // A refused key of a relayed call is what its caller claims.
    let is_claim = is_relayed && status == Some(UNAUTHORIZED);
    let (held, claimed) = if is_claim { ((None, None), (company, last4)) } else { ((company, last4), (None, None)) };
    let is_known = row.get::<_, Option<String>>("key")?.is_some() && held.1.is_some();
    let problem: Option<Value> = text("problem")?.and_then(|problem| serde_json::from_str(problem.raw()).ok());
    let member = |name: &str| Some(Untrusted::new(problem.as_ref()?.get(name)?.as_str()?));
    let failure = text("failure")?.map(|name| Untrusted::new(RelayFailure::from_name(name.raw()).words()));
    let request = RequestRow {
        id,
        utc: Timestamp::from_millis(row.get("at")?),
        key_id: if is_known { Some(KeyId(row.get("number")?)) } else { None },
        company_id: held.0,
        last4: held.1,
        method: text("method")?.unwrap_or_default(),
        route: text("route")?.unwrap_or_default(),
        status,
        code: text("code")?,
        detail: text("detail")?.or(failure).or_else(|| member("detail")),
        reason: member("requiredScope"),
        claimed_company_id: claimed.0,
        claimed_last4: claimed.1,
        query: text("query")?,
        address: text("address")?,
        user_agent: text("user_agent")?,
        caller_name: text("caller")?,
        own_call: text("kind")?,
        request_id: text("request_id")?,
        elapsed_ms: row.get::<_, i64>("elapsed_ms")?.unsigned_abs(),
    };
    Ok((id, request))
}

//! The request log of the history: calls of crow itself, and calls of others that `crow relay` reported.

use super::pages::{count_column, millis, read_page};
use super::seen_windows::HOUR_MS;
use super::slots::{TimeSlots, fill_slots};
use super::{HistoryError, PlatformHistory};
use crate::database::options::JobPriority;
use crate::domain::ids::{CompanyId, KeyId};
use crate::domain::log::{PageSpec, RowPage};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::wire::attempts::HttpHeader;
use crate::wire::calls::RelayFailure;
use crate::wire::log::RequestQuery;
use crate::wire::requests::{OwnCallKind, PROBE_REFUSALS, ProblemCodeCount, RequestRow};
use crate::wire::stats::RequestPoint;
use rusqlite::types::ToSql;
use rusqlite::{Row, params};
use serde_json::Value;
use std::time::Duration;

/// Status of a call whose key the platform did not accept.
const UNAUTHORIZED: u16 = 401;

/// Rows of the request log: `r` numbers them, `c` is an own call, `p` a relayed one, and `k` the profile's key that made
/// the call.
const ROWS: &str = "SELECT r.id, coalesce(c.at, p.at) AS at, k.name AS key, coalesce(p.company, k.company) AS company,
    coalesce(p.last4, k.last4) AS last4, coalesce(c.method, p.method) AS method, coalesce(c.route, p.route) AS route, p.query,
    coalesce(c.status, p.status) AS status, coalesce(c.code, p.code) AS code, c.detail,
    coalesce(c.request_id, p.request_id) AS request_id, coalesce(c.elapsed_ms, p.elapsed_ms) AS elapsed_ms, c.kind, p.address,
    p.user_agent, p.caller, p.failure, p.problem, p.refusal_reason, p.retry_after_s, p.rate_limit, p.rate_remaining,
    p.rate_reset_at, p.rate_policy, p.id IS NOT NULL AS is_relayed,
    (SELECT count(*) FROM keys o WHERE o.name <= k.name) AS number
    FROM request_log r LEFT JOIN calls c ON c.id = r.call LEFT JOIN relayed_calls p ON p.id = r.relayed
    LEFT JOIN keys k ON k.name = coalesce(c.key,
        (SELECT min(o.name) FROM keys o WHERE o.company = p.company AND o.last4 = p.last4))";
/// Filters of the request log. A call that is under way has no row yet.
const CONDITION: &str = "coalesce(c.elapsed_ms, p.elapsed_ms) IS NOT NULL
    AND (:company IS NULL OR coalesce(p.company, k.company) = :company)
    AND (:key IS NULL OR (SELECT count(*) FROM keys o WHERE o.name <= k.name) = :key)
    AND (:status IS NULL OR coalesce(c.status, p.status) = :status)
    AND (:class IS NULL OR coalesce(c.status, p.status) / 100 = :class)
    AND (:code IS NULL OR coalesce(c.code, p.code) = :code) AND (:caller IS NULL OR p.address = :caller)
    AND (:since IS NULL OR coalesce(c.at, p.at) >= :since) AND (:until IS NULL OR coalesce(c.at, p.at) < :until)";

impl PlatformHistory {
    /// Returns a page of the request log, and the counts of the last hour by status and code, without the refusals by
    /// which crow finds out the scopes of a key.
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
        let sql = format!("{ROWS} WHERE {CONDITION}");
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
                let rows = read_page(connection, &sql, &filters, &spec, request)?;
                let mut statement = connection.prepare_cached(
                    "SELECT status, code, count(*) AS n FROM (
                     SELECT status, code FROM calls WHERE at > ?1 AND elapsed_ms IS NOT NULL
                     AND NOT (kind = ?2 AND status IN (SELECT value FROM json_each(?3)))
                     UNION ALL SELECT status, code FROM relayed_calls WHERE at > ?1)
                     GROUP BY 1, 2 ORDER BY n DESC",
                )?;
                let refusals = serde_json::to_string(&PROBE_REFUSALS).unwrap_or_default();
                let since = now.millis() - HOUR_MS;
                let hour = statement.query_map(params![since, OwnCallKind::ScopeProbe.name(), refusals], |row| {
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
        let sql = "SELECT (at - ?1) / ?2 AS slot, count(*), count(*) FILTER (WHERE status BETWEEN 400 AND 499),
                   count(*) FILTER (WHERE status = 429), count(*) FILTER (WHERE status >= 500) FROM (
                   SELECT at, status FROM calls WHERE at >= ?1 AND at < ?3 AND elapsed_ms IS NOT NULL
                   UNION ALL SELECT at, status FROM relayed_calls WHERE at >= ?1 AND at < ?3) GROUP BY slot";
        let slots = TimeSlots { since, width, n };
        self.database
            .read(JobPriority::Low, move |connection| {
                let empty = |utc| RequestPoint { utc, n: 0, n_client_errors: 0, n_limited: 0, n_server_errors: 0 };
                let mut points: Vec<RequestPoint> = slots.starts().map(empty).collect();
                let mut statement = connection.prepare_cached(sql)?;
                let rows = statement.query(params![since.millis(), slots.width_ms(), slots.end_ms()])?;
                fill_slots(rows, &mut points, |point, row| {
                    point.n = count_column(row, 1)?;
                    point.n_client_errors = count_column(row, 2)?;
                    point.n_limited = count_column(row, 3)?;
                    point.n_server_errors = count_column(row, 4)?;
                    Ok(())
                })?;
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
    let document = problem.as_ref().and_then(Value::as_object).filter(|_| status.is_some_and(|status| status >= 400));
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
        reason: text("refusal_reason")?.or_else(|| member("requiredScope")),
        claimed_company_id: claimed.0,
        claimed_last4: claimed.1,
        query: text("query")?,
        address: text("address")?,
        user_agent: text("user_agent")?,
        answer_headers: relayed_headers(row, status)?,
        problem: document.cloned(),
        caller_name: text("caller")?,
        own_call: text("kind")?,
        request_id: text("request_id")?,
        elapsed_ms: row.get::<_, i64>("elapsed_ms")?.unsigned_abs(),
    };
    Ok((id, request))
}

/// Headers of a refusal that a relay read: what its record has of them.
fn relayed_headers(row: &Row<'_>, status: Option<u16>) -> rusqlite::Result<Option<Vec<HttpHeader>>> {
    if status.is_none_or(|status| status < 400) {
        return Ok(None);
    }
    let number = |name: &str| -> rusqlite::Result<Option<String>> {
        Ok(row.get::<_, Option<i64>>(name)?.map(|value| value.to_string()))
    };
    let reset = row.get::<_, Option<i64>>("rate_reset_at")?.map(|at| Timestamp::from_millis(at).seconds().to_string());
    let headers: Vec<HttpHeader> = [
        ("Retry-After", number("retry_after_s")?),
        ("X-RateLimit-Limit", number("rate_limit")?),
        ("X-RateLimit-Remaining", number("rate_remaining")?),
        ("X-RateLimit-Reset", reset),
        ("X-RateLimit-Policy", row.get("rate_policy")?),
    ]
    .into_iter()
    .filter_map(|(name, value)| Some(HttpHeader { name: name.into(), value: Untrusted::new(value?) }))
    .collect();
    Ok((!headers.is_empty()).then_some(headers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::log::PagePosition;
    use crate::domain::window::RateBucket;
    use crate::history::calls::{CallIntent, CallOutcome, CallPermit};
    use crate::history::keys::KeyName;
    use crate::wire::calls::{CallReport, RateHeaders, RelayedCall};

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    fn relayed(id: &str, last4: &str, status: Option<u16>) -> RelayedCall {
        RelayedCall {
            id: Untrusted::new(id),
            utc: NOW,
            address: Some("10.0.0.7".into()),
            user_agent: Some("importer/2".into()),
            caller: Some("crm".into()),
            company_id: Some(CompanyId(92)),
            last4: Some(last4.into()),
            method: "GET".into(),
            route: "/api/v1/events".into(),
            query: Some("limit=2".into()),
            status,
            code: None,
            refusal_reason: None,
            request_id: None,
            rate: None,
            retry_after_seconds: None,
            head_ms: Some(2),
            elapsed_ms: 3,
            n_request_bytes: 0,
            n_answer_bytes: 10,
            failure: if status.is_none() { Some(RelayFailure::Timeout) } else { None },
            problem: None,
        }
    }

    async fn open(dir: &tempfile::TempDir) -> PlatformHistory {
        let history = PlatformHistory::open(&dir.path().join("history.db")).expect("it opens");
        let key = KeyName { name: "main".to_owned(), company: CompanyId(92), last4: "abcd".to_owned() };
        history.record_keys(vec![key]).await.expect("stored");
        history
    }

    async fn rows(history: &PlatformHistory, query: RequestQuery) -> Vec<RequestRow> {
        let spec = PageSpec { start: PagePosition::Newest, limit: 50, since: None, until: None };
        history.request_page(query, spec, NOW).await.expect("read").0.items
    }

    async fn make_own_call(history: &PlatformHistory) {
        let intent = CallIntent {
            purpose: "events:92".to_owned(),
            key: "main".to_owned(),
            bucket: RateBucket::Read,
            kind: OwnCallKind::Poll,
            method: "GET",
            route: "/api/v1/events",
            interval: Duration::ZERO,
            retry_interval: Duration::ZERO,
            percent: 50,
        };
        let permit = history.acquire_permit(intent.clone(), NOW).await.expect("decided");
        let CallPermit::Granted(id) = permit else { panic!("a permit") };
        let outcome = CallOutcome { status: Some(200), is_success: true, ..CallOutcome::default() };
        history.record_outcome(id, intent, outcome, NOW).await.expect("stored");
    }

    #[tokio::test]
    async fn own_and_relayed_calls_are_one_log_in_the_order_of_their_storage() {
        let dir = tempfile::tempdir().expect("a directory");
        let history = open(&dir).await;
        make_own_call(&history).await;
        let calls = vec![relayed("a", "abcd", Some(200)), relayed("b", "zzzz", Some(401)), relayed("c", "abcd", None)];
        let report = CallReport { calls, unrecorded: Vec::new() };
        history.record_calls(report.clone()).await.expect("stored");
        history.record_calls(report).await.expect("stored again");
        make_own_call(&history).await;
        let all = rows(&history, RequestQuery::default()).await;
        assert_eq!(
            all.iter().map(|row| row.status).collect::<Vec<_>>(),
            [Some(200), None, Some(401), Some(200), Some(200)]
        );
        assert!(all.windows(2).all(|two| two[0].id > two[1].id));
        let [_, lost, refused, served, _] = all.as_slice() else { panic!("five rows") };
        assert_eq!((lost.key_id, lost.detail.is_some()), (Some(KeyId(1)), true));
        assert_eq!((refused.key_id, refused.company_id), (None, None));
        assert_eq!(refused.claimed_last4.as_ref().map(Untrusted::raw), Some("zzzz"));
        assert_eq!(served.caller_name.as_ref().map(Untrusted::raw), Some("crm"));
        let of_caller = RequestQuery { caller: Some("10.0.0.7".to_owned()), ..RequestQuery::default() };
        assert_eq!(rows(&history, of_caller).await.len(), 3);
        let series = history.call_series(NOW, Duration::from_secs(60), 1).await.expect("read");
        assert_eq!((series[0].n, series[0].n_client_errors), (5, 1));
    }

    #[tokio::test]
    async fn the_rate_headers_of_relayed_calls_show_the_window_of_the_profiles_key_only() {
        let dir = tempfile::tempdir().expect("a directory");
        let history = open(&dir).await;
        let rate = RateHeaders { limit: 60, remaining: 11, reset_utc: None, policy: Some("read:60/1m".into()) };
        let with_rate = |id, last4| RelayedCall { rate: Some(rate.clone()), ..relayed(id, last4, Some(200)) };
        let calls = vec![with_rate("a", "abcd"), with_rate("b", "zzzz")];
        history.record_calls(CallReport { calls, unrecorded: Vec::new() }).await.expect("stored");
        let refused = RelayedCall { retry_after_seconds: Some(7), ..with_rate("c", "zzzz") };
        let refused = RelayedCall { status: Some(429), ..refused };
        history.record_calls(CallReport { calls: vec![refused], unrecorded: Vec::new() }).await.expect("stored");
        let rows = rows(&history, RequestQuery::default()).await;
        let headers = rows[0].answer_headers.iter().flatten();
        let lines: Vec<String> = headers.map(|of| format!("{}: {}", of.name.raw(), of.value.raw())).collect();
        let expected =
            ["Retry-After: 7", "X-RateLimit-Limit: 60", "X-RateLimit-Remaining: 11", "X-RateLimit-Policy: read:60/1m"];
        assert_eq!(lines, expected);
        assert_eq!(rows[1].answer_headers, None, "a success has none");
        let seen = history.observations(NOW).await.expect("read").windows;
        assert_eq!(seen.iter().map(|window| (window.key.as_str(), window.used)).collect::<Vec<_>>(), [("main", 49)]);
    }
}

//! Pages of the history, newest rows first, in the shape of the Portal API's logs.

use super::PlatformHistory;
use super::observations::read_outage;
use crate::database::error::Error;
use crate::database::options::JobPriority;
use crate::domain::delivery::{AttemptKind, MAX_RETRIES};
use crate::domain::ids::{AttemptId, CompanyId, EventId, KeyId, SubscriptionId};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::sync::observed_overview::outage_as_trip;
use crate::wire::attempts::{AttemptDetail, AttemptRow, CapturedBody, HttpHeader, PhaseTimes};
use crate::wire::deliveries::{EventDetail, EventRow};
use crate::wire::log::{AttemptQuery, EventQuery, LogPage, RequestQuery, TripQuery};
use crate::wire::readable::UnreadableRows;
use crate::wire::requests::{ProblemCodeCount, RequestRow};
use crate::wire::trips::TripRow;
use rusqlite::types::ToSql;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

/// Period over which status codes are counted, in milliseconds.
const HOUR_MS: i64 = 3_600_000;
/// Placeholder for the target URL of a received delivery, which is not known.
pub(in crate::sync) const RECEIVER_PLACEHOLDER: &str = "crow listen";

/// Position at which a page begins.
enum HistoryPageStart {
    Newest,
    Older(i64),
    Newer(i64),
}

impl HistoryPageStart {
    fn read(cursor: Option<&str>) -> Self {
        let number = |prefix| cursor.and_then(|cursor| cursor.strip_prefix(prefix)).and_then(|text| text.parse().ok());
        number("older:").map(Self::Older).or_else(|| number("newer:").map(Self::Newer)).unwrap_or(Self::Newest)
    }
}

/// Reads a page. `sql` must end in a condition, to which the position is appended, and its first column must be the
/// row number.
fn read_page<T>(
    connection: &Connection,
    sql: &str,
    filters: &[(&str, &dyn ToSql)],
    (cursor, limit): (Option<&str>, u32),
    read: impl Fn(&Row<'_>) -> rusqlite::Result<(i64, T)>,
) -> Result<LogPage<T>, Error> {
    let from = HistoryPageStart::read(cursor);
    let (place, order, at) = match from {
        HistoryPageStart::Newest => ("?", "DESC", i64::MAX),
        HistoryPageStart::Older(id) => ("<", "DESC", id),
        HistoryPageStart::Newer(id) => (">", "ASC", id),
    };
    let place = if place == "?" { "<=" } else { place };
    let text = format!("{sql} AND r.id {place} :place ORDER BY r.id {order} LIMIT :rows");
    let rows = i64::from(limit) + 1;
    let mut statement = connection.prepare_cached(&text)?;
    let all: Vec<(&str, &dyn ToSql)> =
        filters.iter().copied().chain([(":place", &at as &dyn ToSql), (":rows", &rows as &dyn ToSql)]).collect();
    let mut found: Vec<(i64, T)> = statement.query_map(all.as_slice(), |row| read(row))?.collect::<Result<_, _>>()?;
    let has_more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let is_newer = matches!(from, HistoryPageStart::Newer(_));
    if is_newer {
        found.reverse();
    }
    let newest = found.first().map_or(if let HistoryPageStart::Newer(id) = from { id } else { 0 }, |(id, _)| *id);
    let oldest = found.last().map(|(id, _)| *id);
    let next_cursor = oldest.filter(|_| is_newer || has_more).map(|id| format!("older:{id}"));
    Ok(LogPage {
        items: found.into_iter().map(|(_, row)| row).collect(),
        next_cursor,
        previous_cursor: Some(format!("newer:{newest}")),
        has_more,
        unreadable: UnreadableRows::default(),
    })
}

/// Reads a count, which is never negative.
fn count_column(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.unsigned_abs())
}

fn millis(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::millis)
}

impl PlatformHistory {
    /// Returns a page of the polled events.
    ///
    /// # Errors
    ///
    /// [`Error`] when the database cannot be read.
    pub async fn event_page(
        &self,
        query: EventQuery,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<LogPage<EventRow>, Error> {
        let sql = "SELECT r.id, r.company, r.type, r.created_at, length(r.envelope) FROM events r
                   WHERE (:company IS NULL OR r.company = :company) AND (:type IS NULL OR r.type = :type)
                   AND (:since IS NULL OR r.created_at >= :since) AND (:until IS NULL OR r.created_at < :until)";
        self.database
            .read(JobPriority::Low, move |connection| {
                let (since, until) = (millis(query.since), millis(query.until));
                let filters: [(&str, &dyn ToSql); 4] =
                    [(":company", &query.company), (":type", &query.kind), (":since", &since), (":until", &until)];
                read_page(connection, sql, &filters, (cursor.as_deref(), limit), event)
            })
            .await
    }

    /// Returns a polled event with its bytes.
    ///
    /// # Errors
    ///
    /// [`Error`] when the database cannot be read.
    pub async fn event(&self, id: EventId) -> Result<Option<EventDetail>, Error> {
        let sql = "SELECT r.id, r.company, r.type, r.created_at, length(r.envelope), r.envelope FROM events r WHERE r.id = ?1";
        self.database
            .read(JobPriority::Low, move |connection| {
                let mut statement = connection.prepare_cached(sql)?;
                let found = statement.query_row([id.0], |found| {
                    let bytes: Vec<u8> = found.get(5)?;
                    let envelope = CapturedBody::new(&bytes, bytes.len() as u64);
                    Ok(EventDetail { row: event(found)?.1, envelope, redacted: false })
                });
                Ok(found.optional()?)
            })
            .await
    }

    /// Returns a page of the calls made by this profile's consoles, and the counts of the last hour by status and
    /// code.
    ///
    /// # Errors
    ///
    /// [`Error`] when the database cannot be read.
    pub async fn request_page(
        &self,
        query: RequestQuery,
        cursor: Option<String>,
        limit: u32,
        now: Timestamp,
    ) -> Result<(LogPage<RequestRow>, Vec<ProblemCodeCount>), Error> {
        let sql = "SELECT r.id, r.at, r.method, r.route, r.status, r.code, r.detail, r.request_id, r.elapsed_ms, k.last4, k.company,
                   (SELECT count(*) FROM keys o WHERE o.name <= r.key) AS number
                   FROM calls r LEFT JOIN keys k ON k.name = r.key
                   WHERE r.elapsed_ms IS NOT NULL AND (:company IS NULL OR k.company = :company)
                   AND (:key IS NULL OR (SELECT count(*) FROM keys o WHERE o.name <= r.key) = :key)
                   AND (:status IS NULL OR r.status = :status) AND (:code IS NULL OR r.code = :code)
                   AND (:since IS NULL OR r.at >= :since) AND (:until IS NULL OR r.at < :until)";
        self.database
            .read(JobPriority::Low, move |connection| {
                let (since, until) = (millis(query.since), millis(query.until));
                let filters: [(&str, &dyn ToSql); 6] = [
                    (":company", &query.company),
                    (":key", &query.key),
                    (":status", &query.status),
                    (":code", &query.code),
                    (":since", &since),
                    (":until", &until),
                ];
                let rows = read_page(connection, sql, &filters, (cursor.as_deref(), limit), request)?;
                let mut statement = connection.prepare_cached(
                    "SELECT coalesce(status, 0), code, count(*) AS n FROM calls WHERE at > ?1 AND elapsed_ms IS NOT NULL
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

    /// Returns a page of the deliveries that `crow listen` received.
    ///
    /// # Errors
    ///
    /// [`Error`] when the database cannot be read.
    pub async fn receipt_page(
        &self,
        query: AttemptQuery,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<LogPage<AttemptRow>, Error> {
        let sql = "SELECT r.id, r.at, r.company, r.event, r.type, r.attempt, r.answered_status, r.elapsed_ms, r.signature_result FROM received_deliveries r
                   WHERE (:company IS NULL OR r.company = :company) AND (:event IS NULL OR r.event = :event)
                   AND (:type IS NULL OR r.type = :type) AND (:status IS NULL OR r.answered_status = :status)
                   AND (:outcome IS NULL OR (r.answered_status BETWEEN 200 AND 299) = (:outcome = 'success'))
                   AND (:since IS NULL OR r.at >= :since) AND (:until IS NULL OR r.at < :until)
                   AND (:subscription IS NULL) AND (:q IS NULL OR instr(r.signature_result, :q) > 0)";
        self.database
            .read(JobPriority::Low, move |connection| {
                let (since, until) = (millis(query.since), millis(query.until));
                let filters: [(&str, &dyn ToSql); 9] = [
                    (":company", &query.company),
                    (":event", &query.event),
                    (":type", &query.kind),
                    (":status", &query.status),
                    (":outcome", &query.outcome),
                    (":since", &since),
                    (":until", &until),
                    (":subscription", &query.subscription),
                    (":q", &query.q),
                ];
                read_page(connection, sql, &filters, (cursor.as_deref(), limit), receipt)
            })
            .await
    }

    /// Returns a delivery that `crow listen` received, with its exact bytes.
    ///
    /// # Errors
    ///
    /// [`Error`] when the database cannot be read.
    pub async fn receipt(&self, id: AttemptId) -> Result<Option<AttemptDetail>, Error> {
        let sql = "SELECT r.id, r.at, r.company, r.event, r.type, r.attempt, r.answered_status, r.elapsed_ms, r.signature_result, r.headers, r.body
                   FROM received_deliveries r WHERE r.id = ?1";
        self.database
            .read(JobPriority::Low, move |connection| {
                let mut statement = connection.prepare_cached(sql)?;
                let found = statement.query_row(params![id.0], |found| {
                    let (head, body): (String, Vec<u8>) = (found.get("headers")?, found.get("body")?);
                    let headers: Vec<(String, String)> = serde_json::from_str(&head).unwrap_or_default();
                    Ok(AttemptDetail {
                        row: receipt(found)?.1,
                        request_headers: headers.into_iter().map(HttpHeader::from).collect(),
                        request_body: CapturedBody::new(&body, body.len() as u64),
                        response_headers: Vec::new(),
                        response_body: CapturedBody::new(&[], 0),
                        peer: None,
                        phases: PhaseTimes::default(),
                        shed_utc: None,
                        redacted: false,
                    })
                });
                Ok(found.optional()?)
            })
            .await
    }

    /// Returns a page of outages, the times at which subscriptions were seen to go off.
    ///
    /// # Errors
    ///
    /// [`Error`] when the database cannot be read.
    pub async fn outage_page(
        &self,
        query: TripQuery,
        cursor: Option<String>,
        limit: u32,
    ) -> Result<LogPage<TripRow>, Error> {
        let sql = "SELECT r.* FROM subscription_outages r WHERE (:company IS NULL OR r.company = :company)
                   AND (:subscription IS NULL OR r.subscription = :subscription)";
        self.database
            .read(JobPriority::Low, move |connection| {
                let filters: [(&str, &dyn ToSql); 2] =
                    [(":company", &query.company), (":subscription", &query.subscription)];
                read_page(connection, sql, &filters, (cursor.as_deref(), limit), |row| {
                    let outage = read_outage(row)?;
                    Ok((outage.id.0, outage_as_trip(&outage)))
                })
            })
            .await
    }
}

fn event(row: &Row<'_>) -> rusqlite::Result<(i64, EventRow)> {
    let id: i64 = row.get(0)?;
    let event = EventRow {
        id: EventId(id),
        company_id: CompanyId(row.get(1)?),
        kind: Untrusted::new(row.get::<_, String>(2)?),
        created_utc: Timestamp::from_millis(row.get(3)?),
        n_bytes: count_column(row, 4)?,
        n_deliveries: 0,
    };
    Ok((id, event))
}

fn request(row: &Row<'_>) -> rusqlite::Result<(i64, RequestRow)> {
    let id: i64 = row.get(0)?;
    let text = |name: &str| -> rusqlite::Result<Option<Untrusted>> {
        Ok(row.get::<_, Option<String>>(name)?.map(Untrusted::new))
    };
    let last4 = text("last4")?;
    let request = RequestRow {
        id,
        utc: Timestamp::from_millis(row.get("at")?),
        key_id: if last4.is_some() { Some(KeyId(row.get("number")?)) } else { None },
        company_id: row.get::<_, Option<i64>>("company")?.map(CompanyId),
        last4,
        method: text("method")?.unwrap_or_default(),
        route: text("route")?.unwrap_or_default(),
        status: row.get::<_, Option<u16>>("status")?.unwrap_or(0),
        code: text("code")?,
        detail: text("detail")?,
        reason: None,
        claimed_company_id: None,
        claimed_last4: None,
        query: None,
        address: None,
        user_agent: None,
        request_id: text("request_id")?.unwrap_or_default(),
        elapsed_ms: row.get::<_, i64>("elapsed_ms")?.unsigned_abs(),
    };
    Ok((id, request))
}

fn receipt(row: &Row<'_>) -> rusqlite::Result<(i64, AttemptRow)> {
    let id: i64 = row.get("id")?;
    let verdict: String = row.get("signature_result")?;
    let event: Option<i64> = row.get("event")?;
    let attempt = AttemptRow {
        id: AttemptId(id),
        started_utc: Timestamp::from_millis(row.get("at")?),
        company_id: CompanyId(row.get::<_, Option<i64>>("company")?.unwrap_or(0)),
        subscription_id: SubscriptionId(0),
        target_url: Untrusted::new(RECEIVER_PLACEHOLDER),
        delivery_id: None,
        event_id: event.map(EventId),
        event_type: Untrusted::new(row.get::<_, String>("type")?),
        kind: AttemptKind::Scheduled,
        number: row.get::<_, Option<u32>>("attempt")?.unwrap_or(1),
        of: MAX_RETRIES + 1,
        elapsed_ms: row.get::<_, i64>("elapsed_ms")?.unsigned_abs(),
        status_code: row.get("answered_status")?,
        cause: None,
        error: (verdict != "genuine").then(|| Untrusted::new(verdict)),
    };
    Ok((id, attempt))
}

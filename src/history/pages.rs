//! Pages of the history, newest rows first, in the shape of the Portal API's logs.

use super::observations::{SubscriptionOutage, read_outage};
use super::receipt_health::IS_SUCCESS;
use super::receipts::VERDICT_GENUINE;
use super::slots::{TimeSlots, fill_slots};
use super::{HistoryError, PlatformHistory};
use crate::database::options::JobPriority;
use crate::domain::ids::{AttemptId, CompanyId, EventId, SubscriptionId};
use crate::domain::log::{MAX_PAGE_BYTES, PagePosition, PageSpec, RowPage};
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::wire::attempts::{AttemptDetail, AttemptRow, CapturedBody, HttpHeader, PhaseTimes};
use crate::wire::deliveries::{EventDetail, EventRow};
use crate::wire::log::{AttemptQuery, EventQuery, TripQuery};
use crate::wire::page::json_length;
use crate::wire::receipts::HandoverFailure;
use crate::wire::stats::AttemptPoint;
use crate::wire::trips::TripRow;
use rusqlite::types::ToSql;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde::Serialize;
use std::time::Duration;

/// Condition of a delivery whose status is the receiver's own.
const HAS_ANSWER: &str = "coalesce(r.failure, 'sender_left') = 'sender_left'";

/// Reads a page, newest rows first. `sql` must end in a condition, to which the position is appended, and its first
/// column must be the row number. The page ends before the row that would exceed [`MAX_PAGE_BYTES`].
pub(super) fn read_page<T: Serialize>(
    connection: &Connection,
    sql: &str,
    filters: &[(&str, &dyn ToSql)],
    spec: &PageSpec,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<(i64, T)>,
) -> Result<RowPage<T>, HistoryError> {
    let (place, order, at) = match spec.start {
        PagePosition::Newest => ("<=", "DESC", i64::MAX),
        PagePosition::OlderThan(id) => ("<", "DESC", id),
        PagePosition::NewerThan(id) => (">", "ASC", id),
    };
    let text = format!("{sql} AND r.id {place} :place ORDER BY r.id {order} LIMIT :rows");
    let rows = i64::from(spec.limit) + 1;
    let mut statement = connection.prepare_cached(&text)?;
    let all: Vec<(&str, &dyn ToSql)> =
        filters.iter().copied().chain([(":place", &at as &dyn ToSql), (":rows", &rows as &dyn ToSql)]).collect();
    let mut came = statement.query(all.as_slice())?;
    let (mut found, mut n_bytes, mut has_more) = (Vec::new(), 0_usize, false);
    while let Some(row) = came.next()? {
        let (id, row) = read(row)?;
        n_bytes = n_bytes.saturating_add(json_length(&row).unwrap_or(MAX_PAGE_BYTES));
        if found.len() == spec.limit as usize || (n_bytes > MAX_PAGE_BYTES && !found.is_empty()) {
            has_more = true;
            break;
        }
        found.push((id, row));
    }
    let is_newer = matches!(spec.start, PagePosition::NewerThan(_));
    if is_newer {
        found.reverse();
    }
    let newest = found.first().map_or(if is_newer { at } else { 0 }, |(id, _)| *id);
    let oldest = found.last().map(|(id, _)| *id);
    Ok(RowPage {
        items: found.into_iter().map(|(_, row)| row).collect(),
        older_than: oldest.filter(|_| is_newer || has_more),
        newer_than: newest,
        has_more,
    })
}

/// Reads a count, which is never negative.
pub(super) fn count_column(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(row.get::<_, i64>(column)?.unsigned_abs())
}

pub(super) fn millis(at: Option<Timestamp>) -> Option<i64> {
    at.map(Timestamp::millis)
}

impl PlatformHistory {
    /// Returns a page of the polled events.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be read.
    pub async fn event_page(&self, query: EventQuery, spec: PageSpec) -> Result<RowPage<EventRow>, HistoryError> {
        let sql = "SELECT r.id, r.company, r.type, r.created_at, length(r.envelope) FROM events r
                   WHERE (:company IS NULL OR r.company = :company) AND (:type IS NULL OR r.type = :type)
                   AND (:since IS NULL OR r.created_at >= :since) AND (:until IS NULL OR r.created_at < :until)";
        self.database
            .read(JobPriority::Low, move |connection| {
                let (since, until) = (millis(spec.since), millis(spec.until));
                let filters: [(&str, &dyn ToSql); 4] =
                    [(":company", &query.company), (":type", &query.kind), (":since", &since), (":until", &until)];
                read_page(connection, sql, &filters, &spec, event)
            })
            .await
    }

    /// Returns a polled event with its bytes.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be read.
    pub async fn event(&self, id: EventId) -> Result<Option<EventDetail>, HistoryError> {
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

    /// Returns a page of the deliveries that `crow listen` received.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be read.
    pub async fn receipt_page(&self, query: AttemptQuery, spec: PageSpec) -> Result<RowPage<AttemptRow>, HistoryError> {
        let sql = format!(
            "SELECT r.id, r.at, r.company, r.event, r.type, r.attempt, r.answered_status, r.elapsed_ms, r.signature_result, r.subscription, r.failure
             FROM received_deliveries r
             WHERE (:company IS NULL OR r.company = :company) AND (:event IS NULL OR r.event = :event)
             AND (:type IS NULL OR r.type = :type) AND (:status IS NULL OR (r.answered_status = :status AND {HAS_ANSWER}))
             AND (:outcome IS NULL OR {IS_SUCCESS} = (:outcome = 'success'))
             AND (:since IS NULL OR r.at >= :since) AND (:until IS NULL OR r.at < :until)
             AND (:subscription IS NULL OR r.subscription = :subscription) AND (:q IS NULL OR instr(r.signature_result, :q) > 0)"
        );
        self.database
            .read(JobPriority::Low, move |connection| {
                let (since, until) = (millis(spec.since), millis(spec.until));
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
                read_page(connection, &sql, &filters, &spec, receipt)
            })
            .await
    }

    /// Counts the received deliveries in each of `n` slots of `width`, from `since` on: those answered with a success,
    /// and the others. Slots before the first delivery that is kept are left out, because nothing is known of them.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be read.
    pub async fn receipt_series(
        &self,
        subscription: Option<i64>,
        since: Timestamp,
        width: Duration,
        n: usize,
    ) -> Result<Vec<AttemptPoint>, HistoryError> {
        let slots = TimeSlots { since, width, n };
        let sql = format!(
            "SELECT (at - ?1) / ?2 AS slot, count(*) FILTER (WHERE {IS_SUCCESS}), count(*)
             FROM received_deliveries WHERE at >= ?1 AND at < ?3 AND (?4 IS NULL OR subscription = ?4) GROUP BY slot"
        );
        self.database
            .read(JobPriority::Low, move |connection| {
                let first: Option<i64> = connection
                    .prepare_cached("SELECT min(at) FROM received_deliveries WHERE ?1 IS NULL OR subscription = ?1")?
                    .query_row([subscription], |row| row.get(0))?;
                let Some(first) = first else { return Ok(Vec::new()) };
                let empty = |utc| AttemptPoint { utc, n_ok: 0, n_failed: 0, p50_ms: None, p95_ms: None, p99_ms: None };
                let mut points: Vec<AttemptPoint> = slots.starts().map(empty).collect();
                let mut statement = connection.prepare_cached(&sql)?;
                let rows = statement.query(params![since.millis(), slots.width_ms(), slots.end_ms(), subscription])?;
                fill_slots(rows, &mut points, |point, row| {
                    point.n_ok = count_column(row, 1)?;
                    point.n_failed = count_column(row, 2)?.saturating_sub(point.n_ok);
                    Ok(())
                })?;
                points.retain(|point| point.utc.plus(width).millis() > first);
                Ok(points)
            })
            .await
    }

    /// Returns a delivery that `crow listen` received, with its exact bytes.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be read.
    pub async fn receipt(&self, id: AttemptId) -> Result<Option<AttemptDetail>, HistoryError> {
        let sql = "SELECT r.id, r.at, r.company, r.event, r.type, r.attempt, r.answered_status, r.elapsed_ms, r.signature_result, r.subscription, r.failure, r.headers, r.body, r.n_bytes, r.answer_topic
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
                        request_body: CapturedBody::new(&body, found.get::<_, i64>("n_bytes")?.unsigned_abs()),
                        response_headers: Vec::new(),
                        response_body: CapturedBody::new(&[], 0),
                        peer: None,
                        phases: PhaseTimes::default(),
                        shed_utc: None,
                        answer_topic: found.get::<_, Option<String>>("answer_topic")?.map(Untrusted::new),
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
    /// [`HistoryError`] when the database cannot be read.
    pub async fn outage_page(&self, query: TripQuery, spec: PageSpec) -> Result<RowPage<TripRow>, HistoryError> {
        let sql = "SELECT r.* FROM subscription_outages r WHERE (:company IS NULL OR r.company = :company)
                   AND (:subscription IS NULL OR r.subscription = :subscription)";
        self.database
            .read(JobPriority::Low, move |connection| {
                let filters: [(&str, &dyn ToSql); 2] =
                    [(":company", &query.company), (":subscription", &query.subscription)];
                read_page(connection, sql, &filters, &spec, |row| {
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
        n_deliveries: None,
    };
    Ok((id, event))
}

fn receipt(row: &Row<'_>) -> rusqlite::Result<(i64, AttemptRow)> {
    let id: i64 = row.get("id")?;
    let verdict: String = row.get("signature_result")?;
    let event: Option<i64> = row.get("event")?;
    let failure = row.get::<_, Option<String>>("failure")?.map(|name| HandoverFailure::from_name(&name));
    let (status, elapsed_ms): (Option<u16>, u64) =
        (row.get("answered_status")?, row.get::<_, i64>("elapsed_ms")?.unsigned_abs());
    // A status that the listener gave in place of the receiver is none of the receiver's.
    let unanswered = failure.filter(|failure| status.is_none() || *failure != HandoverFailure::SenderLeft);
    let attempt = AttemptRow {
        id: AttemptId(id),
        started_utc: Timestamp::from_millis(row.get("at")?),
        company_id: row.get::<_, Option<i64>>("company")?.map(CompanyId),
        subscription_id: row.get::<_, Option<i64>>("subscription")?.map(SubscriptionId),
        target_url: None,
        delivery_id: None,
        event_id: event.map(EventId),
        event_type: Untrusted::new(row.get::<_, String>("type")?),
        kind: None,
        number: row.get("attempt")?,
        of: None,
        elapsed_ms,
        status_code: status.filter(|_| unanswered.is_none()),
        cause: unanswered.map(|failure| Untrusted::new(failure.kind(elapsed_ms).name())),
        error: failure
            .map(|failure| Untrusted::new(failure.words()))
            .or_else(|| (verdict != VERDICT_GENUINE).then(|| Untrusted::new(verdict))),
    };
    Ok((id, attempt))
}

/// Converts an outage to a trip. The causes and the number of missed events are not known.
#[must_use]
pub fn outage_as_trip(of: &SubscriptionOutage) -> TripRow {
    TripRow {
        id: of.id,
        subscription_id: of.subscription,
        company_id: of.company,
        target_url: of.target.clone(),
        tripped_utc: of.before,
        causes: None,
        enabled_utc: of.on_again_at,
        enabled_by: None,
        n_missed: None,
    }
}

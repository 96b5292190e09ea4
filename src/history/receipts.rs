//! Deliveries that `crow listen` received, and their comparison with the polled events.

use super::columns::{raw, signed};
use super::{HistoryError, PlatformHistory};
use crate::database::options::JobPriority;
use crate::domain::answer_topic::AnswerTopic;
use crate::domain::cause::CauseKind;
use crate::domain::ids::{AttemptId, EventId, SubscriptionId};
use crate::domain::signature_debugger::signature_fault::SignatureFault;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::wire::receipts::{DeliveryReceipt, SignatureResult};
use rusqlite::{Connection, OptionalExtension as _, params};
use std::collections::BTreeMap;

/// Result of the signature check in the database: the signature is valid.
pub const VERDICT_GENUINE: &str = "genuine";
/// Result of the signature check in the database: the listener had no secret.
const VERDICT_UNCHECKED: &str = "not checked";

/// Earlier deliveries, as known when one more delivery of an event arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EarlierReceipts {
    /// Deliveries of the same event that were answered 2xx before.
    pub n_same: u64,
    /// Newest event that was received before.
    pub newest: Option<EventId>,
}

/// Comparison of the events of one type, or of one subscription, with the deliveries received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComparedShare<T> {
    /// Event type or subscription.
    pub of: T,
    /// Number of polled events that were to be received.
    pub n_polled: u64,
    /// Number of the polled events that were received and answered 2xx.
    pub n_received: u64,
}

/// Period in which a listener passed deliveries on without recording all of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnrecordedReceipts {
    /// Time of the first delivery that was not recorded.
    pub since: Timestamp,
    /// Time of the last delivery that was not recorded.
    pub until: Timestamp,
    /// Number of deliveries that were not recorded.
    pub n: u64,
}

/// Comparison of the events of a period with the deliveries received.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReceiptComparison {
    /// Number of polled events of the compared types.
    pub n_polled: u64,
    /// Number of the polled events that were received and answered 2xx.
    pub n_received: u64,
    /// Comparison by event type, in the order of the names.
    pub by_type: Vec<ComparedShare<Untrusted>>,
    /// Comparison by subscription, for those whose deliveries a listener knows: events of the types that the
    /// subscription was ever sent, since its first delivery.
    pub by_subscription: Vec<ComparedShare<SubscriptionId>>,
    /// Periods without a record that overlap the compared period, oldest first.
    pub unrecorded: Vec<UnrecordedReceipts>,
    /// Polled events that were not received, oldest first: number, type, time.
    pub missing: Vec<(EventId, Untrusted, Timestamp)>,
    /// Events that were received but not polled.
    pub unknown: Vec<EventId>,
    /// Events that were received more than once, and how often.
    pub repeated: Vec<(EventId, u64)>,
    /// Event types that were compared.
    pub types: Vec<String>,
    /// Events of other types in the period, of which none was ever received: type and number.
    pub not_compared: Vec<(Untrusted, u64)>,
    /// Events of the period that could not be read: the number, if it could be read, and the reason.
    pub unreadable: Vec<(Option<EventId>, Untrusted)>,
}

impl PlatformHistory {
    /// Returns the event types of which at least one delivery was ever received, in order.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be read.
    pub async fn received_types(&self) -> Result<Vec<String>, HistoryError> {
        self.database.read(JobPriority::Low, read_received_types).await
    }

    /// Returns the id of the fault that the listener found in a receiver's signature check; `None` if it found none.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be read.
    pub async fn signature_fault(&self, id: AttemptId) -> Result<Option<String>, HistoryError> {
        self.database
            .read(JobPriority::Low, move |connection| {
                let sql = "SELECT signature_fault FROM received_deliveries WHERE id = ?1";
                let found = connection.prepare_cached(sql)?.query_row([id.0], |row| row.get(0)).optional()?;
                Ok(found.flatten())
            })
            .await
    }

    /// Compares the events between two times with the deliveries received. Without `types`, the types are compared of
    /// which a delivery was ever received.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be read.
    pub async fn compare(
        &self,
        since: Timestamp,
        until: Timestamp,
        types: Vec<String>,
    ) -> Result<ReceiptComparison, HistoryError> {
        self.database
            .read(JobPriority::Low, move |connection| compare_receipts(connection, (since, until), types))
            .await
    }
}

/// Stores a receipt; false if its id is known.
pub(super) fn insert_receipt(connection: &Connection, of: &DeliveryReceipt) -> Result<bool, HistoryError> {
    let verdict = match of.signature {
        SignatureResult::Genuine => VERDICT_GENUINE,
        SignatureResult::NotChecked => VERDICT_UNCHECKED,
    };
    let headers: Vec<(&str, &str)> = of.headers.iter().map(|header| (header.name.raw(), header.value.raw())).collect();
    let n = connection
        .prepare_cached(
            "INSERT INTO received_deliveries (report_id, at, path, forwarded_to, subscription, company, event, type, delivery,
             attempt, signature_result, secret_number, answered_status, failure, elapsed_ms, n_bytes, n_answer_bytes, headers, body,
             answer_topic, signature_fault)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)
             ON CONFLICT (report_id) DO NOTHING",
        )?
        .execute(params![
            of.id.raw(),
            of.received_utc.millis(),
            of.path.raw(),
            raw(of.forwarded_to.as_ref()),
            of.subscription_id.map(|id| id.0),
            of.company_id.map(|id| id.0),
            of.event_id.map(|id| id.0),
            of.event_type.raw(),
            raw(of.claimed_delivery_id.as_ref()),
            of.claimed_attempt,
            verdict,
            of.secret_number,
            of.status,
            of.failure.map(super::super::wire::receipts::HandoverFailure::name),
            signed(of.elapsed_ms),
            signed(of.n_bytes),
            signed(of.n_answer_bytes),
            serde_json::to_string(&headers).unwrap_or_default(),
            of.body.as_ref().map_or(&[][..], |body| &body.0),
            of.answer_topic.as_ref().map(|topic| AnswerTopic::from_name(topic.raw()).name()),
            of.signature_fault.as_ref().map(|id| known_fault(id.raw()))
        ])?;
    Ok(n == 1)
}

/// Id of a signature fault as the database keeps it: one that this version knows, or `sig-unexplained`.
pub(super) fn known_fault(id: &str) -> &'static str {
    SignatureFault::from_id(id).map_or(CauseKind::SignatureUnexplained.id(), SignatureFault::id)
}

/// Reads the event types of which at least one delivery was ever received, in order.
fn read_received_types(connection: &Connection) -> Result<Vec<String>, HistoryError> {
    let mut statement =
        connection.prepare_cached("SELECT DISTINCT type FROM received_deliveries WHERE type <> '' ORDER BY type")?;
    Ok(statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

/// Returns what is known of an event before one more delivery of it.
pub(super) fn earlier_receipts(
    connection: &Connection,
    event: Option<EventId>,
) -> Result<EarlierReceipts, HistoryError> {
    let newest: Option<i64> = connection
        .prepare_cached("SELECT event FROM received_deliveries WHERE event IS NOT NULL ORDER BY event DESC LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let n_same = match event {
        None => 0,
        Some(id) => connection
            .prepare_cached(
                "SELECT count(*) FROM received_deliveries WHERE event = ?1 AND answered_status BETWEEN 200 AND 299",
            )?
            .query_row([id.0], |row| row.get::<_, i64>(0))?
            .unsigned_abs(),
    };
    Ok(EarlierReceipts { n_same, newest: newest.map(EventId) })
}

/// Compares by subscription. An event that another subscription received counts as missing here.
fn compare_by_subscription(
    connection: &Connection,
    (since, until): (Timestamp, Timestamp),
    types: &str,
) -> Result<Vec<ComparedShare<SubscriptionId>>, HistoryError> {
    let mut statement = connection.prepare_cached(
        "WITH sent AS (SELECT DISTINCT subscription, company, type FROM received_deliveries
             WHERE subscription IS NOT NULL AND event IS NOT NULL AND type IN (SELECT value FROM json_each(?3))),
         began AS (SELECT subscription, min(at) AS at FROM received_deliveries WHERE subscription IS NOT NULL GROUP BY subscription)
         SELECT s.subscription, count(*), count(*) FILTER (WHERE EXISTS (SELECT 1 FROM received_deliveries r WHERE r.event = e.id
             AND r.subscription = s.subscription AND r.answered_status BETWEEN 200 AND 299))
         FROM sent s JOIN began b ON b.subscription = s.subscription JOIN events e ON e.company = s.company AND e.type = s.type
             AND e.created_at >= max(?1, b.at) AND e.created_at < ?2
         GROUP BY s.subscription ORDER BY s.subscription",
    )?;
    let rows = statement.query_map(params![since.millis(), until.millis(), types], |row| {
        let n = |column| Ok::<_, rusqlite::Error>(row.get::<_, i64>(column)?.unsigned_abs());
        Ok(ComparedShare { of: SubscriptionId(row.get(0)?), n_polled: n(1)?, n_received: n(2)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn unrecorded_receipts(
    connection: &Connection,
    (since, until): (Timestamp, Timestamp),
) -> Result<Vec<UnrecordedReceipts>, HistoryError> {
    let mut statement = connection.prepare_cached(
        "SELECT since_at, until_at, n FROM unrecorded_periods WHERE source = 'receipts' AND until_at >= ?1 AND since_at < ?2
         ORDER BY since_at LIMIT 100",
    )?;
    let rows = statement.query_map(params![since.millis(), until.millis()], |row| {
        Ok(UnrecordedReceipts {
            since: Timestamp::from_millis(row.get(0)?),
            until: Timestamp::from_millis(row.get(1)?),
            n: row.get::<_, i64>(2)?.unsigned_abs(),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn compare_receipts(
    connection: &Connection,
    (since, until): (Timestamp, Timestamp),
    mut types: Vec<String>,
) -> Result<ReceiptComparison, HistoryError> {
    if types.is_empty() {
        types = self::read_received_types(connection)?;
    }
    let listed = serde_json::to_string(&types).unwrap_or_default();
    let span = params![since.millis(), until.millis(), listed];
    let mut comparison = ReceiptComparison { types, ..ReceiptComparison::default() };
    let mut statement = connection.prepare_cached(
        "SELECT e.id, e.type, e.created_at, EXISTS (SELECT 1 FROM received_deliveries r WHERE r.event = e.id AND r.answered_status BETWEEN 200 AND 299)
         FROM events e WHERE e.created_at >= ?1 AND e.created_at < ?2 AND e.type IN (SELECT value FROM json_each(?3)) ORDER BY e.id",
    )?;
    let mut rows = statement.query(span)?;
    let mut by_type: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        comparison.n_polled += 1;
        let kind: String = row.get(1)?;
        let of_type = by_type.entry(kind.clone()).or_default();
        of_type.0 += 1;
        if row.get::<_, bool>(3)? {
            of_type.1 += 1;
            comparison.n_received += 1;
        } else {
            let at = Timestamp::from_millis(row.get(2)?);
            comparison.missing.push((EventId(row.get(0)?), Untrusted::new(kind), at));
        }
    }
    let share = |(kind, (n_polled, n_received))| ComparedShare { of: Untrusted::new(kind), n_polled, n_received };
    comparison.by_type = by_type.into_iter().map(share).collect();
    comparison.by_subscription = compare_by_subscription(connection, (since, until), &listed)?;
    comparison.unrecorded = unrecorded_receipts(connection, (since, until))?;
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT r.event FROM received_deliveries r WHERE r.at >= ?1 AND r.at < ?2 AND r.event IS NOT NULL
         AND r.event > 0 AND NOT EXISTS (SELECT 1 FROM events e WHERE e.id = r.event)
         AND NOT EXISTS (SELECT 1 FROM unreadable_items u WHERE u.number = r.event AND u.list LIKE 'events:%') ORDER BY r.event",
    )?;
    let unknown = statement.query_map(params![since.millis(), until.millis()], |row| Ok(EventId(row.get(0)?)))?;
    comparison.unknown = unknown.collect::<Result<_, _>>()?;
    let mut statement = connection.prepare_cached(
        "SELECT event, count(*) FROM received_deliveries WHERE at >= ?1 AND at < ?2 AND event > 0 AND answered_status BETWEEN 200 AND 299
         GROUP BY event HAVING count(*) > 1 ORDER BY event",
    )?;
    let repeated = statement.query_map(params![since.millis(), until.millis()], |row| {
        Ok((EventId(row.get(0)?), row.get::<_, i64>(1)?.unsigned_abs()))
    })?;
    comparison.repeated = repeated.collect::<Result<_, _>>()?;
    let mut statement = connection.prepare_cached(
        "SELECT e.type, count(*) FROM events e WHERE e.created_at >= ?1 AND e.created_at < ?2
         AND e.type NOT IN (SELECT value FROM json_each(?3)) GROUP BY e.type ORDER BY e.type",
    )?;
    let others = statement.query_map(params![since.millis(), until.millis(), listed], |row| {
        Ok((Untrusted::new(row.get::<_, String>(0)?), row.get::<_, i64>(1)?.unsigned_abs()))
    })?;
    comparison.not_compared = others.collect::<Result<_, _>>()?;
    let mut statement = connection.prepare_cached(
        "SELECT u.number, u.reason FROM unreadable_items u WHERE u.list LIKE 'events:%' AND u.at >= ?1
         AND NOT EXISTS (SELECT 1 FROM received_deliveries r WHERE r.event = u.number AND r.answered_status BETWEEN 200 AND 299)
         ORDER BY u.number, u.id",
    )?;
    let unreadable = statement.query_map([since.millis()], |row| {
        Ok((row.get::<_, Option<i64>>(0)?.map(EventId), Untrusted::new(row.get::<_, String>(1)?)))
    })?;
    comparison.unreadable = unreadable.collect::<Result<_, _>>()?;
    Ok(comparison)
}

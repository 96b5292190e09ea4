//! What a receiver of ours got, and how that compares with the events that were polled.

use super::History;
use crate::domain::ids::EventId;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::sqlite::{Error, Lane};
use rusqlite::{Connection, OptionalExtension as _, params};
use std::time::Duration;

/// The verdict on a delivery whose signature fits.
pub const GENUINE: &str = "genuine";
/// The verdict where no secret was given.
pub const UNCHECKED: &str = "not checked";
/// Deliveries that are not believed and kept: the newest.
const MAX_FORGED_RECEIPTS: i64 = 200;

/// Whether a verdict lets a delivery count: it is genuine, or nobody could check.
#[must_use]
pub fn is_believed(verdict: &str) -> bool {
    matches!(verdict, GENUINE | UNCHECKED)
}

/// A delivery as it was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// When it had arrived.
    pub at: Timestamp,
    /// Its event, if it says which.
    pub event: Option<EventId>,
    /// The type of that event.
    pub kind: Untrusted,
    /// Whose, if it says so.
    pub company: Option<i64>,
    /// The delivery's id, as it came.
    pub delivery: Option<Untrusted>,
    /// Which try.
    pub attempt: Option<u32>,
    /// `genuine`, or what is wrong with it.
    pub verdict: String,
    /// What it was answered with.
    pub answered: u16,
    /// From its arrival to the answer.
    pub elapsed: Duration,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its bytes.
    pub body: Vec<u8>,
}

/// What was known of an event when one more delivery of it came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Earlier {
    /// Deliveries of the same event that were answered 2xx before.
    pub n_same: u64,
    /// The newest event that was received before.
    pub newest: Option<EventId>,
}

/// How the events of a stretch of time compare with what was received.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comparison {
    /// Events that were polled, of the types that are looked at.
    pub n_polled: u64,
    /// Of them, those that were received and answered 2xx.
    pub n_received: u64,
    /// Those that were not: number, type, time; the oldest first.
    pub missing: Vec<(EventId, Untrusted, Timestamp)>,
    /// Events that were received and are not among the polled ones.
    pub unknown: Vec<EventId>,
    /// Events that were received more than once, and how often.
    pub repeated: Vec<(EventId, u64)>,
    /// The types that were looked at.
    pub types: Vec<String>,
    /// Events of other types in the same time, of which nothing was ever received: the type and how many.
    pub not_compared: Vec<(Untrusted, u64)>,
    /// Events of the same time that could not be read: the number, if it could be told, and why.
    pub unreadable: Vec<(Option<EventId>, Untrusted)>,
}

impl History {
    /// Remembers a delivery that was received; answers what was known of its event before.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn note_receipt(&self, receipt: Receipt) -> Result<Earlier, Error> {
        self.write(move |connection| {
            let earlier = earlier(connection, receipt.event)?;
            let head = serde_json::to_string(&receipt.headers).unwrap_or_default();
            connection
                .prepare_cached(
                    "INSERT INTO receipts (at, event, type, company, delivery, attempt, verdict, answered, elapsed_ms, head, body)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                )?
                .execute(params![
                    receipt.at.millis(),
                    receipt.event.map(|id| id.0),
                    receipt.kind.raw(),
                    receipt.company,
                    receipt.delivery.as_ref().map(Untrusted::raw),
                    receipt.attempt,
                    receipt.verdict,
                    receipt.answered,
                    i64::try_from(receipt.elapsed.as_millis()).unwrap_or(i64::MAX),
                    head,
                    receipt.body
                ])?;
            if !is_believed(&receipt.verdict) {
                connection
                    .prepare_cached(
                        "DELETE FROM receipts WHERE verdict NOT IN (?1, ?2) AND id NOT IN
                         (SELECT id FROM receipts WHERE verdict NOT IN (?1, ?2) ORDER BY id DESC LIMIT ?3)",
                    )?
                    .execute(params![GENUINE, UNCHECKED, MAX_FORGED_RECEIPTS])?;
            }
            Ok(earlier)
        })
        .await
    }

    /// The types of which something was ever received, in order.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn received_types(&self) -> Result<Vec<String>, Error> {
        self.database.read(Lane::Common, types).await
    }

    /// Compares the events that happened between two times with what was received. Without `types`, those types are looked at of which
    /// something was ever received.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn compare(&self, since: Timestamp, until: Timestamp, types: Vec<String>) -> Result<Comparison, Error> {
        self.database.read(Lane::Common, move |connection| compare(connection, (since, until), types)).await
    }
}

/// The types of which something was ever received, in order.
fn types(connection: &Connection) -> Result<Vec<String>, Error> {
    let mut statement = connection
        .prepare_cached("SELECT DISTINCT type FROM receipts WHERE verdict IN (?1, ?2) AND type <> '' ORDER BY type")?;
    Ok(statement.query_map([GENUINE, UNCHECKED], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

fn earlier(connection: &Connection, event: Option<EventId>) -> Result<Earlier, Error> {
    let newest: Option<i64> = connection
        .prepare_cached("SELECT event FROM receipts WHERE event IS NOT NULL ORDER BY event DESC LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let n_same = match event {
        None => 0,
        Some(id) => connection
            .prepare_cached("SELECT count(*) FROM receipts WHERE event = ?1 AND answered BETWEEN 200 AND 299")?
            .query_row([id.0], |row| row.get::<_, i64>(0))?
            .unsigned_abs(),
    };
    Ok(Earlier { n_same, newest: newest.map(EventId) })
}

fn compare(
    connection: &Connection,
    (since, until): (Timestamp, Timestamp),
    mut types: Vec<String>,
) -> Result<Comparison, Error> {
    if types.is_empty() {
        types = self::types(connection)?;
    }
    let listed = serde_json::to_string(&types).unwrap_or_default();
    let span = params![since.millis(), until.millis(), listed];
    let mut comparison = Comparison { types, ..Comparison::default() };
    let mut statement = connection.prepare_cached(
        "SELECT e.id, e.type, e.created, EXISTS (SELECT 1 FROM receipts r WHERE r.event = e.id AND r.answered BETWEEN 200 AND 299)
         FROM events e WHERE e.created >= ?1 AND e.created < ?2 AND e.type IN (SELECT value FROM json_each(?3)) ORDER BY e.id",
    )?;
    let mut rows = statement.query(span)?;
    while let Some(row) = rows.next()? {
        comparison.n_polled += 1;
        if row.get::<_, bool>(3)? {
            comparison.n_received += 1;
        } else {
            let kind = Untrusted::new(row.get::<_, String>(1)?);
            comparison.missing.push((EventId(row.get(0)?), kind, Timestamp::from_millis(row.get(2)?)));
        }
    }
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT r.event FROM receipts r WHERE r.at >= ?1 AND r.at < ?2 AND r.event IS NOT NULL
         AND r.event > 0 AND NOT EXISTS (SELECT 1 FROM events e WHERE e.id = r.event)
         AND NOT EXISTS (SELECT 1 FROM unreadable u WHERE u.number = r.event AND u.what LIKE 'events:%') ORDER BY r.event",
    )?;
    let unknown = statement.query_map(params![since.millis(), until.millis()], |row| Ok(EventId(row.get(0)?)))?;
    comparison.unknown = unknown.collect::<Result<_, _>>()?;
    let mut statement = connection.prepare_cached(
        "SELECT event, count(*) FROM receipts WHERE at >= ?1 AND at < ?2 AND event > 0 AND answered BETWEEN 200 AND 299
         GROUP BY event HAVING count(*) > 1 ORDER BY event",
    )?;
    let repeated = statement.query_map(params![since.millis(), until.millis()], |row| {
        Ok((EventId(row.get(0)?), row.get::<_, i64>(1)?.unsigned_abs()))
    })?;
    comparison.repeated = repeated.collect::<Result<_, _>>()?;
    let mut statement = connection.prepare_cached(
        "SELECT e.type, count(*) FROM events e WHERE e.created >= ?1 AND e.created < ?2
         AND e.type NOT IN (SELECT value FROM json_each(?3)) GROUP BY e.type ORDER BY e.type",
    )?;
    let others = statement.query_map(params![since.millis(), until.millis(), listed], |row| {
        Ok((Untrusted::new(row.get::<_, String>(0)?), row.get::<_, i64>(1)?.unsigned_abs()))
    })?;
    comparison.not_compared = others.collect::<Result<_, _>>()?;
    let mut statement = connection.prepare_cached(
        "SELECT u.number, u.why FROM unreadable u WHERE u.what LIKE 'events:%' AND u.at >= ?1
         AND NOT EXISTS (SELECT 1 FROM receipts r WHERE r.event = u.number AND r.answered BETWEEN 200 AND 299)
         ORDER BY u.number, u.id",
    )?;
    let unreadable = statement.query_map([since.millis()], |row| {
        Ok((row.get::<_, Option<i64>>(0)?.map(EventId), Untrusted::new(row.get::<_, String>(1)?)))
    })?;
    comparison.unreadable = unreadable.collect::<Result<_, _>>()?;
    Ok(comparison)
}

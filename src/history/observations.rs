//! Observations of a platform: keys, rate windows, events, subscriptions, and the periods in which they were polled.

use super::latest_events::{LatestEvents, read_latest_events};
use super::operator_notes::{read_acknowledgements, read_disable_reasons};
use super::poll_positions::read_heard_at;
use super::receipt_health::{IS_SUCCESS, ReceiptHealth, read_receipt_health};
use super::refusals::read_refusals;
use super::seen_windows::{HOUR_MS, ObservedWindow, read_windows};
use super::unreadable::{self, UnreadableAnswer, UnreadableItem};
use super::{HistoryError, PlatformHistory};
use crate::database::options::JobPriority;
use crate::domain::alert::{ACKNOWLEDGEMENT_TTL, Acknowledgement};
use crate::domain::ids::{CompanyId, EventId, SubscriptionId, TripId};
use crate::domain::scope::ScopeSet;
use crate::domain::text::Untrusted;
use crate::domain::time::Timestamp;
use crate::wire::readable::UnreadableRows;
use crate::wire::receipts::RefusedDeliveries;
use rusqlite::{Connection, OptionalExtension as _, params};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Maximum number of characters kept of an answer that could not be read.
const MAX_ANSWER_CHARS: usize = 300;
/// Maximum number of outages that are returned, newest first.
const MAX_OUTAGES: i64 = 500;

/// Key as the history stores it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObservedKey {
    /// Name of the key in the profile.
    pub name: String,
    /// Scopes that the key is known to have.
    pub held: ScopeSet,
    /// Scopes that the key is known to lack.
    pub lacking: ScopeSet,
    /// Reason why the platform does not accept the key.
    pub refused: Option<Untrusted>,
    /// Time of the last successful call with the key.
    pub used_at: Option<Timestamp>,
}

/// Outage of a subscription: seen on, then seen off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionOutage {
    /// Number of the outage in this history.
    pub id: TripId,
    /// Number of the subscription that went off.
    pub subscription: SubscriptionId,
    /// Company that owns the subscription.
    pub company: CompanyId,
    /// Target URL of the subscription.
    pub target: Untrusted,
    /// Last time at which the subscription was seen on.
    pub after: Timestamp,
    /// First time at which the subscription was seen off.
    pub before: Timestamp,
    /// Time at which the subscription was seen on again.
    pub on_again_at: Option<Timestamp>,
}

/// Event as it was polled, with the bytes of its envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Number of the event; increases with every event.
    pub id: EventId,
    /// Type of the event, such as `lead.created`.
    pub kind: Untrusted,
    /// Time at which the event was created.
    pub created_at: Timestamp,
    /// Company that the event belongs to.
    pub company: CompanyId,
    /// Bytes of the envelope, as received.
    pub envelope: Vec<u8>,
}

/// Subscription as it was last listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSubscription {
    /// Number of the subscription.
    pub id: SubscriptionId,
    /// Company that owns the subscription.
    pub company: CompanyId,
    /// Item of the list, as received.
    pub document: String,
}

/// All observations that an overview is built from.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PlatformObservations {
    /// Keys of the profile, by name.
    pub keys: Vec<ObservedKey>,
    /// Newest rate window of each key and bucket.
    pub windows: Vec<ObservedWindow>,
    /// Subscriptions as they were last listed.
    pub subscriptions: Vec<StoredSubscription>,
    /// Outages, newest first; the newest 500.
    pub outages: Vec<SubscriptionOutage>,
    /// Answers that could not be read.
    pub unreadable_answers: Vec<UnreadableAnswer>,
    /// List items that could not be read, by resource: `events`, `subscriptions`.
    pub unreadable: BTreeMap<String, UnreadableRows>,
    /// Companies whose subscriptions were never listed to the end.
    pub unfinished: BTreeSet<CompanyId>,
    /// Periods of the last day in which subscriptions were not polled.
    pub gaps: Vec<(Timestamp, Timestamp)>,
    /// Time at which an answer was last received and understood.
    pub heard_at: Option<Timestamp>,
    /// Number of deliveries that `crow listen` received and that are kept.
    pub n_receipts: u64,
    /// Number of deliveries received in the last hour, and how many of them were not answered with a success.
    pub receipts_1h: (u64, u64),
    /// Health of each subscription whose deliveries a listener knows.
    pub receipt_health: BTreeMap<SubscriptionId, ReceiptHealth>,
    /// Requests that listeners refused in the last day, the most frequent first.
    pub refusals: Vec<RefusedDeliveries>,
    /// Times since which each noun is known.
    pub since: ObservedSince,
    /// Newest events of each company whose events are polled.
    pub latest_events: Vec<LatestEvents>,
    /// Acknowledgements of alerts from the last 24 hours, oldest first.
    pub acknowledgements: Vec<Acknowledgement>,
    /// Reasons for which subscriptions are off on purpose.
    pub disable_reasons: BTreeMap<SubscriptionId, String>,
}

/// Times since which observations were made; `None` if there are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ObservedSince {
    /// Time since which the events of every company are known without a gap.
    pub events: Option<Timestamp>,
    /// Time of the first listing of subscriptions that is remembered.
    pub subscriptions: Option<Timestamp>,
    /// Time of the first received delivery that is kept.
    pub receipts: Option<Timestamp>,
    /// Time of the first own call that is kept.
    pub calls: Option<Timestamp>,
    /// Time of the first relayed call that is kept.
    pub relayed: Option<Timestamp>,
}

/// Origin of a listing: its purpose, its time, and how far it reaches.
#[derive(Debug, Clone)]
pub struct ListingOrigin {
    /// Purpose of the call, such as `events:92`.
    pub purpose: String,
    /// Time at which the listing was received.
    pub at: Timestamp,
    /// Maximum time between two listings that count as continuous.
    pub max_gap: Duration,
}

impl PlatformHistory {
    /// Returns the keys of the profile, by name.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be read.
    pub async fn keys(&self) -> Result<Vec<ObservedKey>, HistoryError> {
        self.database.read(JobPriority::Low, read_keys).await
    }

    /// Stores polled events, and the position at which polling continues. Events that are already stored stay
    /// unchanged.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be written.
    pub async fn record_events(
        &self,
        told: ListingOrigin,
        events: Vec<StoredEvent>,
        unreadable: Vec<UnreadableItem>,
        next: Option<Vec<(String, String)>>,
    ) -> Result<(), HistoryError> {
        self.write(move |connection| {
            for event in &events {
                insert_event(connection, event, told.at)?;
            }
            unreadable::store_items(connection, &told.purpose, told.at, &unreadable)?;
            let newest = events.iter().map(|event| event.created_at).max();
            // Without a cursor, polling continues at the newest event's time; that event comes again and is ignored.
            let place = next.or_else(|| newest.map(|at| vec![("since".to_owned(), at.to_rfc3339_seconds())]));
            if let Some(place) = place {
                let place = serde_json::to_string(&place).unwrap_or_default();
                connection
                    .prepare_cached(
                        "INSERT INTO poll_state (task, cursor) VALUES (?1, ?2) ON CONFLICT (task) DO UPDATE SET cursor = excluded.cursor",
                    )?
                    .execute([&told.purpose, &place])?;
            }
            record_poll(connection, &told)
        })
        .await
    }

    /// Stores an event that was published on request, which polling will find again.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be written.
    pub async fn record_published_event(&self, event: StoredEvent, at: Timestamp) -> Result<(), HistoryError> {
        self.write(move |connection| insert_event(connection, &event, at)).await
    }

    /// Stores an answer that could not be read, with its first 300 characters.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be written.
    pub async fn record_unreadable_answer(
        &self,
        what: String,
        at: Timestamp,
        why: String,
        answer: Vec<u8>,
    ) -> Result<(), HistoryError> {
        self.write(move |connection| {
            let text: String = String::from_utf8_lossy(&answer).chars().take(MAX_ANSWER_CHARS).collect();
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO unreadable_answers (request, at, reason, answer) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute(params![what, at.millis(), why, text])?;
            Ok(())
        })
        .await
    }

    /// Returns the company of a subscription, if the subscription was listed.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be read.
    pub async fn owner(&self, id: SubscriptionId) -> Result<Option<CompanyId>, HistoryError> {
        self.database
            .read(JobPriority::Low, move |connection| {
                let mut statement = connection.prepare_cached("SELECT company FROM subscriptions WHERE id = ?1")?;
                Ok(statement.query_row([id.0], |row| row.get(0)).optional()?.map(CompanyId))
            })
            .await
    }

    /// Returns all observations that an overview is built from, at `now`.
    ///
    /// # Errors
    ///
    /// [`HistoryError`] when the database cannot be read.
    pub async fn observations(&self, now: Timestamp) -> Result<PlatformObservations, HistoryError> {
        self.database.read(JobPriority::Low, move |connection| read_observations(connection, now)).await
    }
}

/// Stores an event, unless it is stored already.
fn insert_event(connection: &Connection, event: &StoredEvent, at: Timestamp) -> Result<(), HistoryError> {
    connection
        .prepare_cached(
            "INSERT OR IGNORE INTO events (id, company, type, created_at, seen_at, envelope) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            event.id.0,
            event.company.0,
            event.kind.raw(),
            event.created_at.millis(),
            at.millis(),
            event.envelope
        ])?;
    Ok(())
}

/// Records a successful poll: its time, the period that was covered, and that the list's answers can be read again.
pub(super) fn record_poll(connection: &Connection, told: &ListingOrigin) -> Result<(), HistoryError> {
    let at = told.at.millis();
    connection
        .prepare_cached(
            "INSERT INTO poll_state (task, last_success_at) VALUES (?1, ?2) ON CONFLICT (task) DO UPDATE SET last_success_at = excluded.last_success_at",
        )?
        .execute(params![told.purpose, at])?;
    let earliest = told.at.minus(told.max_gap).millis();
    // A poll soon enough after the last one extends its period; a later one starts a new period, which leaves a gap.
    let n = connection
        .prepare_cached("UPDATE watch_periods SET until_at = ?2 WHERE list = ?1 AND until_at >= ?3 AND until_at <= ?2")?
        .execute(params![told.purpose, at, earliest])?;
    if n == 0 {
        connection
            .prepare_cached("INSERT INTO watch_periods (list, since_at, until_at) VALUES (?1, ?2, ?2)")?
            .execute(params![told.purpose, at])?;
    }
    let what = told.purpose.split(':').next().unwrap_or_default();
    connection.prepare_cached("DELETE FROM unreadable_answers WHERE request = ?1")?.execute([what])?;
    Ok(())
}

fn read_keys(connection: &Connection) -> Result<Vec<ObservedKey>, HistoryError> {
    let mut statement = connection.prepare_cached(
        "SELECT name, granted_scopes, missing_scopes, rejection, last_used_at FROM keys ORDER BY name",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(ObservedKey {
            name: row.get("name")?,
            held: ScopeSet::parse(&row.get::<_, String>("granted_scopes")?),
            lacking: ScopeSet::parse(&row.get::<_, String>("missing_scopes")?),
            refused: row.get::<_, Option<String>>("rejection")?.map(Untrusted::new),
            used_at: row.get::<_, Option<i64>>("last_used_at")?.map(Timestamp::from_millis),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read_observations(connection: &Connection, now: Timestamp) -> Result<PlatformObservations, HistoryError> {
    let count = |sql: &str| -> Result<i64, HistoryError> {
        Ok(connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?)
    };
    let n_receipts = count("SELECT count(*) FROM received_deliveries")?;
    Ok(PlatformObservations {
        keys: read_keys(connection)?,
        windows: read_windows(connection, now)?,
        subscriptions: read_subscriptions(connection)?,
        outages: read_outages(connection)?,
        unreadable_answers: read_unreadable_answers(connection)?,
        unreadable: unreadable::items_by_resource(connection)?,
        unfinished: unfinished_listings(connection)?,
        gaps: poll_gaps(connection, now)?,
        heard_at: read_heard_at(connection)?,
        n_receipts: u64::try_from(n_receipts).unwrap_or(0),
        receipts_1h: count_receipts(connection, now.millis() - HOUR_MS)?,
        receipt_health: read_receipt_health(connection, now)?,
        refusals: read_refusals(connection, now)?,
        since: read_since(connection)?,
        latest_events: read_latest_events(connection)?,
        acknowledgements: read_acknowledgements(connection, now.minus(ACKNOWLEDGEMENT_TTL))?,
        disable_reasons: read_disable_reasons(connection)?,
    })
}

/// Counts the deliveries received since a time, and those of them that were not answered with a success.
fn count_receipts(connection: &Connection, since: i64) -> Result<(u64, u64), HistoryError> {
    let sql =
        format!("SELECT count(*), count(*) FILTER (WHERE NOT {IS_SUCCESS}) FROM received_deliveries WHERE at > ?1");
    let counts: (i64, i64) =
        connection.prepare_cached(&sql)?.query_row([since], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok((counts.0.unsigned_abs(), counts.1.unsigned_abs()))
}

/// Reads the times since which observations were made.
fn read_since(connection: &Connection) -> Result<ObservedSince, HistoryError> {
    let first = |sql: &str| -> Result<Option<Timestamp>, HistoryError> {
        let at: Option<i64> = connection.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
        Ok(at.map(Timestamp::from_millis))
    };
    Ok(ObservedSince {
        events: first("SELECT max(complete_since) FROM poll_state WHERE task LIKE 'events:%'")?,
        subscriptions: first("SELECT min(since_at) FROM watch_periods WHERE list LIKE 'subscriptions:%'")?,
        receipts: first("SELECT min(at) FROM received_deliveries")?,
        calls: first("SELECT min(at) FROM calls")?,
        relayed: first("SELECT min(at) FROM relayed_calls")?,
    })
}

fn read_subscriptions(connection: &Connection) -> Result<Vec<StoredSubscription>, HistoryError> {
    let mut statement = connection.prepare_cached("SELECT id, company, document FROM subscriptions ORDER BY id")?;
    let rows = statement.query_map([], |row| {
        Ok(StoredSubscription {
            id: SubscriptionId(row.get("id")?),
            company: CompanyId(row.get("company")?),
            document: row.get("document")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Reads an outage from a row.
pub(super) fn read_outage(row: &rusqlite::Row<'_>) -> rusqlite::Result<SubscriptionOutage> {
    Ok(SubscriptionOutage {
        id: TripId(row.get("id")?),
        subscription: SubscriptionId(row.get("subscription")?),
        company: CompanyId(row.get("company")?),
        target: Untrusted::new(row.get::<_, String>("target")?),
        after: Timestamp::from_millis(row.get("last_seen_enabled_at")?),
        before: Timestamp::from_millis(row.get("first_seen_disabled_at")?),
        on_again_at: row.get::<_, Option<i64>>("enabled_at")?.map(Timestamp::from_millis),
    })
}

fn read_outages(connection: &Connection) -> Result<Vec<SubscriptionOutage>, HistoryError> {
    let mut statement = connection.prepare_cached("SELECT * FROM subscription_outages ORDER BY id DESC LIMIT ?1")?;
    let rows = statement.query_map([MAX_OUTAGES], read_outage)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Returns the companies whose list of subscriptions was never read to its end.
fn unfinished_listings(connection: &Connection) -> Result<BTreeSet<CompanyId>, HistoryError> {
    let mut statement = connection.prepare_cached(
        "SELECT task FROM poll_state WHERE task LIKE 'subscriptions:%' AND cursor IS NOT NULL AND complete_since IS NULL",
    )?;
    let mut rows = statement.query([])?;
    let mut companies = BTreeSet::new();
    while let Some(row) = rows.next()? {
        let task: String = row.get(0)?;
        companies.extend(task.split(':').nth(1).and_then(|company| company.parse().ok()).map(CompanyId));
    }
    Ok(companies)
}

fn read_unreadable_answers(connection: &Connection) -> Result<Vec<UnreadableAnswer>, HistoryError> {
    let mut statement =
        connection.prepare_cached("SELECT request, at, reason, answer FROM unreadable_answers ORDER BY request")?;
    let rows = statement.query_map([], |row| {
        Ok(UnreadableAnswer {
            what: row.get("request")?,
            at: Timestamp::from_millis(row.get("at")?),
            why: row.get("reason")?,
            answer: Untrusted::new(row.get::<_, String>("answer")?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Computes the periods of the last day that no poll covers. Time before the first poll is not a gap.
fn poll_gaps(connection: &Connection, now: Timestamp) -> Result<Vec<(Timestamp, Timestamp)>, HistoryError> {
    let since = now.millis() - 24 * HOUR_MS;
    let mut statement = connection.prepare_cached(
        "SELECT since_at, until_at FROM watch_periods WHERE list LIKE 'subscriptions:%' AND until_at >= ?1 ORDER BY since_at",
    )?;
    let watches: Vec<(i64, i64)> =
        statement.query_map([since], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let mut gaps = Vec::new();
    let mut covered: Option<i64> = None;
    for (began, ended) in watches {
        if let Some(until) = covered.filter(|until| began > *until) {
            gaps.push((Timestamp::from_millis(until), Timestamp::from_millis(began)));
        }
        covered = Some(covered.map_or(ended, |until| until.max(ended)));
    }
    Ok(gaps)
}

//! Subscriptions: table `subscriptions`, with configuration, breaker state and sealed secret.

use super::{Error, count, optional_time, small_count, time, unreadable};
use crate::domain::breaker::CircuitBreaker;
use crate::domain::disabled_reason::DisabledReason;
use crate::domain::event::EventType;
use crate::domain::health_status::SubscriptionFacts;
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::subscription::{RecordDates, SubscriptionSpec, WebhookSubscription};
use crate::domain::success_rate::SuccessCounts;
use crate::domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};

/// Values of a new subscription. The secret is sealed once the id is known.
#[derive(Debug)]
pub(crate) struct NewSubscriptionRow<'a> {
    pub(crate) company: CompanyId,
    pub(crate) created_by: KeyId,
    pub(crate) spec: &'a SubscriptionSpec,
    pub(crate) now: Timestamp,
}

/// Inserts a subscription without a secret; [`set_secret`] must follow in the same transaction.
pub(crate) fn insert(connection: &Connection, new: &NewSubscriptionRow<'_>) -> Result<SubscriptionId, Error> {
    let types: Vec<&str> = new.spec.event_types.iter().map(|kind| kind.name()).collect();
    connection
        .prepare_cached(
            "INSERT INTO subscriptions (company_id, created_by, target_url, event_types, description, managed_by, secret, created_at, updated_at)
             VALUES (:company, :key, :url, :types, :description, :managed_by, x'', :now, :now)",
        )?
        .execute(named_params! {
            ":company": new.company.0, ":key": new.created_by.0, ":url": new.spec.target_url, ":types": types.join(","),
            ":description": new.spec.description, ":managed_by": new.spec.managed_by, ":now": new.now.millis(),
        })?;
    Ok(SubscriptionId(connection.last_insert_rowid()))
}

/// Stores the sealed signing secret of a subscription.
pub(crate) fn set_secret(connection: &Connection, id: SubscriptionId, sealed: &[u8]) -> Result<(), Error> {
    connection.prepare_cached("UPDATE subscriptions SET secret = ?2 WHERE id = ?1")?.execute(params![id.0, sealed])?;
    Ok(())
}

/// Returns the sealed signing secret of a subscription.
pub(crate) fn secret(connection: &Connection, id: SubscriptionId) -> Result<Option<Vec<u8>>, Error> {
    let mut statement = connection.prepare_cached("SELECT secret FROM subscriptions WHERE id = ?1")?;
    Ok(statement.query_row([id.0], |row| row.get(0)).optional()?)
}

/// Where the deliveries of a subscription go.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DeliveryTarget {
    pub(crate) target_url: String,
    pub(crate) sealed_secret: Vec<u8>,
    /// Time of the last change of the subscription.
    pub(crate) changed_at: Timestamp,
}

/// Returns the target of a subscription that is not deleted.
pub(crate) fn target(connection: &Connection, id: SubscriptionId) -> Result<Option<DeliveryTarget>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT target_url, secret, updated_at FROM subscriptions WHERE id = ?1 AND deleted_at IS NULL",
    )?;
    let read = |row: &Row<'_>| {
        Ok(DeliveryTarget { target_url: row.get(0)?, sealed_secret: row.get(1)?, changed_at: time(row, 2)? })
    };
    Ok(statement.query_row([id.0], read).optional()?)
}

/// Returns a subscription that is not deleted.
pub(crate) fn get(connection: &Connection, id: SubscriptionId) -> Result<Option<WebhookSubscription>, Error> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, {SPEC_COLUMNS} FROM subscriptions WHERE id = ?1 AND deleted_at IS NULL"
    ))?;
    Ok(statement.query_row([id.0], read).optional()?)
}

/// Returns a subscription, deleted or not, with its time of deletion.
pub(crate) fn get_including_deleted(
    connection: &Connection,
    id: SubscriptionId,
) -> Result<Option<(WebhookSubscription, Option<Timestamp>)>, Error> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS}, {SPEC_COLUMNS} FROM subscriptions WHERE id = ?1"))?;
    Ok(statement.query_row([id.0], read_including_deleted).optional()?)
}

/// Sets the configuration of a subscription.
pub(crate) fn set_spec(
    connection: &Connection,
    id: SubscriptionId,
    spec: &SubscriptionSpec,
    now: Timestamp,
) -> Result<(), Error> {
    let types: Vec<&str> = spec.event_types.iter().map(|kind| kind.name()).collect();
    connection
        .prepare_cached(
            "UPDATE subscriptions SET target_url = :url, event_types = :types, description = :description, managed_by = :managed_by,
                 updated_at = :now WHERE id = :id",
        )?
        .execute(named_params! {
            ":id": id.0, ":url": spec.target_url, ":types": types.join(","), ":description": spec.description,
            ":managed_by": spec.managed_by, ":now": now.millis(),
        })?;
    Ok(())
}

/// Marks a subscription as deleted; its row is kept for the log.
pub(crate) fn delete(connection: &Connection, id: SubscriptionId, now: Timestamp) -> Result<(), Error> {
    connection
        .prepare_cached("UPDATE subscriptions SET deleted_at = ?2, updated_at = ?2 WHERE id = ?1")?
        .execute(params![id.0, now.millis()])?;
    Ok(())
}

/// Lists the subscriptions of one company or of all that are not deleted, oldest first.
pub(crate) fn all(connection: &Connection, company: Option<CompanyId>) -> Result<Vec<WebhookSubscription>, Error> {
    let of_one = if company.is_some() { "company_id = ?1" } else { "?1 IS NULL" };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, {SPEC_COLUMNS} FROM subscriptions WHERE {of_one} AND deleted_at IS NULL ORDER BY id"
    ))?;
    let rows = statement.query_map([company.map(|id| id.0)], read)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Counts the subscriptions of a company that are not deleted.
pub(crate) fn count_of(connection: &Connection, company: CompanyId) -> Result<u64, Error> {
    let mut statement = connection
        .prepare_cached("SELECT count(*) AS n FROM subscriptions WHERE company_id = ?1 AND deleted_at IS NULL")?;
    Ok(statement.query_row([company.0], |row| count(row, "n"))?)
}

/// Lists all subscriptions of a company, deleted ones included with their time of deletion, oldest first.
pub(crate) fn list_including_deleted(
    connection: &Connection,
    company: CompanyId,
) -> Result<Vec<(WebhookSubscription, Option<Timestamp>)>, Error> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS}, {SPEC_COLUMNS} FROM subscriptions WHERE company_id = ?1 ORDER BY id"
    ))?;
    let rows = statement.query_map([company.0], read_including_deleted)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Updates breaker, streak and attempt times of a subscription after an attempt.
pub(crate) fn update_after_attempt(connection: &Connection, subscription: &WebhookSubscription) -> Result<(), Error> {
    connection
        .prepare_cached(
            "UPDATE subscriptions SET n_consecutive_failures = ?2, first_failure_at = ?3, last_failure_at = ?4,
                 last_attempt_at = ?5, last_success_at = ?6 WHERE id = ?1",
        )?
        .execute(params![
            subscription.id.0,
            subscription.breaker.failures_in_a_row,
            subscription.streak.map(|streak| streak.0.millis()),
            subscription.streak.map(|streak| streak.1.millis()),
            subscription.last_attempt_at.map(Timestamp::millis),
            subscription.last_success_at.map(Timestamp::millis),
        ])?;
    Ok(())
}

/// Disables a subscription and stores the last delivery id: missed deliveries have higher ids.
pub(crate) fn disable(
    connection: &Connection,
    id: SubscriptionId,
    (reason, note): (DisabledReason, Option<&str>),
    now: Timestamp,
) -> Result<(), Error> {
    connection
        .prepare_cached(
            "UPDATE subscriptions SET disabled_reason = ?2, disabled_note = ?4, disabled_at = ?3, updated_at = ?3,
                 missed_after_delivery_id = (SELECT coalesce(max(d.id), 0) FROM deliveries d) WHERE id = ?1",
        )?
        .execute(params![id.0, reason.name(), now.millis(), note])?;
    Ok(())
}

/// Lists what the health of each subscription depends on, without its attempts.
pub(crate) fn health_facts(connection: &Connection) -> Result<Vec<(SubscriptionId, SubscriptionFacts)>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT id, disabled_reason, disabled_at, disabled_note IS NOT NULL AS has_reason, n_consecutive_failures, last_attempt_at
         FROM subscriptions WHERE deleted_at IS NULL",
    )?;
    let rows = statement.query_map([], |row| {
        let reason: Option<String> = row.get("disabled_reason")?;
        let facts = SubscriptionFacts {
            disabled: reason.as_deref().and_then(DisabledReason::named),
            disabled_at: optional_time(row, "disabled_at")?,
            has_reason: row.get("has_reason")?,
            streak: row.get("n_consecutive_failures")?,
            hour: SuccessCounts::default(),
            last_attempt_at: optional_time(row, "last_attempt_at")?,
        };
        Ok((SubscriptionId(row.get("id")?), facts))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Returns the reason noted for disabling a subscription.
pub(crate) fn note(connection: &Connection, id: SubscriptionId) -> Result<Option<String>, Error> {
    let mut statement = connection.prepare_cached("SELECT disabled_note FROM subscriptions WHERE id = ?1")?;
    Ok(statement.query_row([id.0], |row| row.get(0)).optional()?.flatten())
}

/// Notes a reason for a subscription that is disabled.
pub(crate) fn set_note(connection: &Connection, id: SubscriptionId, note: &str, now: Timestamp) -> Result<(), Error> {
    connection
        .prepare_cached("UPDATE subscriptions SET disabled_note = ?2, updated_at = ?3 WHERE id = ?1")?
        .execute(params![id.0, note, now.millis()])?;
    Ok(())
}

/// Enables a subscription, with no failures in a row and no missed events.
pub(crate) fn enable(connection: &Connection, id: SubscriptionId, now: Timestamp) -> Result<(), Error> {
    connection
        .prepare_cached(
            "UPDATE subscriptions SET disabled_reason = NULL, disabled_note = NULL, disabled_at = NULL, n_consecutive_failures = 0, first_failure_at = NULL,
                 last_failure_at = NULL, n_missed = 0, updated_at = ?2 WHERE id = ?1",
        )?
        .execute(params![id.0, now.millis()])?;
    Ok(())
}

/// Counts one more missed event.
pub(crate) fn increment_missed(connection: &Connection, id: SubscriptionId) -> Result<(), Error> {
    connection.prepare_cached("UPDATE subscriptions SET n_missed = n_missed + 1 WHERE id = ?1")?.execute([id.0])?;
    Ok(())
}

/// Columns of a configuration, in the order in which [`read_spec`] reads them.
pub(super) const SPEC_COLUMNS: &str = "target_url, event_types, description, managed_by";

/// Reads a configuration whose first column has the number `first`.
pub(super) fn read_spec(row: &Row<'_>, first: usize) -> rusqlite::Result<SubscriptionSpec> {
    let types = row.get_ref(first + 1)?.as_str().map_err(|_| unreadable("event_types"))?;
    let event_types: Option<Vec<EventType>> = types.split(',').map(EventType::named).collect();
    Ok(SubscriptionSpec {
        target_url: row.get(first)?,
        event_types: event_types.ok_or_else(|| unreadable("event_types"))?,
        description: row.get(first + 2)?,
        managed_by: row.get(first + 3)?,
    })
}

/// Columns of a subscription and its time of deletion, in the order in which they are read, before those of its
/// configuration.
const COLUMNS: &str = "id, company_id, created_by, disabled_reason, disabled_at, n_consecutive_failures, first_failure_at, \
                       last_failure_at, last_attempt_at, last_success_at, n_missed, created_at, updated_at, deleted_at";

/// Reads a subscription by column number: this runs for every event and attempt, and looking up names costs as much as
/// the rest.
fn read(row: &Row<'_>) -> rusqlite::Result<WebhookSubscription> {
    let reason: Option<String> = row.get(3)?;
    let reason =
        reason.map(|name| DisabledReason::named(&name).ok_or_else(|| unreadable("disabled_reason"))).transpose()?;
    Ok(WebhookSubscription {
        id: SubscriptionId(row.get(0)?),
        company: CompanyId(row.get(1)?),
        created_by: row.get::<_, Option<i64>>(2)?.map(KeyId),
        disabled: reason.zip(optional_time(row, 4)?),
        breaker: CircuitBreaker { failures_in_a_row: small_count(row, 5)? },
        streak: optional_time(row, 6)?.zip(optional_time(row, 7)?),
        last_attempt_at: optional_time(row, 8)?,
        last_success_at: optional_time(row, 9)?,
        n_missed: count(row, 10)?,
        dates: RecordDates { created_at: time(row, 11)?, updated_at: time(row, 12)? },
        spec: read_spec(row, 14)?,
    })
}

/// Reads a subscription with its time of deletion.
fn read_including_deleted(row: &Row<'_>) -> rusqlite::Result<(WebhookSubscription, Option<Timestamp>)> {
    Ok((read(row)?, optional_time(row, 13)?))
}

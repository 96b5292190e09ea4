//! Trips of circuit breakers: table `trips`.

use super::paging::{PagedQuery, add_condition};
use super::{Error, count, optional_time, time, unreadable};
use crate::domain::ids::{CompanyId, SubscriptionId, TripId};
use crate::domain::log::{PageSpec, RowPage};
use crate::domain::subscription::WebhookSubscription;
use crate::domain::time::Timestamp;
use crate::domain::trip::Trip;
use rusqlite::{Connection, Row, params};

/// Records that the breaker disabled a subscription.
pub(crate) fn insert(
    connection: &Connection,
    of: &WebhookSubscription,
    causes: &[(String, u32)],
    now: Timestamp,
) -> Result<(), Error> {
    let causes = serde_json::to_string(causes).map_err(|_| Error::Unreadable("causes"))?;
    connection
        .prepare_cached("INSERT INTO trips (subscription_id, company_id, target_url, tripped_at, causes) VALUES (?1, ?2, ?3, ?4, ?5)")?
        .execute(params![of.id.0, of.company.0, of.spec.target_url, now.millis(), causes])?;
    Ok(())
}

/// Records that a subscription was enabled again, and how many events it missed.
pub(crate) fn record_enabled(
    connection: &Connection,
    of: SubscriptionId,
    by: &str,
    n_missed: u64,
    now: Timestamp,
) -> Result<(), Error> {
    connection
        .prepare_cached("UPDATE trips SET enabled_at = ?2, enabled_by = ?3, n_missed = ?4 WHERE subscription_id = ?1 AND enabled_at IS NULL")?
        .execute(params![of.0, now.millis(), by, i64::try_from(n_missed).unwrap_or(i64::MAX)])?;
    Ok(())
}

/// Lists at most `limit` trips, newest first.
pub(crate) fn latest(connection: &Connection, limit: u32) -> Result<Vec<Trip>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT t.*, CASE WHEN t.enabled_at IS NULL THEN s.n_missed ELSE t.n_missed END AS missed
         FROM trips t JOIN subscriptions s ON s.id = t.subscription_id ORDER BY t.id DESC LIMIT ?1",
    )?;
    Ok(statement.query_map([limit], read)?.collect::<Result<_, _>>()?)
}

/// Returns a page of trips of one company, of one subscription or of all, newest first.
pub(crate) fn list(
    connection: &Connection,
    company: Option<CompanyId>,
    subscription: Option<SubscriptionId>,
    span: &PageSpec,
) -> Result<RowPage<Trip>, Error> {
    let (mut seek, mut sift) = (Vec::new(), Vec::new());
    add_condition(&mut seek, "subscription_id = ?", subscription.map(|id| id.0));
    add_condition(&mut sift, "company_id = ?", company.map(|id| id.0));
    let log = PagedQuery {
        table: if subscription.is_some() { "trips INDEXED BY trips_subscription" } else { "trips" },
        columns: "*",
        computed: ", CASE WHEN enabled_at IS NULL
                          THEN coalesce((SELECT s.n_missed FROM subscriptions s WHERE s.id = subscription_id), 0)
                          ELSE n_missed END AS missed",
        time: "tripped_at",
        index_conditions: seek,
        row_conditions: sift,
    };
    log.page(connection, span, read, |trip| trip.id.0)
}

/// Counts the trips since `since`, all trips, and the trips whose subscription is still disabled.
pub(crate) fn totals(connection: &Connection, since: Timestamp) -> Result<(u64, u64, u64), Error> {
    let mut statement = connection.prepare_cached(
        "SELECT (SELECT count(*) FROM trips WHERE tripped_at >= ?1) AS recent, count(*) AS n,
                count(*) FILTER (WHERE enabled_at IS NULL) AS open FROM trips",
    )?;
    Ok(statement
        .query_row([since.millis()], |row| Ok((count(row, "recent")?, count(row, "n")?, count(row, "open")?)))?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Trip> {
    let by: Option<String> = row.get("enabled_by")?;
    Ok(Trip {
        id: TripId(row.get("id")?),
        subscription: SubscriptionId(row.get("subscription_id")?),
        company: CompanyId(row.get("company_id")?),
        target_url: row.get("target_url")?,
        tripped_at: time(row, "tripped_at")?,
        causes: serde_json::from_str(&row.get::<_, String>("causes")?).map_err(|_| unreadable("causes"))?,
        reenabled: optional_time(row, "enabled_at")?.zip(by),
        n_missed: count(row, "missed")?,
    })
}

//! Resends: deliveries that somebody asked for once more. Each is asked for at most once at a time, and made when nobody else has the delivery.

use super::Error;
use super::deliveries::{CLAIMED, Claimed, IS_HELD, Lease, hold, let_go, read};
use crate::domain::delivery::Kind;
use crate::domain::ids::{CompanyId, DeliveryId, SubscriptionId};
use crate::domain::time::Timestamp;
use rusqlite::{Connection, params};

/// A subscription with resends that were asked for.
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) subscription: SubscriptionId,
    pub(crate) company: CompanyId,
    pub(crate) target_url: String,
}

/// Asks for a resend; `false` if one is asked for already and was not made yet.
pub(crate) fn ask(connection: &Connection, id: DeliveryId, now: Timestamp) -> Result<bool, Error> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO resends (delivery_id, subscription_id, asked_at)
         SELECT id, subscription_id, ?2 FROM deliveries WHERE id = ?1 ON CONFLICT DO NOTHING",
    )?;
    Ok(statement.execute(params![id.0, now.millis()])? == 1)
}

/// Subscriptions for which resends were asked for, ascending. Hops along the index from one subscription to the next, however many resends
/// each has.
pub(crate) fn waiting(connection: &Connection) -> Result<Vec<Waiting>, Error> {
    let mut statement = connection.prepare_cached(
        "WITH RECURSIVE waiting (id) AS (
             SELECT min(subscription_id) FROM resends
             UNION ALL
             SELECT (SELECT min(subscription_id) FROM resends WHERE subscription_id > waiting.id) FROM waiting WHERE waiting.id IS NOT NULL
         )
         SELECT s.id, s.company_id, s.target_url FROM waiting JOIN subscriptions s ON s.id = waiting.id",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Waiting {
            subscription: SubscriptionId(row.get(0)?),
            company: CompanyId(row.get(1)?),
            target_url: row.get(2)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Claims at most `limit` deliveries of a subscription for their resends, in the order of their numbers. One that is under way waits.
pub(crate) fn claim(
    connection: &Connection,
    of: SubscriptionId,
    limit: usize,
    lease: &Lease,
) -> Result<Vec<Claimed>, Error> {
    let mut asked = connection.prepare_cached(&format!(
        "SELECT {CLAIMED} FROM (SELECT delivery_id AS asked FROM resends WHERE subscription_id = ?1)
         CROSS JOIN deliveries ON deliveries.id = asked WHERE NOT {IS_HELD} ORDER BY asked LIMIT ?2"
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = asked.query_map(params![of.0, limit], read)?;
    let mut claimed: Vec<Claimed> = rows.collect::<Result<_, _>>()?;
    for claimed in &mut claimed {
        claimed.kind = Kind::Resend;
        hold(connection, claimed, lease)?;
    }
    Ok(claimed)
}

/// Ends a resend: the delivery has succeeded, or stands as it stood. `false` if the lease is no longer `lease`.
pub(crate) fn settle(connection: &Connection, id: DeliveryId, lease: &str, has_succeeded: bool) -> Result<bool, Error> {
    if !let_go(connection, id, lease)? {
        return Ok(false);
    }
    connection
        .prepare_cached(
            "UPDATE deliveries SET n_attempts = n_attempts + 1, n_beside = n_beside + 1,
                 state = CASE WHEN ?2 THEN 'succeeded' ELSE state END, due_at = CASE WHEN NOT ?2 THEN due_at END WHERE id = ?1",
        )?
        .execute(params![id.0, has_succeeded])?;
    forget(connection, id)?;
    Ok(true)
}

/// Drops a resend.
pub(crate) fn forget(connection: &Connection, id: DeliveryId) -> Result<(), Error> {
    connection.prepare_cached("DELETE FROM resends WHERE delivery_id = ?1")?.execute([id.0])?;
    Ok(())
}

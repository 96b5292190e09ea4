//! Resends: deliveries that somebody asked for once more. Each is asked for at most once at a time, and made when nobody else has the delivery.

use super::Error;
use super::deliveries::{CLAIMED, Claimed, IS_HELD, Lease, hold, let_go, read};
use crate::domain::delivery::Kind;
use crate::domain::ids::{DeliveryId, SubscriptionId};
use crate::domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

/// Resends that are looked at for one claim.
const LOOKED_AT: u32 = 1_000;

/// Asks for a resend; `false` if one is asked for already and was not made yet.
pub(crate) fn ask(connection: &Connection, id: DeliveryId, now: Timestamp) -> Result<bool, Error> {
    let mut statement = connection
        .prepare_cached("INSERT INTO resends (delivery_id, asked_at) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?;
    Ok(statement.execute(params![id.0, now.millis()])? == 1)
}

/// Resends that could be made now, in the order of their deliveries.
pub(crate) fn waiting(connection: &Connection) -> Result<Vec<(DeliveryId, SubscriptionId)>, Error> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT r.delivery_id, deliveries.subscription_id FROM resends r JOIN deliveries ON deliveries.id = r.delivery_id
         WHERE NOT {IS_HELD} ORDER BY r.delivery_id LIMIT ?1"
    ))?;
    let rows = statement.query_map([LOOKED_AT], |row| Ok((DeliveryId(row.get(0)?), SubscriptionId(row.get(1)?))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Claims a delivery for its resend, unless it is under way.
pub(crate) fn claim(connection: &Connection, id: DeliveryId, lease: &Lease) -> Result<Option<Claimed>, Error> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {CLAIMED} FROM deliveries WHERE id = ?1 AND NOT {IS_HELD}"))?;
    let Some(claimed) = statement.query_row([id.0], read).optional()? else { return Ok(None) };
    hold(connection, &claimed, lease)?;
    Ok(Some(Claimed { kind: Kind::Resend, ..claimed }))
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

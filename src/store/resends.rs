//! Resends: deliveries that somebody asked for once more. Each is asked for at most once at a time, and made when nobody else has the delivery.

use super::Error;
use super::deliveries::{CLAIMED, Claimed, Lease, STANDS, STANDS_DUE, read};
use crate::domain::delivery::Kind;
use crate::domain::ids::{DeliveryId, SubscriptionId};
use crate::domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, named_params, params};

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
    let mut statement = connection.prepare_cached(
        "SELECT r.delivery_id, d.subscription_id FROM resends r JOIN deliveries d ON d.id = r.delivery_id
         WHERE d.state <> 'in_flight' ORDER BY r.delivery_id LIMIT ?1",
    )?;
    let rows = statement.query_map([LOOKED_AT], |row| Ok((DeliveryId(row.get(0)?), SubscriptionId(row.get(1)?))))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Claims a delivery for its resend, unless it is under way.
pub(crate) fn claim(connection: &Connection, id: DeliveryId, lease: &Lease) -> Result<Option<Claimed>, Error> {
    let mut statement = connection.prepare_cached(&format!(
        "UPDATE deliveries SET returns_to = state, state = 'in_flight', lease = ?2, lease_until = ?3
         WHERE id = ?1 AND state <> 'in_flight' RETURNING {CLAIMED}"
    ))?;
    let claimed = statement.query_row(params![id.0, lease.token, lease.until.millis()], read).optional()?;
    Ok(claimed.map(|claimed| Claimed { kind: Kind::Resend, ..claimed }))
}

/// Ends a resend: the delivery has succeeded, or stands as it stood. `false` if the lease is no longer `lease`.
pub(crate) fn settle(
    connection: &Connection,
    id: DeliveryId,
    lease: &str,
    has_succeeded: bool,
    now: Timestamp,
) -> Result<bool, Error> {
    let n = connection
        .prepare_cached(&format!(
            "UPDATE deliveries SET lease = NULL, lease_until = NULL, returns_to = NULL,
                 n_attempts = n_attempts + 1, n_beside = n_beside + 1,
                 state = CASE WHEN :succeeded THEN 'succeeded' ELSE {STANDS} END, due_at = CASE WHEN NOT :succeeded THEN {STANDS_DUE} END
             WHERE id = :id AND state = 'in_flight' AND lease = :lease",
        ).replace("?1", ":now"))?
        .execute(named_params! {":id": id.0, ":lease": lease, ":succeeded": has_succeeded, ":now": now.millis()})?;
    if n == 1 {
        forget(connection, id)?;
    }
    Ok(n == 1)
}

/// Drops a resend.
pub(crate) fn forget(connection: &Connection, id: DeliveryId) -> Result<(), Error> {
    connection.prepare_cached("DELETE FROM resends WHERE delivery_id = ?1")?.execute([id.0])?;
    Ok(())
}

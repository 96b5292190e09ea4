//! Resends requested by operators: table `resends`. A delivery has at most one requested resend, which is made when the
//! delivery is not leased.

use super::Error;
use super::delivery_counts::{self, CountChanges};
use crate::domain::delivery::DeliveryState;
use crate::domain::ids::{DeliveryId, SubscriptionId};
use crate::domain::time::Timestamp;
use rusqlite::{Connection, params};

/// Requests a resend; returns `false` if one is requested already.
pub(crate) fn request(connection: &Connection, id: DeliveryId, now: Timestamp) -> Result<bool, Error> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO resends (delivery_id, subscription_id, requested_at)
         SELECT id, subscription_id, ?2 FROM deliveries WHERE id = ?1 ON CONFLICT DO NOTHING",
    )?;
    Ok(statement.execute(params![id.0, now.millis()])? == 1)
}

/// Whether a resend of a subscription waits for the end of another attempt of its delivery.
pub(crate) fn is_any_leased(connection: &Connection, of: SubscriptionId) -> Result<bool, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM resends r JOIN leases l ON l.delivery_id = r.delivery_id WHERE r.subscription_id = ?1)",
    )?;
    Ok(statement.query_row([of.0], |row| row.get(0))?)
}

/// Completes a resend whose lease was released: the delivery succeeds, or keeps its state.
pub(crate) fn complete(connection: &Connection, id: DeliveryId, has_succeeded: bool) -> Result<(), Error> {
    if let Some((subscription, state)) = delivery_counts::counted_as(connection, id)?.filter(|_| has_succeeded) {
        let mut counts = CountChanges::default();
        counts.transfer(subscription, (state, DeliveryState::Succeeded), 1);
        counts.commit(connection)?;
    }
    connection
        .prepare_cached(
            "UPDATE deliveries SET n_attempts = n_attempts + 1, n_uncounted = n_uncounted + 1,
                 state = CASE WHEN ?2 THEN 'succeeded' ELSE state END, due_at = CASE WHEN NOT ?2 THEN due_at END WHERE id = ?1",
        )?
        .execute(params![id.0, has_succeeded])?;
    remove(connection, id)
}

/// Removes the requested resend of a delivery.
pub(crate) fn remove(connection: &Connection, id: DeliveryId) -> Result<(), Error> {
    connection.prepare_cached("DELETE FROM resends WHERE delivery_id = ?1")?.execute([id.0])?;
    Ok(())
}

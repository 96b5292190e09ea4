//! Resends requested by operators: table `resends`. A delivery has at most one requested resend, which is made when the
//! delivery is not leased.

use super::claims::ClaimedDelivery;
use super::deliveries::{IS_LEASED, LEASED_COLUMNS, Lease, LeasedDelivery, insert_lease, read_leased, release};
use super::delivery_counts::{self, CountChanges};
use super::{Error, events};
use crate::domain::delivery::AttemptKind;
use crate::domain::delivery::DeliveryState;
use crate::domain::ids::{CompanyId, DeliveryId, SubscriptionId};
use crate::domain::time::Timestamp;
use rusqlite::{Connection, params};

/// A subscription with requested resends.
#[derive(Debug, Clone)]
pub(crate) struct ResendSubscription {
    pub(crate) subscription: SubscriptionId,
    pub(crate) company: CompanyId,
    pub(crate) target_url: String,
}

/// Requests a resend; returns `false` if one is requested already.
pub(crate) fn request(connection: &Connection, id: DeliveryId, now: Timestamp) -> Result<bool, Error> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO resends (delivery_id, subscription_id, requested_at)
         SELECT id, subscription_id, ?2 FROM deliveries WHERE id = ?1 ON CONFLICT DO NOTHING",
    )?;
    Ok(statement.execute(params![id.0, now.millis()])? == 1)
}

/// Lists the subscriptions with requested resends, by ascending id. A recursive query skips along the index from one
/// subscription to the next, however many resends each has.
pub(crate) fn requested_subscriptions(connection: &Connection) -> Result<Vec<ResendSubscription>, Error> {
    let mut statement = connection.prepare_cached(
        "WITH RECURSIVE waiting (id) AS (
             SELECT min(subscription_id) FROM resends
             UNION ALL
             SELECT (SELECT min(subscription_id) FROM resends WHERE subscription_id > waiting.id) FROM waiting WHERE waiting.id IS NOT NULL
         )
         SELECT s.id, s.company_id, s.target_url FROM waiting JOIN subscriptions s ON s.id = waiting.id",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(ResendSubscription {
            subscription: SubscriptionId(row.get(0)?),
            company: CompanyId(row.get(1)?),
            target_url: row.get(2)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Claims at most `limit` deliveries of a subscription for their resends, by ascending number. Leased deliveries are
/// left for later.
pub(crate) fn claim(
    connection: &Connection,
    of: SubscriptionId,
    limit: usize,
    lease: &Lease,
) -> Result<Vec<ClaimedDelivery>, Error> {
    let mut asked = connection.prepare_cached(&format!(
        "SELECT {LEASED_COLUMNS} FROM (SELECT delivery_id AS asked FROM resends WHERE subscription_id = ?1)
         CROSS JOIN deliveries ON deliveries.id = asked WHERE NOT {IS_LEASED} ORDER BY asked LIMIT ?2"
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = asked.query_map(params![of.0, limit], read_leased)?;
    let mut claimed: Vec<LeasedDelivery> = rows.collect::<Result<_, _>>()?;
    for claimed in &mut claimed {
        claimed.kind = AttemptKind::Resend;
        insert_lease(connection, claimed, lease)?;
    }
    let with_event = |delivery: LeasedDelivery| {
        let event = events::get(connection, delivery.event);
        ClaimedDelivery { delivery, event: event.and_then(|event| event.ok_or(Error::Unreadable("an event"))) }
    };
    Ok(claimed.into_iter().map(with_event).collect())
}

/// Completes a resend: the delivery succeeds, or keeps its state. Returns `false` if the lease is lost.
pub(crate) fn complete(
    connection: &Connection,
    id: DeliveryId,
    lease: &str,
    has_succeeded: bool,
) -> Result<bool, Error> {
    // The token decides: a holder whose lease expired must not change the delivery.
    if !release(connection, id, lease)? {
        return Ok(false);
    }
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
    remove(connection, id)?;
    Ok(true)
}

/// Removes the requested resend of a delivery.
pub(crate) fn remove(connection: &Connection, id: DeliveryId) -> Result<(), Error> {
    connection.prepare_cached("DELETE FROM resends WHERE delivery_id = ?1")?.execute([id.0])?;
    Ok(())
}

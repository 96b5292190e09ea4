//! Deliveries: table `deliveries`, the outbox. A claim is a lease, a row in `leases`; the outcome reported by its
//! holder is accepted only while the lease still carries the holder's token.

use super::delivery_counts::{self, CountChanges, StateChange};
use super::row_sets::{RowSet, sets};
use super::{Error, small_count, unreadable};
use crate::domain::delivery::{AttemptKind, DeliveryState, MAX_RETRY_AFTER, RetryPolicy};
use crate::domain::ids::{CompanyId, DeliveryId, EventId, SubscriptionId};
use crate::domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// A delivery that was claimed under a lease.
#[derive(Debug, Clone)]
pub struct LeasedDelivery {
    /// Number of the delivery, unique on the platform.
    pub id: DeliveryId,
    /// Event that is to be delivered.
    pub event: EventId,
    /// Subscription that receives the event.
    pub subscription: SubscriptionId,
    /// Company that owns the subscription.
    pub company: CompanyId,
    /// Reason for which the attempt is made.
    pub kind: AttemptKind,
    /// Number of attempts made so far.
    pub n_attempts: u32,
    /// Number of those attempts that use up no retry, such as resends.
    pub n_without_retry: u32,
    /// Retry policy of the delivery.
    pub retry_policy: RetryPolicy,
}

/// Longest delay of the retry policy in units of its base, jitter included.
const MAX_STEP_IN_BASES: i64 = 480 * 12 / 10;

/// Place in the pending deliveries of a subscription, which are claimed by due time, then by number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct QueuePosition {
    pub(crate) due_at: Timestamp,
    pub(crate) delivery: DeliveryId,
}

impl QueuePosition {
    /// Place before every delivery.
    pub(crate) const START: Self = Self::before(Timestamp::from_millis(0));

    /// Place before everything that is due at `due_at`.
    pub(crate) const fn before(due_at: Timestamp) -> Self {
        Self { due_at, delivery: DeliveryId(0) }
    }
}

/// Lease under which deliveries are claimed.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    /// Token that the holder presents to complete the delivery.
    pub(crate) token: Arc<str>,
    /// Time at which the lease expires.
    pub(crate) until: Timestamp,
}

/// Backlog of one subscription's deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DeliveryBacklog {
    /// Number of deliveries that wait until they are due.
    pub n_pending: u64,
    /// Number of deliveries in flight.
    pub n_in_flight: u64,
    /// Number of deliveries on hold until the subscription is enabled.
    pub n_on_hold: u64,
    /// Time at which the first pending delivery is or was due.
    pub next_due_at: Option<Timestamp>,
}

/// SQL condition: a row of `deliveries` is leased.
pub(super) const IS_LEASED: &str = "EXISTS (SELECT 1 FROM leases l WHERE l.delivery_id = deliveries.id)";

/// SQL condition: a row of `deliveries` has ended and is not delivered any more, unless an operator resends it.
pub(super) const IS_ENDED: &str = "(state IN ('succeeded', 'exhausted', 'cancelled') OR (state = 'missed'
     AND EXISTS (SELECT 1 FROM subscriptions s WHERE s.id = deliveries.subscription_id AND s.deleted_at IS NOT NULL)))";

/// Inserts the delivery of an event to a subscription: due at once, or missed. The delivery must be counted in the same
/// transaction.
pub(super) fn insert(
    connection: &Connection,
    delivery: &LeasedDelivery,
    state: DeliveryState,
    now: Timestamp,
) -> Result<(), Error> {
    let due = (state == DeliveryState::Pending).then(|| now.millis());
    connection
        .prepare_cached(
            "INSERT INTO deliveries (event_id, subscription_id, company_id, kind, state, retry_base_ms, due_at, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            delivery.event.0,
            delivery.subscription.0,
            delivery.company.0,
            delivery.kind.name(),
            state.name(),
            millis(delivery.retry_policy.base),
            due,
            now.millis(),
        ])?;
    Ok(())
}

/// Time at which the first unleased pending delivery of a subscription after a place is or was due.
pub(crate) fn next_due_at(
    connection: &Connection,
    of: SubscriptionId,
    after: QueuePosition,
) -> Result<Option<Timestamp>, Error> {
    let mut first = connection.prepare_cached(&format!(
        "SELECT due_at AS due FROM deliveries
         WHERE subscription_id = ?1 AND state = 'pending' AND due_at >= ?2 AND (due_at > ?2 OR id > ?3) AND NOT {IS_LEASED}
         ORDER BY due_at LIMIT 1"
    ))?;
    let parameters = params![of.0, after.due_at.millis(), after.delivery.0];
    Ok(first.query_row(parameters, |row| super::time(row, 0)).optional()?)
}

/// Releases the leases of deliveries that still carry the holder's token. Returns the deliveries whose leases were
/// released; the holder has lost the others.
pub(crate) fn release(connection: &Connection, token: &str, ids: &[DeliveryId]) -> Result<BTreeSet<DeliveryId>, Error> {
    const DELETE: RowSet = RowSet {
        before: "DELETE FROM leases WHERE token = ?1 AND delivery_id IN (",
        row: "?",
        after: ") RETURNING delivery_id",
    };
    let mut released = BTreeSet::new();
    for set in sets(ids) {
        let mut delete = DELETE.prepare(connection, set.len())?;
        delete.raw_bind_parameter(1, token)?;
        for (n, id) in set.iter().enumerate() {
            delete.raw_bind_parameter(2 + n, id.0)?;
        }
        let mut rows = delete.raw_query();
        while let Some(row) = rows.next()? {
            released.insert(DeliveryId(row.get(0)?));
        }
    }
    Ok(released)
}

/// Marks pending deliveries as succeeded with one attempt more, and counts them. Their leases were released before.
pub(crate) fn complete_succeeded(
    connection: &Connection,
    completed: &[(DeliveryId, SubscriptionId)],
    counts: &mut CountChanges,
) -> Result<(), Error> {
    const UPDATE: RowSet = RowSet {
        before: "UPDATE deliveries SET state = 'succeeded', n_attempts = n_attempts + 1, due_at = NULL WHERE state = 'pending' AND id IN (",
        row: "?",
        after: ")",
    };
    let (from, to) = (DeliveryState::Pending, DeliveryState::Succeeded);
    for set in sets(completed) {
        let mut update = UPDATE.prepare(connection, set.len())?;
        for (n, (id, _)) in set.iter().enumerate() {
            update.raw_bind_parameter(1 + n, id.0)?;
        }
        if update.raw_execute()? == set.len() {
            set.iter().for_each(|(_, of)| counts.transfer(*of, (from, to), 1));
            continue;
        }
        // The subscription of those that are not pending any more was disabled or deleted meanwhile.
        for (id, of) in set {
            match delivery_counts::counted_as(connection, *id)? {
                Some((_, DeliveryState::Succeeded)) => counts.transfer(*of, (from, to), 1),
                _ => complete(connection, *id, (to, None), 1)?.iter().for_each(|change| counts.record(change)),
            }
        }
    }
    Ok(())
}

/// Completes a delivery that this transaction alone holds: stores its new state after `n_made` attempts more, and the
/// next due time. Returns the change to be counted in the same transaction; `None` if the delivery is not stored any
/// more.
pub(crate) fn complete(
    connection: &Connection,
    id: DeliveryId,
    (state, due): (DeliveryState, Option<Timestamp>),
    n_made: u32,
) -> Result<Option<StateChange>, Error> {
    // Disabling or deleting a subscription changes the state of leased deliveries too.
    let Some((of, before)) = delivery_counts::counted_as(connection, id)? else { return Ok(None) };
    connection
        .prepare_cached("UPDATE deliveries SET state = ?2, n_attempts = n_attempts + ?3, due_at = ?4 WHERE id = ?1")?
        .execute(params![id.0, state.name(), n_made, due.map(Timestamp::millis)])?;
    Ok(Some(StateChange { of, from: before, to: state }))
}

/// Releases every lease that expired before `now`. Returns the number released.
pub(crate) fn release_expired(connection: &Connection, now: Timestamp) -> Result<usize, Error> {
    Ok(connection.prepare_cached("DELETE FROM leases WHERE until < ?1")?.execute([now.millis()])?)
}

/// Releases every lease, for a process that starts and holds the lock of the data directory. Returns the number
/// released.
pub(crate) fn release_all(connection: &Connection) -> Result<usize, Error> {
    Ok(connection.prepare_cached("DELETE FROM leases")?.execute([])?)
}

/// Shortens leases that expire after `latest`, as only a clock that was set back produces. Returns the number
/// shortened.
pub(crate) fn clamp_leases(connection: &Connection, latest: Timestamp) -> Result<usize, Error> {
    let mut statement = connection.prepare_cached("UPDATE leases SET until = ?1 WHERE until > ?1")?;
    Ok(statement.execute([latest.millis()])?)
}

/// Shifts every lease by a step of the clock, so that leases of deliveries in flight do not seem expired. Returns the
/// number shifted.
pub(crate) fn shift_leases(connection: &Connection, step: Duration) -> Result<usize, Error> {
    let mut statement = connection.prepare_cached("UPDATE leases SET until = until + ?1")?;
    Ok(statement.execute([millis(step)])?)
}

/// Shifts due times back by the step that the clock was set back, so that no delivery waits longer than planned.
/// Returns the number shifted.
pub(crate) fn shift_due(connection: &Connection, step: Duration) -> Result<usize, Error> {
    let mut statement =
        connection.prepare_cached("UPDATE deliveries SET due_at = due_at - ?1 WHERE state = 'pending'")?;
    Ok(statement.execute([millis(step)])?)
}

/// Limits due times to the longest delay of the retry policy or of `Retry-After`, for a process that starts and cannot
/// know whether the clock was set back while it was down. Returns the number of deliveries brought forward.
pub(crate) fn clamp_due(connection: &Connection, now: Timestamp) -> Result<usize, Error> {
    let mut statement = connection.prepare_cached(
        "UPDATE deliveries SET due_at = ?1 + max(retry_base_ms * ?2, ?3)
         WHERE state = 'pending' AND due_at > ?1 + max(retry_base_ms * ?2, ?3)",
    )?;
    Ok(statement.execute(params![now.millis(), MAX_STEP_IN_BASES, millis(MAX_RETRY_AFTER)])?)
}

/// Puts the pending deliveries of a subscription that is being disabled on hold. Leased ones are included and stay on
/// hold when their lease is released unchanged. Returns the number on hold.
pub(crate) fn hold(connection: &Connection, subscription: SubscriptionId) -> Result<usize, Error> {
    let n = connection
        .prepare_cached(
            "UPDATE deliveries SET state = 'on_hold', due_at = NULL WHERE subscription_id = ?1 AND state = 'pending'",
        )?
        .execute([subscription.0])?;
    count_transfer(connection, subscription, (DeliveryState::Pending, DeliveryState::OnHold), n)
}

/// Counts deliveries that changed their state together; returns their number.
fn count_transfer(
    connection: &Connection,
    of: SubscriptionId,
    change: (DeliveryState, DeliveryState),
    n: usize,
) -> Result<usize, Error> {
    let mut counts = CountChanges::default();
    counts.transfer(of, change, n);
    counts.commit(connection)?;
    Ok(n)
}

/// Cancels the pending deliveries and those on hold of a subscription that is being deleted, and drops its resends.
/// Returns the number cancelled.
pub(crate) fn cancel(connection: &Connection, subscription: SubscriptionId) -> Result<usize, Error> {
    connection.prepare_cached("DELETE FROM resends WHERE subscription_id = ?1")?.execute([subscription.0])?;
    let mut n_cancelled = 0;
    for state in [DeliveryState::Pending, DeliveryState::OnHold] {
        let n = connection
            .prepare_cached(
                "UPDATE deliveries SET state = 'cancelled', due_at = NULL WHERE subscription_id = ?1 AND state = ?2",
            )?
            .execute(params![subscription.0, state.name()])?;
        n_cancelled += count_transfer(connection, subscription, (state, DeliveryState::Cancelled), n)?;
    }
    Ok(n_cancelled)
}

/// Resumes the deliveries on hold of a subscription, due at `now`. Returns the number resumed.
pub(crate) fn resume(connection: &Connection, subscription: SubscriptionId, now: Timestamp) -> Result<usize, Error> {
    let n = connection
        .prepare_cached(
            "UPDATE deliveries SET state = 'pending', due_at = ?2 WHERE subscription_id = ?1 AND state = 'on_hold'",
        )?
        .execute(params![subscription.0, now.millis()])?;
    count_transfer(connection, subscription, (DeliveryState::OnHold, DeliveryState::Pending), n)
}

/// Counts the due, unleased deliveries of a subscription, up to `most`.
pub(crate) fn n_due(connection: &Connection, of: SubscriptionId, most: u32, now: Timestamp) -> Result<u32, Error> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT count(*) AS n FROM (SELECT 1 FROM deliveries
             WHERE subscription_id = ?1 AND state = 'pending' AND due_at <= ?2 AND NOT {IS_LEASED} LIMIT ?3)"
    ))?;
    Ok(statement.query_row(params![of.0, now.millis(), most], |row| small_count(row, "n"))?)
}

/// Statement of [`backlog`]. The joins begin with the leases, of which there are few: the query planner, which knows
/// nothing of a table that is empty most of the time, would begin with all deliveries.
pub(super) const BACKLOG: &str = "SELECT state, n FROM delivery_counts WHERE subscription_id = ?1 AND n > 0
     UNION ALL SELECT 'in_flight', count(*) FROM leases WHERE subscription_id = ?1
     UNION ALL SELECT d.state, -count(*) FROM leases l CROSS JOIN deliveries d ON d.id = l.delivery_id
         WHERE l.subscription_id = ?1 GROUP BY d.state";

/// Returns the backlog of a subscription from maintained counters, without scanning deliveries.
pub(crate) fn backlog(connection: &Connection, subscription: SubscriptionId) -> Result<DeliveryBacklog, Error> {
    let mut statement = connection.prepare_cached(BACKLOG)?;
    // The counters include leased deliveries, which are subtracted by state and counted as in flight.
    let mut backlog = DeliveryBacklog::default();
    let mut rows = statement.query([subscription.0])?;
    while let Some(row) = rows.next()? {
        let n: i64 = row.get("n")?;
        let of = match DeliveryState::named(&row.get::<_, String>("state")?) {
            Some(DeliveryState::Pending) => &mut backlog.n_pending,
            Some(DeliveryState::InFlight) => &mut backlog.n_in_flight,
            Some(DeliveryState::OnHold) => &mut backlog.n_on_hold,
            _ => continue,
        };
        *of = of.saturating_add_signed(n);
    }
    if backlog.n_pending > 0 {
        backlog.next_due_at = next_due_at(connection, subscription, QueuePosition::START)?;
    }
    Ok(backlog)
}

/// Earliest due time of a pending delivery of an enabled subscription.
pub(crate) fn oldest_due(connection: &Connection) -> Result<Option<Timestamp>, Error> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT min((SELECT due_at FROM deliveries WHERE subscription_id = s.id AND state = 'pending' AND NOT {IS_LEASED}
                     ORDER BY due_at LIMIT 1)) AS due
         FROM subscriptions s WHERE s.deleted_at IS NULL AND s.disabled_reason IS NULL"
    ))?;
    Ok(statement.query_row([], |row| super::optional_time(row, "due"))?)
}

/// Reads a claimed delivery from the first columns: id, event, subscription, company, kind, number of attempts and of those
/// without a retry, base of the retry policy. By number, which is faster than by name and runs for every attempt.
pub(super) fn read_leased(row: &Row<'_>) -> rusqlite::Result<LeasedDelivery> {
    let kind = row.get_ref(4)?.as_str().ok().and_then(AttemptKind::named);
    let base_ms: i64 = row.get(7)?;
    Ok(LeasedDelivery {
        id: DeliveryId(row.get(0)?),
        event: EventId(row.get(1)?),
        subscription: SubscriptionId(row.get(2)?),
        company: CompanyId(row.get(3)?),
        kind: kind.ok_or_else(|| unreadable("kind"))?,
        n_attempts: row.get(5)?,
        n_without_retry: row.get(6)?,
        retry_policy: RetryPolicy { base: Duration::from_millis(u64::try_from(base_ms).unwrap_or(0)) },
    })
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

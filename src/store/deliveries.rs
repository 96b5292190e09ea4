//! Deliveries: table `deliveries`, the outbox. A claim is a lease, a row in `leases`; the outcome reported by its
//! holder is accepted only while the lease still carries the holder's token.

use super::delivery_counts::{self, CountChanges, StateChange};
use super::{Error, small_count, unreadable};
use crate::domain::delivery::{AttemptKind, DeliveryState, MAX_RETRY_AFTER, RetryPolicy};
use crate::domain::ids::{CompanyId, DeliveryId, EventId, SubscriptionId};
use crate::domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};
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

/// Lease under which deliveries are claimed.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    /// Token that the holder presents to complete the delivery.
    pub(crate) token: String,
    /// Time at which the lease begins.
    pub(crate) now: Timestamp,
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

/// Inserts the delivery of an event to a subscription: due at once, or missed.
pub(crate) fn insert(
    connection: &Connection,
    delivery: &LeasedDelivery,
    state: DeliveryState,
    now: Timestamp,
) -> Result<(), Error> {
    let due = (state == DeliveryState::Pending).then(|| now.millis());
    connection
        .prepare_cached(
            "INSERT INTO deliveries (event_id, subscription_id, company_id, kind, state, retry_base_ms, due_at, created_at)
             VALUES (:event, :subscription, :company, :kind, :state, :base, :due, :now)",
        )?
        .execute(named_params! {
            ":event": delivery.event.0, ":subscription": delivery.subscription.0, ":company": delivery.company.0, ":kind": delivery.kind.name(),
            ":state": state.name(), ":base": millis(delivery.retry_policy.base), ":due": due, ":now": now.millis(),
        })?;
    let mut counts = CountChanges::default();
    counts.add(delivery.subscription, state, 1);
    counts.commit(connection)
}

/// A subscription with pending deliveries, leased or not.
#[derive(Debug, Clone)]
pub(crate) struct WaitingSubscription {
    pub(crate) subscription: SubscriptionId,
    pub(crate) company: CompanyId,
    pub(crate) target_url: String,
    /// Time of the last change of the subscription.
    pub(crate) changed_at: Timestamp,
}

/// Lists the subscriptions with pending deliveries, by ascending id. A recursive query skips along the index from one
/// subscription to the next, so that the length of a backlog costs nothing.
pub(crate) fn waiting_subscriptions(connection: &Connection) -> Result<Vec<WaitingSubscription>, Error> {
    let mut statement = connection.prepare_cached(
        "WITH RECURSIVE waiting (id) AS (
             SELECT min(subscription_id) FROM deliveries WHERE state = 'pending'
             UNION ALL
             SELECT (SELECT min(subscription_id) FROM deliveries WHERE state = 'pending' AND subscription_id > waiting.id)
             FROM waiting WHERE waiting.id IS NOT NULL
         )
         SELECT s.id, company_id, target_url, updated_at FROM waiting JOIN subscriptions s ON s.id = waiting.id",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(WaitingSubscription {
            subscription: SubscriptionId(row.get(0)?),
            company: CompanyId(row.get(1)?),
            target_url: row.get(2)?,
            changed_at: super::time(row, 3)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Time at which the first pending, unleased delivery of a subscription is or was due. Leased ones are skipped one by
/// one.
pub(crate) fn next_due_at(connection: &Connection, of: SubscriptionId) -> Result<Option<Timestamp>, Error> {
    let mut first = connection.prepare_cached(&format!(
        "SELECT due_at AS due FROM deliveries WHERE subscription_id = ?1 AND state = 'pending' AND NOT {IS_LEASED}
         ORDER BY due_at LIMIT 1"
    ))?;
    Ok(first.query_row([of.0], |row| super::time(row, 0)).optional()?)
}

/// Leases a delivery that is not leased.
pub(super) fn insert_lease(connection: &Connection, claimed: &LeasedDelivery, lease: &Lease) -> Result<(), Error> {
    connection
        .prepare_cached("INSERT INTO leases (delivery_id, subscription_id, token, until) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![claimed.id.0, claimed.subscription.0, lease.token, lease.until.millis()])?;
    Ok(())
}

/// Completes a claimed delivery: stores its new state, the number of attempts and the next due time. Returns the change to
/// be counted in the same transaction, or `None`, with nothing changed, if the lease is lost.
pub(crate) fn complete(
    connection: &Connection,
    (id, of): (DeliveryId, SubscriptionId),
    lease: &str,
    state: DeliveryState,
    n_attempts: u32,
    due: Option<Timestamp>,
) -> Result<Option<StateChange>, Error> {
    // The token decides: a holder whose lease expired must not overwrite the outcome of the next holder.
    if !release(connection, id, lease)? {
        return Ok(None);
    }
    let due = due.map(Timestamp::millis);
    // Nearly always it is pending still, and one statement suffices.
    let n = connection
        .prepare_cached(
            "UPDATE deliveries SET state = ?2, n_attempts = ?3, due_at = ?4 WHERE id = ?1 AND state = 'pending'",
        )?
        .execute(params![id.0, state.name(), n_attempts, due])?;
    if n == 1 {
        return Ok(Some(StateChange { of, from: DeliveryState::Pending, to: state }));
    }
    // The subscription was disabled or deleted meanwhile, which changes the state of leased deliveries too.
    let Some((of, before)) = delivery_counts::counted_as(connection, id)? else { return Ok(None) };
    connection
        .prepare_cached("UPDATE deliveries SET state = ?2, n_attempts = ?3, due_at = ?4 WHERE id = ?1")?
        .execute(params![id.0, state.name(), n_attempts, due])?;
    Ok(Some(StateChange { of, from: before, to: state }))
}

/// Releases a lease and leaves the delivery unchanged. Returns `false` if the lease is lost.
pub(crate) fn release(connection: &Connection, id: DeliveryId, lease: &str) -> Result<bool, Error> {
    let mut statement = connection.prepare_cached("DELETE FROM leases WHERE delivery_id = ?1 AND token = ?2")?;
    Ok(statement.execute(params![id.0, lease])? == 1)
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

/// Returns the backlog of a subscription from maintained counters, without scanning deliveries.
pub(crate) fn backlog(connection: &Connection, subscription: SubscriptionId) -> Result<DeliveryBacklog, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT state, n FROM delivery_counts WHERE subscription_id = ?1 AND n > 0
         UNION ALL SELECT 'in_flight', count(*) FROM leases WHERE subscription_id = ?1
         UNION ALL SELECT d.state, -count(*) FROM leases l JOIN deliveries d ON d.id = l.delivery_id
             WHERE l.subscription_id = ?1 GROUP BY d.state",
    )?;
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
        backlog.next_due_at = next_due_at(connection, subscription)?;
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

/// Columns of a claimed delivery, in the order in which [`read_leased`] expects them.
pub(super) const LEASED_COLUMNS: &str =
    "id, event_id, subscription_id, company_id, kind, n_attempts, n_uncounted, retry_base_ms";

/// Reads a claimed delivery by column number, which is faster than by name and runs for every attempt.
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

//! Deliveries: the outbox. A claim is a lease; what its holder says later counts only while the lease is its own.

use super::{Error, count, small, unreadable};
use crate::domain::delivery::{Kind, Schedule, State};
use crate::domain::ids::{CompanyId, DeliveryId, EventId, SubscriptionId};
use crate::domain::ramp::Ramp;
use crate::domain::time::Timestamp;
use rusqlite::{Connection, Row, named_params, params};
use std::time::Duration;

/// A delivery that was claimed.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// Which one.
    pub id: DeliveryId,
    /// Of which event.
    pub event: EventId,
    /// To which subscription.
    pub subscription: SubscriptionId,
    /// Whose.
    pub company: CompanyId,
    /// What its attempts are for.
    pub kind: Kind,
    /// Attempts made so far.
    pub n_attempts: u32,
    /// Those among them that use up no retry.
    pub n_beside: u32,
    /// When its retries are due.
    pub schedule: Schedule,
}

/// The longest wait of a schedule in steps of its base: the cap, asked for twice, with all of its jitter.
const LONGEST_STEP: i64 = 480 * 2 * 12 / 10;

/// What a claim is made under.
#[derive(Debug, Clone)]
pub(crate) struct Lease {
    /// What its holder has to show.
    pub(crate) token: String,
    /// When it begins.
    pub(crate) now: Timestamp,
    /// When it ends by itself.
    pub(crate) until: Timestamp,
}

/// Where a subscription's deliveries stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Backlog {
    /// Deliveries that wait for their time.
    pub n_pending: u64,
    /// Deliveries under way.
    pub n_in_flight: u64,
    /// Deliveries that wait for the subscription to be enabled.
    pub n_parked: u64,
    /// When the first waiting one is or was due.
    pub next_due_at: Option<Timestamp>,
}

/// Adds the delivery of an event to a subscription: due at once, or skipped.
pub(crate) fn insert(connection: &Connection, delivery: &Claimed, state: State, now: Timestamp) -> Result<(), Error> {
    let due = (state == State::Pending).then(|| now.millis());
    connection
        .prepare_cached(
            "INSERT INTO deliveries (event_id, subscription_id, company_id, kind, state, retry_base_ms, due_at, created_at)
             VALUES (:event, :subscription, :company, :kind, :state, :base, :due, :now)",
        )?
        .execute(named_params! {
            ":event": delivery.event.0, ":subscription": delivery.subscription.0, ":company": delivery.company.0, ":kind": delivery.kind.name(),
            ":state": state.name(), ":base": millis(delivery.schedule.base), ":due": due, ":now": now.millis(),
        })?;
    Ok(())
}

/// A subscription for which something waits.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiting {
    pub(crate) subscription: SubscriptionId,
    /// When the first of it is or was due.
    pub(crate) due_at: Timestamp,
    pub(crate) ramp: Ramp,
}

/// Subscriptions for which something waits, ascending. Hops along the index from one subscription to the next: what waits behind the first
/// costs nothing.
pub(crate) fn next_due(connection: &Connection) -> Result<Vec<Waiting>, Error> {
    let mut statement = connection.prepare_cached(
        "WITH RECURSIVE waiting (id) AS (
             SELECT min(subscription_id) FROM deliveries WHERE state = 'pending'
             UNION ALL
             SELECT (SELECT min(subscription_id) FROM deliveries WHERE state = 'pending' AND subscription_id > waiting.id)
             FROM waiting WHERE waiting.id IS NOT NULL
         )
         SELECT id, (SELECT min(due_at) FROM deliveries WHERE state = 'pending' AND subscription_id = waiting.id) AS due,
                (SELECT ramp FROM subscriptions s WHERE s.id = waiting.id) AS ramp
         FROM waiting WHERE id IS NOT NULL",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(Waiting {
            subscription: SubscriptionId(row.get("id")?),
            due_at: super::time(row, "due")?,
            ramp: Ramp::at(small(row, "ramp")?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Claims at most `limit` due deliveries of a subscription, most overdue first.
pub(crate) fn claim(
    connection: &Connection,
    subscription: SubscriptionId,
    limit: usize,
    lease: &Lease,
) -> Result<Vec<Claimed>, Error> {
    let mut statement = connection.prepare_cached(&format!(
        "UPDATE deliveries SET state = 'in_flight', lease = :lease, lease_until = :until
         WHERE id IN (SELECT id FROM deliveries WHERE subscription_id = :subscription AND state = 'pending' AND due_at <= :now
                      ORDER BY due_at, id LIMIT :limit)
         RETURNING {CLAIMED}"
    ))?;
    let rows = statement.query_map(
        named_params! {
            ":subscription": subscription.0, ":lease": lease.token, ":until": lease.until.millis(), ":now": lease.now.millis(),
            ":limit": i64::try_from(limit).unwrap_or(i64::MAX),
        },
        read,
    )?;
    let mut claimed: Vec<Claimed> = rows.collect::<Result<_, _>>()?;
    claimed.sort_unstable_by_key(|claimed| claimed.id);
    Ok(claimed)
}

/// Ends a claim: the new state, the attempts made, and when the next one is due. `false` if the lease is no longer `lease`.
pub(crate) fn settle(
    connection: &Connection,
    id: DeliveryId,
    lease: &str,
    state: State,
    n_attempts: u32,
    due: Option<Timestamp>,
) -> Result<bool, Error> {
    let n = connection
        .prepare_cached(
            "UPDATE deliveries SET state = ?3, n_attempts = ?4, due_at = ?5, lease = NULL, lease_until = NULL, returns_to = NULL
             WHERE id = ?1 AND state = 'in_flight' AND lease = ?2",
        )?
        .execute(params![id.0, lease, state.name(), n_attempts, due.map(Timestamp::millis)])?;
    Ok(n == 1)
}

/// Where a delivery stands once nobody holds it: a resend goes back to where it came from; what waited waits again, parked where the
/// subscription was switched off meanwhile, cancelled where it was deleted.
pub(super) const STANDS: &str = "CASE WHEN returns_to IN ('skipped', 'exhausted', 'succeeded') THEN returns_to ELSE
    (SELECT CASE WHEN deleted_at IS NOT NULL THEN 'cancelled' WHEN disabled_reason IS NOT NULL THEN 'parked' ELSE 'pending' END
     FROM subscriptions WHERE id = subscription_id) END";

/// When it is due then: a resend as it was planned, all else at `?1`.
pub(super) const STANDS_DUE: &str = "CASE WHEN returns_to IN ('skipped', 'exhausted', 'succeeded') THEN NULL ELSE
    (SELECT CASE WHEN deleted_at IS NULL AND disabled_reason IS NULL
                 THEN CASE WHEN deliveries.returns_to = 'pending' THEN deliveries.due_at ELSE ?1 END END
     FROM subscriptions WHERE id = subscription_id) END";

fn returned() -> String {
    format!(
        "UPDATE deliveries SET lease = NULL, lease_until = NULL, returns_to = NULL, state = {STANDS}, due_at = {STANDS_DUE}
         WHERE state = 'in_flight'"
    )
}

/// Gives a claim back as if it had not been made: nothing was learnt. `false` if the lease is no longer `lease`.
pub(crate) fn give_back(connection: &Connection, id: DeliveryId, lease: &str, now: Timestamp) -> Result<bool, Error> {
    let mut statement = connection.prepare_cached(&format!("{} AND id = ?2 AND lease = ?3", returned()))?;
    Ok(statement.execute(params![now.millis(), id.0, lease])? == 1)
}

/// Returns every claim whose lease ended before `now`. The number returned.
pub(crate) fn release_expired(connection: &Connection, now: Timestamp) -> Result<usize, Error> {
    Ok(connection.prepare_cached(&format!("{} AND lease_until < ?1", returned()))?.execute([now.millis()])?)
}

/// Lets no lease end after `latest`: none can, unless the clock was set back. The number shortened.
pub(crate) fn clamp_leases(connection: &Connection, latest: Timestamp) -> Result<usize, Error> {
    let mut statement = connection
        .prepare_cached("UPDATE deliveries SET lease_until = ?1 WHERE state = 'in_flight' AND lease_until > ?1")?;
    Ok(statement.execute([latest.millis()])?)
}

/// Moves every lease by a step of the clock, so that no claim under way is taken for one that was left. The number moved.
pub(crate) fn shift_leases(connection: &Connection, step: Duration) -> Result<usize, Error> {
    let mut statement =
        connection.prepare_cached("UPDATE deliveries SET lease_until = lease_until + ?1 WHERE state = 'in_flight'")?;
    Ok(statement.execute([millis(step)])?)
}

/// Moves what is due by a step that the clock was set back, so that nothing waits for longer than was planned. The number moved.
pub(crate) fn bring_forward(connection: &Connection, step: Duration) -> Result<usize, Error> {
    let mut statement =
        connection.prepare_cached("UPDATE deliveries SET due_at = due_at - ?1 WHERE state = 'pending'")?;
    Ok(statement.execute([millis(step)])?)
}

/// Lets nothing be due later than the longest step of its schedule: for a process that starts and cannot know whether the clock was set back
/// while nobody looked. The number brought forward.
pub(crate) fn clamp_due(connection: &Connection, now: Timestamp) -> Result<usize, Error> {
    let mut statement = connection.prepare_cached(
        "UPDATE deliveries SET due_at = ?1 + retry_base_ms * ?2 WHERE state = 'pending' AND due_at > ?1 + retry_base_ms * ?2",
    )?;
    Ok(statement.execute(params![now.millis(), LONGEST_STEP])?)
}

/// Returns every claim: for a process that starts and knows that nobody else holds any. The number returned.
pub(crate) fn release_all(connection: &Connection, now: Timestamp) -> Result<usize, Error> {
    Ok(connection.prepare_cached(&returned())?.execute([now.millis()])?)
}

/// Parks what waits for a subscription that is being switched off. The number parked.
pub(crate) fn park(connection: &Connection, subscription: SubscriptionId) -> Result<usize, Error> {
    Ok(connection
        .prepare_cached(
            "UPDATE deliveries SET state = 'parked', due_at = NULL WHERE subscription_id = ?1 AND state = 'pending'",
        )?
        .execute([subscription.0])?)
}

/// Cancels what waits for a subscription that is being deleted, and forgets what was to be resent to it. The number cancelled.
pub(crate) fn cancel(connection: &Connection, subscription: SubscriptionId) -> Result<usize, Error> {
    connection
        .prepare_cached(
            "DELETE FROM resends WHERE (SELECT d.subscription_id FROM deliveries d WHERE d.id = delivery_id) = ?1",
        )?
        .execute([subscription.0])?;
    Ok(connection
        .prepare_cached(
            "UPDATE deliveries SET state = 'cancelled', due_at = NULL WHERE subscription_id = ?1 AND state IN ('pending', 'parked')",
        )?
        .execute([subscription.0])?)
}

/// Resumes what was parked when its subscription was switched off, due at `now`. The number resumed.
pub(crate) fn resume(connection: &Connection, subscription: SubscriptionId, now: Timestamp) -> Result<usize, Error> {
    Ok(connection
        .prepare_cached(
            "UPDATE deliveries SET state = 'pending', due_at = ?2 WHERE subscription_id = ?1 AND state = 'parked'",
        )?
        .execute(params![subscription.0, now.millis()])?)
}

/// How many deliveries of a subscription are due, counted up to `most`.
pub(crate) fn n_due(connection: &Connection, of: SubscriptionId, most: u32, now: Timestamp) -> Result<u32, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT count(*) AS n FROM (SELECT 1 FROM deliveries
             WHERE subscription_id = ?1 AND state = 'pending' AND due_at <= ?2 LIMIT ?3)",
    )?;
    Ok(statement.query_row(params![of.0, now.millis(), most], |row| small(row, "n"))?)
}

/// Where a subscription's deliveries stand, from numbers that are kept anyway.
pub(crate) fn backlog(connection: &Connection, subscription: SubscriptionId) -> Result<Backlog, Error> {
    let mut statement =
        connection.prepare_cached("SELECT state, n FROM backlogs WHERE subscription_id = ?1 AND n > 0")?;
    let mut backlog = Backlog::default();
    let mut rows = statement.query([subscription.0])?;
    while let Some(row) = rows.next()? {
        let n = count(row, "n")?;
        match State::named(&row.get::<_, String>("state")?) {
            Some(State::Pending) => backlog.n_pending = n,
            Some(State::InFlight) => backlog.n_in_flight = n,
            Some(State::Parked) => backlog.n_parked = n,
            _ => {}
        }
    }
    if backlog.n_pending > 0 {
        let mut first = connection.prepare_cached(
            "SELECT min(due_at) AS due FROM deliveries WHERE subscription_id = ?1 AND state = 'pending'",
        )?;
        backlog.next_due_at = first.query_row([subscription.0], |row| super::maybe_time(row, "due"))?;
    }
    Ok(backlog)
}

/// The columns of a claimed delivery, in the order in which [`read`] expects them.
pub(super) const CLAIMED: &str = "id, event_id, subscription_id, company_id, kind, n_attempts, n_beside, retry_base_ms";

/// Reads a claimed delivery, by number: it is done for every attempt.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Claimed> {
    let kind = row.get_ref(4)?.as_str().ok().and_then(Kind::named);
    let base_ms: i64 = row.get(7)?;
    Ok(Claimed {
        id: DeliveryId(row.get(0)?),
        event: EventId(row.get(1)?),
        subscription: SubscriptionId(row.get(2)?),
        company: CompanyId(row.get(3)?),
        kind: kind.ok_or_else(|| unreadable("kind"))?,
        n_attempts: row.get(5)?,
        n_beside: row.get(6)?,
        schedule: Schedule { base: Duration::from_millis(u64::try_from(base_ms).unwrap_or(0)) },
    })
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

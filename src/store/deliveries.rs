//! Deliveries: the outbox. A claim is a lease, a row beside the delivery; what its holder says later counts only while the lease is its own.

use super::{Error, small, unreadable};
use crate::domain::delivery::{Kind, MAX_RETRY_AFTER, Schedule, State};
use crate::domain::ids::{CompanyId, DeliveryId, EventId, SubscriptionId};
use crate::domain::ramp::Ramp;
use crate::domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};
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

/// The longest wait of a schedule in steps of its base, unless more is asked for: the cap with all of its jitter.
const LONGEST_STEP: i64 = 480 * 12 / 10;

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

/// Whether somebody has a row of `deliveries` in hand.
pub(super) const IS_HELD: &str = "EXISTS (SELECT 1 FROM leases l WHERE l.delivery_id = deliveries.id)";

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
#[derive(Debug, Clone)]
pub(crate) struct Waiting {
    pub(crate) subscription: SubscriptionId,
    pub(crate) company: CompanyId,
    pub(crate) target_url: String,
    /// When the first of it is or was due.
    pub(crate) due_at: Timestamp,
    pub(crate) ramp: Ramp,
}

/// Subscriptions for which something waits, ascending. Hops along the index from one subscription to the next: what waits behind the first
/// costs nothing.
pub(crate) fn next_due(connection: &Connection) -> Result<Vec<Waiting>, Error> {
    let mut statement = connection.prepare_cached(&format!(
        "WITH RECURSIVE waiting (id) AS (
             SELECT min(subscription_id) FROM deliveries WHERE state = 'pending'
             UNION ALL
             SELECT (SELECT min(subscription_id) FROM deliveries WHERE state = 'pending' AND subscription_id > waiting.id)
             FROM waiting WHERE waiting.id IS NOT NULL
         ), dues (id, due) AS MATERIALIZED (
             SELECT id, (SELECT due_at FROM deliveries WHERE state = 'pending' AND subscription_id = waiting.id AND NOT {IS_HELD}
                         ORDER BY due_at LIMIT 1)
             FROM waiting WHERE id IS NOT NULL
         )
         SELECT dues.id AS id, due, company_id, target_url, ramp FROM dues JOIN subscriptions s ON s.id = dues.id WHERE due IS NOT NULL"
    ))?;
    let rows = statement.query_map([], |row| {
        Ok(Waiting {
            subscription: SubscriptionId(row.get("id")?),
            company: CompanyId(row.get("company_id")?),
            target_url: row.get("target_url")?,
            due_at: super::time(row, "due")?,
            ramp: Ramp::at(small(row, "ramp")?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// When the first delivery of a subscription is or was due that waits and is not under way.
pub(crate) fn next_due_of(connection: &Connection, of: SubscriptionId) -> Result<Option<Timestamp>, Error> {
    let mut first = connection.prepare_cached(&format!(
        "SELECT due_at AS due FROM deliveries WHERE subscription_id = ?1 AND state = 'pending' AND NOT {IS_HELD}
         ORDER BY due_at LIMIT 1"
    ))?;
    Ok(first.query_row([of.0], |row| super::time(row, "due")).optional()?)
}

/// Claims at most `limit` due deliveries of a subscription, most overdue first.
pub(crate) fn claim(
    connection: &Connection,
    subscription: SubscriptionId,
    limit: usize,
    lease: &Lease,
) -> Result<Vec<Claimed>, Error> {
    let mut due = connection.prepare_cached(&format!(
        "SELECT {CLAIMED} FROM deliveries
         WHERE subscription_id = ?1 AND state = 'pending' AND due_at <= ?2 AND NOT {IS_HELD} ORDER BY due_at, id LIMIT ?3"
    ))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = due.query_map(params![subscription.0, lease.now.millis(), limit], read)?;
    let claimed: Vec<Claimed> = rows.collect::<Result<_, _>>()?;
    for claimed in &claimed {
        hold(connection, claimed, lease)?;
    }
    Ok(claimed)
}

/// Takes a delivery in hand that nobody has.
pub(super) fn hold(connection: &Connection, claimed: &Claimed, lease: &Lease) -> Result<(), Error> {
    connection
        .prepare_cached("INSERT INTO leases (delivery_id, subscription_id, token, until) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![claimed.id.0, claimed.subscription.0, lease.token, lease.until.millis()])?;
    Ok(())
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
    if !let_go(connection, id, lease)? {
        return Ok(false);
    }
    connection
        .prepare_cached("UPDATE deliveries SET state = ?2, n_attempts = ?3, due_at = ?4 WHERE id = ?1")?
        .execute(params![id.0, state.name(), n_attempts, due.map(Timestamp::millis)])?;
    Ok(true)
}

/// Ends a claim as if it had not been made: the delivery stands as it stands. `false` if the lease is no longer `lease`.
pub(crate) fn let_go(connection: &Connection, id: DeliveryId, lease: &str) -> Result<bool, Error> {
    let mut statement = connection.prepare_cached("DELETE FROM leases WHERE delivery_id = ?1 AND token = ?2")?;
    Ok(statement.execute(params![id.0, lease])? == 1)
}

/// Ends every claim whose lease ended before `now`. The number ended.
pub(crate) fn release_expired(connection: &Connection, now: Timestamp) -> Result<usize, Error> {
    Ok(connection.prepare_cached("DELETE FROM leases WHERE until < ?1")?.execute([now.millis()])?)
}

/// Ends every claim: for a process that starts and knows that nobody else holds any. The number ended.
pub(crate) fn release_all(connection: &Connection) -> Result<usize, Error> {
    Ok(connection.prepare_cached("DELETE FROM leases")?.execute([])?)
}

/// Lets no lease end after `latest`: none can, unless the clock was set back. The number shortened.
pub(crate) fn clamp_leases(connection: &Connection, latest: Timestamp) -> Result<usize, Error> {
    let mut statement = connection.prepare_cached("UPDATE leases SET until = ?1 WHERE until > ?1")?;
    Ok(statement.execute([latest.millis()])?)
}

/// Moves every lease by a step of the clock, so that no claim under way is taken for one that was left. The number moved.
pub(crate) fn shift_leases(connection: &Connection, step: Duration) -> Result<usize, Error> {
    let mut statement = connection.prepare_cached("UPDATE leases SET until = until + ?1")?;
    Ok(statement.execute([millis(step)])?)
}

/// Moves what is due by a step that the clock was set back, so that nothing waits for longer than was planned. The number moved.
pub(crate) fn bring_forward(connection: &Connection, step: Duration) -> Result<usize, Error> {
    let mut statement =
        connection.prepare_cached("UPDATE deliveries SET due_at = due_at - ?1 WHERE state = 'pending'")?;
    Ok(statement.execute([millis(step)])?)
}

/// Lets nothing be due later than the longest step of its schedule, or than a receiver can ask for: for a process that starts and cannot know whether the clock was set back
/// while nobody looked. The number brought forward.
pub(crate) fn clamp_due(connection: &Connection, now: Timestamp) -> Result<usize, Error> {
    let mut statement = connection.prepare_cached(
        "UPDATE deliveries SET due_at = ?1 + max(retry_base_ms * ?2, ?3)
         WHERE state = 'pending' AND due_at > ?1 + max(retry_base_ms * ?2, ?3)",
    )?;
    Ok(statement.execute(params![now.millis(), LONGEST_STEP, millis(MAX_RETRY_AFTER)])?)
}

/// Parks what waits for a subscription that is being switched off, whoever has it in hand: once it is let go, it is parked. The number parked.
pub(crate) fn park(connection: &Connection, subscription: SubscriptionId) -> Result<usize, Error> {
    Ok(connection
        .prepare_cached(
            "UPDATE deliveries SET state = 'parked', due_at = NULL WHERE subscription_id = ?1 AND state = 'pending'",
        )?
        .execute([subscription.0])?)
}

/// Cancels what waits for a subscription that is being deleted, and forgets what was to be resent to it. The number cancelled.
pub(crate) fn cancel(connection: &Connection, subscription: SubscriptionId) -> Result<usize, Error> {
    connection.prepare_cached("DELETE FROM resends WHERE subscription_id = ?1")?.execute([subscription.0])?;
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
    let mut statement = connection.prepare_cached(&format!(
        "SELECT count(*) AS n FROM (SELECT 1 FROM deliveries
             WHERE subscription_id = ?1 AND state = 'pending' AND due_at <= ?2 AND NOT {IS_HELD} LIMIT ?3)"
    ))?;
    Ok(statement.query_row(params![of.0, now.millis(), most], |row| small(row, "n"))?)
}

/// Where a subscription's deliveries stand, from numbers that are kept anyway.
pub(crate) fn backlog(connection: &Connection, subscription: SubscriptionId) -> Result<Backlog, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT state, n FROM backlogs WHERE subscription_id = ?1 AND n > 0
         UNION ALL SELECT 'in_flight', count(*) FROM leases WHERE subscription_id = ?1
         UNION ALL SELECT d.state, -count(*) FROM leases l JOIN deliveries d ON d.id = l.delivery_id
             WHERE l.subscription_id = ?1 GROUP BY d.state",
    )?;
    let mut backlog = Backlog::default();
    let mut rows = statement.query([subscription.0])?;
    while let Some(row) = rows.next()? {
        let n: i64 = row.get("n")?;
        let of = match State::named(&row.get::<_, String>("state")?) {
            Some(State::Pending) => &mut backlog.n_pending,
            Some(State::InFlight) => &mut backlog.n_in_flight,
            Some(State::Parked) => &mut backlog.n_parked,
            _ => continue,
        };
        *of = of.saturating_add_signed(n);
    }
    if backlog.n_pending > 0 {
        backlog.next_due_at = next_due_of(connection, subscription)?;
    }
    Ok(backlog)
}

/// The earliest time at which a delivery that waits for an enabled subscription is due.
pub(crate) fn oldest_due(connection: &Connection) -> Result<Option<Timestamp>, Error> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT min((SELECT due_at FROM deliveries WHERE subscription_id = s.id AND state = 'pending' AND NOT {IS_HELD}
                     ORDER BY due_at LIMIT 1)) AS due
         FROM subscriptions s WHERE s.deleted_at IS NULL AND s.disabled_reason IS NULL"
    ))?;
    Ok(statement.query_row([], |row| super::maybe_time(row, "due"))?)
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

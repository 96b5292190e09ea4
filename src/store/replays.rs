//! Replays: the plans and their selected deliveries. A delivery that was enqueued or skipped is removed from the
//! selection in the same transaction.

use super::delivery_counts::{self, CountChanges};
use super::paging::{PagedQuery, add_condition, id_range_of_times};
use super::{Error, count, optional_time, small_count, time, unreadable};
use crate::domain::delivery::DeliveryState;
use crate::domain::ids::{CompanyId, DeliveryId, ReplayId, SubscriptionId};
use crate::domain::log::{PageSpec, RowPage};
use crate::domain::replay::{Replay, ReplayCounts, ReplaySelection, ReplayState};
use crate::domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, named_params, params};

/// A selected delivery that was not processed yet.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ReplayItem {
    pub(crate) delivery: DeliveryId,
    pub(crate) selected: DeliveryState,
    /// Current state; `None` if the delivery is no longer stored.
    pub(crate) now: Option<DeliveryState>,
}

/// A running replay of an enabled subscription.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RunningReplay {
    pub(crate) id: ReplayId,
    pub(crate) subscription: SubscriptionId,
    pub(crate) per_second: u32,
}

/// Inserts a replay without a selection; `replay.id` and its progress are ignored.
pub(crate) fn insert(connection: &Connection, replay: &Replay) -> Result<ReplayId, Error> {
    let states: Vec<&str> = replay.selection.states.iter().map(|state| state.name()).collect();
    connection
        .prepare_cached(
            "INSERT INTO replays (subscription_id, company_id, state, since_at, until_at, states, per_second, requested_by, created_at)
             VALUES (:subscription, :company, :phase, :since, :until, :states, :per_second, :by, :now)",
        )?
        .execute(named_params! {
            ":subscription": replay.subscription.0, ":company": replay.company.0, ":phase": replay.state.name(),
            ":since": replay.selection.since.millis(), ":until": replay.selection.until.millis(), ":states": states.join(","),
            ":per_second": replay.per_second, ":by": replay.requested_by, ":now": replay.created_at.millis(),
        })?;
    Ok(ReplayId(connection.last_insert_rowid()))
}

/// SQL that selects a subscription's deliveries in a state within a time range. Succeeded ones are bounded by the
/// sparse time index of the log; all others have an index of their own.
fn selection_sql(
    connection: &Connection,
    choice: &ReplaySelection,
    state: DeliveryState,
) -> Result<(String, i64, i64), Error> {
    let name = state.name();
    let (index, above, below) = match state {
        DeliveryState::Succeeded => {
            let (above, below) =
                id_range_of_times(connection, "deliveries", "created_at", Some(choice.since), Some(choice.until))?;
            ("deliveries_subscription", above, below)
        }
        _ => ("deliveries_replayable", -1, i64::MAX),
    };
    let from = format!(
        "FROM deliveries INDEXED BY {index} WHERE subscription_id = :subscription AND state = '{name}'
             AND created_at >= :since AND created_at < :until AND id > :above AND id < :below"
    );
    Ok((from, above, below))
}

/// Counts the deliveries that a selection matches, by state.
pub(crate) fn counts(
    connection: &Connection,
    of: SubscriptionId,
    choice: &ReplaySelection,
) -> Result<Vec<(DeliveryState, u64)>, Error> {
    let mut counts = Vec::new();
    for &state in &choice.states {
        let (from, above, below) = selection_sql(connection, choice, state)?;
        let mut statement = connection.prepare_cached(&format!("SELECT count(*) AS n {from}"))?;
        let named = named_params! {
            ":subscription": of.0, ":since": choice.since.millis(), ":until": choice.until.millis(), ":above": above, ":below": below,
        };
        counts.push((state, statement.query_row(named, |row| count(row, "n"))?));
    }
    Ok(counts)
}

/// Stores the deliveries that a selection matches. Returns the number selected.
pub(crate) fn select(
    connection: &Connection,
    id: ReplayId,
    of: SubscriptionId,
    choice: &ReplaySelection,
) -> Result<u64, Error> {
    let mut n_selected = 0;
    for &state in &choice.states {
        let (from, above, below) = selection_sql(connection, choice, state)?;
        let mut statement = connection.prepare_cached(&format!(
            "INSERT INTO replay_items (replay_id, delivery_id, state) SELECT :id, id, state {from}"
        ))?;
        n_selected += statement.execute(named_params! {
            ":id": id.0, ":subscription": of.0, ":since": choice.since.millis(), ":until": choice.until.millis(), ":above": above,
            ":below": below,
        })?;
    }
    set_n_selected(connection, id, n_selected)
}

/// Selects the deliveries that a subscription missed since it was disabled, by delivery number and not by time. Returns
/// the number selected.
pub(crate) fn select_missed(connection: &Connection, id: ReplayId, of: SubscriptionId) -> Result<u64, Error> {
    let n_selected = connection
        .prepare_cached(
            "INSERT INTO replay_items (replay_id, delivery_id, state) SELECT ?1, id, state FROM deliveries INDEXED BY deliveries_replayable
             WHERE subscription_id = ?2 AND state = 'missed' AND id > (SELECT missed_after_delivery_id FROM subscriptions s WHERE s.id = ?2)",
        )?
        .execute(params![id.0, of.0])?;
    set_n_selected(connection, id, n_selected)
}

fn set_n_selected(connection: &Connection, id: ReplayId, n: usize) -> Result<u64, Error> {
    let n = i64::try_from(n).unwrap_or(i64::MAX);
    connection.prepare_cached("UPDATE replays SET n_selected = ?2 WHERE id = ?1")?.execute([id.0, n])?;
    Ok(u64::try_from(n).unwrap_or(0))
}

/// Lists the running replays of enabled subscriptions, oldest first.
pub(crate) fn running(connection: &Connection) -> Result<Vec<RunningReplay>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT r.id, r.subscription_id, r.per_second FROM replays r JOIN subscriptions s ON s.id = r.subscription_id
         WHERE r.state = 'running' AND s.disabled_reason IS NULL AND s.deleted_at IS NULL ORDER BY r.id",
    )?;
    let rows = statement.query_map([], |row| {
        Ok(RunningReplay {
            id: ReplayId(row.get("id")?),
            subscription: SubscriptionId(row.get("subscription_id")?),
            per_second: small_count(row, "per_second")?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Lists at most `limit` selected deliveries that are not leased, by ascending number.
pub(crate) fn next_items(connection: &Connection, id: ReplayId, limit: u32) -> Result<Vec<ReplayItem>, Error> {
    let mut statement = connection.prepare_cached(
        "SELECT p.delivery_id, p.state, d.state AS now FROM replay_items p LEFT JOIN deliveries d ON d.id = p.delivery_id
         WHERE p.replay_id = ?1 AND NOT EXISTS (SELECT 1 FROM leases l WHERE l.delivery_id = p.delivery_id)
         ORDER BY p.delivery_id LIMIT ?2",
    )?;
    let rows = statement.query_map([id.0, i64::from(limit)], |row| {
        let now: Option<String> = row.get("now")?;
        Ok(ReplayItem {
            delivery: DeliveryId(row.get("delivery_id")?),
            selected: state(row, "state")?,
            now: now.map(|name| DeliveryState::named(&name).ok_or_else(|| unreadable("state"))).transpose()?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Enqueues a delivery as part of a replay: due at `now`, with all its retries.
pub(crate) fn enqueue(connection: &Connection, of: ReplayId, id: DeliveryId, now: Timestamp) -> Result<(), Error> {
    let before = delivery_counts::counted_as(connection, id)?;
    let n = connection
        .prepare_cached(
            "UPDATE deliveries SET state = 'pending', kind = 'replay', due_at = ?3, n_uncounted = n_attempts, replay_id = ?2
             WHERE id = ?1 AND state IN ('missed', 'exhausted', 'on_hold', 'succeeded')",
        )?
        .execute(params![id.0, of.0, now.millis()])?;
    let mut counts = CountChanges::default();
    if let Some((subscription, state)) = before {
        counts.transfer(subscription, (state, DeliveryState::Pending), n);
    }
    counts.commit(connection)
}

/// Removes a delivery from the selection of a replay.
pub(crate) fn remove_item(connection: &Connection, of: ReplayId, id: DeliveryId) -> Result<(), Error> {
    connection
        .prepare_cached("DELETE FROM replay_items WHERE replay_id = ?1 AND delivery_id = ?2")?
        .execute([of.0, id.0])?;
    Ok(())
}

/// Adds to the progress of a replay, and finishes the replay when its selection is empty.
pub(crate) fn add_progress(
    connection: &Connection,
    id: ReplayId,
    (n_taken, n_passed): (u32, u32),
    now: Timestamp,
) -> Result<(), Error> {
    connection
        .prepare_cached("UPDATE replays SET n_enqueued = n_enqueued + ?2, n_skipped = n_skipped + ?3 WHERE id = ?1")?
        .execute(params![id.0, n_taken, n_passed])?;
    connection
        .prepare_cached(
            "UPDATE replays SET state = 'finished', ended_at = ?2
             WHERE id = ?1 AND state = 'running' AND NOT EXISTS (SELECT 1 FROM replay_items p WHERE p.replay_id = ?1)",
        )?
        .execute(params![id.0, now.millis()])?;
    Ok(())
}

/// Counts the outcome of a delivery that a replay enqueued.
pub(crate) fn count_outcome(connection: &Connection, id: DeliveryId, at: DeliveryState) -> Result<(), Error> {
    let column = if at == DeliveryState::Succeeded { "n_succeeded" } else { "n_exhausted" };
    connection
        .prepare_cached(&format!(
            "UPDATE replays SET {column} = {column} + 1 WHERE id = (SELECT replay_id FROM deliveries WHERE id = ?1)"
        ))?
        .execute([id.0])?;
    Ok(())
}

/// Sets the state of a replay; cancelling deletes its selection.
pub(crate) fn set_state(
    connection: &Connection,
    id: ReplayId,
    phase: ReplayState,
    now: Timestamp,
) -> Result<(), Error> {
    let ended_at = matches!(phase, ReplayState::Cancelled | ReplayState::Finished).then(|| now.millis());
    connection.prepare_cached("UPDATE replays SET state = ?2, ended_at = ?3 WHERE id = ?1")?.execute(params![
        id.0,
        phase.name(),
        ended_at
    ])?;
    if phase == ReplayState::Cancelled {
        connection.prepare_cached("DELETE FROM replay_items WHERE replay_id = ?1")?.execute([id.0])?;
    }
    Ok(())
}

/// Lists the replays of a subscription that are running or paused.
pub(crate) fn list_open(connection: &Connection, of: SubscriptionId) -> Result<Vec<ReplayId>, Error> {
    let mut statement = connection
        .prepare_cached("SELECT id FROM replays WHERE subscription_id = ?1 AND state IN ('running', 'paused')")?;
    Ok(statement.query_map([of.0], |row| row.get(0).map(ReplayId))?.collect::<Result<_, _>>()?)
}

/// Returns the replay with this id.
pub(crate) fn get(connection: &Connection, id: ReplayId) -> Result<Option<Replay>, Error> {
    Ok(connection.prepare_cached("SELECT * FROM replays WHERE id = ?1")?.query_row([id.0], read).optional()?)
}

/// Returns a page of replays of one subscription or of all, newest first.
pub(crate) fn list(
    connection: &Connection,
    subscription: Option<SubscriptionId>,
    span: &PageSpec,
) -> Result<RowPage<Replay>, Error> {
    let mut seek = Vec::new();
    add_condition(&mut seek, "subscription_id = ?", subscription.map(|id| id.0));
    let log = PagedQuery {
        table: if subscription.is_some() { "replays INDEXED BY replays_subscription" } else { "replays" },
        columns: "*",
        computed: "",
        time: "created_at",
        index_conditions: seek,
        row_conditions: Vec::new(),
    };
    log.page(connection, span, read, |replay| replay.id.0)
}

fn state(row: &Row<'_>, column: &str) -> rusqlite::Result<DeliveryState> {
    DeliveryState::named(&row.get::<_, String>(column)?).ok_or_else(|| unreadable(column))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Replay> {
    let states: Option<Vec<DeliveryState>> =
        row.get::<_, String>("states")?.split(',').map(DeliveryState::named).collect();
    Ok(Replay {
        id: ReplayId(row.get("id")?),
        subscription: SubscriptionId(row.get("subscription_id")?),
        company: CompanyId(row.get("company_id")?),
        state: ReplayState::named(&row.get::<_, String>("state")?).ok_or_else(|| unreadable("state"))?,
        selection: ReplaySelection {
            since: time(row, "since_at")?,
            until: time(row, "until_at")?,
            states: states.ok_or_else(|| unreadable("states"))?,
        },
        per_second: small_count(row, "per_second")?,
        progress: ReplayCounts {
            n_selected: count(row, "n_selected")?,
            n_enqueued: count(row, "n_enqueued")?,
            n_skipped: count(row, "n_skipped")?,
            n_succeeded: count(row, "n_succeeded")?,
            n_exhausted: count(row, "n_exhausted")?,
        },
        requested_by: row.get("requested_by")?,
        created_at: time(row, "created_at")?,
        ended_at: optional_time(row, "ended_at")?,
    })
}

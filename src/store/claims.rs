//! Claims of due deliveries: what waits by subscription, and leases of the first of it. The cost depends on what is
//! claimed, not on what waits.

use super::deliveries::{IS_LEASED, Lease, LeasedDelivery, QueuePosition, read_leased};
use super::row_sets::{RowSet, sets};
use super::{Error, events, optional_time};
use crate::domain::delivery::AttemptKind;
use crate::domain::event::Event;
use crate::domain::ids::{CompanyId, DeliveryId, SubscriptionId};
use crate::domain::slots::slots_of_body;
use crate::domain::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Row, params};

/// A claimed delivery with its event.
#[derive(Debug)]
pub(crate) struct ClaimedDelivery {
    pub(crate) delivery: LeasedDelivery,
    /// Place in the queue of its subscription.
    pub(crate) position: QueuePosition,
    /// Event of the delivery; `Err` if the event is missing or cannot be read.
    pub(crate) event: Result<Event, Error>,
}

impl ClaimedDelivery {
    /// Number of slots that the attempt occupies; one if the event cannot be read.
    pub(crate) fn n_slots(&self) -> usize {
        slots_of_body(self.event.as_ref().map_or(0, |event| event.body.len()))
    }
}

/// Columns of a claimed delivery and its event, as [`read_claimed`] reads them.
const CLAIMED_COLUMNS: &str = "deliveries.id, event_id, deliveries.subscription_id, deliveries.company_id, deliveries.kind, n_attempts, n_uncounted, \
                               retry_base_ms, coalesce(due_at, 0), e.company_id, e.kind, e.created_at, e.body";

fn read_claimed(row: &Row<'_>) -> rusqlite::Result<ClaimedDelivery> {
    let delivery = read_leased(row)?;
    let position = QueuePosition { due_at: super::time(row, 8)?, delivery: delivery.id };
    let event = events::read_at(row, delivery.event, 9).map_err(Error::from);
    Ok(ClaimedDelivery { delivery, position, event })
}

/// Claims due deliveries of a subscription, most overdue first, until they occupy `n_slots` slots or more. Those up to
/// `after` are not looked at.
pub(crate) fn claim(
    connection: &Connection,
    subscription: SubscriptionId,
    (after, n_slots): (QueuePosition, usize),
    now: Timestamp,
) -> Result<Vec<ClaimedDelivery>, Error> {
    let mut due = connection.prepare_cached(&format!(
        "SELECT {CLAIMED_COLUMNS} FROM deliveries LEFT JOIN events e ON e.id = event_id
         WHERE subscription_id = ?1 AND state = 'pending' AND due_at BETWEEN ?2 AND ?3 AND (due_at > ?2 OR deliveries.id > ?4)
             AND NOT {IS_LEASED}
         ORDER BY due_at, deliveries.id LIMIT ?5"
    ))?;
    let limit = i64::try_from(n_slots).unwrap_or(i64::MAX);
    let parameters = params![subscription.0, after.due_at.millis(), now.millis(), after.delivery.0, limit];
    take_slots(due.query(parameters)?, n_slots)
}

/// Claims deliveries of a subscription for their resends, by ascending number, until they occupy `n_slots` slots or
/// more. Leased deliveries are left for later.
pub(crate) fn claim_resends(
    connection: &Connection,
    subscription: SubscriptionId,
    n_slots: usize,
) -> Result<Vec<ClaimedDelivery>, Error> {
    let mut asked = connection.prepare_cached(&format!(
        "SELECT {CLAIMED_COLUMNS} FROM (SELECT delivery_id AS asked FROM resends WHERE subscription_id = ?1)
             CROSS JOIN deliveries ON deliveries.id = asked LEFT JOIN events e ON e.id = event_id
         WHERE NOT {IS_LEASED} ORDER BY asked LIMIT ?2"
    ))?;
    let limit = i64::try_from(n_slots).unwrap_or(i64::MAX);
    let mut claimed = take_slots(asked.query(params![subscription.0, limit])?, n_slots)?;
    for of in &mut claimed {
        of.delivery.kind = AttemptKind::Resend;
    }
    Ok(claimed)
}

fn take_slots(mut rows: rusqlite::Rows<'_>, n_slots: usize) -> Result<Vec<ClaimedDelivery>, Error> {
    let (mut claimed, mut n_taken) = (Vec::new(), 0);
    while n_taken < n_slots
        && let Some(row) = rows.next()?
    {
        let next = read_claimed(row)?;
        n_taken += next.n_slots();
        claimed.push(next);
    }
    Ok(claimed)
}

/// Leases deliveries that are not leased. A delivery keeps its state while it is leased: an expired lease is undone by
/// deleting its row.
pub(crate) fn lease(
    connection: &Connection,
    claimed: &[(DeliveryId, SubscriptionId)],
    lease: &Lease,
) -> Result<(), Error> {
    const INSERT: RowSet = RowSet {
        before: "INSERT INTO leases (token, until, delivery_id, subscription_id) VALUES ",
        row: "(?1, ?2, ?, ?)",
        after: "",
    };
    for set in sets(claimed) {
        let mut insert = INSERT.prepare(connection, set.len())?;
        insert.raw_bind_parameter(1, &*lease.token)?;
        insert.raw_bind_parameter(2, lease.until.millis())?;
        for (n, (id, of)) in set.iter().enumerate() {
            insert.raw_bind_parameter(3 + 2 * n, id.0)?;
            insert.raw_bind_parameter(4 + 2 * n, of.0)?;
        }
        insert.raw_execute()?;
    }
    Ok(())
}

/// What waits of a subscription that is not deleted.
#[derive(Debug, Clone)]
pub(crate) struct WaitingSubscription {
    pub(crate) subscription: SubscriptionId,
    pub(crate) company: CompanyId,
    pub(crate) target_url: String,
    /// Time of the last change of the subscription.
    pub(crate) changed_at: Timestamp,
    /// Time at which the first unleased pending delivery is or was due.
    pub(crate) next_due_at: Option<Timestamp>,
    /// Whether an operator requested resends.
    pub(crate) has_resends: bool,
}

/// Subscription `s` with what waits of it, as [`read_waiting`] reads it. Leased deliveries are skipped one by one.
fn waiting_columns() -> String {
    format!(
        "s.id, s.company_id, s.target_url, s.updated_at,
         (SELECT due_at FROM deliveries WHERE subscription_id = s.id AND state = 'pending' AND NOT {IS_LEASED} ORDER BY due_at LIMIT 1),
         EXISTS (SELECT 1 FROM resends r WHERE r.subscription_id = s.id)"
    )
}

fn read_waiting(row: &Row<'_>) -> rusqlite::Result<WaitingSubscription> {
    Ok(WaitingSubscription {
        subscription: SubscriptionId(row.get(0)?),
        company: CompanyId(row.get(1)?),
        target_url: row.get(2)?,
        changed_at: super::time(row, 3)?,
        next_due_at: optional_time(row, 4)?,
        has_resends: row.get(5)?,
    })
}

/// Reads what waits of a subscription; `None` if it does not exist.
pub(crate) fn waiting(connection: &Connection, of: SubscriptionId) -> Result<Option<WaitingSubscription>, Error> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {} FROM subscriptions s WHERE s.id = ?1", waiting_columns()))?;
    Ok(statement.query_row([of.0], read_waiting).optional()?)
}

/// Lists at most `limit` subscriptions above `after` with pending deliveries or requested resends, by ascending number.
/// A recursive query skips along the indexes from one subscription to the next, so that the length of a backlog costs
/// nothing.
pub(crate) fn list_waiting(
    connection: &Connection,
    after: SubscriptionId,
    limit: u32,
) -> Result<Vec<WaitingSubscription>, Error> {
    const NEXT: &str = "(SELECT min(id) FROM (SELECT min(subscription_id) AS id FROM deliveries WHERE state = 'pending' AND subscription_id > waiting.id
             UNION ALL SELECT min(subscription_id) FROM resends WHERE subscription_id > waiting.id))";
    let mut statement = connection.prepare_cached(&format!(
        "WITH RECURSIVE waiting (id, n) AS (
             SELECT ?1, 0 UNION ALL SELECT {NEXT}, n + 1 FROM waiting WHERE waiting.id IS NOT NULL AND n < ?2
         )
         SELECT {} FROM waiting CROSS JOIN subscriptions s ON s.id = waiting.id WHERE n > 0",
        waiting_columns()
    ))?;
    Ok(statement.query_map(params![after.0, limit], read_waiting)?.collect::<Result<_, _>>()?)
}

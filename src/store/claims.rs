//! Claims of due deliveries: leases them and reads their events in one statement.

use super::deliveries::{IS_LEASED, Lease, LeasedDelivery, insert_lease, read_leased};
use super::{Error, events};
use crate::domain::event::Event;
use crate::domain::ids::SubscriptionId;
use crate::domain::slots::slots_of_body;
use crate::domain::time::Timestamp;
use rusqlite::{Connection, params};

/// A claimed delivery with its event.
#[derive(Debug)]
pub(crate) struct ClaimedDelivery {
    pub(crate) delivery: LeasedDelivery,
    /// Event of the delivery; `Err` if the event is missing or cannot be read.
    pub(crate) event: Result<Event, Error>,
}

impl ClaimedDelivery {
    /// Number of slots that the attempt occupies; one if the event cannot be read.
    pub(crate) fn n_slots(&self) -> usize {
        slots_of_body(self.event.as_ref().map_or(0, |event| event.body.len()))
    }
}

/// Claims due deliveries of a subscription, most overdue first, until they occupy `n_slots` slots or more. No unleased
/// delivery is due before `first_due_at`: leased ones up to there are not read.
pub(crate) fn claim(
    connection: &Connection,
    subscription: SubscriptionId,
    (first_due_at, n_slots): (Timestamp, usize),
    lease: &Lease,
) -> Result<Vec<ClaimedDelivery>, Error> {
    let mut due = connection.prepare_cached(&format!(
        "SELECT deliveries.id, event_id, subscription_id, deliveries.company_id, deliveries.kind, n_attempts, n_uncounted, retry_base_ms,
             e.company_id, e.kind, e.created_at, e.body
         FROM deliveries LEFT JOIN events e ON e.id = event_id
         WHERE subscription_id = ?1 AND state = 'pending' AND due_at BETWEEN ?2 AND ?3 AND NOT {IS_LEASED}
         ORDER BY due_at, deliveries.id LIMIT ?4"
    ))?;
    let limit = i64::try_from(n_slots).unwrap_or(i64::MAX);
    let mut rows = due.query(params![subscription.0, first_due_at.millis(), lease.now.millis(), limit])?;
    let (mut claimed, mut n_taken): (Vec<ClaimedDelivery>, usize) = (Vec::new(), 0);
    while n_taken < n_slots
        && let Some(row) = rows.next()?
    {
        let delivery = read_leased(row)?;
        let event = events::read_at(row, delivery.event, 8).map_err(Error::from);
        let next = ClaimedDelivery { delivery, event };
        n_taken += next.n_slots();
        claimed.push(next);
    }
    // The delivery keeps its state while leased: an expired lease is undone by deleting its row.
    for of in &claimed {
        insert_lease(connection, &of.delivery, lease)?;
    }
    Ok(claimed)
}

//! Rows that every publication of an event reads or changes: the head of the audit trail, the number of the last event,
//! the bytes of a company's events, its subscriptions, and the counts of deliveries. The publications of one commit
//! share them, so that each row is read and written once a commit, not once an event.

use super::audit::{AuditChain, AuditEntry};
use super::deliveries::{self, LeasedDelivery};
use super::delivery_counts::CountChanges;
use super::{Error, PlatformStore, TransactionError, event_quota, events, subscriptions};
use crate::database;
use crate::database::shared_rows::SharedRows;
use crate::domain::audit::AuditKey;
use crate::domain::delivery::DeliveryState;
use crate::domain::event::Event;
use crate::domain::ids::{CompanyId, EventId, SubscriptionId};
use crate::domain::subscription::WebhookSubscription;
use crate::domain::time::Timestamp;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

/// Shared rows of the publications of one commit.
#[derive(Debug, Clone, Default)]
pub(crate) struct PublicationRows {
    /// Number of the last event.
    last_event: Option<EventId>,
    /// Bytes of events by company, and the added ones that are not yet written.
    event_bytes: BTreeMap<CompanyId, EventBytes>,
    subscriptions: BTreeMap<CompanyId, Arc<[WebhookSubscription]>>,
    audit: Option<AuditChain>,
    /// Changed counts of deliveries.
    counts: CountChanges,
}

#[derive(Debug, Clone, Copy)]
struct EventBytes {
    n_bytes: u64,
    n_added: u64,
}

/// Delivery that a publication made due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DueDelivery {
    pub(crate) subscription: SubscriptionId,
    pub(crate) due_at: Timestamp,
}

/// Transaction that publishes events, with the rows that it shares.
#[derive(Debug)]
pub(crate) struct Publication<'a> {
    pub(crate) connection: &'a Connection,
    rows: &'a mut PublicationRows,
    /// Deliveries that are due once the transaction is committed.
    due: Vec<DueDelivery>,
}

impl PlatformStore {
    /// Runs `work` like [`PlatformStore::write`], with the rows that the publications of one commit share. Returns its
    /// result with the deliveries that are due.
    ///
    /// # Errors
    /// The error of `work`, or a contention error at once if the queue has no place at this priority.
    pub(crate) async fn publish<T, E, F>(&self, work: F) -> Result<(T, Vec<DueDelivery>), E>
    where
        F: FnOnce(&mut Publication<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: TransactionError,
    {
        self.check_reserve()?;
        let work = |connection: &Connection, rows: &mut PublicationRows| {
            let mut publication = Publication::new(connection, rows);
            let done = work(&mut publication)?;
            Ok((done, publication.into_due()))
        };
        self.record_write_fault(self.database.write_sharing(self.priority, work).await)
    }
}

impl PublicationRows {
    fn write_all(&mut self, connection: &Connection) -> Result<(), Error> {
        if let Some(last) = self.last_event {
            events::set_last_id(connection, last)?;
        }
        for (company, EventBytes { n_added, .. }) in std::mem::take(&mut self.event_bytes) {
            event_quota::add(connection, company, n_added)?;
        }
        if let Some(chain) = &self.audit {
            chain.write_head(connection)?;
        }
        std::mem::take(&mut self.counts).commit(connection)
    }
}

impl SharedRows for PublicationRows {
    fn write(&mut self, connection: &Connection) -> Result<(), database::error::Error> {
        self.write_all(connection).map_err(|error| match error {
            Error::Sqlite(error) => error,
            Error::Unreadable(_) => database::error::Error::Panicked,
        })
    }
}

impl<'a> Publication<'a> {
    const fn new(connection: &'a Connection, rows: &'a mut PublicationRows) -> Self {
        Self { connection, rows, due: Vec::new() }
    }

    /// Deliveries that are due once the transaction is committed.
    fn into_due(self) -> Vec<DueDelivery> {
        self.due
    }

    /// Assigns the number of the next event, which must be inserted in the same transaction.
    pub(crate) fn next_event(&mut self) -> Result<EventId, Error> {
        let last = match self.rows.last_event {
            Some(last) => last,
            None => events::last_id(self.connection)?,
        };
        let next = EventId(last.0 + 1);
        self.rows.last_event = Some(next);
        Ok(next)
    }

    /// Counts an event with an envelope of `n_body` bytes, which must be inserted in the same transaction. Returns the
    /// bytes of the company's events with it.
    pub(crate) fn count_event(&mut self, of: CompanyId, n_body: usize) -> Result<u64, Error> {
        let n_added = event_quota::event_bytes(n_body);
        let known = match self.rows.event_bytes.entry(of) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                place.insert(EventBytes { n_bytes: event_quota::size(self.connection, of)?, n_added: 0 })
            }
        };
        known.n_bytes += n_added;
        known.n_added += n_added;
        Ok(known.n_bytes)
    }

    /// Inserts an event with its envelope.
    pub(crate) fn insert_event(&mut self, event: &Event) -> Result<(), Error> {
        events::insert(self.connection, event)
    }

    /// Subscriptions of a company that are not deleted, oldest first.
    pub(crate) fn subscriptions(&mut self, company: CompanyId) -> Result<Arc<[WebhookSubscription]>, Error> {
        Ok(Arc::clone(match self.rows.subscriptions.entry(company) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => place.insert(subscriptions::all(self.connection, Some(company))?.into()),
        }))
    }

    /// Inserts the delivery of an event to a subscription: due at once, or missed.
    pub(crate) fn insert_delivery(
        &mut self,
        delivery: &LeasedDelivery,
        state: DeliveryState,
        now: Timestamp,
    ) -> Result<(), Error> {
        deliveries::insert(self.connection, delivery, state, now)?;
        self.rows.counts.add(delivery.subscription, state, 1);
        if state == DeliveryState::Pending {
            self.due.push(DueDelivery { subscription: delivery.subscription, due_at: now });
        }
        Ok(())
    }

    /// Appends a change to the audit trail.
    pub(crate) fn append_audit_row(&mut self, key: &AuditKey, entry: &AuditEntry<'_>) -> Result<(), Error> {
        let chain = match &mut self.rows.audit {
            Some(chain) => chain,
            unread => unread.insert(AuditChain::read(self.connection, key)?),
        };
        chain.append(self.connection, entry)
    }
}

/// Runs a publication as the only job of its commit. Returns its result with the deliveries that are due.
#[cfg(test)]
pub(crate) fn publish_alone<T, E: From<Error>>(
    connection: &Connection,
    work: impl FnOnce(&mut Publication<'_>) -> Result<T, E>,
) -> Result<(T, Vec<DueDelivery>), E> {
    let mut rows = PublicationRows::default();
    let mut publication = Publication::new(connection, &mut rows);
    let done = work(&mut publication)?;
    let due = publication.into_due();
    rows.write_all(connection)?;
    Ok((done, due))
}

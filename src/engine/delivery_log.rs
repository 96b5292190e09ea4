//! Delivery log queries of operators: deliveries, events, trips, and the trace of one event.

use super::error::Error;
use super::handle::Engine;
use crate::domain::attempt::Attempt;
use crate::domain::delivery::DeliveryState;
use crate::domain::event::{Event, EventType};
use crate::domain::ids::{CompanyId, DeliveryId, EventId, SubscriptionId};
use crate::domain::log::{
    AttemptFilter, DeliveryFilter, DeliverySummary, EventSummary, PagePosition, PageSpec, RowPage,
};
use crate::domain::subscription::WebhookSubscription;
use crate::domain::time::Timestamp;
use crate::domain::trip::Trip;
use crate::store;
use rusqlite::Connection;

/// Maximum number of attempts returned with a delivery.
const MAX_LISTED_ATTEMPTS: u32 = 200;

/// Reason why a subscription has a delivery of an event, or has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MatchOutcome {
    /// Subscribed to the event type and enabled.
    Matched,
    /// Subscribed to the event type but disabled; the event was missed.
    Disabled,
    /// Not subscribed to the event type then.
    OtherType,
    /// Created only after the event was published.
    CreatedLater,
    /// Deleted before the event was published.
    Deleted,
    /// Subscribed to the event type, but the delivery has expired from the log.
    Expired,
}

/// Match result of one subscription in an event trace.
#[derive(Debug, Clone)]
pub struct TracedSubscription {
    /// Number of the traced subscription.
    pub id: SubscriptionId,
    /// Current target, or the last target of a deleted subscription.
    pub target_url: String,
    /// Reason for the delivery, or for its absence.
    pub outcome: MatchOutcome,
    /// Delivery of the event to this subscription, if the log has one.
    pub delivery: Option<DeliverySummary>,
}

/// Trace of an event over the subscriptions of its company.
#[derive(Debug, Clone)]
pub struct EventTrace {
    /// Event that is traced, without its envelope.
    pub event: EventSummary,
    /// All subscriptions the company has or had, those with deliveries first.
    pub subscriptions: Vec<TracedSubscription>,
}

impl Engine {
    /// Reads a page of deliveries, newest first.
    ///
    /// # Errors
    /// [`Error`] when the database cannot be read.
    pub async fn deliveries(&self, wanted: DeliveryFilter, span: PageSpec) -> Result<RowPage<DeliverySummary>, Error> {
        self.shared
            .store
            .read(move |connection| store::delivery_log::deliveries(connection, &wanted, &span))
            .await
            .map_err(Error::from)
    }

    /// Reads one delivery with its latest 200 attempts, newest first.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error`] when the database cannot be read.
    pub async fn delivery(&self, id: DeliveryId) -> Result<(DeliverySummary, Vec<Attempt>), Error> {
        let found = self
            .shared
            .store
            .read(move |connection| {
                let Some(delivery) = store::delivery_log::delivery(connection, id)? else { return Ok(None) };
                let wanted = AttemptFilter { delivery: Some(id), ..AttemptFilter::default() };
                let span =
                    PageSpec { since: None, until: None, start: PagePosition::Newest, limit: MAX_LISTED_ATTEMPTS };
                Ok::<_, store::Error>(Some((delivery, store::attempts::list(connection, &wanted, &span)?.items)))
            })
            .await?;
        found.ok_or_else(|| Error::NotFound(format!("delivery {id}")))
    }

    /// Reads a page of events of one company or of all, newest first.
    ///
    /// # Errors
    /// [`Error`] when the database cannot be read.
    pub async fn event_summaries(
        &self,
        company: Option<CompanyId>,
        kind: Option<EventType>,
        span: PageSpec,
    ) -> Result<RowPage<EventSummary>, Error> {
        self.shared
            .store
            .read(move |connection| store::delivery_log::events(connection, company, kind, &span))
            .await
            .map_err(Error::from)
    }

    /// Reads one event with its envelope.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error`] when the database cannot be read.
    pub async fn event(&self, id: EventId) -> Result<(EventSummary, Vec<u8>), Error> {
        let found = self
            .shared
            .store
            .read(move |connection| {
                let Some(event) = store::events::get(connection, id)? else { return Ok(None) };
                let n_deliveries = store::delivery_log::deliveries_of(connection, id)?.len();
                Ok::<_, store::Error>(Some((event_summary(&event, n_deliveries), event.body)))
            })
            .await?;
        found.ok_or_else(|| Error::NotFound(format!("event {id}")))
    }

    /// Traces an event: every subscription of its company with its delivery, or with the reason for having none.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error`] when the database cannot be read.
    pub async fn trace_event(&self, id: EventId) -> Result<EventTrace, Error> {
        let found = self.shared.store.read(move |connection| build_trace(connection, id)).await?;
        found.ok_or_else(|| Error::NotFound(format!("event {id}")))
    }

    /// Reads a page of breaker trips, newest first.
    ///
    /// # Errors
    /// [`Error`] when the database cannot be read.
    pub async fn trip_log(
        &self,
        company: Option<CompanyId>,
        subscription: Option<SubscriptionId>,
        span: PageSpec,
    ) -> Result<RowPage<Trip>, Error> {
        self.shared
            .store
            .read(move |connection| store::trips::list(connection, company, subscription, &span))
            .await
            .map_err(Error::from)
    }
}

fn build_trace(connection: &Connection, id: EventId) -> Result<Option<EventTrace>, store::Error> {
    let Some(event) = store::events::get(connection, id)? else { return Ok(None) };
    let mut deliveries = store::delivery_log::deliveries_of(connection, id)?;
    let n_deliveries = deliveries.len();
    let mut traced = Vec::new();
    for (subscription, deleted_at) in store::subscriptions::list_including_deleted(connection, event.company)? {
        let position = deliveries.iter().position(|delivery| delivery.subscription == subscription.id);
        let delivery = position.map(|position| deliveries.remove(position));
        let verdict = match &delivery {
            Some(delivery) if delivery.state == DeliveryState::Missed => MatchOutcome::Disabled,
            Some(_) => MatchOutcome::Matched,
            None => absence_reason(connection, &subscription, deleted_at, &event)?,
        };
        let WebhookSubscription { id, spec: wish, .. } = subscription;
        traced.push(TracedSubscription { id, target_url: wish.target_url, outcome: verdict, delivery });
    }
    traced.sort_by_key(|traced| (traced.delivery.is_none(), traced.id));
    Ok(Some(EventTrace { event: event_summary(&event, n_deliveries), subscriptions: traced }))
}

fn event_summary(event: &Event, n_deliveries: usize) -> EventSummary {
    EventSummary {
        id: event.id,
        company: event.company,
        kind: event.kind,
        created_at: event.created_at,
        n_bytes: event.body.len() as u64,
        n_deliveries: u32::try_from(n_deliveries).unwrap_or(u32::MAX),
    }
}

/// Finds the reason why a subscription has no delivery of an event, from the configuration in force at that time.
fn absence_reason(
    connection: &Connection,
    of: &WebhookSubscription,
    deleted_at: Option<Timestamp>,
    event: &Event,
) -> Result<MatchOutcome, store::Error> {
    if of.dates.created_at > event.created_at {
        return Ok(MatchOutcome::CreatedLater);
    }
    if deleted_at.is_some_and(|at| at <= event.created_at) {
        return Ok(MatchOutcome::Deleted);
    }
    let revisions = store::revisions::list(connection, of.id)?;
    let then = revisions.iter().find(|revision| revision.at <= event.created_at).or(revisions.last());
    let wanted = then.map_or(&of.spec, |revision| &revision.spec).event_types.contains(&event.kind);
    Ok(if wanted { MatchOutcome::Expired } else { MatchOutcome::OtherType })
}

//! Events: publishing writes the event and one delivery per matching subscription in one transaction.

use super::caller::{AuditedChange, Caller};
use super::envelope::{self, EnvelopeParts};
use super::error::Error;
use super::event_quota::PublicationRules;
use super::handle::Engine;
use super::idempotency::{IdempotentCall, IdempotentReply};
use super::samples;
use crate::domain::delivery::{AttemptKind, DeliveryState, RetryPolicy};
use crate::domain::event::{Event, EventFilter, EventOrder, EventType};
use crate::domain::field_error::FieldError;
use crate::domain::ids::{CompanyId, DeliveryId, EventId};
use crate::domain::time::Timestamp;
use crate::store::deliveries::LeasedDelivery;
use crate::store::publication_rows::Publication;
use crate::store::{self, PlatformStore};
use rusqlite::Connection;

/// Event to publish; payload and metadata are texts of JSON objects.
#[derive(Debug, Clone)]
pub struct EventPublication {
    /// Company that the event belongs to.
    pub company: CompanyId,
    /// Type of the event to publish.
    pub kind: EventType,
    /// Payload as JSON; a realistic sample if absent.
    pub payload: Option<String>,
    /// Optional metadata as a JSON object.
    pub metadata: Option<String>,
}

/// Page of events in id order.
#[derive(Debug, Clone)]
pub struct EventPage {
    /// Envelopes as stored bytes, in the requested order.
    pub envelopes: Vec<Vec<u8>>,
    /// Cursor of the next page; every event up to this id has been read.
    pub next: EventId,
    /// Whether more events exist now.
    pub has_more: bool,
}

impl Engine {
    /// Publishes an event: for an operator what the CRM would publish, for a key a test event.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an unknown company or a payload that is not an object, [`Error::EnvelopeTooLarge`],
    /// [`Error::EventQuotaReached`]; [`Error::Contended`], [`Error::StorageFull`] or [`Error::Store`] when the change cannot be written.
    pub async fn publish(&self, caller: Caller, news: EventPublication) -> Result<Event, Error> {
        let store = self.store_for(&caller);
        self.run_publication(store, self.publish_transaction(caller, news)?).await
    }

    /// Publishes an event under an idempotency key; a repeated call returns the first answer and publishes nothing.
    ///
    /// # Errors
    /// [`Error::IdempotencyConflict`], and every error of [`Engine::publish`].
    pub async fn publish_idempotent(
        &self,
        caller: Caller,
        news: EventPublication,
        call: IdempotentCall,
        render: fn(&Event) -> (u16, Vec<u8>),
    ) -> Result<IdempotentReply, Error> {
        let store = self.store_for(&caller);
        let ambient = self.shared.ambient.clone();
        let publish = self.publish_transaction(caller, news)?;
        let publish_once = move |publication: &mut Publication<'_>| {
            let (connection, now) = (publication.connection, ambient.now());
            if let Some(earlier) = call.stored_reply(connection, now)? {
                return Ok(earlier);
            }
            let event = publish(publication)?;
            call.store_reply(connection, render(&event), now)
        };
        self.run_publication(store, publish_once).await
    }

    /// Runs a transaction that may publish events, wakes the dispatcher for their deliveries and notifies subscribers of
    /// changes.
    ///
    /// # Errors
    /// The error of `work`; [`Error::Contended`], [`Error::StorageFull`] or [`Error::Store`] when the change cannot be
    /// written.
    pub(super) async fn run_publication<T: Send + 'static>(
        &self,
        store: &PlatformStore,
        work: impl FnOnce(&mut Publication<'_>) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (done, due) = store.publish(work).await?;
        self.notify_due(&due);
        self.mark_changed();
        Ok(done)
    }

    /// Validates an event and returns the transaction that publishes it.
    fn publish_transaction(
        &self,
        caller: Caller,
        news: EventPublication,
    ) -> Result<impl FnOnce(&mut Publication<'_>) -> Result<Event, Error> + Send + use<>, Error> {
        let faults: Vec<FieldError> = [("payload", &news.payload), ("metadata", &news.metadata)]
            .into_iter()
            .filter(|(_, text)| text.as_deref().is_some_and(|text| !text.trim_start().starts_with('{')))
            .map(|(field, _)| FieldError::new(field, "must be an object"))
            .collect();
        if !faults.is_empty() {
            return Err(Error::Invalid(faults));
        }
        let ambient = self.shared.ambient.clone();
        let rules = self.publication_rules();
        let payload = news.payload.unwrap_or_else(|| samples::random_payload(news.kind, &ambient));
        Ok(move |publication: &mut Publication<'_>| {
            if !store::companies::exists(publication.connection, news.company)? {
                return Err(Error::Invalid(vec![FieldError::new("companyId", "must be the ID of a company")]));
            }
            let draft = EventDraft {
                company: news.company,
                kind: news.kind,
                payload: &payload,
                metadata: news.metadata.as_deref(),
            };
            let event = PreparedEvent::prepare(publication, &draft, rules, ambient.now())?.write(publication)?;
            let change = AuditedChange {
                action: "publish",
                subject: format!("event {}", event.id),
                before: None,
                after: Some(event.kind.name().to_owned()),
                reason: None,
            };
            caller.append_publication_row(publication, &ambient, change)?;
            Ok(event)
        })
    }

    /// Reads at most `limit` events of a company that match a filter, starting from a cursor or from the beginning of
    /// the order. Large events make the page shorter.
    ///
    /// # Errors
    /// [`Error`] when the database cannot be read.
    pub async fn events(
        &self,
        company: CompanyId,
        filter: EventFilter,
        (order, from): (EventOrder, Option<EventId>),
        limit: u32,
    ) -> Result<EventPage, Error> {
        let from = from.unwrap_or(EventId(if order == EventOrder::OldestFirst { 0 } else { i64::MAX }));
        let read = move |connection: &Connection| {
            let store::events::EnvelopePage { events, has_more } =
                store::events::page(connection, company, &filter, (order, from), limit)?;
            let next = match events.last() {
                Some((last, _)) if has_more || order == EventOrder::NewestFirst => *last,
                None if order == EventOrder::NewestFirst => from,
                // Every event has been read, so the next page begins after the latest one.
                _ => store::events::latest(connection, company)?.map_or(from, |latest| latest.max(from)),
            };
            let envelopes = events.into_iter().map(|(_, envelope)| envelope).collect();
            Ok::<_, store::Error>(EventPage { envelopes, next, has_more })
        };
        self.shared.partner_store.read(read).await.map_err(Error::from)
    }

    /// Settings that apply to every published event.
    pub(super) fn publication_rules(&self) -> PublicationRules {
        let settings = &self.shared.settings;
        PublicationRules { retry_policy: settings.retry_schedule, event_quota: settings.event_quota }
    }
}

/// Event without an id, ready to be written.
#[derive(Debug)]
pub(super) struct EventDraft<'a> {
    pub(super) company: CompanyId,
    pub(super) kind: EventType,
    pub(super) payload: &'a str,
    pub(super) metadata: Option<&'a str>,
}

/// Event that may be published: numbered, within its limits and counted, but not yet written.
#[derive(Debug)]
pub(super) struct PreparedEvent {
    event: Event,
    retry_policy: RetryPolicy,
}

impl PreparedEvent {
    /// Checks an event before anything of its publication is written, and assigns its number. The event must be written
    /// in the same transaction.
    ///
    /// # Errors
    /// [`Error::EnvelopeTooLarge`], [`Error::EventQuotaReached`]; [`Error`] when the database cannot be read.
    pub(super) fn prepare(
        publication: &mut Publication<'_>,
        draft: &EventDraft<'_>,
        rules: PublicationRules,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let id = publication.next_event()?;
        let EventDraft { company, kind, payload, metadata } = *draft;
        let body =
            envelope::serialize_envelope(&EnvelopeParts { id, kind, created_at: now, company, payload, metadata })?;
        rules.check_quota(publication.count_event(company, body.len())?)?;
        let event = Event { id, company, kind, created_at: now, body };
        Ok(Self { event, retry_policy: rules.retry_policy })
    }

    /// Writes the event and its deliveries: due at once for enabled subscriptions, missed for disabled ones.
    ///
    /// # Errors
    /// [`Error::Contended`], [`Error::StorageFull`] or [`Error::Store`] when the change cannot be written.
    pub(super) fn write(self, publication: &mut Publication<'_>) -> Result<Event, Error> {
        let Self { event, retry_policy } = self;
        publication.insert_event(&event)?;
        for subscription in publication.subscriptions(event.company)?.iter() {
            if !subscription.spec.event_types.contains(&event.kind) {
                continue;
            }
            let state = if subscription.disabled.is_some() { DeliveryState::Missed } else { DeliveryState::Pending };
            let delivery = LeasedDelivery {
                id: DeliveryId(0),
                event: event.id,
                subscription: subscription.id,
                company: event.company,
                kind: AttemptKind::Scheduled,
                n_attempts: 0,
                n_without_retry: 0,
                retry_policy,
            };
            publication.insert_delivery(&delivery, state, event.created_at)?;
            if state == DeliveryState::Missed {
                store::subscriptions::increment_missed(publication.connection, subscription.id)?;
            }
        }
        Ok(event)
    }
}

//! Tests of the engine's transactions without a network and without threads.

use super::claim::DeliveryJob;
use super::event_quota::PublicationRules;
use super::events::{EventDraft, PreparedEvent};
use super::settle::CompletedAttempt;
use crate::domain::attempt::{AttemptResult, HttpExchange};
use crate::domain::delivery::{AttemptOutcome, RetryPolicy, UnitRandom};
use crate::domain::event::EventType;
use crate::domain::ids::{CompanyId, KeyId, SubscriptionId};
use crate::domain::slots::AttemptSlot;
use crate::domain::subscription::SubscriptionDraft;
use crate::domain::target::{TargetPolicy, TargetRules};
use crate::domain::time::Timestamp;
use crate::store;
use crate::store::attempts::EncodedExchange;
use crate::store::deliveries::LeasedDelivery;
use crate::store::publication_rows::{DueDelivery, publish_alone};
use rusqlite::Connection;
use std::sync::Arc;
use std::time::Duration;

mod cost;
mod model;
mod play;

const START: Timestamp = Timestamp::from_millis(1_795_430_410_000);
/// Target of every subscription.
const TARGET: &str = "https://example.com/";

/// Subscribes a company to its leads.
fn subscribe(connection: &Connection, company: CompanyId) -> SubscriptionId {
    let draft = SubscriptionDraft {
        target_url: TARGET.to_owned(),
        event_types: vec![EventType::LeadCreated.name().to_owned()],
        ..SubscriptionDraft::default()
    };
    let rules = TargetRules { policy: TargetPolicy::Public, own_addresses: Vec::new(), listens_at: Vec::new() };
    let spec = draft.validate(&rules).expect("a valid draft");
    let new = store::subscriptions::NewSubscriptionRow { company, created_by: KeyId(1), spec: &spec, now: START };
    store::subscriptions::insert(connection, &new).expect("a subscription")
}

/// Publishes leads of a company in one transaction. Returns the deliveries that are due.
fn publish(connection: &Connection, company: CompanyId, n: usize, now: Timestamp) -> Vec<DueDelivery> {
    let draft = EventDraft { company, kind: EventType::LeadCreated, payload: "{}", metadata: None };
    let rules = PublicationRules { retry_policy: RetryPolicy::default(), event_quota: u64::MAX };
    let published = publish_alone(connection, |publication| {
        for _ in 0..n {
            PreparedEvent::prepare(publication, &draft, rules, now)?.write(publication)?;
        }
        Ok::<_, super::error::Error>(())
    });
    published.expect("published").1
}

/// Claimed delivery whose attempt is in flight.
struct Flight {
    claimed: LeasedDelivery,
    slot: AttemptSlot,
    token: Arc<str>,
}

impl Flight {
    fn new(job: DeliveryJob, token: Arc<str>) -> Self {
        Self { claimed: job.claimed, slot: job.slot, token }
    }

    /// The attempt with its outcome.
    fn end(self, outcome: AttemptOutcome, started_at: Timestamp) -> CompletedAttempt {
        CompletedAttempt {
            slot: self.slot,
            claimed: self.claimed,
            lease_token: self.token,
            target_url: Arc::from(TARGET),
            event_type: EventType::LeadCreated,
            changed_at: START,
            queued_for: Duration::ZERO,
            started_at,
            result: AttemptResult { outcome, error: None, elapsed_ms: 1 },
            exchange: EncodedExchange::new(String::new(), HttpExchange::default()),
            jitter: UnitRandom(0.5),
        }
    }
}

//! Fixtures of the simulated company: its keys, its receivers with subscriptions, and the rates of its events.

use super::behaviour::ReceiverBehaviour;
use super::schedule::EventRate;
use crate::domain::event::EventType;
use crate::domain::scope::KeyScope;
use std::time::Duration;

/// Name of the simulated company.
pub const COMPANY_NAME: &str = "Northwind Credit Repair";
/// Age in days of the dormant key's last use.
pub const DORMANT_DAYS: u64 = 97;

/// API key that the setup creates.
#[derive(Debug, Clone, Copy)]
pub struct KeySpec {
    /// Name of the key, shown to operators.
    pub name: &'static str,
    /// Scopes that the key gets.
    pub scopes: &'static [KeyScope],
}

/// Key of the poller, which nearly uses up its read limit.
pub const ZAPIER: KeySpec =
    KeySpec { name: "Zapier Production", scopes: &[KeyScope::EventsRead, KeyScope::WebhooksWrite] };
/// Key that creates leads steadily.
pub const N8N: KeySpec =
    KeySpec { name: "n8n Workflows", scopes: &[KeyScope::IntegrationsRead, KeyScope::IntegrationsWrite] };
/// Key that creates leads in bursts.
pub const FORMS: KeySpec = KeySpec { name: "Website Forms", scopes: &[KeyScope::IntegrationsWrite] };
/// Key that creates the subscriptions and publishes test events.
pub const OFFICE: KeySpec = KeySpec { name: "CRM Backoffice", scopes: &[KeyScope::WebhooksWrite, KeyScope::Admin] };
/// Dormant key, last used [`DORMANT_DAYS`] days ago.
pub const HUBSPOT: KeySpec = KeySpec { name: "HubSpot Sync", scopes: &[KeyScope::EventsRead] };
/// Key that is revoked during the setup.
pub const RETIRED: KeySpec =
    KeySpec { name: "Old Integration", scopes: &[KeyScope::EventsRead, KeyScope::IntegrationsWrite] };
/// Unused key with all scopes, for trying the API by hand.
pub const SPARE: KeySpec = KeySpec { name: "Local Testing", scopes: &KeyScope::ALL };

/// Signing secret that a receiver verifies with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretVersion {
    /// Current signing secret of the subscription.
    Current,
    /// Outdated secret, so that every signature is rejected.
    Outdated,
}

/// Key that creates a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SubscriptionOwner {
    /// Key of the back office.
    Office,
    /// Key of Zapier, which then manages the subscription.
    Zapier,
}

/// State of a subscription after its creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InitialState {
    /// Stays enabled until the breaker trips.
    Enabled,
    /// Disabled manually, with this reason.
    Disabled(&'static str),
}

/// Receiver with the subscription that sends to it.
#[derive(Debug, Clone, Copy)]
pub struct ReceiverSpec {
    /// URL path that the receiver listens on.
    pub path: &'static str,
    /// Description of the subscription, for operators.
    pub description: &'static str,
    /// Event types of the subscription.
    pub types: &'static [EventType],
    /// Behaviour of the receiver on requests.
    pub behaviour: ReceiverBehaviour,
    /// Signing secret that the receiver verifies with.
    pub secret_version: SecretVersion,
    /// Key that creates the subscription.
    pub owner: SubscriptionOwner,
    /// State of the subscription after its creation.
    pub initial_state: InitialState,
}

const fn receiver_spec(
    path: &'static str,
    description: &'static str,
    types: &'static [EventType],
    temper: ReceiverBehaviour,
) -> ReceiverSpec {
    ReceiverSpec {
        path,
        description,
        types,
        behaviour: temper,
        secret_version: SecretVersion::Current,
        owner: SubscriptionOwner::Office,
        initial_state: InitialState::Enabled,
    }
}

/// Receivers of the simulated company.
pub const RECEIVERS: [ReceiverSpec; 9] = [
    receiver_spec(
        "/crm/orders",
        "Orders and payments to the CRM",
        &[EventType::InvoiceStatusChanged, EventType::PaymentSucceeded],
        ReceiverBehaviour::Prompt,
    ),
    ReceiverSpec {
        owner: SubscriptionOwner::Zapier,
        ..receiver_spec(
            "/zapier/hooks/new-leads",
            "New leads to the sales spreadsheet",
            &[EventType::LeadCreated],
            ReceiverBehaviour::Prompt,
        )
    },
    receiver_spec(
        "/n8n/webhook/client-status",
        "Status changes to the onboarding workflow",
        &[EventType::ClientCreated, EventType::ClientStatusChanged],
        ReceiverBehaviour::Prompt,
    ),
    receiver_spec("/analytics/events", "All events to the data warehouse", &EventType::ALL, ReceiverBehaviour::Prompt),
    receiver_spec(
        "/payments/ledger",
        "Ledger entries (host restarts often)",
        &[EventType::PaymentSucceeded, EventType::PaymentFailed],
        ReceiverBehaviour::Flaky,
    ),
    receiver_spec(
        "/documents/archive",
        "Archive with virus scan",
        &[EventType::DocumentUploaded],
        ReceiverBehaviour::Slow,
    ),
    ReceiverSpec {
        secret_version: SecretVersion::Outdated,
        ..receiver_spec(
            "/esign/callback",
            "Signed agreements to the e-sign vault",
            &[EventType::AgreementSigned],
            ReceiverBehaviour::Prompt,
        )
    },
    receiver_spec("/erp/invoices", "Invoices to the ERP", &[EventType::InvoiceCreated], ReceiverBehaviour::Failing),
    ReceiverSpec {
        initial_state: InitialState::Disabled("replaced by /crm/orders"),
        ..receiver_spec("/legacy/sync", "Old nightly sync", &[EventType::PaymentSucceeded], ReceiverBehaviour::Prompt)
    },
];

const fn event_rate(kind: EventType, first_ms: u64, every_ms: u64) -> EventRate {
    EventRate { kind, first: Duration::from_millis(first_ms), every: Duration::from_millis(every_ms) }
}

/// Rates of the CRM's events, leads excluded. Agreements are rare, so that the receiver that rejects their signatures
/// approaches the failure threshold slowly; invoices are frequent, so that the failing receiver trips the breaker
/// within about a minute.
pub const CRM_RATES: [EventRate; 10] = [
    event_rate(EventType::PaymentSucceeded, 200, 2_900),
    event_rate(EventType::ClientStatusChanged, 700, 3_300),
    event_rate(EventType::InvoiceStatusChanged, 1_300, 4_000),
    event_rate(EventType::InvoiceCreated, 1_000, 9_000),
    event_rate(EventType::DocumentUploaded, 500, 6_500),
    event_rate(EventType::ClientCreated, 1_600, 10_000),
    event_rate(EventType::PaymentFailed, 2_500, 13_000),
    event_rate(EventType::AffiliateCreated, 9_000, 50_000),
    // Two in the first minute, then two per three minutes; the retries add the remaining failures.
    event_rate(EventType::AgreementSigned, 4_000, 180_000),
    event_rate(EventType::AgreementSigned, 50_000, 180_000),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::RuntimeEnv;
    use crate::demo::behaviour::HEALTHY_PERIOD;
    use crate::demo::schedule::{EventSchedule, SpeedFactor};
    use crate::domain::breaker::{BreakerTransition, CircuitBreaker};
    use crate::domain::delivery::{AttemptOutcome, NextStep, RetryPolicy, next_step};
    use crate::domain::time::Timestamp;
    use std::cmp::Reverse;
    use std::collections::{BTreeSet, BinaryHeap};

    /// Seconds from the start until a receiver of `kind` that answers `status` after `well` has 10, 14 and 20 failures in a row, by the
    /// platform's own rules with a retry base of 1 s.
    fn fuse(kind: EventType, status: u16, well: Duration, seed: u64) -> [u64; 3] {
        let start = Timestamp::from_millis(0);
        let dice = RuntimeEnv::scripted(start, seed);
        let schedule = RetryPolicy { base: Duration::from_secs(1) };
        let mut agenda = EventSchedule::new(&CRM_RATES, start, SpeedFactor::default());
        let mut due = BinaryHeap::new();
        let (mut breaker, mut reached, mut first_at) = (CircuitBreaker::default(), [0; 3], None);
        loop {
            let next = agenda.next_at().expect("endless");
            if due.peek().is_none_or(|Reverse((at, _))| next < *at) {
                if agenda.take(next, dice.random_unit()) == Some(kind) {
                    due.push(Reverse((next, 1)));
                }
                continue;
            }
            let Some(Reverse((now, number))) = due.pop() else { continue };
            let since = now.since(*first_at.get_or_insert(now));
            let outcome =
                AttemptOutcome::Answered { status: if since < well { 200 } else { status }, retry_after: None };
            if let NextStep::RetryAt(at) = next_step(&outcome, number, &schedule, now, dice.random_unit()) {
                due.push(Reverse((at, number + 1)));
            }
            let (after, effect) = breaker.after_attempt(outcome.is_success());
            breaker = after;
            for (slot, n) in reached.iter_mut().zip([10, 14, 20]) {
                if breaker.failures_in_a_row == n {
                    *slot = now.since(start).as_secs();
                }
            }
            if effect == BreakerTransition::Trip {
                return reached;
            }
        }
    }

    #[test]
    fn the_failing_receiver_trips_about_a_minute_after_the_start() {
        for seed in 0..200 {
            let [.., tripped] = fuse(EventType::InvoiceCreated, 500, HEALTHY_PERIOD, seed);
            assert!((45..=75).contains(&tripped), "seed {seed}: {tripped} s");
        }
    }

    #[test]
    fn the_rejecting_receiver_needs_attention_within_90_s_and_does_not_trip_in_two_minutes() {
        for seed in 0..200 {
            let [attention, failing, tripped] = fuse(EventType::AgreementSigned, 401, Duration::ZERO, seed);
            assert!(attention <= 90, "seed {seed}: attention at {attention} s");
            assert!(failing <= 150, "seed {seed}: failing at {failing} s");
            assert!(tripped > 120, "seed {seed}: tripped at {tripped} s");
        }
    }

    #[test]
    fn the_rejecting_receiver_gets_agreements_alone() {
        let rejecting: Vec<_> =
            RECEIVERS.iter().filter(|part| part.secret_version == SecretVersion::Outdated).collect();
        assert_eq!(rejecting.len(), 1);
        assert_eq!(rejecting[0].types, [EventType::AgreementSigned]);
    }

    #[test]
    fn every_event_that_happens_is_wanted_by_somebody_and_paths_tell_receivers_apart() {
        for rhythm in CRM_RATES {
            assert!(RECEIVERS.iter().any(|part| part.types.contains(&rhythm.kind)), "{}", rhythm.kind);
        }
        let paths: BTreeSet<_> = RECEIVERS.iter().map(|part| part.path).collect();
        assert_eq!(paths.len(), RECEIVERS.len());
    }

    #[test]
    fn events_and_leads_together_are_calm() {
        let crm: f64 = CRM_RATES.iter().map(|rhythm| 1.0 / rhythm.every.as_secs_f64()).sum();
        assert!((1.0..2.5).contains(&crm), "{crm} events a second");
    }
}

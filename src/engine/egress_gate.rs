//! Backoffs of the sender as the dispatcher applies them: what may begin now, and when more may.

use super::settle::FaultDomain;
use crate::domain::egress_health::{EgressAdmission, EgressHealth};
use crate::domain::ids::SubscriptionId;
use crate::domain::slots::AttemptSlot;
use std::time::Duration;

/// Local failures of the sender, and the end of the next backoff. Times are those of the flight board.
#[derive(Debug, Default)]
pub(super) struct EgressGate {
    health: EgressHealth,
    /// Time at which the next backoff ends and more attempts may begin; `None` while no backoff is in progress.
    next_end: Option<Duration>,
}

impl EgressGate {
    /// Whether the sender itself cannot reach the network.
    pub(super) const fn is_general(&self) -> bool {
        self.health.is_general()
    }

    /// Attempts that may begin at the given time.
    pub(super) fn admission(&self, at: Duration) -> EgressAdmission<'_> {
        self.health.admission(at)
    }

    /// Maximum number of attempts in flight of a subscription while the failure is not general.
    pub(super) fn limit(&self, of: SubscriptionId, at: Duration) -> usize {
        self.health.limit(of, at)
    }

    /// Subscriptions in backoff, or whose backoff has ended and that reached no receiver since.
    pub(super) fn affected_subscriptions(&self) -> Vec<SubscriptionId> {
        self.health.affected_subscriptions().collect()
    }

    /// Time at which the next backoff ends; `None` while no backoff is in progress.
    pub(super) const fn next_end(&self) -> Option<Duration> {
        self.next_end
    }

    /// Records on which side an attempt failed, or that it reached its receiver. Returns whether a general failure
    /// began or ended.
    pub(super) fn record(&mut self, slot: &AttemptSlot, domain: FaultDomain, at: Duration) -> bool {
        let id = slot.subscription;
        let is_limited = |health: &EgressHealth| health.is_general() || health.limit(id, at) < usize::MAX;
        let (was_general, was_limited) = (self.health.is_general(), is_limited(&self.health));
        match domain {
            FaultDomain::Remote => self.health.record_contact(id),
            FaultDomain::Local => self.health.record_local_failure(slot.company, id, at),
        }
        if was_limited || is_limited(&self.health) {
            self.next_end = self.health.next_retry_at(at);
        }
        self.health.is_general() != was_general
    }

    /// Subscriptions of which more may be attempted because a backoff has ended since the last call.
    pub(super) fn take_ended(&mut self, at: Duration) -> Vec<SubscriptionId> {
        if self.next_end.is_none_or(|end| end > at) {
            return Vec::new();
        }
        self.next_end = self.health.next_retry_at(at);
        self.affected_subscriptions()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ids::CompanyId;
    use proptest::prelude::*;
    use std::sync::Arc;

    const N_SUBSCRIPTIONS: i64 = 6;

    fn slot(of: i64) -> AttemptSlot {
        let host = Arc::from("a.test");
        AttemptSlot { company: CompanyId(of % 2), host, subscription: SubscriptionId(of), n_slots: 1 }
    }

    /// What may begin at a time: whether anything beyond a probe, whether a probe, and how much by subscription.
    fn permitted(gate: &EgressGate, at: Duration) -> (bool, Vec<usize>) {
        let is_probe_due = !matches!(gate.admission(at), EgressAdmission::Probing { is_due: false, .. });
        (is_probe_due, (0..N_SUBSCRIPTIONS).map(|of| gate.limit(SubscriptionId(of), at)).collect())
    }

    proptest! {
        #[test]
        fn k9_the_dispatcher_wakes_at_the_first_moment_at_which_more_may_begin(
            ends in prop::collection::vec((0..N_SUBSCRIPTIONS, prop::bool::weighted(0.2), 0_u64..4_000), 1..40),
        ) {
            let (mut gate, mut at) = (EgressGate::default(), Duration::ZERO);
            for (of, has_contact, passed_ms) in ends {
                at += Duration::from_millis(passed_ms);
                gate.take_ended(at);
                gate.record(&slot(of), if has_contact { FaultDomain::Remote } else { FaultDomain::Local }, at);
                let now = permitted(&gate, at);
                let later = (1..=10_001).map(|ms| at + Duration::from_millis(ms));
                let first = later.into_iter().find(|later| permitted(&gate, *later) != now);
                if let Some(first) = first {
                    let wakes_at = gate.next_end();
                    prop_assert!(wakes_at.is_some_and(|end| end <= first && end > at), "{wakes_at:?}, not {first:?}");
                }
            }
        }
    }
}

//! Local failures of the sender: no resolver, no route, no file descriptors, each confirmed by a probe that does not
//! depend on a partner's target. Local failures count against no receiver; affected deliveries are returned to the
//! queue and retried soon with backoff.
//!
//! A subscription whose attempt failed locally backs off and returns with one attempt. When several attempts in a row
//! failed locally and none reached a receiver, the failure is general: the affected companies back off, and one of
//! their attempts at a time, each for another subscription, probes whether the failure is over. A company that is not
//! affected continues with one attempt at a time, so that one company's failures never hold up another.

use super::ids::{CompanyId, SubscriptionId};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Local failures in a row from which the failure is general.
const GENERAL_FAILURE_THRESHOLD: u32 = 3;
/// First backoff after a local failure; each further one doubles.
const MIN_EGRESS_BACKOFF: Duration = Duration::from_secs(1);
/// Longest backoff after local failures.
const MAX_EGRESS_BACKOFF: Duration = Duration::from_secs(10);

/// Backoff in progress: when it ends, and how many preceded it.
#[derive(Debug, Clone, Copy, Default)]
struct EgressBackoff {
    until: Duration,
    n: u32,
}

impl EgressBackoff {
    /// Next, longer backoff, starting at `at`.
    fn extended(self, at: Duration) -> Self {
        let step = MIN_EGRESS_BACKOFF.saturating_mul(1 << self.n.min(8)).min(MAX_EGRESS_BACKOFF);
        Self { until: at + step, n: self.n + 1 }
    }
}

/// Record of the sender's local failures. Times are durations since the dispatcher started, by a monotonic clock.
#[derive(Debug, Clone, Default)]
pub struct EgressHealth {
    backoffs: BTreeMap<SubscriptionId, EgressBackoff>,
    failures_in_a_row: u32,
    affected: BTreeSet<CompanyId>,
    general_backoff: Option<EgressBackoff>,
}

/// Attempts that may begin despite local failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EgressAdmission<'a> {
    /// All attempts may begin, as far as [`EgressHealth::limit`] permits.
    Open,
    /// The failure is general and only probing attempts may begin.
    Probing {
        /// Companies with local failures: one attempt at a time for all of them together.
        affected: &'a BTreeSet<CompanyId>,
        /// Whether their next attempt may begin once none of theirs is in flight.
        is_due: bool,
    },
}

impl EgressHealth {
    /// Records a local failure of an attempt.
    pub fn record_local_failure(&mut self, company: CompanyId, of: SubscriptionId, at: Duration) {
        let rest = self.backoffs.entry(of).or_default();
        *rest = rest.extended(at);
        self.failures_in_a_row += 1;
        self.affected.insert(company);
        if self.failures_in_a_row >= GENERAL_FAILURE_THRESHOLD {
            self.general_backoff = Some(self.general_backoff.unwrap_or_default().extended(at));
        }
    }

    /// Records an attempt that reached its receiver, whatever the answer: the failure is over. Other subscriptions
    /// leave their backoff when it ends.
    pub fn record_contact(&mut self, of: SubscriptionId) {
        self.backoffs.remove(&of);
        self.failures_in_a_row = 0;
        self.affected.clear();
        self.general_backoff = None;
    }

    /// Returns whether the failure is general.
    #[must_use]
    pub const fn is_general(&self) -> bool {
        self.general_backoff.is_some()
    }

    /// Attempts that may begin at the given time.
    #[must_use]
    pub fn admission(&self, at: Duration) -> EgressAdmission<'_> {
        match self.general_backoff {
            Some(rest) => EgressAdmission::Probing { affected: &self.affected, is_due: rest.until <= at },
            None => EgressAdmission::Open,
        }
    }

    /// Maximum number of attempts in flight of a subscription at the given time, as long as the failure is not general:
    /// none during its backoff, and one when it has ended.
    #[must_use]
    pub fn limit(&self, of: SubscriptionId, at: Duration) -> usize {
        match (self.general_backoff, self.backoffs.get(&of)) {
            (None, Some(rest)) => usize::from(rest.until <= at),
            _ => usize::MAX,
        }
    }

    /// Subscriptions in backoff, or whose backoff has ended and that reached no receiver since.
    pub fn affected_subscriptions(&self) -> impl Iterator<Item = SubscriptionId> {
        self.backoffs.keys().copied()
    }

    /// Time at which the next backoff ends.
    #[must_use]
    pub fn next_retry_at(&self, at: Duration) -> Option<Duration> {
        // A backoff that has ended needs no wake-up: its attempt is in flight, or nothing is due.
        let is_ahead = |until: &Duration| *until > at;
        match self.general_backoff {
            Some(rest) => Some(rest.until).filter(is_ahead),
            None => self.backoffs.values().map(|rest| rest.until).filter(is_ahead).min(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    const A: SubscriptionId = SubscriptionId(1);
    const B: SubscriptionId = SubscriptionId(2);
    const ACME: CompanyId = CompanyId(1);
    const BETA: CompanyId = CompanyId(2);

    fn is_due(trouble: &EgressHealth, at: Duration) -> bool {
        matches!(trouble.admission(at), EgressAdmission::Probing { is_due: true, .. })
    }

    fn limits(trouble: &EgressHealth, at: Duration) -> BTreeMap<SubscriptionId, usize> {
        assert_eq!(trouble.admission(at), EgressAdmission::Open);
        trouble.affected_subscriptions().map(|of| (of, trouble.limit(of, at))).collect()
    }

    #[test]
    fn k9_who_may_begin_nothing_at_some_moment_is_woken_as_of_that_moment() {
        let mut trouble = EgressHealth::default();
        trouble.record_local_failure(ACME, A, s(0));
        trouble.record_contact(B);
        trouble.record_local_failure(ACME, B, s(1));
        assert!(!trouble.is_general());
        for ms in (0..5_000).map(Duration::from_millis) {
            let n_resting = limits(&trouble, ms).values().filter(|n| **n == 0).count();
            assert_eq!(trouble.next_retry_at(ms).is_some(), n_resting > 0, "{ms:?}");
            assert!(trouble.next_retry_at(ms).is_none_or(|next| next > ms), "{ms:?}");
        }
        trouble.record_local_failure(ACME, A, s(5));
        trouble.record_local_failure(ACME, B, s(5));
        assert!(trouble.is_general());
        for ms in (5_000..20_000).map(Duration::from_millis) {
            assert_eq!(trouble.next_retry_at(ms).is_some(), !is_due(&trouble, ms), "{ms:?}");
        }
    }

    #[test]
    fn k9_one_target_out_of_reach_rests_alone() {
        let mut trouble = EgressHealth::default();
        for second in 0..100 {
            trouble.record_local_failure(ACME, A, s(second));
            trouble.record_contact(B);
            assert!(!trouble.is_general());
            assert_eq!(limits(&trouble, s(second)), BTreeMap::from([(A, 0)]));
        }
        assert_eq!(trouble.next_retry_at(s(99)), Some(s(109)), "at most ten seconds");
        assert_eq!(limits(&trouble, s(109)), BTreeMap::from([(A, 1)]), "one attempt finds out");
        trouble.record_contact(A);
        assert!(limits(&trouble, s(109)).is_empty());
    }

    #[test]
    fn k9_trouble_of_all_is_probed_with_one_attempt_at_a_time_and_ends_with_the_first_that_gets_through() {
        let mut trouble = EgressHealth::default();
        for _ in 0..64 {
            trouble.record_local_failure(ACME, A, s(0));
        }
        assert!(trouble.is_general());
        let mut n_probes = 0;
        let mut at = s(0);
        while at < s(600) {
            at = trouble.next_retry_at(at).expect("there is a next probe");
            assert!(is_due(&trouble, at));
            n_probes += 1;
            trouble.record_local_failure(ACME, if n_probes % 2 == 0 { A } else { B }, at);
            assert!(!is_due(&trouble, at));
        }
        assert!((50..80).contains(&n_probes), "ten minutes: {n_probes}");
        assert!(trouble.next_retry_at(at).expect("there is a next probe").saturating_sub(at) <= s(10));
        trouble.record_contact(B);
        assert!(!trouble.is_general());
        assert!(trouble.next_retry_at(at).is_none_or(|next| next.saturating_sub(at) <= s(10)));
    }

    #[test]
    fn f1_trouble_that_one_company_met_does_not_hold_up_one_that_has_not() {
        let mut trouble = EgressHealth::default();
        for _ in 0..64 {
            trouble.record_local_failure(ACME, A, s(0));
        }
        let affected = |trouble: &EgressHealth| match trouble.admission(s(0)) {
            EgressAdmission::Probing { affected, .. } => affected.clone(),
            EgressAdmission::Open => panic!("the failure is general"),
        };
        assert_eq!(affected(&trouble), BTreeSet::from([ACME]));
        trouble.record_local_failure(BETA, B, s(0));
        assert_eq!(affected(&trouble), BTreeSet::from([ACME, BETA]), "companies that met the fault wait for its end");
        trouble.record_contact(B);
        assert!(!trouble.is_general());
    }
}

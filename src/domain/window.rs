//! Rate limits: fixed windows per key and bucket, aligned to the clock minute. See `docs/internals/contract.md`.

use super::scope::{KeyScope, ScopeSet};
use super::time::{MINUTE_MS, Timestamp};
use std::fmt;

/// Rate limit bucket of a key in which a call is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RateBucket {
    /// Polling events, listing subscriptions and searches: 60 calls a minute.
    Read,
    /// Actions and deleting a subscription: 100 calls a minute.
    Write,
    /// Test events, creating and changing subscriptions: 200 calls a minute.
    Admin,
}

impl RateBucket {
    /// All three rate limit buckets.
    pub const ALL: [Self; 3] = [Self::Read, Self::Write, Self::Admin];

    /// Name of the bucket on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }

    /// Looks up a bucket by its wire name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bucket| bucket.name() == name)
    }

    /// Default limit of the bucket in calls per minute.
    #[must_use]
    pub const fn default_limit(self) -> u32 {
        match self {
            Self::Read => 60,
            Self::Write => 100,
            Self::Admin => 200,
        }
    }
}

impl RateBucket {
    /// Returns whether a key with these scopes can make any call that counts in this bucket.
    #[must_use]
    pub const fn is_reachable(self, scopes: ScopeSet) -> bool {
        match self {
            Self::Read => {
                scopes.contains(KeyScope::EventsRead)
                    || scopes.contains(KeyScope::WebhooksWrite)
                    || scopes.contains(KeyScope::IntegrationsRead)
            }
            Self::Write => scopes.contains(KeyScope::IntegrationsWrite) || scopes.contains(KeyScope::WebhooksWrite),
            Self::Admin => scopes.contains(KeyScope::Admin) || scopes.contains(KeyScope::WebhooksWrite),
        }
    }
}

impl fmt::Display for RateBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Rate limit window: the calls of one key in one bucket during one clock minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateWindow {
    /// Start of the clock minute.
    pub start: Timestamp,
    /// Number of calls admitted in the window.
    pub used: u32,
}

/// Result of one rate limit check, with the values of the response headers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimitOutcome {
    /// Bucket in which the call is counted.
    pub bucket: RateBucket,
    /// Limit in calls per minute.
    pub limit: u32,
    /// Calls left in this window; 0 when rejected.
    pub remaining: u32,
    /// Start of the next window.
    pub reset_at: Timestamp,
    /// Whether the call is admitted or rejected.
    pub decision: RateLimitDecision,
}

/// Decision of a rate limit check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateLimitDecision {
    /// The call was counted and may proceed.
    Admitted,
    /// The window is full; the call is rejected and not counted.
    Refused,
}

impl RateLimitOutcome {
    /// Policy as written in the header and the 429 body: `read:60/1m`.
    #[must_use]
    pub fn policy(&self) -> String {
        format!("{}:{}/1m", self.bucket, self.limit)
    }

    /// Whole seconds after which a call is admitted again, rounded up, at least one.
    #[must_use]
    pub fn retry_after_seconds(&self, now: Timestamp) -> u64 {
        let wait = self.reset_at.since(now);
        wait.as_millis().div_ceil(1_000).max(1).try_into().unwrap_or(60)
    }
}

impl RateWindow {
    /// Empty window of the minute that contains `now`.
    #[must_use]
    pub const fn current_empty(now: Timestamp) -> Self {
        Self { start: now.floor_to(MINUTE_MS), used: 0 }
    }

    /// Window that applies at `now`: this one, or the empty window of a later minute.
    ///
    /// A clock that was set back neither refills nor locks a window: the calls made so far count in the current minute.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        let current = Self::current_empty(now);
        if current.start > self.start { current } else { Self { start: current.start, used: self.used } }
    }

    /// Start of the window after this one.
    #[must_use]
    pub const fn reset_at(self) -> Timestamp {
        Timestamp::from_millis(self.start.millis() + MINUTE_MS)
    }

    /// Checks and counts one call at `now`. Returns the updated window, which the caller stores, and the result.
    #[must_use]
    pub fn check_and_count(self, bucket: RateBucket, limit: u32, now: Timestamp) -> (Self, RateLimitOutcome) {
        let mut window = self.at(now);
        let answer = if window.used < limit { RateLimitDecision::Admitted } else { RateLimitDecision::Refused };
        if answer == RateLimitDecision::Admitted {
            window.used += 1;
        }
        let remaining = limit.saturating_sub(window.used);
        (window, RateLimitOutcome { bucket, limit, remaining, reset_at: window.reset_at(), decision: answer })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    #[test]
    fn the_call_after_the_last_is_refused_and_waiting_helps() {
        let now = Timestamp::from_millis(90_500);
        let mut window = RateWindow::current_empty(now);
        for used in 1..=60 {
            let (next, admission) = window.check_and_count(RateBucket::Read, 60, now);
            assert_eq!((admission.decision, admission.remaining), (RateLimitDecision::Admitted, 60 - used));
            window = next;
        }
        let (same, refusal) = window.check_and_count(RateBucket::Read, 60, now);
        assert_eq!((same, refusal.decision, refusal.remaining), (window, RateLimitDecision::Refused, 0));
        assert_eq!(refusal.policy(), "read:60/1m");
        let waited = now.plus(Duration::from_secs(refusal.retry_after_seconds(now)));
        assert_eq!(window.check_and_count(RateBucket::Read, 60, waited).1.decision, RateLimitDecision::Admitted);
    }

    #[test]
    fn a_clock_that_is_set_back_a_day_neither_refills_nor_locks() {
        let day = Duration::from_secs(86_400);
        let now = Timestamp::from_millis(200_000_000);
        let full = RateWindow { start: now.floor_to(MINUTE_MS), used: 60 };
        let earlier = now.minus(day);
        let (window, refusal) = full.check_and_count(RateBucket::Read, 60, earlier);
        assert_eq!(refusal.decision, RateLimitDecision::Refused, "nothing is refilled");
        assert!(refusal.retry_after_seconds(earlier) <= 60, "no caller waits for a day");
        let waited = earlier.plus(Duration::from_secs(refusal.retry_after_seconds(earlier)));
        assert_eq!(window.check_and_count(RateBucket::Read, 60, waited).1.decision, RateLimitDecision::Admitted);
    }

    proptest! {
        #[test]
        fn no_window_ever_admits_more_than_its_limit(
            limit in 0_u32..20,
            steps in proptest::collection::vec(0_i64..120_000, 1..300),
        ) {
            let mut now = Timestamp::from_millis(10_000_000);
            let mut window = RateWindow::current_empty(now);
            let mut admitted = std::collections::BTreeMap::<Timestamp, u32>::new();
            for step in steps {
                now = Timestamp::from_millis(now.millis() + step);
                let (next, admission) = window.check_and_count(RateBucket::Read, limit, now);
                window = next;
                if admission.decision == RateLimitDecision::Admitted {
                    *admitted.entry(window.start).or_default() += 1;
                }
                prop_assert!(admission.remaining <= limit);
            }
            prop_assert!(admitted.values().all(|count| *count <= limit));
        }
    }
}

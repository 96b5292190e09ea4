//! Delivery policy: outcomes of attempts, the retry schedule and limits on attempts. Pure; see
//! `docs/internals/reliability.md`.

use super::time::Timestamp;
use std::fmt;
use std::time::Duration;

/// Timeout of one attempt, from the DNS lookup to the last byte of the response.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(10);
/// Retries after the first attempt.
pub const MAX_RETRIES: u32 = 10;
/// Maximum number of response body bytes that are stored.
pub const MAX_BODY_STORED: usize = 16 * 1024;
/// Maximum number of response body bytes that are read: one more than 64 KiB, to notice a longer body.
pub const MAX_BODY_READ: usize = 64 * 1024 + 1;

/// A random number in `[0, 1)`, drawn by the caller so that the policy stays pure.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct UnitRandom(pub f64);

/// Kind of failure of an attempt that got no valid response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// No complete response arrived within the timeout.
    Timeout,
    /// The receiver refused the connection.
    Refused,
    /// The connection was reset or closed early.
    ConnectionReset,
    /// The host name could not be resolved.
    Dns,
    /// The TLS handshake failed or the certificate is not valid.
    Tls,
    /// The address is not public and therefore blocked.
    Blocked,
    /// The response was not valid HTTP.
    InvalidHttp,
    /// Local failure of the sender: no route, no resolver, no file descriptors. Counts against no receiver.
    Local,
}

impl FailureKind {
    /// All kinds of failure, local ones last.
    pub const ALL: [Self; 8] = [
        Self::Timeout,
        Self::Refused,
        Self::ConnectionReset,
        Self::Dns,
        Self::Tls,
        Self::Blocked,
        Self::InvalidHttp,
        Self::Local,
    ];

    /// Checks whether an attempt that failed so ended before any byte of its request was sent.
    #[must_use]
    pub const fn is_before_request(self) -> bool {
        matches!(self, Self::Refused | Self::Dns | Self::Tls | Self::Blocked | Self::Local)
    }

    /// One-word name of the failure, on the wire and in lists.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::ConnectionReset => "broken",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Blocked => "blocked",
            Self::InvalidHttp => "garbled",
            Self::Local => "local",
        }
    }

    /// Looks up a kind of failure by its wire name, or by its former one: earlier versions called a local failure `ours`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let name = if name == "ours" { Self::Local.name() } else { name };
        Self::ALL.into_iter().find(|cause| cause.name() == name)
    }
}

/// Outcome of one POST to a receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// A complete response arrived in time.
    Answered {
        /// HTTP status of the response.
        status: u16,
        /// Value of `Retry-After`; `None` if absent or unreadable.
        retry_after: Option<Duration>,
    },
    /// No complete response arrived, for this reason.
    Unanswered(FailureKind),
}

impl AttemptOutcome {
    /// Returns whether the response has a status of 200 to 299; every other outcome fails, redirects too.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Answered { status: 200..=299, .. })
    }

    /// Returns whether a request was sent, as far as the outcome tells.
    #[must_use]
    pub const fn is_sent(&self) -> bool {
        !matches!(self, Self::Unanswered(kind) if kind.is_before_request())
    }

    /// Returns whether the outcome says something about the receiver, which a local failure does not.
    #[must_use]
    pub const fn is_about_receiver(&self) -> bool {
        !matches!(self, Self::Unanswered(FailureKind::Local))
    }
}

impl fmt::Display for AttemptOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered { status, .. } => status.fmt(f),
            Self::Unanswered(cause) => f.write_str(cause.name()),
        }
    }
}

/// Reason for which an attempt is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AttemptKind {
    /// Made by the retry schedule; the only kind that counts for the breaker and for health.
    Scheduled,
    /// Requested by an operator for one delivery.
    Resend,
    /// Enqueued by a replay of past deliveries.
    Replay,
    /// Sends a test webhook that belongs to no event.
    Test,
}

impl AttemptKind {
    /// All four kinds of attempts.
    pub const ALL: [Self; 4] = [Self::Scheduled, Self::Resend, Self::Replay, Self::Test];

    /// Name of the kind on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Resend => "resend",
            Self::Replay => "replay",
            Self::Test => "test",
        }
    }

    /// Looks up a kind of attempt by its wire name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// State of a delivery in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeliveryState {
    /// Waits until the next attempt is due.
    Pending,
    /// Claimed by the dispatcher under a lease.
    InFlight,
    /// An attempt of the delivery succeeded.
    Succeeded,
    /// The first attempt and all retries failed.
    Exhausted,
    /// Not sent, because the subscription was disabled when the event was published.
    Missed,
    /// Pending when its subscription was disabled; resumed when the subscription is enabled.
    OnHold,
    /// The subscription of the delivery was deleted.
    Cancelled,
}

impl DeliveryState {
    /// All seven states of deliveries.
    pub const ALL: [Self; 7] =
        [Self::Pending, Self::InFlight, Self::Succeeded, Self::Exhausted, Self::Missed, Self::OnHold, Self::Cancelled];

    /// Name of the state on the wire and in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InFlight => "in_flight",
            Self::Succeeded => "succeeded",
            Self::Exhausted => "exhausted",
            Self::Missed => "missed",
            Self::OnHold => "on_hold",
            Self::Cancelled => "cancelled",
        }
    }

    /// Looks up a state by its name, or by its former one: earlier versions had `skipped` and `parked`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let name = match name {
            "skipped" => Self::Missed.name(),
            "parked" => Self::OnHold.name(),
            name => name,
        };
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// Longest wait that a receiver can request with `Retry-After`; longer requests are cut to this.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(4 * 3_600);
/// Jitter of a retry delay as a fraction of the delay, in both directions.
const JITTER_FRACTION: f64 = 0.2;

/// Retry policy with exponential backoff: `base × 2ⁿ`, capped, with ± 20 % jitter, and never earlier than a receiver
/// requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Delay after the first attempt, 30 s by default.
    pub base: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self { base: Duration::from_secs(30) }
    }
}

impl RetryPolicy {
    /// Longest delay between two attempts: 4 h for a base of 30 s, scaled with the base.
    #[must_use]
    pub fn max_delay(&self) -> Duration {
        self.base.saturating_mul(480)
    }

    /// Delay after attempt number `done` (1 is the first), or `None` after the last one. The delay is the planned step
    /// with jitter, or the receiver's `Retry-After` where that is longer, up to [`MAX_RETRY_AFTER`].
    #[must_use]
    pub fn delay_after(&self, done: u32, retry_after: Option<Duration>, roll: UnitRandom) -> Option<Duration> {
        if done == 0 || done > MAX_RETRIES {
            return None;
        }
        let plan = self.base.saturating_mul(1 << (done - 1)).min(self.max_delay());
        let planned = plan.mul_f64(1.0 - JITTER_FRACTION + 2.0 * JITTER_FRACTION * roll.0.clamp(0.0, 1.0));
        Some(planned.max(retry_after.unwrap_or_default().min(MAX_RETRY_AFTER)))
    }
}

/// Next step of a delivery after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NextStep {
    /// The delivery is complete: the attempt succeeded.
    Delivered,
    /// The attempt failed and is repeated at this time.
    RetryAt(Timestamp),
    /// The attempt failed and was the last one.
    Exhausted,
    /// The attempt failed locally: the delivery is returned to the queue unchanged and uses up no retry.
    Requeued,
}

/// Decides the next step when attempt number `done` (1 is the first) ended with `outcome` at `now`.
#[must_use]
pub fn next_step(
    outcome: &AttemptOutcome,
    done: u32,
    schedule: &RetryPolicy,
    now: Timestamp,
    roll: UnitRandom,
) -> NextStep {
    if outcome.is_success() {
        return NextStep::Delivered;
    }
    if !outcome.is_about_receiver() {
        // A local failure must not use up a retry.
        return NextStep::Requeued;
    }
    let retry_after = match outcome {
        AttemptOutcome::Answered { retry_after, .. } => *retry_after,
        AttemptOutcome::Unanswered(_) => None,
    };
    match schedule.delay_after(done, retry_after, roll) {
        Some(wait) => NextStep::RetryAt(now.plus(wait)),
        None => NextStep::Exhausted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);
    const FAILED: AttemptOutcome = AttemptOutcome::Answered { status: 500, retry_after: None };

    #[test]
    fn eleven_tries_then_no_more() {
        let schedule = RetryPolicy::default();
        for done in 1..=MAX_RETRIES {
            assert!(
                matches!(next_step(&FAILED, done, &schedule, NOW, UnitRandom(0.5)), NextStep::RetryAt(_)),
                "{done}"
            );
        }
        assert_eq!(next_step(&FAILED, MAX_RETRIES + 1, &schedule, NOW, UnitRandom(0.5)), NextStep::Exhausted);
    }

    #[test]
    fn redirects_and_gone_fail_like_all_else() {
        for status in [199, 300, 301, 302, 307, 308, 400, 401, 404, 410, 429, 500, 503] {
            let outcome = AttemptOutcome::Answered { status, retry_after: None };
            assert!(
                matches!(next_step(&outcome, 1, &RetryPolicy::default(), NOW, UnitRandom(0.5)), NextStep::RetryAt(_)),
                "{status}"
            );
        }
    }

    #[test]
    fn our_own_trouble_costs_no_attempt() {
        let outcome = AttemptOutcome::Unanswered(FailureKind::Local);
        assert_eq!(next_step(&outcome, 11, &RetryPolicy::default(), NOW, UnitRandom(0.5)), NextStep::Requeued);
    }

    #[test]
    fn b3_the_horizon_of_ten_thousand_deliveries_is_the_planned_one() {
        let ambient = crate::domain::time::Timestamp::from_millis(0);
        let schedule = RetryPolicy::default();
        let planned: Duration = (0..MAX_RETRIES).map(|n| (schedule.base * (1 << n)).min(schedule.max_delay())).sum();
        // Rolls that are spread evenly, each delivery's in another order.
        let rolls =
            |delivery: u32, step: u32| UnitRandom(f64::from((delivery * 7_919 + step * 104_729) % 10_000) / 10_000.0);
        let mut sum = Duration::ZERO;
        for delivery in 0..10_000 {
            let mut now = ambient;
            let mut done = 1;
            while let NextStep::RetryAt(at) = next_step(&FAILED, done, &schedule, now, rolls(delivery, done)) {
                assert!(at > now);
                (now, done) = (at, done + 1);
            }
            assert_eq!(done, MAX_RETRIES + 1, "eleven tries");
            sum += now.since(ambient);
        }
        let ratio = (sum / 10_000).as_secs_f64() / planned.as_secs_f64();
        assert!((0.99..=1.01).contains(&ratio), "{ratio}");
    }

    #[test]
    fn b3_whatever_a_receiver_asks_for_is_never_undercut_and_counts_for_four_hours_at_most() {
        let schedule = RetryPolicy::default();
        let asked = (0..10).map(|n| 10_u64.pow(n)).chain((0..24).map(|n| u64::MAX >> n)).chain([0, 29, 30, 31, 59, 61]);
        let asked: Vec<Duration> = asked.map(Duration::from_secs).collect();
        assert_eq!(asked.len(), 40);
        for asked in asked {
            for done in 1..=MAX_RETRIES {
                let outcome = AttemptOutcome::Answered { status: 503, retry_after: Some(asked) };
                for roll in [0.0, 0.5, 0.999] {
                    let NextStep::RetryAt(at) = next_step(&outcome, done, &schedule, NOW, UnitRandom(roll)) else {
                        panic!("{asked:?}: a retry is left");
                    };
                    let wait = at.since(NOW);
                    let planned = schedule.delay_after(done, None, UnitRandom(roll)).expect("a retry is left");
                    let least = planned.max(asked.min(Duration::from_secs(14_400)));
                    let slack = Duration::from_millis(1);
                    assert!(wait + slack >= least && wait <= least + slack, "{asked:?} {done}: {wait:?}");
                }
            }
        }
    }

    proptest! {
        #[test]
        fn b3_no_step_is_shorter_than_its_plan_or_than_what_was_asked_for_whatever_the_roll(
            base in prop_oneof![Just(30_000_u64), 1_u64..100_000],
            done in 1_u32..=MAX_RETRIES,
            roll in 0.0_f64..1.0,
            asked in proptest::option::of(prop_oneof![0_u64..1_000, 0_u64..20_000, proptest::num::u64::ANY]),
        ) {
            let schedule = RetryPolicy { base: Duration::from_millis(base) };
            let plan = Duration::from_millis(base * (1 << (done - 1))).min(schedule.max_delay());
            let asked = asked.map(Duration::from_secs);
            let wait = schedule.delay_after(done, asked, UnitRandom(roll)).expect("a retry is left");
            let honoured = asked.unwrap_or_default().min(MAX_RETRY_AFTER);
            prop_assert!(wait >= plan.mul_f64(0.799) && wait >= honoured);
            prop_assert!(wait <= plan.mul_f64(1.201).max(honoured));
        }
    }
}

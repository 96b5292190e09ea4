//! Deliveries: what an attempt can come to, and what follows from it (contract: delivery).

use super::time::Timestamp;
use std::fmt;
use std::time::Duration;

/// How long one attempt may take, from the look-up of the name to the last byte of the answer.
pub const DEADLINE: Duration = Duration::from_secs(10);
/// Retries after the first attempt.
pub const RETRIES: u32 = 10;
/// Attempts of one subscription under way at once.
pub const FLIGHTS_PER_SUBSCRIPTION: usize = 4;
/// Attempts under way at once, all together.
pub const FLIGHTS: usize = 64;
/// Bytes of an answer's body that are kept.
pub const BODY_KEPT: usize = 16 * 1024;
/// Bytes of an answer's body that are read at most.
pub const BODY_READ: usize = 64 * 1024 + 1;

/// A number in `[0, 1)` out of the dice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Roll(pub f64);

/// Why an attempt got no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// Nothing complete within the deadline.
    Timeout,
    /// The connection was refused.
    Refused,
    /// The connection broke.
    Broken,
    /// The name could not be resolved.
    Dns,
    /// TLS could not be agreed, or the certificate is not good.
    Tls,
    /// The address is not a public one.
    Blocked,
    /// The answer was not HTTP.
    Garbled,
    /// The sender itself is in trouble: no route, no resolver, no descriptors. Counts against nobody.
    Ours,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::Timeout, Self::Refused, Self::Broken, Self::Dns, Self::Tls, Self::Blocked, Self::Garbled, Self::Ours];

    /// One word for lists and for the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::Broken => "broken",
            Self::Dns => "dns",
            Self::Tls => "tls",
            Self::Blocked => "blocked",
            Self::Garbled => "garbled",
            Self::Ours => "ours",
        }
    }

    /// The cause of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.name() == name)
    }
}

/// What one POST came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// A complete answer arrived in time.
    Answered {
        /// Its status.
        status: u16,
        /// Its `Retry-After`, if it had a readable one.
        retry_after: Option<Duration>,
    },
    /// None did.
    Unanswered(Cause),
}

impl Outcome {
    /// Status 200 to 299 in time; all else fails, redirects too.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Answered { status: 200..=299, .. })
    }

    /// Whether it says something about the receiver rather than about us.
    #[must_use]
    pub const fn is_counted(&self) -> bool {
        !matches!(self, Self::Unanswered(Cause::Ours))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Answered { status, .. } => status.fmt(f),
            Self::Unanswered(cause) => f.write_str(cause.name()),
        }
    }
}

/// What an attempt was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// From the schedule; the only kind that counts for breaker and health.
    Scheduled,
    /// Somebody asked for this delivery once more.
    Resend,
    /// Part of a replay.
    Replay,
    /// A test; no event stands behind it.
    Test,
}

impl Kind {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Scheduled, Self::Resend, Self::Replay, Self::Test];

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Resend => "resend",
            Self::Replay => "replay",
            Self::Test => "test",
        }
    }

    /// The kind of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// Where a delivery stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Waits for its time.
    Pending,
    /// Claimed by the dispatcher, under a lease.
    InFlight,
    /// A scheduled attempt succeeded.
    Succeeded,
    /// All attempts failed.
    Exhausted,
    /// Its subscription was disabled when the event happened.
    Skipped,
    /// Was pending when its subscription was disabled; resumes when it is enabled.
    Parked,
    /// Its subscription was deleted.
    Cancelled,
}

impl State {
    /// All seven.
    pub const ALL: [Self; 7] =
        [Self::Pending, Self::InFlight, Self::Succeeded, Self::Exhausted, Self::Skipped, Self::Parked, Self::Cancelled];

    /// The name on the wire and in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::InFlight => "in_flight",
            Self::Succeeded => "succeeded",
            Self::Exhausted => "exhausted",
            Self::Skipped => "skipped",
            Self::Parked => "parked",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }
}

/// The longest wait that a receiver can ask for with `Retry-After`; more than that is taken for this.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(4 * 3_600);
/// The jitter of a step, as a part of it, upwards and downwards.
const JITTER: f64 = 0.2;

/// When retries are due: `base × 2ⁿ`, capped, ± 20 %, and never before a receiver asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schedule {
    /// The wait after the first attempt; 30 s unless scaled.
    pub base: Duration,
}

impl Default for Schedule {
    fn default() -> Self {
        Self { base: Duration::from_secs(30) }
    }
}

impl Schedule {
    /// The longest step: 4 h for a base of 30 s, scaled with it.
    #[must_use]
    pub fn cap(&self) -> Duration {
        self.base.saturating_mul(480)
    }

    /// The wait after attempt number `done` (1 is the first), or `None` after the last one: the planned step with its jitter, or what
    /// `Retry-After` asked for where that is longer, which counts for at most [`MAX_RETRY_AFTER`].
    #[must_use]
    pub fn wait(&self, done: u32, retry_after: Option<Duration>, roll: Roll) -> Option<Duration> {
        if done == 0 || done > RETRIES {
            return None;
        }
        let plan = self.base.saturating_mul(1 << (done - 1)).min(self.cap());
        let planned = plan.mul_f64(1.0 - JITTER + 2.0 * JITTER * roll.0.clamp(0.0, 1.0));
        Some(planned.max(retry_after.unwrap_or_default().min(MAX_RETRY_AFTER)))
    }
}

/// What follows from an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Done: it succeeded.
    Delivered,
    /// It failed and is tried again at this time.
    RetryAt(Timestamp),
    /// It failed and was the last one.
    Exhausted,
    /// Nothing was learnt about the receiver: the delivery is given back as it was.
    Postponed,
}

/// Decides what follows when attempt number `done` (1 is the first) ended with `outcome` at `now`.
#[must_use]
pub fn judge(outcome: &Outcome, done: u32, schedule: &Schedule, now: Timestamp, roll: Roll) -> Verdict {
    if outcome.is_success() {
        return Verdict::Delivered;
    }
    if !outcome.is_counted() {
        return Verdict::Postponed;
    }
    let retry_after = match outcome {
        Outcome::Answered { retry_after, .. } => *retry_after,
        Outcome::Unanswered(_) => None,
    };
    match schedule.wait(done, retry_after, roll) {
        Some(wait) => Verdict::RetryAt(now.plus(wait)),
        None => Verdict::Exhausted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);
    const FAILED: Outcome = Outcome::Answered { status: 500, retry_after: None };

    #[test]
    fn eleven_tries_then_no_more() {
        let schedule = Schedule::default();
        for done in 1..=RETRIES {
            assert!(matches!(judge(&FAILED, done, &schedule, NOW, Roll(0.5)), Verdict::RetryAt(_)), "{done}");
        }
        assert_eq!(judge(&FAILED, RETRIES + 1, &schedule, NOW, Roll(0.5)), Verdict::Exhausted);
    }

    #[test]
    fn redirects_and_gone_fail_like_all_else() {
        for status in [199, 300, 301, 302, 307, 308, 400, 401, 404, 410, 429, 500, 503] {
            let outcome = Outcome::Answered { status, retry_after: None };
            assert!(
                matches!(judge(&outcome, 1, &Schedule::default(), NOW, Roll(0.5)), Verdict::RetryAt(_)),
                "{status}"
            );
        }
    }

    #[test]
    fn our_own_trouble_costs_no_attempt() {
        let outcome = Outcome::Unanswered(Cause::Ours);
        assert_eq!(judge(&outcome, 11, &Schedule::default(), NOW, Roll(0.5)), Verdict::Postponed);
    }

    #[test]
    fn b3_the_horizon_of_ten_thousand_deliveries_is_the_planned_one() {
        let ambient = crate::domain::time::Timestamp::from_millis(0);
        let schedule = Schedule::default();
        let planned: Duration = (0..RETRIES).map(|n| (schedule.base * (1 << n)).min(schedule.cap())).sum();
        // Rolls that are spread evenly, each delivery's in another order.
        let rolls = |delivery: u32, step: u32| Roll(f64::from((delivery * 7_919 + step * 104_729) % 10_000) / 10_000.0);
        let mut sum = Duration::ZERO;
        for delivery in 0..10_000 {
            let mut now = ambient;
            let mut done = 1;
            while let Verdict::RetryAt(at) = judge(&FAILED, done, &schedule, now, rolls(delivery, done)) {
                assert!(at > now);
                (now, done) = (at, done + 1);
            }
            assert_eq!(done, RETRIES + 1, "eleven tries");
            sum += now.since(ambient);
        }
        let ratio = (sum / 10_000).as_secs_f64() / planned.as_secs_f64();
        assert!((0.99..=1.01).contains(&ratio), "{ratio}");
    }

    #[test]
    fn b3_whatever_a_receiver_asks_for_is_never_undercut_and_counts_for_four_hours_at_most() {
        let schedule = Schedule::default();
        let asked = (0..10).map(|n| 10_u64.pow(n)).chain((0..24).map(|n| u64::MAX >> n)).chain([0, 29, 30, 31, 59, 61]);
        let asked: Vec<Duration> = asked.map(Duration::from_secs).collect();
        assert_eq!(asked.len(), 40);
        for asked in asked {
            for done in 1..=RETRIES {
                let outcome = Outcome::Answered { status: 503, retry_after: Some(asked) };
                for roll in [0.0, 0.5, 0.999] {
                    let Verdict::RetryAt(at) = judge(&outcome, done, &schedule, NOW, Roll(roll)) else {
                        panic!("{asked:?}: a retry is left");
                    };
                    let wait = at.since(NOW);
                    let planned = schedule.wait(done, None, Roll(roll)).expect("a retry is left");
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
            done in 1_u32..=RETRIES,
            roll in 0.0_f64..1.0,
            asked in proptest::option::of(prop_oneof![0_u64..1_000, 0_u64..20_000, proptest::num::u64::ANY]),
        ) {
            let schedule = Schedule { base: Duration::from_millis(base) };
            let plan = Duration::from_millis(base * (1 << (done - 1))).min(schedule.cap());
            let asked = asked.map(Duration::from_secs);
            let wait = schedule.wait(done, asked, Roll(roll)).expect("a retry is left");
            let honoured = asked.unwrap_or_default().min(MAX_RETRY_AFTER);
            prop_assert!(wait >= plan.mul_f64(0.799) && wait >= honoured);
            prop_assert!(wait <= plan.mul_f64(1.201).max(honoured));
        }
    }
}

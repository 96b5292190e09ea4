//! The sender's own trouble: no resolver, no route, no descriptors. It counts against nobody; what was to be sent is given back, and tried
//! again soon, but not by everybody at once.
//!
//! A subscription whose attempt ran into it rests, and comes back with one attempt. That is enough where only its target cannot be reached
//! from here. Where several attempts in a row ran into it and none did not, the trouble is general: then all rest, and one attempt at a time,
//! each of another subscription, finds out whether it is over.

use super::ids::SubscriptionId;
use std::collections::BTreeMap;
use std::time::Duration;

/// Attempts in a row that ran into trouble before it is taken for a general one.
const GENERAL: u32 = 3;
/// The first rest; each one after it is twice as long.
const FIRST_REST: Duration = Duration::from_secs(1);
/// The longest rest.
const LONGEST_REST: Duration = Duration::from_secs(10);

/// How long to rest, and the rests before that.
#[derive(Debug, Clone, Copy, Default)]
struct Rest {
    until: Duration,
    n: u32,
}

impl Rest {
    fn again(self, at: Duration) -> Self {
        let step = FIRST_REST.saturating_mul(1 << self.n.min(8)).min(LONGEST_REST);
        Self { until: at + step, n: self.n + 1 }
    }
}

/// What is known of the sender's trouble. Times are those of a clock that is never set: since the dispatcher began.
#[derive(Debug, Clone, Default)]
pub struct Trouble {
    resting: BTreeMap<SubscriptionId, Rest>,
    in_a_row: u32,
    general: Option<Rest>,
}

impl Trouble {
    /// An attempt ran into trouble.
    pub fn met(&mut self, of: SubscriptionId, at: Duration) {
        let rest = self.resting.entry(of).or_default();
        *rest = rest.again(at);
        self.in_a_row += 1;
        if self.in_a_row >= GENERAL {
            self.general = Some(self.general.unwrap_or_default().again(at));
        }
    }

    /// An attempt got through to its receiver, whatever that said. The others that rest come back by themselves.
    pub fn passed(&mut self, of: SubscriptionId) {
        self.resting.remove(&of);
        self.in_a_row = 0;
        self.general = None;
    }

    /// Whether the trouble is general.
    #[must_use]
    pub const fn is_general(&self) -> bool {
        self.general.is_some()
    }

    /// How many attempts may be begun while `n_under_way` are under way and `room` would be left.
    #[must_use]
    pub fn room(&self, n_under_way: usize, room: usize, at: Duration) -> usize {
        match self.general {
            None => room,
            Some(rest) => room.min(usize::from(n_under_way == 0 && rest.until <= at)),
        }
    }

    /// How many attempts of single subscriptions may be under way at once, where that is less than usual.
    #[must_use]
    pub fn limits(&self, at: Duration) -> BTreeMap<SubscriptionId, usize> {
        if self.is_general() {
            return BTreeMap::new();
        }
        self.resting.iter().map(|(id, rest)| (*id, usize::from(rest.until <= at))).collect()
    }

    /// When the next rest ends.
    #[must_use]
    pub fn next(&self, at: Duration) -> Option<Duration> {
        // A rest that is over needs no waking: its attempt is under way, or nothing is due.
        let is_ahead = |until: &Duration| *until > at;
        match self.general {
            Some(rest) => Some(rest.until).filter(is_ahead),
            None => self.resting.values().map(|rest| rest.until).filter(is_ahead).min(),
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

    #[test]
    fn k9_who_may_begin_nothing_at_some_moment_is_woken_as_of_that_moment() {
        let mut trouble = Trouble::default();
        trouble.met(A, s(0));
        trouble.passed(B);
        trouble.met(B, s(1));
        assert!(!trouble.is_general());
        for ms in (0..5_000).map(Duration::from_millis) {
            let n_resting = trouble.limits(ms).values().filter(|n| **n == 0).count();
            assert_eq!(trouble.next(ms).is_some(), n_resting > 0, "{ms:?}");
            assert!(trouble.next(ms).is_none_or(|next| next > ms), "{ms:?}");
        }
        trouble.met(A, s(5));
        trouble.met(B, s(5));
        assert!(trouble.is_general());
        for ms in (5_000..20_000).map(Duration::from_millis) {
            assert_eq!(trouble.next(ms).is_some(), trouble.room(0, 1, ms) == 0, "{ms:?}");
        }
    }

    #[test]
    fn k9_one_target_out_of_reach_rests_alone() {
        let mut trouble = Trouble::default();
        for second in 0..100 {
            trouble.met(A, s(second));
            trouble.passed(B);
            assert!(!trouble.is_general());
            assert_eq!(trouble.limits(s(second)), BTreeMap::from([(A, 0)]));
            assert_eq!(trouble.room(9, 55, s(second)), 55);
        }
        assert_eq!(trouble.next(s(99)), Some(s(109)), "at most ten seconds");
        assert_eq!(trouble.limits(s(109)), BTreeMap::from([(A, 1)]), "one attempt finds out");
        trouble.passed(A);
        assert!(trouble.limits(s(109)).is_empty());
    }

    #[test]
    fn k9_trouble_of_all_is_probed_with_one_attempt_at_a_time_and_ends_with_the_first_that_gets_through() {
        let mut trouble = Trouble::default();
        for _ in 0..64 {
            trouble.met(A, s(0));
        }
        assert!(trouble.is_general());
        let mut n_probes = 0;
        let mut at = s(0);
        while at < s(600) {
            at = trouble.next(at).expect("there is a next probe");
            assert_eq!((trouble.room(0, 64, at), trouble.room(1, 63, at)), (1, 0));
            n_probes += 1;
            trouble.met(if n_probes % 2 == 0 { A } else { B }, at);
            assert_eq!(trouble.room(0, 64, at), 0);
        }
        assert!((50..80).contains(&n_probes), "ten minutes: {n_probes}");
        assert!(trouble.next(at).expect("there is a next probe").saturating_sub(at) <= s(10));
        trouble.passed(B);
        assert!(!trouble.is_general());
        assert_eq!(trouble.room(0, 64, at), 64);
        assert!(trouble.next(at).is_none_or(|next| next.saturating_sub(at) <= s(10)));
    }
}

//! Call budget: how much of a key's rate limit the console may use while other callers use the same key.
//!
//! At most a percentage of the limit, counted over any 60 s, so that it holds however the platform's windows are
//! aligned; and at most a quarter of what other callers leave. If they leave nothing, no call is made before the
//! window ends.

use crate::domain::time::{MINUTE_MS, Timestamp};
use crate::domain::window::RateBucket;
use std::time::Duration;

/// Pause between calls in a window that other callers use up.
const CONTENDED_BACKOFF: Duration = Duration::from_secs(300);

/// State of one rate window of a key, from answers seen and calls made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowBudget {
    /// Calls allowed per minute; the documented default until an answer says otherwise.
    pub limit: u32,
    /// Calls remaining in the open window, if an answer in it was seen.
    pub remaining: Option<u32>,
    /// Time at which the open window ends.
    pub resets_at: Option<Timestamp>,
    /// Calls per minute by other callers, in the busiest minute seen recently.
    pub calls_by_others: u32,
    /// Own calls in the last 60 seconds.
    pub own_calls: u32,
    /// Time of the first own call in the last 60 seconds.
    pub first_own_call_at: Option<Timestamp>,
}

impl WindowBudget {
    /// Window of which no answer was seen yet.
    #[must_use]
    pub const fn without_answer(bucket: RateBucket) -> Self {
        Self {
            limit: bucket.default_limit(),
            remaining: None,
            resets_at: None,
            calls_by_others: 0,
            own_calls: 0,
            first_own_call_at: None,
        }
    }

    /// Returns the number of own calls allowed in any 60 seconds.
    #[must_use]
    pub fn allowance(&self, percent: u8) -> u32 {
        allowance::calls_per_minute(self.limit, percent, self.calls_by_others)
    }

    /// Returns the time before which no call may be made; `None` if a call may be made now.
    #[must_use]
    pub fn blocked_until(&self, percent: u8, now: Timestamp) -> Option<Timestamp> {
        let allowed = self.allowance(percent);
        let ends = self.resets_at.unwrap_or_else(|| now.floor_to(MINUTE_MS).plus(Duration::from_millis(60_000)));
        if allowed == 0 {
            // Other callers use all of it. One call after each pause shows whether they still do.
            let last = self.first_own_call_at;
            return Some(ends.max(last.unwrap_or(now).plus(CONTENDED_BACKOFF)))
                .filter(|_| self.remaining.is_some() || last.is_some());
        }
        if self.remaining.is_some_and(|left| left <= reserved_for_others(self.limit, self.calls_by_others)) {
            return Some(ends);
        }
        if self.own_calls >= allowed {
            // One millisecond more than a minute, so that the first call has left the 60 s window.
            return self.first_own_call_at.map(|at| at.plus(Duration::from_millis(60_001)));
        }
        None
    }
}

/// Returns the calls that are always left to other callers in a window: 2 % of the limit, at least one, but no
/// more than they make.
fn reserved_for_others(limit: u32, others: u32) -> u32 {
    (limit / 50).max(1).min(others)
}

/// Share of a rate limit that the console may use.
pub mod allowance {
    use crate::domain::time::MINUTE_MS;

    /// Milliseconds into a window from which on its use predicts the whole minute.
    const MIN_PROJECTION_MS: i64 = 10_000;

    /// Returns the calls per minute that the console may make while others make `others`: `percent` of the limit, at
    /// most a quarter of the rest.
    #[must_use]
    pub fn calls_per_minute(limit: u32, percent: u8, others: u32) -> u32 {
        let part = limit * u32::from(percent.min(50)) / 100;
        let left = limit.saturating_sub(others);
        let quarter = (left / 4).max(u32::from(left > 0));
        part.max(u32::from(limit > 0)).min(quarter)
    }

    /// Projects the calls per minute of other callers, who made `n` in the first `passed_ms` of a window.
    #[must_use]
    pub fn project_minute(n: u32, passed_ms: i64) -> u32 {
        // Near the start of a window a projection would be noise, so the count itself is used.
        if !(MIN_PROJECTION_MS..MINUTE_MS).contains(&passed_ms) {
            return n;
        }
        let whole = i64::from(n) * MINUTE_MS / passed_ms;
        u32::try_from(whole).unwrap_or(u32::MAX).max(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_busier_the_others_the_less_is_ours() {
        let of = |others| allowance::calls_per_minute(60, 10, others);
        assert_eq!([of(0), of(30), of(40), of(48), of(54), of(59), of(60), of(99)], [6, 6, 5, 3, 1, 1, 0, 0]);
        assert_eq!((allowance::calls_per_minute(4, 10, 0), allowance::calls_per_minute(0, 10, 0)), (1, 0));
        assert_eq!(
            (
                allowance::project_minute(9, 20_000),
                allowance::project_minute(9, 2_000),
                allowance::project_minute(9, 70_000)
            ),
            (27, 9, 9)
        );
    }

    proptest! {
        #[test]
        fn never_more_than_the_part_nor_than_what_is_left(limit in 0_u32..500, percent in 1_u8..=50, others in 0_u32..600) {
            let ours = allowance::calls_per_minute(limit, percent, others);
            prop_assert!(ours <= (limit * u32::from(percent) / 100).max(1));
            prop_assert!(others + ours <= limit.max(others));
        }
    }

    #[test]
    fn a_full_window_is_left_alone_until_it_ends_or_our_first_call_is_a_minute_old() {
        let now = Timestamp::from_millis(1_795_430_410_000);
        let ago = |seconds| now.minus(Duration::from_secs(seconds));
        let open = WindowBudget {
            limit: 60,
            remaining: Some(30),
            resets_at: Some(now.plus(Duration::from_secs(20))),
            calls_by_others: 20,
            own_calls: 2,
            first_own_call_at: Some(ago(30)),
        };
        assert_eq!(open.blocked_until(10, now), None);
        assert_eq!(
            WindowBudget { own_calls: 6, ..open }.blocked_until(10, now),
            Some(now.plus(Duration::from_millis(30_001)))
        );
        assert_eq!(WindowBudget { remaining: Some(1), ..open }.blocked_until(10, now), open.resets_at);
        assert_eq!(
            WindowBudget { calls_by_others: 60, ..open }.blocked_until(10, now),
            Some(ago(30).plus(CONTENDED_BACKOFF))
        );
        assert_eq!(WindowBudget::without_answer(RateBucket::Read).blocked_until(10, now), None);
    }
}

//! Patterns of calls that exceed a rate limit, from the calls of one key in one bucket, in their order.

use crate::diagnose::finding::RECENT;
use crate::domain::cause::CauseState;
use crate::domain::text::Untrusted;
use crate::domain::time::{MINUTE_MS, Timestamp};
use crate::domain::window::RateBucket;
use crate::wire::paths;
use crate::wire::requests::RequestRow;
use std::collections::{BTreeMap, BTreeSet};

/// Divisor for a fair share: a system that makes at least a tenth of the calls counts.
const MIN_SHARE_DIVISOR: u64 = 10;
/// Milliseconds at the start of a minute within which calls are a burst.
const BURST_MS: i64 = 5_000;
/// Number of minutes in which bursts are no chance.
const MIN_BURST_MINUTES: usize = 3;
/// Number of refused calls from which on the time to the next call tells something.
const MIN_RETRIES: usize = 10;
/// Time in milliseconds within which a retry is hasty.
const HASTY_MS: i64 = 2_000;
/// Milliseconds by which the pause after an answered call must be longer. In a loop without a pause, the next call
/// follows an answer later than a refusal only because an answer takes longer to make.
const MIN_PAUSE_MS: i64 = 100;
/// Minutes with calls and without a refusal after which a limit counts as kept.
const MIN_GOOD_MINUTES: usize = 2;

/// Pattern that exceeds a rate limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RatePattern {
    /// Several systems exceed the limit together: address and user agent of each, with the number of its calls.
    Shared(Vec<((String, String), u64)>),
    /// Refused calls are repeated sooner than others follow, after these milliseconds.
    RetryIgnored(u64),
    /// Calls come at the start of the minute, in this many minutes.
    Burst(usize),
    /// Events are polled too fast.
    Polling,
    /// Records are created in bulk.
    Bulk,
}

/// Returns the bucket in which a call counts.
#[must_use]
pub fn bucket_of(row: &RequestRow) -> RateBucket {
    match (row.method.raw(), row.route.raw()) {
        ("GET", _) => RateBucket::Read,
        (_, paths::EVENTS_TEST | paths::SUBSCRIPTION_TEST) => RateBucket::Admin,
        ("DELETE", _) => RateBucket::Write,
        (_, paths::SUBSCRIPTIONS | paths::SUBSCRIPTION) => RateBucket::Admin,
        _ => RateBucket::Write,
    }
}

fn is_poll(row: &RequestRow) -> bool {
    row.method.raw() == "GET" && row.route.raw() == paths::EVENTS
}

fn is_creation(row: &RequestRow) -> bool {
    row.method.raw() == "POST"
        && matches!(row.route.raw(), paths::LEADS | paths::CLIENTS | paths::AFFILIATES | paths::CLIENT_NOTES)
}

/// Calls of one key in one bucket, oldest first.
#[derive(Debug)]
pub struct BucketCalls<'a> {
    calls: Vec<&'a RequestRow>,
}

impl<'a> BucketCalls<'a> {
    /// Selects the calls of a bucket from those of a key, oldest first.
    #[must_use]
    pub fn new(rows: &'a [RequestRow], bucket: RateBucket) -> Self {
        // An observer's own calls keep to their part of a window, so that they are no pattern.
        Self { calls: rows.iter().filter(|row| bucket_of(row) == bucket && row.own_call.is_none()).collect() }
    }

    fn refused(&self) -> impl Iterator<Item = &&'a RequestRow> {
        self.calls.iter().filter(|row| row.has_status(429))
    }

    /// Number of calls in each minute, of those that a filter keeps.
    fn per_minute(&self, keep: impl Fn(&RequestRow) -> bool) -> BTreeMap<Timestamp, u64> {
        let mut minutes = BTreeMap::new();
        for row in self.calls.iter().filter(|row| keep(row)) {
            *minutes.entry(row.utc.floor_to(MINUTE_MS)).or_default() += 1;
        }
        minutes
    }

    /// Largest number of calls in one minute, refused ones included.
    #[must_use]
    pub fn peak_per_minute(&self) -> u64 {
        self.per_minute(|_| true).into_values().max().unwrap_or(0)
    }

    /// Systems that made the calls, busiest first.
    #[must_use]
    pub fn systems(&self) -> Vec<((String, String), u64)> {
        let mut systems: BTreeMap<(String, String), u64> = BTreeMap::new();
        for row in &self.calls {
            *systems.entry(system_of(row)).or_default() += 1;
        }
        let mut systems: Vec<_> = systems.into_iter().collect();
        systems.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
        systems
    }

    /// Finds the pattern that exceeds a limit; `None` if the calls show none, or were not read.
    #[must_use]
    pub fn pattern(&self, limit: u32) -> Option<RatePattern> {
        self.refused().next()?;
        self.shared(limit)
            .or_else(|| self.retry_ignored())
            .or_else(|| self.burst())
            .or_else(|| self.majority(is_poll, RatePattern::Polling))
            .or_else(|| self.majority(is_creation, RatePattern::Bulk))
    }

    /// Several systems, none of which exceeds the limit alone.
    fn shared(&self, limit: u32) -> Option<RatePattern> {
        let all = self.calls.len() as u64;
        let systems: Vec<_> = self.systems().into_iter().filter(|(_, n)| n * MIN_SHARE_DIVISOR >= all).collect();
        let exceeds_alone = |system: &(String, String)| {
            let minutes = self.per_minute(|row| system_of(row) == *system);
            minutes.into_values().any(|n| n > u64::from(limit))
        };
        let is_alone = systems.iter().any(|(system, _)| exceeds_alone(system));
        (systems.len() >= 2 && !is_alone).then_some(RatePattern::Shared(systems))
    }

    /// Refused calls that are followed by the next call of their system much sooner than answered ones.
    fn retry_ignored(&self) -> Option<RatePattern> {
        let (mut after_refused, mut after_served) = (Vec::new(), Vec::new());
        let mut last: BTreeMap<(String, String), &RequestRow> = BTreeMap::new();
        for row in &self.calls {
            if let Some(before) = last.insert(system_of(row), row) {
                let gap = row.utc.millis() - before.utc.millis();
                if before.has_status(429) { after_refused.push(gap) } else { after_served.push(gap) }
            }
        }
        if after_refused.len() < MIN_RETRIES || after_served.is_empty() {
            return None;
        }
        let (refused, served) = (median(after_refused), median(after_served));
        let is_hasty = refused <= HASTY_MS && refused * 2 + MIN_PAUSE_MS < served;
        is_hasty.then_some(RatePattern::RetryIgnored(refused.unsigned_abs()))
    }

    /// Calls that come within the first seconds of several minutes.
    fn burst(&self) -> Option<RatePattern> {
        let is_early = |row: &&&RequestRow| row.utc.millis().rem_euclid(MINUTE_MS) < BURST_MS;
        let minutes: BTreeSet<Timestamp> = self.refused().map(|row| row.utc.floor_to(MINUTE_MS)).collect();
        let n_early = self.calls.iter().filter(is_early).count();
        let is_burst = self.refused().all(|row| is_early(&row))
            && minutes.len() >= MIN_BURST_MINUTES
            && n_early * 10 >= self.calls.len() * 9;
        is_burst.then_some(RatePattern::Burst(minutes.len()))
    }

    fn majority(&self, is_kind: fn(&RequestRow) -> bool, pattern: RatePattern) -> Option<RatePattern> {
        let n = self.refused().filter(|row| is_kind(row)).count();
        (n * 2 > self.refused().count()).then_some(pattern)
    }

    /// Judges whether the limit is still exceeded: over after several minutes with calls and without a refusal, longer
    /// than refusals were apart. `None` if the calls were not read.
    #[must_use]
    pub fn state(&self, at: Timestamp) -> Option<CauseState> {
        let refused: Vec<Timestamp> = self.per_minute(|row| row.has_status(429)).into_keys().collect();
        let (first, last) = (refused.first()?, refused.last()?);
        let usual_gap = last.since(*first) / u32::try_from(refused.len() - 1).unwrap_or(u32::MAX).max(1);
        let good = self.per_minute(RequestRow::is_served).into_keys().filter(|minute| minute > last).count();
        let is_quiet = at.since(*last) >= usual_gap * 3;
        Some(if is_quiet && good >= MIN_GOOD_MINUTES {
            CauseState::Over
        } else if at.since(*last) <= RECENT {
            CauseState::Now
        } else {
            CauseState::Unknown
        })
    }
}

/// Address and user agent by which systems are told apart; empty if unknown.
fn system_of(row: &RequestRow) -> (String, String) {
    let text = |text: &Option<Untrusted>| text.as_ref().map_or_else(String::new, |text| text.raw().to_owned());
    (text(&row.address), text(&row.user_agent))
}

fn median(mut values: Vec<i64>) -> i64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}
